"""Write what follows from the code alone: JSON Schemas, measures and generators by name, and ``docs/results.md``.

    python -m benchmarks.reference

A test compares each of these files with what this command would write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.boundary.base import generators
from auditor.characteristics.base import characteristics
from auditor.documents.agreement.own_measures import key_facts
from auditor.documents.comparison import Comparison
from auditor.documents.results import Document, Results, RunFacts, json_schema
from auditor.pipeline.pairs.instance_files import ARRAYS
from auditor.render.csv import COLUMNS

ROOT = Path(__file__).parents[1]
DOCUMENTS = ROOT / "auditor" / "documents"
PAGE = ROOT / "docs" / "results.md"
PLAIN = {
    "number": "number", "integer": "whole number", "string": "text", "boolean": "true or false", "null": "null",
}  # fmt: skip
Schema = dict[str, Any]

HEAD = """# The documents of an audit

| file | what it is |
|---|---|
| `results.json` | every number of an audit; report, gate and comparison are made from it alone |
| `compare.json` | a candidate's results against a baseline's |
| `run.json` | what differs from run to run: times, machine, memory |
| `samples.csv` | one row for every sample that matters |
| `instances/S-T.npz` | the boundary instances of each direction, with `--save-instances` |

JSON Schemas of the first two are in the package: `auditor/documents/results.schema.json` and `compare.schema.json`.

JSON is UTF-8, without NaN and Infinity. Class indices count from 0, in the order of `data.class_names`. A number that
could not be measured is an object whose only key, `not_measured`, says why; so wherever *or NotMeasured* stands below,
look for that key first. Everything in a table is always there, unless it says null.

## Reading it

```python
import json

with open("audit-model/results.json", encoding="utf-8") as file:
    results = json.load(file)

for pair in results["pairs"]:
    for direction in pair["directions"]:
        source, target = (results["data"]["class_names"][direction[end]] for end in ("source", "target"))
        margin = direction["characteristics"]["margin_l2_attack"]
        if "not_measured" in margin:
            print(f"{source} to {target}: {margin['not_measured']}")
        else:
            print(f"{source} to {target}: {margin['value']:.3f} from {margin['n']} samples ({margin['unit']})")

for id, definition in results["definitions"].items():
    worst = results["summary"]["characteristics"][id].get("worst")
    if definition["headline"] and worst:
        print(f"{id}: {definition['better']} is better; worst is {worst['value']:.3f} at classes {worst['classes']}")
```

`better`, `ideal`, `scale` and `bounds` of a definition say how to judge a number; `unit`, `reading`, `title`, `formula`
and `text` are for people, and nothing in this tool decides by them.

## Versions

The first number of `schema_version` changes when a program for the old form would misread the new one, the second when
keys are added. 3.0 made what a measure means data: a definition had `direction` (`"lower is simpler"`) and has
`better`, `ideal`, `scale` and, with that text, `reading`; a measure had `direction` and has `scale`, and an asymmetry
no longer has a name in its unit; a rule of the gate has `key` and `scale`. `render`, `gate`, `compare` and
`init-policy` read results of 2.0 too; those of other versions are refused with the command that makes them anew.
"""


def files() -> dict[Path, str]:
    """Every file that this command writes, with its text."""
    measuring = [kind for _, kind in characteristics.items() if kind.__module__.startswith("auditor.")]
    known = {id: key_facts(d) for kind in measuring for id, d in kind.definitions.items()}
    generating = {name: kind for name, kind in generators.items() if kind.__module__.startswith("auditor.")}
    made = {name: kind.definition.model_dump(mode="json") for name, kind in generating.items()}
    return {
        DOCUMENTS / "generators.json": _json(made),
        DOCUMENTS / "results.schema.json": _json(json_schema(Results, "results")),
        DOCUMENTS / "compare.schema.json": _json(json_schema(Comparison, "compare")),
        DOCUMENTS / "definitions.json": _json(known),
        PAGE: page(),
    }


def page() -> str:
    """The text of ``docs/results.md``."""
    parts, seen = [HEAD], set[str]()
    for name, document in (("results.json", Results), ("compare.json", Comparison), ("run.json", RunFacts)):
        parts += [f"## {name}\n", *_sections(document, seen)]
    columns = "One row a sample, test split first; a number that is not known is blank.\n\n"
    arrays = "One file for each direction, named by its class indices; N instances, C classes.\n\n"
    parts += [f"## samples.csv\n\n{columns}{_table('column', COLUMNS)}"]
    parts += [f"## instances/S-T.npz\n\n{arrays}{_table('array', ARRAYS)}"]
    return "\n".join(parts)


def _sections(document: type[Document], seen: set[str]) -> Iterator[str]:
    """The document and then each part of it, in the order of their first mention; a part is described once."""
    schema = json_schema(document, "")
    waiting: list[tuple[str, Schema]] = [(document.__name__, schema)]
    while waiting:
        name, part = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        keys = part["properties"].items()
        rows = [f"| `{key}` | {_type(value)} | {_words(value['description'])} |" for key, value in keys]
        yield "\n".join(
            [f"### {name}\n\n{_words(part['description'])}\n", "| key | type | |\n|---|---|---|", *rows, ""]
        )
        mentioned = [ref for _, value in keys for ref in _mentioned(value)]
        waiting = [(ref, schema["$defs"][ref]) for ref in mentioned] + waiting


def _mentioned(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(ref := value.get("$ref"), str):
            yield ref.rpartition("/")[2]
        for key, entry in value.items():
            if key != "discriminator":
                yield from _mentioned(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _mentioned(entry)


def _type(value: Schema) -> str:
    """A type in words; parts of a document are links."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in value:
            return " or ".join(_type(entry) for entry in value[key])
    if "const" in value or "enum" in value:
        return ", ".join(f"`{json.dumps(entry)}`" for entry in value.get("enum", [value.get("const")]))
    if value["type"] == "array":
        if "prefixItems" in value:
            return f"[{', '.join(_type(entry) for entry in value['prefixItems'])}]"
        return f"list of {_type(value['items'])}"
    if value["type"] == "object":
        return f"{_type(value['additionalProperties'])}, by name"
    return PLAIN[value["type"]]


def _table(head: str, rows: dict[str, str]) -> str:
    lines = [f"| `{name}` | {text} |" for name, text in rows.items()]
    return "\n".join([f"| {head} | |\n|---|---|", *lines, ""])


def _words(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))

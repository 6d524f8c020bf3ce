"""docs/results.md and the schemas that ship are those of the code, name every key, and the example reads results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from auditor.documents.comparison import Comparison
from auditor.documents.results import Document, Results, RunFacts, json_schema, to_json
from auditor.policy.compare import compare
from benchmarks.reference import files
from tests.render.sample_results import synthetic_results

MADE = files()
PAGE = (Path(__file__).parents[2] / "docs" / "results.md").read_text("utf-8")
DOCUMENTS: dict[str, type[Document]] = {"results": Results, "compare": Comparison, "run": RunFacts}


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_what_follows_from_the_code_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == MADE[path], "run: python -m benchmarks.reference"


def properties(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    schema = json_schema(DOCUMENTS[name], name)
    for title, part in ((name, schema), *schema["$defs"].items()):
        assert part["description"], title
        yield from ((f"{title}.{key}", value) for key, value in part["properties"].items())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_property_is_described_and_stands_on_the_page(name: str) -> None:
    for where, value in properties(name):
        assert len(value.get("description", "")) >= 6, where
        assert f"| `{where.rpartition('.')[2]}` | " in PAGE, where
        if "null" in [kind.get("type") for kind in value.get("anyOf", ())]:
            text = value["description"] + (" null as for ``ci_low``" if where.endswith(("_linf", ".linf")) else "")
            assert "null" in text.lower(), f"{where} does not say when it is null"


@pytest.mark.parametrize("name", ["results", "compare"])
def test_a_document_is_valid_by_its_schema(name: str) -> None:
    schema = json_schema(DOCUMENTS[name], name)
    assert (schema["$id"], schema["$schema"][-14:]) == (f"urn:deepdig-audit:{name}:3.0", "2020-12/schema")
    Draft202012Validator.check_schema(schema)
    results = synthetic_results(chosen=[(4, 9), (3, 8)], images=False)
    document = results if name == "results" else compare(results, results)
    Draft202012Validator(schema).validate(json.loads(to_json(document)))


def test_the_example_reads_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "audit-model").mkdir()
    results = synthetic_results(chosen=[(4, 9), (3, 8)], images=False)
    (tmp_path / "audit-model" / "results.json").write_text(to_json(results), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/results.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    margin = results.pairs[0].directions[0].characteristics["margin_l2_attack"]
    assert f"4 to 9: {margin.value:.3f} from {margin.n} samples (L2, pixels in [0, 1])" in said  # type: ignore[union-attr]
    worst = results.summary.characteristics["idc"].worst  # type: ignore[union-attr]
    assert f"idc: lower is better; worst is {worst.value:.3f} at classes {list(worst.classes)}" in said

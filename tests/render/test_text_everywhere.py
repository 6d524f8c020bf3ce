"""Every text of a document, one kind of harm at a time, in every output: it stays text."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from auditor.api.gates import gate_lines
from auditor.api.progress import print_line, say
from auditor.cli.github import commands
from auditor.cli.summary import summary_lines
from auditor.documents.results import Results, Rule, Validity, to_json
from auditor.policy.compare import compare
from auditor.render.base import comparison_outputs, outputs
from tests.render.gated import gated

HARMS = {
    "a command at the start": "::add-mask::e",
    "commands after blanks and anywhere": " \t::x::y ##[error]x ##vso[task.x]y ##teamcity[z]",
    "controls, directions and lines": "\x00\x1b]0;t\x07\x9b\u202eb\u2028\u200b\ufeff\uffff"
    "\U000e0001\n::error::x\r\n##[group]",
    "markup and a formula": "=1</script></pre><b onclick=a>]]>--><img src=x onerror=a>",
    "a formula behind blanks": " \t\"'\N{FULLWIDTH EQUALS SIGN}1+1",
}
FIXED = {
    "png", "kind", "role", "label", "schema_version", "status", "output_kind", "split", "severity", "scope", "level",
    "scale", "better", "key", "ranked_by",
}  # fmt: skip
"""Texts of a closed set, and those by which other parts are found."""
IDS = ("definitions", "characteristics", "baselines", "series", "by_generator", "parameters", "environment", "failures")
"""Tables whose keys are names."""


def poisoned(results: Results, harm: str) -> Results:
    """The results with the harm in every text: different class names, and each name the same wherever it stands."""
    names = {name: f"{harm}{i}" if i else harm for i, name in enumerate(results.data.class_names)}

    def changed(part: Any, key: str = "") -> Any:
        if isinstance(part, dict):
            keys = {name: f"{harm}{name}" if key in IDS else name for name in part}
            return {keys[name]: changed(value, name) for name, value in part.items()}
        if isinstance(part, list):
            return [changed(value, key) for value in part]
        if key == "ranked_by":
            return f"{harm}{part}"
        if not isinstance(part, str) or key in FIXED:
            return part
        return names.get(part, harm) if key in ("class_names", "names", "name") else harm

    return Results.model_validate(changed(results.model_dump(mode="json")))


class Elements(HTMLParser):
    """Counts elements, and attributes that a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found = Counter[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        self.found.update(f"@{name}" for name, _ in attrs if name.startswith("on"))


def expect_harmless(what: str, text: str, ends: str = "\n") -> None:
    """No control character but line ends, no command of a CI service."""
    soft = {"\N{WORD JOINER}", "\u200c", "\u200d", "\xad"}
    found = (
        {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")} - soft - set(ends)
    )
    assert not found, (what, found)
    command = re.search(r"^[^\S\n]*::|##\w*\[", text, re.MULTILINE)
    assert command is None, (what, command)


def every_output(results: Results) -> Iterator[tuple[str, str]]:
    for name in ("html", "markdown", "junit", "sarif", "csv", "json"):
        yield name, outputs[name].render(results).decode()
    comparison = compare(results, results)
    for name in ("html", "markdown", "json"):
        yield f"compare {name}", comparison_outputs[name].render(comparison).decode()


@pytest.fixture(scope="module")
def plain() -> dict[str, Counter[str]]:
    """Elements of the pages of harmless results."""
    results = gated(names=list("abc"), chosen=[(0, 1)], files=True)
    return {name: elements(text) for name, text in every_output(results) if "html" in name}


def elements(text: str) -> Counter[str]:
    page = Elements()
    page.feed(text)
    return page.found


@pytest.mark.parametrize("harm", HARMS)
def test_every_output_is_harmless(
    harm: str, plain: dict[str, Counter[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    results = poisoned(gated(names=list("abc"), chosen=[(0, 1)], files=True), HARMS[harm])
    for name, text in every_output(results):
        expect_harmless(name, text, "\r\n\t" if name == "csv" else "\n")
        if "html" in name:
            found = elements(text)
            assert {tag: found[tag] for tag in ("script", "img", "b", "pre", "@onclick", "@onerror")} == {
                tag: plain[name][tag] for tag in ("script", "img", "b", "pre", "@onclick", "@onerror")
            }
        elif name == "junit":
            ElementTree.fromstring(text)
        elif "json" in name or name == "sarif":
            json.loads(text)
        elif name == "csv":
            for row in csv.reader(io.StringIO(text, newline=""), strict=True):
                assert not [cell for cell in row if re.match(r"[\s\"]*[=+@\uff1d]|\s*-\D", cell)], row
    assert json.loads(to_json(results)) == results.model_dump(mode="json")
    for line in gate_lines(results.gate):
        print_line(line)
    for line in summary_lines(results, []):
        say(line)
    for stream in capsys.readouterr():
        expect_harmless("terminal", stream)
    for line in commands(results):
        assert line.startswith(("::error title=", "::warning title="))
        expect_harmless("annotation", line[2:])


def test_a_rule_with_the_name_of_a_check_stands_in_every_output() -> None:
    """Only the very rule that repeats a check is left out, where the check is listed itself."""
    results = gated(names=list("abc"), chosen=[(0, 1)])
    check = Validity(id="few", status="warn", message="Few samples.")
    repeated = Rule(id="validity.few", status="warn", observed="warn", threshold="ok", message=check.message)
    own = Rule(id="validity.x", status="fail", observed="9", threshold="at most 1", message="Far beyond.")
    graver = repeated.model_copy(update={"status": "fail"})
    for rules, said in (([own], "Far beyond."), ([graver], "Few samples.")):
        gate = results.gate.model_copy(update={"rules": rules, "status": "failed"})
        found = results.model_copy(update={"gate": gate, "validity": [check]})
        assert [line for line in commands(found) if line.startswith(f"::error title=gate {rules[0].id}::{said}")]
        assert '"level": "error"' in outputs["sarif"].render(found).decode()
        assert f"`{rules[0].id}`" in outputs["markdown"].render(found).decode()
    found = results.model_copy(
        update={"gate": results.gate.model_copy(update={"rules": [repeated]}), "validity": [check]}
    )
    assert found.rules_apart == []
    assert [line.split("::")[1] for line in commands(found)] == ["warning title=validity few"]


def test_more_findings_than_the_service_shows_are_named_in_the_last() -> None:
    results = gated(names=list("abc"), chosen=[(0, 1)])
    rules = [Rule(id=f"r{i}", status="fail", observed="0", threshold="1", message="m") for i in range(14)]
    lines = list(commands(results.model_copy(update={"gate": results.gate.model_copy(update={"rules": rules})})))
    assert len(lines) == 10
    assert lines[-1] == "::error title=5 more::gate r9; gate r10; gate r11; gate r12; gate r13"


@pytest.mark.parametrize("status", ["fail", "not_measured", None])
def test_a_verdict_that_its_rules_do_not_bear_out_is_not_repeated(status: str | None) -> None:
    results = gated(names=list("abc"), chosen=[(0, 1)])
    rules = [rule for rule in results.gate.rules if rule.status == status]
    gate = results.gate.model_copy(update={"status": "passed", "rules": rules})
    text = outputs["markdown"].render(results.model_copy(update={"gate": gate})).decode()
    assert "passes the gate" not in text
    assert "hold." not in text.replace("0 of 0 rules hold", "").replace("0 of 1 rules hold", "")

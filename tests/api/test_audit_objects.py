"""What an audit, a verdict and a comparison know, against the documents that they are read from."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import pytest

import auditor
from auditor.api.audit_objects import Audit
from auditor.api.notebook_fragment import MARKS
from auditor.documents.results import Validity, to_json
from auditor.testing import example_evidence
from tests.render.sample_results import synthetic_results

HOSTILE = '<img src=x onerror=alert(1)>"&\u202e'
ACCURATE = {"version": 1, "rules": [{"measure": "performance.accuracy", "min": 0.5}]}


@pytest.fixture(scope="module")
def many() -> Audit:
    return Audit(synthetic_results(images=False))


def test_a_pair_is_found_by_name_and_index_in_either_order(audit: Audit):
    assert audit.pair("3", "9") is audit.pair(9, 3) is audit.pairs[0]
    for bad, said in (
        (("3", "8"), 'expected an audited pair (3:9); found 3:8; audit it, with pairs="3:8"'),
        (("three", "9"), "or its index; found 'three'; correct it"),
        ((3, 10), "found 10"),
        ((-1, 3), "found -1"),
    ):
        with pytest.raises(auditor.UsageError) as caught:
            audit.pair(*bad)
        assert said in str(caught.value)


def test_a_measure_is_that_of_its_direction_or_of_its_pair(audit: Audit):
    forth, back = audit.pairs[0].directions
    assert audit.measure("margin_l2_attack", "3", "9") == forth.characteristics["margin_l2_attack"]
    assert audit.measure("margin_l2_attack", "9", "3") == back.characteristics["margin_l2_attack"]
    assert forth.characteristics["margin_l2_attack"] != back.characteristics["margin_l2_attack"]
    (of_pair, *_) = [id for id, d in audit.results.definitions.items() if d.scope == "pair"]
    assert audit.measure(of_pair, "3", "9") == audit.measure(of_pair, "9", "3")
    with pytest.raises(auditor.UsageError, match="found 'margin_l2_atack'; did you mean margin_l2_attack"):
        audit.measure("margin_l2_atack", "3", "9")
    for meant in ("margin", "Margin, L2", "MARGIN"):
        with pytest.raises(auditor.UsageError, match=r"did you mean margin_l2_attack\?"):
            audit.measure(meant, "3", "9")


def test_the_table_has_every_measure_once_and_as_it_stands(audit: Audit, monkeypatch: pytest.MonkeyPatch):
    frame = audit.to_frame()
    assert list(frame.columns[:7]) == ["pair", "direction", "measure", "value", "low", "high", "n"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = audit.to_frame()
    assert isinstance(rows, list)
    assert len(rows) == len(frame)
    (pair,) = audit.pairs
    held = [*(d.characteristics for d in pair.directions), pair.characteristics]
    assert len(rows) == sum(map(len, held))
    for row in rows:
        at = row["direction"] or row["pair"]
        measured = audit.measure(row["measure"], *at.split(":"))
        if isinstance(measured, auditor.NotMeasured):
            assert (row["value"], row["reason"]) == (None, measured.not_measured)
        else:
            found = (row["value"], row["low"], row["high"], row["n"], row["unit"])
            assert found == (measured.value, measured.ci_low, measured.ci_high, measured.n, measured.unit)
    assert {row["direction"] for row in rows} == {"3:9", "9:3", None}


def test_samples_are_those_of_the_file_with_their_types(audit: Audit, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = audit.samples()
    written = list(csv.DictReader(audit.report("s.csv").open(encoding="utf-8", newline="")))
    assert [list(row) for row in rows[:1]] == [list(written[0])]
    assert len(rows) == len(written)
    for row, text in zip(rows, written, strict=True):
        assert {k: "" if v is None else repr(v) if not isinstance(v, str) else v for k, v in row.items()} == text
    assert isinstance(rows[0]["label"], int)
    assert isinstance(rows[0]["p_label"], float)


def test_names_in_the_table_of_samples_are_as_they_are():
    named = Audit(synthetic_results(names=["-1", "=cmd", *map(str, range(8))], images=False))
    assert "'-1" in named.report("s.csv").read_text("utf-8")
    assert set(named.samples()["label_name"]) >= {"-1", "=cmd"}


def test_saved_and_loaded_it_is_the_same(audit: Audit):
    folder = audit.save("kept")
    assert sorted(path.name for path in folder.iterdir()) == ["results.json", "run.json"]
    for again in (auditor.load("kept"), auditor.load(folder / "results.json")):
        assert (again.results, again.run, again.problem) == (audit.results, audit.run, None)
    Path("kept", "results.json").write_text("mine")
    with pytest.raises(auditor.UsageError, match=r"results.json, which deepdig-audit did not write"):
        audit.save("kept")


def test_the_verdict_is_that_of_the_command(audit: Audit):
    from auditor.cli import main

    audit.save("kept")
    Path("p.toml").write_text('version = 1\n[[rules]]\nmeasure = "performance.accuracy"\nmin = 0.999\n')
    verdict = audit.gate("p.toml")
    assert (verdict.passed, verdict.exit_code, verdict.gate.status) == (False, 1, "failed")
    assert verdict.exit_code == main(["gate", "kept/results.json", "--policy", "p.toml"])
    assert verdict.outcomes[-1].status == "fail"
    assert "FAIL" in str(verdict)
    assert audit.results.gate.status == "not_configured"
    passing = audit.gate(ACCURATE)
    assert (passing.passed, passing.exit_code) == (True, 0)
    assert auditor.load(passing.audit.save("gated")).results.gate == passing.gate


def test_results_that_do_not_count_pass_no_gate(many: Audit):
    coverage = many.results.coverage.model_copy(update={"missing": [(0, 1)], "reason": "the time budget was spent"})
    partial = Audit(many.results.model_copy(update={"coverage": coverage})).gate(ACCURATE)
    assert (partial.gate.status, partial.passed, partial.exit_code) == ("passed", False, 4)
    assert "0:1 (the time budget was spent)" in str(partial.audit.problem)


def test_an_audit_is_no_baseline_for_itself(audit: Audit):
    rules = {"version": 1, "rules": [{"measure": "performance.accuracy", "max_decrease": 0.1}]}
    with pytest.raises(auditor.InputRefused, match="found those of the audit itself"):
        audit.gate(rules, baseline=audit)
    with pytest.raises(auditor.UsageError, match="expected baseline="):
        audit.gate(rules)


def test_a_first_policy_is_passed(many: Audit):
    Path("first.toml").write_text(many.first_policy())
    assert many.gate("first.toml").gate.status == "passed"


def test_a_comparison_says_what_the_command_says(many: Audit, capsys: pytest.CaptureFixture[str]):
    from auditor.cli import main

    other = Audit(synthetic_results(images=False, seed=8))
    change = many.compare(other)
    for name, audit in (("a", many), ("b", other)):
        Path(f"{name}.json").write_text(to_json(audit.results))
    assert main(["compare", "a.json", "b.json", "--out", "c", "--format", "json,markdown"]) == 0
    said = capsys.readouterr().err
    for line in str(change).splitlines():
        assert f"deepdig-audit: {line}" in said.splitlines()
    assert change.report("x.json").read_bytes() == Path("c", "compare.json").read_bytes()
    assert change.report("x.md").read_bytes() == Path("c", "compare.md").read_bytes()
    with pytest.raises(auditor.UsageError, match=r"ends in .html, .json, .md, .pdf; found 'x.csv'"):
        change.report("x.csv")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("page.HTML", b"<!doctype html>"), ("results.json", b"{"), ("s.csv", b"split,"), ("x/y/summary.md", b"### "),
        ("out.xml", b"<?xml"), ("a.sarif", b"{"),
    ],
)  # fmt: skip
def test_the_name_of_a_file_tells_the_output(name: str, begins: bytes, many: Audit):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    assert many.report(name) == Path(name)
    assert Path(name).read_bytes().startswith(begins)


@pytest.mark.parametrize("name", ["a" * 300 + ".html", "r\0.html"])
def test_a_name_that_no_file_can_have_is_told_in_one_line(name: str, many: Audit):
    with pytest.raises(auditor.AuditIncomplete, match="expected to write") as caught:
        many.report(name)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_not_made(many: Audit):
    for made in (many, many.compare(many)):
        with pytest.raises(auditor.UsageError, match="expected a folder that is there; found none at a/typo"):
            made.report("a/typo/x.html")
    assert not Path("a").exists()


def test_at_the_prompt_a_thing_is_one_short_line(many: Audit):
    hostile = many.pairs[0].model_copy(update={"names": ("a\n", "\u202eb")})
    other = many.compare(Audit(synthetic_results(images=False, seed=8)))
    model = many.results.model.file
    assert repr(other) == f"<AuditComparison of {model} against {model}: {other.comparison.verdict}>"
    assert (repr(many.pairs[0]), str(many.pairs[0])) == ("<Pair '0' and '1'>",) * 2
    assert repr(hostile) == r"<Pair 'a\n' and '\u202eb'>"
    assert len(repr(many.gate(ACCURATE))) < 200
    assert repr(example_evidence().instances).startswith("<BoundaryInstances from 0 to 1: ")


@pytest.mark.parametrize("name", ["report.docx", "report", "results.yaml"])
def test_a_name_that_tells_no_output_is_refused(name: str, many: Audit):
    with pytest.raises(auditor.UsageError, match=r"ends in .csv, .html, .json, .md, .pdf, .sarif, .xml; found"):
        many.report(name)
    assert not Path(name).exists()


def test_the_fragment_shows_what_the_audit_found(many: Audit):
    shown = many.gate({"version": 1, "rules": [{"measure": "performance.accuracy", "min": 0.999}]}).audit._repr_html_()
    assert len(shown) < 300_000
    for word in ("<script", "javascript:", " on", "http://", "https://", "<style"):
        assert word not in shown.replace("</b> on digits", "").replace("accuracy on", "").replace(" on ", " ")
    assert "gate failed" in shown
    ranked = many.results.summary.ranking[0]
    first = shown.index(f"{ranked[0]}\N{NO-BREAK SPACE}\N{RIGHTWARDS ARROW}")
    last = many.results.summary.ranking[9]
    assert first < shown.index(f"{last[0]}\N{NO-BREAK SPACE}\N{RIGHTWARDS ARROW}\N{NO-BREAK SPACE}{last[1]}")
    assert shown.count("<tr>") == 1 + 2 * 10
    assert "35 more pairs, ranked after these" in shown
    head = "<figcaption>Margin, L2 (L2, pixels in [0, 1]), from row to column</figcaption><svg"
    assert head in shown.replace("\N{NO-BREAK SPACE}", " ")


def test_the_fragment_holds_no_control_character(many: Audit):
    said = Validity(id="plugins", status="warn", message="red \x1b[31m bell \x07 next line \x85 \u202e")
    shown = Audit(many.results.model_copy(update={"validity": [said]}))._repr_html_()
    assert "bell" in shown
    assert not set(shown) & {"\x1b", "\x07", "\x85", "\u202e"}


def test_the_fragment_is_readable_on_pages_of_every_colour(many: Audit):
    """Its own ground behind all of it and every cell; what is wide scrolls; every mark stands out 4.5 to 1."""
    shown = many._repr_html_()
    assert shown.startswith('<div style="background:#fff;color:#1c1b19')
    assert all("background:#fff;color:#1c1b19" in cell for cell in re.findall(r"<t[hd] [^>]*>", shown))
    assert "overflow-x:auto'><table" in shown

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert min(1.05 / (light(colour) + 0.05) for colour in MARKS.values()) >= 4.5


def test_names_from_outside_do_nothing_in_the_fragment():
    results = synthetic_results(names=[HOSTILE, *map(str, range(9))], images=False)
    model = results.model.model_copy(update={"file": f"{HOSTILE}.onnx"})
    shown = Audit(results.model_copy(update={"model": model}))._repr_html_()
    assert "<img" not in shown
    assert "&lt;img" in shown
    assert "\u202e" not in shown
    assert "<img" not in Audit(results).gate(ACCURATE)._repr_html_()


def test_what_stands_against_the_numbers_is_in_the_fragment(many: Audit):
    coverage = many.results.coverage.model_copy(update={"missing": [(0, 1)]})
    shown = Audit(many.results.model_copy(update={"coverage": coverage}))._repr_html_()
    assert "not to be used" in shown

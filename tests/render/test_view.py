"""The finished pages: every number that a table or a title shows is the one in the results."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys

import pytest

from auditor.documents.results import Definition, Measure, NotMeasured, Results, from_json
from auditor.policy.document import parse_policy
from auditor.policy.gate_decision import decide
from auditor.render.base import outputs
from auditor.render.rounding import MINUS, NO_BREAK, THIN
from auditor.render.view import Report, build
from auditor.render.view.method import formula
from auditor.render.view.seriation import order
from tests.render.sample_results import DEFINITIONS, measure, synthetic_results


def plain(text: str) -> str:
    return text.replace(THIN, " ").replace(NO_BREAK, " ")


@pytest.fixture(scope="module")
def results() -> Results:
    return synthetic_results(images=False)


def test_pages_follow_the_ranking_and_the_others_follow_in_the_table(results: Results) -> None:
    report = build(results)
    assert [p.anchor for p in report.pairs] == [f"pair-{a}-{b}" for a, b in results.summary.ranking[:10]]
    assert report.others is not None
    assert [plain(row[1].text) for row in report.others.rows[:2]] == [
        f"{a} → {b}" for c in results.summary.ranking[10:11] for a, b in (c, c[::-1])
    ]
    assert len(report.others.rows) == 2 * 35


def test_the_table_of_a_pair_holds_both_directions_and_their_baselines(results: Results) -> None:
    table = build(results).pairs[0].measures
    assert [plain(c.text) or c.unit for c in table.columns] == [
        "Measure",
        "4 → 9",
        "RPBS",
        "EPBS",
        "9 → 4",
        "RPBS",
        "EPBS",
    ]
    names = [row[0].text for row in table.rows]
    assert names[0] == DEFINITIONS["margin_l2_attack"].title
    margin = table.rows[names.index(DEFINITIONS["margin_l2"].title)]
    direction = next(p for p in results.pairs if p.classes == (4, 9)).directions[0]
    assert float(margin[1].sort) == direction.characteristics["margin_l2"].value  # type: ignore[union-attr]
    assert all(cell.text for cell in margin)
    assert table.rows[names.index(DEFINITIONS["asymmetry_margin"].title)][1].text == "0.231"


def test_a_measure_that_is_missing_is_left_out_and_explained(results: Results) -> None:
    report = build(synthetic_results(images=False, embedding=False))
    assert any("SVM accuracy on boundary" in row[0].text for row in build(results).pairs[0].measures.rows)
    assert not any("SVM accuracy on boundary" in row[0].text for row in report.pairs[0].measures.rows)
    assert report.limits.missing is not None
    reasons = {row[1].text for row in report.limits.missing.rows}
    assert {"the model has no embedding", "the instances are vectors that are no image"} <= reasons


def test_the_headline_says_how_much_closer_the_pair_is(results: Results) -> None:
    assert build(results).pairs[0].headline == "4 and 9 are 3.7 times closer than the median direction"


def test_a_new_characteristic_appears_by_itself(results: Results) -> None:
    new = Definition(
        title="Roughness", unit="bumps", scale="number", better="lower", reading="lower is smoother",
        bounds=(0.0, None), headline=True,
        formula="sum_i r_i / N", text="How rough it is.", source="arXiv 0000.00000",
    )  # fmt: skip
    value = measure("margin_l2", 3.5, 0.2, 10).model_copy(update={"unit": "bumps"})
    pairs = [
        p.model_copy(
            update={
                "directions": [
                    d.model_copy(update={"characteristics": d.characteristics | {"rough": value}}) for d in p.directions
                ]
            }
        )
        for p in results.pairs
    ]
    report = build(results.model_copy(update={"pairs": pairs, "definitions": results.definitions | {"rough": new}}))
    assert any(f.title == "Roughness: the same everywhere, 3.50" for f in report.glance.maps)
    assert any(row[0].text == "Roughness" and row[1].text == "3.50" for row in report.pairs[0].measures.rows)
    assert any(e.title == "Roughness" for d in report.method.definitions for e in d.entries)
    assert report.others is not None
    assert "Roughness" in [c.text for c in report.others.columns]


@pytest.mark.parametrize(
    ("made", "maps"),
    [({"chosen": [(4, 9), (3, 8)]}, 0), ({"names": ["a", "b"]}, 0), ({"names": list("abc")}, 5), ({}, 5)],
)
def test_a_map_is_drawn_only_where_it_has_something_to_show(made: dict[str, list[str]], maps: int) -> None:
    report = build(synthetic_results(images=False, **made))  # type: ignore[arg-type]
    assert len(report.glance.maps) == maps
    assert (report.front.map is not None) == bool(maps)
    assert report.glance.ranking is not None


def test_a_hundred_classes_get_a_ranking_and_their_coverage_instead_of_maps() -> None:
    names = [f"class {i}" for i in range(100)]
    report = build(synthetic_results(names=names, chosen=[(i, i + 1) for i in range(12)], images=False))
    assert report.glance.maps == []
    assert report.glance.intro.startswith(
        "12 pairs of 4,950 were audited, each in both directions. They were chosen by name."
    )
    assert [t.caption for t in report.facts.tables] == ["The mistakes made most often"]
    assert "Only 12 pairs of 4,950 were audited." in report.limits.limits


def test_an_object_of_a_program_has_no_command_line_and_no_file() -> None:
    results = synthetic_results(images=False)
    settings = results.settings.model_copy(update={"command": ""})

    def shown(format: str, sha256: str | NotMeasured) -> Report:
        update = {"file": "Net", "format": format, "sha256": sha256}
        model = results.model.model_copy(update=update)
        return build(results.model_copy(update={"model": model, "settings": settings}))

    net = shown("PyTorch module in memory", "ab" * 32)
    again = net.reproduce.again
    assert again.startswith(
        "The model was an object of a program (PyTorch module in memory, SHA-256 of its parameters a"
    )
    assert "no command line" in again
    assert net.reproduce.command == ""
    assert {t.name for t in net.front.facts} >= {"SHA-256 of its parameters"}
    assert net.facts.model[0].name == "Object"
    assert "SHA-256 of its pickle" in shown("estimator in memory", "cd" * 32).reproduce.again
    assert (
        "(callable in memory)" in shown("callable in memory", NotMeasured(not_measured="it shows none")).reproduce.again
    )
    page = outputs["html"].render(results.model_copy(update={"settings": settings}), None).decode()
    assert "The data were objects of a program" in page
    assert "(unnamed)" not in page
    assert build(results).reproduce.again.startswith("The same command")


def test_one_pair_and_one_error_are_one() -> None:
    results = synthetic_results(chosen=[(4, 9)], images=False)
    share = Measure(value=1 / 13, ci_low=0.0, ci_high=0.4, n=13, unit="share", scale="share")
    coverage = results.coverage.model_copy(update={"errors_covered": share})
    intro = build(results.model_copy(update={"coverage": coverage})).glance.intro
    assert "It was chosen by name." in intro
    assert "1 of the model\N{RIGHT SINGLE QUOTATION MARK}s 13 errors on the test split lies between its two" in intro


def test_third_classes_are_of_first_bisections() -> None:
    figure = build(synthetic_results(images=False)).glance.intruders
    assert figure is not None
    assert re.fullmatch(r"\d+ of \d+ first bisections that met a third class met \d", figure.title)


def test_the_date_comes_from_the_caller_alone(results: Results) -> None:
    assert "Date" not in [fact.name for fact in build(results).front.facts]
    dated = build(results, datetime.date(2026, 3, 7)).front.facts
    assert [fact.text for fact in dated if fact.name == "Date"] == ["7 March 2026"]


def test_formulas_get_signs_and_lowered_indices() -> None:
    runs = formula("median_i min_(j != i) |b_i - b_j|_2 <= |x|_inf")
    assert [run.text for run in runs if run.lowered] == ["i", "j ≠ i", "i", "j", "2", "∞"]
    assert "".join(run.text for run in runs) == f"mediani minj ≠ i |bi {MINUS} bj|2 ≤ |x|∞"


def test_alike_classes_stand_together() -> None:
    places = {0: 0.0, 1: 5.0, 2: 1.0, 3: 6.0, 4: 2.0, 5: 7.0}
    distances = {(a, b): abs(places[a] - places[b]) for a in places for b in places if a < b}
    assert order(list(places), distances) in ([0, 2, 4, 1, 3, 5], [5, 3, 1, 4, 2, 0])
    assert order([3, 1], {}) == [3, 1]


def test_the_registry_holds_the_three_outputs(results: Results) -> None:
    assert {"html", "json", "pdf"} <= set(outputs.names())
    assert [outputs[name].file_name for name in ("html", "json", "pdf")] == [
        "report.html",
        "results.json",
        "report.pdf",
    ]
    assert from_json(outputs["json"].render(results)) == results


def test_the_html_needs_neither_torch_nor_what_makes_the_pdf(results: Results) -> None:
    script = (
        "import sys, json; from auditor.documents.results import from_json; from auditor.render.base import outputs;"
        "page = outputs['html'].render(from_json(sys.stdin.read()));"
        "heavy = ('torch', 'sklearn', 'matplotlib.pyplot', 'weasyprint');"
        "print(json.dumps([len(page), [m for m in heavy if m in sys.modules]]))"
    )
    text = outputs["json"].render(results).decode()
    done = subprocess.run([sys.executable, "-c", script], input=text, capture_output=True, text=True, check=True)
    length, loaded = json.loads(done.stdout)
    assert length > 100_000
    assert loaded == []


def test_a_limit_stands_in_the_unit_of_what_was_observed() -> None:
    rules = [
        ("performance.accuracy", "min = 0.95", f"at least 95{THIN}%"),
        ("characteristics.idc", "max = 0.0421\naggregate = 'mean'", f"at most 4.21{THIN}%"),
        ("characteristics.margin_l2_attack", "min = 0.2\naggregate = 'mean'", "at least 0.2"),
        ("performance.ece", "max_increase = 0.01", f"up by at most 1{THIN}%"),
        ("generation.success_rate", "max_decrease = '10 %'\naggregate = 'mean'", f"down by at most 10{THIN}%"),
    ]
    text = "version = 1\n" + "".join(f"[[rules]]\nmeasure = '{name}'\n{limit}\n" for name, limit, _ in rules)
    results = synthetic_results(images=False)
    judged = results.model_copy(update={"gate": decide(results, parse_policy(text, "p"), results)})
    table = build(judged).front.rules
    assert table is not None
    shown = {row[0].text: row[2].text for row in table.rows}
    assert {name: shown[f"{name} mean" if "mean" in limit else name] for name, limit, _ in rules} == {
        name: said for name, _, said in rules
    }


def test_what_is_counted_has_no_decimals_and_no_interval() -> None:
    text = "version = 1\n[coverage]\npairs = 46\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n"
    results = synthetic_results(images=False)
    judged = results.model_copy(update={"gate": decide(results, parse_policy(text, "p"), None)})
    table = build(judged).front.rules
    assert table is not None
    first = table.rows[0]
    assert [cell.text for cell in first[:3]] == ["coverage.pairs", "45", "at least 46"]
    assert first[0].note == "45 class pairs were audited; the policy asks for 46."


def test_a_shared_start_is_said_to_differ_from_the_paper(results: Results) -> None:
    said = "did not start anew for every direction, as they do in the paper"
    assert not any(said in paragraph for paragraph in build(results).method.paragraphs)
    parameters = {**results.settings.parameters, "shared start": "one network for each of 10 target classes"}
    shared = results.model_copy(update={"settings": results.settings.model_copy(update={"parameters": parameters})})
    assert any(said in paragraph for paragraph in build(shared).method.paragraphs)

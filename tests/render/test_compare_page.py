"""compare.html and compare.pdf: what they say of equal, worse and incomparable models, in the report's discipline."""

from __future__ import annotations

import datetime
import io
import json
import logging
import re
from functools import cache

import pypdf
import pytest

from auditor.documents.comparison import Comparison, KeptDirection
from auditor.documents.results import Measure, Results
from auditor.numbers.intervals import wilson
from auditor.policy.compare import compare
from auditor.render.base import comparison_outputs
from auditor.render.comparison.view import CompareReport, build
from auditor.render.figures import heatmap, ranking
from auditor.render.figures.heatmap import ClassMap, MapCell
from auditor.render.figures.ranking import RankedRow
from auditor.render.rounding import NO_BREAK
from auditor.render.view.page_parts import Cell
from tests.policy.made import apart, scaled, with_margins, with_measure, with_predictions
from tests.render.gated import hostile
from tests.render.sample_results import flagged, measure, summary, synthetic_results
from tests.render.test_render_html import Tags

DATE = datetime.date(2026, 11, 24)


def closer(results: Results, index: int, factor: float) -> Results:
    """The results with every margin from a class scaled, in both splits."""
    count = len(results.data.class_names)
    found = scaled(results, {(index, target): factor for target in range(count)})
    return found.model_copy(update={"summary": summary(found.pairs)})


def lopsided() -> Results:
    """Closer from 7 to three classes, farther from 2 to two."""
    base = synthetic_results(images=False)
    return scaled(base, {(7, 0): 0.6, (7, 1): 0.6, (7, 2): 0.6, (2, 0): 1.4, (2, 1): 1.4})


@cache
def made(kind: str) -> Comparison:
    base = scaled(synthetic_results(images=False), {})
    if kind == "itself":
        return compare(base, base)
    if kind == "worse":
        return compare(closer(base, 7, 0.5), base)
    if kind == "better":
        return compare(base, closer(base, 7, 0.5))
    if kind == "lopsided":
        return compare(lopsided(), scaled(base, {}))
    if kind == "few":
        few = scaled(hostile(chosen=[(4, 9), (3, 8), (1, 2), (0, 4)]), {})
        return compare(closer(few, 4, 0.5), few)
    if kind == "hostile":
        return compare(closer(hostile(), 7, 0.5), scaled(hostile(), {}))
    other = base.model_copy(update={"data": base.data.model_copy(update={"fingerprint": "other"})})
    return compare(base, other, allow_different_data=True)


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("itself", "no clear difference", "both files hold the same numbers"),
        ("worse", "closer", "The boundary is closer in 9 of 90 directions, and nowhere clearly farther."),
        ("better", "farther", "The boundary is farther in 9 of 90 directions, and nowhere clearly closer."),
        ("lopsided", "a different boundary", "A different boundary: closer in 3 and farther in 2 of 90 directions."),
        ("other data", "cannot be compared", "These two audits cannot be compared."),
    ],
)
def test_the_verdict(kind: str, status: str, said: str):
    report = build(made(kind))
    assert report.status.word == status
    assert said in report.verdict


def test_a_comparison_with_itself_says_nothing_more():
    report = build(made("itself"))
    assert report.findings == []
    assert report.front_table is None
    assert all("worse" not in str(row[4].status) for row in report.performance.rows)


def test_what_got_worse_is_named_first_with_its_numbers():
    report = build(made("worse"))
    assert report.findings[0].text.startswith("From 7 to ")
    assert report.front_table is not None
    assert {row[0].text[0] for row in report.front_table.rows} == {"7"}
    assert {row[4].status.word for row in report.front_table.rows if row[4].status} == {"worse"}
    assert report.pairs is not None
    assert "7" in report.pairs.rows[0][0].text


def test_both_maps_share_one_scale():
    before, after = build(made("worse")).front_maps
    ends = [re.findall(r">([\d.]+)</text>", str(figure.svg))[-2:] for figure in (before, after)]
    assert ends[0] == ends[1]
    assert before.title.startswith("Baseline: ")
    assert after.title.startswith("Candidate: ")


def test_a_map_cell_is_that_of_its_direction_and_dark_is_closer(monkeypatch: pytest.MonkeyPatch):
    """Rows are where a sample comes from, columns where it is led to, in the values, shades and both key ends."""
    plans = drawn_maps(monkeypatch, compare(lopsided(), scaled(synthetic_results(images=False), {})))
    before, after, change = plans[2:5]  # the first two are those of page 1
    values = {(d.source, d.target): d for pair in made("lopsided").pairs for d in pair.directions}
    everything = [
        (m.value, plan) for d in values.values() for m, plan in (
            (d.characteristics["margin_l2_attack"].baseline, before),
            (d.characteristics["margin_l2_attack"].candidate, after),
        ) if isinstance(m, Measure)
    ]  # fmt: skip
    least, most = (f"{end(value for value, _ in everything):.3g}" for end in (min, max))
    for plan, side in ((before, "baseline"), (after, "candidate")):
        assert (float(plan.light), float(plan.dark)) == (float(most), float(least))
        cells = cells_of(plan)
        assert len(cells) == 90
        for classes, cell in cells.items():
            m = getattr(values[classes].characteristics["margin_l2_attack"], side)
            assert float(cell.label) == pytest.approx(m.value, abs=0.06)
        darkest = max(cells, key=lambda c: cells[c].shade)
        of = {c: getattr(d.characteristics["margin_l2_attack"], side).value for c, d in values.items()}
        assert darkest == min(of, key=lambda c: of[c])
    assert cells_of(before)[4, 9].label != cells_of(before)[9, 4].label
    assert change.differences
    shades = {classes: cell.shade for classes, cell in cells_of(change).items()}
    assert {c for c, shade in shades.items() if shade < 0} == {(7, 0), (7, 1), (7, 2)}
    assert {c for c, shade in shades.items() if shade > 0} == {(2, 0), (2, 1)}
    assert cells_of(change)[7, 0].label.startswith("\N{MINUS SIGN}")
    assert cells_of(change)[2, 0].label.startswith("+")
    assert (change.light, change.dark) == ("worse", "better")


def drawn_maps(monkeypatch: pytest.MonkeyPatch, comparison: Comparison) -> list[ClassMap]:
    """The maps of the page, in order."""
    plans: list[ClassMap] = []

    def draw(plan: ClassMap, alt: str, width: float) -> str:
        plans.append(plan)
        return "<svg></svg>"

    monkeypatch.setattr(heatmap, "draw", draw)
    build(comparison)
    return plans


def cells_of(plan: ClassMap) -> dict[tuple[int, int], MapCell]:
    """Cells by direction; digits are named by their index."""
    return {
        (int(a), int(b)): cell for a, row in zip(plan.names, plan.cells, strict=True)
        for b, cell in zip(plan.names, row, strict=True) if cell is not None
    }  # fmt: skip


def test_the_differences_are_drawn_on_the_side_where_they_lie(monkeypatch: pytest.MonkeyPatch):
    rows: list[RankedRow] = []
    monkeypatch.setattr(ranking, "draw", lambda drawn, *_, **__: rows.extend(drawn) or "<svg></svg>")
    build(made("lopsided"))
    dots = {row.label.replace(NO_BREAK, " "): row.dots for row in rows}
    assert [dot.high < 0 for dot in dots["0 \N{EN DASH} 7"]] == [False, True]
    assert [dot.low > 0 for dot in dots["0 \N{EN DASH} 2"]] == [False, True]
    assert next(iter(dots)) in {f"{n} \N{EN DASH} 7" for n in (0, 1, 2)}


@pytest.mark.parametrize(
    ("factors", "title"),
    [
        ({(7, 1): 0.4, (3, 8): 0.9}, "Change: worst 7 \N{RIGHTWARDS ARROW} 1"),
        ({(7, 1): 0.8, (7, 0): 0.8, (2, 1): 0.8}, "Change: clearly worse in 3 of 90 places"),
        ({(7, 1): 1.2}, "Change: nowhere clearly worse"),
    ],
)
def test_a_worst_place_is_named_only_where_it_stands_apart(factors: dict[tuple[int, int], float], title: str):
    base = synthetic_results(images=False)
    report = build(compare(scaled(base, factors), scaled(base, {})))
    (maps,) = [m for m in report.maps if m.title == base.definitions["margin_l2_attack"].title]
    assert maps.figures[2].title.replace(NO_BREAK, " ") == title


@pytest.mark.parametrize(
    ("first", "said"), [((40, 100), "; fewest from 4 to 9: 40.0"), ((78, 100), "boundary too."), ((80, 100), "too.")]
)
def test_the_least_kept_direction_is_named_only_where_it_stands_apart(first: tuple[int, int], said: str):
    kept = [direction_kept((4, 9), *first), direction_kept((9, 4), 80, 100), direction_kept((3, 8), 81, 100)]
    found = made("worse").model_copy(update={"boundary_kept": kept})
    (text,) = [s.text for s in build(found).findings if "boundary instances" in s.text]
    assert said in text.replace(NO_BREAK, " ")
    assert ("fewest" in text) == (first == (40, 100))


def direction_kept(classes: tuple[int, int], k: int, n: int) -> KeptDirection:
    value, low, high = wilson(k, n)
    share = Measure(value=value, ci_low=low, ci_high=high, n=n, unit="share of instances", scale="share")
    return KeptDirection(source=classes[0], target=classes[1], kept=share, to_source=n - k, to_target=0, to_third=0)


def test_what_got_worse_beside_the_boundary_stands_in_the_verdict_and_takes_its_colour():
    base = scaled(synthetic_results(images=False), {})
    lost = {(label, k) for label in (2, 5, 6) for k in range(12)}
    worse = with_predictions(base, lambda label, k: 0 if (label, k) in lost else label)
    all_right = with_predictions(base, lambda label, _: label)
    report = build(compare(flagged(worse, "warn", "saturated"), flagged(all_right, "ok", "fine")))
    assert (report.status.word, report.status.kind) == ("no clear difference", "warn")
    assert report.verdict.replace(NO_BREAK, " ").endswith(
        "What got worse: accuracy is worse, 3 classes are recognised less often, 3 confusions are new or more frequent"
        " and 1 check came out worse."
    )
    assert "WARN" not in report.verdict
    good = build(compare(all_right, base))
    assert (good.status.kind, "worse" in good.verdict) == ("pass", False)
    better = build(compare(flagged(all_right, "ok", "fine"), flagged(worse, "ok", "fine")))
    assert (better.status.kind, "got worse" in better.verdict) == ("pass", False)


def test_numbers_stand_on_the_side_that_they_are_of():
    """Margins from 7 are halved: the candidate's are the smaller ones, in the sentence and in every table."""
    report = build(made("worse"))
    now, then = re.search(r"came closer: ([\d.]+) .*? against ([\d.]+) ", report.findings[0].text).groups()  # type: ignore[union-attr]
    assert float(now) == pytest.approx(float(then) / 2, rel=0.05)
    assert report.front_table is not None
    for row in report.front_table.rows:
        assert float(row[1].text) == pytest.approx(float(row[2].text) / 2, rel=0.05)
        assert row[3].text.startswith("\N{MINUS SIGN}")
    title = synthetic_results(images=False).definitions["margin_l2_attack"].title
    assert [cell.text for cell in measures_row(report, title)[3:6]] == ["9", "9", "0"]
    assert [cell.text for cell in measures_row(build(made("better")), title)[3:6]] == ["9", "0", "9"]


def test_a_measure_is_less_favourable_where_it_got_worse():
    """IDC is 0.6 in two directions and 0.02 in one, against 0.3 everywhere; lower is simpler."""
    base = with_measure(synthetic_results(images=False), "idc", lambda _: measure("idc", 0.3, 0.01, 200))
    values = {(0, 1): 0.6, (0, 2): 0.6, (3, 4): 0.02}
    moved = with_measure(base, "idc", lambda classes: measure("idc", values.get(classes, 0.3), 0.01, 200))
    said = " ".join(finding.text for finding in build(compare(moved, base)).findings).replace(NO_BREAK, " ")
    assert "(IDC) is less favourable in 2 and more favourable in 1 of 90 places." in said


def test_a_confusion_is_that_of_the_label_for_the_prediction():
    base = with_predictions(scaled(synthetic_results(images=False), {}), lambda label, _: label)
    worse = with_predictions(base, lambda label, k: 0 if label == 2 and k < 12 else label)
    report = build(compare(worse, base))
    said = "A new confusion: 2 taken for 0, 12 of 36 test samples against 0 of 36."
    assert said in [finding.text.replace(NO_BREAK, " ") for finding in report.findings]
    assert report.confusions is not None
    assert [cell.text for cell in report.confusions.rows[0][:3]] == ["2 taken for 0", "12 of 36", "0 of 36"]


def test_samples_that_move_both_ways_are_shares_on_their_side():
    base = scaled(synthetic_results(images=False), {})
    moved = with_margins(base, lambda _, old: [v * (0.9, 1.1, 1.1)[i % 3] for i, v in enumerate(old)])
    report = build(compare(moved, base))
    assert report.status.word == "a different boundary"
    assert re.search(r"32\.2.% of the common test samples are closer to it and 65\.8.% farther", report.verdict)


def test_what_has_no_better_end_is_neither_green_nor_named_worse():
    base = synthetic_results(images=False)
    far = with_measure(base, "margin_l2", lambda _: measure("margin_l2", 9.0, 0.1, 200))
    row = measures_row(build(compare(far, base)), base.definitions["margin_l2"].title)
    assert [cell.text for cell in row[3:6]] == ["90", "\N{EN DASH}", "\N{EN DASH}"]


def test_the_page_says_what_was_compared_sample_by_sample():
    base = scaled(synthetic_results(images=False), {})
    title = base.definitions["margin_l2_attack"].title
    paired, unpaired = build(made("worse")), build(compare(apart(base), base))
    assert measures_row(paired, title)[-1].text == "36"
    assert "Compared sample by sample, on at least 36 common test samples" in paired.reason.replace(NO_BREAK, " ")
    assert measures_row(unpaired, title)[-1].text == "not paired"
    assert "as of different samples" in unpaired.reason
    assert any("in common" in flag.text for flag in unpaired.flags)


def measures_row(report: CompareReport, title: str) -> list[Cell]:
    (row,) = [row for row in report.measures.rows if row[0].text == title]
    return row


@pytest.mark.parametrize("kind", ["itself", "worse", "hostile", "other data"])
def test_the_page_keeps_the_reports_discipline(kind: str):
    page = comparison_outputs["html"].render(made(kind), DATE).decode()
    tags = Tags(page)
    assert [tag for tag, _ in tags.tags].count("script") == 1
    assert not {"img", "b", "x"} & {tag for tag, _ in tags.tags}
    for _, attributes in tags.tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    targets = [attributes["id"] for _, attributes in tags.tags if attributes.get("id")]
    assert len(targets) == len(set(targets))
    assert {(a.get("href") or "")[1:] for tag, a in tags.tags if tag == "a"} <= set(targets)
    assert not set(page) & set("\x00\x1b\u202e")
    assert comparison_outputs["html"].render(made(kind), DATE).decode() == page


def test_other_data_stand_above_everything():
    page = comparison_outputs["html"].render(made("other data")).decode()
    body = page[page.index("<body>") :]
    assert body.index("ran on different data") < body.index("<h1")


def test_the_pdf_is_made_without_a_word_in_the_log(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "weasyprint"):
        content = comparison_outputs["pdf"].render(made("few"), DATE)
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    assert "Both audits" in "".join(page.extract_text() for page in pages)


def test_the_json_is_the_comparison():
    text = comparison_outputs["json"].render(made("worse"))
    assert Comparison.model_validate_json(text) == made("worse")
    assert json.loads(text)["ranked_by"] == "margin_l2_attack"

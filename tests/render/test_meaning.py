"""What pictures and sentences state is what the numbers are: asymmetric data, and where each mark lies when drawn."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from auditor.api.notebook_fragment import fragment
from auditor.cli.summary import summary_lines
from auditor.documents.results import Gate, Measure, ReliabilityBin, Results, Rule, SampleGrid
from auditor.render.figures import ranking, reliability
from auditor.render.figures.colour import LEVELS, dark_rules
from auditor.render.figures.ranking import Dot, RankedRow
from auditor.render.markdown import summary
from auditor.render.rounding import NO_BREAK, THIN
from auditor.render.view import build
from auditor.render.view.advice import advice
from auditor.render.view.glance import glance
from auditor.render.view.lookups import Audit
from auditor.render.view.shared_figures import cell_label, class_map
from tests.render.sample_results import WRONG, screened, synthetic_results
from tests.render.test_words import change

Place = tuple[str, str]
MARGIN, IDC = "margin_l2_attack", "idc"


def plain(text: str) -> str:
    return text.replace(THIN, " ").replace(NO_BREAK, " ")


def texts(root: ElementTree.Element) -> list[tuple[str, float, float, str, str]]:
    """Every text with its place, anchor and class."""
    return [
        (e.text or "", float(e.attrib["x"]), float(e.attrib["y"]), e.get("text-anchor", "start"), e.get("class", ""))
        for e in root.iter("text")
    ]


class Cells:
    """A drawn matrix, read by its labels: what stands in the row of one name and the column of another."""

    def __init__(self, svg: str) -> None:
        root = ElementTree.fromstring(svg)
        self.texts = texts(root)
        labels = [(t, x, y, anchor) for t, x, y, anchor, kind in self.texts if kind == "f-ink"]
        self.rows = {t: y - 3.6 for t, _, y, anchor in labels if anchor == "end"}
        self.columns = {t: x for t, x, _, anchor in labels if anchor == "middle"}
        self.rects = [
            (e.get("class", ""), *(float(e.attrib[k]) for k in ("x", "y", "width", "height")))
            for e in root.iter("rect")
        ]

    def number(self, row: str, column: str) -> str:
        """The text at the crossing of a row and a column."""
        (found,) = [
            t for t, x, y, *_ in self.texts
            if abs(x - self.columns[column]) < 1 and abs(y - 3 - self.rows[row]) < 3 and t not in ("",)
        ]  # fmt: skip
        return found

    def level(self, row: str, column: str) -> int:
        """The step of the scale at the crossing: 0 is the light end on paper."""
        x, y = self.columns[column], self.rows[row]
        (kind,) = [k for k, left, top, w, h in self.rects if left < x < left + w and top < y < top + h]
        return int(kind.removeprefix("q"))


def maps(results: Results) -> dict[str, str]:
    """The maps of the glance by the start of their title."""
    return {f.title.split(":")[0]: str(f.svg) for f in glance(Audit(results)).maps}


@pytest.fixture(scope="module")
def results() -> Results:
    return synthetic_results(images=False)


def values(results: Results, id: str) -> dict[Place, float]:
    return {
        (str(f.classes[0]), str(f.classes[1])): f.measure.value for f in Audit(results).found(id)
    }  # fmt: skip


def test_a_map_has_the_number_of_a_direction_in_the_row_it_comes_from(results: Results) -> None:
    drawn, of = Cells(maps(results)["Margin, L2"]), values(results, MARGIN)
    assert cell_label(of["4", "9"], False) != cell_label(of["9", "4"], False)
    assert {place: drawn.number(*place) for place in of} == {p: cell_label(v, False) for p, v in of.items()}


def test_a_map_is_shaded_by_the_direction_in_the_row_it_comes_from(results: Results) -> None:
    drawn, of = Cells(maps(results)["Margin, L2"]), values(results, MARGIN)
    levels = {place: drawn.level(*place) for place in of}
    assert levels["4", "9"] == LEVELS == max(levels.values())
    assert levels["9", "4"] < LEVELS - 2
    nearest_first = sorted(of, key=lambda place: of[place])
    assert [levels[place] for place in nearest_first] == sorted(levels.values(), reverse=True)


def test_in_the_dark_the_worst_cell_is_the_lightest_and_in_the_light_the_darkest() -> None:
    def lightness(colour: str) -> int:
        return sum(int(colour[i : i + 2], 16) for i in (1, 3, 5))

    dark = dict(re.findall(r"\.(q\d+)\{fill:(#\w{6})\}", dark_rules()))
    steps = [lightness(dark[f"q{k}"]) for k in range(LEVELS + 1)]
    assert max(steps) == steps[-1]
    assert min(steps) == steps[0]
    # A difference of nothing is the ground there, and both ends stand out from it.
    differences = dict(re.findall(r"\.(d\d+)\{fill:(#\w{6})\}", dark_rules()))
    assert lightness(differences[f"d{LEVELS}"]) < 120
    assert min(lightness(differences["d0"]), lightness(differences[f"d{2 * LEVELS}"])) > 300


@pytest.mark.parametrize(
    ("title", "id", "best_is_largest"), [("Margin, L2", MARGIN, True), ("Input-space", IDC, False)]
)
def test_the_key_of_a_map_has_the_best_value_at_the_light_end(
    results: Results, title: str, id: str, best_is_largest: bool
) -> None:
    (svg,) = [svg for start, svg in maps(results).items() if start.startswith(title)]
    drawn, of = Cells(svg), values(results, id).values()
    light, dark = (t for t, _, _, anchor, kind in drawn.texts if kind == "f-muted" and anchor == "start")
    best, worst = (max(of), min(of)) if best_is_largest else (min(of), max(of))
    share = id == IDC
    assert (plain(light).removesuffix(" %"), plain(dark).removesuffix(" %")) == (
        cell_label(best, share), cell_label(worst, share),
    )  # fmt: skip
    places = {t: x for t, x, _, anchor, kind in drawn.texts if kind == "f-muted" and anchor == "start"}
    bar = [(left, int(kind.removeprefix("q"))) for kind, left, _, _, height in drawn.rects if height == 7]
    assert places[light] < min(bar)[0] < max(bar)[0] < places[dark]
    assert [level for _, level in sorted(bar)] == sorted(level for _, level in bar)
    assert (min(bar)[1], max(bar)[1]) == (0, LEVELS)


def test_the_confusion_matrix_has_the_true_class_in_its_rows(results: Results) -> None:
    (figure,) = [f for f in build(results).facts.figures if "Rows are true classes" in f.caption]
    drawn = Cells(str(figure.svg))
    assert {(i, j): drawn.number(str(i), str(j)) for i, j in WRONG} == {p: str(n) for p, n in WRONG.items()}
    assert drawn.level("9", "4") > drawn.level("4", "9")
    assert figure.title == "3 of 7 mistakes: 9 taken for 4"
    turned = next(e for e in ElementTree.fromstring(str(figure.svg)).iter("text") if "transform" in e.attrib)
    assert turned.text == "true"


def test_reliability_has_confidence_from_left_to_right_and_accuracy_upwards() -> None:
    bins = [
        ReliabilityBin(low=0.8, high=0.9, confidence=0.85, accuracy=0.25, n=7),
        ReliabilityBin(low=0.5, high=0.6, confidence=0.55, accuracy=0.5, n=3),
    ]
    root = ElementTree.fromstring(reliability.draw(bins, "A picture for a test."))
    across = {t: x for t, x, _, anchor, _ in texts(root) if anchor == "middle" and re.fullmatch(r"\d+", t)}
    upward = {t: y - 3.4 for t, _, y, anchor, _ in texts(root) if anchor == "end" and re.fullmatch(r"\d+", t)}
    assert upward["100"] < upward["0"]

    def at(confidence: float, accuracy: float) -> tuple[float, float]:
        x = across["0"] + confidence * (across["100"] - across["0"])
        return round(x, 1), round(upward["0"] + accuracy * (upward["100"] - upward["0"]), 1)

    dots = [(round(float(e.attrib["cx"]), 1), round(float(e.attrib["cy"]), 1)) for e in root.iter("circle")]
    assert dots == [pytest.approx(at(0.85, 0.25), abs=0.2), pytest.approx(at(0.55, 0.5), abs=0.2)]
    names = {e.text: "transform" in e.attrib for e in root.iter("text")}
    assert names["accuracy, %"]
    assert not names["confidence, %"]
    bars = {e.attrib["x"]: float(e.attrib["height"]) for e in root.iter("rect")}
    assert max(bars, key=lambda x: bars[x]) == max(bars, key=float)


def titles(results: Results) -> dict[str, str]:
    return {f.title.split(":")[0]: plain(f.title) for f in glance(Audit(results)).maps}


def test_smallest_and_largest_are_what_the_numbers_say(results: Results) -> None:
    apart = change(results, MARGIN, 0.21, 0.02, where=[(4, 9)])
    apart = change(apart, IDC, 0.31, 0.02, where=[(8, 1)])
    said = titles(apart)
    assert said["Margin, L2"] == "Margin, L2: smallest from 4 to 9, 0.210"
    assert said["Input-space complexity (IDC)"] == "Input-space complexity (IDC): largest from 8 to 1, 31.0 %"
    assert min(values(apart, MARGIN).values()) == 0.21
    assert max(values(apart, IDC).values()) == 0.31


def test_a_tie_is_no_superlative(results: Results) -> None:
    tied = change(results, MARGIN, 0.21, 0.02, where=[(4, 9)])
    tied = change(tied, MARGIN, 0.24, 0.02, where=[(8, 1)])
    assert titles(tied)["Margin, L2"] == "Margin, L2: 0.210 from 4 to 9, one of 2 smallest that cannot be told apart"
    everywhere = change(tied, MARGIN, 0.22, 0.2)
    everywhere = change(everywhere, MARGIN, 0.21, 0.2, where=[(4, 9)])
    assert titles(everywhere)["Margin, L2"] == "Margin, L2: from 0.210 to 0.220, no place clearly apart"


def advised(results: Results) -> str:
    return plain(" ".join(f"{i.suggestion} {i.evidence}" for g in advice(Audit(results)) for i in g.items))


def test_advice_names_the_direction_that_is_close(results: Results) -> None:
    text = advised(results)
    near, far = (Audit(results).at(MARGIN, *c) for c in ((4, 9), (9, 4)))
    assert near is not None
    assert far is not None
    assert near.value < far.value
    assert "Train with small changes of 4 (" in text
    assert f"From 4 to 9 a change of {near.value:.3f} [" in text
    assert "From 9 to 4 a change of" not in text
    assert "Train with small changes of 9 (" not in text
    assert "Collect or augment samples of 4: the boundary runs closer to them." in text
    assert re.search(
        rf"From 4 to 9 the median change is {near.value:.3f} .*?, from 9 to 4 it is {far.value:.3f} ", text
    )


@pytest.mark.parametrize(
    ("low", "high", "arrows"),
    [(0.5, 1.5, 0), (-math.inf, 1.5, 1), (0.5, math.inf, 1), (-math.inf, math.inf, 0)],
)
def test_an_open_end_is_an_arrow_at_the_edge_and_no_interval_is_no_stroke(low: float, high: float, arrows: int) -> None:
    rows = [RankedRow("a", [Dot(1.0, low, high)]), RankedRow("b", [Dot(1.1, 0.2, 2.0)])]
    root = ElementTree.fromstring(ranking.draw(rows, "axis", "A picture for a test."))
    strokes = [e for e in root.iter("line") if e.get("class") == "k-muted"]
    heads = [e for e in root.iter("polyline") if e.get("class") == "k-muted"]
    assert len(heads) == arrows
    assert len(strokes) == (1 if math.isinf(low) and math.isinf(high) else 2)
    width = float(root.attrib["width"])
    ends = [float(e.attrib[k]) for e in strokes for k in ("x1", "x2")]
    ends += [float(p.split(",")[0]) for e in heads for p in e.attrib["points"].split()]
    assert min(ends) >= 0
    assert max(ends) <= width
    if heads:
        (tip,) = {x for x in ends if x in (min(ends), max(ends))} & {
            float(heads[0].attrib["points"].split()[1].split(",")[0])
        }
        assert tip == (max(ends) if high == math.inf else min(ends))
    values_at = [float(e.attrib["cx"]) for e in root.iter("circle")]
    assert values_at[0] < values_at[1]


def test_a_map_of_what_has_no_better_end_names_no_worst(results: Results) -> None:
    neutral = results.definitions["margin_l2"].model_copy(update={"headline": True})
    shown = results.model_copy(update={"definitions": results.definitions | {"margin_l2": neutral}})
    assert class_map(Audit(shown), "margin_l2") is not None
    (figure,) = [f for f in glance(Audit(shown)).maps if f.title.startswith("Distance")]
    text = f"{figure.title} {figure.caption} {ElementTree.fromstring(str(figure.svg)).findtext('title')}"
    assert not re.search("favourable|smallest|largest|worst|closest", text)
    assert "neither is better" in text
    table = {row[0].text: row for row in glance(Audit(shown)).summary.rows}
    assert [cell.text for cell in table[neutral.title][3:]] == ["", ""]
    assert table["Margin, L2"][3].text == f"4{NO_BREAK}\N{RIGHTWARDS ARROW}{NO_BREAK}9"


def test_one_number_has_one_interval(results: Results) -> None:
    """The median margin of a direction reads the same on its page, in its table and in the summary."""
    report = build(results)
    page = report.pairs[0]
    assert page.margins is not None
    brief = page.margins.rows[0][1]
    row = next(row for row in page.measures.rows if row[0].text == "Margin, L2")
    assert (row[1].text, row[1].note) == (brief.text, brief.note)
    assert f"{brief.text} {brief.note}" in report.front.findings[0].text


def without_margins(results: Results, reason: str) -> Results:
    from auditor.documents.results import NotMeasured
    from tests.render.sample_results import summary

    def lost(characteristics: dict[str, Any]) -> dict[str, Any]:
        return {
            id: NotMeasured(not_measured=reason) if id.startswith(MARGIN) else m for id, m in characteristics.items()
        }

    pairs = [
        p.model_copy(
            update={
                "directions": [d.model_copy(update={"characteristics": lost(d.characteristics)}) for d in p.directions]
            }
        )
        for p in results.pairs
    ]
    ranked = summary(pairs).model_copy(update={"ranking": [p.classes for p in pairs]})
    return results.model_copy(update={"pairs": pairs, "summary": ranked})


def test_without_a_margin_nothing_is_ranked_by_what_the_generator_walked(results: Results) -> None:
    report = build(without_margins(results, "farther than 9: from 36 of 36 samples no point was found"))
    assert report.pairs_heading == "Pairs of classes"
    assert [p.anchor for p in report.pairs[:2]] == ["pair-0-1", "pair-0-2"]
    assert report.pairs[0].rank == "pair 1 of 45, without a margin to rank it by"
    assert "they stand in their own order" in report.glance.intro
    assert report.glance.ranking is None
    assert report.front.map is None
    assert "changes its mind" not in " ".join(f.text for f in report.front.findings)
    assert report.pairs[0].margins is not None
    assert report.pairs[0].margins.rows[0][1].text == "farther than 9"


def test_samples_that_are_lost_beforehand_stand_beside_every_quantile(results: Results) -> None:
    page = build(results).pairs[0]
    rows = {row[0].text: row for row in page.measures.rows}
    assert rows["Margin, L2"][1].more == "1 of 36 at 0"
    assert rows["Margin, L2"][4].more == "3 of 36 at 0"
    assert rows["Margin, L2, 5 % quantile"][4].more == "3 of 36 at 0"
    assert rows["Margin of training samples, L2"][4].more == "0 of 36 at 0"
    assert rows["Distance to the generated instance, L2"][1].more == ""
    assert page.margins is not None
    assert [row[4].text for row in page.margins.rows] == ["1 of 36; 0 of 36", "3 of 36; 0 of 36"]


def partial(results: Results, **coverage: Any) -> Results:
    return results.model_copy(update={"coverage": results.coverage.model_copy(update=coverage)})


def test_a_part_is_not_stated_as_the_whole() -> None:
    pairs = [(4, 9), (3, 8), (1, 8), (0, 1), (2, 3)]
    part = synthetic_results(images=False, chosen=pairs, report_pairs=2)
    part = partial(part, requested=45, missing=[(0, 2)], reason="the time budget was spent")
    report = build(part)
    said = "The audit is partial: 1 of 45 pairs asked for is missing: the time budget was spent."
    assert said in report.front.confidence
    assert said in report.glance.intro
    assert said in report.limits.limits
    assert "over 5 of 45 class pairs" in report.front.confidence
    assert report.pairs_heading == "The most fragile of the 5 audited pairs"
    assert report.pairs[0].rank.startswith("rank 1 of 5 audited pairs")
    assert report.glance.summary.caption == "Every measure, mean over the 5 audited pairs"
    assert "Of the 5 audited pairs" in report.front.reason
    assert "of 10 audited directions" in report.front.findings[0].text
    rule = Rule(id="r", status="pass", observed="1", threshold="at least 0", message="Good.")
    passed = part.model_copy(update={"gate": Gate(status="passed", rules=[rule])})
    assert build(passed).front.reason == "Its rule holds. Only 5 class pairs of 45 were audited."


def test_how_far_each_pair_came_is_said_wherever_pairs_stand() -> None:
    whole = synthetic_results(images=False, report_pairs=2)
    found = screened(whole, (4, 9), (0, 1))
    report, said = (
        build(found),
        "Not every pair was audited in full: the time budget was spent: 43 pairs in full, 2 only",
    )
    assert said in report.front.confidence
    assert said in report.glance.intro
    assert any(text.startswith(said) for text in report.limits.limits)
    first = report.pairs[0]
    assert first.rank.startswith("rank 1 of 45 (screened)")
    assert first.text.startswith("Only screened, margins of 36 test samples of each class: the time budget was spent.")
    assert report.others is not None
    marked = {row[1].text for row in report.others.rows if row[1].note == "screened"}
    assert {plain(text) for text in marked} == {"0 \N{RIGHTWARDS ARROW} 1", "1 \N{RIGHTWARDS ARROW} 0"}
    assert report.glance.ranking is not None
    assert "(screened)" in report.glance.ranking.svg
    assert report.glance.summary.caption == "Every measure, mean over those audited pairs that have it"
    assert "no boundary instance was found" not in report.front.confidence
    assert "(screened)" in plain(summary(found))
    assert any("43 full, 2 screened" in line for line in summary_lines(found, []))
    assert "in part" in fragment(found)
    assert not any("screened" in text for text in (fragment(whole), summary(whole), *summary_lines(whole, [])))


def test_an_audit_of_one_pair_ranks_nothing() -> None:
    report = build(synthetic_results(chosen=[(4, 9)], report_pairs=1))
    assert report.pairs_heading == "The audited pair"
    assert report.glance.intro.startswith("1 pair of 45 was audited, in both directions.")
    assert report.glance.summary.caption == "Every measure, mean over both directions"
    assert report.limits.limits[0] == "Only 1 pair of 45 was audited."
    assert report.glance.ranking is not None
    assert "Ranking of 1 pair by margin, L2." in report.glance.ranking.svg
    assert "dashed" not in report.glance.ranking.caption


def test_three_pairs_are_set_beside_the_median_direction() -> None:
    ranking = build(synthetic_results(images=False, chosen=[(4, 9), (3, 8), (1, 8)], report_pairs=2)).glance.ranking
    assert ranking is not None
    assert "the dashed line is the median direction" in ranking.caption
    assert "both directions are worse than the median" in ranking.svg


@pytest.mark.parametrize(("rows", "word"), [(4, "Four instances on"), (2, "Two instances on"), (1, "One instance on")])
def test_as_many_instances_are_announced_as_are_shown(rows: int, word: str) -> None:
    results = synthetic_results(chosen=[(4, 9)], report_pairs=1)
    pair = results.pairs[0]
    cut = []
    for direction in pair.directions:
        assert isinstance(direction.samples, SampleGrid)
        grid = direction.samples.model_copy(update={"rows": direction.samples.rows[:rows]})
        cut.append(direction.model_copy(update={"samples": grid}))
    front = build(results.model_copy(update={"pairs": [pair.model_copy(update={"directions": cut})]})).front
    assert front.strip is not None
    assert word in front.strip.svg
    assert front.strip.caption.startswith("Boundary instances of the pair that ranks first;")


def test_directions_without_an_instance_are_missing_in_words(results: Results) -> None:
    first = results.pairs[0]
    empty = first.directions[0].generation.model_copy(
        update={"boundary": 0, "failures": {"the target was not reached": 200}, "rescued": {"by more steps": 3}}
    )
    direction = first.directions[0].model_copy(update={"generation": empty})
    pairs = [first.model_copy(update={"directions": [direction, first.directions[1]]}), *results.pairs[1:]]
    report = build(results.model_copy(update={"pairs": pairs}))
    assert "in 89 of 90 directions" in report.front.confidence
    assert "In 1 of 90 directions no boundary instance was found" in report.front.confidence
    assert report.limits.missing is not None
    reasons = [row[1].text for row in report.limits.missing.rows]
    assert "none of 200 searches reached the boundary; 200: the target was not reached" in reasons


def test_instances_reached_by_other_means_are_counted(results: Results) -> None:
    pair = next(p for p in results.pairs if p.classes == (4, 9))
    rescued = pair.directions[0].generation.model_copy(update={"rescued": {"reached by more steps": 3}, "jumps": 2})
    direction = pair.directions[0].model_copy(update={"generation": rescued})
    pairs = [
        p.model_copy(update={"directions": [direction, p.directions[1]]}) if p is pair else p for p in results.pairs
    ]
    table = build(results.model_copy(update={"pairs": pairs})).pairs[0].counts
    assert table.rows[0][4].note == "3 reached by more steps; 2 at a jump"


def test_a_measure_without_an_interval_is_no_extreme(results: Results) -> None:
    none = Measure(value=0.01, ci_low=None, ci_high=None, n=3, unit="L2", scale="number")
    pairs = [
        p.model_copy(
            update={
                "directions": [
                    d.model_copy(update={"characteristics": d.characteristics | {MARGIN: none}})
                    if (d.source, d.target) == (0, 1)
                    else d
                    for d in p.directions
                ]
            }
        )
        for p in results.pairs
    ]
    bare = results.model_copy(update={"pairs": pairs})
    assert "no place clearly apart" in titles(bare)["Margin, L2"]
    assert "none is clearly the closest" in build(bare).front.reason

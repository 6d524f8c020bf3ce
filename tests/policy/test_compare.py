"""Two audits side by side: nothing between equal ones, what changed first, what chance explains not as news."""

from __future__ import annotations

import random
from typing import Any

import pytest
from scipy.stats import binomtest

from auditor.documents.comparison import Compared, ComparedMean, Comparison, Moved
from auditor.documents.results import Direction, Measure, Measured, NotMeasured, Pair, Results, Validity, to_json
from auditor.errors import InputRefused
from auditor.policy.compare import compare
from tests.policy.made import (
    MARGIN,
    apart,
    measure,
    results,
    scaled,
    with_margins,
    with_measure,
    with_predictions,
)
from tests.render.sample_results import DEFINITIONS, flagged, screened

BASE = results()


def noisy(seed: int, spread: float = 1.0, closer: dict[int, float] | None = None) -> Results:
    """Margins of 1 to 2 of other samples each time, medians with an error of 0.05; some classes are closer."""
    rng = random.Random(seed)

    def of(classes: tuple[int, int]) -> Measured:
        true = (1 + (classes[0] * 7 + classes[1] * 3) % 11 / 10) * (closer or {}).get(classes[0], 1.0)
        return measure(rng.gauss(true, 0.05 * spread), 0.05 * 1.96, DEFINITIONS[MARGIN])

    found = with_measure(BASE, MARGIN, of)
    return apart(found) if seed < 100 else found


def with_confusion(found: Results, changes: dict[tuple[int, int], int]) -> Results:
    """The results with so many samples of one class taken for another, the first of the class first."""
    wrong = {i: [j for (k, j), n in changes.items() if k == i for _ in range(n)] for i in range(6)}
    return with_predictions(found, lambda label, k: wrong[label][k] if k < len(wrong[label]) else label)


def test_of_pairs_that_came_to_different_depths_only_what_is_taken_on_samples_is_compared():
    found = compare(screened(BASE, (0, 1)), BASE)
    assert any(flag.id == "levels" and "1 of 15 pairs" in flag.message for flag in found.flags)
    (pair,) = [pair for pair in found.pairs if pair.classes == (0, 1)]
    for direction in pair.directions:
        assert isinstance(direction.characteristics[MARGIN].difference, Measure)
        idc = direction.characteristics["idc"].difference
        assert idc == NotMeasured(
            not_measured="not to one depth: was only screened in the candidate, was audited in full in the baseline"
        )
    both = compare(screened(BASE, (0, 1)), screened(BASE, (0, 1)))
    assert not any(flag.id == "levels" for flag in both.flags)


def test_an_audit_differs_from_itself_in_nothing():
    found = compare(BASE, BASE)
    assert found.identical
    assert found.flags == []
    for pair in found.pairs:
        for direction in pair.directions:
            for compared in direction.characteristics.values():
                assert compared.change in ("unclear", "not_measured")
                assert isinstance(compared.difference, NotMeasured) or compared.difference.value == 0
    assert {c.change for c in found.confusions} <= {"unclear"}
    to_json(found)


def test_chance_is_no_news():
    """Twenty comparisons of an unchanged model: at most about one in twenty may report anything at all."""
    news = 0
    for seed in range(20):
        mean = compare(noisy(seed), noisy(seed + 100)).summary[MARGIN]
        assert isinstance(mean, ComparedMean)
        news += bool(mean.worse or mean.better)
    assert news <= 3


def test_the_pairs_of_a_class_that_came_closer_stand_first():
    found = compare(noisy(1, closer={4: 0.5}), noisy(102))
    assert all(4 in pair.classes for pair in found.pairs[:5])
    assert not any(4 in pair.classes for pair in found.pairs[5:])
    changes = {(d.source, d.target): d.characteristics[MARGIN].change for pair in found.pairs for d in pair.directions}
    assert {classes for classes, change in changes.items() if change == "worse"} == {(4, t) for t in (0, 1, 2, 3, 5)}


def test_better_is_the_other_way_round():
    mean = compare(noisy(102), noisy(1, closer={4: 0.5})).summary[MARGIN]
    assert isinstance(mean, ComparedMean)
    assert (mean.worse, mean.better) == (0, 5)


def test_without_common_samples_a_difference_is_candidate_less_baseline_and_says_so():
    found = compare(noisy(1), noisy(102))
    for pair in found.pairs:
        for compared in (d.characteristics[MARGIN] for d in pair.directions):
            a, b, d = compared.candidate, compared.baseline, compared.difference
            assert isinstance(a, Measure)
            assert isinstance(b, Measure)
            assert isinstance(d, Measure)
            assert d.value == pytest.approx(a.value - b.value)
            assert d.low < d.value < d.high
            assert not compared.paired


@pytest.mark.parametrize(
    ("now", "then", "change"),
    [(14, 0, "new"), (0, 14, "vanished"), (24, 6, "more"), (6, 24, "fewer"), (2, 0, "unclear"), (3, 4, "unclear")],
)
def test_confusions(now: int, then: int, change: str):
    found = compare(with_confusion(BASE, {(1, 2): now}), with_confusion(BASE, {(1, 2): then}))
    (cell,) = found.confusions
    assert (cell.true, cell.predicted, cell.candidate, cell.baseline, cell.change) == (1, 2, now, then, change)


def test_many_confusions_by_chance_are_corrected_for_their_number():
    rng = random.Random(3)
    cells = [(i, j) for i in range(6) for j in range(6) if i != j]
    now, then = (with_confusion(BASE, {cell: rng.choice((0, 1, 1, 2)) for cell in cells}) for _ in range(2))
    assert {c.change for c in compare(now, then).confusions} == {"unclear"}


def changed(found: Results, part: str, **update: Any) -> Results:
    return found.model_copy(update={part: getattr(found, part).model_copy(update=update)})


def test_other_data_and_other_classes_are_refused():
    with pytest.raises(InputRefused, match="--allow-different-data"):
        compare(changed(BASE, "data", fingerprint="other"), BASE)
    with pytest.raises(InputRefused, match="--class-names"):
        compare(changed(BASE, "data", class_names=list("ABCDEF")), BASE, allow_different_data=True)
    with pytest.raises(InputRefused, match="--pairs"):
        compare(BASE.model_copy(update={"pairs": BASE.pairs[:2]}), BASE.model_copy(update={"pairs": BASE.pairs[2:]}))


@pytest.mark.parametrize(
    ("candidate", "id", "status"),
    [
        (changed(apart(BASE), "data", fingerprint="other"), "data", "fail"),
        (changed(BASE, "settings", profile="quick"), "profile", "fail"),
        (changed(BASE, "model", preprocessing="mean 0.5"), "preprocessing", "fail"),
        (changed(BASE, "model", gradient="smoothed"), "route", "fail"),
        (apart(BASE), "common_samples", "warn"),
        (changed(BASE, "settings", seed=3), "settings", "warn"),
        (changed(BASE, "settings", generator="rpbs"), "settings", "warn"),
        (changed(BASE, "settings", samples_per_class=9), "settings", "warn"),
        (changed(BASE, "tool", version="9"), "version", "warn"),
        (BASE.model_copy(update={"pairs": BASE.pairs[:3]}), "pairs", "warn"),
    ],
)
def test_what_differs_is_flagged(candidate: Results, id: str, status: str):
    found = compare(candidate, BASE, allow_different_data=True)
    flags = {flag.id: flag.status for flag in found.flags}
    assert flags == ({id: status} if id != "data" else {id: status, "common_samples": "warn"})
    assert (found.verdict == "incomparable") == (status == "fail")


def test_one_pair_left_out_is_one():
    found = compare(BASE.model_copy(update={"pairs": BASE.pairs[1:]}), BASE)
    (said,) = [flag.message for flag in found.flags if flag.id == "pairs"]
    common = len(BASE.pairs) - 1
    assert said == f"1 pair was audited on one side only and is left out; {common} were audited on both."


def test_another_order_of_axes_is_no_other_preparation():
    """A fully connected and a convolutional model of the same pixels are compared, and one exported as NHWC."""
    scaled = "pixels in [0, 1] as they are; layout"
    flat, nchw = (changed(BASE, "model", preprocessing=f"{scaled} {order}") for order in ("flat", "nchw"))
    found = compare(flat, nchw)
    assert (found.verdict, found.flags) == ("no_difference", [])
    other = changed(BASE, "model", preprocessing="(pixels in [0, 1] - 0.5) / 0.5; layout nchw")
    assert compare(other, nchw).verdict == "incomparable"


def test_what_one_side_did_not_measure_is_not_compared():
    lost = apart(with_measure(BASE, MARGIN, lambda _: NotMeasured(not_measured="silent")))
    found = compare(lost, BASE)
    assert isinstance(found.summary[MARGIN], NotMeasured)
    assert {d.characteristics[MARGIN].change for pair in found.pairs for d in pair.directions} == {"not_measured"}
    assert found.verdict == "incomparable"
    assert {reason.id: reason.count for reason in found.reasons} == {"not_measured": 1, "lost": 30}


def at(found: Comparison, classes: tuple[int, int], id: str = MARGIN) -> Compared:
    (compared,) = [
        d.characteristics[id] for pair in found.pairs for d in pair.directions if (d.source, d.target) == classes
    ]
    return compared


def reasons(found: Comparison) -> dict[str, int]:
    return {reason.id: reason.count for reason in found.reasons}


def test_common_samples_are_compared_one_by_one():
    """A tenth less in one direction only, where the medians by themselves say nothing."""
    now = scaled(BASE, {(4, 1): 0.9})
    found = compare(now, scaled(BASE, {}))
    compared, other = at(found, (4, 1)), at(found, (1, 4))
    assert compared.paired
    assert isinstance(compared.difference, Measure)
    assert compared.difference.n == 36
    assert compared.difference.low < compared.difference.value < compared.difference.high < 0
    assert (compared.change, other.change) == ("worse", "unclear")
    assert isinstance(other.difference, Measure)
    assert other.difference.value == 0
    assert (found.verdict, reasons(found)) == ("closer", {"closer": 1, "closer_on_average": 30})
    assert at(compare(apart(now), scaled(BASE, {})), (4, 1)).change == "unclear"


def test_verdicts_and_their_mirror_images():
    base = scaled(BASE, {})
    some, others = {(4, t): 0.8 for t in (0, 1, 2)}, {(2, t): 1.3 for t in (0, 1)}
    closer, farther = compare(scaled(BASE, some), base), compare(base, scaled(BASE, some))
    assert (closer.verdict, reasons(closer)["closer"]) == ("closer", 3)
    assert (farther.verdict, reasons(farther)["farther"]) == ("farther", 3)
    both = compare(scaled(BASE, some | others), base)
    assert (both.verdict, reasons(both)["closer"], reasons(both)["farther"]) == ("different", 3, 2)
    assert (closer.good, farther.good, both.good) == (False, True, False)


def test_samples_that_move_both_ways_make_another_boundary_although_medians_stay():
    """Every second sample comes closer, every other goes farther, by as much."""
    base = scaled(BASE, {})
    moved = with_margins(BASE, lambda _, old: [v * (0.9, 1.1)[i % 2] for i, v in enumerate(old)])
    of_zero = sum(value == 0 for pair in BASE.pairs for d in pair.directions for value in d.margins["test"].l2[::2])
    found = compare(moved, base)
    assert found.verdict == "different"
    assert isinstance(found.moved, Moved)
    assert (found.moved.closer, found.moved.farther, found.moved.samples) == (540 - of_zero, 540, 1080)
    assert compare(with_margins(BASE, lambda _, old: [v * 1.0015 for v in old]), base).verdict == "no_difference"


def test_a_sample_known_only_to_be_farther_than_what_was_tried_counts_as_farther():
    base = scaled(BASE, {})
    lost = with_margins(BASE, lambda c, old: [None if c == (4, 1) and i % 3 else v for i, v in enumerate(old)])
    found = compare(lost, base)
    compared = at(found, (4, 1))
    assert isinstance(compared.candidate, NotMeasured)
    assert isinstance(compared.difference, Measure)
    assert compared.change == "better"
    assert compared.difference.low > 0
    assert compared.difference.ci_high is None
    assert (found.verdict, reasons(found), found.good) == ("farther", reasons(found) | {"farther": 1, "lost": 1}, False)
    back = at(compare(base, lost), (4, 1))
    assert isinstance(back.difference, Measure)
    assert (back.change, back.difference.ci_low) == ("worse", None)


def test_margins_by_another_route_are_not_compared():
    base = scaled(BASE, {})
    other = base.model_copy(update={"pairs": [by_route(pair, (4, 1), "decisions alone") for pair in base.pairs]})
    found = compare(other, base)
    assert found.verdict == "incomparable"
    assert reasons(found) == {"route": 1}
    assert at(found, (4, 1)).change == "not_measured"
    assert at(found, (1, 4)).change == "unclear"


def by_route(pair: Pair, classes: tuple[int, int], method: str) -> Pair:
    def changed(d: Direction) -> Direction:
        margins = {split: m.model_copy(update={"method": method}) for split, m in d.margins.items()}
        return d.model_copy(update={"margins": margins}) if (d.source, d.target) == classes else d

    return pair.model_copy(update={"directions": [changed(d) for d in pair.directions]})


def test_accuracy_is_compared_by_the_samples_on_which_the_models_disagree():
    """Nine samples lost and one gained are clear; the two shares by themselves are not, if 20 others are wrong."""
    wrong = {(label, k) for label in range(5) for k in range(30, 34)}

    def also_wrong(lost: set[tuple[int, int]]) -> Results:
        return with_predictions(BASE, lambda label, k: (label + 1) % 6 if (label, k) in wrong | lost else label)

    now = also_wrong({(label, k) for label in range(3) for k in range(3)})
    then = also_wrong({(5, 9)})
    found = compare(now, then)
    assert found.accuracy.paired
    assert found.accuracy.change == "worse"
    assert isinstance(found.accuracy.difference, Measure)
    assert found.accuracy.difference.value == pytest.approx(-8 / 216)
    assert found.accuracy.p == pytest.approx(binomtest(1, 10).pvalue)
    assert compare(apart(now), then).accuracy.change == "unclear"
    assert compare(then, now).accuracy.change == "better"


def test_nothing_is_good_news_while_something_else_got_worse():
    """A model that lost half of its accuracy and whose margins grew."""
    half = with_predictions(scaled(BASE, {(a, b): 1.5 for a in range(6) for b in range(6)}),
                            lambda label, k: label if k % 2 else (label + 1) % 6)  # fmt: skip
    found = compare(half, scaled(BASE, {}))
    assert found.verdict == "farther"
    assert {"accuracy", "recall", "confusions"} <= reasons(found).keys()
    assert (reasons(found)["recall"], reasons(found)["confusions"]) == (6, 6)
    assert not found.good


def test_a_check_that_came_out_worse_is_no_good_news():
    found = compare(flagged(BASE, "warn", "saturated"), flagged(BASE, "ok", "not saturated"))
    assert (found.verdict, reasons(found), found.good) == ("no_difference", {"validity": 1}, False)
    assert compare(flagged(BASE, "warn", "saturated"), flagged(BASE, "warn", "saturated")).good
    assert compare(flagged(BASE, "fail", "broken"), BASE).verdict == "incomparable"


def test_what_has_no_better_end_is_called_changed():
    far = with_measure(BASE, "margin_l2", lambda _: measure(9.0, 0.1, DEFINITIONS["margin_l2"]))
    found = compare(far, BASE)
    mean = found.summary["margin_l2"]
    assert isinstance(mean, ComparedMean)
    assert (mean.worse, mean.better, mean.changed) == (0, 0, 30)
    assert found.verdict == "no_difference"
    assert found.good


def test_a_warning_that_one_training_decides_is_no_loss_and_any_other_is():
    def warned(id: str) -> Results:
        check = Validity(id=id, status="warn", message="A warning.")
        return BASE.model_copy(update={"validity": [*BASE.validity, check]})

    assert not [flag for flag in compare(warned("generation"), BASE).flags if flag.id.startswith("worse.")]
    (flag,) = [flag for flag in compare(warned("gradient_masking"), BASE).flags if flag.id.startswith("worse.")]
    assert flag.message == "A check of the candidate came out worse than that of the baseline: A warning."

"""Two audits side by side: nothing between equal ones, what changed first, what chance explains not as news."""

from __future__ import annotations

import random
from typing import Any

import pytest

from auditor.comparison import ComparedMean
from auditor.errors import InputRefused
from auditor.policy.compare import compare
from auditor.results import Measure, Measured, NotMeasured, Results, to_json
from tests.policy.made import MARGIN, measure, results, with_measure
from tests.render.sample_results import DEFINITIONS

BASE = results()


def noisy(seed: int, spread: float = 1.0, closer: dict[int, float] | None = None) -> Results:
    """Margins of 1 to 2, measured with an error of 0.05; some classes are closer by a factor."""
    rng = random.Random(seed)

    def of(classes: tuple[int, int]) -> Measured:
        true = (1 + (classes[0] * 7 + classes[1] * 3) % 11 / 10) * (closer or {}).get(classes[0], 1.0)
        return measure(rng.gauss(true, 0.05 * spread), 0.05 * 1.96, DEFINITIONS[MARGIN])

    return with_measure(BASE, MARGIN, of)


def with_confusion(found: Results, changes: dict[tuple[int, int], int]) -> Results:
    counts = [[36 if i == j else 0 for j in range(6)] for i in range(6)]
    for (i, j), wrong in changes.items():
        counts[i][i] -= wrong
        counts[i][j] += wrong
    return found.model_copy(update={"performance": found.performance.model_copy(update={"confusion": counts})})


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


def test_scatter_beyond_the_intervals_is_no_news():
    """As when another training of a generator moves every number by four times its interval."""
    news = [compare(noisy(seed, 4.0), noisy(seed + 100, 4.0)).summary[MARGIN] for seed in range(20)]
    assert sum(isinstance(m, ComparedMean) and bool(m.worse or m.better) for m in news) <= 6


def test_the_pairs_of_a_class_that_came_closer_stand_first():
    found = compare(noisy(1, closer={4: 0.5}), noisy(2))
    assert all(4 in pair.classes for pair in found.pairs[:5])
    assert not any(4 in pair.classes for pair in found.pairs[5:])
    changes = {(d.source, d.target): d.characteristics[MARGIN].change for pair in found.pairs for d in pair.directions}
    assert {classes for classes, change in changes.items() if change == "worse"} == {(4, t) for t in (0, 1, 2, 3, 5)}


def test_better_is_the_other_way_round():
    mean = compare(noisy(2), noisy(1, closer={4: 0.5})).summary[MARGIN]
    assert isinstance(mean, ComparedMean)
    assert (mean.worse, mean.better) == (0, 5)


def test_a_difference_is_candidate_less_baseline():
    found = compare(noisy(1), noisy(2))
    for pair in found.pairs:
        for compared in (d.characteristics[MARGIN] for d in pair.directions):
            a, b, d = compared.candidate, compared.baseline, compared.difference
            assert isinstance(a, Measure)
            assert isinstance(b, Measure)
            assert isinstance(d, Measure)
            assert d.value == pytest.approx(a.value - b.value)
            assert d.ci_low < d.value < d.ci_high


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
        (changed(BASE, "data", fingerprint="other"), "data", "fail"),
        (changed(BASE, "settings", profile="quick"), "settings", "warn"),
        (changed(BASE, "settings", seed=3), "settings", "warn"),
        (changed(BASE, "settings", generator="rpbs"), "settings", "warn"),
        (changed(BASE, "settings", samples_per_class=9), "settings", "warn"),
        (changed(BASE, "tool", version="9"), "version", "warn"),
        (BASE.model_copy(update={"pairs": BASE.pairs[:3]}), "pairs", "warn"),
    ],
)
def test_what_differs_is_flagged(candidate: Results, id: str, status: str):
    flags = {flag.id: flag.status for flag in compare(candidate, BASE, allow_different_data=True).flags}
    assert flags == {id: status}


def test_what_one_side_did_not_measure_is_not_compared():
    lost = with_measure(BASE, MARGIN, lambda _: NotMeasured(not_measured="silent"))
    found = compare(lost, BASE)
    assert isinstance(found.summary[MARGIN], NotMeasured)
    assert {d.characteristics[MARGIN].change for pair in found.pairs for d in pair.directions} == {"not_measured"}

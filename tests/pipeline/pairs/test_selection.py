"""Which pairs ``auto`` takes, on predictions made by hand."""

from __future__ import annotations

import torch

from auditor.datasets.base import Split
from auditor.documents.results import Direction, Generation, Measure, NotMeasured, Pair, Sources
from auditor.pipeline.model_facts.predictions import Predictions
from auditor.pipeline.model_facts.validity import covered
from auditor.pipeline.pairs.selection import Selection, coverage_of, select_pairs

CLASSES = 12
NONE = NotMeasured(not_measured="not part of this test")


def audited(a: int, b: int, forth: int = 9, back: int = 9) -> Pair:
    """A pair with so many boundary instances in each direction."""

    def direction(s: int, t: int, boundary: int) -> Direction:
        counts = Generation(
            requested=9, adversarial=9, adversarial_of_adversarial=9, boundary=boundary, success_rate=NONE,
            mean_bisection_steps=NONE, max_probability_gap=NONE, third_class={}, failures={},
        )  # fmt: skip
        return Direction(
            source=s, target=t, sources=Sources(split="train", index=[]), margins={}, flagged=[], generation=counts,
            baselines={}, characteristics={}, series={}, samples=NONE,
        )  # fmt: skip

    directions = [direction(a, b, forth), direction(b, a, back)]
    return Pair(classes=(a, b), names=(str(a), str(b)), directions=directions, characteristics={})


def predictions(wrong: list[tuple[int, int]]) -> Predictions:
    """Ten samples of each class; a sample of the first class of each entry is predicted as the second."""
    labels = torch.arange(CLASSES).repeat_interleave(10)
    said = labels.clone()
    for true, predicted in wrong:
        row = int(torch.nonzero((labels == true) & (said == labels)).flatten()[0])
        said[row] = predicted
    p = torch.full((len(labels), CLASSES), 0.01).scatter(1, said[:, None], 0.9)
    # Classes lie on a line, 10 and 11 next to each other.
    place = torch.tensor([*range(0, 100, 10), 200, 201], dtype=torch.float32)[labels]
    return Predictions(Split(torch.zeros(len(labels), 4), labels), p, place[:, None])


def chosen(most: int, seed: int = 0):
    train, test = predictions([(3, 7), (7, 3), (3, 7)]), predictions([(0, 5), (3, 7)])
    return select_pairs(train, test, most, rng=torch.Generator().manual_seed(seed))


def test_the_most_confused_and_the_most_alike_come_first() -> None:
    found = chosen(5)
    assert found.pairs[:3] == [(3, 7), (10, 11), (0, 5)]
    assert found.origins == ["confused", "alike", "confused", "alike", "random"]
    assert found.text.startswith("automatically: 2 that the model confuses most on the data, 2 whose")


def test_no_pair_comes_twice_and_a_list_that_ends_is_replaced_by_chance() -> None:
    found = chosen(40)
    assert len(found.pairs) == len(set(found.pairs)) == 40
    assert found.origins.count("confused") == 2
    assert all(a < b for a, b in found.pairs)


def test_a_smaller_number_is_the_beginning_of_a_larger_one() -> None:
    assert chosen(20).pairs[:7] == chosen(7).pairs
    assert chosen(20, seed=1).pairs != chosen(20).pairs


def test_few_classes_give_all_pairs_in_the_same_order() -> None:
    assert len(set(chosen(100).pairs)) == 66
    assert chosen(100).pairs[:20] == chosen(20).pairs


def test_coverage_counts_errors_and_names_what_is_missing() -> None:
    train, test = predictions([]), predictions([(0, 5), (3, 7), (3, 7), (1, 2)])
    both = Selection([(0, 5), (3, 7)], ["confused", "confused"])
    named = coverage_of(both, [audited(3, 7)], {}, train, test, named=True)
    assert (named.possible, named.requested, named.audited) == (66, 2, 1)
    assert isinstance(named.errors_covered, Measure)
    assert (named.errors_covered.value, named.errors_covered.n) == (0.5, 4)
    assert named.missing == [(0, 5)]
    assert named.partial
    automatic = coverage_of(both, [audited(3, 7)], {}, train, test, named=False)
    assert not automatic.partial
    assert automatic.reason == "the time budget was spent"
    none = coverage_of(Selection([], []), [], {}, train, predictions([]), named=True)
    assert isinstance(none.errors_covered, NotMeasured)


def test_a_pair_that_failed_is_missing_with_its_reason_whoever_chose_it() -> None:
    train, pairs = predictions([]), [(0, 5), (1, 2), (3, 7), (4, 6)]
    chosen, failed = Selection(pairs, ["random"] * 4), {(1, 2): "no memory", (4, 6): "no memory"}
    found = coverage_of(chosen, [audited(0, 5)], failed, train, train, named=False)
    assert found.missing == [(1, 2), (4, 6)]
    assert found.partial
    assert found.reason == "the time budget was spent; 1:2 and 1 more could not be measured: no memory"


def test_directions_without_an_instance_are_named_and_held_against_the_audit() -> None:
    train, test = predictions([]), predictions([(3, 7)])
    pairs = [audited(0, 5), audited(3, 7, back=0)]
    found = coverage_of(Selection([(0, 5), (3, 7)], ["named"] * 2), pairs, {}, train, test, named=True)
    assert found.empty == [(7, 3)]
    assert not found.partial
    check = covered(found, pairs)
    assert check.status == "warn"
    assert "in 1 of 4 directions no boundary instance was found" in check.message
    nothing = [audited(0, 5, 0, 0), audited(3, 7, back=0)]
    most = coverage_of(Selection([(0, 5), (3, 7)], ["named"] * 2), nothing, {}, train, test, named=True)
    assert covered(most, nothing).status == "fail"

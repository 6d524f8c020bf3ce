"""The decision: an exhaustive table of where an interval lies, of severity and strictness, then each kind of rule."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from auditor.documents.results import EmbeddingFact, Gate, Measured, NotMeasured, Results, Rule, SplitSizes
from auditor.errors import InputRefused, UsageError
from auditor.numbers.intervals import Interval
from auditor.policy import document
from auditor.policy.gate_decision import decide
from auditor.policy.rule_outcome import Limit, Relation, outcome, relation
from tests.policy.made import (
    MARGIN,
    apart,
    measure,
    policy,
    results,
    rule,
    scaled,
    with_accuracy,
    with_margins,
    with_measure,
    with_predictions,
)
from tests.render.sample_results import DEFINITIONS, flagged

LOST = NotMeasured(not_measured="the model fell silent")
BASE = results()


def judged(found: Results, baseline: Results | None = None, head: str = "", **keys: Any) -> Rule:
    """How one rule comes out."""
    return gate(found, baseline, head, **keys).rules[-1]


def gate(found: Results, baseline: Results | None = None, head: str = "", **keys: Any) -> Gate:
    return decide(found, policy(rule(**keys), head), baseline)


# Interval, and where it lies to a lower limit of 5; the mirror image is an upper limit of -5.
PLACES: list[tuple[tuple[float, float, float], Relation]] = [
    ((7, 6, 8), "inside"),
    ((6, 5, 7), "inside"),
    ((5, 5, 5), "inside"),
    ((5.5, 4.9, 6), "straddles"),
    ((4.5, 4, 5), "straddles"),
    ((4.5, 4, 5.1), "straddles"),
    ((5, 4, 6), "straddles"),
    ((4, 3, 4.99), "beyond"),
    ((4, 4, 4), "beyond"),
]
OUTCOMES = {
    ("inside", "fail", False): "pass", ("inside", "fail", True): "pass",
    ("inside", "warn", False): "pass", ("inside", "warn", True): "pass",
    ("straddles", "fail", False): "warn", ("straddles", "fail", True): "fail",
    ("straddles", "warn", False): "warn", ("straddles", "warn", True): "warn",
    ("beyond", "fail", False): "fail", ("beyond", "fail", True): "fail",
    ("beyond", "warn", False): "warn", ("beyond", "warn", True): "warn",
}  # fmt: skip


@pytest.mark.parametrize(("interval", "expected"), PLACES)
def test_where_an_interval_lies(interval: tuple[float, float, float], expected: str):
    value, low, high = interval
    assert relation(Interval(value, low, high), Limit(5, lower=True)) == expected
    assert relation(Interval(-value, -high, -low), Limit(-5, lower=False)) == expected


def test_the_table_of_outcomes_is_complete():
    assert set(OUTCOMES) == set(product(("inside", "straddles", "beyond"), ("fail", "warn"), (False, True)))
    for (found, severity, strict), status in OUTCOMES.items():
        assert outcome(found, severity, strict) == status  # type: ignore[arg-type]


@pytest.mark.parametrize(("place", "severity", "strict"), list(product(PLACES, ("fail", "warn"), (False, True))))
@pytest.mark.parametrize("where", ["policy", "rule"])
def test_a_rule_on_one_number_follows_both_tables(
    place: tuple[tuple[float, float, float], Relation], severity: str, strict: bool, where: str
):
    (value, low, high), found = place
    number = measure(value / 10, 0).model_copy(update={"ci_low": low / 10, "ci_high": high / 10})
    head = f"strict = {str(strict).lower()}" if where == "policy" else ""
    keys = {"strict": strict} if where == "rule" else {}
    decided = gate(
        with_accuracy(BASE, number), head=head, measure="performance.accuracy", min=0.5, severity=severity, **keys
    )
    status = OUTCOMES[found, severity, strict]
    assert decided.rules[-1].status == status
    assert decided.status == ("failed" if status == "fail" else "passed")


def test_a_rule_overrides_the_strictness_of_the_policy():
    found = with_accuracy(BASE, measure(0.5, 0.1))
    keys = {"measure": "performance.accuracy", "min": 0.5}
    assert judged(found, head="strict = true", strict=False, **keys).status == "warn"
    assert judged(found, head="strict = true", **keys).status == "fail"


@pytest.mark.parametrize("severity", ["fail", "warn"])
@pytest.mark.parametrize("aggregate", ["each", "worst", "mean"])
def test_what_was_not_measured_fails_whatever_the_severity(severity: str, aggregate: str):
    assert (
        gate(with_accuracy(BASE, LOST), measure="performance.accuracy", min=0.1, severity=severity).status == "failed"
    )
    one = with_measure(BASE, MARGIN, lambda c: LOST if c == (3, 2) else measure(9, 0.1, DEFINITIONS[MARGIN]))
    decided = gate(one, measure=f"characteristics.{MARGIN}", min=0.1, severity=severity, aggregate=aggregate)
    assert decided.status == "failed"
    assert decided.rules[-1].status == "not_measured"
    assert "3:2: the model fell silent" in decided.rules[-1].message


def margins(low: dict[tuple[int, int], float] | None = None, half: float = 0.1, usual: float = 2.0) -> Results:
    """Every margin is ``usual`` but these."""

    def of(classes: tuple[int, int]) -> Measured:
        return measure((low or {}).get(classes, usual), half, DEFINITIONS[MARGIN])

    return with_measure(BASE, MARGIN, of)


NAME = f"characteristics.{MARGIN}"


@pytest.mark.parametrize(
    ("aggregate", "limit", "status"),
    [
        # One direction of 30 at 1.0, the others at 2.0, intervals of 0.1: simultaneous half-width 0.16.
        ("each", 0.8, "pass"), ("each", 0.9, "warn"), ("each", 1.1, "warn"), ("each", 1.2, "fail"),
        ("worst", 0.8, "pass"), ("worst", 0.9, "warn"), ("worst", 1.1, "warn"), ("worst", 1.2, "fail"),
        # The mean is 1.967. Five directions from each of six classes share samples: half-width 0.1 / sqrt(6) = 0.041.
        ("mean", 1.92, "pass"), ("mean", 1.94, "warn"), ("mean", 1.99, "warn"), ("mean", 2.01, "fail"),
    ],
)  # fmt: skip
def test_aggregates(aggregate: str, limit: float, status: str):
    found = judged(margins({(1, 4): 1.0}), measure=NAME, aggregate=aggregate, min=limit)
    assert found.status == status
    assert found.classes == ([] if aggregate == "mean" else [1, 4])


def test_each_place_is_what_a_rule_looks_at_unless_it_says_otherwise():
    assert judged(margins({(1, 4): 1.0}), measure=NAME, min=1.5) == judged(
        margins({(1, 4): 1.0}), measure=NAME, min=1.5, aggregate="each", id=NAME
    )


def test_thirty_places_on_the_limit_do_not_fail_by_their_number():
    """By itself the interval of one place lies beyond the limit, as one in forty does by chance."""
    found = margins({(1, 4): 1.88})
    assert judged(found, measure=NAME, min=2.0, directions=["1:4"]).status == "fail"
    assert judged(found, measure=NAME, min=2.0).status == "warn"


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        ({"pairs": ["1:4"]}, "fail"),
        ({"pairs": ["e:b"]}, "fail"),
        ({"directions": ["b:e"]}, "fail"),
        ({"directions": ["4:1"]}, "pass"),
        ({"pairs": ["0:1", "2:3"]}, "pass"),
    ],
)
def test_rules_on_some_places_only(keys: dict[str, Any], status: str):
    assert judged(margins({(1, 4): 1.0}), measure=NAME, min=1.5, **keys).status == status


@pytest.mark.parametrize(
    ("name", "aggregate"),
    [
        ("performance.accuracy", None), ("performance.ece", None), ("performance.per_class.accuracy", "worst"),
        ("summary.idc.mean", None), ("summary.idc.worst", None), ("characteristics.idc", "mean"),
        ("characteristics.asymmetry_margin", "each"), ("generation.success_rate", "worst"),
        ("baselines.rpbs.idc", "mean"), ("baselines.epbs.success_rate", "each"),
    ],
)  # fmt: skip
def test_every_kind_of_measure_can_be_limited(name: str, aggregate: str | None):
    keys = {"aggregate": aggregate} if aggregate else {}
    lenient, harsh = (judged(BASE, measure=name, max=limit, **keys) for limit in (0.99999, 1e-9))
    assert lenient.measure == harsh.measure == name
    assert harsh.value is not None
    assert harsh.status in ("fail", "warn")
    assert (lenient.status == "fail") is False


def test_the_summary_is_what_the_report_states():
    found, said = judged(BASE, measure="summary.idc.mean", max=0.9), BASE.summary.characteristics["idc"]
    assert not isinstance(said, NotMeasured)
    assert (found.value, found.ci_low, found.ci_high) == (said.mean, said.ci_low, said.ci_high)
    assert judged(BASE, measure="summary.idc.worst", max=0.9).value == said.worst.value


@pytest.mark.parametrize(
    ("now", "keys", "status"),
    [
        # Baseline 0.90, half-width of the change sqrt(2) * 0.01 = 0.0141.
        (0.90, {"max_decrease": 0.05}, "pass"), (0.86, {"max_decrease": 0.05}, "warn"),
        (0.84, {"max_decrease": 0.05}, "warn"), (0.83, {"max_decrease": 0.05}, "fail"),
        (0.97, {"max_decrease": 0.05}, "pass"), (0.97, {"max_increase": 0.05}, "fail"),
        (0.90, {"max_decrease": "5 %"}, "pass"), (0.85, {"max_decrease": "5 %"}, "warn"),
        (0.83, {"max_decrease": "5%"}, "fail"), (0.90, {"max_decrease": 0.0}, "warn"),
        (0.88, {"max_decrease": 0}, "fail"), (0.93, {"max_increase": "0.5 %"}, "fail"),
    ],
)  # fmt: skip
def test_changes_against_a_baseline_of_other_samples(now: float, keys: dict[str, Any], status: str):
    found, before = (with_accuracy(sample, measure(v, 0.01)) for sample, v in ((BASE, now), (apart(BASE), 0.90)))
    assert judged(found, before, measure="performance.accuracy", **keys).status == status


@pytest.mark.parametrize(
    ("aggregate", "keys", "status"),
    [
        ("each", {"max_decrease": "20 %"}, "fail"), ("each", {"max_decrease": "65 %"}, "pass"),
        ("worst", {"max_decrease": "20 %"}, "fail"), ("mean", {"max_decrease": "20 %"}, "pass"),
    ],
)  # fmt: skip
def test_changes_over_places_of_other_samples(aggregate: str, keys: dict[str, Any], status: str):
    now, before = margins({(1, 4): 1.0}), apart(margins())
    assert judged(now, before, measure=NAME, aggregate=aggregate, **keys).status == status


def test_the_worst_value_is_compared_with_the_worst_value_wherever_it_stands():
    now, before = margins({(1, 4): 1.0}), apart(margins({(0, 2): 1.0}))
    assert judged(now, before, measure=NAME, aggregate="worst", max_decrease=0.5).status == "pass"
    assert judged(now, before, measure=NAME, aggregate="each", max_decrease=0.5).status == "fail"


def test_a_model_that_lost_everywhere_fails_on_average():
    assert (
        judged(margins(usual=1.5), apart(margins()), measure=NAME, aggregate="mean", max_decrease="10 %").status
        == "fail"
    )


def test_no_share_of_zero_can_be_taken():
    found, before = (with_accuracy(sample, measure(v, 0.01)) for sample, v in ((BASE, 0.5), (apart(BASE), 0.0)))
    assert judged(found, before, measure="performance.accuracy", max_increase="5 %").status == "not_measured"
    none = with_predictions(BASE, lambda label, _: (label + 1) % 6)
    assert judged(BASE, none, measure="performance.accuracy", max_increase="5 %").status == "not_measured"
    lost = with_margins(BASE, lambda _, old: [0.0 for _ in old])
    assert judged(BASE, lost, measure=NAME, max_decrease="5 %").status == "not_measured"


@pytest.mark.parametrize(
    ("factors", "aggregate", "keys", "status"),
    [
        # 36 common samples a direction; the interval of the change is as wide as a tenth of it.
        ({(1, 4): 0.9}, "each", {"max_decrease": "5 %"}, "fail"),
        ({(1, 4): 0.9}, "each", {"max_decrease": "10 %"}, "warn"),
        ({(1, 4): 0.9}, "each", {"max_decrease": "15 %"}, "pass"),
        ({(1, 4): 1.1}, "each", {"max_decrease": "5 %"}, "pass"),
        ({(1, 4): 1.1}, "each", {"max_increase": "5 %"}, "fail"),
        ({(1, 4): 0.9}, "mean", {"max_decrease": "5 %"}, "pass"),
        ({(a, b): 0.9 for a in range(6) for b in range(6)}, "mean", {"max_decrease": "5 %"}, "fail"),
        ({}, "each", {"max_decrease": 0.0}, "pass"), ({}, "mean", {"max_decrease": "0 %"}, "pass"),
    ],
)  # fmt: skip
def test_changes_of_margins_are_those_of_common_samples(
    factors: dict[tuple[int, int], float], aggregate: str, keys: dict[str, Any], status: str
):
    found = judged(scaled(BASE, factors), scaled(BASE, {}), measure=NAME, aggregate=aggregate, **keys)
    assert found.status == status
    assert "36 samples that both audits have" in found.message
    if status == "fail":
        assert found.classes == ([1, 4] if aggregate == "each" else [])
    other = judged(scaled(BASE, factors), apart(scaled(BASE, {})), measure=NAME, aggregate=aggregate, **keys)
    assert "without common samples" in other.message


def test_the_worst_place_is_compared_by_samples_where_both_audits_have_it_there():
    base = scaled(BASE, {(1, 4): 0.1})
    now = scaled(BASE, {(1, 4): 0.08})
    found = judged(now, base, measure=NAME, aggregate="worst", max_decrease="10 %")
    assert (found.status, found.classes) == ("fail", [1, 4])
    assert judged(now, apart(base), measure=NAME, aggregate="worst", max_decrease="10 %").status == "warn"


def test_a_worst_place_that_moved_is_said_to_have_moved():
    found = judged(scaled(BASE, {(1, 4): 0.1}), scaled(BASE, {(2, 3): 0.1}), measure=NAME, aggregate="worst",
                   max_decrease="10 %")  # fmt: skip
    assert found.classes == [1, 4]
    assert "the baseline's worst is at c to d, so other samples are compared" in found.message
    assert "without common samples" not in found.message


def test_the_change_of_accuracy_is_that_of_common_samples():
    """Ten of 216 samples lost: 4.6 % [2.6, 8.3]; the two shares by themselves would not tell it from 2 %."""
    now = with_predictions(BASE, lambda label, k: 1 if label == 0 and k < 10 else label)
    then = with_predictions(BASE, lambda label, k: label)
    assert judged(now, then, measure="performance.accuracy", max_decrease=0.02).status == "fail"
    assert judged(now, then, measure="performance.accuracy", max_decrease=0.05).status == "warn"
    assert judged(now, then, measure="performance.accuracy", max_decrease=0.1).status == "pass"
    assert judged(now, then, measure="performance.per_class.accuracy", max_decrease=0.1).classes == [0]


def test_accuracy_that_was_not_measured_is_no_change_of_common_samples():
    keys = {"measure": "performance.accuracy", "max_decrease": 0.5}
    lost = with_accuracy(BASE, LOST)
    assert judged(BASE, lost, **keys).status == "not_measured"
    assert judged(lost, BASE, **keys).status == "not_measured"


def test_margins_found_farther_than_the_search_goes_keep_a_limit_on_their_decrease():
    lost = with_margins(BASE, lambda c, old: [None if c == (1, 4) else v for v in old])
    assert judged(lost, scaled(BASE, {}), measure=NAME, max_decrease="5 %").status == "pass"
    assert judged(lost, apart(scaled(BASE, {})), measure=NAME, max_decrease="5 %").status == "not_measured"
    assert judged(lost, measure=NAME, min=0.1).status == "not_measured"


def test_margins_by_another_route_are_not_judged_against_each_other():
    base = scaled(BASE, {})
    pairs = [
        pair.model_copy(
            update={
                "directions": [
                    d.model_copy(
                        update={"margins": {s: m.model_copy(update={"method": "b"}) for s, m in d.margins.items()}}
                    )
                    for d in pair.directions
                ]
            }
        )
        for pair in base.pairs
    ]
    other = base.model_copy(update={"pairs": pairs})
    for name in (NAME, f"{NAME}_q05"):
        found = judged(base, other, measure=name, max_decrease="5 %")
        assert found.status == "not_measured"
        assert "other routes" in found.message
    assert judged(base, other, measure="characteristics.idc", max_increase="50 %").status == "pass"


@pytest.mark.parametrize(
    ("value", "half", "limit", "needed"),
    [
        # 100 samples; an interval narrows with the root of their number.
        (0.5, 0.2, 0.4, 400), (0.5, 0.2, 0.6, 400), (0.5, 0.2, 0.45, 1600),
        (0.5, 0.2, 0.5, None), (0.5, 0.2, 0.2, None), (0.5, 0.2, 0.8, None),
    ],
)  # fmt: skip
def test_how_many_samples_would_decide(value: float, half: float, limit: float, needed: int | None):
    found = judged(with_accuracy(BASE, measure(value, half)), measure="performance.accuracy", min=limit)
    assert found.needed_n == (needed if needed is None else pytest.approx(needed, abs=1))
    assert ("would decide" in found.message) == (needed is not None)
    assert ("observed value lies beyond" in found.message) == (needed is not None and limit > value)


def test_an_interval_that_is_open_where_the_limit_lies_is_decided_by_no_known_number_of_samples():
    open_below = measure(0.5, 0.1).model_copy(update={"ci_low": None})
    found = judged(with_accuracy(BASE, open_below), measure="performance.accuracy", min=0.45)
    assert (found.status, found.needed_n, found.ci_low) == ("warn", None, None)
    beyond = judged(with_accuracy(BASE, open_below), measure="performance.accuracy", min=0.55)
    assert (beyond.status, beyond.needed_n) == ("warn", 400)


def test_the_gate_counts_what_holds_what_is_open_and_what_failed():
    rules = "".join(
        rule(id=str(i), measure="performance.accuracy", **keys)
        for i, keys in enumerate(
            ({"min": 0.3}, {"min": 0.45}, {"min": 0.55}, {"min": 0.58, "severity": "warn"}, {"min": 0.7},
             {"min": 0.7, "severity": "warn"}, {"min": 0.55, "strict": True}, {"max": 0.7}, {"max": 0.45})
        )
    )  # fmt: skip
    found = decide(with_accuracy(BASE, measure(0.5, 0.1)), policy(rules))
    # The validity checks are one rule more that holds.
    assert (found.holds, found.undecided, found.beyond, found.failed) == (3, 4, 4, 2)
    assert found.status == "failed"
    assert len(found.rules) == 3 + 4 + 2 + 1


def test_a_limit_on_what_has_no_better_end_is_the_users_own():
    neutral = with_measure(BASE, "margin_l2", lambda _: measure(2.0, 0.1, DEFINITIONS["margin_l2"]))
    name = "characteristics.margin_l2"
    assert judged(neutral, measure=name, min=1.0).status == "pass"
    assert judged(neutral, measure=name, max=1.0).status == "fail"
    assert judged(neutral, measure="summary.margin_l2.worst", max=1.0).status == "not_measured"


def other_data(found: Results) -> Results:
    return found.model_copy(update={"data": found.data.model_copy(update={"fingerprint": "other"})})


def other_names(found: Results) -> Results:
    names = list("ABCDEF")
    return found.model_copy(update={"data": found.data.model_copy(update={"class_names": names})})


def other_measures(found: Results) -> Results:
    definitions = {id: d for id, d in found.definitions.items() if id != MARGIN}
    return found.model_copy(update={"definitions": definitions})


def fewer_pairs(found: Results) -> Results:
    return found.model_copy(update={"pairs": found.pairs[:3]})


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (other_data, "performance.accuracy", "other data"), (other_names, "performance.accuracy", "other class names"),
        (other_measures, NAME, "does not have this measure"),
        (fewer_pairs, NAME, "not audited in the baseline"), (fewer_pairs, "summary.idc.mean", "over other pairs"),
    ],
)  # fmt: skip
def test_a_baseline_that_cannot_be_compared_fails(change: Any, name: str, said: str):
    found = judged(BASE, change(BASE), measure=name, max_decrease="50 %")
    assert found.status == "not_measured"
    assert said in found.message


def test_a_candidate_audited_on_fewer_pairs_fails():
    assert judged(fewer_pairs(BASE), BASE, measure=NAME, max_decrease="50 %").status == "not_measured"


def part(found: Results, name: str, **facts: Any) -> Results:
    """The results with facts of one of their parts changed."""
    return found.model_copy(update={name: getattr(found, name).model_copy(update=facts)})


WITH_ROUTE = "autograd of the model straight-through rounding"
UNLIKE: dict[str, Any] = {
    "seed": lambda b: part(b, "settings", seed=1),
    "splits": lambda b: part(b, "data", splits=SplitSizes(train=10, test=216)),
    "profile": lambda b: part(b, "settings", profile="quick"),
    "generator": lambda b: part(b, "settings", generator="epbs"),
    "samples": lambda b: part(b, "settings", samples_per_class=4),
    "input": lambda b: part(b, "model", input_shape=[1, 16, 16]),
    "classes": lambda b: part(b, "model", num_classes=7),
    "preprocessing": lambda b: part(b, "model", preprocessing="(pixels in [0, 1] - 0.5) / 0.5; layout nchw"),
    "route": lambda b: part(b, "model", gradient=WITH_ROUTE),
}


@pytest.mark.parametrize("fact", UNLIKE)
def test_a_baseline_that_is_not_alike_fails_and_says_what(fact: str):
    decided = gate(BASE, UNLIKE[fact](BASE), measure="performance.accuracy", max_decrease=0.5)
    (said,) = [r for r in decided.rules if r.id == f"baseline.{fact}"]
    assert (said.status, decided.status) == ("fail", "failed")
    assert said.observed in said.message
    assert said.threshold in said.message
    assert decided.rules[-1].status == "pass"  # the rule itself would have held


def test_every_fact_that_has_to_be_alike_is_tried():
    assert {*UNLIKE, "embedding"} == {*document.UNLIKE}


def test_another_embedding_matters_to_rules_that_measure_in_it():
    other = part(BASE, "model", embedding=EmbeddingFact(name="elsewhere", size=3))
    status = {
        name: gate(BASE, other, measure=f"characteristics.{name}", max_decrease="90 %").status
        for name in ("edc_train_accuracy", MARGIN)
    }
    assert status == {"edc_train_accuracy": "failed", MARGIN: "passed"}


def thinned(found: Results, keep: int) -> Results:
    """The results with single margins of a few samples only."""

    def cut(margins: Any) -> Any:
        few = {key: getattr(margins, key)[:keep] for key in ("index", "l2", "linf")}
        return margins.model_copy(update=few)

    pairs = [
        pair.model_copy(
            update={
                "directions": [
                    d.model_copy(update={"margins": {split: cut(m) for split, m in d.margins.items()}})
                    for d in pair.directions
                ]
            }
        )
        for pair in found.pairs
    ]
    return found.model_copy(update={"pairs": pairs})


def test_a_baseline_of_few_single_samples_fails():
    assert gate(BASE, thinned(BASE, 12), measure=NAME, max_decrease="50 %").status == "failed"
    assert gate(BASE, thinned(BASE, 30), measure=NAME, max_decrease="50 %").status == "passed"


def test_a_partial_baseline_is_refused():
    partial = part(BASE, "coverage", missing=[(0, 1)], reason="the time budget was spent")
    with pytest.raises(InputRefused, match="complete audit as baseline") as err:
        gate(BASE, partial, measure=NAME, max_decrease="50 %")
    assert err.value.exit_code == 3


@pytest.mark.parametrize(
    ("value", "half", "keys", "status"),
    [
        # Worse than the baseline says, and the baseline's interval hides it.
        (0.9, 100, {"max_decrease": 0.05}, "fail"), (0.9, 0.6, {"max_decrease": 0.05}, "fail"),
        (0.9, 0.6, {"max_decrease": "10 %"}, "fail"), (0.9, 0.6, {"max_decrease": 0}, "fail"),
        # Known well enough: the doubt is the candidate's.
        (0.52, 0.04, {"max_decrease": 0.05}, "warn"), (0.52, 0.04, {"max_decrease": "10 %"}, "warn"),
        # Vague, but the rule is decided all the same.
        (0.2, 0.1, {"max_decrease": 0.05}, "pass"), (0.9, 0.6, {"max_decrease": 0.05, "severity": "warn"}, "warn"),
    ],
)  # fmt: skip
def test_a_baseline_too_vague_to_show_the_change_is_no_pass(value: float, half: float, keys: Any, status: str):
    now = with_accuracy(apart(BASE), measure(0.5, 0.04))
    found = judged(now, with_accuracy(BASE, measure(value, half)), measure="performance.accuracy", **keys)
    assert found.status == status
    assert ("Not decided: the baseline" in found.message) == (half >= 0.6)


@pytest.mark.parametrize("aggregate", ["each", "worst", "mean"])
def test_a_vague_baseline_is_no_pass_over_places_either(aggregate: str):
    now, then = (
        with_measure(apart(BASE), "idc", lambda c, h=h: measure(0.3, h, DEFINITIONS["idc"])) for h in (0.01, 9)
    )
    keys = {"measure": "characteristics.idc", "aggregate": aggregate, "max_increase": 0.1}
    assert judged(now, then, **keys).status == "fail"
    assert judged(then, now, **keys).status == "warn"


def test_what_changes_no_number_is_said_and_does_not_fail():
    for other, said in (
        (part(BASE, "tool", version="0.0.9"), "version 0.0.9 instead of"),
        (part(BASE, "model", preprocessing=f"{BASE.model.preprocessing}; layout nhwc"), "another order, nhwc"),
        (BASE, "this very model file"),
    ):
        decided = gate(BASE, other, measure=NAME, max_decrease="50 %")
        (rule_of,) = [r for r in decided.rules if r.id == "baseline.settings"]
        assert rule_of.status == "warn"
        assert said in rule_of.message
        assert decided.status == "passed"


@pytest.mark.parametrize(
    ("flag", "setting", "status"),
    [
        ("fail", "ignore", "fail"), ("fail", "warn", "fail"), ("fail", "fail", "fail"),
        ("warn", "ignore", "pass"), ("warn", "warn", "warn"), ("warn", "fail", "fail"),
        ("ok", "ignore", "pass"), ("ok", "warn", "pass"), ("ok", "fail", "pass"),
    ],
)  # fmt: skip
def test_validity_checks_are_rules(flag: Any, setting: str, status: str):
    found = flagged(BASE, flag, "something")
    decided = gate(found, head=f"[validity]\nwarn = '{setting}'", measure="performance.accuracy", min=0.1)
    assert decided.rules[0].status == status
    assert decided.status == ("failed" if status == "fail" else "passed")


def test_results_without_any_check_fail():
    assert gate(BASE.model_copy(update={"validity": []}), measure="performance.accuracy", min=0.1).status == "failed"


@pytest.mark.parametrize(("needed", "status"), [(14, "pass"), (15, "pass"), (16, "fail")])
def test_an_audit_of_fewer_pairs_than_asked_for_fails(needed: int, status: str):
    decided = gate(BASE, head=f"[coverage]\npairs = {needed}", measure="performance.accuracy", min=0.1)
    assert {r.id: r.status for r in decided.rules}["coverage.pairs"] == status


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"measure": "characteristics.idk", "max": 0.5}, "characteristics.idc"),
        ({"measure": "performance.accurcy", "max": 0.5}, "performance.accuracy"),
        ({"measure": "baselines.rpbs.asymmetry_margin", "max": 0.5}, "rules[0].measure"),
        ({"measure": "summary.idc", "max": 0.5}, "summary.idc.mean"),
        ({"measure": "performance.accuracy", "aggregate": "mean", "max": 0.5}, "no aggregate"),
        ({"measure": "performance.accuracy", "pairs": ["0:1"], "max": 0.5}, "no restriction"),
        ({"measure": "characteristics.asymmetry_margin", "directions": ["0:1"], "max": 0.5}, "expected pairs"),
        ({"measure": "performance.per_class.accuracy", "pairs": ["0:1"], "min": 0.5}, "expected classes"),
        ({"measure": "performance.per_class.accuracy", "classes": ["z"], "min": 0.5}, "found 'z'"),
        ({"measure": NAME, "pairs": ["0:9"], "min": 0.5}, "found '0:9'"),
        ({"measure": NAME, "pairs": ["0:0"], "min": 0.5}, "found '0:0'"),
        ({"measure": NAME, "pairs": ["0"], "min": 0.5}, "found '0'"),
        ({"measure": "performance.accuracy", "min": 0.0}, "can break"),
        ({"measure": "performance.accuracy", "max": 1.0}, "can break"),
        ({"measure": "performance.accuracy", "min": 95}, "not 95"),
        ({"measure": "performance.accuracy", "max": -1}, "between the bounds"),
        ({"measure": NAME, "min": 0}, "can break"),
    ],
)
def test_rules_that_say_nothing_are_refused(keys: dict[str, Any], said: str):
    with pytest.raises(UsageError, match="expected") as err:
        gate(BASE, **keys)
    assert said in str(err.value)


@pytest.mark.parametrize("limit", [1.0, 5, "100 %", "250%"])
def test_a_decrease_that_cannot_happen_is_refused(limit: float | str):
    with pytest.raises(UsageError, match="can break"):
        gate(BASE, BASE, measure="performance.accuracy", max_decrease=limit)


def test_a_pair_that_was_not_audited_is_refused():
    with pytest.raises(UsageError, match="which was not"):
        gate(fewer_pairs(BASE), measure=NAME, pairs=["4:5"], min=0.1)


def test_no_pairs_at_all_are_refused():
    with pytest.raises(UsageError, match="apply somewhere"):
        gate(BASE.model_copy(update={"pairs": []}), measure=NAME, min=0.1)


def test_a_baseline_and_rules_that_use_it_go_together():
    with pytest.raises(UsageError, match="expected --baseline"):
        gate(BASE, measure=NAME, max_decrease=0.1)
    with pytest.raises(UsageError, match="leave --baseline out"):
        gate(BASE, BASE, measure=NAME, min=0.1)


def test_the_same_arguments_give_the_same_gate():
    text = rule(measure=NAME, min=0.3) + rule(measure="performance.ece", max=0.2)
    assert decide(BASE, policy(text)) == decide(BASE, policy(text))

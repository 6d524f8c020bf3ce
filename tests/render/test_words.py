"""What the summary and the advice say, and where they must stay silent."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from auditor.datasets.base import Split
from auditor.datasets.splits import stratified
from auditor.documents.results import Gate, Measure, NotMeasured, ReliabilityBin, Results, Rule
from auditor.render.rounding import NO_BREAK, THIN
from auditor.render.view import build
from auditor.render.view.advice import advice
from auditor.render.view.lookups import Audit
from auditor.render.view.summary_words import RULES, confidence, three_findings, verdict
from tests.render.sample_results import DEFINITIONS, flagged, measure, summary, synthetic_results


def said(results: Results) -> str:
    """Everything that the rules state, with plain spaces."""
    return plain(" ".join(s.text for rule in RULES if (s := rule(Audit(results))) is not None))


def advised(results: Results) -> str:
    return plain(" ".join(f"{g.name}: {i.suggestion} {i.evidence}" for g in advice(Audit(results)) for i in g.items))


def plain(text: str) -> str:
    return text.replace(THIN, " ").replace(NO_BREAK, " ")


def change(results: Results, id: str, value: float, half: float = 0.01, where: Any = None) -> Results:
    """The same results with one measure set in every direction, or in the directions of ``where``."""
    pairs = []
    for pair in results.pairs:
        directions = [
            d.model_copy(update={"characteristics": d.characteristics | {id: measure(id, value, half, 200)}})
            if where is None or (d.source, d.target) in where
            else d
            for d in pair.directions
        ]
        pairs.append(pair.model_copy(update={"directions": directions}))
    return results.model_copy(update={"pairs": pairs, "summary": summary(pairs)})


def performance(results: Results, **update: Any) -> Results:
    return results.model_copy(update={"performance": results.performance.model_copy(update=update)})


def no_mistakes(results: Results) -> Results:
    n = len(results.data.class_names)
    right = [[36 if i == j else 0 for j in range(n)] for i in range(n)]
    perfect = Measure(value=1.0, ci_low=0.99, ci_high=1.0, n=36 * n, unit="share", scale="share")
    per_class = [c.model_copy(update={"accuracy": perfect}) for c in results.performance.per_class]
    return performance(results, confusion=right, accuracy=perfect, per_class=per_class)


@pytest.fixture(scope="module")
def results() -> Results:
    return synthetic_results(images=False)


def test_the_closest_pair_comes_first_with_its_number_and_the_median(results: Results) -> None:
    first = plain(three_findings(Audit(results))[0].text)
    assert re.fullmatch(
        r"The model changes its mind from 4 to 9 after a median change of 0\.4\d+ \[0\.3\d+, 0\.4\d+\] "
        r"\(L2, pixels in \[0, 1\]\) of unseen samples, the closest of 90 directions; the median is 1\.\d\d\.",
        first,
    )


def test_samples_that_the_tool_drew_are_not_called_unseen(results: Results) -> None:
    whole = Split(torch.zeros(20, 4), torch.arange(20) % 2)
    note = stratified(whole, 0, ())[2]
    drawn = results.model_copy(update={"data": results.data.model_copy(update={"notes": ["Resized.", note]})})
    for given, word, vouches in ((results, "unseen", True), (drawn, "test", False)):
        report = build(given)
        everything = repr(report)
        assert f"of {word} samples, the closest" in said(given)
        assert f"{word} samples; intervals in brackets" in plain(report.front.confidence)
        assert ("unseen" in everything.replace("ratio to unseen samples", "").replace("real unseen", "")) == vouches
        assert ("which the model has not seen" in " ".join(report.limits.limits)) == vouches


def test_three_findings_each_lead_to_a_place(results: Results) -> None:
    found = three_findings(Audit(results))
    assert [f.anchor for f in found] == ["pair-4-9", "pair-3-8", "pair-4-9"]


def test_a_finding_on_a_pair_without_a_page_leads_to_the_table() -> None:
    few = synthetic_results(images=False, report_pairs=1)
    assert [f.anchor for f in three_findings(Audit(few))] == ["pair-4-9", "others", "pair-4-9"]


def test_no_difference_is_claimed_where_the_intervals_allow_none(results: Results) -> None:
    same = change(results, "margin_l2_attack", 1.0, 0.2)
    assert "that is no clear difference from the median of 90 directions (1.00)." in said(same)
    assert "close" not in advised(same)
    assert "is enough" not in advised(same)


def test_two_pairs_are_not_compared_with_a_median() -> None:
    text = said(synthetic_results(chosen=[(4, 9), (3, 8)], images=False))
    assert "changes its mind from 4 to 9" in text
    assert "median direction" not in text
    assert "closest of" not in text


def test_third_classes_are_named_with_their_count(results: Results) -> None:
    assert (
        "10.0 % [7.0, 13.0] of the first bisections from 3 to 8 met a third class, 14 of 20 in 9; a second "
        "try may still have reached the boundary." in said(results)
    )


@pytest.mark.parametrize(("value", "half", "speaks"), [(0.10, 0.03, True), (0.10, 0.06, False), (0.04, 0.005, False)])
def test_a_third_class_is_mentioned_only_above_one_in_twenty(
    results: Results, value: float, half: float, speaks: bool
) -> None:
    changed = change(results, "third_class_intrusion", value, half, where=[(3, 8)])
    assert ("lies another class" in said(changed)) == speaks
    assert ("Audit 9 against 3" in advised(changed)) == speaks


def test_advice_on_a_third_class_reaches_pairs_that_are_not_close(results: Results) -> None:
    pair = next(p for p in results.pairs if p.classes == (0, 1))
    third = pair.directions[0].generation.model_copy(update={"third_class": {"7": 40}})
    lost = pair.model_copy(
        update={"directions": [pair.directions[0].model_copy(update={"generation": third}), pair.directions[1]]}
    )
    pairs = [lost if p.classes == (0, 1) else p for p in results.pairs]
    changed = change(results.model_copy(update={"pairs": pairs}), "third_class_intrusion", 0.2, 0.04, where=[(0, 1)])
    assert "0 and 1: Audit 7 against 0 and against 1 too" in advised(changed)


def recognised(results: Results, low: dict[int, tuple[float, float, float]]) -> Results:
    """The same results with another accuracy of some classes, and an interval of 99 to 100 % for the others."""
    per_class = [
        c.model_copy(
            update={
                "accuracy": Measure(value=value, ci_low=ends[0], ci_high=ends[1], n=36, unit="share", scale="share")
            }
        )
        for c in results.performance.per_class
        for value, *ends in [low.get(c.index, (1.0, 0.99, 1.0))]
    ]
    return performance(results, per_class=per_class)


def test_a_weak_class_is_named_only_where_it_is_apart(results: Results) -> None:
    # Of 36 samples a class none is apart from all others: 9 with 3 mistakes overlaps the classes without any.
    assert "recognised le" not in said(results)
    assert "recognised le" not in said(no_mistakes(results))
    alone = said(recognised(results, {2: (0.5, 0.3, 0.7), 3: (0.8, 0.75, 0.9)}))
    assert "2 is recognised least often: 50 % [30, 70] of its 36 test samples, against 98.1 % over all cl" in alone
    tied = said(recognised(results, {2: (0.5, 0.3, 0.7), 3: (0.6, 0.5, 0.8)}))
    assert "2 is recognised less often: 50 % [30, 70]" in tied
    assert "it is one of 2 classes that cannot be told apart." in tied


def test_nothing_is_said_about_calibration_within_chance(results: Results) -> None:
    assert "confident" not in said(results)
    assert "Calibrate" not in advised(results)


@pytest.mark.parametrize(("accuracy", "tendency"), [(0.7, "over"), (1.0, "under")])
def test_a_gap_of_confidence_is_said_and_advice_given(results: Results, accuracy: float, tendency: str) -> None:
    ece = Measure(value=0.08, ci_low=0.05, ci_high=0.11, n=360, unit="share", scale="share")
    bins = [ReliabilityBin(low=0.8, high=0.9, confidence=0.85, accuracy=accuracy, n=360)]
    chance = results.performance.calibration.model_copy(update={"value": 0.001})
    changed = performance(results, ece=ece, reliability=bins, calibration=chance)
    text = f"The model is {tendency}confident: confidence and accuracy differ by 8.0 % on average."
    assert text in said(changed)
    assert "The whole model: Calibrate the probabilities" in advised(changed)
    by_chance = performance(results, ece=ece, reliability=bins)
    assert "confident: " not in said(by_chance)
    assert "Calibrate" not in advised(by_chance)


def test_collapse_comes_before_every_other_finding(results: Results) -> None:
    changed = change(results, "diversity", 0.02, 0.01, where=[(0, 1)])
    assert three_findings(Audit(changed))[0].text.startswith("In 1 direction the boundary instances are near-copies")
    assert "near-copies" not in said(results)


def test_labels_are_doubted_only_with_mistakes(results: Results) -> None:
    assert (
        "4 of 72 test samples of 4 and 9 are taken for one another: test 144, test 324, test 325 and 1 more; "
        "all are in samples.csv."
    ) in advised(results)
    silent = advised(no_mistakes(results))
    assert "labels of these mistakes" not in silent
    assert "taken for one another" not in silent
    assert "None of 72 test samples of the two is taken for the other" in silent


def test_one_direction_is_called_easier_only_where_the_asymmetry_excludes_chance(results: Results) -> None:
    text = advised(results)
    assert "Collect or augment samples of 4: the boundary runs closer to them." in text
    assert "Collect or augment samples of 3" not in text


def test_where_nothing_is_wrong_no_advice_is_given(results: Results) -> None:
    even = change(no_mistakes(results), "margin_l2_attack", 1.0, 0.05)
    even = change(change(even, "third_class_intrusion", 0.0), "edc_train_accuracy", 1.0)
    zero = {"asymmetry_margin": measure("asymmetry_margin", 0.0, 0.02, 100)}
    pairs = [p.model_copy(update={"characteristics": zero}) for p in even.pairs]
    assert advice(Audit(even.model_copy(update={"pairs": pairs}))) == []


def test_what_was_not_measured_is_not_spoken_of() -> None:
    reason = NotMeasured(not_measured="no gradient")
    full = synthetic_results(images=False, embedding=False)
    pairs = [
        p.model_copy(
            update={
                "characteristics": dict.fromkeys(p.characteristics, reason),
                "directions": [
                    d.model_copy(update={"characteristics": dict.fromkeys(d.characteristics, reason), "series": {}})
                    for d in p.directions
                ],
            }
        )
        for p in full.pairs
    ]
    summed = full.summary.model_copy(update={"characteristics": dict.fromkeys(DEFINITIONS, reason)})
    empty = performance(full.model_copy(update={"pairs": pairs, "summary": summed}), accuracy=reason, ece=reason)
    assert said(empty) == "99.9 % of 18,000 searches for the boundary ended on it."
    assert verdict(Audit(empty))[1] == "Accuracy was not measured."


def rules(*statuses: Any) -> Gate:
    made = [
        Rule(id=f"r{i}", status=s, observed="1", threshold="2", message=f"Rule {i}.") for i, s in enumerate(statuses)
    ]
    return Gate(status="failed" if {"fail", "not_measured"} & set(statuses) else "passed", rules=made)


def numbered(*found: tuple[float, float | None, float | None, Any]) -> Gate:
    """Rules on "at least 0.95": value, interval, status."""
    made = [
        Rule(
            id=f"r{i}", status=status, observed="seen", threshold="at least 0.95", message=f"Rule {i}.", value=value,
            ci_low=low, ci_high=high, limit=0.95, key="min", unit="share", scale="share",
        )
        for i, (value, low, high, status) in enumerate(found)
    ]  # fmt: skip
    return Gate(status="failed" if any(r.status == "fail" for r in made) else "passed", rules=made)


@pytest.mark.parametrize(
    ("gate", "decision", "reason"),
    [
        (rules("pass", "pass"), "The model passes the gate.", "All 2 rules hold."),
        (rules("pass"), "The model passes the gate.", "Its rule holds."),
        (rules("pass", "warn"), "The model passes the gate.", "1 of 2 rules holds; 1 gave a warning."),
        (
            rules("pass", "fail"),
            "The model does not pass the gate.",
            "1 of 2 rules holds; 1 failed. The first: Rule 1.",
        ),
        (
            rules("not_measured"),
            "The model does not pass the gate.",
            "0 of 1 rules hold; 1 could not be measured. The first: Rule 0.",
        ),
        (
            numbered((0.9, 0.8, 1.0, "warn"), (0.99, 0.97, 1.0, "pass"), (0.96, 0.9, None, "warn")),
            "The model passes the gate.",
            "1 of 3 rules holds; 2 cannot be decided with this many samples, 1 of them observed beyond the limit.",
        ),
        (
            numbered((0.96, 0.9, 0.97, "fail"), (0.99, 0.97, 1.0, "pass"), (0.7, 0.6, 0.8, "fail")),
            "The model does not pass the gate.",
            "1 of 3 rules holds; 1 failed; 1 cannot be decided with this many samples and counts as failed. The first: "
            "Rule 2.",
        ),
    ],
)
def test_the_verdict_of_a_gate(results: Results, gate: Gate, decision: str, reason: str) -> None:
    assert verdict(Audit(results.model_copy(update={"gate": gate}))) == (decision, reason)


def test_a_gate_says_how_many_samples_would_decide(results: Results) -> None:
    gate = numbered((0.9, 0.8, 1.0, "warn"), (0.94, 0.9, 0.96, "warn"))
    needed = [
        rule.model_copy(update={"needed_n": n, "measure": "performance.accuracy"})
        for rule, n in zip(gate.rules, (1240, None), strict=True)
    ]
    said = verdict(Audit(results.model_copy(update={"gate": gate.model_copy(update={"rules": needed})})))[1]
    assert (
        "2 cannot be decided with this many samples (about 1,500 samples would decide 1 of them), 2 of them observed"
        in said
    )
    table = build(results.model_copy(update={"gate": gate.model_copy(update={"rules": needed})})).front.rules
    assert table is not None
    assert [row[0].note for row in table.rows] == [
        "the limit lies inside the interval; the observed value is beyond it; about 1,500 samples would decide",
        "the limit lies inside the interval; the observed value is beyond it",
    ]


def test_without_a_gate_the_verdict_says_what_the_numbers_say(results: Results) -> None:
    decision, reason = verdict(Audit(results))
    assert decision == "No gate was configured: this report measures and does not decide."
    assert "right on 98.1 % [96.0, 99.1] of 360 test samples. Its boundary comes closest between 4 and 9." in plain(
        reason
    )


def test_a_failed_check_overrules_a_passed_gate(results: Results) -> None:
    passed = results.model_copy(update={"gate": rules("pass")})
    assert verdict(Audit(flagged(passed, "fail", "near chance")))[0] == "This audit is not valid."
    assert verdict(Audit(flagged(passed, "warn", "saturated")))[0] == "The model passes the gate."


def test_an_audit_that_is_not_valid_gets_no_findings_and_one_advice(results: Results) -> None:
    broken = flagged(results, "fail", "near chance")
    assert three_findings(Audit(broken)) == []
    assert [group.name for group in advice(Audit(broken))] == ["Before anything else"]
    assert len(three_findings(Audit(flagged(results, "warn", "saturated")))) == 3


def test_confidence_says_how_much_of_the_model_was_looked_at(results: Results) -> None:
    assert confidence(Audit(results)).startswith("Based on 17,980 boundary instances over all 45 class pairs, in both")
    two = synthetic_results(chosen=[(4, 9), (3, 8)], images=False)
    assert "over 2 of 45 class pairs" in confidence(Audit(two))


def test_advice_speaks_of_a_class_that_is_lost_whether_or_not_its_pair_was_audited(results: Results) -> None:
    def lost(found: Results) -> Results:
        base = no_mistakes(found)
        confusion = [list(row) for row in base.performance.confusion]
        confusion[5] = [0, 0, 0, 20, 0, 0, 0, 0, 0, 16]
        none = Measure(value=0.0, ci_low=0.0, ci_high=0.1, n=36, unit="share", scale="share")
        per_class = [c.model_copy(update={"accuracy": none}) if c.index == 5 else c for c in base.performance.per_class]
        overall = Measure(value=0.9, ci_low=0.88, ci_high=0.92, n=360, unit="share", scale="share")
        return performance(base, confusion=confusion, per_class=per_class, accuracy=overall)

    assert "Look at the samples of 5 that the model gets wrong." in advised(lost(results))
    assert "5 is recognised least often" in advised(lost(results))
    assert "20 of its 36 mistakes were taken for 3" in advised(lost(results))
    part = synthetic_results(images=False, chosen=[(4, 9)], report_pairs=1)
    assert "gets wrong, and audit 5 against 3." in advised(lost(part))
    assert "Look at the samples of" not in advised(no_mistakes(results))

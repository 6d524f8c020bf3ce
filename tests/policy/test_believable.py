"""An audit that cannot be believed does not end well, with or without a policy."""

from __future__ import annotations

from auditor.documents.results import Results, Validity
from auditor.policy.believable import unusable
from tests.policy.made import results


def made(*statuses: str) -> Results:
    checks = [Validity(id=f"check{i}", status=status, message=f"Message {i}.") for i, status in enumerate(statuses)]
    return results().model_copy(update={"validity": checks})


def test_checks_that_hold_or_warn():
    assert unusable(made("ok", "warn")) is None


def test_a_failed_check():
    problem = unusable(made("ok", "fail", "fail"))
    assert problem is not None
    assert problem.exit_code == 4
    assert "found check1: Message 1 (and 1 more of the kind); " in str(problem)


def test_no_boundary_instance_anywhere():
    good = made("ok")
    pairs = [
        pair.model_copy(
            update={
                "directions": [
                    d.model_copy(update={"generation": d.generation.model_copy(update={"boundary": 0})})
                    for d in pair.directions
                ]
            }
        )
        for pair in good.pairs
    ]
    assert "no boundary instance in any pair" in str(unusable(good.model_copy(update={"pairs": pairs})))
    assert "no boundary instance in any pair" in str(unusable(good.model_copy(update={"pairs": []})))

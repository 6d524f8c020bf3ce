"""A generator's answer is held against its tasks before anything relies on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

from auditor.boundary.answer_checks import check_answers
from auditor.boundary.rpbs import RPBS
from auditor.testing import _tasks, three_sectors

CHANGES: dict[str, Any] = {
    "expected answers in the order of the tasks": lambda one: {"target": 2},
    "expected x_boundary as a tensor": lambda one: {"x_boundary": None},
    "expected x_boundary as torch.float32": lambda one: {"x_boundary": one.x_boundary.double()},
    "expected x_adversarial as torch.float32": lambda one: {"x_adversarial": one.x_adversarial[1:]},
    "expected finite numbers in x_adversarial": lambda one: {"x_adversarial": one.x_adversarial / 0},
    "expected steps as torch.int64": lambda one: {"steps": one.steps.float()},
    "expected steps as a tensor, found list": lambda one: {"steps": one.steps.tolist()},
    "expected steps as torch.int64 .* on cpu, found .* on meta": lambda one: {"steps": one.steps.to("meta")},
    "expected origin below 16, the sources of the task, found 10000": lambda one: {"origin": one.origin + 10**6},
    "expected origin of 0 or more": lambda one: {"origin": one.origin - 100},
    "expected attempt of 0 or more and below 5": lambda one: {"attempt": one.steps * 0 + 5},
    "expected each x_source to be the source": lambda one: {"x_source": one.x_source + 0.1},
    "expected whole numbers as counts": lambda one: {"requested": 2.5},
    "that only fall from 16 sources": lambda one: {"requested": 17},
    "that add up to requested": lambda one: {"failures": Counter({"lost": 99})},
    "expected failures as a Counter": lambda one: {"failures": {}},
    "expected third_class to count": lambda one: {"third_class": Counter({0: 1})},
    "expected third_class to count bisections": lambda one: {"third_class": Counter({3: 1})},
}


@pytest.mark.parametrize("said", CHANGES)
def test_an_answer_that_does_not_fit_its_task_is_refused(said: str) -> None:
    f = three_sectors()
    tasks = _tasks(f, [(0, 1)])
    (one,) = RPBS()(f, tasks, check=lambda _, made: check_answers(tasks, made, 3))
    assert len(one)
    check_answers(tasks, [one], 3)
    with pytest.raises(ValueError, match=said):
        check_answers(tasks, [replace(one, **CHANGES[said](one))], 3)


@pytest.mark.parametrize("made", [None, [], [None], torch.zeros(3)])
def test_there_is_an_answer_for_each_task(made: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        check_answers(_tasks(three_sectors(), [(0, 1)]), made, 3)

"""Every audit that these tests run in this process agrees with itself."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from auditor.documents.agreement import contradictions
from auditor.documents.plan import Plan
from auditor.pipeline import run as run_module
from auditor.pipeline.model_and_data import open_subject
from auditor.pipeline.model_facts.predictions import predict_split
from auditor.pipeline.pairs.generation import choose_setup, configured
from auditor.pipeline.pairs.measuring import CharacteristicSuite, class_samples
from auditor.pipeline.pairs.shard import Work

DIGITS = Path(__file__).parents[2] / "sample_models" / "digits_fcn.onnx"

_run = run_module.run


@wraps(_run)
def _checked(*arguments: Any, **named: Any) -> Any:
    results, facts = _run(*arguments, **named)
    assert list(contradictions(results)) == []
    return results, facts


# Before the test modules are imported, which take the function from here.
run_module.run = _checked


@pytest.fixture(scope="session")
def work() -> Work:
    """What every task of a quick audit of digits needs, its generator not prepared."""
    plan = Plan(model={"path": str(DIGITS)}, data={"data": "digits"}, profile="quick", samples_per_class=8)
    subject = open_subject(plan, lambda *_: None)
    f, data = subject.classifier, subject.dataset
    train, test = (
        predict_split(f, split, lambda *_: None, name) for split, name in ((data.train, "train"), (data.test, "test"))
    )
    setup = choose_setup(f, configured(plan.generator, plan.settings), plan)
    suite = CharacteristicSuite.registered("quick")
    return Work(plan, subject, train, test, class_samples(train, test), setup, suite, 10, False)

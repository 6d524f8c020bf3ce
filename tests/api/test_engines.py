"""Which engines and workers can be asked for together."""

from __future__ import annotations

from typing import Any

import pytest

import auditor
from auditor.api.engines import check_engine, for_engine
from auditor.documents.plan import ModelPlan, Plan
from auditor.errors import UsageError

ASKED = {"model": "m.onnx", "engine": "local", "engine_address": None, "jobs": "auto", "device": "auto"}


@pytest.mark.parametrize(
    "more", [{}, {"jobs": 4}, {"engine": "ray"}, {"engine": "ray", "engine_address": "auto"}, {"model": object()}]
)
def test_what_goes_together(more: dict[str, Any]):
    check_engine({**ASKED, **more})


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"engine": "rai"}, "found 'rai'; did you mean ray"),
        ({"engine_address": "auto"}, "expected --engine ray with --engine-address"),
        ({"engine": "ray", "jobs": 2}, "expected --jobs or --engine ray; found both"),
        ({"engine": "ray", "device": "cuda:1"}, "found --device cuda"),
        ({"engine": "ray", "model": object()}, "expected a model file with --engine"),
        ({"jobs": 2, "model": object()}, "expected a model file with --jobs"),
    ],
)
def test_what_does_not_is_one_line(more: dict[str, Any], text: str):
    with pytest.raises(UsageError, match=text):
        check_engine({**ASKED, **more})


def test_nodes_compute_on_processors():
    plan = Plan(model=ModelPlan(path="m.onnx"))
    assert for_engine({**ASKED, "engine": "ray"}, plan).model.device == "cpu"
    assert for_engine(ASKED, plan) is plan


def test_python_has_its_words_for_it():
    with pytest.raises(UsageError, match=r"expected engine=.ray. with engine_address="):
        auditor.audit("sample_models/digits_fcn.onnx", "digits", engine_address="auto")

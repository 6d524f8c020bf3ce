"""A data set is fetched by a process that is gone before the worker closes itself in."""

from __future__ import annotations

import sys

import pytest

from tests.worker.sandbox.alone import alone

FETCHES = """
import os, sys, threading, time, types
from auditor.pipeline import worker_main as worker
from auditor.documents.messages import Job
from auditor.documents.plan import DataPlan, ModelPlan, Plan
from auditor.errors import InputRefused

def load_dataset(request, shape):
    threading.Thread(target=time.sleep, args=(60,)).start()
    print(request.data, os.environ["HTTPS_PROXY"], flush=True)
    if sys.argv[1] == "fails":
        raise InputRefused("a data set", "nothing", "look again")

# The real ones would import torch, which takes seconds.
sys.modules["auditor.pipeline.model_and_data"] = types.SimpleNamespace(data_request=lambda data, seed: data)
sys.modules["auditor.datasets.load"] = types.SimpleNamespace(load_dataset=load_dataset)
plan = Plan(model=ModelPlan(path="m.onnx"), data=DataPlan(data=sys.argv[2], download=True))
job = Job(task="inspect", plan=plan, network={"HTTPS_PROXY": "proxy"})
os._exit = lambda status, leave=os._exit: leave(0)  # so that the test sees what was said
worker._fetch(job, worker.Channel() if sys.argv[1] == "fails" else None)
print(os.environ.get("HTTPS_PROXY"), threading.active_count(), flush=True)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no sandbox to stay out of")


def test_nothing_of_it_is_left() -> None:
    assert alone(FETCHES, "succeeds", "mnist") == ["mnist proxy", "None 1"]


def test_other_data_are_not_fetched() -> None:
    assert alone(FETCHES, "succeeds", "digits") == ["None 1"]


def test_its_error_is_that_of_the_worker() -> None:
    said = alone(FETCHES, "fails", "mnist")
    assert len(said) == 1
    assert '"error":"InputRefused"' in said[0]

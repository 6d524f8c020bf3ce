"""A worker that does what a test says: Python code in place of the audit, started and watched by the product."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.documents.messages import Job
from auditor.documents.plan import ModelPlan, Plan
from auditor.worker import process
from auditor.worker.sandbox.environment import worker_environment
from auditor.worker.workers import Workers
from tests.cli.command import REPOSITORY

SAYS = """
import os, sys, time
def say(stage):
    print('{"kind":"progress","stage":"%s","done":0,"total":1,"detail":""}' % stage, flush=True)
def finish():
    print('{"kind":"failure","error":"UsageError","arguments":["finished"],"trace":""}', flush=True)
sys.stdin.readline()
"""
"""What every such worker begins with."""


def start(code: str, scratch: str, verbose: bool) -> subprocess.Popen[bytes]:
    """In place of ``process.start_child``."""
    return subprocess.Popen(
        [sys.executable, "-c", SAYS + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if verbose else subprocess.DEVNULL, start_new_session=True,
        env=worker_environment({}, [str(REPOSITORY), *sys.path], scratch),
    )  # fmt: skip


def worker(
    code: str, monkeypatch: pytest.MonkeyPatch, *, tell: Callable[[str], None] | None = None, **limits: str
) -> Workers:
    """A worker that runs the code, with limits as the environment sets them."""
    monkeypatch.setattr(process, "start_child", lambda scratch, verbose: start(code, scratch, verbose))
    for name, value in limits.items():
        monkeypatch.setenv(f"DEEPDIG_AUDIT_{name}", value)
    job = Job(task="inspect", plan=Plan(model=ModelPlan(path=str(Path(__file__)))))
    return Workers(job, verbose=tell is not None, tell=tell or (lambda _: None))

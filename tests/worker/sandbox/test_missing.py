"""A sandbox that is not complete is told, and what needs it is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from auditor.api.progress import lines_of_worker
from auditor.worker import sandbox
from tests.cli.command import DIGITS_CNN, command, environment
from tests.worker.sandbox.alone import alone, confined

ENTERS = """
import os, sys
from auditor.worker import sandbox
from auditor.api.progress import lines_of_worker
from auditor.documents.plan import ModelPlan, Plan
from auditor.worker.sandbox import landlock, seccomp
from auditor.errors import AuditError
{before}
plan = Plan(model=ModelPlan(path="m.pt"))
try:
    sandbox.enter(plan)
    print(sandbox.in_force())
    print([(check.id, check.status, check.message) for check in sandbox.checks()])
    sandbox.check_trust(plan.model, "onnx")
    sandbox.check_trust(plan.model.model_copy(update={{"trust_model": True}}), "torchscript")
    sandbox.check_trust(plan.model, "torchscript")
    print("trusted")
except AuditError as err:
    print(err.exit_code, err)
"""
NO_LANDLOCK, NO_SECCOMP = "landlock.abi = lambda: 0", "seccomp.available = lambda: False"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (NO_LANDLOCK, ["no Landlock"]),
        (NO_SECCOMP, ["no seccomp"]),
        (f"{NO_LANDLOCK}; {NO_SECCOMP}", ["no Landlock", "no seccomp"]),
        ("os.environ['DEEPDIG_AUDIT_SANDBOX'] = 'off'", ["DEEPDIG_AUDIT_SANDBOX=off", "no Landlock", "no seccomp"]),
    ],
)
def test_a_missing_part_is_a_warning_and_programs_need_trust(before: str, said: list[str]) -> None:
    _, warning, refused = alone(ENTERS.format(before=before))
    assert warning.count("'sandbox', 'warn'") == 1
    assert all(part in warning for part in said)
    assert refused.startswith("3 expected a kernel with Landlock and seccomp")
    assert "--trust-model" in refused


@confined
def test_a_whole_sandbox_is_no_warning() -> None:
    force, warnings, last = alone(ENTERS.format(before=""))
    assert force.startswith("Landlock ABI")
    if "seccomp" in force:
        assert (warnings, last) == ("[]", "trusted")
    assert sandbox.checks() == []  # this process is no worker


@confined
def test_a_sandbox_that_cannot_be_entered_is_one_clear_line() -> None:
    full = "for _ in range(16): landlock.restrict([(__import__('pathlib').Path('/'), landlock.WRITE)])"
    (said,) = alone(ENTERS.format(before=full))
    assert said.startswith("4 expected the system to close the worker process in; found: Argument list too long;")
    assert "DEEPDIG_AUDIT_SANDBOX=off" in said


def test_the_command_says_so(tmp_path: Path) -> None:
    small = ("--pairs", "3:8", "--profile", "quick", "--samples-per-class", "8", "--format", "json")
    done = subprocess.run(
        command(DIGITS_CNN, "--data", "digits", *small, "--out", "out"), cwd=tmp_path, timeout=120, check=False,
        env=environment(DEEPDIG_AUDIT_SANDBOX="off"), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\ndeepdig-audit: The sandbox is not complete (DEEPDIG_AUDIT_SANDBOX=off): no Landlock" in done.stderr
    checks = json.loads((tmp_path / "out" / "results.json").read_text())["validity"]
    assert [check["status"] for check in checks if check["id"] == "sandbox"] == ["warn"]


def test_who_asks_for_errors_only_hears_no_line_of_the_worker(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet, verbose in ((False, False), (True, False), (True, True)):
        lines_of_worker(quiet, verbose)(f"{quiet} {verbose}")
    assert capsys.readouterr().err == "deepdig-audit: False False\ndeepdig-audit: True True\n"

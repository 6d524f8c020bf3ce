"""Help answers at once: nothing heavy is imported for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.command import environment

HELP = """
import json, sys
from auditor.cli import main
status = main(sys.argv[1:])
print(json.dumps([status, sorted(sys.modules)]), file=sys.stderr)
"""
HEAVY = {
    "torch",
    "numpy",
    "sklearn",
    "matplotlib",
    "weasyprint",
    "onnx",
    "onnxruntime",
    "PIL",
    "jinja2",
    "rich",
    "auditor.policy",
}


def asked_for_help(*arguments: str) -> tuple[str, int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", HELP, *arguments], env=environment(), capture_output=True, text=True, check=True
    )
    status, modules = json.loads(done.stderr)
    return done.stdout, status, set(modules)


@pytest.mark.parametrize(
    "command", [[], ["inspect"], ["render"], ["gate"], ["init-policy"], ["compare"], ["list"], ["model.onnx"]]
)
def test_help_of_every_command_imports_nothing_heavy(command: list[str]):
    text, status, modules = asked_for_help(*command, "--help")
    assert status == 0
    assert text.startswith("Usage: deepdig-audit")
    assert not HEAVY & modules


def test_the_first_help_shows_the_main_options_and_the_commands():
    text, _, _ = asked_for_help("--help")
    for word in (
        "MODEL",
        "--data",
        "--pairs",
        "--profile",
        "--config",
        "inspect",
        "render",
        "gate",
        "init-policy",
        "compare",
        "--policy",
        "--baseline",
        "list",
        "--version",
    ):
        assert word in text
    assert "(main)" not in text


@pytest.mark.skipif(os.name != "posix", reason="asks the system for a child's processor time")
@pytest.mark.parametrize("command", ["gate", "init-policy", "compare", "render"])
def test_help_answers_in_half_a_second(command: str):
    """In processor time, the best of three, because other tests run beside this one."""
    times = []
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-m", "auditor", command, "--help"], env=environment(), stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        times.append(used.ru_utime + used.ru_stime)
    assert min(times) < 0.5


def test_main_help_lists_the_options_of_the_main_job_whatever_else_is_given():
    assert asked_for_help("--help")[0] == asked_for_help("model.onnx", "--data", "x", "--help")[0]

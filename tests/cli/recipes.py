"""A job's machine for docs/ci.md and action.yml: a base branch, a change in its checkout, and their shell lines.

What a machine without those services cannot do is replaced by stubs on the path: installing, and ``gh``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML
from sklearn.datasets import load_digits

from tests.cli.command import DIGITS_CNN, REPOSITORY, environment

SCRIPTS = Path(sysconfig.get_path("scripts"))
SMALL = "data = 'data.npz'\nprofile = 'quick'\npairs = '3:8'\nsamples-per-class = 16\n"
POLICY = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = {}\n"
BASE = "stable"
"""Name of the base branch."""


def yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


def step(steps: list[Any], name: str) -> Any:
    (found,) = [step for step in steps if step.get("name") == name]
    return found


ACTION = yaml((REPOSITORY / "action.yml").read_text("utf-8"))
AUDIT = step(ACTION["runs"]["steps"], "Audit")
INSTALL = step(ACTION["runs"]["steps"], "Install deepdig-audit")


def job(folder: Path) -> Path:
    """A checkout of a change, in which the origin's base branch has options, data and a policy that passes.

    Its folder has a blank in its name, as have those of the runner's own files.
    """
    work, temp = folder / "the checkout", folder / "its temp"
    work.mkdir()
    x, y = load_digits(return_X_y=True)
    np.savez(work / "data.npz", x=(x.reshape(-1, 1, 8, 8) / 16).astype(np.float32), y=y)
    (work / "model.onnx").write_bytes(DIGITS_CNN.read_bytes())
    (work / "audit.toml").write_text(SMALL)
    (work / "policy.toml").write_text(POLICY.format(0.5))
    for bin_folder in (folder / "bin", temp / "deepdig-audit" / "bin", temp / "venv" / "bin"):
        bin_folder.mkdir(parents=True)
        (bin_folder / "deepdig-audit").symlink_to(SCRIPTS / "deepdig-audit")
    for name in ("bin/python", "bin/python3", "bin/gh", "its temp/venv/bin/python"):
        program(folder / name, f'echo "$@" >> {shlex.quote(str(folder / Path(name).name))}.log')
    # The package is in this interpreter's own environment; a link to the interpreter would not find it.
    program(temp / "deepdig-audit" / "bin" / "python", f'exec {shlex.quote(sys.executable)} "$@"')
    git(work, "init", "--quiet", "--initial-branch", BASE)
    commit(work, "accepted")
    git(work, "remote", "add", "origin", str(work))
    git(work, "fetch", "--quiet", "origin")
    git(work, "checkout", "--quiet", "-b", "change")
    return work


def program(path: Path, line: str) -> None:
    """A program of one line of shell."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def git(work: Path, *arguments: str) -> None:
    facts = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *facts, *arguments], cwd=work, check=True, capture_output=True)


def commit(work: Path, message: str) -> None:
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", message)


def on_base(work: Path, file: str, text: str) -> None:
    """Change a file on the base branch and leave the change's as it is."""
    git(work, "checkout", "--quiet", BASE)
    (work / file).write_text(text)
    commit(work, "base")
    git(work, "fetch", "--quiet", "origin")
    git(work, "checkout", "--quiet", "change")


def shell(script: str, work: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run as the services do: bash that stops at the first failure."""
    temp = work.parent / "its temp"
    output = work.parent / "output"
    output.touch()
    variables = environment(
        PATH=f"{work.parent / 'bin'}{os.pathsep}{os.environ['PATH']}", RUNNER_TEMP=str(temp), WORKSPACE_TMP=str(temp),
        GITHUB_OUTPUT=str(output), GITHUB_WORKSPACE=str(work), **more,
    )  # fmt: skip
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        if name not in more:
            variables.pop(name, None)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=work, env=variables,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def inputs(**given: str) -> dict[str, str]:
    """The environment of the action's audit step, its inputs filled in."""
    values = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()} | given
    assert set(values) == set(ACTION["inputs"])
    return {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m[1]], v) for name, v in AUDIT["env"].items()
    }

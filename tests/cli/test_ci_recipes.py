"""docs/ci.md, action.yml and .pre-commit-hooks.yaml: valid by their schemas, and their shell lines do what they say.

What a machine without those services cannot do is replaced by stubs on the path: installing, and ``gh``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from sklearn.datasets import load_digits

from auditor.cli import main
from auditor.cli.config import read_config
from auditor.policy.document import parse_policy
from tests.cli.command import DIGITS_CNN, REPOSITORY, environment

SCRIPTS = Path(sysconfig.get_path("scripts"))
PAGE = (REPOSITORY / "docs" / "ci.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).*\n)*?```(?:yaml|sh)\n((?:.*\n)*?)```$", PAGE, re.MULTILINE))
(CONFIG,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SMALL = "data = 'data.npz'\nprofile = 'quick'\npairs = '3:8'\nsamples-per-class = 16\n"
POLICY = "version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = {}\n"


def yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


def step(steps: list[Any], name: str) -> Any:
    (found,) = [step for step in steps if step.get("name") == name]
    return found


ACTION = yaml((REPOSITORY / "action.yml").read_text("utf-8"))
HOOKS = {hook["id"]: hook for hook in yaml((REPOSITORY / ".pre-commit-hooks.yaml").read_text("utf-8"))}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with a model, data, options, a policy that passes, and stubs in ``bin``."""
    x, y = load_digits(return_X_y=True)
    np.savez(tmp_path / "data.npz", x=(x.reshape(-1, 1, 8, 8) / 16).astype(np.float32), y=y)
    (tmp_path / "model.onnx").write_bytes(DIGITS_CNN.read_bytes())
    (tmp_path / "audit.toml").write_text(SMALL)
    (tmp_path / "policy.toml").write_text(POLICY.format(0.5))
    venv = tmp_path / "temp" / "deepdig-audit" / "bin"
    for folder in (tmp_path / "bin", venv):
        folder.mkdir(parents=True)
        (folder / "deepdig-audit").symlink_to(SCRIPTS / "deepdig-audit")
    for name in ("python", "gh"):
        stub = tmp_path / "bin" / name
        stub.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/{name}.log\n')
        stub.chmod(0o755)
    return tmp_path


def shell(script: str, work: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run as the services do: bash that stops at the first failure."""
    variables = environment(PATH=f"{work / 'bin'}{os.pathsep}{os.environ['PATH']}", **more)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        if name not in more:
            variables.pop(name, None)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=work, env=variables,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_every_recipe_is_there():
    assert set(BLOCKS) == {"GitHub Actions", "GitLab CI", "pre-commit", "Any other service"}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.github-actions", (REPOSITORY / "action.yml").read_text("utf-8")),
        ("vendor.github-workflows", BLOCKS["GitHub Actions"]),
        ("vendor.gitlab-ci", BLOCKS["GitLab CI"]),
    ],
)
def test_it_is_valid_by_the_schema_of_its_service(schema: str, text: str, tmp_path: Path):
    (tmp_path / "file.yml").write_text(text)
    done = subprocess.run(
        [SCRIPTS / "check-jsonschema", "--builtin-schema", schema, tmp_path / "file.yml"], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_options_of_the_recipes_are_options(tmp_path: Path):
    keys = {key.replace("-", "_") for key in tomllib.loads(CONFIG)}
    (tmp_path / "audit.toml").write_text(CONFIG)
    assert set(read_config(tmp_path / "audit.toml", sorted(keys))) == keys
    # An option that is none would end with 2; the model that is not there comes after that.
    assert main(["none.onnx", "--config", str(tmp_path / "audit.toml"), "--policy", str(tmp_path)]) == 2


# ---- GitHub Actions --------------------------------------------------------------------------------


def inputs(**given: str) -> dict[str, str]:
    """The environment of the action's audit step, its inputs filled in."""
    values = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()} | given
    found = step(ACTION["runs"]["steps"], "Audit")["env"]
    return {name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m[1]], text) for name, text in found.items()}


def test_the_action_audits_as_the_recipe_asks(work: Path):
    recipe = yaml(BLOCKS["GitHub Actions"])["jobs"]["audit"]["steps"]
    (used,) = [step["with"] for step in recipe if step.get("uses", "").startswith("OWNER/")]
    assert set(used) <= set(ACTION["inputs"])
    script = step(ACTION["runs"]["steps"], "Audit")["run"]
    service = {
        "RUNNER_TEMP": str(work / "temp"), "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(work / "step.md"),
    }  # fmt: skip
    done = shell(script, work, **service, **inputs(**used))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (work / "audit").iterdir()) == [
        "junit.xml", "report.html", "results.json", "results.sarif", "run.json", "summary.md",
    ]  # fmt: skip
    assert (work / "step.md").read_text().strip() == (work / "audit" / "summary.md").read_text().strip()
    assert shell(step(recipe, "Comment on the pull request")["run"], work, NUMBER="7").returncode == 0
    said = (work / "gh.log").read_text().split()
    assert said[:3] == ["pr", "comment", "7"]
    uploads = [s["with"] for s in recipe if "upload" in s.get("uses", "")]
    files = [said[-1], *(path for upload in uploads for key, path in upload.items() if key in ("path", "sarif_file"))]
    assert files == ["audit/summary.md", "audit", "audit/results.sarif"]
    assert all((work / file).exists() for file in files)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"model": "none.onnx", "data": "digits"}, 3),
        ({"model": "model.onnx"}, 2),
        ({"model": "model.onnx", "data": "digits", "policy": "none.toml"}, 2),
        ({"model": "model.onnx", "data": "digits", "policy": "policy.toml", "baseline": "none.json"}, 2),
        ({"model": "model.onnx", "data": "digits", "arguments": "--profile\n fast"}, 2),
    ],
)
def test_the_action_fails_with_the_command(given: dict[str, str], status: int, work: Path):
    script = step(ACTION["runs"]["steps"], "Audit")["run"]
    assert shell(script, work, RUNNER_TEMP=str(work / "temp"), **inputs(**given)).returncode == status


def test_the_action_installs_the_pins_of_this_repository(work: Path):
    script = step(ACTION["runs"]["steps"], "Install deepdig-audit")["run"]
    venv = work / "temp" / "deepdig-audit" / "bin"
    (venv / "python").write_text((work / "bin" / "python").read_text())
    (venv / "python").chmod(0o755)
    done = shell(script, work, RUNNER_TEMP=str(work / "temp"), GITHUB_ACTION_PATH=str(REPOSITORY))
    assert done.returncode == 0, done.stderr
    ran = (work / "python.log").read_text().splitlines()
    assert ran[0].startswith("-m venv")
    (pins,) = re.findall(r"--require-hashes -r (\S+)", ran[1])
    assert Path(pins).exists()
    assert ran[2].endswith(f"--no-deps {REPOSITORY}")


# ---- GitLab CI, pre-commit, any other ----------------------------------------------------------------


def test_the_gitlab_job_runs_and_its_reports_are_there(work: Path):
    job = yaml(BLOCKS["GitLab CI"])["audit"]
    done = shell("\n".join(job["script"]), work, **job["variables"])
    assert done.returncode == 0, done.stderr
    assert (work / "python.log").read_text() == "-m pip install --quiet ./deepdig-audit\n"
    assert (work / job["artifacts"]["reports"]["junit"]).exists()
    # The audit is there: the hook and the lines for any other service decide on it again.
    (repository,) = yaml(BLOCKS["pre-commit"])["repos"]
    gate = next(hook for hook in repository["hooks"] if hook["id"] == "deepdig-audit-gate")
    line = f"{HOOKS[gate['id']]['entry']} {shlex.join(gate['args'])}"
    assert shell(line, work).returncode == 0
    (work / "accepted").mkdir()
    (work / "accepted" / "results.json").write_bytes((work / "audit" / "results.json").read_bytes())
    _, *rest = BLOCKS["Any other service"].splitlines()
    done = shell("\n".join(rest), work)
    assert done.returncode == 0, done.stderr
    assert (work / "compare" / "compare.html").exists()
    (work / "policy.toml").write_text("strict = true\n" + POLICY.format(0.9999))
    assert shell(line, work).returncode == 1
    assert shell("\n".join(rest), work).returncode == 1


def test_the_hooks_are_hooks_and_the_recipe_uses_them(work: Path):
    (repository,) = yaml(BLOCKS["pre-commit"])["repos"]
    assert {hook["id"] for hook in repository["hooks"]} == set(HOOKS)
    for hook in HOOKS.values():
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert hook["pass_filenames"] is False
        assert hook["entry"].split()[0] == "deepdig-audit"
    found = {name: re.compile(hook["files"]) for name, hook in HOOKS.items()}
    assert all(found["deepdig-audit-gate"].search(p) for p in ("audit/results.json", "policy.toml", "a/my-policy.toml"))
    assert found["deepdig-audit"].search("model.onnx")
    assert not any(pattern.search("README.md") for pattern in found.values())
    audit = next(hook for hook in repository["hooks"] if hook["id"] == "deepdig-audit")
    (work / "model.onnx").unlink()
    assert shell(f"{HOOKS['deepdig-audit']['entry']} {shlex.join(audit['args'])}", work).returncode == 3


def test_the_policy_of_these_tests_is_one():
    assert parse_policy(POLICY.format(0.5), "p").rules

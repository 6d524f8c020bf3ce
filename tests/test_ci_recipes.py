"""The action, the hook and the recipes of docs/ci.md: valid by the services' schemas, and their commands run."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from auditor.policy.decide import decide
from auditor.policy.document import parse_policy
from auditor.results import to_json
from tests.cli.command import DIGITS_CNN, environment
from tests.render.sample_results import synthetic_results

ROOT = Path(__file__).parents[1]
HOOKS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["id", "name", "entry", "language"],
        "properties": {
            "id": {"type": "string"}, "name": {"type": "string"}, "description": {"type": "string"},
            "entry": {"type": "string"}, "language": {"enum": ["python"]},
            "files": {"type": "string", "format": "regex"}, "pass_filenames": {"type": "boolean"},
        },
        "additionalProperties": False,
    },
}  # fmt: skip
BASH = shutil.which("bash")


def yaml(text: str) -> Any:
    return YAML(typ="safe").load(io.StringIO(text))


def recipe(name: str) -> str:
    text = (ROOT / "docs" / "ci.md").read_text("utf-8")
    found = re.search(rf"<!-- recipe: {name} -->\n```yaml\n(.*?)```", text, re.S)
    assert found
    return found[1]


def valid(schema: str, text: str, folder: Path) -> None:
    (folder / "checked.yml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, "checked.yml"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A folder with the files that the recipes name, and the command on the path in ``bin``."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "deepdig-audit"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m auditor "$@"\n')
    command.chmod(0o755)
    shutil.copy(DIGITS_CNN, tmp_path / "model.onnx")
    (tmp_path / "policy.toml").write_text("version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n")
    (tmp_path / "accepted").mkdir()
    (tmp_path / "accepted" / "results.json").write_text(to_json(synthetic_results(images=False, chosen=[(4, 9)])))
    return tmp_path


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as the services do: bash that stops at the first error."""
    assert BASH is not None
    paths = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env=environment(PATH=paths, **variables), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_action_and_the_recipes_are_valid(tmp_path: Path):
    valid("vendor.github-actions", (ROOT / "action.yml").read_text(), tmp_path)
    valid("vendor.github-workflows", recipe("github"), tmp_path)
    valid("vendor.gitlab-ci", recipe("gitlab"), tmp_path)


def test_the_hook_is_valid_and_the_recipe_names_it():
    hooks = yaml((ROOT / ".pre-commit-hooks.yaml").read_text())
    jsonschema.validate(hooks, HOOKS)
    used = yaml(recipe("pre-commit"))["repos"][0]["hooks"][0]
    assert used["id"] in [hook["id"] for hook in hooks]
    pattern = hooks[0]["files"]
    assert re.search(pattern, "accepted/results.json")
    assert re.search(pattern, "policy.toml")
    assert not re.search(pattern, "other.json")


def test_the_workflow_gives_the_action_what_it_takes():
    inputs = yaml((ROOT / "action.yml").read_text())["inputs"]
    steps = yaml(recipe("github"))["jobs"]["boundary"]["steps"]
    (given,) = [step["with"] for step in steps if "deepdig-audit" in step.get("uses", "")]
    assert set(given) <= set(inputs)
    assert {name for name, each in inputs.items() if each.get("required")} <= set(given)


def test_no_input_is_pasted_into_a_script():
    """An expression inside ``run`` would be executed with whatever a pull request writes into it."""
    for text in ((ROOT / "action.yml").read_text(), recipe("github")):
        document = yaml(text)
        steps = document["runs"]["steps"] if "runs" in document else document["jobs"]["boundary"]["steps"]
        assert all("${{" not in step.get("run", "") for step in steps)


def steps_of_the_action() -> dict[str, Any]:
    return {step["name"]: step for step in yaml((ROOT / "action.yml").read_text())["runs"]["steps"]}


def test_the_action_installs_the_pins_and_itself(stage: Path):
    """With a Python that only says what it was asked."""
    python = stage / "bin" / "python-says"
    python.write_text(
        '#!/bin/sh\necho "$@" >> said\nmkdir -p venv/bin\n[ -e venv/bin/python ] || cp "$0" venv/bin/python\n'
    )
    python.chmod(0o755)
    done = shell(
        steps_of_the_action()["Install"]["run"], stage,
        AUDIT_PYTHON="python-says", AUDIT_SOURCE=str(ROOT), AUDIT_VENV="venv", GITHUB_PATH="paths",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = (stage / "said").read_text().splitlines()
    assert said[0] == "-m venv venv"
    assert said[1].endswith(f"--require-hashes -r {ROOT}/requirements.txt")
    assert said[2].endswith(f"--no-deps {ROOT}")
    assert (ROOT / "requirements.txt").is_file()
    assert (stage / "paths").read_text() == "venv/bin\n"


def test_the_action_audits(stage: Path):
    step = steps_of_the_action()["Audit"]
    variables = dict.fromkeys(step["env"], "") | {
        "AUDIT_MODEL": "model.onnx", "AUDIT_DATA": "digits", "AUDIT_POLICY": "policy.toml", "AUDIT_PROFILE": "quick",
        "AUDIT_OUT": "my audit", "AUDIT_FORMAT": "json,markdown",
        "AUDIT_ARGUMENTS": "--pairs=4:9\n--samples-per-class=8\n",
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "step.md",
    }  # fmt: skip
    done = shell(step["run"], stage, **variables)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (stage / "my audit").iterdir()) == ["results.json", "run.json", "summary.md"]
    assert (stage / "step.md").read_text("utf-8").startswith("### Passed: ")
    assert json.loads((stage / "my audit" / "results.json").read_text())["gate"]["status"] == "passed"


@pytest.mark.parametrize("there", [True, False])
def test_the_comment_of_the_workflow(there: bool, stage: Path):
    """With a ``gh`` that only says what it was asked."""
    (stage / "bin" / "gh").write_text('#!/bin/sh\necho "$@" >> said\n')
    (stage / "bin" / "gh").chmod(0o755)
    (stage / "audit").mkdir()
    if there:
        (stage / "audit" / "summary.md").write_text("text")
    (step,) = [s for s in yaml(recipe("github"))["jobs"]["boundary"]["steps"] if s.get("name") == "Comment"]
    assert shell(step["run"], stage, NUMBER="7").returncode == 0
    assert (stage / "said").exists() == there


def test_the_script_of_gitlab_asks_for_what_the_command_knows(stage: Path):
    """Without the data that it names the command refuses them: every option before that was understood."""
    job = yaml(recipe("gitlab"))["boundary"]
    (line,) = job["script"]
    done = shell(line, stage, **job["variables"])
    assert done.returncode == 3
    assert "data" in done.stderr
    done = shell(
        line.replace("--data data", "--data digits --pairs 4:9 --samples-per-class 8"), stage, **job["variables"]
    )
    assert done.returncode == 0, done.stderr
    assert (stage / job["artifacts"]["reports"]["junit"]).is_file()


def test_the_hook_decides(stage: Path):
    hook = yaml((ROOT / ".pre-commit-hooks.yaml").read_text())[0]
    arguments = yaml(recipe("pre-commit"))["repos"][0]["hooks"][0]["args"]
    done = shell(" ".join([hook["entry"], *arguments]), stage)
    assert done.returncode == 0, done.stderr
    (stage / "policy.toml").write_text("version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.9999\n")
    assert shell(" ".join([hook["entry"], *arguments]), stage).returncode == 1


def test_the_policy_that_the_page_shows_can_be_decided():
    text = (ROOT / "docs" / "policy.md").read_text("utf-8")
    found = re.search(r"```toml\n(.*?)```", text, re.S)
    assert found
    tomllib.loads(found[1])
    results = synthetic_results(images=False)
    gate = decide(results, parse_policy(found[1], "docs/policy.md"), results)
    assert {rule.id for rule in gate.rules} >= {"no pair too close", "4 and 9"}
    assert not [rule for rule in gate.rules if rule.status == "not_measured"]

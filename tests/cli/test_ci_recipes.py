"""docs/ci.md and .pre-commit-hooks.yaml: valid by their schemas, and their shell lines do what they say.

The recipes run on a checkout of a change beside its base branch, see ``tests.cli.recipes``.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import main
from auditor.cli.config import read_config
from auditor.policy.document import parse_policy
from tests.cli.command import REPOSITORY
from tests.cli.recipes import ACTION, AUDIT, BASE, POLICY, SCRIPTS, SMALL, inputs, on_base, shell, step, yaml

PAGE = (REPOSITORY / "docs" / "ci.md").read_text("utf-8")
BLOCKS = dict(
    re.findall(r"^## ([^\n]+)\n(?:(?!^## ).*\n)*?```(?:yaml|sh|groovy)\n((?:.*\n)*?)```$", PAGE, re.MULTILINE)
)
(CONFIG,) = re.findall(r"^```toml\n(# audit.toml\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
HOOKS = {hook["id"]: hook for hook in yaml((REPOSITORY / ".pre-commit-hooks.yaml").read_text("utf-8"))}


def test_every_recipe_is_there():
    assert set(BLOCKS) == {"GitHub Actions", "GitLab CI", "Jenkins", "pre-commit", "Any other service"}


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


# ---- what the recipes run ------------------------------------------------------------------------------


def expanded(text: str, work: Path) -> str:
    """What the service makes of its own expressions."""
    known = {"runner.temp": str(work.parent / "its temp"), "github.base_ref": BASE, "github.event.number": "7",
             "github.token": "t"}  # fmt: skip
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda m: known[m[1]], text)


def steps(work: Path) -> list[Any]:
    """The steps of the GitHub recipe, expressions filled in."""
    return yaml(expanded(BLOCKS["GitHub Actions"], work))["jobs"]["audit"]["steps"]


def github(work: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The recipe's own lines, then the action's."""
    fetched = step(steps(work), "Policy, options and data of the base branch")
    done = shell(fetched["run"], work, **fetched["env"])
    if done.returncode:
        return done
    (used,) = [step["with"] for step in steps(work) if step.get("uses", "").startswith("OWNER/")]
    return shell(AUDIT["run"], work, **more, **inputs(**used))


def gitlab(work: Path) -> subprocess.CompletedProcess[str]:
    found = yaml(BLOCKS["GitLab CI"])["audit"]
    return shell("\n".join(found["script"]), work, CI_MERGE_REQUEST_TARGET_BRANCH_NAME=BASE, **found["variables"])


def jenkins(work: Path) -> subprocess.CompletedProcess[str]:
    (script,) = re.findall(r"sh '''\n(.*?)'''", BLOCKS["Jenkins"], re.DOTALL)
    return shell(script, work, CHANGE_TARGET=BASE, DEEPDIG_AUDIT="/opt/deepdig-audit")


def elsewhere(work: Path) -> subprocess.CompletedProcess[str]:
    return shell(BLOCKS["Any other service"], work, TARGET_BRANCH=BASE)


RECIPES = {"GitHub Actions": github, "GitLab CI": gitlab, "Jenkins": jenkins, "Any other service": elsewhere}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(
    ("file", "text", "status", "said"),
    [
        # What the base branch has is read first, and told by an error that the change's own file would not make.
        ("policy.toml", POLICY.format(0.5) + "minimum = 3\n", 2, "rules[0].minimum in "),
        ("audit.toml", SMALL + "profil = 'quick'\n", 2, "found profil in "),
    ],
)
def test_a_change_cannot_bring_its_own_policy(name: str, file: str, text: str, status: int, said: str, work: Path):
    on_base(work, file, text)
    done = RECIPES[name](work)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert f"{file};" in done.stderr
    assert f" {file};" not in done.stderr  # that of the checkout


def test_the_action_audits_as_the_recipe_asks(work: Path):
    recipe = steps(work)
    (used,) = [step["with"] for step in recipe if step.get("uses", "").startswith("OWNER/")]
    assert set(used) <= set(ACTION["inputs"])
    out = work.parent / "its temp" / "audit"
    (work / "data.npz").write_bytes(b"the change's own")
    done = github(work, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(work.parent / "step.md"))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "junit.xml", "report.html", "results.json", "results.sarif", "run.json", "summary.md",
    ]  # fmt: skip
    assert (work.parent / "step.md").read_text().strip() == (out / "summary.md").read_text().strip()
    comment = step(recipe, "Comment on the pull request")
    assert shell(comment["run"], work, NUMBER="7").returncode == 0
    said = (work.parent / "gh.log").read_text().strip()
    assert said.startswith("pr comment 7 ")
    uploads = [s["with"] for s in recipe if "upload" in s.get("uses", "")]
    files = [upload[key] for upload in uploads for key in ("path", "sarif_file") if key in upload]
    assert [said.partition("--body-file ")[2], *files] == [f"{out}/summary.md", f"{out}", f"{out}/results.sarif"]
    assert all(Path(file).exists() for file in files)


def test_the_gitlab_job_runs_and_its_reports_are_there(work: Path):
    # What a change committed where the job writes is gone before it begins.
    (work / "audit").symlink_to(work.parent)
    done = gitlab(work)
    assert done.returncode == 0, done.stderr
    installed = (work.parent / "python.log").read_text().splitlines()
    assert installed[0].endswith("--require-hashes -r /opt/deepdig-audit/requirements.txt")
    assert installed[1].endswith("--no-index --no-deps --no-build-isolation /opt/deepdig-audit")
    artifacts = yaml(BLOCKS["GitLab CI"])["audit"]["artifacts"]
    assert (work / artifacts["reports"]["junit"]).exists()
    assert not (work.parent / "results.json").exists()


def test_the_lines_for_any_other_service_run(work: Path):
    done = shell(BLOCKS["Any other service"].partition("git show FETCH_HEAD:accepted")[0], work, TARGET_BRANCH=BASE)
    assert done.returncode == 0, done.stderr
    accepted = work / "accepted"
    accepted.mkdir()
    (accepted / "results.json").write_bytes((work / "audit" / "results.json").read_bytes())
    (line,) = (x for x in BLOCKS["Any other service"].splitlines() if x.startswith("deepdig-audit compare"))
    line = line.replace('"$base/accepted.json"', "accepted/results.json")
    assert shell(line, work).returncode == 0
    assert (work / "compare" / "compare.html").exists()


def test_the_hook_is_one_and_the_recipe_uses_it(work: Path):
    (repository,) = yaml(BLOCKS["pre-commit"])["repos"]
    (hook,) = repository["hooks"]
    (known,) = HOOKS.values()
    assert hook["id"] == known["id"]
    assert {"id", "name", "entry", "language"} <= set(known)
    assert known["pass_filenames"] is False
    assert re.search(known["files"], "model.onnx")
    assert not re.search(known["files"], "README.md")
    assert "--no-resume" in hook["args"]
    (work / "model.onnx").unlink()
    assert shell(f"{known['entry']} {shlex.join(hook['args'])}", work).returncode == 3


def test_the_policy_of_these_tests_is_one():
    assert parse_policy(POLICY.format(0.5), "p").rules

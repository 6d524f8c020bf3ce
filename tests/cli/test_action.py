"""action.yml: its own shell lines, run as a runner does, on a checkout that a change has filled."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from auditor.cli import main
from tests.cli.command import DIGITS_CNN, REPOSITORY
from tests.cli.recipes import ACTION, AUDIT, INSTALL, POLICY, SCRIPTS, inputs, job, program, shell, yaml

OURS = {"model": "model.onnx", "data": "digits", "policy": "policy.toml"}
CACHING = ("restore", "save")
FAST = {"arguments": "--profile quick --pairs 3:8 --samples-per-class 16", "format": "json"}


def audit(work: Path, **given: str) -> tuple[int, str]:
    """How the audit step ends, and what it says on standard error."""
    done = shell(AUDIT["run"], work, **inputs(**given))
    return done.returncode, done.stderr


def folder(work: Path) -> Path:
    """Where the action said that its files are."""
    return Path((work.parent / "output").read_text().rpartition("folder=")[2].strip())


REFUSED = [
    # The command's own refusals come through with their codes.
    ({"model": "none.onnx", "data": "digits"}, 3, "none.onnx"),
    ({"model": "model.onnx"}, 2, "--data"),
    (OURS | {"policy": "none.toml"}, 2, "none.toml"),
    (OURS | {"baseline": "none.json"}, 2, "leave --baseline out"),
    (OURS | {"config": "none.toml"}, 2, "none.toml"),
    (OURS | {"arguments": "--profile\n fast"}, 2, "quick, standard"),
    (OURS | {"arguments": "other.onnx"}, 2, "extra argument"),
    # An option in place of a model, and options that end early or switch off what the action relies on.
    *((OURS | {"model": model}, 2, "a model file") for model in ("", "--help", "--version", "-q", "-", "--", "-h")),
    *((OURS | {"model": model}, 3, model) for model in ("list", "gate")),
    *(
        (OURS | {"arguments": words}, 2, "the input arguments")
        for words in (
            "--help", "--version", "--quiet --help", "--resume", "--no-resume", "--", "-- other.onnx",
            "--out audit", "--out=audit", "--policy weak.toml", "--policy=weak.toml", "--baseline r.json",
            "--format=csv", "--config weak.toml", "--data=digits", "\n\t--help\n",
        )
    ),
    # Options that would swallow what follows them.
    (OURS | {"arguments": "--seed"}, 2, "--seed"),
    (OURS | {"arguments": "--class-names"}, 2, ""),
    # Places in the checkout, by whatever name.
    *((OURS | {"out": out}, 2, "the input out") for out in (".", "audit", "./a/../audit", "link", "-x", "a\nb")),
    (OURS | {"format": ""}, 2, "found none"),
]  # fmt: skip
"""Inputs of the action, the code that its audit step ends with, and what it says."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that stays as it is, for all that is refused."""
    work = job(tmp_path_factory.mktemp("job"))
    (work / "link").symlink_to(work / "inside")
    return work


@pytest.mark.parametrize(("given", "status", "said"), REFUSED)
def test_what_the_action_refuses(given: dict[str, str], status: int, said: str, left: Path):
    found, err = audit(left, **given)
    assert (found, said in err) == (status, True), err
    assert "Traceback" not in err
    assert not [*left.parent.rglob("results.json")]


def test_a_refusal_is_one_line_and_no_command_of_the_runner(work: Path):
    _, err = audit(work, **OURS, arguments="--help##[error]pwn\n")
    (line,) = err.splitlines()
    assert "##[" not in line
    _, err = audit(work, **OURS | {"model": "-x\n::error::pwn"})
    assert len(err.splitlines()) == 1


def test_without_new_results_of_the_model_the_action_fails(work: Path):
    """Commands that end with 0 and write nothing, what was there before, another model's, a gate that failed."""
    out = work.parent / "its temp" / "deepdig-audit-results"
    out.mkdir()
    other = {"model": {"file": "x", "sha256": "0" * 64, "size_bytes": 5}, "gate": {"status": "passed"}}
    (out / "results.json").write_text(json.dumps(other))
    command = work.parent / "its temp" / "deepdig-audit" / "bin" / "deepdig-audit"
    command.unlink()
    for line, said in [
        ("exit 0", "expected new results"),
        (f"echo '{json.dumps(other)}' > \"$2/results.json\"; exit 0", "expected results of 'model.onnx'"),
        ("echo '{' > \"$2/results.json\"; exit 0", "expected new results"),
    ]:
        # The folder is the second argument after --out, wherever that stands.
        program(command, f'while [ "$1" != --out ]; do shift; done; {line}')
        status, err = audit(work, **OURS)
        assert (status, said in err) == (4, True), err
    model = DIGITS_CNN.read_bytes()
    facts = {"file": "m", "sha256": hashlib.sha256(model).hexdigest(), "size_bytes": len(model)}
    for verdict, status in (("failed", 4), ("not_configured", 4), ("passed", 0)):
        written = json.dumps({"model": facts, "gate": {"status": verdict}})
        program(command, f'while [ "$1" != --out ]; do shift; done; echo \'{written}\' > "$2/results.json"')
        assert audit(work, **OURS)[0] == status


def test_what_a_change_committed_is_neither_read_nor_written(work: Path):
    """A worse model with a journal, results and modules that it brought; the policy asks for more than it has."""
    (work / "audit").mkdir()
    for name in ("audit.journal", "results.json", "summary.md"):
        (work / "audit" / name).write_text("forged")
    for name in ("json.py", "auditor.py", "hashlib.py", "torch.py"):
        (work / name).write_text("import os\nos._exit(0)\n")
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    (work.parent / "policy.toml").write_text("strict = true\n" + POLICY.format(0.9999))
    status, err = audit(work, **OURS | FAST | {"policy": str(work.parent / "policy.toml")})
    assert status == 1, err
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before
    assert not folder(work).is_relative_to(work)
    written = json.loads((folder(work) / "results.json").read_text())
    assert written["gate"]["status"] == "failed"
    assert "--no-resume" in json.loads((folder(work) / "run.json").read_text())["command"]
    assert main(["gate", str(folder(work) / "results.json"), "--policy", str(work.parent / "policy.toml")]) == 1


def test_it_installs_the_pins_of_this_repository_and_nothing_else(work: Path):
    for name in ("pip.py", "venv.py"):
        (work / name).write_text("import os\nos._exit(0)\n")
    logged = work.parent / "python.log"
    program(work.parent / "its temp" / "deepdig-audit" / "bin" / "python", f'echo "$@" >> "{logged}"')
    done = shell(INSTALL["run"], work, GITHUB_ACTION_PATH=str(REPOSITORY))
    assert done.returncode == 0, done.stderr
    made, pinned, own = logged.read_text().splitlines()
    assert made == f"-I -m venv {work.parent}/its temp/deepdig-audit"
    cache = f"--cache-dir {work.parent}/its temp/deepdig-audit-packages"
    assert pinned.endswith(f"install --quiet {cache} --require-hashes -r {REPOSITORY}/requirements.txt")
    assert own.endswith(f"install --quiet --no-index --no-deps --no-build-isolation {REPOSITORY}")
    assert all(line.startswith("-I -m ") for line in (made, pinned, own))
    backend = (REPOSITORY / "pyproject.toml").read_text().partition("requires = [")[2].partition("]")[0]
    for name in re.findall(r'"([a-z]+)', backend):
        assert re.search(rf"^{name}==", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE)


def test_downloads_are_kept_under_the_digest_of_the_pins_before_a_model_is_opened(work: Path):
    """Of pip's cache only what it downloaded, since of what it built no hash stands in the pins."""
    steps = ACTION["runs"]["steps"]
    restore, save = ([step for step in steps if f"actions/cache/{kind}@" in step.get("uses", "")] for kind in CACHING)
    assert [steps.index(step) for step in (restore[0], INSTALL, save[0], AUDIT)] == [2, 3, 4, 5]
    assert restore[0]["with"]["path"] == save[0]["with"]["path"] == "${{ runner.temp }}/deepdig-audit-packages/http-v2"
    assert restore[0]["with"]["key"].endswith("${{ steps.pins.outputs.sha256 }}")
    program(work.parent / "bin" / "python", f'exec "{sys.executable}" "$@"')
    done = shell(steps[1]["run"], work, GITHUB_ACTION_PATH=str(REPOSITORY))
    assert done.returncode == 0, done.stderr
    digest = hashlib.sha256((REPOSITORY / "requirements.txt").read_bytes()).hexdigest()
    assert (work.parent / "output").read_text() == f"sha256={digest}\n"


PLACES = [
    REPOSITORY / "action.yml", *(REPOSITORY / ".github" / "workflows").glob("*.yml"), REPOSITORY / "docs" / "ci.md",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=[path.name for path in PLACES])
def test_every_action_is_pinned_by_its_commit(place: Path):
    used = re.findall(r"uses: *(\S+)( # v\d+\.\d+\.\d+)?$", place.read_text("utf-8"), re.MULTILINE)
    assert used
    assert len(used) == len(re.findall(r"^ *(?:- )?uses:", place.read_text("utf-8"), re.MULTILINE))
    for name, version in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)
        assert version or name.startswith("OWNER/")


def test_it_is_valid_by_its_schema_and_says_where_the_files_are():
    assert ACTION["outputs"]["folder"]["value"] == "${{ steps.audit.outputs.folder }}"
    assert AUDIT["id"] == "audit"
    assert yaml((REPOSITORY / "action.yml").read_text())["inputs"].keys() >= {"model", "data", "config", "policy"}
    assert (SCRIPTS / "deepdig-audit").exists()

"""Everything to the right of results.json where nothing can be imported but what requirements-gate.txt installs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from auditor.documents.results import to_json
from tests.cli.command import DIGITS_CNN, REPOSITORY, environment
from tests.render.sample_results import synthetic_results

PINNED = set(re.findall(r"^([a-z0-9-]+)==", (REPOSITORY / "requirements-gate.txt").read_text("utf-8"), re.MULTILINE))
OURS = {"deepdig-audit"}
BLOCKED = {
    module
    for module, packages in packages_distributions().items()
    if not {re.sub(r"[-_.]+", "-", name).lower() for name in packages} & (PINNED | OURS)
}
"""Modules that are installed here and would not be in an environment made from requirements-gate.txt."""
BLOCKER = f"""
import sys
from importlib.machinery import PathFinder

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {BLOCKED!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
"""
POLICY = """
version = 1
[[rules]]
measure = "performance.accuracy"
max_decrease = "5 %"
[[rules]]
measure = "characteristics.margin_l2_attack"
aggregate = "mean"
min = 0.1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    few = synthetic_results(images=False, chosen=[(4, 9), (3, 8)])
    (folder / "results.json").write_text(to_json(few))
    accepted = few.model_copy(update={"model": few.model.model_copy(update={"sha256": "0" * 64})})
    (folder / "accepted.json").write_text(to_json(accepted))
    (folder / "p.toml").write_text(POLICY)
    (folder / "absolute.toml").write_text("version = 1\n[[rules]]\nmeasure = 'performance.accuracy'\nmin = 0.5\n")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(BLOCKER)
    return folder


def light(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = environment(PYTHONPATH=f"{folder / 'site'}:{environment()['PYTHONPATH']}")
    given = [sys.executable, *arguments]
    return subprocess.run(given, cwd=folder, env=paths, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["torch", "onnxruntime", "numpy"])
def test_the_block_holds(module: str, folder: Path):
    assert "ModuleNotFoundError" in light(folder, "-c", f"import {module}").stderr
    assert {"torchvision", "sklearn", "scipy", "onnx", "matplotlib"} <= BLOCKED


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        ("render results.json --out r --format html,pdf,json,junit,markdown,sarif", "r/report.pdf"),
        ("gate results.json --policy p.toml --baseline accepted.json --out g --format html,junit", "g/junit.xml"),
        ("init-policy results.json --out first.toml", "first.toml"),
        ("compare results.json results.json --out c --format html,pdf,json,markdown", "c/compare.pdf"),
    ],
)
def test_the_commands_do_their_work(arguments: str, made: str, folder: Path):
    done = light(folder, "-m", "auditor", *arguments.split())
    assert done.returncode == 0, done.stderr
    assert (folder / made).stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (f"{DIGITS_CNN} --data digits --out audit", "an audit"),
        (f"inspect {DIGITS_CNN}", "inspect"),
        ("list", "list"),
        (f"compare results.json results.json --out d --model {DIGITS_CNN} --instances .", "compare with --model"),
    ],
)
def test_a_command_that_opens_models_says_what_to_install(arguments: str, named: str, folder: Path):
    done = light(folder, "-m", "auditor", *arguments.split())
    (line,) = done.stderr.splitlines()
    assert done.returncode == 4
    assert f"expected the packages that {named} needs; found an environment without torch, onnx, onnxruntime" in line
    assert "install requirements.txt, or requirements-cpu.txt" in line
    assert not (folder / "audit").exists()


def test_a_gate_decides_without_pictures_and_reports(folder: Path):
    """What takes longer to import than all else that deciding needs."""
    code = (
        "import json, sys; from auditor.cli import main;"
        "status = main(sys.argv[1:]); print(json.dumps([status, sorted(sys.modules)]), file=sys.stderr)"
    )
    done = light(folder, "-c", code, "gate", "results.json", "--policy", "absolute.toml")
    status, modules = json.loads(done.stderr)
    assert status == 0
    assert not {"PIL", "jinja2", "rich", "weasyprint", "auditor.render"} & set(modules)

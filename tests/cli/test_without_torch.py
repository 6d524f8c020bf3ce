"""Everything to the right of results.json in an environment where torch and its kin cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from auditor.results import to_json
from tests.cli.command import environment
from tests.render.sample_results import synthetic_results

BLOCKED = ("torch", "torchvision", "sklearn", "scipy", "onnx", "onnxruntime")
BLOCKER = f"""
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
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
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(BLOCKER)
    return folder


def light(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = environment(PYTHONPATH=f"{folder / 'site'}:{environment()['PYTHONPATH']}")
    given = [sys.executable, *arguments]
    return subprocess.run(given, cwd=folder, env=paths, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", BLOCKED)
def test_the_block_holds(module: str, folder: Path):
    assert "ModuleNotFoundError" in light(folder, "-c", f"import {module}").stderr


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

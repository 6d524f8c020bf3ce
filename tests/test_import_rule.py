"""The import rule holds in the package as it is, and its checker notices each kind of breach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_rule import violations

PACKAGE = Path(__file__).parents[1] / "auditor"

CLEAN = {
    "auditor": '__version__ = "1"',
    "auditor.errors": "class AuditError(Exception): ...",
    "auditor.plugin_registry": "from auditor.errors import AuditError",
    "auditor.documents.results": "import json\nfrom pydantic import BaseModel\nfrom auditor.errors import AuditError",
    "auditor.functional": "",
    "auditor.functional.distances": "import math\nimport torch\nfrom auditor.errors import AuditError",
    "auditor.models": "from .base import Backend",
    "auditor.models.base": "import torch\nfrom auditor.documents.results import Measure\npath.read_bytes()",
    "auditor.datasets": "import numpy\nopen('x')",
    "auditor.boundary": "from auditor.models.base import Backend\nfrom auditor.functional import distances",
    "auditor.characteristics": "import sklearn.svm\nfrom auditor import boundary",
    "auditor.pipeline": "from auditor.characteristics import measure",
    "auditor.documents.whole_files": "import os\nos.replace(a, b)\npath.write_bytes(b)",
    "auditor.documents": "",
    "auditor.numbers": "",
    "auditor.numbers.class_pairs": "from auditor.errors import UsageError",
    "auditor.worker": "",
    "auditor.worker.journal": "from auditor.documents import files\npath.read_bytes()",
    "auditor.render": "",
    "auditor.render.base": "from auditor import __version__\nfrom auditor.documents.results import Results",
    "auditor.render.html": "from importlib.resources import files\nfiles('templates').joinpath('x').read_text()",
    "auditor.render.figures.sprites": "import io\nfrom PIL import Image\nImage.open(io.BytesIO(b'')).save(target)",
    "auditor.policy": "from auditor.documents.results import Results",
    "auditor.cli": "from auditor import pipeline, render, policy, models\npath.write_text('')",
    "auditor.__main__": "from auditor.cli import main",
}

BREACHES = {
    "a lower row imports an upper one": ("auditor.models.base", "from auditor.boundary import deepdig"),
    "results import models": ("auditor.documents.results", "import auditor.models"),
    "errors import the registry": ("auditor.errors", "from auditor import plugin_registry"),
    "one row: pipeline and render": ("auditor.pipeline", "from auditor.render.base import Renderer"),
    "the worker knows no audit": ("auditor.worker.journal", "from auditor.pipeline import pairs"),
    "numbers import documents": ("auditor.numbers.class_pairs", "from auditor.documents.results import Pair"),
    "a circle": ("auditor.numbers.class_pairs", "from auditor.numbers import class_pairs"),
    "one row: models and datasets": ("auditor.datasets", "from auditor.models.base import Backend"),
    "one row: policy and render": ("auditor.policy", "from auditor import render"),
    "cli is known to nobody": ("auditor.pipeline", "from auditor.cli import main"),
    "a late import": ("auditor.boundary", "def late():\n    from auditor.pipeline import run"),
    "an import by name": ("auditor.boundary", "import importlib\nimportlib.import_module('auditor.pipeline.run')"),
    "a relative import": ("auditor.models.base", "from ..boundary import deepdig"),
    "a relative import from a package": ("auditor.models", "from .. import boundary"),
    "an import for the type checker": (
        "auditor.documents.results",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from auditor.models.base import Backend",
    ),
    "the package imports a part": ("auditor", "from auditor.errors import AuditError"),
    "a module without a row": ("auditor.utils", ""),
    "functional imports numpy": ("auditor.functional.distances", "import numpy as np"),
    "functional imports results": ("auditor.functional.distances", "from auditor.documents.results import Measure"),
    "functional imports the registry": ("auditor.functional", "from auditor import plugin_registry"),
    "results import torch": ("auditor.documents.results", "import torch"),
    "results import torch late": ("auditor.documents.results", "def late():\n    import torch.nn"),
    "render imports functional": ("auditor.render.html", "from auditor.functional import distances"),
    "render imports scikit-learn": ("auditor.render.html", "from sklearn.svm import LinearSVC"),
    "torch behind errors": ("auditor.errors", "import torch"),
    "torch behind a package": ("auditor.render", "import torch"),
    "open outside the files": ("auditor.pipeline", "open('x')"),
    "Path.write_text in a characteristic": ("auditor.characteristics", "Path('x').write_text('')"),
    "os.replace in results": ("auditor.documents.results", "import os\nos.replace('a', 'b')"),
    "shutil in boundary": ("auditor.boundary", "import shutil\nshutil.rmtree('a')"),
    "Path.exists in policy": ("auditor.policy", "path.exists()"),
    "an image from a path in render": ("auditor.render.html", "Image.open(path)"),
    "render writes": ("auditor.render.html", "path.write_bytes(b'')"),
    "render reads without importlib.resources": ("auditor.render.base", "path.read_text()"),
}


def test_a_clean_package_has_no_violation():
    assert violations(CLEAN) == []


@pytest.mark.parametrize("breach", BREACHES)
def test_each_kind_of_breach_is_named(breach: str):
    module, added = BREACHES[breach]
    found = violations({**CLEAN, module: f"{CLEAN.get(module, '')}\n{added}"})
    assert found
    assert all(":" in line for line in found)
    assert any(module in line for line in found)


def test_a_type_checking_import_is_not_reached():
    """``render`` may name a type of a library that it never loads."""
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor"
    assert violations({**CLEAN, "auditor.render.base": source}) == []


def test_a_long_way_to_torch_is_spelled_out():
    found = violations(
        {
            **CLEAN,
            "auditor.plugin_registry": "import torch",
            "auditor.documents.results": "from auditor import plugin_registry",
        }
    )
    way = "auditor.documents.results -> auditor.plugin_registry -> torch"
    assert f"auditor.documents.results:1: reaches torch by way of {way}" in found


def test_the_package_keeps_the_rule():
    sources = {_module_name(path): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    assert len(sources) > 30
    assert violations(sources) == []


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("auditor", ["torch", "numpy", "pydantic"]),
        ("auditor.documents.results", ["torch", "sklearn", "matplotlib", "weasyprint"]),
        ("auditor.render.base", ["torch", "sklearn", "matplotlib", "weasyprint"]),
        ("auditor.policy", ["torch", "sklearn", "matplotlib", "weasyprint"]),
        ("auditor.cli", ["torch", "torchvision", "onnxruntime", "sklearn", "matplotlib", "weasyprint"]),
    ],
)
def test_a_fresh_interpreter_loads_nothing_heavy(module: str, unwanted: list[str]):
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(unwanted) & set(json.loads(done.stdout))


def _module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

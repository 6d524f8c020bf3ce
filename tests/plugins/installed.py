"""Distributions built by setuptools and installed as pure wheels are: unpacked into a folder of the import path."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

DISTRIBUTIONS = Path(__file__).parent / "distributions"
_BUILD = """
import os, sys
from setuptools.build_meta import build_wheel
_, out, *folders = sys.argv  # building replaces them
for folder in folders:
    os.chdir(folder)
    build_wheel(os.path.join(out, os.path.basename(folder)))
"""
BROKEN = {  # kind of plug-in -> its name, its module, and what the user is told
    "model_format": ("numbers", 'from auditor.models.base import model_format\n\nmodel_format("numbers")(42)\n',
                     "it is no function"),
    "dataset": ("digits", 'from auditor.datasets.base import data_source\n\n\n@data_source("digits", "other digits")\n'
                'def load(request):\n    raise SystemExit("never called")\n',
                "the name 'digits' is that of a built-in"),
    "generator": ("unfinished", "def half(:\n", "SyntaxError: invalid syntax"),
    "characteristic": ("lost", "import a_module_that_nobody_has\n",
                       "ModuleNotFoundError: No module named 'a_module_that_nobody_has'"),
    "output": ("leaving", "import sys\n\nsys.exit('this module ends the program')\n",
               "SystemExit: this module ends the program"),
}  # fmt: skip


def install(folders: Iterable[Path], site: Path, work: Path) -> None:
    """Build a copy of each distribution's folder and unpack the wheels into ``site``."""
    copies = [shutil.copytree(folder, work / "source" / folder.name) for folder in folders]
    wheels = work / "wheels"
    subprocess.run([sys.executable, "-c", _BUILD, wheels, *copies], check=True, capture_output=True)
    for wheel in wheels.glob("*/*.whl"):
        zipfile.ZipFile(wheel).extractall(site)


def broken_distributions(folder: Path) -> list[Path]:
    """The sources of a distribution of each kind that cannot be used."""
    example = (DISTRIBUTIONS / "gap_slope" / "pyproject.toml").read_text("utf-8")
    made = []
    for kind, (name, module, _) in BROKEN.items():
        made.append(folder / kind)
        made[-1].mkdir(parents=True)
        text = example.replace('"1.0"', '"0.3"').replace("deepdig_audit.characteristic", f"deepdig_audit.{kind}")
        text = text.replace("gap_slope", f"broken_{kind}").replace("gap-slope", f"broken-{kind.replace('_', '-')}")
        text = text.replace(f"broken_{kind} = ", f"{name} = ")
        (made[-1] / "pyproject.toml").write_text(text, "utf-8")
        (made[-1] / f"audit_broken_{kind}.py").write_text(module, "utf-8")
    return made

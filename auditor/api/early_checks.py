"""What is wrong with an audit before any of it begins, told by the parent: no model or data are opened for it.

What is not installed is told before anything of it is imported: an environment for the gate alone opens no model.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from auditor.documents.plan import AUTO_GENERATOR, DOWNLOADED, Plan
from auditor.errors import AuditIncomplete, InputRefused, UsageError, did_you_mean
from auditor.models.sniff import size_of_file
from auditor.numbers.class_pairs import check_pairs
from auditor.plugin_registry import plugin_names

KNOWN_DATA = sorted({*DOWNLOADED, "digits"})
"""Names that the registry holds without plug-ins; asking it would load torch."""
OPEN_MODELS = {
    "torch": "torch", "onnx": "onnx", "onnxruntime": "onnxruntime", "sklearn": "scikit-learn", "numpy": "numpy",
}  # fmt: skip
"""Modules without which no model is opened and no data are read, and the packages that bring them."""


def check_plan(plan: Plan, *, live_model: bool = False, live_data: bool = False) -> None:
    """Refuse what no worker could begin with.

    Args:
        live_model, live_data: they are objects, and no files that could be missing.
    Raises:
        InputRefused: no model file, or neither a known data set nor data at a path.
        UsageError: a generator that is not known, or pairs that are none whatever the classes are.
    """
    check_pairs(plan.pairs)
    known = [AUTO_GENERATOR, *known_generators()]
    if plan.generator not in known and not plugin_names("generator"):
        hint = did_you_mean(plan.generator, known)
        raise UsageError(f"unknown generator {plan.generator!r}; known: {', '.join(known)}; {hint}correct --generator")
    if not live_model:
        size_of_file(Path(plan.model.path))
    if plan.data is not None and not live_data:
        _check_data(plan.data.data)


def known_generators() -> list[str]:
    """Names that the registry holds without plug-ins, read from the source: asking it would load torch."""
    sources = [file.read_text("utf-8") for file in files("auditor.boundary").iterdir() if file.name.endswith(".py")]
    return sorted(name for text in sources for name in re.findall(r'^@generator\("(.+)"\)$', text, re.MULTILINE))


def check_outputs(names: Sequence[str]) -> None:
    """Refuse an output for which a library is missing: the audit would be over before that shows.

    Raises:
        UsageError: there is one.
    """
    from auditor.render.pdf import missing_library

    if "pdf" in names and (why := missing_library()):
        others = ",".join([*(name for name in names if name != "pdf"), "json"])
        raise UsageError(
            f"expected WeasyPrint and its library Pango for the output pdf; found {why}; install them, or leave pdf"
            f" out: --format {others}"
        )


def _check_data(data: str) -> None:
    if data in KNOWN_DATA or (data and os.path.lexists(data)) or plugin_names("dataset"):
        return
    raise InputRefused(
        f"--data to be one of {', '.join(KNOWN_DATA)}, a folder of images or an .npz file",
        f"{data!r}, no such name, file or folder",
        f"{did_you_mean(data, KNOWN_DATA)}correct --data",
    )


def need_model_packages(command: str) -> None:
    """Refuse a command that needs a model's runtimes where they are not installed.

    Args:
        command: what the user asked for, in words.
    Raises:
        AuditIncomplete: packages are missing.
    """
    missing = [package for module, package in OPEN_MODELS.items() if not _is_there(module)]
    if missing:
        raise AuditIncomplete(
            f"expected the packages that {command} needs; found an environment without {', '.join(missing)}; install"
            " requirements.txt, or requirements-cpu.txt where there is no GPU (README.md); render, gate, compare and"
            " init-policy do without"
        )


def _is_there(module: str) -> bool:
    """Whether a module can be imported; a folder without code, as a half removed package leaves, is none."""
    spec = find_spec(module)
    return spec is not None and spec.origin is not None

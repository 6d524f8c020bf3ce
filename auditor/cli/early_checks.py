"""What is wrong with an audit before any of it begins, told by the parent: no model or data are opened for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from auditor.cli.guess import did_you_mean
from auditor.documents.plan import DOWNLOADED, Plan
from auditor.errors import InputRefused, UsageError
from auditor.models.sniff import size_of_file
from auditor.numbers.class_pairs import check_pairs

KNOWN_DATA = sorted({*DOWNLOADED, "digits"})
KNOWN_GENERATORS = ("deepdig", "epbs", "gradient-free", "rpbs")
"""Names that the registries hold without plug-ins; asking them would load torch."""


def check_plan(plan: Plan) -> None:
    """Refuse what no worker could begin with.

    Raises:
        InputRefused: no model file, or neither a known data set nor data at a path.
        UsageError: a generator that is not known, or pairs that are none whatever the classes are.
    """
    check_pairs(plan.pairs)
    if plan.generator not in KNOWN_GENERATORS and not entry_points(group="deepdig_audit.generator"):
        known = ", ".join(KNOWN_GENERATORS)
        hint = did_you_mean(plan.generator, KNOWN_GENERATORS)
        raise UsageError(f"unknown generator {plan.generator!r}; known: {known}; {hint}correct --generator")
    size_of_file(Path(plan.model.path))
    if plan.data is not None:
        _check_data(plan.data.data)


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
    if data in KNOWN_DATA or (data and os.path.lexists(data)) or entry_points(group="deepdig_audit.dataset"):
        return
    raise InputRefused(
        f"--data to be one of {', '.join(KNOWN_DATA)}, a folder of images or an .npz file",
        f"{data!r}, no such name, file or folder",
        f"{did_you_mean(data, KNOWN_DATA)}correct --data",
    )

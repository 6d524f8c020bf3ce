"""What the sections of ``benchmarks/regressions.md`` share: its head, and the names of rules."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.regressions.judges import FIRST, RELATIVE, RULES

PACKAGES = ("torch", "onnxruntime-gpu", "numpy")
Lines = Iterator[str]


def head(command: str, audited: str) -> Lines:
    """What was run, where and when, and what judges."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield "# What the gate stops"
    yield ""
    yield f"Command: `{command}`  "
    yield f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores, no GPU  "
    yield f"Versions: Python {platform.python_version()}, {packages}  "
    yield f"Audits: {audited}  "
    yield f"Date: {datetime.now(UTC).date()}"
    yield ""
    yield f"Model `sample_models/digits_cnn.onnx`, data `digits`. Two policies judge an audit. {FIRST.capitalize()}:"
    yield "what `deepdig-audit init-policy` writes from an audit of the unchanged model at the same profile."
    yield f"{RELATIVE.capitalize()}: the same audit as `--baseline`, with these rules:"
    yield ""
    yield from ("```toml", RULES.rstrip(), "```")


def short(rule: str) -> str:
    """A rule's name without its area."""
    return rule.removeprefix("characteristics.").removeprefix("performance.").removeprefix("generation.")

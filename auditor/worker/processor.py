"""On what numbers are computed: other processors round sums otherwise."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from auditor.documents.results import Validity


@cache
def processor() -> str:
    """The processor of this machine: architecture, the instructions that torch uses, the model's name.

    >>> processor().startswith(platform.machine())
    True
    """
    import torch

    return ", ".join([platform.machine(), torch.backends.cpu.get_cpu_capability(), _name()])


def _name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def mixed(processors: Iterable[str]) -> list[Validity]:
    """A warning where numbers of one audit are of several processors; empty names are of older parts."""
    kinds = sorted({name for name in processors if name})
    if len(kinds) < 2:
        return []
    said = (
        f"Class pairs were worked on by {len(kinds)} kinds of processors ({'; '.join(kinds)}), which round sums"
        " otherwise: the same command on one kind may differ in last digits; run.json has the processor of each task."
    )
    return [Validity(id="processors", status="warn", message=said)]

"""What was measured, as JSON beside the page: ``benchmarks/speed.json``."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parents[1] / "speed.json"
PACKAGES = ("torch", "onnxruntime-gpu", "numpy")


def keep(kind: str, name: str, entry: dict[str, Any]) -> None:
    """Put an entry of that kind in the place of an earlier one of its name, with date, machine and versions."""
    record = read()
    record.setdefault(kind, {})[name] = entry | {"date": str(datetime.now(UTC).date()), "machine": machine()}
    whole = RECORD.with_suffix(".json.part")
    whole.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    whole.replace(RECORD)


def read() -> dict[str, dict[str, Any]]:
    """All entries by kind and name."""
    return json.loads(RECORD.read_bytes()) if RECORD.exists() else {}


def machine() -> str:
    """Processor, system, cores and versions, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return f"{name}, {platform.system()}, {cores} cores, no GPU; Python {platform.python_version()}, {packages}"

"""``python -m benchmarks.speed``: measure, print, and with --write put the page into ``benchmarks/speed.md``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.speed.sections import SECTIONS

PAGE = Path(__file__).parents[1] / "speed.md"
PACKAGES = ("torch", "onnxruntime-gpu", "numpy", "foolbox")


def main() -> int:
    """Run the sections asked for, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--write", action="store_true", help="write benchmarks/speed.md (all sections only)")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"unknown section {', '.join(unknown)}")
    text = "\n".join(_head())
    for name in arguments.sections or SECTIONS:
        title, section = SECTIONS[name]
        begin = time.perf_counter()
        lines = list(section())
        print(f"{title}: {time.perf_counter() - begin:.0f} s", file=sys.stderr)
        part = "\n".join(["", f"## {title}", "", *lines, ""])
        print(part, flush=True)
        text += part
    if arguments.write and not arguments.sections:
        PAGE.write_text(text, encoding="utf-8")
    return 0


def _head() -> list[str]:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        "# What an audit costs",
        "",
        "Command: `python -m benchmarks.speed --write` (one section: `python -m benchmarks.speed loop`)  ",
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores, no GPU; one thread unless said"
        " otherwise  ",
        f"Versions: Python {platform.python_version()}, {packages}  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        "CPU seconds are those of the worker's work, imports apart, unless said otherwise.",
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())

"""Run every backend test and write ``docs/onnx-operators.md``; exits 1 if an applicable one fails."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from benchmarks.onnx_backend.cases import folder_cases, light_cases, node_cases
from benchmarks.onnx_backend.table import page, tally
from benchmarks.onnx_backend.versions import compare

PAGE = Path(__file__).parents[2] / "docs" / "onnx-operators.md"


def main() -> int:
    """Collect, run, write."""
    torch.set_num_threads(1)
    nodes = node_cases()
    counts = tally([*nodes, *folder_cases(), *light_cases()])
    versions, different = compare(nodes)
    text = page(counts, versions, different)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    return 1 if different or any(count.failed for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

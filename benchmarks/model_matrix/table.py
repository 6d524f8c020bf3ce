"""Rows as text: one line each for the terminal, a page for ``benchmarks/model_matrix.md``."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from benchmarks.model_matrix.row import Row
from benchmarks.model_matrix.runner import machine
from benchmarks.model_matrix.timm_nets import FIRST_RUN

_PACKAGES = ("torch", "torchvision", "onnx", "onnxscript", "onnxruntime-gpu", "onnxruntime", "scikit-learn", "skl2onnx",
             "timm")  # fmt: skip
_COLUMNS = ("file", "verdict", "scores", "logits", "gradient", "embedding", "batches", "head", "s", "note")


def line(row: Row) -> str:
    """One row for the terminal."""
    return f"{row.verdict:9} {row.name:48} {' | '.join(cell for cell in _cells(row)[2:] if cell)}"


def page(rows: Sequence[Row], pattern: str = "*") -> str:
    """The whole page."""
    held_out, seen = [row for row in rows if row.held_out], [row for row in rows if not row.held_out]
    command = "python -m benchmarks.model_matrix" + ("" if pattern == "*" else f" --only '{pattern}'")
    head = [
        "# Model matrix",
        "",
        f"Command: `{command} --write`  ",
        f"Machine: {machine()}  ",
        f"Versions: Python {platform.python_version()}, {_versions()}  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        f"{_counts('All files', rows)}  ",
        f"{_counts('Held out', held_out)}  ",
        f"{_counts('The others', seen)}",
        "",
        *([FIRST_RUN, ""] if FIRST_RUN else []),
        "scores: the product's scores against the reference; logits: its gradient route against the reference; both",
        "the largest difference over batches of 1, 3 and 64, as a share of the scale, at most 1e-3 in float32.",
        "gradient: relative distance to that of the named reference, at most 1e-3. embedding: its size, compared with",
        "the input of the reference's last layer. right: all of this holds, and no check of `bind` fails; refused: for",
        "the reason that the case expects.",
    ]
    body = ["", "## Files", "", f"| {' | '.join(_COLUMNS)} |", "|" + "---|" * len(_COLUMNS)]
    body += [f"| {' | '.join(cell.replace('|', '/') for cell in _cells(row))} |" for row in rows]
    return "\n".join([*head, *body, ""])


def _counts(title: str, rows: Sequence[Row]) -> str:
    count = Counter(row.verdict for row in rows)
    tried = len(rows) - count["not built"]
    good = count["right"] + count["refused"]
    parts = ", ".join(f"{count[verdict]} {verdict}" for verdict in ("right", "refused", "wrong"))
    text = f"{title}: {good} of {tried} ({parts})"
    return text + (f"; {count['not built']} not built" if count["not built"] else "")


def _cells(row: Row) -> list[str]:
    numbers = ["" if value is None else f"{value:.1e}" for value in (row.scores, row.parity)]
    name = row.name + (" (held out)" if row.held_out else "")
    batches = ", ".join(str(size) for size in row.batches)
    return [name, row.verdict, *numbers, row.gradient, row.embedding, batches, row.head, f"{row.seconds:.1f}", row.note]


def _versions() -> str:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)

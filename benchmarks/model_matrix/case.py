"""What one row of the matrix needs: a name, a builder, and what is expected of the product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.model_matrix.reference import Reference

Expectation = Literal["gradient", "no gradient", "either", "refused"]
Built = tuple[Path, Reference | None]


@dataclass(frozen=True)
class Case:
    """One model file.

    Args:
        name: ``family/network/how it was exported``.
        build: writes the model into a folder; returns its path and, unless it is to be refused, the reference.
        expect: what the product has to do: give gradients, run without them, refuse; ``either`` of the first two for
            quantised files, whose straight-through gradient is not that of the file.
        says: a part of the reason that has to be given for ``no gradient`` and ``refused``.
        held_out: nobody looked at this file while the importer was written.
        needs: packages beside the project's own; without them the row says ``not built``.
        tolerance: of parity, as a share of the scale of the scores.
        no_embedding: there is no last linear layer, so that a reason is the right answer.
        options: of the product, as in ``ModelOptions``.
    """

    name: str
    build: Callable[[Path], Built]
    expect: Expectation = "gradient"
    says: str = ""
    held_out: bool = False
    needs: tuple[str, ...] = ()
    tolerance: float = 1e-3
    no_embedding: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

"""Boundary instances as files: what an audit with ``--save-instances`` writes, and another model is asked about.

One archive ``<source>-<target>.npz`` for each direction, in the model's input shape and in pixel space.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auditor.bounded_file import LARGEST_RESULTS, read_bounded
from auditor.documents.files import prepare_folder, write_whole
from auditor.errors import InputRefused

EXPECTED = "boundary instances that an audit with --save-instances wrote"
ACTION = "give the folder 'instances' of the baseline's audit"
_NAME = re.compile(r"(\d{1,9})-(\d{1,9})\.npz")


@dataclass(frozen=True)
class SavedInstances:
    """Boundary instances of one direction.

    Args:
        source, target: s and t.
        x: float32 ``(N, *shape)`` in [0, 1].
        gap: float32 ``(N,)`` in [0, 1], |p_s - p_t| of the model that they were made for.
    """

    source: int
    target: int
    x: Tensor
    gap: Tensor


def write_instances(folder: Path, source: int, target: int, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the instances of one direction to ``<source>-<target>.npz``."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    prepare_folder(folder)
    write_whole(folder / f"{source}-{target}.npz", buffer.getvalue())


def read_instances(folder: Path) -> list[SavedInstances]:
    """The boundary instances of every direction in a folder.

    Raises:
        InputRefused: there are none, or a file is not what an audit writes.
    """
    try:
        names = sorted((int(m[1]), int(m[2]), path) for path in folder.iterdir() if (m := _NAME.fullmatch(path.name)))
    except OSError as err:
        raise InputRefused(EXPECTED, f"{folder}: {err.strerror}", ACTION) from err
    if not names:
        raise InputRefused(EXPECTED, f"no file such as 3-8.npz in {folder}", ACTION)
    return [_read(path, source, target) for source, target, path in names]


def _read(path: Path, source: int, target: int) -> SavedInstances:
    try:
        with np.load(io.BytesIO(read_bounded(path, LARGEST_RESULTS)), allow_pickle=False) as arrays:
            x, p = torch.from_numpy(arrays["x_boundary"]), torch.from_numpy(arrays["p_boundary"])
    except Exception as err:  # NumPy and zipfile raise all kinds of errors for damaged archives
        raise InputRefused(EXPECTED, f"{path.name}, which is damaged or of another kind", ACTION) from err
    floats = x.dtype == p.dtype == torch.float32 and x.dim() in (2, 4) and p.dim() == 2 and len(x) == len(p)
    if not floats or p.shape[1] <= max(source, target) or not bool(((x >= 0) & (x <= 1)).all()):
        raise InputRefused(EXPECTED, f"{path.name} with other arrays", ACTION)
    return SavedInstances(source, target, x, (p[:, source] - p[:, target]).abs())

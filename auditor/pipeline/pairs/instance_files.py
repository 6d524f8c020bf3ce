"""Boundary instances as files: what an audit with ``--save-instances`` writes, and another model is asked about.

One archive ``<source>-<target>.npz`` for each direction, in the model's input shape and in pixel space.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auditor.boundary.base import BoundaryInstances
from auditor.bounded_file import LARGEST_RESULTS, read_bounded
from auditor.documents.whole_files import prepare_folder, write_whole
from auditor.errors import InputRefused

ARRAYS = {
    "x_source": "float32 `(N, *shape)`: the sample that each instance was made from; pixels in [0, 1], as all `x_`.",
    "x_adversarial": "float32 `(N, *shape)`: the point that was led to the target class.",
    "x_adversarial_of_adversarial": "float32 `(N, *shape)`: the point that was led back; for baselines `x_source`.",
    "x_boundary": "float32 `(N, *shape)`: the boundary instance.",
    "p_boundary": "float32 `(N, C)`: its probabilities, by class index.",
    "split": "text, one for all: the split that the samples are from.",
    "index": "int64 `(N,)`: their places in the split, from 0.",
    "file": "text `(N,)`: their paths below the data folder; missing for data that are no folder.",
}
"""What each array of a file holds; row i of each belongs to one instance."""
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


def save_instances(
    folder: Path, made: BoundaryInstances, split: str, origin: Tensor, files: Sequence[str] = ()
) -> None:
    """Write the boundary instances of one direction, in the model's input shape and in pixel space.

    Args:
        split, origin: the samples that they were made from, by split and place in it (int64 ``(N,)``).
        files: of the samples of that split, where each has one.
    """
    names = ("x_source", "x_adversarial", "x_adversarial_of_adversarial", "x_boundary", "p_boundary")
    arrays = {name: getattr(made, name).numpy() for name in names}
    arrays |= {"split": np.array(split), "index": origin.numpy()}
    if files:
        arrays["file"] = np.array([files[place] for place in origin.tolist()], dtype=np.str_)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:  # numpy.savez takes no array named "file"
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    prepare_folder(folder)
    write_whole(folder / f"{made.source}-{made.target}.npz", buffer.getvalue())


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

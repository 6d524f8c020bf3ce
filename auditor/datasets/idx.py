"""Files of the idx format, plain or packed by gzip, as MNIST and FashionMNIST are handed on.

magic 0, 0, 8 (uint8), rank; then each size as a big-endian int32; then the bytes, the last axis fastest
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import torch
from torch import Tensor

LARGEST = 1 << 30
"""Bytes of an array; what claims more is no file of these sets."""


def read_idx(path: Path) -> Tensor:
    """The array of a file, uint8, of the shape that its header says.

    Raises:
        ValueError: the file is none of this format, or ends too early.
        OSError: it cannot be read.
    """
    try:
        return _read(path)
    except (EOFError, zlib.error) as err:
        raise ValueError(f"{path.name} is damaged: {err}") from err


def _read(path: Path) -> Tensor:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        magic = file.read(4)
        if magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 3:
            raise ValueError(f"{path.name} is no idx file of bytes")
        shape = [int.from_bytes(file.read(4)) for _ in range(magic[3])]
        size = math.prod(shape)
        content = file.read(size + 1) if size <= LARGEST else b""  # to the end, where the checksum is
    if not size or len(content) != size:
        raise ValueError(f"{path.name} does not hold the {size:,} bytes that it says")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(shape)


def idx_file(folder: Path, name: str) -> Path | None:
    """A file ``train-images-idx3-ubyte`` under its usual names, plain before packed; None where there is none."""
    for spelt in (name, name.replace("-idx", ".idx")):
        for ending in ("", ".gz"):
            if (path := folder / f"{spelt}{ending}").is_file():
                return path
    return None

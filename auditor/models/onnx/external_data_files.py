"""Which files beside an ONNX model hold its weights: the names in its bytes, and the plain files and links they mean.

A Hugging Face cache keeps every file once, under its hash, and the model's folder holds links::

    models--owner--name/blobs/<hash>
    models--owner--name/snapshots/<revision>/onnx/model.onnx_data -> ../../../blobs/<hash>

Such a link counts as the file; any other one could lead to whatever the user may read.

Only the standard library is used: the worker looks for the files before it gives up the model's folder, so no parser
written in C may be involved. The format is that of protocol buffers: a sequence of fields, each with a number, a wire
type and a value; a field of wire type 2 has a length and holds text, data or a message of the same form. Whatever
cannot be read so names no file.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

_SNAPSHOTS, _BLOBS = "snapshots", "blobs"
_MESSAGES = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
    "entry": {1: "key", 2: "value"},
}
"""Of each message the fields that hold messages which matter here, by number (onnx.proto)."""
_KEY = b"location"
_LONGEST_NAME = 4096
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5

Span = tuple[int, int]


def weights_file(model: Path, name: str) -> Path | None:
    """The regular file that a model calls by this name, itself no link; None where there is none that it may read.

    None of its names may be hidden: ``.git/config`` beside a model holds no weights, but perhaps a token.

    Args:
        model: the model's file, or a link to it.
        name: a ``location`` of its external data.
    """
    try:
        if any(part.startswith(".") for part in PurePath(name).parts):
            return None
        return _plain_file(folder_of(model), name) or _blob(model, name)
    except (OSError, ValueError, RuntimeError):  # a loop of links, a name too long or with a NUL in it
        return None


def folder_of(model: Path) -> Path:
    """The folder in which a model's file really lies."""
    try:
        return Path(os.path.realpath(model)).parent
    except (OSError, ValueError):
        return model.parent


def _plain_file(folder: Path, name: str) -> Path | None:
    """A file below the folder; resolving refuses absolute paths, "..", and links that lead out."""
    file = folder / name
    if file.is_symlink() or not file.is_file():
        return None
    inside = file.resolve().relative_to(folder)
    return None if any(part.startswith(".") for part in inside.parts) else file


def _blob(model: Path, name: str) -> Path | None:
    """The file in the cache's own ``blobs`` to which a link beside the model leads."""
    beside = Path(os.path.realpath(model.parent))
    link = beside / name
    for folder in (beside, *beside.parents):
        store = folder.parent / _BLOBS
        if folder.name == _SNAPSHOTS and link.is_symlink() and not store.is_symlink():
            target = link.resolve()
            fits = target.parent == store and target.is_file() and not target.name.startswith(".")
            return target if fits and ".." not in PurePath(name).parts else None
    return None


def why_not(model: Path, name: str) -> str:
    """Why no file is read for a name, in words."""
    beside = model.parent / name
    try:
        leads_out = beside.is_symlink() and beside.exists()
    except (OSError, ValueError):
        leads_out = False
    if leads_out:
        return f"{beside.name}, a link that leads out of the model's folder and not into the blobs of its own hub cache"
    return f"no file {PurePath(name).name} that is neither hidden nor a link"


def weights_files(model: Path) -> list[Path]:
    """The files that an ONNX graph names as its external data and that it may read.

    Args:
        model: a file of any kind; one that is no ONNX model names none.
    """
    try:
        if not model.is_file():  # to open a pipe would wait for its other end
            return []
        with model.open("rb") as file:
            names = weights_names(file)
    except (OSError, ValueError):  # not to be read, or empty
        return []
    return [found for name in names if (found := weights_file(model, name)) is not None]


def weights_names(model: BinaryIO) -> list[str]:
    """The names under which an ONNX graph has its external data, sorted.

    Raises:
        ValueError: the file is empty.
    """
    with mmap.mmap(model.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return sorted(set(_locations(content)))


def _locations(content: mmap.mmap) -> Iterator[str]:
    """Values of all entries with the key ``location``."""
    if content.find(_KEY) < 0:
        return
    pending: list[tuple[str, Span]] = [("model", (0, len(content)))]
    while pending:
        kind, span = pending.pop()
        held = [(_MESSAGES[kind][number], inner) for number, inner in _fields(content, span, _MESSAGES[kind])]
        if kind != "entry":
            pending.extend(held)
            continue
        texts = {name: content[begin:end] for name, (begin, end) in held if end - begin <= _LONGEST_NAME}
        if texts.get("key") == _KEY:
            yield texts.get("value", b"").decode("utf-8", "surrogateescape")


def _fields(content: mmap.mmap, span: Span, numbers: dict[int, str]) -> Iterator[tuple[int, Span]]:
    """Number and place of each field of wire type 2 that has one of the numbers, up to the first that is broken."""
    at, end = span
    while at < end:
        tag, at = _varint(content, at, end)
        kind = tag & 7
        if kind == _VARINT:
            _, at = _varint(content, at, end)
        elif kind == _LENGTH:
            length, at = _varint(content, at, end)
            if length > end - at:
                return
            if tag >> 3 in numbers:
                yield tag >> 3, (at, at + length)
            at += length
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            return


def _varint(content: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, least first, and the place after it; past the end where it is broken."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            return 0, end + 1
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    return 0, end + 1

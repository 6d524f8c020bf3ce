"""Which files beside an ONNX model hold its weights: their names are read from the file's bytes, by Python alone.

The worker looks for them before it gives up the model's folder, so no parser written in C may be involved. The format
is that of protocol buffers: a sequence of fields, each with a number, a wire type and a value; a field of wire type 2
has a length and holds text, data or a message of the same form. Whatever cannot be read so names no file.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from auditor.models.onnx.weights_files import weights_file

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


def external_files(model: Path) -> list[Path]:
    """The files that an ONNX graph names as its external data and that it may read (``models.weights_files``).

    Args:
        model: a file of any kind; one that is no ONNX model names none.
    """
    try:
        if not model.is_file():  # to open a pipe would wait for its other end
            return []
        with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            names = sorted(set(_locations(content)))
    except (OSError, ValueError):  # not to be read, or empty
        return []
    return [found for name in names if (found := weights_file(model, name)) is not None]


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

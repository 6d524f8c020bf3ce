"""What a model file is, by its content: the name of a format, or a refusal that says what it is instead.

Extensions are not trusted: ``.pt`` alone names TorchScript files, pickled modules, state_dicts and download pages.
"""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path
from typing import BinaryIO

from auditor.errors import InputRefused

EXPECTED = "a trained classifier as an ONNX, TorchScript or .pt2 file"
_EXPORT = "export the module with torch.onnx.export, torch.jit.trace or torch.jit.script and audit that file"
_TO_ONNX = "export the model to ONNX and audit that file"
_AGAIN = "copy or download the file again"

# (what the file begins with, what it is, what to do)
_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer in place of the model", "run: git lfs pull"),
    (b"\x80", "a raw pickle, which holds Python objects and no graph", _EXPORT),
    (b"\x89HDF\r\n\x1a\n", "a Keras/HDF5 file", "export it with tf2onnx or keras.Model.export(format='onnx')"),
    (b"GGUF", "a GGUF language model", "audit an image or vector classifier"),
    (b"\x93NUMPY", "a NumPy array", "give the model first and the data with --data"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"\x89PNG", "a PNG image", "give the model first and the data with --data"),
    (b"\xff\xd8\xff", "a JPEG image", "give the model first and the data with --data"),
    (b"%PDF", "a PDF document", "give the path of the model file"),
)


def sniff(path: Path, file: BinaryIO) -> str:
    """Format of a model file: ``"onnx"``, ``"torchscript"`` or ``"pt2"``.

    Args:
        path: its name, for the message.
        file: its content, at the beginning.
    Raises:
        InputRefused: the content is something else; the message names it.
        OSError: the system does not read it.
    """
    size, start = os.fstat(file.fileno()).st_size, file.read(4096)
    if size == 0:
        raise refused(path, "an empty file", _AGAIN)
    # First, because the length that a safetensors file begins with can look like any other beginning.
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= size - 8:
        raise refused(path, "a safetensors file, which holds weights and no graph", _EXPORT)
    for beginning, found, action in _BEGINNINGS:
        if start.startswith(beginning):
            raise refused(path, found, action)
    if start[4:8] == b"TFL3":
        raise refused(path, "a TensorFlow Lite model", "convert it to ONNX with tf2onnx --tflite")
    if start[257:262] == b"ustar":
        raise refused(path, "a tar archive", "unpack it first")
    if start.startswith(b"PK"):
        return _archive_format(path, file)
    if _is_onnx(path, file, size, start):
        return "onnx"
    raise refused(path, *_text_or_unknown(start))


def refused(path: Path, found: str, action: str) -> InputRefused:
    """The refusal of a model file."""
    return InputRefused(EXPECTED, f"{found} ({path.name})", action)


def unreadable(path: Path, error: OSError | ValueError) -> InputRefused:
    """The refusal of a path that the system does not read: a name too long, a device, a file that goes away."""
    reason = getattr(error, "strerror", None) or str(error)
    return InputRefused(EXPECTED, f"{path.name[:100]}: {reason}", "check the path and its permissions")


def size_of_file(path: Path) -> int:
    """Size of a readable regular file.

    Raises:
        InputRefused: there is none.
    """
    if not os.path.exists(path):
        raise InputRefused(EXPECTED, f"no file at {path}", "check the path")
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            raise refused(path, "a TensorFlow SavedModel folder", "convert it to ONNX with tf2onnx --saved-model")
        raise refused(path, "a folder", "give the path of the model file itself")
    if not stat.S_ISREG(path.stat().st_mode):
        raise refused(path, "no regular file", "copy the model to a file")
    if not os.access(path, os.R_OK):
        raise refused(path, "a file without permission to read", "make it readable")
    return path.stat().st_size


def _archive_format(path: Path, file: BinaryIO) -> str:
    """Format of a zip archive by the names in it."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise refused(path, "a corrupt or truncated zip archive", _AGAIN) from error
    tops = {name.partition("/")[2] for name in names}
    if "archive_format" in tops or "serialized_exported_program.json" in {*tops, *names}:
        if any("/aotinductor/" in name for name in names) and not any("/models/" in name for name in names):
            raise refused(path, "a compiled torch package (AOTInductor), which holds no graph", _TO_ONNX)
        return "pt2"
    if "constants.pkl" in tops and any(name.startswith("code/") for name in tops):
        return "torchscript"
    if "data.pkl" in tops:
        raise refused(path, "a pickled checkpoint (state_dict or nn.Module), which holds no graph", _EXPORT)
    if "config.json" in names and any(name.endswith(".weights.h5") for name in names):
        raise refused(path, "a Keras file", "export it with keras.Model.export(format='onnx')")
    if names and all(name.endswith(".npy") for name in names):
        raise refused(path, "a NumPy archive (.npz)", "give the model first and the data with --data")
    raise refused(path, "a zip archive without a model that this tool knows", "unpack it first or " + _TO_ONNX)


# Fields of onnx.ModelProto (onnx.proto): 7 is the graph, 1 the IR version, 8 the operator sets.
_MODEL_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}


def _is_onnx(path: Path, file: BinaryIO, size: int, start: bytes) -> bool:
    """Whether the top level is that of an ONNX model; a cut one is refused here."""
    fields: set[int] = set()
    position = 0
    while position < size:
        file.seek(position)
        tag = _varint(file)
        if tag is None or tag >> 3 not in _MODEL_FIELDS:
            return False
        length = _varint(file) if tag & 7 in (0, 2) else None
        if length is None:
            return False
        fields.add(tag >> 3)
        position = file.tell() + (length if tag & 7 == 2 else 0)
    if position > size and start[:1] == b"\x08":
        raise refused(path, "an ONNX file that ends too early", _AGAIN)
    return position == size and 7 in fields and bool(fields & {1, 8})


def _varint(file: BinaryIO) -> int | None:
    """The next protobuf varint, or None where there is none."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None


def _text_or_unknown(start: bytes) -> tuple[str, str]:
    """What is found, and what to do, for content without a known beginning."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<html", b"<!doctype html", b"<head")):
        return "an HTML page, probably of a failed download", "download the model file itself"
    try:
        decoded = start.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last character may be cut by the end of what was read.
        decoded = start[: error.start].decode("utf-8") if error.start > len(start) - 4 else ""
    if decoded and all(character.isprintable() or character in "\t\r\n\f" for character in decoded):
        return "a text file", "give the path of the model file"
    return f"binary content of an unknown kind that begins with {start[:8].hex(' ')}", _TO_ONNX

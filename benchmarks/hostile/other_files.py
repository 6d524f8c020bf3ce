"""Files that are no models at all, under the names of models, and paths that are no files."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.hostile.case import REFUSED, USAGE, Case
from benchmarks.hostile.commands import SOUND_MODEL
from benchmarks.hostile.onnx_parts import written

_SAFETENSORS = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'

CONTENTS: dict[str, bytes] = {
    "empty": b"", "one-byte": b"\x08", "zeros": bytes(100_000), "text": b"hello\n",
    "html": b"<!DOCTYPE html><html><title>404</title></html>",
    "html-with-a-mark": b"\xef\xbb\xbf\n <html>",
    "git-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "safetensors": struct.pack("<Q", len(_SAFETENSORS)) + _SAFETENSORS + bytes(4),
    "safetensors-with-a-huge-header": struct.pack("<Q", 2**62) + b"{", "gzip": gzip.compress(b"x" * 1000),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "jpeg": b"\xff\xd8\xff\xe0" + bytes(100), "pdf": b"%PDF-1.7\n", "elf": b"\x7fELF" + bytes(100),
    "script": b"#!/bin/sh\nrm -rf /\n",
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100), "gguf": b"GGUF" + bytes(100), "tflite": b"\x1c\0\0\0TFL3" + bytes(100),
    "numpy": b"\x93NUMPY\x01\0", "rar": b"Rar!\x1a\x07\0", "seven-zip": b"7z\xbc\xaf\x27\x1c",
    "tar": bytes(257) + b"ustar" + bytes(250),
    "empty-zip": b"PK\x05\x06" + bytes(18), "zip-header-only": b"PK\x03\x04", "json": b'{"a": ' * 1000,
    "xml-entities": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "control-characters": b"\x1b[2J\x07evil", "utf-16": "<html>".encode("utf-16"),
    "yaml-tag": b"!!python/object/apply:os.system [id]\n",
    "lua": b"\x1bLua" + bytes(20), "protobuf-text": b"ir_version: 8\n", "xz": b"\xfd7zXZ\0" + bytes(50),
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(50),
}  # fmt: skip


def _folder(folder: Path) -> Path:
    (folder / "model.onnx").mkdir()
    return folder / "model.onnx"


def _saved_model(folder: Path) -> Path:
    (folder / "model").mkdir()
    (folder / "model" / "saved_model.pb").write_bytes(b"x")
    return folder / "model"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "model.onnx")
    return folder / "model.onnx"


def _socket(folder: Path) -> Path:
    import socket

    place = folder / "model.onnx"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(place))
    return place


def _link_loop(folder: Path) -> Path:
    (folder / "model.onnx").symlink_to("model.onnx")
    return folder / "model.onnx"


def _link_to(target: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / "model.onnx").symlink_to(target)
        return folder / "model.onnx"

    return build


def _unreadable(folder: Path) -> Path:
    if os.geteuid() == 0:
        raise OSError("the superuser reads every file")
    (folder / "model.onnx").write_bytes(SOUND_MODEL.read_bytes())
    (folder / "model.onnx").chmod(0)
    return folder / "model.onnx"


def _sparse(first: bytes) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        with (folder / "model.onnx").open("wb") as file:
            file.write(first)
            file.truncate(3 << 30)
        return folder / "model.onnx"

    return build


def _named(name: bytes) -> Callable[[Path], Path]:
    """The sound model under a hostile name."""

    def build(folder: Path) -> Path:
        path = folder / os.fsdecode(name)
        path.write_bytes(SOUND_MODEL.read_bytes())
        return path

    return build


def _fixed(path: str) -> Callable[[Path], Path]:
    return lambda folder: Path(path)


def cases() -> Iterator[Case]:
    """Contents, kinds of path, names."""
    for name, content in CONTENTS.items():
        for extension in ("onnx", "pt", "pt2"):
            why = "the content decides, not the extension"
            yield Case(f"other/{name}.{extension}", written(content, f"model.{extension}"), (REFUSED,), why)
    paths = {"a-folder": _folder, "a-saved-model": _saved_model, "a-pipe": _pipe, "a-socket": _socket,
    "a-loop-of-links": _link_loop,
             "a-dangling-link": _link_to("nowhere"), "a-link-to-passwords": _link_to("/etc/passwd"),
             "a-link-to-zeros": _link_to("/dev/zero"),
             "without-permission": _unreadable, "three-gigabytes-of-zeros": _sparse(b""),
             "three-gigabytes-behind-a-header": _sparse(b"\x08\x09"),
             "a-device-of-zeros": _fixed("/dev/zero"), "a-device-of-nothing": _fixed("/dev/null"),
             "a-terminal": _fixed("/dev/tty"),
             "own-memory": _fixed("/proc/self/mem"), "own-standard-input": _fixed("/dev/stdin"),
             "missing": _fixed("none.onnx"),
             "a-name-too-long": lambda folder: folder / ("x" * 300),
             "a-path-too-long": lambda folder: Path("/x" * 3000)}  # fmt: skip
    for name, build in paths.items():
        yield Case(
            f"other/path/{name}", build, (REFUSED,), "no readable regular file with a model in it", seconds=150.0
        )
    for name, text in {"control-characters": b"\x1b[2J\x07.onnx", "markup": b"<b>&'\".onnx", "newline": b"a\nb.onnx",
    "dashes": b"--help.onnx",
                       "blanks": b"  a  .onnx", "right-to-left": "\u202egod.onnx".encode(),
                       "long": b"L" * 240 + b".onnx"}.items():  # fmt: skip
        yield Case(f"other/name/{name}", _named(text), (0,), "a name is text")
    for name, text in {"latin": b"caf\xe9.onnx", "lone-surrogate": b"\xed\xa0\x80.onnx"}.items():
        yield Case(f"other/name/{name}", _named(text), (USAGE,), "results.json could not name it in UTF-8")

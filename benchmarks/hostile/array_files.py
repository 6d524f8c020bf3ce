"""``.npz`` archives that hold pickles, bombs, lies in their headers, or nothing of the kind."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.hostile.arrays import sound
from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case
from benchmarks.hostile.commands import small_data
from benchmarks.hostile.torch_pickles import Payload
from benchmarks.hostile.torchscript_code import OUTSIDE


def _objects(folder: Path) -> Path:
    arrays = sound(folder)
    arrays["x_train"] = np.array([Payload(str(folder.parent / OUTSIDE / "dropped"))] * 120, dtype=object)
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def _raw(
    member: Callable[[Path], tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED
) -> Callable[[Path], Path]:
    """The sound file with one member replaced or added."""

    def build(folder: Path) -> Path:
        path, (name, content) = small_data(folder.parent / "sound.npz"), member(folder)
        with zipfile.ZipFile(path) as sound, zipfile.ZipFile(folder / "data.npz", "w", compression) as made:
            for other in sound.namelist():
                if other != name:
                    made.writestr(other, sound.read(other))
            made.writestr(name, content)
        return folder / "data.npz"

    return build


def _header(text: str, data: bytes = b"") -> Callable[[Path], tuple[str, bytes]]:
    content = text.encode("latin-1").ljust(117) + b"\n"
    return lambda folder: ("x_train.npy", b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + data)


def _shape(shape: str, kind: str = "<f4", order: str = "False") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}"


def _pickle_member(folder: Path) -> tuple[str, bytes]:
    return "x_train.npy", pickle.dumps(Payload(str(folder.parent / OUTSIDE / "dropped")), 2)


MEMBERS: dict[str, tuple[Callable[[Path], tuple[str, bytes]], tuple[int, ...]]] = {
    "a-pickle-as-member": (_pickle_member, (REFUSED,)),
    "a-zip-slip-name": (lambda f: ("../../evil.npy", b"x"), (ACCEPTED, REFUSED)),
    "an-absolute-name": (lambda f: ("/tmp/evil.npy", b"x"), (ACCEPTED, REFUSED)),
    "a-member-of-text": (lambda f: ("x_train.npy", b"evil"), (REFUSED,)),
    "an-empty-member": (lambda f: ("x_train.npy", b""), (REFUSED,)),
    "header-with-code": (_header("__import__('os').system('touch evil')"), (REFUSED,)),
    "header-nested-deep": (_header("(" * 60 + ")" * 40), (REFUSED,)), "header-of-text": (_header("evil"), (REFUSED,)),
    "shape-of-terabytes": (_header(_shape("(1000000, 1000000)")), (REFUSED, LIMIT)),
    "shape-that-overflows": (_header(_shape("(4611686018427387904, 4)")), (REFUSED,)),
    "shape-negative": (_header(_shape("(-5, 8)")), (REFUSED,)),
    "shape-too-large-for-the-data": (_header(_shape("(120, 1, 8, 8)"), bytes(100)), (REFUSED,)),
    "shape-of-64-axes": (_header(_shape("(" + "1," * 70 + ")")), (REFUSED,)),
    "shape-of-text": (_header(_shape("'evil'")), (REFUSED,)),
    "dtype-of-objects": (_header(_shape("(120,)", "|O")), (REFUSED,)),
    "dtype-unknown": (_header(_shape("(120,)", "<q9")), (REFUSED,)),
    "dtype-of-a-gigabyte-each": (_header(_shape("(120,)", "|V1000000000")), (REFUSED, LIMIT)),
    "dtype-nested": (_header("{'descr': [('a', [('b', '<f4')])], 'fortran_order': False, 'shape': (2,), }"),
        (REFUSED,)),
    "version-9": (lambda f: ("x_train.npy", b"\x93NUMPY\x09\x00" + bytes(100)), (REFUSED,)),
    "header-of-4-gigabytes": (lambda f: ("x_train.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(100)), (REFUSED,)),
    "one-member-more": (lambda f: ("evil.npy", bytes(10)), (ACCEPTED,)),
    "a-nested-archive": (lambda f: ("x_train.npy", (f.parent / "sound.npz").read_bytes()), (REFUSED,)),
}  # fmt: skip


def _bomb(folder: Path) -> Path:
    """Four gigabytes of zeros in four megabytes."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (2**24, 1, 8, 8)})
    with zipfile.ZipFile(folder / "data.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in ("x", "y"):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                file.write(head.getvalue())
                for _ in range(4096 if name == "x" else 1):
                    file.write(bytes(1 << 20))
    return folder / "data.npz"


def _bytes(content: bytes, name: str = "data.npz") -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return build


def _cut(share: float) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        content = small_data(folder.parent / "sound.npz").read_bytes()
        return _bytes(content[: int(len(content) * share)])(folder)

    return build


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "data.npz")
    return folder / "data.npz"


def _link(folder: Path) -> Path:
    (folder / "data.npz").symlink_to("data.npz")
    return folder / "data.npz"


def cases() -> Iterator[Case]:
    """Members and containers."""
    for name, (member, codes) in MEMBERS.items():
        yield Case(f"npz/member/{name}", _raw(member), codes, "plain arrays alone, of the size that is there", "data")
    yield Case("npz/pickled-objects", _objects, (REFUSED,), "a pickle is never loaded", "data")
    yield Case("npz/bomb", _bomb, (REFUSED, LIMIT), "more than memory or no data at all", "data", seconds=150.0)
    for share in (0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999):
        yield Case(f"npz/cut/{share:.1%}", _cut(share), (REFUSED,), "the file ends too early", "data")
    for name, content in {
        "text": b"evil",
        "html": b"<html>",
        "pickle": pickle.dumps({"x": 1}),
        "one-array": b"\x93NUMPY\x01\x00",
        "zip-of-nothing": b"PK\x05\x06" + bytes(18),
    }.items():
        yield Case(f"npz/other/{name}", _bytes(content), (REFUSED,), "no archive of arrays", "data")
    for name, build in {"a-pipe": _pipe, "a-loop-of-links": _link, "another-suffix": _bytes(b"x", "data.csv"),
                        "zeros": lambda f: Path("/dev/zero"), "missing": lambda f: f / "none.npz",
                        "a-name-too-long": lambda f: f / ("x" * 300)}.items():  # fmt: skip
        yield Case(f"npz/path/{name}", build, (REFUSED,), "no readable file of data", "data")

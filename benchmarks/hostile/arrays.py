"""``.npz`` files: pickles, bombs, lies in headers, and numbers that are no pixels or no labels."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hostile.case import ACCEPTED, REFUSED, USAGE, Case
from benchmarks.hostile.commands import small_data
from benchmarks.hostile.torch_archives import Payload
from benchmarks.hostile.torchscript_code import OUTSIDE

Arrays = dict[str, Any]


def _sound(folder: Path) -> Arrays:
    with np.load(small_data(folder.parent / "sound.npz")) as archive:
        return dict(archive)


def _with(change: Callable[[Arrays], object]) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        arrays = _sound(folder)
        change(arrays)
        np.savez(folder / "data.npz", **arrays)
        return folder / "data.npz"

    return build


def _put(key: str, place: Any, number: Any) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[key] = arrays[key].copy()
        arrays[key][place] = number

    return change


def _map(key: str, how: Callable[[Any], Any]) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        for name in [name for name in arrays if name.startswith(key)]:
            arrays[name] = how(arrays[name])

    return change


def _names(names: list[str]) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update(class_names=np.array(names))


_TEN = [str(i) for i in range(10)]
VALUES: dict[str, tuple[Callable[[Arrays], object], tuple[int, ...]]] = {
    "unchanged": (lambda a: None, (ACCEPTED,)), "one-nan": (_put("x_train", (5, 0, 3, 3), np.nan), (REFUSED,)),
    "one-infinity": (_put("x_test", (5, 0, 3, 3), np.inf), (REFUSED,)), "all-nan": (_map("x", lambda x: x * np.nan), (REFUSED,)),
    "negative-pixels": (_map("x", lambda x: x - 0.5), (REFUSED,)), "pixels-to-255": (_map("x", lambda x: x * 255), (REFUSED,)),
    "pixels-to-1e38": (_map("x", lambda x: x * np.float32(1e38)), (REFUSED,)), "pixels-of-double": (_map("x", lambda x: x.astype(float)), (ACCEPTED,)),
    "pixels-just-above-one": (_put("x_train", 0, 1.0000001), (REFUSED,)), "pixels-of-bytes": (_map("x", lambda x: (x * 255).astype(np.uint8)), (ACCEPTED,)),
    "pixels-of-whole-numbers": (_map("x", lambda x: (x * 255).astype(np.int64)), (REFUSED,)), "pixels-of-bool": (_map("x", lambda x: x > 0.5), (REFUSED,)),
    "pixels-of-complex": (_map("x", lambda x: x.astype(complex)), (REFUSED,)), "pixels-of-strings": (_map("x", lambda x: x.astype(str)), (REFUSED,)),
    "pixels-of-bytes-text": (_map("x", lambda x: x.astype("S4")), (REFUSED,)), "pixels-of-dates": (_map("x", lambda x: x.astype("M8[s]")), (REFUSED,)),
    "pixels-structured": (_map("x", lambda x: np.zeros(len(x), [("a", "f4"), ("b", "i4")])), (REFUSED,)),
    "pixels-of-half": (_map("x", lambda x: x.astype(np.float16)), (ACCEPTED,)), "pixels-of-long-double": (_map("x", lambda x: x.astype(np.longdouble)), (ACCEPTED, REFUSED)),
    "big-endian": (_map("x", lambda x: x.astype(">f4")), (ACCEPTED,)), "labels-big-endian": (_map("y", lambda y: y.astype(">i8")), (ACCEPTED,)),
    "fortran-order": (_map("x", np.asfortranarray), (ACCEPTED,)), "no-samples": (_map("x", lambda x: x[:0]), (REFUSED,)),
    "nothing-at-all": (lambda a: [a.update({k: v[:0]}) for k, v in list(a.items())], (REFUSED,)),
    "no-test-samples": (lambda a: a.update(x_test=a["x_test"][:0], y_test=a["y_test"][:0]), (REFUSED,)),
    "one-number": (_map("x", lambda x: np.float32(0.5)), (REFUSED,)), "label-of-one-number": (_map("y", lambda y: np.int64(1)), (REFUSED,)),
    "one-axis": (_map("x", lambda x: x[:, 0, 0, 0]), (REFUSED,)), "five-axes": (_map("x", lambda x: x[:, None]), (REFUSED,)),
    "thirty-axes": (_map("x", lambda x: x.reshape(len(x), *[1] * 29, 64)), (REFUSED,)), "two-axes": (_map("x", lambda x: x.reshape(len(x), 64)), (ACCEPTED, REFUSED)),
    "three-axes": (_map("x", lambda x: x[:, 0]), (ACCEPTED,)), "channels-last": (_map("x", lambda x: np.moveaxis(x, 1, 3)), (ACCEPTED,)),
    "five-channels": (_map("x", lambda x: x.repeat(5, 1)), (REFUSED,)), "another-size": (_map("x", lambda x: x.repeat(3, 2)), (REFUSED,)),
    "no-pixels": (_map("x", lambda x: x[..., :0]), (REFUSED,)), "fewer-labels": (_put("y_train", 0, 0), (ACCEPTED,)),
    "length-mismatch": (lambda a: a.update(y_train=a["y_train"][:-1]), (REFUSED,)), "one-class": (_map("y", lambda y: y * 0), (REFUSED,)),
    "negative-label": (_put("y_train", 3, -1), (REFUSED,)), "label-beyond": (_put("y_train", 3, 10), (REFUSED,)),
    "label-far-beyond": (_put("y_train", 3, 2**40), (REFUSED, USAGE)), "label-at-the-end": (_put("y_test", 3, 2**63 - 1), (REFUSED, USAGE)),
    "labels-of-float": (_map("y", lambda y: y.astype(float)), (REFUSED,)), "labels-of-bool": (_map("y", lambda y: y > 4), (REFUSED,)),
    "labels-of-strings": (_map("y", lambda y: y.astype(str)), (REFUSED,)), "labels-unsigned-64": (_map("y", lambda y: y.astype(np.uint64) + np.uint64(2**63)), (REFUSED,)),
    "labels-one-hot": (_map("y", lambda y: np.eye(10, dtype=int)[y]), (REFUSED,)), "labels-as-a-column": (_map("y", lambda y: y[:, None]), (ACCEPTED,)),
    "a-class-missing": (_map("y", lambda y: np.where(y == 4, 5, y)), (REFUSED,)), "labels-of-one-byte": (_map("y", lambda y: y.astype(np.int8)), (ACCEPTED,)),
    "test-of-another-shape": (lambda a: a.update(x_test=a["x_test"].repeat(2, 2)), (REFUSED,)), "wrong-keys": (lambda a: a.update(a=a.pop("x_train")), (REFUSED,)),
    "hostile-keys": (lambda a: a.update({"\x1b[2J": a.pop("x_train")}), (REFUSED,)), "no-arrays": (lambda a: a.clear(), (REFUSED,)),
    "class-names-hostile": (_names(["<b>\x1b[2J", "\u202eb", *_TEN[2:]]), (ACCEPTED,)), "class-names-alike": (_names(["a"] * 10), (REFUSED,)),
    "class-names-too-few": (_names(["a", "b"]), (REFUSED, USAGE)), "class-names-of-numbers": (lambda a: a.update(class_names=np.arange(10)), (REFUSED,)),
    "class-names-with-surrogates": (_names(["\ud800", "\udfff", *_TEN[2:]]), (REFUSED, ACCEPTED)), "class-names-very-long": (_names(["L" * 100_000, *_TEN[1:]]), (ACCEPTED,)),
    "class-names-empty": (_names(["", " ", *_TEN[2:]]), (ACCEPTED, REFUSED)), "class-names-of-two-axes": (lambda a: a.update(class_names=np.array([_TEN])), (REFUSED,)),
    "class-names-too-many": (_names([str(i) for i in range(10_000)]), (REFUSED, USAGE)),
}  # fmt: skip


def _objects(folder: Path) -> Path:
    arrays = _sound(folder)
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
    "a-pickle-as-member": (_pickle_member, (REFUSED,)), "a-zip-slip-name": (lambda f: ("../../evil.npy", b"x"), (ACCEPTED, REFUSED)),
    "an-absolute-name": (lambda f: ("/tmp/evil.npy", b"x"), (ACCEPTED, REFUSED)), "a-member-of-text": (lambda f: ("x_train.npy", b"evil"), (REFUSED,)),
    "an-empty-member": (lambda f: ("x_train.npy", b""), (REFUSED,)), "header-with-code": (_header("__import__('os').system('touch evil')"), (REFUSED,)),
    "header-nested-deep": (_header("(" * 60 + ")" * 40), (REFUSED,)), "header-of-text": (_header("evil"), (REFUSED,)),
    "shape-of-terabytes": (_header(_shape("(1000000, 1000000)")), (REFUSED, 4)), "shape-that-overflows": (_header(_shape("(4611686018427387904, 4)")), (REFUSED,)),
    "shape-negative": (_header(_shape("(-5, 8)")), (REFUSED,)), "shape-too-large-for-the-data": (_header(_shape("(120, 1, 8, 8)"), bytes(100)), (REFUSED,)),
    "shape-of-64-axes": (_header(_shape("(" + "1," * 70 + ")")), (REFUSED,)), "shape-of-text": (_header(_shape("'evil'")), (REFUSED,)),
    "dtype-of-objects": (_header(_shape("(120,)", "|O")), (REFUSED,)), "dtype-unknown": (_header(_shape("(120,)", "<q9")), (REFUSED,)),
    "dtype-of-a-gigabyte-each": (_header(_shape("(120,)", "|V1000000000")), (REFUSED, 4)), "dtype-nested": (_header("{'descr': [('a', [('b', '<f4')])], 'fortran_order': False, 'shape': (2,), }"), (REFUSED,)),
    "version-9": (lambda f: ("x_train.npy", b"\x93NUMPY\x09\x00" + bytes(100)), (REFUSED,)), "header-of-4-gigabytes": (lambda f: ("x_train.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(100)), (REFUSED,)),
    "one-member-more": (lambda f: ("evil.npy", bytes(10)), (ACCEPTED,)), "a-nested-archive": (lambda f: ("x_train.npy", (f.parent / "sound.npz").read_bytes()), (REFUSED,)),
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
    """Values, members, containers."""
    for name, (change, codes) in VALUES.items():
        yield Case(
            f"npz/value/{name}",
            _with(change),
            codes,
            "pixels in [0, 1] or bytes, labels of the model's classes",
            "data",
        )
    for name, (member, codes) in MEMBERS.items():
        yield Case(f"npz/member/{name}", _raw(member), codes, "plain arrays alone, of the size that is there", "data")
    yield Case("npz/pickled-objects", _objects, (REFUSED,), "a pickle is never loaded", "data")
    yield Case("npz/bomb", _bomb, (REFUSED, 4), "more than memory or no data at all", "data", seconds=150.0)
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
                        "zeros": lambda f: Path("/dev/zero"), "missing": lambda f: f / "none.npz", "a-name-too-long": lambda f: f / ("x" * 300)}.items():  # fmt: skip
        yield Case(f"npz/path/{name}", build, (REFUSED,), "no readable file of data", "data")

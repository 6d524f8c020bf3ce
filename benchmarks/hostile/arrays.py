"""``.npz`` files: pickles, bombs, lies in headers, and numbers that are no pixels or no labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hostile.case import ACCEPTED, REFUSED, USAGE, Case
from benchmarks.hostile.commands import small_data

Arrays = dict[str, Any]


def sound(folder: Path) -> Arrays:
    """The arrays of the small sound data set."""
    with np.load(small_data(folder.parent / "sound.npz")) as archive:
        return dict(archive)


def _with(change: Callable[[Arrays], object]) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        arrays = sound(folder)
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
    "one-infinity": (_put("x_test", (5, 0, 3, 3), np.inf), (REFUSED,)),
    "all-nan": (_map("x", lambda x: x * np.nan), (REFUSED,)),
    "negative-pixels": (_map("x", lambda x: x - 0.5), (REFUSED,)),
    "pixels-to-255": (_map("x", lambda x: x * 255), (REFUSED,)),
    "pixels-to-1e38": (_map("x", lambda x: x * np.float32(1e38)), (REFUSED,)),
    "pixels-of-double": (_map("x", lambda x: x.astype(float)), (ACCEPTED,)),
    "pixels-just-above-one": (_put("x_train", 0, 1.0000001), (REFUSED,)),
    "pixels-of-bytes": (_map("x", lambda x: (x * 255).astype(np.uint8)), (ACCEPTED,)),
    "pixels-of-whole-numbers": (_map("x", lambda x: (x * 255).astype(np.int64)), (REFUSED,)),
    "pixels-of-bool": (_map("x", lambda x: x > 0.5), (REFUSED,)),
    "pixels-of-complex": (_map("x", lambda x: x.astype(complex)), (REFUSED,)),
    "pixels-of-strings": (_map("x", lambda x: x.astype(str)), (REFUSED,)),
    "pixels-of-bytes-text": (_map("x", lambda x: x.astype("S4")), (REFUSED,)),
    "pixels-of-dates": (_map("x", lambda x: x.astype("M8[s]")), (REFUSED,)),
    "pixels-structured": (_map("x", lambda x: np.zeros(len(x), [("a", "f4"), ("b", "i4")])), (REFUSED,)),
    "pixels-of-half": (_map("x", lambda x: x.astype(np.float16)), (ACCEPTED,)),
    "pixels-of-long-double": (_map("x", lambda x: x.astype(np.longdouble)), (ACCEPTED, REFUSED)),
    "big-endian": (_map("x", lambda x: x.astype(">f4")), (ACCEPTED,)),
    "labels-big-endian": (_map("y", lambda y: y.astype(">i8")), (ACCEPTED,)),
    "fortran-order": (_map("x", np.asfortranarray), (ACCEPTED,)),
    "no-samples": (_map("x", lambda x: x[:0]), (REFUSED,)),
    "nothing-at-all": (lambda a: [a.update({k: v[:0]}) for k, v in list(a.items())], (REFUSED,)),
    "no-test-samples": (lambda a: a.update(x_test=a["x_test"][:0], y_test=a["y_test"][:0]), (REFUSED,)),
    "one-number": (_map("x", lambda x: np.float32(0.5)), (REFUSED,)),
    "label-of-one-number": (_map("y", lambda y: np.int64(1)), (REFUSED,)),
    "one-axis": (_map("x", lambda x: x[:, 0, 0, 0]), (REFUSED,)),
    "five-axes": (_map("x", lambda x: x[:, None]), (REFUSED,)),
    "thirty-axes": (_map("x", lambda x: x.reshape(len(x), *[1] * 29, 64)), (REFUSED,)),
    "two-axes": (_map("x", lambda x: x.reshape(len(x), 64)), (ACCEPTED, REFUSED)),
    "three-axes": (_map("x", lambda x: x[:, 0]), (ACCEPTED,)),
    "channels-last": (_map("x", lambda x: np.moveaxis(x, 1, 3)), (ACCEPTED,)),
    "five-channels": (_map("x", lambda x: x.repeat(5, 1)), (REFUSED,)),
    "another-size": (_map("x", lambda x: x.repeat(3, 2)), (ACCEPTED,)),
    "no-pixels": (_map("x", lambda x: x[..., :0]), (REFUSED,)), "fewer-labels": (_put("y_train", 0, 0), (ACCEPTED,)),
    "length-mismatch": (lambda a: a.update(y_train=a["y_train"][:-1]), (REFUSED,)),
    "one-class": (_map("y", lambda y: y * 0), (REFUSED,)),
    "negative-label": (_put("y_train", 3, -1), (REFUSED,)), "label-beyond": (_put("y_train", 3, 10), (REFUSED,)),
    "label-far-beyond": (_put("y_train", 3, 2**40), (REFUSED, USAGE)),
    "label-at-the-end": (_put("y_test", 3, 2**63 - 1), (REFUSED, USAGE)),
    "labels-of-float": (_map("y", lambda y: y.astype(float)), (REFUSED,)),
    "labels-of-bool": (_map("y", lambda y: y > 4), (REFUSED,)),
    "labels-of-strings": (_map("y", lambda y: y.astype(str)), (REFUSED,)),
    "labels-unsigned-64": (_map("y", lambda y: y.astype(np.uint64) + np.uint64(2**63)), (REFUSED,)),
    "labels-one-hot": (_map("y", lambda y: np.eye(10, dtype=int)[y]), (REFUSED,)),
    "labels-as-a-column": (_map("y", lambda y: y[:, None]), (ACCEPTED,)),
    "a-class-missing": (_map("y", lambda y: np.where(y == 4, 5, y)), (REFUSED,)),
    "labels-of-one-byte": (_map("y", lambda y: y.astype(np.int8)), (ACCEPTED,)),
    "test-of-another-shape": (lambda a: a.update(x_test=a["x_test"].repeat(2, 2)), (REFUSED,)),
    "wrong-keys": (lambda a: a.update(a=a.pop("x_train")), (REFUSED,)),
    "hostile-keys": (lambda a: a.update({"\x1b[2J": a.pop("x_train")}), (REFUSED,)),
    "no-arrays": (lambda a: a.clear(), (REFUSED,)),
    "class-names-hostile": (_names(["<b>\x1b[2J", "\u202eb", *_TEN[2:]]), (ACCEPTED,)),
    "class-names-alike": (_names(["a"] * 10), (REFUSED,)),
    "class-names-too-few": (_names(["a", "b"]), (REFUSED, USAGE)),
    "class-names-of-numbers": (lambda a: a.update(class_names=np.arange(10)), (REFUSED,)),
    "class-names-with-surrogates": (_names(["\ud800", "\udfff", *_TEN[2:]]), (REFUSED, ACCEPTED)),
    "class-names-very-long": (_names(["L" * 100_000, *_TEN[1:]]), (ACCEPTED,)),
    "class-names-empty": (_names(["", " ", *_TEN[2:]]), (ACCEPTED, REFUSED)),
    "class-names-of-two-axes": (lambda a: a.update(class_names=np.array([_TEN])), (REFUSED,)),
    "class-names-too-many": (_names([str(i) for i in range(10_000)]), (REFUSED, USAGE)),
}  # fmt: skip


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

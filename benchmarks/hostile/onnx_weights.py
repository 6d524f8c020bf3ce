"""ONNX files whose constants lie: wrong sizes and types, sparse ones, and external data that lead elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, SparseTensorProto, TensorProto

from benchmarks.hostile.case import ACCEPTED, REFUSED, Case
from benchmarks.hostile.onnx_parts import INT64, WEIGHTS, classifier, node, saved, tensor

_BYTES = WEIGHTS["w"].tobytes()


def _weight(model: ModelProto) -> TensorProto:
    return next(each for each in model.graph.initializer if each.name == "w")


def _set(**fields: object) -> Callable[[TensorProto], None]:
    def change(weight: TensorProto) -> None:
        for name, new in fields.items():
            if name == "dims":
                del weight.dims[:]
                weight.dims.extend(new)  # type: ignore[arg-type]
            else:
                setattr(weight, name, new)

    return change


def _as_floats(count: int) -> Callable[[TensorProto], None]:
    def change(weight: TensorProto) -> None:
        weight.ClearField("raw_data")
        weight.float_data.extend([0.5] * count)

    return change


def _both(weight: TensorProto) -> None:
    weight.float_data.extend([0.5] * 640)


def _segment(weight: TensorProto) -> None:
    weight.segment.begin, weight.segment.end = 0, 10


def _as_strings(weight: TensorProto) -> None:
    weight.ClearField("raw_data")
    weight.data_type = TensorProto.STRING
    weight.string_data.extend([b"evil"] * 640)


LIES: dict[str, tuple[Callable[[TensorProto], None], tuple[int, ...]]] = {
    "too-short": (_set(raw_data=_BYTES[:-4]), (REFUSED,)), "too-long": (_set(raw_data=_BYTES + b"1234"), (REFUSED,)),
    "of-odd-length": (_set(raw_data=_BYTES[:-3]), (REFUSED,)),
    "no-data": (lambda w: w.ClearField("raw_data"), (REFUSED,)),
    "empty-data": (_set(raw_data=b""), (REFUSED,)), "negative-dims": (_set(dims=[-64, -10]), (REFUSED,)),
    "one-negative-dim": (_set(dims=[64, -10]), (REFUSED,)), "zero-dims": (_set(dims=[0, 10], raw_data=b""), (REFUSED,)),
    "huge-dims": (_set(dims=[2**40, 2**40]), (REFUSED,)), "overflowing-dims": (_set(dims=[2**62, 4]), (REFUSED,)),
    "transposed": (_set(dims=[10, 64]), (REFUSED,)), "flat": (_set(dims=[640]), (REFUSED,)),
    "sixty-five-dims": (_set(dims=[1] * 63 + [64, 10]), (REFUSED,)), "no-dims": (_set(dims=[]), (REFUSED,)),
    "as-double": (_set(data_type=TensorProto.DOUBLE), (REFUSED,)),
    "as-half": (_set(data_type=TensorProto.FLOAT16), (REFUSED,)),
    "as-whole-numbers": (_set(data_type=TensorProto.INT32), (REFUSED,)),
    "as-bool": (_set(data_type=TensorProto.BOOL), (REFUSED,)),
    "as-bfloat": (_set(data_type=TensorProto.BFLOAT16), (REFUSED,)),
    "as-four-bits": (_set(data_type=TensorProto.INT4), (REFUSED,)),
    "as-complex": (_set(data_type=TensorProto.COMPLEX64), (REFUSED,)), "as-undefined": (_set(data_type=0), (REFUSED,)),
    "as-unknown-type": (_set(data_type=99), (REFUSED,)), "as-strings": (_as_strings, (REFUSED,)),
    "as-floats": (_as_floats(640), (ACCEPTED,)), "as-too-few-floats": (_as_floats(639), (REFUSED,)),
    "in-two-places": (_both, (REFUSED, ACCEPTED)), "as-a-segment": (_segment, (REFUSED, ACCEPTED)),
    "all-nan": (_set(raw_data=np.full(640, np.nan, np.float32).tobytes()), (REFUSED,)),
    "all-infinite": (_set(raw_data=np.full(640, np.inf, np.float32).tobytes()), (REFUSED,)),
    "all-zero": (_set(raw_data=bytes(2560)), (ACCEPTED,)),
    "largest-floats": (_set(raw_data=np.full(640, 3e38, np.float32).tobytes()), (REFUSED, ACCEPTED)),
    "denormal": (_set(raw_data=np.full(640, 1e-45, np.float32).tobytes()), (ACCEPTED,)),
    "one-nan": (_set(raw_data=np.float32(np.nan).tobytes() + _BYTES[4:]), (REFUSED,)),
}  # fmt: skip


def _lying(change: Callable[[TensorProto], None]) -> Callable[[], ModelProto]:
    def make() -> ModelProto:
        model = classifier()
        change(_weight(model))
        return model

    return make


def _sparse(indices: list[int], dims: list[int]) -> ModelProto:
    model = classifier()
    model.graph.initializer.remove(_weight(model))
    values = tensor("w", np.ones(len(indices)))
    stored = tensor("w_indices", np.array(indices), np.int64)
    model.graph.sparse_initializer.append(SparseTensorProto(values=values, indices=stored, dims=dims))
    return model


def _external(location: str, **entries: str) -> Callable[[Path], Path]:
    """The weight outside, under this location; ``weights.bin`` with the right bytes lies beside the model."""

    def build(folder: Path) -> Path:
        model = classifier()
        weight = _weight(model)
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, text in {"location": location, **entries}.items():
            weight.external_data.append(onnx.StringStringEntryProto(key=key, value=text))
        inside = folder / "inside"
        inside.mkdir()
        (inside / "weights.bin").write_bytes(_BYTES)
        (folder / "outside.bin").write_bytes(_BYTES)
        (inside / "sub").mkdir()
        (inside / "sub" / "weights.bin").write_bytes(_BYTES)
        os.symlink(folder / "outside.bin", inside / "link.bin")
        os.symlink("loop.bin", inside / "loop.bin")
        os.symlink(folder, inside / "up")
        os.link(folder / "outside.bin", inside / "hard.bin")
        os.mkfifo(inside / "pipe")
        (inside / "empty.bin").touch()
        (inside / "model.onnx").write_bytes(model.SerializeToString())
        return inside / "model.onnx"

    return build


EXTERNAL: dict[str, tuple[str, dict[str, str], tuple[int, ...]]] = {
    "beside": ("weights.bin", {}, (ACCEPTED,)), "in-a-folder-below": ("sub/weights.bin", {}, (ACCEPTED,)),
    "with-offset-and-length": ("weights.bin", {"offset": "0", "length": "2560"}, (ACCEPTED,)),
    "above": ("../outside.bin", {}, (REFUSED,)), "above-and-back": ("../inside/weights.bin", {}, (REFUSED, ACCEPTED)),
    "far-above": ("../" * 30 + "etc/passwd", {}, (REFUSED,)), "absolute": ("/etc/passwd", {}, (REFUSED,)),
    "in-proc": ("/proc/self/environ", {}, (REFUSED,)), "a-device": ("/dev/zero", {}, (REFUSED,)),
    "a-symlink": ("link.bin", {}, (REFUSED,)), "a-symlink-loop": ("loop.bin", {}, (REFUSED,)),
    "through-a-linked-folder": ("up/outside.bin", {}, (REFUSED,)), "a-pipe": ("pipe", {}, (REFUSED,)),
    "a-hard-link": ("hard.bin", {}, (REFUSED, ACCEPTED)), "missing": ("none.bin", {}, (REFUSED,)),
    "a-folder": ("sub", {}, (REFUSED,)), "empty-name": ("", {}, (REFUSED,)), "a-dot": (".", {}, (REFUSED,)),
    "an-empty-file": ("empty.bin", {}, (REFUSED,)), "the-model-itself": ("model.onnx", {}, (REFUSED,)),
    "nul-in-the-name": ("weights.bin\0.png", {}, (REFUSED,)), "newline-in-the-name": ("a\nb\x1b[2J", {}, (REFUSED,)),
    "a-url": ("https://example.org/weights.bin", {}, (REFUSED,)), "windows": ("..\\outside.bin", {}, (REFUSED,)),
    "offset-beyond": ("weights.bin", {"offset": "999999", "length": "2560"}, (REFUSED,)),
    "offset-negative": ("weights.bin", {"offset": "-4", "length": "2560"}, (REFUSED,)),
    "offset-no-number": ("weights.bin", {"offset": "evil"}, (REFUSED,)),
    "offset-of-many-digits": ("weights.bin", {"offset": "9" * 5000}, (REFUSED,)),
    "length-beyond": ("weights.bin", {"length": "999999999999"}, (REFUSED,)),
    "length-too-short": ("weights.bin", {"length": "4"}, (REFUSED,)),
    "length-zero": ("weights.bin", {"length": "0"}, (REFUSED, ACCEPTED)),
    "length-negative": ("weights.bin", {"length": "-1"}, (REFUSED, ACCEPTED)),
    "unknown-key": ("weights.bin", {"evil": "1"}, (ACCEPTED, REFUSED)),
    "wrong-checksum": ("weights.bin", {"checksum": "0" * 40}, (ACCEPTED, REFUSED)),
}  # fmt: skip


def cases() -> Iterator[Case]:
    """One case for each lie."""
    for name, (change, codes) in LIES.items():
        yield Case(
            f"onnx/constant/{name}", saved(_lying(change)), codes, "a constant has the bytes its type and shape ask for"
        )
    for name, (location, entries, codes) in EXTERNAL.items():
        why = "weights come from regular files in the model's folder, of the size declared"
        yield Case(f"onnx/external/{name}", _external(location, **entries), codes, why)
    for name, (indices, dims) in {"sound": ([0, 5], [64, 10]), "out-of-range": ([0, 999_999], [64, 10]),
                                  "negative": ([-5, 3], [64, 10]), "unsorted": ([5, 0], [64, 10]),
                                  "huge": ([0, 5], [2**31, 2**31])}.items():  # fmt: skip
        model = _sparse(indices, dims)
        yield Case(
            f"onnx/sparse/{name}",
            saved(model),
            (REFUSED, ACCEPTED) if name == "sound" else (REFUSED,),
            "sparse constants are checked",
        )
    whole = classifier([node("Gather", "one i", "more")], {"i": np.array([10**9], np.int64)})
    yield Case("onnx/constant/index-out-of-range", saved(whole), (REFUSED,), "the runtime checks indices")
    reshape = classifier([node("Reshape", "one s", "more")], {"s": np.array([7, -1, -1], np.int64)})
    yield Case("onnx/constant/two-free-axes", saved(reshape), (REFUSED,), "a shape has one free axis at most")
    made = TensorProto(name="c", data_type=INT64, dims=[10**6], raw_data=b"")
    constant = classifier([node("Constant", "", "c", value=made), mean_shape()])
    yield Case(
        "onnx/constant/attribute-without-data", saved(constant), (REFUSED,), "constants in nodes are checked as well"
    )


def mean_shape() -> onnx.NodeProto:
    """A number from a constant of whole numbers."""
    return node("Cast", "c", "more", to=1)

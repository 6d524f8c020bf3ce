"""ONNX graphs of a few hundred bytes that ask for terabytes, through every operator that makes large tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from onnx import NodeProto

from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case
from benchmarks.hostile.onnx_parts import classifier, mean_of, node, saved

_MILLION = np.array([10**6, 10**6], np.int64)
_ON_X = [1, 1, 10**6, 10**6]

# Nodes that make "big", and their constants: all of a size that shape inference can tell.
KNOWN: dict[str, tuple[list[NodeProto], dict[str, Any]]] = {
    "constant-of-shape": ([node("ConstantOfShape", "s", "big")], {"s": _MILLION}),
    "expand": ([node("Expand", "one s", "big")], {"s": _MILLION}),
    "expand-the-input": ([node("Expand", "x s", "big")], {"s": np.array([10**10, 1, 8, 8])}),
    "tile": ([node("Tile", "x r", "big")], {"r": np.array([1, 10**4, 10**3, 10**3])}),
    "range": ([node("Range", "a l d", "b"), node("Cast", "b", "big", to=1)],
              {"a": np.int64(0), "l": np.int64(10**12), "d": np.int64(1)}),
    "pad": ([node("Pad", "x p", "big")], {"p": np.array([0, 0, 10**6, 10**6, 0, 0, 0, 0])}),
    "resize-by-scales": ([node("Resize", "x _ sc", "big", mode="nearest")], {"sc": np.float32([1, 1, 1e5, 1e5])}),
    "resize-by-sizes": ([node("Resize", "x _ _ sz", "big", mode="nearest")], {"sz": np.array(_ON_X)}),
    "upsample": ([node("Resize", "x _ sc", "big", mode="linear")], {"sc": np.float32([1, 1, 1e6, 1e4])}),
    "conv-transpose": ([node("ConvTranspose", "x k", "big", strides=[10**5, 10**5])],
                       {"k": np.ones((1, 1, 1, 1), np.float32)}),
    "conv-pads": ([node("Conv", "x k", "big", pads=[10**6, 10**6, 10**6, 10**6])],
                  {"k": np.ones((1, 1, 1, 1), np.float32)}),
    "one-hot": ([node("OneHot", "i d v", "big")],
                {"i": np.zeros(1000, np.int64), "d": np.int64(10**10), "v": np.float32([0, 1])}),
    "eye-like": ([node("ConstantOfShape", "s", "e"), node("EyeLike", "e", "big")], {"s": _MILLION}),
    "non-zero": ([node("ConstantOfShape", "s", "e"), node("NonZero", "e", "z"), node("Cast", "z", "big", to=1)],
                 {"s": _MILLION}),
    "outer-product": ([node("ConstantOfShape", "s", "u"), node("ConstantOfShape", "t", "v"),
                       node("MatMul", "u v", "big")], {"s": np.array([10**6, 1]), "t": np.array([1, 10**6])}),
    "broadcast-add": ([node("ConstantOfShape", "s", "u"), node("ConstantOfShape", "t", "v"), node("Add", "u v", "big")],
                      {"s": np.array([10**6, 1]), "t": np.array([1, 10**6])}),
    "shape-by-arithmetic": ([node("Mul", "s s", "s2"), node("ConstantOfShape", "s2", "big")],
                            {"s": np.array([1000, 1000])}),
    "shape-by-concat": ([node("Concat", "s s", "s2", axis=0), node("ConstantOfShape", "s2", "big")],
                        {"s": np.array([1000, 1000])}),
    "shape-of-shape": ([node("Shape", "w", "s"), node("Mul", "s f", "s2"), node("ConstantOfShape", "s2", "big")],
                       {"f": np.array([10**5, 10**5])}),
    "random-normal": ([node("RandomNormal", "", "big", shape=[10**6, 10**6])], {}),
    "random-uniform": ([node("RandomUniform", "", "big", shape=[10**6, 10**6])], {}),
    "gather": ([node("ConstantOfShape", "s", "f"), node("Cast", "f", "i", to=7), node("Gather", "w i", "big")],
               {"s": np.array([10**9, 10])}),
    "behind-a-broken-node": ([node("MatMul", "w w", "broken"), node("ConstantOfShape", "s", "big")], {"s": _MILLION}),
    "in-double": ([node("ConstantOfShape", "s", "c"), node("Cast", "c", "big", to=11)],
        {"s": np.array([10**5, 10**6])}),
    "negative-shape": ([node("ConstantOfShape", "s", "big")], {"s": np.array([-5, 10**6])}),
    "overflowing-shape": ([node("ConstantOfShape", "s", "big")], {"s": np.array([2**62, 2**62])}),
    "max-pool-pads": ([node("MaxPool", "x", "big", kernel_shape=[2, 2], pads=[1, 1, 10**9, 10**9])], {}),
    "depth-to-space": ([node("Expand", "x s", "e"), node("DepthToSpace", "e", "big", blocksize=1000)],
                       {"s": np.array([10**4, 10**6, 8, 8])}),
}  # fmt: skip

# Sizes that only a run can tell: the worker's limits have to stop them, or the runtime refuses.
HIDDEN: dict[str, tuple[list[NodeProto], dict[str, Any]]] = {
    "size-from-the-data": ([node("ReduceSum", "x", "sum", keepdims=0), node("Cast", "sum", "n", to=7),
                            node("Add", "n ten", "n2"), node("Reshape", "n2 m", "s"), node("Mul", "s f", "s2"),
                            node("ConstantOfShape", "s2", "big")],
                           {"f": np.array([10**7, 10**5]), "m": np.array([1]), "ten": np.int64(10)}),
    "expand-from-the-data": ([node("Shape", "x", "s"), node("Gather", "s i", "n"), node("Mul", "n f", "s2"),
                              node("Expand", "one s2", "big")],
                             {"i": np.array([0, 0]), "f": np.array([10**6, 10**6])}),
    "range-from-the-data": ([node("ReduceSum", "x", "sum", keepdims=0), node("Mul", "sum k", "l"),
                             node("Range", "zero l unit", "big")],
                            {"k": np.float32(1e9), "unit": np.float32(1e-2)}),
}  # fmt: skip


def cases() -> Iterator[Case]:
    """One case for each operator."""
    for name, (nodes, constants) in KNOWN.items():
        model = classifier([*nodes, mean_of("big")], constants)
        yield Case(f"onnx/size/{name}", saved(model), (REFUSED,), "the size is known before anything runs")
    for name, (nodes, constants) in HIDDEN.items():
        model = classifier([*nodes, mean_of("big")], constants)
        why = "a size that only the run tells meets the limit of memory, or the runtime's own"
        yield Case(f"onnx/size/{name}", saved(model), (LIMIT, REFUSED), why)
    small = classifier([node("ConstantOfShape", "s", "big"), mean_of("big")], {"s": np.array([100, 100])})
    yield Case("onnx/size/small-after-all", saved(small), (ACCEPTED,), "40 kB are no attack")
    empty = classifier(
        [node("ConstantOfShape", "s", "big"), node("ReduceSum", "big", "more", keepdims=0)], {"s": np.array([0, 5])}
    )
    yield Case("onnx/size/no-elements", saved(empty), (ACCEPTED,), "an empty tensor is odd but right")

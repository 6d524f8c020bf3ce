"""ONNX graphs whose inputs, outputs or numbers are not those of a classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case
from benchmarks.hostile.onnx_parts import FLOAT, INT64, classifier, node, saved, value

_FLAT = node("Flatten", "x", "flat")


def _ending(nodes: Sequence[NodeProto], outputs: Sequence[ValueInfoProto], **more: object) -> ModelProto:
    return classifier(last=[_FLAT, *nodes], outputs=outputs, **more)  # type: ignore[arg-type]


def _scores(*shape: int | str | None) -> list[ValueInfoProto]:
    return [value("y", shape=shape)]


def _wide(classes: int) -> ModelProto:
    nodes = [
        node("ReduceMean", "flat", "m", axes=[1], keepdims=1),
        node("ConstantOfShape", "s", "w1"),
        node("MatMul", "m w1", "y"),
    ]
    return _ending(nodes, _scores("n", classes), constants={"s": np.array([1, classes])}, opset=17)


def _constant() -> ModelProto:
    """Equal scores for whatever image."""
    nodes = [node("MatMul", "flat w", "z"), node("Sub", "z z", "y")]
    return _ending(nodes, _scores("n", 10))


def _always_one_class() -> ModelProto:
    nodes = [node("MatMul", "flat w", "z"), node("Sub", "z z", "d"), node("Add", "d b", "y")]
    return _ending(nodes, _scores("n", 10), constants={"b": np.eye(10, dtype=np.float32)[3]})


def _unmoved() -> ModelProto:
    """A constant that has nothing to do with the image, of one row."""
    return _ending([node("Identity", "row", "y")], _scores(1, 10), constants={"row": np.zeros((1, 10), np.float32)})


def _number(op: str) -> ModelProto:
    """Scores that are no numbers: the logarithm of negatives, or a division by zero."""
    nodes = {"log": [node("Neg", "z", "q"), node("Abs", "q", "r"), node("Neg", "r", "t"), node("Log", "t", "y")],
             "divide": [node("Sub", "z z", "t"), node("Div", "z t", "y")],
             "some": [node("Log", "z", "y")]}[op]  # fmt: skip
    return _ending([node("MatMul", "flat w", "z"), *nodes], _scores("n", 10))


def _random(op: str) -> ModelProto:
    shape = node(op, "plain", "noise")
    return _ending([node("MatMul", "flat w", "plain"), shape, node("Add", "plain noise", "y")], _scores("n", 10))


def _across_the_batch() -> ModelProto:
    nodes = [node("MatMul", "flat w", "z"), node("ReduceSum", "z axes", "all"), node("Add", "z all", "y")]
    return _ending(nodes, _scores("n", 10), constants={"axes": np.array([0])})


def _dropout() -> ModelProto:
    nodes = [node("MatMul", "flat w", "z"), node("Dropout", "z half flag", "y")]
    return _ending(nodes, _scores("n", 10), constants={"half": np.float32(0.5)})


def _input(*shape: int | str | None, kind: int = FLOAT) -> ModelProto:
    return classifier(input=value("x", kind, shape))


def _kind(kind: str) -> ModelProto:
    """Outputs of another kind than tensors."""
    plain = [node("MatMul", "flat w", "z")]
    if kind == "sequence":
        output = helper.make_tensor_sequence_value_info("y", FLOAT, None)
        return _ending([*plain, node("SequenceConstruct", "z", "y")], [output])
    if kind == "optional":
        inner = helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, None))
        return _ending([*plain, node("Optional", "z", "y")], [helper.make_value_info("y", inner)])
    if kind == "map":
        inner = helper.make_sequence_type_proto(
            helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, []))
        )
        zipmap = node("ZipMap", "z", "y", domain="ai.onnx.ml", classlabels_int64s=list(range(10)))
        return _ending([*plain, zipmap], [helper.make_value_info("y", inner)], domains=["ai.onnx.ml"])
    inner = node("Cast", "z", "y", to=TensorProto.STRING)
    return _ending([*plain, inner], [value("y", TensorProto.STRING, ["n", 10])])


def _regressor(sigmoid: bool) -> ModelProto:
    """One column in [0, 1]: clipped, or by a sigmoid."""
    end = node("Sigmoid", "m", "y") if sigmoid else node("Max", "m zero", "y")
    return _ending([node("ReduceMean", "flat", "m", axes=[1], keepdims=1), end], _scores("n", 1), opset=17)


def _shapes() -> dict[str, tuple[ModelProto, tuple[int, ...]]]:
    mat = node("MatMul", "flat w", "z")
    reshape = {
        "s": np.array([-1, 1, 10]),
        "t": np.array([-1, 10, 1, 1]),
        "u": np.array([10, -1]),
        "v": np.array([-1]),
        "e": np.array([0, 10]),
    }
    return {
        "one-class": (_wide(1), (REFUSED,)), "a-million-classes": (_wide(10**6), (ACCEPTED, LIMIT, REFUSED)),
        "a-thousand-classes": (_wide(1000), (ACCEPTED,)),
        "a-scalar": (_ending([node("ReduceSum", "x", "y", keepdims=0)], _scores()), (REFUSED,)),
        "a-vector": (_ending([node("ReduceMean", "flat", "y", axes=[1], keepdims=0)], _scores("n"), opset=17),
        (REFUSED,)),
        "three-axes": (_ending([mat, node("Reshape", "z s", "y")], _scores("n", 1, 10), constants=reshape), (REFUSED,)),
        "axes-of-one-behind": (_ending([mat, node("Reshape", "z t", "y")], _scores("n", 10, 1, 1), constants=reshape),
        (ACCEPTED,)),
        "classes-first": (_ending([mat, node("Reshape", "z u", "y")], _scores(10, "n"), constants=reshape), (REFUSED,)),
        "all-in-one-row": (_ending([mat, node("Reshape", "z v", "y")], _scores("n"), constants=reshape), (REFUSED,)),
        "no-rows": (_ending([node("Expand", "one e", "y")], _scores(0, 10), constants=reshape), (REFUSED,)),
        "fewer-rows": (_ending([mat, node("Slice", "z a b", "y")], _scores("n", 10),
        constants={"a": np.array([1]), "b": np.array([9999])}), (REFUSED,)),
        "another-width-than-declared": (_ending([mat, node("Identity", "z", "y")], _scores("n", 7)),
        (REFUSED, ACCEPTED)),
        "a-segmenter": (_ending([node("Conv", "x k", "y")], _scores("n", 2, 8, 8),
        constants={"k": np.ones((2, 1, 1, 1), np.float32)}), (REFUSED,)),
        "a-detector": (_ending([mat, node("Reshape", "z s", "scores"), node("Slice", "z a b c", "boxes")],
                               [value("boxes", shape=["n", 4]), value("scores", shape=["n", 1, 10])],
                               constants={**reshape, "a": np.array([0]), "b": np.array([4]), "c": np.array([1])}),
                               (REFUSED,)),
        "a-clipped-regressor": (_regressor(False), (REFUSED,)),
        "one-sigmoid-for-ten-classes": (_regressor(True), (REFUSED,)),
    }  # fmt: skip


def cases() -> Iterator[Case]:
    """Shapes, kinds, numbers."""
    for name, (model, codes) in _shapes().items():
        yield Case(f"onnx/output/{name}", saved(model), codes, "class scores have the shape (N, C)")
    for kind, codes in {
        "sequence": (REFUSED,),
        "optional": (REFUSED,),
        "map": (ACCEPTED,),
        "string": (REFUSED,),
    }.items():
        yield Case(
            f"onnx/output/of-kind-{kind}", saved(_kind(kind)), codes, "scores are a tensor of floats, or maps of them"
        )
    clear = "a model that is random, constant or no number is refused; one whose checks fail does not end well"
    odd = {"constant": _constant(), "always-one-class": _always_one_class(),
    "random-uniform": _random("RandomUniformLike"),
           "random-normal": _random("RandomNormalLike"), "depends-on-the-batch": _across_the_batch(),
           "dropout-in-training": _dropout(), "nan-for-some": _number("some")}  # fmt: skip
    for name, model in odd.items():
        yield Case(f"onnx/run/{name}", saved(model), (REFUSED, LIMIT), clear, audit=True, seconds=150.0)
    for name in ("log", "divide"):
        yield Case(f"onnx/run/nan-by-{name}", saved(_number(name)), (REFUSED,), "no finite score at all", audit=True)
    yield Case("onnx/run/not-of-the-image", saved(_unmoved()), (REFUSED, LIMIT), clear, audit=True)
    inputs: dict[str, tuple[ModelProto, tuple[int, ...]]] = {
        "rank-0": (_input(), (REFUSED,)), "rank-1": (_input("n"), (REFUSED,)), "rank-2": (_input("n", 64), (ACCEPTED,)),
        "rank-3": (_input("n", 8, 8), (ACCEPTED,)), "rank-5": (_input("n", 1, 1, 8, 8), (REFUSED,)),
        "rank-9": (_input(*["n"] * 9), (REFUSED,)), "no-pixels": (_input("n", 1, 0, 8), (REFUSED,)),
        "no-batch": (_input(0, 1, 8, 8), (REFUSED, ACCEPTED)), "negative": (_input("n", 1, -8, 8), (REFUSED, ACCEPTED)),
        "all-free": (_input("n", "c", "h", "w"), (ACCEPTED,)), "seven-channels": (_input("n", 7, 8, 8), (REFUSED,)),
        "huge": (_input("n", 1, 10**6, 10**6), (REFUSED,)),
        "overflowing": (_input("n", 2**40, 2**40, 2**40), (REFUSED,)),
        "a-batch-of-a-million": (_input(10**6, 1, 8, 8), (ACCEPTED, REFUSED, LIMIT)),
        "a-batch-of-7": (_input(7, 1, 8, 8), (ACCEPTED,)), "another-size": (_input("n", 1, 9, 9), (REFUSED,)),
        "bytes": (_input("n", 1, 8, 8, kind=TensorProto.UINT8), (REFUSED,)),
        "half": (_input("n", 1, 8, 8, kind=TensorProto.FLOAT16), (REFUSED,)),
        "one-name-for-all-axes": (_input("n", "n", "n", "n"), (ACCEPTED, REFUSED)),
    }  # fmt: skip
    for name, (model, codes) in inputs.items():
        yield Case(f"onnx/input/{name}", saved(model), codes, "images or vectors of the size that the data have")

"""ONNX graphs that never end, nest without end, or call themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case
from benchmarks.hostile.onnx_parts import FLOAT, INT64, classifier, mean_of, node, saved, tensor, value, written

BOOL = TensorProto.BOOL
_ENDLESS = "an endless loop passes every checker; the clock ends it"
_SECONDS = 60.0


def _body(nodes: Sequence[NodeProto], more: Sequence[Any] = ()) -> GraphProto:
    """The body of a Loop: counter, condition and one carried number."""
    inputs = [value("i", INT64, []), value("go", BOOL, []), value("v", FLOAT, None)]
    outputs = [value("go2", BOOL, []), value("v2", FLOAT, None), *more]
    return helper.make_graph([node("Identity", "go", "go2"), *nodes], "body", inputs, outputs)


def _loop(nodes: Sequence[NodeProto], trips: str = "_", more: Sequence[Any] = (), scans: str = "") -> list[NodeProto]:
    loop = node("Loop", f"{trips} flag zero", f"last {scans}", body=_body(nodes, more))
    return [loop, mean_of("last")]


def _plain_loop() -> ModelProto:
    return classifier(_loop([node("Identity", "v", "v2")]))


def _growing_loop() -> ModelProto:
    """Its tensor doubles at each turn."""
    return classifier(
        [node("Loop", "_ flag one", "last", body=_body([node("Concat", "v v", "v2", axis=0)])), mean_of("last")]
    )


def _scanning_loop() -> ModelProto:
    """It stacks a row of output at each turn, for ever."""
    nodes = [node("Identity", "v", "v2"), node("Identity", "v", "row")]
    return classifier(_loop(nodes, more=[value("row", FLOAT, None)], scans="rows"))


def _counted_loop(trips: int) -> ModelProto:
    return classifier(_loop([node("Identity", "v", "v2")], trips="trips"), {"trips": np.int64(trips)})


def _nested_loops() -> ModelProto:
    """Ten loops inside each other, of a thousand turns each."""
    nodes = [node("Identity", "v", "v2")]
    for level in range(10):
        inner = helper.make_graph(
            [node("Identity", f"go{level}", f"stop{level}"), *nodes],
            f"body{level}",
            [
                value(f"i{level}", INT64, []),
                value(f"go{level}", BOOL, []),
                value("v" if not level else f"a{level}", FLOAT, None),
            ],
            [value(f"stop{level}", BOOL, []), value(nodes[-1].output[0], FLOAT, None)],
        )
        nodes = [node("Loop", f"trips flag {f'a{level + 1}' if level < 9 else 'zero'}", f"b{level}", body=inner)]
    return classifier([*nodes, mean_of(nodes[-1].output[0])], {"trips": np.int64(1000)})


def _loop_on_data() -> ModelProto:
    """It goes on as long as the sum of the image is positive."""
    nodes = [node("ReduceSum", "x", "sum", keepdims=0), node("Greater", "sum zero", "start")]
    nodes += [node("Loop", "_ start zero", "last", body=_body([node("Identity", "v", "v2")])), mean_of("last")]
    return classifier(nodes)


def _scan(length: int) -> ModelProto:
    body = helper.make_graph(
        [node("Add", "state item", "state2"), node("Identity", "state2", "row")],
        "scan", [value("state", FLOAT, [1]), value("item", FLOAT, [1])],
        [value("state2", FLOAT, [1]), value("row", FLOAT, [1])],
    )  # fmt: skip
    nodes = [
        node("ConstantOfShape", "s", "items"),
        node("Scan", "one items", "last rows", body=body, num_scan_inputs=1),
    ]
    return classifier([*nodes, mean_of("last")], {"s": np.array([length, 1])})


def _while(kind: str) -> ModelProto:
    """An operator of another framework's control flow."""
    return classifier([node(kind, "zero", "more")])


def _nested_ifs(depth: int) -> bytes:
    """If in If in If; put together byte by byte, because protobuf's own library reads no more than 100 levels."""
    leaf = helper.make_graph([node("Identity", "zero", "leaf")], "g", [], [value("leaf", FLOAT, None)])
    other = helper.make_graph([node("Identity", "zero", "other")], "g", [], [value("other", FLOAT, None)])
    graph, result = leaf.SerializeToString(), "leaf"
    for level in range(depth):
        name = f"if{level}"
        branches = b"".join(
            _field(5, _field(1, branch) + _field(6, content) + b"\xa0\x01\x05")
            for branch, content in ((b"then_branch", graph), (b"else_branch", other.SerializeToString()))
        )
        step = _field(1, b"flag") + _field(2, name.encode()) + _field(4, b"If") + branches
        graph, result = (
            _field(1, step) + _field(2, b"g") + _field(12, value(name, FLOAT, None).SerializeToString()),
            name,
        )
    model = classifier([node("Identity", "flag", "kept"), node("Identity", "zero", "more")])
    content = (
        model.graph.SerializeToString() + _field(1, step) + _field(1, node("Relu", result, "end").SerializeToString())
    )
    model.ClearField("graph")
    return model.SerializeToString() + _field(7, content)


def _field(number: int, content: bytes) -> bytes:
    """A protobuf field of bytes."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def _branches_of_different_shapes() -> ModelProto:
    """The image decides whether 10 or 11 numbers are added."""
    branches = [
        helper.make_graph(
            [node("Constant", "", name, value=tensor(name, np.zeros(size)))], name, [], [value(name, FLOAT, None)]
        )
        for name, size in (("t", 10), ("e", 11))
    ]
    nodes = [node("ReduceSum", "x", "sum", keepdims=0), node("Greater", "sum big", "ask")]
    nodes += [node("If", "ask", "more", then_branch=branches[0], else_branch=branches[1])]
    return classifier(nodes, {"big": np.float32(1e9)})


def _if_without_branches() -> ModelProto:
    return classifier([node("If", "flag", "more")])


def cases() -> Iterator[Case]:
    """Loops, nesting, functions."""
    build = {
        "endless-loop": (_plain_loop, (LIMIT,), _ENDLESS), "growing-loop": (_growing_loop, (LIMIT, REFUSED), _ENDLESS),
        "stacking-loop": (_scanning_loop, (LIMIT, REFUSED), _ENDLESS),
        "loop-on-data": (_loop_on_data, (LIMIT,), _ENDLESS),
        "nested-loops": (_nested_loops, (LIMIT,), "a thousand to the power of ten turns"),
        "branches-of-different-shapes": (_branches_of_different_shapes, (REFUSED,), "the runtime fails on the data"),
        "if-without-branches": (_if_without_branches, (REFUSED,), "both are required"),


    }  # fmt: skip
    for name, (make, codes, why) in build.items():
        yield Case(f"onnx/control/{name}", saved(make), codes, why, seconds=_SECONDS)
    for trips, codes in (
        (3, (ACCEPTED,)),
        (0, (ACCEPTED,)),
        (-1, (ACCEPTED, REFUSED)),
        (10**12, (LIMIT,)),
        (2**63 - 1, (LIMIT,)),
    ):
        yield Case(
            f"onnx/control/loop-of-{trips}",
            saved(lambda n=trips: _counted_loop(n)),
            codes,
            "as often as it says",
            seconds=_SECONDS,
        )
    for length, codes in ((4, (ACCEPTED,)), (10**9, (LIMIT, REFUSED)), (10**12, (REFUSED,))):
        yield Case(
            f"onnx/control/scan-of-{length}",
            saved(lambda n=length: _scan(n)),
            codes,
            "as long as it says",
            seconds=_SECONDS,
        )
    for kind in ("While", "Recurse", "Goto"):
        yield Case(f"onnx/control/{kind.lower()}", saved(lambda k=kind: _while(k)), (REFUSED,), "no such operator")
    for depth, codes in (
        (5, (ACCEPTED,)),
        (20, (ACCEPTED, REFUSED)),
        (45, (REFUSED, ACCEPTED)),
        (200, (REFUSED,)),
        (2000, (REFUSED,)),
    ):
        yield Case(
            f"onnx/control/{depth}-nested-ifs",
            written(lambda n=depth: _nested_ifs(n)),
            codes,
            "protobuf reads 100 levels",
        )

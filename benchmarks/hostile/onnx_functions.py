"""ONNX files whose local functions double, call themselves, or nest without end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from onnx import FunctionProto, ModelProto, helper

from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case
from benchmarks.hostile.onnx_parts import classifier, node, saved


def doubling(levels: int, innermost: str = "Relu", calls: int = 2) -> list[FunctionProto]:
    """Local functions, each of which calls the next one twice."""
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    functions = []
    for name, called in itertools.pairwise([*(f"F{level}" for level in range(levels)), innermost]):
        domain = "" if called == "Relu" else "local"
        body = [node(called, f"t{i}" if i else "a", f"t{i + 1}", domain=domain) for i in range(calls)]
        functions.append(helper.make_function("local", name, ["a"], [f"t{calls}"], body, versions))
    return functions


def _calling(functions: list[FunctionProto]) -> ModelProto:
    last = [node("Flatten", "x", "flat"), node("MatMul", "flat w", "plain"), node("F0", "plain", "y", domain="local")]
    return classifier(last=last, functions=functions, domains=["local"])


def _two_that_call_each_other() -> ModelProto:
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    pairs = (("F0", "F1"), ("F1", "F0"))
    return _calling(
        [
            helper.make_function("local", a, ["a"], ["c"], [node(b, "a", "c", domain="local")], versions)
            for a, b in pairs
        ]
    )


def _function_named_as_the_standard() -> ModelProto:
    """A local function in the standard's own domain, called MatMul, that doubles its result."""
    body = [node("Add", "a a", "c")]
    return classifier(
        functions=[helper.make_function("", "MatMul", ["a", "b"], ["c"], body, [helper.make_opsetid("", 18)])]
    )


def cases() -> Iterator[Case]:
    """Functions of all kinds."""
    why = "the standard forbids it"
    yield Case("onnx/function/functions-that-call-each-other", saved(_two_that_call_each_other), (REFUSED,), why)
    why = "it may be inlined or refused"
    model = saved(_function_named_as_the_standard)
    yield Case("onnx/function/in-the-standard-domain", model, (REFUSED, ACCEPTED), why)
    for levels, innermost, codes in ((3, "Relu", (ACCEPTED,)), (40, "Relu", (REFUSED,)), (19, "Relu", (LIMIT, REFUSED,
    ACCEPTED)),
                                     (5, "F0", (REFUSED,)), (2000, "Relu", (REFUSED,))):  # fmt: skip
        why = "what is inlined is counted before"
        yield Case(f"onnx/function/{levels}-doubling-functions-of-{innermost}",
                   saved(lambda n=levels, i=innermost: _calling(doubling(n, i))), codes, why,
                   seconds=150.0)  # fmt: skip
    for levels in (900, 5000):
        chain = doubling(levels, calls=1)
        yield Case(
            f"onnx/function/{levels}-functions-in-a-chain",
            saved(_calling(chain)),
            (ACCEPTED, REFUSED),
            "long, not wide",
            seconds=150.0,
        )

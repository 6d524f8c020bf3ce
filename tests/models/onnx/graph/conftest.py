"""Small graphs of one operator, and ONNX Runtime's answer to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, helper, numpy_helper

DOMAINS = ("", "ai.onnx.ml", "com.microsoft")


def one_node(
    op: str,
    x: np.ndarray,
    constants: Sequence[np.ndarray | None] = (),
    *,
    opset: int = 18,
    domain: str = "",
    outputs: int = 1,
    at: int = 0,
    **attributes: Any,
) -> ModelProto:
    """A model of one node: ``x`` is its input ``at``, None a constant that is absent; the last output counts."""
    names = [f"c{i}" if value is not None else "" for i, value in enumerate(constants)]
    made = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, [*names[:at], "x", *names[at:]], made, domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        op,
        [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)],
        [onnx.ValueInfoProto(name=made[-1])],
        [numpy_helper.from_array(c, n) for c, n in zip(constants, names, strict=True) if c is not None],
    )
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 1)]
    if domain == "com.microsoft":
        versions.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=versions, ir_version=10)


def by_runtime(model: ModelProto, x: np.ndarray, output: str) -> np.ndarray:
    """What ONNX Runtime computes without its graph optimisations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run([output], {session.get_inputs()[0].name: x})[0]


@pytest.fixture
def build() -> Callable[..., ModelProto]:
    return one_node


@pytest.fixture
def runtime() -> Callable[[ModelProto, np.ndarray, str], np.ndarray]:
    return by_runtime

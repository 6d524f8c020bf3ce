"""Gradients of the imported operators against finite differences in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auditor.models.onnx_graph import import_graph, read_graph

RANDOM = np.random.default_rng(3)


def normal(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape)


def positive(*shape: int) -> np.ndarray:
    return RANDOM.random(shape) + 0.2


IMAGE = normal(2, 3, 5, 4)

CASES = [
    ("Conv", IMAGE, [normal(2, 3, 3, 3), normal(2)], {"pads": [1, 0, 0, 1], "strides": [2, 1]}),
    ("ConvTranspose", IMAGE, [normal(3, 2, 3, 3), normal(2)], {"strides": [2, 2], "pads": [1, 0, 0, 1]}),
    ("MaxPool", IMAGE, [], {"kernel_shape": [3, 2], "pads": [1, 0, 0, 1], "strides": [2, 2], "ceil_mode": 1}),
    ("AveragePool", IMAGE, [], {"kernel_shape": [3, 2], "pads": [1, 0, 0, 1], "strides": [2, 2], "ceil_mode": 1}),
    ("BatchNormalization", IMAGE, [positive(3), normal(3), normal(3), positive(3)], {}),
    ("InstanceNormalization", IMAGE, [positive(3), normal(3)], {}),
    ("LayerNormalization", IMAGE, [positive(4), normal(4)], {}),
    ("LRN", IMAGE, [], {"size": 3, "alpha": 0.5}),
    ("Gemm", normal(2, 3), [normal(4, 3), normal(4)], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("MatMul", IMAGE, [normal(4, 2)], {}),
    ("Softmax", normal(3, 4), [], {"axis": 1}),
    ("LogSoftmax", normal(3, 4), [], {"axis": 1}),
    ("HardSigmoid", normal(3, 4), [], {}),
    ("Gelu", normal(3, 4), [], {"opset": 20}),
    ("Pow", positive(3, 4), [np.array(2.0)], {}),
    ("Div", normal(3, 4), [positive(4)], {}),
    ("Clip", normal(3, 4), [np.array(-0.4), np.array(0.6)], {}),
    ("ReduceL2", normal(3, 4), [np.array([1])], {}),
    ("ReduceLogSumExp", normal(3, 4), [np.array([1])], {}),
    ("Slice", normal(3, 4), [np.array([3]), np.array([0]), np.array([1]), np.array([-2])], {}),
    ("Pad", normal(3, 4), [np.array([0, 1, 0, 2])], {"mode": "reflect"}),
    ("Gather", normal(3, 4), [np.array([[2, -1], [0, 0]])], {"axis": 1}),
    ("TopK", normal(3, 4), [np.array([2])], {}),
    ("Resize", IMAGE, [None, None, np.array([2, 3, 7, 3])], {"mode": "cubic"}),
    ("Attention", normal(1, 2, 3, 4), [normal(1, 2, 5, 4), normal(1, 2, 5, 4)], {"opset": 23, "is_causal": 1}),
]


@pytest.mark.parametrize(("op", "x", "constants", "settings"), CASES, ids=[case[0] for case in CASES])
def test_gradient_equals_finite_differences(build, op, x, constants, settings):
    model = build(op, x, constants, outputs=2 if op == "TopK" else 1, **settings)
    module = import_graph(read_graph(model, "x", "y0"))
    assert torch.autograd.gradcheck(module, torch.from_numpy(x).requires_grad_(), fast_mode=False)

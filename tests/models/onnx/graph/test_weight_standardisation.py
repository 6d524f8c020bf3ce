"""Batch normalisation in training mode: over weights it standardises them, over data it is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

from auditor.models.onnx.graph import UnsupportedGraph, import_graph

W = np.random.default_rng(0).standard_normal((1, 4, 6)).astype(np.float32)
GAIN, SHIFT = np.linspace(0.5, 2, 4, dtype=np.float32), np.linspace(-1, 1, 4, dtype=np.float32)


def model(standardised: str) -> object:
    """x (N, 4, 6) + w (1, 4, 6), one of the two through a batch normalisation in training mode."""
    other = {"x": "w", "w": "x"}[standardised]
    stored = {"w": W, "gain": GAIN, "shift": SHIFT, "mean": np.zeros(4, np.float32), "variance": np.ones(4, np.float32)}
    nodes = [
        helper.make_node(
            "BatchNormalization", [standardised, "gain", "shift", "mean", "variance"], ["s", "m", "v"], training_mode=1
        ),
        helper.make_node("Add", ["s", other], ["z"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 6])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 4, 6])],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_weights_are_standardised():
    x = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(0))
    w = torch.from_numpy(W)
    mean, variance = w.mean(dim=(0, 2), keepdim=True), w.var(dim=(0, 2), keepdim=True, unbiased=False)
    gain, shift = (torch.from_numpy(v).view(1, 4, 1) for v in (GAIN, SHIFT))
    expected = x + (w - mean) / (variance + 1e-5).sqrt() * gain + shift
    torch.testing.assert_close(import_graph(model("w"), "z")(x), expected)
    assert F.mse_loss(expected, x + w) > 0.1


def test_data_are_refused():
    with pytest.raises(UnsupportedGraph, match="BatchNormalization with training_mode"):
        import_graph(model("x"), "z")

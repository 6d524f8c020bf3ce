"""Real architectures that the onnx package ships without weights: import and parity.

Their weights are constants, so every channel is alike; the structure is what is tested here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from auditor.models.onnx.graph import import_graph, score_output
from auditor.models.onnx.graph.score import model_input

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = ["densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet"]  # the quick ones


@pytest.mark.parametrize("name", NAMES)
def test_architecture_equals_runtime(runtime, name):
    model = onnx.load(FOLDER / f"light_{name}.onnx")
    x = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)
    assert model_input(model).name not in {tensor.name for tensor in model.graph.initializer}
    # Before a softmax: all logits are alike and huge, so that after it the last digit of one of them decides.
    output = score_output(model)
    value = next(
        (node.input[0] for node in model.graph.node if output in node.output and node.op_type == "Softmax"), output
    )
    extended = onnx.ModelProto()
    extended.CopyFrom(model)
    if value != output:
        extended.graph.output.append(onnx.ValueInfoProto(name=value))
    expected = torch.from_numpy(runtime(extended, x, value))
    torch.testing.assert_close(import_graph(model, value)(torch.from_numpy(x)), expected, rtol=1e-3, atol=1e-6)

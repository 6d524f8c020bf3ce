"""The nine architectures that the onnx package ships without weights (``backend/test/data/light``).

They come from Caffe2 and CNTK, opset 8 and 9, with a batch of one and a softmax. As shipped every weight is the same
number, and so is every class; here each ``ConstantOfShape`` becomes random weights.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from benchmarks.model_matrix.case import Built, Case
from benchmarks.model_matrix.reference import INSTANCES, noise, of_runtime

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = (
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19",
    "zfnet512",
)  # fmt: skip


def cases() -> list[Case]:
    """One case for each architecture."""
    return [Case(f"light/{name}", partial(_build, name)) for name in NAMES]


def _build(name: str, folder: Path) -> Built:
    model = onnx.load(FOLDER / f"light_{name}.onnx")
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    readers = {value: (node, at) for node in model.graph.node for at, value in enumerate(node.input)}
    random = np.random.default_rng(0)
    kept = []
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape" and node.input[0] in shapes:
            weight = _weight(random, tuple(int(n) for n in shapes[node.input[0]]), *readers[node.output[0]])
            model.graph.initializer.append(numpy_helper.from_array(weight, node.output[0]))
            # IR version 3 wants every initialiser among the inputs.
            value = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, weight.shape)
            model.graph.input.append(value)
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    path = folder / "model.onnx"
    onnx.save(model, path)
    output = model.graph.output[0].name
    producers = {value: node for node in kept for value in node.output}
    last = producers[output]
    logits = last.input[0] if last.op_type == "Softmax" else output
    return path, of_runtime(path, noise(INSTANCES, 3, 224, 224), output, logits, size=1)


def _weight(random: np.random.Generator, shape: tuple[int, ...], reader: NodeProto, at: int) -> NDArray[np.float32]:
    """Random weights that keep the size of activations; variances and scales are positive."""
    if (reader.op_type == "BatchNormalization" and at in (1, 4)) or (reader.op_type == "Mul"):
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) < 2 or reader.op_type == "Add":
        return random.normal(0, 0.1, shape).astype(np.float32)
    inputs = int(np.prod(shape[1:]))
    return random.normal(0, (2 / inputs) ** 0.5, shape).astype(np.float32)

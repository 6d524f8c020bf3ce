"""The nine architectures that the onnx package ships without weights (``backend/test/data/light``).

They come from Caffe2 and CNTK, opset 8 and 9, with a batch of one and a softmax. As shipped every weight is the same
number, and so is every class; here each ``ConstantOfShape`` becomes random weights.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

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
    _calibrate(model)
    path = folder / "model.onnx"
    onnx.save(model, path)
    output = model.graph.output[0].name
    producers = {value: node for node in kept for value in node.output}
    last = producers[output]
    logits = last.input[0] if last.op_type == "Softmax" else output
    return path, of_runtime(path, noise(INSTANCES, 3, 224, 224), output, logits, size=1)


def _calibrate(model: ModelProto) -> None:
    """Give batch normalisation the statistics of one image; without them all images look alike behind a few layers.

    Each round sets the statistics of every layer from what came in, and so makes one more layer right; statistics are
    fed to one session, as inputs with defaults.
    """
    layers = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    if not layers:
        return
    extended = ModelProto()
    extended.CopyFrom(model)
    extended.ir_version = 4  # in version 3 the runtime takes them for constants
    read = [node.input[0] for node in layers]
    extended.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(read))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # keeps what is fed
    content = extended.SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    stored = {tensor.name for tensor in model.graph.initializer}
    (image,) = [value.name for value in model.graph.input if value.name not in stored]
    x, fed = noise(1, 3, 224, 224, seed=1).numpy(), {}
    for _ in layers:
        for node, value in zip(layers, session.run(read, {image: x, **fed}), strict=True):
            fed[node.input[3]] = value.mean(axis=(0, 2, 3))
            fed[node.input[4]] = value.var(axis=(0, 2, 3)) + 1e-4
    for tensor in model.graph.initializer:
        if tensor.name in fed:
            tensor.CopyFrom(numpy_helper.from_array(fed[tensor.name], tensor.name))


def _weight(random: np.random.Generator, shape: tuple[int, ...], reader: NodeProto, at: int) -> NDArray[np.float32]:
    """Random weights that keep the size of activations; variances and scales are positive."""
    if (reader.op_type == "BatchNormalization" and at in (1, 4)) or (reader.op_type == "Mul"):
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) < 2 or reader.op_type == "Add":
        return random.normal(0, 0.1, shape).astype(np.float32)
    inputs = int(np.prod(shape[1:]))
    return random.normal(0, (2 / inputs) ** 0.5, shape).astype(np.float32)

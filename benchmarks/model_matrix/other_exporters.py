"""Graphs written by hand the way in which TensorFlow's and PaddlePaddle's exporters write them.

The reference is a torch module with the same weights.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import onnx
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from benchmarks.model_matrix.case import Built, Case
from benchmarks.model_matrix.reference import INSTANCES, noise, of_module
from benchmarks.model_matrix.small_nets import CLASSES, Cnn, cnn

_TENSORFLOW = ("logits", "softmax", "fixed-batch-1", "opset-9", "two-outputs")
_PADDLE = ("softmax", "logits", "backwards", "features-first", "fixed-batch-1")


def cases() -> list[Case]:
    """All graphs."""
    made = [Case(f"tensorflow/{kind}", partial(_tensorflow, kind)) for kind in _TENSORFLOW]
    return [*made, *(Case(f"paddle/{kind}", partial(_paddle, kind)) for kind in _PADDLE)]


class _ChannelsLast(nn.Module):
    """A network that takes ``(N, H, W, C)``."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.net(x.permute(0, 3, 1, 2))


def _tensorflow(kind: str, folder: Path) -> Built:
    """NHWC with a leading Transpose, names such as ``scope/op:0``, a bias of its own, Squeeze and Identity behind."""
    net = cnn()
    assert isinstance(net, Cnn)
    scope = "StatefulPartitionedCall/model"
    axes = kind == "opset-9"
    make = partial(_node, scope)
    read = ["pool:0"] if axes else ["pool:0", "const_axes"]
    squeeze = make("Squeeze", read, "flat:0", **({"axes": [2, 3]} if axes else {}))
    nodes = [
        helper.make_node("Transpose", ["input_1:0"], [f"{scope}/nchw:0"], perm=[0, 3, 1, 2]),
        make("Conv", ["nchw:0", "conv/kernel"], "conv:0", pads=[1, 1, 1, 1]),
        make("Add", ["conv:0", "conv/bias"], "bias:0"),
        make("BatchNormalization", ["bias:0", *(f"bn1/{part}" for part in _STATISTICS)], "bn:0", epsilon=1e-5),
        make("Relu", ["bn:0"], "relu:0"),
        make("Conv", ["relu:0", "conv2/kernel", "conv2/bias"], "conv2:0", strides=[2, 2], kernel_shape=[3, 3]),
        make("BatchNormalization", ["conv2:0", *(f"bn2/{part}" for part in _STATISTICS)], "bn2:0", epsilon=1e-5),
        make("Sigmoid", ["bn2:0"], "gate:0"),
        make("Mul", ["gate:0", "bn2:0"], "swish:0"),
        make("GlobalAveragePool", ["swish:0"], "pool:0"),
        squeeze,
        make("MatMul", ["flat:0", "dense/kernel"], "matmul:0"),
        make("Add", ["matmul:0", "dense/bias"], "dense:0"),
    ]
    weights = _weights(net)
    weights["conv/bias"] = weights["conv/bias"].reshape(1, -1, 1, 1)
    weights["dense/kernel"] = weights["dense/kernel"].T.contiguous()
    stored = {f"{scope}/{name}": value for name, value in weights.items()} | {
        f"{scope}/const_axes": torch.tensor([2, 3])
    }
    last = f"{scope}/dense:0"
    if kind == "softmax":
        nodes.append(make("Softmax", ["dense:0"], "softmax:0", axis=-1))
        last = f"{scope}/softmax:0"
    nodes.append(helper.make_node("Identity", [last], ["Identity:0"]))
    outputs = [helper.make_tensor_value_info("Identity:0", TensorProto.FLOAT, ["unk__1", CLASSES])]
    if kind == "two-outputs":
        nodes.append(helper.make_node("Identity", [f"{scope}/flat:0"], ["Identity_1:0"]))
        outputs.append(helper.make_tensor_value_info("Identity_1:0", TensorProto.FLOAT, ["unk__1", 12]))
    batch = 1 if kind == "fixed-batch-1" else "unk__0"
    image = helper.make_tensor_value_info("input_1:0", TensorProto.FLOAT, [batch, 16, 16, 3])
    path = _saved(_model(nodes, image, outputs, stored, 9 if axes else 15, "tf2onnx"), folder)
    found = of_module(_ChannelsLast(net), noise(INSTANCES, 16, 16, 3), _link(kind))
    return path, found


def _paddle(kind: str, folder: Path) -> Built:
    """Constants as nodes, names with dots, a bias of its own, Flatten by Shape, Slice, Concat and Reshape."""
    net = cnn()
    assert isinstance(net, Cnn)
    nodes = [
        helper.make_node("Conv", ["x", "conv/kernel"], ["conv2d_0.tmp_0"], pads=[1, 1, 1, 1], group=1),
        helper.make_node("Reshape", ["conv/bias", "shape.0"], ["conv.bias.r"]),
        helper.make_node("Add", ["conv2d_0.tmp_0", "conv.bias.r"], ["conv2d_0.tmp_1"]),
        _batch_norm("conv2d_0.tmp_1", "bn1", "batch_norm_0.tmp_2"),
        helper.make_node("Relu", ["batch_norm_0.tmp_2"], ["relu_0.tmp_0"]),
        helper.make_node("Conv", ["relu_0.tmp_0", "conv2/kernel", "conv2/bias"], ["conv2d_1.tmp_0"], strides=[2, 2]),
        _batch_norm("conv2d_1.tmp_0", "bn2", "batch_norm_1.tmp_2"),
        helper.make_node("Sigmoid", ["batch_norm_1.tmp_2"], ["swish.s"]),
        helper.make_node("Mul", ["batch_norm_1.tmp_2", "swish.s"], ["swish_0.tmp_0"]),
        helper.make_node("GlobalAveragePool", ["swish_0.tmp_0"], ["pool2d_0.tmp_0"]),
        helper.make_node("Shape", ["pool2d_0.tmp_0"], ["shape.1"]),
        helper.make_node("Slice", ["shape.1", "zero", "one"], ["shape.2"]),
        helper.make_node("Concat", ["shape.2", "minus"], ["shape.3"], axis=0),
        helper.make_node("Reshape", ["pool2d_0.tmp_0", "shape.3"], ["flatten_0.tmp_0"]),
        helper.make_node("MatMul", ["flatten_0.tmp_0", "dense/kernel"], ["linear_0.tmp_0"]),
        helper.make_node("Add", ["linear_0.tmp_0", "dense/bias"], ["linear_0.tmp_1"]),
    ]
    last = "linear_0.tmp_1"
    if kind != "logits":
        nodes.append(helper.make_node("Softmax", [last], ["softmax_0.tmp_0"], axis=-1))
        last = "softmax_0.tmp_0"
    weights = _weights(net)
    weights["dense/kernel"] = weights["dense/kernel"].T.contiguous()
    whole = {"shape.0": [1, -1, 1, 1], "zero": [0], "one": [1], "minus": [-1]}
    weights |= {name: torch.tensor(value) for name, value in whole.items()}
    constants = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value.numpy(), name))
        for name, value in weights.items()
    ]
    nodes = [*nodes[::-1], *constants] if kind == "backwards" else [*constants, *nodes]
    outputs = [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["d", CLASSES])]
    if kind == "features-first":
        outputs.insert(0, helper.make_tensor_value_info("swish_0.tmp_0", TensorProto.FLOAT, ["d", 12, 7, 7]))
    batch = 1 if kind == "fixed-batch-1" else "DynamicDimension.0"
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 16, 16])
    path = _saved(_model(nodes, image, outputs, {}, 11 if kind == "backwards" else 13, "PaddlePaddle"), folder)
    return path, of_module(net, noise(INSTANCES, 3, 16, 16), _link("logits" if kind == "logits" else "softmax"))


_STATISTICS = ("scale", "shift", "mean", "variance")


def _weights(net: Cnn) -> dict[str, Tensor]:
    """The network's weights under neutral names."""
    found = {"conv/kernel": net.first.weight, "conv/bias": net.first.bias, "conv2/kernel": net.second.weight}
    found |= {"conv2/bias": net.second.bias, "dense/kernel": net.last.weight, "dense/bias": net.last.bias}
    for name, norm in (("bn1", net.norm1), ("bn2", net.norm2)):
        values = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        found |= {f"{name}/{part}": value for part, value in zip(_STATISTICS, values, strict=True) if value is not None}
    return {name: value.detach().clone() for name, value in found.items()}


def _node(scope: str, op: str, inputs: list[str], output: str, **attributes: object) -> NodeProto:
    return helper.make_node(op, [f"{scope}/{name}" for name in inputs], [f"{scope}/{output}"], **attributes)


def _batch_norm(read: str, name: str, made: str) -> NodeProto:
    statistics = [f"{name}/{part}" for part in _STATISTICS]
    return helper.make_node("BatchNormalization", [read, *statistics], [made], epsilon=1e-5)


def _link(kind: str) -> nn.Module | None:
    return nn.Softmax(dim=1) if kind == "softmax" else None


def _model(
    nodes: list[NodeProto],
    image: onnx.ValueInfoProto,
    outputs: list[onnx.ValueInfoProto],
    stored: dict[str, Tensor],
    opset: int,
    producer: str,
) -> ModelProto:
    tensors = [numpy_helper.from_array(value.numpy(), name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "graph", [image], outputs, tensors)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7, producer_name=producer
    )


def _saved(model: ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path

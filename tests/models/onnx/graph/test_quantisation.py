"""Quantised operators and networks against ONNX Runtime with its fusions off, and straight-through gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from torch import Tensor

from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.onnx.graph import import_graph
from auditor.models.open import open_model

CNN = Path(__file__).parents[4] / "sample_models" / "digits_cnn.onnx"
RNG = np.random.default_rng(0)
SMALL_WEIGHTS = (-64, 64)
"""Seven bits: a processor without integer dot products adds pairs of 8-bit products in 16 bits and cuts the rest."""


def by_runtime(model: onnx.ModelProto, x: Tensor) -> Tensor:
    """The model's first output with all of the runtime's fusions off."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    (y,) = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: x.numpy()})
    return torch.from_numpy(y)


# ---- single operators: x is quantised, the operator applied, its result dequantised -----------------


def constant(name: str, value: object, dtype: type) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, dtype=dtype), name)


def around(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], kind: type, shape: list[int]):
    """x -> QuantizeLinear -> q -> nodes -> r -> DequantizeLinear -> y."""
    zero = 128 if kind is np.uint8 else 3
    steps = [constant("s", 0.02, np.float32), constant("z", zero, kind)]
    made = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        *nodes,
        helper.make_node("DequantizeLinear", ["r", "rs", "rz"], ["y"]),
    ]
    steps += [constant("rs", 0.05, np.float32), constant("rz", zero, kind)]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [*steps, *constants],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def node(op: str, inputs: str, domain: str = "com.microsoft", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), ["r"], domain=domain, **attributes)


def weights(kind: type, *shape: int) -> np.ndarray:
    return RNG.integers(-100, 100, shape).astype(np.int8) if kind is np.int8 else RNG.integers(0, 255, shape)


def conv(kind: type, per_channel: bool):
    scale = RNG.uniform(0.005, 0.01, 5) if per_channel else 0.01
    zero = np.zeros(5) if per_channel else 0
    constants = [
        constant("w", RNG.integers(*SMALL_WEIGHTS, (5, 3, 3, 3)), np.int8),
        constant("ws", scale, np.float32),
        constant("wz", zero, np.int8),
        constant("b", RNG.integers(-900, 900, 5), np.int32),
    ]
    return around([node("QLinearConv", "q s z w ws wz rs rz b", "", pads=[1, 1, 1, 1])], constants, kind, [2, 3, 6, 6])


def product(op: str, inputs: str, domain: str, kind: type, **attributes: object):
    constants = [
        constant("w", RNG.integers(*SMALL_WEIGHTS, (7, 4)), np.int8),
        constant("ws", 0.01, np.float32),
        constant("wz", 0, np.int8),
        constant("c", RNG.integers(-900, 900, 4), np.int32),
    ]
    return around([node(op, inputs, domain, **attributes)], constants, kind, [2, 7])


def pointwise(op: str, kind: type, shape: list[int], **attributes: object):
    return around([node(op, "q s z rs rz", **attributes)], [], kind, shape)


def binary(op: str, kind: type):
    other = [constant("o", weights(kind, 2, 7), kind), constant("os", 0.03, np.float32), constant("oz", 5, kind)]
    return around([node(op, "q s z o os oz rs rz")], other, kind, [2, 7])


def concat(kind: type):
    return around([node("QLinearConcat", "rs rz q s z q s z", axis=1)], [], kind, [2, 7])


CASES: dict[str, Callable[[type], onnx.ModelProto]] = {
    "QLinearConv": lambda kind: conv(kind, False),
    "QLinearConv by channel": lambda kind: conv(kind, True),
    "QLinearMatMul": lambda kind: product("QLinearMatMul", "q s z w ws wz rs rz", "", kind),
    "QGemm": lambda kind: product("QGemm", "q s z w ws wz c rs rz", "com.microsoft", kind, alpha=0.5),
    "QLinearAdd": lambda kind: binary("QLinearAdd", kind),
    "QLinearMul": lambda kind: binary("QLinearMul", kind),
    "QLinearSigmoid": lambda kind: pointwise("QLinearSigmoid", kind, [2, 7]),
    "QLinearLeakyRelu": lambda kind: pointwise("QLinearLeakyRelu", kind, [2, 7], alpha=0.2),
    "QLinearGlobalAveragePool": lambda kind: pointwise("QLinearGlobalAveragePool", kind, [2, 3, 4, 4]),
    "QLinearAveragePool": lambda kind: pointwise(
        "QLinearAveragePool", kind, [2, 3, 4, 4], kernel_shape=[2, 2], strides=[2, 2]
    ),
    "QLinearConcat": concat,
    "QLinearSoftmax": lambda kind: pointwise("QLinearSoftmax", kind, [2, 7], axis=-1, opset=13),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_operator(name: str, kind: type):
    model = CASES[name](kind)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    x = torch.from_numpy(RNG.normal(size=shape).astype(np.float32))
    ours, theirs = import_graph(model, "y")(x), by_runtime(model, x)
    steps = ((ours - theirs) / 0.05).round().abs()
    assert theirs.std() > 0
    assert steps.max() <= 1  # half-way cases may round to either side
    assert (steps > 0).float().mean() < 0.05


@pytest.mark.parametrize("op", ["MatMulIntegerToFloat", "DynamicQuantizeMatMul"])
def test_products_that_end_in_floats(op: str):
    constants = [
        constant("w", RNG.integers(0, 255, (7, 4)), np.uint8),
        constant("ws", RNG.uniform(0.005, 0.01, 4), np.float32),
        constant("wz", RNG.integers(120, 130, 4), np.uint8),
        constant("c", RNG.normal(size=4), np.float32),
        constant("s", 0.02, np.float32),
        constant("z", 120, np.uint8),
    ]
    if op == "DynamicQuantizeMatMul":
        nodes = [helper.make_node(op, ["x", "w", "ws", "wz", "c"], ["y"], domain="com.microsoft")]
    else:
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node(op, ["q", "w", "s", "ws", "z", "wz", "c"], ["y"], domain="com.microsoft"),
        ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 7])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 4])],
        constants,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    x = torch.from_numpy(RNG.normal(size=(3, 7)).astype(np.float32))
    torch.testing.assert_close(import_graph(model, "y")(x), by_runtime(model, x), atol=1e-4, rtol=1e-4)


def test_blocks_have_steps_of_their_own():
    values = RNG.integers(-100, 100, (4, 6)).astype(np.int8)
    constants = [
        numpy_helper.from_array(values, "w"),
        constant("ws", RNG.uniform(0.01, 0.1, (2, 6)), np.float32),
        constant("wz", RNG.integers(-5, 5, (2, 6)), np.int8),
    ]
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["d"], axis=0, block_size=2),
            helper.make_node("MatMul", ["x", "d"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 6])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    x = torch.from_numpy(RNG.normal(size=(3, 4)).astype(np.float32))
    torch.testing.assert_close(import_graph(model, "y")(x), by_runtime(model, x))


def test_the_gradient_is_that_of_the_identity_inside_the_range_and_zero_outside():
    model = around([helper.make_node("Identity", ["q"], ["r"])], [], np.uint8, [1, 3])
    x = torch.tensor([[0.4, -1.2, 7.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(import_graph(model, "y")(x).sum(), x)
    torch.testing.assert_close(gradient, torch.tensor([[2.5, 2.5, 0.0]]))  # steps of 0.05 for steps of 0.02


# ---- whole networks as onnxruntime.quantization writes them ------------------------------------------

KINDS = ["dynamic", "QDQ", "QDQ by channel", "QOperator", "QOperator by channel"]


class Calibration(CalibrationDataReader):
    def __init__(self, x: Tensor) -> None:
        self._batches = iter([{"x": part.numpy()} for part in x.split(50)])

    def get_next(self):
        return next(self._batches, None)


@cache
def digits() -> Tensor:
    return load_dataset(DataRequest("digits"), (1, 8, 8)).train.instances(slice(0, 256))


@cache
def quantised(kind: str) -> bytes:
    with TemporaryDirectory() as name:
        path = Path(name) / "q.onnx"
        model = onnx.load(CNN)
        del model.graph.value_info[:]  # shapes from before the exporter's last pass, which the quantiser refuses
        if kind == "dynamic":
            quantize_dynamic(model, path, weight_type=QuantType.QUInt8, reduce_range=True)
        else:
            unsigned = kind.startswith("QOperator")
            quantize_static(
                CNN,
                path,
                Calibration(digits()),
                reduce_range=True,
                quant_format=QuantFormat.QOperator if unsigned else QuantFormat.QDQ,
                per_channel=kind.endswith("channel"),
                activation_type=QuantType.QUInt8 if unsigned else QuantType.QInt8,
                weight_type=QuantType.QInt8,
            )
        return path.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_networks_agree_with_the_runtime(kind: str):
    model = onnx.load_model_from_string(quantised(kind))
    # Dynamic steps depend on the whole batch.
    batches = digits()[:100].split(1 if kind == "dynamic" else 100)
    module = import_graph(model)
    ours = torch.cat([module(x).detach() for x in batches])
    theirs = torch.cat([by_runtime(model, x) for x in batches[:20]])
    ours = ours[: len(theirs)]
    scale = theirs.abs().max()
    off = (ours - theirs).abs().amax(dim=1) > 1e-3 * scale
    assert (ours - theirs).abs().max() < 0.02 * scale
    assert off.float().mean() < 0.03  # where a half was rounded to the other side


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_follow_those_of_the_float_network(kind: str):
    module, true = import_graph(onnx.load_model_from_string(quantised(kind))), import_graph(onnx.load(CNN))
    x = digits()[:32].clone().requires_grad_()

    def gradient(of: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.autograd.grad((of(x)[:, 3] - of(x)[:, 8]).sum(), x)[0].flatten(1)

    likeness = torch.cosine_similarity(gradient(module), gradient(true))
    assert likeness.median() > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_bound_to_data_it_has_gradients_a_float_embedding_and_one_answer_for_each_instance(kind: str, tmp_path: Path):
    (tmp_path / "q.onnx").write_bytes(quantised(kind))
    options = ModelOptions(device="cpu")
    backend, plain = open_model(tmp_path / "q.onnx", options), open_model(CNN, options)
    assert backend.quantised
    assert not plain.quantised
    bound = bind(backend, digits(), options)
    status = {check.id: check.status for check in bound.checks}
    assert bound.classifier.gradient == "straight-through torch twin imported from the graph"
    assert status["parity"] != "fail"
    assert status["batch_consistency"] == "ok"
    ours, theirs = backend.embeddings(digits()[:50]), plain.embeddings(digits()[:50])
    if kind.startswith("QOperator"):
        theirs = theirs.clamp_min(0)
    assert (ours - theirs).abs().median() < 0.05 * theirs.abs().max()
    assert torch.corrcoef(torch.stack([ours.flatten(), theirs.flatten()]))[0, 1] > 0.98

"""Variants of one classifier whose gradients are masked, made by surgery on its ONNX file.

The boundary of each lies where that of the model itself lies, or within a rounding step of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

LEVELS, STEEPNESS, SMOOTH_SHARE, COLD = 4, 100.0, 0.1, 0.01
QUANTUM = 0.25
"""Of the coefficients of an 8x8 block's transform, in units of pixels in [0, 1]: about a JPEG of low quality."""


class Surgery:
    """A copy of a model with nodes before its first or behind its last one."""

    def __init__(self, base: ModelProto) -> None:
        self.model = ModelProto()
        self.model.CopyFrom(base)
        self.input, self.output = base.graph.input[0].name, base.graph.output[0].name
        self._prefix, self._names = f"masked_{len(base.graph.node)}", 0

    def add(self, op: str, *inputs: str | np.ndarray | float, into: list[NodeProto], **attributes: object) -> str:
        """A node, with its constants stored; returns the name of its result."""
        names = [self._stored(value) if not isinstance(value, str) else value for value in inputs]
        result = self._name()
        into.append(helper.make_node(op, names, [result], **attributes))
        return result

    def before(self, build: Callable[[str, list[NodeProto]], str]) -> Surgery:
        """Put nodes between the model's input and all that read it."""
        nodes: list[NodeProto] = []
        made = build(self.input, nodes)
        graph = self.model.graph
        for node in graph.node:
            node.input[:] = [made if name == self.input else name for name in node.input]
        rest = list(graph.node)
        del graph.node[:]
        graph.node.extend([*nodes, *rest])
        return self

    def behind(self, build: Callable[[str, list[NodeProto]], str]) -> Surgery:
        """Put nodes behind the model's output."""
        nodes: list[NodeProto] = []
        made = build(self.output, nodes)
        graph = self.model.graph
        graph.node.extend(nodes)
        shape = [d.dim_param or d.dim_value for d in graph.output[0].type.tensor_type.shape.dim]
        del graph.output[:]
        graph.output.append(helper.make_tensor_value_info(made, TensorProto.FLOAT, shape))
        return self

    def _stored(self, value: np.ndarray | float) -> str:
        name = self._name()
        self.model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _name(self) -> str:
        self._names += 1
        return f"{self._prefix}_{self._names}"


def transform(size: int = 8) -> np.ndarray:
    """The orthonormal cosine transform of ``size`` numbers: float32 ``(size, size)``."""
    k, n = np.mgrid[:size, :size]
    rows = np.sqrt(2 / size) * np.cos(math.pi * (2 * n + 1) * k / (2 * size))
    rows[0] /= math.sqrt(2)
    return rows.astype(np.float32)


def rounded(base: ModelProto) -> ModelProto:
    """Pixels rounded to four levels."""
    made = Surgery(base)
    steps = np.float32(LEVELS - 1)

    def build(x: str, into: list[NodeProto]) -> str:
        scaled = made.add("Mul", x, steps, into=into)
        return made.add("Div", made.add("Round", scaled, into=into), steps, into=into)

    return made.before(build).model


def jpeg_like(base: ModelProto) -> ModelProto:
    """Each block of 8 x 8 pixels transformed, rounded and transformed back; images are padded to whole blocks."""
    made, dct = Surgery(base), transform()
    height, width = (d.dim_value for d in base.graph.input[0].type.tensor_type.shape.dim[2:])
    down, right = (-height) % 8, (-width) % 8
    rows, columns = (height + down) // 8, (width + right) // 8

    def build(x: str, into: list[NodeProto]) -> str:
        padded = made.add("Pad", x, np.array([0, 0, 0, 0, 0, 0, down, right]), into=into)
        blocks = made.add("Reshape", padded, np.array([-1, rows, 8, columns, 8]), into=into)
        blocks = made.add("Transpose", blocks, perm=[0, 1, 3, 2, 4], into=into)
        there = made.add("MatMul", made.add("MatMul", dct, blocks, into=into), dct.T.copy(), into=into)
        whole = made.add("Round", made.add("Div", there, np.float32(QUANTUM), into=into), into=into)
        kept = made.add("Mul", whole, np.float32(QUANTUM), into=into)
        back = made.add("MatMul", made.add("MatMul", dct.T.copy(), kept, into=into), dct, into=into)
        back = made.add("Transpose", back, perm=[0, 1, 3, 2, 4], into=into)
        image = made.add("Reshape", back, np.array([-1, 1, 8 * rows, 8 * columns]), into=into)
        ends = np.array([height, width])
        return made.add("Slice", image, np.array([0, 0]), ends, np.array([2, 3]), into=into)

    return made.before(build).model


def smooth_steps(base: ModelProto) -> ModelProto:
    """Pixels on a staircase of four levels whose steps are steep sigmoids."""
    made = Surgery(base)

    def build(x: str, into: list[NodeProto]) -> str:
        steps = []
        for level in range(1, LEVELS):
            away = made.add("Sub", x, np.float32((level - 0.5) / (LEVELS - 1)), into=into)
            steps.append(made.add("Sigmoid", made.add("Mul", away, np.float32(STEEPNESS), into=into), into=into))
        return made.add("Div", made.add("Sum", *steps, into=into), np.float32(LEVELS - 1), into=into)

    return made.before(build).model


def thresholds(base: ModelProto) -> ModelProto:
    """Pixels counted through three comparisons, without an operator that rounds."""
    made = Surgery(base)

    def build(x: str, into: list[NodeProto]) -> str:
        steps = []
        for level in range(1, LEVELS):
            above = made.add("Greater", x, np.float32((level - 0.5) / (LEVELS - 1)), into=into)
            steps.append(made.add("Cast", above, to=TensorProto.FLOAT, into=into))
        return made.add("Div", made.add("Sum", *steps, into=into), np.float32(LEVELS - 1), into=into)

    return made.before(build).model


def hidden_steps(base: ModelProto) -> ModelProto:
    """The staircase read from a table, where no operator shows what it does to a gradient."""
    made = Surgery(base)
    table = np.round(np.linspace(0, 1, 256) * (LEVELS - 1)).astype(np.float32) / (LEVELS - 1)

    def build(x: str, into: list[NodeProto]) -> str:
        scaled = made.add("Add", made.add("Mul", x, np.float32(255), into=into), np.float32(0.5), into=into)
        index = made.add("Cast", scaled, to=TensorProto.INT64, into=into)
        return made.add("Gather", table, made.add("Clip", index, np.int64(0), np.int64(255), into=into), into=into)

    return made.before(build).model


def mixture(base: ModelProto) -> ModelProto:
    """Nine parts rounded pixels, one part the pixels themselves."""
    made = Surgery(base)
    steps = np.float32(LEVELS - 1)

    def build(x: str, into: list[NodeProto]) -> str:
        whole = made.add("Round", made.add("Mul", x, steps, into=into), into=into)
        coarse = made.add("Mul", whole, np.float32((1 - SMOOTH_SHARE) / steps), into=into)
        return made.add("Add", coarse, made.add("Mul", x, np.float32(SMOOTH_SHARE), into=into), into=into)

    return made.before(build).model


def written_softmax(base: ModelProto, temperature: float = 1.0, *, shifted: bool = True) -> ModelProto:
    """Probabilities by Exp, ReduceSum and Div."""
    made = Surgery(base)

    def build(z: str, into: list[NodeProto]) -> str:
        z = made.add("Div", z, np.float32(temperature), into=into)
        if shifted:
            z = made.add("Sub", z, made.add("ReduceMax", z, np.array([1]), keepdims=1, into=into), into=into)
        power = made.add("Exp", z, into=into)
        return made.add("Div", power, made.add("ReduceSum", power, np.array([1]), keepdims=1, into=into), into=into)

    return made.behind(build).model


def cold_written_softmax(base: ModelProto) -> ModelProto:
    """The same at temperature 0.01, where nearly every probability is 0 or 1."""
    return written_softmax(base, COLD)


def large_logits(base: ModelProto) -> ModelProto:
    """Logits times 1,000."""
    made = Surgery(base)
    return made.behind(lambda z, into: made.add("Mul", z, np.float32(1000), into=into)).model


def cold_softmax(base: ModelProto) -> ModelProto:
    """A softmax at temperature 0.01."""
    made = Surgery(base)
    return made.behind(
        lambda z, into: made.add("Softmax", made.add("Div", z, np.float32(COLD), into=into), axis=1, into=into)
    ).model


def mixed_with_uniform(base: ModelProto) -> ModelProto:
    """Cold probabilities mixed with a tenth of the uniform ones, behind which no head is recognised."""
    made = Surgery(cold_softmax(base))

    def build(p: str, into: list[NodeProto]) -> str:
        return made.add("Add", made.add("Mul", p, np.float32(0.9), into=into), np.float32(0.01), into=into)

    return made.behind(build).model


def int8(base: ModelProto, samples: Tensor, folder: Path) -> ModelProto:
    """Weights and activations in int8, QuantizeLinear and DequantizeLinear in pairs, calibrated on ``samples``."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = [samples.numpy()]

        def get_next(self) -> dict[str, np.ndarray] | None:
            return {base.graph.input[0].name: self._left.pop()} if self._left else None

    onnx.save(base, folder / "base.onnx")
    quantize_static(folder / "base.onnx", folder / "int8.onnx", Reader(), quant_format=QuantFormat.QDQ)
    return onnx.load(folder / "int8.onnx")


def seen_by_network(name: str, x: Tensor) -> Tensor:
    """The pixels that the network behind a variant gets, with the gradient of x: the unmasked route.

    Args:
        name: of the variant.
        x (float32): ``(N, 1, H, W)``.
    """
    steps = LEVELS - 1
    with torch.no_grad():
        coarse = torch.round(x * steps) / steps
        if name in ("rounded to four levels", "thresholds", "a table"):
            seen = coarse
        elif name == "mixture":
            seen = (1 - SMOOTH_SHARE) * coarse + SMOOTH_SHARE * x
        elif name == "smooth steps":
            edges = (torch.arange(steps) + 0.5) / steps
            seen = sum(torch.sigmoid(STEEPNESS * (x - edge)) for edge in edges) / steps
        elif name == "JPEG-like":
            seen = _jpeg(x)
        else:
            return x
    return x + (seen - x).detach()


def _jpeg(x: Tensor) -> Tensor:
    dct = torch.from_numpy(transform())
    height, width = x.shape[2:]
    padded = torch.nn.functional.pad(x, (0, (-width) % 8, 0, (-height) % 8))
    blocks = padded.unflatten(2, (-1, 8)).unflatten(4, (-1, 8)).transpose(3, 4)
    kept = torch.round(dct @ blocks @ dct.T / QUANTUM) * QUANTUM
    return (dct.T @ kept @ dct).transpose(3, 4).flatten(4, 5).flatten(2, 3)[:, :, :height, :width]

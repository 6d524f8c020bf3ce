"""Quantised arithmetic, as ``onnxruntime.quantization`` writes it, with straight-through gradients.

Whole numbers are carried as float32, so that gradients pass: rounding counts as the identity, and a value beyond the
range of its type has gradient zero. Sums are exact up to float32, so results differ from the runtime's by a step where
a value lies half-way between two.

    quantise(x)   = clip(round(x / scale) + zero, range)        dequantise(q) = (q - zero) * scale
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from onnx import TensorProto
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator
from auditor.models.onnx.operators.convolution import convolution
from auditor.models.onnx.operators.pooling import average_pool

_MS = "com.microsoft"
_RANGES: dict[torch.dtype, tuple[int, int]] = {
    torch.uint8: (0, 255),
    torch.int8: (-128, 127),
    torch.int16: (-32768, 32767),
    torch.int32: (0, 65535),  # uint16 is stored as int32, and no zero point is a true int32
}
_OUTPUT_RANGES: dict[int, tuple[int, int]] = {
    TensorProto.UINT8: (0, 255),
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT16: (0, 65535),
    TensorProto.INT16: (-32768, 32767),
}


def rounded(x: Tensor) -> Tensor:
    """The nearest whole number, half to even, with the gradient of x."""
    return x + (x.round() - x).detach()


def clipped(q: Tensor, low: int, high: int) -> Tensor:
    """Values in the range, with a gradient at its ends too: torch's own clamp has none there, and black is an end."""
    return torch.where((q >= low) & (q <= high), q, q.detach().clamp(low, high))


def quantise(x: Tensor, scale: Tensor, zero: Tensor | None, limits: tuple[int, int] | None = None) -> Tensor:
    """Whole numbers in the range of the zero point's type, as float32; scale and zero broadcast against x."""
    low, high = limits or _RANGES[torch.uint8 if zero is None else zero.dtype]
    q = rounded(x / scale)
    return clipped(q if zero is None else q + zero.float(), low, high)


def dequantise(q: Tensor, scale: Tensor, zero: Tensor | None) -> Tensor:
    """The numbers that whole numbers stand for; scale and zero broadcast against q."""
    return (q.float() if zero is None else q.float() - zero.float()) * scale


def _along(parameter: Tensor | None, x: Tensor, axis: int, block: int) -> Tensor | None:
    """A scale or zero point so that it broadcasts against x: one for all, one for each channel, or one for a block."""
    if parameter is None or parameter.numel() == 1:
        return None if parameter is None else parameter.reshape(())
    if block:
        return parameter.repeat_interleave(block, dim=axis).narrow(axis, 0, x.shape[axis])
    shape = [1] * x.dim()
    shape[axis] = -1
    return parameter.reshape(shape)


@operator("QuantizeLinear")
@operator("QuantizeLinear", domain=_MS)
def quantize_linear(node: Node) -> Compute:
    axis, block = node.integer("axis", 1), node.integer("block_size", 0)
    wanted = node.integer("output_dtype", 0)
    if wanted and wanted not in _OUTPUT_RANGES:
        raise node.unsupported(f"output of element type {wanted}")
    limits = _OUTPUT_RANGES.get(wanted)

    def compute(x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
        s, z = (_along(p, x, axis, block) for p in (scale, zero))
        assert s is not None
        return quantise(x, s, z, limits)

    return compute


@operator("DequantizeLinear")
@operator("DequantizeLinear", domain=_MS)
def dequantize_linear(node: Node) -> Compute:
    axis, block = node.integer("axis", 1), node.integer("block_size", 0)

    def compute(q: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
        s, z = (_along(p, q, axis, block) for p in (scale, zero))
        assert s is not None
        return dequantise(q, s, z)

    return compute


def _dynamic(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """q, scale and zero point of a whole tensor, whose range is stretched to hold 0; uint8."""
    low, high = x.detach().amin().clamp(max=0), x.detach().amax().clamp(min=0)
    scale = (high - low) / 255
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero = (-low / scale).round().clamp(0, 255)
    return clipped(rounded(x / scale) + zero, 0, 255), scale, zero


@operator("DynamicQuantizeLinear")
def dynamic_quantize_linear(node: Node) -> Compute:
    """The scale belongs to the whole batch: such a model is fed one instance at a time."""
    return _dynamic


def _weight(w: Tensor, scale: Tensor | None, zero: Tensor | None, axis: int) -> Tensor:
    """A weight, with a scale and zero point for all or for each channel along ``axis``."""
    shape = [1] * w.dim()
    shape[axis] = -1
    centred = w.float() if zero is None else w.float() - zero.float().reshape(shape if zero.numel() > 1 else ())
    return centred if scale is None else centred * scale.reshape(shape if scale.numel() > 1 else ())


@operator("QLinearConv")
def qlinear_conv(node: Node) -> Compute:
    # A convolution looks for its weight at position 1.
    convolve = convolution(replace(node, constants={1: node.constants[3]} if 3 in node.constants else {}))

    def compute(
        x: Tensor, xs: Tensor, xz: Tensor, w: Tensor, ws: Tensor, wz: Tensor, ys: Tensor, yz: Tensor,
        bias: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        offset = None if bias is None else bias.float() * xs * ws
        y = convolve(dequantise(x, xs, xz), _weight(w, ws, wz, 0), offset)
        return quantise(y, ys, yz)

    return compute


@operator("ConvInteger")
def conv_integer(node: Node) -> Compute:
    convolve = convolution(node)

    def compute(x: Tensor, w: Tensor, xz: Tensor | None = None, wz: Tensor | None = None) -> Tensor:
        centred = x.float() if xz is None else x.float() - xz.float()
        y: Tensor = convolve(centred, _weight(w, None, wz, 0))
        return y

    return compute


@operator("QLinearMatMul")
@operator("QLinearMatMul", domain=_MS)
def qlinear_matmul(node: Node) -> Compute:
    def compute(a: Tensor, sa: Tensor, za: Tensor, b: Tensor, sb: Tensor, zb: Tensor, sy: Tensor, zy: Tensor) -> Tensor:
        return quantise(_weight(a, sa, za, -2) @ _weight(b, sb, zb, -1), sy, zy)

    return compute


@operator("MatMulInteger")
def matmul_integer(node: Node) -> Compute:
    def compute(a: Tensor, b: Tensor, za: Tensor | None = None, zb: Tensor | None = None) -> Tensor:
        return _weight(a, None, za, -2) @ _weight(b, None, zb, -1)

    return compute


@operator("MatMulIntegerToFloat", domain=_MS)
def matmul_integer_to_float(node: Node) -> Compute:
    def compute(
        a: Tensor, b: Tensor, sa: Tensor, sb: Tensor, za: Tensor | None = None, zb: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        y = _weight(a, sa, za, -2) @ _weight(b, sb, zb, -1)
        return y if bias is None else y + bias

    return compute


@operator("DynamicQuantizeMatMul", domain=_MS)
def dynamic_quantize_matmul(node: Node) -> Compute:
    def compute(a: Tensor, b: Tensor, sb: Tensor, zb: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        y = dequantise(*_dynamic(a)) @ _weight(b, sb, zb, -1)
        return y if bias is None else y + bias

    return compute


@operator("QGemm", domain=_MS)
def qgemm(node: Node) -> Compute:
    """Quantised where the file gives an output scale, float otherwise; the bias is in steps of alpha * sa * sb."""
    alpha, flip_a, flip_b = node.number("alpha", 1.0), node.flag("transA"), node.flag("transB")

    def compute(
        a: Tensor, sa: Tensor, za: Tensor, b: Tensor, sb: Tensor, zb: Tensor,
        c: Tensor | None = None, sy: Tensor | None = None, zy: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        left, right = dequantise(a, sa, za), _weight(b, sb, zb, 0 if flip_b else -1)
        y = alpha * (left.t() if flip_a else left) @ (right.t() if flip_b else right)
        if c is not None:
            y = y + c.float() * (alpha * sa * sb)
        return y if sy is None else quantise(y, sy, zy)

    return compute


def _pointwise(name: str, build: Callable[[Node], Callable[[Tensor], Tensor]]) -> None:
    """File an operator (x, sx, zx, sy, zy) that applies a float function between dequantising and quantising."""

    @operator(name, domain=_MS)
    def pointwise(node: Node) -> Compute:
        function = build(node)

        def compute(x: Tensor, sx: Tensor, zx: Tensor | None, sy: Tensor, zy: Tensor | None = None) -> Tensor:
            return quantise(function(dequantise(x, sx, zx)), sy, zy)

        return compute


def _softmax(node: Node) -> Callable[[Tensor], Tensor]:
    axis, flattened = node.integer("axis", -1), node.integer("opset", 13) < 13
    if flattened:
        return lambda x: torch.softmax(x.flatten(axis % x.dim()), dim=-1).reshape(x.shape)
    return lambda x: torch.softmax(x, dim=axis)


def _leaky_relu(node: Node) -> Callable[[Tensor], Tensor]:
    alpha = node.number("alpha", 0.01)
    return lambda x: F.leaky_relu(x, alpha)


def _spatial(node: Node, function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function of ``(N, C, ...)``, for nodes that may keep channels last."""
    if node.flag("channels_last"):
        return lambda x: function(x.movedim(-1, 1)).movedim(1, -1)
    return function


_pointwise("QLinearSigmoid", lambda node: torch.sigmoid)
_pointwise("QLinearLeakyRelu", _leaky_relu)
_pointwise("QLinearSoftmax", _softmax)
_pointwise(
    "QLinearGlobalAveragePool",
    lambda node: _spatial(node, lambda x: x.mean(dim=tuple(range(2, x.dim())), keepdim=True)),
)
_pointwise("QLinearAveragePool", lambda node: _spatial(node, average_pool(node)))


def _binary(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """File an operator (a, sa, za, b, sb, zb, sy, zy)."""

    @operator(name, domain=_MS)
    def binary(node: Node) -> Compute:
        def compute(
            a: Tensor, sa: Tensor, za: Tensor | None, b: Tensor, sb: Tensor, zb: Tensor | None,
            sy: Tensor, zy: Tensor | None = None,
        ) -> Tensor:  # fmt: skip
            return quantise(function(dequantise(a, sa, za), dequantise(b, sb, zb)), sy, zy)

        return compute


_binary("QLinearAdd", torch.add)
_binary("QLinearMul", torch.mul)


@operator("QLinearConcat", domain=_MS)
def qlinear_concat(node: Node) -> Compute:
    axis = node.integer("axis", 1)

    def compute(sy: Tensor, zy: Tensor, *parts: Tensor) -> Tensor:
        floats = [dequantise(*parts[first : first + 3]) for first in range(0, len(parts), 3)]
        return quantise(torch.cat(floats, dim=axis), sy, zy)

    return compute

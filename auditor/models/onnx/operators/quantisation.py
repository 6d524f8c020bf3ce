"""Quantised arithmetic, as ``onnxruntime.quantization`` writes it, with straight-through gradients.

Whole numbers are carried as float32, so that gradients pass: rounding counts as the identity, and a value beyond the
range of its type has gradient zero. Sums are exact up to float32, so results differ from the runtime's by a step where
a value lies half-way between two.

    quantise(x)   = clip(round(x / scale) + zero, range)        dequantise(q) = (q - zero) * scale
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from onnx import TensorProto
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import Compute
from auditor.models.onnx.graph.windows import Windows
from auditor.models.onnx.operators.activations import along_axes, along_axis
from auditor.models.onnx.operators.convolution import convolution
from auditor.models.onnx.operators.pooling import average_pool, global_average_pool

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


def _along(parameter: Tensor, x: Tensor, axis: int, block: int) -> Tensor:
    """A scale or zero point so that it broadcasts against x: one for all, one for each channel, or one for a block."""
    if parameter.numel() == 1:
        return parameter.reshape(())
    if block:
        return parameter.repeat_interleave(block, dim=axis).narrow(axis, 0, x.shape[axis])
    shape = [1] * x.dim()
    shape[axis] = -1
    return parameter.reshape(shape)


def _no_output_range(node: Node) -> str:
    wanted = node.integer("output_dtype", 0)
    return f"output of element type {wanted}" if wanted and wanted not in _OUTPUT_RANGES else ""


@operator("QuantizeLinear", refuse=_no_output_range)
@operator("QuantizeLinear", domain=_MS, refuse=_no_output_range)
def quantize_linear(
    x: Tensor, y_scale: Tensor, y_zero_point: Tensor | None = None,
    *, axis: int = 1, block_size: int = 0, output_dtype: int = 0,
) -> Tensor:  # fmt: skip
    scale = _along(y_scale, x, axis, block_size)
    zero = None if y_zero_point is None else _along(y_zero_point, x, axis, block_size)
    return quantise(x, scale, zero, _OUTPUT_RANGES.get(output_dtype))


@operator("DequantizeLinear")
@operator("DequantizeLinear", domain=_MS)
def dequantize_linear(
    x: Tensor, x_scale: Tensor, x_zero_point: Tensor | None = None, *, axis: int = 1, block_size: int = 0
) -> Tensor:
    zero = None if x_zero_point is None else _along(x_zero_point, x, axis, block_size)
    return dequantise(x, _along(x_scale, x, axis, block_size), zero)


@operator("DynamicQuantizeLinear")
def dynamic_quantize_linear(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """q, scale and zero point of a whole tensor, whose range is stretched to hold 0; uint8.

    The scale belongs to the whole batch: such a model is fed one instance at a time.
    """
    low, high = x.detach().amin().clamp(max=0), x.detach().amax().clamp(min=0)
    scale = (high - low) / 255
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero = (-low / scale).round().clamp(0, 255)
    return clipped(rounded(x / scale) + zero, 0, 255), scale, zero


def _weight(w: Tensor, scale: Tensor | None, zero: Tensor | None, axis: int) -> Tensor:
    """A weight, with a scale and zero point for all or for each channel along ``axis``."""
    shape = [1] * w.dim()
    shape[axis] = -1
    centred = w.float() if zero is None else w.float() - zero.float().reshape(shape if zero.numel() > 1 else ())
    return centred if scale is None else centred * scale.reshape(shape if scale.numel() > 1 else ())


@operator("QLinearConv")
def qlinear_conv(
    x: Tensor, x_scale: Tensor, x_zero_point: Tensor, w: Tensor, w_scale: Tensor, w_zero_point: Tensor,
    y_scale: Tensor, y_zero_point: Tensor, b: Tensor | None = None,
    *, group: int = 1, windows: Windows,
) -> Tensor:  # fmt: skip
    offset = None if b is None else b.float() * x_scale * w_scale
    weight = _weight(w, w_scale, w_zero_point, 0)
    y = convolution(dequantise(x, x_scale, x_zero_point), weight, offset, group=group, windows=windows)
    return quantise(y, y_scale, y_zero_point)


@operator("ConvInteger")
def conv_integer(
    x: Tensor, w: Tensor, x_zero_point: Tensor | None = None, w_zero_point: Tensor | None = None,
    *, group: int = 1, windows: Windows,
) -> Tensor:  # fmt: skip
    centred = x.float() if x_zero_point is None else x.float() - x_zero_point.float()
    return convolution(centred, _weight(w, None, w_zero_point, 0), group=group, windows=windows)


@operator("QLinearMatMul")
@operator("QLinearMatMul", domain=_MS)
def qlinear_matmul(
    a: Tensor, a_scale: Tensor, a_zero_point: Tensor, b: Tensor, b_scale: Tensor, b_zero_point: Tensor,
    y_scale: Tensor, y_zero_point: Tensor,
) -> Tensor:  # fmt: skip
    y = _weight(a, a_scale, a_zero_point, -2) @ _weight(b, b_scale, b_zero_point, -1)
    return quantise(y, y_scale, y_zero_point)


@operator("MatMulInteger")
def matmul_integer(
    a: Tensor, b: Tensor, a_zero_point: Tensor | None = None, b_zero_point: Tensor | None = None
) -> Tensor:
    return _weight(a, None, a_zero_point, -2) @ _weight(b, None, b_zero_point, -1)


# The runtime's own operators: s is a scale, z a zero point.


@operator("MatMulIntegerToFloat", domain=_MS)
def matmul_integer_to_float(
    a: Tensor, b: Tensor, sa: Tensor, sb: Tensor, za: Tensor | None = None, zb: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:  # fmt: skip
    y = _weight(a, sa, za, -2) @ _weight(b, sb, zb, -1)
    return y if bias is None else y + bias


@operator("DynamicQuantizeMatMul", domain=_MS)
def dynamic_quantize_matmul(
    a: Tensor, b: Tensor, sb: Tensor, zb: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    y = dequantise(*dynamic_quantize_linear(a)) @ _weight(b, sb, zb, -1)
    return y if bias is None else y + bias


@operator("QGemm", domain=_MS)
def qgemm(
    a: Tensor, sa: Tensor, za: Tensor, b: Tensor, sb: Tensor, zb: Tensor, c: Tensor | None = None,
    sy: Tensor | None = None, zy: Tensor | None = None,
    *, alpha: float = 1.0, transA: bool = False, transB: bool = False,
) -> Tensor:  # fmt: skip
    """Quantised where the file gives an output scale, float otherwise; the bias is in steps of alpha * sa * sb."""
    left, right = dequantise(a, sa, za), _weight(b, sb, zb, 0 if transB else -1)
    y = alpha * (left.t() if transA else left) @ (right.t() if transB else right)
    if c is not None:
        y = y + c.float() * (alpha * sa * sb)
    return y if sy is None else quantise(y, sy, zy)


@operator("QLinearSigmoid", domain=_MS)
def qlinear_sigmoid(x: Tensor, sx: Tensor, zx: Tensor | None, sy: Tensor, zy: Tensor | None = None) -> Tensor:
    return quantise(torch.sigmoid(dequantise(x, sx, zx)), sy, zy)


@operator("QLinearLeakyRelu", domain=_MS)
def qlinear_leaky_relu(
    x: Tensor, sx: Tensor, zx: Tensor | None, sy: Tensor, zy: Tensor | None = None, *, alpha: float = 0.01
) -> Tensor:
    return quantise(F.leaky_relu(dequantise(x, sx, zx), alpha), sy, zy)


@operator("QLinearSoftmax", domain=_MS)
def qlinear_softmax(
    x: Tensor, sx: Tensor, zx: Tensor | None, sy: Tensor, zy: Tensor | None = None, *, axis: int = -1, opset: int = 13
) -> Tensor:
    """The axis is meant as in that operator set of the standard."""
    along = along_axis if opset >= 13 else along_axes
    return quantise(along(torch.softmax, dequantise(x, sx, zx), axis=axis), sy, zy)


@operator("QLinearGlobalAveragePool", domain=_MS)
def qlinear_global_average_pool(
    x: Tensor, sx: Tensor, zx: Tensor | None, sy: Tensor, zy: Tensor | None = None, *, channels_last: bool = False
) -> Tensor:
    return quantise(_channels_second(global_average_pool, dequantise(x, sx, zx), channels_last), sy, zy)


@operator("QLinearAveragePool", domain=_MS)
def qlinear_average_pool(
    x: Tensor, sx: Tensor, zx: Tensor | None, sy: Tensor, zy: Tensor | None = None,
    *, channels_last: bool = False, count_include_pad: bool = False, windows: Windows,
) -> Tensor:  # fmt: skip
    pool = partial(average_pool, count_include_pad=count_include_pad, windows=windows)
    return quantise(_channels_second(pool, dequantise(x, sx, zx), channels_last), sy, zy)


def _channels_second(function: Compute, x: Tensor, channels_last: bool) -> Tensor:
    """A function of ``(N, C, ...)``, for nodes that may keep channels last."""
    return function(x.movedim(-1, 1)).movedim(1, -1) if channels_last else function(x)


def _binary(
    function: Compute, a: Tensor, sa: Tensor, za: Tensor | None, b: Tensor, sb: Tensor, zb: Tensor | None, sy: Tensor,
    zy: Tensor | None = None,
) -> Tensor:  # fmt: skip
    return quantise(function(dequantise(a, sa, za), dequantise(b, sb, zb)), sy, zy)


operator("QLinearAdd", domain=_MS)(partial(_binary, torch.add))
operator("QLinearMul", domain=_MS)(partial(_binary, torch.mul))


@operator("QLinearConcat", domain=_MS)
def qlinear_concat(sy: Tensor, zy: Tensor, *parts: Tensor, axis: int = 1) -> Tensor:
    """Parts are three each: whole numbers, scale and zero point."""
    floats = [dequantise(*parts[first : first + 3]) for first in range(0, len(parts), 3)]
    return quantise(torch.cat(floats, dim=axis), sy, zy)

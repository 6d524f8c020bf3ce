"""Sizes and arrangement of elements; no arithmetic."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, elementwise, operator, python_integers
from auditor.models.onnx.graph.windows import padded, read_windows

elementwise("Identity", lambda x: x)


@operator("Shape", sizes_only=True)
def shape(node: Node) -> Compute:
    part = slice(node.integer("start", 0), node.attributes.get("end"))
    return lambda x: torch.tensor(x.shape[part], dtype=torch.int64)


@operator("Size", sizes_only=True)
def size(node: Node) -> Compute:
    return lambda x: torch.tensor(x.numel())


@operator("Reshape", host=(1,))
def reshape(node: Node) -> Compute:
    if node.version < 5:
        fixed = node.integers("shape") or []
        return lambda x: x.reshape(fixed)
    allow_zero = node.flag("allowzero")

    def arranged(x: Tensor, sizes: Tensor) -> Tensor:
        wanted = python_integers(sizes)
        if not allow_zero:
            wanted = [x.shape[axis] if n == 0 else n for axis, n in enumerate(wanted)]
        return x.reshape(wanted)

    return arranged


@operator("Flatten")
def flatten(node: Node) -> Compute:
    axis = node.integer("axis", 1)

    def matrix(x: Tensor) -> Tensor:
        first = axis + x.dim() if axis < 0 else axis
        return x.reshape(math.prod(x.shape[:first]), math.prod(x.shape[first:]))

    return matrix


@operator("Transpose")
def transpose(node: Node) -> Compute:
    order = node.integers("perm")
    return lambda x: x.permute(order if order is not None else tuple(reversed(range(x.dim()))))


@operator("Squeeze", host=(1,))
def squeeze(node: Node) -> Compute:
    attribute = node.integers("axes")

    def without(x: Tensor, axes: Tensor | None = None) -> Tensor:
        wanted = attribute if axes is None else python_integers(axes)
        return x.squeeze() if wanted is None else x.squeeze(tuple(wanted))

    return without


@operator("Unsqueeze", host=(1,))
def unsqueeze(node: Node) -> Compute:
    attribute = node.integers("axes") or []

    def extended(x: Tensor, axes: Tensor | None = None) -> Tensor:
        wanted = attribute if axes is None else python_integers(axes)
        for axis in sorted(axis % (x.dim() + len(wanted)) for axis in wanted):
            x = x.unsqueeze(axis)
        return x

    return extended


@operator("Expand", host=(1,))
def expand(node: Node) -> Compute:
    return lambda x, sizes: x.expand(torch.broadcast_shapes(x.shape, python_integers(sizes)))


@operator("Tile", host=(1,))
def tile(node: Node) -> Compute:
    return lambda x, repeats: x.repeat(python_integers(repeats))


@operator("DepthToSpace")
def depth_to_space(node: Node) -> Compute:
    block, depth_first = node.integer("blocksize", 1), node.text("mode", "DCR") == "DCR"

    def spread(x: Tensor) -> Tensor:
        if not depth_first:
            return F.pixel_shuffle(x, block)
        n, c, h, w = x.shape
        parts = x.reshape(n, block, block, c // block**2, h, w).permute(0, 3, 4, 1, 5, 2)
        return parts.reshape(n, c // block**2, h * block, w * block)

    return spread


@operator("SpaceToDepth")
def space_to_depth(node: Node) -> Compute:
    block, depth_first = node.integer("blocksize", 1), node.text("mode", "DCR") == "DCR"

    def gathered(x: Tensor) -> Tensor:
        if not depth_first:
            return F.pixel_unshuffle(x, block)
        n, c, h, w = x.shape
        parts = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
        return parts.reshape(n, c * block**2, h // block, w // block)

    return gathered


@operator("CenterCropPad", host=(1,))
def center_crop_pad(node: Node) -> Compute:
    axes = node.integers("axes")

    def fitted(x: Tensor, sizes: Tensor) -> Tensor:
        pads = [(0, 0)] * x.dim()
        for axis, size in zip(axes or range(x.dim()), python_integers(sizes), strict=True):
            more = size - x.shape[axis]
            begin = more // 2 if more > 0 else -(-more // 2)
            pads[axis] = (begin, more - begin)
        return padded(x, pads)

    return fitted


@operator("Col2Im", host=(1, 2))
def columns_to_image(node: Node) -> Compute:
    """Sum of the blocks in the columns of ``(N, C * block, L)``, each at its place in the image, in any dimension."""

    def joined(x: Tensor, image: Tensor, block: Tensor) -> Tensor:
        sizes, kernel = python_integers(image), python_integers(block)
        windows = read_windows(node, kernel)
        pads = windows.pads(x.new_empty(1, 1, *sizes))
        whole = [size + begin + end for size, (begin, end) in zip(sizes, pads, strict=True)]
        places = torch.arange(math.prod(whole), device=x.device).view(whole)
        for axis in range(len(kernel)):
            reach, dilation = windows.reaches[axis], windows.dilations[axis]
            places = places.unfold(axis, reach, windows.strides[axis])[..., ::dilation]
        places = places.reshape(math.prod(places.shape[: len(kernel)]), -1).t()
        columns = x.reshape(len(x), -1, places.numel())
        y = x.new_zeros(*columns.shape[:2], math.prod(whole)).index_add(2, places.reshape(-1), columns)
        return padded(y.view(*columns.shape[:2], *whole), [(-begin, -end) for begin, end in pads])

    return joined

"""Sizes and arrangement of elements; no arithmetic."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import Integers
from auditor.models.onnx.graph.windows import Windows, padded


@operator("Identity")
def identity(input: Tensor) -> Tensor:
    return input


@operator("Shape", sizes_only=True)
def shape(data: Tensor, *, start: int = 0, end: int | None = None) -> Tensor:
    return torch.tensor(data.shape[start:end], dtype=torch.int64)


@operator("Size", sizes_only=True)
def size(data: Tensor) -> Tensor:
    return torch.tensor(data.numel())


@operator("Reshape")
def reshape(data: Tensor, shape: Integers, *, allowzero: bool = False) -> Tensor:
    if not allowzero and 0 in shape:
        shape = tuple(data.shape[axis] if n == 0 else n for axis, n in enumerate(shape))
    return data.reshape(shape)


@operator("Flatten")
def flatten(input: Tensor, *, axis: int = 1) -> Tensor:
    first = axis + input.dim() if axis < 0 else axis
    return input.reshape(math.prod(input.shape[:first]), math.prod(input.shape[first:]))


@operator("Transpose")
def transpose(data: Tensor, *, perm: tuple[int, ...] | None = None) -> Tensor:
    return data.permute(tuple(reversed(range(data.dim()))) if perm is None else perm)


@operator("Squeeze")
def squeeze(data: Tensor, axes: Integers | None = None) -> Tensor:
    return data.squeeze() if axes is None else data.squeeze(axes)


@operator("Unsqueeze")
def unsqueeze(data: Tensor, axes: Integers) -> Tensor:
    for axis in sorted(axis % (data.dim() + len(axes)) for axis in axes):
        data = data.unsqueeze(axis)
    return data


@operator("Expand")
def expand(input: Tensor, shape: Integers) -> Tensor:
    return input.expand(torch.broadcast_shapes(input.shape, shape))


@operator("Tile")
def tile(input: Tensor, repeats: Integers) -> Tensor:
    return input.repeat(repeats)


@operator("DepthToSpace")
def depth_to_space(input: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    if mode != "DCR":
        return F.pixel_shuffle(input, blocksize)
    n, c, h, w = input.shape
    parts = input.reshape(n, blocksize, blocksize, c // blocksize**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, c // blocksize**2, h * blocksize, w * blocksize)


@operator("SpaceToDepth")
def space_to_depth(input: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    if mode != "DCR":
        return F.pixel_unshuffle(input, blocksize)
    n, c, h, w = input.shape
    parts = input.reshape(n, c, h // blocksize, blocksize, w // blocksize, blocksize).permute(0, 3, 5, 1, 2, 4)
    return parts.reshape(n, c * blocksize**2, h // blocksize, w // blocksize)


@operator("CenterCropPad")
def center_crop_pad(input_data: Tensor, shape: Integers, *, axes: tuple[int, ...] | None = None) -> Tensor:
    pads = [(0, 0)] * input_data.dim()
    for axis, size in zip(axes or range(input_data.dim()), shape, strict=True):
        more = size - input_data.shape[axis]
        begin = more // 2 if more > 0 else -(-more // 2)
        pads[axis] = (begin, more - begin)
    return padded(input_data, pads)


@operator("Col2Im")
def columns_to_image(input: Tensor, image_shape: Integers, block_shape: Integers, *, windows: Windows) -> Tensor:
    """Sum of the blocks in the columns of ``(N, C * block, L)``, each at its place in the image, in any dimension."""
    windows = windows.over(block_shape)
    pads = windows.padding(input.new_empty(1, 1, *image_shape))
    whole = [size + begin + end for size, (begin, end) in zip(image_shape, pads, strict=True)]
    places = torch.arange(math.prod(whole), device=input.device).view(whole)
    for axis, (reach, stride, dilation) in enumerate(
        zip(windows.reaches, windows.strides, windows.dilations, strict=True)
    ):
        places = places.unfold(axis, reach, stride)[..., ::dilation]
    places = places.reshape(math.prod(places.shape[: len(block_shape)]), -1).t()
    columns = input.reshape(len(input), -1, places.numel())
    y = input.new_zeros(*columns.shape[:2], math.prod(whole)).index_add(2, places.reshape(-1), columns)
    return padded(y.view(*columns.shape[:2], *whole), [(-begin, -end) for begin, end in pads])

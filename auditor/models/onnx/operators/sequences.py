"""Sequences of tensors, as PyTorch's exporter writes ``unbind``, ``chunk`` and ``split``: Python lists here."""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import Compute, operator, python_integers


@operator("SequenceConstruct", "SequenceEmpty")
def sequence(node: Node) -> Compute:
    return lambda *parts: list(parts)


@operator("SequenceLength", sizes_only=True)
def sequence_length(node: Node) -> Compute:
    return lambda parts: torch.tensor(len(parts))


@operator("SequenceAt", host=(1,))
def sequence_at(node: Node) -> Compute:
    return lambda parts, place: parts[int(place.item())]


@operator("SequenceInsert", host=(2,))
def sequence_insert(node: Node) -> Compute:
    def inserted(parts: list[Tensor], part: Tensor, place: Tensor | None = None) -> list[Tensor]:
        at = len(parts) if place is None else int(place.item())
        return [*parts[:at], part, *parts[at:]]

    return inserted


@operator("SequenceErase", host=(1,))
def sequence_erase(node: Node) -> Compute:
    def without(parts: list[Tensor], place: Tensor | None = None) -> list[Tensor]:
        at = (-1 if place is None else int(place.item())) % len(parts)
        return parts[:at] + parts[at + 1 :]

    return without


@operator("ConcatFromSequence")
def concat_from_sequence(node: Node) -> Compute:
    axis, new = node.integer("axis", 0), node.flag("new_axis")
    return lambda parts: torch.stack(parts, axis) if new else torch.cat(parts, axis)


@operator("SplitToSequence", host=(1,))
def split_to_sequence(node: Node) -> Compute:
    """Parts of one size (a scalar) or of given sizes; without either, single elements, their axis kept or not."""
    axis, keep = node.integer("axis", 0), node.flag("keepdims", True)

    def cut(x: Tensor, sizes: Tensor | None = None) -> list[Tensor]:
        if sizes is None:
            return list(torch.split(x, 1, axis) if keep else torch.unbind(x, axis))
        return list(torch.split(x, python_integers(sizes) if sizes.dim() else int(sizes.item()), axis))

    return cut

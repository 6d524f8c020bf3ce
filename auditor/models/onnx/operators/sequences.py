"""Sequences of tensors, as PyTorch's exporter writes ``unbind``, ``chunk`` and ``split``: Python lists here."""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.models.onnx.graph.registry import operator
from auditor.models.onnx.graph.signature import HostTensor, Integer


@operator("SequenceConstruct")
def sequence_construct(*inputs: Tensor) -> list[Tensor]:
    return list(inputs)


@operator("SequenceEmpty")
def sequence_empty() -> list[Tensor]:
    return []


@operator("SequenceLength", sizes_only=True)
def sequence_length(input_sequence: list[Tensor]) -> Tensor:
    return torch.tensor(len(input_sequence))


@operator("SequenceAt")
def sequence_at(input_sequence: list[Tensor], position: Integer) -> Tensor:
    return input_sequence[position]


@operator("SequenceInsert")
def sequence_insert(input_sequence: list[Tensor], tensor: Tensor, position: Integer | None = None) -> list[Tensor]:
    at = len(input_sequence) if position is None else position
    return [*input_sequence[:at], tensor, *input_sequence[at:]]


@operator("SequenceErase")
def sequence_erase(input_sequence: list[Tensor], position: Integer = -1) -> list[Tensor]:
    at = position % len(input_sequence)
    return input_sequence[:at] + input_sequence[at + 1 :]


@operator("ConcatFromSequence")
def concat_from_sequence(input_sequence: list[Tensor], *, axis: int, new_axis: bool = False) -> Tensor:
    return torch.stack(input_sequence, axis) if new_axis else torch.cat(input_sequence, axis)


@operator("SplitToSequence")
def split_to_sequence(
    input: Tensor, split: HostTensor | None = None, *, axis: int = 0, keepdims: bool = True
) -> list[Tensor]:
    """Parts of one size (a scalar) or of given sizes; without either, single elements, their axis kept or not."""
    if split is None:
        return list(torch.split(input, 1, axis) if keepdims else torch.unbind(input, axis))
    return list(torch.split(input, split.tolist(), axis))

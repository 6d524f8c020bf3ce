"""The imported graph: a frozen torch module that runs its steps in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.models.onnx.graph.folding import results_of
from auditor.models.onnx.graph.signature import Compute


@dataclass(frozen=True)
class Step:
    """One computation: where its arguments come from and where its results go.

    Args:
        compute: the computation.
        inputs: slots of its arguments; slot ``""`` holds None.
        outputs: slots of its results; ``""`` throws a result away.
        to_device, to_host: positions of arguments that have to change place first.
        last_uses: slots that no later step reads.
    """

    compute: Compute
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    to_device: tuple[int, ...] = ()
    to_host: tuple[int, ...] = ()
    last_uses: tuple[str, ...] = ()


class GraphModule(nn.Module):
    """Computes one output of an ONNX graph; differentiable in its input, without parameters.

    Args:
        steps: in the order of computation.
        names: slot of each value of the ONNX graph that a step computes or reads.
        device_constants: become buffers, so that ``to(device)`` moves them.
        host_constants: sizes, axes and the like; they stay on the CPU.
        input, output: slots.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        names: Mapping[str, str],
        device_constants: Mapping[str, Tensor],
        host_constants: Mapping[str, Tensor],
        input: str,
        output: str,
    ) -> None:
        super().__init__()
        self._steps, self._names = tuple(steps), dict(names)
        self._input, self._output = input, output
        self._host: dict[str, Tensor | None] = {"": None, **host_constants}
        for slot, tensor in device_constants.items():
            self.register_buffer(slot, tensor)

    def forward(self, x: Tensor, taps: Sequence[str] = ()) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """The graph's output for a batch, and with ``taps`` the named inner values beside it.

        Args:
            x: the model's input, in the model's own layout.
            taps: names of values of the ONNX graph.
        Raises:
            KeyError: a tap that the output does not depend on.
        """
        values: dict[str, Any] = {**self._host, **self._buffers, self._input: x}
        kept = {slot: tap for tap in taps if (slot := self._names[tap])}
        tapped: dict[str, Tensor] = {tap: x for slot, tap in kept.items() if slot == self._input}
        for step in self._steps:
            arguments = [values[slot] for slot in step.inputs]
            for position in step.to_device:
                arguments[position] = _moved(arguments[position], x.device)
            for position in step.to_host:
                arguments[position] = _moved(arguments[position], torch.device("cpu"))
            for slot, result in zip(step.outputs, results_of(step.compute(*arguments)), strict=False):
                values[slot] = result
                if slot in kept:
                    tapped[kept[slot]] = result
            for slot in step.last_uses:
                del values[slot]
        scores = values[self._output]
        assert scores is not None, "the importer gives every output a slot"
        return (scores, tapped) if taps else scores


def _moved(value: Tensor | list[Tensor] | None, device: torch.device) -> Any:
    """The value on a device, each tensor of a sequence too; an absent optional input stays absent."""
    if isinstance(value, list):
        return [part.to(device) for part in value]
    return None if value is None else value.to(device)

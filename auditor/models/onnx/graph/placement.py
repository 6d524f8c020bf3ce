"""Which values of a graph live on the CPU and which on the device of the data.

Values that depend on sizes alone (Shape and what is computed from it) stay on the CPU, so that reading a
size never waits for the GPU; everything that depends on the data lives with the data. Which is which follows
from the graph, so nothing of this is decided during a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from auditor.models.onnx.graph.folding import Call
from auditor.models.onnx.graph.graph import Graph
from auditor.models.onnx.graph.module import GraphModule, Step


def place(graph: Graph, constants: Mapping[str, Tensor], calls: Sequence[Call]) -> GraphModule:
    """Give every value a slot and a place, and every slot an end of life."""
    slots = _Slots(constants)
    slots.names[graph.input] = "input"
    steps = [_step(call, slots) for call in calls]
    output = slots.names.get(graph.output) or slots.constant(graph.output, on_host=False)
    return GraphModule(
        _with_last_uses(steps, output), slots.names, slots.device_constants, slots.host_constants, "input", output
    )


@dataclass
class _Slots:
    """Slots given out so far; a constant may have one in each place."""

    constants: Mapping[str, Tensor]
    names: dict[str, str] = field(default_factory=dict)
    on_host: set[str] = field(default_factory=set)
    device_constants: dict[str, Tensor] = field(default_factory=dict)
    host_constants: dict[str, Tensor] = field(default_factory=dict)
    _given: dict[tuple[str, bool], str] = field(default_factory=dict)

    def constant(self, name: str, on_host: bool) -> str:
        """The slot of a constant in one place."""
        slot = self._given.setdefault((name, on_host), f"constant{len(self._given)}")
        (self.host_constants if on_host else self.device_constants)[slot] = self.constants[name]
        return slot

    def value(self, name: str, on_host: bool) -> str:
        """A new slot for a computed value."""
        if not name:
            return ""
        if on_host:
            self.on_host.add(name)
        return self.names.setdefault(name, f"value{len(self.names)}")


def _step(call: Call, slots: _Slots) -> Step:
    """The step of one call, with the moves that bring its arguments together."""
    host = _computes_on_host(call, slots)
    inputs, to_device, to_host = [], [], []
    for position, name in enumerate(call.node.inputs):
        wants_host = position in call.operator.host or host
        if not name:
            inputs.append("")
        elif name in slots.constants:
            inputs.append(slots.constant(name, wants_host))
        else:
            inputs.append(slots.names[name])
            if wants_host and name not in slots.on_host and not call.operator.sizes_only:
                to_host.append(position)
            if not wants_host and name in slots.on_host:
                to_device.append(position)
    outputs = tuple(slots.value(name, host) for name in call.node.outputs)
    return Step(call.compute, tuple(inputs), outputs, tuple(to_device), tuple(to_host))


def _computes_on_host(call: Call, slots: _Slots) -> bool:
    """Whether a call works on sizes: it reads no data beyond its host arguments, except whole numbers."""
    if call.operator.sizes_only:
        return True
    data = [name for position, name in enumerate(call.node.inputs) if name and position not in call.operator.host]
    computed = [name for name in data if name not in slots.constants]
    if computed:
        return slots.on_host.issuperset(computed)
    return not any(slots.constants[name].is_floating_point() for name in data)


def _with_last_uses(steps: Sequence[Step], output: str) -> list[Step]:
    """Steps that drop each computed value after its last use, so that memory is not held."""
    keep, result = {output, ""}, []
    for step in reversed(steps):
        ends = {slot for slot in (*step.inputs, *step.outputs) if not slot.startswith("constant")} - keep
        keep |= ends
        result.append(replace(step, last_uses=tuple(sorted(ends))))
    return result[::-1]

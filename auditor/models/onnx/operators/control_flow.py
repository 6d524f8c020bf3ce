"""Branches and loops.

A condition or trip count may depend on sizes or on the data: the branch that is taken is computed, and gradients
follow it. What a body computes without its arguments is folded when the graph is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from auditor.models.onnx.graph.folding import Call, fold, results_of
from auditor.models.onnx.graph.graph import Body
from auditor.models.onnx.graph.node import Node
from auditor.models.onnx.graph.registry import builder
from auditor.models.onnx.graph.signature import Compute

_Run = Callable[[Sequence[Any], Sequence[Any]], tuple[Any, ...]]


@builder("If", host=(0,))
def branch(node: Node) -> Compute:
    """Only the branch taken is built where the condition is known, so the other one may hold anything."""
    known = node.constants.get(0)
    wanted = ("then_branch", "else_branch") if known is None else ("then_branch",) if known else ("else_branch",)
    branches = {name: _runner(node, name) for name in wanted}

    def taken(condition: Tensor, *captured: Any) -> tuple[Any, ...]:
        return branches["then_branch" if bool(condition) else "else_branch"]((), captured)

    return taken


@builder("Loop", host=(0, 1))
def loop(node: Node) -> Compute:
    """Carried values come first among the results, then what each round gives, stacked."""
    run, body = _runner(node, "body"), node.attributes["body"]
    carried = len(body.inputs) - 2

    def looped(count: Tensor | None = None, condition: Tensor | None = None, *values: Any) -> tuple[Any, ...]:
        state, captured = values[:carried], values[carried:]
        rounds = None if count is None else int(count.item())
        again, i, rows = condition is None or bool(condition), 0, []
        while again and (rounds is None or i < rounds):
            condition_now, *results = run((torch.tensor(i), torch.tensor(True), *state), captured)
            state, again, i = tuple(results[:carried]), bool(condition_now), i + 1
            rows.append(results[carried:])
        if rows:
            return *state, *(torch.stack(parts) for parts in zip(*rows, strict=True))
        return *state, *(torch.zeros(0) for _ in body.outputs[carried + 1 :])

    return looped


@builder("Scan")
def scan(node: Node) -> Compute:
    """A loop over slices of its last inputs; in opset 8 over each sample of a batch."""
    if node.version < 9:
        return _batched_scan(node)
    run, body = _runner(node, "body"), node.attributes["body"]
    scanned = node.integer("num_scan_inputs", 1)
    carried = len(body.inputs) - scanned
    given = len(body.outputs) - carried
    axes, turned = node.integers("scan_input_axes") or [0] * scanned, node.integers("scan_input_directions")
    out_axes, out_turned = node.integers("scan_output_axes") or [0] * given, node.integers("scan_output_directions")

    def over_slices(*values: Any) -> tuple[Any, ...]:
        state, captured = values[:carried], values[carried + scanned :]
        inputs = [x.movedim(axis, 0) for x, axis in zip(values[carried : carried + scanned], axes, strict=True)]
        inputs = [x.flip(0) if turn else x for x, turn in zip(inputs, turned or [0] * scanned, strict=True)]
        rows = []
        for slices in zip(*inputs, strict=True):
            results = run((*state, *slices), captured)
            state = results[:carried]
            rows.append(results[carried:])
        stacks = [torch.stack(parts) for parts in zip(*rows, strict=True)]
        stacks = [y.flip(0) if turn else y for y, turn in zip(stacks, out_turned or [0] * given, strict=True)]
        return *state, *(y.movedim(0, axis) for y, axis in zip(stacks, out_axes, strict=True))

    return over_slices


def _batched_scan(node: Node) -> Compute:
    """Scan as opset 8 had it: lengths first, then batches of all values."""
    if node.inputs[0] or node.integers("directions"):
        raise node.unsupported("lengths or directions")
    one = scan(Node(node.op, 9, node.inputs[1:], node.outputs, node.attributes))
    own = len(node.attributes["body"].inputs)

    def over_batch(_: None, *values: Any) -> tuple[Any, ...]:
        batch = [one(*sample, *values[own:]) for sample in zip(*values[:own], strict=True)]
        return tuple(torch.stack(parts) for parts in zip(*batch, strict=True))

    return over_batch


def _runner(node: Node, name: str) -> _Run:
    """A body as a function of its arguments and of the captured values."""
    body: Body = node.attributes[name]
    first = len(node.inputs) - len(body.captured)
    known = {name: node.constants[first + i] for i, name in enumerate(body.captured) if first + i in node.constants}
    constants, calls = fold(body.nodes, body.tensors, known)

    def run(arguments: Sequence[Any], captured: Sequence[Any]) -> tuple[Any, ...]:
        values: dict[str, Any] = {"": None, **constants}
        values.update(zip(body.captured, captured, strict=True))
        values.update(zip(body.inputs, arguments, strict=True))
        for call in calls:
            results = results_of(call.compute(*_placed(call, values)))
            values.update((slot, result) for slot, result in zip(call.node.outputs, results, strict=False) if slot)
        return tuple(values[name] for name in body.outputs)

    return run


def _placed(call: Call, values: Mapping[str, Any]) -> list[Any]:
    """Arguments of a call inside a body, together where the first of the data is that has left the CPU."""
    arguments = [values[name] for name in call.node.inputs]
    if call.operator.sizes_only:
        return arguments
    data = {i: a for i, a in enumerate(arguments) if isinstance(a, Tensor) and i not in call.operator.host}
    device = next((a.device for a in data.values() if a.device.type != "cpu"), torch.device("cpu"))
    for position, argument in enumerate(arguments):
        if isinstance(argument, Tensor):
            arguments[position] = argument.to(device if position in data else "cpu")
    return arguments

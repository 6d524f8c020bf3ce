"""A TorchScript module on another device than the one it was made on.

Loading moves parameters; what the code itself says of devices stays: tracing writes "cpu" into every ``arange`` and
``zeros``, and a script that names no device means the CPU. Both then meet tensors of the GPU. Here the code is changed
to name the device on which the module runs; a module traced on a GPU runs on a CPU by the same means.

Tracing writes down, too, how convolutions are computed: by torch's defaults, which let a GPU round the factors to 10
bits (TF32), whatever the process asks for later. They are changed to what ``models.gpu.compute_exactly`` asks, on a CPU
too, where it changes no number, so that the graph gives its values the same names on both.
"""

from __future__ import annotations

from typing import Any

import torch

from auditor.models.torchscript.graph import all_nodes

# torch ships no complete types for its graphs.
Graph = Any
Node = Any

_EXACT = {"benchmark": False, "deterministic": True, "allow_tf32": False}
"""Arguments of traced convolutions, by name."""
_NAMES_A_DEVICE = ("prim::Constant", "prim::GetAttr", "aten::device")
"""Kinds of nodes whose device was chosen when the module was made; ``x.device`` follows the tensor and is right."""


def place_code(module: Any, device: torch.device) -> None:
    """Rewrite all code of a loaded module for the device on which its parameters lie, before its first run.

    Args:
        module: as ``torch.jit.load`` returned it.
        device: where it is to compute.
    """
    scripts = [part._c for part in module.modules()]
    for script in scripts:
        for name in script._method_names():
            _place(script._get_method(name).graph, device)
    # Free functions cannot be reached but by taking their code in; not before, since torch keeps what it inlined once.
    if module._c._has_method("forward"):
        forward = module._c._get_method("forward").graph
        whole = forward.copy()
        torch._C._jit_pass_inline(whole)
        if _place(whole, device):
            torch._C._jit_pass_inline(forward)
            _place(forward, device)


def _place(graph: Graph, device: torch.device) -> bool:
    """Put the device in the place of every device that the graph names or leaves open; whether anything was changed."""
    nodes = list(all_nodes(graph))
    set_exact = _set_exact(graph, nodes)
    named = [node for node in nodes if node.kind() in _NAMES_A_DEVICE and _is_elsewhere(node, device)]
    moves = [node for node in nodes if node.kind() in _moves_away_from(device)]
    # No device means the CPU.
    unplaced = [] if device.type == "cpu" else [(node, at) for node in nodes if (at := _unplaced(node)) is not None]
    if not named and not moves and not unplaced:
        return set_exact
    here = graph.insertConstant(device)
    here.node().moveBefore(next(graph.nodes()))
    for node, place in unplaced:
        node.replaceInput(place, here)
    for node in named:
        node.output().replaceAllUsesWith(here)
    for node in moves:
        node.output().replaceAllUsesWith(next(node.inputs()))
    torch._C._jit_pass_dce(graph)
    return True


def _set_exact(graph: Graph, nodes: list[Node]) -> bool:
    """Have convolutions computed in full float32 by algorithms that repeat themselves; whether there was any."""
    places = [(node, at, _EXACT[name]) for node in nodes for at, name in enumerate(_arguments(node)) if name in _EXACT]
    for node, at, value in places:
        node.replaceInput(at, _constant(graph, node, value))
    return bool(places)


def _constant(graph: Graph, node: Node, value: bool) -> Any:
    """True or False for an argument: of the node's own arguments where one is so, since a new one shifts all names."""
    for given in node.inputs():
        if str(given.type()) == "bool" and given.node().kind() == "prim::Constant" and given.toIValue() is value:
            return given
    new = graph.insertConstant(value)
    new.node().moveBefore(next(graph.nodes()))
    return new


def _arguments(node: Node) -> list[str]:
    """Names of a convolution's arguments by their place; none for other nodes."""
    if "convolution" not in node.kind() or node.schema() == "(no schema)":
        return []
    return [argument.name for argument in torch._C.parse_schema(node.schema()).arguments]


def _is_elsewhere(node: Node, device: torch.device) -> bool:
    """Whether a node gives a device, and not this one for certain."""
    if str(node.output().type()) not in ("Device", "Device?"):
        return False
    return node.kind() != "prim::Constant" or node.output().toIValue() not in (device, None)


def _moves_away_from(device: torch.device) -> tuple[str, ...]:
    """Kinds of nodes that move a tensor to a device of their own choice, such as ``x.cpu()``."""
    return ("aten::cuda",) if device.type == "cpu" else ("aten::cuda", "aten::cpu")


def _unplaced(node: Node) -> int | None:
    """Place of the argument that would say where a new tensor is made, if it says nothing; None for other nodes.

    What takes a tensor makes its results beside that.
    """
    schema = node.schema() if node.kind().startswith("aten::") else "(no schema)"
    if " device" not in schema or schema == "(no schema)":
        return None
    if any(value.type().kind() == "TensorType" for value in node.inputs()):
        return None
    names = [argument.name for argument in torch._C.parse_schema(schema).arguments]
    place = names.index("device")
    given = list(node.inputs())[place]
    return place if given.type().kind() == "NoneType" else None

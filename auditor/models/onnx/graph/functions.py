"""How large a model becomes when its local functions are inlined, found without inlining it.

Functions that call each other twice double at every level: forty of them are a small file and a million million
nodes, on which the inliner, shape inference and the runtime would never end.
"""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter

from onnx import FunctionProto, ModelProto, NodeProto

_Key = tuple[str, str]


DEEPEST = 200
"""Functions inside each other. Exporters write a handful; whoever inlines them does so by recursion."""


def inlined_node_count(model: ModelProto) -> int:
    """Number of nodes of the main graph after inlining.

    Raises:
        ValueError: a function that calls itself, which the standard forbids, or calls nested too deep.
    """
    functions = {(function.domain, function.name): function for function in model.functions}
    counts: dict[_Key, int] = {("", ""): 1}  # every operator that is no local function
    depths: dict[_Key, int] = {("", ""): 0}
    calls = {key: _calls(function.node, functions) for key, function in functions.items()}
    try:
        order = list(
            TopologicalSorter({key: [called for called, _ in called] for key, called in calls.items()}).static_order()
        )
    except CycleError as err:
        raise ValueError(f"local function {err.args[1][0][1]} calls itself") from err
    for key in order:
        if key in calls:
            counts[key] = sum(times * counts[called] for called, times in calls[key])
            depths[key] = 1 + max((depths[called] for called, _ in calls[key]), default=0)
            if depths[key] > DEEPEST:
                raise ValueError(f"local functions nested more than {DEEPEST} deep")
    return sum(times * counts[called] for called, times in _calls(model.graph.node, functions))


def _calls(nodes: list[NodeProto], functions: dict[_Key, FunctionProto]) -> list[tuple[_Key, int]]:
    """What a body calls, and how often; operators of the standard are all one."""
    keys = ((node.domain, node.op_type) for node in nodes)
    return list(Counter(key if key in functions else ("", "") for key in keys).items())

"""How large a model becomes when its local functions are inlined, found without inlining it.

Functions that call each other twice double at every level: forty of them are a small file and a million million
nodes, on which the inliner, shape inference and the runtime would never end.
"""

from __future__ import annotations

from collections import Counter

from onnx import FunctionProto, ModelProto, NodeProto

_Key = tuple[str, str]


def inlined_node_count(model: ModelProto) -> int:
    """Number of nodes of the main graph after inlining.

    Raises:
        ValueError: a function that calls itself, which the standard forbids.
    """
    functions = {(function.domain, function.name): function for function in model.functions}
    counts: dict[_Key, int | None] = {}

    def size(key: _Key) -> int:
        if key not in counts:
            counts[key] = None
            counts[key] = sum(times * size(called) for called, times in _calls(functions[key].node, functions))
        count = counts[key]
        if count is None:
            raise ValueError(f"local function {key[1]} calls itself")
        return count

    counts[("", "")] = 1  # every operator that is no local function
    return sum(times * size(called) for called, times in _calls(model.graph.node, functions))


def _calls(nodes: list[NodeProto], functions: dict[_Key, FunctionProto]) -> list[tuple[_Key, int]]:
    """What a body calls, and how often; operators of the standard are all one."""
    keys = ((node.domain, node.op_type) for node in nodes)
    return list(Counter(key if key in functions else ("", "") for key in keys).items())

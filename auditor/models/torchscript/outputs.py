"""Which output of a TorchScript module holds the class scores, as far as its graph shows what it returns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from auditor.errors import InputRefused
from auditor.models.graphs.protocol import ancestors
from auditor.models.output_choice import Candidate, choose, looks_like
from auditor.models.torchscript.graph import CONSTRUCTS, all_nodes, has_head, is_tensor, parts_of, reads


def chosen_output(graph: Any) -> tuple[str | None, str] | None:
    """Keys to the class scores, joined by dots, and why those; None where the graph does not show what it returns.

    The keys are None for a single tensor.

    Args:
        graph: of ``forward``, inlined.
    Raises:
        InputRefused: the outputs are those of a detector.
    """
    leaves = dict(_leaves(next(graph.outputs())))
    if not leaves or not all(map(is_tensor, leaves.values())):
        return None
    if "" in leaves:
        return None, "the only output"
    names = list(leaves)
    if kind := looks_like([(name, None) for name in names]):
        raise InputRefused("class scores of shape (N, C)", f"outputs {', '.join(names)}: {kind}", "audit a classifier")
    read = {
        value.debugName(): [source.debugName() for source in reads(node)]
        for node in all_nodes(graph)
        for value in node.outputs()
    }
    behind = {name: ancestors(leaf.debugName(), lambda each: read.get(each, ())) for name, leaf in leaves.items()}
    candidates = [
        Candidate(
            name,
            partial(has_head, graph, name),
            [other for other in names if other != name and leaves[other].debugName() in behind[name]],
        )
        for name in names
    ]
    place, reason = choose(candidates)
    return names[place], reason


def _leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if value.node().kind() not in CONSTRUCTS:
        yield ".".join(keys), value
        return
    for key, part in parts_of(value.node()).items():
        yield from _leaves(part, (*keys, key))

"""Which output of a TorchScript module holds the class scores, as far as its graph shows what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from auditor.errors import InputRefused
from auditor.models.output_choice import Candidate, choose, looks_like

CONSTRUCTS = ("prim::TupleConstruct", "prim::ListConstruct", "prim::DictConstruct")


def chosen_output(graph: Any, has_head: Callable[[str], bool]) -> tuple[str | None, str] | None:
    """Keys to the class scores, joined by dots, and why those; None where the graph does not show what it returns.

    The keys are None for a single tensor.

    Args:
        graph: of ``forward``, inlined.
        has_head: whether a last layer, a softmax or a sigmoid makes the output with these keys.
    Raises:
        InputRefused: the outputs are those of a detector.
    """
    value = next(graph.outputs())
    leaves = dict(_leaves(value))
    if not leaves or not all(leaf.type().isSubtypeOf(torch._C.TensorType.get()) for leaf in leaves.values()):
        return None
    if "" in leaves:
        return None, "the only output"
    names = list(leaves)
    if kind := looks_like([(name, None) for name in names]):
        raise InputRefused("class scores of shape (N, C)", f"outputs {', '.join(names)}: {kind}", "audit a classifier")
    behind = {name: _ancestors(leaf) for name, leaf in leaves.items()}
    candidates = [
        Candidate(
            name,
            partial(has_head, name),
            [other for other in names if other != name and leaves[other].debugName() in behind[name]],
        )
        for name in names
    ]
    place, reason = choose(candidates)
    return names[place], reason


def parts_of(construct: Any) -> dict[str, Any]:
    """What a tuple, list or dictionary in a graph is made of, by key, index or field."""
    made = list(construct.inputs())
    if construct.kind() == "prim::DictConstruct":
        return {str(key.toIValue()): part for key, part in zip(made[::2], made[1::2], strict=True)}
    fields = _fields(construct.output().type()) if construct.kind() == "prim::TupleConstruct" else None
    return dict(zip(fields or map(str, range(len(made))), made, strict=True))


def _fields(kind: Any) -> tuple[str, ...] | None:
    """Names of a NamedTuple's fields, None for a tuple without names.

    torch shows them on values alone, so one is built of empty tensors.
    """
    graph = torch._C.Graph()
    inputs = [graph.addInput() for _ in kind.elements()]
    for each, part in zip(inputs, kind.elements(), strict=True):
        each.setType(part)
    node = graph.create("prim::TupleConstruct", inputs, 1)
    graph.appendNode(node)
    node.output().setType(kind)
    graph.registerOutput(node.output())
    try:
        built = torch._C._create_function_from_graph("fields", graph)(*[torch.zeros(0)] * len(inputs))
    except RuntimeError:  # one of the fields is no tensor
        return None
    fields: tuple[str, ...] | None = getattr(built, "_fields", None)
    return fields


def _leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if value.node().kind() not in CONSTRUCTS:
        yield ".".join(keys), value
        return
    for key, part in parts_of(value.node()).items():
        yield from _leaves(part, (*keys, key))


def _ancestors(value: Any) -> set[str]:
    """Names of the values that are computed on the way to one, inside branches too."""
    seen, pending = set[str](), [value.node()]
    while pending:
        node = pending.pop()
        pending.extend(inner for block in node.blocks() for inner in block.nodes())
        for source in [*node.inputs(), *(out for block in node.blocks() for out in block.outputs())]:
            if source.debugName() not in seen:
                seen.add(source.debugName())
                pending.append(source.node())
    return seen

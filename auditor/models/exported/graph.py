"""What the graph of a torch.export program says: its outputs, where logits and embedding are, in which mode it was.

The walk is that of ``torchscript_graph``: from the scores back through softmax, reshaping, bias and pooling to the last
linear layer or convolution, whose input is the embedding.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from auditor.models import aten
from auditor.models.aten_softmax import written_out
from auditor.models.base import OutputKind
from auditor.models.file_facts import FileFacts, counted
from auditor.models.straight_through import STEPS

_ASSERTIONS = frozenset({"aten::_assert_tensor_metadata"})
"""That a tensor has the dtype of the export; pixels that keep their gradient are floating-point instead of uint8."""
_TRAINING_ARGUMENT = {
    "aten::dropout": 2, "aten::feature_dropout": 2, "aten::alpha_dropout": 2, "aten::native_dropout": 2,
    "aten::batch_norm": 5, "aten::native_batch_norm": 5, "aten::_native_batch_norm_legit": 5,
    "aten::_native_batch_norm_legit_functional": 5,
}  # fmt: skip


@dataclass(frozen=True)
class Output:
    """One tensor that the program returns: its path such as ``scores`` or ``0``, its place among all, its node."""

    name: str
    place: int
    node: fx.Node


@dataclass(frozen=True)
class Head:
    """How the scores are made.

    Args:
        kind: what the graph ends in; None where no layer was found behind the scores.
        logits: the node before any softmax or sigmoid.
        embedding: input of the last layer, or why there is none.
        feature_axis: axis of the embedding that holds features.
    """

    kind: OutputKind | None
    logits: fx.Node
    embedding: fx.Node | str
    feature_axis: int = -1


def outputs(module: fx.GraphModule) -> list[Output]:
    """Every tensor that the program returns, under the name by which its caller finds it."""
    returned = next(node for node in reversed(module.graph.nodes) if node.op == "output").args[0]
    leaves = list(returned) if isinstance(returned, tuple | list) else [returned]
    spec: Any = module._out_spec
    paths, _ = pytree.tree_flatten_with_path(pytree.tree_unflatten(list(range(len(leaves))), spec))
    return [
        Output(".".join(_key(key) for key in path), place, leaf)
        for (path, place), leaf in zip(paths, leaves, strict=True)
        if isinstance(leaf, fx.Node) and isinstance(leaf.meta.get("val"), Tensor)
    ]


def find_head(scores: fx.Node) -> Head:
    """Where the logits and the embedding behind the scores are."""
    node = scores
    while _operator(node) in aten.RESHAPING:
        node = _first(node)
    kind = aten.HEADS.get(_operator(node))
    logits = _first(node) if kind else scores
    if kind is None and (spelled := written_out(node, _Look())) is not None:
        logits, kind = spelled
    layer = _last_layer(logits)
    if isinstance(layer, str):
        return Head(kind, logits, layer)
    axis = 1 if _operator(layer) in aten.CONVOLUTIONS else -1
    return Head(kind or "logits", logits, _operand(layer), axis)


def is_squashed(scores: fx.Node) -> bool | None:
    """Whether a sigmoid, a softmax or a part of one stands between the scores and the layers before them.

    None where the graph does not show it, because a branch or a loop stands there.
    """
    seen, pending, hidden = {scores}, [scores], False
    while pending:
        node = pending.pop()
        if _operator(node) in aten.SQUASHING:
            return True
        if _operator(node) in aten.LAYERS:
            continue
        hidden = hidden or isinstance(node.target, torch._ops.HigherOrderOperator)
        fresh = [other for other in node.all_input_nodes if other not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return None if hidden else False


def tap(module: fx.GraphModule, node: fx.Node) -> fx.GraphModule:
    """A module from the program's tensors to one of its nodes, without what that does not need and without guards.

    Rounding counts as the identity on the way back.
    """
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for each in module.graph.nodes:
        if each.op == "output" or each.target == "_guards_fn" or _operator(each) in _ASSERTIONS:
            continue
        copies[each] = graph.node_copy(each, copies.__getitem__)
        if straight := STEPS.get(_operator(each)):
            copies[each].target = straight
    graph.output(copies[node])
    graph.eliminate_dead_code()
    return fx.GraphModule(module, graph)


def has_steps(module: fx.GraphModule) -> bool:
    """Whether a module made by ``tap`` rounds."""
    return any(node.target in STEPS.values() for node in module.graph.nodes)


def training_nodes(module: fx.GraphModule) -> list[str]:
    """Names of the nodes that behave as in training: dropout that drops, normalisation by the batch."""
    found = []
    for node in module.graph.nodes:
        place = _TRAINING_ARGUMENT.get(_operator(node))
        if place is not None and len(node.args) > place and node.args[place] is True:
            found.append(node.name)
    return found


def facts(module: fx.GraphModule, returned: list[Output], scores: str) -> FileFacts:
    """Operators and outputs of the program; ``scores`` says which output holds the class scores, and why."""
    found = Counter(name for node in module.graph.nodes if (name := _operator(node)))
    return FileFacts(operators=counted(found), outputs=tuple(map(described, returned)), output=scores)


def described(output: Output) -> str:
    """Name, dtype and shape of an output."""
    value = output.node.meta["val"]
    sizes = ", ".join(str(size) if isinstance(size, int) else "?" for size in value.shape)
    return f"{output.name or output.node.name} {str(value.dtype)[6:]} ({sizes})"


def has_head(scores: fx.Node) -> bool:
    """Whether a last layer, a softmax or a sigmoid makes this node."""
    return find_head(scores).kind is not None


def depends_on(node: fx.Node, wanted: fx.Node) -> bool:
    """Whether ``wanted`` is computed on the way to ``node``."""
    seen, pending = set[fx.Node](), [node]
    while pending:
        for source in pending.pop().all_input_nodes:
            if source is wanted:
                return True
            if source not in seen:
                seen.add(source)
                pending.append(source)
    return False


def _last_layer(logits: fx.Node) -> fx.Node | str:
    """The last layer with weights behind the logits, or why the walk ended before one."""
    moving, node = _moving(logits.graph), logits
    while True:
        kind = _operator(node)
        sources = [source for source in node.all_input_nodes if source in moving]
        if kind in aten.LAYERS and sources == [_operand(node)]:
            return node
        if kind not in aten.BETWEEN | aten.ARITHMETIC or len(sources) != 1:
            found = "the model's input" if node.op == "placeholder" else kind or node.name
            return f"no linear layer or convolution makes the scores: the walk back from them ends at {found}"
        node = sources[0]


def _moving(graph: fx.Graph) -> set[fx.Node]:
    """The nodes that change with the model's input, as opposed to weights."""
    moving = set[fx.Node]()
    for node in graph.nodes:
        if node.op == "placeholder" or any(source in moving for source in node.all_input_nodes):
            moving.add(node)
    return moving


class _Look:
    """How ``written_out`` reads a program; one of several results is seen through."""

    def __call__(self, value: fx.Node) -> tuple[str, list[fx.Node]]:
        if value.target is operator.getitem:
            value = _first(value)
        return _operator(value), [argument for argument in value.args if isinstance(argument, fx.Node)]

    def name(self, value: fx.Node) -> str:
        return value.name


def _operator(node: fx.Node) -> str:
    """``aten::linear`` and the like; empty for what is no operator of torch."""
    schema = getattr(node.target, "_schema", None)
    return str(schema.name) if schema is not None else ""


def _operand(layer: fx.Node) -> fx.Node:
    """The operand of a layer that holds data; the others hold weights."""
    operand = layer.args[aten.DATA_OPERAND.get(_operator(layer), 0)]
    assert isinstance(operand, fx.Node), operand
    return operand


def _first(node: fx.Node) -> fx.Node:
    first = node.args[0]
    assert isinstance(first, fx.Node), first
    return first


def _key(key: Any) -> str:
    """A key of a dictionary, an index or a field, as its caller writes it."""
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)

"""What the graph of a torch.export program says: its outputs, where logits and embedding are, in which mode it was."""

from __future__ import annotations

import math
import operator
from collections import Counter
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx
from torch._ops import HigherOrderOperator
from torch.utils import _pytree as pytree

from auditor.models.file_facts import FileFacts, counted
from auditor.models.graphs import aten, head
from auditor.models.graphs.head import Head
from auditor.models.graphs.protocol import Form, Kind, Maker
from auditor.models.straight_through import STEPS

Value = fx.Node | int | float
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


def find_head(scores: fx.Node) -> Head[fx.Node]:
    """Where the logits and the embedding behind the scores are."""
    found: Head[Any] = head.find_head(ProgramView(scores.graph), scores)
    return found


def bounded_output(scores: fx.Node) -> bool | None:
    """Whether the graph shows what could have put its scores into [0, 1]; see ``models.graphs.head``."""
    return head.bounded_output(ProgramView(scores.graph), scores)


class ProgramView:
    """A ``GraphView`` of a torch.export program; its values are nodes, and numbers of the program's text.

    One of several results is seen through to the operator that makes them.
    """

    def __init__(self, graph: fx.Graph) -> None:
        self._data = set[Value]()
        for node in graph.nodes:
            if node.op == "placeholder" or any(source in self._data for source in node.all_input_nodes):
                self._data.add(node)

    def maker(self, value: Value) -> Maker[Value]:
        """The operator of a node, and its nodes and numbers, those inside lists and named arguments last."""
        if not isinstance(value, fx.Node) or value.op in ("placeholder", "get_attr"):
            return Maker(value)
        source = value.args[0] if value.target is operator.getitem and value.args[1] == 0 else value
        node = source if isinstance(source, fx.Node) else value
        given = [argument for argument in node.args if isinstance(argument, fx.Node | int | float)]
        name = _operator(node)
        inputs = [*aten.data_first(name, given), *(each for each in node.all_input_nodes if each not in given)]
        kind: Kind = "hidden" if isinstance(node.target, HigherOrderOperator) else aten.kind_of(name)
        axes = node.args[1] if kind == "sum" and len(node.args) > 1 else None
        return Maker(value, kind, inputs, name or node.name, aten.axes_of(axes))

    def varies(self, value: Value) -> bool:
        """Whether a node depends on the input."""
        return value in self._data

    def number(self, value: Value) -> float:
        """A number of the program's text."""
        return float(value) if isinstance(value, int | float) else math.nan

    def embedding(self, layer: Maker[Value], pooled: bool) -> tuple[Value, Form]:
        """The data of the layer; ``pooled`` makes no difference."""
        return layer.inputs[0], aten.form_of(layer.kind)


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


def _operator(node: fx.Node) -> str:
    """``aten::linear`` and the like; empty for what is no operator of torch."""
    schema = getattr(node.target, "_schema", None)
    return str(schema.name) if schema is not None else ""


def _key(key: Any) -> str:
    """A key of a dictionary, an index or a field, as its caller writes it."""
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)

"""What the graph of a TorchScript module says: where its scores, logits and embedding are, and what goes in.

The graph is that of ``forward`` with every call inlined. The walk starts at the scores and goes back through softmax,
reshaping, bias and pooling to the last linear layer or convolution; that layer's input is the embedding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.errors import UsageError
from auditor.models import aten
from auditor.models.aten_softmax import written_out
from auditor.models.base import OutputKind
from auditor.models.file_facts import FileFacts, counted
from auditor.models.output_choice import place_of
from auditor.models.straight_through import STEPS
from auditor.models.torchscript.outputs import CONSTRUCTS, parts_of

# torch ships no complete types for its graphs.
Graph = Any
Node = Any
Value = Any

_RESHAPING = aten.RESHAPING | {"prim::unchecked_cast"}
_BETWEEN = aten.BETWEEN | _RESHAPING
_NO_GRADIENT = ("quantized::", "mkldnn::", "mkldnn_prepacked::", "prepacked::", "tensorrt::")


class NotFound(LookupError):
    """The walk met something it does not know; the message says what."""


@dataclass(frozen=True)
class Embedding:
    """A tensor of the graph: its name, its place (see ``function_of``), and the axis that holds features.

    The axis is None where only its rank can tell: 1 of an image ``(N, E, H, W)``, else the last.
    """

    name: str
    place: int
    feature_axis: int | None


@dataclass(frozen=True)
class Head:
    """How the scores are made.

    Args:
        kind: ``"probabilities"`` or ``"sigmoid"`` where the graph ends so, ``"logits"`` where it ends in a layer.
        logits: place of the tensor before any softmax or sigmoid.
        embedding: input of the last layer, or why there is none.
    """

    kind: OutputKind | None
    logits: int
    embedding: Embedding | str


def inlined(method: Any) -> Graph:
    """A copy of a method's graph with calls inlined and constants folded."""
    graph = method.graph.copy()
    torch._C._jit_pass_inline(graph)
    torch._C._jit_pass_constant_propagation(graph)
    _without_tuples_between(graph)
    return graph


def _without_tuples_between(graph: Graph) -> None:
    """Replace what is unpacked from a tuple that the graph itself made, as a method leaves behind, by what went in."""
    for node in list(graph.nodes()):
        if node.kind() not in ("prim::TupleUnpack", "prim::TupleIndex"):
            continue
        source, *index = node.inputs()
        if source.node().kind() != "prim::TupleConstruct":
            continue
        packed = list(source.node().inputs())
        if index:
            packed = [packed[index[0].toIValue()]]  # TorchScript takes no index that varies
        for unpacked, part in zip(node.outputs(), packed, strict=True):
            unpacked.replaceAllUsesWith(part)
        node.destroy()


def find_head(graph: Graph, output: str | None = None) -> Head:
    """Where logits and embedding are in an inlined graph.

    Args:
        output: which of several outputs holds the scores (``several.tensor_among``).
    Raises:
        NotFound: the output is no tensor that the graph makes.
    """
    scores = _scores(graph, output)
    value = _behind(scores, _RESHAPING)
    kind = aten.HEADS.get(value.node().kind())
    logits = next(value.node().inputs()) if kind else scores
    if kind is None and (spelled := written_out(value, _Look())) is not None:
        logits, kind = spelled
    try:
        embedding: Embedding | str = _input_of_last_layer(graph, logits)
    except NotFound as error:
        return Head(kind, _place(graph, logits), str(error))
    return Head(kind or "logits", _place(graph, logits), embedding)


def is_squashed(graph: Graph, output: str | None = None) -> bool | None:
    """Whether a sigmoid, a softmax or a part of one stands between the scores and the layers before them.

    None where the graph does not show it, because a branch, a loop or a call stands there.
    """
    try:
        pending = [_scores(graph, output).node()]
    except NotFound:
        return None
    seen, hidden = set[str](), False
    while pending:
        node = pending.pop()
        if node.kind() in aten.SQUASHING:
            return True
        if node.kind() in aten.LAYERS:
            continue
        hidden = hidden or bool(list(node.blocks())) or node.kind().startswith("prim::Call")
        fresh = [value for value in node.inputs() if value.debugName() not in seen]
        seen.update(value.debugName() for value in fresh)
        pending.extend(value.node() for value in fresh)
    return None if hidden else False


def named_embedding(graph: Graph, name: str) -> Embedding:
    """The tensor that the user named.

    Raises:
        NotFound: there is none; the message lists inputs of layers, from the last one back.
    """
    data = _depends_on_input(graph)
    tensors = {value.debugName(): value for value in _values(graph) if value.debugName() in data}
    if name not in tensors:
        layers = [_operand(node).debugName() for node in graph.nodes() if node.kind() in aten.LAYERS]
        known = list(dict.fromkeys(reversed([layer for layer in layers if layer in tensors])))
        raise NotFound(", ".join((known or list(tensors)[::-1])[:5]))
    return Embedding(name, _place(graph, tensors[name]), None)


def without_gradient(graph: Graph) -> list[str]:
    """Operators in the graph that have no gradient by their kind (quantised, packed for inference), sorted."""
    return sorted({node.kind() for node in graph.nodes() if node.kind().startswith(_NO_GRADIENT)})


def function_of(graph: Graph, place: int, *, straight: bool = False) -> Callable[..., Tensor]:
    """A function from the graph's own inputs to one of its tensors; what that does not need is left out.

    Tensors go by their place among the inputs and results of the graph: names without a letter change in a copy.

    Args:
        straight: rounding counts as the identity on the way back.
    """
    graph = graph.copy()
    value = _values(graph)[place]
    if straight:
        for node in steps(graph):
            _pass_gradient(graph, node)
    for _ in list(graph.outputs()):
        graph.eraseOutput(0)
    graph.registerOutput(value)
    torch._C._jit_pass_dce(graph)
    function: Callable[..., Tensor] = torch._C._create_function_from_graph("tap", graph)
    return function


def steps(graph: Graph) -> list[Node]:
    """Nodes that round, outside of branches; those that work in place or to decimals are left as they are."""
    return [node for node in graph.nodes() if node.kind() in STEPS and len(list(node.inputs())) == 1]


def _pass_gradient(graph: Graph, node: Node) -> None:
    """Put r(x) + (x - detach x) in the place of r(x)."""
    x, rounded = next(node.inputs()), node.output()
    following = node
    one = graph.insertConstant(1)
    one.node().moveAfter(following)

    def after(kind: str, *inputs: Value) -> Value:
        nonlocal following
        made = graph.create(kind, list(inputs), 1)
        made.insertAfter(following)
        following = made
        return made.output()

    following = one.node()
    detached = after("aten::detach", x)
    nothing = after("aten::sub", x, detached, one)
    whole = after("aten::detach", rounded)
    rounded.replaceAllUsesAfterNodeWith(following, after("aten::add", whole, nothing, one))


def first_layer_input(graph: Graph, module: Any) -> tuple[int | None, ...] | None:
    """Input shape, without the batch axis, as far as the weights of the first layer fix it; None where they do not.

    A linear layer that takes the input as it is fixes its length; a convolution fixes the channels, in the last place
    where the input is permuted before.
    """
    value, channels_last = list(graph.inputs())[1], False
    while True:
        uses = [use.user for use in value.uses() if use.user.kind() not in ("aten::size", "aten::dim", "prim::If")]
        if len(uses) != 1:
            return None
        node = uses[0]
        inputs = list(node.inputs())
        if node.kind() in aten.CONVOLUTIONS and inputs[0].debugName() == value.debugName():
            weight, groups = (
                _weight(inputs[1], module),
                inputs[8 if node.kind() == "aten::_convolution" else 6].toIValue(),
            )
            if weight is None or weight.dim() != 4 or groups is None:
                return None
            channels = weight.shape[1] * groups
            return (None, None, channels) if channels_last else (channels, None, None)
        if node.kind() == "aten::linear" and not channels_last:
            weight = _weight(inputs[1], module)
            return None if weight is None else (weight.shape[1],)
        if node.kind() == "aten::permute" and inputs[1].toIValue() == [0, 3, 1, 2] and not channels_last:
            channels_last = True
        elif node.kind() not in aten.ARITHMETIC | {"aten::to", "aten::contiguous", "aten::clone"}:
            return None
        value = node.output()


def floating_dtype(graph: Graph, module: Any) -> torch.dtype | None:
    """Dtype of the first floating-point weight, or None in a module without any."""
    for value in _values(graph):
        weight = _weight(value, module)
        if weight is not None and weight.is_floating_point():
            return weight.dtype
    return None


def _scores(graph: Graph, wanted: str | None) -> Value:
    """The output, or the one of several that holds the scores."""
    value, parts = next(graph.outputs()), wanted.split(".") if wanted else []
    while value.node().kind() in CONSTRUCTS:
        made = parts_of(value.node())
        try:
            value = list(made.values())[place_of(list(made), parts.pop(0) if parts else None)]
        except UsageError as error:  # it is reported where the module has run
            raise NotFound(f"the graph does not show which output is {wanted!r}") from error
    if not _is_tensor(value):
        raise NotFound(f"the output is of type {value.type()}")
    return value


def _behind(value: Value, kinds: frozenset[str]) -> Value:
    """The value that ``value`` is a reshaped form of."""
    while value.node().kind() in kinds:
        value = next(value.node().inputs())
    return value


def _input_of_last_layer(graph: Graph, value: Value) -> Embedding:
    """Walk back from a value to the last layer with weights."""
    data = _depends_on_input(graph)
    while True:
        kind = value.node().kind()
        tensors = [item for item in value.node().inputs() if _is_tensor(item)]
        moving = [item for item in tensors if item.debugName() in data]
        if kind in aten.LAYERS and len(moving) == 1 and moving[0].debugName() == _operand(value.node()).debugName():
            feature_axis = 1 if kind in aten.CONVOLUTIONS else -1
            return Embedding(moving[0].debugName(), _place(graph, moving[0]), feature_axis)
        if kind not in _BETWEEN | aten.ARITHMETIC or len(moving) != 1:
            found = "the model's input" if kind == "prim::Param" else kind
            raise NotFound(f"no linear layer or convolution makes the scores: the walk back from them ends at {found}")
        value = moving[0]


class _Look:
    """How ``written_out`` reads a graph."""

    def __call__(self, value: Value) -> tuple[str, list[Value]]:
        return value.node().kind(), [
            item for item in value.node().inputs() if _is_tensor(item) and not _is_number(item)
        ]

    def name(self, value: Value) -> str:
        return str(value.debugName())


def _is_number(value: Value) -> bool:
    """Whether a tensor in the graph is a number of the program's text; tracing makes tensors of those."""
    if value.node().kind() != "prim::Constant":
        return False
    constant = value.toIValue()
    return isinstance(constant, Tensor) and constant.dim() == 0


def _operand(layer: Node) -> Value:
    """The operand of a layer that holds data; the others hold weights."""
    return list(layer.inputs())[aten.DATA_OPERAND.get(layer.kind(), 0)]


def _depends_on_input(graph: Graph) -> set[str]:
    """Names of the values that change with the model's input, as opposed to weights."""
    data = {value.debugName() for value in list(graph.inputs())[1:]}
    for node in graph.nodes():
        inner = any(_uses_any(block, data) for block in node.blocks())
        if inner or any(value.debugName() in data for value in node.inputs()):
            data.update(value.debugName() for value in node.outputs())
    return data


def _uses_any(block: Any, names: set[str]) -> bool:
    """Whether a nested block reads one of the values."""
    return any(value.debugName() in names for value in block.outputs()) or any(
        any(value.debugName() in names for value in node.inputs())
        or any(_uses_any(inner, names) for inner in node.blocks())
        for node in block.nodes()
    )


def _weight(value: Value, module: Any) -> Tensor | None:
    """The tensor that a constant or an attribute of the module stands for."""
    if value.node().kind() == "prim::Constant":
        constant = value.toIValue()
        return constant if isinstance(constant, Tensor) else None
    path: list[str] = []
    while value.node().kind() == "prim::GetAttr":
        path.append(value.node().s("name"))
        value = next(value.node().inputs())
    if not path or value.node().kind() != "prim::Param":
        return None
    for name in reversed(path):
        if not module.hasattr(name):
            return None
        module = module.getattr(name)
    return module if isinstance(module, Tensor) else None


def _values(graph: Graph) -> list[Value]:
    """The tensors that the graph takes, holds or makes outside of branches, in order."""
    made = (value for node in graph.nodes() for value in node.outputs())
    return [value for value in (*graph.inputs(), *made) if _is_tensor(value)]


def _place(graph: Graph, value: Value) -> int:
    """Index of a tensor in ``_values``."""
    return [item.debugName() for item in _values(graph)].index(value.debugName())


def _is_tensor(value: Value) -> bool:
    return bool(value.type().isSubtypeOf(torch._C.TensorType.get()))


def has_head(graph: Graph, output: str) -> bool:
    """Whether a last layer, a softmax or a sigmoid makes this output."""
    try:
        return find_head(graph, output).kind is not None
    except NotFound:
        return False


def facts(graph: Graph, scores: str | NotMeasured) -> FileFacts:
    """Operators of the graph and of the blocks inside it, and its outputs.

    Args:
        scores: which output holds the class scores, and why.
    """
    found: Counter[str] = Counter()
    pending = list(graph.nodes())
    while pending:
        node = pending.pop()
        found[node.kind()] += 1
        pending.extend(inner for block in node.blocks() for inner in block.nodes())
    kept = Counter({kind: count for kind, count in found.items() if kind.partition("::")[0] != "prim"})
    value = next(graph.outputs())
    made = parts_of(value.node()) if value.node().kind() in CONSTRUCTS else {value.debugName(): value}
    outputs = tuple(f"{name} {part.type()}" for name, part in made.items())
    return FileFacts(operators=counted(kept), outputs=outputs, output=scores)

"""What the graph of a TorchScript module says: where its scores, logits and embedding are, and what goes in.

The graph is that of ``forward`` with every call inlined. The walk starts at the scores and goes back through softmax,
reshaping, bias and pooling to the last linear layer or convolution; that layer's input is the embedding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.errors import UsageError
from auditor.models.file_facts import FileFacts, counted
from auditor.models.graphs import aten, head
from auditor.models.graphs.head import Head
from auditor.models.graphs.protocol import ARITHMETIC, LAYERS, Form, Kind, Maker, numbers_alike
from auditor.models.output_choice import place_of
from auditor.models.straight_through import STEPS

# torch ships no complete types for its graphs.
Graph = Any
Node = Any
Value = Any

CONSTRUCTS = ("prim::TupleConstruct", "prim::ListConstruct", "prim::DictConstruct")
_ALIKE = ("aten::to", "aten::contiguous", "aten::clone")
_NO_GRADIENT = ("quantized::", "mkldnn::", "mkldnn_prepacked::", "prepacked::", "tensorrt::")


class NotFound(LookupError):
    """The graph shows no such tensor; the message says what it shows."""


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


def find_head(graph: Graph, output: str | None = None) -> Head[str]:
    """Where logits and embedding are in an inlined graph, by their names.

    Args:
        output: which of several outputs holds the scores (``output_choice.tensor_among``).
    Raises:
        NotFound: the output is no tensor that the graph makes.
    """
    return head.find_head(TorchScriptView(graph), _scores(graph, output).debugName())


def bounded_output(graph: Graph, output: str | None = None) -> bool | None:
    """Whether the graph shows what could have put its scores into [0, 1]; see ``models.graphs.head``."""
    try:
        return head.bounded_output(TorchScriptView(graph), _scores(graph, output).debugName())
    except NotFound:
        return None


class TorchScriptView:
    """A ``GraphView`` of an inlined graph, outside of branches; its values are their names in this graph."""

    def __init__(self, graph: Graph) -> None:
        made = (value for node in graph.nodes() for value in node.outputs())
        self._values = {value.debugName(): value for value in (*graph.inputs(), *made)}
        self._data = _depends_on_input(graph)

    def maker(self, value: str) -> Maker[str]:
        """The node of a value, and its inputs of every type."""
        node = self._values[value].node()
        operator, given = node.kind(), list(node.inputs())
        kind: Kind = "same" if operator == "prim::unchecked_cast" else aten.kind_of(operator)
        if list(node.blocks()) or operator.startswith("prim::Call"):
            kind = "hidden"
        inputs = aten.data_first(operator, [source.debugName() for source in given])
        axes = given[1].toIValue() if kind == "sum" else None
        return Maker(value, "given" if operator == "prim::Param" else kind, inputs, operator, aten.axes_of(axes))

    def varies(self, value: str) -> bool:
        """Whether it is a tensor that depends on the input."""
        return value in self._data and is_tensor(self._values[value])

    def number(self, value: str) -> float:
        """A number of the program's text; tracing makes tensors of those."""
        node = self._values[value].node()
        constant = node.output().toIValue() if node.kind() == "prim::Constant" else None
        if isinstance(constant, int | float):
            return float(constant)
        return numbers_alike(constant if isinstance(constant, Tensor) and constant.dim() == 0 else None)

    def embedding(self, layer: Maker[str], pooled: bool) -> tuple[str, Form]:
        """The data of the layer; ``pooled`` makes no difference."""
        return layer.inputs[0], aten.form_of(layer.kind)


def check_embedding(graph: Graph, name: str) -> None:
    """Make sure that the graph has a tensor that goes by the name that the user gave.

    Raises:
        NotFound: there is none; the message lists inputs of layers, from the last one back.
    """
    view = TorchScriptView(graph)
    tensors = [value.debugName() for value in _values(graph) if view.varies(value.debugName())]
    if name not in tensors:
        made = [view.maker(value.debugName()) for node in graph.nodes() for value in node.outputs()]
        known = list(dict.fromkeys(each.inputs[0] for each in reversed(made) if each.kind in LAYERS))
        raise NotFound(", ".join(([each for each in known if each in tensors] or tensors[::-1])[:5]))


def without_gradient(graph: Graph) -> list[str]:
    """Operators in the graph that have no gradient by their kind (quantised, packed for inference), sorted."""
    return sorted({node.kind() for node in graph.nodes() if node.kind().startswith(_NO_GRADIENT)})


def function_of(graph: Graph, name: str, *, straight: bool = False) -> Callable[..., Tensor]:
    """A function from the graph's own inputs to one of its tensors; what that does not need is left out.

    Args:
        straight: rounding counts as the identity on the way back.
    """
    place = [value.debugName() for value in _values(graph)].index(name)
    graph = graph.copy()  # in which names without a letter change
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
        if aten.kind_of(node.kind()) == "convolution" and inputs[0].debugName() == value.debugName():
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
        elif aten.kind_of(node.kind()) not in ARITHMETIC and node.kind() not in _ALIKE:
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
    if not is_tensor(value):
        raise NotFound(f"the output is of type {value.type()}")
    return value


def _depends_on_input(graph: Graph) -> set[str]:
    """Names of the values that change with the model's input, as opposed to weights."""
    data = {value.debugName() for value in list(graph.inputs())[1:]}
    for node in graph.nodes():
        if any(value.debugName() in data for value in reads(node)):
            data.update(value.debugName() for value in node.outputs())
    return data


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
    return [value for value in (*graph.inputs(), *made) if is_tensor(value)]


def all_nodes(block: Any) -> Iterator[Node]:
    """Nodes of a graph, each before those inside its branches and loops."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from all_nodes(inner)


def reads(node: Node) -> Iterator[Value]:
    """What goes into a node, and what is read inside its branches and loops."""
    yield from node.inputs()
    for block in node.blocks():
        yield from block.outputs()
        yield from (value for inner in block.nodes() for value in reads(inner))


def is_tensor(value: Value) -> bool:
    """Whether a value of a graph is a tensor for certain."""
    return bool(value.type().isSubtypeOf(torch._C.TensorType.get()))


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


def has_head(graph: Graph, output: str) -> bool:
    """Whether a last layer, a softmax or a sigmoid makes this output."""
    try:
        return find_head(graph, output).layered
    except NotFound:
        return False


def facts(graph: Graph, scores: str | NotMeasured) -> FileFacts:
    """Operators of the graph and of the blocks inside it, and its outputs.

    Args:
        scores: which output holds the class scores, and why.
    """
    kept = Counter(kind for node in all_nodes(graph) if not (kind := node.kind()).startswith("prim::"))
    value = next(graph.outputs())
    made = parts_of(value.node()) if value.node().kind() in CONSTRUCTS else {value.debugName(): value}
    outputs = tuple(f"{name} {part.type()}" for name, part in made.items())
    return FileFacts(operators=counted(kept), outputs=outputs, output=scores)

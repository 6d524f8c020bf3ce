"""What in a model's graph can make two answers to one input differ: state that it writes to, random numbers, a clock.

Nothing of this needs a run. A model may hold such operators and never reach them, so they are a warning; whether its
answers change is measured (``steadiness``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

# torch ships no complete types for its graphs.
Graph = Any
Node = Any
Value = Any

_RANDOM = frozenset({
    "alpha_dropout", "bernoulli", "bernoulli_", "cauchy_", "dropout", "dropout_", "exponential", "exponential_",
    "feature_alpha_dropout", "feature_dropout", "geometric_", "log_normal_", "manual_seed", "multinomial",
    "native_dropout", "normal", "normal_", "poisson", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "random_", "randperm", "rrelu", "rrelu_", "uniform", "uniform_",
})  # fmt: skip
_ONLY_IN_TRAINING = frozenset({
    "alpha_dropout", "dropout", "dropout_", "feature_alpha_dropout", "feature_dropout", "native_dropout", "rrelu",
    "rrelu_",
})  # fmt: skip
_TRAINING_ARGUMENT = {"train", "training", "input_training"}
_NORMALISATIONS = frozenset({"batch_norm", "native_batch_norm", "_native_batch_norm_legit", "instance_norm"})
_NORMALISING = {"training", "train", "use_input_stats"}
_CLOCKS = frozenset({"prim::TimePoint", "aten::is_grad_enabled"})
_ONNX_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
_SHOWN = 4
DRAWS = "draws random numbers by"
"""Begins what is said of a graph with random numbers."""


def of_script(module: Any) -> tuple[str, ...]:
    """What the graph of a scripted or traced module shows, with every call inlined and in every branch."""
    graph = module.forward.graph.copy()
    torch._C._jit_pass_inline(graph)
    written, drawn, clocks = list[str](), list[str](), list[str]()
    for node in _nodes(graph):
        kind = node.kind()
        name = kind.partition("::")[2]
        if kind == "prim::SetAttr":
            if (place := _attribute(next(node.inputs()))) is not None:
                written.append(f"{place}{'.' * bool(place)}{node.s('name')}")
            continue
        if kind in _CLOCKS:
            clocks.append(kind)
        schema = _schema(node)
        if name in _RANDOM and (name not in _ONLY_IN_TRAINING or not _is_off(node, schema, _TRAINING_ARGUMENT)):
            drawn.append(name)
        for value in _written(node, schema):
            if place := _attribute(value):
                written.append(place)
    return _in_words(written, drawn, clocks)


def of_program(module: fx.GraphModule) -> tuple[str, ...]:
    """What the graph of a torch.export program shows."""
    written, drawn = list[str](), list[str]()
    for node in module.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            continue
        name = str(schema.name).partition("::")[2]
        if name in _RANDOM and name not in _ONLY_IN_TRAINING:
            drawn.append(name)
        for argument, value in zip(schema.arguments, node.args, strict=False):
            kept = _kept_in(value) if argument.alias_info is not None and argument.alias_info.is_write else None
            if kept is not None:
                written.append(kept)
    return _in_words(written, drawn, [])


def of_onnx(model: ModelProto) -> tuple[str, ...]:
    """What an ONNX model shows, whose local functions are inlined: it keeps nothing, but may draw."""
    from auditor.models.onnx.subgraphs import all_graphs

    drawn, known = list[str](), dict[str, bool]()
    for graph in all_graphs(model.graph):
        known |= {tensor.name: _is_true(tensor) for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
                known[node.output[0]] = _is_true(node.attribute[0].t)
            if node.op_type in _ONNX_RANDOM:
                drawn.append(node.op_type)
            # A mode that is computed counts as training: no honest file has one.
            if node.op_type == "Dropout" and len(node.input) > 2 and node.input[2] and known.get(node.input[2], True):
                drawn.append("Dropout in training mode")
    return _in_words([], drawn, [])


def _is_true(tensor: TensorProto) -> bool:
    """Whether a stored tensor of one truth value is true; no other is looked at."""
    return tensor.data_type == tensor.BOOL and (any(tensor.int32_data) or any(tensor.raw_data))


def _nodes(block: Any) -> Iterator[Node]:
    """Nodes of a graph and of all blocks in it, without branches for training."""
    for node in block.nodes():
        yield node
        blocks = list(node.blocks())
        if node.kind() == "prim::If" and (taken := _known(next(node.inputs()))) is not None:
            blocks = [blocks[0 if taken else 1]]
        for inner in blocks:
            yield from _nodes(inner)


def _known(value: Value) -> bool | None:
    """A condition as it is in evaluation mode, None where the graph does not show it.

    The attribute ``training`` is false: a loaded model is always in evaluation mode.
    """
    node = value.node()
    kind = node.kind()
    if kind == "prim::Constant":
        constant = value.toIValue()
        return bool(constant) if isinstance(constant, bool | int) else None
    if kind == "prim::GetAttr":
        return False if node.s("name") == "training" else None
    if kind == "aten::__not__":
        inner = _known(next(node.inputs()))
        return None if inner is None else not inner
    if kind == "prim::If" and (taken := _known(next(node.inputs()))) is not None:
        names = [output.debugName() for output in node.outputs()]
        block = list(node.blocks())[0 if taken else 1]
        return _known(list(block.outputs())[names.index(value.debugName())])
    return None


def _schema(node: Node) -> Any | None:
    text = node.schema()
    return None if text == "(no schema)" else torch._C.parse_schema(text)


def _written(node: Node, schema: Any | None) -> list[Value]:
    """The inputs of a node that it writes to; the statistics of a normalisation that is in training mode."""
    inputs = list(node.inputs())
    if schema is None:
        return []
    name = node.kind().partition("::")[2]
    if name in _NORMALISATIONS:
        running = [v for a, v in zip(schema.arguments, inputs, strict=False) if a.name.startswith("running_")]
        return [] if _is_off(node, schema, _NORMALISING) else running
    return [
        value
        for argument, value in zip(schema.arguments, inputs, strict=False)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]


def _is_off(node: Node, schema: Any | None, names: set[str]) -> bool:
    """Whether the argument that says "in training" is false, as far as the graph shows it."""
    if schema is None:
        return False
    for argument, value in zip(schema.arguments, node.inputs(), strict=False):
        if argument.name in names:
            return _known(value) is False
    return False


def _attribute(value: Value) -> str | None:
    """Name of the attribute of the module that a value is, or looks into; empty for the module, None for another."""
    node = value.node()
    kind = node.kind()
    if kind == "prim::GetAttr":
        outer = _attribute(next(node.inputs()))
        return None if outer is None else f"{outer}{'.' * bool(outer)}{node.s('name')}"
    if kind == "prim::Param":
        return "" if str(value.type()).startswith("__torch__") else None
    schema = _schema(node)
    inputs = list(node.inputs())
    if kind in ("prim::unchecked_cast", "prim::unchecked_unwrap_optional", "aten::__getitem__") and inputs:
        return _attribute(inputs[0])
    if schema is None or not any(result.alias_info is not None for result in schema.returns):
        return None
    shared = [v for a, v in zip(schema.arguments, inputs, strict=False) if a.alias_info is not None]
    return _attribute(shared[0]) if shared else None


def _kept_in(value: object) -> str | None:
    """Name of the buffer that a node of a program is, or looks into."""
    while isinstance(value, fx.Node):
        if value.op == "get_attr":
            return str(value.target)
        schema = getattr(value.target, "_schema", None)
        if schema is None or not any(result.alias_info is not None for result in schema.returns) or not value.args:
            return None
        value = value.args[0]
    return None


def _in_words(written: list[str], drawn: list[str], clocks: list[str]) -> tuple[str, ...]:
    said = (("writes to", written), (DRAWS, drawn), ("looks at", clocks))
    return tuple(f"{verb} {_listed(names)}" for verb, names in said if names)


def _listed(names: list[str]) -> str:
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more

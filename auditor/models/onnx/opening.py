"""ONNX classifiers: ONNX Runtime predicts, a torch twin imported from the same graph gives gradients."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import final

import onnx
import torch
from google.protobuf.message import DecodeError, EncodeError
from onnx import ModelProto, TensorProto
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused, UsageError, error_summary
from auditor.models.base import Backend, ModelInput, ModelOptions, model_format, torch_device
from auditor.models.carried_names import names_in_onnx
from auditor.models.gpu import failure_of
from auditor.models.graphs.head import Head
from auditor.models.graphs.protocol import as_vectors
from auditor.models.model_file import ModelFile
from auditor.models.onnx.domains import check_domains
from auditor.models.onnx.external_data import load_weights
from auditor.models.onnx.facts import onnx_facts
from auditor.models.onnx.graph import Graph, UnsupportedGraph, choose_output, read_graph
from auditor.models.onnx.graph.functions import inlined_node_count
from auditor.models.onnx.graph.graph import in_order
from auditor.models.onnx.graph.score import model_input, sizes
from auditor.models.onnx.graph.staircase import has_steps, marked
from auditor.models.onnx.graph.walkable import bounded_output, find_head, steps_of
from auditor.models.onnx.labels import classes_of, label_output
from auditor.models.onnx.memory_budget import check_budget
from auditor.models.onnx.runtime import Runtime
from auditor.models.onnx.twin import Twin
from auditor.models.side_effects import of_onnx

_INPUT_DTYPES: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.UINT8: torch.uint8,
}


_BROKEN = (
    onnx.checker.ValidationError, DecodeError, EncodeError, OSError, ValueError, RuntimeError, UnsupportedGraph
)  # fmt: skip
_MOST_NODES = 1_000_000
_ROUNDED_BY_BATCH = {"DynamicQuantizeLinear", "com.microsoft::DynamicQuantizeMatMul"}
"""They take their steps from the whole batch, so that one instance would change the scores of another."""
_ROUNDED = _ROUNDED_BY_BATCH | {"QuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearConv", "QLinearMatMul"}


@model_format("onnx")
def open_onnx(file: ModelFile, options: ModelOptions) -> OnnxBackend:
    """Open an ONNX classifier.

    Raises:
        InputRefused: no ONNX file, a broken one, or not a classifier with one input.
        UsageError: a device or an embedding that is not there.
    """
    try:
        return OnnxBackend(load_model(file), options)
    except UnsupportedGraph as err:
        raise InputRefused("a graph that can be read", str(err), "export the model again") from err


@final
class OnnxBackend(Backend):
    """A classifier in ONNX.

    Instances come as float32 in the model's own layout and are converted to the model's dtype; a uint8
    model gets pixels times 255, rounded. A file with a fixed batch size is fed in groups of that size.

    Args:
        model: loaded and checked, with all its data in memory.
        options: what the user said.
    """

    passes_for_both = 1

    def __init__(self, model: ModelProto, options: ModelOptions) -> None:
        self._input_name = model_input(model).name
        self.input = _declared_input(model)
        self.device = torch_device(options.device)
        output = choose_output(model, options.output)
        self.facts = onnx_facts(model, output)
        self.class_names = names_in_onnx(model)
        self._labels = label_output(model)
        graph = read_graph(model, self._input_name, output.name)
        self.quantised = any(node.op in _ROUNDED for node in graph.nodes) or has_steps(marked(graph))
        if any(node.op in _ROUNDED_BY_BATCH for node in graph.nodes):
            self.input = replace(self.input, fixed_batch=1)  # each instance gets steps of its own, as if alone
        self.side_effects = of_onnx(model)
        self._head = _with_embedding(find_head(graph), model, options.embedding)
        self.bounded_output = bounded_output(graph)
        self.embedding = self._head.embedding
        self._steps = None if options.embedding else steps_of(graph, self.embedding)
        self._scores = output.name
        fetch = [self._scores]
        if isinstance(self.embedding, str) and self.embedding != self._input_name:
            fetch.append(self.embedding)
        self._runtime = Runtime(
            model,
            self._input_name,
            self.input,
            fetch=fetch,
            device=self.device,
            strict=options.device != "auto",
            threads=options.threads,
        )
        self.runtime, self.missed = self._runtime.description, self._runtime.missed
        self.runs_on = self._runtime.where
        width = self._probe()
        self.head = self._head.kind
        self._twin = _twin(graph, self._head, self.input, self.device, width)
        route = "straight-through " * self.quantised + "torch twin imported from the graph"
        self.gradient = self._twin if isinstance(self._twin, NotMeasured) else route

    def scores(self, x: Tensor) -> Tensor:
        """The file's own scores by ONNX Runtime: float32 ``(N, C)`` where it runs."""
        return _score_rows(self._runtime.run(self._scores, x))

    def labels(self, x: Tensor) -> Tensor | None:
        """The classes that the file's own label output gives, where it has one."""
        if self._labels is None:
            return None
        names = self.class_names.names if self.class_names is not None else None
        return classes_of(self._runtime.texts(self._labels, x), names, max(2, self.scores(x[:1]).shape[1]))

    def embeddings(self, x: Tensor) -> Tensor:
        """The embedding by ONNX Runtime: float32 ``(N, E)`` where it runs; feature maps are averaged over positions."""
        if isinstance(self.embedding, NotMeasured):
            raise InputRefused("an embedding", self.embedding.not_measured, "name one with --embedding")
        if self.embedding == self._input_name:
            return self._vectors(x.detach().float())
        return self._vectors(self._runtime.run(self.embedding, x))

    def scores_and_embeddings(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both of a batch, fetched from one run."""
        if isinstance(self.embedding, NotMeasured) or self.embedding == self._input_name:
            return self.scores(x), self.embeddings(x)
        names = list(dict.fromkeys([self._scores, self.embedding]))
        values = dict(zip(names, self._runtime.run_all(names, x), strict=True))
        return _score_rows(values[self._scores]), self._vectors(values[self.embedding])

    def _vectors(self, inner: Tensor) -> Tensor:
        """What the graph calls the embedding, in its true numbers, as a vector for each instance."""
        if self._steps is not None:
            scale, zero = self._steps
            inner = (inner - zero) * scale
        return as_vectors(inner, self._head.form)

    def logits(self, x: Tensor) -> Tensor:
        """Differentiable scores before the last softmax or sigmoid, by the twin: float32 ``(N, C)``."""
        if isinstance(self._twin, NotMeasured):
            raise InputRefused(
                "a model with gradients", self._twin.not_measured, "export it from its training framework"
            )
        return self._twin(x)

    def release_memory(self) -> None:
        """Shrink the memory that ONNX Runtime keeps for its largest batch so far."""
        self._runtime.release_memory()

    def _probe(self) -> int | None:
        """Run two instances where the size is known: finds an undeclared fixed batch, returns C.

        Such a file may fail on a second instance or return one row for both; it is then fed one by one.
        """
        x = _noise(self.input)
        if x is None:
            return None
        if self.input.fixed_batch is None:
            try:
                return self.scores(x).shape[1]
            except InputRefused:
                self.input = self._runtime.input = replace(self.input, fixed_batch=1)
        return self.scores(x).shape[1]


def _score_rows(y: Tensor) -> Tensor:
    """Scores as ``(N, C)``.

    Raises:
        InputRefused: they have further axes.
    """
    if y.dim() == 2:
        return y
    if y.dim() < 2 or y[0].numel() != y.shape[1]:
        raise InputRefused("scores of shape (N, C)", f"shape {tuple(y.shape)}", "audit a classifier")
    return y.flatten(1)


def load_model(file: ModelFile) -> ModelProto:
    """Read and check a model with its external data; local functions are inlined and nodes sorted.

    Raises:
        InputRefused: whatever is wrong with the file, in one line.
    """
    try:
        model = onnx.load_model_from_string(file.reader().read())
        load_weights(model, file.weights)
        if (size := inlined_node_count(model)) > _MOST_NODES:
            raise ValueError(f"{size} nodes once its local functions are inlined")
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        nodes = in_order(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        check_domains(model)
        _check(model)
        check_budget(model)
    except _BROKEN as err:
        raise InputRefused(
            "an ONNX model", f"{file.path.name}: {error_summary(err)}", "check the file or export it again"
        ) from err
    return model


def _check(model: ModelProto) -> None:
    """The standard's own check, but for shapes that inputs and outputs leave out: the runtime needs none."""
    values = [*model.graph.input, *model.graph.output]
    tensors = [v.type.tensor_type for v in values if v.type.HasField("tensor_type")]
    silent = [tensor for tensor in tensors if not tensor.HasField("shape")]
    for tensor in silent:
        tensor.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    finally:
        for tensor in silent:
            tensor.ClearField("shape")


def _declared_input(model: ModelProto) -> ModelInput:
    """The data input as the file declares it."""
    value = model_input(model)
    element = value.type.tensor_type.elem_type
    if element not in _INPUT_DTYPES:
        known = "float32, float16, float64 or uint8"
        raise InputRefused(f"an input of {known}", TensorProto.DataType.Name(element), "export it with such an input")
    shape = sizes(value)
    if not shape:
        return ModelInput(None, _INPUT_DTYPES[element])
    return ModelInput(tuple(shape[1:]), _INPUT_DTYPES[element], shape[0])


def _noise(declared: ModelInput, count: int = 2) -> Tensor | None:
    """Noise in [0, 1] of the model's input size, or None where the file leaves a size open."""
    if declared.shape is None or None in declared.shape:
        return None
    return torch.rand((count, *(n or 1 for n in declared.shape)), generator=torch.Generator().manual_seed(0))


def _with_embedding(head: Head[str], model: ModelProto, name: str | None) -> Head[str]:
    """The head with the embedding that the user named, averaged over positions where it is a feature map."""
    if name is None:
        return head
    known = [value for node in model.graph.node for value in node.output if value]
    if name not in known:
        near = ", ".join(difflib.get_close_matches(name, known, n=3, cutoff=0.0))
        raise UsageError(f"expected a tensor of the model for --embedding; found {name!r}; similar names: {near}")
    return replace(head, embedding=name, form="mean over positions")


def _twin(
    graph: Graph, head: Head[str], declared: ModelInput, device: torch.device, width: int | None
) -> Twin | NotMeasured:
    """The gradient route, tried once where the input's size is known; or why there is none.

    Raises:
        AuditIncomplete: the device is what failed.
    """
    try:
        twin = Twin(graph, head, declared, device)
        x = _noise(declared)
        if x is None:
            return twin
        with torch.enable_grad():
            z = twin(x.requires_grad_())
    except UnsupportedGraph as err:
        return NotMeasured(not_measured=str(err))
    except (RuntimeError, ValueError, TypeError, IndexError, InputRefused) as err:
        if (failure := failure_of(device, err)) is not None:
            raise failure from err
        return NotMeasured(not_measured=f"the graph does not run in torch: {error_summary(err)}")
    if not z.requires_grad:
        return NotMeasured(not_measured="the scores do not depend on the input in a differentiable way")
    if z.shape[1] != width:
        return NotMeasured(not_measured=f"the value before the last activation has {z.shape[1]} columns, not {width}")
    return twin

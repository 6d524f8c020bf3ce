"""TorchScript files, scripted, traced or frozen: torch runs them and gives native gradients.

The embedding and the logits before a softmax or sigmoid are read from the module's own graph, so nothing is asked of
the user. ``torch.jit`` is deprecated and complains at each load; that is kept from the user, whose file it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused, UsageError, error_summary
from auditor.models.base import Backend, ModelInput, ModelOptions, model_format, torch_device
from auditor.models.carried_names import names_in_archive
from auditor.models.graphs.head import Head
from auditor.models.model_file import ModelFile
from auditor.models.output_choice import tensor_among
from auditor.models.side_effects import of_script
from auditor.models.torch_backend import TorchBackend
from auditor.models.torchscript import graph as graphs
from auditor.models.torchscript.archive import TracedInput, check_archive
from auditor.models.torchscript.device import place_code
from auditor.models.torchscript.outputs import chosen_output

_NO_TENSOR = NotMeasured(not_measured="the module returns no tensor that its graph makes")
_EXPORT = "export the classifier again with torch.jit.trace or torch.jit.script, without optimize_for_inference"
_STORAGE_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "ByteStorage": torch.uint8,
}


@model_format("torchscript")
def open_torchscript(file: ModelFile, options: ModelOptions) -> Backend:
    """Open a TorchScript file in evaluation mode, all parameters frozen.

    Sets the number of threads of the whole process (``torch.set_num_threads``): the process that audits owns it.

    Raises:
        InputRefused: the archive is damaged, or its ``forward`` is not one of a classifier.
        UsageError: ``options.embedding`` names no tensor of the graph.
    """
    example = check_archive(file.reader(), file.path.name)
    torch.set_num_threads(options.threads)
    device = torch_device(options.device)
    module = _load(file, device)
    backend = TorchScriptBackend(module, example, device, options.embedding, options.output)
    backend.class_names = names_in_archive(file.reader())
    return backend


class TorchScriptBackend(TorchBackend):
    """A loaded module, with functions for its logits and its embedding made from its graph.

    Args:
        module: a loaded ScriptModule in evaluation mode, on ``device``.
        example: what the module was traced with, if the file says.
        device: where it computes.
        embedding: name of the embedding in the graph; None finds it.
        output: which of several outputs holds the scores; None finds it.
    """

    def __init__(
        self,
        module: Any,
        example: TracedInput | None,
        device: torch.device,
        embedding: str | None,
        output: str | None = None,
    ) -> None:
        self.device = device
        self.runtime = f"TorchScript, torch {torch.__version__.partition('+')[0]}, {device}"
        defaults = _further_arguments(module)
        keys, reason = _choice(module, output)
        graph, head, receiver = _graph_with_head(module, keys)

        def tap(name: str, straight: bool = False) -> Callable[[Tensor], Tensor]:
            function = graphs.function_of(graph, name, straight=straight)
            return lambda x: function(receiver, x, *defaults)

        self.answer = lambda x: tensor_among(module(x), keys)
        self.head = head.kind if head else None
        self.quantised = bool(graphs.steps(graph))
        hidden = head is not None and (self.quantised or head.kind in ("probabilities", "sigmoid"))
        self.tapped_logits = tap(head.logits, straight=True) if head and hidden else self.answer
        self.form = head.form if head and embedding is None else "by rank"
        self.embedding = _wanted(graph, embedding) if embedding is not None else head.embedding if head else _NO_TENSOR
        self.tapped_embedding = None if isinstance(self.embedding, NotMeasured) else tap(self.embedding)
        self.gradient = "straight-through " * self.quantised + "torch autograd through the module itself"
        if blocking := graphs.without_gradient(graph):
            said = f"the file holds operators without a gradient: {', '.join(blocking)}"
            self.gradient = NotMeasured(not_measured=said)
        self.facts = graphs.facts(graph, reason)
        self.bounded_output = graphs.bounded_output(graph, keys)
        self.side_effects = of_script(module)
        self.input = _declared_input(graph, receiver, example)
        if example is not None and self._insists_on(example):
            self.least = self.most = example.shape[0]
            self.input = ModelInput(self.input.shape, self.input.dtype, fixed_batch=example.shape[0])

    def _insists_on(self, example: TracedInput) -> bool:
        """Whether the batch size of the traced example is fixed in the graph: it runs, and one more does not."""
        outcomes = []
        for size in (example.shape[0], example.shape[0] + 1):
            x = torch.zeros(size, *example.shape[1:])
            try:
                outcomes.append(len(self.scores(x)) == size)
            except (RuntimeError, InputRefused):
                outcomes.append(False)
        return outcomes == [True, False]


def _choice(module: Any, wanted: str | None) -> tuple[str | None, str | NotMeasured]:
    """Keys to the class scores, None where names alone will tell in each run; and why those."""
    if wanted is not None:
        return wanted, f"{wanted}: asked for with --output"
    graph = graphs.inlined(module.forward)
    chosen = chosen_output(graph)
    if chosen is None:
        return None, NotMeasured(not_measured="the graph does not show what the module returns")
    keys, reason = chosen
    return keys, reason if keys is None else f"{keys}: {reason}"


def _graph_with_head(module: Any, output: str | None) -> tuple[graphs.Graph, Head[str] | None, Any]:
    """The graph as it was saved, or else frozen, where branches on ``training`` and attributes are resolved.

    Returned with its head and with the module that its first input stands for.

    A frozen graph is a copy with the weights inside, so the saved one comes first.
    """
    saved = graphs.inlined(module.forward)
    try:
        head = graphs.find_head(saved, output)
    except graphs.NotFound:
        head = None
    if head is not None and head.linear:
        return saved, head, module._c
    try:
        receiver = torch._C._freeze_module(module._c)
        frozen = graphs.inlined(receiver._get_method("forward"))
        return frozen, graphs.find_head(frozen, output), receiver
    except (RuntimeError, graphs.NotFound):
        return saved, head, module._c


def _wanted(graph: graphs.Graph, name: str) -> str:
    try:
        graphs.check_embedding(graph, name)
    except graphs.NotFound as error:
        raise UsageError(
            f"expected --embedding to name a tensor of the model's graph; found {name!r}; use one such as {error}"
        ) from error
    return name


def _load(file: ModelFile, device: torch.device) -> Any:
    """The module on the device, in evaluation mode, without a parameter that asks for gradients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = torch.jit.load(file.address or file.reader(), map_location=device)
            module.eval()
            place_code(module, device)
        except RuntimeError as error:
            raise InputRefused(
                "a TorchScript file that torch loads", f"{file.path.name}: {error_summary(error)}", _EXPORT
            ) from error
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module


def _further_arguments(module: Any) -> list[Any]:
    """Defaults of ``forward``'s arguments after the first.

    Raises:
        InputRefused: there is no ``forward``, or it needs anything but one tensor.
    """
    if not module._c._has_method("forward"):
        raise InputRefused("a module with a forward method", "none", _EXPORT)
    schema = module._c._get_method("forward").schema
    arguments = schema.arguments[1:]
    if not arguments or not str(arguments[0].type).startswith("Tensor"):
        raise InputRefused("forward(Tensor) -> Tensor", f"forward{str(schema).partition('forward')[2]}", _EXPORT)
    if any(not argument.has_default_value() for argument in arguments[1:]):
        names = ", ".join(argument.name for argument in arguments)
        raise InputRefused(
            "a model of one input", f"forward({names})", "wrap it in a module with one input and export it"
        )
    return [argument.default_value for argument in arguments[1:]]


def _declared_input(graph: graphs.Graph, receiver: Any, example: TracedInput | None) -> ModelInput:
    """What the traced example, or else the first layer's weights, say of the input."""
    if example is not None and example.storage not in _STORAGE_DTYPES:
        raise InputRefused(
            "a model of floating-point or uint8 input",
            f"one traced with a {example.storage}",
            "export it without the conversion",
        )
    dtype = _STORAGE_DTYPES[example.storage] if example else graphs.floating_dtype(graph, receiver)
    shape = example.shape[1:] if example else graphs.first_layer_input(graph, receiver)
    return ModelInput(shape, dtype or torch.float32)

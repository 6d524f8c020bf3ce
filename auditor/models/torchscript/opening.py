"""TorchScript files, scripted, traced or frozen: torch runs them and gives native gradients.

The embedding and the logits before a softmax or sigmoid are read from the module's own graph, so nothing is asked of
the user. ``torch.jit`` is deprecated and complains at each load; that is kept from the user, whose file it is.

The graph executor's optimiser stays off (``torch.jit.optimized_execution(False)``, a setting of the calling thread):
measured on a small CNN and a resnet18 at fourteen batch sizes, it made the first calls 2 to 8 times slower and later
ones no faster; outputs and gradients equal the eager module's bit for bit either way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.jit._fuser import optimized_execution
from torch.nn import functional

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused, UsageError
from auditor.models.base import Backend, ModelInput, ModelOptions, model_format, torch_device
from auditor.models.carried_names import names_in_archive
from auditor.models.explain import why
from auditor.models.gpu import computing_on
from auditor.models.input_dtype import differentiable, to_input_dtype
from auditor.models.output_choice import tensor_among
from auditor.models.rows import in_groups, score_rows
from auditor.models.torchscript import graph as graphs
from auditor.models.torchscript.archive import TracedInput, check_archive
from auditor.models.torchscript.device import place_code
from auditor.models.torchscript.outputs import chosen_output
from auditor.models.writes import of_script

_EXPORT = "export the classifier again with torch.jit.trace or torch.jit.script, without optimize_for_inference"
_STORAGE_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "ByteStorage": torch.uint8,
}


@model_format("torchscript")
def open_torchscript(path: Path, options: ModelOptions) -> Backend:
    """Open a TorchScript file in evaluation mode, all parameters frozen.

    Sets the number of threads of the whole process (``torch.set_num_threads``): the process that audits owns it.

    Raises:
        InputRefused: the archive is damaged, or its ``forward`` is not one of a classifier.
        UsageError: ``options.embedding`` names no tensor of the graph.
    """
    example = check_archive(path)
    torch.set_num_threads(options.threads)
    device = torch_device(options.device)
    module = _load(path, device)
    backend = TorchScriptBackend(module, example, device, options.embedding, options.output)
    backend.class_names = names_in_archive(path)
    return backend


class TorchScriptBackend(Backend):
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
        self._module = module
        self._defaults = _further_arguments(module)
        self._output, reason = _choice(module, output)
        self._taps = _Taps(module, embedding, self._output)
        self.facts = graphs.facts(self._taps.graph, reason)
        self.head = self._taps.head
        self.squashed = graphs.is_squashed(self._taps.graph, self._output)
        self.embedding = self._taps.embedding
        self.gradient = self._taps.gradient
        self.quantised = self._taps.rounds
        self.side_effects = of_script(module)
        self.input = _declared_input(self._taps, example)
        if example is not None and self._insists_on(example):
            self.input = ModelInput(self.input.shape, self.input.dtype, fixed_batch=example.shape[0])

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """The module's own output for a batch: float32 ``(N, C)`` or ``(N, 1)``, no gradient."""
        return self._in_batches(self._run_module, x)

    @torch.no_grad()
    def embeddings(self, x: Tensor) -> Tensor:
        """Input of the last layer (or the tensor asked for), averaged over axes that are not features: ``(N, E)``."""
        assert self._taps.embed is not None, self.embedding
        return self._in_batches(self._run_embedding, x)

    def logits(self, x: Tensor) -> Tensor:
        """Differentiable scores before any softmax or sigmoid that the graph shows."""
        return self._in_batches(self._run_logits, x)

    def _run_module(self, x: Tensor) -> Tensor:
        with optimized_execution(False):
            return score_rows(tensor_among(self._module(self._prepare(x)), self._output))

    def _run_logits(self, x: Tensor) -> Tensor:
        prepared = differentiable(x.to(self.device), self.input.dtype).clone()
        with optimized_execution(False):
            if self._taps.logits is None:
                return score_rows(tensor_among(self._module(prepared), self._output))
            z = score_rows(self._taps.logits(self._taps.receiver, prepared, *self._defaults))
        # Sigmoids side by side count divided by their sum: softmax(log p) = p / sum p.
        return functional.logsigmoid(z) if self.head == "sigmoid" and z.shape[1] > 1 else z

    def _run_embedding(self, x: Tensor) -> Tensor:
        assert self._taps.embed is not None
        with optimized_execution(False):
            e = self._taps.embed(self._taps.receiver, self._prepare(x), *self._defaults)
        axis = self._taps.feature_axis
        kept = (1 if e.dim() == 4 else -1) if axis is None else axis
        others = [other for other in range(1, e.dim()) if other != kept % e.dim()]
        return (e.mean(dim=others) if others else e).float()

    def _prepare(self, x: Tensor) -> Tensor:
        # A copy, because forward may work in place (x.sub_(mean)) on what is somebody else's data.
        return to_input_dtype(x.to(self.device), self.input.dtype).clone()

    def _in_batches(self, run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """All of x at once, or in the one batch size that the module takes, the last batch filled up with repeats."""
        size = self.input.fixed_batch
        with computing_on(self.device):
            return in_groups(run, x, size or 1, size)

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


class _Taps:
    """What was found in the graph of a module: functions for logits and embedding, and what to say of them."""

    def __init__(self, module: Any, wanted: str | None, output: str | None) -> None:
        graph, head, self.receiver = _graph_with_head(module, output)
        self.graph = graph
        self.head = head.kind if head else None
        self.rounds = bool(graphs.steps(graph))
        self.logits = (
            graphs.function_of(graph, head.logits, straight=True)
            if head and (self.rounds or head.kind in ("probabilities", "sigmoid"))
            else None
        )
        self.embedding: str | NotMeasured
        self.embed: Callable[..., Tensor] | None = None
        self.feature_axis: int | None = None
        if wanted is not None:
            found: graphs.Embedding | str = _wanted(graph, wanted)
        else:
            found = head.embedding if head else "the module returns no tensor that its graph makes"
        if isinstance(found, str):
            self.embedding = NotMeasured(not_measured=found)
        else:
            self.embedding, self.feature_axis = found.name, found.feature_axis
            self.embed = graphs.function_of(graph, found.place)
        blocking = graphs.without_gradient(graph)
        self.gradient: str | NotMeasured = (
            NotMeasured(not_measured=f"the file holds operators without a gradient: {', '.join(blocking)}")
            if blocking
            else "straight-through " * self.rounds + "torch autograd through the module itself"
        )


def _choice(module: Any, wanted: str | None) -> tuple[str | None, str | NotMeasured]:
    """Keys to the class scores, None where names alone will tell in each run; and why those."""
    if wanted is not None:
        return wanted, f"{wanted}: asked for with --output"
    graph = graphs.inlined(module.forward)
    chosen = chosen_output(graph, partial(graphs.has_head, graph))
    if chosen is None:
        return None, NotMeasured(not_measured="the graph does not show what the module returns")
    keys, reason = chosen
    return keys, reason if keys is None else f"{keys}: {reason}"


def _graph_with_head(module: Any, output: str | None) -> tuple[graphs.Graph, graphs.Head | None, Any]:
    """The graph as it was saved, or else frozen, where branches on ``training`` and attributes are resolved.

    Returned with its head and with the module that its first input stands for.

    A frozen graph is a copy with the weights inside, so the saved one comes first.
    """
    saved = graphs.inlined(module.forward)
    try:
        head = graphs.find_head(saved, output)
    except graphs.NotFound:
        head = None
    if head is not None and not isinstance(head.embedding, str):
        return saved, head, module._c
    try:
        receiver = torch._C._freeze_module(module._c)
        frozen = graphs.inlined(receiver._get_method("forward"))
        return frozen, graphs.find_head(frozen, output), receiver
    except (RuntimeError, graphs.NotFound):
        return saved, head, module._c


def _wanted(graph: graphs.Graph, name: str) -> graphs.Embedding:
    try:
        return graphs.named_embedding(graph, name)
    except graphs.NotFound as error:
        raise UsageError(
            f"expected --embedding to name a tensor of the model's graph; found {name!r}; use one such as {error}"
        ) from error


def _load(path: Path, device: torch.device) -> Any:
    """The module on the device, in evaluation mode, without a parameter that asks for gradients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = torch.jit.load(str(path), map_location=device)
            module.eval()
            place_code(module, device)
        except RuntimeError as error:
            raise InputRefused("a TorchScript file that torch loads", f"{path.name}: {why(error)}", _EXPORT) from error
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


def _declared_input(taps: _Taps, example: TracedInput | None) -> ModelInput:
    """What the traced example, or else the first layer's weights, say of the input."""
    if example is not None and example.storage not in _STORAGE_DTYPES:
        raise InputRefused(
            "a model of floating-point or uint8 input",
            f"one traced with a {example.storage}",
            "export it without the conversion",
        )
    dtype = _STORAGE_DTYPES[example.storage] if example else graphs.floating_dtype(taps.graph, taps.receiver)
    shape = example.shape[1:] if example else graphs.first_layer_input(taps.graph, taps.receiver)
    return ModelInput(shape, dtype or torch.float32)

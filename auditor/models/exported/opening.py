"""torch.export archives (``.pt2``): torch runs the program and gives native gradients.

Loading one can run code that is stored in it (torch falls back to a full unpickling), so it takes ``--trust-model``.
The program checks the batch size that it was exported for; instances are fed in sizes that it takes.
"""

from __future__ import annotations

from functools import partial
from typing import Any, final

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from auditor.errors import InputRefused, UsageError, error_summary
from auditor.models.base import Backend, ModelInput, ModelOptions, model_format, torch_device
from auditor.models.carried_names import names_in_archive
from auditor.models.exported import graph as graphs
from auditor.models.graphs.protocol import ancestors
from auditor.models.model_file import ModelFile
from auditor.models.output_choice import Output, choose_declared, place_of
from auditor.models.side_effects import of_program
from auditor.models.torch_backend import TorchBackend

_AGAIN = "export the classifier again with torch.export.export after model.eval()"


@model_format("pt2")
def open_exported(file: ModelFile, options: ModelOptions) -> Backend:
    """Open a torch.export archive.

    Sets the number of threads of the whole process (``torch.set_num_threads``): the process that audits owns it.

    Raises:
        InputRefused: it is not trusted, cannot be loaded, or is no classifier of one input in evaluation mode.
        UsageError: an output or an embedding that is not there.
    """
    if not options.trust_model:
        raise InputRefused(
            "a model file that runs no code of its own",
            f"a torch.export archive, whose loading can run code stored in it ({file.path.name})",
            "say --trust-model if you trust its source, or export the model to ONNX",
        )
    torch.set_num_threads(options.threads)
    device = torch_device(options.device)
    try:
        program = torch.export.load(file.reader())
        if device.type != "cpu":
            from torch.export.passes import move_to_device_pass

            program = move_to_device_pass(program, device)
    except Exception as error:  # torch's loader raises all kinds of errors
        raise InputRefused(
            "a torch.export archive that torch loads", f"{file.path.name}: {error_summary(error)}", _AGAIN
        ) from error
    backend = ExportedBackend(program, device, options)
    backend.class_names = names_in_archive(file.reader())
    return backend


@final
class ExportedBackend(TorchBackend):
    """A loaded program, with modules for its logits and its embedding cut out of its graph.

    Args:
        program: as torch loaded it, on ``device``.
        device: where it computes.
        options: what the user said.
    Attributes:
        output: keys of the scores among what the program returns; None where they are all that it returns.
    """

    def __init__(self, program: ExportedProgram, device: torch.device, options: ModelOptions) -> None:
        self.device = device
        self.runtime = f"torch.export program, torch {torch.__version__.partition('+')[0]}, {device}"
        self.gradient = "torch autograd through the program itself"
        self._module: Any = program.module()
        self.input, self.least, self.most = _declared_input(program, self._module)
        if training := graphs.training_nodes(self._module):
            raise InputRefused(
                "a program in evaluation mode", f"one in training mode ({', '.join(training[:3])})", _AGAIN
            )
        self.side_effects = of_program(self._module)
        returned = graphs.outputs(self._module)
        self._output, reason = _scores_among(returned, options.output)
        self.output = self._output.name or None
        self.facts = graphs.facts(self._module, returned, f"{self._output.name or self._output.node.name}: {reason}")
        head = graphs.find_head(self._output.node)
        self.head = head.kind
        self.bounded_output = graphs.bounded_output(self._output.node)
        # A log-softmax leaves its gradient in plain sight, so what lies before it is not needed.
        self.tapped_logits = graphs.tap(self._module, self._output.node if head.link == "none" else head.logits)
        self.quantised = graphs.has_steps(self.tapped_logits)
        self.gradient = "straight-through " * self.quantised + self.gradient
        named = None if options.embedding is None else _named(self._module, options.embedding)
        self.form = "by rank" if named else head.form
        embedding = named or head.embedding
        self.embedding = embedding.name if isinstance(embedding, fx.Node) else embedding
        self.tapped_embedding = graphs.tap(self._module, embedding) if isinstance(embedding, fx.Node) else None

    def answer(self, x: Tensor) -> Tensor:
        """The scores among what the whole program returns, its guards included."""
        arguments, named = pytree.tree_unflatten([x], self._module._in_spec)
        leaf: Tensor = pytree.tree_leaves(self._module(*arguments, **named))[self._output.place]
        return leaf


def _declared_input(program: ExportedProgram, module: fx.GraphModule) -> tuple[ModelInput, int, int | None]:
    """The program's one input, with the least and the most instances in a batch.

    Raises:
        InputRefused: several inputs, or none of floating-point numbers or uint8 with a batch axis.
    """
    inputs = [node for node in module.graph.nodes if node.op == "placeholder"]
    values = [node.meta.get("val") for node in inputs]
    if len(values) != 1 or not isinstance(values[0], Tensor):
        found = ", ".join(node.name for node in inputs) or "none"
        raise InputRefused("a model of one tensor", f"inputs {found}", "wrap it in a module with one input")
    value = values[0]
    if not (value.is_floating_point() or value.dtype == torch.uint8) or value.dim() < 2:
        found = f"{str(value.dtype)[6:]} of {value.dim()} axes"
        raise InputRefused(
            "an input of floating-point numbers or uint8 (N, ...)", found, "audit a classifier of images or vectors"
        )
    batch = value.shape[0]
    shape = _sizes(value)[1:]
    if isinstance(batch, int):
        return ModelInput(shape, value.dtype, fixed_batch=batch), batch, batch
    allowed = program.range_constraints.get(batch.node.expr)
    least = max(1, int(allowed.lower)) if allowed is not None else 1
    most = int(allowed.upper) if allowed is not None and allowed.upper.is_finite and allowed.upper < 2**31 else None
    return ModelInput(shape, value.dtype), least, most


def _scores_among(outputs: list[graphs.Output], wanted: str | None) -> tuple[graphs.Output, str]:
    """The output that holds the class scores, and why: the one asked for, or what ``several.choose`` takes.

    Raises:
        UsageError: no output of that name.
        InputRefused: no output has that form.
    """
    if wanted is not None:
        return outputs[place_of([one.name or one.node.name for one in outputs], wanted)], "asked for with --output"
    inner = [ancestors(one.node, lambda node: node.all_input_nodes) for one in outputs]
    offered = [
        Output(
            one.name,
            partial(_is_layered, one.node),
            {other.name for other in outputs if other.node in before},
            graphs.described(one),
            one.node.meta["val"].is_floating_point(),
            _sizes(one.node.meta["val"]),
            _is_score_like(one.node.meta["val"]),
        )
        for one, before in zip(outputs, inner, strict=True)
    ]
    place, reason = choose_declared(offered)
    return outputs[place], reason


def _is_layered(scores: fx.Node) -> bool:
    return graphs.find_head(scores).layered


def _is_score_like(value: Tensor) -> bool:
    return value.is_floating_point() and value.dim() >= 1 and all(size == 1 for size in value.shape[2:])


def _sizes(value: Tensor) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in value.shape)


def _named(module: fx.GraphModule, name: str) -> fx.Node:
    """The node that the user named as embedding."""
    computed = {node.name: node for node in module.graph.nodes if node.op == "call_function"}
    if name not in computed:
        near = ", ".join(list(computed)[::-1][:5])
        raise UsageError(f"expected --embedding to name a node of the program; found {name!r}; use one such as {near}")
    return computed[name]

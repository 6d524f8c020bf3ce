"""An ``nn.Module`` in memory: it computes its own scores; its logits and embedding are read from its exported graph.

``torch.export`` follows the module once and shows what lies before a softmax or sigmoid and what the last layer is
given. Where a module cannot be followed, because its course depends on its data, a hook finds the last linear layer,
and the scores are what they are. The module itself is only lent: ``lent`` gives it back as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from auditor.documents.results import NotMeasured
from auditor.errors import AuditError, InputRefused, UsageError
from auditor.models.base import Backend, ModelInput, ModelOptions
from auditor.models.explain import why
from auditor.models.exported.opening import ExportedBackend
from auditor.models.gpu import computing_on
from auditor.models.input_dtype import differentiable, to_input_dtype
from auditor.models.output_choice import tensor_among
from auditor.models.rows import score_rows

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@contextmanager
def lent(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode and without parameters that ask for gradients; afterwards, in any case, as before.

    No code of the module's own runs for that: ``eval`` may be overridden. Buffers that its ``forward`` writes to get
    their content back.

    Raises:
        InputRefused: its parameters are not there yet.
    """
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if is_lazy(value) or value.is_meta:
            raise InputRefused(
                "a module with its weights", f"{name}, which has no content yet", "call or load it first"
            )
    parts = list(module.modules())
    modes = [part.training for part in parts]
    asking = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    buffers = [
        (part, name, buffer, buffer.detach().clone())
        for part in parts
        for name, buffer in part._buffers.items()
        if buffer is not None
    ]
    try:
        for part in parts:
            part.training = False
        for parameter, _ in asking:
            parameter.requires_grad_(False)
        yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode
        for parameter, asked in asking:
            parameter.requires_grad_(asked)
        with torch.no_grad():
            for part, name, buffer, content in buffers:
                part._buffers[name] = buffer
                if not torch.equal(buffer, content):
                    buffer.copy_(content)


def digest(module: nn.Module) -> tuple[str | NotMeasured, int]:
    """SHA-256 over names, dtypes, shapes and bytes of parameters and buffers, and how many bytes those are."""
    sha256, size = hashlib.sha256(), 0
    for name, value in module.state_dict().items():
        if not isinstance(value, Tensor) or value.is_quantized:
            continue
        content = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        sha256.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        sha256.update(content.data)
        size += content.nbytes
    return (sha256.hexdigest() if size else NotMeasured(not_measured="the module has no parameters")), size


@final
class ModuleBackend(Backend):
    """A module that was lent.

    Args:
        module: inside ``lent``.
        options: what the user said.
    Raises:
        UsageError: it lies on another device than asked for.
    """

    def __init__(self, module: nn.Module, options: ModelOptions) -> None:
        tensors = [*module.parameters(), *module.buffers()]
        self.device = tensors[0].device if tensors else torch.device("cpu")
        asked = torch.device(self.device if options.device == "auto" else options.device)
        if asked.type != self.device.type or asked.index not in (None, self.device.index):
            raise UsageError(f"expected a module on {asked}; found it on {self.device}; move it, or leave device out")
        dtype = next((t.dtype for t in tensors if t.is_floating_point()), torch.float32)
        self._module, self._options, self._output = module, options, options.output
        self.input = ModelInput(None, dtype)
        self.runtime = f"{type(module).__name__} itself, torch {torch.__version__.partition('+')[0]}, {self.device}"
        self.gradient = "torch autograd through the module itself"
        self.head = None
        self._program: ExportedBackend | None = None

    @torch.no_grad()
    def follow(self, x: Tensor) -> None:
        """Learn from a run where logits and embedding are.

        Args:
            x: two instances or more in the module's layout.
        Raises:
            AuditError: ``--output`` or ``--embedding`` names nothing, or the module is no classifier.
        """
        self.input = ModelInput(tuple(x.shape[1:]), self.input.dtype)
        x = self._prepared(x)
        try:
            batch = ({0: torch.export.Dim.AUTO},)
            followed = getattr(self._module, "_orig_mod", self._module)  # what torch.compile was given
            exported = torch.export.export(followed, (x,), dynamic_shapes=batch, strict=False)
            program = ExportedBackend(exported, self.device, self._options)
        except InputRefused as error:
            raise InputRefused(error.expected, error.found, "look at the module's forward") from error
        except AuditError:
            raise
        except Exception as error:  # what cannot be followed fails in many ways
            if self._options.embedding is not None:
                raise UsageError(
                    f"expected a module that torch.export can follow to --embedding; found: {why(error)}; leave it out"
                ) from error
            met = self._last_layer(x)
            reason = f"no linear layer was met, and the module cannot be followed: {why(error)}"
            self.embedding = f"input of {met[0]}" if met else NotMeasured(not_measured=reason)
            return
        self._program, self._output = program, program.output
        self.head, self.squashed, self.quantised = program.head, program.squashed, program.quantised
        self.embedding, self.facts, self.side_effects = program.embedding, program.facts, program.side_effects

    def _last_layer(self, x: Tensor) -> tuple[str, nn.Module, Tensor] | None:
        """The linear layer or convolution that a run meets last: its name, itself, and what it is given."""
        met: list[tuple[str, nn.Module, Tensor]] = []
        hooks = [
            part.register_forward_pre_hook(lambda part, given, name=name: met.append((name, part, given[0])))
            for name, part in self._module.named_modules()
            if isinstance(part, _LAYERS)
        ]
        try:
            self._run(x)
        finally:
            for hook in hooks:
                hook.remove()
        return met[-1] if met else None

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """The module's own output for a batch: float32 ``(N, C)`` or ``(N, 1)``, no gradient."""
        return self._run(self._prepared(x))

    @torch.no_grad()
    def embeddings(self, x: Tensor) -> Tensor:
        """Input of the last layer (or what was asked for), averaged over axes that are not features: ``(N, E)``."""
        if self._program is not None:
            return self._program.embeddings(x)
        met = self._last_layer(self._prepared(x))
        assert met is not None, self.embedding
        _, layer, e = met
        kept = e.dim() - 1 if isinstance(layer, nn.Linear) else 1
        others = [axis for axis in range(1, e.dim()) if axis != kept]
        return (e.mean(dim=others) if others else e).float()

    def logits(self, x: Tensor) -> Tensor:
        """Differentiable scores before any softmax or sigmoid that the module's graph shows."""
        if self._program is not None and (self.quantised or self.head in ("probabilities", "sigmoid")):
            return self._program.logits(x)
        return self._run(differentiable(x.to(self.device), self.input.dtype).clone())

    def _run(self, x: Tensor) -> Tensor:
        with computing_on(self.device):
            return score_rows(tensor_among(self._module(x), self._output))

    def _prepared(self, x: Tensor) -> Tensor:
        # A copy, because forward may work in place (x.sub_(mean)) on what is somebody else's data.
        return to_input_dtype(x.to(self.device), self.input.dtype).clone()

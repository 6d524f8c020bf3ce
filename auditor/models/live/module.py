"""An ``nn.Module`` in memory: it computes its own scores; its logits and embedding are read from its exported graph.

``torch.export`` follows the module once and shows what lies before a softmax or sigmoid and what the last layer is
given. Where a module cannot be followed, because its course depends on its data, a hook finds the last linear layer,
and the scores are what they are. The module itself is only lent: ``lent`` gives it back as it was.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from auditor.documents.results import NotMeasured
from auditor.errors import AuditError, InputRefused, UsageError, error_summary
from auditor.models.base import ModelInput, ModelOptions
from auditor.models.batching import in_groups, to_input_dtype
from auditor.models.exported.opening import ExportedBackend
from auditor.models.output_choice import tensor_among
from auditor.models.torch_backend import TorchBackend

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@contextmanager
def lent(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode and without parameters that ask for gradients; afterwards, in any case, as before.

    No code of the module's own runs for that: ``eval`` may be overridden. Buffers that its ``forward`` writes to get
    their content back.

    Raises:
        InputRefused: its parameters are not there yet, or no gradient can go through them.
    """
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if is_lazy(value) or value.is_meta:
            raise InputRefused(
                "a module with its weights", f"{name}, which has no content yet", "call or load it first"
            )
        if value.is_inference():
            raise InputRefused(
                "weights that gradients can go through",
                f"{name}, which was made under torch.inference_mode",
                "make or load the module outside of it",
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
class ModuleBackend(TorchBackend):
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
        self.answer = self.tapped_logits = lambda x: tensor_among(module(x), self._output)

    @torch.no_grad()
    def follow(self, x: Tensor) -> None:
        """Learn from a run where logits and embedding are.

        Args:
            x: two instances or more in the module's layout.
        Raises:
            AuditError: ``--output`` or ``--embedding`` names nothing, or the module is no classifier.
        """
        x = to_input_dtype(x.to(self.device), self.input.dtype)
        log = logging.getLogger("torch.fx.experimental.symbolic_shapes")  # says what is told by the embedding's reason
        before, log.disabled = log.disabled, True
        try:
            batch = ({0: torch.export.Dim.AUTO},)
            followed = getattr(self._module, "_orig_mod", self._module)  # what torch.compile was given
            exported = torch.export.export(followed, (x.clone(),), dynamic_shapes=batch, strict=False)
            program = ExportedBackend(exported, self.device, self._options)
        except InputRefused as error:
            raise InputRefused(error.expected, error.found, "look at the module's forward") from error
        except AuditError:
            raise
        except Exception as error:  # what cannot be followed fails in many ways
            self._hook(x.clone(), error_summary(error))
            return
        finally:
            log.disabled = before

        def grouped(run: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
            return lambda x: in_groups(run, x, program.least, program.most)

        self._output, self.head, self.bounded_output = program.output, program.head, program.bounded_output
        self.embedding, self.facts, self.side_effects = program.embedding, program.facts, program.side_effects
        self.quantised, self.form = program.quantised, program.form
        if self.quantised or self.head in ("probabilities", "sigmoid"):
            self.tapped_logits = grouped(program.tapped_logits)
        if program.tapped_embedding is not None:
            self.tapped_embedding = grouped(program.tapped_embedding)

    def _hook(self, x: Tensor, reason: str) -> None:
        """Find the embedding in a module that cannot be followed, by a run.

        Raises:
            UsageError: another embedding was asked for.
        """
        if self._options.embedding is not None:
            found = f"expected a module that torch.export can follow to --embedding; found: {reason}; leave it out"
            raise UsageError(found)
        parts = self._module.named_modules()
        layers: dict[nn.Module, str] = {part: name for name, part in parts if isinstance(part, _LAYERS)}
        met = self._given_to(layers, x)
        if not met:
            reason = f"no linear layer was met, and the module cannot be followed: {reason}"
            self.embedding = NotMeasured(not_measured=reason)
            return
        last = met[-1][0]
        self.embedding = f"input of {layers[last]}"
        self.form = "mean over tokens" if isinstance(last, nn.Linear) else "mean over positions"
        self.tapped_embedding = lambda x: self._given_to([last], x)[-1][1]

    def _given_to(self, layers: Iterable[nn.Module], x: Tensor) -> list[tuple[nn.Module, Tensor]]:
        """Which of these layers a run meets, in order, and what each is given."""
        met: list[tuple[nn.Module, Tensor]] = []
        hooks = [
            layer.register_forward_pre_hook(lambda layer, given: met.append((layer, given[0]))) for layer in layers
        ]
        try:
            self.answer(x)
        finally:
            for hook in hooks:
                hook.remove()
        return met

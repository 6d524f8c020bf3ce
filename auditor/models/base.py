"""What every model format provides (``Backend``) and how a format is registered.

A format is one module: a function ``open(file, options) -> Backend`` under ``@model_format(name)``. The
backend speaks the model's own tensors; ``auditor.models.classifier`` wraps it for the rest of the tool.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from auditor.class_names import CarriedNames
from auditor.documents.results import NotMeasured
from auditor.errors import UsageError
from auditor.models.file_facts import FileFacts
from auditor.models.gpu import why_no_cuda
from auditor.models.model_file import ModelFile
from auditor.plugin_registry import Registry

Layout = Literal["auto", "nchw", "nhwc", "flat"]
OutputKind = Literal["logits", "probabilities", "sigmoid"]


@dataclass(frozen=True)
class ModelOptions:
    """What the user said about the model.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        layout: order of the image axes in the model's input.
        mean, std: per channel (or one for all), in units of pixels in [0, 1]; the wrapper applies them.
        channels: order of the colours in the model's input.
        embedding: name of the tensor to use as embedding; None finds it in the graph.
        output: name (or key, or index) of the output that holds the class scores; None finds it.
        output_kind: what the scores are; None detects it on data.
        trust_model: open a file that can run code of its own.
        threads: CPU threads for the model's runtime.
    """

    device: str = "auto"
    layout: Layout = "auto"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    channels: Literal["rgb", "bgr"] = "rgb"
    embedding: str | None = None
    output: str | None = None
    output_kind: OutputKind | None = None
    trust_model: bool = False
    threads: int = 1


@dataclass(frozen=True)
class ModelInput:
    """The model's input as its file declares it.

    Args:
        shape: without the batch axis, in the model's own axis order; None where any size is accepted;
            the whole is None when the file does not say (TorchScript).
        dtype: dtype that the model expects.
        fixed_batch: batch size that the file insists on, or None.
    """

    shape: tuple[int | None, ...] | None
    dtype: torch.dtype = torch.float32
    fixed_batch: int | None = None


class Backend(ABC):
    """A model file opened by its own runtime. All tensors are in the model's own layout.

    Attributes:
        input: what the file says of its input.
        runtime: who computes the predictions, such as ``"ONNX Runtime 1.31.1, CPUExecutionProvider"``.
        gradient: which route supplies gradients, or why there is none.
        embedding: name of the embedding (its size is known after a run), or why there is none.
        head: ``"probabilities"`` or ``"sigmoid"`` when the graph ends in a softmax or sigmoid that
            ``logits`` sees through, ``"logits"`` when it ends in a linear layer, None when not known.
        bounded_output: whether anything behind the last layer could have put the scores into [0, 1], such as a sigmoid;
            None where the graph does not show it.
        device: where ``logits`` computes.
        runs_on: where ``scores`` and ``embeddings`` take and leave their numbers; None where that is ``device``.
        missed: why the runtime computes on the CPU though ``device`` is a GPU, None where it does not.
        passes_for_both: how often an instance goes through the model in ``scores_and_embeddings``.
        quantised: whether it computes in whole numbers or rounds on the way, so that ``logits`` can only follow it
            roughly.
        facts: what the file says of its producer, operators and outputs.
        class_names: the names that the file gives to its classes, or None.
        side_effects: what in the graph can make two answers to one input differ: places that it writes to and keeps,
            operators that draw random numbers or read a clock.
    """

    input: ModelInput
    runtime: str
    gradient: str | NotMeasured
    embedding: str | NotMeasured
    head: OutputKind | None
    device: torch.device
    missed: str | None = None
    bounded_output: bool | None = None
    runs_on: torch.device | None = None
    passes_for_both: int = 2
    quantised: bool = False
    facts: FileFacts = FileFacts()
    class_names: CarriedNames | None = None
    side_effects: tuple[str, ...] = ()

    @abstractmethod
    def scores(self, x: Tensor) -> Tensor:
        """The artefact's own output for a batch: float32 ``(N, C)`` or ``(N, 1)``, no gradient."""

    @abstractmethod
    def embeddings(self, x: Tensor) -> Tensor:
        """The artefact's embedding for a batch: float32 ``(N, E)``, no gradient."""

    def scores_and_embeddings(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both of a batch; a runtime that can give them in one run does so."""
        return self.scores(x), self.embeddings(x)

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """Differentiable scores before any softmax or sigmoid: float32 ``(N, C)`` or ``(N, 1)``."""

    def labels(self, x: Tensor) -> Tensor | None:
        """The classes that a label output of the file gives to a batch: int64 ``(N,)``; None where it has none."""
        return None

    def release_memory(self) -> None:  # noqa: B027 - most runtimes keep none
        """Give memory of the device back that only larger batches than those to come needed."""


class Around(Backend):
    """A backend that hands every question on to another one, whose attributes it has.

    Args:
        inner: the other one.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        for name in Backend.__annotations__:
            setattr(self, name, getattr(inner, name))

    def labels(self, x: Tensor) -> Tensor | None:
        """The label output of the model within."""
        return self.inner.labels(x)


ModelOpener = Callable[[ModelFile, ModelOptions], Backend]
model_formats: Registry[ModelOpener] = Registry(
    "model_format",
    "auditor.models.onnx",
    "auditor.models.torchscript",
    "auditor.models.exported",
    fault=lambda opener, _: None if callable(opener) else "it is no function",
)
model_format = model_formats.register


def torch_device(name: str) -> torch.device:
    """The torch device for ``--device``: ``auto`` takes CUDA when there is one.

    Raises:
        UsageError: no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    known = ["cpu", *(["cuda", *gpus] if gpus else [])]
    if name not in known:
        reason = f" ({why_no_cuda()})" if name.startswith("cuda") and not gpus else ""
        raise UsageError(
            f"expected --device to be auto or one of {', '.join(known)}{reason}; found {name!r}; use one of these"
        )
    return torch.device(name)

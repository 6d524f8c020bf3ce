"""The model under audit as the rest of the tool sees it: pixels in, probabilities out.

Instances are float32 ``(N, *shape)`` in [0, 1], shape ``(C, H, W)`` or ``(D,)``. This wrapper normalises,
orders the axes, cuts work into batches, turns scores into probabilities and counts what was spent.
Predictions come from the artefact's own runtime; ``logits`` is the differentiable route. Answers lie where the
instances lie: who keeps them on the device gets them there, and no batch crosses to it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeVar, final

import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.errors import AuditError, InputRefused, error_summary
from auditor.models.base import Backend, OutputKind
from auditor.models.memory import lack_of_memory

T = TypeVar("T")
AxisOrder = Literal["nchw", "nhwc", "nhw", "flat"]
TOGETHER = {"cpu": False, "cuda": True}
"""Whether instances of several sets share batches, by device."""
_SMALLEST = 1e-30  # of a probability whose logarithm is taken, so that it stays finite in float32


@dataclass
class Spent:
    """Model evaluations so far, counted in instances.

    ``before_each`` is called before each batch, so that whoever bounds the time of some work can end it by an error.
    """

    forward: int = 0
    backward: int = 0
    before_each: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)


@dataclass
class Batching:
    """Instances for each call of the model; halved when memory runs out.

    Args:
        size: of a batch.
    """

    size: int = 256

    def run(self, compute: Callable[[Tensor], T], x: Tensor) -> list[T]:
        """``compute`` over all of x, a batch at a time, with smaller batches where one does not fit into memory.

        Raises:
            Exception: what ``compute`` raises, a lack of memory only for a single instance.
        """
        parts, first = list[T](), 0
        while first < len(x):
            part = x[first : first + self.size]
            try:
                parts.append(compute(part))
            except Exception as err:
                if len(part) == 1 or not lack_of_memory(err):
                    raise
                self.size = len(part) // 2
                continue
            first += len(part)
        return parts


@dataclass(frozen=True)
class Preprocessing:
    """From pixel space to the model's input: order of colours, normalisation, axis order.

    Args:
        layout: order of the model's axes; ``nhw`` are grey images without a channel axis, ``flat`` are vectors.
        mean, std: float32 ``(C,)`` or ``(1,)``, in units of pixels in [0, 1], in the order of the model's channels;
            None leaves pixels as they are.
        bgr: the model takes blue first; instances have red first.
    """

    layout: AxisOrder = "nchw"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    bgr: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """Differentiable map of float32 ``(N, *shape)`` in [0, 1] to the model's input."""
        if self.bgr:
            x = x.flip(1)
        if self.mean is not None or self.std is not None:
            axes = (1, -1) + (1,) * (x.dim() - 2)
            numbers = self.mean or (0.0,), self.std or (1.0,)
            mean, std = (_row(values, x.dtype, x.device).view(axes) for values in numbers)
            x = (x - mean) / std
        if x.dim() == 4 and self.layout == "nhwc":
            return x.permute(0, 2, 3, 1)
        if x.dim() == 4 and self.layout == "nhw":
            return x.squeeze(1)
        return x.flatten(1) if self.layout == "flat" else x


@dataclass(frozen=True)
class Smoothing:
    """Gradients averaged over noise around each point: those of the model as it looks from some way off.

    The average sees over steps that are narrower than the noise, whatever they are made of. Source: as an attack on
    gradients that shatter, arXiv 1802.00420 (expectation over transformation).

    Args:
        sigma: standard deviation of the noise, in pixels of [0, 1].
        draws: noises for each gradient, in pairs u and -u.
        rng: draws them (CPU); the same noise serves all instances of a batch.
    """

    sigma: float
    draws: int
    rng: torch.Generator

    def __call__(self, logits: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """The logits of x itself, with the gradient of their average: float32 ``(N, C)``."""
        half = torch.randn((self.draws // 2, 1, *x.shape[1:]), generator=self.rng).to(x.device) * self.sigma
        noisy = x + torch.cat([half, -half])
        mean = logits(noisy.flatten(0, 1)).unflatten(0, (-1, len(x))).mean(dim=0)
        with torch.no_grad():
            exact = logits(x)
        return exact + (mean - mean.detach())


@final
@dataclass(frozen=True)
class Classifier:
    """A frozen classifier f in pixel space.

    Instances may be float32 or float64 in [0, 1], or uint8 in 0..255, on any device; any number of them, also none.

    Args:
        backend: the model file, opened by its own runtime.
        preprocessing: from pixels to the model's input.
        instance_shape: ``(C, H, W)`` or ``(D,)``.
        num_classes: C.
        output_kind: what the artefact's scores are.
        embedding_size: E, or why there is no embedding.
        batching: instances for each call of the runtime.
        columns: width of the artefact's scores: C, or 1 for one sigmoid (or one logit) of two classes.
        no_gradient: why ``logits`` has no gradients worth using, where that was found out on data.
        smoothing: how ``logits`` averages its gradients; None takes them as they are.
        reduced: at which precision ``reduced_logits`` is much faster than the artefact; None where it is not.
        logit_scale: factor on ``logits`` that keeps their softmax from saturating; the artefact's own scores and
            probabilities are left as they are.
    """

    backend: Backend
    preprocessing: Preprocessing
    instance_shape: tuple[int, ...]
    num_classes: int
    output_kind: OutputKind
    embedding_size: int | NotMeasured
    batching: Batching = field(default_factory=Batching, compare=False)
    columns: int | None = None
    no_gradient: NotMeasured | None = None
    smoothing: Smoothing | None = field(default=None, compare=False)
    logit_scale: float = 1.0
    reduced: torch.dtype | None = None
    spent: Spent = field(default_factory=Spent, compare=False)

    @property
    def device(self) -> torch.device:
        """Where ``logits`` computes; instances that are asked about again and again cost least there."""
        return self.backend.device

    @property
    def artefact_device(self) -> torch.device:
        """Where the artefact's own runtime takes and leaves its numbers."""
        return self.backend.runs_on or self.backend.device

    @property
    def batch_size(self) -> int:
        """Instances for each call of the model."""
        return self.batching.size

    @property
    def gradient(self) -> str | NotMeasured:
        """Which route supplies gradients, or why there are none."""
        return self.no_gradient or self.backend.gradient

    def probabilities(self, x: Tensor) -> Tensor:
        """The artefact's class probabilities, p = softmax(f(x)).

        Args:
            x (float32): ``(N, *shape)`` in [0, 1], any N.
        Returns:
            float32 ``(N, C)`` on x's device; rows sum to 1.
        """
        return scores_to_probabilities(self.scores(x), self.output_kind)

    def predict(self, x: Tensor) -> Tensor:
        """The artefact's class for each instance: int64 ``(N,)`` on x's device."""
        return scores_to_classes(self.scores(x), self.output_kind)

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """The artefact's raw output, ``(N, C)`` or ``(N, 1)`` for one sigmoid, on x's device."""
        return self._in_batches(lambda part: [self.backend.scores(part)], x, [self._columns])[0]

    @torch.no_grad()
    def embeddings(self, x: Tensor) -> Tensor:
        """The artefact's embedding of each instance: float32 ``(N, E)`` on x's device."""
        return self._in_batches(lambda part: [self.backend.embeddings(part)], x, [self._embedding_width])[0]

    @torch.no_grad()
    def scores_and_embeddings(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both in one pass over the instances, where the runtime can: on x's device."""
        widths = [self._columns, self._embedding_width]
        scores, embeddings = self._in_batches(self.backend.scores_and_embeddings, x, widths)
        self.spent.forward += (self.backend.passes_for_both - 1) * len(x)
        return scores, embeddings

    def of_each(self, answer: Callable[[Tensor], Tensor], parts: Sequence[Tensor]) -> list[Tensor]:
        """An answer of this classifier (``probabilities``, ``embeddings``) for several sets of instances.

        A GPU is asked for all of them at once, because small batches leave it idle. On a CPU each set has its own
        batches: sums are rounded otherwise beside other instances, and a set's numbers should not depend on others.

        Args:
            parts: float32 ``(N_k, *shape)`` each, one set or more, all on one device.
        Returns:
            for each set what ``answer`` gives, on that device.
        """
        if not TOGETHER[self.artefact_device.type]:
            return [answer(part) for part in parts]
        together = answer(torch.cat([part.to(self.artefact_device) for part in parts])).to(parts[0].device)
        return list(together.split([len(part) for part in parts]))

    @property
    def _columns(self) -> int:
        return self.columns or (1 if self.output_kind == "sigmoid" else self.num_classes)

    @property
    def _embedding_width(self) -> int:
        assert not isinstance(self.embedding_size, NotMeasured), self.embedding_size
        return self.embedding_size

    def logits(self, x: Tensor) -> Tensor:
        """Differentiable logits by the gradient route, in one batch: float32 ``(N, C)`` on x's device.

        One sigmoid output z becomes two logits (0, z). Where the graph does not show what lies before its
        probabilities, their logarithm serves: softmax(log p) = p.
        """
        if not len(x):
            return torch.empty(0, self.num_classes, device=x.device)
        if self.smoothing is None or not (torch.is_grad_enabled() and x.requires_grad):
            return self._logits(x)
        return self.smoothing(self._logits, x)

    @torch.no_grad()
    def reduced_logits(self, x: Tensor) -> Tensor:
        """Logits by the gradient route at ``reduced`` precision, a batch at a time: float32 ``(N, C)`` on x's device.

        They are near those that lead to the artefact's probabilities, nearer than anything tells but a comparison.
        """

        def batch(part: Tensor) -> Tensor:
            with torch.autocast(self.device.type, self.reduced):
                return self._logits(part.to(self.device))

        parts = self.batching.run(batch, x)
        return (torch.cat(parts) if parts else torch.empty(0, self.num_classes)).to(x.device)

    def _logits(self, x: Tensor) -> Tensor:
        self.spent.before_each()
        self.spent.forward += len(x)
        self.spent.backward += len(x) if torch.is_grad_enabled() and x.requires_grad else 0
        (z,) = _computed(lambda part: [self.backend.logits(part)], self.preprocessing(_pixels(x)), [self.columns])
        z = z.to(x.device)
        if self.backend.head is None:
            z = scores_to_logits(z, self.output_kind)
        z = torch.cat([torch.zeros_like(z), z], dim=1) if z.shape[1] == 1 else z
        return z if self.logit_scale == 1 else z * self.logit_scale

    def _in_batches(self, run: Callable[[Tensor], Sequence[Tensor]], x: Tensor, widths: Sequence[int]) -> list[Tensor]:
        """What ``run`` gives for all of x, a batch at a time: float32 ``(N, width)`` each, on x's device."""
        self.spent.forward += len(x)
        if not len(x):
            return [torch.empty(0, width, device=x.device) for width in widths]
        where = self.artefact_device

        def batch(part: Tensor) -> list[Tensor]:
            self.spent.before_each()
            # Pixels travel as they are, uint8 a quarter of float32, and are normalised where they arrive.
            return _computed(run, self.preprocessing(_pixels(part.to(where))), widths)

        columns = zip(*self.batching.run(batch, x), strict=True)
        # One copy at the end: after each batch it would keep the device waiting for the host.
        return [(parts[0] if len(parts) == 1 else torch.cat(parts)).to(x.device) for parts in columns]


@lru_cache(maxsize=64)
def _row(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The same few numbers on a device, copied there once: each copy would stop the host."""
    return torch.tensor(values, dtype=dtype, device=device)


def _computed(run: Callable[[Tensor], Sequence[Tensor]], x: Tensor, widths: Sequence[int | None]) -> list[Tensor]:
    """What the model makes of a batch: a row of ``width`` numbers for each instance, once for each width.

    Raises:
        InputRefused: it fails, or makes something else; a program may do so long after its first answers were right.
    """
    try:
        made = list(run(x))
    except AuditError:
        raise
    except Exception as err:
        found = f"one that fails on {len(x)} of them: {error_summary(err)}"
        raise InputRefused("a model that computes every batch of samples", found, "look at the model") from err
    for rows, width in zip(made, widths, strict=True):
        if rows.shape[:1] != (len(x),) or (width is not None and rows.shape[1:] != (width,)):
            wanted = f"({len(x)}, {'C' if width is None else width})"
            raise InputRefused(
                f"results of shape {wanted} for {len(x)} samples", f"{tuple(rows.shape)}", "look at the model"
            )
    return made


def scores_to_probabilities(scores: Tensor, kind: OutputKind) -> Tensor:
    """Class probabilities from raw scores.

    Args:
        scores (float32): ``(N, C)``, or ``(N, 1)`` for one sigmoid.
        kind: what the scores are. C sigmoids side by side are divided by their sum, as one-versus-rest classifiers
            do.
    Returns:
        float32 ``(N, C)``; ``(N, 2)`` for one sigmoid.
    """
    if scores.shape[1] == 1:
        p = torch.sigmoid(scores) if kind == "logits" else scores
        return torch.cat([1 - p, p], dim=1)
    return scores if kind == "probabilities" else torch.softmax(scores_to_logits(scores, kind), dim=1)


def scores_to_classes(scores: Tensor, kind: OutputKind) -> Tensor:
    """The class of each row: that of the largest score, the first where several are largest.

    Logits are compared themselves: two that are nearly equal have one probability in float32.

    Args:
        scores (float32): ``(N, C)``, or ``(N, 1)`` for two classes.
        kind: what the scores are.
    Returns:
        int64 ``(N,)``; 0 for a row without probabilities, which has no class.

    >>> scores_to_classes(torch.tensor([[0.0, 1e-9, -1.0]]), "logits")
    tensor([1])
    """
    if kind != "logits":
        return scores_to_probabilities(scores, kind).argmax(dim=1)
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).long()
    return scores.argmax(dim=1).where(scores.amax(dim=1).isfinite(), 0)


def scores_to_logits(scores: Tensor, kind: OutputKind) -> Tensor:
    """Logits that lead to the same probabilities; differentiable, finite.

    Args:
        scores (float32): ``(N, C)`` or ``(N, 1)``.
        kind: what the scores are.
    Returns:
        float32, the shape of ``scores``: its softmax, or the sigmoid of its one column, gives the probabilities.
    """
    if kind == "logits":
        return scores
    log_p = scores.clamp_min(_SMALLEST).log()
    return log_p - (1 - scores).clamp_min(_SMALLEST).log() if scores.shape[1] == 1 else log_p


def _pixels(x: Tensor) -> Tensor:
    """Float32 pixels in [0, 1]."""
    return x.float() / 255 if x.dtype == torch.uint8 else x.float()

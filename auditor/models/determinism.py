"""Whether a model is the same at the end as at the start: answers that it has given are asked for again.

A program can count its calls, draw random numbers, or read a clock. So some of what was asked is kept with its answers
and asked again after every stage: samples from the start, whole batches of the stage and of the whole audit (the same
batch gives the same numbers), and single rows out of many batches, together in one (another batch may round
otherwise, no more). Which ones is drawn anew in every run and known to nobody: a model that changes and changes back
would have to guess. Within a stage the first samples are asked for again after 64 calls, 128, 256 and so on: a search
on a model that has changed may find no end. What is asked again is less than a hundredth of all that is asked, but for
audits of a few seconds, and counted nowhere (`python -m benchmarks.changing_models --cost`). Of a large network, whose
audit asks for hundreds of answers in a stage and not for thousands, less is kept: there it is a tenth.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, final

import torch
from torch import Tensor

from auditor.documents.results import Validity
from auditor.errors import AuditError, AuditIncomplete, error_summary
from auditor.models.base import Around, Backend
from auditor.models.gpu import failure_of
from auditor.models.memory import lack_of_memory
from auditor.models.side_effects import DRAWS

T = TypeVar("T")
Way = Literal["scores", "embeddings", "logits"]
ID = "determinism"
_NOISE = 4e-6
"""Largest difference of one batch asked twice that is rounding, as a share of the largest score."""
_SAME_PROBABILITY, _SAME_SCORE = 1e-4, 1e-3
"""Differences of one batch asked twice up to which its numbers would hardly change: of a probability, and of a score as
a share of the largest one."""
_OTHER_PROBABILITY, _OTHER_SCORE = 1e-2, 5e-2
"""The same for rows that stood in other batches before, whose sums may be rounded otherwise."""
_BATCHES, _ROWS, _FIRST = 2, 32, 32
"""Batches and rows kept of a stage, and as many of the whole audit; samples from the start."""
_BYTES = 2**25
"""Largest batch that is kept."""
_SHARE, _LEAST = 0.003, 128
"""Rows of batches asked again of those asked since the last time, and how many there may always be."""
_LARGE, _FEWER, _FAR_FEWER = 2**12, 2, 4
"""Inputs of more numbers than the first are taken to be a large network's: of it a half of the rows and of the samples
from the start is kept, and a fourth of the rows of batches is always asked again."""
_CALLS = 64
"""Calls in a stage after which the first samples are asked for again, and then after twice as many each time."""
_JITTER, _NUDGES, _FEW = 1e-6, 6, 0.1
"""Change of an input, as a share of its largest value, that is none; how often it is drawn; and the share of samples
that may lie so near a jump that it matters."""


class ModelChanged(AuditIncomplete):
    """The model's answers are no longer those that it gave before.

    Args:
        found: how they differ.
    """

    def __init__(self, found: str) -> None:
        super().__init__(
            f"expected a model that gives the same answer to the same input; found {found}; audit a model that keeps no"
            " state and draws no random numbers: call eval() before it is exported"
        )
        self.found = found


@dataclass(frozen=True)
class _Answer:
    """What was asked, ``(N, ...)`` in the model's layout, and what the model said."""

    way: Way
    x: Tensor
    y: Tensor


class _Sample(Generic[T]):
    """So many of a stream of unknown length, each with the same probability (reservoir sampling)."""

    def __init__(self, size: int, rng: random.Random) -> None:
        self._size, self._rng, self._seen = size, rng, 0
        self.kept: list[T] = []

    def offer(self, make: Callable[[], T]) -> None:
        self._seen += 1
        if len(self.kept) < self._size:
            self.kept.append(make())
        elif (place := self._rng.randrange(self._seen)) < self._size:
            self.kept[place] = make()


@final
class Watched(Around):
    """A model whose answers are asked for again.

    Args:
        inner: the model.
        probabilities: makes probabilities of its scores.
    Attributes:
        changed: how its answers differ from earlier ones; None while they do not.
        noise: largest difference that is neither rounding nor large enough to matter, as a share of the largest score.
        not_finite: instances so far whose scores held NaN or infinity.
        by_batch: whether a sample's scores are known to depend a little on the samples beside it.
        rows, rows_again: instances that the model was asked for, and those that were asked for again here.
    """

    def __init__(self, inner: Backend, probabilities: Callable[[Tensor], Tensor]) -> None:
        super().__init__(inner)
        self._probabilities = probabilities
        # Not the audit's seed: a model could know that, and with it what it will be asked again.
        self._rng = random.Random()
        self._first: list[_Answer] = []
        self._rows, self._least = _ROWS, _LEAST
        self._all_batches, self._all_rows = self._batches(), _Sample[_Answer](self._rows, self._rng)
        self._begin_stage()
        self._within_stages = self._stopped = False
        self.changed: str | None = None
        self.noise = 0.0
        self.by_batch = False
        self.rows = self.rows_again = 0
        self._not_finite = torch.zeros((), dtype=torch.int64)

    def scores(self, x: Tensor) -> Tensor:
        """The artefact's own output."""
        y = self.inner.scores(x)
        self._see_scores(x, y)
        return y

    def embeddings(self, x: Tensor) -> Tensor:
        """The artefact's embedding."""
        y = self.inner.embeddings(x)
        self._see("embeddings", x, y)
        return y

    def scores_and_embeddings(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one run where the model's runtime can."""
        y, embedded = self.inner.scores_and_embeddings(x)
        self._see_scores(x, y)
        self._see("embeddings", x, embedded)
        return y, embedded

    def logits(self, x: Tensor) -> Tensor:
        """The differentiable logits."""
        y = self.inner.logits(x)
        self._see("logits", x, y)
        return y

    def remember(self, x: Tensor, *, embeds: bool) -> None:
        """Keep the answers to the first samples, to be asked for again after every stage.

        Args:
            x: ``(N, ...)`` in the model's layout.
            embeds: whether the embeddings can be used.
        """
        if x[0].numel() > _LARGE:
            self._keep_less()
        x = x[:_FIRST] if self._rows == _ROWS else x[: _FIRST // _FEWER]
        y = self.inner.scores(x)
        x = x.to(y.device)  # once, since they are asked for again many a time
        self._first = [_kept("scores", x, y)]
        if embeds:
            self._first.append(_kept("embeddings", x, self.inner.embeddings(x)))

    @property
    def first(self) -> dict[str, Tensor]:
        """The first samples, as ``x``, and what was said of them, by the way of asking."""
        return {name: of for answer in self._first for name, of in (("x", answer.x), (answer.way, answer.y))}

    @first.setter
    def first(self, of: dict[str, Tensor]) -> None:
        ways: tuple[Way, ...] = ("scores", "embeddings")
        x = of["x"].to(self.inner.device)
        if x[0].numel() > _LARGE:
            self._keep_less()
        self._first = [_Answer(way, x, of[way]) for way in ways if way in of]

    @property
    def not_finite(self) -> int:
        """Instances so far whose scores held NaN or infinity."""
        return int(self._not_finite)

    @not_finite.setter
    def not_finite(self, count: int) -> None:
        self._not_finite = torch.full_like(self._not_finite, count)

    @torch.no_grad()
    def check(self, after: str) -> None:
        """Ask again for what was kept.

        Args:
            after: the stage that has ended, in words.
        Raises:
            ModelChanged: other answers, now or at an earlier call.
        """
        if self.changed is None:
            found = self._difference()
            self.changed = None if found is None else f"{found}, noticed after {after}"
        self._begin_stage()
        self._within_stages = True
        if self.changed is not None:
            raise ModelChanged(self.changed)

    def validity(self) -> Validity:
        """What was found so far, and what the graph shows of its reasons."""
        shown = f" Its graph {'; '.join(self.side_effects)}." if self.side_effects else ""
        if self.changed is not None:
            message = f"The model does not give the same answer to the same input: {self.changed}.{shown}"
            return Validity(id=ID, status="fail", message=message)
        if self.noise:
            message = (
                "The model is not deterministic: the same inputs gave scores that differ by more than rounding, if by"
                f" too little to move its boundary.{shown}"
            )
            return Validity(id=ID, status="warn", message=message)
        message = f"Answers that were asked for again at later times are the same.{shown}"
        return Validity(id=ID, status="warn" if self.side_effects else "ok", message=message)

    def _batches(self) -> dict[Way, _Sample[_Answer]]:
        return {way: _Sample(_BATCHES, self._rng) for way in ("scores", "embeddings", "logits")}

    def _begin_stage(self) -> None:
        self._stage_batches, self._stage_rows = self._batches(), _Sample[_Answer](self._rows, self._rng)
        self._asked = self._calls = 0
        self._next = _CALLS

    def _keep_less(self) -> None:
        """As suits a large network."""
        self._rows, self._least = _ROWS // _FEWER, _LEAST // _FAR_FEWER
        self._all_rows = _Sample[_Answer](self._rows, self._rng)
        self._begin_stage()

    def _see_scores(self, x: Tensor, y: Tensor) -> None:
        bad = (~torch.isfinite(y.detach())).flatten(1).any(dim=1).sum()
        self._not_finite = self._not_finite.to(bad.device) + bad  # read at the end only: a GPU is not waited for
        row = self._rng.randrange(len(x)) if len(x) and len(y) == len(x) else None
        if row is not None:
            for rows in (self._stage_rows, self._all_rows):
                rows.offer(lambda: _kept("scores", x[row : row + 1], y[row : row + 1]))
        self._see("scores", x, y)

    def _see(self, way: Way, x: Tensor, y: Tensor) -> None:
        self._asked += len(x)
        self.rows += len(x)
        self._calls += 1
        if self._calls >= self._next:
            self._next *= 2
            self._look_within()
        if self._stopped:  # by every call: whoever goes on after one that failed would go on in vain
            raise ModelChanged(str(self.changed))
        if x.numel() * x.element_size() <= _BYTES:
            for batches in (self._stage_batches, self._all_batches):
                batches[way].offer(lambda: _kept(way, x, y))

    def _look_within(self) -> None:
        """Ask for the first samples again in the middle of a stage; not of the first, which is short and at its end
        says more."""
        if not self._within_stages or not self._first or self.changed is not None:
            return
        # The caller may want gradients, or half precision.
        with torch.no_grad(), torch.autocast(self.inner.device.type, enabled=False):
            found = self._asked_again(self._first[0])
        if found is not None:
            self.changed, self._stopped = f"{found}, noticed after {self._calls:,} calls of a stage", True

    def _difference(self) -> str | None:
        """The first difference, in words."""
        for answer in self._chosen():
            if said := self._asked_again(answer):
                return said
        return self._moved_by_nothing() or self._in_another_batch()

    def _chosen(self) -> list[_Answer]:
        """The answers from the start, and of the others as many as the work since the last time allows."""
        batches = [a for kept in (self._stage_batches, self._all_batches) for way in kept.values() for a in way.kept]
        self._rng.shuffle(batches)
        chosen, left = list(self._first), max(self._least, int(_SHARE * self._asked))
        for answer in batches:
            if len(answer.x) <= left:
                chosen.append(answer)
                left -= len(answer.x)
        return chosen

    def _asked_again(self, answer: _Answer) -> str | None:
        """How the answer to one batch differs from the earlier one, where it matters."""
        now = self._now(answer)
        if now is None or isinstance(now, str):
            return now
        before = answer.y.cpu()
        if now.shape != before.shape or not torch.equal(now.isfinite(), before.isfinite()):
            return f"other {_WORDS[answer.way]} the second time (of another shape, or no numbers)"
        by_score = _largest(now - before) / max(_largest(before), torch.finfo(torch.float32).tiny)
        by_probability = 0.0
        if answer.way == "scores":
            by_probability = _largest(self._probabilities(now) - self._probabilities(before))
        if by_score > _SAME_SCORE or by_probability > _SAME_PROBABILITY:
            return f"other {_WORDS[answer.way]} the second time" + _by(by_score, by_probability)
        if by_score > _NOISE:
            if any(said.startswith(DRAWS) for said in self.side_effects):  # no rounding: its numbers are never the same
                return f"other {_WORDS[answer.way]} the second time" + _by(by_score, by_probability)
            self.noise = max(self.noise, by_score)
        return None

    def _moved_by_nothing(self) -> str | None:
        """How samples from the start are answered that differ by a rounding from those: a model may know the latter."""
        if not self._first:
            return None
        answer = self._first[0]
        p, apart = self._probabilities(answer.y.cpu()), torch.ones(len(answer.x), dtype=torch.bool)
        for x in self._nudged(answer.x):
            now = self._now(_Answer("scores", x, answer.y))
            if now is None or isinstance(now, str):
                return now
            if now.shape != answer.y.shape:
                return "scores of another shape"
            apart &= (self._probabilities(now) - p).abs().amax(dim=1) > _OTHER_PROBABILITY
            if not apart.any():  # nearly always after the first
                return None
        share = float(apart.float().mean())
        return None if share <= _FEW else f"other scores for {share:.0%} of {len(p)} samples from the start"

    def _in_another_batch(self) -> str | None:
        """How single rows of many batches are answered when they are asked for together."""
        rows = [*self._stage_rows.kept, *self._all_rows.kept]
        self._rng.shuffle(rows)
        rows = rows[: max(self._rows, int(_SHARE / 2 * self._asked))]
        if not rows:
            return None
        x, before = torch.cat([row.x.cpu() for row in rows]), torch.cat([row.y.cpu() for row in rows])
        now = self._now(_Answer("scores", x, before))
        if now is None or isinstance(now, str):
            return now
        if now.shape != before.shape:
            return "scores of another shape for rows of several batches"
        apart = self._apart(before, now)
        if apart.any() and not self._near_a_jump(x[apart.to(x.device)], before[apart]):
            return f"other scores for {int(apart.sum())} of {len(rows)} inputs asked again in another batch"
        return None

    def _apart(self, before: Tensor, now: Tensor) -> Tensor:
        """Bool ``(N,)``: rows whose probabilities or scores differ by more than another batch can explain."""
        allowed = 10 * _OTHER_PROBABILITY if self.by_batch else _OTHER_PROBABILITY
        p, q = self._probabilities(before), self._probabilities(now)
        known = before.isfinite().all(dim=1)
        scale = max(_largest(before), torch.finfo(torch.float32).tiny)
        other = ((p - q).abs().amax(dim=1) > allowed) | ((before - now).abs().amax(dim=1) > _OTHER_SCORE * scale)
        return (known & (other | ~now.isfinite().all(dim=1))) | (~known & now.isfinite().all(dim=1))

    def _near_a_jump(self, x: Tensor, before: Tensor) -> bool:
        """Whether inputs that differ by a rounding get answers as far apart as these, all but a few of them.

        The ends of a bisection lie where the class jumps, and there rounding decides.
        """
        p = self._probabilities(before)
        low, high = torch.full_like(p, torch.inf), torch.full_like(p, -torch.inf)
        for nudged in self._nudged(x):
            now = self._now(_Answer("scores", nudged, before))
            if now is None or isinstance(now, str) or now.shape != before.shape:
                return False
            q = self._probabilities(now)
            low, high = torch.minimum(low, q), torch.maximum(high, q)
        allowed = _OTHER_PROBABILITY
        inside = ((p >= low - allowed) & (p <= high + allowed)).all(dim=1) & ((high - low).amax(dim=1) > allowed)
        return bool(inside.all())

    def _nudged(self, x: Tensor) -> Iterator[Tensor]:
        """Inputs that differ from these by a rounding: all values up, all down, then at random; never the same again.

        A value that lies exactly on a threshold of the model stays on its side in one of the first two.
        """
        rng = torch.Generator().manual_seed(self._rng.getrandbits(32))
        step = _JITTER * max(_largest(x), 1e-30) * self._rng.uniform(0.5, 1)
        yield x - step
        yield x + step
        for _ in range(_NUDGES):
            yield x + step * (torch.rand(x.shape, generator=rng).to(x) * 2 - 1)

    def _now(self, answer: _Answer) -> Tensor | str | None:
        """The model's answer now, on the CPU: why there is none, or None where memory does not allow to ask."""
        self.rows_again += len(answer.x)
        try:
            y: Tensor = getattr(self.inner, answer.way)(answer.x)
        except Exception as err:
            if lack_of_memory(err):
                return None
            if (failure := failure_of(self.inner.device, err)) is not None or isinstance(err, AuditIncomplete):
                raise (failure or err) from err  # the device's fault, not the model's
            return f"no answer the second time: {err if isinstance(err, AuditError) else error_summary(err)}"
        return y.detach().float().cpu()


_WORDS: dict[Way, str] = {"scores": "scores", "embeddings": "embeddings", "logits": "logits for gradients"}


def watched(backend: Backend) -> Watched | None:
    """The watch over a classifier's backend, None where it was made without one."""
    return backend if isinstance(backend, Watched) else None


def not_finite(backend: Backend) -> int:
    """Instances so far whose scores held NaN or infinity; 0 where nobody watches."""
    watch = watched(backend)
    return 0 if watch is None else watch.not_finite


def add_not_finite(backend: Backend, count: int) -> None:
    """Add those that an earlier run met, whose work this one takes over."""
    if (watch := watched(backend)) is not None and count:
        watch.not_finite += count


def _kept(way: Way, x: Tensor, y: Tensor) -> _Answer:
    """A copy of what was asked and of the answer, each where it lies: a GPU is not waited for."""
    return _Answer(way, x.detach().clone(), y.detach().to(torch.float32, copy=True))


def _largest(values: Tensor) -> float:
    finite = values[values.isfinite()]
    return float(finite.abs().max()) if len(finite) else 0.0


def _by(score: float, probability: float) -> str:
    return (
        f" (by {probability:.2g} in probability)" if probability > _SAME_PROBABILITY else f" (by {100 * score:.3g} %)"
    )

"""What a generator of boundary instances takes and gives, and the check that each one must pass.

A generator writes only ``_run``. The base class clips what it returns to [0, 1], asks the artefact itself for the
probabilities of every boundary instance and drops, with a reason, each one that does not lie on the boundary. An
instance lies there in one of two ways: s and t tie in it and lead every other class; or, where the model's
probabilities jump, it is predicted s or t and a neighbour within float32's spacing is predicted the other. All
directions of an audit are handed over together, so that a generator can serve them in large batches; each direction
brings its own random generator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self, final

import torch
from torch import Tensor

from auditor.documents.results import Cost, GeneratorDefinition
from auditor.functional.bisection import JUMP_WIDTH
from auditor.models.classifier import Classifier
from auditor.plugin_registry import Registry, not_a

BETA = 1e-4
"""A boundary instance satisfies |p_s - p_t| < BETA (paper, section 3.3)."""

BISECTIONS = 8
"""Forward passes of a bisection, about."""
ATTEMPTS = (
    "first attempt",
    "longer training from another start",
    "segment to the source",
    "gradient-free search",
    "segment to a sample of the other class",
)
"""What may lead to an instance, by number; all but the first are tried where it fails."""

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the work done and the work there is."""


@dataclass(frozen=True)
class DirectionTask:
    """One direction to generate for.

    Args:
        source, target: class indices s and t.
        x_source: float32 ``(N, *shape)`` in [0, 1], training samples of s that the model puts in s.
        x_target: float32 ``(M, *shape)``, training samples of t that the model puts in t.
        embedding_source, embedding_target: float32 ``(N, E)`` and ``(M, E)``, or None without embedding.
        rng: this direction's own random generator (CPU).
    """

    source: int
    target: int
    x_source: Tensor
    x_target: Tensor
    embedding_source: Tensor | None
    embedding_target: Tensor | None
    rng: torch.Generator


@dataclass(frozen=True)
class BoundaryInstances:
    """Boundary instances of one direction with the points that led to them; row i of each belongs together.

    Args:
        x_source: ``(N, *shape)``, where each one started.
        x_adversarial: ``(N, *shape)``, predicted t.
        x_adversarial_of_adversarial: ``(N, *shape)``, predicted s; for baselines this is ``x_source``.
        x_boundary: ``(N, *shape)`` in [0, 1].
        p_boundary: ``(N, C)``, probabilities of ``x_boundary`` by the artefact.
        steps: int64 ``(N,)``, bisection steps each one took.
        requested, adversarial, adversarial_of_adversarial: counts after each component.
        origin: int64 ``(N,)``, the row of the task's ``x_source`` from which each one was made.
        part: int64 ``(N,)``, which of the generators that were trained on parts of the sources made each one; 0 where
            there is one.
        third_class: first bisections lost to each third class, also where a later try reached the boundary.
        third_by_part: by part the bisections started and those first lost to a third class.
        failures: instances lost, by reason; with ``len(self)`` they add up to ``requested``.
        x_across: ``(N, *shape)``, the neighbour across a jump, ``x_boundary`` itself where s and t tie; None where
            they tie in all of them.
        attempt: int64 ``(N,)``, which of ``ATTEMPTS`` led to each one; None where the first led to all of them.
    """

    source: int
    target: int
    x_source: Tensor
    x_adversarial: Tensor
    x_adversarial_of_adversarial: Tensor
    x_boundary: Tensor
    p_boundary: Tensor
    steps: Tensor
    requested: int
    adversarial: int
    adversarial_of_adversarial: int
    origin: Tensor
    part: Tensor
    third_class: Counter[int] = field(default_factory=Counter)
    third_by_part: dict[int, tuple[int, int]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    x_across: Tensor | None = None
    attempt: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x_boundary)

    def __repr__(self) -> str:
        return f"<BoundaryInstances from {self.source} to {self.target}: {len(self)} of {self.requested} sources>"

    @property
    def rescued(self) -> Counter[str]:
        """Instances that took more than the generator's first attempt, by what led to them."""
        if self.attempt is None:
            return Counter()
        return Counter(ATTEMPTS[number] for number in self.attempt.tolist() if number)

    @property
    def jump(self) -> Tensor:
        """Bool ``(N,)``: whether the class jumps at the instance; elsewhere s and t tie in it."""
        if self.x_across is None:
            return torch.zeros(len(self), dtype=torch.bool)
        return (self.x_across != self.x_boundary).flatten(1).any(dim=1)

    def keep(self, mask: Tensor) -> BoundaryInstances:
        """The instances where ``mask`` (bool ``(N,)``) holds; counts are left as they are."""
        rows = {
            name: getattr(self, name)[mask]
            for name in (
                "x_source",
                "x_adversarial",
                "x_adversarial_of_adversarial",
                "x_boundary",
                "p_boundary",
                "steps",
                "origin",
                "part",
            )
        }
        across = None if self.x_across is None or not self.jump[mask].any() else self.x_across[mask]
        attempt = None if self.attempt is None else self.attempt[mask]
        return replace(self, **rows, x_across=across, attempt=attempt)


def on_boundary(probabilities: Tensor, source: int, target: int, beta: float = BETA) -> Tensor:
    """Whether each row lies on the boundary of s and t: |p_s - p_t| < beta and no other class leads.

    Args:
        probabilities (float32): ``(N, C)`` in [0, 1].
    Returns:
        bool ``(N,)``.
    """
    p_s, p_t = probabilities[:, source], probabilities[:, target]
    others = probabilities.clone()
    others[:, [source, target]] = -1.0
    return ((p_s - p_t).abs() < beta) & (torch.minimum(p_s, p_t) >= others.amax(dim=1))


def across_jump(classifier: Classifier, x: Tensor, p: Tensor, across: Tensor, classes: tuple[int, int]) -> Tensor:
    """Whether each point and its neighbour are predicted s and t, in either order, and are neighbours indeed.

    Args:
        x, across (float32): ``(N, *shape)`` in [0, 1].
        p (float32): ``(N, C)``, the artefact's probabilities of x.
        classes: s and t.
    Returns:
        bool ``(N,)``.
    """
    leaders = torch.stack([p.argmax(dim=1), classifier.predict(across)], dim=1).sort(dim=1).values
    close = (x - across).flatten(1).abs().amax(dim=1) <= JUMP_WIDTH if x.numel() else torch.ones(0, dtype=torch.bool)
    return close & (leaders == torch.tensor(sorted(classes))).all(dim=1)


class Generator(ABC):
    """A way to obtain boundary instances. Hyper-parameters are the fields of a frozen dataclass.

    Attributes:
        definition: what it is, in words for the report, and whether it is a baseline.
        needs_embedding, needs_gradient: what the model must have.
    """

    definition: ClassVar[GeneratorDefinition]
    needs_embedding: ClassVar[bool] = False
    needs_gradient: ClassVar[bool] = False

    @classmethod
    def configured(cls, profile: str) -> Self:
        """This generator as the profile of that name wants it: quick, standard, thorough or paper."""
        return cls()

    def prepared(
        self,
        classifier: Classifier,
        directions: Sequence[tuple[int, int]],
        samples: Callable[[int], dict[int, Tensor]],
        progress: Progress = lambda *_: None,
        *,
        rng: torch.Generator,
    ) -> Self:
        """This generator with whatever it learns once from the whole audit, before its directions come in parts.

        Args:
            directions: (s, t) of each of the audit.
            samples: given a number of bytes, training samples of each class that the model puts there, float32
                ``(N, *shape)``, together not larger.
            rng: for this alone.
        """
        return self

    @property
    def learned(self) -> dict[str, str]:
        """What it learned once from the whole audit, in words by name, for the report."""
        return {}

    def learned_arrays(self) -> dict[str, Tensor] | None:
        """What ``prepared`` has learned, by names, for ``with_learned`` in another process; None where that process has
        to prepare it again."""
        return {} if type(self).prepared is Generator.prepared else None

    def with_learned(self, classifier: Classifier, learned: dict[str, Tensor]) -> Self:
        """This generator as another process has prepared it, from its ``learned_arrays``."""
        return self

    def cost(self, directions: int, sources: int) -> Cost:
        """Evaluations of the model, in instances, that these directions take, for an estimate before an audit.

        Args:
            directions: of the whole audit.
            sources: of each direction.
        """
        return Cost(forward=directions * sources * BISECTIONS, backward=0)

    def sources(self, most: int | None) -> int | None:
        """Samples of a class that it starts from, given how many the profile allows; None takes all."""
        return most

    @abstractmethod
    def _run(
        self, classifier: Classifier, tasks: Sequence[DirectionTask], progress: Progress
    ) -> list[BoundaryInstances]:
        """Generate for all directions; unverified."""

    @final
    def __call__(
        self,
        classifier: Classifier,
        tasks: Sequence[DirectionTask],
        progress: Progress = lambda *_: None,
        check: Callable[[Sequence[DirectionTask], object], None] = lambda *_: None,
    ) -> list[BoundaryInstances]:
        """Boundary instances of each direction, each verified by the artefact under audit.

        Args:
            check: of what was generated, before anything relies on it; raises where it does not answer the tasks.
        """
        made = self._run(classifier, tasks, progress)
        check(tasks, made)
        answers = classifier.of_each(classifier.probabilities, [found.x_boundary.clamp(0, 1) for found in made])
        return [_verified(classifier, found, p) for found, p in zip(made, answers, strict=True)]


def _verified(classifier: Classifier, found: BoundaryInstances, p: Tensor) -> BoundaryInstances:
    """The instances that lie on the boundary by ``p``, the artefact's probabilities of each, inside the box."""
    x = found.x_boundary.clamp(0, 1)
    good = on_boundary(p, found.source, found.target)
    if found.x_across is not None:
        rows = torch.nonzero(found.jump).flatten()
        good[rows] |= across_jump(classifier, x[rows], p[rows], found.x_across[rows], (found.source, found.target))
    failures = found.failures.copy()
    if lost := int((~good).sum()):
        failures["not on the boundary when verified on the artefact"] += lost
    return replace(found, x_boundary=x, p_boundary=p, failures=failures).keep(good)


def baselines() -> list[str]:
    """Names of the baselines, first those that every model suits."""
    of_role = [(k.needs_embedding, name) for name, k in generators.items() if k.definition.role == "baseline"]
    return [name for _, name in sorted(of_role)]


generators: Registry[type[Generator]] = Registry(
    "generator",
    "auditor.boundary",
    fault=lambda kind, _: not_a(Generator, kind, attributes={"definition": GeneratorDefinition}),
)
generator = generators.register

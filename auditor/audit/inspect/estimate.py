"""What an audit will cost: evaluations counted from the profile's settings, times what one was measured to take.

    seconds = START + directions * OWN + (forward - backward) * t_forward + backward * t_both

t_forward is one prediction by the artefact's runtime, t_both one forward and backward pass of the gradient route, both
per instance. The counts follow the parts of an audit: training (cut short by patience), bisection, the minimal-norm
attack, and IDC's trajectories, whose number goes with the square of the precision. START and OWN (our own networks,
bootstraps and linear separators) were measured for 64 inputs on one core of a server of 2026.

Against whole audits of 90 directions on such a machine this is right within a factor of two for the small sample
models; large images cost more than OWN says, and models that need gradient-free search are not estimated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.audit.pairs.measuring import COARSER
from auditor.audit.pairs.sharding import pairs_at_once
from auditor.boundary.deepdig import DIRECTIONS_A_TARGET, MANY, RECIPES
from auditor.documents.profiles import Profile

START_SECONDS, OWN_SECONDS = 4.0, 0.1
TRAINED = 0.7
"""Share of the training steps that are taken before patience ends."""
SPREAD = 0.03
"""Standard deviation of IDC's shares between trajectories, typical of a trained model."""
PARTNERS, POINTS = 50, 50
LOOKS, BISECTIONS, ATTACKED = 15, 8, 70
"""Forward passes for each source while training, in a bisection, and for each attacked source and norm."""
NORMS, DESCENTS = 2, 1.2
"""The attack is run in each norm; so many descents follow the first, on average."""
LOOKED_FIRST = 24 * 2 * 150
"""Forward passes of the look at a few samples, in each norm, that tells whether the gradient misleads."""
LIVE, FLOAT = 30, 4
"""Tensors of a shard's sources that live at once, or whose memory is kept for the next; bytes of a number."""
PAGES = 20
"""Directions that get baselines where not all do."""


@dataclass(frozen=True)
class Evaluations:
    """Evaluations of the model, counted in instances; ``forward`` includes those of backward passes."""

    forward: int
    backward: int

    def seconds(self, directions: int, t_forward: float, t_both: float) -> float:
        """Time of the whole audit, from the seconds of one evaluation."""
        model = (self.forward - self.backward) * t_forward + self.backward * t_both
        return START_SECONDS + directions * OWN_SECONDS + model


def expected(profile: Profile, directions: int, sources: int, samples: int) -> Evaluations:
    """Evaluations that an audit of this many directions spends.

    Args:
        profile: of the audit.
        directions: ordered class pairs.
        sources: training samples of a class, on average.
        samples: of both splits together.
    """
    recipe = RECIPES[profile.name]
    used = sources if profile.samples_per_class is None else min(sources, profile.samples_per_class)
    targets = round((1 + (1 + 4 * directions) ** 0.5) / 2)  # of all pairs of so many classes
    shared = recipe.shared if directions >= DIRECTIONS_A_TARGET * targets else None
    forth = recipe.tuned if shared else recipe.forth
    once = targets * shared.steps * shared.batch if shared else 0
    trained = TRAINED * (
        forth.steps * forth.batch + (2 if recipe.back.gamma else 1) * recipe.back.steps * recipe.back.batch
    )
    if directions < MANY:  # each generator of a direction then has batches of its own
        trained *= recipe.parts[1]
    attacked = min(used, profile.attacked) + min(used, profile.attacked_train)
    first, again, _ = profile.attack
    backward = directions * (trained + NORMS * attacked * (first + DESCENTS * again)) + once
    wanted = (1.96 * SPREAD / (0.3 * profile.precision)) ** 2
    walked = POINTS * min(1.5 * wanted, used * PARTNERS)
    with_baselines = directions if profile.baselines == "all" else min(directions, PAGES)
    forward = directions * (used * (LOOKS + BISECTIONS) + NORMS * attacked * ATTACKED + walked)
    forward += with_baselines * 2 * (used * BISECTIONS + walked / COARSER**2)
    return Evaluations(forward=round(samples + LOOKED_FIRST + backward + forward), backward=round(backward))


def expected_memory(profile: Profile, instance_shape: Sequence[int], sources: int, device: str) -> int:
    """Bytes that an audit holds beyond what looking at model and data took: those of a shard.

    Args:
        profile: of the audit.
        instance_shape: of one instance.
        sources: training samples of a class, on average.
        device: type of device that computes.
    """
    used = sources if profile.samples_per_class is None else min(sources, profile.samples_per_class)
    directions = 2 * pairs_at_once(instance_shape, used, device)
    return LIVE * FLOAT * directions * used * math.prod(instance_shape)

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

from dataclasses import dataclass

from auditor.audit.profiles import Profile
from auditor.boundary.deepdig import TRAININGS

START_SECONDS, OWN_SECONDS = 4.0, 0.15
TRAINED = 0.6
"""Share of the training steps that are taken before patience ends."""
SPREAD = 0.04
"""Standard deviation of IDC's shares between trajectories, typical of a trained model."""
LEAST_TRAJECTORIES, PARTNERS, POINTS = 100, 50, 50
METHODS = 3
"""DeepDIG and its two baselines are bisected and walked alike."""
BISECTIONS, ATTACK_BISECTIONS, NORMS, STARTS = 15, 12, 2, 4


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
    training = TRAININGS[profile.name]
    used = sources if profile.samples_per_class is None else min(sources, profile.samples_per_class)
    attacked = NORMS * min(used, profile.attacked)
    linear, ddn, polish = profile.attack
    passes = 2 if training.gamma else 1
    backward = 2 * passes * TRAINED * training.steps * training.batch + attacked * (linear + ddn + 2 * polish)
    bisected = METHODS * used * BISECTIONS + attacked * (STARTS + 2 * polish) * ATTACK_BISECTIONS
    wanted = (1.96 * SPREAD / (0.3 * profile.precision)) ** 2
    walked = METHODS * POINTS * min(max(LEAST_TRAJECTORIES, wanted), used * PARTNERS)
    return Evaluations(
        forward=round(2 * samples + directions * (backward + bisected + walked)), backward=round(directions * backward)
    )

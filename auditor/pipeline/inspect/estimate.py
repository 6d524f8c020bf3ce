"""What an audit will cost: evaluations counted from the profile's settings, times what one was measured to take.

    seconds = START + directions * OWN + (forward - backward) * t_forward + backward * t_both

t_forward is one prediction by the artefact's runtime, t_both one forward and backward pass of the gradient route, both
per instance. The counts follow the parts of an audit: what its generator and the baselines say of their cost, the
minimal-norm attack, and IDC's trajectories, whose number goes with the square of the precision. START and OWN (our own
networks, bootstraps and linear separators) were measured for 64 inputs on one core of a server of 2026.

Against whole audits of 90 directions on such a machine this is right within a factor of two for the small sample
models; large images cost more than OWN says, and models that need gradient-free search are not estimated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from auditor.boundary.base import BISECTIONS, baselines, generators
from auditor.documents.profiles import Profile
from auditor.documents.results import Cost, NotMeasured
from auditor.documents.tasks import Kind
from auditor.models.classifier import Classifier
from auditor.pipeline.pairs.margins import SCREENED
from auditor.pipeline.pairs.measuring import COARSER
from auditor.pipeline.pairs.outline import OUTLINED
from auditor.pipeline.pairs.shard import pairs_at_once
from auditor.pipeline.time_budget import CAUTION, TimeBudget
from auditor.pipeline.under_budget import AT_FIRST

START_SECONDS, OWN_SECONDS = 4.0, 0.1
SPREAD = 0.03
"""Standard deviation of IDC's shares between trajectories, typical of a trained model."""
PARTNERS, POINTS, IN_FULL = 50, 12, 50
"""Points of a trajectory that IDC asks for on average, and those of one that the profile ``paper`` walks in full."""
LOOKED_AT = 6
"""Predictions for each boundary instance of an outline: verified, embedded, taken to the side of its source class."""
ATTACKED = 30
"""Predictions for each attacked source."""
LOOKED_FIRST = 24 * 200
"""Passes of the look at a few samples that tells whether the gradient misleads."""
LONG, FIRST = 900.0, 1.5
"""Seconds of an audit of which the user hears at its start; so many times what screening and outlines are expected to
take is advised for them."""
LIVE, FLOAT = 30, 4
"""Tensors of a shard's sources that live at once, or whose memory is kept for the next; bytes of a number."""
PAGES = 20
"""Directions that get baselines where not all do."""


def seconds(cost: Cost, directions: int, t_forward: float, t_both: float) -> float:
    """Time of the whole audit, from the seconds of one evaluation."""
    model = (cost.forward - cost.backward) * t_forward + cost.backward * t_both
    return START_SECONDS + directions * OWN_SECONDS + model


def expected(profile: Profile, generator: str, directions: int, sources: int, samples: int) -> Cost:
    """Evaluations that an audit of this many directions spends; ``forward`` includes those of backward passes.

    Args:
        profile: of the audit.
        generator: its name.
        directions: ordered class pairs.
        sources: training samples of a class, on average.
        samples: of both splits together.
    """
    whole, beside = _in_full(profile, generator, directions, sources), _beside(profile, directions, sources)
    forward = whole.forward + beside.forward + samples + LOOKED_FIRST
    return Cost(forward=forward, backward=whole.backward + beside.backward)


def _in_full(profile: Profile, generator: str, directions: int, sources: int) -> Cost:
    """Of all tasks on pairs, without baselines."""
    used = _used(profile, sources)
    made = generators[generator].configured(profile.name).cost(directions, used)
    attacked = min(used, profile.attacked) + min(used, profile.attacked_train)
    gradients = directions * attacked * profile.gradients
    searched = directions * (attacked * ATTACKED + used * LOOKED_AT + _walked(profile, used))
    return Cost(forward=made.forward + gradients + round(searched), backward=made.backward + gradients)


def _beside(profile: Profile, directions: int, sources: int) -> Cost:
    """Of the baselines."""
    used, most = _used(profile, sources), directions if profile.baselines == "all" else min(directions, PAGES)
    made = [generators[name].configured(profile.name).cost(most, used) for name in baselines()]
    walked = round(most * len(made) * _walked(profile, used) / COARSER**2)
    return Cost(forward=sum(cost.forward for cost in made) + walked, backward=sum(cost.backward for cost in made))


def _used(profile: Profile, sources: int) -> int:
    return sources if profile.samples_per_class is None else min(sources, profile.samples_per_class)


def _walked(profile: Profile, used: int) -> float:
    """Points of IDC's trajectories in one direction."""
    wanted = (1.96 * SPREAD / (0.3 * profile.precision)) ** 2
    return (IN_FULL if profile.name == "paper" else POINTS) * min(1.5 * wanted, used * PARTNERS)


def of_a_unit(profile: Profile, generator: str, pairs: int, sources: int) -> dict[Kind, Cost]:
    """Evaluations that each kind of task spends on a pair; a screening on a sample of each of its classes.

    Args:
        profile, generator, sources: as of ``expected``.
        pairs: of the audit.
    """
    gradients = 2 * profile.gradients
    one = Cost(forward=gradients + 2 * ATTACKED, backward=gradients)
    outlined = 2 * min(OUTLINED, sources) * (BISECTIONS + LOOKED_AT + POINTS // 2)  # a trajectory for two instances
    whole, beside = _in_full(profile, generator, 2 * pairs, sources), _beside(profile, 2 * pairs, sources)
    known, each = min(SCREENED, profile.attacked), max(1, pairs)  # a full level goes on from the screening
    return {
        "screen": one,
        "outline": Cost(forward=outlined, backward=0),
        "full": Cost(
            forward=max(0, whole.forward // each - known * one.forward),
            backward=max(0, whole.backward // each - known * one.backward),
        ),
        "baselines": Cost(
            forward=beside.forward // min(each, PAGES // 2), backward=beside.backward // min(each, PAGES // 2)
        ),
    }


def foretold(budget: TimeBudget, pairs: int, profile: str) -> str:
    """What the user has to know of the time before the work on class pairs begins; empty where that is nothing.

    That an audit without a time budget takes long, and what one would give; that one is too short for all pairs.

    Args:
        pairs: that are still to be audited; under a time budget, those of which nothing is known yet.
    """
    if budget.seconds is not None:
        return _too_short(budget, budget.seconds, pairs)
    pace = budget.pace
    early = pace.expected("screen", SCREENED * pairs)
    whole = early + pace.expected("full", pairs) + pace.expected("baselines", min(pairs, PAGES // 2))
    if whole < LONG:
        return ""
    first = early + pace.expected("outline", pairs)
    return (
        f"this audit may take {_about(whole)} ({pairs:,} pair{'' if pairs == 1 else 's'}, profile {profile});"
        f" --time-budget {max(1, math.ceil(FIRST * first / 60))}m would give margins and an outline of every pair,"
        " and more time the most fragile ones in full"
    )


def _too_short(budget: TimeBudget, seconds: float, pairs: int) -> str:
    """That the time left does not suffice to screen every pair, and what would; empty where it does."""
    screening = budget.pace.expected("screen", AT_FIRST * pairs)
    if screening and budget.fits(screening):
        return ""
    spent, left = budget.clock() - budget.started, budget.left()
    needed = TimeBudget.enough_for(spent + CAUTION * screening)
    found = "nothing is left for class pairs" if left <= 0 else f"{left:.0f} s are left for {pairs:,} class pairs"
    return (
        f"--time-budget {seconds:g}s is short: model, data and predictions took {spent:.0f} s of it, and {found};"
        f" margins of all of them take about {_rounded_up(needed)}s in all"
    )


def _rounded_up(seconds: float) -> int:
    """To two digits."""
    step = 10 ** max(0, math.floor(math.log10(max(seconds, 1))) - 1)
    return step * math.ceil(seconds / step)


def _about(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"about {minutes} minutes" if minutes < 100 else f"about {minutes / 60:.0f} hours"


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


REPEATS = 3
BUDGET_SECONDS = 2.0
"""No further repeat is begun after this."""


def forward_seconds(classifier: Classifier, x: Tensor) -> float:
    """Seconds of a prediction by the artefact's own runtime, per instance of the batch ``x``."""
    return _best(lambda: classifier.scores(x)) / len(x)


def both_seconds(classifier: Classifier, x: Tensor) -> float | NotMeasured:
    """Seconds of a forward and backward pass of the gradient route, per instance of the batch ``x``."""
    if isinstance(classifier.gradient, NotMeasured):
        return classifier.gradient

    def both() -> None:
        leaf = x.to(classifier.device).clone().requires_grad_()
        torch.autograd.grad(classifier.logits(leaf)[:, 0].sum(), leaf)
        if leaf.is_cuda:
            torch.cuda.synchronize(leaf.device)

    return _best(both) / len(x)


def _best(run: Callable[[], object]) -> float:
    """Least time of a few runs after one to warm up: what disturbs a run only ever makes it longer."""
    begin, times = time.perf_counter(), list[float]()
    run()
    while not times or (len(times) < REPEATS and time.perf_counter() - begin < BUDGET_SECONDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)

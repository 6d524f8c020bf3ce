"""Checks on the audit as a whole, made before any number is believed: a list that stands above the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch

from auditor.characteristics.diversity import COLLAPSE
from auditor.datasets.base import Dataset
from auditor.documents.plan import AUTO_GENERATOR
from auditor.documents.results import Coverage, Direction, Measure, NotMeasured, Pair, Performance, Validity
from auditor.errors import InputRefused
from auditor.models.classifier import Classifier
from auditor.models.determinism import ModelChanged, watched
from auditor.numbers.intervals import Interval, percent
from auditor.pipeline.model_facts.label_fit import AGAIN, labels_fit
from auditor.pipeline.model_facts.label_output import ID as LABEL_OUTPUT
from auditor.pipeline.model_facts.label_output import label_output
from auditor.pipeline.model_facts.normalisations import Normalisation, tried
from auditor.pipeline.model_facts.predictions import Predictions

NEAR_CHANCE, POOR = 0.1, 0.5
"""Shares of the way from chance to perfect: below the first accuracy says nothing, below the second it is worth
asking whether the pixels are normalised as the model expects."""
UNKNOWN_CAUSE = "the pixels are probably prepared otherwise than in training, or the classes stand in another order; "
LOW_SUCCESS = 0.9
FEW_SOURCES = 30
JUMPS = 0.01
"""Share of boundary instances at a jump from which on the model's probabilities are said to jump."""
DIVERSITY = "diversity"
NONE_IN_FULL = Validity(
    id="generation", status="warn", message="No pair was audited in full, so the generator was not at work."
)
CONSTANT = 1e-6
"""Range of each probability over all samples below which the model's answer is said to be the same everywhere."""


def validity_of(
    classifier: Classifier,
    train: Predictions,
    test: Predictions,
    pairs: Sequence[Pair],
    generators: tuple[str, str],
) -> list[Validity]:
    """All checks of this module, in the order of their importance.

    Args:
        generators: the one asked for, and the one that made the instances.
    """
    directions = [direction for pair in pairs if pair.level != "screened" for direction in pair.directions]
    full = [direction for pair in pairs if pair.level == "full" for direction in pair.directions]
    names = {index: name for pair in pairs for index, name in zip(pair.classes, pair.names, strict=True)}
    return [
        finite_outputs(classifier, train, test),
        *route(classifier, *generators),
        generation(full, names) if full or not pairs else NONE_IN_FULL,
        jumps(directions),
        enough_sources(full, names),
        diversity(directions, names),
    ]


def refuse_worthless(classifier: Classifier, checks: Sequence[Validity]) -> None:
    """End an audit before anything is measured on a model of which no number could be believed.

    Args:
        checks: made while the model was bound to the data, or later.
    Raises:
        InputRefused: it already gave other answers to the same samples, or answers that are no numbers.
    """
    watch = watched(classifier.backend)
    if watch is not None and watch.changed is not None:
        shown = f"; its graph {'; '.join(watch.side_effects)}" if watch.side_effects else ""
        action = "export it after eval(), without dropout, random numbers and counters"
        raise InputRefused("a model that gives the same answer to the same input", f"{watch.changed}{shown}", action)
    for check in checks:
        if check.id == "output_finite" and check.status == "fail":
            action = "check --mean, --std and the samples, or leave those out"
            raise InputRefused("finite scores for every sample", check.message.rstrip("."), action)


@contextmanager
def refusing_change(classifier: Classifier) -> Iterator[None]:
    """A block before anything is measured: a model that is seen to change its answers in it is refused at once.

    Raises:
        InputRefused: it did.
    """
    try:
        yield
    except ModelChanged:
        refuse_worthless(classifier, ())
        raise


def refuse_constant(train: Predictions, test: Predictions, class_names: Sequence[str]) -> None:
    """End an audit of a model that puts all samples, of whatever class, in one.

    Raises:
        InputRefused: there is no boundary among the samples.
    """
    answers = torch.cat([part.probabilities[part.finite] for part in (train, test)])
    predicted = torch.cat([part.predicted[part.finite] for part in (train, test)]).unique()
    if len(predicted) != 1 or len(train.classes) < 2:
        return
    constant = bool((answers.amax(dim=0) - answers.amin(dim=0)).amax() < CONSTANT)
    how = ", with the same probabilities" if constant else ""
    raise InputRefused(
        "a model that tells the classes apart",
        f"class {class_names[int(predicted)]} for all {len(answers):,} samples{how}",
        "check that its weights were loaded, and --mean, --std and --layout",
    )


def covered(coverage: Coverage, pairs: Sequence[Pair]) -> Validity:
    """What part of the class pairs was audited; less than what was asked for is a warning."""
    directions, empty = 2 * coverage.audited, len(coverage.empty)
    nothing = ""
    if empty:
        nothing = (
            f"; in {empty:,} of {directions:,} directions no boundary instance was found, so the audit says nothing"
        )
        nothing += " of the boundary there"
    if coverage.audited == coverage.possible and not coverage.levels:
        status: Literal["ok", "warn", "fail"] = "fail" if 2 * empty > directions else "warn" if empty else "ok"
        every = f"All {coverage.possible:,} pairs of classes were" if coverage.possible > 1 else "The only pair was"
        message = f"{every} audited{nothing}."
        return Validity(id="coverage", status=status, message=message)
    verb = "was" if coverage.audited == 1 else "were"
    done = "audited or at least screened" if coverage.levels else "audited"
    said = f"{coverage.audited:,} of {coverage.possible:,} pairs of classes {verb} {done}{nothing}"
    said += f" (chosen {coverage.chosen})"
    if isinstance(share := coverage.errors_covered, Measure):
        errors = "only error on the test split lies" if share.n == 1 else f"{share.n:,} errors on the test split lie"
        said += f"; {percent(share.value)} of the model's {errors} between them"
    if coverage.reason:
        said += f"; {coverage.requested:,} were wanted and {coverage.reason}"
        if not coverage.levels and (reached := _widest(pairs, "idc")):
            said += f"; IDC is known to within {reached:.2g} or better in each"
    status = "fail" if 2 * empty > directions > 0 else "warn" if coverage.partial or empty else "ok"
    return Validity(id="coverage", status=status, message=f"{said}.")


def _widest(pairs: Sequence[Pair], id: str) -> float | None:
    """Half of the widest 95 % interval of a measure over all directions."""
    found = [direction.characteristics.get(id) for pair in pairs for direction in pair.directions]
    return max(((m.high - m.low) / 2 for m in found if isinstance(m, Measure)), default=None)


def finite_outputs(classifier: Classifier, train: Predictions, test: Predictions) -> Validity:
    """Every output of the model is a number, on the data and wherever else it was asked."""
    bad = sum(int((~part.finite).sum()) for part in (train, test))
    total = len(train.split) + len(test.split)
    watch = watched(classifier.backend)
    if not bad and watch is not None and watch.not_finite:
        message = (
            f"All outputs on {total:,} samples are finite, but at points away from the data that the search asked for"
            " they hold NaN or infinity; there is no class there, and no boundary instance."
        )
        return Validity(id="output_finite", status="warn", message=message)
    if not bad:
        return Validity(id="output_finite", status="ok", message=f"All outputs on {total:,} samples are finite.")
    message = f"The outputs of {bad:,} of {total:,} samples hold NaN or infinity; these samples count as wrong."
    return Validity(id="output_finite", status="fail", message=message)


def checks_of_fit(
    classifier: Classifier, dataset: Dataset, train: Predictions, test: Predictions, performance: Performance
) -> list[Validity]:
    """Whether labels and pixels are those of the model's training, by its predictions.

    ``label_output`` where the file has one, ``labels`` and ``accuracy``. Where the file contradicts itself, nothing is
    advised about the data.
    """
    own = label_output(classifier, test)
    if any(check.status == "fail" for check in own):
        return [*own, accuracy(classifier, test, performance, advise=False)]
    labels = labels_fit(train, test, dataset.class_names, by_name=dataset.named)
    return [*own, labels, accuracy(classifier, test, performance, dataset.name)]


def refuse_unfit(
    checks: Sequence[Validity], train: Predictions, test: Predictions, class_names: Sequence[str], *, force: bool
) -> None:
    """End an audit on labels or pixels that cannot be those of the model's training, before anything is measured.

    Args:
        checks: ``checks_of_fit``; a file that contradicts itself goes first, then what an option mends.
        force: go on all the same, but not where there is no boundary among the samples.
    Raises:
        InputRefused: one of them failed, or the model puts all samples in one class.
    """
    failed = [] if force else [check for check in checks if check.status == "fail"]
    failed.sort(key=lambda check: (check.id != LABEL_OUTPUT, AGAIN not in check.message))
    if not failed or (AGAIN not in failed[0].message and failed[0].id != LABEL_OUTPUT):
        refuse_constant(train, test, class_names)
    if failed:
        action = "mend that, or say --force to audit all the same"
        raise InputRefused("labels and pixels as in the model's training", failed[0].message.rstrip("."), action)


def accuracy(
    classifier: Classifier, test: Predictions, performance: Performance, data: str = "", *, advise: bool = True
) -> Validity:
    """The model is better than chance, and no other usual normalisation makes it clearly better.

    Chance is that of the classes present: one in so many. Another normalisation is advised where it beats chance and
    today's accuracy beyond their intervals, the data set's own constants before others as good.

    Args:
        data: name of the data set.
        advise: look for another normalisation where accuracy is poor.
    """
    measured = performance.accuracy
    if not isinstance(measured, Measure):
        return Validity(id="accuracy", status="warn", message=f"Accuracy is not known: {measured.not_measured}.")
    chance = 1 / max(2, len(test.classes))
    skill = (measured.value - chance) / (1 - chance)
    said = f"Accuracy on {measured.n:,} test samples is {percent(measured.value)}, chance is {percent(chance)}"
    if skill >= POOR:
        return Validity(id="accuracy", status="ok", message=f"{said}.")
    near = skill < NEAR_CHANCE
    if not advise:
        return Validity(id="accuracy", status="fail" if near else "ok", message=f"{said}.")
    others = tried(classifier, test.split)
    listed = "; ".join(f"{way.name} {percent(share.value)}" for way, share in others)
    best, advice = better_way(others, max(measured.high, chance), data), ""
    if best is not None:
        advice = f"; the model was probably trained with other pixels: {AGAIN} {best.options}"
    said += f"; {UNKNOWN_CAUSE if near and not advice else ''}tried instead: {listed}{advice}"
    return Validity(id="accuracy", status="fail" if near or advice else "ok", message=f"{said}.")


def better_way(others: Sequence[tuple[Normalisation, Interval]], least: float, data: str) -> Normalisation | None:
    """The normalisation to advise: clearly above ``least``, the data set's own where no other is clearly better.

    Args:
        others: with the accuracy under each, best first.
    """
    best, share = others[0]
    if share.low <= least:
        return None
    for way, own in others:
        if way.name.casefold().replace("-", "") == data and own.high >= share.value:
            return way
    return best


def generation(directions: Sequence[Direction], names: dict[int, str]) -> Validity:
    """Most sources reached the boundary in every direction."""
    found = sum(direction.generation.boundary for direction in directions)
    asked = sum(direction.generation.requested for direction in directions)
    if not directions:
        return Validity(id="generation", status="fail", message="No pair of classes was audited.")
    if not asked:
        message = "No direction has a training sample that the model classifies right, so no instance was sought."
        return Validity(id="generation", status="fail", message=message)
    said = f"{found:,} of {asked:,} sources reached the boundary"
    rescued = Counter[str]()
    for direction in directions:
        rescued.update(direction.generation.rescued)
    if rescued:
        means = ", ".join(f"{count:,} {way}" for way, count in rescued.most_common())
        said += f", {rescued.total():,} of them only by a second effort ({means})"
    low = [d for d in directions if d.generation.boundary < LOW_SUCCESS * d.generation.requested]
    if not low:
        return Validity(id="generation", status="ok" if found else "fail", message=f"{said}.")
    worst = min(low, key=lambda d: d.generation.boundary / d.generation.requested)
    said += (
        f"; fewer than {LOW_SUCCESS:.0%} in {len(low)} of {len(directions)} directions, fewest from"
        f" {_named(worst, names)}: {worst.generation.boundary} of {worst.generation.requested}."
    )
    return Validity(id="generation", status="warn" if 2 * found >= asked else "fail", message=said)


DEFAULT = "deepdig"
"""What ``auto`` takes for all but large models."""


def route(classifier: Classifier, asked: str, used: str) -> list[Validity]:
    """Another generator than the one asked for made the instances; takes the place of the check of the gradient.

    Where ``auto`` was asked for, that it took another one than DeepDIG.
    """
    if asked == AUTO_GENERATOR and isinstance(classifier.gradient, str):
        said = (
            f"The model is large, so its instances were made by {used}, which trains nothing; --generator deepdig asks"
        )
        said += " for DeepDIG all the same."
        return [] if used == DEFAULT else [Validity(id="generator", status="ok", message=said)]
    asked = DEFAULT if asked == AUTO_GENERATOR else asked
    if asked == used:
        return []
    gradient = classifier.gradient
    reason = gradient.not_measured if isinstance(gradient, NotMeasured) else "the model does not suit it"
    message = (
        f"The model has no gradients ({reason}), so its instances were made by {used} instead of {asked}: a search by"
        " its decisions alone, whose distances are looser upper bounds."
    )
    return [Validity(id="gradient", status="warn", message=message)]


def jumps(directions: Sequence[Direction]) -> Validity:
    """The two classes tie in the boundary instances, instead of the model's answer jumping from one to the other."""
    found = sum(direction.generation.boundary for direction in directions)
    jumping = sum(direction.generation.jumps for direction in directions)
    if not jumping:
        return Validity(id="jumps", status="ok", message="The two classes tie in every boundary instance.")
    message = (
        f"At {jumping:,} of {found:,} boundary instances the model's probabilities jump: the two classes never tie"
        " there, but two points closer than 1.2e-7 in every pixel are predicted the one and the other."
    )
    return Validity(id="jumps", status="warn" if jumping > JUMPS * found else "ok", message=message)


def enough_sources(directions: Sequence[Direction], names: dict[int, str]) -> Validity:
    """Every direction starts from enough samples for its intervals to mean something."""
    few = [d for d in directions if d.generation.requested < FEW_SOURCES]
    if not few:
        return Validity(id="sources", status="ok", message=f"Each direction has at least {FEW_SOURCES} sources.")
    least = min(few, key=lambda d: d.generation.requested)
    message = (
        f"{len(few)} of {len(directions)} directions {'starts' if len(few) == 1 else 'start'} from fewer than"
        f" {FEW_SOURCES} training samples, fewest from {_named(least, names)}: {least.generation.requested};"
        f" {'its' if len(few) == 1 else 'their'} intervals are wide."
    )
    return Validity(id="sources", status="warn", message=message)


def diversity(directions: Sequence[Direction], names: dict[int, str]) -> Validity:
    """Boundary instances are not copies of one another."""
    measured = [(m, d) for d in directions if isinstance(m := d.characteristics.get(DIVERSITY), Measure)]
    if not measured:
        return Validity(id="diversity", status="warn", message="The diversity of the instances could not be measured.")
    collapsed = [(m, d) for m, d in measured if m.value < COLLAPSE]
    smallest, where = min(measured, key=lambda item: item[0].value)
    said = (
        f"Nearest neighbours among boundary instances lie at {smallest.value:.2f} times the distance among sources or"
        f" more; least from {_named(where, names)}."
    )
    if not collapsed:
        return Validity(id="diversity", status="ok", message=said)
    said = (
        f"In {len(collapsed)} of {len(measured)} directions the boundary instances are near-copies of each other"
        f" (nearest neighbours below {COLLAPSE} times the distance among sources), worst from"
        f" {_named(where, names)} with {smallest.value:.2f}; numbers there describe few places of the boundary."
    )
    return Validity(id="diversity", status="warn", message=said)


def _named(direction: Direction, names: dict[int, str]) -> str:
    return f"{names[direction.source]} to {names[direction.target]}"

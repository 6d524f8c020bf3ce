"""What to do: for the pairs that rank first, what the evidence suggests, with the evidence beside it.

Every rule returns None without evidence, and a pair about which no rule speaks gets no advice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auditor.documents.results import Pair
from auditor.render.rounding import count, percent, plural, shown, value_text
from auditor.render.view.lookups import Audit, measured
from auditor.render.view.named_samples import flagged_in, misclassified_in, named, taken_for
from auditor.render.view.summary_words import INTRUDED, INTRUSION, MARGIN, miscalibrated, weakest, weakest_class

PAIRS = 5
"""Pairs that advice is sought for."""
EVEN = 0.1
"""An asymmetry whose interval begins above this is worth a suggestion."""


@dataclass(frozen=True)
class Advice:
    """A suggestion and the numbers it rests on."""

    suggestion: str
    evidence: str


@dataclass(frozen=True)
class PairAdvice:
    """Suggestions for one pair, or for the model as a whole (no anchor)."""

    name: str
    anchor: str
    items: list[Advice]


Rule = Callable[[Audit, Pair], Advice | None]


def advice(audit: Audit) -> list[PairAdvice]:
    """Suggestions for the pairs that rank first, then for the whole model; only those with evidence."""
    if audit.broken:
        first = Advice(
            "Mend what the failed checks found and audit again: no other advice would rest on sound numbers.", ""
        )
        return [PairAdvice("Before anything else", "reproduce", [first])]
    found = []
    for pair in audit.ranked[:PAIRS]:
        items = [item for rule in RULES if (item := rule(audit, pair)) is not None]
        if items:
            a, b = (audit.name(c) for c in pair.classes)
            found.append(PairAdvice(f"{a} and {b}", audit.anchor(pair.classes), items))
    found += _between(audit)
    general = [item for item in (_weakest(audit), _calibrate(audit)) if item is not None]
    return [*found, PairAdvice("The whole model", "model", general)] if general else found


def look_at_labels(audit: Audit, pair: Pair) -> Advice | None:
    """Test samples of the pair that the model takes for one another, by name."""
    (a, b), (wrong, of) = pair.classes, audit.confused(pair.classes)
    if wrong < 2:
        return None
    return Advice(
        "Look at the labels and the images of these mistakes first, then collect more samples of both classes.",
        f"{count(wrong)} of {count(of)} test samples of {audit.name(a)} and {audit.name(b)} are taken for one another"
        f"{named(audit, misclassified_in(audit, pair.classes))}.",
    )


def separate_embedding(audit: Audit, pair: Pair) -> Advice | None:
    """Training samples on the wrong side of the plane that separates the classes in the embedding, by name."""
    found = audit.of_pair("edc_train_accuracy", pair)
    if not found:
        return None
    measure = found[0].measure
    wrong = round((1 - measure.value) * measure.n)
    if wrong < 1:
        return None
    return Advice(
        "Look at the training samples on the wrong side of the plane: wrong labels, or images that need more than the "
        "model's last layer keeps.",
        f"{count(wrong)} of {count(measure.n)} training embeddings {'lies' if wrong == 1 else 'lie'} on the wrong side "
        f"of a linear separation{named(audit, flagged_in(audit, pair))}.",
    )


def harden(audit: Audit, pair: Pair) -> Advice | None:
    """A margin clearly below that of the median direction."""
    found, middle = audit.of_pair(MARGIN, pair), audit.median(MARGIN)
    if not found or middle is None or len(audit.results.pairs) < 3:
        return None
    nearest = min(found, key=lambda f: f.measure.value)
    if nearest.measure.high >= 0.75 * middle or not nearest.measure.value:
        return None
    a, b = (audit.name(c) for c in nearest.classes)
    return Advice(
        f"Train with small changes of {a} (noise, shifts, adversarial samples) and measure again.",
        f"From {a} to {b} a change of {shown(nearest.measure).full} is enough for half of the {audit.unseen} samples; "
        f"the median direction takes {value_text(middle, nearest.measure.scale)} ({nearest.measure.unit}).",
    )


def even_out(audit: Audit, pair: Pair) -> Advice | None:
    """One direction clearly easier than the other."""
    asymmetry = measured(pair.characteristics.get("asymmetry_margin"))
    both = audit.of_pair(MARGIN, pair)
    if asymmetry is None or len(both) < 2 or asymmetry.low <= EVEN:
        return None
    near, far = sorted(both, key=lambda f: f.measure.value)
    a, b = (audit.name(c) for c in near.classes)
    return Advice(
        f"Collect or augment samples of {a}: the boundary runs closer to them.",
        f"From {a} to {b} the median change is {shown(near.measure).full},"
        f" from {b} to {a} it is {shown(far.measure).full}.",
    )


def third_class(audit: Audit, pair: Pair) -> Advice | None:
    """A third class that takes more than one first bisection in twenty."""
    hit = [f for f in audit.of_pair(INTRUSION, pair) if f.measure.low > INTRUDED]
    if not hit:
        return None
    worst = max(hit, key=lambda f: f.measure.value)
    lost = audit.directions[worst.classes].generation.third_class
    if not lost:
        return None
    index, times = max(lost.items(), key=lambda item: (item[1], item[0]))
    a, b = (audit.name(c) for c in worst.classes)
    return Advice(
        f"Audit {audit.name(int(index))} against {a} and against {b} too: part of the border between "
        "them belongs to it.",
        f"{shown(worst.measure).full} of the first bisections from {a} to {b} met a third class; {count(times)} "
        f"of {count(sum(lost.values()))} met {audit.name(int(index))}.",
    )


def simply_alike(audit: Audit, pair: Pair) -> Advice | None:
    """A close pair without a single mistake: nothing to repair, something to watch."""
    wrong, of = audit.confused(pair.classes)
    if harden(audit, pair) is None or wrong or not of:
        return None
    return Advice(
        "Or the two may simply be alike: keep the pair in every later audit and compare.",
        f"None of {count(of)} test samples of the two is taken for the other, although the boundary is close.",
    )


RULES: tuple[Rule, ...] = (look_at_labels, separate_embedding, harden, even_out, third_class, simply_alike)


def _between(audit: Audit) -> list[PairAdvice]:
    """The pair with most intrusion, where it is not among those that were looked at already."""
    worst = audit.worst(INTRUSION)
    pairs = [p for p in audit.ranked[PAIRS:] if worst is not None and set(p.classes) == set(worst.classes)]
    return [
        PairAdvice(" and ".join(audit.name(c) for c in pair.classes), audit.anchor(pair.classes), [item])
        for pair in pairs
        if (item := third_class(audit, pair)) is not None
    ]


def _weakest(audit: Audit) -> Advice | None:
    """The class recognised least often, and what it is mostly taken for, whether that pair was audited or not."""
    least, finding = weakest(audit), weakest_class(audit)
    if least is None or finding is None:
        return None
    label = least.first.classes[0]
    mistakes = {k: n for k, n in enumerate(audit.results.performance.confusion[label]) if n and k != label}
    if not mistakes:
        return None
    other = max(mistakes, key=lambda k: (mistakes[k], -k))
    a, b = audit.name(label), audit.name(other)
    pair = (min(label, other), max(label, other))
    missing = "" if any(p.classes == pair for p in audit.results.pairs) else f", and audit {a} against {b}"
    verb = "was" if mistakes[other] == 1 else "were"
    return Advice(
        f"Look at the samples of {a} that the model gets wrong{missing}.",
        f"{finding.text} {count(mistakes[other])} of its {plural(sum(mistakes.values()), 'mistake')} {verb} taken for "
        f"{b}{named(audit, taken_for(audit, label, other))}.",
    )


def _calibrate(audit: Audit) -> Advice | None:
    ece = miscalibrated(audit)
    if ece is None:
        return None
    return Advice(
        "Calibrate the probabilities (temperature scaling on held-out samples) before they are used as such.",
        f"Confidence and accuracy differ by {percent(ece.value)} on average over {plural(ece.n, 'test sample')}.",
    )

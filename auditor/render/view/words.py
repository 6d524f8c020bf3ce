"""Sentences of the summary, each made by a rule from numbers; a rule without evidence returns None.

Words are plain and say nothing that the numbers do not show: a difference is stated only where the intervals
exclude chance.
"""

from __future__ import annotations

from collections.abc import Callable

from auditor.render.names import display_text
from auditor.render.rounding import count, percent, plural, shown, value_text
from auditor.render.view.audit import Audit, Found, measured
from auditor.render.view.parts import Sentence
from auditor.results import Generation, Measure, harm

MARGIN, GENERATED_MARGIN = "margin_l2_attack", "margin_l2"
INTRUSION, IDC, DIVERSITY = "third_class_intrusion", "idc", "diversity"
COLLAPSED = 0.25
MISCALIBRATED = 0.02
INTRUDED = 0.05

Rule = Callable[[Audit], Sentence | None]


def verdict(audit: Audit) -> tuple[str, str]:
    """The decision in one sentence, and its reason in another."""
    gate = audit.results.gate
    if audit.broken:
        return (
            "This audit is not valid.",
            f"{plural(len(audit.broken), 'check')} made before measuring failed, so no number below "
            "should be relied on.",
        )
    if gate.status == "not_configured":
        return "No gate was configured: this report measures and does not decide.", _what_numbers_say(audit)
    failed = [rule for rule in gate.rules if rule.status in ("fail", "not_measured")]
    warned = [rule for rule in gate.rules if rule.status == "warn"]
    if gate.status == "failed":
        first = f" The first: {display_text(failed[0].message)}" if failed else ""
        return (
            "The model does not pass the gate.",
            f"{count(len(failed))} of {plural(len(gate.rules), 'rule')} failed.{first}",
        )
    also = f"; {plural(len(warned), 'rule')} gave a warning" if warned else ""
    return "The model passes the gate.", f"All {plural(len(gate.rules), 'rule')} hold{also}."


def _what_numbers_say(audit: Audit) -> str:
    accuracy, worst = measured(audit.results.performance.accuracy), closest(audit)
    parts = []
    if accuracy is not None:
        parts.append(f"The model is right on {shown(accuracy).full} of {count(accuracy.n)} test samples.")
    if worst is not None and len(audit.results.pairs) > 1:
        a, b = worst.classes
        parts.append(f"Its boundary comes closest between {audit.name(a)} and {audit.name(b)}.")
    return " ".join(parts) or "Accuracy was not measured."


def confidence(audit: Audit) -> str:
    """What the report rests on."""
    pairs = plural(len(audit.results.pairs), "class pair")
    total = len(audit.names) * (len(audit.names) - 1) // 2
    coverage = f"all {pairs}" if total == len(audit.results.pairs) else f"{pairs} of {count(total)}"
    return (
        f"Based on {plural(audit.instances, 'boundary instance')} over {coverage}, in both "
        "directions; intervals in brackets are 95 %."
    )


def three_findings(audit: Audit) -> list[Sentence]:
    """The first three rules, in order of weight, that have something to say; none on an audit that is not valid."""
    if audit.broken:
        return []
    found: list[Sentence] = []
    for rule in RULES:
        if len(found) < 3 and (sentence := rule(audit)) is not None:
            found.append(sentence)
    return found


def closest(audit: Audit) -> Found | None:
    """The direction in which the ranking's measure is worst."""
    return audit.worst(audit.results.summary.ranked_by)


def collapse(audit: Audit) -> Sentence | None:
    """Boundary instances that are near-copies of each other: their other measures describe one place."""
    places = [f for f in audit.found(DIVERSITY) if f.measure.high < COLLAPSED]
    if not places:
        return None
    worst = min(places, key=lambda f: f.measure.value)
    a, b = (audit.name(c) for c in worst.classes)
    where = f"In {plural(len(places), 'direction')} the boundary instances are near-copies of each other"
    return Sentence(
        f"{where}, most of all from {a} to {b}: they are {shown(worst.measure).full} times as varied "
        "as the samples they "
        "were made from, so other measures there stand for one place on the boundary.",
        audit.anchor(worst.classes),
    )


def nearest_pair(audit: Audit) -> Sentence | None:
    """How close the closest pair is, and how the median direction compares."""
    worst, definition = closest(audit), audit.rank_definition
    if worst is None or definition is None:
        return None
    a, b = (audit.name(c) for c in worst.classes)
    value = shown(worst.measure)
    if audit.results.summary.ranked_by in (MARGIN, GENERATED_MARGIN):
        start = f"The model changes its mind from {a} to {b} after a median change of {value.full} ({value.unit})"
    else:
        start = f"{definition.title} is least favourable from {a} to {b}: {value.full} ({value.unit})"
    middle = audit.median(audit.results.summary.ranked_by)
    if middle is None or len(audit.results.pairs) < 3:
        return Sentence(start + ".", audit.anchor(worst.classes))
    if _excludes(worst.measure, middle):
        return Sentence(
            f"{start}; for the median direction it takes {value_text(middle, worst.measure.unit)}.",
            audit.anchor(worst.classes),
        )
    return Sentence(
        f"{start}; that is no clear difference from the median direction ({value_text(middle, worst.measure.unit)}).",
        audit.anchor(worst.classes),
    )


def weakest_class(audit: Audit) -> Sentence | None:
    """The class recognised least often, where its interval lies below the overall accuracy."""
    found, overall = audit.weakest(), measured(audit.results.performance.accuracy)
    if found is None or overall is None:
        return None
    classes, measure = found
    who, verb = among(audit, classes)
    each = f"its {count(measure.n)} test samples" if len(classes) == 1 else "their test samples each"
    return Sentence(
        f"{who} {verb} recognised least often: {shown(measure).full} of {each}, against {shown(overall).value} "
        "over all classes.",
        "model",
    )


def among(audit: Audit, classes: list[int]) -> tuple[str, str]:
    """One class, two, or a number of them, with the verb that fits."""
    if len(classes) == 1:
        return audit.name(classes[0]), "is"
    if len(classes) == 2:
        return " and ".join(audit.name(c) for c in classes), "are"
    return f"{count(len(classes))} classes", "are"


def intrusion(audit: Audit) -> Sentence | None:
    """A third class between two others, where it takes more than one search in twenty and more than usual."""
    worst, middle = audit.worst(INTRUSION), audit.median(INTRUSION)
    if worst is None or middle is None or worst.measure.low <= max(INTRUDED, middle):
        return None
    a, b = (audit.name(c) for c in worst.classes)
    lost = audit.directions[worst.classes].generation
    return Sentence(
        f"Between {a} and {b} lies another class: {shown(worst.measure).full} of the searches from "
        f"{a} to {b} ended in a "
        f"third class{_most_often(audit, lost)}.",
        audit.anchor(worst.classes),
    )


def folded(audit: Audit) -> Sentence | None:
    """The direction with the most complex boundary, where it differs from the median one."""
    worst, middle = audit.worst(IDC), audit.median(IDC)
    if worst is None or middle is None or len(audit.results.pairs) < 3 or not _excludes(worst.measure, middle):
        return None
    a, b = (audit.name(c) for c in worst.classes)
    return Sentence(
        f"The boundary is most folded from {a} to {b}: on a straight walk along it the predicted class changes at "
        f"{shown(worst.measure).full} of the steps, against {value_text(middle, worst.measure.unit)} "
        "for the median direction.",
        audit.anchor(worst.classes),
    )


def calibration(audit: Audit) -> Sentence | None:
    """A gap between confidence and accuracy that chance does not explain."""
    ece = measured(audit.results.performance.ece)
    if ece is None or ece.low <= MISCALIBRATED:
        return None
    bins = [
        b for b in audit.results.performance.reliability if b.n and b.confidence is not None and b.accuracy is not None
    ]
    total = sum(b.n for b in bins)
    gap = sum(((b.confidence or 0) - (b.accuracy or 0)) * b.n for b in bins) / total if total else 0.0
    tendency = "more confident than it is right" if gap > 0 else "less confident than it is right"
    return Sentence(
        f"The model is {tendency}: confidence and accuracy differ by {value_text(ece.value, 'share')} on average.",
        "model",
    )


def mistakes(audit: Audit) -> Sentence | None:
    """How many of the model's test mistakes fall on the most fragile pairs."""
    if len(audit.results.pairs) < 10 or closest(audit) is None:
        return None
    confusion = audit.results.performance.confusion
    wrong = sum(v for i, row in enumerate(confusion) for j, v in enumerate(row) if i != j)
    top = audit.ranked[: max(len(audit.results.pairs) // 5, 1)]
    there = sum(audit.confused(pair.classes)[0] for pair in top)
    if wrong < 5 or there / wrong < 0.5:
        return None
    return Sentence(
        f"Of {count(wrong)} mistakes on test samples, {count(there)} lie between the "
        f"{count(len(top))} pairs whose boundary is "
        "closest.",
        "glance",
    )


def accuracy(audit: Audit) -> Sentence | None:
    """Accuracy with its interval."""
    measure = measured(audit.results.performance.accuracy)
    if measure is None:
        return None
    return Sentence(f"The model is right on {shown(measure).full} of {count(measure.n)} test samples.", "model")


def success(audit: Audit) -> Sentence | None:
    """How many searches for the boundary succeeded."""
    asked = sum(d.generation.requested for d in audit.directions.values())
    if not asked:
        return None
    return Sentence(
        f"{percent(audit.instances / asked)} of {count(asked)} searches for the boundary ended on it.", "glance"
    )


RULES: tuple[Rule, ...] = (
    collapse,
    nearest_pair,
    intrusion,
    weakest_class,
    folded,
    calibration,
    mistakes,
    accuracy,
    success,
)
"""In order of weight."""


def _excludes(measure: Measure, value: float) -> bool:
    return not measure.low <= value <= measure.high


def _most_often(audit: Audit, generation: Generation) -> str:
    total = sum(generation.third_class.values())
    if not total:
        return ""
    index, lost = max(generation.third_class.items(), key=lambda item: (item[1], item[0]))
    return f", most often {audit.name(int(index))} ({count(lost)} of {count(total)})"


def fragile_direction(audit: Audit, classes: tuple[int, int]) -> tuple[int, int]:
    """The direction of a pair that the ranking's measure finds worse; the pair's own order without it."""
    definition, id = audit.rank_definition, audit.results.summary.ranked_by
    a, b = classes
    both = [(c, m) for c in ((a, b), (b, a)) if (m := audit.at(id, *c)) is not None]
    if definition is None or not both:
        return a, b
    return max(both, key=lambda item: harm(definition.direction, item[1].value))[0]

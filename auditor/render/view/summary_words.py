"""Sentences of the summary, each made by a rule from numbers; a rule without evidence returns None.

Words are plain and say nothing that the numbers do not show: a difference is stated only where the intervals
exclude chance.
"""

from __future__ import annotations

from collections.abc import Callable

from auditor.documents.results import ACCURACY, Generation, Measure
from auditor.render.names import display_text
from auditor.render.rounding import count, percent, plural, shown, value_text
from auditor.render.view.depth import depth_words
from auditor.render.view.extremes import Extreme, closest_pair, extreme
from auditor.render.view.gate import gate_words
from auditor.render.view.lookups import Audit, Found, measured
from auditor.render.view.page_parts import Sentence

MARGIN = "margin_l2_attack"
INTRUSION, IDC, DIVERSITY = "third_class_intrusion", "idc", "diversity"
COLLAPSED = 0.25
MISCALIBRATED = 0.02
INTRUDED = 0.05
CHANCE = 0.05
"""A calibration error that a calibrated model shows more often than this is not spoken of."""

Rule = Callable[[Audit], Sentence | None]


def verdict(audit: Audit) -> tuple[str, str]:
    """The decision in one sentence, and its reason in another."""
    gate = audit.results.gate
    if audit.broken:
        return (
            "This audit is not valid.",
            f"{plural(len(audit.broken), 'check')} of the audit failed, so no number below should be relied on.",
        )
    if gate.status == "not_configured":
        return "No gate was configured: this report measures and does not decide.", _what_numbers_say(audit)
    # From the rules, not from the status alone: a verdict that nothing bears out is not repeated.
    passed = (
        gate.status == "passed" and gate.rules and not any(r.status in ("fail", "not_measured") for r in gate.rules)
    )
    decision = "The model passes the gate." if passed else "The model does not pass the gate."
    return decision, " ".join([gate_words(gate.rules), *_part(audit)])


def _part(audit: Audit) -> list[str]:
    """That only a part was audited, where the decision would be read as one about the whole."""
    if not audit.part:
        return []
    pairs = len(audit.results.pairs)
    verb = "was" if pairs == 1 else "were"
    return [f"Only {plural(pairs, 'class pair')} of {count(audit.possible)} {verb} audited."]


def _what_numbers_say(audit: Audit) -> str:
    accuracy, pair = measured(audit.results.performance.accuracy), closest_pair(audit)
    parts = []
    if accuracy is not None:
        parts.append(f"The model is right on {shown(accuracy).full} of {count(accuracy.n)} test samples.")
    if pair is not None and pair.of > 1:
        parts.append(_closest_said(audit, pair))
    return " ".join(parts) or "Accuracy was not measured."


def _closest_said(audit: Audit, pair: Extreme) -> str:
    a, b = (audit.name(c) for c in sorted(pair.first.classes))
    part = f"Of the {count(pair.of)} audited pairs, " if audit.part else ""
    if pair.hidden:
        said = "none is clearly the closest."
        return f"{part}{said}" if part else f"Of its {count(pair.of)} pairs of classes {said}"
    if pair.alone:
        return f"{part}its boundary comes closest between {a} and {b}." if part else (
            f"Its boundary comes closest between {a} and {b}."
        )  # fmt: skip
    return f"{part}{a} and {b} are {pair.among('closest pairs')}."


def confidence(audit: Audit) -> str:
    """What the report rests on, and what it does not cover."""
    pairs, directions = len(audit.results.pairs), audit.sought
    coverage = (
        f"{count(pairs)} of {plural(audit.possible, 'class pair')}" if audit.part
        else f"all {count(pairs)} class pairs" if pairs > 1
        else "the only class pair"
    )  # fmt: skip
    empty = sum(not d.generation.boundary for d in directions)
    ways = f"in {count(len(directions) - empty)} of {count(len(directions))} directions" if empty else (
        "in both directions"
    )  # fmt: skip
    samples = {i for d in audit.directions.values() if "test" in d.margins for i in d.margins["test"].index}
    unseen = f" and the margins of {plural(len(samples), f'{audit.unseen} sample')}" if samples else ""
    return " ".join(
        [
            f"Based on {plural(audit.instances, 'boundary instance')} over {coverage}, {ways}{unseen}; intervals in "
            "brackets are 95 %."
            if directions
            else f"Based on the margins of {plural(len(samples), f'{audit.unseen} sample')}; intervals in brackets are "
            "95 %.",
            *missing_pairs(audit),
        ]
    )


def missing_pairs(audit: Audit) -> list[str]:
    """What was asked for and is not there: pairs, their depth, and directions without a boundary instance."""
    coverage, said = audit.results.coverage, []
    if coverage.missing or not coverage.audited:
        reason = f": {display_text(coverage.reason, 240)}" if coverage.reason else ""
        said.append(
            f"The audit is partial: {count(len(coverage.missing))} of {plural(coverage.requested, 'pair')} asked for "
            f"{'is' if len(coverage.missing) == 1 else 'are'} missing{reason}."
        )
    said += depth_words(audit)
    empty = sum(not d.generation.boundary for d in audit.sought)
    if empty:
        said.append(
            f"In {count(empty)} of {plural(len(audit.sought), 'direction')} no boundary instance was found: "
            "nothing is known of the boundary there."
        )
    return said


def three_findings(audit: Audit) -> list[Sentence]:
    """The first three rules, in order of weight, that have something to say; none on an audit that is not valid."""
    if audit.broken:
        return []
    found: list[Sentence] = []
    for rule in RULES:
        if len(found) < 3 and (sentence := rule(audit)) is not None:
            found.append(sentence)
    return found


def collapse(audit: Audit) -> Sentence | None:
    """Boundary instances that are near-copies of each other: their other measures describe one place."""
    places = [f for f in audit.found(DIVERSITY) if f.measure.high < COLLAPSED]
    worst = extreme(places, audit.results.definitions.get(DIVERSITY))
    if worst is None:
        return None
    a, b = (audit.name(c) for c in worst.first.classes)
    where = f"In {plural(len(places), 'direction')} the boundary instances are near-copies of each other"
    example = {True: ", most of all ", False: ", for example "}[worst.alone] if worst.of > 1 else ", "
    return Sentence(
        f"{where}{example}from {a} to {b}: they are {shown(worst.first.measure).full} times as varied as the samples "
        "they were made from, so other measures there stand for one place on the boundary.",
        audit.anchor(worst.first.classes),
    )


def nearest_pair(audit: Audit) -> Sentence | None:
    """How close the closest direction is, whether it is alone in that, and how the median direction compares."""
    nearest = extreme(audit.found(audit.results.summary.ranked_by), audit.rank_definition)
    if nearest is None:
        return None
    measure, place = nearest.first.measure, audit.anchor(nearest.first.classes)
    a, b = (audit.name(c) for c in nearest.first.classes)
    if not measure.value:
        start = (
            f"Of the {audit.unseen} samples of {a} more than half are put in another class to begin with: their margin "
            "is 0"
        )
        return Sentence(f"{start}.", place)
    start = (
        f"The model changes its mind from {a} to {b} after a median change of {shown(measure).full} "
        f"({measure.unit}) of {audit.unseen} samples"
    )
    middle = audit.median(audit.results.summary.ranked_by)
    if middle is None or len(audit.results.pairs) < 3:
        return Sentence(start + ".", place)
    directions = f"{count(nearest.of)} {'audited ' if audit.part else ''}directions"
    takes = value_text(middle, measure.scale)
    if nearest.hidden or not _excludes(measure, middle):
        return Sentence(f"{start}; that is no clear difference from the median of {directions} ({takes}).", place)
    return Sentence(f"{start}, {nearest.among('closest', f' of {directions}')}; the median is {takes}.", place)


def weakest_class(audit: Audit) -> Sentence | None:
    """The class recognised least often, where its interval lies below the overall accuracy."""
    found, overall = weakest(audit), measured(audit.results.performance.accuracy)
    if found is None or overall is None:
        return None
    measure = found.first.measure
    tied = "" if found.alone else f"; it is {found.among('classes')}"
    return Sentence(
        f"{audit.name(found.first.classes[0])} is recognised {'least' if found.alone else 'less'} often: "
        f"{shown(measure).full} of its {count(measure.n)} test samples, against {shown(overall).value} over all "
        f"classes{tied}.",
        "model",
    )


def weakest(audit: Audit) -> Extreme | None:
    """The class recognised least often; None where it is not below the overall accuracy, or like all others."""
    performance = audit.results.performance
    overall = measured(performance.accuracy)
    found = [Found((c.index, c.index), m) for c in performance.per_class if (m := measured(c.accuracy)) is not None]
    least = extreme(found, ACCURACY)
    if overall is None or least is None or least.hidden or least.first.measure.high >= overall.value:
        return None
    return least


def intrusion(audit: Audit) -> Sentence | None:
    """A third class between two others, where it takes more than one first bisection in twenty and more than usual."""
    worst, middle = audit.worst(INTRUSION), audit.median(INTRUSION)
    if worst is None or middle is None or worst.measure.low <= max(INTRUDED, middle):
        return None
    a, b = (audit.name(c) for c in worst.classes)
    lost = audit.directions[worst.classes].generation
    return Sentence(
        f"Between {a} and {b} lies another class: {shown(worst.measure).full} of the first bisections from "
        f"{a} to {b} met a third class{_by_class(audit, lost)}; a second try may still have reached the boundary.",
        audit.anchor(worst.classes),
    )


def folded(audit: Audit) -> Sentence | None:
    """The direction with the most complex boundary, where it differs from the median one."""
    worst, middle = extreme(audit.found(IDC), audit.results.definitions.get(IDC)), audit.median(IDC)
    if worst is None or middle is None or len(audit.results.pairs) < 3 or 2 * len(worst.tied) >= worst.of:
        return None  # one of most directions is no finding
    measure = worst.first.measure
    if not _excludes(measure, middle):
        return None
    a, b = (audit.name(c) for c in worst.first.classes)
    scope = f" of {count(worst.of)} audited directions" if audit.part else ""
    start = (
        f"The boundary is most folded from {a} to {b}{scope}" if worst.alone
        else f"From {a} to {b} the boundary is {worst.among('most folded')}{scope}"
    )  # fmt: skip
    return Sentence(
        f"{start}: on a straight walk along it the predicted class changes at {shown(measure).full} of the steps, "
        f"against {value_text(middle, measure.scale)} for the median direction.",
        audit.anchor(worst.first.classes),
    )


def miscalibrated(audit: Audit) -> Measure | None:
    """The calibration error, where it is more than a little and more than a calibrated model shows by chance."""
    performance = audit.results.performance
    ece, chance = measured(performance.ece), measured(performance.calibration)
    if ece is None or ece.low <= MISCALIBRATED or (chance is not None and chance.value > CHANCE):
        return None
    return ece


def calibration(audit: Audit) -> Sentence | None:
    """A gap between confidence and accuracy that chance does not explain."""
    ece = miscalibrated(audit)
    if ece is None:
        return None
    bins = [
        b for b in audit.results.performance.reliability if b.n and b.confidence is not None and b.accuracy is not None
    ]
    total = sum(b.n for b in bins)
    gap = sum(((b.confidence or 0) - (b.accuracy or 0)) * b.n for b in bins) / total if total else 0.0
    tendency = "overconfident" if gap > 0 else "underconfident"
    return Sentence(
        f"The model is {tendency}: confidence and accuracy differ by {value_text(ece.value, 'share')} on average.",
        "model",
    )


def mistakes(audit: Audit) -> Sentence | None:
    """How many of the model's test mistakes fall on the pairs that rank first."""
    if len(audit.results.pairs) < 10 or not audit.is_ranked:
        return None
    confusion = audit.results.performance.confusion
    wrong = sum(v for i, row in enumerate(confusion) for j, v in enumerate(row) if i != j)
    top = audit.ranked[: max(len(audit.results.pairs) // 5, 1)]
    there = sum(audit.confused(pair.classes)[0] for pair in top)
    if wrong < 5 or there / wrong < 0.5:
        return None
    return Sentence(
        f"Of {count(wrong)} mistakes on test samples, {count(there)} lie between the {count(len(top))} pairs that rank "
        f"first{f' of the {count(len(audit.results.pairs))} audited' if audit.part else ''} by their margin.",
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


def _by_class(audit: Audit, generation: Generation) -> str:
    total = sum(generation.third_class.values())
    if not total:
        return ""
    index, lost = max(generation.third_class.items(), key=lambda item: (item[1], item[0]))
    return f", {count(lost)} of {count(total)} in {audit.name(int(index))}"


def fragile_direction(audit: Audit, classes: tuple[int, int]) -> tuple[int, int]:
    """The direction of a pair that the ranking's measure finds worse; the pair's own order without it."""
    pair = next((p for p in audit.results.pairs if p.classes == classes), None)
    nearer = audit.nearer(pair) if pair is not None else None
    return classes if nearer is None else nearer.classes

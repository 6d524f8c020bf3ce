"""The comparison in sentences, each made by a rule from numbers; what chance explains is not reported as news."""

from __future__ import annotations

from auditor.comparison import ComparedMean
from auditor.render.comparison.sides import Sides, signed
from auditor.render.rounding import count, plural, shown, value_text
from auditor.render.view.parts import STATUSES, Sentence, Status
from auditor.results import Measure

MOST = 5
NEWS = ("new", "more", "fewer", "vanished")
WORSE = Status("warn", "more fragile", STATUSES["warn"].mark)
BETTER = Status("pass", "less fragile", STATUSES["ok"].mark)
SAME = Status("pass", "no clear difference", STATUSES["ok"].mark)
MIXED = Status("warn", "changed both ways", STATUSES["warn"].mark)


def verdict(sides: Sides) -> tuple[Status, str, str]:
    """Status, the finding in one sentence, and what it rests on."""
    found = sides.comparison
    if any(flag.status == "fail" for flag in found.flags):
        return (
            Status("fail", "not comparable", STATUSES["fail"].mark),
            "These two audits cannot be compared as they stand.",
            "What is said above comes first; the numbers below are shown for what they are.",
        )
    if found.identical:
        return SAME, "No difference: both files hold the same numbers.", "Every measure, pair and count agrees."
    ranked = found.summary.get(found.ranked_by)
    if not isinstance(ranked, ComparedMean):
        return Status("unknown", "unknown", "\N{WHITE CIRCLE}"), "The boundary was not measured in both audits.", ""
    definition = found.definitions[found.ranked_by]
    title, places = definition.title, plural(ranked.places, "direction")
    reason = f"{title}, {_mean(ranked)}. Corrected for the number of places, at 95 %."
    if ranked.worse and ranked.better:
        return (
            MIXED,
            f"The boundary changed: more fragile in {count(ranked.worse)} and less fragile in {count(ranked.better)} "
            f"of {places}.",
            reason,
        )
    if ranked.worse:
        return WORSE, f"The candidate is more fragile in {count(ranked.worse)} of {places}.", reason
    if ranked.better:
        return BETTER, f"The candidate is less fragile in {count(ranked.better)} of {places}, and nowhere more.", reason
    if ranked.difference.low > 0 or ranked.difference.high < 0:
        worse = (ranked.difference.value < 0) == definition.direction.startswith("higher")
        return (
            WORSE if worse else BETTER,
            f"The candidate is slightly {'more' if worse else 'less'} fragile on average, and nowhere clearly so.",
            reason,
        )
    return SAME, "No clear difference: what differs is no more than chance explains.", reason


def findings(sides: Sides) -> list[Sentence]:
    """What changed beyond chance, in order of weight; a sentence that it is nothing where nothing did."""
    kept = _kept(sides)
    if sides.comparison.identical:
        return [kept] if kept else []
    found = [_most_fragile(sides), kept, _accuracy(sides), _confusions(sides), *_others(sides), _calibration(sides)]
    said = [sentence for sentence in found if sentence is not None][:MOST]
    return said or [Sentence("Neither a pair, nor accuracy, nor a confusion differs by more than chance explains.")]


def _kept(sides: Sides) -> Sentence | None:
    """How many of the baseline's boundary instances the candidate still has on its boundary."""
    whole = sides.kept_in_all
    if whole is None:
        return None
    on, n = whole
    least = sides.kept[0]
    assert isinstance(least.kept, Measure)
    return Sentence(
        f"Of {plural(n, 'boundary instance')} of the baseline {value_text(on / n, 'share')} lie on the candidate's "
        f"boundary too; fewest from {sides.names[least.source]} to {sides.names[least.target]}: "
        f"{value_text(least.kept.value, 'share')}.",
        "kept",
    )


def _mean(mean: ComparedMean) -> str:
    text = signed(mean.difference)
    return f"mean change over {plural(mean.places, 'place')} {text.full} ({text.unit})"


def _most_fragile(sides: Sides) -> Sentence | None:
    id = sides.comparison.ranked_by
    worse = [p for p in sides.places(id) if p.compared.change == "worse"]
    if not worse:
        return None
    first = worse[0]
    now, then = first.compared.candidate, first.compared.baseline
    assert isinstance(now, Measure)
    assert isinstance(then, Measure)
    a, b = (sides.names[c] for c in first.classes)
    others = ""
    if len(worse) > 1:
        listed = ", ".join(sides.arrow(p.classes) for p in worse[1:5])
        others = f"; also {listed}" + (f" and {count(len(worse) - 5)} more" if len(worse) > 5 else "")
    return Sentence(
        f"From {a} to {b} the boundary came closer: {shown(now).full} against {shown(then).full} ({shown(now).unit})"
        f"{others}.",
        "pairs",
    )


def _accuracy(sides: Sides) -> Sentence | None:
    accuracy = sides.comparison.accuracy
    d = accuracy.difference
    if accuracy.change not in ("worse", "better") or not isinstance(d, Measure):
        return None
    return Sentence(f"Accuracy is {accuracy.change}: it changed by {signed(d).full} ({signed(d).unit}).", "performance")


def _confusions(sides: Sides) -> Sentence | None:
    news = [c for c in sides.comparison.confusions if c.change in NEWS]
    if not news:
        return None
    c = news[0]
    pair = f"{sides.names[c.true]} taken for {sides.names[c.predicted]}"
    more = f" {plural(len(news) - 1, 'other confusion')} changed too." if len(news) > 1 else ""
    word = {"new": "A new confusion", "more": "A confusion that grew", "fewer": "A confusion that shrank",
            "vanished": "A confusion that vanished"}[c.change]  # fmt: skip
    return Sentence(
        f"{word}: {pair}, {count(c.candidate)} of {count(c.candidate_n)} test samples against {count(c.baseline)} of "
        f"{count(c.baseline_n)}.{more}",
        "performance",
    )


def _others(sides: Sides) -> list[Sentence]:
    """Headline measures other than the ranking's that changed somewhere."""
    said = []
    for id, definition in sides.headlines.items():
        mean = sides.comparison.summary[id]
        if id == sides.comparison.ranked_by or not isinstance(mean, ComparedMean) or not (mean.worse or mean.better):
            continue
        said.append(
            Sentence(
                f"{definition.title} is less favourable in {count(mean.worse)} and more favourable in "
                f"{count(mean.better)} of {plural(mean.places, 'place')}.",
                "measures",
            )
        )
    return said


def _calibration(sides: Sides) -> Sentence | None:
    ece = sides.comparison.ece
    now, then = ece.candidate, ece.baseline
    if ece.change not in ("worse", "better") or not isinstance(now, Measure) or not isinstance(then, Measure):
        return None
    return Sentence(
        f"Calibration is {ece.change}: confidence and accuracy differ by {value_text(now.value, now.unit)} on average, "
        f"against {value_text(then.value, then.unit)}.",
        "performance",
    )

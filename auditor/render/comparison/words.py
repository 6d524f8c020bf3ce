"""The comparison in sentences, each made by a rule from numbers; what chance explains is not reported as news."""

from __future__ import annotations

from auditor.documents.comparison import ComparedMean, Moved
from auditor.documents.results import Measure
from auditor.render.comparison.lookups import Sides, signed
from auditor.render.rounding import count, plural, shown, value_text
from auditor.render.view.page_parts import STATUSES, Sentence, Status

MOST = 5
NEWS = ("new", "more", "fewer", "vanished")
WORDS = {
    "no_difference": "no clear difference",
    "closer": "closer",
    "farther": "farther",
    "different": "a different boundary",
    "incomparable": "cannot be compared",
}
LOSSES = {
    "accuracy": lambda n: "accuracy is worse",
    "recall": lambda n: f"{plural(n, 'class is', 'classes are')} recognised less often",
    "confusions": lambda n: f"{plural(n, 'confusion is', 'confusions are')} new or more frequent",
    "validity": lambda n: f"{plural(n, 'check')} came out worse",
    "lost": lambda n: f"{plural(n, 'number')} that the baseline has could not be measured any more",
}


def verdict(sides: Sides) -> tuple[Status, str, str]:
    """Status, the finding in a sentence or two, and what it rests on."""
    found, lost = sides.comparison, _losses(sides)
    kind = "fail" if found.verdict == "incomparable" else "pass" if found.good else "warn"
    status = Status(kind, WORDS[found.verdict], STATUSES[{"pass": "ok"}.get(kind, kind)].mark)  # type: ignore[arg-type]
    if found.verdict == "incomparable":
        why = "" if any(flag.status == "fail" for flag in found.flags) else " The boundary was not measured in both."
        reason = "What is said above comes first; the numbers below are shown for what they are." if not why else ""
        return status, f"These two audits cannot be compared.{why}{lost}", reason
    if found.identical:
        return (
            status,
            f"No difference: both files hold the same numbers.{lost}",
            "Every measure, pair and count agrees.",
        )
    return status, f"{_boundary(sides)}{lost}", _basis(sides)


def _boundary(sides: Sides) -> str:
    """What became of the boundary, in a sentence."""
    found = sides.comparison
    counts = {reason.id: reason.count for reason in found.reasons}
    closer, farther = counts.get("closer", 0), counts.get("farther", 0)
    ranked = found.summary[found.ranked_by]
    assert isinstance(ranked, ComparedMean)
    places = plural(ranked.places, "direction")
    if found.verdict == "no_difference":
        return "No clear difference of the boundary: what differs is no more than chance explains."
    if found.verdict == "different":
        ways = [f"closer in {count(closer)} and farther in {count(farther)} of {places}"] if closer or farther else []
        if "moved" in counts and isinstance(found.moved, Moved):
            near, far = (
                value_text(n / found.moved.samples, "share") for n in (found.moved.closer, found.moved.farther)
            )
            ways.append(f"{near} of the common test samples are closer to it and {far} farther from it")
        return f"A different boundary: {'; '.join(ways) or f'closer here and farther there, over {places}'}."
    where = closer if found.verdict == "closer" else farther
    other = "farther" if found.verdict == "closer" else "closer"
    if where:
        return f"The boundary is {found.verdict} in {count(where)} of {places}, and nowhere clearly {other}."
    return f"The boundary is {found.verdict} on average over {places}, and in none of them clearly so."


def _losses(sides: Sides) -> str:
    """What got worse beside the boundary, as a sentence after the verdict; empty where nothing did."""
    said = [LOSSES[reason.id](reason.count) for reason in sides.comparison.losses]
    if not said:
        return ""
    text = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f" What got worse: {text}."


def _basis(sides: Sides) -> str:
    """The mean change, and whether it is one of the same samples."""
    found = sides.comparison
    ranked = found.summary[found.ranked_by]
    assert isinstance(ranked, ComparedMean)
    how = (
        f"Compared sample by sample, on at least {plural(ranked.samples, 'common test sample')} a direction"
        if ranked.paired
        else "Not in all directions are there enough common samples, so the rest is compared as of different samples"
    )
    title = found.definitions[found.ranked_by].title
    return f"{title}, {_mean(ranked)}. {how}; corrected for the number of directions, at 95 %."


def findings(sides: Sides) -> list[Sentence]:
    """What changed beyond chance, in order of weight; a sentence that it is nothing where nothing did."""
    kept = _kept(sides)
    if sides.comparison.identical:
        return [kept] if kept else []
    found = [_came_closer(sides), kept, _accuracy(sides), _confusions(sides), *_others(sides), _calibration(sides)]
    said = [sentence for sentence in found if sentence is not None][:MOST]
    return said or [Sentence("Neither a pair, nor accuracy, nor a confusion differs by more than chance explains.")]


def _kept(sides: Sides) -> Sentence | None:
    """How many of the baseline's boundary instances the candidate still has on its boundary."""
    whole = sides.kept_in_all
    if whole is None:
        return None
    on, n = whole
    first, *others = [d for d in sides.kept if isinstance(d.kept, Measure)]
    least = first.kept
    assert isinstance(least, Measure)
    where = ""
    if others and all(isinstance(d.kept, Measure) and least.high < d.kept.low for d in others):
        where = (
            f"; fewest from {sides.names[first.source]} to {sides.names[first.target]}: "
            f"{value_text(least.value, 'share')}"
        )
    return Sentence(
        f"Of {plural(n, 'boundary instance')} of the baseline {value_text(on / n, 'share')} lie on the candidate's "
        f"boundary too{where}.",
        "kept",
    )


def _mean(mean: ComparedMean) -> str:
    text = signed(mean.difference)
    return f"mean change over {plural(mean.places, 'place')} {text.full} ({text.unit})"


def _came_closer(sides: Sides) -> Sentence | None:
    """Directions in which the boundary came closer; none is singled out, they stand in the order of their evidence."""
    id = sides.comparison.ranked_by
    worse = [p for p in sides.places(id) if p.compared.change == "worse"]
    if not worse:
        return None
    first = worse[0]
    now, then = first.compared.candidate, first.compared.baseline
    a, b = (sides.names[c] for c in first.classes)
    numbers = ""
    if isinstance(now, Measure) and isinstance(then, Measure):
        numbers = f": {shown(now).full} against {shown(then).full} ({shown(now).unit})"
    others = ""
    if len(worse) > 1:
        listed = ", ".join(sides.arrow(p.classes) for p in worse[1:MOST])
        others = f"; also {listed}" + (f" and {count(len(worse) - MOST)} more" if len(worse) > MOST else "")
    return Sentence(f"From {a} to {b} the boundary came closer{numbers}{others}.", "pairs")


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
        if id == sides.comparison.ranked_by or not isinstance(mean, ComparedMean):
            continue
        places = plural(mean.places, "place")
        if mean.changed:
            said.append(Sentence(f"{definition.title} changed in {count(mean.changed)} of {places}.", "measures"))
        elif mean.worse or mean.better:
            text = f"less favourable in {count(mean.worse)} and more favourable in {count(mean.better)} of {places}"
            said.append(Sentence(f"{definition.title} is {text}.", "measures"))
    return said


def _calibration(sides: Sides) -> Sentence | None:
    ece = sides.comparison.ece
    now, then = ece.candidate, ece.baseline
    if ece.change not in ("worse", "better") or not isinstance(now, Measure) or not isinstance(then, Measure):
        return None
    return Sentence(
        f"Calibration is {ece.change}: confidence and accuracy differ by {value_text(now.value, now.scale)} on "
        f"average, against {value_text(then.value, then.scale)}.",
        "performance",
    )

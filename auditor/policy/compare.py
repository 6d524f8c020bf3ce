"""A candidate against a baseline: two ``Results`` to a ``Comparison``. A pure function.

Where both audits have the same samples, margins and accuracy are compared sample by sample (``common_samples``): that
finds what the numbers of each audit by themselves cannot show. Everything else is set beside the same number of the
other audit, and the interval of the difference comes from the interval of each (``intervals.difference``). Whether a
difference is news is decided for all places of a measure together (Holm). The intervals of numbers on generated
instances allow for another training of the generator as it is over all directions; a single one may move by more, so
among many places these are judged as if their intervals were ``TRAINED`` times as wide. What it all comes to is decided
in ``verdict``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from auditor.documents.comparison import (
    Compared,
    ComparedClass,
    ComparedConfusion,
    ComparedDirection,
    ComparedMean,
    ComparedPair,
    Comparison,
    Moved,
    Side,
)
from auditor.documents.means_over_pairs import mean_change
from auditor.documents.results import (
    ACCURACY,
    SCHEMA_VERSION,
    ClassAccuracy,
    Definition,
    Meaning,
    Measure,
    Measured,
    NotMeasured,
    Pair,
    Results,
    Validity,
)
from auditor.errors import InputRefused
from auditor.numbers.intervals import Classes, Interval, deviation, difference, fisher, holm, p_value
from auditor.policy.common_samples import FROM_MARGINS, Change, changes, confused, gradient_route, other_routes, pixels
from auditor.policy.measure_places import FIXED, depends_on_generator, known, values
from auditor.policy.paired import LEAST, MOVED, Differences, Disagreement
from auditor.policy.verdict import verdict

SIGNIFICANT = 0.05
STRONGEST = 40.0
"""Standard deviations; a difference without any interval would be infinitely strong."""
TRAINED = 2.0
"""How much wider the intervals of numbers on generated instances are taken to be: a single direction may move by more
than the spread that is pooled over directions says, and the largest of many does."""
RANKED_PART = 0.5
"""Part of the 5 % of error that the directions of the ranked measure may use up; the rest is for the other looks that
a verdict takes at it."""
RANK = {"ok": 0, "warn": 1, "fail": 2}
OF_ONE_TRAINING = frozenset({"generation", "diversity"})
"""Checks whose warning one direction decides, as the generator's training goes: what they look at is compared as a
measure in every direction, with the intervals that this takes."""
DEPTHS = {"screened": "was only screened", "outlined": "was only outlined", "full": "was audited in full"}
SETTINGS = ("generator", "samples_per_class", "seed", "device", "pairs")
Table = dict[str, dict[Classes, Compared]]


def compare(candidate: Results, baseline: Results, *, allow_different_data: bool = False) -> Comparison:
    """Compare two audits.

    Args:
        candidate, baseline: of the same classes.
        allow_different_data: compare them although their data differ; the comparison then says so.
    Raises:
        InputRefused: class names or data differ, or no pair was audited in both.
    """
    _refuse(candidate, baseline, allow_different_data)
    common = [pair.classes for pair in candidate.pairs if pair.classes in {p.classes for p in baseline.pairs}]
    if not common:
        raise InputRefused("two audits of the same pairs", "no pair that both have", "audit both with the same --pairs")
    table = _table(candidate, baseline, common)
    ranked_by = candidate.summary.ranked_by
    meaning = candidate.definitions.get(ranked_by)
    pairs = [_pair(pair, table, ranked_by, meaning) for pair in candidate.pairs if pair.classes in common]
    performance, before = candidate.performance, baseline.performance
    found = Comparison(
        schema_version=SCHEMA_VERSION,
        candidate=_side(candidate),
        baseline=_side(baseline),
        identical=candidate.pairs == baseline.pairs and performance == before,
        verdict="incomparable",
        reasons=[],
        flags=[*_flags(candidate, baseline, table, len(common))],
        accuracy=_model_wide(candidate, baseline, "performance.accuracy"),
        ece=_model_wide(candidate, baseline, "performance.ece"),
        per_class=_per_class(candidate, baseline),
        confusions=_confusions(candidate, baseline),
        moved=_moved(candidate, baseline, ranked_by),
        pairs=sorted(pairs, key=lambda pair: (-pair.strength, pair.classes)),
        ranked_by=ranked_by,
        summary={
            id: _mean(id, candidate.definitions[id], places)
            for id, places in table.items()
            if id in candidate.definitions
        },
        definitions=candidate.definitions,
    )
    outcome, reasons = verdict(found)
    return found.model_copy(update={"verdict": outcome, "reasons": reasons})


def _refuse(candidate: Results, baseline: Results, allow_different_data: bool) -> None:
    here, there = candidate.data, baseline.data
    if here.class_names != there.class_names:
        raise InputRefused(
            "two audits of the same classes",
            f"{len(here.class_names)} and {len(there.class_names)} classes, whose names differ",
            "compare audits with the same --class-names",
        )
    if here.fingerprint != there.fingerprint and not allow_different_data:
        raise InputRefused(
            "two audits on the same data",
            f"{here.name} ({here.fingerprint[:12]}) and {there.name} ({there.fingerprint[:12]})",
            "audit both on one data set, or say --allow-different-data",
        )


@dataclass(frozen=True)
class _Two:
    """One number of both audits and how it reads; ``common`` is what became of the samples that both have, ``barred`` a
    reason why the numbers are not to be compared."""

    meaning: Meaning
    candidate: Measured
    baseline: Measured
    common: Change | None = None
    barred: str = ""

    @property
    def difference(self) -> Measured:
        a, b = self.candidate, self.baseline
        like = a if isinstance(a, Measure) else b
        if self.barred:
            return NotMeasured(not_measured=self.barred)
        if self.common is not None and isinstance(like, Measure):
            return as_measure(self.common.estimate(), len(self.common), like)
        if isinstance(a, NotMeasured):
            return NotMeasured(not_measured=f"not in the candidate: {a.not_measured}")
        if isinstance(b, NotMeasured):
            return NotMeasured(not_measured=f"not in the baseline: {b.not_measured}")
        return as_measure(difference(a.interval, b.interval), min(a.n, b.n), a)

    def p(self, spread: float) -> float | None:
        """Two-sided p of "there is no difference", None where there is nothing to compare."""
        found = self.difference
        if not isinstance(found, Measure):
            return None
        return p_value(found.interval, spread) if self.common is None else self.common.p

    def finished(self, p: float | None) -> Compared:
        """With the corrected p, and what it means."""
        found = self.difference
        change: Literal["worse", "better", "changed", "unclear", "not_measured"] = "not_measured"
        if p is not None and isinstance(found, Measure):
            change = "unclear" if p >= SIGNIFICANT else self._sense(found.value)
        return Compared(
            candidate=self.candidate, baseline=self.baseline, difference=found, p=p, change=change,
            paired=self.common is not None and not self.barred,
        )  # fmt: skip

    def _sense(self, change: float) -> Literal["worse", "better", "changed", "unclear"]:
        if self.meaning.better == "none":
            return "changed"
        then = self.baseline.value if isinstance(self.baseline, Measure) else 0.0
        by = change if self.common is None else self.common.side
        more = self.meaning.badness(then + by) - self.meaning.badness(then)
        return "worse" if more > 0 else "better" if more < 0 else "unclear"


def as_measure(interval: Interval, n: int, like: Measure) -> Measure:
    """An interval as a measure of the same kind; an infinite end is open."""
    return Measure(
        value=interval.value, ci_low=interval.low, ci_high=interval.high, n=n, unit=like.unit, scale=like.scale
    )


def _family(places: Mapping[Classes, _Two], spread: float = 1.0, part: float = 1.0) -> dict[Classes, Compared]:
    """All places of one measure, p corrected for their number and for the part of the error that they may use up."""
    tests = {classes: p for classes, two in places.items() if (p := two.p(spread)) is not None}
    corrected = dict(zip(tests, (min(1.0, p / part) for p in holm(list(tests.values()))), strict=True))
    return {classes: two.finished(corrected.get(classes)) for classes, two in places.items()}


def _model_wide(candidate: Results, baseline: Results, name: str) -> Compared:
    now, then, common = values(candidate, name)[()], values(baseline, name)[()], changes(candidate, baseline, name)
    return _family({(): _Two(FIXED[name].meaning, now, then, common.get(()))})[()]


def _table(candidate: Results, baseline: Results, common: list[tuple[int, int]]) -> Table:
    """By measure and place: every characteristic that both define, and the success rate."""
    ids = [id for id in candidate.definitions if id in baseline.definitions]
    routes, depths = other_routes(candidate, baseline), other_depths(candidate, baseline)
    table: Table = {}
    for key, name in [*((id, f"characteristics.{id}") for id in ids), ("success_rate", "generation.success_rate")]:
        now, then, samples = values(candidate, name), values(baseline, name), changes(candidate, baseline, name)
        barred = {c: f"found by other routes: {route}" for c, route in routes.items() if FROM_MARGINS.fullmatch(name)}
        if key not in ids or depends_on_generator(key):
            barred |= {c: depths[_sorted(c)] for c in now if _sorted(c) in depths}
        meaning = known(name, candidate.definitions, name).meaning
        two = {
            c: _Two(meaning, now[c], then[c], samples.get(c), barred.get(c, ""))
            for c in now
            if _sorted(c) in common and c in then
        }
        spread = TRAINED if key in ids and depends_on_generator(key) else 1.0
        table[key] = _family(two, spread, RANKED_PART if key == candidate.summary.ranked_by else 1.0)
    return table


def other_depths(candidate: Results, baseline: Results) -> dict[Classes, str]:
    """By pair, in words, where one audit came farther than the other: what rests on instances differs by that alone."""
    then = {pair.classes: pair.level for pair in baseline.pairs}
    return {
        pair.classes: f"not to one depth: {DEPTHS[pair.level]} in the candidate, {DEPTHS[before]} in the baseline"
        for pair in candidate.pairs
        if (before := then.get(pair.classes, pair.level)) != pair.level
    }


def _sorted(classes: Classes) -> Classes:
    return tuple(sorted(classes))


def _pair(pair: Pair, table: Table, ranked_by: str, meaning: Meaning | None) -> ComparedPair:
    directions = [
        ComparedDirection(
            source=d.source,
            target=d.target,
            success_rate=table["success_rate"][d.source, d.target],
            characteristics=_at(table, d.characteristics, (d.source, d.target)),
        )
        for d in pair.directions
    ]
    return ComparedPair(
        classes=pair.classes,
        names=pair.names,
        strength=_strength([d.characteristics.get(ranked_by) for d in directions], meaning),
        directions=directions,
        characteristics=_at(table, pair.characteristics, pair.classes),
    )


def _at(table: Table, ids: Iterable[str], classes: Classes) -> dict[str, Compared]:
    return {id: table[id][classes] for id in ids if classes in table.get(id, ())}


def _strength(both: list[Compared | None], meaning: Meaning | None) -> float:
    """How clearly the ranked measure got worse in the direction of a pair where it did so most."""
    scores = (_score(compared, meaning) for compared in both if compared is not None and meaning is not None)
    return max((score for score in scores if score is not None), default=-STRONGEST)


def _score(compared: Compared, meaning: Meaning) -> float | None:
    d = compared.difference
    if not isinstance(d, Measure):
        return None
    sd = deviation(d.interval)
    size = min(abs(d.value) / sd, STRONGEST) if sd else STRONGEST * (d.value != 0)
    then = compared.baseline.value if isinstance(compared.baseline, Measure) else 0.0
    return size if meaning.badness(then + d.value) > meaning.badness(then) else -size


def _mean(id: str, definition: Definition, places: Mapping[Classes, Compared]) -> ComparedMean | NotMeasured:
    measured = {c: d for c, x in places.items() if isinstance(d := x.difference, Measure)}
    if not measured:
        return NotMeasured(not_measured="measured nowhere in both audits")
    like = next(iter(measured.values()))
    mean = mean_change(id, definition, {c: d.interval for c, d in measured.items()})
    return ComparedMean(
        difference=as_measure(mean, len(measured), like),
        worse=sum(x.change == "worse" for x in places.values()),
        better=sum(x.change == "better" for x in places.values()),
        changed=sum(x.change == "changed" for x in places.values()),
        places=len(measured),
        paired=all(places[c].paired for c in measured),
        samples=min(d.n for d in measured.values()),
    )


def _moved(candidate: Results, baseline: Results, ranked_by: str) -> Moved | NotMeasured:
    """Samples whose margin changed by far more than the search's own resolution, over all directions."""
    common = changes(candidate, baseline, f"characteristics.{ranked_by}").values()
    of = [differences for differences in common if isinstance(differences, Differences)]
    if not of:
        return NotMeasured(not_measured=f"in no direction both audits have the margins of {LEAST} samples or more")
    return Moved(
        samples=sum(map(len, of)), closer=sum(d.closer for d in of), farther=sum(d.farther for d in of), by=MOVED
    )


def _per_class(candidate: Results, baseline: Results) -> list[ComparedClass]:
    there = {c.index: c.accuracy for c in baseline.performance.per_class}
    both: list[ClassAccuracy] = [c for c in candidate.performance.per_class if c.index in there]
    common = changes(candidate, baseline, "performance.per_class.accuracy")
    compared = _family({(c.index,): _Two(ACCURACY, c.accuracy, there[c.index], common.get((c.index,))) for c in both})
    return [ComparedClass(index=c.index, name=c.name, accuracy=compared[c.index,]) for c in both]


def _confusions(candidate: Results, baseline: Results) -> list[ComparedConfusion]:
    """Every mistake that either model makes, the clearest changes first."""
    now, then = candidate.performance.confusion, baseline.performance.confusion
    common: dict[Classes, Disagreement] = {}
    if candidate.data.fingerprint == baseline.data.fingerprint:
        common = confused(candidate.samples.test, baseline.samples.test)
    cells = [
        (i, j) for i in range(min(len(now), len(then))) for j in range(len(now[i]))
        if i != j and (now[i][j] or then[i][j])
    ]  # fmt: skip
    sizes = [(sum(now[i]), sum(then[i])) for i, _ in cells]
    tests = [
        common[i, j].p if (i, j) in common else fisher(now[i][j], n, then[i][j], m)
        for (i, j), (n, m) in zip(cells, sizes, strict=True)
    ]
    compared = [
        ComparedConfusion(
            true=i, predicted=j, candidate=now[i][j], candidate_n=n, baseline=then[i][j], baseline_n=m, p=p,
            change=_news(now[i][j] / max(n, 1), then[i][j] / max(m, 1), p), paired=(i, j) in common,
        )
        for (i, j), (n, m), p in zip(cells, sizes, holm(tests), strict=True)
    ]  # fmt: skip
    return sorted(compared, key=lambda c: (c.p, -abs(c.candidate - c.baseline), c.true, c.predicted))


def _news(now: float, then: float, p: float) -> Literal["new", "more", "fewer", "vanished", "unclear"]:
    if p >= SIGNIFICANT or now == then:
        return "unclear"
    if now > then:
        return "more" if then else "new"
    return "fewer" if now else "vanished"


def _side(results: Results) -> Side:
    return Side(
        tool=results.tool, model=results.model, data=results.data, settings=results.settings,
        gate=results.gate.status, pairs=len(results.pairs),
    )  # fmt: skip


def _flags(candidate: Results, baseline: Results, table: Table, common: int) -> Iterator[Validity]:
    """What stands against the comparison, the gravest first; one that fails leaves nothing to compare."""
    for name, side in (("candidate", candidate), ("baseline", baseline)):
        for check in side.validity:
            if check.status == "fail":
                message = f"The audit of the {name} is not valid: {check.message}"
                yield Validity(id=f"{name}.{check.id}", status="fail", message=message)
    for id, message in _bars(candidate, baseline):
        yield Validity(id=id, status="fail", message=message)
    before = {check.id: RANK[check.status] for check in baseline.validity}
    for check in candidate.validity:
        if check.id not in OF_ONE_TRAINING and check.status == "warn" and before.get(check.id, 0) < RANK["warn"]:
            message = f"A check of the candidate came out worse than that of the baseline: {check.message}"
            yield Validity(id=f"worse.{check.id}", status="warn", message=message)
    here, there = candidate.settings, baseline.settings
    other = [
        f"{key.replace('_', ' ')} {getattr(here, key)} instead of {getattr(there, key)}"
        for key in SETTINGS
        if getattr(here, key) != getattr(there, key)
    ]
    if other:
        yield Validity(
            id="settings",
            status="warn",
            message=f"The candidate was audited with other settings than the baseline: {', '.join(other)}.",
        )
    if candidate.tool.version != baseline.tool.version:
        message = f"The versions of the tool differ: {candidate.tool.version} and {baseline.tool.version}."
        yield Validity(id="version", status="warn", message=message)
    ranked = table.get(candidate.summary.ranked_by, {}).values()
    if alone := sum(not x.paired for x in ranked if isinstance(x.difference, Measure)):
        message = (
            f"In {alone} of {len(ranked)} directions the audits have fewer than {LEAST} test samples in common; margins"
            " there are compared as of different samples, which finds less."
        )
        yield Validity(id="common_samples", status="warn", message=message)
    if depths := other_depths(candidate, baseline):
        message = (
            f"{len(depths)} of {common} pairs came farther in one audit than in the other; of these only what is taken"
            " on samples is compared."
        )
        yield Validity(id="levels", status="warn", message=message)
    if (alone := len(candidate.pairs) + len(baseline.pairs) - 2 * common) > 0:
        one, both = ("pair was", "is") if alone == 1 else ("pairs were", "are"), "was" if common == 1 else "were"
        message = f"{alone} {one[0]} audited on one side only and {one[1]} left out; {common} {both} audited on both."
        yield Validity(id="pairs", status="warn", message=message)


def _bars(candidate: Results, baseline: Results) -> Iterator[tuple[str, str]]:
    """Why the numbers of two audits do not measure the same thing."""
    if candidate.data.fingerprint != baseline.data.fingerprint:
        yield (
            "data",
            ("The two audits ran on different data; differences may come from the data as well as from the model."),
        )
    here, there = candidate.settings.profile, baseline.settings.profile
    if here != there:
        yield "profile", f"The profiles differ, {here} and {there}: they search more or less thoroughly."
    if pixels(candidate) != pixels(baseline):
        yield (
            "preprocessing",
            (f"Inputs are prepared differently: {pixels(candidate)}; for the baseline {pixels(baseline)}."),
        )
    gradients = [gradient_route(side) for side in (candidate, baseline)]
    methods = other_routes(candidate, baseline)
    if gradients[0] != gradients[1]:
        yield "route", f"Margins were found along other gradients: {gradients[0]}; for the baseline {gradients[1]}."
    elif methods:
        first = next(iter(methods.values()))
        yield "route", f"In {len(methods)} directions margins were found by other routes: {first}."

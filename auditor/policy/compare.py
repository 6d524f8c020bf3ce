"""A candidate against a baseline: two ``Results`` to a ``Comparison``. A pure function.

Each number of a direction or a pair is set beside the same number of the other audit; the interval of the difference
comes from the interval of each (``intervals.difference``). Whether a difference is news is decided for all places of
a measure together (Holm), after widening for what the intervals do not contain: another training of the generator
changes the numbers taken on its instances by more than their intervals say, at least ``TRAINED`` times, and as much as
the places of the measure show (``intervals.overdispersion``). Confusions are judged by Fisher's exact test over all
cells together. Both audits use the same
samples, which this does not take advantage of: it finds fewer differences, never more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from auditor.comparison import (
    Compared,
    ComparedClass,
    ComparedConfusion,
    ComparedDirection,
    ComparedMean,
    ComparedPair,
    Comparison,
    Side,
)
from auditor.errors import InputRefused
from auditor.policy.intervals import Interval, deviation, difference, fisher, holm, overdispersion, p_value, paired_mean
from auditor.policy.measures import Classes, depends_on_generator, values
from auditor.results import SCHEMA_VERSION, ClassAccuracy, Measure, Measured, NotMeasured, Pair, Results, Validity, harm

SIGNIFICANT = 0.05
STRONGEST = 40.0
"""Standard deviations; a difference without any interval would be infinitely strong."""
TRAINED = 4.0
SETTINGS = ("profile", "generator", "samples_per_class", "seed", "device", "pairs")
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
    pairs = [_pair(pair, table, ranked_by) for pair in candidate.pairs if pair.classes in common]
    performance, before = candidate.performance, baseline.performance
    return Comparison(
        schema_version=SCHEMA_VERSION,
        candidate=_side(candidate),
        baseline=_side(baseline),
        identical=candidate.pairs == baseline.pairs and performance == before,
        flags=[*_flags(candidate, baseline, len(common))],
        accuracy=_one(performance.accuracy, before.accuracy),
        ece=_one(performance.ece, before.ece),
        per_class=_per_class(performance.per_class, before.per_class),
        confusions=_confusions(performance.confusion, before.confusion),
        pairs=sorted(pairs, key=lambda pair: (-pair.strength, pair.classes)),
        ranked_by=ranked_by,
        summary={id: _mean(places) for id, places in table.items() if id in candidate.definitions},
        definitions=candidate.definitions,
    )


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
    candidate: Measured
    baseline: Measured

    @property
    def difference(self) -> Measured:
        a, b = self.candidate, self.baseline
        if isinstance(a, NotMeasured):
            return NotMeasured(not_measured=f"not in the candidate: {a.not_measured}")
        if isinstance(b, NotMeasured):
            return NotMeasured(not_measured=f"not in the baseline: {b.not_measured}")
        d = difference(_interval(a), _interval(b))
        return Measure(value=d.value, ci_low=d.low, ci_high=d.high, n=min(a.n, b.n), unit=a.unit, direction=a.direction)

    def finished(self, p: float | None) -> Compared:
        """With the corrected p, and what it means."""
        a, b = self.candidate, self.baseline
        change: Literal["worse", "better", "unclear", "not_measured"] = "not_measured"
        if p is not None and isinstance(a, Measure) and isinstance(b, Measure):
            more = harm(a.direction, a.value) - harm(b.direction, b.value)
            change = "unclear" if p >= SIGNIFICANT or more == 0 else "worse" if more > 0 else "better"
        return Compared(candidate=a, baseline=b, difference=self.difference, p=p, change=change)


def _interval(measure: Measure) -> Interval:
    return Interval(measure.value, measure.low, measure.high)


def _family(found: Mapping[Classes, _Two], spread: float = 1.0) -> dict[Classes, Compared]:
    """All places of one measure, p corrected for their number."""
    measured = {c: _interval(d) for c, two in found.items() if isinstance(d := two.difference, Measure)}
    spread = max(spread, overdispersion(list(measured.values())))
    corrected = dict(zip(measured, holm([p_value(i, spread) for i in measured.values()]), strict=True))
    return {c: two.finished(corrected.get(c)) for c, two in found.items()}


def _one(candidate: Measured, baseline: Measured) -> Compared:
    return _family({(): _Two(candidate, baseline)})[()]


def _table(candidate: Results, baseline: Results, common: list[tuple[int, int]]) -> Table:
    """By measure and place: every characteristic that both define, and the success rate."""
    ids = [id for id in candidate.definitions if id in baseline.definitions]
    table: Table = {}
    for key, name in [*((id, f"characteristics.{id}") for id in ids), ("success_rate", "generation.success_rate")]:
        now, then = values(candidate, name), values(baseline, name)
        two = {c: _Two(now[c], then[c]) for c in now if _sorted(c) in common and c in then}
        trained = key in ids and (depends_on_generator(candidate, key) or candidate.definitions[key].scope == "pair")
        table[key] = _family(two, TRAINED if trained else 1.0)
    return table


def _sorted(classes: Classes) -> Classes:
    return tuple(sorted(classes))


def _pair(pair: Pair, table: Table, ranked_by: str) -> ComparedPair:
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
        strength=_strength([d.characteristics[ranked_by] for d in directions if ranked_by in d.characteristics]),
        directions=directions,
        characteristics=_at(table, pair.characteristics, pair.classes),
    )


def _at(table: Table, ids: Iterable[str], classes: Classes) -> dict[str, Compared]:
    return {id: table[id][classes] for id in ids if classes in table.get(id, ())}


def _strength(both: list[Compared]) -> float:
    """How clearly the ranked measure got worse in the direction of a pair where it did so most."""
    return max((score for compared in both if (score := _score(compared)) is not None), default=-STRONGEST)


def _score(compared: Compared) -> float | None:
    a, b, d = compared.candidate, compared.baseline, compared.difference
    if not (isinstance(a, Measure) and isinstance(b, Measure) and isinstance(d, Measure)):
        return None
    sd = deviation(_interval(d))
    size = min(abs(d.value) / sd, STRONGEST) if sd else STRONGEST * (d.value != 0)
    return size if harm(a.direction, a.value) > harm(b.direction, b.value) else -size


def _mean(places: Mapping[Classes, Compared]) -> ComparedMean | NotMeasured:
    found = {c: x.difference for c, x in places.items() if isinstance(x.difference, Measure)}
    if not found:
        return NotMeasured(not_measured="measured nowhere in both audits")
    mean, first = paired_mean({c: _interval(m) for c, m in found.items()}), next(iter(found.values()))
    return ComparedMean(
        difference=Measure(
            value=mean.value, ci_low=mean.low, ci_high=mean.high, n=len(found), unit=first.unit,
            direction=first.direction,
        ),
        worse=sum(x.change == "worse" for x in places.values()),
        better=sum(x.change == "better" for x in places.values()),
        places=len(found),
    )  # fmt: skip


def _per_class(candidate: list[ClassAccuracy], baseline: list[ClassAccuracy]) -> list[ComparedClass]:
    there = {c.index: c.accuracy for c in baseline}
    found = _family({(c.index,): _Two(c.accuracy, there[c.index]) for c in candidate if c.index in there})
    return [ComparedClass(index=c.index, name=c.name, accuracy=found[c.index,]) for c in candidate if c.index in there]


def _confusions(candidate: list[list[int]], baseline: list[list[int]]) -> list[ComparedConfusion]:
    """Every mistake that either model makes, the clearest changes first."""
    cells = [
        (i, j) for i in range(min(len(candidate), len(baseline))) for j in range(len(candidate[i]))
        if i != j and (candidate[i][j] or baseline[i][j])
    ]  # fmt: skip
    sizes = [(sum(candidate[i]), sum(baseline[i])) for i, _ in cells]
    tests = [fisher(candidate[i][j], n, baseline[i][j], m) for (i, j), (n, m) in zip(cells, sizes, strict=True)]
    found = [
        ComparedConfusion(
            true=i, predicted=j, candidate=candidate[i][j], candidate_n=n, baseline=baseline[i][j], baseline_n=m, p=p,
            change=_news(candidate[i][j] / max(n, 1), baseline[i][j] / max(m, 1), p),
        )
        for (i, j), (n, m), p in zip(cells, sizes, holm(tests), strict=True)
    ]  # fmt: skip
    return sorted(found, key=lambda c: (c.p, -abs(c.candidate - c.baseline), c.true, c.predicted))


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


def _flags(candidate: Results, baseline: Results, common: int) -> Iterator[Validity]:
    """What stands against the comparison, the gravest first."""
    for name, side in (("candidate", candidate), ("baseline", baseline)):
        for check in side.validity:
            if check.status == "fail":
                message = f"The audit of the {name} is not valid: {check.message}"
                yield Validity(id=f"{name}.{check.id}", status="fail", message=message)
    if candidate.data.fingerprint != baseline.data.fingerprint:
        message = "The two audits ran on different data; differences may come from the data as well as from the model."
        yield Validity(id="data", status="fail", message=message)
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
    if (alone := len(candidate.pairs) + len(baseline.pairs) - 2 * common) > 0:
        message = f"{alone} pairs were audited on one side only and are left out; {common} were audited on both."
        yield Validity(id="pairs", status="warn", message=message)

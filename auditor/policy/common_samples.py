"""Which measures two audits can compare sample by sample, and the samples of each place.

Two samples are the same where data, split and place in the split are. Margins are compared only where the same route
found them: another one finds others on the same model.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from auditor.documents.results import Direction, Margins, NotMeasured, Results, SampleTable
from auditor.numbers.intervals import Classes
from auditor.policy.paired import LEAST, RESOLUTION, Differences, Disagreement, disagreement

Change = Differences | Disagreement
MARGIN = re.compile(r"characteristics\.margin_(l2|linf)_attack(_train)?")
FROM_MARGINS = re.compile(r"characteristics\.margin_(l2|linf)_attack(_train)?(_q\d\d|_gap)?")
WRONG = re.compile(r"characteristics\.already_wrong(_train)?")


def changes(candidate: Results, baseline: Results, name: str) -> dict[Classes, Change]:
    """By place, what became of the samples that both audits have; places with too few of them are left out.

    Args:
        candidate, baseline: two audits; of different data they have no sample in common.
        name: of the measure, as in a policy.
    """
    if candidate.data.fingerprint != baseline.data.fingerprint:
        return {}
    if name in ("performance.accuracy", "performance.per_class.accuracy"):
        return {**_right(candidate.samples.test, baseline.samples.test, each=name != "performance.accuracy")}
    if fit := MARGIN.fullmatch(name):
        norm, split = fit[1], _split(fit[2])
        both = {c: margin_differences(a, b, norm) for c, a, b in _margins(candidate, baseline, split)}
        return {c: differences for c, differences in both.items() if differences is not None}
    if fit := WRONG.fullmatch(name):
        lost = {c: _wrong(a, b) for c, a, b in _margins(candidate, baseline, _split(fit[1]), any_route=True)}
        return {c: found for c, found in lost.items() if found is not None}
    return {}


def confused(candidate: SampleTable, baseline: SampleTable) -> dict[Classes, Disagreement]:
    """By label and prediction, the samples that either model gets wrong in this way."""
    sizes: Counter[int] = Counter()
    counts: dict[str, Counter[Classes]] = {"candidate": Counter(), "baseline": Counter(), "both": Counter()}
    for a, b in common_rows(candidate, baseline):
        label, now, then = candidate.label[a], candidate.predicted[a], baseline.predicted[b]
        sizes[label] += 1
        if now == then:
            counts["both"][_cell(label, now)] += 1
        else:
            counts["candidate"][_cell(label, now)] += 1
            counts["baseline"][_cell(label, then)] += 1
    cells = {cell for some in counts.values() for cell in some if cell[1:] not in ((), cell[:1])}
    only, other, both = counts.values()
    return {cell: Disagreement(only[cell], other[cell], both[cell], sizes[cell[0]]) for cell in sorted(cells)}


def _cell(label: int, predicted: int | None) -> Classes:
    return (label,) if predicted is None else (label, predicted)


def _right(candidate: SampleTable, baseline: SampleTable, *, each: bool) -> dict[Classes, Disagreement]:
    """Samples that the models get right, of each class or of all; nothing where they have none in common."""
    groups: defaultdict[Classes, list[tuple[bool, bool]]] = defaultdict(list)
    for a, b in common_rows(candidate, baseline):
        label = candidate.label[a]
        groups[(label,) if each else ()].append((candidate.predicted[a] == label, baseline.predicted[b] == label))
    return {classes: disagreement(*zip(*groups[classes], strict=True)) for classes in sorted(groups)}


def margin_differences(candidate: Margins, baseline: Margins, norm: str) -> Differences | None:
    """The samples that both audits measured in the same direction and split, None where there are too few.

    Args:
        candidate, baseline: found by the same method, of the same data.
        norm: ``l2`` or ``linf``.
    """
    there = {index: row for row, index in enumerate(baseline.index)}
    rows = [(row, there[index]) for row, index in enumerate(candidate.index) if index in there]
    if len(rows) < LEAST:
        return None
    now = _ends(candidate, norm, [row for row, _ in rows])
    then = _ends(baseline, norm, [row for _, row in rows])
    low, high, value, scale = [], [], [], []
    for (a_low, a_high), (b_low, b_high) in zip(now, then, strict=True):
        scale.append(max(a_low, b_low))
        least, most = a_low - b_high, a_high - b_low
        if math.isfinite(least) and math.isfinite(most) and abs(least) <= RESOLUTION * scale[-1]:
            least = most = 0.0
        low.append(least)
        high.append(most)
        value.append(min(max(0.0, least), most))
    return Differences(low, high, value, scale, [end for end, _ in then])


def _ends(margins: Margins, norm: str, rows: Sequence[int]) -> list[tuple[float, float]]:
    """Between which values the margin of each sample lies."""
    found, tried = getattr(margins, norm), getattr(margins, f"tried_{norm}") or 0.0
    return [(tried, math.inf) if found[row] is None else (found[row], found[row]) for row in rows]


def common_rows(candidate: SampleTable, baseline: SampleTable) -> list[tuple[int, int]]:
    """Rows of the samples that both tables hold under the same label."""
    there = {index: row for row, index in enumerate(baseline.index)}
    rows = ((row, there[index]) for row, index in enumerate(candidate.index) if index in there)
    return [(a, b) for a, b in rows if candidate.label[a] == baseline.label[b]]


def other_routes(candidate: Results, baseline: Results) -> dict[Classes, str]:
    """Directions whose margins were found by different routes, and by which."""
    found: dict[Classes, str] = {}
    for split in ("test", "train"):
        for classes, a, b in _margins(candidate, baseline, split, any_route=True):
            if a.method != b.method:
                found[classes] = f"{a.method}; in the baseline {b.method}"
    return found


def pixels(results: Results) -> str:
    """How pixels are scaled for the model, in words; the order of its axes changes no number, so it is left out."""
    return results.model.preprocessing.partition("; layout ")[0]


def _split(ending: str | None) -> Literal["test", "train"]:
    return "train" if ending else "test"


def _margins(
    candidate: Results, baseline: Results, split: Literal["test", "train"], *, any_route: bool = False
) -> Iterator[tuple[Classes, Margins, Margins]]:
    """Both audits' margins of each direction that both have."""
    here, there = _directions(candidate), _directions(baseline)
    for classes in here:
        now, then = (side[classes].margins.get(split) if classes in side else None for side in (here, there))
        if now is not None and then is not None and (any_route or now.method == then.method):
            yield classes, now, then


def _directions(results: Results) -> Mapping[Classes, Direction]:
    return {(d.source, d.target): d for pair in results.pairs for d in pair.directions}


def _wrong(candidate: Margins, baseline: Margins) -> Disagreement | None:
    """Samples whose margin is 0, because the model already says another class."""
    there = dict(zip(baseline.index, baseline.l2, strict=True))
    here = {index: margin for index, margin in zip(candidate.index, candidate.l2, strict=True) if index in there}
    return disagreement([m == 0 for m in here.values()], [there[i] == 0 for i in here]) if here else None


def gradient_route(results: Results) -> str:
    """How gradients come about, as far as it bears on a margin: a twin's and the module's own are equally exact."""
    found = results.model.gradient
    if isinstance(found, NotMeasured):
        return f"none, {found.not_measured}"
    if "straight-through" in found:
        return "straight through rounding"
    return "exact" if "autograd" in found or "twin" in found else found

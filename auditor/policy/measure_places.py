"""Measures by name: what a rule may speak of, and where in the results its values stand.

| name | one value for |
|---|---|
| ``performance.accuracy``, ``performance.ece`` | the model |
| ``performance.per_class.accuracy`` | each class |
| ``characteristics.<id>`` | each direction, or each pair for a measure of a pair |
| ``summary.<id>.mean``, ``summary.<id>.worst`` | the model, as the report states it over all pairs |
| ``generation.success_rate`` | each direction |
| ``baselines.<generator>.<id>``, ``baselines.<generator>.success_rate`` | each direction |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Literal

from auditor.documents.means_over_pairs import mean_change, mean_of_measure
from auditor.documents.results import (
    ACCURACY,
    CALIBRATION_ERROR,
    SUCCESS_RATE,
    Baseline,
    Definition,
    Direction,
    Meaning,
    Measure,
    Measured,
    NotMeasured,
    Results,
    SummaryMeasure,
)
from auditor.errors import UsageError
from auditor.numbers.intervals import Classes, Interval, mean_of

Kind = Literal["model", "class", "pair", "direction"]

SUCCESS = "success_rate"
NEAR = 0.6
"""How alike in spelling a word has to be to a measure to be taken for it, from 0 to 1."""
ON_SAMPLES = re.compile(
    r"margin_(l2|linf)_attack(_train)?(_q\d\d)?|margin_(l2|linf)_attack_gap|already_wrong(_train)?|asymmetry_margin"
    r"|edc_(train|test)_(accuracy|distance)(_misclassified|_min|_max)?"
)
"""Measures of samples alone, which no training of a generator changes."""


@dataclass(frozen=True)
class Known:
    """What is known of a measure before any audit: where it has values, and how they read."""

    kind: Kind
    meaning: Meaning


FIXED = {
    "performance.accuracy": Known("model", ACCURACY),
    "performance.ece": Known("model", CALIBRATION_ERROR),
    "performance.per_class.accuracy": Known("class", ACCURACY),
    "generation.success_rate": Known("direction", SUCCESS_RATE),
}


def known(name: str, definitions: Mapping[str, Definition], where: str) -> Known:
    """What the measure called ``name`` is.

    Args:
        name: as in a policy.
        definitions: of all characteristics.
        where: key of the policy that holds the name, for the message.
    Raises:
        UsageError: there is no such measure; the message names the nearest ones.
    """
    found = find(name, definitions)
    if found is None:
        beside = name.split(".")[1] if name.startswith("baselines.") else "<generator>"
        near = _nearest(name, definitions, beside) or [*FIXED, "characteristics.<id>", "summary.<id>.mean"]
        raise UsageError(f"expected a measure such as {', '.join(near)}; found {name!r}; correct {where} of the policy")
    return found


def _nearest(name: str, definitions: Mapping[str, Definition], baseline: str) -> list[str]:
    """Names that may be meant: of a word that begins or titles measures their names, else those alike in spelling."""
    names = list(all_names(definitions, baseline))
    end = next((end for end in (".mean", ".worst") if name.startswith("summary.") and name.endswith(end)), "")
    area, _, word = name.removesuffix(end).rpartition(".")
    meant = [f"{area or 'characteristics'}.{id}{end}" for id in nearest_measures(word, definitions)]
    return [one for one in meant if one in names][:3] or get_close_matches(name, names, 3, 0.5)


def nearest_measures(word: str, definitions: Mapping[str, Definition]) -> list[str]:
    """Ids of the measures that a word may mean, best first: by title, by how id or title begin, by spelling.

    Of those that fit alike, headline measures and measures of which one end is better come first.
    """
    said = " ".join(word.casefold().replace("_", " ").replace(",", " ").split())
    if not said:
        return []

    def rank(id: str) -> tuple[int, bool, bool, float]:
        d = definitions[id]
        texts = (id.casefold().replace("_", " "), d.title.casefold().replace(",", ""))
        fits = 0 if said == texts[1] else 1 if any(f"{t} ".startswith(f"{said} ") for t in texts) else 2
        return fits, not d.headline, d.better == "none", -max(likeness(said, text) for text in texts)

    ranked = {id: rank(id) for id in definitions}
    near = [id for id, (fits, _, _, unlike) in ranked.items() if fits < 2 or unlike <= -NEAR]
    # Among those that are alike in spelling alone, it is the spelling that tells.
    return sorted(near, key=lambda id: ranked[id] if ranked[id][0] < 2 else (2, False, False, ranked[id][3]))


def likeness(one: str, other: str) -> float:
    """How alike two texts are spelt, from 0 to 1."""
    return SequenceMatcher(None, one, other).ratio()


def find(name: str, definitions: Mapping[str, Definition]) -> Known | None:
    """What the measure called ``name`` is, None where there is none."""
    return FIXED.get(name) or _of_characteristic(name, definitions)


def all_names(definitions: Mapping[str, Definition], baseline: str) -> Iterator[str]:
    """Every name that a rule may use, those of baselines for one of them."""
    yield from FIXED
    for id in definitions:
        yield f"characteristics.{id}"
        yield from (f"summary.{id}.{part}" for part in ("mean", "worst"))
        if definitions[id].scope == "direction":
            yield f"baselines.{baseline}.{id}"
    yield f"baselines.{baseline}.{SUCCESS}"


def values(results: Results, name: str) -> dict[Classes, Measured]:
    """Every place of a measure that ``known`` knows, with its value there or why it has none."""
    area, _, rest = name.partition(".")
    performance = results.performance
    if name == "performance.accuracy":
        return {(): performance.accuracy}
    if name == "performance.ece":
        return {(): performance.ece}
    if name == "performance.per_class.accuracy":
        return {(c.index,): c.accuracy for c in performance.per_class}
    if area == "summary":
        return {(): _summary(results, *rest.rsplit(".", 1))}
    if area == "characteristics" and results.definitions[rest].scope == "pair":
        return {pair.classes: _held(pair.characteristics, rest) for pair in results.pairs}
    return {(d.source, d.target): _of_direction(d, area, rest) for pair in results.pairs for d in pair.directions}


def mean_over(
    results: Results, name: str, *, of_changes: bool = False
) -> Callable[[Mapping[Classes, Interval]], Interval]:
    """What takes the mean of a measure, or of its changes, over its places: of characteristics as the report does."""
    area, _, id = name.partition(".")
    if area != "characteristics":
        return mean_of

    def of_characteristic(places: Mapping[Classes, Interval]) -> Interval:
        definition = results.definitions[id]
        if of_changes:
            return mean_change(id, definition, places)
        return mean_of_measure(results.pairs, id, definition, places)

    return of_characteristic


def depends_on_generator(id: str) -> bool:
    """Whether a characteristic is taken on what a generator made.

    Such a number varies from seed to seed by more than an interval over the instances of one training says. What is
    taken on samples alone is listed; a characteristic that is not known here counts as taken on instances.
    """
    return ON_SAMPLES.fullmatch(id) is None


def _of_characteristic(name: str, definitions: Mapping[str, Definition]) -> Known | None:
    area, _, rest = name.partition(".")
    kind: Kind | None = None
    if area == "summary" and rest.endswith((".mean", ".worst")):
        kind, rest = "model", rest.rsplit(".", 1)[0]
    elif area == "baselines":
        generator, _, rest = rest.partition(".")
        if generator and rest == SUCCESS:
            return FIXED["generation.success_rate"]
    elif area != "characteristics":
        return None
    if (definition := definitions.get(rest)) is None or (area == "baselines" and definition.scope == "pair"):
        return None
    return Known(kind or definition.scope, definition)


def _of_direction(direction: Direction, area: str, rest: str) -> Measured:
    if area == "characteristics":
        return _held(direction.characteristics, rest)
    if area == "generation":
        return direction.generation.success_rate
    generator, _, id = rest.partition(".")
    baseline = direction.baselines.get(generator)
    if not isinstance(baseline, Baseline):
        return baseline or NotMeasured(not_measured=f"the audit has no baseline {generator}")
    return baseline.generation.success_rate if id == SUCCESS else _held(baseline.characteristics, id)


def _held(characteristics: Mapping[str, Measured], id: str) -> Measured:
    return characteristics.get(id) or NotMeasured(not_measured="the results hold no such number here")


def _summary(results: Results, id: str, part: str) -> Measured:
    found = results.summary.characteristics.get(id)
    if not isinstance(found, SummaryMeasure):
        return found or NotMeasured(not_measured="the summary holds no such number")
    if lacking := _lacking(results, id):
        return NotMeasured(not_measured=f"{lacking:,} pairs that did not come to the full level lack it")
    if part == "worst":
        if found.worst is None:
            return NotMeasured(not_measured="neither end of this measure is better, so no place is the worst")
        return values(results, f"characteristics.{id}")[found.worst.classes]
    places = values(results, f"characteristics.{id}").values()
    return results.definitions[id].measure(found.mean, found.ci_low, found.ci_high, _measured_count(places))


def _lacking(results: Results, id: str) -> int:
    """Pairs below the full level that lack a measure: a summary without them would be about the others."""
    places = values(results, f"characteristics.{id}")
    below = {pair.classes for pair in results.pairs if pair.level != "full"}
    lacking = {tuple(sorted(classes)) for classes, value in places.items() if isinstance(value, NotMeasured)}
    return len(lacking & below)


def _measured_count(places: Iterable[Measured]) -> int:
    return sum(isinstance(value, Measure) for value in places)

"""What a plug-in answers, checked against what it defined before anything relies on it.

A characteristic that cannot be used leaves its measures unmeasured in that place, with a reason that names it; the
audit goes on. A generator that cannot be used ends the audit in a line. The tool's own raise whatever they raise, for
their faults are to be seen; a model that fails is told as the model's failure, whoever asked it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from itertools import chain
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from auditor.characteristics.base import Characteristic, Evidence, Findings, PairCharacteristic
from auditor.documents.agreement.boundary import strips
from auditor.documents.agreement.numbers import Contradiction, measured
from auditor.documents.agreement.sizes import bounded_series
from auditor.documents.results import Definition, Measure, Measured, NotMeasured, Pair, Series
from auditor.errors import AuditError, AuditIncomplete, one_line
from auditor.models.classifier import Classifier
from auditor.models.memory import lack_of_memory
from auditor.pipeline.failures import let_go
from auditor.plugin_registry import Registry

WRONG, FAILED, NOTHING = "a plug-in answered wrongly", "a plug-in failed", "the plug-in gave no answer"
"""How the reasons begin that stand here."""
_LONGEST, _MOST_GENERATORS = 400, 1000
_SERIES: TypeAdapter[Series] = TypeAdapter(Series)


class WrongAnswer(Exception):
    """An answer that is not as the plug-in's definitions and the contract of its kind say."""


def plugin_named(registry: Registry[Any], name: str) -> str | None:
    """A plug-in as messages name it; None for what the tool itself brings."""
    source = registry.source(name)
    return f"the {registry.kind} {name!r} of {source}" if source else None


@contextmanager
def ends_audit(plugin: str | None) -> Iterator[None]:
    """Have whatever a plug-in raises end the audit in a line that names it; what the tool's own raise is left alone.

    Raises:
        AuditIncomplete: the plug-in cannot be used.
    """
    try:
        yield
    except (Exception, SystemExit) as err:
        if plugin is None or _of_audit(err):
            raise
        raise AuditIncomplete(
            f"expected {plugin} to work; found {_said(err)[:_LONGEST]}; mend or uninstall that distribution"
        ) from err


def findings_of(
    plugin: str, made: Characteristic, evidence: Evidence, rng: torch.Generator, *, spread: bool
) -> Findings:
    """What a plug-in finds in a copy of the evidence, or why that is of no use, for each of its measures.

    Args:
        plugin: as messages name it.
        spread: whether it is also measured by generator.
    """
    try:
        found: object = made.measure(copied(evidence), rng=rng)
        if not isinstance(found, Findings):
            raise WrongAnswer(f"expected Findings, found {type(found).__name__}")
        by_generator: object = made.by_generator(copied(evidence)) if spread else {}
        return Findings(
            _measures(made.definitions, found.measures),
            _series(found.series, evidence.instances.p_boundary.shape[1]),
            _flagged(found.flagged, len(evidence.source.train)),
            {**_spread(made.definitions, found.by_generator), **_spread(made.definitions, by_generator)},
        )
    except (Exception, SystemExit) as err:
        return Findings(_unusable(plugin, made.definitions, err))


def comparison_of(
    plugin: str, made: PairCharacteristic, forth: Mapping[str, Measured], back: Mapping[str, Measured]
) -> Mapping[str, Measured]:
    """What a plug-in makes of the measures of both directions, or why that is of no use."""
    try:
        return _measures(made.definitions, made.compare(dict(forth), dict(back)))
    except (Exception, SystemExit) as err:
        return _unusable(plugin, made.definitions, err)


def refused_answers(pairs: Iterable[Pair]) -> tuple[bool, list[str]]:
    """Whether a plug-in's answer was wrong anywhere in these pairs, and each different reason why one was not used."""
    found = dict[str, None]()
    for pair in pairs:
        baselines = (b for d in pair.directions for b in d.baselines.values() if not isinstance(b, NotMeasured))
        tables = [pair.characteristics, *(d.characteristics for d in pair.directions)]
        for table in chain(tables, (b.characteristics for b in baselines)):
            reasons = (m.not_measured for m in table.values() if isinstance(m, NotMeasured))
            found |= dict.fromkeys(text for text in reasons if text.startswith((WRONG, FAILED, NOTHING)))
    return any(text.startswith(WRONG) for text in found), list(found)


def copied(thing: Any) -> Any:
    """A dataclass whose tensors and tables are its own, so that nobody else sees what is written there."""
    if isinstance(thing, Tensor):
        return thing.clone()
    if isinstance(thing, Mapping):
        table: Any = copy.copy(thing)
        table.update({key: copied(value) for key, value in thing.items()})
        return table
    if is_dataclass(thing) and not isinstance(thing, (type, Classifier)):
        return replace(thing, **{field.name: copied(getattr(thing, field.name)) for field in fields(thing)})
    return thing


def _of_audit(err: BaseException) -> bool:
    """Whether it is no fault of whoever asked: the model failed, or memory ran out."""
    return isinstance(err, AuditError) or bool(lack_of_memory(err))


def _said(err: BaseException) -> str:
    """An error in a line, with the measure that it was noted for."""
    if isinstance(err, WrongAnswer):
        return one_line(f"{err}")
    said = f"{type(err).__name__}: {err}"
    if isinstance(err, ValidationError):
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in err.errors()[:2])
    return one_line(": ".join([*getattr(err, "__notes__", []), said]))


def _unusable(plugin: str, definitions: Mapping[str, Definition], err: BaseException) -> dict[str, Measured]:
    if _of_audit(err):
        raise err
    let_go(err)
    begins = WRONG if isinstance(err, (WrongAnswer, ValidationError)) else FAILED
    return dict.fromkeys(definitions, NotMeasured(not_measured=f"{begins}: {plugin}: {_said(err)[:_LONGEST]}"))


def _measures(definitions: Mapping[str, Definition], found: object) -> dict[str, Measured]:
    """Every measure that is defined, as its definition says."""
    answers = dict[str, Measured]()
    for id, one in _table("measures", found).items():
        if id not in definitions:
            raise WrongAnswer(f"measures: expected what its definitions name, found {str(id)[:60]!r}")
        if not isinstance(one, (Measure, NotMeasured)):
            raise WrongAnswer(f"{id}: expected Measure or NotMeasured, found {type(one).__name__}")
        kind = Measure if isinstance(one, Measure) else NotMeasured
        try:
            answers[id] = kind.model_validate(one.model_dump(warnings=False))
        except ValidationError as err:
            err.add_note(id)
            raise
        _refuse_first(measured(id, answers[id], definitions[id]))
    return {id: answers.get(id, NotMeasured(not_measured=NOTHING)) for id in definitions}


def _series(found: object, classes: int) -> dict[str, Series]:
    """Series that figures can be drawn from."""
    table = _table("series", found)
    for name, one in table.items():
        if not hasattr(one, "model_dump"):
            raise WrongAnswer(f"series {name[:60]}: expected a series, found {type(one).__name__}")
        table[name] = _SERIES.validate_python(one.model_dump(warnings=False))
        where = f"series {name[:60]}"
        _refuse_first(chain(bounded_series(where, table[name]), strips(where, table[name], classes)))
    return table


def _flagged(found: object, rows: int) -> dict[str, Tensor]:
    """Rows of the samples of the source class, each once."""
    table = _table("flagged", found)
    for name, one in table.items():
        sound = isinstance(one, Tensor) and one.dtype == torch.int64 and one.ndim == 1
        if not sound or len(one.unique()) < len(one) or bool(((one < 0) | (one >= rows)).any()):
            raise WrongAnswer(f"flagged {name[:60]}: expected rows below {rows} as int64 (M,), each once; found others")
    return table


def _spread(definitions: Mapping[str, Definition], found: object) -> dict[str, list[float]]:
    """Finite numbers of measures that are defined."""
    table = _table("by_generator", found)
    for id, values in table.items():
        if id not in definitions or not isinstance(values, list) or len(values) > _MOST_GENERATORS:
            raise WrongAnswer(f"by_generator: expected lists of numbers by measure, found {id[:60]!r}")
        if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
            raise WrongAnswer(f"by_generator: expected finite numbers of {id[:60]}, found others")
    return table


def _table(what: str, found: object) -> dict[str, Any]:
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise WrongAnswer(f"{what}: expected a table by name, found {type(found).__name__}")
    return dict(found)


def _refuse_first(contradictions: Iterable[Contradiction]) -> None:
    for one in contradictions:
        raise WrongAnswer(f"{one.where}: expected {one.expected}, found {one.found}")

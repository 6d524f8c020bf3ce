"""Whatever a plug-in answers: an audit goes on with a reason, or ends in a line that names the plug-in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch

from auditor.boundary.base import BoundaryInstances, Generator, generators
from auditor.characteristics.base import Characteristic, Evidence, Findings, PairCharacteristic, characteristics
from auditor.characteristics.margin import Margin
from auditor.documents.results import (
    Definition,
    DistributionSeries,
    GeneratorDefinition,
    Group,
    Measure,
    NotMeasured,
    StripSeries,
)
from auditor.errors import AuditIncomplete, InputRefused
from auditor.pipeline.pairs import generation
from auditor.pipeline.pairs.measuring import CharacteristicSuite
from auditor.pipeline.pairs.plugin_answers import FAILED, NOTHING, WRONG
from auditor.pipeline.plugins_in_use import plugin_checks
from auditor.pipeline.stages import Stages
from auditor.plugin_registry import Source
from auditor.testing import _tasks, example_evidence, three_sectors

WHO = "the characteristic 'boom' of audit-boom 1.0 (audit_boom)"
X = Definition(
    title="X", unit="shares", scale="share", better="lower", reading="lower", bounds=(0.0, 1.0), formula="x", text="x",
    source="a test",
)  # fmt: skip
Answer = Callable[[Characteristic, Evidence], Any]


@dataclass(frozen=True)
class Boom(Characteristic):
    """Answers as it is told."""

    answer: Answer
    definitions: ClassVar[Mapping[str, Definition]] = {"x": X, "y": X}

    def measure(self, evidence: Evidence, *, rng: torch.Generator) -> Findings:
        found: Findings = self.answer(self, evidence)
        return found


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """``boom`` is a characteristic and a generator of another distribution."""
    for registry in (characteristics, generators):
        registry.names()
        monkeypatch.setitem(registry._sources, "boom", Source("audit-boom", "1.0", "audit_boom"))


def x_is(value: float = 0.5, low: Any = 0.4, high: Any = 0.6, n: int = 9, **others: Any) -> dict[str, Measure]:
    given = {"value": value, "ci_low": low, "ci_high": high, "n": n, "unit": "shares", "scale": "share", **others}
    return {"x": Measure.model_construct(None, **given)}


def found(answer: Answer) -> Findings:
    return CharacteristicSuite({"boom": Boom(answer)}, {}).measure(example_evidence(), 0)


def fails(err: BaseException) -> Answer:
    def answer(*_: Any) -> None:
        raise err

    return answer


STRIPS = StripSeries(title="t", x_label="x", rows=[[0, 9]])
NUMBERS = DistributionSeries(title="t", unit="u", groups=[Group(label="l", role="source", values=[0.0] * 10_001)])
REASONS: dict[str, tuple[str, Answer]] = {
    "x: expected between 0.0 and 1.0, found 7": (WRONG, lambda *_: Findings(x_is(7, 6, 8))),
    "x: expected of at least one observation, found n -3": (WRONG, lambda *_: Findings(x_is(n=-3))),
    "x: expected in shares, a share, found apples, a share": (WRONG, lambda *_: Findings(x_is(unit="apples"))),
    "x: expected in shares, a share, found shares, a rate": (WRONG, lambda *_: Findings(x_is(scale="rate"))),
    "x: expected inside its interval, found 0.5 and the interval 0.6 to 0.4":
        (WRONG, lambda *_: Findings(x_is(low=0.6, high=0.4))),
    "x: value: Input should be a finite number":
        (WRONG, lambda c, _: Findings({"x": c.as_measure("x", math.nan, 0, 1, 3)})),
    "x: ci_low: Input should be a finite number": (WRONG, lambda *_: Findings(x_is(low=math.nan))),
    "expected Findings, found NoneType": (WRONG, lambda *_: None),
    "expected Findings, found float": (WRONG, lambda *_: 0.5),
    "x: expected Measure or NotMeasured, found float": (WRONG, lambda *_: Findings({"x": 0.5})),  # type: ignore[dict-item]
    "measures: expected what its definitions name, found 'z'": (WRONG, lambda *_: Findings({"z": x_is()["x"]})),
    "measures: expected a table by name, found NoneType": (WRONG, lambda *_: Findings(None)),  # type: ignore[arg-type]
    "series s: expected classes below 3, found another": (WRONG, lambda *_: Findings(x_is(), {"s": STRIPS})),
    "series s: expected of at most 20 groups of 10,000 numbers, found more":
        (WRONG, lambda *_: Findings(x_is(), {"s": NUMBERS})),
    "series s: expected a series, found list": (WRONG, lambda *_: Findings(x_is(), {"s": [1]})),  # type: ignore[dict-item]
    "flagged odd: expected rows below ": (WRONG, lambda *_: Findings(x_is(), {}, {"odd": torch.tensor([10**6])})),
    "by_generator: expected finite numbers of x": (WRONG, lambda *_: Findings(x_is(), by_generator={"x": [math.nan]})),
    "ValueError: two lines": (FAILED, fails(ValueError("two\nlines"))),
    "SystemExit: 3": (FAILED, fails(SystemExit(3))),
}  # fmt: skip


@pytest.mark.parametrize("said", REASONS)
def test_an_answer_that_cannot_be_used_leaves_its_measures_unmeasured(said: str) -> None:
    begins, answer = REASONS[said]
    measures = found(answer).measures
    assert set(measures) == {"x", "y"}
    for one in measures.values():
        assert isinstance(one, NotMeasured)
        assert one.not_measured.startswith(f"{begins}: {WHO}: {said}")
        assert "\n" not in one.not_measured


def test_a_good_answer_is_taken_and_what_is_missing_is_told() -> None:
    measures = found(lambda *_: Findings(x_is())).measures
    assert measures == {"x": X.measure(0.5, 0.4, 0.6, 9), "y": NotMeasured(not_measured=NOTHING)}


def test_a_model_that_fails_is_told_as_the_model() -> None:
    for err in (InputRefused("a model", "none", "look"), MemoryError()):
        with pytest.raises(type(err)):
            found(fails(err))


def test_the_tools_own_raise_what_they_raise() -> None:
    with pytest.raises(ZeroDivisionError):
        CharacteristicSuite({"own": Boom(fails(ZeroDivisionError()))}, {}).measure(example_evidence(), 0)


def test_what_a_plugin_writes_in_place_nobody_else_sees() -> None:
    def spoil(_: Characteristic, evidence: Evidence) -> Findings:
        evidence.instances.x_boundary.zero_()
        evidence.source.train.zero_()
        evidence.instances.failures["mine"] = 7
        assert not isinstance(evidence.margins, NotMeasured)
        evidence.margins["test"].l2.zero_()
        return Findings(x_is())

    evidence = example_evidence()
    both = CharacteristicSuite({"boom": Boom(spoil), "margin_attack": Margin()}, {}).measure(evidence, 0).measures
    assert isinstance(both["x"], Measure)
    alone = CharacteristicSuite({"margin_attack": Margin()}, {}).measure(example_evidence(), 0).measures
    assert {id: m for id, m in both.items() if id not in ("x", "y")} == alone
    assert evidence.instances.x_boundary.any()
    assert not evidence.instances.failures


def test_a_series_of_a_plugin_hides_none_of_the_tools_own() -> None:
    own, other = STRIPS.model_copy(update={"rows": [[0, 1]]}), STRIPS.model_copy(update={"rows": [[2, 2]]})
    both = [
        ("boom", Boom(lambda *_: Findings(x_is(), {"s": other}))),
        ("own", Boom(lambda *_: Findings({}, {"s": own}))),
    ]
    for order in (both, both[::-1]):
        assert CharacteristicSuite(dict(order), {}).measure(example_evidence(), 0).series == {"s": own}


class Both(PairCharacteristic):
    """Of a pair, with an answer out of bounds."""

    definitions: ClassVar[Mapping[str, Definition]] = {"p": X}

    def compare(self, forth: Mapping[str, Any], back: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"p": x_is(-1, None, None)["x"]}


def test_a_measure_of_a_pair_is_held_to_its_definition() -> None:
    (one,) = CharacteristicSuite({}, {"boom": Both()}).compare({}, {}).values()
    assert one == NotMeasured(not_measured=f"{WRONG}: {WHO}: p: expected between 0.0 and 1.0, found -1")


@pytest.mark.parametrize(("begins", "status"), [(WRONG, "fail"), (FAILED, "warn"), (NOTHING, "warn")])
def test_the_check_of_plugins_fails_where_an_answer_was_wrong(begins: str, status: str) -> None:
    reason = NotMeasured(not_measured=f"{begins}: {WHO}: something")
    good, bad = ({"x": one} for one in (X.measure(0.5, 0.4, 0.6, 9), reason))
    direction = SimpleNamespace(characteristics=good, baselines={"rpbs": SimpleNamespace(characteristics=bad)})
    pair: Any = SimpleNamespace(characteristics=good, directions=[direction])
    (check,) = plugin_checks([pair])
    assert (check.id, check.status) == ("plugins", status)
    assert reason.not_measured in check.message
    direction.baselines = {"rpbs": NotMeasured(not_measured="no embedding")}
    assert plugin_checks([pair]) == []


class Made(Generator):
    """Generates as it is told."""

    definition = GeneratorDefinition(title="made", summary="made", text="made")

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer

    def _run(self, *_: Any) -> list[BoundaryInstances]:
        made: list[BoundaryInstances] = self.answer()
        return made


@pytest.mark.parametrize("answer", [lambda: None, list, lambda: 1 / 0])
def test_a_generator_that_cannot_be_used_ends_the_audit_in_a_line(
    answer: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    f = three_sectors()
    monkeypatch.setattr(generation, "direction_tasks", lambda *_: _tasks(f, [(0, 1)]))
    plan: Any = SimpleNamespace(settings=SimpleNamespace(samples_per_class=3), seed=0)
    nothing: Any = None
    with pytest.raises(
        AuditIncomplete, match=r"expected the generator 'boom' of audit-boom 1\.0 \(audit_boom\) to work"
    ):
        generation.generate(f, nothing, [(0, 1)], ("boom", Made(answer)), plan, Stages(lambda *_: None))

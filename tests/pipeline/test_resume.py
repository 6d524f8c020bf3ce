"""An audit that goes on from finished parts gives the numbers of an uninterrupted one, and says what it took."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.documents.messages import Begun, Notice, PartDone
from auditor.documents.pair_outcomes import BaselinesPart, Found, Part
from auditor.documents.plan import Plan
from auditor.documents.results import Provenance, Results, from_json, to_json
from auditor.pipeline.pairs import shard
from auditor.pipeline.resume import FinishedParts
from auditor.pipeline.run import run

DIGITS_FCN = Path(__file__).parents[2] / "sample_models" / "digits_fcn.onnx"
PAIRS = "0:1,3:8,4:9"


class Memory:
    """Keeps what a parent would write down."""

    def __init__(self) -> None:
        self.begun: list[Begun] = []
        self.parts: list[Part] = []
        self.said: list[str] = []

    def __call__(self, message: Begun | PartDone | Notice) -> None:
        if isinstance(message, Begun):
            self.begun.append(message)
        elif isinstance(message, Notice):
            self.said.append(message.text)
        else:
            self.parts.append(message.part.model_copy(deep=True))  # as it is now: the audit goes on with it

    @property
    def found(self) -> Found:
        """What the next run finds."""
        return Found(facts=self.begun[-1].facts, parts=self.parts)


@pytest.fixture(autouse=True)
def one_pair_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "MOST_PAIRS", {"cpu": 1, "cuda": 1})


def audited(found: Found | None = None, **changed: object) -> tuple[str, Memory]:
    """The bytes of results.json, and what the run told of its parts."""
    plan = {"pairs": PAIRS, "profile": "quick", "samples_per_class": 8, "report_pairs": 1, **changed}
    memory = Memory()
    results, facts = run(
        Plan(model={"path": str(DIGITS_FCN)}, data={"data": "digits"}, **plan),  # type: ignore[arg-type]
        lambda *_: None, finished_parts=FinishedParts(found, memory),
    )  # fmt: skip
    assert facts.pairs_taken_over == memory.begun[0].taken
    return to_json(results), memory


def pairs_of(part: Part) -> list[tuple[int, int]]:
    return [part.classes] if isinstance(part, BaselinesPart) else part.classes


def without_marks(content: str) -> Results:
    """The results without what says that parts of them were taken over."""
    results = from_json(content)
    checks = [check for check in results.validity if check.id != "resumed"]
    return results.model_copy(update={"validity": checks, "provenance": Provenance()})


@pytest.fixture(scope="module")
def whole() -> tuple[str, Memory]:
    patch = pytest.MonkeyPatch()
    patch.setattr(shard, "MOST_PAIRS", {"cpu": 1, "cuda": 1})
    try:
        return audited()
    finally:
        patch.undo()


def test_the_parts_are_the_screenings_the_pairs_and_the_baselines_of_those_with_a_page(
    whole: tuple[str, Memory],
) -> None:
    kinds = [part.kind for part in whole[1].parts]
    assert kinds == ["screened"] * 3 + ["pairs"] * 3 + ["baselines"]
    assert whole[1].begun[0].changed == []


@pytest.mark.parametrize("finished", [[0], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6], [4, 6], [2, 5]])
def test_every_part_that_is_finished_is_not_done_again(whole: tuple[str, Memory], finished: list[int]) -> None:
    content, memory = whole
    found = Found(facts=memory.begun[0].facts, parts=[memory.parts[i] for i in finished])
    again, after = audited(Found.model_validate_json(found.model_dump_json()))
    assert without_marks(again) == without_marks(content)
    of_parts = {pair for i in finished for pair in pairs_of(memory.parts[i])}
    results = from_json(again)
    assert set(results.provenance.taken_over) == of_parts
    (said,) = [check.message for check in results.validity if check.id == "resumed"]
    assert said.startswith(
        f"{len(of_parts)} of 3 class pairs were taken over, whole or in part, from an interrupted run"
    )
    assert after.begun[0].taken == sum(3 <= i < 6 for i in finished)
    assert after.begun[0].wanted == 3
    assert len(after.parts) == 7 - len(finished)


@pytest.mark.parametrize("met_in", [1, 3, 6], ids=["screened", "pairs", "baselines"])
def test_numbers_that_are_none_in_a_part_taken_over_are_warned_of(whole: tuple[str, Memory], met_in: int) -> None:
    parts = list(whole[1].parts)
    assert {part.not_finite for part in parts} == {0}
    parts[met_in] = parts[met_in].model_copy(update={"not_finite": 2})
    found = Found(facts=whole[1].begun[0].facts, parts=parts)
    again, _ = audited(Found.model_validate_json(found.model_dump_json()))
    for content, status in ((whole[0], "ok"), (again, "warn")):
        (check,) = [check for check in from_json(content).validity if check.id == "output_finite"]
        assert check.status == status
    assert "points away from the data" in check.message


@pytest.mark.parametrize(
    ("option", "value"),
    [("seed", 1), ("samples_per_class", 9), ("generator", "rpbs"), ("pairs", "0:1,3:8"), ("report_pairs", 2)],
)
def test_another_setting_starts_afresh_and_is_named(whole: tuple[str, Memory], option: str, value: object) -> None:
    _, after = audited(whole[1].found, **{option: value})
    assert after.begun[0].changed == [f"--{option.replace('_', '-')}"]
    assert after.begun[0].taken == 0


def test_another_model_or_version_starts_afresh(whole: tuple[str, Memory]) -> None:
    others = {"the model": "0" * 64, "the tool's version": "0.0.1", "the form of finished parts": "0"}
    facts = {**whole[1].begun[0].facts, **others}
    content, after = audited(Found(facts=facts, parts=whole[1].parts))
    assert after.begun[0].changed == ["the tool's version", "the form of finished parts", "the model"]
    assert content == whole[0]


def test_time_and_place_are_no_settings(whole: tuple[str, Memory]) -> None:
    _, after = audited(whole[1].found, time_budget=3600.0, command="deepdig-audit elsewhere")
    assert after.begun[0].changed == []
    assert (after.begun[0].taken, len(after.parts)) == (3, 0)


@pytest.mark.parametrize(("finished", "shown"), [([1], 1), ([0, 2], 2), ([0, 1, 2, 3], 3), ([], 0)])
def test_a_time_that_is_spent_still_shows_what_is_finished(
    whole: tuple[str, Memory], finished: list[int], shown: int
) -> None:
    found = Found(facts=whole[1].begun[0].facts, parts=[whole[1].parts[i] for i in finished])
    content, after = audited(found, time_budget=1e-9)
    assert after.parts == []
    assert f'"audited": {shown}' in content
    assert [text.partition(":")[0] for text in after.said] == ["--time-budget 1e-09s is short"] * (shown < 3)  # of 3

"""The k-th answer of the model, or the k-th decoded image, fails: a reason or a typed error, never anything else."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from auditor.datasets import image_file
from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.documents.plan import Plan
from auditor.documents.results import Results
from auditor.errors import AuditError, InputRefused
from auditor.models.onnx.runtime import Runtime
from auditor.pipeline.failures import out_of_memory
from auditor.pipeline.pairs import shard
from auditor.pipeline.run import run

DIGITS_FCN = Path(__file__).parents[2] / "sample_models" / "digits_fcn.onnx"
MOST_RUNS = 40
"""Faults that are tried of one kind; evenly spaced where there are more calls."""


class FailsAt:
    """A function whose k-th call fails."""

    def __init__(self, call: Callable[..., Any], at: int, err: BaseException) -> None:
        self._call, self._at, self._err, self.calls = call, at, err, 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls == self._at:
            raise self._err
        return self._call(*arguments, **named)

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        return lambda *arguments, **named: self(instance, *arguments, **named)


def audited() -> Results:
    plan = Plan(
        model={"path": str(DIGITS_FCN)}, data={"data": "digits"}, pairs="3:8,4:9", profile="quick", samples_per_class=4,
        generator="rpbs",
    )  # fmt: skip
    return run(plan, lambda *_: None)[0]


def outcome() -> Results | Exception:
    """What an audit ends with."""
    try:
        return audited()
    except Exception as err:
        return err


@pytest.mark.parametrize("err", [RuntimeError("the runtime broke"), MemoryError()], ids=["error", "memory"])
def test_inference(err: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "MOST_PAIRS", {"cpu": 1, "cuda": 1})
    answer = Runtime.run
    counting = FailsAt(answer, 0, err)
    monkeypatch.setattr(Runtime, "run", counting)
    whole = audited()
    assert counting.calls > 10
    missing = 0
    for at in range(1, counting.calls + 1, -(-counting.calls // MOST_RUNS)):
        monkeypatch.setattr(Runtime, "run", FailsAt(answer, at, err))
        results = outcome()
        if isinstance(results, Exception):
            # A lack of memory is told by the worker as a limit that was met.
            assert isinstance(results, AuditError) or out_of_memory(results) is not None
            continue
        assert {*(pair.classes for pair in results.pairs), *results.coverage.missing} == {(3, 8), (4, 9)}
        assert {pair.classes: pair for pair in whole.pairs}.items() >= {p.classes: p for p in results.pairs}.items()
        missing += results.coverage.partial
        assert results.coverage.partial == bool(results.coverage.reason)
    assert missing > 3


@pytest.mark.parametrize(
    "err",
    [OSError(errno.EIO, "Input/output error"), MemoryError(), SyntaxError("broken PNG file"), RecursionError()],
    ids=lambda err: type(err).__name__,
)
@pytest.mark.parametrize("max_skip", [0.0, 0.5])
def test_decoding(err: Exception, max_skip: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for label in ("a", "b"):
        (tmp_path / "train" / label).mkdir(parents=True)
        (tmp_path / "test" / label).mkdir(parents=True)
        for split in ("train", "test"):
            for i in range(4):
                Image.new("L", (8, 8), 40 * i).save(tmp_path / split / label / f"{i}.png")
    request = DataRequest(data=str(tmp_path), max_skip=max_skip)
    opened, converted = Image.open, image_file.converted
    for name, owner, call in (("open", Image, opened), ("converted", image_file, converted)):
        for at in range(1, 17):
            failing = FailsAt(call, at, err)
            monkeypatch.setattr(owner, name, failing)
            if max_skip:
                dataset = load_dataset(request, (1, 8, 8))
                assert len(dataset.skipped) == 1
                assert dataset.skipped[0].reason
                assert len(dataset.train) + len(dataset.test) == 15
            else:
                with pytest.raises(InputRefused):
                    load_dataset(request, (1, 8, 8))
            assert failing.calls >= at
            monkeypatch.setattr(owner, name, call)

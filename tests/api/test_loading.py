"""Outputs that load what they need while workers are at work."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from auditor.api.outputs import Loading
from auditor.documents.messages import Progress
from auditor.documents.results import Results
from auditor.render.base import outputs
from tests.render.sample_results import synthetic_results


@dataclass(frozen=True)
class Slow:
    """An output that notes when it is told to load, and cannot."""

    file_name: str = "slow.txt"
    summary: str = "an output"
    loads: list[str] = field(default_factory=list)

    def render(self, document: Results, created: datetime.date | None = None) -> bytes:
        return b""

    def load(self) -> None:
        self.loads.append("begun")
        raise OSError("no such library")


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    outputs._entries["slow"] = made
    yield made
    del outputs._entries["slow"]


def test_it_begins_once_the_workers_have_loaded_theirs_and_fails_in_silence(slow: Slow) -> None:
    shown: list[str] = []
    loading = Loading(["csv", "slow"], lambda progress: shown.append(progress.stage))
    loading.wait()
    for stage in ("start", "opening the model", "predictions"):
        assert slow.loads == [] or stage == "predictions"
        loading.show(Progress(stage=stage, done=0, total=1))
    loading.wait()
    assert slow.loads == ["begun"]
    assert shown == ["start", "opening the model", "predictions"]


def test_a_pdf_is_the_same_whether_it_was_loaded_before_or_not() -> None:
    pytest.importorskip("weasyprint")
    from auditor.render.pdf import PdfOutput

    results, pdf = synthetic_results(chosen=[(4, 9)], report_pairs=0, images=False), PdfOutput()
    plain = pdf.render(results)
    pdf.load()
    assert pdf.render(results) == plain

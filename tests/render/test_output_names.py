"""The file of an output of others is a plain name that no other file of an output folder has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from auditor.api.output_folder import INSTANCES, RUN
from auditor.render.base import comparison_outputs, output_fault, outputs
from auditor.worker.journal import JOURNAL

BAD = (
    "", ".", "..", "../../evil.txt", "a\\b", "a\0b", "a\nb", "n" * 300, "trailing.", "-rf", RUN, "RUN.json", INSTANCES,
    "Instances", JOURNAL, "report.html", "Report.HTML", "results.json",
)  # fmt: skip


def named(name: str) -> Any:
    return SimpleNamespace(file_name=name, summary="an output", render=lambda *_: b"")


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_is_no_plain_name_or_taken_is_refused(name: str) -> None:
    fault = output_fault(named(name), dict(outputs.items()))
    assert fault == f"its file name {name[:60]!r} is no plain name, or that of another output"


@pytest.mark.parametrize("name", ["fragile.txt", "Summary_2.v1.md", "n" * 100])
def test_a_plain_name_is_taken(name: str) -> None:
    assert output_fault(named(name), dict(outputs.items())) is None


def test_every_name_of_the_tools_own_is_plain() -> None:
    for registry in (outputs, comparison_outputs):
        for name, one in registry.items():
            assert output_fault(one, {k: o for k, o in registry.items() if k != name}) is None

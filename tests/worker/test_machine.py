"""How many workers a machine takes."""

from __future__ import annotations

import pytest

from auditor.documents.messages import HelpWanted
from auditor.worker import machine
from auditor.worker.machine import workers_for


@pytest.fixture(autouse=True)
def eight_cores_and_ten_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 8)
    monkeypatch.setattr(machine, "free_memory", lambda: 10_000_000_000)


def wanted(tasks: int = 100, device: str = "cpu", threads: int = 1, memory: int = 1000, growth: int = 0) -> HelpWanted:
    return HelpWanted(tasks=tasks, device=device, threads=threads, memory=memory, growth=growth)


@pytest.mark.parametrize(
    ("asked", "of", "count"),
    [
        (None, wanted(), 8),
        (None, wanted(tasks=3), 3),
        (None, wanted(tasks=0), 1),
        (None, wanted(threads=4), 2),
        (None, wanted(threads=16), 1),
        (3, wanted(), 3),
        (12, wanted(), 12),
        (12, wanted(tasks=5), 5),
        (1, wanted(), 1),
        (None, wanted(device="cuda"), 1),
        (12, wanted(memory=10**10), 12),
    ],
)
def test_by_cores_threads_and_tasks(asked: int | None, of: HelpWanted, count: int) -> None:
    assert workers_for(of, asked)[0] == count


@pytest.mark.parametrize(("memory", "growth", "count"), [(10**9, 0, 8), (2 * 10**9, 0, 5), (2 * 10**9, 10**9, 5),
                                                         (2 * 10**9, 2 * 10**9, 4), (10**10, 0, 1)])  # fmt: skip
def test_by_memory_and_the_user_hears_of_it(memory: int, growth: int, count: int) -> None:
    found, said = workers_for(wanted(memory=memory, growth=growth), None)
    assert found == count
    assert ("of 8 possible workers" in said) == (count < 8)
    assert "\n" not in said


def test_a_number_for_a_gpu_is_answered() -> None:
    assert workers_for(wanted(device="cuda"), 4) == (1, "there is one worker for a GPU, which serves one best")
    assert workers_for(wanted(device="cuda"), None) == (1, "")

"""The journal: what was written comes back, whatever a failing machine did to the file's end or middle."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.documents.messages import Begun, PartDone
from auditor.documents.pair_outcomes import Found, PairsPart
from auditor.documents.results import Cost
from auditor.errors import AuditIncomplete
from auditor.worker import journal as module
from auditor.worker.journal import JOURNAL, Journal, only_audit
from tests.outcomes import pair

FACTS = {"the model": "abc", "--seed": "0"}


def part(a: int) -> PairsPart:
    return PairsPart(pairs=[pair(a, a + 1)], cost=Cost(forward=a, backward=0), seconds=0.1)


def written(folder: Path, parts: int = 3) -> bytes:
    """The content of a journal of so many parts."""
    journal = Journal(folder)
    journal.keep(Begun(facts=FACTS, changed=[], taken=0, wanted=parts))
    for a in range(parts):
        journal.keep(PartDone(part=part(a)))
    return (folder / JOURNAL).read_bytes()


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    assert Journal(tmp_path).found is None
    written(tmp_path)
    back = Journal(tmp_path)
    assert back.found == Found(facts=FACTS, parts=[part(0), part(1), part(2)])
    assert not back.damaged
    assert Journal(tmp_path, keep=False).found is None


@given(st.data())
def test_a_file_cut_anywhere_gives_the_parts_before(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    folder = tmp_path_factory.mktemp("cut")
    whole = written(folder)
    end = data.draw(st.integers(0, len(whole)))
    (folder / JOURNAL).write_bytes(whole[:end])
    found = Journal(folder).found
    # The last line may lack its end of line alone.
    finished = max(0, whole[: end + 1].count(b"\n") - 1)
    assert (found.parts if found else []) == [part(a) for a in range(finished)]


@given(st.data())
def test_a_changed_byte_costs_the_part_it_stands_in(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    folder = tmp_path_factory.mktemp("changed")
    whole = bytearray(written(folder))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    (folder / JOURNAL).write_bytes(whole)
    found = Journal(folder).found
    parts = found.parts if found else []
    assert all(one in [part(0), part(1), part(2)] for one in parts)
    assert len(parts) >= 1 or place < whole.index(b"\n") + 1 or found is None
    if found is not None:
        assert found.facts == FACTS


def test_a_resumed_run_adds_to_what_was_whole(tmp_path: Path) -> None:
    whole = written(tmp_path)
    (tmp_path / JOURNAL).write_bytes(whole[:-7])
    journal = Journal(tmp_path)
    assert journal.damaged == 1
    journal.keep(Begun(facts=FACTS, changed=[], taken=2, wanted=3))
    journal.keep(PartDone(part=part(2)))
    assert (tmp_path / JOURNAL).read_bytes() == whole


def test_a_part_counts_from_when_it_is_written_though_the_disk_is_slow(tmp_path: Path, monkeypatch) -> None:
    written(tmp_path, 1)
    journal, kept = Journal(tmp_path), list[int]()
    journal.keep(Begun(facts=FACTS, changed=[], taken=1, wanted=3), lambda: kept.append(1))

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.keep(PartDone(part=part(1)), lambda: kept.append(2))
    assert kept == [1, 2]
    found = Journal(tmp_path).found
    assert found is not None
    assert found.parts == [part(0), part(1)]


def test_a_changed_audit_forgets_the_parts(tmp_path: Path) -> None:
    written(tmp_path)
    other = {**FACTS, "--seed": "1"}
    Journal(tmp_path).keep(Begun(facts=other, changed=["--seed"], taken=0, wanted=3))
    assert Journal(tmp_path).found == Found(facts=other, parts=[])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00", b"{}\n{}\n", b"x" * 100_000])
def test_a_file_that_is_no_journal_is_of_no_use_and_stays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL).write_bytes(content)
    journal = Journal(tmp_path)
    assert journal.found is None
    assert "was not made by this user on this machine" in journal.off
    assert written(tmp_path) == content
    journal.finish()
    assert (tmp_path / JOURNAL).read_bytes() == content


def with_own_digests(journal: bytes) -> bytes:
    """What somebody without the key can make of a journal's documents."""
    documents = [line.partition(b" ")[2] for line in journal.splitlines()]
    return b"".join(hashlib.sha256(document).hexdigest().encode() + b" " + document + b"\n" for document in documents)


def test_a_journal_of_somebody_else_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(tmp_path)
    (tmp_path / JOURNAL).write_bytes(with_own_digests(whole))
    assert Journal(tmp_path).found is None
    (tmp_path / JOURNAL).write_bytes(whole)
    assert Journal(tmp_path).found is not None
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path.with_name("another machine")))
    journal = Journal(tmp_path)
    assert journal.found is None
    assert journal.off


def test_a_link_in_place_of_the_journal_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    target = tmp_path / "target"
    target.write_bytes(written(tmp_path))
    (tmp_path / "out" / JOURNAL).symlink_to(target)
    journal = Journal(tmp_path / "out")
    assert journal.found is None
    assert "is a link" in journal.off


def test_parts_of_two_journals_cannot_be_mixed(tmp_path: Path) -> None:
    first = written(tmp_path)
    Journal(tmp_path).keep(Begun(facts={**FACTS, "--seed": "1"}, changed=["--seed"], taken=0, wanted=3))
    second = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(second + b"".join(first.splitlines(keepends=True)[1:]))
    journal = Journal(tmp_path)
    assert journal.found is not None
    assert journal.found.parts == []
    assert journal.damaged == 3


def test_parts_of_another_model_file_are_not_gone_on_from(tmp_path: Path) -> None:
    journal = Journal(tmp_path, model="a" * 64)
    journal.keep(Begun(facts=FACTS, changed=[], taken=0, wanted=3))
    journal.keep(PartDone(part=part(0)))
    assert Journal(tmp_path, model="a" * 64).found == Found(facts=FACTS, parts=[part(0)])
    other = Journal(tmp_path, model="b" * 64)
    assert other.found is None
    assert other.another_model


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, 2)
    journal = Journal(tmp_path)
    journal.keep(Begun(facts=FACTS, changed=[], taken=2, wanted=3))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(AuditIncomplete, match="No space left on device; what was finished before is kept"):
        journal.keep(PartDone(part=part(2)))
    found = Journal(tmp_path).found
    assert found is not None
    assert found.parts[:2] == [part(0), part(1)]


def test_a_finished_audit_leaves_no_journal(tmp_path: Path) -> None:
    written(tmp_path)
    Journal(tmp_path).finish()
    Journal(tmp_path).finish()
    assert os.listdir(tmp_path) == []


def test_two_audits_do_not_share_a_folder(tmp_path: Path) -> None:
    with only_audit(tmp_path), pytest.raises(AuditIncomplete, match="another audit"), only_audit(tmp_path):
        pass
    with only_audit(tmp_path):
        pass

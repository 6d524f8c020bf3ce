"""The journal's key: made once, this user's alone, outside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.worker.journal import Journal
from auditor.worker.journal_key import user_key


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "deepdig-audit"


def test_it_is_made_once_and_for_its_owner_alone(state: Path, tmp_path: Path) -> None:
    key = user_key(tmp_path / "out")
    assert user_key(tmp_path / "out") == key == (state / "journal.key").read_bytes()
    assert len(key) == 32
    assert (state / "journal.key").stat().st_mode & 0o077 == 0
    assert [path.name for path in state.iterdir()] == ["journal.key"]


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_what_is_no_key_is_not_used(state: Path, tmp_path: Path, content: bytes) -> None:
    state.mkdir(parents=True)
    (state / "journal.key").write_bytes(content)
    (state / "journal.key").chmod(0o600)
    with pytest.raises(OSError, match="does not hold 32 bytes"):
        user_key(tmp_path / "out")


def test_one_that_came_with_a_checkout_is_not_used(state: Path, tmp_path: Path) -> None:
    user_key(tmp_path / "out")
    (state / "journal.key").chmod(0o644)  # as version control writes every file
    with pytest.raises(OSError, match="is not this user's alone"):
        user_key(tmp_path / "out")
    (state / "journal.key").chmod(0o600)
    (tmp_path / ".git").mkdir()
    with pytest.raises(OSError, match="lies in the checkout"):
        user_key(tmp_path / "out")


def test_a_link_to_a_key_is_none(state: Path, tmp_path: Path) -> None:
    state.mkdir(parents=True)
    (tmp_path / "known").write_bytes(b"k" * 32)
    (state / "journal.key").symlink_to(tmp_path / "known")
    with pytest.raises(OSError, match="symbolic links"):
        user_key(tmp_path / "out")


def test_without_a_place_for_it_there_is_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert "no key for it" in Journal(tmp_path).off

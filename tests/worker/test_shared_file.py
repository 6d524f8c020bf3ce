"""The files that an audit's workers share: plain arrays and a text, and nothing else is read from them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from auditor.errors import AuditIncomplete
from auditor.worker.shared_file import copy_shared, read_shared, write_shared

ARRAYS = {
    "none": np.empty((0, 3), np.float32),
    "one": np.array(True),
    "many": np.array([[1.5, np.inf], [np.nan, -0.0]], np.float32),
    "places": np.arange(5),
}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "helper"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "first"))


def test_arrays_and_text_come_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shared("work", ARRAYS, '{"class": "数"}')
    copy_shared(tmp_path / "first", tmp_path / "helper", "work", 10**6)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "helper"))
    arrays, text = read_shared("work")
    assert text == '{"class": "数"}'
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(tmp_path / "ran"),))

    np.savez(tmp_path / "first" / "shared-work.npz", work=np.array([Runs()], object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_shared("work")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["larger", "a link", "a folder", "a pipe", "nothing"])
def test_what_is_no_regular_file_of_that_size_is_not_copied(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "first" / "shared-work.npz"
    if kind == "larger":
        place.write_bytes(b"x" * 101)
    elif kind == "a link":
        (tmp_path / "secret").write_bytes(b"x")
        place.symlink_to(tmp_path / "secret")
    elif kind == "a folder":
        place.mkdir()
    elif kind == "a pipe":
        os.mkfifo(place)
    with pytest.raises(AuditIncomplete, match="expected"):
        copy_shared(tmp_path / "first", tmp_path / "helper", "work", 100)
    assert not list((tmp_path / "helper").iterdir())

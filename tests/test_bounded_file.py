"""Only regular files of bounded size are read, and nothing ever waits."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import pytest

from auditor.bounded_file import read_bounded, read_text

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs special files")


def test_a_file_of_just_the_size_is_read(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    assert read_bounded(path, 100) == b"x" * 100
    with pytest.raises(OSError, match="99 bytes") as caught:
        read_bounded(path, 99)
    assert "more than the 99 bytes" in caught.value.strerror


def test_text_loses_the_mark_at_its_start_and_has_to_be_utf8(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfab")
    assert read_text(path) == "ab"
    path.write_bytes(b"\xff")
    with pytest.raises(OSError, match="not UTF-8"):
        read_text(path)


def test_what_is_not_there_and_folders_say_so(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "a", 9)
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path, 9)
    with pytest.raises(OSError, match="no file can have"):
        read_bounded(Path("a\0b"), 9)


@POSIX
def test_a_pipe_nobody_writes_to_a_device_and_a_socket_are_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe"):
        read_bounded(tmp_path / "pipe", 9)
    for device in ("/dev/zero", "/dev/null", "/dev/random"):
        with pytest.raises(OSError, match="a device"):
            read_bounded(Path(device), 9)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match=r"socket|No such device"):
            read_bounded(tmp_path / "socket", 9)


@POSIX
def test_a_file_that_says_no_size_is_bounded_all_the_same():
    path = Path("/proc/self/maps")
    if not path.exists():
        pytest.skip("needs /proc")
    assert path.stat().st_size == 0
    assert len(read_bounded(path, 2**20)) > 10
    with pytest.raises(OSError, match="more than the 10 bytes"):
        read_bounded(path, 10)


def test_no_handle_stays_open(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x")
    handle = os.open(tmp_path / "a", os.O_RDONLY)
    os.close(handle)
    for path in (tmp_path / "a", tmp_path):
        for _ in range(3):
            with contextlib.suppress(OSError):
                read_bounded(path, 9)
    again = os.open(tmp_path / "a", os.O_RDONLY)
    os.close(again)
    assert again == handle

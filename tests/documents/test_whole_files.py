"""Files appear whole or not at all, and refusals are one line."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from auditor.documents import whole_files as store
from auditor.errors import AuditIncomplete, InputRefused


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    store.write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.json"]


def test_others_may_read_what_is_written(tmp_path: Path):
    store.write_whole(tmp_path / "a", b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_failed_write_leaves_the_old_file_and_no_part_of_the_new(tmp_path: Path):
    folder = tmp_path / "a.json"
    (folder / "inside").mkdir(parents=True)  # a folder that is not empty cannot be replaced by a file
    with pytest.raises(AuditIncomplete, match=r"expected to write .*a\.json"):
        store.write_whole(folder, b"new")
    assert os.listdir(tmp_path) == ["a.json"]


def test_no_kill_ever_leaves_a_part(tmp_path: Path):
    path = tmp_path / "big"
    script = textwrap.dedent(f"""
        from pathlib import Path
        from auditor.documents.whole_files import write_whole
        print("ready", flush=True)
        while True:
            for letter in b"ab":
                write_whole(Path({str(path)!r}), bytes([letter]) * 2_000_000)
    """)
    for delay in (0.0, 0.01, 0.03, 0.06):
        writer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.05 + delay)
        writer.kill()
        writer.communicate()
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 2_000_000
            assert len(set(content)) == 1


def test_a_folder_that_cannot_be_written_to_is_found_out_at_once(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditIncomplete, match=r"expected a folder to write to; .*--out"):
        store.prepare_folder(tmp_path / "file" / "out")
    store.prepare_folder(tmp_path / "new" / "folder")
    assert os.listdir(tmp_path / "new" / "folder") == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"schema_version": "0.9"}', b"\xff\xfe", b"NaN"])
def test_what_is_no_results_document_is_refused_in_one_line(tmp_path: Path, content: bytes):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(
        InputRefused, match=r"expected results\.json, schema version 3\.0; found .*results\.json"
    ) as caught:
        store.read_results(path)
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_document_of_an_older_version_is_refused_with_the_command_that_renews_it(tmp_path: Path):
    path = tmp_path / "results.json"
    path.write_text('{"schema_version": "1.0", "settings": {"command": "deepdig-audit m.onnx --data digits"}}')
    with pytest.raises(
        InputRefused, match=r"of schema version 1\.0; audit again .*: deepdig-audit m\.onnx --data digits"
    ):
        store.read_results(path)


def test_a_missing_document_is_refused(tmp_path: Path):
    with pytest.raises(InputRefused, match="No such file"):
        store.read_results(tmp_path / "results.json")
    with pytest.raises(InputRefused, match="Is a directory"):
        store.read_results(tmp_path)


def test_a_bad_run_document_costs_only_the_date(tmp_path: Path):
    assert store.read_run(tmp_path / "run.json") is None
    (tmp_path / "run.json").write_text("{}")
    assert store.read_run(tmp_path / "run.json") is None

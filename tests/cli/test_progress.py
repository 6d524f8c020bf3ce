"""Progress: plain lines are few, a terminal gets one live line, quiet gets nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from auditor.api.progress import PlainLines, progress_display
from auditor.documents.messages import Progress
from auditor.untrusted_text import printable
from tests.cli.command import environment

LIVE = """
from auditor.documents.messages import Progress
from auditor.api.progress import progress_display
with progress_display(False, False) as show:
    show(Progress(stage="Component I", done=1, total=4, detail="class 3 to 8 [bold]\\x1b[2J"))
"""


def test_a_line_for_each_stage_and_one_now_and_then(capsys: pytest.CaptureFixture[str]):
    now = [0.0]
    lines = PlainLines(clock=lambda: now[0], now=lambda: "12:34:56")
    for second in range(40):
        now[0] = float(second)
        lines(Progress(stage="a" if second < 35 else "b", done=second, total=40, detail="x"))
    assert capsys.readouterr().err.splitlines() == [
        "deepdig-audit: 12:34:56 a (x)",
        "deepdig-audit: 12:34:56 a, 37 % (x)",
        "deepdig-audit: 12:34:56 a, 75 % (x)",
        "deepdig-audit: 12:34:56 b, 87 % (x)",
    ]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]):
    with progress_display(True, False) as show:
        show(Progress(stage="a", done=0, total=0))
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_live_line_without_outside_markup():
    parent, child = pty.openpty()
    env = environment(TERM="xterm", COLUMNS="120")
    process = subprocess.Popen([sys.executable, "-c", LIVE], stderr=child, env=env)
    os.close(child)
    shown = b""
    try:
        while part := os.read(parent, 4096):
            shown += part
    except OSError:  # the way a Linux terminal says that the other side has gone
        pass
    os.close(parent)
    assert process.wait() == 0
    assert b"Component I" in shown
    assert b"[bold]\\x1b[2J" in shown


def test_printable_leaves_letters_and_escapes_the_rest():
    assert printable("Zürich 数 é") == "Zürich 数 é"
    assert printable("a\x00\x1b\u202e\ud800\n") == "a\\x00\\x1b\\u202e\\ud800\\n"

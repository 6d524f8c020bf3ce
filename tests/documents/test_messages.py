"""Errors cross the process boundary as themselves; anything unexpected becomes an incomplete audit."""

from __future__ import annotations

import pytest

from auditor.documents.messages import Failure, Progress, error_from, failure_from, read_message
from auditor.errors import AuditError, AuditIncomplete, InputRefused, UsageError


@pytest.mark.parametrize(
    "err",
    [
        UsageError("expected a; found b\nc; do d"),
        InputRefused("a", "b; \x1b[31m", "c"),
        AuditIncomplete("expected a"),
    ],
)
def test_an_error_comes_back_as_it_was(err: AuditError):
    line = failure_from(err).model_dump_json().encode()
    assert b"\n" not in line
    message = read_message(line)
    assert isinstance(message, Failure)
    back = error_from(message)
    assert type(back) is type(err)
    assert str(back) == str(err)
    assert back.exit_code == err.exit_code


def test_the_workers_traceback_travels_with_it():
    try:
        raise InputRefused("a", "b", "c")
    except InputRefused as err:
        failure = failure_from(err)
    assert "test_messages.py" in error_from(failure).__notes__[0]


@pytest.mark.parametrize("err", [KeyError("x"), MemoryError(), SystemExit(3), RuntimeError("two\nlines")])
def test_an_unexpected_error_is_an_incomplete_audit_in_one_line(err: BaseException):
    back = error_from(failure_from(err))
    assert isinstance(back, AuditIncomplete)
    assert type(err).__name__ in str(back)
    assert "\n" not in str(back)


def test_progress_comes_back():
    sent = Progress(stage="s", done=1, total=2, detail="class 3 to 8")
    assert read_message(sent.model_dump_json().encode()) == sent


@pytest.mark.parametrize("err", [InputRefused("a", "caf\udce9", "c"), ValueError("caf\udce9"), UsageError("\ud800")])
def test_names_that_are_no_utf8_travel_as_escapes(err: Exception):
    back = error_from(failure_from(err))
    assert "\\ud" in str(back)
    str(back).encode("utf-8")


def test_a_long_message_keeps_its_beginning_and_its_end():
    err = UsageError(f"expected a; found {'x' * 100_000}; do this")
    assert len(str(err)) < 1600
    assert str(err).startswith("expected a; found xxx")
    assert str(err).endswith("x; do this")

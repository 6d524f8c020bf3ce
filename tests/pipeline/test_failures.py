"""A lack of memory is a limit that was met, whoever says so and however deep."""

from __future__ import annotations

import pytest

from auditor.errors import InputRefused
from auditor.pipeline.failures import out_of_memory


def caused(outer: Exception, inner: Exception) -> Exception:
    try:
        raise outer from inner
    except Exception as err:
        return err


def test_the_innermost_line_is_told():
    inner = RuntimeError("Traceback of TorchScript\n  somewhere\nRuntimeError: can't allocate memory: 4 TB")
    outer = InputRefused("a batch", f"one on which it fails: {inner}", "look")
    found = out_of_memory(caused(outer, inner))
    assert found is not None
    assert str(found).count("expected") == 1
    assert "found RuntimeError: can't allocate memory: 4 TB; use a machine" in str(found)


@pytest.mark.parametrize("err", [MemoryError(), MemoryError("for an array"), RuntimeError("std::bad_alloc")])
def test_it_is_recognised(err: Exception):
    assert out_of_memory(err) is not None


@pytest.mark.parametrize("err", [ValueError("bad"), caused(InputRefused("a", "damaged", "c"), MemoryError("4 TiB"))])
def test_other_errors_stay_what_they_are(err: Exception):
    assert out_of_memory(err) is None

"""Every audit that these tests run in this process agrees with itself."""

from __future__ import annotations

from functools import wraps
from typing import Any

from auditor.documents.agreement import contradictions
from auditor.pipeline import run as run_module

_run = run_module.run


@wraps(_run)
def _checked(*arguments: Any, **named: Any) -> Any:
    results, facts = _run(*arguments, **named)
    assert list(contradictions(results)) == []
    return results, facts


# Before the test modules are imported, which take the function from here.
run_module.run = _checked

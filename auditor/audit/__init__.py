"""One audit, end to end: plan -> worker process -> results; and, called, the function ``auditor.audit``.

What goes in: a ``Plan``, plain values that a command line or a program wrote. What comes out: ``Results`` and
``RunFacts``. ``run`` is the way through and happens in a process of its own (``child``), because a model file
is as good as code; the caller holds a ``process.Worker`` and never touches the model.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """Python gives ``auditor.audit`` to this package once it is loaded; so it is the public function as well."""

    @property
    def _function(self) -> Any:
        # By name, because the API stands above this package.
        return import_module(f"{__package__.partition('.')[0]}.api.jobs").audit

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._function(*given, **named)

    @property
    def __signature__(self) -> Any:
        from inspect import signature

        return signature(self._function)


sys.modules[__name__].__class__ = _Callable

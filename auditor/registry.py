"""Where plug-ins are found: one registry for each kind of thing that the tool can be extended with.

A new model format, data set, generator, characteristic or output is one new module in its package, or
an entry point ``deepdig_audit.<kind>`` of another distribution. Nothing else needs an edit.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from auditor.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and the things they stand for, filled by importing a package's modules on first use.

    Args:
        kind: singular noun for messages and for the entry-point group, such as ``"dataset"``.
        packages: dotted names of the packages whose modules register themselves.
    """

    def __init__(self, kind: str, *packages: str) -> None:
        self.kind, self._packages = kind, packages
        self._entries: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files a class or function under ``name``; a second use of a name is an error."""

        def file_under(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return file_under

    def names(self) -> list[str]:
        """All names, sorted."""
        self._discover()
        return sorted(self._entries)

    def items(self) -> Iterator[tuple[str, T]]:
        """All names with their entries, sorted by name."""
        return ((name, self._entries[name]) for name in self.names())

    def __contains__(self, name: str) -> bool:
        self._discover()
        return name in self._entries

    def __getitem__(self, name: str) -> T:
        """The entry called ``name``.

        Raises:
            UsageError: no such name; the message lists those there are.
        """
        self._discover()
        if name not in self._entries:
            raise UsageError(f"unknown {self.kind} {name!r}; known: {', '.join(self.names())}")
        return self._entries[name]

    def _discover(self) -> None:
        if self._discovered:
            return
        for package in map(importlib.import_module, self._packages):
            for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
                importlib.import_module(f"{package.__name__}.{module}")
        for point in entry_points(group=f"deepdig_audit.{self.kind}"):
            point.load()
        # Only now: after a module that failed to import, the next call must show its error again.
        self._discovered = True

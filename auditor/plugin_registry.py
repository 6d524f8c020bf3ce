"""Where plug-ins are found: one registry for each kind of thing that the tool can be extended with.

A new model format, data set, generator, characteristic or output is one new module in its package, or one of another
distribution that an entry point of the group ``deepdig_audit.<kind>`` names. Nothing else needs an edit. A plug-in that
cannot be used is set aside with the reason (``broken``), and no plug-in takes the name of a built-in or of another.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

from auditor.errors import UsageError, one_line

T = TypeVar("T")
_GROUP, _LONGEST_REASON = "deepdig_audit.", 300
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Source:
    """Who brings a plug-in: a distribution, or nobody (empty) where a program registers it; and its module."""

    distribution: str
    version: str
    module: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.module})" if self.distribution else self.module


@dataclass(frozen=True)
class Broken:
    """A plug-in that cannot be used, by the name of its entry point or the one that it asked for, and why."""

    kind: str
    name: str
    source: Source
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.source}: {self.reason}"


@dataclass
class _Waiting(Generic[T]):
    """A plug-in that has registered itself and has not been looked at."""

    name: str
    entry: T
    home: str
    source: Source | None


_registries: list[Registry[Any]] = []
_loading: list[Source] = []


class Registry(Generic[T]):
    """Names and the things they stand for, filled by importing packages' modules and entry points on first use.

    Args:
        kind: singular noun with underscores, for the entry-point group and, without them, for messages.
        packages: dotted names of the packages whose modules register themselves.
        fault: why a plug-in cannot stand beside the others, given by name; None where it can.
        words: whether names are words, for they stand in commands, policies and names of files.
    """

    def __init__(
        self,
        kind: str,
        *packages: str,
        fault: Callable[[T, Mapping[str, T]], str | None] = lambda *_: None,
        words: bool = True,
    ) -> None:
        self.kind, self._packages, self._fault = kind.replace("_", " "), packages, fault
        self._group, self._words = _GROUP + kind, words
        self._entries: dict[str, T] = {}
        self._sources: dict[str, Source] = {}
        self._waiting: list[_Waiting[T]] = []
        self._broken: list[Broken] = []
        self._has_built_ins = self._discovered = self._discovering = False
        _registries.append(self)

    def register(self, name: str, home: str | None = None) -> Callable[[T], T]:
        """Decorator that files a class or function under ``name``.

        Args:
            home: dotted name of the module that brings it; that of the class or function if not given.
        Raises:
            ValueError: two built-ins of one name.
        """

        def file_under(entry: T) -> T:
            brings = home or getattr(getattr(entry, "load", entry), "__module__", "") or ""
            if self._has_built_ins or brings.split(".")[0] != "auditor":
                self._waiting.append(_Waiting(name, entry, brings, _loading[-1] if _loading else None))
                if self._discovered and not _loading:
                    self._settle()  # now, so that whoever registers it by hand hears of it
            elif name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            else:
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

    def source(self, name: str) -> Source | None:
        """Who brings the entry called ``name``; None for a built-in."""
        self._discover()
        return self._sources.get(name)

    def in_use(self, settings: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """What the record says of each plug-in among the entries that are in use, given with repr of each by name."""
        for name, text in settings.items():
            if source := self.source(name):
                brought = {"distribution": source.distribution, "version": source.version}
                yield {"kind": self.kind, "name": name, **brought, "settings": text}

    @property
    def broken(self) -> list[Broken]:
        """The plug-ins of this kind that cannot be used."""
        self._discover()
        return list(self._broken)

    def __contains__(self, name: str) -> bool:
        self._discover()
        return name in self._entries

    def __getitem__(self, name: str) -> T:
        """The entry called ``name``.

        Raises:
            UsageError: no such name; the message lists those there are. Or a plug-in of that name cannot be used.
        """
        self._discover()
        if name not in self._entries:
            self.refuse_broken(name)
            raise UsageError(f"unknown {self.kind} {name!r}; known: {', '.join(self.names())}")
        return self._entries[name]

    def refuse_broken(self, name: str) -> None:
        """Refuse a name that a plug-in has which cannot be used.

        Raises:
            UsageError: there is one; the message names its distribution and the reason.
        """
        for one in self.broken:
            if one.name == name and name not in self._entries:
                raise UsageError(
                    f"expected the {self.kind} {name!r} of {one.source} to load; found {one.reason};"
                    " mend or uninstall that distribution"
                )

    def _discover(self) -> None:
        if self._discovering:
            return
        if not self._discovered:
            self._discovering = True
            try:
                for package in map(importlib.import_module, self._packages):
                    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
                        importlib.import_module(f"{package.__name__}.{module}")
                self._has_built_ins = True
                for point, source in _plugins(self._group):
                    self._load(point, source)
                # Only now: after a module that failed to import, the next call must show its error again.
                self._discovered = True
            finally:
                self._discovering = False
        self._settle()

    def _load(self, point: EntryPoint, source: Source) -> None:
        """Import what an entry point names, which registers itself by that or has done so before."""
        _loading.append(source)
        try:
            point.load()
        except (Exception, SystemExit) as err:
            self._waiting = [one for one in self._waiting if one.source != source]
            self._set_aside(point.name, source, f"{type(err).__name__}: {err}")
            return
        finally:
            _loading.pop()
        for one in self._waiting:
            if one.source is None and f"{one.home}.".startswith(f"{point.module}."):
                one.source = source
        if not any(one.source and one.source.distribution == source.distribution for one in self._waiting):
            self._set_aside(point.name, source, f"{source.module} registers no {self.kind}")

    def _settle(self) -> None:
        """Take in the plug-ins that wait, as far as they can be used."""
        while self._waiting:
            one = self._waiting.pop(0)
            source = one.source or Source("", "", one.home)
            if reason := self._why_not(one, source):
                self._set_aside(one.name, source, reason)
                if one.source is None:
                    raise UsageError(f"expected a {self.kind} of {source} that can be used; found {reason}; correct it")
                continue
            self._entries[one.name], self._sources[one.name] = one.entry, source

    def why_not(self, entry: T) -> str | None:
        """Why something could not be registered by a name of its own, whatever else is; None where it could."""
        return self._fault(entry, {})

    def _why_not(self, one: _Waiting[T], source: Source) -> str | None:
        """What keeps a plug-in from being used; None where nothing does. A program may register its own anew."""
        if self._words and not (isinstance(one.name, str) and _WORD.fullmatch(one.name)):
            return f"its name {str(one.name)[:60]!r} is no word of letters, digits, - and _"
        held = self._sources.get(one.name)
        if one.name in self._entries and (held != source or source.distribution):
            return f"the name {one.name!r} is that of {f'{held}' if held else 'a built-in'}"
        try:
            return self._fault(one.entry, {name: e for name, e in self._entries.items() if name != one.name})
        except Exception as err:
            return f"{type(err).__name__}: {err}"

    def _set_aside(self, name: str, source: Source, reason: str) -> None:
        self._broken.append(Broken(self.kind, name, source, one_line(reason)[:_LONGEST_REASON]))


def not_a(base: type, entry: object, *, attributes: Mapping[str, type]) -> str | None:
    """Why something is no complete subclass of ``base`` with these class attributes; None where it is."""
    if not (isinstance(entry, type) and issubclass(entry, base)):
        return f"it is no subclass of {base.__name__}"
    if lacking := sorted(getattr(entry, "__abstractmethods__", ())):
        return f"it does not implement {', '.join(lacking)}"
    wrong = [name for name, kind in attributes.items() if not isinstance(getattr(entry, name, None), kind)]
    return f"it has no {', '.join(wrong)} of the right type" if wrong else None


@dataclass(frozen=True)
class OfThisProgram(Generic[T]):
    """A plug-in that a program has registered itself: no other process can import it."""

    kind: str
    name: str
    entry: T

    def __str__(self) -> str:
        return f"the {self.kind} {self.name!r}"


def of_this_program(*kinds: str) -> list[OfThisProgram[Any]]:
    """The plug-ins of these kinds that no distribution brings, without discovering any others.

    Args:
        kinds: as messages call them, with spaces.
    """
    found = list[OfThisProgram[Any]]()
    for registry in _registries:
        if registry.kind not in kinds:
            continue
        brought = [point.module for point, _ in _plugins(registry._group)]
        sources = registry._sources
        own = {n: entry for n, entry in registry._entries.items() if n in sources and not sources[n].distribution}
        own |= {
            one.name: one.entry
            for one in registry._waiting
            if one.source is None and not any(f"{one.home}.".startswith(f"{module}.") for module in brought)
        }
        found += [OfThisProgram(registry.kind, name, entry) for name, entry in own.items()]
    return sorted(found, key=lambda one: (one.kind, one.name))


def skipped() -> str:
    """The plug-ins that cannot be used, of all kinds that have been asked for, in a sentence; empty without any."""
    found = [str(one) for registry in _registries if registry._discovered for one in registry.broken]
    return f"Plug-ins that cannot be used are left out: {'; '.join(sorted(found))}." if found else ""


def plugin_names(kind: str) -> list[str]:
    """Names of the entry points of a kind, without importing anything that they name."""
    return sorted(point.name for point, _ in _plugins(_GROUP + kind))


def plugin_places() -> Iterator[tuple[Path, list[Path]]]:
    """Each folder that holds the top-level module of a plug-in, and the files or folders there that are the module's.

    Most are on the import path; an editable installation may find them by an import hook of its own.
    """
    for top in sorted({source.module.split(":")[0].split(".")[0] for _, source in _points()}):
        with suppress(Exception):  # whatever a hook raises: loading the plug-in will tell
            spec = find_spec(top)
            assert spec is not None
            found = [Path(place) for place in (spec.submodule_search_locations or [spec.origin or ""])]
            for place in found:
                yield place.resolve().parent, [place.resolve()]


def _plugins(group: str) -> list[tuple[EntryPoint, Source]]:
    return [(point, source) for point, source in _points() if point.group == group]


@cache
def _points() -> tuple[tuple[EntryPoint, Source], ...]:
    """All entry points of ours in the order of their distributions' and own names, each distribution once."""
    found: dict[str, list[tuple[EntryPoint, Source]]] = {}
    for distribution in distributions():
        text = ""
        with suppress(Exception):
            text = distribution.read_text("entry_points.txt") or ""
        if _GROUP in text:
            name, version, points = _read(distribution, text)
            found.setdefault(name, [(point, Source(name, version, point.value)) for point in points])
    return tuple(
        sorted((one for points in found.values() for one in points), key=lambda o: (o[1].distribution, o[0].name))
    )


def _read(distribution: Distribution, text: str) -> tuple[str, str, list[EntryPoint]]:
    """Name, version and entry points of ours; of a damaged list one for each group, which fails to load."""
    name, version = "a distribution without a name", "of no version"
    with suppress(Exception):
        name, version = distribution.metadata["Name"] or name, distribution.version or version
    try:
        return name, version, [point for point in distribution.entry_points if point.group.startswith(_GROUP)]
    except Exception:
        groups = re.findall(rf"^\s*\[({re.escape(_GROUP)}\w+)\]", text, re.MULTILINE)
        return name, version, [EntryPoint("entry_points.txt", "entry_points.txt", group) for group in groups]

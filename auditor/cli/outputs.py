"""Which outputs are wanted, and writing them: every renderer gets its turn, whatever the others do."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.cli.guess import did_you_mean
from auditor.documents.files import prepare_folder, write_whole
from auditor.documents.results import Results, RunFacts
from auditor.errors import AuditIncomplete, UsageError

if TYPE_CHECKING:
    from auditor.cli.progress import Show

MOST_DIGITS = 12
ALWAYS = "json"
"""results.json is written by every audit: the other outputs are made from it."""


def chosen_outputs(formats: str) -> list[str]:
    """The names of the outputs to render, without results.json.

    Raises:
        UsageError: an output is not known.
    """
    if formats == ALWAYS:
        return []  # without the outputs, which take longer to import than a gate to decide
    from auditor.render.base import outputs

    return [name for name in chosen_names(formats, {ALWAYS, *outputs.names()}) if name != ALWAYS]


def chosen_names(formats: str, known: Collection[str]) -> list[str]:
    """The names in a list with commas, each once.

    Raises:
        UsageError: there is none, or one is not known.
    """
    chosen = list(dict.fromkeys(part.strip() for part in formats.split(",") if part.strip()))
    if not chosen or (unknown := [name for name in chosen if name not in known]):
        found, hint = (", ".join(unknown), did_you_mean(unknown[0], known)) if chosen else ("none", "")
        raise UsageError(f"expected outputs of {', '.join(sorted(known))}; found {found}; {hint}correct --format")
    return chosen


def with_standing(names: list[str], files: Collection[str]) -> list[str]:
    """The names of outputs, and of those whose files stood there, which are made again."""
    from auditor.render.base import outputs

    return names + [name for name, output in outputs.items() if output.file_name in files and name not in names]


def write_outputs(names: list[str], results: Results, folder: Path, run: RunFacts | None, show: Show) -> list[Path]:
    """Render each output of an audit and write it; returns the files.

    Args:
        names: of the outputs.
        results: the document to show.
        folder: to write to.
        run: of the audit, where it is known: its day, and the place of the model file.
        show: told of progress.

    Raises:
        AuditIncomplete: some output could not be made; the others and results.json are there.
    """
    from auditor.render.base import OutputOfPlace, outputs

    prepare_folder(folder)
    chosen = {name: outputs[name] for name in names}
    if run is not None:
        chosen = {n: o.placed(run.model_path) if isinstance(o, OutputOfPlace) else o for n, o in chosen.items()}
    created = creation_date(run)
    files = {name: (o.file_name, partial(o.render, results, created=created)) for name, o in chosen.items()}
    return write_rendered(files, folder, show)


def write_rendered(files: Mapping[str, tuple[str, Callable[[], bytes]]], folder: Path, show: Show) -> list[Path]:
    """Make each file and write it, whatever becomes of the others; returns the files.

    Args:
        files: name of the output to the name of its file and what makes its content.
        folder: that is there.
        show: told of progress.
    Raises:
        AuditIncomplete: some file could not be made; the others are there.
    """
    from auditor.documents.messages import Progress

    written, trouble = [], {}
    for done, (name, (file_name, render)) in enumerate(files.items()):
        show(Progress(stage="report", done=done, total=len(files), detail=name))
        try:
            path = folder / file_name
            write_whole(path, render())
            written.append(path)
        except Exception as err:  # a renderer's library may raise anything, even for want of a system library
            trouble[name] = err
    if trouble:
        reasons = "; ".join(f"{type(err).__name__} in {name}: {err}" for name, err in trouble.items())
        raise AuditIncomplete(
            f"expected to write {', '.join(trouble)}; found {reasons}; results.json is there: mend this and run"
            " deepdig-audit render on it"
        ) from next(iter(trouble.values()))
    return written


def as_text(name: str, results: Results) -> str:
    """An output that is text, as text."""
    from auditor.render.base import outputs

    return outputs[name].render(results).decode()


def creation_date(run: RunFacts | None) -> date | None:
    """The date that a report carries: SOURCE_DATE_EPOCH where it is set, else the day the audit began (UTC)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isascii() and epoch.isdigit() and len(epoch) <= MOST_DIGITS:
        with suppress(ValueError, OverflowError, OSError):  # a year that no calendar has
            return datetime.fromtimestamp(int(epoch), UTC).date()
    return datetime.fromisoformat(run.started).date() if run else None

"""Which outputs are wanted, and writing them: every renderer gets its turn, whatever the others do."""

from __future__ import annotations

import filecmp
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from auditor.api.output_folder import OF_AN_AUDIT, WITH_VERDICT, OutputFolder, same_file
from auditor.api.progress import Show, progress_display, silent
from auditor.documents.comparison import Comparison
from auditor.documents.results import NotMeasured, Plugin, Results, RunFacts, to_json
from auditor.documents.whole_files import RESULTS, RUN, prepare_folder, read_results, read_run, write_whole
from auditor.errors import AuditIncomplete, UsageError, did_you_mean
from auditor.worker.sandbox.limits import START

if TYPE_CHECKING:
    from auditor.documents.messages import Progress
    from auditor.render.base import Output

    AnyOutput = TypeVar("AnyOutput", Output[Results], Output[Comparison])

RenderingSeconds = dict[str, float | NotMeasured]
UNMADE = NotMeasured(not_measured="it has not been made yet")
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

    for part in formats.split(","):
        outputs.refuse_broken(part.strip())
    return [name for name in chosen_names(formats, {ALWAYS, *outputs.names()}) if name != ALWAYS]


def with_plugins(results: Results, names: list[str]) -> Results:
    """The results with those of the outputs in their provenance that plug-ins bring."""
    if not names:
        return results
    from auditor.render.base import outputs

    brought = [Plugin(**facts) for facts in outputs.in_use({name: repr(outputs[name]) for name in names})]
    provenance = results.provenance.model_copy(update={"plugins": [*results.provenance.plugins, *brought]})
    return results.model_copy(update={"provenance": provenance}) if brought else results


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


def not_rendered(run: RunFacts, names: list[str]) -> RunFacts:
    """The facts of a run that has its numbers, and is yet to make these outputs of them."""
    return run.model_copy(update={"rendering_seconds": dict.fromkeys(names, UNMADE)})


class Loading:
    """Outputs that load what they need while workers are at work.

    Args:
        names: of the outputs.
        show: told of progress.
    """

    def __init__(self, names: list[str], show: Show) -> None:
        self._names, self._show = names, show
        self._thread = threading.Thread(target=self._load, daemon=True)

    def show(self, progress: Progress) -> None:
        """Pass progress on; once the workers have loaded their own libraries, it is the outputs' turn."""
        if progress.stage != START and self._thread.ident is None:
            self._thread.start()
        self._show(progress)

    def wait(self) -> None:
        """Until all is loaded that is being loaded."""
        if self._thread.ident is not None:
            self._thread.join()

    def _load(self) -> None:
        from auditor.render.base import LoadedOutput, outputs

        for name in self._names:
            with suppress(Exception):  # to be raised once it is made
                if isinstance(output := outputs[name], LoadedOutput):
                    output.load()


def write_reports(
    names: list[str], results: Results, folder: Path, run: RunFacts, show: Show = silent
) -> tuple[list[Path], RunFacts]:
    """Render the outputs of an audit that ran just now, and replace its run.json by one that says what each took.

    Args: as of ``write_outputs``; ``run`` is what stands in run.json.
    Raises:
        AuditIncomplete: some file could not be made or written; the others and a whole run.json are there.
    """
    seconds = dict(run.rendering_seconds)
    try:
        files = write_outputs(names, results, folder, run, show, seconds)
    finally:
        run = run.model_copy(update={"rendering_seconds": seconds})
        if names:
            write_whole(folder / RUN, to_json(run).encode())
    return files, run


def write_outputs(
    names: list[str],
    results: Results,
    folder: Path,
    run: RunFacts | None,
    show: Show = silent,
    seconds: RenderingSeconds | None = None,
) -> list[Path]:
    """Render each output of an audit and write it; returns the files.

    Args:
        names: of the outputs.
        results: the document to show.
        folder: to write to.
        run: of the audit, where it is known: its day, and the place of the model file.
        show: told of progress.
        seconds: filled with what each took, or why it could not be made.
    Raises:
        AuditIncomplete: some output could not be made; the others and results.json are there.
    """
    from auditor.render.base import outputs

    prepare_folder(folder)
    chosen = {name: outputs[name] for name in names}
    files = {name: (output.file_name, _rendering(output, results, run)) for name, output in chosen.items()}
    return write_rendered(files, folder, show, seconds)


def _rendering(output: Output[Results], results: Results, run: RunFacts | None) -> Callable[[], bytes]:
    from auditor.render.base import OutputOfPlace

    placed = output.placed(run.model_path) if run is not None and isinstance(output, OutputOfPlace) else output
    return partial(placed.render, results, created=creation_date(run))


def write_rendered(
    files: Mapping[str, tuple[str, Callable[[], bytes]]],
    folder: Path,
    show: Show = silent,
    seconds: RenderingSeconds | None = None,
) -> list[Path]:
    """Make each file and write it, whatever becomes of the others; returns the files.

    Args:
        files: name of the output to the name of its file and what makes its content.
        folder: that is there.
        show: told of progress.
        seconds: filled with what each took, or why it could not be made.
    Raises:
        AuditIncomplete: some file could not be made; the others are there.
    """
    from auditor.documents.messages import Progress

    written, trouble, took = [], {}, {} if seconds is None else seconds
    for done, (name, (file_name, render)) in enumerate(files.items()):
        show(Progress(stage="report", done=done, total=len(files), detail=name))
        begin = time.perf_counter()
        try:
            path = folder / file_name
            write_whole(path, render())
            written.append(path)
            took[name] = time.perf_counter() - begin
        except Exception as err:  # a renderer's library may raise anything, even for want of a system library
            trouble[name] = err
            took[name] = NotMeasured(not_measured=f"it could not be made: {type(err).__name__}: {err}")
    if trouble:
        reasons = "; ".join(f"{type(err).__name__} in {name}: {err}" for name, err in trouble.items())
        raise AuditIncomplete(
            f"expected to write {', '.join(trouble)}; found {reasons}; results.json is there: mend this and run"
            " deepdig-audit render on it"
        ) from next(iter(trouble.values()))
    return written


def write_one(path: Path, document: Results | Comparison, run: RunFacts | None) -> Path:
    """Write one output of an audit or of a comparison, which the name of the file or its ending tells.

    Raises:
        UsageError: no output has such a file, or there is no such folder.
        AuditIncomplete: it could not be made or written.
    """
    from auditor.render.base import outputs

    if isinstance(document, Results):
        render = _rendering(_output_of(path, dict(outputs.items())), document, run)
    else:
        render = partial(_output_of(path, outputs_of_comparisons()).render, document, created=creation_date(run))
    if not path.parent.is_dir():  # a folder that is misspelt is not to be made
        raise UsageError(f"expected a folder that is there; found none at {path.parent}; make it, or correct the path")
    try:
        content = render()
    except Exception as err:  # see write_rendered
        raise AuditIncomplete(f"expected to write {path}; found {type(err).__name__}: {err}; mend this first") from err
    write_whole(path, content)
    return path


def _output_of(path: Path, outputs: Mapping[str, AnyOutput]) -> AnyOutput:
    """The output whose file has this name; else one whose file ends so, the tool's own before a plug-in's."""
    known = {output.file_name: output for output in outputs.values()}
    if path.name in known:
        return known[path.name]
    fitting = [output for name, output in known.items() if Path(name).suffix == path.suffix.lower()]
    if not fitting:
        endings = ", ".join(sorted({Path(name).suffix for name in known}))
        raise UsageError(f"expected a file that ends in {endings}; found {path.name!r}; name it so")
    return min(fitting, key=lambda output: not type(output).__module__.startswith("auditor."))


def outputs_of_comparisons(formats: str = "") -> dict[str, Output[Comparison]]:
    """The outputs that show comparisons, by name.

    Raises:
        UsageError: one that is asked for cannot be used.
    """
    from auditor.render.base import comparison_outputs

    for part in formats.split(","):
        comparison_outputs.refuse_broken(part.strip())
    return dict(comparison_outputs.items())


def as_text(name: str, document: Results | Comparison) -> str:
    """An output that is text, as text."""
    from auditor.render.base import outputs

    if isinstance(document, Results):
        return outputs[name].render(document).decode()
    return outputs_of_comparisons()[name].render(document).decode()


def creation_date(run: RunFacts | None) -> date | None:
    """The date that a report carries: SOURCE_DATE_EPOCH where it is set, else the day the audit began (UTC)."""
    return fixed_date() or (datetime.fromisoformat(run.started).date() if run else None)


def fixed_date() -> date | None:
    """The day (UTC) of SOURCE_DATE_EPOCH, where it is set to a second of a date."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isascii() and epoch.isdigit() and len(epoch) <= MOST_DIGITS:
        with suppress(ValueError, OverflowError, OSError):  # a year that no calendar has
            return datetime.fromtimestamp(int(epoch), UTC).date()
    return None


def render_again(path: Path, folder: Path, formats: str, *, quiet: bool) -> list[Path]:
    """Render results.json into ``folder``; the date comes from a run.json beside it.

    Where the folder is that of these results, what else was rendered there is made again too: nothing tells whether it
    was made from these. Returns the files.

    Raises:
        UsageError: an output is not known, or the folder holds other results.
        AuditError: the file is no results.json, or a file could not be written.
    """
    kept, there = folder / RESULTS, os.path.lexists(folder / RESULTS)
    beside = there and (same_file(path, kept) or _equal(path, kept))
    if there and not beside:
        raise UsageError(f"expected a folder without other results; found {kept}; name another --out")
    places = [name for name in OF_AN_AUDIT if name not in (RESULTS, RUN)]
    with OutputFolder(
        folder, places, {"RESULTS.json": path}, keep=lambda file: beside and file.name not in WITH_VERDICT
    ) as out:
        names = chosen_outputs(formats)
        if not names:
            raise UsageError(
                "expected an output to render; found json alone, which results.json is; name another: --format"
            )
        results = read_results(path)
        names = with_standing(names, out.removed if beside else [])
        with progress_display(quiet, verbose=False) as show:
            out.prepare()
            return write_outputs(names, results, folder, read_run(path.with_name(RUN)), show)


def _equal(path: Path, kept: Path) -> bool:
    try:
        return filecmp.cmp(path, kept, shallow=False)
    except OSError:
        return False

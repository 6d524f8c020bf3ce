"""``render``: the report again, from results.json alone."""

from __future__ import annotations

from pathlib import Path

from auditor.audit.store import RUN, read_results, read_run
from auditor.cli.outputs import chosen_outputs, creation_date, write_outputs
from auditor.cli.progress import progress_display
from auditor.cli.terminal import say
from auditor.errors import UsageError


def render_again(path: Path, folder: Path, formats: str, *, quiet: bool) -> None:
    """Render results.json into ``folder``; the date comes from a run.json beside it.

    Raises:
        AuditError: an output is not known, the file is no results.json, or a file could not be written.
    """
    names = chosen_outputs(formats)
    if not names:
        raise UsageError(
            "expected an output to render; found json alone, which results.json is; name another: --format"
        )
    results = read_results(path)
    with progress_display(quiet, verbose=False) as show:
        written = write_outputs(names, results, folder, creation_date(read_run(path.with_name(RUN))), show)
    if not quiet:
        say(f"wrote {', '.join(map(str, written))}")

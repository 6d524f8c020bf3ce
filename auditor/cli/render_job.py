"""``render``: the report again, from results.json alone."""

from __future__ import annotations

import filecmp
import os
from pathlib import Path

from auditor.cli.earlier import OF_AN_AUDIT, WITH_VERDICT
from auditor.cli.output_folder import OutputFolder, same_file
from auditor.cli.outputs import chosen_outputs, with_standing, write_outputs
from auditor.cli.progress import progress_display
from auditor.cli.terminal import say
from auditor.documents.files import RESULTS, RUN, read_results, read_run
from auditor.errors import UsageError


def render_again(path: Path, folder: Path, formats: str, *, quiet: bool) -> None:
    """Render results.json into ``folder``; the date comes from a run.json beside it.

    Where the folder is that of these results, what else was rendered there is made again too: nothing tells whether it
    was made from these.

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
            written = write_outputs(names, results, folder, read_run(path.with_name(RUN)), show)
    if not quiet:
        say(f"wrote {', '.join(map(str, written))}")


def _equal(path: Path, kept: Path) -> bool:
    try:
        return filecmp.cmp(path, kept, shallow=False)
    except OSError:
        return False

"""``compare``: a candidate against a baseline, from the results of both."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from auditor.audit.store import RUN, prepare_folder, read_results, read_run
from auditor.cli.github import add_to_summary
from auditor.cli.outputs import chosen_names, creation_date, write_rendered
from auditor.cli.progress import progress_display
from auditor.cli.terminal import say


def compare_results(
    candidate: Path, baseline: Path, folder: Path, formats: str, *, allow_different_data: bool, quiet: bool
) -> None:
    """Compare and write.

    Raises:
        AuditError: an output is not known, a file is no results document, the two are of different data or classes, or
            a file could not be written.
    """
    from auditor.policy.compare import compare
    from auditor.render.comparison.base import comparison_outputs
    from auditor.render.comparison.sides import Sides
    from auditor.render.comparison.words import findings, verdict

    names = chosen_names(formats, comparison_outputs.names())
    comparison = compare(read_results(candidate), read_results(baseline), allow_different_data=allow_different_data)
    prepare_folder(folder)
    created = creation_date(read_run(candidate.with_name(RUN)))
    chosen = {name: comparison_outputs[name] for name in names}
    files = {n: (made.file_name, partial(made.render, comparison, created=created)) for n, made in chosen.items()}
    with progress_display(quiet, verbose=False) as show:
        written = write_rendered(files, folder, show)
    add_to_summary(lambda: comparison_outputs["markdown"].render(comparison).decode())
    if not quiet:
        sides = Sides(comparison)
        for flag in comparison.flags:
            say(f"{flag.status}: {flag.message}")
        say(verdict(sides)[1])
        for finding in findings(sides):
            say(finding.text)
        say(f"wrote {', '.join(map(str, written))}")

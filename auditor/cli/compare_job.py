"""``compare``: a candidate against a baseline, from the results of both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer

from auditor.cli.github import add_to_summary
from auditor.cli.installed import need_model_packages
from auditor.cli.output_folder import OutputFolder
from auditor.cli.outputs import chosen_names, creation_date, write_rendered
from auditor.cli.progress import lines_of_worker, progress_display
from auditor.cli.terminal import say
from auditor.documents.comparison import KeptDirection
from auditor.documents.files import RUN, read_results, read_run
from auditor.documents.results import ModelFacts
from auditor.errors import UsageError


def compare_results(
    candidate: Path,
    baseline: Path,
    folder: OutputFolder,
    formats: str,
    kept: Callable[[ModelFacts], list[KeptDirection] | None],
    *,
    allow_different_data: bool,
    quiet: bool,
) -> None:
    """Compare and write.

    Args:
        candidate, baseline: results.json of each.
        folder: to write to.
        formats: outputs wanted.
        kept: what the candidate's model, read as in its audit, makes of the baseline's boundary instances; None unless
            asked for.
        allow_different_data: of the two audits.
        quiet: errors only.
    Raises:
        AuditError: an output is not known, a file is no results document, the two are of different data or classes, or
            a file could not be written.
    """
    from auditor.policy.compare import compare
    from auditor.render.comparison.base import comparison_outputs
    from auditor.render.comparison.sides import Sides
    from auditor.render.comparison.words import findings, verdict

    names = chosen_names(formats, comparison_outputs.names())
    results = read_results(candidate)
    comparison = compare(results, read_results(baseline), allow_different_data=allow_different_data)
    if (found := kept(results.model)) is not None:
        comparison = comparison.model_copy(update={"boundary_kept": found})
    folder.prepare()
    created = creation_date(read_run(candidate.with_name(RUN)))
    chosen = {name: comparison_outputs[name] for name in names}
    files = {n: (made.file_name, partial(made.render, comparison, created=created)) for n, made in chosen.items()}
    with progress_display(quiet, verbose=False) as show:
        written = write_rendered(files, folder.path, show)
    add_to_summary(lambda: comparison_outputs["markdown"].render(comparison).decode())
    if not quiet:
        sides = Sides(comparison)
        for flag in comparison.flags:
            say(f"{flag.status}: {flag.message}")
        say(verdict(sides)[1])
        for finding in findings(sides):
            say(finding.text)
        say(f"wrote {', '.join(map(str, written))}")


def kept_boundary(
    ctx: typer.Context, model: Path | None, instances: Path | None, audited: ModelFacts, *, quiet: bool, verbose: bool
) -> list[KeptDirection] | None:
    """What a model makes of the boundary instances of another; None if neither is given.

    Args:
        ctx: of the command, with the options that say how the model is to be read.
        model: the candidate's file.
        instances: folder of the baseline's instances.
        audited: the candidate in its results, whose file and preprocessing these must be.
        quiet, verbose: as the user asked.
    Raises:
        UsageError: only one of them is given, or an option differs from the audit.
        AuditError: the model or the instances cannot be used.
    """
    if model is None and instances is None:
        return None
    if model is None or instances is None:
        given, lacking = ("--model", "--instances") if instances is None else ("--instances", "--model")
        raise UsageError(f"expected --model and --instances together; found {given} alone; give {lacking} as well")
    need_model_packages("compare with --model")
    from auditor.cli.planning import plan_to_revisit
    from auditor.documents.messages import Job, Revisited
    from auditor.worker.process import Worker

    job = Job(task="revisit", plan=plan_to_revisit(ctx, model, instances, audited))
    with (
        progress_display(quiet, verbose) as show,
        Worker(job, verbose=verbose, tell=lines_of_worker(quiet, verbose)) as worker,
    ):
        found = worker.outcome(show)
    assert isinstance(found, Revisited)
    return found.directions

"""A candidate against a baseline, from the results of both, and from the candidate's model if it is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from auditor.api.early_checks import need_model_packages
from auditor.api.gates import Source, results_of
from auditor.api.output_folder import OF_A_COMPARISON, OutputFolder
from auditor.api.outputs import chosen_names, creation_date, outputs_of_comparisons, write_rendered
from auditor.api.plan_from_options import plan_to_revisit
from auditor.api.progress import lines_of_worker, progress_display
from auditor.documents.comparison import Comparison, KeptDirection
from auditor.documents.messages import Job, Revisited
from auditor.documents.results import ModelFacts
from auditor.documents.whole_files import RUN, read_run
from auditor.errors import UsageError
from auditor.policy.compare import compare
from auditor.worker.workers import Workers


def compared(candidate: Source, baseline: Source, asked: Mapping[str, Any]) -> Comparison:
    """Compare two audits.

    Args:
        candidate, baseline: results of each, or their files.
        asked: the other keyword arguments of ``auditor.compare``, all of them.
    Raises:
        AuditError: a file is no results document, the two are of different data or classes, only one of ``model`` and
            ``instances`` is given, these cannot be used, or an option differs from the audit.
    """
    results = results_of(candidate)
    found = compare(results, results_of(baseline), allow_different_data=asked["allow_different_data"])
    kept = _kept_boundary(asked, results.model)
    return found if kept is None else found.model_copy(update={"boundary_kept": kept})


def compare_into(
    path: Path, candidate: Path, baseline: Path, formats: str, asked: Mapping[str, Any]
) -> tuple[Comparison, list[Path]]:
    """Compare two audits and write what comes of it to a folder; returns the comparison and the files.

    Raises:
        AuditError: as ``compared``, an output is not known, or a file could not be written.
    """
    reads = {"CANDIDATE.json": candidate, "BASELINE.json": baseline, "--model": asked["model"],
             "--instances": asked["instances"]}  # fmt: skip
    with OutputFolder(path, OF_A_COMPARISON, reads) as folder:
        known = outputs_of_comparisons(formats)
        names = chosen_names(formats, known)
        comparison = compared(candidate, baseline, asked)
        folder.prepare()
        created = creation_date(read_run(candidate.with_name(RUN)))
        files = {n: (known[n].file_name, partial(known[n].render, comparison, created=created)) for n in names}
        with progress_display(asked["quiet"], verbose=False) as show:
            return comparison, write_rendered(files, path, show)


def said(comparison: Comparison) -> Iterator[str]:
    """What a comparison comes to, line by line: what stands against it, the verdict, what it rests on."""
    from auditor.render.comparison.lookups import Sides
    from auditor.render.comparison.words import findings, verdict

    sides = Sides(comparison)
    yield from (f"{flag.status}: {flag.message}" for flag in comparison.flags)
    yield verdict(sides)[1]
    yield from (finding.text for finding in findings(sides))


def _kept_boundary(asked: Mapping[str, Any], audited: ModelFacts) -> list[KeptDirection] | None:
    """What the candidate's model, read as in its audit, makes of the baseline's boundary instances; None unless asked.

    Raises:
        UsageError: only one of the two is given, or an option differs from the audit.
        AuditError: the model or the instances cannot be used.
    """
    model, instances = asked["model"], asked["instances"]
    if model is None and instances is None:
        return None
    if model is None or instances is None:
        given, lacking = ("--model", "--instances") if instances is None else ("--instances", "--model")
        raise UsageError(f"expected --model and --instances together; found {given} alone; give {lacking} as well")
    need_model_packages("compare with --model")
    quiet, verbose = asked["quiet"], asked["verbose"]
    job = Job(task="revisit", plan=plan_to_revisit(asked, audited))
    with (
        progress_display(quiet, verbose) as show,
        Workers(job, verbose=verbose, tell=lines_of_worker(quiet, verbose)) as worker,
    ):
        found = worker.outcome(show)
    assert isinstance(found, Revisited)
    return found.directions

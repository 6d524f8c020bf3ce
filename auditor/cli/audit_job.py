"""The main job as the parent sees it: start the worker, show progress, decide, write what comes back."""

from __future__ import annotations

from pathlib import Path

from auditor.audit.messages import Finished, Job
from auditor.audit.plan import Plan
from auditor.audit.process import Worker
from auditor.audit.store import RESULTS, RUN, prepare_folder, write_whole
from auditor.cli.gate_job import FAILED, Prepared, prepared_gate, undecided
from auditor.cli.github import add_to_summary, annotate
from auditor.cli.outputs import as_text, chosen_outputs, creation_date, write_outputs
from auditor.cli.partial import incomplete
from auditor.cli.progress import progress_display
from auditor.cli.summary import failing, summary_lines
from auditor.cli.terminal import complain, say
from auditor.errors import UsageError
from auditor.results import Results, to_json


def run_audit(
    plan: Plan, folder: Path, formats: str, policy: Path | None, baseline: Path | None, *, quiet: bool, verbose: bool
) -> int:
    """Audit, decide and report.

    Returns:
        0, or 1 where the gate failed.
    Raises:
        AuditIncomplete: pairs are missing that were asked for; everything is written all the same.
        AuditError: an option, the policy, the model, the data, the worker or a file stood in the way.
    """
    names = chosen_outputs(formats)
    gate = prepared_gate(policy, baseline)
    prepare_folder(folder)
    with progress_display(quiet, verbose) as show:
        with Worker(Job(task="audit", plan=plan), verbose=verbose) as worker:
            finished = worker.outcome(show)
        assert isinstance(finished, Finished)
        results, unfit = _decided(finished.results, gate)
        # Before any rendering, so that a renderer that fails or is not installed costs nothing.
        write_whole(folder / RESULTS, to_json(results).encode())
        write_whole(folder / RUN, to_json(finished.run).encode())
        reports = write_outputs(names, results, folder, creation_date(finished.run), show)
    annotate(results)
    add_to_summary(lambda: as_text("markdown", results))
    if not quiet:
        for line in summary_lines(results, [folder / RESULTS, *reports]):
            say(line)
    if unfit is not None:
        raise unfit
    if results.gate.status == "failed":
        if quiet:
            complain(failing(results.gate))
        return FAILED
    if results.coverage.partial:
        raise incomplete(results)
    return 0


def _decided(results: Results, gate: Prepared | None) -> tuple[Results, UsageError | None]:
    """The results with the gate; a policy that does not fit them fails it, and its error is told at the end."""
    try:
        return (gate.decide(results) if gate is not None else results), None
    except UsageError as err:
        return results.model_copy(update={"gate": undecided(err)}), err

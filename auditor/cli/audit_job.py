"""The main job as the parent sees it: start the worker, show progress, decide, write what comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from auditor.audit.journal import Journal, only_audit
from auditor.audit.messages import Begun, Finished, Job, PartDone
from auditor.audit.plan import Plan
from auditor.audit.process import Worker
from auditor.audit.store import RESULTS, RUN, prepare_folder, write_whole
from auditor.cli.gate_job import FAILED, Prepared, prepared_gate, undecided
from auditor.cli.github import add_to_summary, annotate
from auditor.cli.outputs import as_text, chosen_outputs, creation_date, write_outputs
from auditor.cli.partial import incomplete
from auditor.cli.progress import lines_of_worker, progress_display
from auditor.cli.summary import failing, summary_lines
from auditor.cli.terminal import complain, say
from auditor.errors import UsageError
from auditor.policy.usable import model_changed, unusable
from auditor.results import Results, to_json


def run_audit(
    plan: Plan,
    folder: Path,
    formats: str,
    policy: Path | None,
    baseline: Path | None,
    *,
    resume: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Audit, decide and report, going on from what an earlier run in the same folder finished.

    Returns:
        0, or 1 where the gate failed.
    Raises:
        AuditIncomplete: pairs are missing that were asked for, or a check of validity failed; everything is written
            all the same.
        AuditError: an option, the policy, the model, the data, the worker or a file stood in the way.
    """
    names = chosen_outputs(formats)
    gate = prepared_gate(policy, baseline, folder)
    prepare_folder(folder)
    with only_audit(folder), progress_display(quiet, verbose) as show:
        journal = Journal(folder, keep=resume)
        with Worker(
            Job(task="audit", plan=plan, found=journal.found), verbose=verbose, tell=lines_of_worker(quiet, verbose)
        ) as worker:
            finished = worker.outcome(show, _keeping(journal, quiet))
        assert isinstance(finished, Finished)
        results, unfit = _decided(finished.results, gate)
        # Before any rendering, so that a renderer that fails or is not installed costs nothing.
        write_whole(folder / RESULTS, to_json(results).encode())
        write_whole(folder / RUN, to_json(finished.run).encode())
        if not results.coverage.partial or model_changed(results):  # what such a model left is not to be gone on from
            journal.finish()
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
    if (problem := unusable(results)) is not None:
        raise problem
    return 0


def _keeping(journal: Journal, quiet: bool) -> Callable[[Begun | PartDone], None]:
    """What becomes of the worker's finished parts: the journal keeps them, and the user hears of those found there."""

    def keep(message: Begun | PartDone) -> None:
        if isinstance(message, Begun) and not quiet and (text := going_on(journal, message)):
            say(text)
        journal.keep(message)

    return keep


def going_on(journal: Journal, begun: Begun) -> str:
    """What becomes of an earlier run's work, in words; empty where there was none."""
    lost = f" ({journal.damaged:,} entries of the journal are damaged and made again)" if journal.damaged else ""
    if begun.changed:
        more = f" and {len(begun.changed) - 3} more" if len(begun.changed) > 3 else ""
        return f"starting afresh: not as in the interrupted run: {', '.join(begun.changed[:3])}{more}"
    if begun.taken:
        return f"going on from an interrupted run: {begun.taken:,} of {begun.wanted:,} class pairs are finished{lost}"
    return f"starting afresh: nothing of the interrupted run can be used{lost}" if lost else ""


def _decided(results: Results, gate: Prepared | None) -> tuple[Results, UsageError | None]:
    """The results with the gate; a policy that does not fit them fails it, and its error is told at the end."""
    try:
        return (gate.decide(results) if gate is not None else results), None
    except UsageError as err:
        return results.model_copy(update={"gate": undecided(err)}), err

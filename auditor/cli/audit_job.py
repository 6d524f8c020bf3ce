"""The main job as the parent sees it: start the worker, show progress, write what comes back."""

from __future__ import annotations

from pathlib import Path

from auditor.audit.messages import Finished, Job
from auditor.audit.plan import Plan
from auditor.audit.process import Worker
from auditor.audit.store import RESULTS, RUN, prepare_folder, write_whole
from auditor.cli.outputs import chosen_outputs, creation_date, write_outputs
from auditor.cli.progress import progress_display
from auditor.cli.summary import summary_lines
from auditor.cli.terminal import say
from auditor.results import to_json


def run_audit(plan: Plan, folder: Path, formats: str, *, quiet: bool, verbose: bool) -> None:
    """Audit and report.

    Raises:
        AuditError: an option, the model, the data, the worker or a file stood in the way.
    """
    names = chosen_outputs(formats)
    prepare_folder(folder)
    with progress_display(quiet, verbose) as show:
        with Worker(Job(task="audit", plan=plan), verbose=verbose) as worker:
            finished = worker.outcome(show)
        assert isinstance(finished, Finished)
        # Before any rendering, so that a renderer that fails or is not installed costs nothing.
        write_whole(folder / RESULTS, to_json(finished.results).encode())
        write_whole(folder / RUN, to_json(finished.run).encode())
        reports = write_outputs(names, finished.results, folder, creation_date(finished.run), show)
    if not quiet:
        for line in summary_lines(finished.results, [folder / RESULTS, *reports]):
            say(line)

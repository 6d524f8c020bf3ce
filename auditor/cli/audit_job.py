"""The main job as the parent sees it: start the worker, show progress, decide, write what comes back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auditor.cli.earlier import is_instances
from auditor.cli.early_checks import check_outputs, check_plan
from auditor.cli.gate_job import FAILED, Prepared, prepared_gate, undecided
from auditor.cli.github import add_to_summary, annotate
from auditor.cli.output_folder import ALL, EarlierInstances, OutputFolder, Reads
from auditor.cli.outputs import as_text, chosen_outputs, write_outputs
from auditor.cli.partial import incomplete
from auditor.cli.progress import lines_of_worker, progress_display
from auditor.cli.repository import path_in_repository
from auditor.cli.summary import failing, summary_lines
from auditor.cli.terminal import complain, say
from auditor.documents.files import RESULTS, RUN, write_whole
from auditor.documents.messages import Begun, Finished, Job, PartDone
from auditor.documents.parts import FinishedPairs
from auditor.documents.plan import Plan
from auditor.documents.results import Results, to_json
from auditor.errors import UsageError
from auditor.policy.usable import model_changed, unusable
from auditor.worker.journal import Journal
from auditor.worker.process import Worker

CI_VARIABLES = ("CI", "CONTINUOUS_INTEGRATION", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "BUILDKITE", "JENKINS_URL",
                "TEAMCITY_VERSION", "CODEBUILD_BUILD_ID", "BUILD_NUMBER")  # fmt: skip


def own_folder(path: Path, reads: Reads) -> OutputFolder:
    """The folder of an audit, rid of every earlier output but the boundary instances, which may be gone on from."""
    return OutputFolder(path, ALL, reads, keep=is_instances)


def run_audit(
    plan: Plan,
    out: OutputFolder,
    formats: str,
    policy: Path | None,
    baseline: Path | None,
    *,
    command: str = "",
    resume: bool | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Audit, decide and report, going on from what an earlier run in the same folder finished.

    Args:
        plan: what to audit.
        out: the folder of the output.
        formats, policy, baseline: as the user gave them.
        command: as the user gave it.
        resume: go on from an interrupted run; None for what suits the place: yes, but not in CI.
        quiet, verbose: as the user asked.
    Returns:
        0, or 1 where the gate failed.
    Raises:
        AuditIncomplete: pairs are missing that were asked for, or a check of validity failed; everything is written
            all the same.
        AuditError: an option, the policy, the model, the data, the worker or a file stood in the way.
    """
    names = chosen_outputs(formats)
    gate = prepared_gate(policy, baseline, out.path)
    new = not os.path.lexists(out.path)
    if new:
        check_plan(plan)  # so that a mistake leaves no folder
    check_outputs(names)
    out.prepare()
    folder = out.path
    kept = Kept(folder)
    with kept.told(quiet), progress_display(quiet, verbose) as show:
        journal = _journal(plan, folder, resume, quiet)
        instances = EarlierInstances(folder, journal.found)
        if not new:
            check_plan(plan)  # now that nothing is left in the folder that could be taken for this run's
        with Worker(
            Job(task="audit", plan=plan, found=journal.found), verbose=verbose, tell=lines_of_worker(quiet, verbose)
        ) as worker:
            finished = worker.outcome(show, _keeping(journal, instances, kept, quiet))
        assert isinstance(finished, Finished)
        results, unfit = _decided(finished.results, gate)
        place = {"command": command, "model_path": path_in_repository(Path(plan.model.path))}
        facts = finished.run.model_copy(update=place)
        # Before any rendering, so that a renderer that fails or is not installed costs nothing.
        write_whole(folder / RESULTS, to_json(results).encode())
        write_whole(folder / RUN, to_json(facts).encode())
        kept.written = True
        if not results.coverage.partial or model_changed(results):  # what such a model left is not to be gone on from
            journal.finish()
        reports = write_outputs(names, results, folder, facts, show)
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


def _journal(plan: Plan, folder: Path, resume: bool | None, quiet: bool) -> Journal:
    """The journal of this audit; the user hears why one that is there is not gone on from."""
    keep = not in_ci() if resume is None else resume
    journal = Journal(folder, keep=keep, model=digest(Path(plan.model.path)))
    if journal.off and not quiet:
        say(f"warn: no journal is read or kept: {journal.off}; this run cannot be gone on from if it is interrupted")
    if journal.forgotten and resume is None and not quiet:
        say("warn: an interrupted run left finished class pairs; in CI only --resume goes on from them")
    return journal


def digest(path: Path) -> str:
    """The SHA-256 of a file; empty for what is no regular file that can be read, which the worker refuses."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


def in_ci() -> bool:
    """Whether a service runs this job, where others than the user may have written to the folder."""
    set_to = [os.environ.get(name, "").strip().lower() for name in CI_VARIABLES]
    return any(value not in ("", "0", "false", "no", "off") for value in set_to)


def _keeping(
    journal: Journal, instances: EarlierInstances, kept: Kept, quiet: bool
) -> Callable[[Begun | PartDone], None]:
    """What becomes of the worker's finished parts: the journal keeps them, and the user hears of those found there."""

    def keep(message: Begun | PartDone) -> None:
        if isinstance(message, Begun) and not quiet and (text := going_on(journal, message)):
            say(text)
        if isinstance(message, Begun) and not message.taken:
            instances.forget()
        journal.keep(message)
        if not journal.off:
            kept.count(message)

    return keep


class Kept:
    """What an interrupted audit leaves behind: so many finished pairs of so many, or all of its numbers.

    Args:
        folder: of the outputs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._done, self._wanted = folder, 0, 0
        self.written = False

    def count(self, message: Begun | PartDone) -> None:
        """Take note of what the journal has."""
        if isinstance(message, Begun):
            self._done, self._wanted = message.taken, message.wanted
        elif isinstance(message.part, FinishedPairs):
            self._done += len(message.part.pairs)

    @contextmanager
    def told(self, quiet: bool) -> Iterator[None]:
        """Say what is kept, and how to go on, if the block is interrupted."""
        try:
            yield
        except KeyboardInterrupt:
            if not quiet:
                say(self.text)
            raise

    @property
    def text(self) -> str:
        """What is kept, and how to go on."""
        if self.written:
            return f"all numbers are in {self._folder / RESULTS}; deepdig-audit render makes the report of them"
        if not self._done:
            return "no class pair was finished; the same command begins anew"
        again = "the same command with --resume" if in_ci() else "the same command"
        return f"{self._done} of {self._wanted} class pairs are kept in {self._folder}; {again} goes on from there"


def going_on(journal: Journal, begun: Begun) -> str:
    """What becomes of an earlier run's work, in words; empty where there was none."""
    if journal.another_model:
        return "starting afresh: not as in the interrupted run: the model"
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

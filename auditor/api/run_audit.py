"""An audit as its caller sees it: start the worker, keep what it finishes, decide, write what comes back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from auditor.api.arguments import output_path, workers_asked
from auditor.api.audit_objects import Audit
from auditor.api.early_checks import check_outputs, check_plan, need_model_packages
from auditor.api.engines import check_engine, engine_for, for_engine
from auditor.api.gates import Prepared, ending, prepared_gate, undecided
from auditor.api.output_folder import ALL, EarlierInstances, OutputFolder, is_instances
from auditor.api.outputs import Loading, chosen_outputs, not_rendered, with_plugins, write_reports
from auditor.api.plan_from_options import is_live, plan_from
from auditor.api.plugins_of_this_program import refuse_own, without_own
from auditor.api.progress import Show, lines_of_worker, progress_display, say, silent
from auditor.documents.inspection import Inspection
from auditor.documents.messages import Begun, Finished, Inspected, Job, PartDone, Progress
from auditor.documents.pair_outcomes import PairsPart
from auditor.documents.plan import Plan
from auditor.documents.results import Results, RunFacts, to_json
from auditor.documents.whole_files import RESULTS, RUN, write_whole
from auditor.errors import UsageError
from auditor.policy.believable import model_changed
from auditor.worker.journal import Journal
from auditor.worker.workers import Workers

CI_VARIABLES = ("CI", "CONTINUOUS_INTEGRATION", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "BUILDKITE", "JENKINS_URL",
                "TEAMCITY_VERSION", "CODEBUILD_BUILD_ID", "BUILD_NUMBER")  # fmt: skip
Keep = Callable[[Begun | PartDone], None]
"""Given each finished part at once, and before the first what the worker goes on from."""


def run_audit(asked: Mapping[str, Any], defaults: Mapping[str, Any], command: str = "") -> Audit:
    """Audit, decide and, with a folder, report, going on from what an earlier run in the same folder finished.

    Args:
        asked: the keyword arguments of ``auditor.audit``, all of them.
        defaults: of these.
        command: as the user gave it, if one was.
    Raises:
        AuditError: an option, the policy, the model, the data, the worker or a file stood in the way.
    """
    need_model_packages("an audit")
    if asked["data"] is None:
        raise UsageError("expected data to audit the model on; found none; give --data")
    _check_kept(asked)
    check_engine(asked)
    if asked["out"] is None:
        gate = prepared_gate(asked["policy"], asked["baseline"], None)
        plan = plan_from(asked, defaults)
        _check(asked, plan, gate)
        with progress_display(asked["quiet"], asked["verbose"]) as show:
            results, run = _worked(asked, plan, show)
        return _outcome(asked, plan, results, run, gate, command)
    reads = {"MODEL": "model", "--data": "data", "--policy": "policy", "--baseline": "baseline", "--config": "config",
             "--class-names": "class_names"}  # fmt: skip
    files = {
        option: asked.get(name) for option, name in reads.items() if isinstance(asked.get(name), str | os.PathLike)
    }
    with OutputFolder(output_path(asked["out"]), ALL, files, keep=is_instances) as folder:
        return _run_into(folder, asked, plan_from(asked, defaults, folder.path), command)


def _check(asked: Mapping[str, Any], plan: Plan, gate: Prepared | None = None) -> None:
    if not is_live(asked["model"]):
        refuse_own(plan, gate.policy if gate is not None else None)
    check_plan(plan, live_model=is_live(asked["model"]), live_data=is_live(asked["data"]))


def _check_kept(asked: Mapping[str, Any]) -> None:
    """Refuse what leaves files, or goes on from them, where there are none.

    Raises:
        UsageError: it was asked for.
    """
    for name in ("resume", "save_instances"):
        lacking = "a model file" if name == "resume" and is_live(asked["model"]) else "--out"
        if asked[name] and (asked["out"] is None or lacking != "--out"):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"expected {lacking} with {option}; found none; give it, or leave {option} out")


def _run_into(out: OutputFolder, asked: Mapping[str, Any], plan: Plan, command: str) -> Audit:
    quiet = asked["quiet"]
    formats = asked["format"]
    names = chosen_outputs(formats if isinstance(formats, str) else ",".join(formats))
    gate = prepared_gate(asked["policy"], asked["baseline"], out.path)
    new = not os.path.lexists(out.path)
    if new:
        _check(asked, plan, gate)  # so that a mistake leaves no folder
    check_outputs(names)
    out.prepare()
    folder = out.path
    kept = Kept(folder)
    with kept.told(quiet), progress_display(quiet, asked["verbose"]) as show:
        journal = None if is_live(asked["model"]) else _journal(plan, folder, asked["resume"], quiet)
        instances = EarlierInstances(folder, journal.found if journal else None)
        if not new:
            _check(asked, plan, gate)  # now that nothing is left that could be taken for this run's
        keep = _keeping(journal, instances, kept, quiet) if journal else None
        loading = Loading([] if is_live(asked["model"]) else names, show)
        results, run = _worked(asked, plan, loading.show, journal, keep)
        done = _outcome(asked, plan, with_plugins(results, names), not_rendered(run, names), gate, command)
        assert done.run is not None
        # Before any rendering, so that a renderer that fails or is not installed costs nothing.
        write_whole(folder / RESULTS, to_json(done.results).encode())
        write_whole(folder / RUN, to_json(done.run).encode())
        kept.written = True
        # What a model that changed left is not to be gone on from.
        if journal and (not done.results.coverage.partial or model_changed(done.results)):
            journal.finish()
        loading.wait()
        reports, run = write_reports(names, done.results, folder, done.run, show)
    return replace(done, run=run, written=(folder / RESULTS, *reports))


def _worked(
    asked: Mapping[str, Any], plan: Plan, show: Show, journal: Journal | None = None, keep: Keep | None = None
) -> tuple[Results, RunFacts]:
    """Have the audit done: by a sandboxed worker for a model file, in this process for a model that is an object."""
    model, data = asked["model"], asked["data"]
    if is_live(model):
        from auditor.pipeline.in_process import run_in_process

        def report(stage: str, done: int, total: int, detail: str = "") -> None:
            show(Progress(stage=stage, done=done, total=total, detail=detail))

        return run_in_process(plan, model, data if is_live(data) else None, report)
    with _data_file(plan, data) as plan:
        plan = for_engine(asked, plan)
        job = Job(task="audit", plan=plan, found=journal.found if journal else None)
        told = lines_of_worker(asked["quiet"], asked["verbose"])
        jobs, verbose = workers_asked(asked["jobs"]), asked["verbose"]
        with (
            engine_for(asked, plan, told) as engine,
            Workers(job, jobs=jobs, engine=engine, verbose=verbose, tell=told) as workers,
        ):
            finished = workers.outcome(show, keep or (lambda _: None))
    assert isinstance(finished, Finished)
    return without_own(finished.results), finished.run


@contextmanager
def _data_file(plan: Plan, data: object) -> Iterator[Plan]:
    """The plan, in which data that are objects are a private file for as long as the block runs."""
    if plan.data is None or not is_live(data):
        yield plan
        return
    from auditor.datasets.in_memory import as_npz

    with TemporaryDirectory(prefix="deepdig-audit-") as folder:
        file = Path(folder, f"{plan.data.data}.npz")
        as_npz(data, file)
        yield plan.model_copy(update={"data": plan.data.model_copy(update={"data": str(file)})})


def _outcome(
    asked: Mapping[str, Any], plan: Plan, results: Results, run: RunFacts, gate: Prepared | None, command: str
) -> Audit:
    """What came back, decided; a policy that does not fit it fails the gate, and its error is told at the end."""
    place = "" if is_live(asked["model"]) else path_in_repository(Path(plan.model.path))
    run = run.model_copy(update={"command": command, "model_path": place})
    try:
        results = gate.decide(results) if gate is not None else results
    except UsageError as err:
        return Audit(results.model_copy(update={"gate": undecided(err)}), run, err)
    return Audit(results, run, None if results.gate.status == "failed" else ending(results))


def run_inspection(asked: Mapping[str, Any], defaults: Mapping[str, Any]) -> Inspection:
    """Look at a model file in a worker process, as in an audit.

    Raises:
        AuditError: as in an audit.
    """
    need_model_packages("inspect")
    if is_live(asked["model"]):
        raise UsageError("expected a model file to inspect; found an object; give its file, or audit the object")
    plan = plan_from(asked, defaults)
    _check(asked, plan)
    with (
        _data_file(plan, asked["data"]) as plan,
        Workers(Job(task="inspect", plan=plan), verbose=asked["verbose"], tell=say) as worker,
    ):
        answer = worker.outcome(silent)
    assert isinstance(answer, Inspected)
    return answer.inspection


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


def _keeping(journal: Journal, instances: EarlierInstances, kept: Kept, quiet: bool) -> Keep:
    """What becomes of the worker's finished parts: the journal keeps them, and the user hears of those found there."""

    def keep(message: Begun | PartDone) -> None:
        if isinstance(message, Begun) and not quiet and (text := going_on(journal, message)):
            say(text)
        if isinstance(message, Begun) and not message.taken:
            instances.forget()
        journal.keep(message, written=lambda: kept.count(message))

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
        elif isinstance(message.part, PairsPart):
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


def path_in_repository(file: Path) -> str:
    """The path from the root of the file's repository, else from the working folder, with ``/``.

    Of a file that lies in neither, its name. Links are not followed: the name in the repository counts.
    """
    path = Path(os.path.abspath(file))
    root = next((folder for folder in path.parents if os.path.lexists(folder / ".git")), None)
    if root is None:
        folder, root = Path(os.path.realpath(path.parent)), Path(os.path.realpath(os.curdir))
        path = folder / path.name
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name

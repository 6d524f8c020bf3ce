"""The worker's work without its process, for tests of what comes of it."""

from __future__ import annotations

from collections.abc import Callable

from auditor.documents.messages import Begun, Finished, Job, Notice, PartDone, error_from, failure_from


class InThisProcess:
    """The worker's work without its process: the job and its error go through their messages all the same."""

    def __init__(
        self,
        job: Job,
        *,
        verbose: bool,
        jobs: int | None = None,
        engine: object = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._job = Job.model_validate_json(job.model_dump_json())

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def outcome(self, show: Callable[..., None], keep: Callable[[Begun | PartDone], None]) -> Finished:
        from auditor.pipeline.resume import FinishedParts
        from auditor.pipeline.run import run

        # Notices are lines for standard error alone.
        finished_parts = FinishedParts(self._job.found, lambda said: None if isinstance(said, Notice) else keep(said))
        try:
            results, facts = run(
                self._job.plan, lambda *_: None, started=self._job.started, finished_parts=finished_parts
            )
        except Exception as err:
            raise error_from(failure_from(err)) from err
        return Finished(results=results, run=facts)

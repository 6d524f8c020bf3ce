"""Where the class pairs of an audit are worked on: on this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from auditor.api.arguments import workers_asked
from auditor.api.plan_from_options import is_live
from auditor.documents.plan import Plan
from auditor.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from auditor.worker.engine import Engine

ENGINES = ("local", "ray")


def check_engine(asked: Mapping[str, Any]) -> None:
    """Refuse workers or an engine that cannot be had for this audit.

    Raises:
        UsageError: as it says.
    """
    engine, jobs = asked["engine"], workers_asked(asked["jobs"])
    if engine not in ENGINES:
        hint = did_you_mean(str(engine), ENGINES)
        raise UsageError(f"expected an engine of {', '.join(ENGINES)}; found {engine!r}; {hint}correct --engine")
    if is_live(asked["model"]) and (engine != "local" or (jobs or 1) > 1):
        option = "--engine" if engine != "local" else "--jobs"
        raise UsageError(
            f"expected a model file with {option}; found an object, which this process audits alone; leave it out"
        )
    if engine == "local":
        if asked["engine_address"]:
            raise UsageError(
                "expected --engine ray with --engine-address; found none; give it, or leave the address out"
            )
    elif jobs is not None:
        raise UsageError("expected --jobs or --engine ray; found both; leave --jobs out: a cluster has its own number")
    elif str(asked["device"]).startswith("cuda"):
        raise UsageError("expected --engine ray to compute on processors; found --device cuda; leave one of them out")


def engine_for(
    asked: Mapping[str, Any], plan: Plan, tell: Callable[[str], None]
) -> AbstractContextManager[Engine | None]:
    """The engine that was asked for, to be left at the end of a ``with`` block; None for this machine.

    Raises:
        AuditError: there is none.
    """
    if asked["engine"] == "local":
        return nullcontext()
    from auditor.engines.ray_engine import RayEngine

    return RayEngine(plan, asked["engine_address"] or "", verbose=asked["verbose"], tell=tell)


def for_engine(asked: Mapping[str, Any], plan: Plan) -> Plan:
    """The plan as its engine takes it: nodes of a cluster compute on processors, whatever else they have."""
    if asked["engine"] == "local":
        return plan
    return plan.model_copy(update={"model": plan.model.model_copy(update={"device": "cpu"})})

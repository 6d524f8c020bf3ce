"""Whether the numbers of an audit can be believed at all: the one rule behind exit code 4 of an audit that ran."""

from __future__ import annotations

from auditor.documents.results import Results
from auditor.errors import AuditIncomplete


def unusable(results: Results) -> AuditIncomplete | None:
    """Why an audit does not count although it ran to its end, as the error that ends the command; None if it does.

    It does not where a check failed that stands above its numbers, or where no boundary instance was found although one
    was sought.
    """
    sought = [pair for pair in results.pairs if pair.level != "screened"]
    instances = sum(direction.generation.boundary for pair in sought for direction in pair.directions)
    none = (bool(sought) or not results.pairs) and not instances
    failed = [f"{check.id}: {check.message.rstrip('.')}" for check in results.validity if check.status == "fail"]
    found = (["no boundary instance in any pair of classes"] if none else []) + failed
    if not found:
        return None
    more = f" (and {len(found) - 1} more of the kind)" if len(found) > 1 else ""
    return AuditIncomplete(
        f"expected an audit whose checks hold; found {found[0]}{more}; look at the checks in the files, and do not use"
        " the numbers"
    )


def model_changed(results: Results) -> bool:
    """Whether the model was found to give other answers than before: nothing of such an audit is gone on from."""
    return any(check.id == "determinism" and check.status == "fail" for check in results.validity)

"""Whether the numbers of an audit can be believed at all: the one rule behind exit code 4 of an audit that ran."""

from __future__ import annotations

from auditor.errors import AuditIncomplete
from auditor.results import Results


def unusable(results: Results) -> AuditIncomplete | None:
    """Why an audit does not count although it ran to its end, as the error that ends the command; None if it does.

    It does not where a check failed that stands above its numbers, or where no boundary instance was found.
    """
    failed = [check for check in results.validity if check.status == "fail"]
    instances = sum(direction.generation.boundary for pair in results.pairs for direction in pair.directions)
    if failed:
        more = f" ({len(failed) - 1} more checks failed: {', '.join(c.id for c in failed[1:])})" * (len(failed) > 1)
        return _error(f"{failed[0].id}: {failed[0].message.rstrip('.')}{more}")
    if not instances:
        return _error("no boundary instance in any pair of classes")
    return None


def _error(found: str) -> AuditIncomplete:
    return AuditIncomplete(
        f"expected an audit whose checks hold; found {found}; the files say so, none of their numbers should be used"
    )

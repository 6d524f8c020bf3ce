"""A partial audit: what it lacks, in the words with which every command that decides on it ends."""

from __future__ import annotations

from auditor.documents.results import Results
from auditor.errors import AuditIncomplete


def incomplete(results: Results) -> AuditIncomplete:
    """What a partial audit lacks, and why, as the error that ends the command."""
    coverage = results.coverage
    names = results.data.class_names
    listed = ", ".join(f"{names[a]}:{names[b]}" for a, b in coverage.missing[:5]) + (
        ", ..." if len(coverage.missing) > 5 else ""
    )
    without = f", without {listed}" if listed else ""
    reason = f" ({coverage.reason})" if coverage.reason else ""
    return AuditIncomplete(
        f"expected {coverage.requested:,} pairs of classes; found {coverage.audited:,} audited{without}{reason};"
        " the files hold what is finished: audit again, with a larger --time-budget or without one, to go on from there"
    )

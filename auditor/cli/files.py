"""Reading what a gate needs: a policy and the results of other audits, each refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.bounded_file import read_text
from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.policy.document import Policy


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        UsageError: it cannot be read or is no policy.
    """
    from auditor.policy.document import parse_policy

    try:
        text = read_text(path)
    except OSError as err:
        raise UsageError(f"expected a policy file; found {path}: {err.strerror}; check --policy") from err
    return parse_policy(text, str(path))

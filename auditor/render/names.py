"""``display_name``: every name from outside (model, file, class, reason) passes here before it is shown.

A name is text, never markup, and never changes how the text around it reads: control characters, lone surrogates and
bidirectional overrides become a visible sign (``auditor.untrusted_text``), and its length is bounded.
"""

from __future__ import annotations

from auditor.untrusted_text import REPLACEMENT, SOFT, visible

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def display_name(name: str, limit: int = 60) -> str:
    """The name as it may be shown: one line, visible characters, at most ``limit`` of them.

    Args:
        name: any text from a model, a file or a data set.
        limit: longest text returned; a longer name keeps its start and its end.
    Returns:
        Never empty: a name without a visible character is shown as ``(unnamed)``.

    >>> display_name("cat\\x00\\u202egod")
    'cat\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}god'
    """
    safe = visible(" ".join(name.replace("\x00", REPLACEMENT).split()))
    if not safe.strip("".join(SOFT)):
        return "(unnamed)"
    if len(safe) <= limit:
        return safe
    tail = limit // 3
    return safe[: limit - tail - 1] + _ELLIPSIS + safe[-tail:]


def display_text(text: str, limit: int = 600) -> str:
    """A sentence from outside (a reason, a note, a command): as ``display_name`` with more room."""
    return display_name(text, limit)

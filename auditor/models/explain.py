"""Why a library refused something, in the one line of its exception that says so."""

from __future__ import annotations

import re

_LONGEST = 240
_NAMED = re.compile(r"^[\w.]*(Error|Exception): *")


def why(error: BaseException) -> str:
    """The telling line of an exception, at most 240 characters.

    The TorchScript interpreter puts a traceback first and the cause into the last line that names an error class;
    other libraries begin with the cause.

    >>> why(RuntimeError("The following operation failed in the TorchScript interpreter.\\nRuntimeError: bad shapes"))
    'bad shapes'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if _NAMED.match(line)]
    line = _NAMED.sub("", named[-1]) if named else (lines[0] if lines else type(error).__name__)
    line = line.rstrip(" .") or type(error).__name__
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"

"""What can go wrong for a user: one shallow tree of errors, caught once in ``cli``.

A message says what was expected, what was found and what to do, in one line. The class decides the
exit code of the process, so that a CI job can tell a bad option from a bad model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 1500
"""Characters of a message; of a longer one the beginning and the end are kept, which say what to do."""
_LONGEST_SUMMARY = 240
_NAMED = re.compile(r"^[\w.]*(Error|Exception): *")


def one_line(text: str) -> str:
    """Text in one line, in UTF-8 and of bounded length: names from outside hold line breaks and bytes that are no text.

    >>> one_line("a\\nb\\udcff")
    'a b\\\\udcff'
    """
    line = " ".join(text.split()).encode("utf-8", "backslashreplace").decode("utf-8")
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 400]} ... {line[-390:]}"


def guess(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known word nearest to another in spelling; None where none is near.

    >>> guess("Fashion-MNIST", ["mnist", "fashionmnist"])
    'fashionmnist'
    """
    names = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), names, 1, likeness)
    return names[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean X? `` before what to do; empty where nothing is near."""
    near = guess(word, known)
    return f"did you mean {near}? " if near else ""


class AuditError(Exception):
    """Base of every error that a user may see; ``exit_code`` is the status of the process.

    >>> import auditor
    >>> issubclass(auditor.UsageError, auditor.AuditError)
    True
    """

    exit_code = 4

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class UsageError(AuditError):
    """A bad option, argument, configuration file or policy file (exit code 2).

    >>> import auditor
    >>> auditor.audit("sample_models/digits_fcn.onnx", "digits", profile="fast")
    Traceback (most recent call last):
    auditor.errors.UsageError: expected a profile of quick, standard, thorough, paper; found 'fast'; correct profile=
    """

    exit_code = 2


class InputRefused(AuditError):
    """This model or this data cannot be audited (exit code 3).

    Args:
        expected: what the tool needs.
        found: what is there instead.
        action: what the user can do about it.

    >>> import auditor
    >>> try:
    ...     auditor.audit("none.onnx", "digits")
    ... except auditor.InputRefused as err:
    ...     print(err.found)
    no file at none.onnx
    """

    exit_code = 3

    def __init__(self, expected: str, found: str, action: str) -> None:
        super().__init__(f"expected {expected}; found {found}; {action}")
        self.expected, self.found, self.action = one_line(expected), one_line(found), one_line(action)

    def __reduce__(self) -> tuple[type[InputRefused], tuple[str, str, str]]:
        return type(self), (self.expected, self.found, self.action)


class AuditIncomplete(AuditError):
    """The audit could not be completed: worker died, output not written (exit code 4).

    >>> import auditor
    >>> auditor.AuditIncomplete.exit_code
    4
    """

    exit_code = 4


def error_summary(error: BaseException) -> str:
    """The telling line of a library's exception, at most 240 characters.

    The TorchScript interpreter puts a traceback first and the cause into the last line that names an error class;
    other libraries begin with the cause.

    >>> error_summary(RuntimeError("This operation failed in the interpreter.\\nRuntimeError: bad shapes"))
    'bad shapes'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if _NAMED.match(line)]
    line = _NAMED.sub("", named[-1]) if named else (lines[0] if lines else type(error).__name__)
    line = line.rstrip(" .") or type(error).__name__
    return line if len(line) <= _LONGEST_SUMMARY else line[: _LONGEST_SUMMARY - 1] + "…"

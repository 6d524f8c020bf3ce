"""The command line: options in, an exit code out; everything heavy is imported when it is needed.

A command reads options, asks ``audit`` and ``render`` for work and writes files. Errors are caught once, here.
Standard output carries only what was asked for; progress, summary and errors go to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from auditor.cli.app import app
from auditor.cli.github import annotate_error
from auditor.cli.terminal import complain, say
from auditor.errors import AuditError, AuditIncomplete

PROGRAM = "deepdig-audit"
INTERRUPTED = 130

# Typer brings its own copy of click or uses the installed one, by version; either way this is the base
# class of every complaint about an option.
BadCommandLine: type[Exception] = typer.BadParameter.__bases__[0]


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code of the process.

    Args:
        arguments: without the program's name; None takes those of the process.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    shared: dict[str, Any] = {"arguments": arguments, "verbose": False}
    try:
        command = typer.main.get_command(app)
        with _output_told():
            status = command.main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=shared)
            sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except AuditError as err:
        complain(str(err), err if shared["verbose"] else None)
        annotate_error(str(err))
        status = err.exit_code
    except BadCommandLine as err:
        complain(f"{err.format_message()} See {PROGRAM} --help.")  # type: ignore[attr-defined]
        annotate_error(err.format_message())  # type: ignore[attr-defined]
        status = 2
    except Exception as err:
        complain(f"internal error: {type(err).__name__}: {err}", err if shared["verbose"] else None)
        annotate_error(f"internal error: {type(err).__name__}: {err}")
        status = 4
    if status == INTERRUPTED:
        say("interrupted")
    return int(status or 0)


@contextmanager
def _output_told() -> Iterator[None]:
    """A failure of standard output while it can still be told by the exit code.

    Raises:
        AuditIncomplete: it could not be written.
    """
    try:
        yield
    except OSError as err:
        if err.filename is not None:  # of a file, which has a name
            raise
        # The interpreter flushes once more when it ends; that has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise AuditIncomplete(
            f"expected to write to standard output; found: {err.strerror}; free space or redirect it elsewhere"
        ) from err

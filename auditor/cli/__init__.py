"""The command line: options in, an exit code out; everything heavy is imported when it is needed.

A command reads options, asks ``audit`` and ``render`` for work and writes files. Errors are caught once, here.
Standard output carries only what was asked for, and what of it is lost costs the exit code (4); progress, summary and
errors go to standard error, and what of them is lost changes nothing.
"""

from __future__ import annotations

import sys
from typing import Any

import typer

from auditor.api.progress import complain, say
from auditor.cli.app import app
from auditor.cli.github import annotate_error
from auditor.errors import AuditError, AuditIncomplete, guess
from auditor.plugin_registry import skipped
from auditor.standard_streams import output_lost

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
        status = int(command.main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=shared) or 0)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except AuditError as err:
        complain(str(err), err if shared["verbose"] else None)
        annotate_error(str(err))
        status = err.exit_code
    except BadCommandLine as err:
        complain(f"{(text := _complaint(err))} See {PROGRAM} --help.")
        annotate_error(text)
        status = 2
    except Exception as err:
        complain(f"internal error: {type(err).__name__}: {err}", err if shared["verbose"] else None)
        annotate_error(f"internal error: {type(err).__name__}: {err}")
        status = 4
    if (text := skipped()) and not {"list", "--quiet", "-q"} & set(arguments):
        say(f"warn: {text}")
    if status == INTERRUPTED:
        say("interrupted")
    return _delivered(status)


def _complaint(err: Any) -> str:
    """What is wrong with an option, and of an unknown one which was meant."""
    if near := guess(str(getattr(err, "option_name", "")), getattr(err, "possibilities", None) or []):
        return f"No such option: {err.option_name}; did you mean {near}?"
    text: str = err.format_message()
    return text


def _delivered(status: int) -> int:
    """The exit code: 4 in place of 0 or 1 where standard output did not get what the command had to say."""
    if status > 1 or (lost := output_lost()) is None:
        return status
    complain(
        f"expected to write to standard output; found: {lost.strerror}; free space, keep its reader running,"
        " or redirect it elsewhere"
    )
    return AuditIncomplete.exit_code

"""A command group whose main job needs no word: ``deepdig-audit MODEL --data DATA``."""

from __future__ import annotations

from copy import copy
from typing import Any

from typer.core import TyperGroup

MAIN = "(main)"
"""Name of the main job among the commands; no file is likely to be called so."""


class MainJobGroup(TyperGroup):
    """Sends what is neither a command nor an option of the group to the main job, and shows both in one help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the main job's name where it is meant."""
        first = args[0] if args else ""
        if first not in self.commands:
            # After ``--`` stands a file, whatever it is called.
            if "--help" in args[: args.index("--") if "--" in args else None]:
                args = ["--help"]
            elif first != "--version":
                args = [MAIN, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line of the main job."""
        return ["MODEL --data DATA [OPTIONS] | COMMAND [ARGS]..."]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The main job's arguments and options, then the other commands."""
        page = copy(self)
        page.params = [*self.commands[MAIN].params, *self.params]
        super(MainJobGroup, page).format_help(ctx, formatter)

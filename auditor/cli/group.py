"""A command group whose main job needs no word: ``deepdig-audit MODEL --data DATA``."""

from __future__ import annotations

import os
from copy import copy
from typing import Any

from typer.core import TyperGroup

from auditor.errors import UsageError, guess

ALIKE = 0.7
"""How near in spelling a word has to be to a command to be taken for it, from 0 to 1."""
OWN = ("--version", "--install-completion", "--show-completion")
"""Options of the group itself."""
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
            elif first not in OWN and not (ctx.resilient_parsing and not args):  # a shell asks for commands
                if not ctx.resilient_parsing:
                    self._refuse_misspelt(first)
                args = [MAIN, *args]
        return super().parse_args(ctx, args)

    def _refuse_misspelt(self, word: str) -> None:
        """Refuse what is neither a file nor a command, and nearly the name of one.

        Raises:
            UsageError: it is so.
        """
        commands = [name for name in self.commands if name != MAIN]
        near = None if word.startswith("-") or "." in word else guess(word, commands, ALIKE)
        if near is not None and not os.path.lexists(word):
            raise UsageError(f"expected a command or a model file; found {word!r}; did you mean {near}?")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line of the main job."""
        return ["MODEL --data DATA [OPTIONS] | COMMAND [ARGS]..."]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The main job's arguments and options, then the other commands."""
        page = copy(self)
        page.params = [*self.commands[MAIN].params, *self.params]
        super(MainJobGroup, page).format_help(ctx, formatter)

"""``--config FILE.toml``: the options of the main job from a file; the command line wins.

``inspect`` reads the same file and takes from it what it has an option for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from auditor.bounded_file import parse_toml, read_text
from auditor.cli.group import MAIN
from auditor.errors import UsageError, did_you_mean

_NOT_IN_FILES = ("config", "help", "json")


def apply_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Take the file's values as the defaults of this command's options (an eager option's callback).

    Raises:
        UsageError: the file cannot be read, is no TOML, or has a key that is no option.
    """
    if path is not None:
        own, known = _options(ctx.command), _options(ctx.command)
        if ctx.parent is not None and isinstance(ctx.parent.command, TyperGroup):
            known |= _options(ctx.parent.command.commands[MAIN])
        values = read_config(path, [name for name in known if name not in _NOT_IN_FILES])
        ctx.default_map = {own[name]: value for name, value in values.items() if name in own}
    return path


def _options(command: Any) -> dict[str, str]:
    """The parameters of a command by the long names of their options."""
    return {_long_name(p): p.name for p in command.params if p.name and p.opts[0].startswith("--")}


def _long_name(option: Any) -> str:
    """The name that an option has on the command line, with ``_``: not always that of its parameter."""
    name: str = option.opts[0]
    return name.removeprefix("--").replace("-", "_")


def read_config(path: Path, options: list[str]) -> dict[str, Any]:
    """The file's values by option name; keys are long option names with ``-`` or ``_``."""
    try:
        content = parse_toml(read_text(path))
    except OSError as err:
        raise UsageError(f"expected a configuration file; found {path}: {err.strerror}; check --config") from err
    except ValueError as err:
        raise UsageError(f"expected TOML in {path}; found {err}; correct the file") from err
    values = {key.replace("-", "_"): value for key, value in content.items()}
    if unknown := sorted(set(values) - set(options)):
        known = ", ".join(sorted(name.replace("_", "-") for name in options))
        hint = did_you_mean(unknown[0].replace("_", "-"), [name.replace("_", "-") for name in options])
        found = f"{', '.join(unknown)} in {path}"
        raise UsageError(f"expected the keys {known}; found {found}; {hint}remove or correct them")
    return {key: _as_option(key, value, path) for key, value in values.items()}


def _as_option(key: str, value: Any, path: Path) -> Any:
    """The value as it would stand on the command line: a list becomes one text with commas."""
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ",".join(str(item) for item in value)
    if isinstance(value, str | bool | int | float):
        return value
    raise UsageError(f"expected a text, a number or a list for {key} in {path}; found {value!r}; correct the file")

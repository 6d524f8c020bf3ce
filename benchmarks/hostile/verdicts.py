"""Whether a command ended as it should: exit code, one clear line, in time, and nothing done outside its places."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.hostile.case import ACCEPTED, LIMIT, Outcome

PREFIX = "deepdig-audit: error: "
_CLEAR = re.compile(r"^expected \S.*; found \S.*; \S", re.DOTALL)
_ON_ITS_OWN = "run again with --verbose for the traceback"
_INTERNAL = "internal error"
_HELP = "See deepdig-audit --help."
"""The end of a complaint about an option."""
_HARMFUL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
LONGEST_LINE = 8000
"""Characters; a message has at most 1,500, of which each may be shown as an escape of several."""
CANARY = b"nobody may read or change this\n"


def problems(outcome: Outcome, codes: Sequence[int], seconds: float) -> list[str]:
    """What is wrong with how a command ended; empty if nothing is.

    Args:
        outcome: of the command.
        codes: exit codes that are right.
        seconds: in which it had to end.
    """
    found = []
    if outcome.status not in codes:
        found.append(f"exit code {outcome.status}, not {' or '.join(map(str, codes))}")
    if outcome.seconds > seconds:
        found.append(f"took {outcome.seconds:.0f} s, allowed {seconds:.0f} s")
    text = outcome.stdout + outcome.stderr
    if "Traceback (most recent call last)" in text:
        found.append("a traceback")
    if harmful := _HARMFUL.search(text):
        found.append(f"control character {harmful.group()!r} in the output")
    if CANARY.decode().strip() in text:
        found.append("the content of a file outside is in the output")
    return found + (_of_errors(outcome) if outcome.status != ACCEPTED else [])


def _of_errors(outcome: Outcome) -> list[str]:
    errors = [line for line in outcome.stderr.splitlines() if line.startswith(PREFIX)]
    others = [line for line in outcome.stderr.splitlines() if not line.startswith("deepdig-audit: ")]
    found = []
    if len(errors) != 1 or others:
        found.append(f"{len(errors)} error lines and {len(others)} lines that are nothing of ours")
    for line in errors:
        said = line.removeprefix(PREFIX)
        if not _CLEAR.match(said) and not said.startswith("unknown ") and not said.endswith(_HELP):
            found.append("an error line that does not say expected, found and what to do")
        if len(line) > LONGEST_LINE:
            found.append(f"an error line of {len(line)} characters")
        if outcome.status == LIMIT and (_ON_ITS_OWN in said or _INTERNAL in said):
            found.append("an internal error instead of a refusal")
    return found


def reason(outcome: Outcome) -> str:
    """What the command said of its end, without the program's name."""
    lines = [line for line in outcome.stderr.splitlines() if line.startswith(PREFIX)]
    return lines[-1].removeprefix(PREFIX) if lines else ""


class Canaries:
    """Files outside the places of any job, which hostile files name; whether they are as they were.

    Args:
        folder: where they lie; ``secret`` is there to be read, ``victim`` to be changed, ``dropped`` must not appear.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.secret, self.victim = folder, folder / "secret", folder / "victim"
        self.dropped = folder / "dropped"
        self._plant()

    def problems(self) -> list[str]:
        """What has changed; puts it back as it was."""
        found = [
            f"the file {file.name} outside was changed"
            for file in (self.secret, self.victim)
            if not file.is_file() or file.read_bytes() != CANARY * 64
        ]
        found += [f"a file {path.name} was written outside" for path in self._others()]
        if found:
            for path in self._others():
                path.unlink()
            self._plant()
        return found

    def _plant(self) -> None:
        for file in (self.secret, self.victim):
            file.write_bytes(CANARY * 64)

    def _others(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path not in (self.secret, self.victim))


def results_problems(folder: Path) -> list[str]:
    """What is wrong with the results of a finished audit: they must be JSON in UTF-8 without NaN."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads((folder / "results.json").read_text("utf-8"), parse_constant=refuse)
    except (OSError, ValueError) as err:
        return [f"results.json: {err}"]
    return []

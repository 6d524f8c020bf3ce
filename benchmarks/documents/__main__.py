"""20,000 mutated documents and the commands that read them: python -m benchmarks.documents [--count N] [--write].

results.json, run.json, policy.toml, audit.toml, audit.journal and a file of class names are mutated by their structure
and read by ``gate``, ``render``, ``compare``, ``init-policy``, by the options of an audit and by the journal, each in
this process under an alarm. No reading may raise, hang for 10 s, end with a code that is not documented, say more than
one line of error, or let a control character or a CI service's command through. ``--write`` makes ``documents.md``.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.documents.reading import KINDS, SECONDS, End, read_mutations, working_folder
from benchmarks.documents.sound import sound_documents

PAGE = Path(__file__).parents[1] / "documents.md"
CHUNK = 100


def main() -> int:
    """Read everything; 1 where a reading went wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    begun, ends = time.monotonic(), list[End]()
    with ProcessPoolExecutor(given.jobs) as pool:
        chunks = range(given.seed, given.seed + given.count, CHUNK)
        for done, part in enumerate(pool.map(partial(_chunk, given.seed + given.count), chunks), 1):
            ends += part
            for end in part:
                if end.trouble:
                    print(f"{end.kind}: {end.command}: {end.trouble}", flush=True)
            if not done % 10:
                print(f"{len(ends):,} of {given.count:,}", file=sys.stderr, flush=True)
    page = "\n".join(_page(ends, time.monotonic() - begun, given)) + "\n"
    print(page)
    if given.write:
        PAGE.write_text(page, "utf-8")
    return int(any(end.trouble for end in ends))


def _chunk(stop: int, seed: int) -> list[End]:
    with working_folder() as folder:
        return list(read_mutations(sound_documents(), min(CHUNK, stop - seed), seed, folder))


def _page(ends: list[End], seconds: float, given: argparse.Namespace) -> Iterable[str]:
    codes = Counter((end.kind, end.status) for end in ends)
    troubles = Counter(end.trouble.split(":")[0] for end in ends if end.trouble)
    yield from (
        "# Documents that others may have written",
        "",
        f"Command: `python -m benchmarks.documents --count {given.count} --seed {given.seed} --write`  ",
        f"Machine: {platform.machine()}, {platform.system()}, {os.cpu_count()} cores, {given.jobs} at a time,"
        f" {seconds:,.0f} s  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        "Each document is mutated by its structure (parts deleted, doubled, moved, of another type, extreme numbers,"
        " hostile texts, names renamed everywhere) and in one of seven cases by its bytes, then read by one command.",
        "",
        "| document | mutations | ends with 0 | 1 | 2 | 3 | 4 |",
        "|---|---|---|---|---|---|---|",
    )
    for kind in KINDS:
        counts = [codes[kind, status] for status in range(5)]
        of_kind = sum(end.kind == kind for end in ends)
        yield f"| {kind} | {of_kind:,} | {' | '.join(f'{count:,}' for count in counts)} |"
    yield (
        f"| **together** | **{len(ends):,}** | "
        + " | ".join(f"{sum(end.status == status for end in ends):,}" for status in range(5))
        + " |"
    )
    internal, hangs = troubles.pop("internal error", 0), troubles.pop("hang", 0)
    yield from (
        "",
        f"Internal errors: {internal}. Hangs of {SECONDS} s: {hangs}. Refusals of other than one line, control"
        f" characters or commands on a stream, other exit codes: {troubles.total()}.",
        "",
        "A mutation that changes nothing that is decided on, such as a text or a number within its interval that"
        " nothing else repeats, reads like the original: those are the ones that end with 0.",
    )


if __name__ == "__main__":
    sys.exit(main())

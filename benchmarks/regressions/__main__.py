"""``python -m benchmarks.regressions``: audit, judge, print, and with --write write ``benchmarks/regressions.md``.

The exit code is 1 where a gate fails on the unchanged model.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from pathlib import Path

from auditor.audit.profiles import PROFILES
from benchmarks.regressions import detection
from benchmarks.regressions.audits import Audits
from benchmarks.regressions.detection import accepted_audit
from benchmarks.regressions.detection_section import detection_section
from benchmarks.regressions.flake import Trial, trials
from benchmarks.regressions.flake_section import flake_section
from benchmarks.regressions.page import Lines, head
from benchmarks.regressions.planted import planted
from benchmarks.regressions.spread import Spread, spreads
from benchmarks.regressions.spread_section import spread_section

PAGE = Path(__file__).parents[1] / "regressions.md"
PARTS = ("flake", "detection")


def main() -> int:
    """Run the parts asked for, both by default."""
    arguments = _arguments()
    audits = Audits(arguments.pairs, reuse=arguments.reuse)
    failed, text = False, ""
    if "flake" in arguments.parts:
        found, varied = _flake(audits, arguments.profiles, arguments.seeds)
        failed = any(trial.failed for some in found.values() for trial in some)
        for lines in (flake_section(found, arguments.seeds), spread_section(varied, arguments.seeds)):
            text += _shown(lines)
    if "detection" in arguments.parts:
        rows = list(detection.rows(audits, arguments.profiles, arguments.models))
        text += _shown(detection_section(rows, arguments.profiles))
    if arguments.write:
        command = f"python -m benchmarks.regressions {_options(arguments)} --write"
        audited = f"{audits.made} made by this run" + (f", {audits.reused} by an earlier one" if audits.reused else "")
        PAGE.write_text("\n".join(head(command, audited)) + "\n" + text, encoding="utf-8")
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regressions", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="only this one")
    parser.add_argument("--profiles", default="quick,standard", help="with commas between them (quick,standard)")
    parser.add_argument("--seeds", type=int, default=20, help="of the unchanged model, from 0 on (20)")
    parser.add_argument("--pairs", default="all", help="for a trial: class pairs as deepdig-audit takes them (all)")
    parser.add_argument("--skip", metavar="PATTERN", default="", help="leave out planted models, such as 'int8, dyn*'")
    parser.add_argument("--write", action="store_true", help="write benchmarks/regressions.md (both parts, all pairs)")
    parser.add_argument("--reuse", action="store_true", help="keep the audits of an interrupted run of the same code")
    arguments = parser.parse_args()
    arguments.parts = [arguments.part] if arguments.part else PARTS
    arguments.profiles = arguments.profiles.split(",")
    if unknown := set(arguments.profiles) - set(PROFILES):
        parser.error(f"expected profiles of {', '.join(PROFILES)}; found {', '.join(sorted(unknown))}")
    arguments.models = [m for m in planted() if not fnmatch.fnmatch(f"{m.kind} {m.size}", arguments.skip)]
    if arguments.seeds < 2:
        parser.error(f"expected at least 2 seeds; found {arguments.seeds}")
    if arguments.write and (arguments.part or arguments.pairs != "all"):
        parser.error("expected both parts and all pairs with --write; leave out the part and --pairs")
    return arguments


def _options(arguments: argparse.Namespace) -> str:
    """What the page depends on, as on the command line."""
    text = f"--profiles {','.join(arguments.profiles)} --seeds {arguments.seeds}"
    return f"{text} --skip '{arguments.skip}'" if arguments.skip else text


def _flake(audits: Audits, profiles: list[str], seeds: int) -> tuple[dict[str, list[Trial]], dict[str, list[Spread]]]:
    """Trials and spreads by profile; the audits of one profile are held at a time."""
    found, varied = {}, {}
    for profile in profiles:
        results = {seed: accepted_audit(audits, profile, seed) for seed in range(seeds)}
        found[profile], varied[profile] = trials(results), spreads(list(results.values()))
    return found, varied


def _shown(lines: Lines) -> str:
    part = "\n" + "\n".join(lines) + "\n"
    print(part, flush=True)
    return part


if __name__ == "__main__":
    sys.exit(main())

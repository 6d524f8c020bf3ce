"""``python -m benchmarks.regressions``: audit, judge, print, and with --write write ``benchmarks/regressions.md``.

The exit code is 1 where a gate fails on the unchanged model, where ``compare`` calls a difference in more than one
comparison of it in twenty, or where a promise about planted models is broken.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from pathlib import Path

from auditor.documents.profiles import PROFILES
from benchmarks.regressions import detection
from benchmarks.regressions.audits import Audits
from benchmarks.regressions.detection import accepted_audit
from benchmarks.regressions.detection_section import detection_section
from benchmarks.regressions.flake import Compared, Trial, comparisons, trials
from benchmarks.regressions.flake_section import comparison_section, flake_section
from benchmarks.regressions.page import Lines, head
from benchmarks.regressions.planted import planted
from benchmarks.regressions.power import power, power_section
from benchmarks.regressions.spread import Spread, spreads
from benchmarks.regressions.spread_section import spread_section

PAGE = Path(__file__).parents[1] / "regressions.md"
PARTS = ("power", "flake", "detection")
DRAWS = 100


def main() -> int:
    """Run the parts asked for, all by default."""
    arguments = _arguments()
    audits = Audits(arguments.pairs, reuse=arguments.reuse)
    failed, text = False, ""
    if "power" in arguments.parts:
        like = accepted_audit(audits, arguments.profiles[0])
        text += _shown(power_section(power(like, DRAWS), DRAWS))
    if "flake" in arguments.parts:
        found, varied, compared = _flake(audits, arguments.profiles, arguments.seeds)
        failed = any(trial.failed for some in found.values() for trial in some)
        failed |= any(20 * sum(c.differs for c in some) > len(some) for some in compared.values())
        sections = flake_section(found, arguments.seeds), comparison_section(compared)
        for lines in (*sections, spread_section(varied, arguments.seeds)):
            text += _shown(lines)
    if "detection" in arguments.parts:
        rows = list(detection.rows(audits, arguments.profiles, arguments.models))
        failed |= any(promise.broken for promise in detection.promises(rows))
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
    parser.add_argument("--skip", metavar="PATTERNS", default="", help="leave out planted models: 'int8*;control*'")
    parser.add_argument("--write", action="store_true", help="write benchmarks/regressions.md (all parts, all pairs)")
    parser.add_argument("--reuse", action="store_true", help="keep the audits of an interrupted run of the same code")
    arguments = parser.parse_args()
    arguments.parts = [arguments.part] if arguments.part else PARTS
    arguments.profiles = arguments.profiles.split(",")
    if unknown := set(arguments.profiles) - set(PROFILES):
        parser.error(f"expected profiles of {', '.join(PROFILES)}; found {', '.join(sorted(unknown))}")
    skipped = [pattern.strip() for pattern in arguments.skip.split(";")]
    arguments.models = [m for m in planted() if not any(fnmatch.fnmatch(f"{m.kind} {m.size}", p) for p in skipped)]
    if arguments.seeds < 2:
        parser.error(f"expected at least 2 seeds; found {arguments.seeds}")
    if arguments.write and (arguments.part or arguments.pairs != "all"):
        parser.error("expected all parts and all pairs with --write; leave out the part and --pairs")
    return arguments


def _options(arguments: argparse.Namespace) -> str:
    """What the page depends on, as on the command line."""
    text = f"--profiles {','.join(arguments.profiles)} --seeds {arguments.seeds}"
    return f"{text} --skip '{arguments.skip}'" if arguments.skip else text


def _flake(
    audits: Audits, profiles: list[str], seeds: int
) -> tuple[dict[str, list[Trial]], dict[str, list[Spread]], dict[str, list[Compared]]]:
    """Trials, spreads and comparisons by profile; the audits of one profile are held at a time."""
    found, varied, compared = {}, {}, {}
    for profile in profiles:
        results = {seed: accepted_audit(audits, profile, seed) for seed in range(seeds)}
        found[profile], varied[profile] = trials(results), spreads(list(results.values()))
        compared[profile] = comparisons(results)
    return found, varied, compared


def _shown(lines: Lines) -> str:
    part = "\n" + "\n".join(lines) + "\n"
    print(part, flush=True)
    return part


if __name__ == "__main__":
    sys.exit(main())

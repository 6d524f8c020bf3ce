"""The minimal-norm attack against the best known margins: ``python -m benchmarks.attack_optimality``.

Attacks 48 sources of each model in both norms with the budget of each profile, as an audit does, and with foolbox's
attacks, and compares every distance with the least that any of them found, our own longer runs among them; on the
checkerboard with the true distance. ``--save FILE`` measures our profiles alone and keeps their distances, in a
checkout of another commit with this folder copied into it too; ``--against FILE`` shows them beside ours. With
``--write`` writes ``benchmarks/attack_optimality.md``. Exits 1 if the profile standard misses the requirement.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

from auditor.boundary.minimal_norm_attack import NearestSearch
from auditor.documents.profiles import PROFILES
from auditor.functional.minimal_norm import AttackBudget
from auditor.functional.projection import Norm
from benchmarks.attack_optimality.page import LONG, NORMS, Kept, Measured, Ours, against_rows, kept, missed, page
from benchmarks.attack_optimality.reference import Run, judged, reference
from benchmarks.attack_optimality.subjects import CACHE, FASHION, Subject, sample_models, subjects

PAGE = Path(__file__).parents[1] / "attack_optimality.md"
SHOWN = ("quick", "standard", "thorough")


def our_search(subject: Subject, name: str, budget: AttackBudget) -> Ours:
    """The search as an audit runs it."""
    f = subject.classifier
    before, begin = (f.spent.forward, f.spent.backward), time.process_time()
    points = NearestSearch(budget)(f, subject.tasks())
    seconds, count = time.process_time() - begin, len(subject.x)
    spent = ((f.spent.forward - before[0]) / count, (f.spent.backward - before[1]) / count)
    # The sources stand in the order of their targets, as the tasks do.
    near = {norm: torch.cat([getattr(part, norm) for part in points]) for norm in NORMS}
    return Ours({norm: judged(subject, norm, name, near[norm], seconds) for norm in NORMS}, spent)


def our_profiles(fashion: Path) -> Kept:
    """Every profile on every subject, and on the sample models."""
    return {
        subject.name: {name: kept(our_search(subject, name, AttackBudget(*PROFILES[name].attack))) for name in SHOWN}
        for subject in (*sample_models(), *subjects(fashion))
    }


def their_runs(subject: Subject, norm: Norm, reuse: bool) -> list[Run]:
    """foolbox's runs, kept in the cache; they take most of the time and do not change with ours."""
    path = CACHE / f"{subject.name}-{norm}.pt"
    if not (reuse and path.exists()):
        runs = list(reference(subject, norm, subject.reference_steps))
        CACHE.mkdir(parents=True, exist_ok=True)
        torch.save([(run.name, run.points, run.seconds) for run in runs], path)
    return [judged(subject, norm, *run) for run in torch.load(path)]


def measure(subject: Subject, *, reuse: bool) -> Measured:
    """Run everything on one subject."""
    ours = {name: our_search(subject, name, AttackBudget(*PROFILES[name].attack)) for name in SHOWN}
    theirs = {norm: their_runs(subject, norm, reuse) for norm in NORMS}
    ours["longer"] = our_search(subject, "ours, longer", LONG)
    best = {}
    for norm in NORMS:
        runs = [*theirs[norm], *(each.runs[norm] for each in ours.values())]
        least = torch.stack([run.distance for run in runs]).amin(dim=0)
        best[norm] = least if subject.exact is None else subject.exact
    return Measured(subject, best, ours, theirs)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument(
        "--fashion", type=Path, default=FASHION, help="folder of FashionMNIST's four idx files, gzipped"
    )
    parser.add_argument("--reuse", action="store_true", help="take foolbox's runs from an earlier time")
    parser.add_argument("--save", type=Path, help="keep our profiles' distances in this file, and do nothing else")
    parser.add_argument("--against", type=Path, help="distances that another commit kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.save:
        torch.save(our_profiles(options.fashion), options.save)
        return 0
    before = torch.load(options.against) if options.against else None
    compared = against_rows(our_profiles(options.fashion), before) if before else []
    all_measured = [measure(subject, reuse=options.reuse) for subject in subjects(options.fashion)]
    text = page(all_measured, compared)
    print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    return 1 if missed(all_measured) else 0


if __name__ == "__main__":
    sys.exit(main())

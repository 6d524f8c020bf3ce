"""What was measured, and the page that shows it."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import torch
from torch import Tensor

from auditor.functional.minimal_norm import AttackBudget
from auditor.functional.projection import Norm
from benchmarks.attack_optimality.reference import BRENDEL_BETHGE, Run
from benchmarks.attack_optimality.subjects import TARGETS, Subject

NORMS: tuple[Norm, Norm] = ("l2", "linf")
NORM_NAMES = {"l2": "L2", "linf": "Linf"}
LONG = AttackBudget(150, 150, 14)
MEDIAN, TAIL = 1.02, 1.10
AGAINST = [
    "## Against commit 31fc0a7",
    "",
    "Each descent began anew there, from the source, from the other norm's point and from the nearest point. Passes a",
    "source in both norms together, there and now; distances now over those there: median, and least and largest ratio",
    "of the 5, 25, 75 and 95 % quantiles. Measured there by the same command with `--save FILE`, this folder copied",
    "into its checkout, and shown by `--against FILE`.",
    "",
    "| model | profile | backward there | now | forward there | now | L2 median | others | Linf median | others |",
    "|---|---|---|---|---|---|---|---|---|---|",
]


@dataclass(frozen=True)
class Ours:
    """One search over all sources, in both norms.

    Args:
        spent: forward and backward passes a source.
    """

    runs: dict[Norm, Run]
    spent: tuple[float, float]


@dataclass(frozen=True)
class Measured:
    """Everything that was measured on one subject; ``best`` are the distances compared with, by norm."""

    subject: Subject
    best: dict[Norm, Tensor]
    ours: dict[str, Ours]
    theirs: dict[Norm, list[Run]]


Kept = dict[str, dict[str, dict[str, Tensor]]]
"""By subject and profile: distances by norm, and forward and backward passes a source, as ``spent``."""
QUANTILES = (0.05, 0.25, 0.75, 0.95)


def kept(ours: Ours) -> dict[str, Tensor]:
    """What is compared between commits."""
    return {"spent": torch.tensor(ours.spent), **{norm: run.distance for norm, run in ours.runs.items()}}


def against_rows(now: Kept, before: Kept) -> list[str]:
    """One row for each profile: passes then and now, and the distances' quantiles now over those then."""
    rows = []
    for name, profiles in now.items():
        for profile, after in profiles.items():
            earlier = before[name][profile]
            passes = [f"{a:.0f} | {b:.0f}" for a, b in zip(earlier["spent"], after["spent"], strict=True)]
            ratios = []
            for norm in NORMS:
                median, *others = (
                    float(after[norm].quantile(q) / earlier[norm].quantile(q)) for q in (0.5, *QUANTILES)
                )
                ratios.append(f"{median:.3f} | {min(others):.3f}-{max(others):.3f}")
            rows.append(f"| {name} | {profile} | {passes[1]} | {passes[0]} | {' | '.join(ratios)} |")
    return rows


def figures(run: Run, best: Tensor) -> tuple[float, float, float]:
    """Ratio of medians, 95th percentile and largest of the ratios."""
    ratio = (run.distance / best).sort().values
    # Without interpolation, which infinite ratios would turn into no number.
    tail = ratio[min(len(ratio) - 1, int(0.95 * len(ratio)))]
    return float(run.distance.median() / best.median()), float(tail), float(ratio[-1])


def our_rows(measured: Measured) -> list[str]:
    """One row for each profile."""
    rows, count = [], len(measured.subject.x)
    for name, ours in measured.ours.items():
        cells = [
            f"{a:.3f} | {b:.3f} | {c:.3f}"
            for a, b, c in (figures(ours.runs[norm], measured.best[norm]) for norm in NORMS)
        ]
        forward, backward = ours.spent
        cost = 1000 * ours.runs["l2"].seconds / count
        rows.append(
            f"| {measured.subject.name} | {name} | {' | '.join(cells)} | {forward:.0f} | {backward:.0f} | {cost:.1f} |"
        )
    return rows


def their_rows(measured: Measured) -> list[str]:
    """One row for each of foolbox's attacks."""
    count = len(measured.subject.x)
    return [
        f"| {measured.subject.name} | {NORM_NAMES[norm]} | {run.name} "
        f"| {int(run.distance.isfinite().sum())} / {count} | "
        + " | ".join(f"{value:.3f}" for value in figures(run, measured.best[norm]))
        + f" | {1000 * run.seconds / count:.1f} |"
        for norm in NORMS
        for run in measured.theirs[norm]
    ]


def missed(all_measured: list[Measured]) -> list[str]:
    """Where the profile standard does not reach the requirement."""
    out = []
    for each in all_measured:
        for norm in NORMS:
            median, tail, _ = figures(each.ours["standard"].runs[norm], each.best[norm])
            if median > MEDIAN or tail > TAIL:
                out.append(f"{each.subject.name} in {NORM_NAMES[norm]}")
    return out


def page(all_measured: list[Measured], compared: list[str]) -> str:
    """The tables as Markdown, with machine, versions and date."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "onnxruntime-gpu", "foolbox"))
    models = ", ".join(
        f"{each.subject.name} ({each.subject.accuracy:.3f})" for each in all_measured if each.subject.accuracy
    )
    fashion = any("Fashion" in each.subject.name for each in all_measured)
    lines = [
        "# The minimal-norm attack against the best known margins",
        "",
        f"Command: `python -m benchmarks.attack_optimality {' '.join(sys.argv[1:])}`  ",
        f"Machine: {platform.machine()}, {platform.system()}, no GPU used, one thread; "
        f"Python {platform.python_version()}  ",
        f"Packages: {packages}  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        f"48 test samples of each model that it classifies rightly, half of them towards each of the classes "
        f"{TARGETS[0]} and {TARGETS[1]}.",
        f"Accuracy on test samples: {models}.",
        "Best known: for each sample the least distance of all attacks on this page, judged by ONNX Runtime, our own",
        f"run with {LONG.first} steps a descent among them; on the checkerboard the true distance. A ratio of 1 is the",
        f"best known. Required of the profile standard: ratio of the medians at most {MEDIAN}, 95 % of the ratios at",
        f"most {TAIL:.2f}.",
    ]
    if BRENDEL_BETHGE:
        lines.append(f"Brendel and Bethge's attack runs with numba {version('numba')}, installed for this page.")
    else:
        lines.append("Brendel and Bethge's attack was left out: numba is not installed.")
    if not fashion:
        lines.append("FashionMNIST was not at hand (Debian's package dataset-fashion-mnist, or `--fashion FOLDER`).")
    lines += [
        "",
        "## Ours",
        "",
        "Median: of the distances over that of the best known. 95 %, worst: of the samples' ratios. Forward, backward:",
        "passes a source; CPU: milliseconds a source, both norms together, which depend on what else the machine does.",
        "",
        "| model | profile | L2 median | 95 % | worst | Linf median | 95 % | worst | forward | backward | CPU ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(row for each in all_measured for row in our_rows(each)),
        "",
        *(AGAINST + compared + [""] if compared else []),
        "## foolbox",
        "",
        "CPU: milliseconds a source in one norm; that of Brendel and Bethge includes compiling it.",
        "",
        "| model | norm | attack | found | median | 95 % | worst | CPU ms |",
        "|---|---|---|---|---|---|---|---|",
        *(row for each in all_measured for row in their_rows(each)),
        "",
        f"Where the profile standard misses the requirement: {', '.join(missed(all_measured)) or 'nowhere'}.",
    ]
    return "\n".join([*lines, ""])

"""Where forward passes go, and whether intervals stayed as narrow; makes ``benchmarks/passes.md``.

``python -m benchmarks.passes audit --against OLD/results.json`` audits digits_cnn and counts passes by what they are
spent on; with an earlier results.json of the same command it compares the width of every interval that a first policy
looks at. ``python -m benchmarks.passes walks`` walks trajectories in full and computes, exactly, what the estimate of
``auditor.functional.trajectory_cells`` costs and adds to the variance. Both renew their part of the page with --write.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from unittest import mock

import torch
from torch import Tensor

from auditor.boundary.base import generators
from auditor.characteristics.base import characteristics
from auditor.characteristics.idc import InputSpaceComplexity
from auditor.characteristics.path_points import PathPoints
from auditor.documents.plan import DataPlan, ModelPlan, Plan
from auditor.documents.results import Measure, Results
from auditor.documents.whole_files import read_results
from auditor.functional import trajectory_cells
from auditor.functional.trajectories import round_robin_pairs
from auditor.functional.trajectory_cells import changes_along, first_steps
from auditor.models.classifier import Spent
from auditor.pipeline.model_and_data import Subject, open_subject
from auditor.pipeline.run import run
from auditor.policy.first_policy import looks, observed

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "benchmarks" / "passes.md"
MODEL = ROOT / "sample_models" / "digits_cnn.onnx"
PARTS = {"audit": "## Passes of an audit", "walks": "## What a trajectory costs and adds to the variance"}
HEAD = "# Forward passes\n\nWhere they go, and what IDC's estimate from some of the points costs.\n"
SPENT_ON = {
    "characteristics.path_points": "IDC: points of trajectories",
    "functional.just_across": "IDC: ends taken to the side of s",
    "functional.minimal_norm": "attack: questions to the artefact",
    "functional.descent": "attack: gradients",
    "boundary.training_loss": "DeepDIG: training of its networks",
    "boundary.components": "DeepDIG: looks while training",
    "functional.bisection": "bisection to the boundary",
    "boundary.base": "verification of boundary instances",
    "pipeline.pairs.measuring": "embeddings of boundary instances",
    "pipeline.model_facts.predictions": "predictions on the data",
}
"""By the innermost module outside ``auditor.models`` that asks; what is not among them is summed up."""


class Counted(Spent):
    """Model evaluations, and which part of the program asked for them."""

    def __init__(self) -> None:
        self.forward_by, self.backward_by = Counter[str](), Counter[str]()
        super().__init__()

    def __setattr__(self, name: str, value: object) -> None:
        more = value - getattr(self, name, 0) if name in ("forward", "backward") else 0
        object.__setattr__(self, name, value)
        if more:
            frame = sys._getframe(1)
            while frame is not None:
                module = frame.f_globals.get("__name__", "")
                if module.startswith("auditor.") and not module.startswith("auditor.models."):
                    break
                frame = frame.f_back
            where = module.removeprefix("auditor.") if frame is not None else ""
            getattr(self, f"{name}_by")[SPENT_ON.get(where, "everything else")] += more


def audited(plan: Plan) -> tuple[Results, Counted, Subject]:
    """One audit in this process, its passes counted from where the checks of the model file end."""
    generators.names(), characteristics.names()
    kept = []

    def opened(*arguments) -> Subject:
        subject = open_subject(*arguments)
        kept.append(replace(subject, classifier=replace(subject.classifier, spent=Counted())))
        return kept[0]

    results, _ = run(plan, lambda *_: None, opened=opened)
    return results, kept[0].classifier.spent, kept[0]


def _plan(model: Path, data: str, profile: str, pairs: str) -> Plan:
    return Plan(model=ModelPlan(path=str(model)), data=DataPlan(data=data), profile=profile, pairs=pairs)


def _audit(arguments: argparse.Namespace) -> Iterator[str]:
    results, spent, _ = audited(_plan(MODEL, "digits", arguments.profile, arguments.pairs))
    number, cost = len(results.pairs), results.cost
    yield f"`digits_cnn`, class pairs: {number}, profile `{arguments.profile}`: {cost.forward:,} forward passes,"
    yield f"{cost.backward:,} of them with a backward pass."
    yield ""
    yield "| spent on | forward | with backward |"
    yield "|---|---|---|"
    for what, count in spent.forward_by.most_common():
        yield f"| {what} | {count:,} | {spent.backward_by[what]:,} |"
    if arguments.against is None:
        return
    old = read_results(arguments.against)
    yield ""
    yield f"Against {arguments.note or 'an earlier version'}, which took {old.cost.forward:,} forward passes: widths of"
    yield "the 95 % intervals, new over old, of all measures that a first policy looks at; over their places, and of"
    yield "the number that its rule is about."
    yield ""
    yield "| measure | places | median | worst | rule on | ratio there |"
    yield "|---|---|---|---|---|---|"
    for look in looks(results):
        ratios = _ratios(old, results, look.measure.removeprefix("characteristics."))
        before, after = observed(old, look), observed(results, look)
        there = f"{_width(after) / _width(before):.3f}" if before and after and _width(before) else "-"
        across = f"{median(ratios):.3f} | {max(ratios):.2f}" if ratios else "- | -"
        yield f"| {look.title} | {len(ratios) or 1} | {across} | {look.aggregate or 'the model'} | {there} |"


def _ratios(old: Results, new: Results, measure: str) -> list[float]:
    """Width of a measure's interval in each direction, new over old, where both have one."""
    before, after = (
        {(d.source, d.target): d.characteristics.get(measure) for pair in results.pairs for d in pair.directions}
        for results in (old, new)
    )
    both = [(before[place], after[place]) for place in before]
    known = [(a, b) for a, b in both if isinstance(a, Measure) and isinstance(b, Measure)]
    return [_width(b.interval) / _width(a.interval) for a, b in known if 0 < _width(a.interval) < float("inf")]


def _width(interval) -> float:
    return interval.high - interval.low


@dataclass(frozen=True)
class Walks:
    """Trajectories walked in full.

    Args:
        classes, leads: int64 and float32 ``(P, T)``.
        direction: int64 ``(P,)``.
    """

    classes: Tensor
    leads: Tensor
    direction: Tensor

    def spread(self) -> float:
        """Variance of the number of changes between trajectories of one direction, on average over directions."""
        changes = self.changes()
        return float(torch.stack([changes[self.direction == d].var() for d in self.direction.unique()]).mean())

    def changes(self) -> Tensor:
        """Of each trajectory, float64 ``(P,)``."""
        return (self.classes.diff(dim=1) != 0).sum(dim=1).double()


def _recorded(model: Path, data: str, pairs: str, each: int) -> Walks:
    """Some trajectories of every direction of an audit, between its own boundary instances."""
    made = []

    def keep(*arguments) -> PathPoints:
        made.append(arguments)
        return PathPoints(*arguments)

    with mock.patch("auditor.characteristics.idc.PathPoints", side_effect=keep):
        audited(_plan(model, data, "standard", pairs))
    classes, leads, points = [], [], InputSpaceComplexity().points
    for ask, x, _ in made:
        ends = round_robin_pairs(len(x), len(x), rng=torch.Generator().manual_seed(0))[:each]
        paths, steps = torch.arange(len(ends)).repeat_interleave(points), torch.arange(points).repeat(len(ends))
        found = PathPoints(ask, x, points).at(ends, paths, steps)
        classes.append(found[0].view(-1, points))
        leads.append(found[1].view(-1, points))
    direction = torch.cat([torch.full((len(rows),), number) for number, rows in enumerate(classes)])
    return Walks(torch.cat(classes), torch.cat(leads), direction)


SETTINGS = [
    {}, {"DECAY": 1.5}, {"DECAY": 3.5}, {"HEAVIEST": 4.0}, {"HEAVIEST": 8.0}, {"HEAVIEST": 32.0}, {"BETWEEN": 4},
    {"BETWEEN": 12}, {"NEAR": 49}, {"NEAR": 7},
]  # fmt: skip
"""Changes of the constants of ``trajectory_cells``, one at a time."""


def _walks(arguments: argparse.Namespace) -> Iterator[str]:
    yield "Trajectories of an audit's own directions, baselines included, in full; then the estimate again and again on"
    yield "them. A direction's passes go with points a trajectory times the sum of two variances of the number of"
    yield "changes, between trajectories and added by the draws. *Cost* is that product over that of walking all 50"
    yield "points; *bias* is the mean error over its standard error, which says little where the variance rests on"
    yield "draws so rare that none fell (tests enumerate all draws)."
    yield ""
    yield "| model | constants | points a trajectory | variance between | added | cost | bias |"
    yield "|---|---|---|---|---|---|---|"
    for name, model, data, pairs in _models(arguments):
        walks = _recorded(model, data, pairs, arguments.each)
        for setting in SETTINGS:
            with mock.patch.multiple(trajectory_cells, **{"DECAY": trajectory_cells.DECAY, **setting}):
                asked, added, bias = _estimated(walks, arguments.repeats)
            between = walks.spread()
            cost = asked * (between + added) / (walks.classes.shape[1] * between)
            changed = ", ".join(f"{key} {value:g}" for key, value in setting.items()) or "as they are"
            yield f"| {name} | {changed} | {asked:.1f} | {between:.2f} | {added:.2f} | {cost:.3f} | {bias:+.1f} |"


def _estimated(walks: Walks, repeats: int) -> tuple[float, float, float]:
    """Points asked for a trajectory beside its ends, variance added, and mean error over its standard error."""
    rng, asked, errors, last = torch.Generator().manual_seed(0), 0, [], walks.classes.shape[1] - 1

    def ask(paths: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal asked
        asked += int(((steps > 0) & (steps < last)).sum())
        return walks.classes[paths, steps], walks.leads[paths, steps]

    def draw(chance: Tensor) -> Tensor:
        return torch.rand(chance.shape, dtype=torch.float64, generator=rng) < chance

    for _ in range(repeats):
        found = changes_along(ask, len(walks.classes), first_steps(last + 1), draw=draw)
        assert found is not None
        errors.append(found - walks.changes())
    error = torch.cat(errors)
    standard = float(error.std()) / len(error) ** 0.5
    return asked / len(error), float(error.square().mean()), float(error.mean()) / standard


def _models(arguments: argparse.Namespace) -> Iterator[tuple[str, Path, str, str]]:
    for name in ("digits_cnn", "digits_fcn"):
        yield name, ROOT / "sample_models" / f"{name}.onnx", "digits", arguments.pairs
    made = arguments.mnist
    for name in ("mnist_cnn", "mnist_fcn"):
        if made is not None:
            yield f"{name} (authors')", made / f"{name}.onnx", str(made / "digits.npz"), "4:9,1:2,3:8"


def main() -> None:
    """Measure one part, print it, and with --write renew it on the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.passes", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--profile", default="standard", help="of the audit (standard)")
    parser.add_argument("--pairs", default="all", help="class pairs (all)")
    parser.add_argument("--against", type=Path, help="results.json of an earlier version's audit of the same pairs")
    parser.add_argument("--note", default="", help="what that version is called")
    parser.add_argument(
        "--mnist", type=Path, help="folder with the authors' networks, as benchmarks.mnist_boundary makes"
    )
    parser.add_argument("--each", type=int, default=200, help="trajectories of each direction (200)")
    parser.add_argument("--repeats", type=int, default=20, help="estimates of each (20)")
    parser.add_argument("--write", action="store_true", help="write benchmarks/passes.md")
    arguments = parser.parse_args()
    made = _audit(arguments) if arguments.part == "audit" else _walks(arguments)
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:] if word != "--write"]
    command = f"Command: `python -m benchmarks.passes {shlex.join(words)} --write`  "
    section = "\n".join([PARTS[arguments.part], "", command, f"Date: {datetime.now(UTC).date()}", "", *made]) + "\n"
    print(section)
    if arguments.write:
        page = PAGE.read_text("utf-8") if PAGE.exists() else ""
        kept = {
            name: match.group(0).rstrip() + "\n"
            for name, heading in PARTS.items()
            if (match := re.search(re.escape(heading) + r"\n.*?(?=\n## |\Z)", page, flags=re.DOTALL))
        }
        kept[arguments.part] = section
        PAGE.write_text("\n".join([HEAD, *(kept[name] for name in PARTS if name in kept)]), encoding="utf-8")


if __name__ == "__main__":
    main()

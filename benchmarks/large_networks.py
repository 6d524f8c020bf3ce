"""What the generators cost and reach where a forward pass is dear: ``python -m benchmarks.large_networks``.

    python -m benchmarks.large_networks MODEL DATA [--mean ...] [--std ...] [--directions N] [--sources N] [NAME ...]

Runs generators alone, with the settings of ``--profile quick``, on some directions of a model, and prints a row of
``benchmarks/large_networks.md`` for each. Passes are those of the model, counted in instances; CPU seconds are those of
this process. The models of ``benchmarks.speed.models`` are meant.
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

import torch

from auditor.boundary.base import BoundaryInstances, DirectionTask, generators
from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.functional.distances import neighbours_within
from auditor.functional.statistics import evenly_spaced
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.models.open import open_model
from auditor.pipeline.model_facts.predictions import Predictions, predict_split
from auditor.pipeline.pairs.sources import usable_samples

NAMES = ("pair-steps", "nearest", "rpbs", "epbs", "gradient-free", "deepdig")
TARGETS = 200
"""Samples of each class that may be joined with."""


def cpu_seconds() -> float:
    """Of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def opened(arguments: argparse.Namespace) -> tuple[Classifier, Predictions]:
    """The model, and its answers on evenly spaced training samples."""
    numbers = {
        name: tuple(map(float, text.split(","))) for name in ("mean", "std") if (text := getattr(arguments, name))
    }
    options = ModelOptions(threads=1, **numbers)
    artefact = open_model(Path(arguments.model), options)
    shape = artefact.input.shape
    data = load_dataset(DataRequest(arguments.data), tuple(size or 1 for size in shape or ()))
    f = bind(artefact, data.train.instances(slice(0, 64)), options).classifier
    part = data.train.part(evenly_spaced(len(data.train), arguments.samples))
    return f, predict_split(f, part, lambda *_: None, "train")


def tasks_of(train: Predictions, directions: int, sources: int) -> list[DirectionTask]:
    """Directions drawn once, each from the first sources that the model puts in their class."""
    labels = [label for label in train.classes if len(train.right_of(label)) > 1]
    every = [(s, t) for s in labels for t in labels if s != t]
    order = torch.randperm(len(every), generator=torch.Generator().manual_seed(0))[:directions].tolist()
    made = []
    for s, t in (every[place] for place in order):
        of_s, of_t = train.right_of(s)[:sources], train.right_of(t)[:TARGETS]
        x_s, x_t = train.split.instances(of_s), train.split.instances(of_t)
        e_s, e_t = (None if train.embeddings is None else train.embeddings[rows] for rows in (of_s, of_t))
        made.append(DirectionTask(s, t, x_s, x_t, e_s, e_t, torch.Generator().manual_seed(0)))
    return made


def row(name: str, f: Classifier, tasks: list[DirectionTask], train: Predictions) -> str:
    """One generator on all directions."""
    forward, backward, begin = f.spent.forward, f.spent.backward, cpu_seconds()
    crossings = [(task.source, task.target) for task in tasks]
    rng, generator = torch.Generator().manual_seed(0), generators[name].configured("quick")
    made = generator.prepared(f, crossings, lambda most: usable_samples(train, most), rng=rng)
    found = made(f, tasks)
    seconds, asked = cpu_seconds() - begin, sum(one.requested for one in found)
    each = [(f.spent.forward - forward) / asked, (f.spent.backward - backward) / asked, seconds / asked]
    moved = torch.cat([(one.x_boundary - one.x_source).flatten(1).norm(dim=1) for one in found])
    worst = min(len(one) / max(1, one.requested) for one in found)
    apart = torch.tensor([_apart(one) for one in found if len(one) > 2])
    medians = " | ".join(f"{float(of.median()):.2f}" if len(of) else "-" for of in (moved, apart))
    passes = f"{each[0]:.1f} | {each[1]:.1f} | {each[2]:.3f}"
    return f"| {name} | {len(moved)} / {asked} | {worst:.0%} | {medians} | {passes} |"


def _apart(found: BoundaryInstances) -> float:
    """Distance to the nearest neighbour among the instances over that among their sources, medians."""
    return float(neighbours_within(found.x_boundary)[0].median() / neighbours_within(found.x_source)[0].median())


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("model")
    asked.add_argument("data")
    asked.add_argument("names", nargs="*", default=NAMES)
    asked.add_argument("--mean", default="")
    asked.add_argument("--std", default="")
    asked.add_argument("--directions", type=int, default=12)
    asked.add_argument("--sources", type=int, default=64)
    asked.add_argument("--samples", type=int, default=3000)
    arguments = asked.parse_intermixed_args()
    torch.set_num_threads(1)
    f, train = opened(arguments)
    tasks = tasks_of(train, arguments.directions, arguments.sources)
    print("| generator | reached | worst direction | L2 | NN ratio | forward | backward | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for name in arguments.names:
        print(row(name, f, tasks, train), flush=True)


if __name__ == "__main__":
    main()

"""What the settings of DeepDIG's generators cost and reach: ``python -m benchmarks.generator_settings``.

Runs DeepDIG alone on the authors' MNIST networks (made by ``python -m benchmarks.mnist_boundary``) for the hard and
the easy direction of two pairs, and writes ``benchmarks/generator_settings.md``.
"""

from __future__ import annotations

import platform
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from auditor.boundary.base import BoundaryInstances, DirectionTask
from auditor.boundary.deepdig import RECIPES, DeepDIG, Recipe
from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.functional.distances import neighbours_within
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.open import open_model

HERE = Path(__file__).parent
WORK = HERE.parent / ".cache" / "mnist_boundary"
DIRECTIONS = ((4, 9), (2, 1))
STANDARD = RECIPES["standard"]


def forth(**changes: object) -> Recipe:
    """The standard recipe with other settings of Component I."""
    return replace(STANDARD, forth=replace(STANDARD.forth, **changes))


SETTINGS: dict[str, tuple[Recipe, bool]] = {
    "quick": (RECIPES["quick"], False),
    "standard": (STANDARD, False),
    "thorough": (RECIPES["thorough"], False),
    "quick, shared start": (RECIPES["quick"], True),
    "standard, shared start": (STANDARD, True),
    "thorough, shared start": (RECIPES["thorough"], True),
    "standard, shared start, 256-64": (
        replace(
            STANDARD, shared=replace(STANDARD.shared, hidden=(256, 64)), tuned=replace(STANDARD.tuned, hidden=(256, 64))
        ),
        True,
    ),
    "standard, 128-32": (forth(hidden=(128, 32)), False),
    "standard, no third-class term": (forth(gamma=0.0), False),
    "standard, alpha fixed at 5": (forth(adaptive=False), False),
    "standard, batch 64": (forth(batch=64), False),
    "standard, reconstruction from scratch": (forth(form="reconstruction"), False),
}
"""Each with whether the networks go on from a start that all 90 directions share, whose cost is left out."""


def measured(model: str, name: str, recipe: Recipe, shared: bool) -> list[str]:
    """Rows of the table: one network, one setting, both directions."""
    options = ModelOptions(threads=1)
    data = load_dataset(DataRequest(str(WORK / "digits.npz")), (1, 28, 28))
    f = bind(open_model(WORK / f"{model}.onnx", options), data.train.instances(slice(0, 256)), options).classifier
    x, labels = data.train.instances(), data.train.labels
    right = f.predict(x) == labels
    tasks = []
    for s, t in DIRECTIONS:
        of_s, of_t = (x[right & (labels == label)][:400] for label in (s, t))
        tasks.append(DirectionTask(s, t, of_s, of_t, None, None, torch.Generator().manual_seed(10 * s + t)))
    generator = DeepDIG(recipe=recipe)
    if shared:
        every = [(s, t) for s in range(10) for t in range(10) if s != t]
        by_class = {label: x[right & (labels == label)] for label in range(10)}
        generator = generator.prepared(f, every, lambda _: by_class, rng=torch.Generator().manual_seed(0))
    begin = time.process_time()
    found = generator(f, tasks)
    seconds = (time.process_time() - begin) / len(tasks)
    return [f"| {model} | {name} | {seconds:.1f} | {_row(direction)} |" for direction in found]


def _row(found: BoundaryInstances) -> str:
    if len(found) < 2:
        return f"{found.source} to {found.target} | {len(found)} / {found.requested} | - | -"
    moved = (found.x_boundary - found.x_source).flatten(1).norm(dim=1).median()
    apart = neighbours_within(found.x_boundary)[0].median() / neighbours_within(found.x_source)[0].median()
    return f"{found.source} to {found.target} | {len(found)} / {found.requested} | {moved:.2f} | {apart:.2f}"


def main() -> None:
    """Measure every setting on both networks and write the table."""
    torch.set_num_threads(1)
    rows = [
        row for m in ("mnist_cnn", "mnist_fcn") for name, how in SETTINGS.items() for row in measured(m, name, *how)
    ]
    head = [
        "# Settings of DeepDIG's generators",
        "",
        "Command: `python -m benchmarks.generator_settings` (after `python -m benchmarks.mnist_boundary`)  ",
        f"Machine: {platform.machine()}, one thread, no GPU  ",
        f"Versions: Python {platform.python_version()}, torch {torch.__version__}  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        "CPU seconds: of one direction, all three components. L2: median distance to the source. NN ratio: as in",
        "`mnist_boundary.md`; near 0 the instances are copies of each other.",
        "",
        "| model | setting | CPU s | direction | boundary / sources | L2 | NN ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    text = "\n".join([*head, *rows, ""])
    (HERE / "generator_settings.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

"""What decision-based searches reach for what they ask: ``python -m benchmarks.gradient_free``.

Searches from training samples of ``digits`` towards other classes on two networks, where the minimal-norm attack with
gradients tells how near the boundary is, on two tree ensembles and in a half-space, whose distances have a closed form.
Writes ``benchmarks/gradient_free.md``.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import onnxruntime
import torch
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from torch import Tensor

from auditor.boundary.base import DirectionTask
from auditor.boundary.gradient_free import nearest_samples
from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.functional.distances import l2
from auditor.functional.minimal_norm import AttackBudget, minimal_norm
from auditor.functional.polar_search import PolarBudget, polar_search
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.models.open import open_model
from benchmarks.decision_attacks import evolutionary, hop_skip_jump

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "sample_models"
DIRECTIONS = ((4, 9), (9, 4), (3, 8), (8, 3), (1, 7), (0, 6))
SOURCES = 64
ASKED = (50, 100, 200, 400, 800, 1600)
Way = Callable[["Case"], Iterator[tuple[int, Tensor]]]


@dataclass(frozen=True)
class Case:
    """Sources with a first point of class t each.

    Args:
        name: of the model.
        classifier: the model.
        x, y: flat sources and starts, ``(N, D)``.
        classes: s and t of each.
        reference: the best distance known, in words.
    """

    name: str
    classifier: Classifier
    x: Tensor
    y: Tensor
    classes: tuple[Tensor, Tensor]
    reference: str

    def predict(self, points: Tensor) -> Tensor:
        """The model's class of flat points."""
        return self.classifier.predict(points.view(-1, *self.classifier.instance_shape))


def digits_case(name: str, path: Path) -> Case:
    """Six directions of ``digits`` through a model file."""
    options = ModelOptions(threads=1)
    backend = open_model(path, options)
    shape = (64,) if backend.input.shape is not None and len(backend.input.shape) == 1 else (1, 8, 8)
    data = load_dataset(DataRequest("digits"), shape)
    f = bind(backend, data.train.instances(slice(0, 256)), options).classifier
    x, labels = data.train.instances(), data.train.labels
    right = f.predict(x) == labels
    parts = []
    for s, t in DIRECTIONS:
        sources, targets = x[right & (labels == s)][:SOURCES], x[right & (labels == t)]
        parts.append((sources, _starts(f, sources, targets, s, t), s, t))
    flat, starts = (torch.cat([part[k] for part in parts]).flatten(1) for k in (0, 1))
    classes = tuple(torch.cat([torch.full((len(part[0]),), part[k]) for part in parts]) for k in (2, 3))
    found = Case(name, f, flat, starts, (classes[0], classes[1]), "")
    reference = "none known" if not isinstance(f.gradient, str) else f"minimal-norm attack: {_attacked(found):.3f}"
    return Case(name, f, flat, starts, (classes[0], classes[1]), reference)


def half_space_case() -> Case:
    """A hyperplane in 784 dimensions."""
    sys.path.insert(0, str(HERE.parent))
    from tests.analytic import around_the_middle, half_space

    model, f = half_space(784)
    x = around_the_middle(400, 784, seed=1)
    inside = f.predict(x) == 0
    sources = x[inside][:SOURCES]
    starts = _starts(f, sources, x[~inside], 0, 1)
    classes = torch.zeros(len(sources), dtype=torch.int64), torch.ones(len(sources), dtype=torch.int64)
    true = float(model.distance(sources).abs().median())
    return Case("half-space, 784 inputs", f, sources, starts, classes, f"closed form: {true:.3f}")


def _starts(f: Classifier, x: Tensor, targets: Tensor, s: int, t: int) -> Tensor:
    return nearest_samples(f, DirectionTask(s, t, x, targets, None, None, torch.Generator()), 5, 8)


def _attacked(case: Case) -> float:
    f, shape = case.classifier, (-1, *case.classifier.instance_shape)
    x, starts = case.x.view(shape), [case.y.view(shape)]
    near = minimal_norm(f.logits, f.predict, x, case.classes[1], starts, AttackBudget())["l2"]
    return float(l2(case.x, near.point.flatten(1)).median())


def polar(case: Case) -> Iterator[tuple[int, Tensor]]:
    """The product's search, run to different lengths without ending by itself."""
    for steps in (10, 25, 35, 50, 75, 85, 150, 170, 340, 680):
        case.classifier.spent.forward, rng = 0, torch.Generator().manual_seed(0)
        budget = PolarBudget(steps=steps, patience=steps)
        y = polar_search(case.predict, case.x, case.y, case.classes, [len(case.x)], [rng], budget, guarded=False)
        yield case.classifier.spent.forward, y


def rounds(search: Callable[..., Iterator[Tensor]]) -> Way:
    """A search that yields after each round."""

    def run(case: Case) -> Iterator[tuple[int, Tensor]]:
        case.classifier.spent.forward = 0
        for y in search(case.predict, case.x, case.y, case.classes, torch.Generator().manual_seed(0)):
            yield case.classifier.spent.forward, y

    return run


WAYS: dict[str, Way] = {
    "polar search (ours, after SurFree)": polar,
    "HopSkipJump": rounds(hop_skip_jump),
    "evolutionary": rounds(evolutionary),
}


def rows(case: Case) -> list[str]:
    """One row for each search: the median distance once so many evaluations of an instance are spent."""
    first = float(l2(case.x, case.y).median())
    lines = []
    for name, way in WAYS.items():
        reached = dict.fromkeys(ASKED, first)
        for spent, y in way(case):
            if spent > ASKED[-1] * len(case.x):
                break
            for asked in ASKED:
                if spent <= asked * len(case.x):
                    reached[asked] = min(reached[asked], float(l2(case.x, y).median()))
        numbers = " | ".join(f"{reached[asked]:.3f}" for asked in ASKED)
        lines.append(f"| {case.name} | {name} | {first:.3f} | {numbers} | {case.reference} |")
    return lines


def forests(folder: Path) -> list[Case]:
    """A random forest and extremely randomised trees on vectors of 64 pixels."""
    from tests.forests import write_forest

    data = load_dataset(DataRequest("digits"), (64,))
    x, y = data.train.instances().numpy(), data.train.labels.numpy()
    made = {
        "random forest, 100 trees": RandomForestClassifier(100, random_state=0),
        "extra trees, 30 trees": ExtraTreesClassifier(30, random_state=0),
    }
    return [
        digits_case(name, write_forest(m.fit(x, y), folder / f"{k}.onnx")) for k, (name, m) in enumerate(made.items())
    ]


def main() -> None:
    """Measure every search on every model and write the table."""
    torch.set_num_threads(1)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        networks = [digits_case(name, SAMPLES / f"{name}.onnx") for name in ("digits_cnn", "digits_fcn")]
        for case in [half_space_case(), *networks, *forests(Path(folder))]:
            lines += rows(case)
    head = [
        "# Decision-based searches: evaluations spent for distance reached",
        "",
        "Command: `python -m benchmarks.gradient_free`  ",
        f"Machine: {platform.machine()}, one thread, no GPU  ",
        f"Versions: Python {platform.python_version()}, torch {torch.__version__}, "
        f"ONNX Runtime {onnxruntime.__version__}  ",
        f"Date: {datetime.now(UTC).date()}",
        "",
        f"Median L2 distance of {SOURCES} sources in each of {len(DIRECTIONS)} directions of `digits` to the nearest",
        "point of the target class found, after so many evaluations of the model for each instance. Every search",
        "starts from the same points, on the segments to the nearest training samples.",
        "",
        "| model | search | start | " + " | ".join(str(n) for n in ASKED) + " | with gradients |",
        "|---|---|---|" + "---|" * (len(ASKED) + 1),
    ]
    text = "\n".join([*head, *lines, ""])
    (HERE / "gradient_free.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

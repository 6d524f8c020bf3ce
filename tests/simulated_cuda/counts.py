"""What the loops that an audit is spent in copy and wait for, on the simulated device.

``python -m tests.simulated_cuda.counts`` prints the table. Each loop runs for a few and for more rounds, so that what
stands before and behind it does not count. The model is the digits CNN, 64 inputs; an instance is 256 bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

from auditor.boundary.components import translate
from auditor.boundary.deepdig import BACK
from auditor.boundary.minimal_norm_attack import AttackTask, NearestSearch
from auditor.boundary.shared_start import train_shared_start
from auditor.boundary.training import Training
from auditor.characteristics.path_points import PathPoints
from auditor.datasets.base import DataRequest, Dataset
from auditor.datasets.load import load_dataset
from auditor.functional.bisection import bisect
from auditor.functional.minimal_norm import AttackBudget
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier
from auditor.models.fast_classes import classes_and_leads
from auditor.models.open import open_model
from tests.simulated_cuda.audits import batches_of_the_cpu
from tests.simulated_cuda.device import SimulatedCuda
from tests.simulated_cuda.events import Events, Site
from tests.simulated_cuda.limits import LIMITS, Counts
from tests.simulated_cuda.runtime import runtime_with_cuda

SAMPLE_MODELS = Path(__file__).parents[2] / "sample_models"
FILES = {"ONNX": "digits_cnn.onnx", "TorchScript": "digits_cnn.pt"}
CROSSINGS = [(3, 8), (8, 3), (4, 9), (9, 4)]
SOURCES, BATCH = 24, 16


@dataclass
class Bench:
    """A classifier on the device, samples, and what was counted.

    Args:
        classifier: of the digits.
        samples: by class, float32 ``(SOURCES, 1, 8, 8)`` on the CPU, of which the model puts each in its class.
        events: of the device.
        calls: how often the artefact was asked so far.
    """

    classifier: Classifier
    samples: dict[int, Tensor]
    events: Events
    calls: Callable[[], int]

    def ends(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Samples of s and of t for every crossing, and their classes."""
        x_s = torch.cat([self.samples[s] for s, _ in CROSSINGS])
        x_t = torch.cat([self.samples[t] for _, t in CROSSINGS])
        s, t = torch.tensor(CROSSINGS).repeat_interleave(SOURCES, dim=0).unbind(1)
        return x_s, x_t, s, t


def rngs() -> list[torch.Generator]:
    """One generator for each crossing."""
    return [torch.Generator().manual_seed(k) for k in range(len(CROSSINGS))]


def _train(bench: Bench, steps: int, *, looks: int = 1, back: bool = False) -> list[Tensor]:
    """Component I, or Component II, for all crossings together: where each instance arrived."""
    training = replace(BACK if back else Training(), steps=steps, batch=BATCH, patience=math.inf)  # type: ignore[arg-type]
    arrivals = translate(
        bench.classifier,
        [bench.samples[s] for s, _ in CROSSINGS],
        CROSSINGS,
        rngs(),
        replace(training, check_every=steps // looks),
        lambda *_: None,
        guard_path=back,
    )
    return [one.x for one in arrivals]


def _shared_start(bench: Bench, steps: int) -> list[Tensor]:
    training, targets = Training(steps=steps, batch=BATCH), [3, 8]
    start = train_shared_start(bench.classifier, bench.samples, targets, 1, training, lambda *_: None, rng=rngs()[0])
    return [weights.detach() for weights in start.networks.parameters()]


def _bisect(bench: Bench, steps: int) -> list[Tensor]:
    """No gap is below 0, so no segment ends but by a third class."""
    x_s, x_t, s, t = (of.to(bench.classifier.artefact_device) for of in bench.ends())
    done = bisect(bench.classifier.probabilities, x_s, x_t, s, t, beta=0.0, max_steps=steps)
    return [done.x, done.outcome]


def _attack(bench: Bench, gradients: int, halvings: int) -> list[Tensor]:
    x_s, x_t, _, _ = bench.ends()
    task = AttackTask(3, 8, x_s[:SOURCES], x_t[:SOURCES], rngs()[0])
    (found,) = NearestSearch(AttackBudget(gradients, gradients, halvings))(bench.classifier, [task])
    return [found.l2, found.linf]


def _walk(bench: Bench, trajectories: int) -> list[Tensor]:
    """Class and lead at every point of some segments, as IDC asks for them."""
    x_s = bench.ends()[0].to(bench.classifier.artefact_device)
    ends = torch.combinations(torch.arange(len(x_s)))[:trajectories]
    found = PathPoints(partial(classes_and_leads, bench.classifier), x_s, 50).classes(ends)
    assert found is not None
    return [found]


DESCENTS = 3
"""Of an attack."""
LOOPS: dict[str, Callable[[Bench], Counts]] = {
    "training step, Component I": lambda bench: _each_round(bench, lambda rounds: _train(bench, rounds)),
    "training step, Component II": lambda bench: _each_round(bench, lambda rounds: _train(bench, rounds, back=True)),
    "look at all instances": lambda bench: _each_round(bench, lambda rounds: _train(bench, 24, looks=rounds)),
    "shared start step": lambda bench: _each_round(bench, lambda rounds: _shared_start(bench, rounds)),
    "bisection step": lambda bench: _each_call(bench, lambda rounds: _bisect(bench, rounds)),
    "attack step": lambda bench: _each_round(bench, lambda rounds: _attack(bench, 12 + rounds, 0), DESCENTS),
    "attack question": lambda bench: _each_call(bench, lambda rounds: _attack(bench, 8, rounds)),
    "IDC batch": lambda bench: _each_call(bench, lambda rounds: _walk(bench, 64 * rounds)),
}
"""By name, what one round of each does."""


def _each_round(bench: Bench, run: Callable[[int], object], at_once: int = 1) -> Counts:
    return _difference(bench, run, lambda few, many, calls: at_once * (many - few))


def _each_call(bench: Bench, run: Callable[[int], object]) -> Counts:
    """The same for each question to the artefact."""
    return _difference(bench, run, lambda few, many, calls: calls)


def _difference(bench: Bench, run: Callable[[int], object], rounds: Callable[[int, int, int], int]) -> Counts:
    few, many, totals, calls = 3, 6, [], []
    for number in (few, many):
        before, called = _totals(bench.events), bench.calls()
        run(number)
        totals.append([now - then for now, then in zip(_totals(bench.events), before, strict=True)])
        calls.append(bench.calls() - called)
    number = rounds(few, many, calls[1] - calls[0])
    return Counts(*(round((b - a) / number, 2) for a, b in zip(*totals, strict=True)))


def _totals(events: Events) -> list[int]:
    return [
        events.total("to device"), events.total("to host"), events.total("wait"), events.total_bytes("to device"),
    ]  # fmt: skip


@contextmanager
def benched(name: str, lost: Site | None = None) -> Iterator[Bench]:
    """The digits CNN in a format, bound on the device, and samples of four classes.

    Args:
        name: of the format, in ``FILES``.
        lost: as in ``Events``.
    """
    data = _digits()
    pixels, options = data.train.instances(), ModelOptions(device="cuda", trust_model=True)
    with batches_of_the_cpu(), SimulatedCuda(lost=lost) as device, runtime_with_cuda(device.events):
        classifier = bind(open_model(SAMPLE_MODELS / FILES[name], options), pixels[:64], options).classifier
        right = classifier.predict(pixels[:600]) == data.train.labels[:600]
        samples = {k: pixels[:600][right & (data.train.labels[:600] == k)][:SOURCES] for k in (3, 4, 8, 9)}
        with mock.patch.object(classifier.backend, "scores", wraps=classifier.backend.scores) as scores:
            yield Bench(classifier, samples, device.events, lambda: scores.call_count)


@cache
def _digits() -> Dataset:
    return load_dataset(DataRequest("digits"), (1, 8, 8))


@cache
def counted(name: str) -> dict[str, Counts]:
    """What one round of each loop does, for the digits CNN in a format."""
    with benched(name) as bench:
        return {loop: measure(bench) for loop, measure in LOOPS.items() if loop in LIMITS[name]}


def everything(bench: Bench) -> list[Tensor]:
    """A little of each loop: all that they return."""
    embeddings = bench.classifier.embeddings(bench.samples[3])
    trained = [*_train(bench, 2), *_train(bench, 2, back=True), *_shared_start(bench, 1)]
    made = [*trained, *_bisect(bench, 3), *_attack(bench, 3, 2), *_walk(bench, 4), embeddings]
    return [x.cpu() for x in made]


def table() -> str:
    """All counts as a table in Markdown."""
    rows = [
        "| format | loop | copies to the device | copies to the host | waits | bytes to the device |",
        "|---|---|---|---|---|---|",
    ]
    for name in FILES:
        for loop, one in counted(name).items():
            cells = (one.to_device, one.to_host, one.waits, one.bytes_to_device)
            rows.append(" | ".join([f"| {name}", loop, *(f"{cell:,g}" for cell in cells)]) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())

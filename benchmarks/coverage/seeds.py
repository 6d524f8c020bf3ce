"""The same audit under other seeds: how often each interval holds the mean over all of them.

Everything that chance decides is drawn anew: which samples are taken, how the generators are trained, where they start.
The model and the data stay the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import hypot
from pathlib import Path

from auditor.documents.results import Measure, Measured, Results, SummaryMeasure
from auditor.documents.whole_files import RESULTS, read_results

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "sample_models" / "digits_cnn.onnx"


@dataclass(frozen=True)
class Held:
    """One measure over all places and seeds.

    Args:
        places: directions or pairs in which more than one seed measured it.
        intervals: how many it has there, half open ones included.
        held: how many hold the mean over the seeds of their place.
        without: values that are shown without an interval.
        compared, apart: pairs of seeds, and those between which the interval of the difference leaves out 0.
    """

    places: int
    intervals: int
    held: int
    without: int
    compared: int
    apart: int


def audits(pairs: str, profile: str, seeds: int) -> Iterator[Results]:
    """One audit for each seed, by the command."""
    with tempfile.TemporaryDirectory(prefix="coverage-") as folder:
        for seed in range(seeds):
            out = Path(folder) / str(seed)
            command = [
                sys.executable, "-m", "auditor", str(MODEL), "--data", "digits", "--pairs", pairs, "--profile", profile,
                "--seed", str(seed), "--format", "json", "--out", str(out), "--quiet",
            ]  # fmt: skip
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
            print(f"seed {seed} done", file=sys.stderr, flush=True)
            yield read_results(out / RESULTS)


def held(results: list[Results]) -> dict[str, Held]:
    """By measure, and by ``mean of ID`` for the means over all places."""
    return {name: _of_measure(places) for name, places in sorted(_by_measure(results).items())}


def _by_measure(results: list[Results]) -> dict[str, list[list[Measure]]]:
    """For each measure its values over the seeds, place by place."""
    values: dict[str, dict[str, list[Measure]]] = defaultdict(lambda: defaultdict(list))

    def add(name: str, place: str, measure: Measured) -> None:
        if isinstance(measure, Measure):
            values[name][place].append(measure)

    for result in results:
        for pair in result.pairs:
            for direction in pair.directions:
                for id, measure in direction.characteristics.items():
                    add(id, f"{direction.source}>{direction.target}", measure)
            for id, measure in pair.characteristics.items():
                add(id, str(pair.classes), measure)
        for id, mean in result.summary.characteristics.items():
            if isinstance(mean, SummaryMeasure):
                n = len(result.pairs)
                whole = Measure(value=mean.mean, ci_low=mean.ci_low, ci_high=mean.ci_high, n=n, unit="", scale="number")
                add(f"mean of {id}", "", whole)
    return {
        name: [seeds for seeds in places.values() if len(seeds) > 1]
        for name, places in values.items()
        if any(len(seeds) > 1 for seeds in places.values())
    }


def _of_measure(places: list[list[Measure]]) -> Held:
    intervals = holding = without = compared = apart = 0
    for seeds in places:
        mean = sum(measure.value for measure in seeds) / len(seeds)
        known = [measure for measure in seeds if (measure.ci_low, measure.ci_high) != (None, None)]
        without += len(seeds) - len(known)
        intervals += len(known)
        slack = 1e-9 * max(1.0, abs(mean))
        holding += sum(measure.low - slack <= mean <= measure.high + slack for measure in known)
        for a, b in combinations(known, 2):
            compared += 1
            above, below = (a, b) if a.value >= b.value else (b, a)
            reach = hypot(above.value - above.low, below.high - below.value)
            apart += above.value - below.value > reach + slack
    return Held(len(places), intervals, holding, without, compared, apart)

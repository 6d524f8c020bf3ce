"""How long an audit of 1,000 classes takes on 16 nodes: a simulation with measured durations.

``python -m benchmarks.cluster_plan RUN.json RESULTS.json [--nodes 16] [--cores 16] [--write]``

RUN.json and RESULTS.json are those of an audit of one model; what a class pair takes, what everything else takes and
what a pair's numbers weigh are read from them. An event simulation then plays the audit of more pairs on more machines:

* the main worker makes the shared start alone, as long as measured;
* every core is a place for one task; before its first a place opens model and data, after they came to its node over
  the network, one node after the other, because the driver sends them;
* tasks are handed out one after the other, each of which keeps the driver busy for a moment;
* a task takes as long as one of the measured ones, drawn with replacement;
* nodes are lost at random, exponentially; what ran there begins anew elsewhere once the loss is noticed, and another
  node comes in the place of the lost one.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from auditor.documents.results import Pair, Results, RunFacts, from_json

PAGE = Path(__file__).with_suffix(".md")
CLASSES = 1000
SHIPPED, SEEDS = 150_000_000, 20
BEFORE = ("model and data", "predictions", "checking the search for nearest points", "DeepDIG, once for all pairs")
CALL = 0.002
"""Seconds of the command's machine for a call of Ray: four calls without work took 8 ms on two nodes of one machine."""
LOSSES = (0.0, 4.0, 96.0)
"""Nodes of all that are lost in a day."""
CASES = ((60, "`--pairs auto`"), (1000, "`--pairs auto --max-pairs 1000`"), (math.comb(CLASSES, 2), "all"))


@dataclass(frozen=True)
class Cluster:
    """What the simulation assumes.

    Args:
        nodes, cores: machines, and places for a task on each.
        losses: of a node, in a day.
        noticed: seconds until a loss is known.
        replaced: seconds until another node is there.
        link: bytes that the driver sends in a second.
        handing_out: seconds that a task keeps the driver busy.
        opening: seconds in which a place opens model and data.
    """

    nodes: int = 16
    cores: int = 16
    losses: float = 0.0
    noticed: float = 30.0
    replaced: float = 300.0
    link: float = 125e6
    handing_out: float = 0.02
    opening: float = 6.0


@dataclass(frozen=True)
class Measured:
    """What an audit was measured to take.

    Args:
        durations: seconds of each task.
        pairs: class pairs of each.
        start: seconds before the first task.
        end: seconds after the last, for each pair.
        shipped: bytes of model, data and what the first worker shares.
        part: bytes of a pair's numbers.
    """

    durations: Sequence[float]
    pairs: float
    start: float
    end: float
    shipped: int
    part: float


@dataclass(frozen=True)
class Outcome:
    """Seconds until the end, the share of the cores' time that made parts, and tasks begun anew."""

    seconds: float
    busy: float
    again: int


def simulated(measured: Measured, pairs: int, cluster: Cluster, rng: random.Random) -> Outcome:
    """Play one audit of so many pairs.

    >>> idle = Cluster(nodes=2, cores=2, losses=0, link=float("inf"), handing_out=0, opening=0)
    >>> work = Measured([10.0], 1, start=5, end=0, shipped=1, part=1)
    >>> simulated(work, 8, idle, random.Random(0))
    Outcome(seconds=25.0, busy=1.0, again=0)
    """
    return _Play(measured, math.ceil(pairs / measured.pairs), cluster, rng).outcome(pairs)


class _Play:
    """One audit played: a queue of what happens, in order of time."""

    def __init__(self, measured: Measured, tasks: int, cluster: Cluster, rng: random.Random) -> None:
        self._measured, self._cluster, self._rng = measured, cluster, rng
        self._waiting = self._left = tasks
        self._now = self._free = measured.start  # the driver is free from then on
        self._events = list[tuple[float, int, str, int, int, float]]()
        self._places = list[tuple[int, int]]()
        self._lives, self._at_work = [0] * cluster.nodes, [0] * cluster.nodes
        """How often each node was lost: what was to happen in an earlier life of it does not. Tasks on it now."""
        self._made, self._again, self._turn = 0.0, 0, 0
        for node in range(cluster.nodes):
            self._comes(node)

    def outcome(self, pairs: int) -> Outcome:
        """Play to the end."""
        while self._left:
            self._now, _, what, node, life, seconds = heapq.heappop(self._events)
            if life == self._lives[node] or what == "_noticed":
                getattr(self, what)(node, seconds)
            while self._waiting and self._places:
                self._hand_out(*self._places.pop())
        lasted = self._now - self._measured.start
        share = self._made / (lasted * self._cluster.nodes * self._cluster.cores)
        return Outcome(self._now + self._measured.end * pairs, share, self._again)

    def _later(self, seconds: float, what: str, node: int, about: float = 0.0) -> None:
        self._turn += 1
        heapq.heappush(self._events, (seconds, self._turn, what, node, self._lives[node], about))

    def _comes(self, node: int, _: float = 0.0) -> None:
        """A node is there: the driver sends it everything, then its places open model and data."""
        self._free = max(self._free, self._now) + self._measured.shipped / self._cluster.link
        self._later(self._free + self._cluster.opening, "_opened", node)
        if self._cluster.losses:
            self._later(self._now + self._rng.expovariate(self._cluster.losses / 86400), "_is_lost", node)

    def _opened(self, node: int, _: float) -> None:
        self._places += [(node, self._lives[node])] * self._cluster.cores

    def _hand_out(self, node: int, life: int) -> None:
        if life != self._lives[node]:
            return
        self._waiting -= 1
        self._at_work[node] += 1
        self._free = max(self._free, self._now) + self._cluster.handing_out
        seconds = self._rng.choice(self._measured.durations)
        self._later(self._free + seconds, "_done", node, seconds)

    def _done(self, node: int, seconds: float) -> None:
        self._made += seconds
        self._left -= 1
        self._at_work[node] -= 1
        self._places.append((node, self._lives[node]))

    def _is_lost(self, node: int, _: float) -> None:
        """Its tasks wait again once that is noticed, and another node comes in its place."""
        self._lives[node] += 1
        self._later(self._now + self._cluster.noticed, "_noticed", node, self._at_work[node])
        self._later(self._now + self._cluster.replaced, "_comes", node)
        self._at_work[node] = 0

    def _noticed(self, _: int, tasks: float) -> None:
        self._waiting += int(tasks)
        self._again += int(tasks)


def measured(run: RunFacts, results: Results, shipped: int) -> Measured:
    """What run.json and results.json of an audit say of its tasks.

    Raises:
        SystemExit: they hold no task that measures class pairs in full.
    """
    tasks = [task for task in run.tasks if task.kind == "full"]
    if not tasks:
        raise SystemExit("expected a run.json with tasks that measured class pairs; found none; audit again")
    pairs = results.pairs
    screening = sum(task.seconds for task in run.tasks if task.kind == "screen") / len(pairs)
    return Measured(
        durations=[task.seconds + screening * len(task.pairs) for task in tasks],
        pairs=statistics.mean(len(task.pairs) for task in tasks),
        start=sum(seconds for name, seconds in run.stages.items() if name in BEFORE),
        end=run.stages.get("validity", 0.0) / len(pairs),
        shipped=shipped,
        part=sum(len(pair.model_dump_json()) for pair in pairs) / len(pairs),
    )


def handing_out(results: Results, pairs: float) -> float:
    """Seconds in which a process between a node and the first worker reads and writes a task's numbers, measured."""
    texts = [pair.model_dump_json() for pair in results.pairs]
    begin = time.process_time()
    for text in texts:
        Pair.model_validate_json(text).model_dump_json()
    return (time.process_time() - begin) / len(texts) * pairs


def _page(
    of: Measured, cluster: Cluster, run: RunFacts, results: Results, arguments: argparse.Namespace
) -> Iterator[str]:
    longest, shortest, mean = max(of.durations), min(of.durations), statistics.mean(of.durations)
    yield f"""# A plan for 1,000 classes on a cluster

Command: `{_command(arguments)}`{"  "}
Date: {datetime.now(UTC):%Y-%m-%d}

A simulation, not a measurement of a cluster. Measured on one core ({run.tasks[0].processor}), by an audit of
`{results.model.file}` on `{results.data.name}`, profile {results.settings.profile}, {len(results.pairs)} pairs:

* a task: {mean:,.1f} s on average, screening included
  ({shortest:,.1f} to {longest:,.1f} s in {len(of.durations)} tasks), {of.pairs:,.1f} class pairs in each;
* the shared start {of.start:,.1f} s, the end {of.end * 1e3:,.0f} ms a pair, a pair's numbers {of.part / 1e3:,.0f} kB;
* a task keeps the machine of the command busy for {cluster.handing_out * 1e3:,.0f} ms, reading and writing its numbers.

Seconds are those of the clock: where the measured machine had other work, as here, they are too long, not too short.

Assumed:

* {cluster.nodes} equal nodes of {cluster.cores} cores; each core does one task at a time, as fast as the one measured;
* {of.shipped / 1e6:,.0f} MB of model, data and shared state go to each node, at {cluster.link / 1e6:,.0f} MB/s, to one
  node after the other; then model and data are opened in {cluster.opening:g} s;
* a lost node is noticed after {cluster.noticed:g} s, and another is there after {cluster.replaced:g} s;
* durations do not depend on the number of classes, and not on each other.

| pairs | nodes lost a day | one core | {cluster.nodes} nodes | cores at work | begun anew | sent | come back |
|---|---:|---:|---:|---:|---:|---:|---:|"""
    for pairs, how in CASES:
        for lost in LOSSES:
            losing = replace(cluster, losses=lost / cluster.nodes)
            yield _row(of, f"{pairs:,} ({how})", pairs, losing, arguments.seeds)
    yield f"""
Medians of {arguments.seeds} seeds, the longest in brackets. What comes back is held by the first worker on the machine
of the command until the end, and written to results.json: that rules out all pairs in full before time does. Have the
tool choose pairs (`--pairs auto --max-pairs N`), or give it a time (`--time-budget`), within which it screens all pairs
that it was asked for and goes deeper into the most fragile."""


def _row(of: Measured, name: str, pairs: int, cluster: Cluster, seeds: int) -> str:
    played = [simulated(of, pairs, cluster, random.Random(seed)) for seed in range(seeds)]
    seconds = [each.seconds for each in played]
    cells = (
        name,
        f"{cluster.losses * cluster.nodes:g}",
        _time(of.start + pairs * (statistics.mean(of.durations) / of.pairs + of.end)),
        f"{_time(statistics.median(seconds))} ({_time(max(seconds))})",
        f"{statistics.median(each.busy for each in played):.0%}",
        f"{statistics.median(each.again for each in played):,.0f}",
        _bytes(of.shipped * cluster.nodes),
        _bytes(of.part * pairs),
    )
    return f"| {' | '.join(cells)} |"


def _time(seconds: float) -> str:
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.0f} s"


def _bytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def _command(arguments: argparse.Namespace) -> str:
    words = ["python -m benchmarks.cluster_plan", arguments.run.name, arguments.results.name]
    usual = {"nodes": Cluster.nodes, "cores": Cluster.cores, "shipped": SHIPPED, "seeds": SEEDS}
    given = {name: getattr(arguments, name) for name in usual}
    words += [f"--{name} {value}" for name, value in given.items() if value != usual[name]]
    return " ".join([*words, *["--write"] * arguments.write])


def main() -> int:
    """Simulate and print; with --write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster_plan", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN.json")
    parser.add_argument("results", type=Path, metavar="RESULTS.json")
    parser.add_argument("--nodes", type=int, default=Cluster.nodes)
    parser.add_argument("--cores", type=int, default=Cluster.cores)
    parser.add_argument("--shipped", type=int, default=SHIPPED, help="bytes of model, data and shared state")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--write", action="store_true", help="write benchmarks/cluster_plan.md")
    arguments = parser.parse_args()
    run = RunFacts.model_validate_json(arguments.run.read_text("utf-8"))
    results = from_json(arguments.results.read_text("utf-8"))
    of = measured(run, results, arguments.shipped)
    busy = CALL + handing_out(results, of.pairs)
    cluster = Cluster(nodes=arguments.nodes, cores=arguments.cores, handing_out=busy)
    lines = list(_page(of, cluster, run, results, arguments))
    print("\n".join(lines))
    if arguments.write:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

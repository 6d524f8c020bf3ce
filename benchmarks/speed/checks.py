"""What is promised of time and memory, each as one command: ``python -m benchmarks.speed check NAME``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed import widths
from benchmarks.speed.measure import ROOT, Measured, audit, checkout_of, results_of
from benchmarks.speed.models import subject
from benchmarks.speed.rows import ROWS, Row, measure_row, some_pairs

OLD, MENDED = "07d703d", "31fc0a7"
"""The last commits with one worker, every pair in full, in the order of their classes: before and after the intervals
were widened until they hold as often as they say (``benchmarks/coverage.md``)."""
MARGINS = ("margin_l2_attack", "margin_linf_attack")
DEPTH = ("idc", "edc_train_accuracy", "edc_test_accuracy", "edc_boundary_accuracy", "edc_boundary_distance")
FRAGILE = 10


@dataclass(frozen=True)
class Finding:
    """One requirement, what was found, and whether that meets it."""

    required: str
    found: str
    good: bool


def jobs(folder: Path) -> Iterator[Finding]:
    """Two workers against one, twice in turn, on all pairs of the authors' CNN at standard."""
    rows = [ROWS[f"mnist_cnn-all-standard-jobs{count}"] for count in (1, 2, 1, 2)]
    taken, texts = list[Measured](), set[bytes]()
    for row in rows:
        taken.append(measure_row(row, folder))
        texts.add((folder / "out" / row.name / "results.json").read_bytes())
    one, two = (sum(m.wall for m in taken[start::2]) for start in (0, 1))
    found = f"{one / two:.2f} times ({', '.join(f'{m.wall:.0f} s' for m in taken)})"
    yield Finding("--jobs 2 at least 1.8 times faster than --jobs 1", found, one >= 1.8 * two)
    yield Finding("equal bytes of results.json", f"{len(texts)} different of 4", len(texts) == 1)


def budget_5m(folder: Path) -> Iterator[Finding]:
    """Five minutes for six pairs of ResNet-18 at 224x224."""
    yield from _within(folder, "5m", 300, MARGINS, ("value",))


def budget_10m(folder: Path) -> Iterator[Finding]:
    """Ten minutes for six pairs of ResNet-18 at 224x224."""
    yield from _within(folder, "10m", 600, (*MARGINS, *DEPTH), ("value", "ci_low", "ci_high"))


def _within(
    folder: Path, budget: str, seconds: int, measures: tuple[str, ...], parts: tuple[str, ...]
) -> Iterator[Finding]:
    row = ROWS[f"resnet18_224-all-quick-{budget}"]
    taken = measure_row(row, folder)
    spent = taken.wall - taken.rendering
    yield Finding(f"--time-budget {budget} ends within a tenth, rendering apart",
                  f"{spent:.0f} s and {taken.rendering:.0f} s of rendering", spent <= 1.1 * seconds)  # fmt: skip
    results = results_of(folder / "out" / row.name)
    yield Finding("all six pairs are at least screened", str(taken.levels), sum(taken.levels.values()) == 6)
    words = "with an interval" if "ci_low" in parts else "measured"
    for measure in measures:
        without = [
            f"{direction['source']} to {direction['target']}, {pair['level']}"
            for pair in results["pairs"]
            for direction in pair["directions"]
            if not _has(direction["characteristics"], measure, parts)
        ]
        found = f"not {'; '.join(without)}" if without else "12 of 12 directions"
        yield Finding(f"{measure} {words} for all six pairs", found, not without and len(results["pairs"]) == 6)


def _has(characteristics: dict[str, Any], measure: str, parts: tuple[str, ...]) -> bool:
    found = characteristics.get(measure, {})
    return all(found.get(part) is not None for part in parts)


def quick(folder: Path) -> Iterator[Finding]:
    """One pair of ResNet-18 at 224x224 at quick, on one thread, against the old commit."""
    row = ROWS["resnet18_224-1-quick"]
    before, new = baseline(row, OLD, folder), _on_one_thread(row, folder, folder / "out" / row.name)
    yield Finding(f"at most a quarter of the CPU seconds of {OLD}", f"{new.cpu:.0f} of {before['cpu']:.0f} s, "
                  f"{new.cpu / before['cpu']:.2f}", new.cpu <= before["cpu"] / 4)  # fmt: skip
    yield from _narrow(row, folder, OLD, 1.5)


def passes(folder: Path) -> Iterator[Finding]:
    """Evaluations of the sample CNN at standard, all pairs, against the old commit."""
    row = ROWS["digits_cnn-all-standard"]
    before, new = baseline(row, OLD, folder), _on_one_thread(row, folder, folder / "out" / row.name)
    share = new.forward / before["forward"]
    yield Finding(f"at most half of the forward passes of {OLD}", f"{new.forward:,} of {before['forward']:,}, "
                  f"{share:.2f}; backward {new.backward:,} of {before['backward']:,}", share <= 0.5)  # fmt: skip
    yield from _narrow(row, folder, MENDED, 1.0)


def _narrow(row: Row, folder: Path, commit: str, most: float) -> Iterator[Finding]:
    baseline(row, commit, folder)
    new, old = results_of(folder / "out" / row.name), results_of(_kept(row, commit, folder))
    for at in widths.wider(new, old):
        required = f"{at.measure}: intervals at most {most:g} times as wide as those of {commit}"
        yield Finding(required, str(at), at.middle <= most and not at.lost)


def fragile(folder: Path) -> Iterator[Finding]:
    """Fifteen minutes for 45 pairs of the CIFAR-shaped ResNet-18 against the margins of all pairs in full."""
    row = ROWS["resnet18_32-all-quick-15m"]
    taken = measure_row(row, folder)
    results = results_of(folder / "out" / row.name)
    spent = taken.wall - taken.rendering
    yield Finding("--time-budget 15m ends within a tenth, rendering apart",
                  f"{spent:.0f} s and {taken.rendering:.0f} s of rendering", spent <= 990)  # fmt: skip
    yield Finding("all 45 pairs are at least screened", str(taken.levels), sum(taken.levels.values()) == 45)
    ranked = [tuple(classes) for classes in results["summary"]["ranking"][:FRAGILE]]
    full = {tuple(pair["classes"]) for pair in results["pairs"] if pair["level"] == "full"}
    deep = full.intersection(ranked)
    yield Finding("the ten most fragile are in full", f"{len(deep)} of 10", len(deep) == FRAGILE)
    true = most_fragile(row, folder)
    common = len(set(true).intersection(ranked))
    yield Finding("at least eight of the ten that an unbounded audit finds", f"{common} of 10", common >= 8)


def most_fragile(row: Row, folder: Path) -> list[tuple[int, ...]]:
    """The ten most fragile pairs of an audit without a budget; computed once and kept.

    Pairs are ranked by the margins of samples, which do not depend on the generator: the cheapest one serves.
    """
    kept = folder / "baseline" / f"{row.of}-{row.profile}-ranking.json"
    if not kept.exists():
        of, out = subject(row.of, folder), folder / "out" / f"{row.of}-unbounded"
        cheapest = ("--generator", "nearest", "--report-pairs", "0", "--format", "json")
        audit(of.model, of.data, *of.options, "--profile", row.profile, *cheapest, out=out)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(results_of(out)["summary"]["ranking"]) + "\n", encoding="utf-8")
    return [tuple(classes) for classes in json.loads(kept.read_bytes())[:FRAGILE]]


def memory(folder: Path) -> Iterator[Finding]:
    """Peak memory as pairs and samples grow, on the authors' CNN."""
    of = subject("mnist_cnn", folder)

    def peak(pairs: int, data: str) -> float:
        options = ("--profile", "quick", "--format", "json", "--pairs", some_pairs(10, pairs))
        return audit(of.model, data, *options, out=folder / "out" / "memory").peak_mb

    yield _flat("pairs", {f"{pairs} pairs": peak(pairs, of.data) for pairs in (3, 15, 45)})
    yield _flat("samples", {f"{5000 * times:,} samples": peak(3, _enlarged(of.data, times)) for times in (1, 4)})


def _flat(what: str, peaks: dict[str, float]) -> Finding:
    least, most = min(peaks.values()), max(peaks.values())
    found = ", ".join(f"{peak:.0f} MB with {name}" for name, peak in peaks.items())
    required = f"peak memory flat in {what}: at most 1.15 times"
    return Finding(required, f"{found}: {most / least:.2f} times", most <= 1.15 * least)


def _enlarged(data: str, times: int) -> str:
    """The data with so many copies of each sample, each with noise of its own."""
    large = Path(data).with_name(f"{Path(data).stem}_{times}_times.npz")
    rng, arrays = np.random.default_rng(0), {}
    with np.load(data) as saved:
        for name in saved.files:
            many = np.concatenate([saved[name]] * times)
            noise = rng.integers(-4, 5, many.shape) if name.startswith("x") else 0
            arrays[name] = np.clip(many + noise, 0, 255).astype(many.dtype)
    np.savez_compressed(large, **arrays)
    return str(large)


def baseline(row: Row, commit: str, folder: Path) -> dict[str, Any]:
    """What the audit of a row took at an earlier commit, on one thread; run once and kept with its results."""
    kept = _kept(row, commit, folder)
    cost = kept / "measured.json"
    if not cost.exists():
        with checkout_of(commit) as tree:
            taken = _on_one_thread(row, folder, kept, tree)
        cost.write_text(json.dumps(asdict(taken), indent=1) + "\n", encoding="utf-8")
    return json.loads(cost.read_bytes())


def _on_one_thread(row: Row, folder: Path, out: Path, checkout: Path = ROOT) -> Measured:
    of = subject(row.of, folder)
    return audit(of.model, of.data, *row.asked(of), out=out, checkout=checkout, threads=1)


def _kept(row: Row, commit: str, folder: Path) -> Path:
    return folder / "baseline" / f"{row.name}-{commit}"


BASELINES: dict[str, Callable[[Path], object]] = {
    "quick": lambda folder: baseline(ROWS["resnet18_224-1-quick"], OLD, folder),
    "passes": lambda folder: [baseline(ROWS["digits_cnn-all-standard"], commit, folder) for commit in (OLD, MENDED)],
    "fragile": lambda folder: most_fragile(ROWS["resnet18_32-all-quick-15m"], folder),
}
CHECKS: dict[str, Callable[[Path], Iterator[Finding]]] = {
    "jobs": jobs, "budget-5m": budget_5m, "budget-10m": budget_10m, "quick": quick, "passes": passes,
    "fragile": fragile, "memory": memory,
}  # fmt: skip

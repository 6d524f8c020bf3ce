"""The benchmark of the gate: its arithmetic against closed forms, and that it can find a failure."""

from __future__ import annotations

import random

import onnx
import pytest
import torch

from auditor.documents.comparison import Comparison
from auditor.numbers.intervals import Interval
from auditor.policy.compare import compare
from benchmarks.regressions.detection import Row, Verdict, promises, smallest_caught, verdict
from benchmarks.regressions.detection_section import detection_section
from benchmarks.regressions.flake import comparisons, counts, room, trials
from benchmarks.regressions.flake_section import comparison_section, flake_section
from benchmarks.regressions.judges import FIRST, RELATIVE, judges
from benchmarks.regressions.planted import EPOCHS, KINDS, LABELS, NOISE, UNCHANGED, Planted, planted
from benchmarks.regressions.power import power, power_section
from benchmarks.regressions.spread import over_places, ratio, spreads, widest
from benchmarks.regressions.spread_section import spread_section
from tests.policy.made import MARGIN, measure, resampled, results, scaled, with_accuracy, with_margins

BASE = results()


@pytest.mark.parametrize(
    ("caught", "smallest"),
    [((0, 0, 1), "c"), ((0, 1, 1), "b"), ((1, 1, 1), "a"), ((1, 0, 1), "c"), ((1, 1, 0), None), ((0, 0, 0), None)],
)
def test_the_smallest_size_from_which_on_all_are_caught(caught, smallest):
    assert smallest_caught(list(zip("abc", map(bool, caught), strict=True))) == smallest


def test_the_ratio_is_one_where_intervals_tell_the_truth():
    rng = random.Random(0)
    for true in (0.5, 1.0, 2.0):
        found = ratio([Interval(x := rng.gauss(0, true), x - 1.96, x + 1.96) for _ in range(400)])
        assert found is not None
        assert found.value == pytest.approx(true, rel=0.1)
        assert found.low < true < found.high


def test_the_ratio_of_two_numbers_in_closed_form():
    found = ratio([Interval(0.0, -1.96, 1.96), Interval(2.0, 0.04, 3.96)])
    assert found is not None
    assert found.value == pytest.approx(2**0.5, rel=1e-4)
    assert ratio([Interval(1.0, 1.0, 1.0)] * 3) is None


def test_over_places_averages_squares_and_leaves_out_what_one_seed_lacks():
    seeds = [{(0,): Interval(v, v - 1.96, v + 1.96), (1,): Interval(0, -1.96, 1.96)} for v in (-1.0, 1.0)]
    seeds[0][2,] = Interval(9, 0, 20)
    assert over_places(seeds) == pytest.approx(1.0, rel=1e-4)


def test_an_unchanged_model_has_trials_without_failures_and_a_loss_is_a_failure():
    rng = random.Random(0)
    audits = {seed: resampled(BASE, rng) for seed in range(3)}
    fine = trials(audits)
    assert len(fine) == 2 * 3 * 2
    assert not any(trial.failed for trial in fine)
    nearest = {count.rule: count for count in counts(fine)}[f"characteristics.{MARGIN} mean"]
    assert nearest.at is not None
    assert nearest.at.rooms[nearest.rule] == min(t.rooms[nearest.rule] for t in fine if nearest.rule in t.rooms) > 0
    lossy = trials(audits | {3: resampled(BASE, rng, 0.5)})
    assert {t.seed for t in lossy if t.failed} == {3}
    text = "\n".join(flake_section({"quick": lossy}, 4))
    assert "policy of seed 0, results of seed 3:" in text
    assert "Gates that failed: none." in "\n".join(flake_section({"quick": fine}, 3))


def test_room_is_counted_in_half_widths_and_negative_beyond_the_limit():
    rule = judges(BASE)[FIRST].gate(BASE).rules[-1].model_copy(
        update={"value": 5.0, "ci_low": 4.0, "ci_high": 7.0, "limit": 6.0}
    )  # fmt: skip
    assert room(rule, lower=True) == 0.5
    assert room(rule, lower=False) == 2.0
    assert room(rule.model_copy(update={"limit": 3.0}), lower=False) == -1.0


def test_a_spread_is_found_for_each_number_that_a_policy_limits():
    rng = random.Random(1)
    found = spreads([resampled(BASE, rng) for _ in range(10)])
    margin = next(s for s in found if s.look.measure.endswith(MARGIN) and s.look.aggregate == "mean")
    assert margin.ratio is not None
    # These directions were drawn apart; the interval of their mean allows for common samples, sqrt(5) times as much.
    assert margin.ratio.low < 5**-0.5 < margin.ratio.high
    assert margin.places == pytest.approx(1, abs=0.25)
    assert set(widest(found)) <= {"samples", "attack", "trained"}
    assert f"| quick | attack | {MARGIN} mean |" in "\n".join(spread_section({"quick": found}, 10))


def test_a_refusal_and_a_number_that_is_missing_are_catches():
    assert verdict(None).caught
    half = scaled(BASE, {(a, b): 0.1 for a in range(6) for b in range(6)})
    for judge in judges(scaled(BASE, {})).values():
        found = verdict(judge.gate(half))
        assert found.caught
        assert f"characteristics.{MARGIN} mean" in found.rules
    assert not verdict(judges(BASE)[FIRST].gate(BASE)).caught


def test_the_page_names_misses_and_refusals():
    rows = []
    for model in planted():
        caught = model.kind == NOISE and model.size == "0.4"
        verdicts = {
            ("quick", judge, seed): Verdict("refused") if caught else Verdict("passed")
            for judge in (FIRST, RELATIVE) for seed in (0, 1)
        }  # fmt: skip
        rows.append(Row(model, verdicts, comparisons={"quick": said(model)}))
    text = "\n".join(detection_section(rows, ["quick"]))
    assert f"| {NOISE} | 0.02, 0.05, 0.1, 0.2, 0.4 | 0.4 | 0.4 |" in text
    assert f"Missed under at least one seed at quick, {FIRST}: {NOISE} 0.02; {NOISE} 0.05;" in text
    assert f"Controls stopped at quick, {FIRST}: 0 of 4 audits." in text


def said(model: Planted, factor: float = 0.8) -> Comparison:
    """A comparison that keeps every promise: noise moves samples both ways, label noise brings them closer."""
    base = scaled(BASE, {})
    factors = (factor, 2 - factor) if model.kind == NOISE else (factor, factor)
    return compare(with_margins(base, lambda _, old: [v * factors[i % 2] for i, v in enumerate(old)]), base)


def test_promises_are_kept_and_broken_ones_are_named():
    models = {(m.kind, m.size): m for m in planted()}
    noise, labels = models[NOISE, "0.2"], models[LABELS, "20%"]

    def broken(model: Planted, comparison: Comparison, status: str = "failed") -> list[int]:
        verdicts = {("quick", RELATIVE, 0): Verdict(status)}  # type: ignore[arg-type]
        return [len(p.broken) for p in promises([Row(model, verdicts, comparisons={"quick": comparison})])]

    assert broken(noise, said(noise)) == [0, 0, 0, 0]
    assert broken(labels, said(labels)) == [0, 0, 0, 0]
    assert broken(noise, said(labels)) == [1, 0, 0, 0]
    assert broken(noise, said(noise), "warned") == [0, 1, 0, 0]
    assert broken(labels, said(labels, 1.2)) == [0, 0, 1, 0]
    lost = with_accuracy(BASE, measure(0.3, 0.01))
    kept = compare(scaled(BASE, {}), scaled(BASE, {})).model_copy(
        update={"accuracy": compare(lost, BASE).accuracy.model_copy(update={"change": "unclear"})}
    )
    assert broken(models[EPOCHS, "1"], kept) == [0, 0, 0, 1]


@pytest.mark.parametrize(("loss", "verdict", "least"), [(0.1, "closer", 19), (0.05, "closer", 16)])
@pytest.mark.parametrize("directions", [4, 12])
def test_a_loss_is_found(loss: float, verdict: str, least: int, directions: int):
    """Twenty draws; ``benchmarks/regressions.md`` has a hundred."""
    (found,) = power(BASE, 20, (loss,), (directions,))
    assert found.verdicts[verdict] >= least


def test_no_loss_is_found_where_there_is_none():
    (found,) = power(BASE, 100, (0.0,), (4,))
    assert found.verdicts["no_difference"] >= 95
    assert "| 0% | 4 |" in "\n".join(power_section([found], 100))


def test_compare_on_an_unchanged_model_is_counted():
    same, other = comparisons({0: BASE, 1: BASE, 2: scaled(BASE, {(1, 2): 0.5})}), scaled(BASE, {})
    assert [(c.baseline_seed, c.seed) for c in same] == [(0, 1), (0, 2), (1, 2)]
    assert [c.differs for c in same] == [False, True, True]
    text = "\n".join(comparison_section({"quick": same}))
    assert "| quick | 3 | 2 |" in text
    assert "baseline of seed 1, candidate of seed 2: closer 1" in text
    assert not any(c.differs for c in comparisons({0: other, 1: other}))


def test_planted_models_have_names_of_their_own_and_noise_is_as_large_as_it_says(tmp_path):
    models = planted()
    assert {model.kind for model in models} == set(KINDS)
    assert len({(model.kind, model.size) for model in models}) == len(models)
    before = _weights(onnx.load(UNCHANGED))
    for model in (m for m in models if m.kind == NOISE):
        model.write(tmp_path / "noisy.onnx")
        after = _weights(onnx.load(tmp_path / "noisy.onnx"))
        large = max(before, key=lambda name: before[name].numel())
        added = (after[large] - before[large]).std() / before[large].std()
        assert float(added) == pytest.approx(float(model.size), rel=0.05)


def _weights(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    return {name: torch.from_numpy(a.copy()) for name, a in arrays.items() if a.dtype == "float32"}

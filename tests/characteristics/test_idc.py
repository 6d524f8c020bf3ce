"""IDC against closed forms and a plain loop."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import pytest
import torch
from torch import nn

from auditor.boundary.rpbs import RPBS
from auditor.characteristics.idc import InputSpaceComplexity, _of_generators, on_source_side
from auditor.documents.results import Measure, NotMeasured
from auditor.functional.trajectories import round_robin_pairs
from tests.analytic import Sectors, Spheres, around_the_middle, classifier, half_space, task
from tests.characteristics.evidence import evidence, instances, of_half_space, onto, rng


def measured(ev, **settings) -> Measure:
    found = InputSpaceComplexity(**settings).measure(ev, rng=rng()).measures["idc"]
    assert isinstance(found, Measure), found
    return found


def around(f, points: torch.Tensor, precision: float = 0.01):
    none = torch.empty(0, 2)
    return evidence(f, instances(f, points, points), train=none, test=none, precision=precision)


def on_circle(radius: float, count: int) -> torch.Tensor:
    angle = torch.linspace(0, 2 * torch.pi, count + 1)[:-1]
    return 0.5 + radius * torch.stack([angle.cos(), angle.sin()], dim=1)


def test_as_they_are_instances_of_both_sides_change_class_once_on_the_way():
    # k instances on one side and N - k on the other: k (N - k) of the N (N - 1) / 2 segments cross, each once.
    model, ev = of_half_space()
    n = 21
    sides = torch.where(torch.arange(n) < 6, 1e-2, -1e-2)[:, None] * (model.normal / model.normal.norm())
    points = onto(model, ev.source.train[:n]) + sides
    ev = replace(ev, instances=instances(ev.classifier, points, points), precision=0.0)
    found = measured(ev, points=50, one_sided=False)
    assert found.n == n * (n - 1) // 2
    assert found.value == pytest.approx(6 * 15 / found.n / 49, rel=1e-5)
    paper = InputSpaceComplexity.configured("paper")
    assert not paper.one_sided
    assert paper.in_full
    assert InputSpaceComplexity.configured("standard") == InputSpaceComplexity()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("inputs", "steepness"), [(12, 0.05), (12, 1), (784, 1), (3072, 1), (12, 1e3), (784, 1e5)])
def test_a_half_space_is_exactly_zero_from_one_side(seed: int, inputs: int, steepness: float):
    """Gentle to as good as a jump, few and many inputs: no point between two ends is rounded to the other side."""
    model, f = half_space(inputs, seed)
    model.normal *= steepness
    model.offset *= steepness
    x = around_the_middle(160, inputs, seed)
    for s in (0, 1):
        (found,) = RPBS()(f, [task(f, x, s, 1 - s)])
        assert len(found) > 0.8 * found.requested
        none = torch.empty(0, inputs)
        idc = measured(evidence(f, found, train=none, test=none), least=400)
        assert (idc.value, idc.ci_low, idc.ci_high) == (0, 0, 0)
        # |p_s - p_t| = tanh(z / 2) < 1e-4, or a few spacings of float32 in every coordinate.
        from_plane = model.distance(on_source_side(f, found, rng=rng())).abs() * 20 * steepness
        assert (from_plane <= 2.01e-4 + 20 * steepness * 2e-5 * inputs**0.5).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_plane_that_jumps_is_zero_too(seed: int):
    model, f = half_space(64, seed)
    x = around_the_middle(160, 64, seed)
    steps = classifier(Steps(model), (64,), 2)
    (found,) = RPBS()(steps, [task(f, x, 1, 0)])
    assert found.jump.all()
    none = torch.empty(0, 64)
    assert measured(evidence(steps, found, train=none, test=none), least=400).value == 0


class Steps(nn.Module):
    """A half-space whose probability is 0.2 on one side and 0.8 on the other."""

    def __init__(self, plane: nn.Module) -> None:
        super().__init__()
        self.plane = plane

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.plane(x)[:, 1]
        return torch.stack([torch.zeros_like(z), torch.where(z > 0, 1.0, -1.0)], dim=1)


def test_a_chord_of_a_circle_leaves_and_returns():
    f = classifier(Spheres(torch.tensor([0.5, 0.5]), 0.3), (2,), 2)
    found = measured(around(f, on_circle(0.30001, 59), precision=0.0), points=50)
    assert found.value == pytest.approx(2 / 49)
    assert (found.ci_low, found.ci_high) == pytest.approx((2 / 49, 2 / 49))


def test_few_instances_do_not_say_how_folded_the_rest_may_be():
    # Of 58 instances, one kind in twenty is missing altogether in more than one sample of twenty.
    f = classifier(Spheres(torch.tensor([0.5, 0.5]), 0.3), (2,), 2)
    found = measured(around(f, on_circle(0.30001, 58), precision=0.0), points=50)
    assert found.ci_low == pytest.approx(2 / 49)
    assert found.ci_high is None


def test_agrees_with_a_plain_loop_over_every_pair():
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(17, 2, generator=rng(3))
    points, shares = 20, []
    for a, b in combinations(range(len(x)), 2):
        path = [x[a] + (x[b] - x[a]) * i / (points - 1) for i in range(points)]
        classes = [int(f.predict(point[None])) for point in path]
        shares.append(sum(p != q for p, q in pairwise(classes)) / (points - 1))
    found = measured(around(f, x, precision=0.0), points=points)
    assert found.n == len(shares)
    assert found.value == pytest.approx(sum(shares) / len(shares), abs=1e-6)
    assert found.ci_low < found.value


def test_partners_bound_the_number_of_trajectories():
    f = classifier(Sectors(), (2,), 3)
    found = measured(around(f, torch.rand(60, 2, generator=rng(3)), precision=0.0), partners=4, points=10)
    assert found.n == 60 * 4


def test_sampling_stops_at_the_precision_asked_for():
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(400, 2, generator=rng(3))
    coarse, fine = (measured(around(f, x, precision), points=20) for precision in (0.05, 0.015))
    assert coarse.n < fine.n < 400 * 50
    for found, precision in ((coarse, 0.05), (fine, 0.015)):
        assert (found.ci_high - found.ci_low) / 2 <= 0.3 * precision


def test_sampling_stops_where_instances_are_what_is_missing():
    f = classifier(Sectors(), (2,), 3)
    x = torch.rand(120, 2, generator=rng(3))
    found = measured(around(f, x, precision=1e-9), points=20)
    everything = measured(around(f, x, precision=0.0), points=20, partners=60)
    assert found.n < everything.n == 120 * 119 // 2
    assert found.ci_high - found.ci_low < 1.2 * (everything.ci_high - everything.ci_low)
    assert everything.ci_low < found.value < everything.ci_high


def test_interval_is_of_the_instances_not_of_the_trajectories():
    # All pairs of not many instances: many trajectories, little knowledge of where the boundary is.
    f = classifier(Sectors(), (2,), 3)
    values, widths = [], []
    for seed in range(30):
        found = measured(around(f, torch.rand(60, 2, generator=rng(seed)), precision=0.0), points=20)
        values.append(found.value)
        widths.append((found.ci_low, found.ci_high))
    truth = sum(values) / len(values)
    assert sum(low <= truth <= high for low, high in widths) >= 27


def test_some_of_the_points_say_what_all_of_them_say():
    """Over many draws: the mean is right to its own error, intervals hold the truth, a third of the points is asked."""
    f = classifier(Folds(), (2,), 3)
    x = torch.rand(200, 2, generator=rng(1))
    ev = around(f, x, precision=0.0)
    before = f.spent.forward
    truth = measured(ev, partners=10)
    assert (f.spent.forward - before) / truth.n > 47
    found, asked = [], []
    for seed in range(24):
        before = f.spent.forward
        measure = InputSpaceComplexity().measure(replace(ev, precision=0.02), rng=rng(seed)).measures["idc"]
        assert isinstance(measure, Measure)
        found.append(measure)
        asked.append((f.spent.forward - before) / measure.n)
    values = torch.tensor([measure.value for measure in found])
    assert abs(float(values.mean()) - truth.value) < 3 * float(values.std()) / len(values) ** 0.5
    assert sum(measure.low <= truth.value <= measure.high for measure in found) >= 22
    assert all((measure.high - measure.low) / 2 <= 0.006 for measure in found)
    assert sum(asked) / len(asked) < 20


class Folds(nn.Module):
    """Three classes in smooth stripes that bend, some of them thinner than the steps of a first look."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.unbind(1)
        wave = torch.sin(9 * a + 4 * torch.sin(5 * b))
        return 3 * torch.stack([wave, 0.6 - wave, torch.sin(23 * b + 3 * a) - 0.3], dim=1)


def test_trace_shows_five_paths_by_class():
    f = classifier(Sectors(), (2,), 3)
    trace = InputSpaceComplexity(points=30).measure(around(f, torch.rand(40, 2, generator=rng())), rng=rng())
    rows = trace.series["idc_trace"].rows
    assert len(rows) == 5
    assert all(len(row) == 30 and set(row) <= {0, 1, 2} for row in rows)


def test_without_a_figure_no_path_is_walked_for_it():
    f = classifier(Sectors(), (2,), 3)
    ev, asked, found = around(f, torch.rand(40, 2, generator=rng()), precision=0.08), [], []
    for drawn in (True, False):
        before = f.spent.forward
        found.append(InputSpaceComplexity().measure(replace(ev, drawn=drawn), rng=rng()))
        asked.append(f.spent.forward - before)
    assert asked[1] < asked[0]
    assert not found[1].series
    assert isinstance(found[1].measures["idc"], Measure)


@pytest.mark.parametrize(
    ("precision", "count", "first"), [(0.01, 400, 100), (0.04, 64, 64), (0.04, 37, 49), (0.08, 7, 13)]
)
def test_a_coarse_interval_is_looked_at_early(precision: float, count: int, first: int):
    """2 (1.96 x 0.03 / (0.3 precision))^2 trajectories, at least two ends of each instance, at most 100: shares that
    are all the same need no more."""
    ends = round_robin_pairs(count, 100, rng=rng())

    def same(batch: torch.Tensor) -> torch.Tensor:
        return torch.full((len(batch),), 0.02, dtype=torch.float64)

    found = InputSpaceComplexity().sampled(same(ends[:5]), ends, count, precision, same)
    assert found is not None
    shares, *interval = found
    assert len(shares) == first
    assert interval == pytest.approx([0.02] * 3)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_instances_are_not_measured(count):
    f = classifier(Sectors(), (2,), 3)
    found = InputSpaceComplexity().measure(around(f, torch.rand(count, 2)), rng=rng())
    assert found.measures["idc"] == NotMeasured(not_measured=f"it takes 3 boundary instances; there are {count}")
    assert not found.series


def test_the_complexity_of_each_generators_instances():
    _, ev = of_half_space()
    instances = ev.instances
    parts = replace(instances, part=torch.arange(len(instances)) % 2)
    found = InputSpaceComplexity().measure(replace(ev, instances=parts), rng=rng())
    assert found.by_generator == {"idc": [0.0, 0.0]}
    assert not InputSpaceComplexity().measure(ev, rng=rng()).by_generator


def test_generators_are_as_far_apart_as_trajectories_between_their_own_instances_say():
    """Shares that are the mean of what both ends bring along, 0.1 and 0.3: between instances of one they are that."""
    part = (torch.rand(4000, 2, generator=rng()) < 0.5).long()
    shares = torch.tensor([0.1, 0.3])[part].mean(dim=1)
    assert _of_generators(shares, part) == pytest.approx([0.1, 0.3], abs=0.005)
    assert _of_generators(shares[:4], part[:4]) == []


@pytest.mark.parametrize("precision", [0.0, 0.01])
def test_a_fast_route_gives_the_same_and_says_which_share_was_asked_again(precision: float):
    ev = around(classifier(Sectors(), (2,), 3), torch.rand(60, 2, generator=rng(2)), precision)
    usual = InputSpaceComplexity().measure(ev, rng=rng())
    fast = InputSpaceComplexity().measure(with_reduced(ev), rng=rng())
    rows, title = fast.series["idc_trace"].rows, fast.series["idc_trace"].title
    assert rows == usual.series["idc_trace"].rows
    if precision:  # leads of less precision may choose other points
        found, expected = fast.measures["idc"], usual.measures["idc"]
        assert isinstance(found, Measure)
        assert isinstance(expected, Measure)
        assert found.value == pytest.approx(expected.value, abs=0.3 * precision)
    else:
        assert fast.measures == usual.measures
    assert "asked again" not in usual.series["idc_trace"].title
    share = float(title.partition("(")[2].partition("%")[0])
    assert 0 < share < 60


def test_a_fast_route_that_fails_on_the_way_is_left():
    """Its error is small where it is measured first and large on one segment of the last ones."""
    f = classifier(Drifting(), (2,), 3)
    ev = with_reduced(around(f, torch.rand(40, 2, generator=rng(5)), precision=0.0))
    found = InputSpaceComplexity(points=20).measure(ev, rng=rng())
    assert found.measures == InputSpaceComplexity(points=20).measure(replace(ev, classifier=f), rng=rng()).measures
    assert "asked again" not in found.series["idc_trace"].title


def with_reduced(ev):
    return replace(ev, classifier=replace(ev.classifier, reduced=torch.bfloat16))


class Drifting(Sectors):
    """Right at first at reduced precision, and off by one from the second batch on."""

    asked = 0

    def forward(self, x):
        z = super().forward(x)
        if not torch.is_autocast_enabled("cpu"):
            return z
        self.asked += 1
        return z.float() + (torch.tensor([1.0, 0.0, 0.0]) if self.asked > 5 else 0.0)

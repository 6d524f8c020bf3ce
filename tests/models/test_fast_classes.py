"""Classes by the fast route and the artefact together are those of the artefact alone.

The product takes the fast route on a GPU; here torch's own bfloat16 on the CPU stands for it, which errs eight times as
much as the float16 of a GPU.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from auditor.datasets.base import DataRequest
from auditor.datasets.load import load_dataset
from auditor.functional.trajectories import segments
from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.classifier import Classifier, Preprocessing
from auditor.models.fast_classes import TwoRoutes, reduced_precision
from auditor.models.open import open_model
from tests.analytic import Checkerboard, EagerBackend, Sectors, Spheres, classifier, half_space

SAMPLE_MODELS = Path(__file__).parents[2] / "sample_models"


def reduced(f: Classifier) -> Classifier:
    return replace(f, reduced=torch.bfloat16)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def classes(routes: TwoRoutes, x: Tensor) -> Tensor:
    found = routes(x)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("name", ["digits_cnn.onnx", "digits_cnn.pt"])
def test_the_digits_have_the_artefacts_class_along_every_path(name: str):
    x = load_dataset(DataRequest("digits"), (1, 8, 8)).train.instances(slice(0, 160))
    options = ModelOptions(device="cpu")
    f = reduced(bind(open_model(SAMPLE_MODELS / name, options), x, options).classifier)
    points = segments(x[::2], x[1::2], 50).flatten(0, 1)
    assert not torch.equal(f.reduced_logits(points), f.logits(points).detach())
    routes = TwoRoutes.measured(f, points[::8])
    assert routes is not None
    assert torch.equal(classes(routes, points), f.predict(points))
    assert 0 < routes.again - len(points[::8]) < 0.3 * len(points)
    # Without the last word some classes would be others.
    assert not torch.equal(f.reduced_logits(points).argmax(dim=1), f.predict(points))


@pytest.mark.parametrize(
    "f",
    [half_space()[1], half_space(seed=3)[1], classifier(Sectors(), (2,), 3), classifier(Checkerboard(), (2,), 2),
     classifier(Spheres(torch.full((8,), 0.5), 0.6), (8,), 2)],
)  # fmt: skip
def test_known_boundaries(f: Classifier):
    x = uniform(20_000, *f.instance_shape)
    routes = TwoRoutes.measured(reduced(f), x[:512])
    assert routes is not None
    assert torch.equal(classes(routes, x), f.predict(x))
    assert routes.asked == len(x) + 512 > routes.again > 512


class Noisy(nn.Module):
    """Sectors, whose logits are off by up to ``error`` at reduced precision."""

    def __init__(self, error: float, seed: int) -> None:
        super().__init__()
        self.exact, self.error, self.seed = Sectors(sharpness=5.0), error, seed

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            z = self.exact(x)
        if not torch.is_autocast_enabled("cpu"):
            return z
        return z + self.error * (2 * uniform(*z.shape, seed=self.seed) - 1)


@given(st.integers(0, 10**6), st.floats(1e-4, 2.0))
def test_any_route_whose_error_is_within_the_bound_gives_equal_classes(seed: int, limit: float):
    f = reduced(classifier(Noisy(limit / 2.01, seed), (2,), 3))
    x = uniform(300, 2, seed=seed)
    assert torch.equal(classes(TwoRoutes(f, limit, 0, 0), x), f.predict(x))


def test_a_bound_that_does_not_hold_is_noticed():
    f = reduced(classifier(Noisy(0.5, 1), (2,), 3))
    assert TwoRoutes(f, 0.3, 0, 0)(uniform(2000, 2)) is None


def test_a_route_that_is_asked_again_mostly_is_a_detour():
    assert TwoRoutes.measured(reduced(classifier(Noisy(3.0, 1), (2,), 3)), uniform(500, 2)) is None


class Overflowing(Noisy):
    """Reduced precision gives no number on one side."""

    def forward(self, x: Tensor) -> Tensor:
        z = super().forward(x)
        return torch.where(x[:, :1] > 0.8, torch.nan, z) if torch.is_autocast_enabled("cpu") else z


class Unmixed(Noisy):
    """Fails at reduced precision, as operators do that take no mixture of dtypes."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("expected scalar type Half but found Float")
        return super().forward(x)


def test_a_model_that_takes_no_mixture_of_precisions_is_asked_as_ever():
    assert TwoRoutes.measured(reduced(classifier(Unmixed(0.0, 1), (2,), 3)), uniform(100, 2)) is None


def test_what_leaves_the_range_is_asked_again():
    f = reduced(classifier(Overflowing(0.01, 1), (2,), 3))
    x = uniform(2000, 2)
    assert torch.equal(classes(TwoRoutes(f, 0.05, 0, 0), x), f.predict(x))


@pytest.mark.parametrize("kind", ["probabilities", "sigmoid"])
def test_scores_that_are_no_logits(kind: str):
    """The twin sees through to the logits, the artefact answers in probabilities."""

    class Squashed(EagerBackend):
        head = kind

        def scores(self, x: Tensor) -> Tensor:
            z = self.module(x)
            return torch.softmax(z, dim=1) if kind == "probabilities" else torch.sigmoid(z[:, 1:] - z[:, :1])

        def logits(self, x: Tensor) -> Tensor:
            z = self.module(x)
            return z if kind == "probabilities" else z[:, 1:] - z[:, :1]

    count = 3 if kind == "probabilities" else 2
    module = Noisy(0.02, 0) if kind == "probabilities" else half_space(2)[0]
    f = reduced(Classifier(Squashed(module), Preprocessing(), (2,), count, kind, 2, logit_scale=0.5))
    x = uniform(5000, 2)
    routes = TwoRoutes.measured(f, x[:500])
    assert routes is not None
    assert torch.equal(classes(routes, x), f.predict(x))
    assert routes.again < 3000


def test_a_cpu_has_no_fast_route():
    assert reduced_precision(half_space()[1], uniform(10, 32)) is None
    assert TwoRoutes.measured(half_space()[1], uniform(10, 32)) is None

"""Which generator ``auto`` takes: by the multiply-adds of a pass, the profile, and whether there are gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from auditor.boundary.base import Generator
from auditor.documents.plan import ModelPlan, Plan
from auditor.documents.profiles import PROFILES
from auditor.documents.results import NotMeasured
from auditor.models.classifier import Classifier
from auditor.pipeline.model_facts.validity import route
from auditor.pipeline.pairs.generation import choose_setup, configured, suited
from tests.analytic import classifier, half_space


class Wide(nn.Module):
    """Two convolutions of 75 M multiply-adds each, then the mean of each half of the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.expand(-1, 64, -1, -1)).unflatten(1, (2, 32)).mean(dim=(2, 3, 4))


@pytest.fixture(scope="module")
def large() -> Classifier:
    return classifier(Wide(), (1, 48, 48), 2)


def plan(generator: str, profile: str = "quick") -> Plan:
    return Plan(model=ModelPlan(path="model.onnx"), generator=generator, profile=profile)


@pytest.mark.parametrize(
    ("profile", "generator"),
    [("quick", "pair-steps"), ("standard", "pair-steps"), ("thorough", "deepdig"), ("paper", "deepdig")],
)
def test_a_large_model_gets_pair_steps_where_a_profile_has_to_be_cheap(
    large: Classifier, profile: str, generator: str
) -> None:
    name, because = suited("auto", large, PROFILES[profile])
    assert name == generator
    assert bool(because) == (name != "deepdig")


def test_a_small_model_gets_deepdig_and_a_name_is_a_name(large: Classifier) -> None:
    _, small = half_space()
    assert suited("auto", small, PROFILES["quick"]) == ("deepdig", "")
    assert suited("deepdig", large, PROFILES["quick"]) == ("deepdig", "")
    assert suited("nearest", small, PROFILES["quick"]) == ("nearest", "")


def test_the_setup_says_what_was_chosen_and_why(large: Classifier) -> None:
    asked = plan("auto")
    setup = choose_setup(large, configured("auto", asked.settings), asked)
    assert setup.name == "pair-steps"
    assert setup.parameters["pair-steps chosen by auto"] == "a forward pass takes 0.17 G multiply-adds"
    assert setup.parameters["generator"].startswith("PairSteps(")
    limits = [b.sources(64) for b in setup.baselines.values() if isinstance(b, Generator)]
    assert limits == [16, 16]
    assert setup.generator.sources(64) == 64
    (said,) = route(large, "auto", setup.name)
    assert (said.status, "pair-steps" in said.message) == ("ok", True)
    assert route(large, "auto", "deepdig") == route(large, "pair-steps", "pair-steps") == []


def test_baselines_of_a_small_model_start_from_all_sources() -> None:
    _, small = half_space()
    asked = plan("auto")
    setup = choose_setup(small, configured("auto", asked.settings), asked)
    assert [b.sources(64) for b in setup.baselines.values() if isinstance(b, Generator)] == [64, 64]
    assert setup.generator.sources(None) is None


def test_without_gradients_auto_is_as_deepdig(large: Classifier) -> None:
    blind = replace(large, no_gradient=NotMeasured(not_measured="trees"))
    setups = [choose_setup(blind, configured(name, plan(name).settings), plan(name)) for name in ("auto", "deepdig")]
    assert setups[0] == setups[1]
    assert setups[0].name == "gradient-free"
    assert route(blind, "auto", "gradient-free") == route(blind, "deepdig", "gradient-free") != []
    assert torch.is_grad_enabled()

"""A model that changes its answers is found out, whenever and however it does; one that does not is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from auditor.errors import AuditIncomplete
from auditor.models.classifier import scores_to_probabilities
from auditor.models.determinism import ModelChanged, Watched
from auditor.models.gpu import computing_on
from auditor.models.side_effects import DRAWS
from tests.analytic import EagerBackend
from tests.models.changing import (
    ByBatch,
    Changing,
    DropoutLeftOn,
    Noisy,
    Remembering,
    WhereGradients,
)  # fmt: skip
from tests.models.torchscript.torchscript_files import Mlp, seeded

STAGES, CALLS = 4, 50


def watch_over(model: nn.Module) -> Watched:
    return Watched(EagerBackend(model), lambda scores: scores_to_probabilities(scores, "logits"))


def worked(model: nn.Module) -> Watched:
    """Four stages of fifty calls in batches of many sizes, checked after each; up to the first that finds something."""
    watch, rng = watch_over(model), torch.Generator().manual_seed(0)
    watch.remember(torch.rand(64, 16, generator=rng), embeds=True)
    try:
        for stage in range(STAGES):
            for call in range(CALLS):
                x = torch.rand(1 + (7 * call) % 40, 16, generator=rng)
                if call % 3:
                    watch.scores(x)
                else:
                    torch.autograd.grad(watch.logits(x.requires_grad_()).sum(), x)
                if call % 10 == 0:
                    watch.embeddings(x)
            watch.check(f"stage {stage}")
    except ModelChanged:
        assert watch.validity().status == "fail"
    return watch


def steady() -> nn.Module:
    return seeded(Mlp())


@pytest.mark.parametrize("how", ["rolled", "zero", "scaled"])
@pytest.mark.parametrize("first", [3, 30, 100, 195])
def test_a_model_that_changes_for_good(first: int, how: str):
    watch = worked(Changing(steady(), first, how))
    assert watch.changed is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda model: Changing(model, 60, "rolled", last=90),
        lambda model: Changing(model, 60, "rolled", every=2),
        lambda model: Changing(model, 1, "scaled", every=3),
        lambda model: Remembering(model, 30),
        ByBatch,
        WhereGradients,
        DropoutLeftOn,
        lambda model: Noisy(model, 0.1),
    ],
    ids=["and-back", "every-second", "every-third", "remembers", "by-batch", "where-gradients", "dropout", "noise"],
)  # fmt: skip
def test_a_model_that_changes_otherwise(make: Callable[[nn.Module], nn.Module]):
    torch.manual_seed(0)
    assert worked(make(steady())).changed is not None


def test_a_steady_model_is_left_alone():
    watch = worked(steady())
    assert watch.changed is None
    assert watch.validity().status == "ok"


def test_a_steady_model_that_jumps_is_left_alone():
    """At a jump rounding decides: in a batch of another size a point may lie on its other side."""

    class Jumping(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            rounding = 1e-7 * (x.shape[0] % 2)  # as sums in another order
            z = 1e7 * (x.sum(dim=1) - 8 + rounding)
            return torch.stack([torch.zeros_like(z), z], dim=1)

    watch, rng = watch_over(Jumping()), torch.Generator().manual_seed(0)
    watch.remember(torch.rand(64, 16, generator=rng), embeds=False)
    for call in range(40):
        x = torch.rand(20 + call, 16, generator=rng)
        watch.scores(x * (8 / x.sum(dim=1, keepdim=True)))
    watch.check("the stage")


@pytest.mark.parametrize("strictly", [True, False])
def test_a_steady_model_with_samples_on_its_thresholds_is_left_alone(strictly: bool):
    class Binary(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 9 * ((x > 0.5) if strictly else (x >= 0.5)).float()[:, :3]

    watch, rng = watch_over(Binary()), torch.Generator().manual_seed(0)
    watch.remember(torch.randint(0, 5, (64, 16), generator=rng) / 4, embeds=False)
    for call in range(40):
        watch.scores(torch.randint(0, 5, (20 + call, 16), generator=rng) / 4)
    watch.check("the stage")


def test_noise_that_moves_no_boundary_is_named():
    torch.manual_seed(0)
    watch = worked(Noisy(steady(), 1e-4))
    assert watch.changed is None
    check = watch.validity()
    assert (check.id, check.status) == ("determinism", "warn")
    assert "not deterministic" in check.message


def test_the_same_noise_is_a_change_where_the_graph_draws_it():
    torch.manual_seed(0)
    watch = watch_over(Noisy(steady(), 1e-4))
    watch.side_effects = (f"{DRAWS} rand_like",)
    watch.remember(torch.rand(64, 16), embeds=False)
    with pytest.raises(ModelChanged, match="other scores the second time"):
        watch.check("the start")


def test_what_was_asked_at_an_earlier_check_may_be_remembered():
    watch, rng = watch_over(Remembering(steady(), 60)), torch.Generator().manual_seed(0)
    watch.remember(torch.rand(64, 16, generator=rng), embeds=False)
    watch.check("the start")
    for _ in range(60):
        watch.scores(torch.rand(8, 16, generator=rng))
    with pytest.raises(ModelChanged):
        watch.check("the stage")


def test_a_model_that_fails_the_second_time_is_not_steady():
    class Fails(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            if self.calls > 2:
                raise RuntimeError("no more")
            return x[:, :3]

    watch = watch_over(Fails())
    watch.remember(torch.rand(8, 16), embeds=False)
    with pytest.raises(ModelChanged, match=r"no answer the second time: .*no more"):
        watch.check("the start")


def test_scores_that_are_no_numbers_are_counted():
    class Holes(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x[:, :1] > 0.5, torch.nan, x[:, :3])

    watch = watch_over(Holes())
    watch.scores(torch.tensor([[0.1, 0, 0], [0.9, 0, 0], [0.8, 0, 0]]))
    assert watch.not_finite == 2
    watch.check("the stage")  # the same holes again


def test_what_is_asked_again_is_little():
    class Counting(EagerBackend):
        rows = 0

        def scores(self, x: Tensor) -> Tensor:
            self.rows += len(x)
            return super().scores(x)

    backend, rng = Counting(steady()), torch.Generator().manual_seed(0)
    watch = Watched(backend, lambda scores: scores_to_probabilities(scores, "logits"))
    watch.remember(torch.rand(64, 16, generator=rng), embeds=False)
    for _ in range(600):
        watch.scores(torch.rand(256, 16, generator=rng))
    asked = backend.rows
    watch.check("the stage")
    assert backend.rows - asked < 0.01 * asked


def test_of_a_large_network_less_is_asked_again_and_a_change_is_found_all_the_same():
    class Counting(EagerBackend):
        rows = 0

        def scores(self, x: Tensor) -> Tensor:
            self.rows += len(x)
            return super().scores(x)

    def asked_again(inputs: int) -> int:
        backend, rng = Counting(nn.Flatten()), torch.Generator().manual_seed(0)
        watch = Watched(backend, lambda scores: scores_to_probabilities(scores[:, :3], "logits"))
        watch.remember(torch.rand(64, inputs, generator=rng), embeds=False)
        for _ in range(40):
            watch.scores(torch.rand(27, inputs, generator=rng))
        before = backend.rows
        watch.check("the stage")
        return backend.rows - before

    assert asked_again(2**12 + 1) < 0.6 * asked_again(2**12)
    rng = torch.Generator().manual_seed(0)
    watch = watch_over(Changing(nn.Sequential(nn.Flatten(), nn.Linear(2**12 + 1, 3)), 30, "rolled"))
    watch.remember(torch.rand(64, 2**12 + 1, generator=rng), embeds=False)
    watch.check("the start")
    for _ in range(40):
        watch.scores(torch.rand(27, 2**12 + 1, generator=rng))
    with pytest.raises(ModelChanged):
        watch.check("the stage")


def test_scores_and_embeddings_are_asked_for_together_and_watched():
    class Together(EagerBackend):
        calls = 0

        def scores_and_embeddings(self, x: Tensor) -> tuple[Tensor, Tensor]:
            self.calls += 1
            return super().scores_and_embeddings(x)

    backend = Together(Changing(steady(), 60, "rolled"))
    watch = Watched(backend, lambda scores: scores_to_probabilities(scores, "logits"))
    x = torch.rand(20, 16, generator=torch.Generator().manual_seed(0))
    watch.remember(x, embeds=True)
    scores, embeddings = watch.scores_and_embeddings(x)
    assert backend.calls == 1
    assert torch.equal(scores, backend.scores(x))
    assert torch.equal(embeddings, x)
    for _ in range(60):
        watch.scores_and_embeddings(x)
    with pytest.raises(ModelChanged):
        watch.check("the stage")


def test_a_change_is_noticed_within_a_stage_and_every_later_call_says_so():
    """A search on a model that has changed may find no end."""
    watch, rng = watch_over(Changing(steady(), 100, "zero")), torch.Generator().manual_seed(0)
    watch.remember(torch.rand(64, 16, generator=rng), embeds=False)
    watch.check("the start")

    def search() -> None:
        for _ in range(1000):
            x = torch.rand(8, 16, generator=rng).requires_grad_(True)
            torch.autograd.grad(watch.logits(x).sum(), x)

    with pytest.raises(ModelChanged, match="noticed after 128 calls of a stage"):
        search()
    for ask in (watch.scores, watch.embeddings, watch.logits):
        with pytest.raises(ModelChanged):
            ask(torch.rand(8, 16))
    with pytest.raises(ModelChanged):
        watch.check("the stage")
    assert watch.validity().status == "fail"


def test_a_look_within_a_stage_is_in_full_precision_and_without_gradients():
    class Asked(EagerBackend):
        how: ClassVar[list[tuple[bool, bool]]] = []

        def scores(self, x: Tensor) -> Tensor:
            self.how.append((torch.is_autocast_enabled("cpu"), torch.is_grad_enabled()))
            return super().scores(x)

    backend = Asked(steady())
    watch = Watched(backend, lambda scores: scores_to_probabilities(scores, "logits"))
    watch.remember(torch.rand(8, 16), embeds=False)
    watch.check("the start")
    backend.how.clear()
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(200):
            watch.logits(torch.rand(2, 16).requires_grad_(True))
    assert backend.how == [(False, False)] * 2


def test_a_device_that_fails_is_no_change_of_the_model():
    class Failing(EagerBackend):
        lost = False

        def scores(self, x: Tensor) -> Tensor:
            with computing_on(self.device):
                if self.lost:
                    raise RuntimeError("CUDA error: device-side assert triggered")
                return super().scores(x)

    backend = Failing(steady())
    backend.device = torch.device("cuda")
    watch = Watched(backend, lambda scores: scores_to_probabilities(scores, "logits"))
    watch.remember(torch.rand(8, 16), embeds=False)
    backend.lost = True
    with pytest.raises(AuditIncomplete, match="a model that computes on cuda") as caught:
        watch.check("the start")
    assert not isinstance(caught.value, ModelChanged)
    assert watch.changed is None

"""The wrapper: batches, dtypes, empty inputs, and the ways between scores, probabilities and logits."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from auditor.errors import InputRefused
from auditor.models.base import ModelOptions, OutputKind
from auditor.models.bind_to_data import bind
from auditor.models.classifier import (
    Batching,
    Classifier,
    Preprocessing,
    Spent,
    scores_to_classes,
    scores_to_logits,
    scores_to_probabilities,
)
from auditor.models.open import open_model
from tests.models.torchscript.torchscript_files import Cnn, Sigmoid, noise, save, seeded


def classifier(eager: nn.Module, shape: tuple[int, ...], folder: Path) -> Classifier:
    options = ModelOptions(device="cpu")
    backend = open_model(save(eager, folder / "m.pt", "script", noise(1)), options)
    return bind(backend, noise(8, *shape), options).classifier


@pytest.fixture
def cnn(tmp_path: Path) -> Classifier:
    return classifier(seeded(Cnn()), (3, 8, 8), tmp_path)


def again(f: Classifier, batch_size: int) -> Classifier:
    """The same classifier with another batch size and nothing spent."""
    return Classifier(
        f.backend,
        f.preprocessing,
        f.instance_shape,
        f.num_classes,
        f.output_kind,
        f.embedding_size,
        Batching(batch_size),
        f.columns,
    )


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_do_not_change_the_numbers(cnn: Classifier, batch_size: int):
    x = noise(7, 3, 8, 8)
    cut = again(cnn, batch_size)
    torch.testing.assert_close(cut.probabilities(x), cnn.probabilities(x))
    torch.testing.assert_close(cut.embeddings(x), cnn.embeddings(x))
    assert torch.equal(cut.predict(x), cnn.probabilities(x).argmax(dim=1))


def test_what_was_spent_is_counted_in_instances(cnn: Classifier):
    f = again(cnn, 3)
    x = noise(7, 3, 8, 8)
    f.probabilities(x)
    f.embeddings(x)
    assert f.spent == Spent(forward=14, backward=0)
    f.logits(x)
    f.logits(x.requires_grad_())
    with torch.no_grad():
        f.logits(x)
    assert f.spent == Spent(forward=35, backward=7)


@pytest.mark.parametrize("outputs", [1, 4])
def test_no_instances(outputs: int, tmp_path: Path):
    f = classifier(seeded(Sigmoid(outputs)), (16,), tmp_path)
    none = torch.empty(0, 16)
    assert f.scores(none).shape == (0, outputs)
    assert f.probabilities(none).shape == f.logits(none).shape == (0, max(2, outputs))
    assert f.predict(none).dtype == torch.int64
    assert f.embeddings(none).shape == (0, 8)


def test_other_dtypes_are_the_same_pixels(cnn: Classifier):
    pixels = (noise(5, 3, 8, 8) * 255).round().to(torch.uint8)
    x = pixels.float() / 255
    for same in (pixels, x.double()):
        assert torch.equal(cnn.probabilities(same), cnn.probabilities(x))
        assert torch.equal(cnn.logits(same), cnn.logits(x))
    double = x.double().requires_grad_()
    (gradient,) = torch.autograd.grad(cnn.logits(double)[:, 0].sum(), double)
    assert gradient.dtype == torch.float64


def test_preprocessing_orders_axes_and_normalises():
    x = noise(2, 3, 4, 5)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    y = Preprocessing("nhwc", mean, std)(x)
    assert y.shape == (2, 4, 5, 3)
    for channel in range(3):
        expected = (x[:, channel] - mean[channel]) / std[channel]
        torch.testing.assert_close(y[..., channel], expected)
    assert torch.equal(Preprocessing("nhw")(x[:, :1]), x[:, 0])
    assert torch.equal(Preprocessing("flat")(x), x.reshape(2, 60))
    assert torch.equal(Preprocessing("flat", (0.5,), None)(x.flatten(1)), x.flatten(1) - 0.5)
    assert Preprocessing()(x) is x
    assert Preprocessing(std=(0.5,))(x.double()).dtype == torch.float64


@given(st.sampled_from(["logits", "probabilities", "sigmoid"]), st.sampled_from([1, 2, 5]), st.integers(0, 99))
def test_logits_lead_to_the_same_probabilities(kind: OutputKind, columns: int, seed: int):
    z = 3 * torch.randn(6, columns, generator=torch.Generator().manual_seed(seed))
    if kind == "sigmoid" or columns == 1:
        scores = z if kind == "logits" else torch.sigmoid(z)
    else:
        scores = z if kind == "logits" else torch.softmax(z, dim=1)
    p = scores_to_probabilities(scores, kind)
    assert p.shape == (6, max(2, columns))
    torch.testing.assert_close(p.sum(dim=1), torch.ones(6))
    again = scores_to_logits(scores, kind)
    again = torch.cat([torch.zeros_like(again), again], dim=1) if columns == 1 else again
    torch.testing.assert_close(torch.softmax(again, dim=1), p, rtol=1e-4, atol=1e-6)


def test_probabilities_of_nought_and_one_stay_finite():
    scores = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    for kind in ("probabilities", "sigmoid"):
        assert torch.isfinite(scores_to_logits(scores, kind)).all()
        torch.testing.assert_close(scores_to_probabilities(scores, kind), scores)
    assert torch.isfinite(scores_to_logits(scores[:, :1], "sigmoid")).all()
    torch.testing.assert_close(scores_to_probabilities(torch.zeros(1, 4), "sigmoid"), torch.full((1, 4), 0.25))


class Narrow:
    """A model that has memory for three instances at a time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        if len(x) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate more")
        return 2 * x


def test_batches_halve_until_they_fit_and_stay_so():
    batching, model, x = Batching(16), Narrow(), torch.arange(20.0)
    assert torch.equal(torch.cat(batching.run(model, x)), 2 * x)
    assert batching.size == 2
    model.sizes.clear()
    batching.run(model, x)
    assert model.sizes == [2] * 10


def test_no_memory_for_one_instance_and_other_errors_are_raised():
    def fail(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of memory" if len(x) == 1 else "bad_alloc")

    def other(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("a shape is wrong")

    for compute, words in ((fail, "out of memory"), (other, "a shape is wrong")):
        with pytest.raises(RuntimeError, match=words):
            Batching(8).run(compute, torch.zeros(8))


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (
            RuntimeError("later"),
            r"every batch of samples; found one that fails on 4 of them: later",
        ),
        (torch.zeros(4, 9), r"results of shape \(4, 10\) for 4 samples; found \(4, 9\)"),
        (torch.zeros(3, 10), r"results of shape \(4, 10\) for 4 samples; found \(3, 10\)"),
    ],
)
def test_a_model_that_changes_its_ways_later_is_refused(
    later: RuntimeError | torch.Tensor, said: str, cnn: Classifier, monkeypatch: pytest.MonkeyPatch
):
    def run(x: torch.Tensor) -> torch.Tensor:
        if isinstance(later, RuntimeError):
            raise later
        return later

    monkeypatch.setattr(cnn.backend, "scores", run)
    monkeypatch.setattr(cnn.backend, "logits", run)
    wide = replace(cnn, columns=10)
    for ask in (wide.scores, wide.predict, wide.logits):
        with pytest.raises(InputRefused, match=said):
            ask(noise(4, 3, 8, 8))


@pytest.mark.parametrize("k", [1e-8, 1.0, 1e6])
def test_the_class_is_that_of_the_largest_logit(k: float):
    """Also where the softmax cannot tell two logits apart; the first of equal ones; no class without probabilities."""
    z = torch.randn(2000, 10, generator=torch.Generator().manual_seed(0)) * k
    z[:500, 7] = z[:500].amax(dim=1)  # ties
    z[500:1000, 3] = z[500:1000].amax(dim=1).nextafter(torch.tensor(torch.inf))  # ahead by the least there is
    classes = scores_to_classes(z, "logits")
    assert torch.equal(classes, torch.from_numpy(z.double().numpy().argmax(axis=1)))
    assert (classes[500:1000] == 3).all()
    p = scores_to_probabilities(z, "logits")
    known = (p == p.amax(dim=1, keepdim=True)).sum(dim=1) == 1
    assert known.any() or k < 1
    assert torch.equal(classes[known], p[known].argmax(dim=1))


@pytest.mark.parametrize("row", [[0.0, math.nan, 1.0], [0.0, math.inf, 1.0], [-math.inf] * 3])
def test_a_row_without_probabilities_has_class_0_as_before(row: list[float]):
    z = torch.tensor([row])
    assert scores_to_classes(z, "logits").tolist() == scores_to_probabilities(z, "logits").argmax(dim=1).tolist() == [0]


@pytest.mark.parametrize(
    ("kind", "width"), [("probabilities", 3), ("probabilities", 1), ("sigmoid", 3), ("sigmoid", 1)]
)
def test_of_other_scores_it_is_that_of_the_largest_probability(kind: OutputKind, width: int):
    scores = torch.rand(200, width, generator=torch.Generator().manual_seed(0))
    expected = scores_to_probabilities(scores, kind).argmax(dim=1)
    assert torch.equal(scores_to_classes(scores, kind), expected)


def test_of_one_logit_it_is_its_sign():
    assert scores_to_classes(torch.tensor([[1e-12], [0.0], [-1e-12]]), "logits").tolist() == [1, 0, 0]

"""Callables, estimators and MAITE models: how each is asked is learnt, and is what it takes."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from auditor.documents.results import NotMeasured
from auditor.errors import InputRefused
from auditor.models.base import ModelOptions
from auditor.models.live.opening import LiveModel, class_names_of, open_live

RNG = np.random.default_rng(0)
GREY, COLOUR = torch.rand(6, 1, 4, 5), torch.rand(6, 3, 4, 5)
WEIGHTS = RNG.normal(size=(20, 3)).astype(np.float32)


def opened(model: object, x: Tensor = GREY, **options: Any) -> LiveModel:
    return open_live(model, x, ModelOptions(**options))


def flat(x: np.ndarray) -> np.ndarray:
    if x.ndim != 2:
        raise ValueError("expected a matrix")
    return x @ WEIGHTS


def grey_pictures(x: np.ndarray) -> np.ndarray:
    rows, _, _ = x.shape
    return x.reshape(rows, 20) @ WEIGHTS


def channels_last(x: np.ndarray) -> list[list[float]]:
    assert x.shape[1:] == (4, 5, 3), x.shape
    return x.mean(axis=(1, 2)).tolist()


def tensors(x: Tensor) -> Tensor:
    return torch.nn.functional.linear(x.flatten(1), torch.from_numpy(WEIGHTS).T)


class Estimator:
    classes_ = np.array(["ant", "bee", "cat"])

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        e = np.exp(flat(x))
        return e / e.sum(axis=1, keepdims=True)


class Maite:
    metadata: ClassVar[dict[str, Any]] = {"id": "m", "index2label": {0: "ant", 1: "bee", 2: "cat"}}

    def __call__(self, batch: Any) -> list[np.ndarray]:
        assert isinstance(batch, list)
        assert batch[0].shape == (3, 4, 5)
        return [image.mean(axis=(1, 2)) for image in batch]


SEEN: list[tuple[Callable[[], Any], Tensor, str, str, bool]] = [
    (lambda: flat, GREY, "flat", "callable in memory", False),
    (lambda: grey_pictures, GREY, "auto", "callable in memory", False),
    (lambda: channels_last, COLOUR, "nhwc", "callable in memory", False),
    (lambda: tensors, GREY, "nchw", "callable in memory", True),
    (Estimator, GREY, "flat", "estimator in memory", False),
    (lambda: Estimator().predict_proba, GREY, "flat", "estimator in memory", False),
    (Maite, COLOUR, "nchw", "MAITE model in memory", False),
]


@pytest.mark.parametrize(("make", "x", "layout", "kind", "gradient"), SEEN)
def test_what_a_callable_takes_is_learnt(make: Any, x: Tensor, layout: str, kind: str, gradient: bool) -> None:
    live = opened(make(), x)
    assert (live.layout, live.format) == (layout, kind)
    assert isinstance(live.backend.gradient, str) == gradient
    assert isinstance(live.backend.embedding, NotMeasured)
    assert isinstance(live.sha256, str) == (kind == "estimator in memory")


def test_scores_are_those_of_the_callable() -> None:
    x = GREY.flatten(1)
    expected = torch.from_numpy(x.numpy() @ WEIGHTS)
    torch.testing.assert_close(opened(flat).backend.scores(x), expected)
    torch.testing.assert_close(opened(tensors).backend.scores(GREY), expected)
    torch.testing.assert_close(opened(Estimator()).backend.scores(x), torch.softmax(expected, 1))
    colour = opened(Maite(), COLOUR).backend.scores(COLOUR)
    torch.testing.assert_close(colour, COLOUR.mean(dim=(2, 3)))


def test_a_callable_of_tensors_has_gradients() -> None:
    x = GREY.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(opened(tensors).backend.logits(x)[:, 2].sum(), x)
    torch.testing.assert_close(gradient.flatten(1), torch.from_numpy(WEIGHTS[:, 2]).expand(6, 20))


def test_a_callable_that_writes_to_what_it_is_given_changes_no_sample() -> None:
    def writing(x: Any) -> Any:
        scores = flat(x.copy())
        x[:] = 0
        return scores

    x = GREY.flatten(1).clone()
    opened(writing).backend.scores(x)
    assert torch.equal(x, GREY.flatten(1))


def test_classes_are_called_as_the_object_calls_them() -> None:
    for model in (Estimator(), Estimator().predict_proba, Maite()):
        names = class_names_of(model)
        assert names is not None
        assert names.names == ("ant", "bee", "cat")
    assert class_names_of(flat) is None


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (7, "found an object of type int"),
        (SimpleNamespace(predict_proba=flat), "found a SimpleNamespace without classes_; fit it"),
        (SimpleNamespace(predict_proba=flat, classes_=None), "found a SimpleNamespace without classes_; fit it"),
        (lambda x: flat(x).argmax(axis=1), "found int64 of shape (6,)"),
        (lambda x: np.array(["ant"] * len(x)), "give predict_proba"),
        (lambda x: x[:1, 0, 0], "output of shape (1, 5)"),
        (lambda x: None, "found object of shape ()"),
        (lambda x: 1 / 0, "(6, 1, 4, 5): division by zero"),
    ],
)
def test_refusals(model: Any, said: str) -> None:
    with pytest.raises(InputRefused) as refusal:
        opened(model)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_interrupt_is_the_users() -> None:
    def interrupted(x: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(interrupted)

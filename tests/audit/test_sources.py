"""Where directions start: samples that the model classifies right, drawn by the direction alone."""

from __future__ import annotations

import torch

from auditor.audit.predictions import Predictions, predict_split
from auditor.audit.sources import direction_tasks, directions_of
from auditor.datasets.base import Split
from tests.analytic import around_the_middle, half_space


def predictions() -> Predictions:
    """300 points around a hyperplane; every tenth label is wrong."""
    _, f = half_space(8)
    x = around_the_middle(300, 8, seed=1)
    labels = f.predict(x)
    labels[::10] = 1 - labels[::10]
    return predict_split(f, Split(x, labels), lambda *_: None, "train")


def test_both_directions_side_by_side():
    assert directions_of([(0, 1), (2, 5)]) == [(0, 1), (1, 0), (2, 5), (5, 2)]


def test_sources_have_the_label_and_the_prediction_of_their_class():
    train = predictions()
    (task,) = direction_tasks(train, [(0, 1)], None, 0, "deepdig")
    right = (train.split.labels == 0) & (train.probabilities.argmax(dim=1) == 0)
    assert torch.equal(task.x_source, train.split.pixels[right])
    assert train.embeddings is not None
    assert task.embedding_source is not None
    assert torch.equal(task.embedding_source, train.embeddings[right])
    assert torch.equal(task.x_target, train.split.pixels[train.correct & (train.split.labels == 1)])


def test_a_sample_whose_output_is_not_finite_is_no_source():
    train = predictions()
    train.probabilities[1] = torch.nan
    (task,) = direction_tasks(train, [(int(train.split.labels[1]), 0)], None, 0, "deepdig")
    assert not (task.x_source == train.split.pixels[1]).flatten(1).all(dim=1).any()


def test_at_most_the_limit_without_repeats():
    (task,) = direction_tasks(predictions(), [(0, 1)], 20, 0, "deepdig")
    assert len(task.x_source) == 20
    assert len(task.x_source.unique(dim=0)) == 20


def test_sources_depend_on_seed_and_direction_and_on_nothing_else():
    train = predictions()

    def sources(directions: list[tuple[int, int]], seed: int, stage: str) -> torch.Tensor:
        return direction_tasks(train, directions, 20, seed, stage)[-1].x_source

    first = sources([(0, 1)], 0, "deepdig")
    assert torch.equal(first, sources([(1, 0), (0, 1)], 0, "rpbs"))
    assert not torch.equal(first, sources([(0, 1)], 1, "deepdig"))


def test_generators_draw_differently_from_the_same_sources():
    train = predictions()
    one, other = (direction_tasks(train, [(0, 1)], 20, 0, stage)[0].rng for stage in ("deepdig", "rpbs"))
    assert not torch.equal(torch.rand(3, generator=one), torch.rand(3, generator=other))


def test_a_class_that_the_model_never_gets_right_has_no_sources():
    train = predictions()
    train.split.labels[train.split.labels == 1] = 0
    (task,) = direction_tasks(train, [(1, 0)], 20, 0, "deepdig")
    assert task.x_source.shape == (0, 8)

"""Which samples are used: an order of each class by data and seed alone; generators start where the model is right."""

from __future__ import annotations

import torch

from auditor.datasets.base import Split
from auditor.pipeline.model_facts.predictions import Predictions, predict_split
from auditor.pipeline.pairs.sources import direction_tasks, first_of_class, ranked, sources_of
from tests.analytic import around_the_middle, half_space


def predictions(model: int = 0) -> Predictions:
    """300 points around a hyperplane, labelled by one model and predicted by another; every tenth label is wrong."""
    _, f = half_space(8)
    x = around_the_middle(300, 8, seed=1)
    labels = f.predict(x)
    labels[::10] = 1 - labels[::10]
    return predict_split(half_space(8, model)[1], Split(x, labels), lambda *_: None, "train")


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


def test_the_first_samples_of_a_class_are_the_same_whatever_the_model_says():
    one, other = predictions(0), predictions(3)
    assert not torch.equal(one.correct, other.correct)
    for label in (0, 1):
        drawn = [first_of_class(p.split, "train", label, 20, seed=0) for p in (one, other)]
        assert torch.equal(*drawn)
        assert len(drawn[0].unique()) == 20
        assert (one.split.labels[drawn[0]] == label).all()


def test_more_samples_hold_the_fewer():
    split = predictions().split
    few, many = (set(first_of_class(split, "train", 0, most, seed=0).tolist()) for most in (10, 60))
    assert few < many


def test_seed_split_and_class_decide_and_nothing_else():
    split = predictions().split
    first = ranked(split, "train", 0, seed=0)
    assert torch.equal(first, ranked(split, "train", 0, seed=0))
    assert not torch.equal(first, ranked(split, "train", 0, seed=1))
    assert not torch.equal(first, ranked(split, "test", 0, seed=0))
    assert torch.equal(first.sort().values, split.of_class(0))


def test_a_wrong_sample_among_the_first_is_no_source_and_none_takes_its_place():
    train = predictions()
    first = first_of_class(train.split, "train", 0, 60, seed=0)
    sources = sources_of(train, 0, 60, seed=0)
    assert torch.equal(sources, first[train.correct[first]])
    assert len(sources) < 60


def test_generators_draw_differently_from_the_same_sources():
    train = predictions()
    one, other = (direction_tasks(train, [(0, 1)], 20, 0, stage)[0] for stage in ("deepdig", "rpbs"))
    assert torch.equal(one.x_source, other.x_source)
    assert not torch.equal(torch.rand(3, generator=one.rng), torch.rand(3, generator=other.rng))


def test_a_class_that_the_model_never_gets_right_has_no_sources():
    train = predictions()
    train.split.labels[train.split.labels == 1] = 0
    (task,) = direction_tasks(train, [(1, 0)], 20, 0, "deepdig")
    assert task.x_source.shape == (0, 8)

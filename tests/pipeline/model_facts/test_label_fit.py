"""Labels in another order than the model's classes are told by the predictions; honest mistakes are not."""

from __future__ import annotations

import shlex

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from auditor.class_names import listed_class_names
from auditor.datasets.base import Split
from auditor.pipeline.model_facts.label_fit import agreement, better_labels, labels_fit
from auditor.pipeline.model_facts.predictions import Predictions

NAMES = tuple("abcdefghijkl")


def predictions(labels: Tensor, predicted: Tensor, classes: int) -> Predictions:
    one_hot = torch.eye(classes)[predicted]
    return Predictions(Split(torch.zeros(len(labels), 1), labels), one_hot, None)


def both(
    order: list[int], *, classes: int | None = None, each: int = 30, errors: float = 0.05
) -> tuple[Predictions, Predictions]:
    """Train and test predictions of a model that puts label l into class ``order[l]``, but for some errors."""
    rng, count = torch.Generator().manual_seed(0), classes or len(order)
    parts = []
    for _ in range(2):
        labels = torch.arange(len(order)).repeat_interleave(each)
        predicted = torch.tensor(order)[labels]
        wrong = torch.rand(len(labels), generator=rng) < errors
        predicted[wrong] = torch.randint(count, (int(wrong.sum()),), generator=rng)
        parts.append(predictions(labels, predicted, count))
    return parts[0], parts[1]


def test_labels_in_order_fit() -> None:
    check = labels_fit(*both([0, 1, 2, 3]), NAMES[:4], by_name=True)
    assert check.status == "ok"


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 2, 3, 0], [0, 1, 3, 2], [2, 0, 1, 3]])
def test_a_permutation_is_named_with_the_line_that_mends_it(order: list[int]) -> None:
    train, test = both(order)
    check = labels_fit(train, test, NAMES[:4], by_name=True)
    assert check.status == "fail"
    line = ",".join(NAMES[order.index(i)] for i in range(4))
    assert f"--class-names {line}." in check.message
    found = better_labels(train, test)
    assert found is not None
    assert found.classes == dict(enumerate(order))


def test_a_background_class_before_the_others_is_a_shift() -> None:
    train, test = both([1, 2, 3, 4], classes=5)
    found = better_labels(train, test)
    assert found is not None
    assert found.shift == 1
    assert "add 1 to every label" in labels_fit(train, test, NAMES[:5], by_name=False).message


def test_names_with_blanks_are_quoted() -> None:
    message = labels_fit(*both([1, 0]), ["no tumour", "it's"], by_name=True).message
    assert """--class-names 'it'"'"'s,no tumour'.""" in message


@pytest.mark.parametrize("names", [["tench, Tinca tinca", "goldfish"], ["0_cat", "1_dog"], ["[a", "b"]])
def test_the_line_is_read_as_it_is_meant(names: list[str]) -> None:
    """Whatever the names hold, what is advised leads to the other order."""
    message = labels_fit(*both([1, 0]), names, by_name=True).message
    words = shlex.split(message[message.index("--class-names") :].removesuffix("."))
    assert listed_class_names(words[1]) == tuple(reversed(names))


def test_two_swapped_of_ten_are_found() -> None:
    order = [0, 1, 2, 3, 4, 5, 6, 9, 8, 7]
    check = labels_fit(*both(order, each=12), NAMES[:10], by_name=True)
    assert check.status == "fail"
    assert "predicted h as j; j as h" in check.message


@given(st.integers(0, 10**6), st.integers(2, 6), st.floats(0.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_random_mistakes_are_never_another_order(seed: int, classes: int, errors: float) -> None:
    """A model that is right or guesses: whatever its accuracy, the labels stand as they are."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(classes).repeat_interleave(12)
    parts = []
    for _ in range(2):
        guess = torch.rand(len(labels), generator=rng) < errors
        predicted = torch.where(guess, torch.randint(classes, labels.shape, generator=rng), labels)
        parts.append(predictions(labels, predicted, classes))
    found = better_labels(*parts)
    assert found is None or found.then.value < 0.5  # chance alone may favour some order of guesses


def test_a_class_never_recognised_is_named() -> None:
    train, test = both([0, 1, 1, 3], errors=0.0)
    check = labels_fit(train, test, NAMES[:4], by_name=True)
    assert (check.status, check.message) == ("warn", "Not one test sample is recognised of c (30 samples).")


def test_outputs_that_are_no_numbers_count_for_nothing() -> None:
    train = both([0, 1])[0]
    train.probabilities[0] = torch.nan
    assert int(agreement(train).sum()) == len(train.split.labels) - 1


def table_of(counts: list[list[int]]) -> Predictions:
    """Predictions of which so many of each label fall into each class."""
    cells = torch.tensor(counts)
    rows = torch.arange(cells.numel()).repeat_interleave(cells.flatten())
    return predictions(rows // cells.shape[1], rows % cells.shape[1], cells.shape[1])


def test_a_class_that_mostly_falls_into_another_is_a_mistake_and_no_other_order() -> None:
    train = table_of([[90, 5, 5], [0, 20, 80], [0, 30, 70]])
    assert better_labels(train, train) is None
    assert labels_fit(train, train, NAMES[:3], by_name=True).status == "ok"


@pytest.mark.parametrize("wrong", ["train", "test"])
def test_labels_of_one_split_alone(wrong: str) -> None:
    right, swapped = both([0, 1, 2, 3])[0], both([1, 0, 2, 3])[0]
    train, test = (swapped, right) if wrong == "train" else (right, swapped)
    check = labels_fit(train, test, NAMES[:4], by_name=True)
    assert check.status == "fail"
    assert check.message.startswith(f"The labels of the {wrong} split stand in another order")
    assert "--class-names" not in check.message


def test_few_test_samples_are_enough_where_training_samples_show_it() -> None:
    order = [1, 0, *range(2, 12)]
    train, test = both(order, each=20, errors=0.0)[0], both(order, each=2, errors=0.0)[0]
    check = labels_fit(train, test, NAMES, by_name=True)
    assert "audit again with --class-names b,a,c" in check.message


def test_samples_in_turns_by_class_are_halved_within_each_class() -> None:
    labels = torch.arange(2).repeat(60)
    right, turned = predictions(labels, labels, 2), predictions(labels, 1 - labels, 2)
    assert "of the train split" in labels_fit(turned, right, NAMES[:2], by_name=True).message

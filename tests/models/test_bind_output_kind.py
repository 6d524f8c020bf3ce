"""What scores are: the table of graph, option and data."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from auditor.errors import InputRefused, UsageError
from auditor.models.base import OutputKind
from auditor.models.output_kind import decide_output_kind

ROWS = torch.tensor([[0.2, 0.8], [0.5, 0.5]])
LOGITS = torch.tensor([[-2.0, 8.0], [0.5, 0.5]])
UNIT = torch.tensor([[0.2, 0.9], [0.5, 0.1]])
COLUMN = torch.tensor([[0.2], [0.9]])


@pytest.mark.parametrize(
    ("scores", "head", "asked", "kind", "status"),
    [
        (ROWS, None, None, "probabilities", "ok"),
        (ROWS + 4e-4, None, None, "probabilities", "ok"),
        (ROWS + 6e-4, None, None, "logits", "warn"),
        (LOGITS, None, None, "logits", "ok"),
        (COLUMN, None, None, "sigmoid", "ok"),
        (COLUMN * 9, None, "logits", "logits", "ok"),
        (UNIT, None, None, "logits", "warn"),
        (UNIT, None, "sigmoid", "sigmoid", "warn"),
        (UNIT, "sigmoid", None, "sigmoid", "warn"),
        (UNIT, None, "logits", "logits", "ok"),
        (ROWS, "logits", None, "logits", "warn"),
        (ROWS, None, "logits", "logits", "warn"),
        (LOGITS, "probabilities", None, "probabilities", "warn"),
        (LOGITS, "logits", "logits", "logits", "ok"),
    ],
)
def test_table(scores: Tensor, head: OutputKind | None, asked: OutputKind | None, kind: OutputKind, status: str):
    decided, check = decide_output_kind(scores, head, asked)
    assert (decided, check.id, check.status) == (kind, "output_kind", status)


@pytest.mark.parametrize(
    ("scores", "head", "asked"),
    [
        (LOGITS, None, "probabilities"),
        (LOGITS, None, "sigmoid"),
        (COLUMN * 9, None, "sigmoid"),
        (ROWS, "logits", "sigmoid"),
    ],
)
def test_contradictions(scores: Tensor, head: OutputKind | None, asked: OutputKind):
    with pytest.raises(UsageError, match="leave the option out"):
        decide_output_kind(scores, head, asked)


@given(st.integers(1, 20), st.integers(2, 12), st.integers(0, 1000), st.sampled_from([0.1, 1.0, 10.0, 1000.0]))
def test_a_softmax_is_always_seen(n: int, c: int, seed: int, scale: float):
    z = scale * torch.randn(n, c, generator=torch.Generator().manual_seed(seed))
    assert decide_output_kind(torch.softmax(z, dim=1), None, None)[0] == "probabilities"
    assert decide_output_kind(torch.log_softmax(z, dim=1), None, None)[0] == "logits"


@pytest.mark.parametrize("head", [None, "logits"])
def test_one_column_of_any_numbers_is_a_regressor_unless_said(head: OutputKind | None):
    with pytest.raises(
        InputRefused, match=r"one column with values from .* a regressor, or one logit; .*--output-kind logits"
    ):
        decide_output_kind(COLUMN * 9, head, None)


def test_one_linear_column_that_lies_in_the_unit_interval_is_no_sigmoid():
    with pytest.raises(InputRefused, match="a regressor, or one logit"):
        decide_output_kind(COLUMN, "logits", None)
    assert decide_output_kind(COLUMN, "logits", "logits")[0] == "logits"


def test_one_column_in_the_unit_interval_needs_a_sigmoid_in_the_graph_or_the_users_word():
    with pytest.raises(InputRefused, match=r"no sigmoid in the graph: a regressor; .*--output-kind sigmoid"):
        decide_output_kind(COLUMN, None, None, bounded_output=False)
    assert decide_output_kind(COLUMN, None, "sigmoid", bounded_output=False)[0] == "sigmoid"
    for bounded_output in (True, None):
        assert decide_output_kind(COLUMN, None, None, bounded_output=bounded_output)[0] == "sigmoid"

"""Models and data that are objects: where they are audited, and what the results say of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import auditor
from tests.api.conftest import DIGITS_FCN

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


def linear() -> torch.nn.Module:
    """A linear classifier of digits, fitted by least squares."""
    x = np.hstack([X, np.ones((len(X), 1), np.float32)])
    weights = np.linalg.lstsq(x, 8 * np.eye(10, dtype=np.float32)[Y], rcond=None)[0]
    layer = torch.nn.Linear(64, 10)
    layer.weight.data, layer.bias.data = torch.tensor(weights[:-1].T.copy()), torch.tensor(weights[-1])
    return layer


def test_a_module_is_audited_here_and_the_results_say_so():
    audit = auditor.audit(
        linear(), (X, Y), class_names=[f"digit {i}" for i in range(10)], pairs=[("digit 3", "digit 9")],
        profile="quick", samples_per_class=16, out="live", format="html",
    )  # fmt: skip
    assert repr(audit) == "<Audit of Linear on arrays: 1 pair>"
    assert audit.pair("digit 3", "digit 9").classes == (3, 9)
    assert audit.problem is None
    (check,) = [check for check in audit.results.validity if check.id == "in_process"]
    assert check.message in Path("live", "report.html").read_text("utf-8").replace("&#39;", "'")
    assert sorted(os.listdir("live")) == ["report.html", "results.json", "run.json"]
    assert auditor.load("live").results == audit.results
    assert audit.results.settings.command == ""


def test_numbers_are_indices_whatever_the_classes_are_called():
    names = [str(9 - i) for i in range(10)]
    audit = auditor.audit(
        linear(), (X, Y), class_names=names, pairs=[(3, 9)], profile="quick", samples_per_class=16, force=True
    )
    assert [(pair.classes, pair.names) for pair in audit.pairs] == [((3, 9), ("6", "0"))]
    verdict = audit.gate({"version": 1, "rules": [{"measure": "performance.accuracy", "min": 1.0}]})
    assert (bool(verdict), verdict.passed) == (False, False)


def test_arrays_go_to_the_worker_of_a_model_file_as_an_archive_would():
    np.savez("d.npz", x=X, y=Y)
    given, read = (auditor.inspect(DIGITS_FCN, data) for data in ((X, Y), "d.npz"))
    assert isinstance(given.data, type(read.data))
    assert given.data.model_copy(update={"name": ""}) == read.data.model_copy(update={"name": ""})
    assert given.data.name == "arrays.npz"
    assert os.listdir() == ["d.npz"]


def test_an_object_has_no_file_to_go_on_from_or_to_inspect():
    with pytest.raises(auditor.UsageError, match="expected a model file with resume=True; found none"):
        auditor.audit(linear(), (X, Y), out="o", resume=True)
    with pytest.raises(auditor.UsageError, match="expected a model file to inspect; found an object"):
        auditor.inspect(linear(), (X, Y))  # type: ignore[arg-type]
    assert os.listdir() == []


def test_what_is_no_data_is_refused_before_anything_is_opened():
    with pytest.raises(auditor.InputRefused):
        auditor.audit(DIGITS_FCN, object())

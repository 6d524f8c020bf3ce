"""Files as scikit-learn's converter writes them: labels of their own beside the scores, text or whole numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from tests.cases.looking import audited, look
from tests.cases.pictures import made

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def digits(*kept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels in [0, 1] ``(N, 64)``, labels, and which of them are for the test."""
    d = load_digits()
    here = np.isin(d.target, kept or range(10))
    return (d.data[here] / 16).astype(np.float32), d.target[here], np.arange(here.sum()) % 4 == 0


def saved(path: Path, node: onnx.NodeProto, labels: int, classes: int) -> Path:
    ends = [
        helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", 64]),
        helper.make_tensor_value_info("output_label", labels, ["N"]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes]),
    ]
    onnx.save(made([node], [], ends[:1], ends[1:]), path)
    return path


def svc_of_two(path: Path) -> Path:
    """A two-class SVC of 3 and 8 without probabilities, node for node as skl2onnx writes it."""
    x, y, test = digits(3, 8)
    svc = SVC(C=5, gamma="scale").fit(x[~test], y[~test])
    dual, vectors = svc.dual_coef_.ravel(), svc.support_vectors_
    node = helper.make_node(
        "SVMClassifier", ["X"], ["output_label", "probabilities"], domain="ai.onnx.ml", classlabels_ints=[3, 8],
        coefficients=(-dual).tolist(), kernel_params=[float(svc._gamma), 0.0, 3.0], kernel_type="RBF",
        post_transform="NONE", rho=(-svc.intercept_).tolist(), support_vectors=vectors.ravel().tolist(),
        vectors_per_class=svc.n_support_.tolist(),
    )  # fmt: skip
    np.savez(
        path.parent / "two.npz",
        x_train=x[~test],
        y_train=(y[~test] == 8) * 1,
        x_test=x[test],
        y_test=(y[test] == 8) * 1,
    )
    return saved(path, node, TensorProto.INT64, 2)


def in_words(path: Path) -> Path:
    """A logistic regression whose classes are words, which stand in the order of text."""
    x, y, test = digits()
    logistic = LogisticRegression(max_iter=300).fit(x[~test], np.array(WORDS)[y[~test]])
    node = helper.make_node(
        "LinearClassifier", ["X"], ["output_label", "probabilities"], domain="ai.onnx.ml",
        classlabels_strings=logistic.classes_.tolist(), coefficients=logistic.coef_.ravel().tolist(),
        intercepts=logistic.intercept_.tolist(), multi_class=1, post_transform="SOFTMAX",
    )  # fmt: skip
    np.savez(path.parent / "ten.npz", x_train=x[~test], y_train=y[~test], x_test=x[test], y_test=y[test])
    return saved(path, node, TensorProto.STRING, 10)


def test_scores_that_contradict_the_labels_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    model = svc_of_two(tmp_path / "svc.onnx")
    status, said = audited(model, tmp_path / "two.npz", capsys=capsys, monkeypatch=monkeypatch)
    assert status == 3
    assert "right are 100 % of the labels and 0 % of the scores' classes" in said
    assert "the two columns of scores stand in reverse" in said
    assert "probability=True" in said
    assert "audit again with" not in said
    assert look(model, tmp_path / "two.npz").checks["label_output"] == "fail"


def test_force_audits_the_scores_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    model = svc_of_two(tmp_path / "svc.onnx")
    status, said = audited(model, tmp_path / "two.npz", "--force", capsys=capsys, monkeypatch=monkeypatch)
    assert status != 0
    assert "internal" not in said


def test_labels_that_are_words_are_classes_by_name(tmp_path: Path):
    model = in_words(tmp_path / "words.onnx")
    seen = look(model, tmp_path / "ten.npz", "--class-names", ",".join(WORDS))
    assert seen.accuracy > 0.95
    assert seen.names == sorted(WORDS)
    assert seen.checks["label_output"] == "ok"


def test_numbers_for_words_without_names_are_refused_with_the_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    model = in_words(tmp_path / "words.onnx")
    status, said = audited(model, tmp_path / "ten.npz", capsys=capsys, monkeypatch=monkeypatch)
    assert status == 3
    assert "The labels stand in another order than the model's classes" in said
    assert "samples are predicted eight as zero; five as one; four as two" in said

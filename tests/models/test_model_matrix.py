"""A quick selection of the model matrix, so that the matrix and what it found stay true."""

from __future__ import annotations

import pytest

from benchmarks.model_matrix.families import all_cases, case_named
from benchmarks.model_matrix.runner import built_and_checked
from benchmarks.model_matrix.table import page

QUICK = {
    "samples/digits_cnn/tracer-9": "right",
    "samples/digits_fcn/traced": "right",
    "batch/dense/tracer-1": "right",
    "batch/cnn/tracer-4": "right",
    "head/log-softmax/tracer": "right",
    "head/one-sigmoid/tracer": "right",
    "head/sharp-softmax/tracer": "right",
    "file/initialisers-among-inputs": "right",
    "file/without-shapes": "right",
    "file/feature-map-as-first-output": "right",
    "type/dense/float16": "right",
    "tensorflow/softmax": "right",
    "paddle/backwards": "right",
    "quantised/dense/qdq": "right",
    "refused/segmenter": "refused",
    "refused/state-dict": "refused",
}


@pytest.mark.parametrize("name", QUICK)
def test_a_row_is_right_or_refused(name, tmp_path):
    row = built_and_checked(case_named(name), tmp_path / "files")
    assert row.verdict == QUICK[name], row.note


def test_a_wrong_reference_is_noticed(tmp_path):
    """The matrix can fail: the file of one case against the reference of another."""
    folder = tmp_path / "files"
    built_and_checked(case_named("head/softmax/tracer"), folder)
    (folder / "reference.pt").unlink()
    other = tmp_path / "other"
    built_and_checked(case_named("head/sharp-softmax/tracer"), other)
    (other / "reference.pt").rename(folder / "reference.pt")
    row = built_and_checked(case_named("head/softmax/tracer"), folder)
    assert row.verdict == "wrong"
    assert any("scores differ" in problem for problem in row.problems)
    assert any("gradient" in problem for problem in row.problems)


def test_the_matrix_is_large_and_its_page_counts_held_out_files_apart(tmp_path):
    cases = all_cases()
    assert len(cases) >= 150
    assert sum(case.held_out for case in cases) >= 30
    row = built_and_checked(case_named("refused/web-page"), tmp_path / "files")
    assert "All files: 1 of 1 (0 right, 1 refused, 0 wrong)" in page([row])
    assert "Held out: 0 of 0" in page([row])

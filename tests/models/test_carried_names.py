"""Class names that a model's file carries, in the ways in which converters and people write them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from auditor.models.carried_names import names_in_archive, names_in_onnx

FRUIT = ("Negative", "apple", "cherry")
AS_OBJECT = json.dumps(dict(enumerate(FRUIT)))


def model(node: onnx.NodeProto | None = None, **metadata: str) -> onnx.ModelProto:
    nodes = [helper.make_node("Identity", ["x"], ["y"]), *([node] if node else [])]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 3]) for name in ("x", "y")]
    made = helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:]))
    helper.set_model_props(made, metadata)
    return made


def zipmap(**attributes: object) -> onnx.NodeProto:
    return helper.make_node("ZipMap", ["y"], ["z"], domain="ai.onnx.ml", **attributes)


def test_labels_of_a_zipmap() -> None:
    found = names_in_onnx(model(zipmap(classlabels_strings=list(FRUIT))))
    assert found is not None
    assert (found.names, found.source) == (FRUIT, "the model's ZipMap")


def test_labels_that_are_numbers_stay_as_text() -> None:
    found = names_in_onnx(model(zipmap(classlabels_int64s=[3, 8])))
    assert found is not None
    assert found.names == ("3", "8")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("names", "{0: 'Negative', 1: 'apple', 2: 'cherry'}"),  # a Python dictionary
        ("labels", "Negative,apple,cherry"),
        ("classes", "Negative\napple\ncherry"),
        ("class_names", '["Negative", "apple", "cherry"]'),
        ("id2label", AS_OBJECT),
        ("config", json.dumps({"num_labels": 3, "tied": True, "id2label": dict(enumerate(FRUIT))})),
        ("class_to_idx", '{"cherry": 2, "apple": 1, "Negative": 0}'),
        ("Labels.txt", "0 Negative\n1 apple\n2 cherry\n"),
    ],
)
def test_metadata_in_their_usual_spellings(key: str, value: str) -> None:
    found = names_in_onnx(model(**{key: value}))
    assert found is not None
    assert found.names == FRUIT
    assert key in found.source


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"description": "a,b,c"},
        {"names": "three classes"},
        {"names": "{0: open('x')}"},
        {"names": "(" * 5000},
        {"labels": "a,a"},
        {"names": "{" + "[" * 5000},
    ],
)
def test_other_metadata_are_no_names(metadata: dict[str, str]) -> None:
    assert names_in_onnx(model(**metadata)) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [("labels.txt", "Negative\napple\ncherry"), ("config.json", json.dumps({"id2label": dict(enumerate(FRUIT))}))],
)
def test_extra_files_of_torchscript(name: str, content: str, tmp_path: Path) -> None:
    module = torch.jit.trace(torch.nn.Linear(2, 3).eval(), torch.zeros(1, 2))
    torch.jit.save(module, str(tmp_path / "m.pt"), _extra_files={name: content.encode()})
    found = names_in_archive(tmp_path / "m.pt")
    assert found is not None
    assert (found.names, found.source) == (FRUIT, f"{name!r} in the model's file")


def test_archives_without_names(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 3).eval(), torch.zeros(1, 2)), str(tmp_path / "m.pt"))
    assert names_in_archive(tmp_path / "m.pt") is None
    (tmp_path / "no.pt").write_bytes(b"no archive")
    assert names_in_archive(tmp_path / "no.pt") is None
    with zipfile.ZipFile(tmp_path / "large.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/extra/labels.txt", "a\n" * (3 << 20))
    assert names_in_archive(tmp_path / "large.pt") is None

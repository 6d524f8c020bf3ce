"""Which class each folder is: text order where nothing has names, by name where something has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from auditor.errors import InputRefused, UsageError
from tests.cases.looking import look
from tests.cases.pictures import FRUIT, both_splits, folder, made, network, pictures

RIPE = ("Ripe", "Bruised", "Green", "Empty")
"""In the model's order, which is not that of text."""


def saved(path: Path, model: onnx.ModelProto) -> Path:
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    "names", [sorted(map(str, range(1, 13))), sorted(["Apple", "hazel", "Fig", "Banana", "Dates", "Elder", "Grape"])]
)
def test_folders_without_names_elsewhere_stand_in_text_order(names: list[str], tmp_path: Path):
    seen = look(saved(tmp_path / "m.onnx", network(len(names))), both_splits(tmp_path / "d", names))
    assert (seen.accuracy, seen.names) == (1.0, names)
    assert seen.checks["labels"] == "ok"


@pytest.mark.parametrize(
    "content",
    [
        "".join(f"{i} {name}\n" for i, name in enumerate(RIPE)).encode(),
        b"\xef\xbb\xbf" + "\r\n".join(RIPE).encode(),
        "\r\n".join(RIPE).encode("utf-16"),
        json.dumps(dict(enumerate(RIPE))).encode(),
        json.dumps({name: i for i, name in enumerate(RIPE)}).encode(),
        "\n".join(RIPE).lower().encode(),
    ],
)
def test_a_file_of_names_in_the_models_order(content: bytes, tmp_path: Path):
    (tmp_path / "labels").write_bytes(content)
    data = both_splits(tmp_path / "d", RIPE)
    seen = look(saved(tmp_path / "m.onnx", network(4)), data, "--class-names", str(tmp_path / "labels"))
    assert seen.accuracy == 1.0


def test_names_that_match_nothing_are_refused_with_both_lists(tmp_path: Path):
    data = both_splits(tmp_path / "d", RIPE)
    with pytest.raises(UsageError, match=r"no name for Bruised, .* among a, b, c, d \(the data have Bruised"):
        look(saved(tmp_path / "m.onnx", network(4)), data, "--class-names", "a,b,c,d")


@pytest.mark.parametrize(
    ("train", "test"),
    [("Training", "Testing"), ("Train", "Test"), ("TRAIN", "VAL"), ("training_set", "test_set"), ("trn", "holdout")],
)
def test_split_folders_under_their_usual_names(train: str, test: str, tmp_path: Path):
    names = ["glioma", "meningioma", "notumor"]
    for part, seed in ((train, 0), (test, 1)):
        folder(tmp_path / "d" / part, *pictures(3, 8, seed), names)
    seen = look(saved(tmp_path / "m.onnx", network(3)), tmp_path / "d")
    assert (seen.accuracy, seen.names) == (1.0, names)


def custom_vision(names: list[str]) -> onnx.ModelProto:
    """Blue first, pixels 0..255, the names in a ZipMap, a label output before it."""
    model = network(len(names), bgr=True, std=1 / 255)
    graph = model.graph
    del graph.output[:]
    labels = helper.make_tensor("labels", TensorProto.STRING, [len(names)], [name.encode() for name in names])
    graph.initializer.append(labels)
    graph.initializer.append(helper.make_tensor("flatten", TensorProto.INT64, [1], [-1]))
    graph.node.extend(
        [
            helper.make_node("Softmax", ["output"], ["probabilities"]),
            helper.make_node("ZipMap", ["probabilities"], ["loss"], domain="ai.onnx.ml", classlabels_strings=names),
            helper.make_node("ArgMax", ["probabilities"], ["best"], axis=1, keepdims=1),
            helper.make_node("Reshape", ["best", "flatten"], ["index"]),
            helper.make_node("ArrayFeatureExtractor", ["labels", "index"], ["row"], domain="ai.onnx.ml"),
            helper.make_node("Reshape", ["row", "flatten"], ["classLabel"]),
        ]
    )
    row = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    graph.output.extend(
        [
            helper.make_tensor_value_info("classLabel", TensorProto.STRING, ["N"]),
            helper.make_value_info("loss", helper.make_sequence_type_proto(row)),
        ]
    )
    return made(list(graph.node), list(graph.initializer), list(graph.input), list(graph.output))


@pytest.mark.parametrize("names", [["Negative", "apple", "banana", "cherry"], ["zebra", "apple", "banana", "cherry"]])
def test_names_in_the_file_blue_first_and_pixels_to_255(names: list[str], tmp_path: Path):
    model = saved(tmp_path / "m.onnx", custom_vision(names))
    data = both_splits(tmp_path / "d", names)
    seen = look(model, data, "--channels", "bgr", "--mean", "0", "--std", "0.00392156862745098")
    assert (seen.accuracy, seen.names) == (1.0, names)
    assert seen.checks["label_output"] == "ok"


@pytest.mark.parametrize("key", ["names", "labels", "class_names"])
def test_names_in_the_metadata_as_yolo_writes_them(key: str, tmp_path: Path):
    model = network(4)
    entry = model.metadata_props.add()
    entry.key, entry.value = key, str(dict(enumerate(RIPE)))
    seen = look(saved(tmp_path / "m.onnx", model), both_splits(tmp_path / "d", RIPE))
    assert (seen.accuracy, seen.names) == (1.0, list(RIPE))


SYNSETS = [f"n{1440764 + 37 * i:08}" for i in range(12)]
SOME = [0, 3, 5, 9]


def of_imagenet(tmp_path: Path) -> tuple[Path, Path]:
    for part, seed in (("train", 0), ("val", 1)):
        x, y = pictures(12, 10, seed)
        kept = np.isin(y, SOME)
        folder(tmp_path / "d" / part, x[kept], y[kept], SYNSETS)
    return saved(tmp_path / "m.onnx", network(12)), tmp_path / "d"


def test_some_folders_of_a_model_of_many_classes_are_found_by_name(tmp_path: Path):
    model, data = of_imagenet(tmp_path)
    words = tmp_path / "synset_words.txt"
    words.write_text("\n".join(f"{id} thing {i}, other word" for i, id in enumerate(SYNSETS)))
    assert look(model, data, "--class-names", ",".join(SYNSETS)).accuracy == 1.0
    assert look(model, data, "--class-names", str(words)).accuracy == 1.0


def test_some_folders_without_names_are_never_the_first(tmp_path: Path):
    with pytest.raises(InputRefused, match=r"12 classes, .*found 4 folders .*give --class-names with 12 names"):
        look(*of_imagenet(tmp_path))


def test_a_hugging_face_folder_says_names_and_pixels(tmp_path: Path):
    (tmp_path / "vit" / "onnx").mkdir(parents=True)
    saved(tmp_path / "vit" / "onnx" / "model.onnx", network(4, mean=0.5, std=0.5))
    (tmp_path / "vit" / "config.json").write_text(json.dumps({"id2label": dict(enumerate(RIPE))}))
    processor = {
        "do_normalize": True,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "size": {"height": 8, "width": 8},
    }
    (tmp_path / "vit" / "preprocessor_config.json").write_text(json.dumps(processor))
    seen = look(tmp_path / "vit", both_splits(tmp_path / "d", RIPE))
    assert (seen.accuracy, seen.names) == (1.0, list(RIPE))
    assert "preprocessor_config.json" in seen.notes


def test_names_of_fruit_stay_as_folders_spell_them(tmp_path: Path):
    model = saved(tmp_path / "m.onnx", network(len(FRUIT)))
    seen = look(model, both_splits(tmp_path / "d", FRUIT), "--class-names", ",".join(FRUIT))
    assert seen.names == list(FRUIT)

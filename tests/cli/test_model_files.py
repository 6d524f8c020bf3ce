"""Files beside a model, as Hugging Face's exporters write them: which is the model, what they say of pixels, names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.api.hugging_face_folder import beside, model_file
from auditor.errors import InputRefused
from tests.cli.test_planning import plan_of

VIT = {
    "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098,
    "size": {"height": 224, "width": 224},
}  # fmt: skip
RESNET = {
    "crop_pct": 0.875, "do_center_crop": True, "crop_size": {"height": 224, "width": 224}, "do_normalize": True,
    "do_resize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3,
    "size": {"shortest_edge": 256},
}  # fmt: skip
OLD = {"do_normalize": True, "do_resize": True, "image_mean": [0.5], "image_std": [0.25], "size": 32}
BYTES = {"do_normalize": False, "do_rescale": False, "do_resize": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vit" / "onnx").mkdir(parents=True)
    (tmp_path / "vit" / "onnx" / "model.onnx").write_bytes(b"")
    return tmp_path / "vit"


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (VIT, {"mean": "0.5,0.5,0.5", "std": "0.5,0.5,0.5", "resize": "224x224", "interpolation": "bilinear"}),
        (
            RESNET,
            {
                "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225", "resize": "256", "interpolation": "bicubic",
                "crop": "224x224",
            },
        ),
        (OLD, {"mean": "0.5", "std": "0.25", "resize": "32x32", "interpolation": "bilinear"}),
        (BYTES, {"mean": "0", "std": "0.00392156863"}),
        ({**VIT, "rescale_factor": 1.0, "do_resize": False}, {"mean": "0.00196078431,0.00196078431,0.00196078431",
                                         "std": "0.00196078431,0.00196078431,0.00196078431"}),
        (
            {"do_resize": False, "do_normalize": False, "rescale_factor": 1 / 127.5, "rescale_offset": True,
             "do_flip_channel_order": True},
            {"mean": "0.5", "std": "0.5", "channels": "bgr"},
        ),
        ({"do_resize": False}, {}),
    ],
)  # fmt: skip
def test_a_preprocessors_options(config: object, options: dict[str, str], folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    assert beside(str(folder / "onnx" / "model.onnx")).options == options


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"image_mean": "x"}, r"numbers for image_mean in preprocessor_config\.json beside the model; found 'x'"),
        ({"image_mean": [0.5], "image_std": [0]}, "positive numbers for image_std"),
        ({"image_mean": [0.5], "image_std": [float("nan")]}, "positive numbers for image_std"),
        ({"size": {"height": 0, "width": 3}}, "pixels from 1 to 16384 for size"),
        ({"size": [1]}, "pixels from 1 to 16384 for size"),
        ({"rescale_factor": -1}, "a positive number for rescale_factor"),
        ([1, 2], r"a JSON object in preprocessor_config\.json .*; found a list"),
        (None, r"a JSON object in preprocessor_config\.json .*; found no JSON"),
    ],
)
def test_a_preprocessor_that_says_nonsense_is_refused_by_name(config: object, message: str, folder: Path) -> None:
    text = "{" if config is None else json.dumps(config)
    (folder / "preprocessor_config.json").write_text(text)
    with pytest.raises(InputRefused, match=message):
        beside(model_file(str(folder)))


def test_what_is_not_followed_is_noted(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({**VIT, "crop_pct": 0.9}))
    assert beside(model_file(str(folder))).notes == (
        "Not followed of preprocessor_config.json: crop_pct; say --resize and --crop as in training.",
    )


def test_the_other_models_of_a_folder_are_named(folder: Path) -> None:
    (folder / "int8.onnx").write_bytes(b"")
    (folder / "onnx" / "fp16.onnx").write_bytes(b"")
    told = "Of the folder onnx/model.onnx is audited, not int8.onnx, onnx/fp16.onnx."
    plan = plan_of(str(folder), "--data", "d")
    assert plan.data is not None
    assert plan.data.notes == (told,)
    alone = plan_of(str(folder / "onnx" / "model.onnx"), "--data", "d")
    assert alone.data is not None
    assert alone.data.notes == ()


@pytest.mark.parametrize(("words", "channels"), [((), "bgr"), (("--channels", "rgb"), "rgb")])
def test_blue_first_is_taken_unless_the_user_says_red(words: tuple[str, ...], channels: str, folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_flip_channel_order": True, "do_resize": False}))
    assert plan_of(str(folder), "--data", "d", *words).model.channels == channels


def test_names_of_the_classes(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"id2label": {"1": "dog", "0": "cat"}}))
    assert beside(model_file(str(folder))).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"id2label": 3}', '{"id2label": {"0": "a", "7": "b"}}', "[" * 9999]
)
def test_other_files_say_nothing(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    assert beside(model_file(str(folder))).class_names is None


def test_what_the_user_says_goes_before(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(RESNET))
    plan = plan_of(str(folder), "--data", "d", "--resize", "64x64")
    assert plan.data is not None
    assert plan.model.path == str(folder / "onnx" / "model.onnx")
    assert plan.model.std == (0.229, 0.224, 0.225)
    assert (plan.data.resize, plan.data.crop, plan.data.interpolation) == ((64, 64), None, "bilinear")
    assert plan.data.notes[:1] == (
        "Pixels are prepared as preprocessor_config.json beside the model says: --mean 0.485,0.456,0.406"
        " --std 0.229,0.224,0.225.",
    )


def test_one_model_in_a_folder_is_the_model_and_several_are_refused(tmp_path: Path) -> None:
    (tmp_path / "best.onnx").write_bytes(b"")
    assert model_file(str(tmp_path)) == str(tmp_path / "best.onnx")
    (tmp_path / "last.onnx").write_bytes(b"")
    with pytest.raises(InputRefused, match=r"one ONNX file; found .*, with best.onnx, last.onnx in it; name the file"):
        model_file(str(tmp_path))
    with pytest.raises(InputRefused, match=r"with none of model\.onnx, onnx/model\.onnx in it"):
        model_file(str(tmp_path.parent / tmp_path.name / ".."))

"""Pixels as the model was trained: depth, pages, sizes, arrays and odd files; read, or named and counted."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

from auditor.errors import InputRefused
from tests.cases.looking import look
from tests.cases.pictures import (
    Array,
    Labels,
    archive,
    both_splits,
    made,
    network,
    patchworks,
    pictures,
    weights,
)

NAMES = ("a", "b", "c")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    onnx.save(network(3), tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


def test_faint_differences_of_twelve_bits_are_kept(tmp_path: Path):
    """Classes that differ by less than one of the 256 levels that 8 bits of 16 leave of values below 4,096."""

    def wide(seed: int) -> tuple[np.ndarray, Labels]:
        y = np.repeat(np.arange(2), 20)
        texture = (patchworks(2, 1)[..., 0] - 128)[y] / 12
        noise = np.random.default_rng(seed).normal(0, 1, texture.shape)
        return (1200 + texture + noise).round().astype(np.uint16), y

    for part, seed in (("train", 0), ("test", 1)):
        for i, (image, label) in enumerate(zip(*wide(seed), strict=True)):
            (tmp_path / "d" / part / "ab"[label]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(tmp_path / "d" / part / "ab"[label] / f"{i}.png")
    w, b = weights(2, 1)
    nodes = [
        helper.make_node("Sub", ["input", "middle"], ["centred"]),
        helper.make_node("Mul", ["centred", "factor"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["output"]),
    ]
    middle, factor = (1200 - 128 / 12) / 4095, 4095 * 12 / 255
    values = {"middle": middle, "factor": factor, "w": w, "b": b}
    constants = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in values.items()]
    ends = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 8, 8]),
        helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 2]),
    ]
    onnx.save(made(nodes, constants, ends[:1], ends[1:]), tmp_path / "m.onnx")
    seen = look(tmp_path / "m.onnx", tmp_path / "d", "--mean", "0", "--std", f"{4095 / 65535:.6g}")
    assert seen.accuracy == 1.0
    assert "Images of 16 bits, divided by 65,535: 80" in seen.notes


def test_files_of_other_suffixes_and_two_pictures_in_one(model: Path, tmp_path: Path):
    data = both_splits(tmp_path / "d", NAMES)
    for i, file in enumerate(sorted((data / "train" / "a").glob("*.png"))[:12]):
        image = Image.open(file)
        image.load()
        file.unlink()
        if i % 4 == 0:
            image.save(file.with_suffix(".jfif"), format="JPEG", quality=95)
        elif i % 4 == 1:
            image.save(file.with_suffix(".gif"))
        elif i % 4 == 2:
            image.save(file.with_suffix(""), format="PNG")
        else:
            image.save(file.with_suffix(".jpg"), "MPO", save_all=True, append_images=[image.resize((4, 4))])
    seen = look(model, data)
    assert seen.accuracy == 1.0
    assert "Files without the suffix of an image, left out: 3 (first train/a/0002)" in seen.notes
    assert "Images of more than one page, of which the first was read: 3." in seen.notes


def test_what_systems_put_into_folders_is_left_out_and_counted(model: Path, tmp_path: Path):
    data = both_splits(tmp_path / "d", NAMES)
    for name in NAMES:
        place = data / "train" / name / "@eaDir" / "0000.png"
        place.mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(place / "SYNOPHOTO_THUMB_M.jpg")
    (data / "train" / "@eaDir").mkdir()
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        (data / "train" / "a" / name).write_bytes(b"x")
    seen = look(model, data)
    assert seen.accuracy == 1.0
    assert "Files without the suffix of an image, left out: 2" in seen.notes
    assert "Hidden files and folders, left out: 4" in seen.notes


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEIC, "HEIC, which is not read: convert it to JPEG or PNG"),
        (b"", "empty file"),
        (b"\0" * 500, "only zero bytes: a copy that was cut short"),
        (b"\0" * 128 + b"DICM" + b"\1" * 9, "DICOM, which is not read"),
        (b"<!DOCTYPE html><title>404</title>", "a web page, not an image: download it again"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"outs:\n- md5: 0123\n", "a DVC pointer"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\3\4", "an archive"),
        (b"<?xml version='1.0'?>\n<svg/>", "SVG"),
        (b"hello", "not an image that can be identified"),
    ],
)
def test_what_is_called_an_image_and_is_none(content: bytes, reason: str, model: Path, tmp_path: Path):
    data = both_splits(tmp_path / "d", NAMES)
    Image.open(data / "train" / "a" / "0000.png").save(
        data / "train" / "a" / "gif.jpg", format="GIF"
    )  # read all the same
    (data / "train" / "a" / "phone.jpg").write_bytes(content)
    with pytest.raises(InputRefused) as refusal:
        look(model, data)
    assert f"1 of 68, the first is train/a/phone.jpg ({reason}" in str(refusal.value)


def test_pages_after_the_first_are_counted_and_not_read(tmp_path: Path):
    onnx.save(network(2, channels=1), tmp_path / "m.onnx")
    for part, seed in (("train", 0), ("test", 1)):
        for i, (image, label) in enumerate(zip(*pictures(2, 15, seed, 1), strict=True)):
            place = tmp_path / "d" / part / ("dead", "live")[label]
            place.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(i).integers(90, 160, (8, 8)).astype(np.uint8)
            pages = [Image.fromarray(page) for page in (noise, image[..., 0])]  # the class shows on the second
            pages[0].save(place / f"{i}.tif", save_all=True, append_images=pages[1:])
    seen = look(tmp_path / "m.onnx", tmp_path / "d")
    assert "Images of more than one page, of which the first was read: 60." in seen.notes
    assert seen.checks["accuracy"] == "fail"


def any_size() -> onnx.ModelProto:
    """Three colours told apart by their average, at any height and width."""
    colours = np.array([[0.9, 0.2, 0.2], [0.2, 0.9, 0.2], [0.2, 0.2, 0.9]], np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["output"]),
    ]
    ends = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, "height", "width"]),
        helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 3]),
    ]
    return made(nodes, [numpy_helper.from_array(20 * colours, "w")], ends[:1], ends[1:])


def photos(root: Path, first: tuple[int, int]) -> Path:
    """Pictures of three colours, of many sizes; the first is an odd one."""
    for part in ("train", "test"):
        for i in range(30):
            place = root / part / NAMES[i // 10]
            place.mkdir(parents=True, exist_ok=True)
            colour = [50, 50, 50]
            colour[i // 10] = 220
            size = first if i == 0 else [(36, 32), (32, 36), (40, 40)][i % 3]
            noise = np.random.default_rng(i).integers(0, 30, (size[1], size[0], 3))
            Image.fromarray((np.array(colour) + noise).astype(np.uint8)).save(place / f"{i:02}.png")
    return root


@pytest.mark.parametrize("first", [(6, 6), (400, 100)])
def test_free_height_and_width_need_a_size_that_is_not_the_first_files(first: tuple[int, int], tmp_path: Path):
    onnx.save(any_size(), tmp_path / "m.onnx")
    data = photos(tmp_path / "d", first)
    with pytest.raises(InputRefused, match=r"expected --resize, .* found 4 sizes, most often .* say how the model was"):
        look(tmp_path / "m.onnx", data)
    assert look(tmp_path / "m.onnx", data, "--resize", "32x32").accuracy == 1.0
    assert look(tmp_path / "m.onnx", data, "--resize", "36", "--crop", "32").accuracy == 1.0


def test_free_axes_of_a_model_of_one_size(tmp_path: Path):
    """As exporters of transformers write a ViT: the size that the model takes is not in the file."""
    onnx.save(network(3, shape=("channels", "height", "width")), tmp_path / "m.onnx")
    data = both_splits(tmp_path / "d", NAMES)
    assert look(tmp_path / "m.onnx", data).accuracy == 1.0
    for file in data.rglob("*.png"):
        Image.open(file).resize((24, 16), Image.Resampling.NEAREST).save(file)
    with pytest.raises(InputRefused):
        look(tmp_path / "m.onnx", data)
    assert look(tmp_path / "m.onnx", data, "--resize", "8x8").accuracy == 1.0


Arrays = tuple[np.ndarray, np.ndarray]
HABITS = {
    "one-hot": lambda x, y: (x, np.eye(3)[y]),
    "one-hot of whole numbers": lambda x, y: (x, np.eye(3, dtype=int)[y]),
    "a column of labels": lambda x, y: (x, y[:, None]),
    "labels as floats": lambda x, y: (x / 255, y.astype(float)),
    "wide pixels": lambda x, y: (x.astype(int), y),
    "channels first": lambda x, y: (x.transpose(0, 3, 1, 2), y),
    "named labels": lambda x, y: (x, np.array(NAMES)[y]),
}


@pytest.mark.parametrize("habit", HABITS)
def test_arrays_as_people_write_them(habit: str, model: Path, tmp_path: Path):
    data = archive(tmp_path / "d.npz", *(HABITS[habit](*pictures(3, 12, seed)) for seed in (0, 1)))
    assert look(model, data).accuracy == 1.0


def test_the_names_of_medmnist_and_class_names_as_bytes(model: Path, tmp_path: Path):
    (x, y), (tx, ty) = pictures(3, 12, 0), pictures(3, 12, 1)
    parts = {"train_images": x, "train_labels": y[:, None], "val_images": tx, "val_labels": ty[:, None]}
    np.savez(tmp_path / "m.npz", **parts, test_images=tx, test_labels=ty[:, None])
    assert look(model, tmp_path / "m.npz").accuracy == 1.0
    named = archive(tmp_path / "n.npz", (x, y), (tx, ty), class_names=np.array(NAMES, "S"))
    assert look(model, named).names == list(NAMES)


def transparent(x: Array, y: Labels) -> Arrays:
    return np.concatenate([x, np.full_like(x[..., :1], 255)], axis=3), y


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x, y: (x, y + 1), "labels from 1 to 3; take 1 from every label"),
        (transparent, "one channel more, probably alpha; leave the last channel out"),
    ],
)
def test_arrays_that_are_refused_for_what_is_wrong_with_them(change: object, said: str, model: Path, tmp_path: Path):
    data = archive(tmp_path / "d.npz", *(change(*pictures(3, 12, seed)) for seed in (0, 1)))  # type: ignore[operator]
    with pytest.raises(InputRefused, match=said):
        look(model, data)


class Bytes(nn.Module):
    """The network of pictures for pixels of uint8."""

    def __init__(self) -> None:
        super().__init__()
        w, b = weights(3)
        self.linear = nn.Linear(*w.shape)
        self.linear.weight.data, self.linear.bias.data = torch.from_numpy(w.T.copy()), torch.from_numpy(b)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear((x.float() / 255).flatten(1))


@pytest.mark.parametrize("suffix", [".pt", ".pt2"])
def test_torch_files_of_uint8(suffix: str, tmp_path: Path):
    example, file = torch.zeros(2, 3, 8, 8, dtype=torch.uint8), tmp_path / f"m{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if suffix == ".pt":
            torch.jit.trace(Bytes().eval(), example).save(str(file))
        else:
            batch = torch.export.Dim("n", min=1, max=1000)
            torch.export.save(torch.export.export(Bytes().eval(), (example,), dynamic_shapes=({0: batch},)), file)
    seen = look(file, both_splits(tmp_path / "d", NAMES), "--trust-model")
    assert seen.accuracy == 1.0
    assert (seen.checks["gradient"], seen.checks["parity"]) == ("ok", "ok")

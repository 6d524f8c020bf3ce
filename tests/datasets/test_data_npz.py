"""``.npz`` files in every shape that is read, and every refusal."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from auditor.class_names import CarriedNames
from auditor.datasets.base import DataRequest, Dataset
from auditor.datasets.load import load_dataset, match_classes
from auditor.errors import InputRefused, UsageError

RNG = np.random.default_rng(0)
LABELS = np.array([0, 1, 2] * 10)
IMAGES = RNG.integers(0, 256, (30, 6, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (30, 3, 6, 5), dtype=np.uint8)
VECTORS = RNG.random((30, 7), dtype=np.float32)


def load(path: Path, arrays: dict[str, Any], **request: Any) -> Dataset:
    np.savez(path / "data.npz", **arrays)
    return load_dataset(DataRequest(str(path / "data.npz"), **request))


def split(x: np.ndarray, y: np.ndarray = LABELS) -> dict[str, np.ndarray]:
    return {"x_train": x[:18], "y_train": y[:18], "x_test": x[18:], "y_test": y[18:]}


def changed(x: np.ndarray, index: Any, value: Any) -> np.ndarray:
    x = x.copy()
    x[index] = value
    return x


@pytest.mark.parametrize(
    ("given", "expected", "notes"),
    [
        (COLOUR, COLOUR, ()),
        (
            COLOUR.transpose(0, 2, 3, 1),
            COLOUR,
            ("Images of shape (18, 6, 5, 3) were read as samples, height, width, channels.",),
        ),
        (IMAGES, IMAGES[:, None], ()),
        (
            IMAGES[..., None],
            IMAGES[:, None],
            ("Images of shape (18, 6, 5, 1) were read as samples, height, width, channels.",),
        ),
        (VECTORS, VECTORS, ()),
        (VECTORS.astype(np.float64), VECTORS, ()),
        (IMAGES.astype(np.float16) / 255, (IMAGES.astype(np.float16) / 255).astype(np.float32)[:, None], ()),
        (VECTORS.astype(">f8"), VECTORS, ()),
        (COLOUR[:, [0, 1, 2, 0]], COLOUR[:, [0, 1, 2, 0]], ()),
    ],
    ids=["nchw", "nhwc", "nhw", "nhw1", "vectors", "float64", "float16", "big-endian", "four-channels"],
)
def test_shapes_and_types(given: np.ndarray, expected: np.ndarray, notes: tuple[str, ...], tmp_path: Path) -> None:
    data = load(tmp_path, split(given))
    for part, index in ((data.train, slice(0, 18)), (data.test, slice(18, None))):
        assert part.pixels.dtype == (torch.uint8 if expected.dtype == np.uint8 else torch.float32)
        assert np.array_equal(part.pixels.numpy(), expected[index])
        assert part.labels.tolist() == LABELS[index].tolist()
    assert data.notes == notes
    assert data.class_names == ("0", "1", "2")
    shown = expected.ndim == 4 and expected.shape[1] in (1, 3)
    assert data.image_shape == (expected.shape[1:] if shown else None)


def test_labels_as_a_column_and_small_integers(tmp_path: Path) -> None:
    data = load(tmp_path, split(IMAGES, LABELS[:, None].astype(np.uint8)))
    assert data.train.labels.tolist() == LABELS[:18].tolist()
    assert data.train.labels.dtype == torch.int64


def test_whole_data_are_split_by_seed(tmp_path: Path) -> None:
    one, same, other = (load(tmp_path, {"x": IMAGES, "y": LABELS}, seed=seed) for seed in (3, 3, 4))
    assert one.test.labels.bincount().tolist() == [2, 2, 2]
    assert one.train.labels.bincount().tolist() == [8, 8, 8]
    assert one.fingerprint == same.fingerprint != other.fingerprint
    together = torch.cat([one.train.pixels, one.test.pixels]).flatten(1).tolist()
    assert sorted(together) == sorted(IMAGES.reshape(30, -1).tolist())
    assert one.notes == ("The data came without a split: 20% of each class, drawn with seed 3, are test samples.",)


@pytest.mark.parametrize(
    "labels",
    [
        np.eye(3)[LABELS], np.eye(3, dtype=int)[LABELS], np.eye(3, dtype=bool)[LABELS], LABELS.astype(float),
        LABELS[:, None], LABELS.astype(np.uint8),
    ],
    ids=["one-hot", "one-hot int", "one-hot bool", "float", "column", "uint8"],
)  # fmt: skip
def test_labels_in_their_usual_forms(labels: np.ndarray, tmp_path: Path) -> None:
    data = load(tmp_path, split(IMAGES, labels))
    assert data.train.labels.tolist() == LABELS[:18].tolist()
    assert data.test.labels.tolist() == LABELS[18:].tolist()


@pytest.mark.parametrize("kind", ["U", "S"])
def test_labels_that_are_names_are_classes_by_name(kind: str, tmp_path: Path) -> None:
    words = np.array(["cow", "ant", "bee"]).astype(kind)[LABELS]
    data = load(tmp_path, split(IMAGES, words))
    assert data.class_names == ("ant", "bee", "cow")
    assert data.order_assumed
    assert data.train.labels.tolist() == [[2, 0, 1][label] for label in LABELS[:18]]
    ordered = load(tmp_path, split(IMAGES, words), class_names=("cow", "ant", "bee"))
    assert ordered.train.labels.tolist() == LABELS[:18].tolist()


@pytest.mark.parametrize(
    "names",
    [("train_images", "train_labels", "test_images", "test_labels"), ("X_train", "y_train", "X_test", "y_test")],
)
def test_other_usual_names_of_arrays(names: tuple[str, ...], tmp_path: Path) -> None:
    arrays = dict(zip(names, split(IMAGES).values(), strict=True))
    assert len(load(tmp_path, arrays).train) == 18


def test_bytes_are_names_and_wide_integers_are_pixels(tmp_path: Path) -> None:
    arrays = {**split(IMAGES.astype(np.int64)), "class_names": np.array(["ant", "bee", "cow"], dtype="S")}
    data = load(tmp_path, arrays)
    assert data.class_names == ("ant", "bee", "cow")
    assert torch.equal(data.train.pixels[:, 0], torch.from_numpy(IMAGES[:18]))


def test_class_names_from_the_file_and_from_the_user(tmp_path: Path) -> None:
    arrays = {**split(IMAGES), "class_names": np.array(["ant", "bee", "cat"])}
    assert load(tmp_path, arrays).class_names == ("ant", "bee", "cat")
    again = load(tmp_path, arrays, class_names=("Bee", "Cat", "Ant"))
    assert again.class_names == ("Bee", "Cat", "Ant")
    by_name = {0: "ant", 1: "bee", 2: "cat"}
    before = load(tmp_path, arrays).train.labels.tolist()
    assert [again.class_names[i].lower() for i in again.train.labels.tolist()] == [by_name[i] for i in before]
    with pytest.raises(UsageError, match="found no name for ant, bee, cat among A, B, C"):
        load(tmp_path, arrays, class_names=("A", "B", "C"))
    with pytest.raises(UsageError, match="found no name for ant, bee, cat among A, B"):
        load(tmp_path, arrays, class_names=("A", "B"))


def test_data_of_some_of_the_models_classes_need_the_models_names(tmp_path: Path) -> None:
    some = split(IMAGES, LABELS * 2)
    with pytest.raises(InputRefused, match="none of class 1 in either split"):
        load(tmp_path, some)
    data = load(tmp_path, some, class_names=("a", "b", "c", "d", "e", "f"))
    assert data.train.labels.unique().tolist() == [0, 2, 4]


OBJECTS = np.array([np.zeros(3), np.zeros(4)] * 15, dtype=object)
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "keys": (
        {"pictures": IMAGES, "labels": LABELS},
        "x_train, y_train, x_test and y_test, or x and y.*found pictures, labels",
    ),
    "no test": ({"x_train": IMAGES, "y_train": LABELS}, "found x_train, y_train"),
    "objects": (split(OBJECTS), "array x_train of data.npz; found Python objects"),
    "object labels": (split(IMAGES, LABELS.astype(object)), "array y_train of data.npz; found Python objects"),
    "integers": (
        split(IMAGES.astype(np.int64) * 9),
        r"uint8 pixels in 0..255 or float pixels in \[0, 1\]; found int64 in x_train",
    ),
    "text": (split(np.full((30, 2), "a")), "found <U1 in x_train"),
    "rank": (split(np.zeros((30, 2, 2, 2, 2), np.uint8)), r"found shape \(18, 2, 2, 2, 2\) in x_train, y_train"),
    "scalars": (split(VECTORS[:, 0]), r"found shape \(18,\)"),
    "length": ({**split(IMAGES), "y_train": LABELS[:17]}, "found 18 samples and 17 labels in x_train, y_train"),
    "length of whole": ({"x": IMAGES, "y": LABELS[:-1]}, "found 30 samples and 29 labels in x, y"),
    "empty": (
        {**split(IMAGES), "x_test": IMAGES[:0], "y_test": LABELS[:0]},
        r"none in x_test, y_test \(shape \(0, 1, 6, 5\)\)",
    ),
    "empty whole": ({"x": IMAGES[:0], "y": LABELS[:0]}, "none in x, y"),
    "no pixels": (split(VECTORS[:, :0]), r"none in x_train, y_train \(shape \(18, 0\)\)"),
    "nan": (
        split(changed(VECTORS, ([4, 9], 2), np.nan)),
        "2 samples with NaN or infinite pixels, the first is sample 4 of x_train, y_train",
    ),
    "infinity": (
        {"x": changed(VECTORS, (29, 0), np.inf), "y": LABELS},
        "1 sample with NaN or infinite pixels, the first is sample 29 of x, y",
    ),
    "normalised": (
        split(VECTORS * 2 - 1),
        r"\(values from -0.\d+ to 0.\d+\), the first is sample 0 .* look normalised already: .*--mean and --std",
    ),
    "bytes as float": (
        split(IMAGES.astype(np.float32)),
        r"\(values from 0 to 255\), the first is sample 0 .*; divide them by 255",
    ),
    "sixteen": (
        split(changed(VECTORS, (5, 1), 16)),
        r"found 1 sample with pixels outside it .* to 16\), the first is sample 5 .*; divide them by 16",
    ),
    "just above": (
        split(changed(VECTORS, (7, 0), np.float32(1.0000001))),
        r"1 sample .* to 1.00000012\), the first is sample 7 .*; clip",
    ),
    "zeros and ones": (
        split((IMAGES > 127).astype(np.uint8)),
        "found no value above 1 in x_train, y_train; multiply them by 255",
    ),
    "broken labels": (split(IMAGES, LABELS + 0.5), "expected integer labels; found float64 in y_train"),
    "two labels a sample": (
        split(IMAGES, np.ones((30, 3), dtype=int)),
        r"found int64 labels of shape \(18, 3\) in x_train, y_train",
    ),
    "negative": (
        split(IMAGES, LABELS - 1),
        "found 6 samples with negative labels, the first is sample 0 of x_train, y_train",
    ),
    "one class": (
        split(IMAGES, LABELS * 0 + 4),
        "expected samples of two or more classes; found samples of class 4 only",
    ),
    "gap": (split(IMAGES, LABELS * 2), "found none of class 1 in either split"),
    "huge label": (split(IMAGES, changed(LABELS, [0, 29], 10**12)), "found none of class 3 in either split"),
    "not in test": (split(IMAGES, changed(LABELS, 0, 3)), "found none of class 3 in the test split"),
    "not in train": (
        split(IMAGES, changed(LABELS, [28, 29], [5, 4])),
        "found none of class 4 in the train split, nor of 1 more",
    ),
    "single sample": (
        {"x": IMAGES, "y": changed(LABELS, 0, 3)},
        "two or more samples of each class.*found one of class 3",
    ),
    "two shapes": (
        {**split(IMAGES), "x_test": IMAGES[18:, :4]},
        r"train samples of shape \(1, 6, 5\), test samples of \(1, 4, 5\)",
    ),
    "few names": ({**split(IMAGES), "class_names": np.array(["a", "b"])}, "found 2 class names and label 2"),
    "many names": (
        {**split(IMAGES), "class_names": np.array(["a", "b", "c", "d"])},
        r"found none of class 3 \(d\) in either split",
    ),
    "names twice": ({**split(IMAGES), "class_names": np.array(["a", "b", "a"])}, "found a name twice"),
    "names as numbers": ({**split(IMAGES), "class_names": np.arange(3)}, r"found int64 of shape \(3,\)"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case: str, tmp_path: Path) -> None:
    arrays, message = REFUSALS[case]
    with pytest.raises(InputRefused, match=message) as caught:
        load(tmp_path, arrays)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["empty", "text", "array", "cut", "damaged"])
def test_files_that_are_no_npz(content: str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **split(IMAGES))
    whole = path.read_bytes()
    if content == "array":
        np.save(tmp_path / "data.npy", IMAGES)
        whole = (tmp_path / "data.npy").read_bytes()
    middle = bytes(byte ^ 255 for byte in whole[300:400])
    path.write_bytes(
        {
            "empty": b"",
            "text": b"no archive",
            "array": whole,
            "cut": whole[:700],
            "damaged": whole[:300] + middle + whole[400:],
        }[content]
    )
    with pytest.raises(InputRefused, match=r"data\.npz") as caught:
        load_dataset(DataRequest(str(path)))
    assert "allow_pickle" not in str(caught.value)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    class Touch:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return Path.touch, (tmp_path / "touched",)  # type: ignore[return-value]

    array = np.empty(30, dtype=object)
    array[:] = [Touch()] * 30
    with pytest.raises(InputRefused, match="Python objects"):
        load(tmp_path, {"x": array, "y": LABELS})
    assert not (tmp_path / "touched").exists()


def test_a_member_that_is_no_array(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        for name in ("x", "y"):
            archive.writestr(f"{name}.npy", "text")
    with pytest.raises(InputRefused, match=r"array x of data\.npz; found something that is no array"):
        load_dataset(DataRequest(str(tmp_path / "data.npz")))


@pytest.mark.parametrize("header", ["(" * 60 + ")" * 40, "{'descr': '<f4', 'shape': (2,", "\\\\", "1 +"])
def test_a_header_that_is_no_python_is_refused(header: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "whole.npz", **split(VECTORS))
    text = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "whole.npz") as whole, zipfile.ZipFile(tmp_path / "data.npz", "w") as made:
        for name in whole.namelist():
            hostile = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
            made.writestr(name, hostile if name == "x_train.npy" else whole.read(name))
    with pytest.raises(InputRefused, match="plain numbers in array x_train"):
        load_dataset(DataRequest(str(tmp_path / "data.npz")))


def test_class_names_that_no_file_can_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="class_names in UTF-8"):
        load(tmp_path, {**split(VECTORS), "class_names": np.array(["a", "\ud800", "c"])})


def test_the_fourth_channel_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "rgba.npz", **split(COLOUR[:, [0, 1, 2, 0]]))
    with pytest.raises(InputRefused, match=r"images of 4 x 6 x 5: one channel more, probably alpha; leave the last"):
        load_dataset(DataRequest(str(tmp_path / "rgba.npz")), (3, 6, 5))


def test_labels_from_one_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", **split(IMAGES, LABELS + 1))
    request = DataRequest(str(tmp_path / "one.npz"))
    with pytest.raises(InputRefused, match="found labels from 1 to 3; take 1 from every label, or add samples"):
        match_classes(load_dataset(request), 3, request)


def test_numbers_that_the_model_gives_to_its_classes_are_the_labels(tmp_path: Path) -> None:
    one = load(tmp_path, split(IMAGES, LABELS + 1), carried=CarriedNames(("1", "2", "3"), "the model's ZipMap"))
    assert one.class_names == ("1", "2", "3")
    assert one.train.labels.tolist() == LABELS[:18].tolist()
    two = load(tmp_path, split(IMAGES, (LABELS == 1) * 5 + 3), carried=CarriedNames(("3", "8"), "the model's ZipMap"))
    assert two.train.labels.tolist() == (LABELS[:18] == 1).astype(int).tolist()


def test_names_of_data_and_model_are_matched(tmp_path: Path) -> None:
    arrays = {**split(IMAGES), "class_names": np.array(["ant", "bee", "cow"])}
    carried = CarriedNames(("Cow", "Ant", "Bee", "Dog"), "the model's metadata")
    data = load(tmp_path, arrays, carried=carried)
    assert data.class_names == ("cow", "ant", "bee", "Dog")
    assert data.train.labels.tolist() == [[1, 2, 0][label] for label in LABELS[:18]]
    with pytest.raises(InputRefused, match="ant, bee, cow, which it does not name"):
        load(tmp_path, arrays, carried=CarriedNames(("x", "y", "z"), "the model's metadata"))


def test_names_given_to_numbers_do_not_say_which_class_they_are(tmp_path: Path) -> None:
    """So no other order of --class-names could mend labels that are wrong."""
    assert not load(tmp_path, split(IMAGES), class_names=("ant", "bee", "cow")).named
    assert load(tmp_path, {**split(IMAGES), "class_names": np.array(["ant", "bee", "cow"])}).named

"""Data that are objects: the same samples as the same arrays in an .npz file, and every refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Subset, TensorDataset

from auditor.datasets.base import DataRequest, Dataset
from auditor.datasets.in_memory import as_npz, in_memory
from auditor.datasets.load import as_vectors, load_dataset
from auditor.errors import InputRefused

RNG = np.random.default_rng(0)
Y = np.array([0, 1, 2] * 10)
GREY = RNG.integers(0, 256, (30, 6, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (30, 3, 6, 5), dtype=np.uint8)
FLOATS = RNG.random((30, 1, 6, 5), dtype=np.float32)
NAMES = ["ant", "bee", "cat"]


def live(data: object, **request: Any) -> Dataset:
    asked = DataRequest("an object", **request)
    return load_dataset(asked, None, in_memory(data, asked.seed))


def filed(folder: Path, arrays: dict[str, Any], **request: Any) -> Dataset:
    np.savez(folder / "data.npz", **arrays)
    return load_dataset(DataRequest(str(folder / "data.npz"), **request))


class Items(TorchDataset[Any]):
    """A data set of (image, label), and whatever else it is given."""

    def __init__(self, images: Any, labels: Any, *more: Any, **attributes: Any) -> None:
        self.rows = list(zip(images, labels, *more, strict=True))
        vars(self).update(attributes)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index]


class Image_:
    pass


class ClassLabel:
    names = NAMES


class Value:
    pass


Image_.__name__ = "Image"


class HuggingFace:
    """The form of ``datasets.Dataset``: features by column, rows that are dictionaries."""

    def __init__(self, images: Any, labels: Any, features: dict[str, Any] | None = None) -> None:
        self.features = features or {"picture": Image_(), "kind": ClassLabel(), "id": Value()}
        self.column_names = list(self.features)
        self.rows = [{"picture": i, "kind": int(k), "id": 7} for i, k in zip(images, labels, strict=True)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def pictures(arrays: np.ndarray) -> list[Image.Image]:
    return [Image.fromarray(a if a.ndim == 2 else np.moveaxis(a, 0, 2)) for a in arrays]


def maite(images: Any) -> Items:
    hot = np.eye(3, dtype=np.float32)[Y]
    metadata = {"id": "three", "index2label": dict(enumerate(NAMES))}
    return Items(images, hot, [{"id": i} for i in range(30)], metadata=metadata)


WHOLE: dict[str, tuple[Callable[[], object], dict[str, Any]]] = {
    "arrays": (lambda: (GREY, Y), {"x": GREY, "y": Y}),
    "tensors": (lambda: (torch.from_numpy(FLOATS).requires_grad_(), torch.from_numpy(Y)), {"x": FLOATS, "y": Y}),
    "lists": (lambda: [GREY.tolist(), Y.tolist()], {"x": GREY, "y": Y}),
    "names for labels": (lambda: (GREY, [NAMES[i] for i in Y]), {"x": GREY, "y": np.array(NAMES)[Y]}),
    "a dictionary": (lambda: {"X": COLOUR, "targets": Y, "names": NAMES},
                     {"x": COLOUR, "y": Y, "class_names": np.array(NAMES)}),
    "pictures": (lambda: (pictures(COLOUR), Y), {"x": COLOUR, "y": Y}),
    "tensors of a data set": (lambda: TensorDataset(torch.from_numpy(FLOATS), torch.from_numpy(Y)),
                              {"x": FLOATS, "y": Y}),
    "a data set of pictures": (lambda: Items(pictures(GREY), Y.tolist(), classes=NAMES),
                               {"x": GREY[:, None], "y": Y, "class_names": np.array(NAMES)}),
    "a part of one": (lambda: Subset(Items(COLOUR, Y, classes=NAMES), range(3, 27)),
                      {"x": COLOUR[3:27], "y": Y[3:27], "class_names": np.array(NAMES)}),
    "Hugging Face": (lambda: HuggingFace(pictures(COLOUR), Y),
                     {"x": COLOUR, "y": Y, "class_names": np.array(NAMES)}),
    "MAITE": (lambda: maite(COLOUR), {"x": COLOUR, "y": Y, "class_names": np.array(NAMES)}),
}  # fmt: skip


@pytest.mark.parametrize("form", WHOLE)
def test_an_object_is_the_same_data_as_its_arrays_in_a_file(form: str, tmp_path: Path) -> None:
    make, arrays = WHOLE[form]
    expected = filed(tmp_path, arrays, seed=3)
    for found in (live(make(), seed=3), filed_by_as_npz(make(), tmp_path)):
        assert found.fingerprint == expected.fingerprint
        assert found.class_names == expected.class_names
        assert (found.notes, found.image_shape) == (expected.notes, expected.image_shape)
        for ours, theirs in ((found.train, expected.train), (found.test, expected.test)):
            assert torch.equal(ours.pixels, theirs.pixels)
            assert torch.equal(ours.labels, theirs.labels)


def filed_by_as_npz(data: object, folder: Path) -> Dataset:
    as_npz(data, folder / "live.npz")
    return load_dataset(DataRequest(str(folder / "live.npz"), seed=3))


SPLIT = {
    "four arrays": (GREY[:18], Y[:18], GREY[18:], Y[18:]),
    "pairs of arrays": ((GREY[:18], Y[:18]), (GREY[18:], Y[18:])),
    "two data sets": (Items(GREY[:18], Y[:18]), Items(GREY[18:], Y[18:])),
    "a dictionary of data sets": {"train": Items(GREY[:18], Y[:18]), "validation": Items(GREY[18:], Y[18:])},
    "a dictionary of pairs": {"train": (GREY[:18], Y[:18]), "test": (GREY[18:], Y[18:])},
    "a dictionary of arrays": {"x_train": GREY[:18], "y_train": Y[:18], "X_test": GREY[18:], "test_labels": Y[18:]},
}


@pytest.mark.parametrize("form", SPLIT)
def test_train_and_test_stay_what_they_are(form: str, tmp_path: Path) -> None:
    arrays = {"x_train": GREY[:18], "y_train": Y[:18], "x_test": GREY[18:], "y_test": Y[18:]}
    assert live(SPLIT[form]).fingerprint == filed(tmp_path, arrays).fingerprint


def test_a_hugging_face_dictionary_has_its_splits_and_names() -> None:
    found = live({"train": HuggingFace(COLOUR[:18], Y[:18]), "test": HuggingFace(COLOUR[18:], Y[18:])})
    assert found.class_names == tuple(NAMES)
    assert torch.equal(found.test.pixels, torch.from_numpy(COLOUR[18:]))


def test_grey_pictures_among_colour_ones_are_repeated() -> None:
    found = live((pictures(GREY[:3]) + pictures(COLOUR[3:]), Y))
    assert found.train.pixels.shape[1:] == (3, 6, 5)
    first = found.train.pixels[0]  # the split keeps the order, and sample 0 or 1 or 2 comes first
    assert torch.equal(first[0], first[2])


def test_labels_that_are_true_or_false_are_two_classes() -> None:
    assert live((GREY, np.asarray(Y) > 0)).train.labels.unique().tolist() == [0, 1]


def test_a_data_set_that_draws_numbers_leaves_none_drawn(tmp_path: Path) -> None:
    class Drawing(Items):
        def __getitem__(self, i: int) -> Any:
            np.random.rand()
            torch.rand(1)
            return super().__getitem__(i)

    before = np.random.get_state()[2], torch.get_rng_state().clone()
    as_npz(Drawing(GREY, Y), tmp_path / "data.npz")
    assert np.random.get_state()[2] == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_images_become_vectors_with_the_sentence_that_says_so() -> None:
    found = as_vectors(live((FLOATS, Y)))
    assert found.train.pixels.shape[1:] == (30,)
    assert found.image_shape == (1, 6, 5)
    assert "flattened to vectors of 30" in found.notes[-1]
    assert as_vectors(found) is found


class Boxes:
    boxes = np.zeros((1, 4))


class Unsized:
    def __iter__(self) -> Any:
        return iter(())


def columns(**features: Any) -> HuggingFace:
    return HuggingFace(COLOUR, Y, features)


class Torn(Items):
    """Fails at its fourth sample, as a file that is damaged makes it."""

    def __getitem__(self, i: int) -> Any:
        if i == 3:
            raise OSError("disk\ngone")
        return super().__getitem__(i)


Audio = type("Audio", (), {})
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "order of train_test_split": (lambda: (GREY[:18], GREY[18:], Y[:18], Y[18:]), "as train_test_split returns them"),
    "three of them": (lambda: (GREY, Y, Y), "found an object of type tuple of 3"),
    "no data": (lambda: 7, "found an object of type int"),
    "no length": (Unsized, "found an object of type Unsized"),
    "other names in a dictionary": (lambda: {"pixels": GREY, "y": Y}, "in the dictionary; found pixels, y"),
    "text": (lambda: Items(["a", "b"] * 15, Y), "found text"),
    "detection": (lambda: Items(COLOUR, [Boxes()] * 30), "found a detection data set"),
    "detection by dictionary": (lambda: Items(COLOUR, [{"boxes": []}] * 30), "found a detection data set"),
    "audio": (lambda: columns(sound=Audio(), kind=ClassLabel()), "found columns sound (audio), kind (ClassLabel)"),
    "two columns of images": (lambda: columns(a=Image_(), b=Image_(), kind=ClassLabel()), "found columns a (Image), b"),
    "items of one": (lambda: TensorDataset(torch.from_numpy(COLOUR)), "found an object of type tuple"),
    "several sizes": (lambda: Items([*COLOUR[:29], COLOUR[0, :, :4]], Y), "found shapes (3, 4, 5) and (3, 6, 5)"),
    "ragged lists": (lambda: ([[1, 2], [3]], [0, 1]), "found an object of type list of several shapes"),
    "objects": (lambda: (np.array([{}] * 30), Y), "of Python objects"),
    "other names in the test": (lambda: (Items(GREY, Y, classes=NAMES), Items(GREY, Y, classes=NAMES[::-1])),
                                "others in each"),
    "pixels that are normalised": (lambda: (FLOATS * 4 - 2, Y), "look normalised already"),
    "pixels up to 16": (lambda: (FLOATS * 16, Y), "divide them by"),
    "one-hot of two classes at once": (lambda: (GREY, np.ones((30, 3))), "integer labels"),
    "a sample that cannot be read": (lambda: Torn(GREY, Y), "OSError at sample 3 of an object of type Torn: disk"),
    "masked values": (lambda: (np.ma.masked_less(FLOATS, 0.1), Y), "found masked values"),
    "an empty data set": (lambda: Items([], []), "none in an object of type Items"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_said_in_one_line(case: str) -> None:
    make, said = REFUSED[case]
    with pytest.raises(InputRefused) as refusal:
        live(make())
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)

"""Data that are objects: arrays, torch, Hugging Face and MAITE data sets become the arrays of an .npz archive.

None of these libraries is imported for it: an object is known by what it has. From the arrays on, everything is that
of ``npz``: the same arrays give the same splits, the same fingerprint and the same refusals, live or in a file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from auditor.class_names import names_by_index
from auditor.datasets.base import RawData
from auditor.datasets.geometry import UNCHANGED
from auditor.datasets.image_file import converted
from auditor.datasets.npz import NAMES, SPLIT, WHOLE, Array, from_arrays, known_arrays
from auditor.errors import AuditError, InputRefused, error_summary

_EXPECTED = "(x, y) or (x_train, y_train, x_test, y_test) as arrays, or a data set of (image, label), or two such"
_TRAIN, _TEST = ("train", "training"), ("test", "validation", "valid", "val")
_IMAGES = ("Image", "Array2D", "Array3D")
"""Kinds of columns in Hugging Face's ``features`` that hold an image."""
_LABELS = ("y", "y_train", "y_test", "labels")
_PLAIN = (tuple, list, str, bytes, Mapping, np.ndarray, Tensor)
_OTHER_DATA = {"Audio": "audio", "Video": "video", "Translation": "text"}


def in_memory(data: object, seed: int) -> RawData:
    """Both splits of an object, as those of the same arrays in an archive.

    Raises:
        InputRefused: it is no data of images or vectors with one class each.
    """
    return from_arrays(arrays_of(data), seed)


def as_npz(data: object, path: Path) -> None:
    """Write an object's arrays to a file, for a process that is not to be handed objects.

    Raises:
        InputRefused: as ``in_memory``.
    """
    with random_numbers_kept():
        np.savez(path, allow_pickle=False, **arrays_of(data))


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """A block after which the random numbers of torch, NumPy and Python are where they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    # A GPU that nobody has used has none to keep, and would be opened by the question.
    with torch.random.fork_rng(range(torch.cuda.device_count() * torch.cuda.is_initialized())):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)


def arrays_of(data: object) -> dict[str, Array]:
    """The arrays of an object under the names of an .npz archive.

    Args:
        data: ``(x, y)``, ``(x_train, y_train, x_test, y_test)`` or ``((x_train, y_train), (x_test, y_test))`` of NumPy
            arrays, tensors or lists; a dictionary of arrays by those names; a torch ``Dataset``, Hugging Face
            ``Dataset`` or MAITE data set; two of one kind as a tuple or a dictionary of train and test.
    Raises:
        InputRefused: it is something else; one line says what.
    """
    if isinstance(data, Mapping):
        train, test = (next((data[name] for name in names if name in data), None) for names in (_TRAIN, _TEST))
        if train is not None:
            return _of_splits(train, test)
        known = known_arrays([*map(str, data)], "the dictionary")
        return {key: _array(data[name], name) for key, name in known.items()}
    if _is_dataset(data):
        return _of_splits(data)
    if not isinstance(data, tuple | list) or len(data) not in (2, 4):
        raise _refused(_EXPECTED, f"{_a(data)}{f' of {len(data)}' if isinstance(data, tuple | list) else ''}")
    if len(data) == 2 and (any(map(_is_dataset, data)) or all(isinstance(p, tuple) and len(p) == 2 for p in data)):
        return _of_splits(*data)
    arrays = {key: _array(value, key) for key, value in zip(WHOLE if len(data) == 2 else SPLIT, data, strict=True)}
    if len(data) == 4 and arrays["y_train"].ndim > 1 and arrays["y_train"].shape[1:] == arrays["x_train"].shape[1:]:
        found = "a second array of the samples' own shape, as train_test_split returns them"
        raise InputRefused("(x_train, y_train, x_test, y_test)", found, "put y_train before x_test")
    return arrays


def _of_splits(train: object, test: object = None) -> dict[str, Array]:
    """The arrays of one whole, or of train and test."""
    wholes = [_whole(part) for part in (train, *([] if test is None else [test]))]
    names = {names for _, _, names in wholes if names}
    if len(names) > 1:
        raise InputRefused("the same class names in train and test", "others in each", "give both in one order")
    values = [value for x, y, _ in wholes for value in (x, y)]
    arrays = dict(zip(WHOLE if test is None else SPLIT, values, strict=True))
    return {**arrays, NAMES: np.array(names.pop())} if names else arrays


def _whole(part: object) -> tuple[Array, Array, tuple[str, ...]]:
    """Samples, labels and class names of one split."""
    if isinstance(part, tuple) and len(part) == 2:
        return _array(part[0], "x"), _array(part[1], "y"), ()
    if not _is_dataset(part):
        raise _refused("a data set with a length, of which [i] is (image, label)", _a(part))
    whole: Any = part
    columns = _columns(whole)
    images, labels, place = [], [], "in its length"
    try:
        for i in range(len(whole)):
            place = f"at sample {i}"
            image, label = _pair(whole[i], columns)
            images.append(_image(image))
            labels.append(label)
    except AuditError:
        raise
    except Exception as err:  # whatever the data set's own code raises
        found = f"{type(err).__name__} {place} of {_a(part)}: {error_summary(err)}"
        raise InputRefused("a data set that can be read to its end", found, "mend the data set") from err
    if not images:
        raise InputRefused("samples", f"none in {_a(part)}", "add samples")
    return _stacked(images, "the data set"), _array(labels, "labels"), _names(whole, columns)


def _is_dataset(data: object) -> bool:
    """Whether it is indexed by place and has a length, and is no array and no plain container itself."""
    indexed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    return indexed and not isinstance(data, _PLAIN) and not hasattr(data, "__array__")


def _columns(whole: Any) -> tuple[str, str] | None:
    """The columns of images and of classes in a Hugging Face data set; None for other data sets.

    Raises:
        InputRefused: there is not exactly one of each.
    """
    features = getattr(whole, "features", None)
    if not isinstance(features, Mapping):
        return None
    kinds = {name: type(feature).__name__ for name, feature in features.items()}
    images = [name for name, kind in kinds.items() if kind in _IMAGES]
    labels = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    labels = labels or [name for name in ("label", "labels") if kinds.get(name) == "Value"]
    if len(images) == 1 and len(labels) == 1:
        return images[0], labels[0]
    found = ", ".join(f"{name} ({_OTHER_DATA.get(kind, kind)})" for name, kind in kinds.items())
    raise InputRefused(
        "one column of images and one of classes (ClassLabel)",
        f"columns {found}",
        "select these two columns of a data set of images",
    )


def _pair(item: Any, columns: tuple[str, str] | None) -> tuple[Any, Any]:
    """Image and label of one item; what stands behind them, as MAITE's metadata do, is no matter.

    Raises:
        InputRefused: it is none, or one of text or detection.
    """
    if columns is not None:
        return item[columns[0]], item[columns[1]]
    if not isinstance(item, tuple | list) or len(item) < 2:
        raise _refused("items (image, label)", _a(item))
    image, label = item[0], item[1]
    if isinstance(image, str | bytes):
        raise _refused("items (image, label)", "text")
    if isinstance(label, Mapping) or hasattr(label, "boxes"):
        raise _refused("one class for each image", "a detection data set (several objects in an image)")
    return image, label


def _image(image: Any) -> Array:
    if not isinstance(image, Image.Image):
        return _array(image, "an image")
    try:
        return converted(image, UNCHANGED).pixels.numpy()
    except ValueError as err:
        raise InputRefused("images of 8 or 16 bits", str(err), "convert them to RGB or grey") from err


def _stacked(images: Sequence[Array], name: str) -> Array:
    """One array of them all; grey images among colour ones are repeated into three channels."""
    colour = next((image.shape for image in images if image.ndim == 3 and image.shape[0] == 3), None)
    if colour is not None:
        grey = (1, *colour[1:])
        images = [np.broadcast_to(image, colour) if image.shape == grey else image for image in images]
    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        found = f"shapes {shapes[0]} and {shapes[-1]} in {name}"
        raise InputRefused("samples of one shape", found, "resize them alike, as the model was trained")
    return np.stack(images)


def _names(whole: Any, columns: tuple[str, str] | None) -> tuple[str, ...]:
    """The data set's own class names, those of the whole for a part of one (torch's ``Subset``)."""
    if columns is not None:
        return tuple(map(str, getattr(whole.features[columns[1]], "names", ())))
    metadata = getattr(whole, "metadata", None)
    if isinstance(metadata, Mapping) and isinstance(metadata.get("index2label"), Mapping):
        return names_by_index(metadata["index2label"])
    classes = getattr(whole, "classes", None)
    if isinstance(classes, Sequence) and not isinstance(classes, str):
        return tuple(map(str, classes))
    return _names(whole.dataset, None) if hasattr(whole, "dataset") else ()


def _array(value: Any, name: str) -> Array:
    """A NumPy array of one type and shape.

    Raises:
        InputRefused: it makes none.
    """
    if isinstance(value, Tensor):
        value = value.detach().to_dense().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()  # NumPy has no bfloat16
    if isinstance(value, tuple | list) and value and isinstance(value[0], Tensor | Image.Image):
        return _stacked([_image(one) for one in value], name)
    try:
        if np.ma.is_masked(value):
            raise InputRefused(f"every value of {name}", "masked values", "fill them, or leave these samples out")
        array = np.asarray(value)
    except (TypeError, ValueError) as err:
        raise InputRefused(
            f"one array for {name}", f"{_a(value)} of several shapes", "give samples of one shape"
        ) from err
    if array.dtype == object:
        raise InputRefused(f"plain numbers for {name}", f"{_a(value)} of Python objects", "give an array of numbers")
    return array.astype(np.int64) if array.dtype == bool and name in _LABELS else array


def _a(value: object) -> str:
    return f"an object of type {type(value).__name__}"


def _refused(expected: str, found: str) -> InputRefused:
    return InputRefused(expected, found, "audit an image classifier on labelled images or vectors")

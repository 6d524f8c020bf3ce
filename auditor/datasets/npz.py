"""``.npz`` archives of NumPy: ``x_train, y_train, x_test, y_test``, or ``x, y`` and a split by seed.

Images are ``(N, C, H, W)``, ``(N, H, W)`` or ``(N, H, W, C)``, vectors ``(N, D)``; uint8 in 0..255, float in [0, 1],
or other whole numbers in 0..255; labels are whole numbers ``(N,)`` or ``(N, 1)``, or one-hot ``(N, C)``. An array
``class_names`` of strings is optional. The names of MedMNIST (``train_images``, ``train_labels``, ...) and of Keras'
users (``X_train``) are taken as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auditor.datasets.base import DataRequest, RawData, Split, path_source
from auditor.datasets.label_checks import check_split
from auditor.datasets.splits import stratified
from auditor.errors import InputRefused

Array = NDArray[Any]

SPLIT, WHOLE, NAMES = ("x_train", "y_train", "x_test", "y_test"), ("x", "y"), "class_names"
_ALIASES = {
    **{f"x_{part}": (f"X_{part}", f"{part}_x", f"{part}_images", f"{part}_data") for part in ("train", "test")},
    **{f"y_{part}": (f"Y_{part}", f"{part}_y", f"{part}_labels") for part in ("train", "test")},
    "x": ("X", "images", "data"),
    "y": ("Y", "labels", "targets"),
    NAMES: ("classes", "label_names", "names"),
}
_KEYS = "arrays x_train, y_train, x_test and y_test, or x and y"
_AGAIN = "write the file with numpy.savez"


def _is_npz(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".npz"


@path_source("npz", "a file .npz with x_train, y_train, x_test, y_test, or with x, y", _is_npz)
def load(request: DataRequest) -> RawData:
    """Both splits: images uint8 or float32 ``(N, C, H, W)``, vectors ``(N, D)``.

    Raises:
        InputRefused: the file, an array or a value in it cannot be used.
    """
    return from_arrays(_read(Path(request.data)), request.seed)


def from_arrays(arrays: dict[str, Array], seed: int) -> RawData:
    """Both splits of arrays under the names of an archive.

    Args:
        arrays: ``x_train, y_train, x_test, y_test`` or ``x, y``, and ``class_names`` if there are any.
        seed: of the split where they have none.
    Raises:
        InputRefused: an array or a value in it cannot be used.
    """
    arrays = dict(arrays)
    spelled = _spelled_labels(arrays)
    names = spelled or _class_names(arrays)
    if "x" in arrays:
        train, test, note = stratified(_split(arrays, ""), seed, names)
        return RawData(train, test, names, notes=(*_axes_note(arrays["x"]), note), by_name=bool(spelled))
    train, test = _split(arrays, "_train"), _split(arrays, "_test")
    return RawData(train, test, names, notes=_axes_note(arrays["x_train"]), by_name=bool(spelled))


def _spelled_labels(arrays: dict[str, Array]) -> tuple[str, ...]:
    """Names of the classes in text order where labels are names, which become their positions; none otherwise."""
    keys = [key for key in ("y", "y_train", "y_test") if key in arrays]
    if not all(arrays[key].dtype.kind in "US" for key in keys):
        return ()
    texts = {key: _as_text(arrays[key]).ravel() for key in keys}
    names, positions = np.unique(np.concatenate([*texts.values()]), return_inverse=True)
    ends = np.cumsum([len(text) for text in texts.values()])[:-1]
    arrays.update(zip(keys, np.split(positions.astype(np.int64), ends), strict=True))
    return _checked(names)


def _as_text(names: Array) -> Array:
    if names.dtype.kind != "S":
        return names
    return np.array([name.decode("utf-8", "replace") for name in names.ravel().tolist()]).reshape(names.shape)


def _read(path: Path) -> dict[str, Array]:
    """The arrays of the data; pickles are never loaded."""
    try:
        archive = np.load(path, allow_pickle=False)
    except Exception as err:  # NumPy and zipfile raise all kinds of errors for damaged archives
        # NumPy's own text would advise to load pickles.
        raise InputRefused("an .npz archive", f"{path.name}, which is damaged or of another kind", _AGAIN) from err
    if isinstance(archive, np.ndarray):
        raise InputRefused(f"an archive with {_KEYS}", f"a single array in {path.name}", _AGAIN)
    with archive:
        return {key: _array(archive, name, path) for key, name in known_arrays(archive.files, path.name).items()}


def known_arrays(names: Sequence[str], place: str) -> dict[str, str]:
    """Each array that is needed, with the name under which it is there.

    Args:
        names: of all arrays.
        place: where they are, for the message.
    Raises:
        InputRefused: neither both splits nor samples with labels are among them.
    """
    there = dict(_stored_names(names))
    keys = next((keys for keys in (SPLIT, WHOLE) if set(keys) <= set(there)), None)
    if keys is None:
        raise InputRefused(f"{_KEYS} in {place}", ", ".join(names) or "no array", "give the data under these names")
    return {key: there[key] for key in (*keys, *({NAMES} & set(there)))}


def _stored_names(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each array that is known, with the name under which the file has it."""
    for key, others in _ALIASES.items():
        if name := next((name for name in (key, *others) if name in files), None):
            yield key, name


def _array(archive: Any, key: str, path: Path) -> Array:
    expected = f"plain numbers in array {key} of {path.name}"
    try:
        array = archive[key]
    except Exception as err:  # a header is Python text, so that even its tokenizer may complain
        if "allow_pickle" in str(err):
            raise InputRefused(expected, "Python objects", "store numbers of one type and shape") from err
        raise InputRefused(expected, f"damaged data ({err or type(err).__name__})", _AGAIN) from err
    if not isinstance(array, np.ndarray):
        raise InputRefused(expected, "something that is no array", _AGAIN)
    return array


def _split(arrays: dict[str, Array], end: str) -> Split:
    split = Split(_pixels(arrays[f"x{end}"], f"x{end}"), _labels(arrays[f"y{end}"], f"y{end}"))
    check_split(split, f"x{end}, y{end}")
    return split


def _pixels(x: Array, name: str) -> Tensor:
    if x.dtype.kind in "iu" and x.dtype != np.uint8 and x.size and x.min() >= 0 and x.max() <= 255:
        x = x.astype(np.uint8)  # pixels of 0..255 in a wider type
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise InputRefused(
            "uint8 pixels in 0..255 or float pixels in [0, 1]", f"{x.dtype} in {name}", "convert them to one of the two"
        )
    x = np.ascontiguousarray(x, dtype=np.uint8 if x.dtype == np.uint8 else np.float32)
    if x.ndim == 3:
        x = x[:, None]
    elif _channels_last(x):
        x = np.ascontiguousarray(np.moveaxis(x, 3, 1))
    return torch.from_numpy(x)


def _labels(y: Array, name: str) -> Tensor:
    if y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "iufb" and _is_one_hot(y):
        y = y.argmax(axis=1)
    elif y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.rint(y)).all():
        y = y.astype(np.int64)
    if y.dtype.kind not in "iu":
        advice = "store the index of each sample's class as an integer, and names in class_names"
        raise InputRefused("integer labels", f"{y.dtype} in {name}", advice)
    # Keras keeps labels as a column.
    return torch.from_numpy(np.ascontiguousarray(y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y, dtype=np.int64))


def _is_one_hot(y: Array) -> bool:
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


def _channels_last(x: Array) -> bool:
    """Whether images are ``(N, H, W, C)``: the axis of 1 or 3 is the channels, else the shorter one."""
    if x.ndim != 4 or x.shape[1] in (1, 3):
        return False
    return x.shape[3] in (1, 3) or x.shape[3] < x.shape[1]


def _axes_note(x: Array) -> tuple[str, ...]:
    shape = tuple(map(int, x.shape))
    return (f"Images of shape {shape} were read as samples, height, width, channels.",) if _channels_last(x) else ()


def _class_names(arrays: dict[str, Array]) -> tuple[str, ...]:
    """The names in the archive, none if it has none."""
    names = arrays.get(NAMES)
    if names is None:
        return ()
    names = _as_text(names)
    if names.dtype.kind != "U" or names.ndim != 1 or len(set(names.tolist())) < len(names):
        found = (
            f"{names.dtype} of shape {names.shape}" if names.dtype.kind != "U" or names.ndim != 1 else "a name twice"
        )
        raise InputRefused("class_names as different strings, one for each class", found, "correct or omit class_names")
    return _checked(names)


def _checked(names: Array) -> tuple[str, ...]:
    for name in names.tolist():
        if name != name.encode("utf-8", "replace").decode("utf-8"):
            raise InputRefused("class_names in UTF-8", f"the name {name[:40]!r}", "correct or omit class_names")
    return tuple(names.tolist())

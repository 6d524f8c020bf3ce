"""Checks on samples and labels: each refusal says how many offend and which is the first.

They are made on the samples as read, so that an index is one that the user can look up.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from auditor.datasets.base import Dataset, RawData, Split
from auditor.errors import InputRefused


def check_split(split: Split, place: str) -> None:
    """Check lengths, pixels and labels of one split.

    Args:
        split: pixels ``(N, C, H, W)`` or ``(N, D)``, uint8 or float; labels ``(N,)``.
        place: where the samples are, such as ``"the train split"``.
    Raises:
        InputRefused: no samples, another number of labels, or values that are no pixels or no labels.
    """
    if len(split.pixels) != len(split.labels):
        found = f"{len(split.pixels):,} samples and {len(split.labels):,} labels in {place}"
        raise InputRefused("one label for each sample", found, "check how the data were written")
    if not split.pixels.numel():
        raise InputRefused("samples", f"none in {place} (shape {_shape(split.pixels)})", "add samples")
    if split.pixels.dim() not in (2, 4):
        found = f"shape {_shape(split.pixels)} in {place}"
        raise InputRefused("images (N, C, H, W) or vectors (N, D)", found, "reshape them")
    if split.pixels.dtype == torch.uint8:
        _check_bytes(split.pixels, place)
    elif split.pixels.is_floating_point():
        _check_floats(split.pixels, place)
    else:
        found = f"{_dtype(split.pixels)} in {place}"
        raise InputRefused("uint8 pixels in 0..255 or float pixels in [0, 1]", found, "convert them to one of the two")
    _check_indices(split.labels, place)


def _check_bytes(pixels: Tensor, place: str) -> None:
    if int(pixels.max()) <= 1:
        found = f"no value above 1 in {place}"
        raise InputRefused("uint8 pixels in 0..255", found, "multiply them by 255, or store them as float")


def _check_floats(pixels: Tensor, place: str) -> None:
    low, high = (float(end) for end in pixels.aminmax())  # both NaN if any pixel is
    if low >= 0 and high <= 1:
        return
    _refuse_any(~pixels.isfinite(), place, "finite pixels", "NaN or infinite pixels", "repair or remove them")
    found = f"pixels outside it (values from {low:.9g} to {high:.9g})"
    _refuse_any((pixels < 0) | (pixels > 1), place, "float pixels in [0, 1]", found, _scaling_advice(low, high))


def _scaling_advice(low: float, high: float) -> str:
    if low < 0:
        return "these look normalised already: give pixels in [0, 1], and the normalisation by --mean and --std"
    if 1.5 < high <= 255:
        return f"divide them by {'255' if high > 16 else f'{high:.9g}'}, or store pixels of 0..255 as uint8"
    return "scale them to [0, 1]" if high > 255 else "clip them to [0, 1]"


def _check_indices(labels: Tensor, place: str) -> None:
    if labels.dim() != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        found = f"{_dtype(labels)} labels of shape {_shape(labels)} in {place}"
        raise InputRefused("integer labels of shape (N,)", found, "store the index of each sample's class")
    _refuse_any(labels < 0, place, "labels from 0 on", "negative labels", "number the classes from 0 on")


def _refuse_any(bad: Tensor, place: str, expected: str, offence: str, action: str) -> None:
    """Refuse if ``bad`` (bool ``(N, ...)``) holds anywhere; count samples, name the first."""
    rows = torch.nonzero(bad.flatten(1).any(dim=1) if bad.dim() > 1 else bad).flatten()
    if len(rows):
        found = f"{_samples(len(rows))} with {offence}, the first is sample {int(rows[0])} of {place}"
        raise InputRefused(expected, found, action)


def check_classes(raw: RawData, *, all_present: bool) -> None:
    """Check that both splits have samples of the same two or more classes, in one shape.

    Args:
        raw: data whose splits passed ``check_split``.
        all_present: whether a class without any sample is refused; not so where the names are the
            model's and the data are of some of its classes only.
    Raises:
        InputRefused: a class has no samples, there is one class only, or a class has no name.
    """
    if raw.train.pixels.shape[1:] != raw.test.pixels.shape[1:]:
        found = f"train samples of shape {_shape(raw.train.pixels[0])}, test samples of {_shape(raw.test.pixels[0])}"
        raise InputRefused("one shape for all samples", found, "give both splits the same shape")
    train, test = (split.labels.unique().tolist() for split in (raw.train, raw.test))
    present = sorted({*train, *test})
    if len(present) == 1:
        found = f"samples of {class_text(present[0], raw.class_names)} only"
        raise InputRefused("samples of two or more classes", found, "add samples of another class")
    if raw.class_names and present[-1] >= len(raw.class_names):
        found = f"{len(raw.class_names)} class names and label {present[-1]}"
        raise InputRefused("a name for every class", found, "add the missing names")
    for name, labels in (("train", train), ("test", test)):
        _refuse_missing(sorted({*present} - {*labels}), f"the {name} split", raw.class_names)
    if all_present:
        total = max(len(raw.class_names), present[-1] + 1)
        missing = next((i for i, label in enumerate([*present, total]) if i != label), total)
        if missing == 0 and not raw.class_names and present == list(range(1, total)):
            raise InputRefused(
                "labels from 0 on",
                f"labels from 1 to {present[-1]}",
                "take 1 from every label, or add samples of class 0",
            )
        if missing < total:
            _refuse_missing([missing], "either split", raw.class_names)


def _refuse_missing(missing: Sequence[int], place: str, names: Sequence[str]) -> None:
    if missing:
        more = f", nor of {len(missing) - 1} more" if len(missing) > 1 else ""
        found = f"none of {class_text(missing[0], names)} in {place}{more}"
        raise InputRefused("samples of every class in both splits", found, "add samples of it, or leave the class out")


def check_labels(dataset: Dataset, num_classes: int) -> None:
    """Check that every label is one of the model's classes.

    Raises:
        InputRefused: with the count, the first offender and the model's number of classes.
    """
    labels = torch.cat([dataset.train.labels, dataset.test.labels])
    if (int(labels.min()), int(labels.max())) == (1, num_classes):
        raise InputRefused(
            f"labels from 0 to {num_classes - 1}, because the model has {num_classes} classes",
            f"labels from 1 to {num_classes}",
            "take 1 from every label",
        )
    for name, split in (("train", dataset.train), ("test", dataset.test)):
        rows = torch.nonzero(split.labels >= num_classes).flatten()
        if len(rows):
            first = int(rows[0])
            raise InputRefused(
                f"labels from 0 to {num_classes - 1}, because the model has {num_classes} classes",
                f"{_samples(len(rows))} beyond in the {name} split, the first is sample {first}"
                f" with {class_text(int(split.labels[first]), dataset.class_names)}",
                "audit the model on data of its own classes",
            )


def class_text(label: int, names: Sequence[str]) -> str:
    """A class in words: its index, and its name where that says more.

    >>> class_text(3, ["ant", "bee", "cat", "dog"]), class_text(3, [])
    ('class 3 (dog)', 'class 3')
    """
    known = label < len(names) and names[label] != str(label)
    return f"class {label} ({names[label]})" if known else f"class {label}"


def _samples(count: int) -> str:
    return f"{count:,} sample{'' if count == 1 else 's'}"


def _shape(x: Tensor) -> str:
    return str(tuple(x.shape))


def _dtype(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")

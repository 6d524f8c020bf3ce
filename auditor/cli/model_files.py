"""What lies beside a model: a Hugging Face folder's model file, its names of classes and its preprocessing.

Read here, in the parent, because the worker is shown the model's file alone. Only numbers and names are taken.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.bounded_file import read_text
from auditor.class_names import NoClassNames, read_class_names
from auditor.errors import InputRefused

_MODELS = ("model.onnx", "onnx/model.onnx")
_LARGEST = 4 << 20
_RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
"""Pillow's numbers, which the files use."""


@dataclass(frozen=True)
class Beside:
    """What the files beside a model say, by the names of options; and which file said it.

    Args:
        class_names: of ``config.json``; None where it has none.
        options: ``mean``, ``std``, ``resize``, ``crop`` and ``interpolation`` of ``preprocessor_config.json``.
        sources: the files read.
    """

    class_names: tuple[str, ...] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


def model_file(given: str) -> str:
    """The model's file: a folder as Hugging Face's exporters write it stands for the one in it.

    Raises:
        InputRefused: a folder without one, or with several.
    """
    folder = Path(given)
    if not os.path.isdir(given):  # unlike Path.is_dir, without an error for what no name can be
        return given
    known = [folder / name for name in _MODELS if (folder / name).is_file()]
    if not known:
        known = sorted(path for path in [*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")] if path.is_file())
    if len(known) == 1 or (known and known[0].name == "model.onnx"):
        return str(known[0])
    found = f"{', '.join(path.name for path in known[:4])} in it" if known else f"none of {', '.join(_MODELS)} in it"
    raise InputRefused("a model file, or a folder with one ONNX file", f"{folder}, with {found}", "name the file")


def beside(model: str) -> Beside:
    """What ``config.json`` and ``preprocessor_config.json`` beside a model (or above its ``onnx`` folder) say."""
    file = Path(model)
    folder = file.parent.parent if file.parent.name == "onnx" and not _has_config(file.parent) else file.parent
    config, preprocessor = _read(folder / "config.json"), _read(folder / "preprocessor_config.json")
    names, options = _names(config), _options(preprocessor)
    said = [name for name, there in (("config.json", names), ("preprocessor_config.json", options)) if there]
    return Beside(names, options, tuple(said))


def _has_config(folder: Path) -> bool:
    return any(os.path.isfile(folder / name) for name in ("config.json", "preprocessor_config.json"))


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where the file is missing or something else."""
    try:
        document = json.loads(read_text(path, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _names(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    if not isinstance(config.get("id2label"), dict):
        return None
    try:
        return read_class_names(json.dumps({"id2label": config["id2label"]}).encode())
    except NoClassNames:
        return None


def _options(config: Mapping[str, Any]) -> dict[str, str]:
    """Options that prepare pixels as an image processor of transformers does."""
    options = dict[str, str]()
    mean, std = (_numbers(config.get(name)) for name in ("image_mean", "image_std"))
    scale = config.get("rescale_factor", 1 / 255)
    rescaled = config.get("do_rescale", True) and isinstance(scale, int | float) and scale > 0
    factor = 1.0 if not rescaled else scale * 255  # pixels in [0, 1] times this are what mean and std refer to
    if not rescaled and (mean or std):
        factor = 255.0
    if config.get("do_normalize", True) and mean and std:
        options |= {"mean": _text(x / factor for x in mean), "std": _text(x / factor for x in std)}
    elif not rescaled and config:
        options |= {"mean": "0", "std": _text([1 / 255])}
    size, crop = config.get("size"), config.get("crop_size")
    if config.get("do_resize", True) and (resize := _size(size)):
        options["resize"] = resize
        if name := _RESAMPLE.get(config.get("resample", 2)):
            options["interpolation"] = name
    if config.get("do_center_crop", False) and (cut := _size(crop)):
        options["crop"] = cut if "x" in cut else f"{cut}x{cut}"
    return options


def _size(value: object) -> str | None:
    """``256`` or ``224x224`` from a number, ``{"shortest_edge": 256}`` or ``{"height": 224, "width": 224}``."""
    if isinstance(value, dict):
        if isinstance(value.get("height"), int) and isinstance(value.get("width"), int):
            return f"{value['height']}x{value['width']}"
        value = value.get("shortest_edge")
        return str(value) if isinstance(value, int) and value > 0 else None
    return f"{value}x{value}" if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _numbers(value: object) -> list[float] | None:
    if isinstance(value, list) and value and all(isinstance(x, int | float) for x in value):
        return [float(x) for x in value]
    return None


def _text(numbers: Any) -> str:
    return ",".join(f"{number:.9g}" for number in numbers)

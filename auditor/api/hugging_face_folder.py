"""What lies beside a model: a Hugging Face folder's model file, its names of classes and its preprocessing.

Read here, in the parent, because the worker is shown the model's file alone. Only numbers and names are taken.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.bounded_file import read_text
from auditor.class_names import NoClassNames, read_class_names
from auditor.errors import InputRefused

_MODELS = ("model.onnx", "onnx/model.onnx")
PREPROCESSOR = "preprocessor_config.json"
_NOT_FOLLOWED = ("crop_pct", "do_pad", "do_thumbnail", "do_align_long_axis", "do_convert_grayscale", "do_grayscale")
"""What image processors do besides, and this tool does not."""
_LARGEST = 4 << 20
_RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
"""Pillow's numbers, which the files use."""


@dataclass(frozen=True)
class Beside:
    """What the files beside a model say, by the names of options; and which file said it.

    Args:
        class_names: of ``config.json``; None where it has none.
        options: ``mean``, ``std``, ``channels``, ``resize``, ``crop`` and ``interpolation`` of
            ``preprocessor_config.json``.
        notes: what of it is not followed, in whole sentences.
    """

    class_names: tuple[str, ...] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def model_file(given: str) -> str:
    """The model's file: a folder as Hugging Face's exporters write it stands for the one in it.

    Raises:
        InputRefused: a folder without one, or with several.
    """
    folder = Path(given)
    if not os.path.isdir(given):  # unlike Path.is_dir, without an error for what no name can be
        return given
    known = [folder / name for name in _MODELS if (folder / name).is_file()] or _models_in(folder)
    if len(known) == 1 or (known and known[0].name == "model.onnx"):
        return str(known[0])
    found = f"{', '.join(path.name for path in known[:4])} in it" if known else f"none of {', '.join(_MODELS)} in it"
    raise InputRefused("a model file, or a folder with one ONNX file", f"{folder}, with {found}", "name the file")


def other_models(given: str, chosen: str) -> tuple[str, ...]:
    """A sentence on the models of a folder that were not chosen, if there are any."""
    if given == chosen:
        return ()
    others = [str(path.relative_to(given)) for path in _models_in(Path(given)) if str(path) != chosen]
    more = f" and {len(others) - 4} more" if len(others) > 4 else ""
    listed = f"{', '.join(others[:4])}{more}"
    return (f"Of the folder {Path(chosen).relative_to(given)} is audited, not {listed}.",) if others else ()


def _models_in(folder: Path) -> list[Path]:
    return sorted(path for path in [*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")] if path.is_file())


def beside(model: str) -> Beside:
    """What ``config.json`` and ``preprocessor_config.json`` beside a model (or above its ``onnx`` folder) say.

    Raises:
        InputRefused: a preprocessor_config.json that cannot be read, or holds values that prepare no pixels.
    """
    file = Path(model)
    folder = file.parent.parent if file.parent.name == "onnx" and not _has_config(file.parent) else file.parent
    preprocessor = _read(folder / PREPROCESSOR, needed=True)
    ignored = sorted(key for key in _NOT_FOLLOWED if preprocessor.get(key))
    note = f"Not followed of {PREPROCESSOR}: {', '.join(ignored)}; say --resize and --crop as in training."
    return Beside(_names(_read(folder / "config.json")), _options(preprocessor), (note,) * bool(ignored))


def _has_config(folder: Path) -> bool:
    return any(os.path.isfile(folder / name) for name in ("config.json", "preprocessor_config.json"))


def _read(path: Path, *, needed: bool = False) -> dict[str, Any]:
    """A JSON object; an empty one where there is no such file, or, unless it is needed, something else."""
    if not os.path.lexists(path):
        return {}
    try:
        document = json.loads(read_text(path, _LARGEST))
    except (OSError, ValueError, RecursionError) as err:
        document, found = None, err.strerror if isinstance(err, OSError) else "no JSON that can be read"
    else:
        found = f"a {type(document).__name__}"
    if isinstance(document, dict):
        return document
    if needed:
        raise InputRefused(f"a JSON object in {path.name} beside the model", str(found), "mend or remove that file")
    return {}


def _names(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    if not isinstance(config.get("id2label"), dict):
        return None
    try:
        return read_class_names(json.dumps({"id2label": config["id2label"]}).encode())
    except NoClassNames:
        return None


def _options(config: Mapping[str, Any]) -> dict[str, str]:
    """Options that prepare pixels as an image processor of transformers does.

    It takes pixels x of 0..255 to (x * rescale_factor - offset - image_mean) / image_std.
    """
    options = dict[str, str]()
    factor = _number(config, "rescale_factor", 1 / 255) * 255 if config.get("do_rescale", True) else 255.0
    offset = 1.0 if config.get("rescale_offset") and config.get("do_rescale", True) else 0.0
    mean, std = ([0.0], [1.0])
    if config.get("do_normalize", True) and config.get("image_mean") is not None:
        mean, std = _numbers(config, "image_mean"), _numbers(config, "image_std")
    if config and (factor, offset, mean, std) != (1.0, 0.0, [0.0], [1.0]):
        options |= {"mean": _text((m + offset) / factor for m in mean), "std": _text(s / factor for s in std)}
    if config.get("do_flip_channel_order"):
        options["channels"] = "bgr"
    if config.get("do_resize", True) and (resize := _size(config, "size")):
        options["resize"] = resize
        if name := _RESAMPLE.get(config.get("resample", 2)):
            options["interpolation"] = name
    if config.get("do_center_crop", False) and (cut := _size(config, "crop_size")):
        options["crop"] = cut if "x" in cut else f"{cut}x{cut}"
    return options


def _size(config: Mapping[str, Any], key: str) -> str | None:
    """``256`` or ``224x224`` from a number, ``{"shortest_edge": 256}`` or ``{"height": 224, "width": 224}``."""
    value = config.get(key)
    edges: list[Any] = [value, value]
    if isinstance(value, dict):
        edges = [value.get("height"), value.get("width")] if "height" in value else [value.get("shortest_edge")]
    if value is None or edges == [None]:
        return None
    if not all(isinstance(edge, int) and not isinstance(edge, bool) and 1 <= edge <= 1 << 14 for edge in edges):
        raise _unusable(key, value, "pixels from 1 to 16384")
    return "x".join(str(edge) for edge in edges)


def _number(config: Mapping[str, Any], key: str, default: float) -> float:
    value = config.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise _unusable(key, value, "a positive number")
    return float(value)


def _numbers(config: Mapping[str, Any], key: str) -> list[float]:
    value = config.get(key)
    values: list[Any] = value if isinstance(value, list) else [value]
    fits = values and all(isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) for x in values)
    if not fits or (key == "image_std" and min(values) <= 0):
        raise _unusable(key, value, "positive numbers" if key == "image_std" else "numbers")
    return [float(x) for x in values]


def _unusable(key: str, value: object, expected: str) -> InputRefused:
    return InputRefused(
        f"{expected} for {key} in {PREPROCESSOR} beside the model", f"{value!r:.60}", "mend or remove that file"
    )


def _text(numbers: Any) -> str:
    return ",".join(f"{number:.9g}" for number in numbers)

"""From what was asked for, as options of a command or as keyword arguments, to the plan that the worker gets."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditor.api.hugging_face_folder import PREPROCESSOR, beside, model_file, other_models
from auditor.api.output_folder import INSTANCES
from auditor.bounded_file import LARGEST_SMALL, read_bounded
from auditor.class_names import NoClassNames, as_list, listed_class_names, read_class_names
from auditor.datasets.geometry import INTERPOLATIONS, parse_resize
from auditor.documents.plan import DataPlan, ModelPlan, Plan
from auditor.documents.profiles import profile_named
from auditor.documents.results import ModelFacts
from auditor.errors import UsageError

_NOT_OF_RESULTS = frozenset({"data_root", "download", "out", "format", "policy", "baseline", "resume",
                             "save_instances", "config", "jobs", "engine", "engine_address",
                             "quiet", "verbose"})  # fmt: skip
"""Options that leave the numbers as they are."""
_PLAIN = ("max_skip", "max_pairs", "samples_per_class", "seed", "report_pairs")
"""Options that are one number."""


def plan_from(asked: Mapping[str, Any], defaults: Mapping[str, Any], folder: Path | None = None) -> Plan:
    """The plan for these options; one that a job lacks keeps the plan's default.

    Args:
        asked: values as a program or a command line has them, by the names of keyword arguments.
        defaults: of the job's arguments, in their order.
        folder: to write to.
    Raises:
        UsageError: a value is bad.
    """
    given = {name: _as_option(name, value) for name, value in asked.items()}
    _check_text(given)
    given["notes"], given["carried_names"] = (), None
    if not is_live(asked["model"]):
        folder_of_model, given["model"] = given["model"], model_file(given["model"])
        given["notes"] = other_models(folder_of_model, given["model"])
        _take_from_beside(given)
    given["command"] = "" if is_live(asked["model"]) or is_live(asked["data"]) else command_line(given, defaults)
    given["channels"] = given["channels"] or "rgb"
    given["root"] = given.pop("data_root")
    given["class_names"] = _names(asked["class_names"], given["class_names"])
    given |= {name: _size(name, given[name]) for name in ("resize", "crop")}
    given["interpolation"] = _interpolation(given["interpolation"])
    given["time_budget"] = _seconds(given.get("time_budget"))
    profile_named(given.get("profile", "standard"))
    if given.pop("save_instances", False) and folder is not None:
        given["instances_folder"] = str(folder / INSTANCES)
    try:
        model = _model_plan(given)
        data = DataPlan(**_fields(DataPlan, given)) if given["data"] is not None else None
        return Plan(**{**_fields(Plan, given), "model": model, "data": data})
    except ValidationError as err:
        raise _complaint(err) from err


def model_plan_from(asked: Mapping[str, Any]) -> ModelPlan:
    """The plan for a model alone, whose file is ``path``.

    Raises:
        UsageError: a value is bad.
    """
    given = {name: _as_option(name, value) for name, value in asked.items() if name in ModelPlan.model_fields}
    _check_text({"model": given["path"], **given})
    try:
        return _model_plan({**given, "model": model_file(given["path"])})
    except ValidationError as err:
        raise _complaint(err) from err


def is_live(thing: object) -> bool:
    """Whether a model or data are an object of this process, and no name or path."""
    return thing is not None and not isinstance(thing, str | os.PathLike)


def _as_option(name: str, value: Any) -> Any:
    """A Python value as it would stand on the command line: lists become texts with commas, objects their kind."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | os.PathLike):
        return str(os.fspath(value))
    if name in ("model", "data", "policy", "baseline"):
        return "arrays" if isinstance(value, tuple | list | Mapping) else type(value).__name__
    value = value.tolist() if hasattr(value, "tolist") else value  # NumPy's and torch's numbers
    if name in _PLAIN:
        return value
    if not isinstance(value, Iterable):
        return str(value)
    if name == "class_names":
        names = [str(one) for one in value]
        return as_list(names) if names else ""
    if name == "pairs":
        return ",".join(one if isinstance(one, str) else _pair_as_option(one) for one in value)
    return ("x" if name in ("resize", "crop") else ",").join(map(str, value))


def _pair_as_option(pair: Iterable[Any]) -> str:
    """Two classes as ``--pairs`` takes them: numbers are indices, whatever the names are.

    Raises:
        UsageError: a name cannot stand in a list with commas.
    """
    classes = [one if isinstance(one, str) else f"#{one}" for one in pair]
    if comma := next((one for one in classes if "," in one), None):
        raise UsageError(f"expected a class whose name has a comma by its index; found {comma!r}; correct --pairs")
    return ":".join(classes)


def _complaint(err: ValidationError) -> UsageError:
    """The first value that is out of its range or of no kind that fits."""
    first = err.errors(include_url=False)[0]
    name = str(first["loc"][0]).replace("_", "-") if first["loc"] else "option"
    return UsageError(f"expected for --{name}: {first['msg']}; found {first['input']!r}; correct it")


def command_line(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """The command that makes the same results anywhere: files without folders, options that change results alone."""
    words = ["deepdig-audit"]
    for name, default in defaults.items():
        value = given.get(name)
        if name in _NOT_OF_RESULTS or value is None or value is False or value == default:
            continue
        text = str(value)
        if name in ("model", "data") or (name == "class_names" and _is_there(Path(text))):
            text = _last_part(text)
        option = f"--{name.replace('_', '-')}"
        if name == "model":
            words.append(text if not text.startswith("-") and "." in text else f"./{text}")
        else:
            words += [option] if value is True else [option, text]
    return shlex.join(words)


def _last_part(path: str) -> str:
    return os.path.basename(os.path.abspath(path)) or path


def _take_from_beside(given: dict[str, Any]) -> None:
    """Fill in what the files beside the model say and the user does not."""
    said = beside(given["model"])
    given["carried_names"] = said.class_names
    taken = dict[str, str]()
    for group in (("mean", "std"), ("resize", "crop", "interpolation"), ("channels",)):
        if all(given[name] is None for name in group):
            taken |= {name: said.options[name] for name in group if name in said.options}
    given |= taken
    options = " ".join(f"--{name} {value}" for name, value in taken.items())
    note = f"Pixels are prepared as {PREPROCESSOR} beside the model says: {options}."
    given["notes"] = (*given["notes"], *((note,) if taken else ()), *said.notes)


def plan_to_revisit(asked: Mapping[str, Any], audited: ModelFacts) -> Plan:
    """The plan for asking a model about the boundary instances of another, reading it as its audit did.

    Args:
        asked: ``model``, its file, ``instances``, their folder, and the options that say how the model is to be read.
        audited: the model in its results, whose file this must be.
    Raises:
        UsageError: an option says otherwise than the audit.
    """
    given = {name: _as_option(name, value) for name, value in asked.items()}
    _check_text(given)
    given |= {"model": model_file(given["model"]), "expect_sha256": audited.sha256, **_as_audited(given, audited)}
    try:
        return Plan.model_validate({"model": _model_plan(given), "data": {"data": given["instances"]}})
    except ValidationError as err:
        raise _complaint(err) from err


def _as_audited(given: Mapping[str, Any], audited: ModelFacts) -> dict[str, Any]:
    """The options that say how the model is read, from its results.

    Raises:
        UsageError: one that the user gave differs.
    """
    options: dict[str, Any] = {"output_kind": audited.output_kind, "channels": given["channels"] or "rgb"}
    if (way := audited.reading) is not None:
        options |= {"layout": way.layout if way.layout in ("nchw", "nhwc") else "auto", "channels": way.channels}
        options |= {name: _joined(numbers) for name, numbers in (("mean", way.mean), ("std", way.std))}
        options["output"] = way.output
    for name, value in options.items():
        said = given[name]
        if said in (None, "auto") or _same_option(name, said, value):
            continue
        option = f"--{name.replace('_', '-')}"
        before = f"{option} {value}" if value is not None else f"no {option}"
        raise UsageError(
            f"expected the model to be read as in its audit, with {before}; found {option} {said}; leave {option} out"
        )
    return options


def _same_option(name: str, said: str, value: str | None) -> bool:
    """Whether two texts of an option mean the same: a single number is that of every channel."""
    if name not in ("mean", "std"):
        return said == value
    mine, its = _numbers(name, said) or (), _numbers(name, value) or ({"mean": 0.0, "std": 1.0}[name],)
    return (len(set(mine)) == len(set(its)) == 1 and mine[0] == its[0]) or mine == its


def _joined(numbers: Sequence[float] | None) -> str | None:
    return None if numbers is None else ",".join(map(repr, numbers))


def _model_plan(given: dict[str, Any]) -> ModelPlan:
    sha256 = given["expect_sha256"]
    if sha256 and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise UsageError(f"expected 64 hexadecimal digits; found {sha256!r}; correct --expect-sha256")
    numbers = {name: _numbers(name, given[name]) for name in ("mean", "std")}
    _check_together(numbers["mean"], numbers["std"])
    return ModelPlan(**{**_fields(ModelPlan, given), **numbers, "path": given["model"]})


def _check_together(mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> None:
    """Refuse a mean alone, which is half of a normalisation, and two of different lengths.

    Raises:
        UsageError: they are so.
    """
    if mean is not None and std is None and any(mean):
        raise UsageError(
            "expected --std beside --mean; found a mean alone; give both, and --std 1 if the model only subtracts"
        )
    if mean is not None and std is not None and len(mean) != len(std) and 1 not in (len(mean), len(std)):
        raise UsageError(
            f"expected as many values for --mean as for --std, or one; found {len(mean)} and {len(std)};"
            " give one for each channel"
        )


def _check_text(given: dict[str, Any]) -> None:
    """Refuse what no file is called, and what results.json cannot hold: file names and words that are not UTF-8."""
    if given["model"] is None or not str(given["model"]).strip():
        raise UsageError("expected a model file; found an empty name; give MODEL")
    for name, value in given.items():
        if "\0" in str(value):
            raise UsageError(f"expected --{name.replace('_', '-')} without a null character; found one; correct it")
        try:
            str(value).encode()
        except UnicodeEncodeError as err:
            option = "MODEL" if name == "model" else f"--{name.replace('_', '-')}"
            raise UsageError(f"expected {option} in UTF-8; found {value!s}; rename the file or correct it") from err


def _fields(document: type[DataPlan] | type[ModelPlan] | type[Plan], given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in document.model_fields if name in given}


def _numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(text)
    except ValueError as err:
        raise UsageError(f"expected numbers separated by commas; found {text!r}; correct --{option}") from err
    if option == "std" and not all(number > 0 for number in numbers):
        raise UsageError(f"expected positive numbers; found {text!r}; correct --std")
    return numbers


def _size(option: str, text: str | None) -> int | tuple[int, int] | None:
    """``N`` or ``HxW`` of ``--resize``; of ``--crop`` a single number is both."""
    if text is None:
        return None
    try:
        size = parse_resize(text)
    except ValueError as err:
        raise UsageError(f"expected pixels such as 224 or 224x320; found {text!r}; correct --{option}") from err
    return (size, size) if option == "crop" and isinstance(size, int) else size


def _interpolation(text: str | None) -> str:
    if text is None:
        return "bilinear"
    if text not in INTERPOLATIONS:
        raise UsageError(f"expected --interpolation to be one of {', '.join(INTERPOLATIONS)}; found {text!r}; use one")
    return text


def _seconds(text: str | None) -> float | None:
    """Seconds from ``90``, ``90s``, ``1.5m`` or ``2h``.

    >>> _seconds("10m")
    600.0
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([smh]?)\s*", text)
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise UsageError(f"expected a time such as 90s, 10m or 2h; found {text!r}; correct --time-budget")
    return seconds


def _is_there(path: Path) -> bool:
    """Whether a path names anything; a text that is too long for a name, or holds a NUL, names nothing."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _names(asked: object, text: str | None) -> tuple[str, ...] | None:
    """Class names from a file, from a list with commas, or from a list of Python's."""
    if text is None:
        return None
    path = Path(text)
    is_file = not is_live(asked) and _is_there(path)
    try:
        return read_class_names(read_bounded(path, LARGEST_SMALL)) if is_file else listed_class_names(text)
    except OSError as err:
        found = f"{path}: {err.strerror}"
        raise UsageError(f"expected a text file of class names; found {found}; correct --class-names") from err
    except NoClassNames as err:
        where = f" in {path}" if is_file else f", and no file at {text}" if "," not in text else ""
        raise UsageError(
            f"expected a file or a list of two or more different class names; found {err}{where}; correct --class-names"
        ) from err

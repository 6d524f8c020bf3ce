"""The command and the function are one: the same options, the same defaults, the same files."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import auditor
from auditor.api import audit_objects as audits
from auditor.api import functions as jobs
from auditor.api.arguments import defaults_of
from auditor.api.plan_from_options import plan_from
from auditor.cli.app import app
from tests.api.conftest import DIGITS_FCN, SMALL
from tests.cli.command import environment, run
from tests.cli.test_planning import plan_of

OF_THE_COMMAND = {"help", "config", "json"}
"""Ways to give options, and to print."""


def options(command: str) -> dict[str, Any]:
    """Arguments and options of a command by their names on the command line, with their defaults."""
    group: Any = typer.main.get_command(app)
    found = group.commands[command].params
    return {max(p.opts, key=len).removeprefix("--").replace("-", "_"): p.default for p in found}


@pytest.mark.parametrize(
    ("command", "function", "other"),
    [("(main)", jobs.audit, {"quiet"}), ("inspect", jobs.inspect, set()), ("compare", audits.compare, {"quiet"})],
)
def test_each_option_is_an_argument_of_the_same_default(command: str, function: Any, other: set[str]):
    arguments = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    declared = {name: default for name, default in options(command).items() if name not in OF_THE_COMMAND}
    files = {"out", "format"} if command == "compare" else set()  # those of ``AuditComparison.report``
    assert set(declared) - files == set(arguments)
    for name in set(arguments) - other:
        default = None if arguments[name] is inspect.Parameter.empty else arguments[name]
        assert (declared[name], name) == (default, name)


def test_the_files_are_those_of_the_command_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", environment()["SOURCE_DATE_EPOCH"])
    given = ["--pairs", "3:9", "--profile", "quick", "--samples-per-class", "16", "--std", "1.0,1.0"]
    os.symlink(DIGITS_FCN, tmp_path / "m.onnx")
    done = run(["m.onnx", "--data", "digits", *given[:-2], "--out", "a", "--format", "html,csv"], tmp_path)
    assert done.status == 0, done.stderr
    audit = auditor.audit("m.onnx", "digits", **SMALL, out="b", format=["html", "csv"])
    assert sorted(path.name for path in audit.written) == ["report.html", "results.json", "samples.csv"]
    for name in ("results.json", "report.html", "samples.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert audit.run is not None
    assert audit.run.command == ""
    assert "audit.journal" not in os.listdir("b")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"mean": 0.5}, "expected --std beside --mean; found --mean alone"),
    ({"mean": (0.1, 0.2, 0.3), "std": [1, 1]}, "found 3 and 2; give one for each channel"),
    ({"std": 0}, "expected positive numbers; found '0'; correct --std"),
    ({"layout": "chw"}, "for --layout: Input should be 'auto', 'nchw', 'nhwc' or 'flat'; found 'chw'"),
    ({"seed": 2**32}, "for --seed: Input should be less than 4294967296; found 4294967296"),
    ({"samples_per_class": 1}, "for --samples-per-class: .* greater than or equal to 2; found 1"),
    ({"max_skip": 1.5}, "for --max-skip: .* less than or equal to 1; found 1.5"),
    ({"profile": "fast"}, "a profile of quick, standard, thorough, paper; found 'fast'"),
    ({"pairs": [(3, 3)]}, "two different classes in a pair; found '#3:#3'"),
    ({"pairs": []}, "name at least one pair"),
    ({"pairs": (3, 9)}, "such as .'cat', 'dog'. or .3, 8.; found 3"),
    ({"pairs": [("a", "b", "c")]}, "found .'a', 'b', 'c'."),
    ({"pairs": [("a", "c, d")]}, "expected a class whose name has a comma by its index; found 'c, d'"),
    ({"time_budget": 0}, "a time such as 90s, 10m or 2h; found '0'"),
    ({"class_names": []}, "two or more different class names; found 0 names"),
    ({"class_names": ["a"]}, "two or more different class names; found 1 names"),
    ({"class_names": ["a", "a"]}, "found the name 'a' twice"),
    ({"resize": (0, 5)}, "expected pixels such as 224 or 224x320; found '0x5'"),
    ({"generator": "depdig"}, "did you mean deepdig"),
    ({"expect_sha256": "abc"}, "64 hexadecimal digits"),
    ({"out": " "}, "a place to write to; found an empty name"),
    ({"out": "o", "format": ["html", "docx"]}, "found docx"),
    ({"resume": True}, "expected --out with --resume; found none"),
    ({"save_instances": True}, "expected --out with --save-instances"),
    ({"baseline": "b.json"}, "expected --policy with --baseline"),
    ({"policy": {"version": 1, "rules": []}}, "at least one .*rules.* in the policy"),
    ({"policy": "none.toml"}, "found none.toml: No such file"),
]


@pytest.mark.parametrize(("model", "data", "said"), [(None, "digits", "give MODEL"), (DIGITS_FCN, None, "give --data")])
def test_nothing_is_no_model_and_no_data(model: Any, data: Any, said: str):
    with pytest.raises(auditor.UsageError, match=said):
        auditor.audit(model, data)


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=[str(given) for given, _ in REFUSED])
def test_what_the_command_refuses_is_refused_in_one_line(given: dict[str, Any], said: str):
    with pytest.raises(auditor.UsageError, match=said) as caught:
        auditor.audit(DIGITS_FCN, "digits", **given)
    assert "\n" not in str(caught.value)
    assert os.listdir() == []


def test_values_of_python_make_the_plan_of_the_command():
    given: dict[str, Any] = {
        "mean": np.array([0.5, 0.25, 0.125]), "std": 0.5, "seed": np.int64(7),
        "pairs": [("a", "b"), (0, 2)], "class_names": ["a", "b", "c, d"],
        "time_budget": 90.0, "resize": (24, 32), "crop": 20, "max_skip": 0.25, "data_root": Path("root"),
        "channels": "rgb",
    }  # fmt: skip
    defaults = defaults_of(jobs.audit)
    plan = plan_from({**defaults, **given, "model": Path("m.onnx"), "data": "digits"}, defaults)
    typed = plan_of(
        "m.onnx", "--data", "digits", "--mean", "0.5,0.25,0.125", "--std", "0.5", "--pairs", "a:b,#0:#2",
        "--class-names", '["a", "b", "c, d"]', "--time-budget", "90.0", "--resize", "24x32", "--crop", "20",
        "--max-skip", "0.25",
        "--data-root", "root", "--channels", "rgb", "--seed", "7",
    )  # fmt: skip
    assert plan == typed
    assert "--channels rgb" in plan.command

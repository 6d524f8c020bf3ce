"""The command and the function are one: the same options, the same defaults, the same files."""

from __future__ import annotations

import inspect
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import auditor
from auditor.api import audit_objects as audits
from auditor.api import functions as jobs
from auditor.api.arguments import defaults_of
from auditor.api.from_python import in_python
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
    ({"mean": 0.5}, "expected std= beside mean=; found a mean alone; give both, and std=1 if"),
    ({"mean": (0.1, 0.2, 0.3), "std": [1, 1]}, "found 3 and 2; give one for each channel"),
    ({"std": 0}, "expected positive numbers; found '0'; correct std="),
    ({"layout": "chw"}, "for layout=: Input should be 'auto', 'nchw', 'nhwc' or 'flat'; found 'chw'"),
    ({"seed": 2**32}, "for seed=: Input should be less than 4294967296; found 4294967296"),
    ({"samples_per_class": 1}, "for samples_per_class=: .* greater than or equal to 2; found 1"),
    ({"max_skip": 1.5}, "for max_skip=: .* less than or equal to 1; found 1.5"),
    ({"profile": "fast"}, "a profile of quick, standard, thorough, paper; found 'fast'"),
    ({"pairs": [(3, 3)]}, "two different classes in a pair; found '#3:#3'"),
    ({"pairs": []}, "name at least one pair"),
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
    ({"resume": True}, "expected out= with resume=True; found none"),
    ({"save_instances": True}, "expected out= with save_instances=True"),
    ({"baseline": "b.json"}, "expected policy= with baseline="),
    ({"policy": {"version": 1, "rules": []}}, "at least one .*rules.* in the policy"),
    ({"policy": "none.toml"}, "found none.toml: No such file"),
]


@pytest.mark.parametrize(("model", "data", "said"), [(None, "digits", "give model"), (DIGITS_FCN, None, "give data=")])
def test_nothing_is_no_model_and_no_data(model: Any, data: Any, said: str):
    with pytest.raises(auditor.UsageError, match=said):
        auditor.audit(model, data)


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=[str(given) for given, _ in REFUSED])
def test_what_the_command_refuses_is_refused_in_one_line(given: dict[str, Any], said: str):
    with pytest.raises(auditor.UsageError, match=said) as caught:
        auditor.audit(DIGITS_FCN, "digits", **given)
    assert "\n" not in str(caught.value)
    assert os.listdir() == []


WRONG: dict[str, tuple[Any, ...]] = {
    "data_root": (3,), "download": ("yes", 1), "class_names": (5, True, {"a": 1}), "max_skip": ("x", []),
    "layout": (3,), "mean": ("a", True, [None], {}), "std": ("a", [[1]]), "channels": (3,),
    "resize": (True, "a", [1, 2, 3]),
    "crop": ((1,), "a"), "interpolation": (3,), "output": (3,), "output_kind": (3,), "embedding": (3,),
    "expect_sha256": (3,), "trust_model": (3,), "device": (3,), "pairs": ((3, 9), 3, None, [(1, 2, 3)], [[[1], 2]]),
    "max_pairs": ("x", []), "time_budget": ([], True), "generator": (3, None), "profile": (3,),
    "samples_per_class": ("x", True), "seed": ("x", None, 1.5), "out": (3, []), "format": (3, [3], None),
    "policy": (3, []), "baseline": (3,), "report_pairs": ("x",), "resume": (3,), "save_instances": ("x",),
    "force": (3,), "quiet": (3,), "verbose": (3,), "jobs": ("x", [], True, 0, 1.5), "engine": (3, None),
    "engine_address": (3,),
}  # fmt: skip


@pytest.mark.parametrize("name", list(inspect.signature(auditor.audit).parameters)[2:])
def test_a_value_of_a_wrong_kind_is_refused_in_one_line_that_names_the_argument(name: str):
    for value in WRONG[name]:
        with pytest.raises(auditor.UsageError, match=rf"\b{name}=|mean|std|pixels") as caught:
            auditor.audit(DIGITS_FCN, "digits", **{name: value})
        assert "\n" not in str(caught.value)
        assert "--" not in str(caught.value)
    assert os.listdir() == []


def test_other_functions_refuse_wrong_kinds_too(audit: auditor.Audit):
    model = auditor.open_model(DIGITS_FCN)
    between = partial(auditor.boundary_instances, model, np.zeros((1, 64)), np.zeros((1, 64)))
    for call in (
        lambda: auditor.load(3), lambda: auditor.compare(3, audit), lambda: auditor.compare(audit, audit, model=3),
        lambda: auditor.inspect(3), lambda: auditor.open_model(3), lambda: auditor.open_model(DIGITS_FCN, samples="x"),
        lambda: audit.gate(3), lambda: audit.gate(None), lambda: audit.report(3), lambda: audit.save(3),
        lambda: audit.pair(None, 3), lambda: audit.measure(3, 3, 9), lambda: audit.compare(3),
        lambda: between(source="3", target=9), lambda: between(source=3, target=9, seed="x"),
        lambda: between(source=3, target=9, profile="fast"), lambda: between(source=3, target=9, generator=3),
        lambda: auditor.boundary_instances(3, [], [], source=3, target=9),
    ):  # fmt: skip
        with pytest.raises(auditor.UsageError) as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(TypeError, match=r"audit\(\) got an unexpected keyword argument 'pair'"):
        auditor.audit(DIGITS_FCN, "digits", pair="3:9")  # type: ignore[call-arg]


def test_what_can_be_looked_at_once_is_taken_as_a_list():
    with pytest.raises(auditor.UsageError, match="found 'three:#9'"):
        auditor.audit(DIGITS_FCN, "digits", pairs=(pair for pair in [("three", 9)]))


@pytest.mark.parametrize(
    ("command", "python"),
    [
        ("say --trust-model if you trust it", "say trust_model=True if you trust it"),
        ("say --device cpu", 'say device="cpu"'), ("use --no-download", "use download=False"),
        ("at most --max-pairs 5 pairs", "at most max_pairs=5 pairs"), ("found '--seed' in x--seed", None),
        ("expected --output-kind probabilities, as", 'expected output_kind="probabilities", as'),
        ("see deepdig-audit --help", None), ("expected a file; found a --profile b.onnx; check the path", None),
        ("expected a class (--pairs, b); found '--pairs:z'; correct --pairs",
         "expected a class (--pairs, b); found '--pairs:z'; correct pairs="), ("give --std 1.5.", "give std=1.5."),
    ],
)  # fmt: skip
def test_options_of_the_command_are_arguments_in_a_message_of_python(command: str, python: str | None):
    assert in_python(command) == (command if python is None else python)


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

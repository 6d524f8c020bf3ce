"""From the command line and the configuration file to the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from auditor.api.arguments import defaults_of
from auditor.api.functions import audit
from auditor.api.plan_from_options import plan_from
from auditor.cli.app import app
from auditor.documents.plan import Plan
from auditor.errors import UsageError


def plan_of(*arguments: str) -> Plan:
    """The plan that the main job would send to its worker for these arguments."""
    group: Any = typer.main.get_command(app)
    main: Any = group.commands["(main)"]
    obj = {"arguments": list(arguments)}
    with main.make_context("deepdig-audit", list(arguments), obj=obj) as ctx:
        return plan_from(ctx.params, defaults_of(audit), Path("out"))


def test_defaults():
    plan = plan_of("m.onnx", "--data", "digits")
    assert plan == Plan(model={"path": "m.onnx"}, data={"data": "digits"}, command="deepdig-audit m.onnx --data digits")


def test_every_option_arrives():
    plan = plan_of(
        "m.onnx", "--data", "d.npz", "--data-root", "root", "--no-download", "--class-names", "a,b", "--mean", "0.5",
        "--std", "0.25,0.5,1", "--layout", "nhwc", "--embedding", "e", "--output-kind", "sigmoid", "--pairs", "a:b",
        "--max-pairs", "7", "--generator", "rpbs", "--profile", "quick", "--samples-per-class", "9", "--seed", "3",
        "--device", "cpu", "--report-pairs", "2", "--max-skip", "0.5", "--save-instances", "--expect-sha256", "ab" * 32,
        "--output", "z", "--trust-model", "--time-budget", "2m", "--channels", "bgr", "--resize", "256",
        "--crop", "224", "--interpolation", "bicubic", "--force",
    )  # fmt: skip
    assert plan.model.model_dump() == {
        "path": "m.onnx", "device": "cpu", "layout": "nhwc", "mean": (0.5,), "std": (0.25, 0.5, 1.0), "embedding": "e",
        "output": "z", "output_kind": "sigmoid", "expect_sha256": "ab" * 32, "trust_model": True,
        "channels": "bgr",
    }  # fmt: skip
    assert plan.data is not None
    assert plan.data.model_dump() == {
        "data": "d.npz", "root": "root", "download": False, "class_names": ("a", "b"), "max_skip": 0.5,
        "carried_names": None, "resize": 256, "crop": (224, 224), "interpolation": "bicubic", "notes": (),
    }  # fmt: skip
    assert plan.model_dump(exclude={"model", "data", "command"}) == {
        "pairs": "a:b", "max_pairs": 7, "generator": "rpbs", "profile": "quick", "samples_per_class": 9, "seed": 3,
        "report_pairs": 2, "instances_folder": "out/instances", "time_budget": 120.0, "force": True,
    }  # fmt: skip
    assert plan.settings.samples_per_class == 9


def test_the_command_can_be_pasted_into_a_shell():
    assert plan_of("my model.onnx", "--data", "digits").command == "deepdig-audit 'my model.onnx' --data digits"
    assert plan_of("--data", "digits", "--", "-m.onnx").command == "deepdig-audit ./-m.onnx --data digits"


def test_the_command_is_the_same_wherever_files_lie_and_outputs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a" / "data").mkdir(parents=True)
    (tmp_path / "audit.toml").write_text("seed = 3\nmax-skip = 0.2\nout = 'elsewhere'")
    same = "deepdig-audit m.onnx --data data --max-skip 0.2 --std 2 --seed 3 --force"
    for folder, up in ((tmp_path, "a/"), (tmp_path / "a", ""), (tmp_path / "a" / "data", "../")):
        monkeypatch.chdir(folder)
        data = "." if folder.name == "data" else f"{up}data/"
        options = ["--config", str(tmp_path / "audit.toml"), "--out", up or "x", "--no-download", "--quiet", "--resume"]
        assert plan_of(f"{up}m.onnx", "--data", data, "--std", "2", "--force", *options).command == same


def test_a_mean_alone_is_half_a_normalisation():
    with pytest.raises(UsageError, match=r"expected --std beside --mean; .* --std 1 if the model only subtracts"):
        plan_of("m.onnx", "--data", "digits", "--mean", "0.5")
    for both in (
        ["--std", "0.5"],
        ["--mean", "0"],
        ["--mean", "0.5", "--std", "1"],
        ["--mean", "0.1", "--std", "1,2,3"],
    ):
        plan_of("m.onnx", "--data", "digits", *both)
    with pytest.raises(UsageError, match="found 3 and 2; give one for each channel"):
        plan_of("m.onnx", "--data", "digits", "--mean", "0.1,0.2,0.3", "--std", "1,1")


def test_class_names_from_a_file(tmp_path: Path):
    (tmp_path / "names.txt").write_text("ant, queen\n\n bee \n", "utf-8")
    plan = plan_of("m.onnx", "--data", "digits", "--class-names", str(tmp_path / "names.txt"))
    assert plan.data is not None
    assert plan.data.class_names == ("ant, queen", "bee")


def test_class_names_that_are_no_list_are_refused_in_one_line(tmp_path: Path):
    (tmp_path / "names.txt").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(UsageError, match=r"class names; found bytes that are no UTF-8 in .*names.txt; correct"):
        plan_of("m.onnx", "--data", "digits", "--class-names", str(tmp_path / "names.txt"))
    with pytest.raises(UsageError, match="found the name 'a' twice; correct --class-names"):
        plan_of("m.onnx", "--data", "digits", "--class-names", "a,b,a")


@pytest.mark.parametrize(
    "options", [("--resize", "big"), ("--resize", "0"), ("--crop", "1x2x3"), ("--interpolation", "cubic")]
)
def test_sizes_that_are_none_are_refused(options: tuple[str, str]):
    with pytest.raises(UsageError, match=f"expected .*{options[1]}.*"):
        plan_of("m.onnx", "--data", "digits", *options)


def test_a_configuration_file_gives_the_options_that_the_command_line_does_not(tmp_path: Path):
    file = tmp_path / "audit.toml"
    file.write_text(
        'data = "digits"\npairs = "1:2"\nseed = 5\nmean = [0.1, 0.2, 0.3]\nstd = 1\ndownload = false\n'
        "save-instances = true\n"
        'max_skip = 0.2\nclass-names = ["a", "b"]\n'
    )
    plan = plan_of("m.onnx", "--config", str(file), "--seed", "6")
    assert plan.data is not None
    assert (plan.data.data, plan.data.download, plan.data.max_skip) == ("digits", False, 0.2)
    assert plan.data.class_names == ("a", "b")
    assert (plan.pairs, plan.seed, plan.model.mean) == ("1:2", 6, (0.1, 0.2, 0.3))
    assert plan.instances_folder == "out/instances"


def test_a_plan_survives_the_way_to_the_worker():
    plan = plan_of("m.onnx", "--data", "digits", "--mean", "0.1", "--std", "0.3", "--seed", str(2**32 - 1))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    ("profile", "samples"), [("quick", 64), ("standard", 400), ("thorough", 1000), ("paper", None)]
)
def test_profiles_set_the_number_of_sources(profile: str, samples: int | None):
    assert plan_of("m.onnx", "--data", "digits", "--profile", profile).settings.samples_per_class == samples

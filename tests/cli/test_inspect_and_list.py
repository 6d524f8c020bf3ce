"""``inspect`` and ``list``: what was asked for goes to standard output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import auditor
from auditor.api.available import TITLES
from auditor.cli import main
from auditor.documents.inspection import Inspection, Normalisation, PassCost
from auditor.documents.results import Measure
from tests.cli.command import DIGITS_CNN, run


def rows(text: str) -> dict[str, str]:
    return {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in text.splitlines() if line[0] != " "}


def test_inspect_with_data(tmp_path: Path):
    done = run(["inspect", DIGITS_CNN, "--data", "digits"], tmp_path)
    assert (done.status, done.stderr) == (0, "")
    seen = rows(done.stdout)
    assert seen["format"] == "onnx"
    assert seen["classes"] == "10"
    assert seen["output"] == "logits"
    assert "width 64" in seen["embedding"]
    assert "CPUExecutionProvider" in seen["runtime"]
    assert "same class on 100.0%" in seen["parity"]
    assert seen["data"].startswith("digits: 1,4")
    assert list(tmp_path.iterdir()) == []
    assert seen["producer"].startswith("pytorch 2")
    assert seen["operators"] == "Relu 3, Conv 2, Gemm 2, MaxPool 2, Reshape 1"
    assert seen["scores"] == "logits: the only output"
    assert seen["accuracy"].startswith("99.2% on 355")
    assert "for all 45 pairs" in seen["standard"]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_inspect_as_json_and_a_normalisation_that_is_wrong(tmp_path: Path):
    command = ["inspect", DIGITS_CNN, "--data", "digits", "--json", "--mean", "0.9", "--std", "0.01"]
    done = run(command, tmp_path)
    assert (done.status, done.stderr) == (0, "")
    seen = Inspection.model_validate_json(done.stdout)
    assert seen.operators == {"Relu": 3, "Conv": 2, "Gemm": 2, "MaxPool": 2, "Reshape": 1}
    assert isinstance(seen.normalisation, Normalisation)
    assert isinstance(seen.normalisation.accuracy, Measure)
    best, share = next(iter(seen.normalisation.tried.items()))
    assert share > 0.95 > 0.5 > seen.normalisation.accuracy.value
    assert best == "neither --mean nor --std"
    assert isinstance(seen.cost, PassCost)
    assert isinstance(seen.cost.both_seconds, float)
    assert 0 < seen.cost.forward_seconds < 0.1
    assert isinstance(seen.estimates, dict)
    seconds = [seen.estimates[name].seconds for name in ("quick", "standard", "thorough")]
    assert seconds == sorted(seconds)


def test_inspect_takes_the_file_of_the_audits_options_and_lists_what_it_skips(tmp_path: Path):
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in map(str, range(10)):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(3):
                image = Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8))
                image.save(tmp_path / "data" / split / name / f"{number}.png")
    (tmp_path / "data" / "train" / "4" / "1.png").write_text("no image")
    (tmp_path / "audit.toml").write_text("data = 'data'\nmax-skip = 0.1\nprofile = 'quick'\nformat = 'html'\n")
    done = run(["inspect", DIGITS_CNN, "--config", "audit.toml"], tmp_path)
    assert done.status == 0, done.stderr
    assert rows(done.stdout)["skipped"].startswith("train/4/1.png: ")
    assert run(["inspect", DIGITS_CNN, "--config", "audit.toml", "--max-skip", "0"], tmp_path).status == 3


def test_inspect_without_data(tmp_path: Path):
    done = run(["inspect", DIGITS_CNN.with_name("digits_fcn.pt")], tmp_path)
    assert (done.status, done.stderr) == (0, "")
    seen = rows(done.stdout)
    assert seen["format"] == "torchscript"
    assert seen["classes"] == "none: give --data to find out"
    assert seen["versions"] == "none: the file does not say"
    assert seen["operators"] == "aten::linear 3, aten::relu 2"


def test_inspect_refuses_like_an_audit(tmp_path: Path):
    done = run(["inspect", "none.onnx"], tmp_path)
    assert done.status == 3
    assert done.stdout == ""
    assert "no file" in done.error


def test_kinds_are_identifiers_for_programs_and_titles_for_people(capsys: pytest.CaptureFixture[str]):
    known = auditor.available()
    assert all(kind.isidentifier() for kind in known)
    assert known["model_formats"]["onnx"] == "an ONNX classifier"
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line and not line.startswith(" ")] == [TITLES[kind] for kind in known]


def test_list_names_everything_registered(capsys: pytest.CaptureFixture[str]):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for word in ("digits", "cifar100", "deepdig", "rpbs", "epbs", "idc", "edc_boundary_accuracy", "html", "pdf"):
        assert f"\n  {word} " in out
    for profile in ("quick", "standard", "thorough", "paper"):
        assert f"\n  {profile} " in out

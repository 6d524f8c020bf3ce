"""The command for a machine with a GPU: its parts that need none, and its GPU branches on the simulated device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from auditor.documents.plan import Plan
from auditor.pipeline.run import run
from benchmarks.gpu import agreement, evaluations, machine
from benchmarks.gpu.__main__ import main
from benchmarks.gpu.audits import compared
from benchmarks.gpu.subjects import made, opened, thin
from benchmarks.gpu.table import Bench
from tests.simulated_cuda.audits import batches_of_the_cpu
from tests.simulated_cuda.device import SimulatedCuda
from tests.simulated_cuda.runtime import runtime_with_cuda

DIGITS = {"path": str(Path(__file__).parents[2] / "sample_models" / "digits_fcn.onnx"), "device": "cpu"}
SMALL = Plan(model=DIGITS, data={"data": "digits"}, pairs="3:8", profile="quick", samples_per_class=8, report_pairs=0)


def test_a_dry_run_writes_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    assert main(["--device", "cpu", "--small", "agreement", "--page", str(page)]) == 0
    text = page.read_text("utf-8")
    assert "Command: `python -m benchmarks.gpu --device cpu --small agreement`" in text
    assert "| digits_cnn.pt, TF32 off: difference to the CPU, of the largest | logits 0.0e+00" in text
    assert capsys.readouterr().out.endswith(text[text.index("| what") :])


def test_no_gpu_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(SystemExit):
        main([])
    assert "--device cpu --small" in capsys.readouterr().err.splitlines()[-1]


def test_the_gpu_branches_of_agreement(tmp_path: Path) -> None:
    """On the simulated device nothing differs, and the runtime's provider is asked behind a busy stream."""
    agreement.traced_models(tmp_path)  # tracing knows no simulated device
    with batches_of_the_cpu(), SimulatedCuda() as device, runtime_with_cuda(device.events):
        rows = list(agreement.section(Bench(torch.device("cuda"), True, tmp_path)))
    assert all(row.good is not False for row in rows)
    assert sum("logits 0.0e+00" in row.value for row in rows) == 10
    assert next(row for row in rows if "busy stream" in row.what).value == "0"


def test_a_wrong_device_fails_agreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, asked = agreement.answers, []

    def off(f, x):
        asked.append(f)
        logits, gradient, p = usual(f, x)
        return logits + (len(asked) % 3 == 0), gradient, p

    monkeypatch.setattr(agreement, "answers", off)
    rows = list(agreement.section(Bench(torch.device("cpu"), True, tmp_path)))
    assert [row.good for row in rows if "TF32 off: difference" in row.what] == [False] * 5


def test_evaluations_by_stage_are_those_of_the_audit() -> None:
    counts, results = evaluations.counted(SMALL)
    totals = [sum(n for (_, kind), n in counts.items() if kind == what) for what in evaluations.KINDS]
    # Binding the model to the data has its cost before the first stage that is counted.
    assert 0 < results.cost.forward - totals[0] < 1000
    assert 0 < results.cost.backward - totals[1] < 100
    assert min(counts["DeepDIG", kind] for kind in evaluations.KINDS) > 0
    assert counts["Characteristics", "forward"] > counts["Characteristics", "backward"] == 0


def test_audits_are_compared_within_their_intervals() -> None:
    results = run(SMALL, lambda stage, done, total, detail="": None)[0]
    said, good = compared(results, results)
    assert good
    assert said.startswith("0 of ")
    document = results.model_dump(mode="json")
    for pair in document["pairs"]:
        for way in pair["directions"]:
            way["generation"]["boundary"] //= 2
    assert not compared(results, type(results).model_validate(document))[1]


def test_the_subjects_are_models_of_their_data(tmp_path: Path) -> None:
    folder = made(thin(), tmp_path, torch.device("cpu"), 8, 40, 30)
    x = torch.rand(16, 3, 8, 8)
    script, onnx = (opened(folder / name, x, "cpu") for name in ("model.pt", "model.onnx"))
    torch.testing.assert_close(script.probabilities(x), onnx.probabilities(x), atol=1e-5, rtol=0)


def test_the_driver_is_asked_inside_the_sandbox(tmp_path: Path) -> None:
    rows = list(machine.section(Bench(torch.device("cpu"), True, tmp_path)))
    closed_in = [row.value for row in rows if row.what.startswith("CUDA in the sandbox")]
    assert len(closed_in) == len(machine.WAYS)
    assert all("torch has" in said or said.startswith("no ") for said in closed_in)

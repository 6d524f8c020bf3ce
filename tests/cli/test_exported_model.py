"""A torch.export archive through the command: refused without trust, audited with it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch

from sample_models.architectures import DigitsCnn
from tests.cli.command import SMALL, run

SAMPLE = Path(__file__).parents[2] / "sample_models" / "digits_cnn.pt"


def test_it_takes_trust(tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = DigitsCnn()
        network.load_state_dict(torch.jit.load(str(SAMPLE)).state_dict())
        sizes = ({0: torch.export.Dim("batch", min=1)},)
        program = torch.export.export(network.eval(), (torch.rand(2, 1, 8, 8),), dynamic_shapes=sizes)
    torch.export.save(program, tmp_path / "digits.pt2")
    command = ["digits.pt2", "--data", "digits", *SMALL, "--format", "json", "--out", "x"]
    refused = run(command, tmp_path)
    assert refused.status == 3
    assert "--trust-model" in refused.error
    assert run([*command, "--trust-model"], tmp_path).status == 0
    results = json.loads((tmp_path / "x" / "results.json").read_text("utf-8"))
    assert results["model"]["format"] == "pt2"
    assert results["performance"]["accuracy"]["value"] > 0.95
    assert all(way["generation"]["success_rate"]["value"] == 1 for way in results["pairs"][0]["directions"])

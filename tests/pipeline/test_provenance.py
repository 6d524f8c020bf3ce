"""What results.json says of the model, where something depends on the words."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.models.base import ModelOptions
from auditor.models.bind_to_data import bind
from auditor.models.open import open_model
from auditor.pipeline.provenance import preprocessing_text
from tests.models.torchscript.torchscript_files import Cnn, noise, save, seeded


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "pixels in [0, 1] as they are; layout nchw"),
        ({"channels": "bgr"}, "pixels in [0, 1] as they are; blue first; layout nchw"),
        ({"channels": "bgr", "std": (0.5,)}, "(pixels in [0, 1] - 0) / 0.5; blue first; layout nchw"),
    ],
)
def test_a_model_of_other_channels_is_another_preparation(
    options: dict[str, object], words: str, tmp_path: Path
) -> None:
    asked = ModelOptions(device="cpu", **options)  # type: ignore[arg-type]
    backend = open_model(save(seeded(Cnn()), tmp_path / "m.pt", "script", noise(1)), asked)
    assert preprocessing_text(bind(backend, noise(8, 3, 8, 8), asked).classifier) == words

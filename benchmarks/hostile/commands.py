"""The command line of a case: the hostile file in its place, a small sound file in the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.hostile.case import Case

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_models"
SOUND_MODEL = SAMPLES / "digits_cnn.onnx"
SMALL = ("--pairs", "3:8", "--profile", "quick", "--samples-per-class", "8", "--format", "json")


def arguments(case: Case, path: Path, folder: Path) -> list[str]:
    """What follows the program's name.

    Args:
        case: tells what the file is.
        path: of the hostile file.
        folder: of the case; the small data set and an audit's results lie beside it.
    """
    sound = small_data(folder.parent / f"{folder.name}-data.npz")
    model, data = (SOUND_MODEL, path) if case.kind == "data" else (path, sound)
    if case.kind == "option":
        model = SOUND_MODEL
    words = [str(model), "--data", str(data)]
    options = [*case.options, *([str(path)] if case.kind == "option" else [])]
    if not case.audit:
        return ["inspect", *words, *options]
    return [*words, *SMALL, "--out", str(results_folder(folder)), *options]


def results_folder(folder: Path) -> Path:
    """Where the audit of a case writes."""
    return folder.parent / f"{folder.name}-out"


def small_data(path: Path) -> Path:
    """160 handwritten digits of 8 x 8 pixels in an ``.npz``."""
    if not path.exists():
        from sklearn.datasets import load_digits

        digits = load_digits()
        x, y = (digits.images / 16).astype(np.float32)[:160, None], digits.target[:160]
        np.savez(path, x_train=x[:120], y_train=y[:120], x_test=x[120:], y_test=y[120:])
    return path

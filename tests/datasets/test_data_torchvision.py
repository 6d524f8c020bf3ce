"""Known sets through torchvision's own reading code, on files in its on-disk form that hold real images."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from auditor.datasets.base import DataRequest, data_sources
from auditor.datasets.load import load_dataset
from auditor.errors import InputRefused


def write_idx(path: Path, array: np.ndarray) -> None:
    """The format of yann.lecun.com/exdb/mnist: magic 0x08 (uint8) and rank, big-endian sizes, bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = (0x0800 + array.ndim).to_bytes(4, "big") + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def write_mnist(raw: Path, x: np.ndarray, y: np.ndarray) -> None:
    for split, order in (("train", slice(None)), ("t10k", slice(None, None, -1))):
        write_idx(raw / f"{split}-images-idx3-ubyte", x[order])
        write_idx(raw / f"{split}-labels-idx1-ubyte", y[order])


def write_cifar(folder: Path, kind: type[datasets.CIFAR10], x: np.ndarray, y: np.ndarray, names: list[str]) -> None:
    """The pickles of cs.toronto.edu/~kriz/cifar.html; rows of 3,072 bytes, channels first."""
    folder.mkdir(parents=True)
    rows = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
    key = "labels" if kind.meta["key"] == "label_names" else "fine_labels"
    train = [name for name, _ in kind.train_list]
    for name, index in zip(train, np.array_split(np.arange(len(x)), len(train)), strict=True):
        (folder / name).write_bytes(pickle.dumps({"data": rows[index], key: y[index].tolist()}))
    (folder / kind.test_list[0][0]).write_bytes(pickle.dumps({"data": rows[::-1].copy(), key: y[::-1].tolist()}))
    (folder / kind.meta["filename"]).write_bytes(pickle.dumps({kind.meta["key"]: names}))


def expect_these_files(monkeypatch: pytest.MonkeyPatch, kind: type[datasets.CIFAR10], folder: Path) -> None:
    """Torchvision compares the files with the MD5 of the originals; only these sums are replaced."""

    def md5(name: str) -> str:
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    for attribute in ("train_list", "test_list"):
        monkeypatch.setattr(kind, attribute, [[name, md5(name)] for name, _ in getattr(kind, attribute)])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(kind.meta["filename"])})


@pytest.mark.parametrize(
    ("name", "folder", "images"), [("mnist", "MNIST", "mnist"), ("fashionmnist", "FashionMNIST", "fashionMNIST")]
)
def test_idx_files_are_read_exactly(name: str, folder: str, images: str, tmp_path: Path, real_images) -> None:
    x, y = real_images(images)
    write_mnist(tmp_path / folder / "raw", x, y)
    raw = data_sources[name].load(DataRequest(name, root=tmp_path, download=False))
    assert raw.train.pixels.dtype == torch.uint8
    assert np.array_equal(raw.train.pixels.numpy()[:, 0], x)
    assert np.array_equal(raw.test.pixels.numpy()[:, 0], x[::-1])
    assert raw.train.labels.tolist() == y.tolist()
    assert raw.test.labels.tolist() == y[::-1].tolist()
    assert raw.train.labels.dtype == torch.int64
    assert raw.class_names[9] == {"mnist": "9", "fashionmnist": "Ankle boot"}[name]


@pytest.mark.parametrize(
    ("name", "folder"),
    [("fashionmnist", "FashionMNIST/raw"), ("fashionmnist", "fashion-mnist"), ("fashionmnist", ""),
     ("mnist", "mnist"), ("mnist", "")],
)  # fmt: skip
def test_packed_idx_files_are_read_from_their_usual_folders(
    name: str, folder: str, tmp_path: Path, real_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With downloads allowed: what lies there is enough, and nothing is fetched."""
    x, y = real_images("fashionMNIST")
    write_mnist(tmp_path / folder, x, y)
    for path in (tmp_path / folder).iterdir():
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    monkeypatch.setattr(socket, "socket", None)
    raw = data_sources[name].load(DataRequest(name, root=tmp_path, download=True))
    assert np.array_equal(raw.train.pixels.numpy()[:, 0], x)
    assert np.array_equal(raw.test.pixels.numpy()[:, 0], x[::-1])
    assert raw.train.labels.tolist() == y.tolist()
    assert raw.class_names[9] == {"mnist": "9", "fashionmnist": "Ankle boot"}[name]


@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b"\0\0\x09" + b[3:], lambda b: b[:10], lambda b: b""])
@pytest.mark.parametrize("cut", [False, True])
def test_damaged_packed_files_are_refused(cut: bool, damage, tmp_path: Path, real_images) -> None:
    write_mnist(tmp_path, *real_images("mnist"))
    path = tmp_path / "train-images-idx3-ubyte"
    packed = gzip.compress(path.read_bytes())
    Path(f"{path}.gz").write_bytes(damage(packed) if cut else gzip.compress(damage(path.read_bytes())))
    path.unlink()
    with pytest.raises(InputRefused, match="its files missing or damaged"):
        data_sources["mnist"].load(DataRequest("mnist", root=tmp_path, download=False))


@pytest.mark.parametrize(
    ("name", "kind", "classes"), [("cifar10", datasets.CIFAR10, 10), ("cifar100", datasets.CIFAR100, 100)]
)
def test_cifar_pickles_are_read_exactly(
    name: str, kind: type[datasets.CIFAR10], classes: int, tmp_path: Path, real_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = real_images(name)
    names = [f"name {label}" for label in range(classes)]
    write_cifar(tmp_path / kind.base_folder, kind, x, y, names)
    expect_these_files(monkeypatch, kind, tmp_path / kind.base_folder)
    raw = data_sources[name].load(DataRequest(name, root=tmp_path, download=False))
    assert raw.train.pixels.dtype == torch.uint8
    assert np.array_equal(raw.train.pixels.numpy(), x.transpose(0, 3, 1, 2))
    assert np.array_equal(raw.test.pixels.numpy(), x[::-1].transpose(0, 3, 1, 2))
    assert raw.train.labels.tolist() == y.tolist()
    assert raw.test.labels.tolist() == y[::-1].tolist()
    assert raw.class_names == tuple(names)


def test_mnist_reaches_a_model_of_another_shape(tmp_path: Path, real_images) -> None:
    x, y = real_images("mnist")
    assert set(y) == set(range(10)) - {8}
    write_mnist(tmp_path / "MNIST" / "raw", np.concatenate([x, x[:1]]), np.concatenate([y, [8]]))
    data = load_dataset(DataRequest("mnist", root=tmp_path, download=False), (3, 32, 32))
    assert data.train.pixels.shape == (21, 3, 32, 32)
    assert data.notes == (
        "Images of 28 x 28 pixels were resized to 32 x 32 (bilinear, antialiased).",
        "Grey images were repeated into three channels.",
    )


def test_a_class_that_the_files_lack_is_refused(tmp_path: Path, real_images) -> None:
    write_mnist(tmp_path / "MNIST" / "raw", *real_images("mnist"))
    with pytest.raises(InputRefused, match="found none of class 8 in either split"):
        load_dataset(DataRequest("mnist", root=tmp_path, download=False))


@pytest.mark.parametrize(
    ("name", "files"), [("mnist", "train-images-idx3-ubyte"), ("cifar10", "cifar-10-python.tar.gz")]
)
def test_missing_set_without_download_says_what_to_put_where(name: str, files: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused) as caught:
        load_dataset(DataRequest(name, root=tmp_path / "data", download=False))
    message = str(caught.value)
    assert f"the data set {name} in {tmp_path / 'data'}" in message
    assert files in message
    assert message.endswith("or allow --download")
    assert not (tmp_path / "data").exists()


def test_failing_download_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens on port 9 of this host: a real attempt, a real failure, no network.
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/", "http://127.0.0.1:9/mirror/"])
    with pytest.raises(InputRefused, match="found a download that failed") as caught:
        load_dataset(DataRequest("mnist", root=tmp_path))
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("Connection refused") == 2
    assert f"{tmp_path / 'MNIST' / 'raw'}" in str(caught.value)


def test_cut_idx_file_is_refused(tmp_path: Path, real_images) -> None:
    x, y = real_images("mnist")
    raw = tmp_path / "MNIST" / "raw"
    write_mnist(raw, x, y)
    whole = (raw / "t10k-images-idx3-ubyte").read_bytes()
    (raw / "t10k-images-idx3-ubyte").write_bytes(whole[:5000])
    with pytest.raises(InputRefused, match="its files missing or damaged"):
        load_dataset(DataRequest("mnist", root=tmp_path, download=False))


def test_changed_cifar_file_is_refused(tmp_path: Path, real_images, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    write_cifar(folder, datasets.CIFAR10, *real_images("cifar10"), [str(label) for label in range(10)])
    expect_these_files(monkeypatch, datasets.CIFAR10, folder)
    content = bytearray((folder / "data_batch_3").read_bytes())
    content[500] ^= 1
    (folder / "data_batch_3").write_bytes(content)
    with pytest.raises(InputRefused, match="its files missing or damaged"):
        load_dataset(DataRequest("cifar10", root=tmp_path, download=False))

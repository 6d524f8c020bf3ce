"""Links as blob stores, DVC and curated subsets make them: followed to weights and images, and to nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import onnx
import pytest

from auditor.errors import InputRefused
from tests.cases.looking import look
from tests.cases.pictures import both_splits, network
from tests.worker.sandbox.alone import confined
from tests.worker.test_sandbox import inspect

NAMES = ("cat", "dog", "fox")


def hub(tmp_path: Path) -> Path:
    """A model of a Hugging Face cache: two files in ``blobs``, and links to them."""
    cache = tmp_path / "models--me--net"
    blobs, folder = cache / "blobs", cache / "snapshots" / "abc" / "onnx"
    blobs.mkdir(parents=True)
    folder.mkdir(parents=True)
    onnx.save(
        network(3), folder / "model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=0
    )
    for name, blob in (("model.onnx", "aaa111"), ("model.onnx_data", "bbb222")):
        shutil.move(folder / name, blobs / blob)
        (folder / name).symlink_to(f"../../../blobs/{blob}")
    return folder / "model.onnx"


def test_a_model_of_a_hub_cache_and_its_folder(tmp_path: Path):
    model, data = hub(tmp_path), both_splits(tmp_path / "d", NAMES)
    assert look(model, data).accuracy == 1.0
    assert look(model.parent.parent, data).accuracy == 1.0


def _elsewhere(model: Path) -> None:
    """The link leads to a file beside the cache."""
    data = model.parent / "model.onnx_data"
    shutil.copy(data, model.parents[4] / "weights")
    data.unlink()
    data.symlink_to(model.parents[4] / "weights")


def _store_elsewhere(model: Path) -> None:
    """The store itself is a link, as a repository could commit it."""
    cache = model.parents[3]
    shutil.move(cache / "blobs", cache.parent / "other")
    (cache / "blobs").symlink_to(cache.parent / "other")


def _no_cache(model: Path) -> None:
    """Another layout."""
    cache = model.parents[3]
    shutil.move(cache / "snapshots", cache / "revisions")
    (cache / "snapshots").symlink_to("revisions")


@pytest.mark.parametrize("change", [_elsewhere, _store_elsewhere, _no_cache])
def test_other_links_hold_no_weights(change: object, tmp_path: Path):
    model = hub(tmp_path)
    change(model)  # type: ignore[operator]
    with pytest.raises(InputRefused, match=r"model\.onnx_data, a link that leads out of the model's folder"):
        look(model, both_splits(tmp_path / "d", NAMES))


def linked(tmp_path: Path, *, folders: bool) -> Path:
    """A data folder of links to pictures elsewhere, or of links to their folders."""
    store, links = both_splits(tmp_path / "store", NAMES), tmp_path / "links"
    for place in sorted(store.glob("*/*")):
        to = links / place.relative_to(store)
        if folders:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.symlink_to(place)
            continue
        to.mkdir(parents=True)
        for file in place.iterdir():
            blob = tmp_path / "cache" / f"{place.parent.name}{place.name}{file.stem}"  # without a suffix, as DVC's
            blob.parent.mkdir(exist_ok=True)
            shutil.copy(file, blob)
            (to / file.name).symlink_to(blob)
    return links


@pytest.mark.parametrize("folders", [False, True])
def test_links_to_images_are_followed_and_counted(folders: bool, tmp_path: Path):
    onnx.save(network(3), tmp_path / "m.onnx")
    seen = look(tmp_path / "m.onnx", linked(tmp_path, folders=folders))
    assert seen.accuracy == 1.0
    assert "Images behind links that lead out of the data folder: 66." in seen.notes


@confined
def test_links_to_weights_images_and_folders_in_the_sandbox(tmp_path: Path):
    data = linked(tmp_path, folders=False)
    shutil.rmtree(data / "test" / "fox")
    (data / "test" / "fox").symlink_to(tmp_path / "store" / "test" / "fox")
    assert inspect(hub(tmp_path), "--data", str(data)) == (0, "")


@confined
def test_a_link_to_what_is_no_image_stays_closed(tmp_path: Path):
    onnx.save(network(3), tmp_path / "m.onnx")
    data, secret = both_splits(tmp_path / "d", NAMES), tmp_path / "id_rsa"
    secret.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    (data / "train" / "cat" / "key.png").symlink_to(secret)
    status, said = inspect(tmp_path / "m.onnx", "--data", str(data))
    assert status == 3
    assert "key.png (a link that leads out of the data folder to no image" in said


@confined
def test_a_linked_folder_of_other_things_stays_closed(tmp_path: Path):
    onnx.save(network(3), tmp_path / "m.onnx")
    data, home = both_splits(tmp_path / "d", NAMES), tmp_path / "home"
    home.mkdir()
    for name in ("notes.txt", "token", "photo.png"):
        (home / name).write_text(name)
    os.rename(data / "train" / "fox", tmp_path / "fox")
    (data / "train" / "fox").symlink_to(home)
    status, said = inspect(tmp_path / "m.onnx", "--data", str(data))
    assert status == 3
    assert "a link that leads out of the data folder to one that is not mostly of images" in said

"""``load_dataset`` as a whole: sources, names against the model's classes, fingerprint, plug-ins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from auditor.datasets.base import DataRequest, Dataset, RawData, Split, data_source, data_sources
from auditor.datasets.load import find_source, fingerprint, load_dataset, match_classes
from auditor.errors import InputRefused, UsageError

KNOWN = "cifar10, cifar100, digits, fashionmnist, mnist"


@pytest.fixture
def three(tmp_path: Path) -> DataRequest:
    """A request for nine samples of three classes."""
    x = np.random.default_rng(0).integers(0, 256, (9, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "three.npz", x_train=x, y_train=np.arange(9) % 3, x_test=x, y_test=np.arange(9) % 3)
    return DataRequest(str(tmp_path / "three.npz"))


def test_known_sets_are_registered_by_name_and_paths_apart() -> None:
    assert ", ".join(name for name, source in data_sources.items() if source.known_name) == KNOWN
    assert {"folder", "npz"} <= {*data_sources.names()}
    assert all(source.summary for _, source in data_sources.items())


@pytest.mark.parametrize("data", ["mnits", "folder", "npz", "no/such/file.npz", ""])
def test_neither_name_nor_path_lists_the_known_names(data: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputRefused, match=f"one of {KNOWN}, .*no such name, file or folder"):
        load_dataset(DataRequest(data))


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    with pytest.raises(InputRefused, match=r"data.csv', a file of another kind"):
        load_dataset(DataRequest(str(tmp_path / "data.csv")))


def test_a_known_name_goes_before_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    assert find_source(DataRequest("mnist")) is data_sources["mnist"]
    assert find_source(DataRequest("./mnist")) is data_sources["folder"]


def test_notes_name_the_class_order_and_the_adaptation(three: DataRequest) -> None:
    data = load_dataset(three, (16,))
    assert data.notes == ("Images of 1 x 4 x 4 were flattened to vectors of 16.",)
    assert data.image_shape == (1, 4, 4)
    assert data.name == "three.npz"


def test_a_model_with_more_classes_gets_names_for_the_others(three: DataRequest) -> None:
    data = match_classes(load_dataset(three), 5, three)
    assert data.class_names == ("0", "1", "2", "3", "4")
    assert data.notes[-1] == "The model has 5 classes, the data have samples of the first 3."
    named = DataRequest(three.data, class_names=("a", "b", "c"))
    assert match_classes(load_dataset(named), 3, named).class_names == ("a", "b", "c")


def test_names_of_the_data_are_extended_by_number(tmp_path: Path) -> None:
    x, y = np.full((6, 4), 0.5, dtype=np.float32), np.arange(6) % 3
    np.savez(tmp_path / "n.npz", x_train=x, y_train=y, x_test=x, y_test=y, class_names=np.array(["ant", "bee", "cat"]))
    request = DataRequest(str(tmp_path / "n.npz"))
    assert match_classes(load_dataset(request), 4, request).class_names == ("ant", "bee", "cat", "class 3")


@pytest.mark.parametrize("names", [("a", "b", "c"), ("a", "b", "c", "d", "e")])
def test_class_names_of_another_number_than_the_models_are_a_usage_error(
    names: tuple[str, ...], three: DataRequest
) -> None:
    request = DataRequest(three.data, class_names=names)
    data = load_dataset(request)
    with pytest.raises(UsageError, match=f"with 4 names, one for each of the model's classes; found {len(names)}"):
        match_classes(data, 4, request)


def test_labels_beyond_the_models_classes_are_counted_and_the_first_is_named(three: DataRequest) -> None:
    message = (
        "expected labels from 0 to 1, because the model has 2 classes; found 3 samples beyond in the train split,"
        " the first is sample 2 with class 2; audit the model on data of its own classes"
    )
    with pytest.raises(InputRefused, match=message):
        match_classes(load_dataset(three), 2, three)


def test_fingerprint_is_that_of_the_samples_and_not_of_the_model(three: DataRequest) -> None:
    plain, resized = load_dataset(three), load_dataset(three, (3, 8, 8))
    assert plain.fingerprint == resized.fingerprint == load_dataset(three).fingerprint
    assert len(plain.fingerprint) == 64


def test_fingerprint_sees_every_pixel_label_type_and_split() -> None:
    def split(pixels: list[int], labels: list[int], dtype: torch.dtype = torch.uint8) -> Split:
        return Split(torch.tensor(pixels, dtype=dtype).view(-1, 1), torch.tensor(labels))

    one, two = split([1, 2], [0, 1]), split([3, 4], [0, 1])
    prints = [
        fingerprint(one, two),
        fingerprint(two, one),
        fingerprint(split([1, 3], [0, 1]), two),
        fingerprint(split([1, 2], [1, 0]), two),
        fingerprint(split([1, 2], [0, 1], torch.float32), two),
        fingerprint(split([1, 2, 3], [0, 1, 0]), split([4], [1])),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint(one, two) == prints[0]


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(data_sources, "_entries", dict(data_sources.items()))
    monkeypatch.setattr(data_sources, "_sources", dict(data_sources._sources))


@pytest.mark.usefixtures("own_registry")
def test_a_source_of_another_module_is_found_checked_and_adapted() -> None:
    @data_source("ramp", "made for this test")
    def load(request: DataRequest) -> RawData:
        both = Split(torch.linspace(0, 1 + request.seed, 16).view(4, 1, 2, 2), torch.tensor([0, 1, 0, 1]))
        return RawData(both, both, ("dark", "light"))

    data: Dataset = load_dataset(DataRequest("ramp"), (4,))
    assert data.class_names == ("dark", "light")
    assert data.train.pixels.shape == (4, 4)
    with pytest.raises(InputRefused, match=r"2 samples with pixels outside it .*sample 2 of the train split"):
        load_dataset(DataRequest("ramp", seed=1))


@pytest.mark.usefixtures("own_registry")
def test_files_that_may_not_be_read_are_refused_in_one_line() -> None:
    @data_source("locked", "made for this test")
    def load(request: DataRequest) -> RawData:
        raise PermissionError(13, "Permission denied", "data/train")

    with pytest.raises(InputRefused, match="expected readable data; found data/train: Permission denied; check"):
        load_dataset(DataRequest("locked"))


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000])
def test_a_path_that_the_system_does_not_take_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"expected readable data|no such name"):
        load_dataset(DataRequest(str(tmp_path / name)))

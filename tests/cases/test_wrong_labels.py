"""Labels that are not the model's classes: whatever is wrong with them, no audit ends with exit code 0."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.cases.looking import audited
from tests.cases.pictures import FRUIT, Labels, archive, both_splits, folder, network, pictures

C = len(FRUIT)
Built = tuple[Path, list[str]]
"""The data, and the options that say wrong things of it."""


def npz(tmp_path: Path, relabel: Callable[[Labels], Labels], **more: object) -> Built:
    (x, y), (tx, ty) = pictures(C, 14, 0), pictures(C, 8, 1)
    return archive(tmp_path / "d.npz", (x, relabel(y)), (tx, relabel(ty)), **more), []


def table(*classes: int) -> Callable[[Labels], Labels]:
    return lambda y: np.array(classes)[y]


def of_one_split(train: Callable[[Labels], Labels], test: Callable[[Labels], Labels]) -> Callable[[Path], Built]:
    def build(tmp_path: Path) -> Built:
        (x, y), (tx, ty) = pictures(C, 14, 0), pictures(C, 8, 1)
        return archive(tmp_path / "d.npz", (x, train(y)), (tx, test(ty))), []

    return build


def some(*kept: int) -> Callable[[Path], Built]:
    """Some classes, numbered anew from 0."""

    def build(tmp_path: Path) -> Built:
        splits = []
        for count, seed in ((14, 0), (8, 1)):
            x, y = pictures(C, count, seed)
            here = np.isin(y, kept)
            splits.append((x[here], np.searchsorted(kept, y[here])))
        return archive(tmp_path / "d.npz", *splits), []

    return build


def named(*names: str) -> Callable[[Path], Built]:
    """Folders of the right names, and class names in another order than the model's."""
    return lambda tmp_path: (both_splits(tmp_path / "d", FRUIT), ["--class-names", ",".join(names)])


def called(*names: str) -> Callable[[Path], Built]:
    """Folders whose text order is not the model's."""
    return lambda tmp_path: (both_splits(tmp_path / "d", names), [])


def names_file(text: str) -> Callable[[Path], Built]:
    def build(tmp_path: Path) -> Built:
        (tmp_path / "names.txt").write_text(text)
        return both_splits(tmp_path / "d", FRUIT), ["--class-names", str(tmp_path / "names.txt")]

    return build


def folders_of_some(*kept: int) -> Callable[[Path], Built]:
    def build(tmp_path: Path) -> Built:
        for part, count, seed in (("train", 14, 0), ("test", 8, 1)):
            x, y = pictures(C, count, seed)
            here = np.isin(y, kept)
            folder(tmp_path / "d" / part, x[here], y[here], FRUIT)
        return tmp_path / "d", []

    return build


def nested(*parts: str) -> Callable[[Path], Built]:
    """Folders of classes in folders that are no splits by their names."""

    def build(tmp_path: Path) -> Built:
        for seed, part in enumerate(parts):
            folder(tmp_path / "d" / part, *pictures(C, 8, seed), FRUIT)
        return tmp_path / "d", []

    return build


def beside_the_split(tmp_path: Path) -> Built:
    both_splits(tmp_path / "d", FRUIT)
    folder(tmp_path / "d" / "train" / "extra", *pictures(C, 4, 3), FRUIT)
    folder(tmp_path / "d" / "test" / "extra", *pictures(C, 4, 4), FRUIT)
    return tmp_path / "d", []


def by_config(tmp_path: Path) -> Built:
    (tmp_path / "config.json").write_text(json.dumps({"id2label": dict(enumerate(reversed(FRUIT)))}))
    return both_splits(tmp_path / "d", FRUIT), []


def carried(tmp_path: Path) -> Built:
    model = onnx.load(tmp_path / "m.onnx")
    entry = model.metadata_props.add()
    entry.key, entry.value = "names", str(dict(enumerate([*FRUIT[1:], FRUIT[0]])))
    onnx.save(model, tmp_path / "m.onnx")
    return both_splits(tmp_path / "d", FRUIT), []


REVERSED, SHIFTED = FRUIT[::-1], (*FRUIT[1:], FRUIT[0])
SWAPPED = ("Banana", "Apple", *FRUIT[2:])
NATURAL = tuple(f"c{n}" for n in range(5, 13))
VARIANTS: dict[str, Callable[[Path], Built]] = {
    "names reversed": named(*REVERSED),
    "names shifted": named(*SHIFTED),
    "two names swapped": named(*SWAPPED),
    "last two names swapped": named(*FRUIT[:6], FRUIT[7], FRUIT[6]),
    "three names turned": named(FRUIT[1], FRUIT[2], FRUIT[0], *FRUIT[3:]),
    "names without case, swapped": named(*(name.lower() for name in SWAPPED)),
    "a background name first": named("background", *FRUIT),
    "a background name first, none last": named("background", *FRUIT[:-1]),
    "names of another model": named("cat", "dog", "fox", "hen", "owl", "pig", "rat", "yak"),
    "a name too few": named(*FRUIT[:-1]),
    "names with other indices": names_file("".join(f"{i} {name}\n" for i, name in enumerate(SHIFTED))),
    "names in a file, sorted without case": names_file("\n".join(["hazel", *FRUIT[:-1]])),
    "JSON from name to another index": names_file(json.dumps({name: i for i, name in enumerate(REVERSED)})),
    "config.json of another order": by_config,
    "metadata of another order": carried,
    "folders c5..c12, in natural order": called(*NATURAL),
    "folders 5..12, in natural order": called(*(str(n) for n in range(5, 13))),
    "folders in another language": called("pomme", "banane", "cerise", "datte", "sureau", "figue", "raisin", "noix"),
    "one small letter": called("Apple", "Banana", "cherry", *FRUIT[3:]),
    "labels from 1": lambda tmp_path: npz(tmp_path, lambda y: y + 1),
    "labels shifted": lambda tmp_path: npz(tmp_path, lambda y: (y + 1) % C),
    "labels shifted back": lambda tmp_path: npz(tmp_path, lambda y: (y - 1) % C),
    "labels reversed": lambda tmp_path: npz(tmp_path, lambda y: C - 1 - y),
    "two labels swapped": lambda tmp_path: npz(tmp_path, table(0, 1, 2, 3, 4, 5, 7, 6)),
    "labels in pairs": lambda tmp_path: npz(tmp_path, table(1, 0, 3, 2, 5, 4, 7, 6)),
    "labels of two classes": lambda tmp_path: npz(tmp_path, lambda y: y % 2),
    "labels at random": lambda tmp_path: npz(tmp_path, lambda y: np.random.default_rng(5).permutation(y)),
    "labels by superclass": lambda tmp_path: npz(tmp_path, lambda y: y // 2),
    "named labels of another order": lambda tmp_path: npz(tmp_path, lambda y: C - 1 - y, class_names=np.array(FRUIT)),
    "labels as names, sorted otherwise": lambda tmp_path: npz(tmp_path, lambda y: np.array(REVERSED)[y]),
    "test labels shifted": of_one_split(lambda y: y, lambda y: (y + 1) % C),
    "two test labels swapped": of_one_split(lambda y: y, table(1, 0, 2, 3, 4, 5, 6, 7)),
    "train labels reversed": of_one_split(lambda y: C - 1 - y, lambda y: y),
    "two train labels swapped": of_one_split(table(0, 1, 2, 3, 4, 5, 7, 6), lambda y: y),
    "five classes numbered anew": some(0, 2, 3, 5, 7),
    "the last five numbered anew": some(3, 4, 5, 6, 7),
    "two classes numbered anew": some(2, 6),
    "folders of five": folders_of_some(0, 2, 3, 5, 7),
    "folders of the first four": folders_of_some(0, 1, 2, 3),
    "folders of two": folders_of_some(1, 4),
    "folds as classes": nested("fold_a", "fold_b"),
    "years as classes": nested("2021", "2022", "2023"),
    "a split and another folder": nested("train", "extra"),
    "one folder within": nested("images"),
    "a split as one of the classes": beside_the_split,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_wrong_labels_never_end_well(
    variant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    onnx.save(network(C), tmp_path / "m.onnx")
    data, options = VARIANTS[variant](tmp_path)
    status, said = audited(
        tmp_path / "m.onnx",
        data,
        *options,
        "--pairs",
        "all",
        "--max-pairs",
        "1",
        capsys=capsys,
        monkeypatch=monkeypatch,
    )
    assert status in (2, 3), said
    assert len(said.splitlines()) == 1
    assert "expected" in said
    assert "found" in said


def test_two_folds_of_a_model_of_two_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    onnx.save(network(2), tmp_path / "m.onnx")
    for seed, part in enumerate(("fold_a", "fold_b")):
        folder(tmp_path / "d" / part, *pictures(2, 20, seed), FRUIT)
    status, said = audited(tmp_path / "m.onnx", tmp_path / "d", capsys=capsys, monkeypatch=monkeypatch)
    assert status == 3
    assert "chance is 50.0 %" in said


def test_the_line_that_mends_it_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    onnx.save(network(C), tmp_path / "m.onnx")
    data, options = named(*REVERSED)(tmp_path)
    _, said = audited(tmp_path / "m.onnx", data, *options, capsys=capsys, monkeypatch=monkeypatch)
    line = said.partition("audit again with ")[2].partition(";")[0].split()
    again = audited(tmp_path / "m.onnx", data, *line, "--pairs", "Fig:Grape", capsys=capsys, monkeypatch=monkeypatch)
    assert again == (0, "")


def test_there_are_enough_variants():
    assert len(VARIANTS) >= 30

"""Image folders on disk with real images: layouts, order of classes, mixed images, unreadable files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.class_names import CarriedNames
from auditor.datasets.base import DataRequest, SkippedFile
from auditor.datasets.folder import natural_key
from auditor.datasets.geometry import Geometry
from auditor.datasets.load import load_dataset, match_classes
from auditor.errors import InputRefused, UsageError

Files = Callable[[str], list[tuple[Path, int]]]


def fill(root: Path, files: list[tuple[Path, int]], classes: list[str], per_class: int) -> None:
    """The same ``per_class`` images for each class would not do: each class takes the next ones, in a circle."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(per_class):
            source = files[(number * per_class + i) % len(files)][0]
            shutil.copy(source, root / name / f"image{i}{source.suffix}")


@pytest.fixture
def both(tmp_path: Path, real_image_files: Files) -> Path:
    """Train and test folders of two classes with real CIFAR-10 photographs."""
    files = real_image_files("cifar10")
    fill(tmp_path / "data" / "train", files[:12], ["cat", "dog"], 6)
    fill(tmp_path / "data" / "test", files[12:], ["cat", "dog"], 4)
    return tmp_path / "data"


def test_train_and_test_folders(both: Path, real_images) -> None:
    data = load_dataset(DataRequest(str(both)))
    x = torch.from_numpy(real_images("cifar10")[0]).permute(0, 3, 1, 2)
    assert data.name == both.name
    assert data.class_names == ("cat", "dog")
    assert data.train.pixels.dtype == torch.uint8
    assert torch.equal(data.train.pixels, x[:12])
    assert torch.equal(data.test.pixels, x[12:])
    assert data.train.labels.tolist() == [0] * 6 + [1] * 6
    assert data.test.labels.tolist() == [0] * 4 + [1] * 4
    assert (data.image_shape, data.skipped, data.notes) == ((3, 32, 32), (), ())


def test_class_folders_alone_are_split_by_seed(tmp_path: Path, real_image_files: Files) -> None:
    fill(tmp_path, real_image_files("mnist"), ["a", "b"], 10)
    one, same, other = (load_dataset(DataRequest(str(tmp_path), seed=seed)) for seed in (5, 5, 6))
    assert one.train.labels.tolist() == [0] * 8 + [1] * 8
    assert one.test.labels.tolist() == [0] * 2 + [1] * 2
    assert one.train.pixels.shape == (16, 1, 28, 28)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert one.notes == ("The data came without a split: 20% of each class, drawn with seed 5, are test samples.",)


def opened(root: Path, name: str) -> torch.Tensor:
    with Image.open(root / name) as image:
        return torch.from_numpy(np.array(image)).movedim(-1, 0)


@pytest.mark.parametrize("layout", ["split", "whole"])
def test_each_sample_is_named_by_its_file(both: Path, layout: str) -> None:
    if layout == "whole":
        (both / "train").rename(both.parent / "whole")
        both = both.parent / "whole"
    (both / "train" / "cat" if layout == "split" else both / "cat").joinpath("image1.png").write_bytes(b"no image")
    data = load_dataset(DataRequest(str(both), max_skip=0.1))
    for split in (data.train, data.test):
        assert len(split.files) == len(split) > 0
        for name, pixels in zip(split.files, split.pixels, strict=True):
            assert torch.equal(opened(both, name), pixels)
    assert len({*data.train.files, *data.test.files}) == len(data.train) + len(data.test)


def test_the_same_folder_elsewhere_has_the_same_fingerprint(both: Path, tmp_path: Path) -> None:
    shutil.copytree(both, tmp_path / "copy")
    one, other = (load_dataset(DataRequest(str(folder))) for folder in (both, tmp_path / "copy"))
    assert one.fingerprint == other.fingerprint
    (tmp_path / "copy" / "test" / "dog").rename(tmp_path / "dog")
    (tmp_path / "copy" / "test" / "cat").rename(tmp_path / "copy" / "test" / "dog")
    (tmp_path / "dog").rename(tmp_path / "copy" / "test" / "cat")
    assert load_dataset(DataRequest(str(tmp_path / "copy"))).fingerprint != one.fingerprint


def test_val_stands_in_for_test(both: Path) -> None:
    (both / "test").rename(both / "val")
    data = load_dataset(DataRequest(str(both)))
    assert (len(data.train), len(data.test)) == (12, 8)
    assert data.notes == ("The test samples are those of the folder val.",)


def test_classes_called_train_and_car(tmp_path: Path, real_image_files: Files) -> None:
    fill(tmp_path, real_image_files("cifar10"), ["car", "train"], 5)
    assert load_dataset(DataRequest(str(tmp_path))).class_names == ("car", "train")


def test_classes_are_in_text_order_and_files_in_natural_order(
    tmp_path: Path, real_image_files: Files, real_images
) -> None:
    names = ["1", "10", "2"]  # as torchvision.datasets.ImageFolder and Keras number them
    fill(tmp_path / "train", real_image_files("mnist"), names, 11)
    fill(tmp_path / "test", real_image_files("mnist"), names, 1)
    data = load_dataset(DataRequest(str(tmp_path)))
    assert data.class_names == ("1", "10", "2")
    assert data.order_assumed
    x = torch.from_numpy(real_images("mnist")[0])
    # image10.png comes after image9.png.
    assert torch.equal(data.train.pixels[:11, 0], x[:11])
    assert data.notes == ()


def test_capitals_come_before_small_letters(tmp_path: Path, real_image_files: Files) -> None:
    fill(tmp_path, real_image_files("mnist"), ["hazel", "Fig", "Iris"], 5)
    assert load_dataset(DataRequest(str(tmp_path))).class_names == ("Fig", "Iris", "hazel")


def test_natural_key_puts_numbers_by_value() -> None:
    names = ["b2", "a", "B10", "7", "10", "b02", "1a"]
    assert sorted(names, key=natural_key) == ["1a", "7", "10", "a", "b02", "b2", "B10"]


def test_class_names_that_name_the_folders_set_their_order(both: Path) -> None:
    data = load_dataset(DataRequest(str(both), class_names=("dog", "bird", "cat")))
    assert data.class_names == ("dog", "bird", "cat")
    assert data.train.labels.tolist() == [2] * 6 + [0] * 6
    assert torch.equal(data.train.pixels, load_dataset(DataRequest(str(both))).train.pixels)
    assert data.notes == ("The data's classes are in the order of --class-names (2 of 3 have one).",)


@pytest.mark.parametrize("names", [("0 Dog", "1 Cat"), ("DOG", "cat"), ("dog, hound", "cat, kitten")])
def test_names_of_other_spelling_are_matched(names: tuple[str, ...], both: Path) -> None:
    data = load_dataset(DataRequest(str(both), class_names=names))
    assert data.class_names == names
    assert data.train.labels.tolist() == [1] * 6 + [0] * 6


def test_names_that_the_model_carries_set_the_order(both: Path) -> None:
    carried = CarriedNames(("dog", "bird", "cat"), "the model's ZipMap")
    data = load_dataset(DataRequest(str(both), carried=carried))
    assert data.class_names == ("dog", "bird", "cat")
    assert data.train.labels.tolist() == [2] * 6 + [0] * 6
    assert data.notes == ("The class folders are in the order of the model's ZipMap (2 of 3 have one).",)
    assert not data.order_assumed


def test_carried_numbers_say_nothing(both: Path) -> None:
    data = load_dataset(DataRequest(str(both), carried=CarriedNames(("LABEL_0", "LABEL_1"), "config.json")))
    assert (data.class_names, data.order_assumed) == (("cat", "dog"), True)


def test_given_names_go_before_carried_ones(both: Path) -> None:
    carried = CarriedNames(("chien", "chat"), "the model's metadata")
    data = load_dataset(DataRequest(str(both), class_names=("dog", "cat"), carried=carried))
    assert data.class_names == ("dog", "cat")
    assert data.train.labels.tolist() == [1] * 6 + [0] * 6


def test_given_names_mend_a_wrong_order_of_carried_ones(both: Path) -> None:
    carried = CarriedNames(("cat", "dog"), "the model's metadata")
    data = load_dataset(DataRequest(str(both), class_names=("dog", "cat"), carried=carried))
    assert data.class_names == ("dog", "cat")
    assert data.train.labels.tolist() == [1] * 6 + [0] * 6
    assert (
        data.notes[1] == "The model carries its classes as cat, dog (the model's metadata); --class-names were taken."
    )


def test_carried_names_that_name_no_folder_are_refused_with_both_lists(both: Path) -> None:
    carried = CarriedNames(("dog", "bird"), "the model's metadata")
    with pytest.raises(InputRefused, match=r"metadata: dog, bird\); found cat, which it does not name .*cat, dog"):
        load_dataset(DataRequest(str(both), carried=carried))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("cat", "dgo"), "found no name for dog among cat, dgo"),
        (("Katze", "Hund"), "found no name for cat, dog among Katze, Hund"),
        (("a",), "found no name for cat, dog among a"),
    ],
)
def test_class_names_that_do_not_fit_are_refused_with_both_lists(
    names: tuple[str, ...], message: str, both: Path
) -> None:
    with pytest.raises(UsageError, match=message + r" \(the data have cat, dog\)"):
        load_dataset(DataRequest(str(both), class_names=names))


def test_some_of_the_models_classes_are_never_taken_for_the_first(both: Path) -> None:
    request = DataRequest(str(both))
    with pytest.raises(InputRefused, match=r"the model's 5 classes.*found 2 folders \(cat, dog\), and no names"):
        match_classes(load_dataset(request), 5, request)
    named = DataRequest(str(both), class_names=("ant", "bee", "cat", "dog", "eel"))
    data = match_classes(load_dataset(named), 5, named)
    assert sorted(set(data.test.labels.tolist())) == [2, 3]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"), ("TRAIN", "VAL"), ("training_set", "test_set"), ("Train", "Valid"),
        ("train-images", "test-images"), ("trainset", "testset"), ("train", "Validation"),
    ],
)  # fmt: skip
def test_splits_under_their_usual_names(train: str, test: str, both: Path) -> None:
    (both / "train").rename(both / "a")
    (both / "a").rename(both / train)
    (both / "test").rename(both / test)
    data = load_dataset(DataRequest(str(both)))
    assert (len(data.train), len(data.test), data.class_names) == (12, 8, ("cat", "dog"))


def test_two_folders_for_one_split_are_refused(both: Path) -> None:
    shutil.copytree(both / "train", both / "Training")
    with pytest.raises(InputRefused, match="one folder for each split; found Training and train"):
        load_dataset(DataRequest(str(both)))


def test_images_are_resized_to_the_model_while_reading(both: Path, real_images) -> None:
    data = load_dataset(DataRequest(str(both)), (3, 24, 20))
    assert data.train.pixels.shape == (12, 3, 24, 20)
    first = Image.fromarray(real_images("cifar10")[0][0]).resize((20, 24), Image.Resampling.BILINEAR)
    assert np.array_equal(data.train.pixels[0].permute(1, 2, 0).numpy(), np.asarray(first))
    assert data.notes == (
        "Images of 32 x 32 pixels were resized to 24 x 20 (bilinear, antialiased).",
        "The aspect ratio was not kept.",
    )


def test_images_of_mixed_kinds(both: Path, real_image_files: Files, real_images) -> None:
    photograph = Image.open(real_image_files("imagenet")[0][0])
    photograph.resize((80, 60)).convert("CMYK").save(both / "train" / "dog" / "image6.jpg")
    shutil.copy(real_image_files("mnist")[0][0], both / "train" / "dog" / "image7.png")
    data = load_dataset(DataRequest(str(both)), (3, 32, 32))
    assert data.train.pixels.shape == (14, 3, 32, 32)
    digit = Image.fromarray(real_images("mnist")[0][0]).resize((32, 32), Image.Resampling.BILINEAR)
    for channel in range(3):
        assert np.array_equal(data.train.pixels[13, channel].numpy(), np.asarray(digit))
    assert data.notes == (
        "Images converted from CMYK to RGB: 1.",
        "Grey images among colour ones, repeated into three channels: 1.",
        "Images of 28 x 28 to 60 x 80 pixels were resized to 32 x 32 (bilinear, antialiased).",
        "The aspect ratio was not kept.",
    )


def test_twelve_bits_in_sixteen_keep_their_depth_and_are_told(tmp_path: Path) -> None:
    for name, base in (("a", 1000), ("b", 1020)):
        (tmp_path / name).mkdir()
        for i in range(5):
            pixels = np.full((4, 4), base + i, dtype=np.uint16)
            pixels[0, 0] = 4095
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    data = load_dataset(DataRequest(str(tmp_path)))
    values = {round(65535 * value) for value in torch.cat([data.train.pixels, data.test.pixels]).unique().tolist()}
    assert values == {*range(1000, 1005), *range(1020, 1025), 4095}
    assert data.notes[0] == (
        "Images of 16 bits, divided by 65,535: 10; their largest value is 4,095."
        " If the model was trained on value / 4,095, say --mean 0 --std 0.0624857."
    )


def test_images_of_many_sizes_need_a_size_that_the_model_takes(both: Path) -> None:
    with Image.open(both / "train" / "cat" / "image0.png") as image:
        image.resize((6, 6)).save(both / "train" / "cat" / "image0.png")
    message = r"--resize, because .* any size .*; found 2 sizes, most often 32 x 32 \(19 of 20 images\)"
    with pytest.raises(InputRefused, match=message):
        load_dataset(DataRequest(str(both)))
    sized = load_dataset(DataRequest(str(both), geometry=Geometry(resize=16)))
    assert sized.train.pixels.shape == (12, 3, 16, 16)
    assert sized.notes == (
        "Images of 6 x 6 to 32 x 32 pixels were resized so that the shorter edge is 16 (bilinear, antialiased), then"
        " cut to the middle 16 x 16.",
    )


def test_unreadable_files_are_listed_and_skipped(both: Path) -> None:
    cut = both / "train" / "cat" / "image1.png"
    cut.write_bytes(cut.read_bytes()[:800])
    (both / "test" / "dog" / "image2.png").write_bytes(b"")
    data = load_dataset(DataRequest(str(both), max_skip=0.1))
    assert data.train.labels.tolist() == [0] * 5 + [1] * 6
    assert data.test.labels.tolist() == [0] * 4 + [1] * 3
    assert [skipped.file for skipped in data.skipped] == ["train/cat/image1.png", "test/dog/image2.png"]
    assert data.skipped[1] == SkippedFile("test/dog/image2.png", "empty file")


@pytest.mark.parametrize(("max_skip", "refused"), [(0.05, False), (0.049, True), (0.0, True)])
def test_more_unreadable_files_than_tolerated_are_refused(max_skip: float, refused: bool, both: Path) -> None:
    (both / "train" / "dog" / "image3.png").write_text("none")
    request = DataRequest(str(both), max_skip=max_skip)
    if not refused:
        assert len(load_dataset(request).skipped) == 1
        return
    message = (
        rf"at most {100 * max_skip:g} % of the image files unreadable .*; found 1 of 20, the first is"
        r" train/dog/image3.png \(not an image that can be identified\)"
    )
    with pytest.raises(InputRefused, match=message):
        load_dataset(request)


def test_no_image_readable_is_refused_however_many_may_be_skipped(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.png").write_bytes(b"")
    with pytest.raises(InputRefused, match=r"found 2 of 2, the first is a/image.png \(empty file\)"):
        load_dataset(DataRequest(str(tmp_path), max_skip=1.0))


def test_a_class_whose_images_are_all_unreadable_is_refused(both: Path) -> None:
    for path in (both / "test" / "dog").iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputRefused, match=r"found none of class 1 \(dog\) in the test split"):
        load_dataset(DataRequest(str(both), max_skip=0.5))


def test_other_files_are_left_out_and_counted(both: Path) -> None:
    (both / "readme.md").write_text("about")
    (both / "train" / "cat" / "labels.csv").write_text("a,b")
    (both / "train" / "dog" / "._image0.png").write_bytes(b"resource fork")
    (both / "train" / "dog" / ".thumbnails").mkdir()
    (both / "train" / "dog" / ".thumbnails" / "image0.png").write_bytes(b"thumbnail")
    (both / "train" / "cat" / "@eaDir" / "image0.png").mkdir(parents=True)
    shutil.copy(both / "train" / "cat" / "image0.png", both / "train" / "cat" / "@eaDir" / "image0.png" / "thumb.jpg")
    (both / "train" / "@eaDir").mkdir()
    (both / "train" / ".ipynb_checkpoints").mkdir()
    (both / "__MACOSX").mkdir()
    data = load_dataset(DataRequest(str(both)))
    assert len(data.train) == 12
    assert data.class_names == ("cat", "dog")
    assert data.notes == (
        "Files without the suffix of an image, left out: 1 (first train/cat/labels.csv).",
        "Hidden files and folders, left out: 3 (first train/cat/@eaDir).",
    )


def test_images_in_folders_below_the_class_and_links(both: Path) -> None:
    (both / "train" / "cat" / "more").mkdir()
    (both / "train" / "cat" / "image0.png").rename(both / "train" / "cat" / "more" / "image0.PNG")
    (both / "train" / "cat" / "round").symlink_to(both / "train", target_is_directory=True)
    assert len(load_dataset(DataRequest(str(both))).train) == 12


def _loose(root: Path) -> None:
    (root / "image.png").write_bytes(b"")


def _empty_classes(root: Path) -> None:
    (root / "a").mkdir()
    (root / "b").mkdir()


def _only_train(root: Path) -> None:
    (root / "train" / "a").mkdir(parents=True)


def _only_test(root: Path) -> None:
    (root / "test" / "a").mkdir(parents=True)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_loose, "found no folders in .*put the images of each class into a folder"),
        (_empty_classes, "found no images in .*use files such as .bmp"),
        (_only_train, "found class folders in train of .* and none in test"),
        (_only_test, "found class folders in test of .* and none in train"),
    ],
)
def test_other_layouts_are_refused(build: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    build(tmp_path)
    with pytest.raises(InputRefused, match=message):
        load_dataset(DataRequest(str(tmp_path)))


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_class_missing_in_one_split_is_refused(missing: str, both: Path) -> None:
    shutil.rmtree(both / missing / "dog")
    with pytest.raises(InputRefused, match=rf"found none of class 1 \(dog\) in the {missing} split"):
        load_dataset(DataRequest(str(both)))


def test_one_class_and_single_images_are_refused(tmp_path: Path, real_image_files: Files) -> None:
    fill(tmp_path / "one", real_image_files("mnist"), ["a"], 5)
    with pytest.raises(InputRefused, match=r"found samples of class 0 \(a\) only"):
        load_dataset(DataRequest(str(tmp_path / "one")))
    fill(tmp_path / "single", real_image_files("mnist"), ["a", "b"], 1)
    with pytest.raises(InputRefused, match=r"two or more samples of each class.*found one of class 0 \(a\)"):
        load_dataset(DataRequest(str(tmp_path / "single")))


def test_names_that_are_no_utf8_can_be_written(both: Path) -> None:
    for half in ("train", "test"):
        os.rename(os.fsencode(both / half / "dog"), os.fsencode(both / half) + b"/d\xf6g")
    (both / "train" / "cat" / "image5.png").write_bytes(b"")
    data = load_dataset(DataRequest(str(both), max_skip=0.1))
    assert data.class_names == ("cat", "d\\xf6g")
    assert len(data.test) == 8

"""Class names: what is read from a file, and which names are one and the same class."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.class_names import (
    NoClassNames,
    as_list,
    listed_class_names,
    match_names,
    numbered,
    read_class_names,
    unmatched,
)

FRUIT = ("Ripe", "Bruised", "Green")
JSON_WITH_WORDNET = {"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}


@pytest.mark.parametrize(
    "content",
    [
        b"Ripe\nBruised\nGreen\n",
        b"\xef\xbb\xbfRipe\r\nBruised\r\nGreen\r\n",
        "Ripe\nBruised\nGreen\n".encode("utf-16"),
        b"0 Ripe\n1 Bruised\n2 Green\n",
        b"2: Green\n0: Ripe\n1: Bruised\n",
        b"1,Ripe\n2,Bruised\n3,Green",
        b'["Ripe", "Bruised", "Green"]',
        b'{"0": "Ripe", "1": "Bruised", "2": "Green"}',
        b'{"2": "Green", "0": "Ripe", "1": "Bruised"}',
        b'{"Green": 2, "Ripe": 0, "Bruised": 1}',
        b'{"model_type": "vit", "id2label": {"0": "Ripe", "1": "Bruised", "2": "Green"}}',
        b"  \n Ripe\n\n Bruised \nGreen",
    ],
)
def test_every_usual_spelling_of_a_list_gives_the_names_in_order(content: bytes) -> None:
    assert read_class_names(content) == FRUIT


def test_the_list_of_imagenet_keeps_id_and_word() -> None:
    names = read_class_names(json.dumps(JSON_WITH_WORDNET).encode())
    assert names == ("n01440764 tench", "n01443537 goldfish")
    assert match_names(["goldfish", "n01440764"], names) == {"goldfish": 1, "n01440764": 0}


def test_only_ends_of_lines_part_names() -> None:
    assert read_class_names("a\u2028b\nc\x0bd\re\r\nf".encode()) == ("a\u2028b", "c\x0bd", "e", "f")


def test_numbers_in_the_names_of_folders_are_no_indices() -> None:
    assert read_class_names(b"1_dog\n0_cat\n") == ("1_dog", "0_cat")
    assert listed_class_names("1 dog,0 cat") == ("1 dog", "0 cat")  # the user's own order


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool), min_size=2, max_size=6, unique=True))
def test_a_list_is_read_as_it_is_written(names: list[str]) -> None:
    assert listed_class_names(as_list(names)) == tuple(names)


def test_a_thousand_synsets_are_matched_at_once() -> None:
    """Every spelling of a name is looked up; comparing all with all would take a million steps for each of them."""
    names = [f"n{10_000_000 + i} thing {i}, other {i}" for i in range(1000)]
    counted = Counting(names)
    assert match_names([name.partition(" ")[0] for name in names], counted) == {
        name.partition(" ")[0]: i for i, name in enumerate(names)
    }
    assert counted.walks <= 8


class Counting(list[str]):
    """Names that count how often somebody walks through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[str]:
        self.walks += 1
        return super().__iter__()


def test_numbers_that_are_no_indices_stay_in_the_names() -> None:
    assert read_class_names(b"20 km/h\n30 km/h\n50 km/h") == ("20 km/h", "30 km/h", "50 km/h")
    assert read_class_names(b"3\n8\n") == ("3", "8")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 names"),
        (b"one", "1 names"),
        (b"a\nb\na\n", "'a' twice"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no UTF-8"),
        (b"a\0b\nc", "no text"),
        (b'{"0": "a", "2": "b"}', "indices are not 0, 1, 2"),
        (b'{"0": "a", "1": {}}', "in place of a name"),
        (b"{}", "neither a list nor an object"),
    ],
)
def test_what_is_no_list_of_names_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(NoClassNames, match=reason):
        read_class_names(content)


@pytest.mark.parametrize(
    ("folders", "names", "expected"),
    [
        (["Ripe", "Green"], FRUIT, [0, 2]),
        (["ripe", "GREEN"], FRUIT, [0, 2]),
        (["Ripe", "Green"], ["0 Ripe", "1 Bruised", "2 Green"], [0, 2]),
        (["0_Ripe", "2-Green"], FRUIT, [0, 2]),
        (["traffic_light", "stop-sign"], ["Stop sign", "Traffic light"], [1, 0]),
        (["n01443537"], ["n01440764 tench, Tinca tinca", "n01443537 goldfish, Carassius auratus"], [1]),
        (["goldfish"], ["n01440764 tench, Tinca tinca", "n01443537 goldfish, Carassius auratus"], [1]),
        (["Tinca tinca"], ["tench, Tinca tinca", "goldfish"], [0]),
        (["n01443537_goldfish"], ["tench", "goldfish"], [1]),
        (["sch\u00f6n"], ["naive", "scho\u0308n"], [1]),  # one letter, or a letter and a mark
        (["A", "a"], ["a", "A"], [1, 0]),
        (["20 km/h", "30 km/h"], ["30 km/h", "20 km/h"], [1, 0]),
        (["Apple", "Banana"], ["Pear", "Banana"], None),
        (["crane"], ["n1 crane", "crane, bird", "crane, machine"], None),  # two classes share the word
        (["ripe", "Ripe"], ["RIPE", "Green"], None),  # one class for two folders
        (["1", "2"], ["10", "20"], None),
    ],
)
def test_folders_are_matched_to_names_by_name(folders: list[str], names: list[str], expected: list[int] | None) -> None:
    found = match_names(folders, names)
    assert found == (None if expected is None else dict(zip(folders, expected, strict=True)))


names_lists = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6, unique=True)


@given(names_lists, st.randoms(use_true_random=False))
def test_equal_names_always_match_whatever_their_order(names: list[str], random) -> None:
    shuffled = names.copy()
    random.shuffle(shuffled)
    assert match_names(shuffled, names) == {name: names.index(name) for name in shuffled}


def test_unmatched_names_are_listed() -> None:
    assert unmatched(["Ripe", "Rotten"], FRUIT) == ["Rotten"]


@pytest.mark.parametrize(
    ("names", "only_numbers"),
    [
        (["0", "1", "2"], True),
        (["1", "2", "3"], True),
        (["LABEL_0", "LABEL_1"], True),
        (["class 0", "class 1"], True),
        (["3", "8"], False),
        (["cat", "dog"], False),
        ([], False),
    ],
)
def test_names_that_are_only_numbers_say_nothing(names: list[str], only_numbers: bool) -> None:
    assert numbered(names) is only_numbers

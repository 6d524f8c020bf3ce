"""Class names as people write them: one file read into names, names of folders matched to names of classes.

A name counts as another where they are equal, equal without case, equal without a leading index (``0 Ripe``), or where
one is a line of a synset list (``n01440764 tench, Tinca tinca``) and the other its WordNet id or one of its words.
Looser ways are tried only where stricter ones find nothing, and a name that two classes share matches neither.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.bounded_file import decoded

_INDEXED = re.compile(r"\s*(\d+)\s*[\s:;,.)\]_-]\s*(?=\S)(.*)", re.DOTALL)
_LISTED = re.compile(r"\s*(\d+)\s*[\s:;,.)\]]\s*(?=\S)(.*)", re.DOTALL)
"""An index before a name in a list; ``1_dog`` and ``1-dog`` are names of folders."""
_SYNSET = re.compile(r"(n\d{8})[\s:,;_-]*(.*)", re.DOTALL)


@dataclass(frozen=True)
class CarriedNames:
    """Class names that a model's file, or a file beside it, carries.

    Args:
        names: one for each class, in the model's order.
        source: where they were found, for a message, such as ``"the model's ZipMap"``.
    """

    names: tuple[str, ...]
    source: str


class NoClassNames(ValueError):
    """The content is no list of class names; the text says what it is instead."""


def read_class_names(content: bytes) -> tuple[str, ...]:
    """The names in a file, in the order of their classes.

    Taken are one name a line, also with its index before it (``0 Ripe``, in any order); a JSON list; a JSON object
    from index to name (also ``id2label`` and ImageNet's ``{"0": ["n01440764", "tench"]}``) or from name to index
    (Keras' ``class_indices``). UTF-8 with or without a byte order mark, UTF-16 with one.

    Raises:
        NoClassNames: it is none of these, or fewer than two different names.
    """
    text = _text_of(content)
    stripped = text.strip()
    names = _from_json(stripped) if stripped[:1] in ("{", "[") else None
    if names is None:
        names = _in_order_of_index([line.strip() for line in re.split(r"\r\n|\r|\n", text) if line.strip()])
    return _checked(names)


def listed_class_names(text: str) -> tuple[str, ...]:
    """The names in a list with commas, in its order; in a JSON list, where a name holds a comma.

    >>> listed_class_names('b, a'), listed_class_names('["tench, Tinca tinca", "goldfish"]')
    (('b', 'a'), ('tench, Tinca tinca', 'goldfish'))

    Raises:
        NoClassNames: fewer than two different names.
    """
    names = _from_json(text.strip()) if text.lstrip().startswith("[") else None
    return _checked(names or [name.strip() for name in text.split(",") if name.strip()])


def names_by_index(names: Mapping[Any, object]) -> tuple[str, ...]:
    """Names in the order of their indices; empty where these are not 0, 1, 2, ...

    >>> names_by_index({1: "b", "0": "a"}), names_by_index({1: "b"})
    (('a', 'b'), ())
    """
    by_index = {int(index): str(name) for index, name in names.items() if str(index).isdecimal()}
    return tuple(by_index.get(i, "") for i in range(len(by_index))) if {*by_index} == {*range(len(names))} else ()


def as_list(names: Sequence[str]) -> str:
    """Names as ``listed_class_names`` reads them."""
    plain = all("," not in name and name == name.strip() for name in names) and not names[0].startswith("[")
    return ",".join(names) if plain else json.dumps(list(names), ensure_ascii=False)


def _checked(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) < 2:
        raise NoClassNames(f"{len(names)} names")
    if twice := next((name for name, count in Counter(names).items() if count > 1), None):
        raise NoClassNames(f"the name {twice!r} twice")
    return tuple(names)


def _text_of(content: bytes) -> str:
    """The content as text.

    Raises:
        NoClassNames: it is none.
    """
    try:
        text = decoded(content)
    except UnicodeDecodeError as err:
        raise NoClassNames(f"bytes that are no {err.encoding.upper()}") from err
    if "\0" in text:
        raise NoClassNames("a file that is no text")
    return text


def _from_json(text: str) -> list[str] | None:
    """Names of a JSON document; None where it is no JSON, so that a name may begin with a bracket."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, dict):
        for key in ("id2label", "names", "labels", "classes", "class_names"):
            if isinstance(document.get(key), dict | list):
                return _listed(document[key])
    return _listed(document)


def _listed(document: object) -> list[str]:
    """Names of a list, of an object from index to name, or of one from name to index."""
    if isinstance(document, list):
        return [_one_name(entry) for entry in document]
    if not isinstance(document, dict) or not document:
        raise NoClassNames("JSON that is neither a list nor an object of names")
    if all(isinstance(value, int) for value in document.values()):
        document = {str(index): name for name, index in document.items()}
    indices = [int(key) if re.fullmatch(r"\d{1,9}", key) else -1 for key in document]
    start = min(indices)
    if start not in (0, 1) or sorted(indices) != list(range(start, start + len(indices))):
        raise NoClassNames("a JSON object whose indices are not 0, 1, 2, ...")
    by_index = dict(zip(indices, document.values(), strict=True))
    return [_one_name(by_index[index]) for index in sorted(by_index)]


def _one_name(entry: object) -> str:
    if isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry):
        return " ".join(entry)  # ImageNet's pair of WordNet id and word
    if isinstance(entry, str) and entry.strip():
        return entry.strip()
    if isinstance(entry, int) and not isinstance(entry, bool):
        return str(entry)
    raise NoClassNames(f"{str(entry)[:40]!r} in place of a name")


def _in_order_of_index(lines: Sequence[str]) -> list[str]:
    """Lines without their indices, in the order of these, where each line begins with one of 0, 1, 2, ..."""
    found = [_LISTED.fullmatch(line) for line in lines]
    if lines and all(found):
        indices = [int(match[1]) if match else -1 for match in found]
        start = min(indices)
        if start in (0, 1) and sorted(indices) == list(range(start, start + len(lines))):
            return [match[2].strip() for _, match in sorted(zip(indices, found, strict=True)) if match]
    return list(lines)


def numbered(names: Sequence[str]) -> bool:
    """Whether names say no more than a number: 0, 1, 2, ... or LABEL_0, class 1, ...

    >>> numbered(["LABEL_0", "LABEL_1"]), numbered(["3", "8"])
    (True, False)
    """
    plain = [re.sub(r"(?i)^(label|class|c)[\s_-]*(?=\d+$)", "", name.strip()) for name in names]
    return bool(plain) and plain in ([str(i) for i in range(len(plain))], [str(i + 1) for i in range(len(plain))])


def match_names(given: Sequence[str], names: Sequence[str]) -> dict[str, int] | None:
    """The class that each given name is: its position in ``names``.

    Args:
        given: different names, such as those of folders.
        names: different names, one for each class in the model's order.
    Returns:
        A class for every given name, no class twice; None where a name matches none, or two.
    """
    found: dict[str, int] = {}
    left = list(given)
    for spellings in _WAYS:
        if not left:
            break
        places = _places(names, spellings)
        for name in left:
            hits = {place for spelling in spellings(name) for place in places.get(spelling, ())}
            if len(hits) == 1:
                found[name] = hits.pop()
        left = [name for name in left if name not in found]
    if left or len({*found.values()}) < len(found):
        return None
    return {name: found[name] for name in given}


def unmatched(given: Sequence[str], names: Sequence[str]) -> list[str]:
    """The given names that match no name by themselves."""
    return [name for name in given if match_names([name], names) is None]


Spellings = Callable[[str], Iterator[str]]


def _places(names: Sequence[str], spellings: Spellings) -> dict[str, set[int]]:
    """Positions of the names that have each spelling."""
    places = defaultdict[str, set[int]](set)
    for position, name in enumerate(names):
        for spelling in spellings(name):
            places[spelling].add(position)
    return places


def _exact(name: str) -> Iterator[str]:
    yield name


def _caseless(name: str) -> Iterator[str]:
    yield _folded(name)


def _without_index(name: str) -> Iterator[str]:
    yield _folded(name)
    if match := _INDEXED.fullmatch(name):
        yield _folded(match[2])


def _of_synset(name: str) -> Iterator[str]:
    yield from _without_index(name)
    bare = match[2] if (match := _INDEXED.fullmatch(name)) else name
    synset = _SYNSET.fullmatch(bare.strip())
    if synset:
        yield synset[1]
    for word in (synset[2] if synset else bare).split(","):
        if word.strip():
            yield _folded(word)


def _folded(name: str) -> str:
    """A name without case; blanks, underscores and hyphens are alike."""
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()


_WAYS: tuple[Spellings, ...] = (_exact, _caseless, _without_index, _of_synset)

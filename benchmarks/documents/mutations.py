"""Mutations of a document: of its structure where it has one, of its lines, of its bytes."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from auditor.worker.journal_key import user_key

NUMBERS: list[Any] = [
    0, 1, -1, 2, 10**6, -(10**6), 2**31, 2**63, 10**30, 0.5, -0.5, 1e-9, 5e-324, 1e308, -1e308, 1e16, float("nan"),
    float("inf"), True,
]  # fmt: skip
TEXTS = [
    "", " ", "\x00", "a\x1b[31mb\x07", "\u202egod", "two\nlines", "::error::x", "  ::add-mask::e", "##[error]pwn",
    "##vso[task.setvariable]x", "=1+1", "</script><b>", "near nan is nothing", "near", "higher", "lower is better",
    "neither is better", "9" * 400, "x" * 20_000, "{{ 7*7 }}", "%s%n", "validity.x", "../../etc/passwd",
]  # fmt: skip
MEASURES = [
    "performance.accuracy", "performance.ece", "performance.per_class.accuracy", "generation.success_rate",
    "characteristics.idc", "characteristics.margin_l2_attack", "characteristics.margin_l2_attack_gap",
    "characteristics.margin_l2", "characteristics.asymmetry_margin", "summary.margin_l2_attack.worst",
    "summary.idc.mean", "summary.margin_l2.worst", "baselines.rpbs.idc", "baselines.epbs.success_rate",
    "characteristics.edc_train_distance_misclassified", "characteristics.margin_l2_attack_q05",
]  # fmt: skip
LINES = [
    "[[rules]]", "[validity]", "[coverage]", "pairs = 99999999999999999999", "min = 1e308", "min = 5e-324", "max = -1",
    "min = nan", "measure = 'summary.idc.worst'", "aggregate = 'worst'", "severity = 'warn'", "strict = true",
    "pairs = ['0:1']", "directions = [':']", "classes = ['0', '99']", "max_decrease = '10 %'", "max_increase = 1e300",
    "id = 'validity.x'", "a.b.c.d = 1", "a." * 300 + "b = 1", "x = " + "[" * 2_000, "x = " + "9" * 5_000,
    "profile = 'quick'", "format = ['json']", "seed = -1", "max-pairs = 0", "pairs = 3", "'\x00' = 1", "\ufeff",
    "#" * 99, "x = 1979-05-27", "::error::x", "##[error]x", "rules = 3", "version = 1",
]  # fmt: skip


def mutated(kind: str, document: bytes, rng: random.Random) -> bytes:
    """A mutation of a document of that kind; one in seven has some of its bytes changed as well."""
    if kind in ("results.json", "run.json"):
        document = _json(document, rng)
    elif kind == "audit.journal":
        document = _journal(document, rng)
    else:
        document = _lines(document, rng)
    return _bytes(document, rng) if rng.random() < 1 / 7 else document


def _json(document: bytes, rng: random.Random) -> bytes:
    tree = json.loads(document)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if tree:
            _change(tree, rng)
    text = json.dumps(tree)
    if rng.random() < 0.02:
        text = text.replace("null", "[" * rng.choice((500, 100_000)), 1)
    return text.encode()


def _change(tree: Any, rng: random.Random) -> None:
    """Change one place of a tree, as deep as often as not."""
    if rng.random() < 0.15:
        _rename(tree, rng)
        return
    holder, key = _place(tree, rng)
    if key is None:
        return
    old, act = holder[key], rng.randrange(8)
    if act == 0:
        del holder[key]
    elif act == 1 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(old))
    elif act == 2 and isinstance(holder, list) and len(holder) > 1:
        other = rng.randrange(len(holder))
        holder[key], holder[other] = holder[other], old
    elif act == 3:
        other_holder, other_key = _place(tree, rng)
        if other_key is not None:
            holder[key] = copy.deepcopy(other_holder[other_key])
    elif act == 4:
        holder[key] = rng.choice([None, [], {}, "", 0, [old], {"x": old}, rng.choice(NUMBERS), rng.choice(TEXTS)])
    elif isinstance(old, bool | int | float):
        holder[key] = rng.choice([rng.choice(NUMBERS), old + 1, -old, old * 1.01])
    elif isinstance(old, str):
        holder[key] = rng.choice(TEXTS)
    else:
        holder[key] = type(old)() if isinstance(old, list | dict) else rng.choice([*NUMBERS, *TEXTS])


def _rename(tree: Any, rng: random.Random) -> None:
    """Put another text wherever one stands, keys included, so that the document still agrees with itself."""
    texts = sorted(set(_texts(tree)))
    old, new = rng.choice(texts or [""]), rng.choice(TEXTS)

    def renamed(part: Any) -> Any:
        if isinstance(part, dict):
            return {(new if key == old else key): renamed(value) for key, value in part.items()}
        if isinstance(part, list):
            return [renamed(value) for value in part]
        return new if part == old else part

    for key, value in list(tree.items()):
        tree[key] = renamed(value)


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from _texts(value)
    elif isinstance(part, list):
        for value in part:
            yield from _texts(value)


def _place(tree: Any, rng: random.Random) -> tuple[Any, Any]:
    """A container and a key of it, on a walk down that may stop at each step."""
    holder, key = tree, None
    part = tree
    while isinstance(part, dict | list) and part and (key is None or rng.random() > 0.12):
        holder = part
        key = rng.choice(list(part)) if isinstance(part, dict) else rng.randrange(len(part))
        part = part[key]
    return holder, key


def _journal(document: bytes, rng: random.Random) -> bytes:
    """Lines changed and signed anew with this user's key, so that what reads them sees what they hold."""
    contents = [line.partition(b" ")[2] for line in document.splitlines()]
    for _ in range(rng.choice((1, 2))):
        act, place = rng.randrange(5), rng.randrange(len(contents))
        if act == 0:
            contents.insert(place, contents[place])
        elif act == 1 and len(contents) > 1:
            del contents[place]
        elif contents[place][:1] == b"{":
            with suppress(ValueError, RecursionError):  # no JSON any more, after the first change
                contents[place] = _json(contents[place], rng)
    key, head = user_key(Path(tempfile.gettempdir(), "no-checkout")), b""
    lines = []
    for content in contents:
        code = hmac.new(key, head + b" " + content, hashlib.sha256).hexdigest().encode()
        lines.append(code + b" " + content)
        head = head or code
    return b"\n".join(lines) + b"\n"


def _rule(rng: random.Random) -> str:
    """A rule that may well be one, with a limit of any size."""
    measure = rng.choice(MEASURES)
    limit = rng.choice(["0.5", "0.05", "'10 %'", "'0 %'", *(repr(n).lower() for n in NUMBERS)])
    lines = ["[[rules]]", f"id = '{rng.random()}'", f"measure = '{measure}'"]
    lines.append(f"{rng.choice(('min', 'max', 'max_decrease', 'max_increase'))} = {limit}")
    more = ["aggregate = 'worst'", "aggregate = 'mean'", "aggregate = 'each'", "strict = true", "severity = 'warn'"]
    return "\n".join([*lines, *rng.sample(more, rng.randrange(3))])


def _lines(document: bytes, rng: random.Random) -> bytes:
    lines = document.decode().split("\n")
    if "[[rules]]" in lines and rng.random() < 0.5:
        return "\n".join([*lines, _rule(rng), ""]).encode()
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(len(lines))
        act = rng.randrange(4)
        if act == 0:
            lines.insert(place, rng.choice([*LINES, *TEXTS]))
        elif act == 1 and len(lines) > 1:
            del lines[place]
        elif act == 2:
            lines.insert(place, lines[place])
        elif "=" in lines[place]:
            key = lines[place].partition("=")[0]
            value = rng.choice([json.dumps(rng.choice(TEXTS)), repr(rng.choice(NUMBERS)).lower(), "[]", "{}", "[[1]]"])
            lines[place] = f"{key}= {value}"
        else:
            lines[place] = rng.choice(TEXTS)
    return "\n".join(lines).encode()


def _bytes(document: bytes, rng: random.Random) -> bytes:
    found = bytearray(document)
    for _ in range(rng.choice((1, 3, 20))):
        if not found:
            break
        act, place = rng.randrange(4), rng.randrange(len(found))
        if act == 0:
            found[place] ^= 1 << rng.randrange(8)
        elif act == 1:
            del found[place:]
        elif act == 2:
            found[place:place] = rng.choice((b"\x00", b"\xff", b"\r", b"\xe2\x80\xae", b'"', b"{", b"\n"))
        else:
            del found[place : place + rng.randrange(1, 50)]
    return bytes(found)

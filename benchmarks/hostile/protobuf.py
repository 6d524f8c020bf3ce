"""Damage inside a protobuf message, with the lengths of everything around it kept right."""

from __future__ import annotations

import random
from collections.abc import Callable

Way = Callable[[bytes, random.Random], bytes]
Field = tuple[int, bytes]
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def in_field(content: bytes, way: Way, rng: random.Random) -> bytes:
    """The message with one field, at any depth, damaged, dropped, doubled or moved."""
    fields = split(content)
    if not fields:
        return way(content, rng)
    place = rng.randrange(len(fields))
    tag, payload = fields[place]
    if tag & 7 == _BYTES and split(payload) and rng.random() < 0.85:
        fields[place] = tag, in_field(payload, way, rng)
    else:
        chance = rng.random()
        if chance < 0.1:
            del fields[place]
        elif chance < 0.2:
            fields.insert(rng.randrange(len(fields)), fields[place])
        elif tag & 7 == _BYTES:
            fields[place] = tag, way(payload, rng)
        elif tag & 7 == _VARINT:
            number = rng.choice((0, 1, 2, 127, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1, rng.randrange(64)))
            fields[place] = tag, varint(number)
        else:
            fields[place] = tag, bytes(rng.randrange(256) for _ in payload)
    return b"".join(varint(tag) + (varint(len(data)) if tag & 7 == _BYTES else b"") + data for tag, data in fields)


def split(content: bytes) -> list[Field]:
    """Tags and payloads of a message; none if it is no message."""
    fields: list[Field] = []
    position = 0
    while position < len(content):
        tag, position = _read(content, position)
        kind = tag & 7
        if tag >> 3 == 0 or kind not in (_VARINT, _EIGHT, _BYTES, _FOUR):
            return []
        if kind == _VARINT:
            end = _read(content, position)[1]
        elif kind == _BYTES:
            size, position = _read(content, position)
            end = position + size
        else:
            end = position + (8 if kind == _EIGHT else 4)
        if end > len(content):
            return []
        fields.append((tag, content[position:end]))
        position = end
    return fields


def varint(number: int) -> bytes:
    """A number as protobuf writes it.

    >>> varint(300)
    b'\\xac\\x02'
    """
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def _read(content: bytes, position: int) -> tuple[int, int]:
    """A varint and the position behind it; beyond the end where there is none."""
    value, shift = 0, 0
    while position < len(content) and shift < 70:
        byte = content[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
    return 0, len(content) + 1

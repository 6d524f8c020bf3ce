"""Text from outside stays text, wherever it is shown: on a terminal, in a CI service's log, in any document.

Names of files, classes and data, messages of models and everything that stands in a document may hold characters that
move the cursor, turn the direction of writing or end a line, and words that a CI service takes for commands in whatever
a job prints: GitHub's runner reads ``::name::`` at the start of a line after any blanks and ``##[name]`` anywhere,
Azure's ``##vso[name]`` and TeamCity's ``##teamcity[name]``. One rule in the forms that each place can show:

    printable: such characters as escapes, for a terminal, where everything has to be seen
    visible: such characters as one sign, the words apart by a joiner without width, for documents
    command_data: inside one of GitHub's commands, with its escapes
    json_text: as JSON's escapes, so that the text reads back as it was
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
JOINER: Final = "\N{WORD JOINER}"
"""Has no width and no meaning; stands inside of what would be a command without it."""
SOFT: Final = frozenset(("\u200c", "\u200d", "\u00ad", JOINER))
"""Joiners and the soft hyphen: format characters that scripts need and that change no order."""
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_COMMAND: Final = re.compile(r"^([^\S\n]*):(?=:)|##(?=\w*\[)", re.MULTILINE)
_PERHAPS: Final = re.compile("[^ -~]")
_PERHAPS_IN_A_LINE: Final = re.compile("[^ -~\n]")
"""All that is not plain ASCII, without or with the ends of lines: what of it is unsafe is looked up one by one."""


def is_unsafe(character: str) -> bool:
    """Whether a character controls, formats, separates lines, is half of one or none at all."""
    return unicodedata.category(character) in _UNSAFE


def printable(text: str) -> str:
    """One line for a terminal: unsafe characters as escapes, no start of a command.

    >>> print(printable("a\\x1b[31mb"), printable(" ::error::c"), printable("##[add-mask]d"))
    a\\x1b[31mb  \\x3a:error::c \\x23#[add-mask]d
    """
    escaped = _PERHAPS.sub(lambda found: _escape(found[0]), text)
    return _COMMAND.sub(lambda found: f"{found[1]}\\x3a" if found[1] is not None else "\\x23#", escaped)


def visible(text: str, keep: str = "") -> str:
    """Text for a document: unsafe characters as one sign, no start of a command.

    Args:
        keep: unsafe characters that the document needs, such as line ends.

    >>> visible("cat\\x00\\u202egod") == f"cat{REPLACEMENT}{REPLACEMENT}god"
    True
    """
    kept = SOFT.union(keep)
    shown = _PERHAPS.sub(lambda found: REPLACEMENT if is_unsafe(found[0]) and found[0] not in kept else found[0], text)
    return _COMMAND.sub(lambda found: f"{found[1]}:{JOINER}" if found[1] is not None else f"#{JOINER}#", shown)


def command_data(text: str) -> str:
    """Text as data of one of GitHub's commands: one line, its ends as the service's own escapes.

    >>> command_data("50 %\\n##[error]")
    '50 %25%0A\\\\x23#[error]'
    """
    shown = _PERHAPS.sub(
        lambda found: REPLACEMENT if not found[0].isprintable() and found[0] not in "\r\n" else found[0], text
    )
    shown = _COMMAND.sub(lambda found: found[0] if found[1] is not None else "\\x23#", shown)
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def json_text(text: str) -> str:
    """JSON text of the same meaning without unsafe characters or starts of commands: they stand as JSON's escapes.

    >>> json_text('["##[error]\\u202e"]')
    '["\\\\u0023#[error]\\\\u202e"]'
    """
    escaped = _PERHAPS_IN_A_LINE.sub(lambda found: _json_escape(found[0]), text)
    if "::" not in escaped and "##" not in escaped:  # found far sooner than where lines begin
        return escaped
    # Outside of strings there is neither sign, and no line of JSON begins with two colons.
    return _COMMAND.sub(lambda found: found[0] if found[1] is not None else "\\u0023#", escaped)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode() if is_unsafe(character) else character


def _json_escape(character: str) -> str:
    if not is_unsafe(character):
        return character
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + ((code - 0x10000) & 0x3FF):04x}"

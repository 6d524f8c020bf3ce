"""Text from outside in Markdown: names in code spans, sentences escaped, so that neither is markup, link or mention.

A code span shows its content as it is: no Markdown, HTML, mention, issue link, address or emoji code is read in it.
Its two own signs, the backtick and in tables the bar, are replaced by look-alikes.
"""

from __future__ import annotations

import string

from auditor.render.names import display_name, display_text

_LOOK_ALIKES = str.maketrans({"`": "\N{MODIFIER LETTER GRAVE ACCENT}", "|": "\N{BROKEN BAR}"})
_JOINER = "\N{WORD JOINER}"


def code(name: str, limit: int = 40) -> str:
    """A name as a code span.

    >>> code("a`b|c")
    '`a\N{MODIFIER LETTER GRAVE ACCENT}b\N{BROKEN BAR}c`'
    """
    return f"`{display_name(name, limit).translate(_LOOK_ALIKES)}`"


def prose(text: str, limit: int = 300) -> str:
    """A sentence as plain text: punctuation escaped, signs that call people or issues kept from doing so.

    >>> print(prose("<b> at 0.5. See [x](y) & www.z.org"))
    \\<b\\> at 0.5. See \\[x\\](y) \\& www\\.z\\.org
    """
    shown = display_text(text, limit)
    return "".join(_escaped(c, shown[:i], shown[i + 1 : i + 2]) for i, c in enumerate(shown))


def row(cells: list[str]) -> str:
    """A row of a table; the cells are finished Markdown."""
    return f"| {' | '.join(cells)} |"


def _escaped(character: str, before: str, after: str) -> str:
    """Escaped, but for what is harmless where it stands, so that the text reads well as it is, too."""
    if character in "@#":
        return f"\\{character}{_JOINER}"
    if character not in string.punctuation or character in ",;'\"?%()":
        return character
    ends = after in ("", " ", ",")
    # Digits and a full stop at the start of a line would begin a list.
    if character == "." and ((ends and not before.isdigit()) or (before[-1:].isdigit() and after.isdigit())):
        return character
    if (character == ":" and ends) or (character == "-" and before[-1:].isalnum() and after.isalnum()):
        return character
    return f"\\{character}"

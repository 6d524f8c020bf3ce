"""Text from outside is text: no control character and no CI service's command leaves any of the forms."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.untrusted_text import JOINER, command_data, json_text, printable, visible

COMMAND = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)
PARTS = st.lists(
    st.sampled_from([":", "::", "#", "##", "[", "##[", "##vso[", " ", "\t", "\n", "\x1b", "\u202e", "a", "\u3000"])
)
ANY = st.one_of(st.text(), PARTS.map("".join))


def controls(text: str) -> set[str]:
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {
        JOINER,
        "\u200c",
        "\u200d",
        "\xad",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("\u202eevil", "\\u202eevil"),
        ("two\nlines", "two\\nlines"),
        ("::error::x", "\\x3a:error::x"),
        ("   ::add-mask::e", "   \\x3a:add-mask::e"),
        ("\N{NO-BREAK SPACE}::x", "\N{NO-BREAK SPACE}\\x3a:x"),
        ("std::vector", "std::vector"),
        ("say ##[error]x", "say \\x23#[error]x"),
        ("###[x]", "#\\x23#[x]"),
        ("##vso[task.x]", "\\x23#vso[task.x]"),
        ("##teamcity[x]", "\\x23#teamcity[x]"),
        ("## heading", "## heading"),
        ("猫 Ä", "猫 Ä"),
    ],
)
def test_a_line_for_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY)
def test_no_form_lets_a_command_or_a_control_character_through(text: str) -> None:
    for shown in (printable(text), visible(text), command_data(text)):
        assert not controls(shown)
        assert "##[" not in shown
    assert not COMMAND.search(printable(text))
    assert not COMMAND.search(visible(text, keep="\n"))


@given(st.lists(ANY, max_size=5), st.dictionaries(ANY, ANY, max_size=5))
def test_json_reads_back_as_it_was(texts: list[str], named: dict[str, str]) -> None:
    document = {"texts": texts, "named": named}
    text = json_text(json.dumps(document, ensure_ascii=False, indent=1))
    assert json.loads(text) == document
    assert not controls(text) - {"\n"}
    assert not COMMAND.search(text)

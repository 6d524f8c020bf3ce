"""Names from outside stay text wherever they are shown: terminal, JSON, HTML in a parser and in a browser."""

from __future__ import annotations

import json
import os
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import onnx
import pytest

from tests.cli.command import DIGITS_CNN, Done, run
from tests.render.browser import BINARY, browser

CLASSES = (
    "<script>alert(1)</script>", "]]>", '"onload=alert(1) x="', "{{ 7*7 }}", "$\\frac{$", "a\u2028b", "\u202egod",
    "z\u200bw \x1b[31m", "=cmd|' /C calc'!A1", "L" * 10_000,
)  # fmt: skip
TENSOR = "<img src=x onerror=alert(1)>\x1b]0;t\x07"
MODEL = '"onload=<b>\x1b[2J.onnx'
HARMFUL = {chr(code) for code in range(32)} - {"\n", "\t"} | set("\x7f\u2028\u202e\u2066")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done, Done]:
    """The output folder, the audit and the inspection of a model, in a folder and of classes with hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    model = onnx.load(DIGITS_CNN)
    model.producer_name = "\x1b[31m<b>evil\u202e"
    for node in model.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == "relu_2":
                    names[place] = TENSOR
    onnx.save(model, folder / MODEL)
    (folder / "names.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    given = [MODEL, "--data", "digits", "--class-names", "names.txt"]
    small = ["--pairs", "0:1", "--profile", "quick", "--samples-per-class", "16", "--format", "html,pdf,json"]
    done = run([*given, *small, "--out", "out\x1b[31m<i>"], folder)
    return folder / "out\x1b[31m<i>", done, run(["inspect", *given], folder)


class Elements(HTMLParser):
    """Counts elements and keeps the attributes that a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.found, self.handlers = Counter[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_the_terminal_gets_no_control_character(audited: tuple[Path, Done, Done]):
    _, done, inspected = audited
    assert (done.status, inspected.status) == (0, 0), (done.stderr, inspected.stderr)
    for text in (done.stderr, inspected.stdout):
        assert not HARMFUL & set(text)
    assert "\\x1b[31m<b>evil\\u202e" in inspected.stdout


def test_html_holds_the_names_as_text_only(audited: tuple[Path, Done, Done]):
    folder, _, _ = audited
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Elements()
    page.feed(text)
    assert page.handlers == []
    assert page.found["script"] == 1
    assert (page.found["b"], page.found["img"]) == (0, 0)
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert not HARMFUL & set(text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7*7 }}" in text


def test_the_pdf_shows_the_names_without_their_control_characters(audited: tuple[Path, Done, Done]):
    pypdf = pytest.importorskip("pypdf")
    folder, _, _ = audited
    pages = pypdf.PdfReader(folder / "report.pdf").pages
    text = "".join(page.extract_text() for page in pages)
    assert "alert(1)" in text
    assert not HARMFUL & set(text)


def test_json_holds_the_names_as_they_are(audited: tuple[Path, Done, Done]):
    folder, _, _ = audited
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    # Blanks at both ends go when the file of names is read.
    assert found["data"]["class_names"] == [name.strip() for name in CLASSES]
    assert found["model"]["embedding"]["name"] == TENSOR


@pytest.mark.skipif(BINARY is None, reason="needs Chromium")
def test_a_browser_runs_and_fetches_nothing(audited: tuple[Path, Done, Done]):
    folder, _, _ = audited
    with browser() as page:
        page.open(folder / "report.html", 1200)
        assert page.complaints() == []
        assert page.requests() == [(folder / "report.html").as_uri()]
        assert page.evaluate("document.querySelectorAll('[onload],[onerror]').length") == 0


@pytest.mark.skipif(os.name != "posix", reason="needs file names of any bytes")
def test_a_file_name_that_is_not_utf8_is_refused_in_one_line(tmp_path: Path):
    done = run(["inspect", os.fsdecode(b"bad\xff.onnx")], tmp_path)
    assert done.status == 2
    assert "in UTF-8" in done.error

"""report.html: self-contained, the same bytes every time, hostile names stay text, quiet in a real browser."""

from __future__ import annotations

import base64
import datetime
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from auditor.documents.results import Results, from_json, to_json
from auditor.render.base import outputs
from tests.render.browser import BINARY, browser
from tests.render.sample_results import flagged, synthetic_results

DATE = datetime.date(2026, 11, 24)
HOSTILE = [
    "<script>alert(1)</script>", "\u202eoverride", "$\\frac{1}{", '"onmouseover=alert(1) x="', "a\x00b\x1b[31m", "",
    "\ud800 lone", "very long name " * 40, "</svg><img onerror=a(1)>", "&amp;{{ 7 * 7 }}",
]  # fmt: skip


@pytest.fixture(scope="module")
def results() -> Results:
    return synthetic_results()


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return outputs["html"].render(results, created=DATE).decode("utf-8")


def hostile_results() -> Results:
    results = synthetic_results(names=HOSTILE)
    model = results.model.model_copy(update={"file": "</title><script>alert(1)</script>.onnx"})
    settings = results.settings.model_copy(update={"command": "audit --data '</code></pre><script>alert(1)</script>'"})
    return flagged(
        results.model_copy(update={"model": model, "settings": settings}), "fail", "<b>accuracy</b> near chance"
    )


class Tags(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_same_results_give_the_same_bytes(results: Results, page: str) -> None:
    again = from_json(to_json(results))
    assert outputs["html"].render(again, created=DATE).decode("utf-8") == page


def test_the_encoding_and_the_policy_come_first(page: str) -> None:
    head = page[page.index("<head>") :]
    metas = re.findall(r"<meta [^>]*>", head)
    assert 'charset="utf-8"' in metas[0]
    assert "Content-Security-Policy" in metas[1]


def test_the_policy_names_the_hash_of_the_only_style_and_the_only_script(page: str) -> None:
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        contents = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
        assert len(contents) == 1
        digest = base64.b64encode(hashlib.sha256(contents[0].encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in page.replace("&#39;", "'")


def test_nothing_is_loaded_and_nothing_is_styled_in_place(page: str) -> None:
    for _, attributes in Tags(page).tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))


def test_every_link_has_its_target(page: str) -> None:
    tags = Tags(page).tags
    targets = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert len(targets) == len(set(targets))
    links = {(attributes.get("href") or "")[1:] for tag, attributes in tags if tag == "a"}
    assert links <= set(targets)


def test_every_picture_says_what_it_shows(page: str) -> None:
    pictures = re.findall(r"<svg .*?</svg>", page, re.S)
    assert len(pictures) > 40
    assert all(re.match(r'<svg [^>]*role="img"[^>]*><title>[^<]{20,}</title>', picture) for picture in pictures)


def test_forty_five_pairs_stay_far_below_five_megabytes(page: str) -> None:
    assert len(page.encode()) < 2_000_000


def test_hostile_names_stay_text() -> None:
    page = outputs["html"].render(hostile_results()).decode("utf-8")
    tags = Tags(page)
    assert [tag for tag, _ in tags.tags].count("script") == 1
    assert "b" not in [tag for tag, _ in tags.tags]
    assert "<img onerror=a(1)>" in tags.text
    assert "{{ 7 * 7 }}" in tags.text
    assert not any(name in ("onmouseover", "onerror") for _, attributes in tags.tags for name in attributes)
    assert not set(page) & set("\x00\x1b\u202e")
    page.encode("utf-8")


def test_a_failed_check_stands_above_everything() -> None:
    page = (
        outputs["html"]
        .render(flagged(synthetic_results(chosen=[(4, 9)]), "fail", "The accuracy is near chance."))
        .decode()
    )
    body = page[page.index("<body>") :]
    assert body.index("The accuracy is near chance.") < body.index("<h1")
    assert "This audit is not valid." in body


@pytest.mark.skipif(BINARY is None, reason="no chromium is installed")
@pytest.mark.parametrize("kind", ["digits", "hostile", "vectors"])
def test_a_browser_has_nothing_to_complain_about(kind: str, tmp_path: Path) -> None:
    made = {
        "digits": synthetic_results,
        "hostile": hostile_results,
        "vectors": lambda: synthetic_results(images=False, embedding=False),
    }
    file = tmp_path / "report.html"
    file.write_bytes(outputs["html"].render(made[kind](), created=DATE))
    with browser() as tab:
        for width, dark in ((1280, False), (390, True)):
            tab.open(file, width, dark)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.evaluate("document.fonts.check('16px \"Audit Serif\"') && document.fonts.size") == 7
            assert tab.complaints() == []
            assert tab.requests() == [file.as_uri()]


@pytest.mark.skipif(BINARY is None, reason="no chromium is installed")
def test_a_click_sorts_a_table(page: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    column = "[...document.querySelectorAll('#others tbody tr')].map(row => Number(row.cells[3].dataset.sort))"
    with browser() as tab:
        tab.open(file, 1280)
        before = tab.evaluate(column)
        tab.evaluate("document.querySelector('#others thead th:nth-child(4) button').click()")
        assert tab.evaluate(column) == sorted(before) != before
        tab.evaluate("document.querySelector('#others thead th:nth-child(4) button').click()")
        assert tab.evaluate(column) == sorted(before, reverse=True)


@pytest.mark.skipif(BINARY is None, reason="no chromium is installed")
def test_dark_mode_changes_the_ground_and_the_ink_of_the_figures(page: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    ink = (
        "getComputedStyle(document.querySelector('svg .f-ink')).fill + getComputedStyle(document.body).backgroundColor"
    )
    with browser() as tab:
        tab.open(file, 1280)
        light = tab.evaluate(ink)
        tab.open(file, 1280, dark=True)
        assert tab.evaluate(ink) != light

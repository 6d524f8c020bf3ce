"""compare.html and compare.pdf: what they say of equal, worse and incomparable models, in the report's discipline."""

from __future__ import annotations

import datetime
import io
import json
import logging
import re
from functools import cache

import pypdf
import pytest

from auditor.comparison import Comparison
from auditor.policy.compare import compare
from auditor.render.comparison.base import comparison_outputs
from auditor.render.comparison.view import build
from auditor.results import Results
from tests.render.gated import hostile
from tests.render.sample_results import measure, summary, synthetic_results
from tests.render.test_render_html import Tags

DATE = datetime.date(2026, 11, 24)


def closer(results: Results, index: int, factor: float) -> Results:
    """The results with every margin from a class scaled."""
    pairs = []
    for pair in results.pairs:
        directions = []
        for d in pair.directions:
            m = d.characteristics["margin_l2_attack"]
            scaled = measure("margin_l2_attack", m.value * factor, 0.04, 64)  # type: ignore[union-attr]
            values = d.characteristics | ({"margin_l2_attack": scaled} if d.source == index else {})
            directions.append(d.model_copy(update={"characteristics": values}))
        pairs.append(pair.model_copy(update={"directions": directions}))
    return results.model_copy(update={"pairs": pairs, "summary": summary(pairs)})


@cache
def made(kind: str) -> Comparison:
    base = synthetic_results(images=False)
    if kind == "itself":
        return compare(base, base)
    if kind == "worse":
        return compare(closer(base, 7, 0.5), base)
    if kind == "better":
        return compare(base, closer(base, 7, 0.5))
    if kind == "few":
        few = hostile(chosen=[(4, 9), (3, 8), (1, 2), (0, 4)])
        return compare(closer(few, 4, 0.5), few)
    if kind == "hostile":
        return compare(closer(hostile(), 7, 0.5), hostile())
    other = base.model_copy(update={"data": base.data.model_copy(update={"fingerprint": "other"})})
    return compare(base, other, allow_different_data=True)


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("itself", "no clear difference", "both files hold the same numbers"),
        ("worse", "more fragile", "The candidate is more fragile in 9 of 90 directions."),
        ("better", "less fragile", "less fragile in 9 of 90 directions, and nowhere more."),
        ("other data", "not comparable", "cannot be compared as they stand"),
    ],
)
def test_the_verdict(kind: str, status: str, said: str):
    report = build(made(kind))
    assert report.status.word == status
    assert said in report.verdict


def test_a_comparison_with_itself_says_nothing_more():
    report = build(made("itself"))
    assert report.findings == []
    assert report.front_table is None
    assert all("worse" not in str(row[4].status) for row in report.performance.rows)


def test_what_got_worse_is_named_first_with_its_numbers():
    report = build(made("worse"))
    assert report.findings[0].text.startswith("From 7 to ")
    assert report.front_table is not None
    assert {row[0].text[0] for row in report.front_table.rows} == {"7"}
    assert {row[4].status.word for row in report.front_table.rows if row[4].status} == {"worse"}
    assert report.pairs is not None
    assert "7" in report.pairs.rows[0][0].text


def test_both_maps_share_one_scale():
    before, after = build(made("worse")).front_maps
    ends = [re.findall(r">([\d.]+)</text>", str(figure.svg))[-2:] for figure in (before, after)]
    assert ends[0] == ends[1]
    assert before.title.startswith("Baseline: ")
    assert after.title.startswith("Candidate: ")


@pytest.mark.parametrize("kind", ["itself", "worse", "hostile", "other data"])
def test_the_page_keeps_the_reports_discipline(kind: str):
    page = comparison_outputs["html"].render(made(kind), DATE).decode()
    tags = Tags(page)
    assert [tag for tag, _ in tags.tags].count("script") == 1
    assert not {"img", "b", "x"} & {tag for tag, _ in tags.tags}
    for _, attributes in tags.tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    targets = [attributes["id"] for _, attributes in tags.tags if attributes.get("id")]
    assert len(targets) == len(set(targets))
    assert {(a.get("href") or "")[1:] for tag, a in tags.tags if tag == "a"} <= set(targets)
    assert not set(page) & set("\x00\x1b\u202e")
    assert comparison_outputs["html"].render(made(kind), DATE).decode() == page


def test_other_data_stand_above_everything():
    page = comparison_outputs["html"].render(made("other data")).decode()
    body = page[page.index("<body>") :]
    assert body.index("ran on different data") < body.index("<h1")


def test_the_pdf_is_made_without_a_word_in_the_log(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "weasyprint"):
        content = comparison_outputs["pdf"].render(made("few"), DATE)
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    assert "Both audits" in "".join(page.extract_text() for page in pages)


def test_the_json_is_the_comparison():
    text = comparison_outputs["json"].render(made("worse"))
    assert Comparison.model_validate_json(text) == made("worse")
    assert json.loads(text)["ranked_by"] == "margin_l2_attack"

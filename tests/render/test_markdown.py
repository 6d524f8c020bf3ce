"""summary.md and compare.md: what they say, and that no name is markup, a link, a mention or a picture."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from auditor.documents.results import Results
from auditor.policy.compare import compare
from auditor.render.base import comparison_outputs, outputs
from auditor.render.markdown_escapes import code, prose
from tests.render.gated import HOSTILE, gated, hostile
from tests.render.sample_results import flagged, synthetic_results


class Page(HTMLParser):
    """The elements of a rendered page, and its text outside of code."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.prose, self.text, self._code = "", "", 0
        self.feed(MarkdownIt("commonmark").enable("table").enable("strikethrough").render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.text += data
        self.prose += "" if self._code else data


def summary(results: Results) -> str:
    return outputs["markdown"].render(results).decode()


def test_the_verdict_and_the_rules_that_do_not_pass_come_first():
    text = summary(gated())
    assert text.startswith("### Failed: decision boundary of `synthetic_test_model.onnx` on `digits`")
    assert "2 of 6 rules hold; 2 failed; 1 could not be measured; 1 gave a warning. The first:" in text
    table = text[text.index("| Rule ") : text.index("2 rules passed.")]
    assert [line.split("`")[1] for line in table.splitlines()[2:] if line] == [
        "performance.accuracy", "characteristics.margin_l2_attack worst",
        "characteristics.edc_train_distance_misclassified mean", "warned",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pairs", "scope"),
    [([(4, 9)], "of 1 audited pair:"), ([(4, 9), (3, 8)], "of the pairs that rank first of 2 audited pairs:")],
)
def test_the_title_of_the_pairs_ends_where_nothing_is_tied(pairs: list[tuple[int, int]], scope: str):
    text = summary(synthetic_results(images=False, chosen=pairs, report_pairs=1))
    assert scope in text
    assert "unnamed" not in text


def test_the_five_most_fragile_pairs_with_bars_and_a_map():
    text = summary(gated())
    pairs = re.findall(r"^\| `(\d)` and `(\d)` \| (█+) \|", text, re.M)
    assert [(int(a), int(b)) for a, b, _ in pairs] == [(4, 9), (3, 8), (1, 8), (5, 9), (3, 9)]
    assert [len(bar) for _, _, bar in pairs] == sorted(len(bar) for _, _, bar in pairs)
    picture = text[text.index("```text") :].splitlines()[1:11]
    assert len(picture) == 10
    assert len({len(line) for line in picture}) == 1


def test_no_address_and_no_picture_that_a_comment_would_strip():
    text = summary(gated())
    assert "data:" not in text
    assert "](" not in text
    assert Page(text).tags <= {
        "h3",
        "p",
        "strong",
        "code",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "pre",
    }


def test_an_audit_without_a_gate_and_one_that_is_not_valid():
    assert summary(synthetic_results(images=False)).startswith("### No gate:")
    text = summary(flagged(gated(), "fail", "The accuracy is near chance."))
    assert text.startswith("### Not valid:")
    assert "- **fail**: The accuracy is near chance." in text


@pytest.mark.parametrize("kind", ["summary", "compare"])
def test_hostile_names_are_text(kind: str):
    results = hostile()
    closer = results.model_copy(update={"pairs": results.pairs[::-1]})
    text = summary(results)
    if kind == "compare":
        text = comparison_outputs["markdown"].render(compare(closer, results)).decode()
    page = Page(text)
    assert not page.tags & {"img", "a", "b", "x", "em", "s", "script", "del"}
    assert not re.search(r"[@#]\w", page.prose)
    assert not set(text) & set("\x1b\u202e\x00")
    if kind == "summary":
        assert "</failure>]]><x/>" in page.text
        assert sum(line.lstrip(" ")[:3] == "```" and line[:4] != "    " for line in text.splitlines()) == 2


@pytest.mark.parametrize("name", [*HOSTILE, "a\\", "\\`", "x\ny", ""])
def test_a_name_is_one_code_span_and_one_cell(name: str):
    html = MarkdownIt("commonmark").enable("table").render(f"| a | b |\n|---|---|\n| {code(name)} | end |")
    assert html.count("<td>") == 2
    assert html.count("<code>") == 1
    assert "<td>end</td>" in html


@pytest.mark.parametrize("text", [*HOSTILE, "1. not a list", "- nor this", "# nor a title", "> quote", "a  \nb"])
def test_prose_is_plain_text(text: str):
    html = MarkdownIt("commonmark").enable("table").enable("strikethrough").render(prose(text))
    assert set(re.findall(r"<(\w+)", html)) == {"p"}


def test_it_stays_far_below_the_length_of_a_comment():
    long = ["name " * 40 + str(i) for i in range(10)]
    assert len(summary(gated(names=long))) < 20_000

"""samples.csv: one row a sample, led to from the sentences of the report, and no cell that is a formula."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from auditor.documents.results import Margins, Results
from auditor.render.base import outputs
from auditor.render.csv import COLUMNS, safe
from auditor.render.view.advice import advice
from auditor.render.view.lookups import Audit
from tests.render.sample_results import PER_CLASS, WRONG, synthetic_results

PAIRS = [(4, 9), (3, 8), (4, 8)]


def table(results: Results) -> list[dict[str, str]]:
    """The rows by column, read as a program would."""
    text = outputs["csv"].render(results).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def with_margins(results: Results, direction: tuple[int, int], **change: Any) -> Results:
    """The same results with other margins of the test split in one direction."""

    def changed(margins: dict[Any, Margins]) -> dict[Any, Margins]:
        return margins | {"test": margins["test"].model_copy(update=change)}

    pairs = [
        pair.model_copy(
            update={
                "directions": [
                    d.model_copy(update={"margins": changed(d.margins)}) if (d.source, d.target) == direction else d
                    for d in pair.directions
                ]
            }
        )
        for pair in results.pairs
    ]
    return results.model_copy(update={"pairs": pairs})


@pytest.fixture(scope="module")
def results() -> Results:
    return synthetic_results(images=False, chosen=PAIRS, files=True)


def test_a_row_for_every_sample_with_what_the_model_says_of_it(results: Results) -> None:
    rows = table(results)
    assert list(rows[0]) == list(COLUMNS)
    assert [(r["split"], int(r["index"])) for r in rows] == [
        (split, i) for split in ("test", "train") for i in range(10 * PER_CLASS)
    ]
    row = rows[9 * PER_CLASS]
    assert {k: row[k] for k in ("file", "label", "predicted", "predicted_name", "p_label", "logit_margin")} == {
        "file": "test/9/0324.png", "label": "9", "predicted": "4", "predicted_name": "4", "p_label": "0.2104",
        "logit_margin": "-1.0833",
    }  # fmt: skip
    wrong = [(int(r["label"]), int(r["predicted"])) for r in rows if "misclassified" in r["flags"].split("; ")]
    assert {pair: wrong.count(pair) for pair in wrong} == WRONG


def test_the_nearest_class_is_the_one_with_the_smallest_margin(results: Results) -> None:
    # Every other sample of 4 is nearer to 8 than to 9.
    results = with_margins(results, (4, 8), l2=[0.0, *([0.011, 7.5] * PER_CLASS)][:PER_CLASS])
    by = {(d.source, d.target): d.margins["test"] for pair in results.pairs for d in pair.directions}
    rows = table(results)
    for i in range(4 * PER_CLASS + 1, 5 * PER_CLASS):  # from 4 both 9 and 8 were tried
        margins = {t: by[4, t].l2[i - 4 * PER_CLASS] for t in (9, 8)}
        nearest = min(margins, key=lambda t: margins[t])  # type: ignore[arg-type, return-value]
        assert (rows[i]["nearest"], float(rows[i]["margin_l2"])) == (str(nearest), margins[nearest])
        assert float(rows[i]["margin_linf"]) == by[4, nearest].linf[i - 4 * PER_CLASS]
    assert {r["nearest"] for r in rows[4 * PER_CLASS : 5 * PER_CLASS]} == {"9", "8"}
    assert {r["nearest"] + r["margin_l2"] for r in rows[:PER_CLASS]} == {""}  # from 0 nothing was tried


def test_a_sample_that_is_elsewhere_has_margin_0_to_where_it_is(results: Results) -> None:
    rows = table(results)
    assert [rows[4 * PER_CLASS][k] for k in ("predicted", "nearest", "margin_l2", "margin_linf")] == [
        "9", "9", "0.0", "0.0",
    ]  # fmt: skip


def test_a_censored_sample_says_how_far_was_looked(results: Results) -> None:
    nothing = [None] * PER_CLASS
    censored = with_margins(results, (9, 4), l2=nothing, linf=nothing, tried_l2=8.25)
    row = table(censored)[9 * PER_CLASS + 5]
    assert row["nearest"] + row["margin_l2"] + row["margin_linf"] == ""
    assert row["flags"] == "censored; farther than 8.25"
    half = with_margins(results, (4, 9), l2=nothing, linf=nothing, tried_l2=8.25)
    row = table(half)[4 * PER_CLASS + 5]
    assert row["nearest"] == "8"
    assert "censored" not in row["flags"]


def test_flags_of_training_samples(results: Results) -> None:
    rows = {(r["split"], int(r["index"])): r["flags"].split("; ") for r in table(results)}
    assert rows["train", 4 * PER_CLASS + 3] == ["source", "wrong side of the linear separation from 9"]
    assert rows["train", 0] == [""]


def test_a_sentence_of_the_report_leads_to_its_samples(results: Results) -> None:
    said = " ".join(item.evidence for group in advice(Audit(results)) for item in group.items)
    files = {r["file"]: r["flags"] for r in table(results)}
    named = re.findall(r"(?:test|train)/\d/\d{4}\.png", said)
    assert len(named) >= 4
    assert all(files[name] for name in named)
    wrong = re.search(r"4 of 72 test samples of 4 and 9 are taken for one another: (.*?) and 1 more; all are", said)
    assert wrong is not None
    assert all(files[name] == "misclassified" for name in wrong[1].split(", "))
    side = re.search(r"on the wrong side of a linear separation: (.*?); all are in samples.csv", said)
    assert side is not None
    assert all("wrong side of the linear separation" in files[name] for name in side[1].split(", "))


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_name_is_a_formula(name: str) -> None:
    names = [name, "b", "c"]
    results = synthetic_results(images=False, names=names, files=True, chosen=[(1, 0)])
    rows = table(results)
    assert rows[0]["label_name"] == f"'{name}"
    assert not any(row[k].startswith(tuple("=+-@\t\r\n")) for row in rows for k in row if k != "logit_margin")


def test_names_stand_as_they_are_and_come_back_whole() -> None:
    names = ['a "quoted", name', "two\nlines", "Äpfel 猫", "nul\x00", "half \ud800"]
    rows = table(synthetic_results(images=False, names=names, chosen=[(0, 1)]))
    assert [rows[c * PER_CLASS]["label_name"] for c in range(5)] == [
        'a "quoted", name', "two\nlines", "Äpfel 猫", "nul\N{REPLACEMENT CHARACTER}", "half \\ud800",
    ]  # fmt: skip
    assert rows[0]["file"] == ""
    assert safe("plain") == "plain"


def test_equal_results_give_equal_bytes(results: Results) -> None:
    assert outputs["csv"].render(results) == outputs["csv"].render(results)

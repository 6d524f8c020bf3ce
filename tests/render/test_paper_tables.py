"""Tables on paper: columns as wide as CSS makes them, and no cell lost where empty ones are joined."""

from __future__ import annotations

import pytest

from auditor.render.figures.measure import text_width
from auditor.render.paper_tables import DENSE, PAGE, PLAIN, SMALL, column_shares, spanned
from auditor.render.view.page_parts import Cell, Column, Table

LONG = "many words that do not all fit into one line of a page " * 4


def test_columns_share_the_page_as_their_widest_lines_where_all_fit() -> None:
    table = Table("", [Column("name", numeric=False), Column("n")], [[Cell("ab"), Cell("1", "[0.1, 0.2]")]])
    widest = text_width("name", PLAIN.size, bold=True) + PLAIN.gap, text_width("[0.1, 0.2]", SMALL * PLAIN.size)
    assert column_shares(table) == pytest.approx([100 * width / sum(widest) for width in widest], abs=1e-3)


def test_a_number_is_never_narrower_than_itself_and_words_take_what_is_left() -> None:
    table = Table("", [Column("name", numeric=False), Column("n")], [[Cell(LONG), Cell("1,234,567", "[1, 2,000,000]")]])
    words, number = column_shares(table, "dense rules")
    assert words + number == pytest.approx(100, abs=1e-2)
    assert number / 100 * PAGE == pytest.approx(text_width("[1, 2,000,000]", SMALL * DENSE.size), abs=0.02)


def test_where_not_even_the_words_fit_the_columns_shrink_alike() -> None:
    word = "w" * 200
    shares = column_shares(Table("", [Column("", numeric=False)] * 2, [[Cell(word), Cell(word)]]))
    assert shares == pytest.approx([50, 50], abs=1)


def test_empty_cells_side_by_side_are_one_on_paper_only() -> None:
    columns = [Column(str(k)) for k in range(6)]
    row = [Cell(""), Cell(""), Cell(""), Cell("x"), Cell(""), Cell("", "note")]
    seen = [(cell, int(column.text), span) for cell, column, span in spanned(row, columns, paper=True)]
    assert seen == [(row[0], 0, 1), (row[1], 1, 2), (row[3], 3, 1), (row[4], 4, 1), (row[5], 5, 1)]
    assert [span for _, _, span in spanned(row, columns, paper=False)] == [1] * 6

"""Medians, ratios and tables, by hand."""

from __future__ import annotations

import pytest

from bench.common.table import Column, Table, exponent, median_ratio, medians, relative_errors


def test_the_ratio_is_the_median_of_pairs_and_not_the_ratio_of_medians() -> None:
    # a load made the second round ten times slower for both
    assert median_ratio([1, 20, 3], [2, 10, 4]) == pytest.approx(0.75)


def test_a_pair_without_a_partner_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        median_ratio([1.0], [1.0, 2.0])


def test_the_exponent_tells_linear_from_quadratic() -> None:
    assert exponent([1, 2, 4], [5, 10, 20]) == pytest.approx(1.0)
    assert exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2.0)


def test_errors_are_relative_to_the_truth() -> None:
    assert relative_errors([8, 15], [10, 10]) == pytest.approx([0.2, 0.5])


def test_medians_take_the_rows_that_have_the_number() -> None:
    rows = [{"a": 1.0, "b": 5.0}, {"a": 3.0}, {"a": 8.0}]
    assert medians(rows, ["a", "b", "c"]) == {"a": 3.0, "b": 5.0}


def test_numbers_end_where_the_columns_end_and_texts_begin_there() -> None:
    table = Table(Column("name", width=6), Column("seconds", 2), Column("n"))
    assert [table.head(), table.row("cat", 1.239, 7), table.row("lilies", None, 12)] == [
        "name    seconds  n",
        "cat        1.24  7",
        "lilies        -  12",
    ]


def test_a_missing_cell_is_an_error() -> None:
    with pytest.raises(ValueError, match="argument"):
        Table(Column("a"), Column("b")).row(1)

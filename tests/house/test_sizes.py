"""Small enough to read: the sizes of functions and files."""

import statistics

import pytest

from tests.house.tree import CODE, functions, name_of, sources

MEDIAN, MOST, NINE_IN_TEN, LONGEST = 8, 50, 25, 400
PARAMETERS = 5


@pytest.mark.parametrize("top", CODE)
def test_no_file_is_longer_than_four_hundred_lines(top: str) -> None:
    assert [name_of(path) for path in sources(top) if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST] == []


@pytest.mark.parametrize("top", ["shared", "tests"])
def test_functions_are_short(top: str) -> None:
    sizes = sorted(one.lines for one in functions(top))
    assert len(sizes) > 500
    assert statistics.median(sizes) <= MEDIAN
    assert sizes[len(sizes) * 9 // 10] <= NINE_IN_TEN
    assert [one.where for one in functions(top) if one.lines > MOST] == []


def test_nobody_has_to_count_more_than_five_positional_parameters() -> None:
    assert [one.where for one in functions() if one.positional > PARAMETERS] == []

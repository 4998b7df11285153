"""Fields out of foreign JSON are typed and bounded, and an error says where it is."""

from typing import Any

import pytest

from pointsman.core.errors import RejectedEvent
from pointsman.wire import fields

EVENT = fields.table({"detail": {"routes": [{"cidr": "10.0.0.0/8"}, 7], "n": "x", "flag": "true", "null": None, "blank": "  "}})


def refused(read: Any) -> RejectedEvent:
    with pytest.raises(RejectedEvent) as caught:
        read()
    return caught.value


def test_an_error_names_the_path() -> None:
    detail = EVENT.table("detail")
    assert refused(lambda: detail.tables("routes")).path == "$.detail.routes[1]"
    assert refused(lambda: detail.integer("n")).path == "$.detail.n"
    assert refused(lambda: detail.table("missing")).path == "$.detail.missing"
    assert refused(lambda: EVENT.items("detail")).path == "$.detail"
    assert refused(lambda: detail.time("n")).path == "$.detail.n"
    assert refused(lambda: detail.choice("n", {"OK": 1})).path == "$.detail.n"


def test_null_and_blank_are_absent_where_a_field_may_be() -> None:
    detail = EVENT.table("detail")
    assert "null" not in detail
    assert detail.name_or_empty("null") == detail.name_or_empty("blank") == ""
    assert detail.table_or_empty("null").values == {}
    assert detail.items("null") == ()
    assert detail.flag("flag")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x00b", "x" * (fields.NAME_LIMIT + 1), "\ud800", 5, ["a"], True])
def test_a_name_is_one_printable_line_of_a_bounded_length(name: Any) -> None:
    assert refused(lambda: fields.table({"name": name}).name("name")).path == "$.name"


def test_texts_and_lists_are_bounded() -> None:
    long = fields.table({"text": "x" * (fields.TEXT_LIMIT + 1), "list": list(range(11))})
    assert "longer than" in str(refused(lambda: long.text("text")))
    assert "more than 10" in str(refused(lambda: long.items("list", 10)))
    assert len(long.prose("text", 300)) == 300


@pytest.mark.parametrize("number", [True, 1.5, "1", 1 << 63, -(1 << 63)])
def test_a_whole_number_is_one_of_64_bits(number: Any) -> None:
    refused(lambda: fields.table({"n": number}).integer("n"))


def test_nesting_is_bounded_in_bytes_and_in_objects() -> None:
    deep: Any = "x"
    for _ in range(fields.DEPTH_LIMIT + 1):
        deep = [deep]
    refused(lambda: fields.bounded(deep))
    refused(lambda: fields.parse(b"[" * 200_000))
    refused(lambda: fields.parse(b'{"a":' * 100 + b"1" + b"}" * 100))


def test_a_value_that_contains_itself_is_refused() -> None:
    knot: dict[str, Any] = {}
    knot["knot"] = knot
    refused(lambda: fields.bounded(knot))


@pytest.mark.parametrize("value", [{1: 2}, {"a": {1, 2}}, {"a": b"x"}, object()])
def test_what_is_not_json_is_refused(value: Any) -> None:
    refused(lambda: fields.bounded(value))


def test_a_payload_is_bounded_in_bytes() -> None:
    assert "longer than" in str(refused(lambda: fields.parse(b" " * (fields.BYTES_LIMIT + 1))))


def test_free_text_is_cut_to_one_printable_line() -> None:
    assert fields.printable("a\nb\x00c\u202ed" + "x" * 99, 7) == "a b c d"

"""A text that cannot be a fabric at all gives one clear finding."""

import pytest

from pointsman.adapters.files.places import MAX_BYTES, MAX_NODES, read_tree
from tests.fabric.written import ATLAS, at, checked, edited, said

TOO_MANY = "the file holds more than 20000 keys and values, with its aliases unfolded; split the fabric, or alias less"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{now}: &{now} [{', '.join([f'*{before}'] * 9)}]" for before, now in zip("abcdefgh", "bcdefghi", strict=True)
)

ONE_REASON: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "f.yaml:1:1: the file is empty; start from one of the examples"),
    "comments only": (b"# nothing\n", "f.yaml:1:1: the file is empty; start from one of the examples"),
    "a list": (b"\n- a\n", "f.yaml:2:1: the file is not a mapping of keys; start it with version: 1"),
    "a word": (b"fabric", "f.yaml:1:1: the file is not a mapping of keys; start it with version: 1"),
    "byte order mark": (b"\xef\xbb\xbfversion: 1\n", "f.yaml:1:1: the file starts with a byte order mark; save it as UTF-8 without one"),
    "UTF-16": ("version: 1\n".encode("utf-16"), "f.yaml:1:1: the file starts with a byte order mark; save it as UTF-8 without one"),
    "Latin-1": (b"version: 1\nfabric: caf\xe9\n", "f.yaml:2:12: the file is not UTF-8; save it as UTF-8"),
    "a tab": (b"version: 1\n\tfabric: x\n", "f.yaml:2:1: a tab stands where only spaces may; indent with spaces"),
    "a control character": (b"version: 1\nfabric: a\x07b\n", "f.yaml:2:10: the file holds a control character; remove it"),
    "two documents": (b"version: 1\n---\nversion: 1\n", "f.yaml:2:1: the file holds more than one document; keep one fabric in a file"),
    "huge": (b"#" * (MAX_BYTES + 1), "f.yaml:1:1: the file is larger than 256 KiB; split the fabric into two"),
    "deep": (b"a: " + b"[" * 500, "f.yaml:1:28: nested deeper than 24 levels; flatten it"),
    "an alias of itself": (b"a: &a [*a]", "f.yaml:1:4: its aliases unfold to themselves; write the values out"),
    "a billion laughs": (LAUGHS.encode(), f"f.yaml:1:4: {TOO_MANY}"),
    "more keys than are read": ("\n".join(f"k{at}: {{}}" for at in range(MAX_NODES)).encode(), f"f.yaml:20000:9: {TOO_MANY}"),
    "an unknown anchor": (
        b"a: *b",
        "f.yaml:1:4: this is not YAML: found undefined alias 'b'; check indentation, colons and quotes",
    ),
    "an open bracket": (
        b"a: [1, 2\n",
        (
            "f.yaml:2:1: this is not YAML: while parsing a flow sequence expected ',' or ']', but got '<stream end>'; "
            "check indentation, colons and quotes"
        ),
    ),
    "an escape beyond Unicode": (
        b'a: "\\UFFFFFFFF"\n',
        "f.yaml:1:1: this is not YAML: an escape or a directive is out of range; check its quotes and escapes",
    ),
}


@pytest.mark.parametrize("reason", ONE_REASON)
def test_a_text_that_is_no_fabric_gives_one_reason(reason: str) -> None:
    raw, expected = ONE_REASON[reason]
    assert said(raw) == [expected]


def test_a_tag_and_a_lone_surrogate_are_told_where_they_stand() -> None:
    text = edited(("fabric: atlas", 'fabric: !name "atl\\ud800as"'))
    found = checked(text).findings
    assert [(finding.path, finding.text) for finding in found if finding.path == "fabric"] == [
        ("fabric", "a YAML tag has no meaning here"),
        ("fabric", '"atl\\ud800as" is not valid Unicode'),
        ("fabric", '"" is not what this key takes'),
    ]


def test_a_key_must_be_a_word() -> None:
    found = checked(edited(("policy:\n", "policy:\n  ? [a, b]\n  : 1\n"))).findings
    assert [(finding.line, finding.path, finding.text) for finding in found] == [(90, "policy", "a key must be a plain word")]


def test_anchors_aliases_and_merge_keys_are_read() -> None:
    text = edited(
        ("timers: {hold: 30s}", "timers: {<<: *slow, hold: 30s}"),
        ("timers: {hold: 60s}", "timers: &slow {hold: 60s, graceful_restart: 10s}"),
    )
    fabric = checked(text).fabric
    assert fabric
    assert [fabric.link(name).timers.budget.total_seconds() for name in ("mc", "vpn")] == [70, 40]


def test_words_that_yaml_once_made_truth_values_and_times_stay_text() -> None:
    data = read_tree(b"a: yes\nb: 12:30:00\nc: 2026-01-01\nd: 0x1f\ne: 1_000\nf: .inf\ng: 010\nh: 8500.0\ni: true\nj: 0.05").data
    assert data == {
        "a": "yes",
        "b": "12:30:00",
        "c": "2026-01-01",
        "d": "0x1f",
        "e": "1_000",
        "f": ".inf",
        "g": 10,
        "h": 8500,
        "i": True,
        "j": 0.05,
    }


def test_places_count_from_one_and_name_the_value() -> None:
    tree = read_tree(ATLAS.encode())
    place = tree.place(("links", "vpn", "members", 3, "gcp", "peer", "ip"))
    assert at(ATLAS, place.line, place.column).startswith("169.254.4.5")
    assert tree.place(("links", "vpn", "nothing", "there")) == tree.place(("links", "vpn"))

"""Whatever the text, a check answers and never raises."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointsman.adapters.files import Report, check_text
from pointsman.adapters.files.places import read_tree
from pointsman.adapters.files.shapes import shape
from tests.fabric.written import ATLAS

PIECES = re.findall(r"[\w./:-]+|[^\w]", ATLAS)
ODD = ["", "null", "~", "-1", "0", "1e9", "99999999999999999999", "true", "[]", "{}", "[[]]", "{a: b}", "*x", "&x y", "!t x", '"\\ud800"']
ODD += ["'", '"', "#", ":", "- ", "? ", "\t", "\n", "aws", "gcp", "vpn", "10Gbps", "60s", "10.0.0.0/8", "::/0", "secret://x", "sqlite:///x"]

words = st.sampled_from([*ODD, *PIECES])


@st.composite
def mutilated(draw: st.DrawFn) -> str:
    """Give the reference fabric with a few pieces replaced, dropped or doubled."""
    pieces = list(PIECES)
    for _ in range(draw(st.integers(1, 6))):
        spot = draw(st.integers(0, len(pieces) - 1))
        match draw(st.sampled_from(["replace", "drop", "double", "insert"])):
            case "replace":
                pieces[spot] = draw(words)
            case "drop":
                pieces[spot] = ""
            case "double":
                pieces[spot] *= 2
            case _:
                pieces[spot] += draw(words)
    return "".join(pieces)


def answers(raw: bytes) -> Report:
    report = check_text(raw, "f.yaml")
    assert (report.fabric is None) == bool(report.findings)
    lines = raw.count(b"\n") + raw.count(b"\r") + 2
    for finding in report.findings:
        assert finding.text
        assert 1 <= finding.line <= lines or not raw.isascii()
        assert finding.column >= 1
        assert str(finding).isprintable()
        str(finding).encode()
    return report


@given(st.binary(max_size=300))
@example(b"\x00")
@example(b"{")
@example(b'{"name": 1}')
@example(b'{"name": "x", "sites": []}')
def test_any_bytes_give_a_report(raw: bytes) -> None:
    answers(raw)


@given(st.text(max_size=300))
def test_any_text_gives_a_report(text: str) -> None:
    answers(text.encode("utf-8", "surrogatepass"))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@example([None, None], "policy")
@given(json_like, st.sampled_from(["version", "sites", "links", "flows", "policy", "stores", "desks"]))
def test_anything_in_the_place_of_a_part_gives_a_report(value: object, key: str) -> None:
    data = read_tree(ATLAS.encode()).data
    data[key] = value
    shaped = shape(data)
    assert shaped.faults or shaped.whole


@settings(max_examples=150)
@given(mutilated())
def test_a_mutilated_fabric_gives_a_report(text: str) -> None:
    answers(text.encode())


@given(st.sampled_from(PIECES), words)
def test_a_wrong_value_never_hides_the_rest_of_the_file(piece: str, word: str) -> None:
    text = ATLAS.replace("epochs_per_hour: 6", "epochs_per_hour: 0").replace(piece, word, 1)
    try:
        data = read_tree(text.encode()).data
    except ValueError:
        return
    shaped = shape(data)
    assert shaped.whole is not None

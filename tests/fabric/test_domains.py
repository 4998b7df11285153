"""Where stores lie, and what their places let the table survive."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.domains import TableMode, addresses_of, store_address, table_mode, together
from pointsman.core.fabric import Stores

DYNAMO, FIRE, R2 = "dynamodb://us-east-1/t", "firestore://weft-prod-1/t", "s3://b?endpoint=https://objects.example.net"


@pytest.mark.parametrize(
    ("url", "place", "name", "provider", "domain"),
    [
        (DYNAMO, "us-east-1", "t", "aws", "aws/us-east-1"),
        (FIRE, "weft-prod-1", "t", "gcp", "gcp"),
        (f"{FIRE}?location=nam5", "weft-prod-1", "t", "gcp", "gcp/nam5"),
        (R2, "objects.example.net", "b", "objects.example.net", "objects.example.net"),
        ("s3://b?region=eu-west-1", "eu-west-1", "b", "aws", "aws/eu-west-1"),
        ("s3://b?endpoint=https://s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "b", "aws", "aws/eu-west-1"),
        ("s3://b?endpoint=https://storage.googleapis.com", "storage.googleapis.com", "b", "gcp", "gcp"),
        ("s3://b?endpoint=http://127.0.0.1:9000", "127.0.0.1", "b", "127.0.0.1", "127.0.0.1"),
        ("sqlite:///var/t.sqlite", "", "/var/t.sqlite", "machine", "machine/var/t.sqlite"),
    ],
)
def test_a_store_url_says_where_it_lies(url: str, place: str, name: str, provider: str, domain: str) -> None:
    one = store_address(url)
    assert (one.place, one.name, one.provider, one.domain) == (place, name, provider, domain)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dynamodb://us-east-1",
        "dynamodb://us-east-1/a/b",
        "dynamodb:///t",
        "dynamodb://us-east-1/t?x=1",
        "dynamodb://us-east-1/t#x",
        "firestore://p/t?location=",
        "s3://b",
        "s3://b/c?region=x",
        "s3://b?endpoint=http://objects.example.net",
        "s3://b?endpoint=https://k:s@objects.example.net",
        "s3://b?endpoint=https://x&endpoint=https://y",
        "s3://k:s@b?region=x",
        "sqlite://t",
        "sqlite:///",
        "https://example.net",
        "dynamodb://[::1/t",
        "s3://" + "b" * 600,
    ],
)
def test_a_malformed_store_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"store URL|write it as|takes|endpoint|not a URL"):
        store_address(url)


@given(st.text(max_size=40), st.sampled_from(["", "dynamodb://", "s3://", "firestore://", "sqlite://"]))
def test_any_text_is_a_store_or_a_value_error(text: str, scheme: str) -> None:
    with contextlib.suppress(ValueError):
        assert store_address(scheme + text).name


def test_an_error_never_repeats_the_url() -> None:
    with pytest.raises(ValueError, match="no user, password or port") as caught:
        store_address("s3://key:hunter2@b?region=x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("stores", "mode"),
    [
        (Stores(aws=DYNAMO, gcp=FIRE, witness=R2), TableMode.QUORUM),
        (Stores(aws=DYNAMO, gcp=FIRE, witness="dynamodb://us-west-2/t"), TableMode.HOME),
        (Stores(aws=DYNAMO, gcp=FIRE, witness="s3://b?region=us-west-2"), TableMode.HOME),
        (Stores(aws=DYNAMO), TableMode.LITE),
        (Stores(witness="sqlite:///t"), TableMode.LITE),
        (Stores(aws="sqlite:///a", gcp="sqlite:///b", witness="sqlite:///c"), TableMode.LITE),
    ],
)
def test_the_mode_is_what_the_places_let_the_table_survive(stores: Stores, mode: TableMode) -> None:
    assert table_mode(stores) is mode


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (DYNAMO, "s3://b?region=us-east-1", True),
        (DYNAMO, "dynamodb://us-west-2/t", False),
        (FIRE, f"{FIRE}?location=nam5", True),
        (f"{FIRE}?location=eur3", f"{FIRE}?location=nam5", False),
        ("s3://b?endpoint=https://storage.googleapis.com", FIRE, True),
        (R2, "s3://c?endpoint=https://objects.example.net", True),
        ("sqlite:///a", "sqlite:///a", True),
        ("sqlite:///a", "sqlite:///b", False),
    ],
)
def test_stores_of_one_place_fail_together(one: str, other: str, *, same: bool) -> None:
    first, second = store_address(one), store_address(other)
    assert together(first, second) is together(second, first) is same


def test_absent_stores_have_no_address() -> None:
    assert addresses_of(Stores(gcp=FIRE)).keys() == {"gcp"}


def test_two_ports_of_one_host_are_two_places_that_fail_as_one() -> None:
    one, other = (store_address(f"s3://pointsman?endpoint=https://objects.example.net:{port}") for port in (9000, 9001))
    assert one.identity != other.identity
    assert together(one, other)
    plain = store_address("s3://pointsman?endpoint=https://objects.example.net")
    assert plain.identity == ("s3", "objects.example.net", "pointsman")
    with pytest.raises(ValueError, match="up to 65535"):
        store_address("s3://pointsman?endpoint=https://objects.example.net:99999")

"""Bundles: what was altered, is of a newer version, or would tell a secret, is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bundles import BUNDLE_LIMIT, Bundle, read, sealed, written
from pointsman.core.errors import Refused
from pointsman.core.fabric import DeskSettings, Fabric, Stores
from pointsman.core.journal import Altered, Newer
from pointsman.core.values import canonical, digest, replace

CORPUS = Path(__file__).resolve().parents[1] / "bundles"
GREY = (CORPUS / "grey.json").read_bytes()


def spoiled(change: Callable[[Any], object]) -> bytes:
    data = json.loads(GREY)
    change(data)
    return json.dumps(data).encode()


def test_what_was_written_is_read_back_and_written_the_same() -> None:
    assert written(read(GREY)) == GREY


def test_a_bundle_that_was_only_laid_out_anew_is_the_same() -> None:
    assert read(spoiled(lambda _: None)) == read(GREY)


def _entry(data: Any) -> Any:
    return data["entries"][2]["entry"]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(incident="atlas/ix-a@5"),
        lambda data: _entry(data)["view"]["rows"].pop(),
        lambda data: _entry(data).update(now="2026-01-01T00:01:01Z"),
        lambda data: _entry(data)["plan"]["links"]["ix-a"].update(verdict="up"),
        lambda data: data["entries"].pop(),
        lambda data: data["entries"].pop(2),
        lambda data: data["entries"].clear(),
        lambda data: next(iter(data["fabrics"].values()))["policy"].update(epochs_per_hour=60),
        lambda data: data["fabrics"].clear(),
        lambda data: data["words"].pop(),
        lambda data: data["words"][0].update(agrees=False),
        lambda data: data.pop("seal"),
        lambda data: data.update(more=1),
    ],
)
def test_whatever_was_changed_is_noticed(change: Callable[[Any], object]) -> None:
    with pytest.raises(Altered):
        read(spoiled(change))


def _other_fabric(bundle: Bundle) -> Bundle:
    ((name, fabric),) = bundle.fabrics.items()
    return replace(bundle, fabrics={name: replace(fabric, version=9)})


def _other_entry(bundle: Bundle) -> Bundle:
    last = bundle.entries[-1]
    return replace(
        bundle, entries=(*bundle.entries[:-1], replace(last, entry=replace(last.entry, now=last.entry.plan.decided_at.replace(year=2027))))
    )


def _without_an_entry(bundle: Bundle) -> Bundle:
    return replace(bundle, entries=(*bundle.entries[:2], *bundle.entries[3:]))


@pytest.mark.parametrize(
    ("alter", "says"),
    [
        (_other_fabric, "fabric [0-9a-f]+ has another content"),
        (_other_entry, "the entry of epoch 7 has another content"),
        (_without_an_entry, "epoch 5 does not follow the entry before it"),
        (lambda bundle: replace(bundle, fabrics={}), "lacks fabric"),
    ],
)
def test_a_new_seal_over_what_was_altered_helps_nobody(alter: Callable[[Bundle], Bundle], says: str) -> None:
    altered = replace(alter(read(GREY)), seal="")
    with pytest.raises(Altered, match=says):
        read(written(replace(altered, seal=digest(canonical(altered)))))


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b'{"version":"x"}', b"\xff", b'{"x":' + b"[" * 100_000, GREY[: len(GREY) // 2], b" " * (BUNDLE_LIMIT + 1)]
)
def test_what_is_no_bundle_is_refused(raw: bytes) -> None:
    with pytest.raises(Altered):
        read(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_refused(raw: bytes) -> None:
    with pytest.raises(Refused):
        read(raw)


@pytest.mark.parametrize("change", [lambda data: data.update(version=2), lambda data: data.update(decider="99")])
def test_a_bundle_of_a_newer_version_is_refused_as_such(change: Callable[[Any], object]) -> None:
    with pytest.raises(Newer, match="recorded by a newer version"):
        read(spoiled(change))


def with_fabric(**changes: Any) -> Bundle:
    bundle = read(GREY)
    ((name, fabric),) = bundle.fabrics.items()
    changed: Fabric = replace(fabric, **changes)
    return replace(bundle, fabrics={name: changed})


def desk(**changes: Any) -> tuple[DeskSettings, ...]:
    return (replace(DeskSettings(name="noc", kind="pagerduty", secret="secret://noc"), **changes),)


@pytest.mark.parametrize(
    ("bundle", "says"),
    [
        (with_fabric(desks=desk(secret="0123456789abcdef")), "the secret of desk noc is no secret:// reference"),
        (with_fabric(desks=desk(endpoint="https://me:word@desk.example/")), "the endpoint of desk noc holds credentials"),
        (with_fabric(stores=Stores(aws="sqlite:///a", witness_key="0123")), "the key of the witness is no secret:// reference"),
        (with_fabric(stores=Stores(witness="s3://key:word@bucket/")), "a store's URL holds credentials"),
        (with_fabric(name="AKIA" + "A" * 16), "has the form of a key or token"),
        (with_fabric(name="-----BEGIN RSA " + "PRIVATE KEY-----"), "has the form of a key or token"),
    ],
)
def test_what_would_tell_a_secret_is_not_recorded(bundle: Bundle, says: str) -> None:
    with pytest.raises(Refused, match=says):
        sealed(bundle)


def test_the_corpus_holds_references_and_no_secrets() -> None:
    for path in CORPUS.glob("*.json"):
        bundle = read(path.read_bytes())
        assert sealed(bundle) == bundle
        assert all(one.secret.startswith("secret://") for fabric in bundle.fabrics.values() for one in fabric.desks)

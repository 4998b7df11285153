"""What a witness in a third place can learn, change or confuse: nothing but names, ballots and times."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime

import pytest
from botocore.credentials import Credentials

from pointsman.adapters.ciphers import KEYS_LIMIT, Cipher, read_keys
from pointsman.adapters.s3.store import S3Store
from pointsman.core.errors import ConfigError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.ports.stores import Reply, Row, RowUnreadable, StoreDown
from pointsman.quorum.ballots import ballot
from pointsman.testing.processes import clean_environment
from tests.stores.clone import Clone

NAME = "plan/atlas"
FIRST, SECOND = (ballot(count, "0" * 16) for count in (1, 2))
OLD, NEW, OTHER = (base64.b64encode(bytes([seed]) * 32).decode() for seed in (1, 2, 3))
CLAIM = Sighting(
    vantage=Vantage.AWS,
    member="dxvif-telling",
    source=Source.LOOK,
    aspect=Aspect.BGP,
    health=Health.DOWN,
    seen_at=datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
    cause=Cause.SESSION_DOWN,
)


class Secret:
    """A secret that may be rotated, or be out of reach."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.asked = 0
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return "\n".join(self.lines)


@pytest.fixture
def clone() -> Iterator[Clone]:
    with Clone() as running:
        yield running


def store(clone: Clone, secret: Secret | None, *, bucket: str = "b", place: str = "s3://here/b") -> S3Store:
    cipher = None if secret is None else Cipher(place, secret, os.urandom)
    return S3Store("witness store (s3 b)", bucket, Credentials("k", "s"), endpoint=clone.endpoint, cipher=cipher)


def write(one: S3Store, name: str = NAME, mine: str = FIRST, value: str = "telling") -> Reply:
    async def written() -> Reply:
        promised = await one.prepare(name, mine, await one.read(name))
        assert isinstance(promised, Reply)
        accepted = await one.accept(name, mine, value, promised)
        assert isinstance(accepted, Reply)
        return accepted

    return asyncio.run(written())


def read(one: S3Store, name: str = NAME) -> Row:
    return asyncio.run(one.read(name)).row


def unreadable(one: S3Store, name: str = NAME) -> str:
    with pytest.raises(RowUnreadable) as caught:
        read(one, name)
    return str(caught.value)


def test_nothing_that_is_said_can_be_read_in_the_bucket_and_every_ballot_can(clone: Clone) -> None:
    one = store(clone, Secret(f"k1:{OLD}"))
    write(one)
    asyncio.run(one.note(Cloud.AWS, [CLAIM]))
    asyncio.run(one.put_entry("d" * 32, b"telling entry"))
    everything = b" ".join(clone.objects.values())
    assert len(clone.objects) == 3
    assert b"telling" not in everything
    assert b"down" not in everything
    assert json.loads(clone.objects["/b/registers/plan%252Fatlas.json"])["promised"] == FIRST
    assert read(one) == Row(promised=FIRST, accepted=FIRST, value="telling")
    assert asyncio.run(one.rows(Cloud.AWS)).rows == (CLAIM,)
    assert asyncio.run(one.entry("d" * 32)) == b"telling entry"


def test_one_value_under_one_ballot_is_never_the_same_text_twice(clone: Clone) -> None:
    one, texts = store(clone, Secret(f"k1:{OLD}")), set()
    for _ in range(4):
        write(one)
        texts |= set(clone.objects.values())
    assert len(texts) == 4


def test_a_value_that_is_moved_to_another_register_ballot_or_bucket_is_not_believed(clone: Clone) -> None:
    one = store(clone, Secret(f"k1:{OLD}"))
    write(one)
    write(one, "archive/other", FIRST, "other")
    write(one, "archive/atlas", SECOND, "later")
    here, there, later = (f"/b/registers/{name}.json" for name in ("plan%252Fatlas", "archive%252Fother", "archive%252Fatlas"))
    mine = clone.objects[here]
    clone.objects[here] = clone.objects[there]
    assert "altered or moved" in unreadable(one)
    clone.objects[here] = json.dumps({**json.loads(mine), "promised": SECOND, "accepted": SECOND}).encode()
    assert "altered or moved" in unreadable(one)
    clone.objects[here] = mine
    assert read(one).value == "telling"
    clone.objects["/c" + here.removeprefix("/b")] = mine
    assert "altered or moved" in unreadable(store(clone, Secret(f"k1:{OLD}"), bucket="c", place="s3://here/c"))
    assert later in clone.objects


@pytest.mark.parametrize("kind", ["entry", "rows"])
def test_entries_and_claims_stay_where_they_were_put_too(clone: Clone, kind: str) -> None:
    one = store(clone, Secret(f"k1:{OLD}"))
    asyncio.run(one.note(Cloud.AWS, [CLAIM]))
    asyncio.run(one.put_entry("a" * 32, b"one"))
    clone.objects[f"/b/journal/{'b' * 32}.json"] = clone.objects[f"/b/journal/{'a' * 32}.json"]
    clone.objects["/b/sightings/gcp.json"] = clone.objects["/b/sightings/aws.json"]
    with pytest.raises(RowUnreadable, match="altered or moved"):
        asyncio.run(one.entry("b" * 32) if kind == "entry" else one.rows(Cloud.GCP))


def test_keys_are_rotated_without_a_pause_old_texts_open_and_new_ones_are_written_with_the_first(clone: Clone) -> None:
    write(store(clone, Secret(f"old:{OLD}")))
    both = store(clone, Secret(f"new:{NEW}", f"old:{OLD}"))
    assert read(both).value == "telling"
    write(both, mine=SECOND, value="again")
    assert read(store(clone, Secret(f"new:{NEW}"))).value == "again"


def test_a_promise_alone_already_rewrites_the_value_under_the_first_key(clone: Clone) -> None:
    write(store(clone, Secret(f"old:{OLD}")))
    both = store(clone, Secret(f"new:{NEW}", f"old:{OLD}"))
    seen = asyncio.run(both.read(NAME))
    assert isinstance(asyncio.run(both.prepare(NAME, SECOND, seen)), Reply)
    assert read(store(clone, Secret(f"new:{NEW}"))) == Row(promised=SECOND, accepted=FIRST, value="telling")


def test_a_warm_process_hears_of_a_rotation_when_it_meets_a_new_key(clone: Clone) -> None:
    secret = Secret(f"old:{OLD}")
    warm = store(clone, secret)
    write(warm)
    write(store(clone, Secret(f"new:{NEW}", f"old:{OLD}")), mine=SECOND)
    assert "key 'new'" in unreadable(warm)
    secret.lines = (f"old:{OLD}", f"new:{NEW}")
    assert read(warm).promised == SECOND
    asked = secret.asked
    read(warm)
    assert secret.asked == asked


def test_a_wrong_key_names_the_store_and_what_to_compare(clone: Clone) -> None:
    write(store(clone, Secret(f"k1:{OLD}")))
    told = unreadable(store(clone, Secret(f"k1:{OTHER}")))
    assert told.startswith("witness store (s3 b): key k1 does not open it: compare that key in both clouds' secrets")
    missing = unreadable(store(clone, Secret(f"k9:{OTHER}")))
    assert "enciphered with key 'k1' and the secret lists k9: add that key" in missing
    assert OLD not in told + missing
    assert OTHER not in told + missing


def test_enciphering_is_neither_dropped_nor_begun_silently(clone: Clone) -> None:
    plain, secret = store(clone, None), store(clone, Secret(f"k1:{OLD}"))
    write(plain)
    assert "holds plan/atlas in plain text" in unreadable(secret)
    write(secret, "archive/atlas")
    assert "names no keys for it: write stores.witness_key" in unreadable(plain, "archive/atlas")
    asyncio.run(plain.put_entry("p" * 32, b"plain"))
    with pytest.raises(RowUnreadable, match="plain text"):
        asyncio.run(secret.entry("p" * 32))


@pytest.mark.parametrize(
    "error", [Transient("the secret answers 503: read it again later"), ConfigError("the secret is absent: create it")]
)
def test_without_its_keys_the_witness_is_down_and_comes_back_with_them(clone: Clone, error: Exception) -> None:
    secret = Secret(f"k1:{OLD}")
    secret.error = error
    one = store(clone, secret)
    with pytest.raises(StoreDown, match=r"witness store \(s3 b\) cannot be used without its keys: the secret"):
        read(one)
    secret.error = None
    write(one)


@pytest.mark.parametrize(
    "text",
    [
        "",
        OLD,
        f"k 1:{OLD}",
        f":{OLD}",
        "k1:c2hvcnQ=",
        f"k1:{OLD[:-4]}****",
        f"k1:{OLD}\nk1:{NEW}",
        "\n".join(f"k{number}:{OLD}" for number in range(KEYS_LIMIT + 1)),
    ],
)
def test_keys_that_are_none_are_told_with_their_form_and_never_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match="ID:BASE64") as caught:
        read_keys(text)
    assert OLD not in str(caught.value)


def test_the_first_key_comes_first_whatever_its_name() -> None:
    assert list(read_keys(f" z:{OLD} \n\n a:{NEW}\n")) == ["z", "a"]


def test_a_store_without_keys_never_loads_the_cipher() -> None:
    code = (
        "import sys; from botocore.credentials import Credentials; from pointsman.adapters.s3.store import S3Store;"
        "import pointsman.boot.stores; S3Store('w', 'b', Credentials('k', 's'), endpoint='http://127.0.0.1:9');"
        "print([name for name in sys.modules if name.startswith('cryptography')])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=clean_environment({}), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"

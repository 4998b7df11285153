"""Without a majority of the stores nothing is moved and nothing is lost: the event comes again, and is acted on then."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Meaning
from pointsman.core.values import replace
from pointsman.entry.aws import Handler as AwsHandler
from pointsman.entry.aws import lambda_entry
from pointsman.entry.gcp import Handler as GcpHandler
from pointsman.entry.gcp import http_entry
from pointsman.entry.outcomes import UseCase
from pointsman.service.converge import Report
from pointsman.service.doors import link_changed, sweep
from pointsman.service.house import House
from pointsman.testing.google_functions import push_body
from pointsman.wire.messages import Path, probed, tick
from tests.entry.surroundings import World, lines, world
from tests.entry.test_aws import Context
from tests.entry.test_gcp import JSON, request

NONE_LEFT = [("gcp", "witness"), ("aws", "witness"), ("aws", "gcp"), ("aws", "gcp", "witness")]


def grey(one: World, cloud: Cloud) -> bytes:
    """Say what a prober finds while ix-a loses every packet and all other links pass."""
    site = "aws-use1" if cloud is Cloud.AWS else "gcp-use4"
    pairs = [(link.name, pair) for link in one.fabric.links for pair in link.probes if pair.site == site]
    paths = [Path(source=pair.source, target=pair.target, loss=1.0 if name == "ix-a" else 0.0) for name, pair in pairs]
    return probed(cloud, paths, one.twin.clock.now() - timedelta(seconds=1))


DOORS: tuple[UseCase, ...] = (link_changed, sweep)


class Door:
    """One cloud's function, told what probers find, or to sweep."""

    def __init__(self, cloud: Cloud, doors: tuple[UseCase, ...] = DOORS) -> None:
        self.world = world(cloud)
        self._aws: dict[UseCase, AwsHandler] = {use_case: lambda_entry(use_case, self.world.build) for use_case in doors}
        self._gcp: dict[UseCase, GcpHandler] = {use_case: http_entry(use_case, self.world.build) for use_case in doors}

    def told(self, *bodies: bytes, by: UseCase = link_changed) -> list[bool]:
        """Deliver bodies; say of each whether it is done. What is not done must be an answer that brings it again."""
        return [self._done(body, by) for body in bodies]

    def _done(self, body: bytes, by: UseCase) -> bool:
        if self.world.house.here is Cloud.AWS:
            return self._handled(by, body)
        push = push_body("projects/p/subscriptions/s", "1", self.world.twin.clock.now(), body)
        text, status, _ = self._gcp[by](request(push, JSON))
        assert status in {204, 503}
        assert status == 204 or "no majority" in text
        return status == 204

    def _handled(self, by: UseCase, body: bytes) -> bool:
        try:
            return self._aws[by](json.loads(body), Context()) == {"outcome": "ack"}
        except Transient as error:
            if "no majority" not in str(error):
                raise
            return False

    def probes(self) -> list[bytes]:
        return [grey(self.world, cloud) for cloud in Cloud]

    def moved(self) -> bool:
        return bool(self.world.twin.writes)


@pytest.fixture(params=list(Cloud))
def door(request: pytest.FixtureRequest) -> Door:
    return Door(request.param)


def test_with_a_majority_the_same_events_move_traffic() -> None:
    """Which shows that the tests below would see a move."""
    door = Door(Cloud.GCP)
    assert door.told(*door.probes()) == [True, True]
    assert door.moved()


@pytest.mark.parametrize("lost", ["aws", "gcp", "witness"])
def test_with_any_one_store_gone_they_still_do(lost: str) -> None:
    door = Door(Cloud.GCP)
    door.world.lose(lost)
    assert door.told(*door.probes()) == [True, True]
    assert door.moved()


@pytest.mark.parametrize("lost", NONE_LEFT, ids="+".join)
def test_without_a_majority_nothing_is_decided_and_nothing_moves(door: Door, lost: tuple[str, ...]) -> None:
    door.world.lose(*lost)
    assert door.told(*door.probes()) == [False, False]
    assert not door.moved()
    assert door.world.agreed() == set()


@pytest.mark.parametrize("lost", NONE_LEFT, ids="+".join)
def test_without_a_majority_a_sweep_moves_nothing_either(door: Door, lost: tuple[str, ...]) -> None:
    door.world.lose(*lost)
    assert door.told(tick("sweep", door.world.twin.clock.now()), by=sweep) == [False]
    assert not door.moved()


async def mode_told(house: House, meanings: Sequence[Meaning]) -> Report | None:
    """Keeps the door's promise under a name of its own: Powertools binds a name's log to the first output it had."""
    return await link_changed(house, meanings)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_the_log_line_names_the_mode_and_what_was_done_alone(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    door = Door(cloud, (mode_told,))
    door.told(*door.probes(), by=mode_told)
    assert [line["mode"] for line in handled(capsys)] == ["quorum", "quorum"]
    door.world.lose(cloud.other, "witness")
    door.told(*door.probes(), by=mode_told)
    assert [(line["mode"], line["alone"]) for line in handled(capsys)] == [("alone", "hold: the fabric says without_quorum: hold")] * 2


def handled(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [line for line in lines(capsys.readouterr().out) if line.get("message") == "handled"]


def test_what_was_seen_meanwhile_is_kept_by_the_own_store_and_acted_on_when_the_event_comes_again() -> None:
    door = Door(Cloud.GCP)
    door.world.lose("aws", "witness")
    assert door.told(*door.probes()) == [False, False]
    kept = door.world.table.gcp.snapshot().rows[Cloud.GCP].values()
    assert {row.member for row in kept} >= {"probe/10.250.1.1>10.251.1.1"}
    for store in door.world.table.stores:
        store.mend()
    assert door.told(*door.probes()) == [True, True]
    assert door.moved()


def test_what_cannot_even_be_noted_comes_again_and_loses_nothing() -> None:
    door = Door(Cloud.GCP)
    door.world.lose("gcp", "aws", "witness")
    first = door.probes()
    assert door.told(*first) == [False, False]
    for store in door.world.table.stores:
        store.mend()
    assert door.told(*first) == [True, True]
    assert door.moved()


async def adopted_told(house: House, meanings: Sequence[Meaning]) -> Report | None:
    """Keeps the door's promise under another name, as ``mode_told`` does."""
    return await link_changed(house, meanings)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_the_log_line_names_the_mode_of_the_fabric_that_was_adopted(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    door = Door(cloud, (adopted_told,))
    adopted = replace(door.world.fabric, stores=replace(door.world.fabric.stores, witness="dynamodb://us-west-2/pointsman"))
    door.world.house = dataclasses.replace(door.world.house, fabrics=(door.world.fabric, adopted))
    door.world.house.named.append(adopted.hash)
    door.told(*door.probes(), by=adopted_told)
    assert [line["mode"] for line in handled(capsys)] == ["home", "home"]

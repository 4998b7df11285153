"""Both clouds' houses, furnished from an environment and nothing else; a lite fabric needs no network at all."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from pointsman.adapters.files.compiled import write_compiled
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot import aws, gcp
from pointsman.boot.app import App, SecretDesk, furnish
from pointsman.boot.chance import SystemClock
from pointsman.boot.guarded import GuardedStore
from pointsman.boot.settings import Settings
from pointsman.core.decide import first_plan
from pointsman.core.domains import addresses_of
from pointsman.core.errors import ConfigError, Refused, Transient
from pointsman.core.fabric import Cloud, DeskSettings, Fabric, LinkName, Stores
from pointsman.core.incidents import Ask, Incident, Letter, Severity
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.steering import LeverKind
from pointsman.core.values import canonical, replace
from pointsman.service.deliver import deliver
from pointsman.service.status import Table, status
from pointsman.testing.desk import Fault, LocalDesk
from pointsman.testing.inprocess import TwinLooker, twin
from pointsman.testing.processes import until
from pointsman.testing.stores import MemoryStore
from tests.boot.conftest import Setting
from tests.boot.silence import silence

HOUSES = pytest.mark.parametrize("cloud", [aws, gcp], ids=["aws", "gcp"])
SOON = timedelta(seconds=30)
AT = datetime(2026, 1, 1, tzinfo=UTC)


@HOUSES
def test_a_lite_fabric_furnishes_a_house_without_network(cloud: ModuleType, lite: Fabric, setting: Setting) -> None:
    setting(lite, POINTSMAN_WATCH_SECONDS="[0.5, 20]")
    with silence() as tried:
        app: App = cloud.build()
        assert until(lambda: all_made(app), SOON)
    assert tried == []
    house = app.house
    assert house.fabrics == (lite,)
    assert house.here == cloud.__name__.rpartition(".")[2]
    assert isinstance(house.witness, GuardedStore)
    assert isinstance(house.witness.store, SqliteStore)
    assert set(house.rows.values()) == {house.witness}
    assert set(house.flags) == set(Cloud)
    assert house.registers.majority == 1
    assert (house.watch_every, house.watch_lasting) == (timedelta(seconds=0.5), timedelta(seconds=20))
    assert (house.nudge, house.post, app.parking) == (None, None, None)


def all_made(app: App) -> bool:
    late = [flag._late for flag in app.house.flags.values() if hasattr(flag, "_late")]
    return all(one._made.done() for one in late)


@HOUSES
def test_each_cloud_has_its_own_levers(cloud: ModuleType, lite: Fabric, setting: Setting) -> None:
    setting(lite)
    kinds = {aws: {LeverKind.FAILOVER_TEST, LeverKind.PREFIX_LIST_PIN}, gcp: {LeverKind.ROUTE_POLICY}}
    assert set(cloud.build().house.levers) == kinds[cloud]


@HOUSES
def test_queues_are_there_when_they_are_named(cloud: ModuleType, lite: Fabric, setting: Setting) -> None:
    topic, url = "projects/weft-prod-1/topics/t", "http://127.0.0.1/111122223333/q"
    own, other = (url, topic) if cloud is aws else (topic, url)
    setting(lite, POINTSMAN_POST=own, POINTSMAN_PARKING=own, POINTSMAN_NUDGE=other, POINTSMAN_GOOGLE_IDENTITY="emulator")
    app = cloud.build()
    assert None not in (app.house.nudge, app.house.post, app.parking)


@HOUSES
def test_the_house_keeps_rows_and_agrees_in_its_one_file(cloud: ModuleType, lite: Fabric, setting: Setting, tmp_path: Path) -> None:
    setting(lite)
    house = cloud.build().house
    reading = asyncio.run(house.registers.read("plan/atlas"))
    assert (reading.confirmed, reading.value) == (True, None)
    assert (tmp_path / "table.sqlite").exists()


@HOUSES
def test_the_next_fabric_and_its_desks_come_with_the_current_ones(
    cloud: ModuleType, lite: Fabric, setting: Setting, tmp_path: Path
) -> None:
    more = (DeskSettings(name="second", kind="pagerduty", secret="secret://pointsman/second"),)
    following = replace(lite, desks=lite.desks + more)
    (tmp_path / "next.json").write_bytes(write_compiled(following))
    setting(lite, POINTSMAN_FABRIC_NEXT=str(tmp_path / "next.json"))
    house = cloud.build().house
    assert [fabric.hash for fabric in house.fabrics] == [lite.hash, following.hash]
    assert sorted(house.desks) == ["noc", "second"]


@HOUSES
def test_each_fabric_of_the_artefact_has_a_looker_and_levers_and_the_plan_says_whose_are_used(
    cloud: ModuleType, lite: Fabric, setting: Setting, tmp_path: Path
) -> None:
    following = replace(lite, desks=())
    (tmp_path / "next.json").write_bytes(write_compiled(following))
    setting(lite, POINTSMAN_FABRIC_NEXT=str(tmp_path / "next.json"))
    house = cloud.build().house
    assert house.under(first_plan(lite, AT)) is house
    adopted = house.under(first_plan(following, AT))
    assert [fabric.hash for fabric in adopted.fabrics] == [following.hash, lite.hash]
    assert adopted.looker is not house.looker
    assert {kind: lever is not house.levers[kind] for kind, lever in adopted.levers.items()} == dict.fromkeys(house.levers, True)
    assert adopted.under(first_plan(lite, AT)).looker is house.looker


def _without(name: str) -> Callable[[Fabric], Fabric]:
    return lambda fabric: replace(fabric, sites=tuple(site for site in fabric.sites if type(site).__name__ != name))


@HOUSES
@pytest.mark.parametrize("missing", ["AwsSite", "GcpSite"])
def test_a_fabric_of_one_cloud_is_refused(cloud: ModuleType, missing: str, lite: Fabric, setting: Setting) -> None:
    setting(_without(missing)(lite))
    with pytest.raises(ConfigError, match="declare one under 'sites'"):
        cloud.build()


@HOUSES
def test_wrong_settings_are_told_before_anything_is_built(cloud: ModuleType, lite: Fabric, setting: Setting) -> None:
    setting(lite, POINTSMAN_ENDPOINTS="{")
    with pytest.raises(ConfigError, match=r"^POINTSMAN_ENDPOINTS "):
        cloud.build()


class Vault:
    """Keeps ``Secrets``; counts how often a secret is read."""

    def __init__(self, error: Exception | None = None) -> None:
        self.read: list[str] = []
        self.text = "0123456789abcdef0123456789abcdef"
        self._error = error

    async def get(self, reference: str) -> str:
        self.read.append(reference)
        if self._error:
            raise self._error
        return self.text


def incident() -> tuple[Incident, Letter]:
    letter = Letter(serial=0, desk="noc", ask=Ask.OPEN, severity=Severity.ERROR, summary="ix-a is down")
    one = Incident(
        id="atlas/ix-a@1", fabric="atlas", link=LinkName("ix-a"), epoch=1, opened_at=AT, severity=Severity.ERROR, outbox=(letter,)
    )
    return one, letter


NOC = DeskSettings(name="noc", kind="pagerduty", secret="secret://pointsman/noc")


def test_a_furnished_houses_ticket_says_what_the_status_says_while_a_store_is_silent(lite: Fabric) -> None:
    declared = replace(lite, stores=Stores(aws="sqlite:///a", gcp="sqlite:///b", witness="sqlite:///c"), desks=(NOC,))
    clock, desk = SystemClock(), LocalDesk(lambda: AT)
    stores = {slot: MemoryStore(f"{slot} store", clock) for slot in addresses_of(declared.stores)}
    settings = Settings(fabric="", endpoints={"pagerduty": desk.url})
    first = first_plan(declared, AT)
    out = replace(first, links=dict(first.links) | {declared.links[0].name: LinkState(verdict=Verdict.DOWN, down_since_epoch=1)})

    async def told() -> str:
        house = furnish(
            settings,
            (declared,),
            Cloud.GCP,
            stores=(stores,),
            clock=clock,
            hands=lambda _: (TwinLooker(twin(declared, clock), Cloud.GCP), ()),
            flags=(),
            nudge=None,
            post=None,
            parking=None,
            secrets=Vault(),
        ).house
        await house.registers.change(house.plan_register, lambda _: canonical(out).decode())
        stores["witness"].break_down()
        await deliver(house)
        table = Table(fabric=declared, stores=stores, registers=house.registers, flags={}, clock=clock)
        return (await status(table)).mode.text

    with desk:
        said = asyncio.run(told())
        (ticket,) = desk.book.tickets()
    assert "while the store witness (this machine) does not answer" in said
    assert ticket.details["mode"] == said


def test_a_desks_secret_is_read_when_the_first_letter_is_told_and_kept() -> None:
    vault = Vault()
    with LocalDesk(lambda: AT) as desk:
        told = SecretDesk(NOC, vault, desk.url)
        assert vault.read == []
        tickets = [asyncio.run(told.tell(*incident(), "pm-1")) for _ in range(2)]
    assert vault.read == ["secret://pointsman/noc"]
    assert {ticket.desk for ticket in tickets} == {"noc"}


def test_a_secret_that_cannot_be_read_now_is_read_at_the_next_letter() -> None:
    vault = Vault(Transient("the vault is closed"))
    told = SecretDesk(NOC, vault, None)
    for _ in range(2):
        with pytest.raises(Transient, match="closed"):
            asyncio.run(told.tell(*incident(), "pm-1"))
    assert len(vault.read) == 2


def test_a_secret_that_was_mended_is_met_at_the_letter_after_a_refusal_and_then_kept() -> None:
    vault = Vault()
    right, vault.text = vault.text, "short"
    with LocalDesk(lambda: AT) as desk:
        told = SecretDesk(NOC, vault, desk.url)
        with pytest.raises(Refused, match="routing_key"):
            asyncio.run(told.tell(*incident(), "pm-1"))
        vault.text = right
        tickets = [asyncio.run(told.tell(*incident(), "pm-1")) for _ in range(2)]
    assert [ticket.desk for ticket in tickets] == ["noc", "noc"]
    assert len(vault.read) == 2


def test_what_only_time_mends_is_no_reason_to_read_a_secret_again() -> None:
    vault = Vault()
    with LocalDesk(lambda: AT) as desk:
        desk.fail(Fault.BROKEN)
        told = SecretDesk(NOC, vault, desk.url)
        with pytest.raises(Transient):
            asyncio.run(told.tell(*incident(), "pm-1"))
        asyncio.run(told.tell(*incident(), "pm-1"))
    assert len(vault.read) == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_a_key_that_a_shell_stored_with_a_lines_end_is_the_key(end: str) -> None:
    vault = Vault()
    vault.text += end
    with LocalDesk(lambda: AT) as desk:
        asyncio.run(SecretDesk(NOC, vault, desk.url).tell(*incident(), "pm-1"))
        assert len(desk.book.open_tickets("pm-1")) == 1


def test_an_empty_secret_is_named() -> None:
    vault = Vault()
    vault.text = "\n"
    with pytest.raises(ConfigError, match=r"secret://pointsman/noc of desk noc is empty: store"):
        asyncio.run(SecretDesk(NOC, vault, None).tell(*incident(), "pm-1"))


def test_a_desk_of_a_kind_that_nobody_can_tell_is_named() -> None:
    told = SecretDesk(replace(NOC, kind="pigeon"), Vault(), None)
    with pytest.raises(ConfigError, match=r"desk noc is of kind pigeon.*use pagerduty"):
        asyncio.run(told.tell(*incident(), "pm-1"))

"""How each kind of trouble is brought about, and how it ends."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pointsman.core.fabric import Cloud, GcpSite
from pointsman.core.plan import FlagState
from pointsman.core.steering import RANKS, FailoverTest, LeverKind, PrefixStance, RoutePolicies, Stance
from pointsman.core.values import replace
from pointsman.core.wants import TEST_DURATION
from pointsman.ports.clouds import FenceLost, LeverFailed
from pointsman.testing.network.blueprint import Side
from pointsman.testing.simulation.foretold import Announcements
from pointsman.testing.simulation.functions import Call, Function, steps_of
from pointsman.testing.simulation.kinds import ON_LINKS, ON_PATHS, STRIKES, FaultKind
from pointsman.testing.simulation.mail import Mail
from pointsman.testing.simulation.nature import in_nobodys_name, sites_of, tasks_under_way
from pointsman.testing.simulation.ordered import Persons
from pointsman.testing.simulation.schedule import Mishap
from pointsman.testing.simulation.stores import SimulatedStore
from pointsman.testing.simulation.world import World
from pointsman.testing.stores import Snapshot

YEARS = timedelta(days=3 * 365)
SKEW = timedelta(minutes=5)
FLAPS = 4
PERSON_SECONDS = 1.0
"""How often a person looks whether there is a ticket to close."""


@dataclass
class Mischief:
    """Brings mishaps about in a world. ``functions`` lists those that are alive."""

    world: World
    mail: Mail
    functions: Callable[[], list[Function]]
    adopt: Callable[[Mishap], bool]
    announcements: Announcements
    persons: Persons
    backups: dict[str, Snapshot] = field(default_factory=dict)

    def befall(self, one: Mishap, call: Call | None) -> bool:
        """Bring one mishap about, in the middle of a call or between calls; False when there is nothing that it could befall."""
        if not self.world.nature.raging or (call is None and one.kind in {FaultKind.CRASH, FaultKind.FREEZE_AND_THAW}):
            return False
        if one.kind in STRIKES:
            self._trouble(one)
        elif self._begin(one, call):
            self._count(one, call)
        else:
            return False
        return True

    def _count(self, one: Mishap, call: Call | None) -> None:
        """Count it at the await sites of whoever it befalls: one function, or all that are under way."""
        befallen = [call.function] if call is not None and one.kind in {FaultKind.CRASH, FaultKind.FREEZE_AND_THAW} else self.functions()
        self.world.nature.injected(one.kind, sites_of(steps_of(befallen, tasks_under_way())))
        self.world.nature.tell(f"{one.kind} befalls {one.where} ({one.path}) for {one.lasts:.1f} s")

    def _trouble(self, one: Mishap) -> None:
        """Let the requests to a place be struck for a while."""
        place, troubled = _place(one), self.world.nature.troubled
        troubled[place] = one.kind
        self.world.nature.tell(f"{place} is in trouble for {one.lasts:.1f} s: {one.kind}")
        in_nobodys_name(lambda: troubled.pop(place, None), one.lasts)

    def _begin(self, one: Mishap, call: Call | None) -> bool:
        """Bring it about; False when there is nothing that it could befall."""
        if one.kind in ON_LINKS:
            return self._on_link(one)
        if one.kind.value.startswith("message"):
            return self.mail.disturb(one)
        if one.kind in ON_PATHS:
            return self._partition(one, (Cloud(one.where), one.path))
        return _HOW[one.kind](self, one, call)

    def _partition(self, one: Mishap, path: tuple[Cloud, str]) -> bool:
        self.world.nature.cut[path] = one.kind
        in_nobodys_name(lambda: self.world.nature.cut.pop(path, None), one.lasts)
        return True

    def _on_function(self, one: Mishap, call: Call | None) -> bool:
        assert call is not None, "a function dies or freezes in the middle of a call"
        if one.kind is FaultKind.CRASH:
            in_nobodys_name(call.function.die, 0.0)
            call.function.dead = True
        else:
            call.function.freeze(one.lasts)
        return True

    def _on_store(self, one: Mishap, _: Call | None) -> bool:
        store = self.world.stores[one.where]
        others = [other for other in self.world.stores.values() if other is not store]
        if any(other.lost or other.restored for other in others):
            return False  # two of three stores may be gone for a while, but not for good
        if one.kind is FaultKind.STORE_LOST:
            store.lost = True
            return True
        backup = self.backups.get(one.where)
        if backup is None or one.where == "aws" or not store.up_to_date(others) or self._still_proposed(store):
            return False
        store.restore(backup)
        return True

    def _still_proposed(self, store: SimulatedStore) -> bool:
        """Say whether anybody is under way with a ballot that a store has promised to refuse: some other may have accepted it long ago."""
        under_way = {id(call) for function in self.functions() for call in function.calls}
        proposed = (asked for asked, proposer in self.world.nature.proposers.items() if id(proposer) in under_way)
        return any(store.refuses(register, ballot) for register, ballot in proposed)

    def back_up(self) -> None:
        """Remember what every store holds now."""
        self.backups = {name: store.snapshot() for name, store in self.world.stores.items()}

    def _on_cloud(self, one: Mishap, _: Call | None) -> bool:
        cloud = Cloud(one.where)
        match one.kind:
            case FaultKind.DATABASE_GONE:
                self._trouble(replace(one, kind=FaultKind.STORE_DOWN, where=cloud.value))
            case FaultKind.COMPUTE_GONE:
                self.world.dark.add(cloud)
                for function in [one for one in self.functions() if one.cloud is cloud]:
                    in_nobodys_name(function.die, 0.0)
                in_nobodys_name(lambda: self.world.dark.discard(cloud), one.lasts)
            case _:
                self.world.nature.gone.add(cloud)
                in_nobodys_name(lambda: self.world.nature.gone.discard(cloud), one.lasts)
        return True

    def _on_clock(self, one: Mishap, _: Call | None) -> bool:
        """Let one clock go wrong: that of a cloud's functions, of what tells it of events, or of a store."""
        cloud = Cloud(one.where)
        ahead = YEARS if one.kind is FaultKind.CLOCK_YEARS_AHEAD else SKEW * (2 * one.much - 1)
        whose = int(one.much * 30) % 3
        if whose == 2:
            self.world.stores[one.path].ahead = ahead
            self.world.misled = max(self.world.misled, sum(store.ahead != timedelta() for store in self.world.stores.values()))
        elif whose == 1:
            self.world.tellers[cloud] = ahead
        else:
            self.world.clocks[cloud].skew = ahead
        in_nobodys_name(lambda: self._right(cloud, one.path, whose), one.lasts)
        return True

    def _right(self, cloud: Cloud, store: str, whose: int) -> None:
        if whose == 2:
            self.world.stores[store].ahead = timedelta()
        elif whose == 1:
            self.world.tellers[cloud] = timedelta()
        else:
            self.world.clocks[cloud].skew = timedelta()

    def _frozen(self, one: Mishap, _: Call | None) -> bool:
        cloud = Cloud(one.where)
        self.world.set_flag(cloud, FlagState.SET)
        in_nobodys_name(lambda: self.world.set_flag(cloud, FlagState.CLEAR), one.lasts)
        return True

    def _closed_by_hand(self, one: Mishap, _: Call | None) -> bool:
        """Let a person close an open ticket; while there is none, look again until the storm is over.

        A person who is to close it while a function stands somewhere looks when another comes there.
        """
        closed = self.world.desk.close_by_hand(one.much)
        if not closed and not one.site:
            in_nobodys_name(lambda: self.befall(one, None), PERSON_SECONDS)
        return closed

    def _adopted(self, one: Mishap, _: Call | None) -> bool:
        return self.adopt(one)

    def _announced(self, one: Mishap, _: Call | None) -> bool:
        return self.announcements.by_a_cloud(one) if one.kind is FaultKind.WINDOW_ANNOUNCED else self.announcements.by_hand(one)

    def _ordered(self, one: Mishap, _: Call | None) -> bool:
        return self.persons.order(one)

    def _on_link(self, one: Mishap) -> bool:
        self.world.twin.catch_up()
        if one.kind is FaultKind.HAND_MADE_CHANGE:
            act = _BY_HAND[int(one.much * len(_BY_HAND))]
            in_nobodys_name(lambda: asyncio.ensure_future(act(self, one.where)), 0.0)
            return True
        turns = FLAPS if one.kind is FaultKind.LINK_FLAPS else 1
        for turn in range(turns):
            in_nobodys_name(lambda: self._break(one), 2 * turn * one.lasts / turns)
            in_nobodys_name(lambda: self._mend(one.where), (2 * turn + 1) * one.lasts / turns)
        return True

    def _break(self, one: Mishap) -> None:
        if not self.world.nature.raging:
            return
        network = self.world.twin.network
        self.world.twin.catch_up()
        match one.kind:
            case FaultKind.LINK_BLACKHOLE:
                network.blackhole(one.where)
            case FaultKind.LINK_ONE_WAY:
                network.blackhole(one.where, towards=(Side.AWS if one.much < 0.5 else Side.GCP,))
            case FaultKind.LINK_LOSSY:
                network.degrade(one.where, 0.6 * one.much)
            case _:
                network.cut(one.where, silent=one.kind is FaultKind.LINK_CUT_SILENTLY)

    def _mend(self, link: str) -> None:
        if not self.world.nature.raging:
            return  # everything was healed at once, and what is broken now is a drill
        self.world.twin.catch_up()
        self.world.twin.network.heal(link)

    def _on_part(self, one: Mishap, _: Call | None) -> bool:
        self.world.twin.catch_up()
        fabric = self.world.twin.fabric
        if one.kind is FaultKind.ROUTER_RESTART:
            self.world.twin.network.router_restart(
                next(site.router.name for site in fabric.sites if isinstance(site, GcpSite) and site.router)
            )
            return True
        members = [(link.name, member.id) for link in fabric.links for member in link.members if len(link.members) > 1]
        if not members:
            return False
        link, member = members[int(one.much * len(members))]
        self.world.twin.network.cut_member(link, member)
        in_nobodys_name(lambda: self._mend(link), one.lasts)
        return True

    async def _policies_undone(self, link: str) -> None:
        """Let an operator undo a link's policies."""
        await self._by_hand(LeverKind.ROUTE_POLICY, RoutePolicies(link=self.world.twin.fabric.link(link).name))

    async def _policies_made(self, link: str) -> None:
        """Let an operator lead every flow off a link by policies that look like ours."""
        fabric = self.world.twin.fabric
        ends = fabric.link(link).aws_site, fabric.link(link).gcp_site
        imports, exports = (
            tuple(
                PrefixStance(prefix=prefix, stance=Stance.AVOID, rank=RANKS)
                for flow in fabric.flows
                for prefix in flow.prefixes.get(end, ())
            )
            for end in ends
        )
        await self._by_hand(LeverKind.ROUTE_POLICY, RoutePolicies(link=fabric.link(link).name, imports=imports, exports=exports))

    async def _test_begun(self, link: str) -> None:
        """Let an operator start a failover test of a link that nobody asked for."""
        found = self.world.twin.fabric.link(link)
        if any(member.aws.virtual_interface for member in found.members):
            await self._by_hand(LeverKind.FAILOVER_TEST, FailoverTest(link=found.name, running=True, duration=TEST_DURATION))

    async def _by_hand(self, kind: LeverKind, setting: RoutePolicies | FailoverTest) -> None:
        lever = self.world.levers[Cloud.GCP if kind is LeverKind.ROUTE_POLICY else Cloud.AWS][kind].inner
        for link in self.world.twin.fabric.links:
            self.world.twin.network.meddled_with(link.name)
        with contextlib.suppress(FenceLost, LeverFailed):
            await lever.apply(setting, await lever.observe(setting.link), "by hand")

    async def _undone_on_aws(self, link: str) -> None:
        """Let an operator stop a link's failover test, and take away the pins of every flow that may be on it."""
        levers, fabric = self.world.levers[Cloud.AWS], self.world.twin.fabric
        flows = [flow.name for flow in fabric.flows if link in flow.prefer and flow.aws_prefix_list]
        tested = any(member.aws.virtual_interface for member in fabric.link(link).members)
        named = [(LeverKind.FAILOVER_TEST, link)] if tested else []
        for kind, target in (*named, *((LeverKind.PREFIX_LIST_PIN, flow) for flow in flows)):
            with contextlib.suppress(FenceLost, LeverFailed):
                await levers[kind].inner.undo(await levers[kind].inner.observe(target), "by hand")


_HOW: Mapping[FaultKind, Callable[[Mischief, Mishap, Call | None], bool]] = {
    FaultKind.CRASH: Mischief._on_function,  # noqa: SLF001 - the table of its own methods
    FaultKind.FREEZE_AND_THAW: Mischief._on_function,  # noqa: SLF001
    FaultKind.STORE_LOST: Mischief._on_store,  # noqa: SLF001
    FaultKind.STORE_ROLLED_BACK: Mischief._on_store,  # noqa: SLF001
    FaultKind.DATABASE_GONE: Mischief._on_cloud,  # noqa: SLF001
    FaultKind.COMPUTE_GONE: Mischief._on_cloud,  # noqa: SLF001
    FaultKind.IDENTITY_GONE: Mischief._on_cloud,  # noqa: SLF001
    FaultKind.CLOCK_SKEW: Mischief._on_clock,  # noqa: SLF001
    FaultKind.CLOCK_YEARS_AHEAD: Mischief._on_clock,  # noqa: SLF001
    FaultKind.FROZEN_BY_HAND: Mischief._frozen,  # noqa: SLF001
    FaultKind.DESK_CLOSED_BY_HUMAN: Mischief._closed_by_hand,  # noqa: SLF001
    FaultKind.FABRIC_ADOPTED: Mischief._adopted,  # noqa: SLF001
    FaultKind.WINDOW_ANNOUNCED: Mischief._announced,  # noqa: SLF001
    FaultKind.WINDOW_BY_HAND: Mischief._announced,  # noqa: SLF001
    FaultKind.ORDER_GIVEN: Mischief._ordered,  # noqa: SLF001
    FaultKind.MEMBER_CUT: Mischief._on_part,  # noqa: SLF001
    FaultKind.ROUTER_RESTART: Mischief._on_part,  # noqa: SLF001
}


_BY_HAND = (Mischief._policies_undone, Mischief._policies_made, Mischief._undone_on_aws, Mischief._test_begun)  # noqa: SLF001 - the table of its own methods
"""What an operator does who knows of no plan, or has another one."""


def _place(one: Mishap) -> str:
    kind = one.kind.value
    if kind.startswith("store"):
        return one.where
    if kind.startswith("desk"):
        return "desk"
    return {"lever": "levers", "look": "looks", "flag": "flag", "hint": "hints"}[kind.split("-")[0]] + f" {one.where}"

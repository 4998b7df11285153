"""The quiet after the storm: both clouds sweep in turn, and are told what their probes find, until nothing is left to do."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pointsman.core.damping import under_at
from pointsman.core.fabric import Cloud, Policy
from pointsman.core.incidents import Incident
from pointsman.core.outbox import open_incidents, ready
from pointsman.core.plan import FlagState, LinkState, Verdict
from pointsman.core.rows import outranks
from pointsman.core.sightings import Health, Sighting, Source
from pointsman.core.silence import Kind
from pointsman.core.values import parse
from pointsman.service import doors
from pointsman.service.house import incident_register
from pointsman.service.probe import REPORT_EVERY as REPORTED_EVERY
from pointsman.testing.inprocess import probes
from pointsman.testing.network.blueprint import Side
from pointsman.testing.simulation import ordered
from pointsman.testing.simulation.aged import kept_up
from pointsman.testing.simulation.play import Play

REPORT_EVERY = 100.0
"""How old the last word of the probes may be when a cloud sweeps: before it is stale they report, though they find nothing new."""
REPORT_SOON = REPORTED_EVERY.total_seconds()
"""As much as a prober waits at most, where its next word may help: after a call that was refused, or when an older word of its own came later."""
AT_ONCE = 0.25
"""Share of schedules in which the clouds sweep the moment that everything is healed; in the others what comes late has come first."""
PATIENCE = 95.0
"""Longest time that BGP takes to come up again, and that a write may be late, in seconds."""
GAPS = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds between turns while it is not known what is waited for; the last again and again."""
SWEEP_EVERY = timedelta(minutes=1)
"""Longest time until the next sweep of either cloud."""
JUST_AFTER = 1.5
"""Seconds from when something may be done until a cloud's next turn: stores tell the time in whole seconds."""
LANDING = 1.0
"""Seconds between two looks at whether what was sent has arrived."""
LANDINGS = 10
"""Looks at that before the next turn, or the next delivery of what was delivered."""
HOURS_LATE = 7_200.0
MISDATED = timedelta(minutes=10)
"""How far ahead of the time a claim may be dated by two clocks that are wrong alike: until then it is the newest word there is."""


class Calm:
    """The quiet end of a play."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self._told: dict[Cloud, tuple[tuple[Health, ...], float]] = dict.fromkeys(Cloud, ((), 0.0))
        self._turns = 0
        self._refused = False
        self._swept_for = 0

    async def settled(self) -> float | None:
        """Go on until nothing is left to do; give when that was, or None at the end of the budget."""
        self.play.roll_out()
        await self._landed()
        first = await self._until_settled()
        if first is not None and self.play.mail.late:
            await self.play.world.clock.sleep(HOURS_LATE)
            kept_up(self.play.world)
            self.play.mail.deliver_late()
            return await self._until_settled()
        return first

    async def _landed(self) -> None:
        """Wait for BGP and for what is astray, which take their time: until then the clouds see little that is news."""
        world, links = self.play.world, self.play.world.twin.fabric.links
        end = world.clock.monotonic() + PATIENCE * (self.play.dice.random() >= AT_ONCE)
        ends = [(link.name, member.id, side) for link in links for member in link.members for side in Side]
        while world.clock.monotonic() < end and (_loose(self.play) or not all(world.twin.network.session_up(*one) for one in ends)):
            await world.clock.sleep(LANDING)
            world.twin.catch_up()

    async def _until_settled(self) -> float | None:
        """Let one cloud after the other sweep until both have, nothing is left to do, and whoever looked last found nothing new."""
        clock, play = self.play.world.clock, self.play
        end, gaps, since = clock.monotonic() + play.schedule.size.budget, iter(GAPS), 0
        while clock.monotonic() < end:
            self._refused, play.quiet, play.refused = play.refused, True, False
            loose = _loose(play) or _frozen(play)  # who swept while all stood still has yet to steer
            before = self._swept_for
            await self._turn()
            while not (left := list(unfinished(play))) and under_way(play) and clock.monotonic() < end:
                loose |= _loose(play)
                await clock.sleep(LANDING)
            unsure = loose or play.refused or _frozen(play) or self._swept_for != _epoch(play)
            since = 0 if unsure else since + 1 if self._swept_for == before else 1  # a sweep for an earlier epoch is none for this one
            if not left and play.quiet and not play.refused and since >= len(Cloud):
                return clock.monotonic()
            if left or play.refused:
                await self._rest(self._due() or next(gaps, GAPS[-1]))
        return None

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until what comes up meanwhile is due, or the probers have news: both clouds sweep every minute, and here only for these."""
        clock, began = self.play.world.clock, self.play.world.clock.now()
        end = clock.monotonic() + seconds
        while (left := end - clock.monotonic()) > 0 and not any(began < at < clock.now() for at in self._awaited()):
            await clock.sleep(min(left, GAPS[-1]))
            if any(self._is_news(cloud, self._found(cloud)) for cloud in Cloud):
                return

    async def _turn(self) -> None:
        """Let one cloud sweep, the other at the next turn, and what that sends arrive."""
        play = self.play
        cloud = tuple(Cloud)[(self._turns + play.schedule.seed) % len(Cloud)]
        self._turns += 1
        for one in Cloud:
            await self._report(one)
        await play.call(cloud, "sweep", lambda house: doors.sweep(house, ()))
        self._swept_for = _epoch(play)
        await arrived(play)

    async def _report(self, cloud: Cloud) -> None:
        """Let a cloud be told what its probes find, if it is news or long ago."""
        found, now = self._found(cloud), self.play.world.clock.monotonic()
        every = REPORT_SOON if self._refused or any(_overtaken(self.play)) else REPORT_EVERY
        if self._is_news(cloud, found) or now - self._told[cloud][1] >= every:
            self._told[cloud] = (_healths(found), now)
            self.play.world.heard.hear(found)
            await self.play.call(cloud, "report", lambda house: doors.link_changed(house, found))

    def _found(self, cloud: Cloud) -> tuple[Sighting, ...]:
        return probes(self.play.world.twin, cloud)

    def _is_news(self, cloud: Cloud, found: tuple[Sighting, ...]) -> bool:
        """Say whether a cloud's prober finds a link otherwise than it was last told: that it tells at once."""
        return self._told[cloud][0] != _healths(found)

    def _due(self) -> float | None:
        """Give the seconds until something may be done that is waited for; None when that is not known.

        What a clock that is years ahead has dated is not waited for; for a letter that may be told by now it is the next sweep.
        """
        now, budget = self.play.world.clock.now(), timedelta(seconds=self.play.schedule.size.budget)
        ahead = [at - now for at in self._awaited() if timedelta(0) < at - now < budget]
        ahead += [SWEEP_EVERY] if any(ready(incident, now) for incident in self._incidents()) else []
        return min(ahead).total_seconds() + JUST_AFTER if ahead else None

    def _awaited(self) -> Iterator[datetime]:
        world, schedule = self.play.world, self.play.schedule
        plan = world.newest_plan()
        if plan is None:
            return
        lead = schedule.fabric.policy.maintenance.lead
        yield from (at for one in world.works for at in (one.start - lead, one.start, one.end))
        yield from ordered.awaited(world)
        for state in plan.links.values():
            yield from _returning(state, schedule.fabric.policy)
        letters = (one for incident in self._incidents() for one in incident.outbox if not one.done)
        yield from (at for one in letters for at in (one.not_before, one.claimed_until) if at is not None)

    def _incidents(self) -> Iterator[Incident]:
        world, plan = self.play.world, self.play.world.newest_plan()
        known = () if plan is None else open_incidents(self.play.schedule.fabric, plan)
        held = (world.ledger.newest(incident_register(incident)) for incident, *_ in known)
        yield from (parse(row.value, Incident) for row in held if row is not None)


def _healths(found: tuple[Sighting, ...]) -> tuple[Health, ...]:
    return tuple(one.health for one in found)


def _returning(state: LinkState, policy: Policy) -> Iterator[datetime]:
    """Give the instants at which a link may be returned to, and its incident end: after its hold-down, and its damping."""
    if state.good_since is not None and (state.drain is not None or state.down_since_epoch is not None):
        yield state.good_since + policy.hold_down
    if state.penalty is not None and state.penalty.damped and state.drain is not None:
        yield under_at(state.penalty, policy.damping, policy.damping.reuse)


async def arrived(play: Play) -> None:
    """Wait until what was sent has arrived, and for so many looks at most."""
    for _ in range(LANDINGS):
        if not play.mail.busy:
            return
        await play.world.clock.sleep(LANDING)


def under_way(play: Play) -> bool:
    """Say whether anything is that may still bring news."""
    called = any(function.calls for function in play.alive())
    return _loose(play) or called or bool(play.mail.under_way or play.mail.arriving or play.world.desk.late)


def _loose(play: Play) -> bool:
    """Say whether something from before may yet change a store, or a lever that nobody looks at but its own cloud's sweep."""
    if play.world.clock.monotonic() < play.world.nature.astray_until:
        return True
    late = any(lever.late for levers in play.world.levers.values() for lever in levers.values())
    calls = (call for function in play.alive() for call in function.calls if call.stormy)
    return late or any(call.door != "watch" or call.frozen for call in calls)  # a watch that stood still may have done so before a write


def _epoch(play: Play) -> int:
    """Give the newest epoch: one that comes after a sweep, by a late order, is that cloud's to carry out yet."""
    plan = play.world.newest_plan()
    return 0 if plan is None else plan.epoch


def _overtaken(play: Play) -> Iterator[str]:
    """Name what probers said before and that came after their newest word: repeating a row, that word was not noted, and their next one mends it."""
    newest: dict[str, Sighting] = {}
    for row in (row for store in play.world.stores.values() for row in store.claims if row.source is Source.PROBE):
        if row.row not in newest or outranks(row, newest[row.row]):
            newest[row.row] = row
    found = (one for cloud in Cloud for one in probes(play.world.twin, cloud))
    now = play.world.clock.now()
    for one in found:
        held = newest.get(one.row)
        if held is not None and held.seen_at <= now and held.health is not one.health:
            yield f"the word of {one.vantage} on {one.member} is an old one"


def _frozen(play: Play) -> bool:
    plan = play.world.newest_plan()
    return (plan is not None and plan.freeze is not None) or any(flag.state is FlagState.SET for flag in play.world.flags.values())


def unfinished(play: Play) -> Iterator[str]:
    """Name what still has to come right in the plan."""
    plan = play.world.newest_plan()
    if plan is None:
        yield "no plan is agreed"
        return
    if any(one.end > play.world.clock.now() for one in play.world.works):
        yield "maintenance is still to end"
    if _frozen(play):
        yield "steering is frozen"
    for name, state in plan.links.items():
        if state.verdict is not Verdict.UP or state.drain or state.down_since_epoch or state.closing or state.maintenance:
            yield f"{name} is not at rest"
    if any(one.closing or (one.epoch and not what.startswith(Kind.EVENTS)) for what, one in plan.silences.items()):
        yield "a silence is not over"
    fabric = next(one for one in (play.schedule.fabric, play.schedule.following) if one.hash == plan.fabric_hash)
    if any(flow.name not in plan.flows or plan.flows[flow.name].link != flow.prefer[0] for flow in fabric.flows) or plan.pins:
        yield "a flow is not at home"
    now = play.world.clock.now()
    if any(now < row.seen_at < now + MISDATED for store in play.world.stores.values() for row in store.claims):
        yield "a claim is still dated ahead"
    yield from _overtaken(play)
    if play.world.pinned != {pin.flow for pin in plan.pins}:
        yield "a pin stands that only a sweep looks for"

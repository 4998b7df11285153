"""Maintenance that clouds announce and persons plan: some is moved or taken back, and some takes its link away."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.errors import Refused
from pointsman.core.fabric import Cloud, GcpSite, Link, Member
from pointsman.core.members import gcp_tunnel_key, tunnel_key, vlan_key
from pointsman.core.sightings import Cause, Notice, Vantage
from pointsman.core.values import replace
from pointsman.service import announcing, doors
from pointsman.service.announcing import Wish
from pointsman.service.house import House
from pointsman.service.status import Table
from pointsman.testing.simulation.evidence import Foretold
from pointsman.testing.simulation.functions import Door
from pointsman.testing.simulation.mail import Mail
from pointsman.testing.simulation.nature import in_nobodys_name
from pointsman.testing.simulation.schedule import Mishap
from pointsman.testing.simulation.world import World

LONGEST = 18.0
"""Longest that an announced window lasts, in seconds: all of it is waited for at the end."""
BEGINS = (-3.0, 10.0)
"""How long after it is announced a window starts, in seconds."""
CHANGES = (0.0, 12.0)
"""How long after it is announced a window is moved or taken back, in seconds."""
MOVED, TAKEN_BACK = 0.3, 0.2
"""Shares of windows that are moved, and that are taken back."""
AWAY = 0.6
"""Share of windows in which the link is away."""
IN_PART = 0.4
"""Share of windows that take one member alone of a link that has several."""
UNSTARTED = 0.1
"""Share of announcements that name no start: those explain, and nothing is left for them."""

Calling = Callable[[Cloud, str, Door], Awaitable[None]]
"""What calls a function of a cloud through a door."""


class Announcements:
    """Whoever announces maintenance in a world."""

    def __init__(self, world: World, mail: Mail, call: Calling) -> None:
        self._world = world
        self._mail = mail
        self._call = call
        self._dice = Random(f"announcements {world.schedule.seed}")
        self._made = 0

    def by_a_cloud(self, one: Mishap) -> bool:
        """Let a cloud announce maintenance of a link: AWS by an event, Google by one or, at the witness's places, to whoever asks."""
        self._made += 1
        work = self._work(one.where, one.lasts)
        aws, asked = one.path == Cloud.AWS, one.path not in tuple(Cloud)
        named = self._named(self._world.twin.fabric.link(one.where), Cloud.AWS if aws else Cloud.GCP)
        first = Notice(
            vantage=Vantage.AWS if aws else Vantage.GCP,
            what="maintenance",
            members=named,
            seen_at=self._world.clock.now(),
            start=None if self._dice.random() < UNSTARTED else work.start,
            end=work.end,
            cause=Cause.MAINTENANCE,
            about=f"work/{self._made}",
        )
        self._tell(first, work, asked=asked)
        fate, late = self._dice.random(), self._dice.uniform(*CHANGES)
        if fate < MOVED:
            later = self._shifted(work)
            in_nobodys_name(lambda: self._change(replace(first, start=later.start, end=later.end), later, asked=asked), late)
            work = later
        if MOVED <= fate < MOVED + TAKEN_BACK:
            in_nobodys_name(lambda: self._change(replace(first, withdrawn=True), work, asked=asked), late)
        elif self._dice.random() < AWAY:
            self._carry_out(work)
        return True

    def by_hand(self, one: Mishap) -> bool:
        """Let a person announce maintenance of a link, and perhaps take back what is announced by then, whoever did it."""
        work, cloud = self._work(one.where, one.lasts), self._dice.choice(tuple(Cloud))
        self._note(work)
        wish = Wish(link=work.link, start=work.start, end=work.end, author="an operator", reason="fibre works")

        async def add(house: House) -> object:
            return await announcing.add(self._table(house), wish)

        self._send(f"a window on {work.link} by hand", cloud, add)
        if self._dice.random() < TAKEN_BACK:
            late, other = self._dice.uniform(*CHANGES), self._dice.choice(tuple(Cloud))
            in_nobodys_name(lambda: self._send("a window is taken back by hand", other, self._cancelling), late)
        elif self._dice.random() < AWAY:
            self._carry_out(work)
        return True

    async def _cancelling(self, house: House) -> object:
        """Take back the first window that is listed."""
        table = self._table(house)
        found = [one for one in (await announcing.listed(table)).windows if not one.withdrawn]
        if not found:
            raise Refused("there is no window to take back")
        return await announcing.cancel(table, found[0].id, author="an operator", reason="the works are put off")

    def _table(self, house: House) -> Table:
        return Table(
            fabric=house.current,
            stores=dict(self._world.stores),
            registers=house.registers,
            flags=dict(self._world.flags),
            clock=house.clock,
        )

    def _send(self, what: str, cloud: Cloud, act: Door) -> None:
        if self._world.nature.raging:
            self._mail.send(what, lambda: self._call(cloud, "operator", act))

    def _work(self, link: str, lasts: float) -> Foretold:
        start = _whole(self._world.clock.now() + timedelta(seconds=self._dice.uniform(*BEGINS)))
        return Foretold(link=link, start=start, end=start + timedelta(seconds=max(1, round(min(lasts, LONGEST)))))

    def _shifted(self, work: Foretold) -> Foretold:
        """Move a window, and let it last less or longer."""
        start = _whole(work.start + timedelta(seconds=self._dice.uniform(*BEGINS)))
        return replace(work, start=start, end=start + (work.end - work.start) * self._dice.choice((0.5, 1)))

    def _named(self, link: Link, cloud: Cloud) -> tuple[str, ...]:
        """Name what of a link a cloud's announcement is about."""
        members = link.members
        if len(members) > 1 and self._dice.random() < IN_PART:
            members = (self._dice.choice(members),)
        site = self._world.twin.fabric.gcp_site(link)
        if cloud is Cloud.GCP and link.gcp.vlan_attachment and members == link.members:
            return (vlan_key(link.gcp.vlan_attachment, site.project, site.region),)
        return tuple(key for member in members for key in _keys(site, member, cloud))

    def _tell(self, notice: Notice, work: Foretold, *, asked: bool) -> None:
        """Let a cloud's functions be told of a version, or find it when they ask."""
        self._note(work)
        if asked:
            self._world.foretold[notice.about] = notice
            return
        cloud = Cloud(notice.vantage.value)
        told = replace(notice, seen_at=notice.seen_at + self._world.tellers[cloud])
        what = f"notice to {cloud}: {work.link} from {work.start:%T} to {work.end:%T}{' is taken back' if notice.withdrawn else ''}"
        self._mail.send(what, lambda: self._call(cloud, "notice", lambda house: doors.link_changed(house, (told,))))

    def _change(self, notice: Notice, work: Foretold, *, asked: bool) -> None:
        if self._world.nature.raging:
            self._tell(replace(notice, seen_at=self._world.clock.now()), work, asked=asked)

    def _note(self, work: Foretold) -> None:
        self._world.nature.tell(f"works on {work.link} from {work.start:%T} to {work.end:%T}")
        self._world.works.append(work)

    def _carry_out(self, work: Foretold) -> None:
        """Take the link away while its window runs, for as long as the storm rages."""
        now = self._world.clock.now()
        in_nobodys_name(lambda: self._begin(work.link), max(0.0, (work.start - now).total_seconds()))
        in_nobodys_name(lambda: self._end(work.link), (work.end - now).total_seconds())

    def _begin(self, link: str) -> None:
        if self._world.nature.raging:
            self._world.twin.catch_up()
            self._world.twin.network.cut(link)

    def _end(self, link: str) -> None:
        if self._world.nature.raging:
            self._world.twin.catch_up()
            self._world.twin.network.heal(link)


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _keys(site: GcpSite, member: Member, cloud: Cloud) -> Iterator[str]:
    """Give the names by which a cloud knows a member."""
    if cloud is Cloud.GCP:
        yield from [gcp_tunnel_key(member.gcp.tunnel, site.project, site.region)] if member.gcp.tunnel else ()
    elif member.aws.vpn and member.aws.outside_ip:
        yield tunnel_key(member.aws.vpn, member.aws.outside_ip)
    elif member.aws.virtual_interface:
        yield member.aws.virtual_interface

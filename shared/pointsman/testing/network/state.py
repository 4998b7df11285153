"""Everything that a network remembers: sessions, faults, both clouds' settings, and what has happened."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.testing.network.blueprint import Blueprint, LinkSpec, LinkType, MemberSpec, Side, SiteSpec, found
from pointsman.testing.network.happenings import Happening, Kind
from pointsman.testing.network.policies import RoutePolicy
from pointsman.testing.network.timeline import Timeline, chance
from pointsman.testing.network.views import FailoverTestView

HAPPENINGS_KEPT = 100_000
"""Most happenings that are kept; the oldest go first (their numbers go on counting)."""

PHYSICAL = frozenset(("cut", "member-cut", "maintenance"))
"""Blocks that take the path itself away; all others only keep the session down."""


@dataclass(slots=True)
class End:
    """One end of a session. ``routes`` says whether what the far end announced is held (also stale, under graceful restart)."""

    up: bool = True
    since: float = 0.0
    reason: str = ""
    routes: bool = True
    tunnel_up: bool = True
    tunnel_since: float = 0.0


@dataclass(slots=True)
class Session:
    """A BGP session over one member.

    ``blocks`` are the reasons why it may not be up, ``dark`` the ends whose port has lost its light; ``turn`` makes
    overtaken timers void, ``changes`` of the path those of its tunnel: a router that restarts leaves that alone.
    """

    link: LinkSpec
    member: MemberSpec
    ends: dict[Side, End] = field(default_factory=lambda: {side: End() for side in Side})
    blocks: set[str] = field(default_factory=set)
    dark: set[Side] = field(default_factory=set)
    turn: int = 0
    changes: int = 0

    @property
    def physical(self) -> bool:
        """Say whether packets can pass at all."""
        return not self.blocks & PHYSICAL

    @property
    def carries(self) -> bool:
        """Say whether the member forwards: light, and for a tunnel both ends' keys."""
        return self.physical and all(end.tunnel_up for end in self.ends.values())

    @property
    def stale(self) -> bool:
        """Say whether routes are held without a session."""
        return any(end.routes and not end.up for end in self.ends.values())


@dataclass(slots=True)
class PeerSettings:
    """A Cloud Router peer's settings. ``custom_prefixes`` None announces the default."""

    enabled: bool = True
    priority: int = 100
    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    custom_prefixes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """A static route of a VPC network to a tunnel."""

    site: str
    name: str
    prefix: str
    tunnel: str
    priority: int


@dataclass(slots=True)
class Settings:
    """What the two clouds' APIs have set. A target of None is a black-hole."""

    statics: dict[str, dict[str, str | None]] = field(default_factory=dict)
    references: dict[str, dict[str, str | None]] = field(default_factory=dict)
    prefix_lists: dict[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    allowed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    policies: dict[tuple[str, str], RoutePolicy] = field(default_factory=dict)
    peers: dict[tuple[str, str], PeerSettings] = field(default_factory=dict)
    transports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    gcp_statics: dict[tuple[str, str], StaticRoute] = field(default_factory=dict)
    tests: dict[str, list[FailoverTestView]] = field(default_factory=dict)


@dataclass(slots=True)
class Faults:
    """What is wrong with links besides cuts. ``grey`` holds the ends that packets no longer arrive at, ``first`` when each first suffered."""

    loss: dict[str, float] = field(default_factory=dict)
    grey: dict[str, frozenset[Side]] = field(default_factory=dict)
    windows: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)


class State:
    """The network's memory. ``version`` rises with every change, so that what is derived can be kept until then."""

    def __init__(self, blueprint: Blueprint, seed: int) -> None:
        self.blueprint = blueprint
        self.seed = seed
        self.time = Timeline()
        self.version = 0
        self.settings = Settings()
        self.faults = Faults()
        self.happenings: list[Happening] = []
        self.changed: Callable[[], None] = lambda: None
        self._numbered = 0
        self.sites: dict[str, SiteSpec] = {site.name: site for site in blueprint.sites}
        self.links: dict[str, LinkSpec] = {link.name: link for link in blueprint.links}
        self.sessions = {(link.name, one.id): Session(link, one) for link in blueprint.links for one in link.members}
        self._settle()

    def _settle(self) -> None:
        settings = self.settings
        settings.prefix_lists = {one.id: (one.cidrs, one.version) for one in self.blueprint.prefix_lists}
        for site in self.blueprint.sites:
            for table in site.route_tables:
                settings.statics[table], settings.references[table] = {}, {}
        for link in self.blueprint.links:
            if link.association:
                held = settings.allowed.get(link.association, ())
                native = tuple(one.prefix for one in link.announces.get(Side.AWS, ()))
                settings.allowed[link.association] = tuple(dict.fromkeys((*held, *native)))
            if link.transport:
                settings.transports[link.transport] = tuple(one.prefix for one in link.announces.get(Side.GCP, ()))
        for session in self.sessions.values():
            if session.member.peer:
                settings.peers[self.router_of(session.link), session.member.peer.name] = PeerSettings()

    @property
    def now(self) -> float:
        """Give the virtual time in seconds."""
        return self.time.now

    def touch(self) -> None:
        """Mark that something changed, and let what follows from it be announced."""
        self.version += 1
        self.changed()

    def dice(self, *labels: object) -> float:
        """Throw a dice in [0, 1) that depends on the seed, the time and the labels alone."""
        return chance(self.seed, round(self.now, 6), *labels)

    def emit(self, side: Side, kind: Kind, session: Session | None = None, **details: Any) -> None:
        """Append a happening as one cloud sees it."""
        link, member = (session.link.name, session.member.id) if session else ("", "")
        link = str(details.pop("link", link))
        record = Happening(number=self._numbered, at=self.now, side=side, kind=kind, link=link, member=member, details=details)
        self._numbered += 1
        self.happenings.append(record)
        if len(self.happenings) > HAPPENINGS_KEPT:
            del self.happenings[: HAPPENINGS_KEPT // 10]

    def link(self, name: str) -> LinkSpec:
        """Give a link. Raises LookupError."""
        return found(self.links, "link", name)

    def of_link(self, name: str) -> tuple[Session, ...]:
        """Give a link's sessions. Raises LookupError."""
        return tuple(self.sessions[name, member.id] for member in self.link(name).members)

    def session(self, link: str, member: str) -> Session:
        """Give one session. Raises LookupError."""
        return found(self.sessions, "member", (link, member))

    def router_of(self, link: LinkSpec) -> str:
        """Name the Cloud Router of a link's Google end ("" where there is none)."""
        router = self.sites[link.gcp_site].router
        return router.name if router else ""

    def at_router(self, router: str) -> Iterator[Session]:
        """Give the sessions of a Cloud Router's peers. Raises LookupError."""
        found({site.router.name: site for site in self.blueprint.sites if site.router}, "router", router)
        return (one for one in self.sessions.values() if one.member.peer and self.router_of(one.link) == router)

    def peer_settings(self, session: Session) -> PeerSettings:
        """Give the Google settings of a session's peer; a link without peers of ours has the defaults."""
        peer = session.member.peer
        return self.settings.peers[self.router_of(session.link), peer.name] if peer else PeerSettings()

    def rank(self, link: LinkSpec) -> LinkType:
        """Give the attachment type: an AWS Interconnect hangs on a Direct Connect gateway."""
        return LinkType.VPN if link.type is LinkType.VPN else LinkType.DXGW

    def tables(self) -> Mapping[str, SiteSpec]:
        """Map each Transit Gateway route table to its site."""
        return {table: site for site in self.blueprint.sites for table in site.route_tables}

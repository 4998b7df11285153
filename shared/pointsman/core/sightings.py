"""What somebody claims to have seen, and the other things that an event can mean."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from pointsman.core.fabric import Cloud
from pointsman.core.values import Frozen, Remembered, digest

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time that names its zone: one that does not cannot be read back."""


class Vantage(StrEnum):
    """Who says so. The two clouds speak of their control planes; probes speak of packets over one link only."""

    AWS = "aws"
    GCP = "gcp"
    PROBE_AWS = "probe-aws"
    PROBE_GCP = "probe-gcp"
    OPERATOR = "operator"


class Health(StrEnum):
    """What is claimed of a member."""

    UP = "up"
    DOWN = "down"
    DEGRADED = "degraded"
    DRAINING = "draining"
    UNKNOWN = "unknown"


class Aspect(StrEnum):
    """Which part of a member the claim is about: ``bgp`` is session evidence, all others are forwarding evidence."""

    BGP = "bgp"
    IPSEC = "ipsec"
    LINK = "link"
    ROUTE = "route"
    CAPACITY = "capacity"
    PROBE = "probe"


class Source(StrEnum):
    """The feed that a claim came through; it decides how long the claim stays fresh."""

    NETWORK_MANAGER = "network-manager"
    CLOUDTRAIL = "cloudtrail"
    HEALTH = "health"
    ROUTER_LOG = "router-log"
    VPN_LOG = "vpn-log"
    SERVICE_HEALTH = "service-health"
    AUDIT_LOG = "audit-log"
    OPERATOR = "operator"
    CLOUDWATCH = "cloudwatch"
    MONITORING = "monitoring"
    LOOK = "look"
    PROBE = "probe"
    LEVER = "lever"
    NOTICE = "notice"


ALARMS = frozenset({Source.CLOUDWATCH, Source.MONITORING})
"""The feeds in which alarms speak, several of one member and metric it may be."""


class Cause(StrEnum):
    """Why, in closed words. ``UNSTATED`` when the feed does not say."""

    UNSTATED = "unstated"
    HOLD_TIMER_EXPIRED = "hold-timer-expired"
    LINK_DOWN = "link-down"
    BFD_DOWN = "bfd-down"
    BGP_PROCESS_STOPPED = "bgp-process-stopped"
    NOTIFICATION_RECEIVED = "notification-received"
    CONFIG_DISABLED = "config-disabled"
    TOO_MANY_PREFIXES = "too-many-prefixes"
    SESSION_DOWN = "session-down"
    SESSION_UP = "session-up"
    IPSEC_DOWN = "ipsec-down"
    IPSEC_UP = "ipsec-up"
    ALARM = "alarm"
    ALARM_CLEARED = "alarm-cleared"
    INSUFFICIENT_DATA = "insufficient-data"
    BLACKHOLE = "blackhole"
    ROUTE_GONE = "route-gone"
    ROUTE_PRESENT = "route-present"
    REDUNDANCY_LOST = "redundancy-lost"
    PACKETS_LOST = "packets-lost"
    PACKETS_FLOW = "packets-flow"
    OPERATIONAL = "operational"
    NOT_OPERATIONAL = "not-operational"
    FAILOVER_TEST = "failover-test"
    MAINTENANCE = "maintenance"
    OUTAGE = "outage"
    DELETED = "deleted"
    ORDERED = "ordered"


class Window(Frozen):
    """A time in which members will be away, as it was announced; what of it is believed, ``core.windows`` says.

    ``key`` is equal for every version of one announcement, ``members`` are the cloud's own identifiers (or links' names,
    of a person's window). Without ``start`` it tells of something that has begun. ``withdrawn`` ends it before its end.
    """

    key: str
    members: tuple[str, ...]
    start: Instant | None = None
    end: Instant | None = None
    what: str = ""
    author: str = ""
    withdrawn: bool = False


class Sighting(Frozen, tag="sighting", tag_field="kind", dict=True):
    """One source's claim about one member at an instant.

    ``member`` is the cloud's own identifier in the form that ``core.members`` gives; ``seen_at`` is when the
    cloud says it happened (aware, UTC). ``value`` is a figure where the feed has one: a share of loss for a
    probe, accepted prefixes for a session, an epoch for a lever. ``window`` is an announcement's, which claims nothing
    of any member's health. ``text`` names the alarm that speaks, where ``member`` is not the alarm itself, or says why a
    lever was refused, or how long a probe's packets took ("" in every other claim).
    """

    vantage: Vantage
    member: str
    source: Source
    aspect: Aspect
    health: Health
    seen_at: datetime
    cause: Cause = Cause.UNSTATED
    value: float | None = None
    window: Window | None = None
    text: str = ""

    @Remembered
    def row(self) -> str:
        """Name the row that this claim lives in: vantage, member and source (a feed's aspects are apart, and so are alarms).

        An alarm's name is shortened: a name may be longer than a store's key. Earlier builds name all of a member's alarms one row.
        """
        place = f"{self.vantage}|{self.member}|{self.source}.{self.aspect}"
        return f"{place}|{digest(self.text.encode())}" if self.text and self.source in ALARMS else place


def own_word(here: Cloud, member: str, health: Health, epoch: int, now: datetime, *, text: str = "") -> Sighting:
    """Say as a claim what a cloud's functions did, or found, by the plan of an epoch: of a lever, a pin, an intent."""
    return Sighting(
        vantage=Vantage(here.value),
        member=member,
        source=Source.LEVER,
        aspect=Aspect.ROUTE,
        health=health,
        seen_at=now,
        cause=Cause.ORDERED,
        value=float(epoch),
        text=text,
    )


class Actor(StrEnum):
    """Who made a change: pointsman recognises its own by role session or service account.

    ``CLAIMED`` is a change under our user agent by an identity that is not named as ours: most likely a function of ours
    under another name, but anybody can say so. It is no reason to look at once, and never one to be silent about it.
    """

    OURSELVES = "ourselves"
    CLAIMED = "claimed"
    SOMEBODY = "somebody"


class Change(Frozen, tag="change", tag_field="kind"):
    """Somebody changed routing or configuration through the cloud's API, or a route table changed by itself.

    ``what`` is the API action or change type, ``target`` the resource and then what else the change names (prefixes,
    attachments), separated by spaces; ``who`` is the principal as the cloud names it.
    """

    vantage: Vantage
    what: str
    target: str
    seen_at: datetime
    who: str = ""
    actor: Actor = Actor.SOMEBODY
    sequence: int | None = None


class Notice(Frozen, tag="notice", tag_field="kind"):
    """A cloud announces maintenance, an outage of its own or a loss of redundancy; ``members`` may be empty.

    ``key`` is equal for a repeated delivery of the same announcement, "" where the feed gives none; ``about`` is equal for
    every later version of it too, "" where the feed knows none. ``withdrawn`` says that it was cancelled or is over.
    """

    vantage: Vantage
    what: str
    members: tuple[str, ...]
    seen_at: datetime
    start: datetime | None = None
    end: datetime | None = None
    text: str = ""
    cause: Cause = Cause.UNSTATED
    key: str = ""
    about: str = ""
    withdrawn: bool = False


class Tick(Frozen, tag="tick", tag_field="kind"):
    """A schedule fired. ``key`` is equal for a repeated delivery of the same tick."""

    vantage: Vantage
    key: str
    seen_at: datetime


class Verb(StrEnum):
    """What a person may command."""

    FREEZE = "freeze"
    THAW = "thaw"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    PIN = "pin"
    APPROVE = "approve"
    DENY = "deny"
    ACK = "ack"
    ADOPT = "adopt"


class Order(Frozen, tag="order", tag_field="kind"):
    """What a person commanded, always with author, reason and expiry; ``key`` makes the same order one order, however often it comes."""

    key: str
    verb: Verb
    target: str
    author: str
    reason: str
    seen_at: datetime
    expires_at: datetime | None = None


class Ignored(Frozen, tag="ignored", tag_field="kind"):
    """Read and understood, and it means nothing to us; ``reason`` says why."""

    reason: str


class Rejected(Frozen, tag="rejected", tag_field="kind"):
    """A record that cannot be read; ``path`` says where. It is parked, and the rest of its batch goes on."""

    reason: str
    path: str = "$"


Meaning = Sighting | Change | Notice | Tick | Order | Ignored
"""What one readable record means."""

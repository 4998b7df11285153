"""What a lever can be set to: plain data that says how a cloud's settings should read."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from pointsman.core.fabric import FlowName, LinkName
from pointsman.core.values import Frozen

RANKS = 9
"""Ranks of avoidance, each with a MED of its own."""


class LeverKind(StrEnum):
    """A named kind of cloud setting that moves traffic."""

    ROUTE_POLICY = "gcp.route_policy"
    PEER_PRIORITY = "gcp.peer_priority"
    FAILOVER_TEST = "aws.failover_test"
    PREFIX_LIST_PIN = "aws.prefix_list_pin"
    STATIC_PIN = "aws.static_pin"


class Stance(StrEnum):
    """How attractive one prefix is made over one link: ``avoid`` leaves it as a standby, ``drop`` takes it away."""

    ATTRACT = "attract"
    AVOID = "avoid"
    DROP = "drop"


class PrefixStance(Frozen):
    """One prefix (CIDR) and its stance. Among the links that are to be avoided BGP falls back to the lowest ``rank`` (1 to ``RANKS``)."""

    prefix: str
    stance: Stance
    rank: int = 1


class RoutePolicies(Frozen, tag="gcp.route_policy", tag_field="lever"):
    """A link's two Cloud Router route policies.

    ``imports`` lists AWS prefixes as Google learns them (moves Google -> AWS), ``exports`` Google prefixes as AWS
    hears them (moves AWS -> Google). A prefix that is not listed is attracted.
    """

    kind: ClassVar[LeverKind] = LeverKind.ROUTE_POLICY
    link: LinkName
    imports: tuple[PrefixStance, ...] = ()
    exports: tuple[PrefixStance, ...] = ()


class PeerPriority(Frozen, tag="gcp.peer_priority", tag_field="lever"):
    """The advertised route priority (MED towards AWS, 0 to 200) of every peer of a link."""

    kind: ClassVar[LeverKind] = LeverKind.PEER_PRIORITY
    link: LinkName
    priority: int


class FailoverTest(Frozen, tag="aws.failover_test", tag_field="lever"):
    """A Direct Connect BGP failover test on every virtual interface of a link: it ends by itself after ``duration``."""

    kind: ClassVar[LeverKind] = LeverKind.FAILOVER_TEST
    link: LinkName
    running: bool
    duration: timedelta = timedelta(0)


class PrefixListPin(Frozen, tag="aws.prefix_list_pin", tag_field="lever"):
    """A Transit Gateway prefix-list reference of a flow to one attachment (None: no pin)."""

    kind: ClassVar[LeverKind] = LeverKind.PREFIX_LIST_PIN
    flow: FlowName
    attachment: str | None = None


class StaticPin(Frozen, tag="aws.static_pin", tag_field="lever"):
    """Static Transit Gateway routes of a flow's Google prefixes to one attachment (None: no pin)."""

    kind: ClassVar[LeverKind] = LeverKind.STATIC_PIN
    flow: FlowName
    attachment: str | None = None


Setting = RoutePolicies | PeerPriority | FailoverTest | PrefixListPin | StaticPin


def kind_of(setting: Setting) -> LeverKind:
    """Name the lever that a setting belongs to."""
    return setting.kind


class Observed(Frozen):
    """How a lever reads now.

    ``fence`` is its compare-and-set version, opaque to us ("" where the API has none); ``settled`` is False while the
    cloud is still changing it; ``until`` is when it ends by itself.
    """

    setting: Setting
    fence: str = ""
    settled: bool = True
    until: datetime | None = None


class Level(StrEnum):
    """How far a write is proved, in rising order."""

    NONE = "none"
    ACCEPTED = "accepted"
    EFFECTIVE = "effective"
    CARRIED = "carried"


class Verified(Frozen):
    """What verifying a setting found: the highest level reached and what is missing for the next."""

    level: Level
    missing: str = ""

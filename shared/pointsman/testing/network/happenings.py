"""Neutral records of what happened and a cloud would announce."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pointsman.testing.network.blueprint import Side


class Kind(StrEnum):
    """What happened. Sessions are seen by one end; what no cloud announces never becomes a happening of that cloud."""

    SESSION_DOWN = "session-down"
    SESSION_UP = "session-up"
    BFD_DOWN = "bfd-down"
    BFD_UP = "bfd-up"
    TUNNEL_DOWN = "tunnel-down"
    TUNNEL_UP = "tunnel-up"
    ROUTES_INSTALLED = "routes-installed"
    ROUTES_UNINSTALLED = "routes-uninstalled"
    ROUTE_ADDED = "route-added"
    ROUTE_DELETED = "route-deleted"
    ROUTER_MAINTENANCE = "router-maintenance"
    MAINTENANCE_ANNOUNCED = "maintenance-announced"
    ALARM = "alarm"
    INCIDENT = "incident"
    API_CALL = "api-call"


class Reason(StrEnum):
    """Why a session went down, in a Cloud Router's words."""

    HOLD_TIMER_EXPIRED = "HOLD_TIMER_EXPIRED"
    LINK_DOWN = "LINK_DOWN"
    BGP_PROCESS_STOPPED = "BGP_PROCESS_STOPPED"
    NOTIFICATION_RECEIVED = "NOTIFICATION_RECEIVED"
    CONFIG_DISABLED = "CONFIG_DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened at ``at`` seconds, as one cloud sees it.

    ``link`` and ``member`` are "" where it is about neither; ``details`` are plain JSON values that depend on the kind.
    ``number`` counts the network's happenings from 0.
    """

    number: int
    at: float
    side: Side
    kind: Kind
    link: str = ""
    member: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

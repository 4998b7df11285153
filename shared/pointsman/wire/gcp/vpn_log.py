"""Cloud VPN logs: chatter of the key exchange. A tunnel's truth is its status, which looks read."""

from collections.abc import Iterable

from pointsman.core.sightings import Ignored, Meaning
from pointsman.wire.gcp.log_entry import log_id
from pointsman.wire.record import Letter

LOG_IDS = frozenset({"cloud.googleapis.com/ipsec_events", "vpn.googleapis.com/ipsec_events"})
"""The log's id is moving from one service's name to the other's."""


def recognises(letter: Letter) -> bool:
    """Say whether a letter is an entry of a VPN gateway's log."""
    return log_id(letter) in LOG_IDS


def decode(_: Letter) -> Iterable[Meaning]:
    """Ignore it: no line of this log proves that a tunnel is up or down."""
    return (Ignored(reason="chatter of the key exchange; the tunnel's status is the truth, and looks read it"),)

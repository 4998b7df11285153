"""What a prober measures over one address pair, and what may be said of it."""

import math
from collections.abc import Iterable, Mapping, Sequence

from pointsman.core.fabric import Cloud, Fabric, GcpSite, Link, LinkName, ProbePair
from pointsman.core.values import Frozen

WINDOW = 3
"""Rounds that a share of loss is reckoned over: a single packet lost at random must not speak against a link."""
CERTAIN = 0.5
"""Share of loss that is believed before the window is full."""
SILENT = 1.0
"""Every packet lost."""


class Measured(Frozen):
    """One burst over one address pair: packets sent, answers that came in time, their round-trip times in seconds.

    ``fault`` says why nothing can be said of the path: our own end could not send, or nobody listens at the far one.
    """

    source: str
    target: str
    sent: int = 0
    times: tuple[float, ...] = ()
    fault: str = ""

    @property
    def lost(self) -> int:
        """Packets without an answer."""
        return self.sent - len(self.times)


class Found(Frozen):
    """What the last bursts over one pair say together: the share that was lost (0 to 1), and round-trip times in seconds."""

    source: str
    target: str
    loss: float
    median: float | None = None
    worst: float | None = None
    """The 95th percentile."""


def pairs_of(fabric: Fabric, cloud: Cloud, site: str | None = None) -> tuple[ProbePair, ...]:
    """List the address pairs that are to be sent over from a cloud's sites, or from one of them."""
    return tuple(pair for link in fabric.links for pair in link.probes if _in(fabric, pair, cloud) and site in {None, pair.site})


def answered_at(fabric: Fabric, cloud: Cloud, site: str | None = None) -> tuple[ProbePair, ...]:
    """List the pairs whose far end lies in a cloud, or at one of its sites: whoever probes over them wants an answer there."""
    return tuple(pair for link in fabric.links for pair in link.probes if not _in(fabric, pair, cloud) and site in {None, _far(link, pair)})


def _in(fabric: Fabric, pair: ProbePair, cloud: Cloud) -> bool:
    return isinstance(fabric.site(pair.site), GcpSite) == (cloud is Cloud.GCP)


def _far(link: Link, pair: ProbePair) -> str:
    return link.gcp_site if pair.site == link.aws_site else link.aws_site


def judged(bursts: Sequence[Measured]) -> Found | None:
    """Say what a pair's last bursts, oldest first, tell together; None while they can't tell."""
    if not bursts or bursts[-1].fault:
        return None
    window = [burst for burst in bursts[-WINDOW:] if not burst.fault]
    sent = sum(burst.sent for burst in window)
    loss = sum(burst.lost for burst in window) / sent if sent else 0.0
    if not sent or (len(window) < WINDOW and 0 < loss < CERTAIN):
        return None
    times = sorted(time for burst in window for time in burst.times)
    last = window[-1]
    return Found(source=last.source, target=last.target, loss=loss, median=percentile(times, 50), worst=percentile(times, 95))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Give the value that so many per cent of sorted ones do not exceed, by nearest rank; None of none."""
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)] if ordered else None


def spoke(fabric: Fabric, bursts: Iterable[Measured]) -> dict[LinkName, bool]:
    """Say of each link that was probed whether any of its pairs answered."""
    links = {(pair.source, pair.target): link.name for link in fabric.links for pair in link.probes}
    found: dict[LinkName, bool] = {}
    for burst in bursts:
        name = links.get((burst.source, burst.target))
        if name is not None and not burst.fault:
            found[name] = found.get(name, False) or bool(burst.times)
    return found


def blind(now: Mapping[LinkName, bool], answering: frozenset[LinkName] | None) -> bool:
    """Say whether our own eyes are shut: no link answers, and two or more that did fell silent with each other.

    ``answering`` are the links that last answered when any did; None when none ever has, and then none proves anything.
    """
    if not now or any(now.values()):
        return False
    fell = set(now) if answering is None else answering & set(now)
    return len(fell) > 1

"""Furnish a prober and the far end that answers it, whether they run as a function or as a process of their own."""

from datetime import timedelta
from pathlib import Path

from pointsman.adapters.packets.echoes import KEY_BYTES
from pointsman.adapters.packets.prober import PacketProber
from pointsman.adapters.packets.responder import Responder
from pointsman.boot.artefact import home_region
from pointsman.boot.chance import SystemClock, token_bytes
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud, Fabric, GcpSite
from pointsman.core.probes import answered_at
from pointsman.ports.clouds import Clock, Queue
from pointsman.service.probe import Findings, Lookout
from pointsman.wire import messages


def lookout(settings: Settings, fabric: Fabric, here: Cloud, report: Queue | None, *, site: str | None = None) -> Lookout:
    """Make what sends and reports. Raises ``ConfigError`` where the key or the queue is not set."""
    if report is None:
        raise ConfigError("set POINTSMAN_REPORT to the own cloud's queue in front of link_changed: a prober reports there")
    clock = SystemClock()
    every, lasting = settings.watch_seconds

    async def told(findings: Findings) -> None:
        await report.send(written(findings))

    return Lookout(
        fabric=fabric,
        here=here,
        prober=prober(settings, clock),
        report=told,
        clock=clock,
        every=timedelta(seconds=every),
        lasting=timedelta(seconds=lasting),
        lossy=messages.LOSSY,
        site=site,
    )


def prober(settings: Settings, clock: Clock) -> PacketProber:
    """Make what sends. Raises ``ConfigError`` where the key is not set."""
    return PacketProber(key(settings), clock, token_bytes, port=settings.probe_port, bound=settings.probe_bound)


def responder(settings: Settings, fabric: Fabric, site: str, *, anywhere: bool) -> Responder:
    """Make what answers at a site. Raises ``ConfigError`` when nobody probes towards it, or the key is not set."""
    pairs = answered_at(fabric, cloud_of_site(fabric, site), site)
    if not pairs:
        raise ConfigError(f"no probe of the fabric ends at {site}: there is nothing to answer")
    return Responder(pairs, key(settings), SystemClock(), port=settings.probe_port, anywhere=anywhere)


def cloud_of_site(fabric: Fabric, site: str) -> Cloud:
    """Name the cloud of a site. Raises ``ConfigError``."""
    try:
        return Cloud.GCP if isinstance(fabric.site(site), GcpSite) else Cloud.AWS
    except KeyError:
        raise ConfigError(f"the fabric has no site {site}: it has {', '.join(one.name for one in fabric.sites)}") from None


def written(findings: Findings) -> bytes:
    """Write findings as the message that ``link_changed`` reads."""
    paths = [messages.Path(source=one.source, target=one.target, loss=one.loss, rtt=one.median) for one in findings.found]
    return messages.probed(findings.cloud, paths, findings.at, blind=findings.blind)


def key(settings: Settings) -> bytes:
    """Give the key that both ends share. Raises ``ConfigError``, which never repeats it."""
    text = settings.probe_key
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{text[1:]}: cannot be read: let POINTSMAN_PROBE_KEY name the file that holds the key, after @") from error
    if len(text.encode()) < KEY_BYTES:
        raise ConfigError(f"set POINTSMAN_PROBE_KEY to the key that all probers share: {KEY_BYTES} bytes at least, or @PATH of its file")
    return text.encode()


def report_queue(settings: Settings, fabric: Fabric, here: Cloud) -> Queue | None:
    """Give the own cloud's queue in front of ``link_changed``; None when none is set."""
    if not settings.report:
        return None
    if here is Cloud.AWS:
        from pointsman.adapters.aws.clients import Clients  # noqa: PLC0415 - one of the clouds is loaded, never both
        from pointsman.adapters.aws.queues import SqsQueue  # noqa: PLC0415

        return SqsQueue(Clients(endpoints=settings.endpoints), settings.report, home_region(fabric))
    from pointsman.adapters.gcp.pubsub import PUBSUB, PubSubRestQueue  # noqa: PLC0415

    reach = Reach(settings, Cloud.GCP, home_region(fabric))
    return PubSubRestQueue(reach.google(), settings.report, endpoint=settings.endpoints.get("pubsub", PUBSUB))

"""``pointsman probe``: send over each link's own address pair, answer at the far end, or do both and report for ever."""

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli import printing
from pointsman.cli.asking import WELL, WRONG, FabricFile, as_json, settings_for
from pointsman.core.values import Frozen, canonical, replace

if TYPE_CHECKING:
    from pointsman.boot.settings import Settings
    from pointsman.core.fabric import Fabric
    from pointsman.core.probes import Measured

app = typer.Typer(help="Packets of our own over each link: send, answer, or both.", no_args_is_help=True)

Site = Annotated[str, typer.Option("--site", metavar="SITE", help="The site of the fabric that this machine stands at.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="UDP port of the far end; 0 answers at any that is free.")]
Anywhere = Annotated[bool, typer.Option("--anywhere", help="Also answer sealed packets that come from another address than declared.")]
Bursts = Annotated[int, typer.Option("--bursts", min=1, max=100, help="How many bursts are sent over each pair.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Shown(Frozen):
    """What was measured over one pair; ``fault`` says why nothing could be."""

    source: str
    target: str
    sent: int
    lost: int
    median: float | None = None
    worst: float | None = None
    fault: str = ""


@app.command("respond")
def respond(fabric: FabricFile, *, site: Site, port: Port = None, anywhere: Anywhere = False) -> None:
    """Answer the probes of the fabric that end at a site, until it is stopped. The key is POINTSMAN_PROBE_KEY.

    It answers nothing but sealed packets of declared pairs, each with one of the same size.
    """
    from pointsman.boot import loop  # noqa: PLC0415 - the fabric reader loads for this command only
    from pointsman.boot.probes import responder  # noqa: PLC0415

    settings, declared = _opened(fabric, port)
    far = responder(settings, declared, site, anywhere=anywhere)
    for address, chosen in loop.run(far.open()):
        typer.echo(f"answering at {address} port {chosen}")
    threading.Event().wait()


@app.command("send")
def send(fabric: FabricFile, *, site: Site, port: Port = None, bursts: Bursts = 3, json: Json = False) -> None:
    """Send bursts over every pair of a site and show loss and round-trip times. Exits 1 when a packet was lost or a pair had a fault."""
    from pointsman.boot import loop  # noqa: PLC0415
    from pointsman.boot.chance import SystemClock  # noqa: PLC0415
    from pointsman.boot.probes import cloud_of_site, prober  # noqa: PLC0415
    from pointsman.core.errors import ConfigError  # noqa: PLC0415
    from pointsman.core.probes import pairs_of  # noqa: PLC0415

    settings, declared = _opened(fabric, port)
    pairs = pairs_of(declared, cloud_of_site(declared, site), site)
    if not pairs:
        raise ConfigError(f"the fabric declares no probes that start at {site}: declare a link's 'probes'")
    sender = prober(settings, SystemClock())
    rounds = [loop.run(sender.burst(pairs)) for _ in range(bursts)]
    shown = [_shown([one[place] for one in rounds]) for place in range(len(pairs))]
    typer.echo(as_json(shown) if json else "\n".join(map(_line, shown)))
    raise typer.Exit(WRONG if any(one.lost or one.fault for one in shown) else WELL)


@app.command("run")
def run(fabric: FabricFile, *, site: Site, port: Port = None, anywhere: Anywhere = False) -> None:
    """Answer at a site, send from it, and report to POINTSMAN_REPORT until it is stopped; a line a minute says how it goes."""
    from pointsman.boot import loop  # noqa: PLC0415
    from pointsman.boot.probes import cloud_of_site, lookout, report_queue, responder  # noqa: PLC0415
    from pointsman.service.probe import probe  # noqa: PLC0415

    settings, declared = _opened(fabric, port)
    here = cloud_of_site(declared, site)
    watching = lookout(settings, declared, here, report_queue(settings, declared, here), site=site)
    for address, chosen in loop.run(responder(settings, declared, site, anywhere=anywhere).open()):
        typer.echo(f"answering at {address} port {chosen}")
    while not printing.gone():
        typer.echo(canonical(loop.run(probe(watching))).decode())


def _opened(fabric: str, port: int | None) -> "tuple[Settings, Fabric]":
    from pointsman.boot.artefact import fabrics  # noqa: PLC0415

    settings = settings_for(fabric)
    return (settings if port is None else replace(settings, probe_port=port)), fabrics(settings)[0]


def _shown(bursts: "list[Measured]") -> Shown:
    from pointsman.core.probes import percentile  # noqa: PLC0415

    times = sorted(time for burst in bursts for time in burst.times)
    return Shown(
        source=bursts[0].source,
        target=bursts[0].target,
        sent=sum(burst.sent for burst in bursts),
        lost=sum(burst.lost for burst in bursts),
        median=percentile(times, 50),
        worst=percentile(times, 95),
        fault=next((burst.fault for burst in bursts if burst.fault), ""),
    )


def _line(one: Shown) -> str:
    if not one.sent:
        return f"{one.source} > {one.target}  {one.fault}"
    times = "" if one.median is None or one.worst is None else f", median {one.median * 1000:.1f} ms, 95 % under {one.worst * 1000:.1f} ms"
    return f"{one.source} > {one.target}  {one.lost} of {one.sent} lost{times}{f' ({one.fault})' if one.fault else ''}"

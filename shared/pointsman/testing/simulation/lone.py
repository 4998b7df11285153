"""What is done without an agreed plan: alone, or ahead of an agreement that may still fail. Each leaves another healthy way, and in time."""

import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pointsman.core.alone import Deed, Diary, Inputs, Phase
from pointsman.core.evidence import PROBES, cloud_of, is_fresh
from pointsman.core.fabric import Cloud, Fabric, Flow, Link, LinkName
from pointsman.core.members import probe_key
from pointsman.core.plan import LinkState, Plan, Verdict
from pointsman.core.sightings import Health
from pointsman.core.steering import PrefixStance, RoutePolicies, Setting
from pointsman.core.values import parse
from pointsman.testing.simulation.agreed import CARRYING, Record, deeds, drained, of_no_plan
from pointsman.testing.simulation.evidence import Asked

Findings = Iterator[str]
Deeds = Sequence[tuple[float, Cloud, Deed]]

ALONE_SECONDS = 8.0
"""How long a permission claimed alone may be used."""


def last_drained(fabric: Fabric, before: Plan, after: Plan) -> Iterator[LinkName]:
    """Name the links whose drain begins while no parallel link is believed healthy and is not drained."""
    for link in (one for one in fabric.links if drained(after, one.name) and not drained(before, one.name)):
        if not any(after.links[one.name].verdict in CARRYING and not drained(after, one.name) for one in _parallel(fabric, link)):
            yield link.name


def _parallel(fabric: Fabric, link: Link) -> list[Link]:
    ends = (link.aws_site, link.gcp_site)
    return [one for one in fabric.links if one.name != link.name and (one.aws_site, one.gcp_site) == ends]


def permitted(ask: Asked, claimed: Deeds) -> list[Deed]:
    """List the permissions, claimed alone, on which a lever may have been asked."""
    late = ALONE_SECONDS + ask.frozen
    return [deed for at, cloud, deed in claimed if cloud is ask.cloud and deed.setting == ask.setting and 0 <= ask.at - at <= late]


def ahead_of_the_last_path(record: Record) -> Findings:
    """Say which link was announced to be left beside an agreement, whatever became of that, with no other one healthy."""
    for one in record.evidence.intended:
        for before, after in record.foreseen(one):
            for name in last_drained(record.fabric(before), before, after):
                yield f"{one.at:.1f} s: {one.row.vantage} leaves {name} ahead of epoch {after.epoch}, and no other link is healthy"


def alone_on_the_last_path(record: Record) -> Findings:
    """Say which lever was set alone though what was noted before shows no other healthy way for what it moves."""
    claimed = list(deeds(record))
    for ask, _ in of_no_plan(record):
        whys = [_no_way_left(record, ask, deed) for deed in permitted(ask, claimed)]
        if whys and all(whys):
            yield f"{ask.at:.1f} s: {ask.cloud} asked alone for {ask.setting}: {whys[0]}"


def _no_way_left(record: Record, ask: Asked, deed: Deed) -> str:
    """Say what is wrong with a deed by what its function noted just before it; "" when it left every flow a healthy way."""
    entry = record.evidence.entries.get(deed.entry)
    if entry is None:
        return "no journal says what it was decided from"
    inputs = parse(zlib.decompress(entry), Inputs)
    fabric = record.evidence.fabrics[inputs.fabric_hash]
    link, flows = fabric.link(deed.link), [flow for flow in fabric.flows if flow.name in deed.flows]
    if Health.DOWN not in _probed(fabric, inputs, link):
        return f"{link.name} was not seen to lose packets from there"
    if strange := _avoided_more(ask.setting, ask.over) - {prefix for flow in flows for group in flow.prefixes.values() for prefix in group}:
        return f"it avoids {link.name} for {sorted(strange)} too, which are of no flow that it names"
    stuck = [flow.name for flow in flows if not any(_healthy(fabric, inputs, one) for one in _others(fabric, flow, link))]
    return f"no other link that {' and '.join(stuck)} may take was seen healthy from there" if stuck else ""


def _others(fabric: Fabric, flow: Flow, link: Link) -> list[Link]:
    return [one for one in _parallel(fabric, link) if one.name in flow.prefer]


def _healthy(fabric: Fabric, inputs: Inputs, link: Link) -> bool:
    state = inputs.plan.links.get(link.name, LinkState())
    return state.drain is None and state.verdict is not Verdict.DOWN and (not link.probes or _probed(fabric, inputs, link) == {Health.UP})


def _probed(fabric: Fabric, inputs: Inputs, link: Link) -> set[Health]:
    """Give what the own cloud's probes had said of a link that could still be believed."""
    keys = {probe_key(pair.source, pair.target) for pair in link.probes}
    rows = (row for row in inputs.view.rows if row.member in keys and row.vantage in PROBES and cloud_of(row.vantage) is inputs.here)
    return {row.health for row in rows if is_fresh(row, fabric.policy.freshness, inputs.now)}


def _avoided_more(want: Setting, over: Setting) -> set[str]:
    """Name the prefixes that policies avoid otherwise than those they replace; none for what takes every flow off a link alike."""
    if not (isinstance(want, RoutePolicies) and isinstance(over, RoutePolicies)):
        return set()
    ways: tuple[tuple[tuple[PrefixStance, ...], tuple[PrefixStance, ...]], ...] = (
        (want.imports, over.imports),
        (want.exports, over.exports),
    )
    return {one.prefix for new, old in ways for one in new if one not in old}


def more_than_once(record: Record) -> Findings:
    """Say where a cloud claimed its permission twice within one hold-down, by its own store's time."""
    hold = min(fabric.policy.hold_down for fabric in record.evidence.fabrics.values())
    for row in record.evidence.accepted:
        if row.register.startswith("alone/"):
            done = [deed for deed in parse(row.value, Diary).deeds if deed.phase is not Phase.VOID]
            for one, other in pairwise(done):
                if -hold < other.at - one.at < hold:
                    yield f"{row.first:.1f} s: {row.register} has {other.link} avoided {other.at - one.at} after {one.link}"

"""What a cloud's levers may still hold though the agreed plan has let it go: nobody but that cloud's functions can take it away.

Of a link's lever the row says so that its functions leave once it is set (``service.enact``). A pin has a row of its own for
each flow and link: it is begun beside the write and ended once the lever is seen without it, so that one which may stand is
never missing, and one that is named may be gone already. By these rows our own pins are told from a person's entries in the
same places, which only the mode ``auto`` of the link that they lead to lets us take away.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkName, Mode
from pointsman.core.members import lever_key, pin_key
from pointsman.core.plan import LinkState, Plan
from pointsman.core.rows import following
from pointsman.core.sightings import Health, Sighting, Source, own_word
from pointsman.core.steering import PrefixListPin, Setting

_PIN = pin_key("", "").removesuffix(">")
"""Beginning of the member of a pin's row."""


def pins_begun(here: Cloud, plan: Plan, settings: Iterable[Setting], stored: Mapping[str, Sighting], now: datetime) -> list[Sighting]:
    """Say of each pin among some settings that it may stand from now on, unless a row says so already."""
    led = {one.flow for one in settings if isinstance(one, PrefixListPin) and one.attachment is not None}
    rows = [own_word(here, pin_key(pin.flow, pin.link), Health.DRAINING, plan.epoch, now) for pin in plan.pins if pin.flow in led]
    return [row for row in rows if (held := stored.get(row.row)) is None or held.health is not Health.DRAINING]


def pins_ended(here: Cloud, plan: Plan, settings: Iterable[Setting], stored: Mapping[str, Sighting], now: datetime) -> list[Sighting]:
    """Say that pins are gone, of which a row says that they may stand, by settings that their levers are seen to have."""
    seen = {one.flow for one in settings if isinstance(one, PrefixListPin)}
    kept = {pin_key(pin.flow, pin.link) for pin in plan.pins}
    return [
        following(own_word(here, row.member, Health.UP, plan.epoch, now), row)
        for row, (flow, _) in _pins(here, stored.values())
        if flow in seen and row.member not in kept
    ]


def pinned(here: Cloud, rows: Iterable[Sighting]) -> frozenset[FlowName]:
    """Name the flows of which one cloud's rows say that a pin of theirs may stand."""
    return frozenset(flow for _, (flow, _) in _pins(here, rows))


def is_ours(fabric: Fabric, before: Plan, pins: frozenset[FlowName], setting: Setting, seen: Setting | None) -> bool:
    """Say whether a setting is ours to write: any but an empty place for a pin, in which a person's own entry may stand.

    A place is ours to empty while the plan before this one, or a row of ours (``pins`` names their flows), says that a pin of
    ours may stand there; else only if all that was seen to stand there and leads to links of ours leads to links in mode auto.
    """
    if not isinstance(setting, PrefixListPin) or setting.attachment is not None:
        return True
    if setting.flow in pins or any(pin.flow == setting.flow for pin in before.pins):
        return True
    led = set((seen.attachment or "").split(",")) if isinstance(seen, PrefixListPin) else set()
    modes = {link.mode for link in fabric.links if led.intersection(link.aws.attachments)}
    return modes == {Mode.AUTO}


def remarks(fabric: Fabric, plan: Plan, here: Cloud, rows: Iterable[Sighting]) -> tuple[str, ...]:
    """Say what one cloud's levers may still hold that the plan has let go, and what a person does if its functions stay away."""
    known = tuple(rows)
    return (*_pinned(fabric, plan, here, known), *_drained(fabric, plan, here, known))


def _pinned(fabric: Fabric, plan: Plan, here: Cloud, rows: tuple[Sighting, ...]) -> Iterator[str]:
    asked = {(pin.flow, pin.link) for pin in plan.pins}
    places = {flow.name: flow.aws_prefix_list for flow in fabric.flows}
    for row, (flow, link) in _pins(here, rows):
        if (flow, link) in asked:
            continue
        place = places.get(flow)
        by_hand = f"delete the reference to {place.prefix_list} from {' and '.join(place.route_tables)}" if place else "delete it by hand"
        yield f"{_unsaid(here, plan)}: {flow} may still be pinned to {link} since epoch {_epoch(row)}; {_if_away(here)}, {by_hand}"


def _drained(fabric: Fabric, plan: Plan, here: Cloud, rows: tuple[Sighting, ...]) -> Iterator[str]:
    own = {row.member: row for row in rows if _may_stand(row, here)}
    for link in fabric.links:
        row = own.get(lever_key(link.name))
        if row is None or plan.links.get(link.name, LinkState()).drain is not None:
            continue
        if here is Cloud.AWS:
            yield f"{_unsaid(here, plan)}: its failover test of {link.name} may still run since epoch {_epoch(row)}; AWS ends it by itself"
            continue
        names = " and ".join(name for name in (link.gcp.import_policy, link.gcp.export_policy) if name)
        yield (
            f"{_unsaid(here, plan)}: its route policies may still keep flows off {link.name} since epoch {_epoch(row)}; "
            f"{_if_away(here)}, let its flows in again in {names or 'them'}"
        )


def _unsaid(here: Cloud, plan: Plan) -> str:
    return f"{here} has not acknowledged epoch {plan.epoch}"


def _if_away(here: Cloud) -> str:
    return f"if the functions on {here} stay away"


def _epoch(row: Sighting) -> int:
    return int(row.value or 0)


def _may_stand(row: Sighting, here: Cloud) -> bool:
    return row.source is Source.LEVER and row.vantage == here.value and row.health is Health.DRAINING


def _pins(here: Cloud, rows: Iterable[Sighting]) -> Iterator[tuple[Sighting, tuple[FlowName, LinkName]]]:
    """List one cloud's rows of pins that may stand, with whose and where."""
    draining = Health.DRAINING
    for row in rows:
        if row.health is draining and row.member.startswith(_PIN) and _may_stand(row, here):
            flow, _, link = row.member.removeprefix(_PIN).partition(">")
            yield row, (FlowName(flow), LinkName(link))

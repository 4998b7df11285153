"""What one decision changed, in the words of whoever is on call: verdicts, drains, moves, pins, freezes, incidents."""

from collections.abc import Iterator

from pointsman.core.fabric import LinkName
from pointsman.core.incidents import incident_id
from pointsman.core.plan import LinkState, Placement, Plan
from pointsman.core.silence import ending, headline
from pointsman.core.values import Frozen

NOTHING = "nothing but what later decisions go by"
"""What is said of an epoch whose changes nobody would see."""


class Change(Frozen):
    """One thing that is different after a decision. ``links`` are those that it is about."""

    text: str
    links: tuple[str, ...] = ()


def changes(before: Plan, after: Plan) -> tuple[Change, ...]:
    """List what an operator would call a change between two plans, links first."""
    names = [*after.links, *(name for name in before.links if name not in after.links)]
    of_links = tuple(change for name in names for change in _of_link(before, after, name))
    rest = (_moves, _pins, _silences, _freeze, _orders, _adoption)
    return (*of_links, *(change for part in rest for change in part(before, after)))


def _of_link(before: Plan, after: Plan, name: LinkName) -> Iterator[Change]:
    old, new = before.links.get(name, LinkState()), after.links.get(name)
    if new is None:
        yield Change(links=(name,), text=f"{name} left the fabric")
        return
    if old.verdict is not new.verdict:
        yield Change(links=(name,), text=f"{name} {old.verdict} -> {new.verdict}")
    if old.usable != new.usable:
        yield Change(links=(name,), text=f"{name} can carry {_bandwidth(new.usable)}")
    if new.drain and not old.drain:
        yield Change(links=(name,), text=f"{name} drained by {new.drain.enactor} ({new.drain.cause})")
    if old.drain and not new.drain:
        yield Change(links=(name,), text=f"{name} returned to")
    yield from _incidents(after.fabric, name, old, new)


def _incidents(fabric: str, name: LinkName, old: LinkState, new: LinkState) -> Iterator[Change]:
    if new.down_since_epoch is not None and new.down_since_epoch != old.down_since_epoch:
        yield Change(links=(name,), text=f"incident {incident_id(fabric, name, new.down_since_epoch)} opened")
    for epoch in new.closing:
        if epoch not in old.closing:
            yield Change(links=(name,), text=f"incident {incident_id(fabric, name, epoch)} over")
    for epoch in old.closing:
        if epoch not in new.closing:
            yield Change(links=(name,), text=f"incident {incident_id(fabric, name, epoch)} closed, every desk knows")


def _silences(before: Plan, after: Plan) -> Iterator[Change]:
    for name in sorted({*before.silences, *after.silences}):
        old, new = (plan.silences.get(name) for plan in (before, after))
        if new and new.epoch is not None and (old is None or new.epoch != old.epoch):
            yield Change(text=f"{headline(name, new)}; incident {incident_id(after.fabric, name, new.epoch)} opened")
        if old and old.epoch is not None and (new is None or new.epoch != old.epoch):
            yield Change(text=f"{ending(name)}; incident {incident_id(after.fabric, name, old.epoch)} over")


def _moves(before: Plan, after: Plan) -> Iterator[Change]:
    for name, new in after.flows.items():
        old = before.flows.get(name, Placement())
        if old.link != new.link:
            yield Change(
                links=tuple(link for link in (old.link, new.link) if link),
                text=f"{name} {old.link or 'no path'} -> {new.link or 'no path'}",
            )
        if old.squeezed_by != new.squeezed_by:
            yield Change(links=(new.link,) if new.link else (), text=f"{name} {_squeezed(new)}")


def _squeezed(placed: Placement) -> str:
    return f"squeezed by {_bandwidth(placed.squeezed_by)}" if placed.squeezed_by else "no longer squeezed"


def _bandwidth(bits: int | None) -> str:
    return "all it is built for" if bits is None else f"{bits / 10**6:g} Mbit/s"


def _pins(before: Plan, after: Plan) -> Iterator[Change]:
    for pin in after.pins:
        if pin not in before.pins:
            yield Change(links=(pin.link,), text=f"{pin.flow} pinned to {pin.link} until {pin.expires_at:%FT%TZ} by {pin.owner}")
    for pin in before.pins:
        if pin not in after.pins:
            yield Change(links=(pin.link,), text=f"pin of {pin.flow} to {pin.link} ended")


def _freeze(before: Plan, after: Plan) -> Iterator[Change]:
    if after.freeze and after.freeze != before.freeze:
        until = f" until {after.freeze.until:%FT%TZ}" if after.freeze.until else ""
        yield Change(text=f"frozen by {after.freeze.author}{until}: {after.freeze.reason}")
    if before.freeze and not after.freeze:
        yield Change(text="thawed")


def _orders(before: Plan, after: Plan) -> Iterator[Change]:
    """Say what was proposed and what was ordered, in the words of the plan that did."""
    if after.epoch == before.epoch + 1:
        yield from (Change(text=f"{one.about}: {one.because}") for one in after.reasons if one.about.startswith(("proposal ", "order ")))
    if before.proposal and not after.proposal:
        yield Change(links=(*before.proposal.leave, *before.proposal.back), text=f"proposal {before.proposal.hash} ended")


def _adoption(before: Plan, after: Plan) -> Iterator[Change]:
    if before.epoch and before.fabric_hash != after.fabric_hash:
        why = next((reason.because for reason in after.reasons if reason.about == after.fabric), "")
        yield Change(text=f"fabric {after.fabric_hash} {why}".strip())
    if before.epoch and before.decider != after.decider:
        yield Change(text=f"rules {before.decider} -> {after.decider}")

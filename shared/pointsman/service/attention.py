"""What a status holds, and what of it asks for somebody's attention."""

from collections.abc import Iterable
from datetime import datetime

from pointsman.core.alone import Deed
from pointsman.core.approvals import told
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.maintenance import spoken
from pointsman.core.modes import Honest
from pointsman.core.plan import FlagState, LinkState, Placement, Plan, Silence, Verdict
from pointsman.core.rows import FAR_OFF
from pointsman.core.silence import SILENT_AFTER, Kind, headline, silence_name
from pointsman.core.values import Frozen, replace
from pointsman.service.repair import OVERDUE

_NEXT = "give status the one that is adopted; after a move of stores 'pointsman adopt' is the next step"
NAMED = 8
"""Links named that a plan has and a file lacks; of further ones their number is told."""


class Answer(Frozen):
    """When a cloud's functions last had an answer of a store, and how old that is in seconds (None: never, or it cannot be read)."""

    cloud: Cloud
    at: datetime | None = None
    age: float | None = None


class StoreStatus(Frozen):
    """One store: whether it answers this shell, or why not; ``lag`` counts, per register, the ballots it is behind a majority whose value it lacks."""

    slot: str
    name: str
    answers: bool
    fault: str = ""
    store_time: datetime | None = None
    lag: dict[str, int] = {}
    answered: tuple[Answer, ...] = ()
    quarantined: int = 0


class Swept(Frozen):
    """When a cloud's functions last ended a sweep, and how old that is in seconds (None: never heard of, or it cannot be read)."""

    cloud: Cloud
    at: datetime | None = None
    age: float | None = None


class Ticketed(Frozen):
    """One incident that is open, or still to be told, with its tickets by desk and what is owed to the desks.

    ``unread`` says why nothing more of it can be shown ("" when it can), and what to do.
    """

    id: str
    link: str
    phase: str = ""
    severity: str = ""
    since: datetime | None = None
    tickets: dict[str, str] = {}
    owed: int = 0
    by_hand: tuple[str, ...] = ()
    latest: str = ""
    unread: str = ""


class Done(Frozen):
    """One thing that a cloud did alone."""

    cloud: Cloud
    deed: Deed


class Status(Frozen):
    """Everything that ``pointsman status`` shows. ``certain`` says that a majority holds this plan; ``unread`` why it is not shown ("" when it is, or when there is none yet), ``todo`` what asks for attention."""

    fabric: str
    at: datetime
    mode: Honest
    certain: bool
    reached: bool
    plan: Plan | None = None
    unread: str = ""
    damped: dict[LinkName, str] = {}
    flags: dict[Cloud, FlagState] = {}
    incidents: tuple[Ticketed, ...] = ()
    stores: tuple[StoreStatus, ...] = ()
    alone: tuple[Done, ...] = ()
    intents: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    overfilled: tuple[str, ...] = ()
    unforced: dict[LinkName, str] = {}
    refused: tuple[str, ...] = ()
    windows: dict[str, tuple[str, ...]] = {}
    swept: tuple[Swept, ...] = ()
    todo: tuple[str, ...] = ()


def todo(fabric: Fabric, found: Status) -> tuple[str, ...]:
    """List what asks for somebody's attention, the gravest first."""
    plan = found.plan
    said = [found.unread] if found.unread else []
    if not found.reached:
        said.append("no majority of the stores could be read from here: what is shown may be out of date")
    elif not found.certain and plan is not None:
        said.append("the newest plan is not settled: the next sweep settles it")
    if plan is None and not found.unread:
        said.append(_no_plan(found))
    if plan is not None:
        said += [*found.unforced.values(), *found.refused, *found.overfilled, *_of_plan(fabric, plan, found.unforced)]
        said += [f"{name} {text}" for name, text in found.damped.items()]
    said += [f"the freeze flag of {cloud} is {state}" for cloud, state in found.flags.items() if state is not FlagState.CLEAR]
    said += [_of_incident(one) for one in found.incidents]
    said += [f"{one.cloud} avoided {one.deed.link} alone, and the record has not got it yet" for one in found.alone if not one.deed.told]
    said += [*found.intents, *found.leftovers]
    return (*said, *_of_silence(found), *(text for store in found.stores for text in _of_store(store, found.at)))


def _no_plan(found: Status) -> str:
    """Say why there is nothing to show: that nobody agreed on a plan yet is known only from a majority."""
    if found.reached:
        return "no plan is known: the first sweep makes one"
    return "no plan could be read: whether one is agreed can be told once a majority of the stores answers"


def _of_silence(found: Status) -> list[str]:
    """Say what is not heard of: as agreed, and of functions also what the rows show, since where all are dead nobody agrees on anything."""
    silences = found.plan.silences if found.plan else {}
    told = {name: headline(name, one) for name, one in silences.items() if one.epoch is not None}
    for one in found.swept:
        name = silence_name(Kind.FUNCTIONS, one.cloud)
        if one.at is not None and (one.age or 0.0) > SILENT_AFTER.total_seconds():
            told.setdefault(name, headline(name, Silence(since=one.at)))
    return list(told.values())


def _of_plan(fabric: Fabric, plan: Plan, missed: Iterable[LinkName]) -> list[str]:
    out = dict.fromkeys(missed, ", its drain agreed and not in force")
    said = [
        f"{name} is {state.verdict}{out.get(name, ', drained') if state.drain else ''}"
        for name, state in plan.links.items()
        if not _well(state)
    ]
    windows = ((name, state, state.maintenance) for name, state in plan.links.items() if state.maintenance is not None)
    said += [f"{name}: {spoken(window, state)}" for name, state, window in windows if window.ask]
    said += [f"{name} has no link" for name, one in plan.flows.items() if one.link is None]
    said += [f"{name} on {one.link} {_strain(one)}" for name, one in plan.flows.items() if one.squeezed_by or one.mtu_short]
    said += [f"{pin.flow} is pinned to {pin.link} until {pin.expires_at:%FT%TZ}: {pin.reason}" for pin in plan.pins]
    said += [told(fabric, plan.proposal)] if plan.proposal and not plan.proposal.denied else []
    said += [f"{plan.freeze.author} froze the plan: {plan.freeze.reason}"] if plan.freeze else []
    return [*said, *([_other(fabric, plan)] if plan.fabric_hash != fabric.hash else [])]


def _other(fabric: Fabric, plan: Plan) -> str:
    """Say that the plan is of another fabric, and of which of its links no row can be understood by this one."""
    lacking = sorted(plan.links.keys() - as_declared(fabric, plan).links.keys())
    more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
    which = f", which lacks {', '.join(lacking[:NAMED])}{more} (told of by the plan alone)" if lacking else ""
    return f"the plan names another fabric than this file{which}: {_NEXT}"


def as_declared(fabric: Fabric, plan: Plan) -> Plan:
    """Give what a plan says of the links and flows that a fabric file declares: a plan of another fabric may have further ones."""
    if plan.fabric_hash == fabric.hash:
        return plan
    links, flows = {link.name for link in fabric.links}, {flow.name for flow in fabric.flows}
    return replace(
        plan,
        links={name: state for name, state in plan.links.items() if name in links},
        flows={name: one for name, one in plan.flows.items() if name in flows and (one.link is None or one.link in links)},
        pins=tuple(pin for pin in plan.pins if pin.flow in flows and pin.link in links),
    )


def _well(state: LinkState) -> bool:
    return state.verdict is Verdict.UP and state.drain is None


def _strain(one: Placement) -> str:
    squeezed = f"is squeezed by {one.squeezed_by // 10**6} Mbit/s" if one.squeezed_by else ""
    return " and ".join(part for part in (squeezed, "has a smaller MTU than it declares" if one.mtu_short else "") if part)


def _of_incident(one: Ticketed) -> str:
    if one.unread:
        return one.unread
    owed = f", {one.owed} letters to be told" if one.owed else ""
    hand = f", close by hand at {' and '.join(one.by_hand)}" if one.by_hand else ""
    return f"incident {one.id} is {one.phase or 'not written yet'}{owed}{hand}"


def _unread(store: StoreStatus) -> str:
    """Say that a store could not be read and why, naming it once."""
    fault = store.fault.removeprefix(f"{store.name}: ")
    return fault if fault.startswith(f"{store.name} cannot be used") else f"{store.name} could not be read: {fault}"


def _of_store(store: StoreStatus, at: datetime) -> list[str]:
    said = [store.fault] * bool(store.fault) if store.answers else [_unread(store)]
    if store.store_time is not None and abs(store.store_time - at) > FAR_OFF:
        said.append(
            f"{store.name} says that it is {store.store_time:%FT%TZ}, and it is {at:%FT%TZ}: set its clock, or move to another store"
        )
    said += [f"{store.name} is {lag} ballots behind in {register}" for register, lag in store.lag.items()]
    late = [one for one in store.answered if one.age is not None and one.age > OVERDUE.total_seconds()]
    said += [f"{store.name} last answered the functions on {one.cloud} {one.age or 0:.0f} s ago" for one in late]
    return [*said, *([f"{store.name} holds {store.quarantined} rows that nobody can read"] if store.quarantined else [])]

"""What failures do to a fabric, as a person reads it and as a program does."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.adapters.files.units import spoken_bandwidth
from pointsman.cli.summary import columns
from pointsman.core.analysis import Failure, Move, Mover, Outcome, State, loads
from pointsman.core.fabric import Fabric, Flow, FlowName, LinkName
from pointsman.core.placement import ABOUT

NO_PATH = "no path"
WAITS_FOR_A_WORD = (
    "until approved: what has to do with a link in mode recommend waits for a person's word on it;"
    " before that BGP alone leads flows off a failed one, once it is cut"
)
"""What a move on a person's word means."""
WAITS_FOR_BGP = (
    "by BGP: nothing of ours leaves a link in mode observe. BGP leaves one that is cut, for the next permitted link whether it has room"
    " or not; flows stay on one that only loses packets"
)
"""What a move by BGP alone means."""


def as_data(state: State) -> dict[str, Any]:
    """Give a state as plain data: every key is there, also when it is empty."""
    return {
        "placement": dict(state.placement),
        "overloads": [msgspec.to_builtins(one) for one in state.overloads],
        "squeezed": [msgspec.to_builtins(one) for one in state.squeezed],
        "unplaced": list(state.unplaced),
        "moves": [{"flow": one.flow, "from": one.before, "to": one.after, "by": one.by, "until": one.until} for one in state.moves],
        "reasons": [
            {"about": one.about, "chosen": one.chosen, "because": one.because, "refused": dict(one.refused)} for one in state.reasons
        ],
    }


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """Give one failure and what it leads to; ``breaks`` is "" unless the policy forbids it."""
    failure = outcome.failure
    return {"fail": failure.name, "links": list(failure.links), "breaks": outcome.breaks} | as_data(outcome.after)


def encoded(data: Mapping[str, Any]) -> str:
    """Write data as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()


def before_and_after(fabric: Fabric, failure: Failure, before: State, after: State) -> RenderableType:
    """Show where every flow is before and after a failure, how full every link is, and why flows moved."""
    flows = _table("flow", "priority", "demand", "before", "after", "")
    for flow in fabric.flows:
        flows.add_row(*_flow_row(flow, before, after))
    links = _table("link", "capacity", "before", "after", "")
    was, now = loads(fabric, before.placement), loads(fabric, after.placement)
    for link in fabric.links:
        failed = link.name in failure.links
        over = next((f"overloaded by {spoken_bandwidth(one.by_bps)}" for one in after.overloads if one.link == link.name), "")
        shares = [_share(load[link.name], link.capacity) for load in (was, now)]
        links.add_row(link.name, spoken_bandwidth(link.capacity), shares[0], "-" if failed else shares[1], "failed" if failed else over)
    title = Text(f"{fabric.name}: {failure.name} fails", style="bold")
    return Group(title, Text(""), flows, Text(""), links, *(Text(line) for line in (*_waits([after]), *_reasons(after))))


def listed(outcomes: Sequence[Outcome], title: str) -> RenderableType:
    """Show failures as a table, one row each."""
    if not outcomes:
        return Text(f"\n{title}: there are no two, with one link or group that can fail")
    table = _table("fails", "without a path", "overloaded", "squeezed", "moves", "policy")
    for one in outcomes:
        after = one.after
        overloads = ", ".join(f"{over.link} by {spoken_bandwidth(over.by_bps)}" for over in after.overloads)
        squeezed = ", ".join(f"{part.flow} by {spoken_bandwidth(part.by_bps)}" for part in after.squeezed)
        verdict = Text(f"forbidden: {one.breaks}" if one.breaks else "", style="red")
        table.add_row(one.failure.name, ", ".join(after.unplaced), overloads, squeezed, _moves(after), verdict)
    return Group(Text(f"\n{title}", style="bold"), table, *(Text(line) for line in _waits([one.after for one in outcomes])))


def _flow_row(flow: Flow, before: State, after: State) -> tuple[str, ...]:
    was, now = (_where(state.placement, flow.name) for state in (before, after))
    squeezed = next((f"squeezed by {spoken_bandwidth(one.by_bps)}" for one in after.squeezed if one.flow == flow.name), "")
    moves = next((_moved(one) for one in after.moves if one.flow == flow.name), "")
    told = squeezed if moves == "moves" else ", ".join(one for one in (squeezed, moves) if one)
    return flow.name, str(flow.priority), spoken_bandwidth(flow.demand), was, now, told or moves


def _moved(move: Move) -> str:
    """Say who moves a flow, where that is not deciding by itself."""
    match move.by:
        case Mover.DECIDING | Mover.NOBODY:
            return "moves"
        case Mover.WORD:
            return f"on {move.until} until approved"
        case Mover.BGP:
            return f"on {move.until} unless BGP leaves it"


def _moves(after: State) -> str:
    """Count moves, and those of them that nobody makes who decides."""
    counts = ((len(after.moved_by(Mover.WORD)), "once approved"), (len(after.moved_by(Mover.BGP)), "by BGP alone"))
    apart = ", ".join(f"{count} {how}" for count, how in counts if count)
    return f"{len(after.moves)} ({apart})" if apart else str(len(after.moves))


def _waits(states: Sequence[State]) -> Iterator[str]:
    """Explain the moves that nobody makes who decides, if there are any."""
    movers = {move.by for state in states for move in state.moves}
    if Mover.WORD in movers:
        yield f"\n{WAITS_FOR_A_WORD}"
    if Mover.BGP in movers:
        yield f"\n{WAITS_FOR_BGP}"


def _where(placement: Mapping[FlowName, LinkName | None], flow: FlowName) -> str:
    return placement[flow] or NO_PATH


def _share(load: int, capacity: int) -> str:
    return f"{spoken_bandwidth(load)} ({load * 100 // capacity}%)" if load else "0"


def _reasons(after: State) -> Iterator[str]:
    if after.reasons:
        yield "\nwhy"
    for one in after.reasons:
        refused = "; ".join(f"{name}: {why}" for name, why in one.refused.items())
        about = "" if one.about == ABOUT else f"{one.about} to {one.chosen}: "
        yield f"  {about}{one.because}" + (f" ({refused})" if refused else "")


def _table(*headers: str) -> Table:
    return columns(*headers)

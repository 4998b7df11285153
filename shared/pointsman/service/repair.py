"""Bring a store that missed accepts up to what a majority holds, so that the loss of another costs nothing.

What is sent is the very accept that it missed: the ballot and value that a majority has accepted already. That is
what a message late by days would do: it raises no ballot, so it can disturb no proposer, and sent twice it is one.
A store that has promised a higher ballot since refuses it; the decision that the promise was made for brings it up.

A plan that one store alone has accepted may count one day: when another store is lost it is the newest that is seen. So
every sweep looks for one, and has a majority hold it while all is well, for the next decision to stand on.
"""

import asyncio
from datetime import datetime, timedelta

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import Plan
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.quorum.attempt import Answer, Request, Step
from pointsman.quorum.ballots import NO_BALLOT
from pointsman.quorum.outcomes import Agreed
from pointsman.quorum.reading import Reading, judge, newest_row
from pointsman.quorum.rows import Reply
from pointsman.service.gather import note
from pointsman.service.house import House, incident_register
from pointsman.service.registers import Registers

EVERY = 10
"""Sweeps (minutes) from one survey of a cloud to its next; the two clouds' surveys lie half of it apart."""
OVERDUE = timedelta(minutes=EVERY * 5 // 2)
"""How old a store's last answer to a cloud may be before something is wrong: two surveys and a half."""
REGISTERS_LIMIT = 20
"""Registers that one survey reads: the plan and as many open incidents; the others wait until theirs are open."""
SURVEY_SECONDS = 3.0
"""How long a survey waits for the slowest store."""
SETTLING_SECONDS = 2.0
"""How long what one store alone has accepted must have stood, so that no proposer who may still be under way is disturbed."""


def is_due(here: Cloud, now: datetime) -> bool:
    """Say whether this cloud's sweep of this minute surveys the stores."""
    minute = int(now.timestamp()) // 60
    return minute % EVERY == (0 if here is Cloud.AWS else EVERY // 2)


async def repair(house: House, plan: Plan, now: datetime) -> tuple[str, ...]:
    """Have a majority hold the plan that one store alone has accepted; at this sweep's turn send each store what it lacks too.

    A row is left then for each that answered, as of ``now``, the stores' time. Gives in words what was brought up. Without
    lag nothing is written but those rows. While functions carry the next set of stores too, both are surveyed: what is sent
    was agreed in that very set, so it disturbs no move.
    """
    due = is_due(house.here, now)
    incidents = [incident_register(name) for name, *_ in open_incidents(house.fabric_of(plan), plan)] if due else []
    names = (house.plan_register, *incidents)[:REGISTERS_LIMIT]
    asked = [(registers, name) for registers in _sets(house) for name in names]
    surveys = await asyncio.gather(*(survey(registers, name) for registers, name in asked))
    read = list(zip(asked, surveys, strict=True))
    ends: list[list[str]] = await asyncio.gather(
        *(settle(house, registers, one) for (registers, name), one in read if name == house.plan_register)
    )
    answered = {name for one in surveys for name in one.replies}
    if due:
        noted = note(house, [answer_row(house.here, name, now) for name in sorted(answered)])
        mended = asyncio.gather(*(mend(registers, name, one) for (registers, name), one in read))
        ends += (await asyncio.gather(noted, mended))[1]
    return tuple([said for end in ends for said in end])


async def settle(house: House, registers: Registers, reading: Reading) -> list[str]:
    """End what one store alone has accepted of the plan, if it still stands after a while: a majority accepts that value, or the one it has, anew."""
    ballot = hanging(reading)
    if not ballot:
        return []
    await house.clock.sleep(SETTLING_SECONDS)
    if hanging(await survey(registers, house.plan_register)) != ballot:
        return []
    try:
        outcome = await registers.affirm(house.plan_register)
    except Transient:  # others decide just now, and end it so
        return []
    return [f"what one store alone had accepted of {house.plan_register} is settled now"] if isinstance(outcome, Agreed) else []


def hanging(reading: Reading) -> str:
    """Give the ballot of a value that is newer than a majority's, or that no majority holds; "" where there is none.

    Before anything was agreed there is none: the first decision ends it.
    """
    newest = newest_row(reply.row for reply in reading.replies.values())
    held = reading.confirmed and (reading.value in {None, newest.value} or newest.accepted <= reading.ballot)
    return newest.accepted if reading.reached and not held else ""


def _sets(house: House) -> list[Registers]:
    return [one for one in (house.registers, house.registers.following) if one is not None]


async def survey(registers: Registers, register: str) -> Reading:
    """Read one register from every store, and wait for the slowest too."""
    asked = {name: asyncio.ensure_future(registers.ask(register, _read(name))) for name in registers.names}
    await asyncio.wait(asked.values(), timeout=SURVEY_SECONDS)
    for task in asked.values():
        task.cancel()
    ended: dict[str, Answer] = {name: task.result() for name, task in asked.items() if task.done() and not task.cancelled()}
    replies = {name: answer for name, answer in ended.items() if isinstance(answer, Reply)}
    faults = {name: getattr(ended.get(name), "why", "it did not answer in time") for name in asked if name not in replies}
    return judge(replies, registers.majority, faults)


def lagging(reading: Reading) -> dict[str, Reply]:
    """List the stores that a majority is ahead of, or holds another value than under the same ballot, with what they answered."""
    if not reading.confirmed or reading.ballot == NO_BALLOT:
        return {}
    return {name: reply for name, reply in reading.replies.items() if reply.row.accepted < reading.ballot or name in reading.faults}


def lacking(reading: Reading) -> dict[str, Reply]:
    """List the stores that lack what a majority holds. One that holds the same value under an older ballot lacks nothing.

    So a store may stay that promised a ballot to an attempt which then found nothing to do: only a new ballot, which could
    come in between somebody's decision, would bring it up, and with another store lost its value is the newest all the same.
    """
    return {name: reply for name, reply in lagging(reading).items() if reply.row.value != reading.value}


async def mend(registers: Registers, register: str, reading: Reading) -> list[str]:
    """Send every lagging store the accept that it missed; one that has promised more is left to the decision it promised it for."""
    behind = {name: reply for name, reply in lagging(reading).items() if reply.row.promised <= reading.ballot}
    requests = [
        Request(acceptor=name, step=Step.ACCEPT, ballot=reading.ballot, value=reading.value or "", seen=reply)
        for name, reply in behind.items()
    ]
    ends = await asyncio.gather(*(registers.ask(register, request) for request in requests))
    mended = [request.acceptor for request, end in zip(requests, ends, strict=True) if isinstance(end, Reply)]
    return [_said(name, register, damaged=name in reading.faults) for name in mended]


def _said(store: str, register: str, *, damaged: bool) -> str:
    if damaged:
        return f"{store} held another value of {register} than the others, and has theirs now"
    return f"{store} had missed {register}, and has it now"


def answer_key(store: str) -> str:
    """Name the row in which a cloud's functions say that a store answered them."""
    return f"store/{store}"


def answer_row(here: Cloud, store: str, now: datetime) -> Sighting:
    """Say that a store answered; what no member is named by, no decision takes note of."""
    return Sighting(
        vantage=Vantage(here.value),
        member=answer_key(store),
        source=Source.LEVER,
        aspect=Aspect.CAPACITY,
        health=Health.UP,
        seen_at=now,
        cause=Cause.OPERATIONAL,
    )


def _read(acceptor: str) -> Request:
    return Request(acceptor=acceptor, step=Step.READ, ballot=NO_BALLOT)

"""The first round trip: note what came, and read everything a decision needs, all in parallel."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil

from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.evidence import freshness_of
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.filling import retold
from pointsman.core.members import MemberRef, index
from pointsman.core.plan import FlagState, View
from pointsman.core.rows import clamped, newest, outranks, rank
from pointsman.core.sightings import Health, Sighting, Source
from pointsman.core.steering import LeverKind, Observed
from pointsman.core.values import Frozen, replace
from pointsman.ports.clouds import Lever, LeverBusy, LeverFailed, Look
from pointsman.ports.stores import RowsRead
from pointsman.quorum.reading import Reading
from pointsman.quorum.timing import agreed_time
from pointsman.service.house import House
from pointsman.service.slowness import known_silent, note_in, read_from

AHEAD = timedelta(seconds=2)
"""How far ahead of the stores' time a claim may lie (their times are whole seconds) before it is clamped."""

HEAD_START = 3
"""Turns of the event loop after which a store's requests are on their way."""

Target = tuple[LeverKind, str]
"""A lever and the link or flow it is on."""


class Scope(Frozen):
    """How widely one pass looks: links to look at live, levers to observe, and whether the witness's rows are read too."""

    look: tuple[LinkName, ...] = ()
    levers: tuple[Target, ...] = ()
    witness: bool = False


class Blind(Frozen):
    """A lever that could not be observed: why, and whether its cloud ``refused`` that for good."""

    why: str
    refused: bool = False


class Gathered(Frozen):
    """What the first round trip brought.

    ``looked`` are the live look's claims, not noted yet; ``stored`` the rows as the stores hold them; ``astray`` those of
    the own cloud that the witness alone holds, from a time when the own store took none, and ``belied`` those of which
    the witness still tells an earlier and contrary word; ``unseen`` are the keys that the look was not let see; ``blind`` says why a lever
    could not be observed; ``unrecorded`` why the events' claims could be noted nowhere ("" when they were). ``heard`` is when the stores
    had told ``now`` (seconds of the clock that never goes back): looks and levers may have kept the round trip waiting since.
    """

    view: View
    reading: Reading
    now: datetime
    heard: float
    looked: tuple[Sighting, ...] = ()
    unseen: tuple[str, ...] = ()
    stored: dict[str, Sighting] = {}
    astray: tuple[Sighting, ...] = ()
    belied: tuple[Sighting, ...] = ()
    observed: dict[Target, Observed] = {}
    blind: dict[Target, Blind] = {}
    unrecorded: str = ""


async def gather(house: House, claims: Sequence[Sighting], scope: Scope, *, closed: tuple[str, ...] = ()) -> Gathered:
    """Note the claims and read rows, register, flags, levers and the live look, all at once."""
    news = worth_noting(house.current, claims, house.known)
    async with asyncio.TaskGroup() as group:
        near_first = (house.here, house.here.other)
        rows = {cloud: group.create_task(_rows_of(house, cloud, witness=scope.witness)) for cloud in near_first}
        noted = group.create_task(note(house, news)) if news else None
        reading = group.create_task(_heard(house))
        await _head_start()
        flags = {cloud: group.create_task(flag.read()) for cloud, flag in house.flags.items()}
        looked = group.create_task(_look(house, scope.look)) if scope.look else None
        levers = {target: group.create_task(observe(house, target)) for target in scope.levers}
    look = Look() if looked is None else looked.result()
    of_plan, heard = reading.result()
    now, trusted = _time(house, of_plan, [task.result() for task in rows.values()])
    stored = newest(row for task in rows.values() for row in task.result().rows)
    belated = worth_noting(house.current, (claim for claim in claims if claim not in news), stored)
    unnotable = "" if noted is None else noted.result()
    unrecorded = unnotable or await note(house, belated)  # what this process took for a repetition, and is none
    told = (*news, *belated)
    fresh = [_clamped(claim, now) for claim in (*told, *look.claims)]
    earlier = told if unrecorded else _brought_back(told, rows[house.here].result().home_time)
    unnoted = (*earlier, *look.claims)
    house.known.clear()
    house.known.update(newest((*rows[house.here].result().at_home, *(() if unrecorded else told))))
    view = View(
        here=house.here,
        rows=tuple(row for _, row in sorted((newest((*stored.values(), *fresh)) if fresh else stored).items())),
        unreadable=tuple(cloud for cloud, task in rows.items() if not task.result().whole),
        unnoted=tuple(sorted({row.row for row in unnoted})),
        flags={cloud: task.result() for cloud, task in flags.items()},
        closed=closed,
        clock_trusted=trusted,
        wide=scope.witness,
    )
    seen = {target: task.result() for target, task in levers.items()}
    return Gathered(
        view=view,
        reading=of_plan,
        now=now,
        heard=heard,
        looked=look.claims,
        unseen=look.unseen,
        stored=stored,
        astray=rows[house.here].result().astray,
        belied=_belied(house.current, rows[house.here].result(), look.claims),
        observed={target: found for target, found in seen.items() if isinstance(found, Observed)},
        blind={target: found for target, found in seen.items() if isinstance(found, Blind)},
        unrecorded=unrecorded,
    )


async def _head_start() -> None:
    """Let what was begun send its requests before anything else does: the own store is asked thrice, and answers last."""
    for _ in range(HEAD_START):
        await asyncio.sleep(0)


async def note(house: House, claims: Sequence[Sighting]) -> str:
    """Write claims into the own cloud's store, else under the own prefix of the witness; gives why neither took them, or "".

    Into both while the other cloud's store cannot be read from here: the other cloud may not be able to read ours either.
    """
    if not claims:
        return ""
    own, silent = asyncio.create_task(note_in(house, house.rows[house.here], claims)), known_silent(house, house.here)
    if house.witness is None or not (silent or house.rows[house.here.other].name in house.dark or await own):
        return await own
    again = await note_in(house, house.witness, claims)
    why = "" if silent and not again else await own
    return f"{why}; {again}" if why and again else ""


async def correct(house: House, belied: Sequence[Sighting]) -> str:
    """Let the witness tell of rows what the own store does; gives why it could not be told, or ""."""
    return await note_in(house, house.witness, belied) if belied and house.witness is not None else ""


class _CloudRows(Frozen):
    """One cloud's rows from wherever they could be read; ``whole`` is False when some may be missing.

    ``at_home`` are those of its own store, and ``home_time`` is its time; ``spare`` those of the witness; ``astray`` those that its
    own store, which could be read, holds older or not at all.
    """

    rows: tuple[Sighting, ...]
    whole: bool
    at_home: tuple[Sighting, ...]
    spare: tuple[Sighting, ...]
    astray: tuple[Sighting, ...]
    times: tuple[tuple[str, datetime], ...]
    home_time: datetime | None


async def _rows_of(house: House, cloud: Cloud, *, witness: bool) -> _CloudRows:
    """Read a cloud's rows from its own store, and from the witness when asked to or when the store does not answer."""
    asking, spare = read_from(house, house.rows[cloud], cloud), None
    asked = asyncio.create_task(asking) if known_silent(house, cloud) else None
    own = await asking if asked is None else None
    if house.witness is not None and (witness or own is None):
        spare = await read_from(house, house.witness, cloud)
    if asked is not None and (asked.done() or spare is None):
        own = await asked
    reads = [(name, read) for name, read in ((house.rows[cloud].name, own), (house.witness.name if house.witness else "", spare)) if read]
    at_home, beside = () if own is None else own.rows, () if spare is None else spare.rows
    return _CloudRows(
        rows=(*at_home, *beside),
        whole=own is not None and not own.quarantined,
        at_home=at_home,
        spare=beside,
        astray=_astray(own, spare),
        times=tuple((name, read.store_time) for name, read in reads if read.store_time is not None),
        home_time=None if own is None else own.store_time,
    )


class BothRows(Frozen):
    """Both clouds' rows, the newest version of each; ``whole`` is False when some may be missing."""

    rows: tuple[Sighting, ...]
    whole: bool


async def rows_of_both(house: House) -> BothRows:
    """Read what can be read of both clouds' rows, outside of any reaction."""
    found = await asyncio.gather(*(_rows_of(house, cloud, witness=False) for cloud in Cloud))
    rows = tuple(row for _, row in sorted(newest(row for read in found for row in read.rows).items()))
    return BothRows(rows=rows, whole=all(read.whole for read in found))


def _astray(own: RowsRead | None, spare: RowsRead | None) -> tuple[Sighting, ...]:
    if own is None or spare is None:
        return ()
    at_home = {row.row: row for row in own.rows}
    return tuple(row for row in spare.rows if (held := at_home.get(row.row)) is None or outranks(row, held))


def _belied(fabric: Fabric, read: _CloudRows, looked: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """List the own store's rows of which the witness still tells an earlier and contrary word: who could read it alone would believe that.

    That word may stand in another row of the same cloud: an event that a look has contradicted since, or just now.
    """
    own = (*read.at_home, *looked) if read.at_home else ()
    if not own or not read.spare or len({row.health for row in (*own, *read.spare)}) == 1:
        return ()
    left, places = {row.row: row for row in read.spare}, index(fabric)
    words: dict[tuple[object, ...], list[Sighting]] = {}
    for row in read.spare:
        words.setdefault(_subject(places, row), []).append(row)
    last = {_subject(places, row): row for row in sorted(own, key=rank)}
    missed = [row for subject, row in last.items() if _unsaid(row, words.get(subject, ()), left.get(row.row))]
    same = (row for row in own if (held := left.get(row.row)) is not None and _contradicts(row, held))
    return tuple(dict.fromkeys((*same, *missed)))


def _unsaid(row: Sighting, words: Sequence[Sighting], held: Sighting | None) -> bool:
    """Say whether a row contradicts words that nothing else of its own row, as it is held beside them, does."""
    contrary = [word for word in words if _contradicts(row, word)]
    return any(held is None or held.health is not row.health or not outranks(held, word) for word in contrary)


def _contradicts(row: Sighting, word: Sighting) -> bool:
    return word.health is not row.health and outranks(row, word)


def _subject(places: Mapping[str, MemberRef], row: Sighting) -> tuple[object, ...]:
    """Give what a row is about and who says it, whatever its source; a lever's row is about itself."""
    ref = None if row.source is Source.LEVER else places.get(row.member)
    return (row.row,) if ref is None else (ref, row.vantage, row.aspect)


async def as_the_other_reads(house: House, stored: dict[str, Sighting]) -> dict[str, Sighting]:
    """Give the own rows as the other cloud reads them: while its store is dark from here ours may be from there, which leaves the witness."""
    if house.witness is None or house.rows[house.here.other].name not in house.dark:
        return stored
    read = await read_from(house, house.witness, house.here)
    return stored if read is None else {row.row: row for row in read.rows}


def _brought_back(claims: Iterable[Sighting], store_time: datetime | None) -> Iterable[Sighting]:
    """List the claims that a store whose clock lies behind holds under an earlier time: a mark of their own would hold everybody up."""
    return [claim for claim in claims if clamped(claim.seen_at, store_time) != claim.seen_at]


def _clamped(claim: Sighting, now: datetime) -> Sighting:
    return replace(claim, seen_at=now) if claim.seen_at > now + AHEAD else claim


def _time(house: House, reading: Reading, rows: Iterable[_CloudRows]) -> tuple[datetime, bool]:
    """Agree on the time from the stores' replies; False when it is only the own clock's (a lone store is trusted by choice)."""
    times = dict(time for read in rows for time in read.times) | reading.store_times
    agreed = agreed_time(times.values(), house.registers.majority)
    return (house.clock.now(), False) if agreed is None else (agreed, True)


async def _heard(house: House) -> tuple[Reading, float]:
    """Read the plan's register; says also when its stores had answered."""
    reading = await house.registers.read(house.plan_register)
    return reading, house.clock.monotonic()


def by_then(gathered: Gathered, instant: float) -> datetime:
    """Give the stores' time at an instant since (of the clock that never goes back).

    It is in whole seconds as they tell it, and rounded up: no earlier than whoever looked before that takes it for.
    """
    return gathered.now + timedelta(seconds=ceil(instant - gathered.heard))


async def _look(house: House, links: tuple[LinkName, ...]) -> Look:
    try:
        return await house.looker.look(links)
    except Transient:
        return Look()


async def observe(house: House, target: Target) -> Observed | Blind:
    """Observe one lever; gives why it could not be."""
    lever = house.levers.get(target[0])
    if lever is None:
        return Blind(why=f"this function has no lever {target[0]}")
    return await _observed(lever, target[1])


async def _observed(lever: Lever, target: str) -> Observed | Blind:
    try:
        return await lever.observe(target)
    except (LeverBusy, LeverFailed, Transient) as error:
        return Blind(why=str(error), refused=isinstance(error, LeverFailed))


async def quietly(*waits: Awaitable[object]) -> tuple[str, ...]:
    """Await hints and conveniences, whose failure must not undo a reaction; gives the errors' texts."""
    ends = await asyncio.gather(*waits, return_exceptions=True) if waits else ()
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, PointsmanError):
            raise end
    return tuple(str(end) for end in ends if isinstance(end, PointsmanError))


def worth_noting(
    fabric: Fabric, claims: Iterable[Sighting], stored: dict[str, Sighting], told: Iterable[Sighting] = ()
) -> tuple[Sighting, ...]:
    """Leave out claims that only repeat a row which is not yet half its freshness old.

    A claim that contradicts what another source, ``stored`` or just ``told``, says of the same since then is no repetition:
    were it left out, whoever reads the rows would take it for older than that word, and believe that. Nor is loss that outlasts
    what excused it.
    """
    claims = tuple(claims)
    if not claims:
        return ()
    lever, unknown = Source.LEVER, Health.UNKNOWN
    words = [word for word in (*stored.values(), *told) if word.source is not lever and word.health is not unknown]

    def is_news(one: Sighting) -> bool:
        row = stored.get(one.row)
        return row is None or not _repeats(fabric, one, row) or _answers(fabric, one, row, words) or retold(one, row, stored.values())

    return tuple(filter(is_news, claims))


def _repeats(fabric: Fabric, claim: Sighting, row: Sighting) -> bool:
    if (row.health, row.cause, row.value, row.window) != (claim.health, claim.cause, claim.value, claim.window):
        return False
    return claim.seen_at - row.seen_at <= freshness_of(claim.source, fabric.policy.freshness) / 2


def _answers(fabric: Fabric, claim: Sighting, row: Sighting, words: Iterable[Sighting]) -> bool:
    """Say whether a claim comes after a word that came after the row which it repeats, and that says otherwise of the same place.

    What a look finds answers either cloud's words, for both ends' looks are weighed together; any other claim answers
    other sources of its own vantage.
    """
    health, aspect = claim.health, claim.aspect
    contrary = [word for word in words if word.health is not health and word.aspect is aspect]
    since = [word for word in contrary if outranks(claim, word) and outranks(word, row)]
    near = [word for word in since if word.vantage is claim.vantage or claim.source is Source.LOOK]
    others = [word for word in near if (word.vantage, word.source) != (claim.vantage, claim.source)]
    if not others:
        return False
    places = index(fabric)
    place = places.get(claim.member)
    return place is not None and any(places.get(word.member) == place for word in others)


async def with_flags_anew(house: House, gathered: Gathered) -> Gathered:
    """Read the freeze flags once more, for a write that comes long after they were read."""
    flags = await asyncio.gather(*(flag.read() for flag in house.flags.values()))
    view = replace(gathered.view, flags=dict(zip(house.flags, flags, strict=True)))
    return replace(gathered, view=view)


def flags_allow(house: House, view: View) -> bool:
    """Say whether steering is allowed: no flag is set, and the own flag is readable."""
    return FlagState.SET not in view.flags.values() and view.flags.get(house.here, FlagState.UNREADABLE) is FlagState.CLEAR

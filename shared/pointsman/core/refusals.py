"""Levers that were refused for good: a right is missing, a policy is too long, somebody else's entry stands in the place.

Nobody but a person mends that, so it is a row: whoever meets a refusal says so under the lever's name, and whoever finds the
lever set as the plan asks ends it. Both clouds, the desks and ``pointsman status`` know it from there.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby

from pointsman.core.errors import TEXT_LIMIT
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.plan import Plan
from pointsman.core.rows import following
from pointsman.core.sightings import Health, Sighting, Source, own_word
from pointsman.core.steering import LeverKind
from pointsman.core.values import Frozen

REWORDED = timedelta(minutes=10)
"""How old a refusal's row is before other words for it replace those that stand there: a cloud may word each refusal anew."""
NAMED = 8
"""Levers named of one kind that are refused in the same words; of further ones their number is told."""
_KEY = "refused/"
_KINDS = frozenset(LeverKind)


class Refusal(Frozen):
    """A cloud will not let its functions set the lever of a link (or flow, for a pin), last tried for the plan of ``epoch``; ``why`` says what to do."""

    cloud: Cloud
    lever: LeverKind
    target: str
    epoch: int
    why: str


def begun(
    here: Cloud, plan: Plan, refused: Mapping[tuple[LeverKind, str], str], stored: Mapping[str, Sighting], now: datetime
) -> list[Sighting]:
    """Say of each refused lever why it is, unless a row says so already of what the plan asks now."""
    rows = [_row(here, target, Health.DOWN, plan, now, why=why[:TEXT_LIMIT]) for target, why in refused.items()]
    asked = max((state.drain.epoch for state in plan.links.values() if state.drain), default=0)
    return [following(row, stored.get(row.row)) for row in rows if _says_more(row, stored.get(row.row), asked)]


def _says_more(row: Sighting, held: Sighting | None, asked: int) -> bool:
    """Say whether a row tells something new: none stands, it is from before the newest drain, or other words have stood for long."""
    if held is None or held.health is not Health.DOWN or (held.value or 0) < asked:
        return True
    return held.text != row.text and row.seen_at - held.seen_at >= REWORDED


def ended(here: Cloud, plan: Plan, done: Iterable[tuple[LeverKind, str]], stored: Mapping[str, Sighting], now: datetime) -> list[Sighting]:
    """End the refusals of levers that are seen as the plan asks."""
    rows = [_row(here, target, Health.UP, plan, now) for target in done]
    held = ((row, stored.get(row.row)) for row in rows)
    return [following(row, one) for row, one in held if one is not None and one.health is Health.DOWN]


def standing(fabric: Fabric, rows: Iterable[Sighting]) -> tuple[Refusal, ...]:
    """List the refusals of levers that the fabric has, by cloud, lever and target."""
    names = {*(link.name for link in fabric.links), *(flow.name for flow in fabric.flows)}
    found = (refusal for row in rows if (refusal := _read(row)) is not None and refusal.target in names)
    return tuple(sorted(found, key=lambda one: (one.cloud, one.lever, one.target)))


def _read(row: Sighting) -> Refusal | None:
    if row.source is not Source.LEVER or row.health is not Health.DOWN or not row.member.startswith(_KEY):
        return None
    kind, _, target = row.member.removeprefix(_KEY).partition("/")
    if kind not in _KINDS:
        return None  # a newer version's
    return Refusal(cloud=Cloud(row.vantage.value), lever=LeverKind(kind), target=target, epoch=int(row.value or 0), why=row.text)


def spoken(refusals: Iterable[Refusal]) -> Iterator[str]:
    """Say refusals in words, those of one kind and cause together."""

    def alike(one: Refusal) -> tuple[str, ...]:
        return one.cloud, one.lever, one.why

    for _, some in groupby(sorted(refusals, key=lambda one: (*alike(one), one.target)), key=alike):
        first, *others = some
        names = [first.target, *(one.target for one in others)]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"{first.cloud} refuses its functions the lever {first.lever} of {', '.join(names[:NAMED])}{more}: {first.why}"


def _row(here: Cloud, target: tuple[LeverKind, str], health: Health, plan: Plan, now: datetime, *, why: str = "") -> Sighting:
    kind, name = target
    return own_word(here, f"{_KEY}{kind}/{name}", health, plan.epoch, now, text=why)

"""Intents: what a cloud says of a steer that it sends beside the agreement, before anybody knows how that ends.

An intent names the failure, the epoch whose contingency is carried out, and the time that counted. Plan and fabric are
agreed and a contingency is a pure function of these, so the row says exactly which settings were asked for (``contingency.explained``).
"""

from collections.abc import Iterable
from datetime import datetime

from pointsman.core.fabric import GROUP, Cloud, Fabric, LinkName
from pointsman.core.rows import following
from pointsman.core.sightings import Health, Sighting, Source, own_word
from pointsman.core.values import replace

_KEY = "intent/"


def intent(here: Cloud, failure: str, epoch: int, now: datetime) -> Sighting:
    """Say as a sighting that a cloud carries out what an epoch's contingency asks for a failure (a link's name, or ``group:`` and a group's)."""
    return own_word(here, _KEY + failure, Health.DRAINING, epoch, now)


def is_intent(row: Sighting) -> bool:
    """Say whether a row is an intent, standing or over."""
    return row.source is Source.LEVER and row.member.startswith(_KEY)


def failure_of(row: Sighting) -> str:
    """Name the failure that an intent answers."""
    return row.member.removeprefix(_KEY)


def standing(here: Cloud, rows: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """List one cloud's intents whose end nobody has noted yet."""
    return tuple(row for row in rows if is_intent(row) and row.vantage == here.value and row.health is Health.DRAINING)


def over(row: Sighting, now: datetime) -> Sighting:
    """End an intent: the levers are proved to be set as an agreed plan asks, whatever that is."""
    return following(replace(row, health=Health.UP, seen_at=now), row)


def links_of(fabric: Fabric, row: Sighting) -> tuple[LinkName, ...]:
    """Name the links that an intent leads traffic off."""
    failure = failure_of(row)
    return tuple(link.name for link in fabric.links if failure in {link.name, *(GROUP + group for group in link.risk_groups)})


def remarks(here: Cloud, rows: Iterable[Sighting]) -> tuple[str, ...]:
    """Say one cloud's standing intents in words."""
    return tuple(
        f"{here} steered what was foreseen for {failure_of(row)} at {row.seen_at:%FT%TZ}, and no sweep has yet found its levers as an agreed plan asks"
        for row in standing(here, rows)
    )

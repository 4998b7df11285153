"""Slash commands of a chat: what a person orders. Who may order is judged before this, by the signature.

``VERB [TARGET [to LINK]] [for DURATION] [because REASON]``, such as ``drain ix-a for 2h because fibre works``.
Source: docs.slack.dev/interactivity/implementing-slash-commands.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from pointsman.core.errors import RejectedEvent
from pointsman.core.sightings import Ignored, Meaning, Order, Verb
from pointsman.core.values import Frozen
from pointsman.wire import times
from pointsman.wire.fields import Table, printable
from pointsman.wire.payload import FORM
from pointsman.wire.record import Letter

COMMAND_LIMIT = 1000
"""Longest command, in characters."""
LONGEST = timedelta(days=30)
"""Longest time that an order may hold for."""
_WORD_LIMIT = 128
_TIMESTAMP = "x-slack-request-timestamp"
_VERBS = {verb.value: verb for verb in Verb} | {"failover": Verb.DRAIN, "failback": Verb.UNDRAIN, "unfreeze": Verb.THAW}
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_DURATION = re.compile(r"(?:[0-9]{1,5}[smhd]){1,4}")
_PART = re.compile(r"([0-9]+)([smhd])")
_NEEDS_TARGET = frozenset({Verb.DRAIN, Verb.UNDRAIN, Verb.PIN, Verb.APPROVE, Verb.DENY, Verb.ACK, Verb.ADOPT})
_PIN_WORDS = 2


class _Said(Frozen):
    """A command taken apart."""

    verb: Verb
    target: str
    lasts: timedelta | None
    reason: str


def recognises(letter: Letter) -> bool:
    """Say whether a letter is a slash command: only a web form can be one, never JSON that came another way."""
    is_form = letter.context.headers.get("content-type", "").startswith(FORM)
    return is_form and "command" in letter.body.values and "user_id" in letter.body.values


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one command; a word that orders nothing (``status``, ``help``) is ignored here."""
    body = letter.body
    words = _words(body)
    if not words or words[0].lower() not in _VERBS:
        asked = printable(words[0], 40) if words else "nothing"
        return (Ignored(reason=f"a chat command that orders no change: {asked}"),)
    said = _said(words, body)
    at = _seen_at(letter)
    return (
        Order(
            key=_key(body, at),
            verb=said.verb,
            target=said.target,
            author=f"slack:{body.name('user_id')}",
            reason=said.reason,
            seen_at=at,
            expires_at=at + said.lasts if said.lasts else None,
        ),
    )


def _words(body: Table) -> list[str]:
    text = body.get("text")
    return printable(body.text("text", COMMAND_LIMIT), COMMAND_LIMIT).split() if isinstance(text, str) and text.strip() else []


def _said(words: list[str], body: Table) -> _Said:
    verb = _VERBS[words[0].lower()]
    head, reason = _split(words[1:], "because")
    named, lasting = _split(head, "for")
    if len(lasting) > 1:
        reason = [*lasting[1:], *reason]
    return _Said(
        verb=verb,
        target=_target(verb, [word for word in named if word.lower() != "to"], body),
        lasts=_duration(lasting[0], body) if lasting else None,
        reason=" ".join(reason),
    )


def _split(words: list[str], at: str) -> tuple[list[str], list[str]]:
    """Give the words before and after the first ``at``."""
    lowered = [word.lower() for word in words]
    place = lowered.index(at) if at in lowered else len(words)
    return words[:place], words[place + 1 :]


def _target(verb: Verb, named: list[str], body: Table) -> str:
    wanted = _PIN_WORDS if verb is Verb.PIN else 1
    if len(named) > wanted or (verb is Verb.PIN and len(named) < wanted) or (not named and verb in _NEEDS_TARGET):
        raise RejectedEvent(
            f"{verb} wants {'a flow and a link' if verb is Verb.PIN else 'one name'}: VERB [TARGET [to LINK]] [for DURATION] [because REASON]",
            path=body.at("text"),
        )
    target = ">".join(named)
    if len(target) > _WORD_LIMIT:
        raise RejectedEvent(f"names something longer than {_WORD_LIMIT} characters", path=body.at("text"))
    return target


def _duration(word: str, body: Table) -> timedelta:
    if not _DURATION.fullmatch(word):
        raise RejectedEvent("for wants a duration such as 30m or 2h", path=body.at("text"))
    lasts = sum((int(figure) * _UNITS[unit] for figure, unit in _PART.findall(word)), timedelta())
    if not timedelta() < lasts <= LONGEST:
        raise RejectedEvent("for wants a duration of at most 30 days", path=body.at("text"))
    return lasts


def _seen_at(letter: Letter) -> datetime:
    headers = Table(values=dict(letter.context.headers), path="$headers")
    if _TIMESTAMP in headers:
        return headers.time(_TIMESTAMP, times.epoch_seconds)
    if letter.context.arrived_at is None:
        raise RejectedEvent("is missing: the command's time is not known", path=headers.at(_TIMESTAMP))
    return letter.context.arrived_at


def _key(body: Table, at: datetime) -> str:
    """Give what is equal when one command is delivered twice: Slack's trigger, else who said what when."""
    trigger = body.name_or_empty("trigger_id")
    return f"slack/{trigger}" if trigger else f"slack/{body.name('user_id')}/{times.written(at)}/{body.prose('text', 200)}"

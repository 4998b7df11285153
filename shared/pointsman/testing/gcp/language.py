"""The part of Cloud Router's route policy language that the network model knows, from text to neutral terms.

Source: https://cloud.google.com/network-connectivity/docs/router/reference/bgp-route-policy-reference
Limits: https://cloud.google.com/network-connectivity/docs/router/quotas
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from pointsman.testing.gcp.answers import ApiError, invalid
from pointsman.testing.network.policies import Act, Action, Direction, Match, Term

ELEMENT_LIMIT = 100
"""Most match elements in one expression."""
LIST_LIMIT = 10
"""Most elements in an action's list."""
TERM_LIMIT = 1_000
"""Most terms in a policy."""
SIZE_LIMIT = 35_000
"""Most bytes of a policy's terms."""
PRIORITY_LIMIT = 2**31
"""Priorities are below this."""

DIRECTIONS = {"ROUTE_POLICY_TYPE_IMPORT": Direction.IMPORT, "ROUTE_POLICY_TYPE_EXPORT": Direction.EXPORT}
"""The API's word for each direction."""

_EXACT = re.compile(r"destination=='([^']+)'")
_RANGES = re.compile(r"destination\.inAnyRange\(\[(.+)\]\)")
_RANGE = re.compile(r"prefix\('([^']+)'\)(\.orLonger\(\))?")
_NUMBER = re.compile(r"med\.(set|add)\((\d+)\)")
_PREPEND = re.compile(r"asPath\.prependSequence\(\[([\d,]*)\]\)")
_COMMUNITIES = re.compile(r"communities\.(add|remove|replaceAll)\(\[.*\]\)")
_PLAIN = {"accept()": Act.ACCEPT, "drop()": Act.DROP, "nextPolicy()": Act.NEXT_POLICY}


def parse(terms: list[dict[str, Any]]) -> tuple[Term, ...]:
    """Read a policy's terms. Raises ``ApiError`` as the API answers to a text it cannot take."""
    if len(terms) > TERM_LIMIT or len(json.dumps(terms, separators=(",", ":"))) > SIZE_LIMIT:
        raise invalid("the route policy is above its size limit")
    found = tuple(_term(term) for term in terms)
    priorities = [term.priority for term in found]
    if len(set(priorities)) < len(priorities) or not all(0 <= priority < PRIORITY_LIMIT for priority in priorities):
        raise invalid("term priorities must be unique and between 0 and 2^31")
    return found


def _term(term: dict[str, Any]) -> Term:
    try:
        match = _plain(term["match"]["expression"]) if term.get("match") else "true"
        actions = tuple(action for one in term.get("actions", ()) for action in _action(_plain(one["expression"])))
        return Term(priority=int(term.get("priority", 0)), matches=tuple(_matches(match)), actions=actions)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise invalid(f"malformed term: {error}") from error


def _matches(text: str) -> Iterator[Match]:
    if text == "true":
        return
    found = [match for part in text.split("||") for match in _one(part.strip("()") if part.startswith("(") else part)]
    if len(found) > ELEMENT_LIMIT:
        raise invalid(f"more than {ELEMENT_LIMIT} match elements in one expression")
    yield from found


def _one(text: str) -> Iterator[Match]:
    if exact := _EXACT.fullmatch(text):
        yield Match(prefix=exact[1])
        return
    ranges = _RANGES.fullmatch(text)
    for part in ranges[1].split(",") if ranges else [text]:
        one = _RANGE.fullmatch(part) if ranges else None
        if one is None:
            raise _unknown(text)
        yield Match(prefix=one[1], or_longer=one[2] is not None)


def _action(text: str) -> Iterator[Action]:
    if text in _PLAIN:
        yield Action(act=_PLAIN[text])
    elif med := _NUMBER.fullmatch(text):
        yield Action(act=Act.MED_SET if med[1] == "set" else Act.MED_ADD, value=int(med[2]))
    elif prepend := _PREPEND.fullmatch(text):
        yield Action(act=Act.PREPEND, as_path=_numbers(prepend[1]))
    elif not _COMMUNITIES.fullmatch(text):  # communities change nothing that the model knows
        raise _unknown(text)


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in text.split(",") if part)
    if len(numbers) > LIST_LIMIT:
        raise invalid(f"more than {LIST_LIMIT} elements in an action's list")
    return numbers


def _plain(text: str) -> str:
    return re.sub(r"\s", "", text).replace('"', "'")


def _unknown(text: str) -> ApiError:
    return invalid(f"expression {text[:80]!r} is not in the language")

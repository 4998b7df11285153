"""Every mistake is told beside every other, many in one file; what cannot be told beside another is listed here, with its reason."""

import re
from functools import cache
from itertools import combinations

import pytest

from tests.fabric.hiders import BAD_NAMES, MISTAKES
from tests.fabric.written import ATLAS, at, checked

TOGETHER = 12
"""Most mistakes in one file."""

Told = frozenset[tuple[str, str]]
"""What findings say, and the words that they stand at: without lines, which move."""

EXCUSED: dict[str, list[tuple[list[str], list[str]]]] = {
    "a name is one thing at one Google site, and the link does not say which that is": [
        (["one site", "dangling site", "both ends one site", "no ends"], ["peer address twice", "route policy twice"]),
    ],
    "which probe is missing is said in other words where the link's sites are not known": [
        (["one site", "dangling site", "both ends one site"], ["probe from one site alone"]),
    ],
    "the link may be of a kind that this is no mistake of": [
        (["unknown kind"], ["BFD on a VPN", "link without a lever that is to be steered"]),
    ],
    "the link's MTU may be any": [(["number out of range", "text for a number"], ["MTU above every link"])],
    "the link's budget may be less": [(["duration without unit", "a graceful restart without unit"], ["events too short-lived"])],
    "the site may be a virtual private gateway, which needs neither": [
        (["no gateway"], ["no attachment", "a link twice", "an AWS end twice"]),
        (["no ends"], ["no attachment", "an AWS end twice"]),
    ],
    "the route table that is none may be the one": [(["no route tables' names"], ["pin to an undeclared route table"])],
    "the store may be anywhere": [(["store of no kind"], ["two stores in one failure domain", "a witness beside the table"])],
}
"""Findings that depend on exactly the value that is wrong: beside the first mistakes the second ones cannot be told, or not so."""

APART = [
    {"overlap", "overlap across the clouds"},
    {"suppress above the ceiling", "a half-life that penalties would outgrow"},
    {"suppress at the ceiling", "a half-life that penalties would outgrow"},
    {"suppress at the first failure", "actions suppressed before fail-back"},
    {"suppress at the first failure", "a threshold twice"},
    {"actions suppressed before fail-back", "a threshold twice"},
    {"no gateway", "two gateways in one site"},
    {"link preferred twice", "a link's name that is none where it is declared alone"},
    {"links, misspelt", "links twice"},
    {"a Google site's name that is none", "a flow's prefixes twice"},
    {"an AWS site's name that is too long", "a flow's prefixes twice"},
]
"""Mistakes of which one changes or takes away what the other is about."""

PAIRS = {(wrong, other): why for why, several in EXCUSED.items() for some, others in several for wrong in some for other in others}


def with_mistakes(*names: str) -> str | None:
    text = ATLAS
    for old, new in (edit for name in names for edit in MISTAKES[name]):
        if old not in text:
            return None
        text = text.replace(old, new, 1)
    return text


def told(text: str) -> Told:
    return frozenset(
        (
            plain(re.sub(r"(copy in line|copies in lines|in line) \d+(, \d+)*( and \d+)?( column \d+)?", "line", finding.text)),
            plain(word(at(text, finding.line, finding.column))),
        )
        for finding in checked(text).findings
    )


def word(rest: str) -> str:
    return re.split(r"[\s:,}\]]", rest)[0]


def plain(text: str) -> str:
    for bad, good in BAD_NAMES.items():
        text = text.replace(bad, good)
    return text


@cache
def alone(name: str) -> Told:
    text = with_mistakes(name)
    assert text
    return told(text)


def fit(one: str, other: str) -> bool:
    """Say whether two mistakes can be made in one file, whichever is made first."""
    both = with_mistakes(one, other)
    known = {one, other} in APART or (one, other) in PAIRS or (other, one) in PAIRS
    return not known and both is not None and both == with_mistakes(other, one)


@cache
def files() -> list[list[str]]:
    """Put the mistakes into files so that each two that fit are together in one of them."""
    fitting = {frozenset(pair) for pair in combinations(MISTAKES, 2) if fit(*pair)}
    left, made = dict.fromkeys(sorted(fitting, key=sorted)), []
    while left:
        chosen = sorted(next(iter(left)))
        while len(chosen) < TOGETHER:
            pairs = {name: {frozenset((name, other)) for other in chosen} for name in MISTAKES if name not in chosen}
            gain = {name: len(several & left.keys()) for name, several in pairs.items() if several <= fitting}
            if not any(gain.values()):
                break
            chosen.append(max(gain, key=lambda name: gain[name]))
        for pair in combinations(chosen, 2):
            left.pop(frozenset(pair), None)
        made.append(chosen)
    return made


@pytest.mark.parametrize("names", files(), ids=range(len(files())))
def test_mistakes_in_one_file_are_told_as_each_is_alone(names: list[str]) -> None:
    text = with_mistakes(*names)
    assert text
    assert told(text) == frozenset[tuple[str, str]]().union(*map(alone, names))


@pytest.mark.parametrize(("wrong", "other"), PAIRS)
def test_every_excuse_is_needed(wrong: str, other: str) -> None:
    text = with_mistakes(wrong, other)
    assert text
    assert alone(wrong) <= told(text)
    assert not alone(other) <= told(text)


def test_the_files_hold_every_mistake() -> None:
    assert {name for names in files() for name in names} == set(MISTAKES)

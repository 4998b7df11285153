"""Laws over stories in which failures, windows, orders, approvals, damping, silences and blindness happen at once."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.fabric import Cloud, Mode
from pointsman.core.sightings import Verb
from tests.core.ills import ILLS
from tests.core.together import LINKS, Everything, Shape

GATE = settings().max_examples // 4
"""Stories a run: a quarter of what the profile asks of other laws, since each is hundreds of decisions long."""

_links = st.sampled_from(LINKS)
_minutes = st.sampled_from((5, 20, 40))
_prefers = st.sampled_from(
    (("ix-a", "ix-b", "vpn"), ("ix-a", "ix-b", "ix-c"), ("ix-a", "ix-b"), ("ix-b", "ix-a"), ("ix-a",), ("ix-c", "vpn", "ix-b"))
)
SHAPES = st.builds(
    Shape,
    modes=st.one_of(st.just((Mode.AUTO,) * 4), st.tuples(*(st.sampled_from((Mode.AUTO, Mode.AUTO, *Mode)),) * 4)),
    grouped=st.sampled_from(((), ("ix-a", "ix-b"), ("ix-a", "ix-b", "ix-c"))),
    small=st.sampled_from(((), ("ix-b",), ("ix-b", "ix-c"))),
    prefer=st.tuples(_prefers, _prefers),
    observe=st.booleans(),
    harsh=st.booleans(),
    probes=st.sampled_from((True, True, False)),
    budget=st.sampled_from((6, 6, 2)),
)
TURNS: dict[str, Any] = {
    "fail": (_links, st.sampled_from(ILLS)),
    "heal": (_links,),
    "announce": (_links, st.sampled_from((-300.0, 60.0, 700.0, 1500.0)), st.sampled_from((60.0, 900.0, 2400.0))),
    "notice": (_links,),
    "withdraw": (st.integers(0, 3),),
    "drain": (_links, _minutes),
    "undrain": (_links,),
    "freeze": (_minutes,),
    "thaw": (),
    "pin": (st.sampled_from(("checkout>ix-a", "checkout>ix-b", "checkout>vpn")),),
    "approve": (st.booleans(),),
    "deny": (st.booleans(),),
    "blind": (st.sampled_from(Cloud),),
    "clock": (),
    "sleep": (st.sampled_from(Cloud),),
    "lazy": (),
    "adopt": (SHAPES,),
    "wait": (st.sampled_from((1, 4, 8)),),
}
STORIES = st.lists(st.one_of(*(st.tuples(st.just(name), *asked) for name, asked in TURNS.items())), max_size=20)


def take(story: Everything, name: str, *given_: Any) -> None:
    """Let one thing happen, and time go on."""
    doing: dict[str, Callable[..., object]] = {
        "fail": lambda where, what: story.ill.update({where: what}),
        "heal": lambda where: story.ill.pop(where, None),
        "announce": story.announce,
        "notice": lambda where: story.announce(where, 0.0, 600.0, start=False),
        "withdraw": story.withdraw,
        "drain": lambda where, minutes: story.order(Verb.DRAIN, where, minutes),
        "undrain": lambda where: story.order(Verb.UNDRAIN, where),
        "freeze": lambda minutes: story.order(Verb.FREEZE, "", minutes),
        "thaw": lambda: story.order(Verb.THAW, ""),
        "pin": lambda what: story.order(Verb.PIN, what, 20),
        "approve": lambda old: story.answer(Verb.APPROVE, old=old),
        "deny": lambda old: story.answer(Verb.DENY, old=old),
        "blind": lambda cloud: setattr(story, "unreadable", () if story.unreadable else (cloud,)),
        "clock": lambda: setattr(story, "clock_trusted", not story.clock_trusted),
        "sleep": lambda cloud: story.asleep.symmetric_difference_update({cloud}),
        "lazy": lambda: setattr(story, "lazy", not story.lazy),
        "adopt": story.adopt,
        "wait": story.wait,
    }
    doing[name](*given_)
    story.wait(1)


@settings(max_examples=GATE)
@given(SHAPES, STORIES, st.integers(0, 99))
def test_whatever_happens_at_once_every_law_holds_and_in_the_end_nothing_is_held_back(
    shape: Shape, turns: list[tuple[Any, ...]], seed: int
) -> None:
    story = Everything(shape, seed)
    for turn in turns:
        take(story, *turn)
    story.end()

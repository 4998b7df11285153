"""What an analysis says of a failure comes true: what it has wait for a person's word is proposed when that failure happens, and nothing else."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointsman.core.analysis import Analysis, Mover, State
from pointsman.core.decide import judge
from pointsman.core.fabric import Bandwidth, Fabric, Flow, LinkName, Mode
from pointsman.core.plan import Plan
from pointsman.core.sightings import Health, Order, Vantage, Verb
from pointsman.core.values import replace
from tests.core.ills import claims
from tests.core.scene import ATLAS, START, G, Story, fabric, flow, lever, seconds
from tests.core.test_analysis import failing

IX_A, IX_B, IX_C, VPN = LINKS = tuple(LinkName(name) for name in ("ix-a", "ix-b", "ix-c", "vpn"))
AUTO, ASKED = Mode.AUTO, Mode.RECOMMEND


class Told(Story):
    """A story in which some links are dead from a time on, and every lever is found set as it should be."""

    def until(self, dead: tuple[LinkName, ...], *times: float) -> "Told":
        for at in times:
            for one in self.fabric.links:
                self.note(*claims(one.name, "dead" if one.name in dead else "", at, self.fabric))
                drained = one.name in self.plan.links and self.plan.links[one.name].drain is not None
                for vantage in (Vantage.AWS, Vantage.GCP):
                    self.note(*lever(one.name, Health.DRAINING if drained else Health.UP, at, self.plan.epoch, vantage))
            self.decided(at)
        return self

    def settled(self) -> "Told":
        return self.until((), 0, 1, 60, 180, 300, 420)

    def approved(self, at: float) -> None:
        """Give a person's word on what waits for one."""
        assert self.plan.proposal
        given_at, proposed = START + seconds(at), self.plan.proposal.hash
        order = Order(key="k", verb=Verb.APPROVE, target=proposed, author="ann", reason="agreed", seen_at=given_at)
        judged = judge(self.fabric, replace(self.view(), orders=(order,)), self.plan, given_at)
        assert isinstance(judged.plan, Plan)
        assert not judged.refused
        self.plan = judged.plan

    def proposed(self) -> dict[str, str | None]:
        """Give where what waits for a word would lead flows."""
        return dict(self.plan.proposal.flows) if self.plan.proposal else {}


def waiting(after: State) -> dict[str, str | None]:
    """Give where a person's word leads flows, as an analysis says."""
    return {one.flow: one.after for one in after.moves if one.by is Mover.WORD}


def squeezing() -> Fabric:
    """Give a fabric in which ix-a's flow squeezes another than itself, and only it may go to the link that waits for a word."""
    flows = (flow("checkout", 2 * G, 1, ("ix-a", "ix-b", "ix-c"), 20), flow("training", 4 * G, 5, ("ix-b",), 21))
    return shaped((AUTO, AUTO, ASKED, AUTO), flows)


def making_way() -> Fabric:
    """Give a fabric in which a flow gets nearer to its favourite when another leaves that for the link that waits for a word."""
    flows = (flow("checkout", 2 * G, 1, ("ix-b", "ix-a", "vpn"), 20), flow("training", 4 * G, 1, ("ix-b", "ix-c"), 21))
    return shaped((AUTO, AUTO, ASKED, AUTO), flows)


def shaped(modes: tuple[Mode, ...], flows: tuple[Flow, ...], sizes: tuple[int, ...] = (10, 5, 10, 5)) -> Fabric:
    """Give the reference links in these modes and sizes (Gbit/s)."""
    rows = zip(ATLAS.links, modes, sizes, strict=True)
    return fabric(*(replace(one, mode=mode, capacity=Bandwidth(size * G)) for one, mode, size in rows), flows=flows)


def test_a_flow_that_squeezes_another_is_proposed_to_make_way() -> None:
    story = Told(squeezing()).settled().until((IX_A,), 480)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-b")
    assert {name: one.squeezed_by for name, one in story.plan.flows.items()} == {"checkout": 0, "training": G}
    assert story.proposed() == {"checkout": "ix-c"} == waiting(Analysis(story.fabric).after(failing("ix-a")))
    story.approved(481)
    story.until((IX_A,), 540)
    assert (story.on("checkout"), story.on("training"), story.plan.proposal) == ("ix-c", "ix-b", None)
    assert not any(one.squeezed_by for one in story.plan.flows.values())


def test_a_flow_is_proposed_to_make_way_for_anothers_better_place() -> None:
    story = Told(making_way()).settled().until((IX_A,), 480)
    assert (story.on("checkout"), story.on("training")) == ("vpn", "ix-b")
    assert story.proposed() == {"checkout": "ix-b", "training": "ix-c"} == waiting(Analysis(story.fabric).after(failing("ix-a")))

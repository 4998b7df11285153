"""What an analysis says of a failure comes true: what it has wait for a person's word is proposed when that failure happens, and nothing else."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointsman.core.analysis import Analysis, Mover, State
from pointsman.core.decide import judge
from pointsman.core.fabric import Bandwidth, Fabric, Flow, FlowName, Link, LinkName, Mode
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

    def proposed(self) -> dict[FlowName, LinkName | None]:
        """Give where what waits for a word would lead flows."""
        return dict(self.plan.proposal.flows) if self.plan.proposal else {}


def waiting(after: State) -> dict[FlowName, LinkName | None]:
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


def narrow() -> Fabric:
    """Give a fabric in which a flow would leave the link that waits for a word for one that carries its packets, and is full of a precious one."""
    flows = (
        flow("checkout", 5 * G, 1, ("vpn",), 20),
        flow("training", 2 * G, 5, ("ix-b", "ix-c", "vpn"), 21, min_mtu=8000),
    )
    start = shaped((AUTO, AUTO, ASKED, AUTO), flows)
    return replace(start, links=tuple(replace(one, mtu={"ix-c": 1500, "vpn": 9000}.get(one.name, one.mtu)) for one in start.links))


def beside() -> Fabric:
    """Give a fabric in which a flow falls to a link that is not ours, nearer to its favourite than the one that waits for a word."""
    return shaped((Mode.OBSERVE, AUTO, ASKED, AUTO), (flow("training", 4 * G, 5, ("ix-b", "ix-a", "ix-c"), 21),))


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


def test_a_flow_that_an_outage_leads_to_a_link_is_not_proposed_at_once_to_leave_that_for_a_worse() -> None:
    story = Told(beside()).settled().until((IX_B,), 480)
    assert (story.on("training"), story.plan.proposal) == ("ix-a", None)


def test_nothing_is_proposed_that_squeezes_someone_more_precious_be_it_for_larger_packets() -> None:
    story = Told(narrow()).settled().until((IX_B,), 480, 540)
    assert (story.on("training"), story.plan.flows[story.fabric.flows[1].name].mtu_short) == ("ix-c", True)
    after = Analysis(story.fabric).after(failing("ix-b"))
    assert (story.plan.proposal, waiting(after), after.overloads) == (None, {}, ())


def worth(start: Fabric, where: dict[FlowName, LinkName | None]) -> tuple[list[float], ...]:
    """Measure a placement by the letter, class by class: who is on too small an MTU and the overload, then distance from favourites, then cost."""
    at = [(one, start.link(link)) for one in start.flows if (link := where[one.name]) is not None]

    def harm(link: Link, priority: int) -> int:
        on = [one for one, here in at if here == link]
        return max(0, min(sum(one.demand for one in on) - link.capacity, sum(one.demand for one in on if one.priority == priority)))

    classes = [(level, [pair for pair in at if pair[0].priority == level]) for level in sorted({one.priority for one in start.flows})]
    return (
        [
            figure
            for level, some in classes
            for figure in (sum(link.mtu < one.min_mtu for one, link in some), sum(harm(link, level) for link in start.links))
        ],
        [sum(one.prefer.index(link.name) for one, link in some) for _, some in classes],
        [round(sum(one.demand * link.cost_per_gb for one, link in some)) for _, some in classes],
    )


def _drawn(rows: list[tuple[int, int, list[LinkName], int, int]]) -> tuple[Flow, ...]:
    return tuple(
        flow(f"f{n}", demand * G, priority, tuple(order[:most]), n, min_mtu=mtu)
        for n, (demand, priority, order, most, mtu) in enumerate(rows)
    )


FLOWS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 4, 6]),
        st.integers(1, 3),
        st.permutations(LINKS),
        st.sampled_from([2, 1, 3, 4]),
        st.sampled_from([1400, 8000]),
    ),
    min_size=1,
    max_size=6,
).map(_drawn)
FABRICS = st.builds(
    shaped,
    st.one_of(st.permutations((AUTO, AUTO, AUTO, ASKED)), st.tuples(*(st.sampled_from([AUTO, ASKED, Mode.OBSERVE]),) * 4)),
    FLOWS,
    st.tuples(*(st.sampled_from([5, 4, 2, 10]),) * 4),
)


@given(FABRICS, st.sampled_from([(IX_A,), (IX_B,), (VPN,), (IX_A, IX_C)]))
@example(squeezing(), (IX_A,))
@example(making_way(), (IX_A,))
@example(narrow(), (IX_B,))
@example(beside(), (IX_B,))
@settings(max_examples=150)
def test_deciding_has_every_flow_where_a_move_says_and_proposes_at_once_and_but_once_what_waits_for_a_word(
    start: Fabric, dead: tuple[LinkName, ...]
) -> None:
    analysis, story = Analysis(start), Told(start).settled()
    assert {name: one.link for name, one in story.plan.flows.items()} == analysis.before.placement
    after = analysis.after(failing(*dead))
    waits = {move.flow: move.until for move in after.moves if move.until}
    led = {name: link for name, link in after.placement.items() if link is not None}
    first = story.until(dead, 480).plan.proposal
    story.until(dead, 540, 600, 660, 900)
    assert {name: story.on(name) for name in led} == led | waits
    assert (story.plan.proposal, story.proposed()) == (first, waiting(after))
    if first:
        here = {name: one.link for name, one in story.plan.flows.items()}
        assert first.leave or first.back or worth(start, here | first.flows) < worth(start, here), "a word for nothing, or for harm"
        story.approved(901)
        story.until(dead, 960)
        assert {name: story.on(name) for name in led} == led | {name: waits[name] for name in after.moved_by(Mover.BGP)}
        assert not story.proposed()

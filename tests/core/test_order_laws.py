"""Laws of orders and approvals, over any story: cuts, heals and orders of every kind in any order."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.decide import decide, judge
from pointsman.core.fabric import Fabric, Mode
from pointsman.core.filling import parallel
from pointsman.core.orders import is_done
from pointsman.core.plan import DrainCause, LinkState, Plan, Verdict
from pointsman.core.sightings import Cause, Health, Order, Sighting, Verb
from pointsman.core.values import canonical, replace
from tests.core.scene import START, G, Story, aws_bgp, fabric, gcp_bgp, healthy, link, seconds, vpn

MODES = fabric(
    link("ix-a", 10 * G, mode=Mode.RECOMMEND),
    link("ix-b", 10 * G),
    link("ix-c", 10 * G, cost=0.02, mode=Mode.OBSERVE),
    replace(vpn(), mode=Mode.RECOMMEND),
)
LINKS = ("ix-a", "ix-b", "ix-c", "vpn")
STEP = 120
SIZE_LIMIT = 8 * 1024

_turns = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("cut", "heal")), st.sampled_from(LINKS)),
        st.tuples(st.sampled_from((Verb.DRAIN, Verb.UNDRAIN)), st.sampled_from(LINKS)),
        st.tuples(st.sampled_from((Verb.APPROVE, Verb.DENY)), st.sampled_from(("", "stale"))),
        st.tuples(st.sampled_from((Verb.FREEZE, Verb.THAW)), st.just("")),
        st.tuples(st.just(Verb.PIN), st.sampled_from(("checkout>ix-b", "checkout>ix-a", "checkout>vpn"))),
        st.tuples(st.just("wait"), st.just("")),
    ),
    max_size=25,
)


class Run(Story):
    """One story, told turn by turn; every decision is held against the laws."""

    def __init__(self, start: Fabric) -> None:
        super().__init__(start)
        self.cut: set[str] = set()
        self.now = 0
        self.hashes = ["0" * 16]
        for _ in range(4):
            self.turn("wait", "")

    def turn(self, what: str, target: str) -> None:
        self.now += STEP
        if what in {"cut", "heal"}:
            (self.cut.add if what == "cut" else self.cut.discard)(target)
        for name in LINKS:
            self.note(*(_lost(name, self.now) if name in self.cut else healthy(name, self.now)))
        order = self._order(what, target)
        self._decided(order)

    def _order(self, what: str, target: str) -> Order | None:
        if what in {"cut", "heal", "wait"}:
            return None
        if what in {Verb.APPROVE, Verb.DENY}:
            standing = self.plan.proposal.hash if self.plan.proposal else self.hashes[-1]
            target = self.hashes[0] if target else standing
        seen = START + seconds(self.now)
        lasts = timedelta(minutes=20) if what in {Verb.DRAIN, Verb.FREEZE, Verb.PIN} else None
        return Order(
            key=f"{what} {self.now}",
            verb=Verb(what),
            target=target,
            author="operator",
            reason="a law",
            seen_at=seen,
            expires_at=seen + lasts if lasts else None,
        )

    def _decided(self, order: Order | None) -> None:
        view, now, before = replace(self.view(), orders=(order,) if order else ()), START + seconds(self.now), self.plan
        judged = judge(self.fabric, view, before, now)
        assert isinstance(judged.plan, Plan)
        assert canonical(decide(self.fabric, view, before, now)) == canonical(judged.plan), "the same input gives the same bytes"
        if order and judged.refused:
            assert judged.plan == decide(self.fabric, self.view(), before, now), "what is refused changes nothing"
        if order and not judged.refused:
            again = judge(self.fabric, view, judged.plan, now)
            assert not again.refused, "what was done is not refused when it comes again"
            assert is_done(judged.plan, order) or judged.plan == before or order.verb is Verb.THAW
        self._held(before, judged.plan, None if order is None or judged.refused else order)
        self.plan = judged.plan
        self.hashes += [self.plan.proposal.hash] if self.plan.proposal else []

    def _held(self, before: Plan, after: Plan, order: Order | None) -> None:
        for one in self.fabric.links:
            old, new = before.links.get(one.name, LinkState()), after.links[one.name]
            begun = new.drain is not None and old.drain is None
            if begun:
                others = [after.links[other.name] for other in parallel(self.fabric, one)]
                assert any(state.drain is None and state.verdict in {Verdict.UP, Verdict.DEGRADED} for state in others), (
                    "a last way was left"
                )
            if begun and one.mode is not Mode.AUTO:
                assert one.mode is Mode.RECOMMEND, "a link in mode observe was steered"
                assert order is not None, "a link in mode recommend was steered without a word"
                assert order.verb in {Verb.APPROVE, Verb.DRAIN}
            if old.drain is not None and new.drain is None and one.mode is Mode.RECOMMEND and old.drain.cause is not DrainCause.ORDER:
                approved = order is not None and order.verb is Verb.APPROVE
                needed = any(
                    all(before.links[name].drain or after.links[name].verdict is Verdict.DOWN for name in flow.prefer if name != one.name)
                    for flow in self.fabric.flows
                    if one.name in flow.prefer
                )
                assert approved or needed, "a link in mode recommend was returned to without a word"
        if after.freeze is not None:
            assert before.flows == after.flows, "a frozen plan moved a flow"
        assert len(canonical(after)) < SIZE_LIMIT


def _lost(name: str, at: float) -> tuple[Sighting, ...]:
    return (*aws_bgp(name, Health.DOWN, at, cause=Cause.LINK_DOWN), *gcp_bgp(name, Health.DOWN, at, cause=Cause.LINK_DOWN))


@given(turns=_turns)
def test_no_order_is_stronger_than_a_rail_and_no_mode_is_passed_over(turns: list[tuple[str, str]]) -> None:
    run = Run(MODES)
    for what, target in turns:
        run.turn(what, target)

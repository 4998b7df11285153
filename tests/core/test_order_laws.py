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
        st.tuples(st.just("wait"), st.sampled_from(("", "long"))),
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
        self.turn("wait", "long")

    def turn(self, what: str, target: str) -> None:
        for _ in range(4 if target == "long" else 1):
            self._turn(what, target)

    def _turn(self, what: str, target: str) -> None:
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
            if order.verb is Verb.APPROVE:
                assert before.proposal is not None
                assert order.target == before.proposal.hash, "an approval was taken for another plan's"
            frozen = before.freeze is not None and before.freeze.until is not None and now < before.freeze.until
            assert not frozen or order.verb in {Verb.FREEZE, Verb.THAW, Verb.DENY}
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
                assert approved or self._needed(after, one.name), "a link in mode recommend was returned to without a word"
        if after.freeze is not None:
            assert before.flows == after.flows, "a frozen plan moved a flow"
        assert len(canonical(after)) < SIZE_LIMIT

    def _needed(self, after: Plan, name: str) -> bool:
        """Say whether a flow has no other open link than this one."""
        users = [flow for flow in self.fabric.flows if name in flow.prefer]
        return any(not any(_open(after.links[other]) for other in flow.prefer if other != name) for flow in users)


def _open(state: LinkState) -> bool:
    return state.drain is None and state.verdict in {Verdict.UP, Verdict.DEGRADED}


def _lost(name: str, at: float) -> tuple[Sighting, ...]:
    return (*aws_bgp(name, Health.DOWN, at, cause=Cause.LINK_DOWN), *gcp_bgp(name, Health.DOWN, at, cause=Cause.LINK_DOWN))


APPROVED = (("cut", "ix-a"), (Verb.APPROVE, ""), ("heal", "ix-a"))


@given(cut=st.sets(st.sampled_from(LINKS)), begin=st.sampled_from(((), APPROVED)), turns=_turns)
def test_no_order_is_stronger_than_a_rail_and_no_mode_is_passed_over(
    cut: set[str], begin: tuple[tuple[str, str], ...], turns: list[tuple[str, str]]
) -> None:
    run = Run(MODES)
    for what, target in begin:
        run.turn(what, target)
    run.cut |= cut
    for what, target in turns:
        run.turn(what, target)

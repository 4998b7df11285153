"""Stories in which everything happens at once, told turn by turn and held against the laws after each decision."""

import random  # noqa: TID251 - seeded, so that every run is the same
from datetime import timedelta

from pointsman.core.adopting import adopted, heartbeats, stranded
from pointsman.core.approvals import PROPOSAL_LIFE
from pointsman.core.changes import changes
from pointsman.core.contingency import contingency, explained, failure_like, outcome
from pointsman.core.decide import Judged, decide, judge
from pointsman.core.evidence import cloud_of
from pointsman.core.explaining import Scene, flow_story, link_story
from pointsman.core.fabric import Cloud, Damping, Fabric, Flow, Link, Mode, Policy
from pointsman.core.filling import parallel
from pointsman.core.incidents import Incident, Phase
from pointsman.core.intents import intent
from pointsman.core.journal import VERSION, Entry, again
from pointsman.core.orders import is_done
from pointsman.core.outbox import follow, open_incidents
from pointsman.core.plan import DrainCause, LinkState, Placement, Plan, Verdict, View
from pointsman.core.rows import newest
from pointsman.core.sightings import Health, Notice, Order, Vantage, Verb
from pointsman.core.values import Frozen, canonical, parse, replace
from tests.core.days import notice, rows_for
from tests.core.ills import STEP, claims
from tests.core.scene import START, G, Story, fabric, flow, lever, link, seconds, vpn

LINKS = ("ix-a", "ix-b", "ix-c", "vpn")
MEMBERS = {"ix-a": "dxvif-1", "ix-b": "dxvif-2", "ix-c": "dxvif-5", "vpn": "vpn-1"}
HOLD = 300.0
LARGEST = 12 * 1024
"""Bytes of the largest plan of four links, with everything at once on it."""
SETTLES_IN = 5
"""Decisions on one and the same view after which nothing more may follow."""
QUIET = 3_600.0
"""The last part of every story (seconds), in which nothing at all may be decided any more."""
_OPEN = frozenset({Verdict.UP, Verdict.DEGRADED})


class Shape(Frozen):
    """What differs between the fabrics of these stories."""

    modes: tuple[Mode, Mode, Mode, Mode] = (Mode.AUTO, Mode.AUTO, Mode.AUTO, Mode.AUTO)
    grouped: tuple[str, ...] = ()
    small: tuple[str, ...] = ()
    prefer: tuple[tuple[str, ...], tuple[str, ...]] = (("ix-a", "ix-b", "vpn"), ("ix-a", "ix-b", "ix-c"))
    observe: bool = False
    harsh: bool = False
    probes: bool = True
    budget: int = 6


def fabric_of(shape: Shape) -> Fabric:
    """Build the fabric of a shape."""
    built = (link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())
    down = 3000 if shape.harsh else 1000
    flows = (
        flow("checkout", 1 * G, 1, shape.prefer[0], 20, pin=True),
        flow("training", 6 * G, 5, shape.prefer[1], 21),
        flow("backup", 3 * G, 9, shape.prefer[1], 22, min_mtu=8000),
    )
    policy = Policy(mode=Mode.AUTO, epochs_per_hour=shape.budget, damping=Damping(observe=shape.observe, down=down))
    return fabric(*(_shaped(one, shape, mode) for one, mode in zip(built, shape.modes, strict=True)), flows=flows, policy=policy)


def _shaped(one: Link, shape: Shape, mode: Mode) -> Link:
    one = replace(one, mode=mode, risk_groups=("metro",) if one.name in shape.grouped else one.risk_groups)
    one = replace(one, capacity=4 * G) if one.name in shape.small else one
    return one if shape.probes else replace(one, probes=())


class Everything(Story):
    """A story whose network, clouds, levers and people do as they are told; every decision is held against the laws."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__(fabric_of(shape))
        self.now = 0.0
        self.dice = random.Random(seed)
        self.ill: dict[str, str] = {}
        self.asleep: set[Cloud] = set()
        self.lazy = False
        self.hashes: list[str] = []
        self.notices: list[tuple[str, float, float]] = []
        self.incidents: dict[str, Incident] = {}
        self.dark: dict[str, float] = {}
        self.wild = 0.0
        self.until = 0.0
        self.wait(5)

    # what happens

    def wait(self, count: int, every: float = STEP) -> "Everything":
        for _ in range(count):
            self.tick(every)
        return self

    def tick(self, span: float, *orders: Order) -> Judged:
        """Let time pass, let everybody report, and decide."""
        self.now += span
        self.report()
        return self.weighed(*orders)

    def report(self) -> None:
        for name in LINKS:
            self.note(*claims(name, self.ill.get(name, ""), self.now, self.fabric))
        for cloud in Cloud:
            if cloud in self.asleep:
                continue
            self.note(*heartbeats(cloud, (self.fabric,), START + seconds(self.now)))
            for one in self.fabric.links:
                drained = self.plan.links.get(one.name, LinkState()).drain is not None
                if not self.lazy:
                    self.note(*lever(one.name, Health.DRAINING if drained else Health.UP, self.now, self.plan.epoch, Vantage(cloud.value)))

    def announce(self, name: str, ahead: float, lasting: float, *, withdrawn: bool = False, start: bool = True) -> None:
        begins = self.now + ahead
        told = notice(begins if start else None, begins + lasting, members=(MEMBERS[name],), seen=self.now, withdrawn=withdrawn)
        self._announced(told, name, begins, lasting)

    def _announced(self, told: Notice, name: str, begins: float, lasting: float) -> None:
        self.note(*rows_for(self.rows.values(), told, now=self.now, start=self.fabric))
        self.notices.append((name, begins, lasting))
        self.until = max(self.until, begins + lasting)

    def withdraw(self, number: int) -> None:
        if self.notices:
            name, begins, lasting = self.notices[number % len(self.notices)]
            told = notice(begins, begins + lasting, members=(MEMBERS[name],), seen=self.now, withdrawn=True)
            self.note(*rows_for(self.rows.values(), told, now=self.now, start=self.fabric))

    def order(self, verb: Verb, target: str, minutes: float | None = None) -> Judged:
        seen = START + seconds(self.now + STEP)
        ends = None if minutes is None else seen + timedelta(minutes=minutes)
        self.until = max(self.until, self.now + STEP + 60 * (minutes or 0))
        given = Order(key=f"{verb} {self.now}", verb=verb, target=target, author="kim", reason="a law", seen_at=seen, expires_at=ends)
        return self.tick(STEP, given)

    def answer(self, verb: Verb, *, old: bool) -> Judged:
        current = self.plan.proposal.hash if self.plan.proposal else "0" * 16
        return self.order(verb, self.hashes[0] if old and self.hashes else current, 30 if verb is Verb.DENY else None)

    def adopt(self, shape: Shape) -> None:
        following = fabric_of(shape)
        if not list(stranded(self.plan, self.fabric, following)):
            now = START + seconds(self.now)
            before = self.plan
            self.plan = kept(before, adopted(before, following, now, author="kim", reason="next"))
            self.fabric = following
            self.told(before, self.plan, self.seen())
            self.settle()

    def settle(self) -> None:
        """Note that what a flow may count on is not what it was."""
        self.wild = self.now
        self.dark.clear()

    # what is decided

    def seen(self, *orders: Order) -> View:
        rows = {key: row for key, row in self.rows.items() if cloud_of(row.vantage) not in self.unreadable}
        kept = tuple(row for _, row in sorted(rows.items()))
        self.closed = tuple(name for name, one in self.incidents.items() if one.phase is Phase.RESOLVED)
        return replace(self.view(), rows=kept, closed=self.closed, orders=orders, wide=True)

    def weighed(self, *orders: Order) -> Judged:
        self.here = self.dice.choice([cloud for cloud in Cloud if cloud not in self.asleep] or list(Cloud))
        view, before, now = self.seen(*orders), self.plan, START + seconds(self.now)
        judged = judge(self.fabric, view, before, now)
        assert isinstance(judged.plan, Plan), judged.plan
        self.same(view, before, judged)
        self.lawful(before, judged, orders)
        self.foreseen(before, judged.plan, view)
        self.told(before, judged.plan, view)
        self.plan = kept(before, judged.plan)
        self.settled(replace(view, orders=()))
        self.placed()
        self.follow()
        return judged

    def same(self, view: View, before: Plan, judged: Judged) -> None:
        """The same input gives the same bytes: in any order, however often it was told, read back from the journal, and with refused orders left out."""
        plan, now = judged.plan, START + seconds(self.now)
        assert isinstance(plan, Plan)
        shuffled = [*view.rows, *view.rows]
        self.dice.shuffle(shuffled)
        turned = replace(view, rows=tuple(newest(shuffled).values()))
        assert canonical(decide(self.fabric, turned, before, now)) == canonical(plan), "the order of sightings mattered"
        if plan is not before:
            entry = parse(canonical(Entry(version=VERSION, before=before, view=view, now=now, plan=plan)), Entry)
            assert canonical(again(entry, self.fabric)) == canonical(plan), "the journal decides otherwise"
        if judged.refused:
            kept = tuple(order for order in view.orders if order.key not in judged.refused)
            assert canonical(decide(self.fabric, replace(view, orders=kept), before, now)) == canonical(plan), (
                "what is refused changed something"
            )

    def settled(self, view: View) -> None:
        """Deciding once more on the same view comes to an end, soon."""
        now, texts = START + seconds(self.now), list[str]()
        for _ in range(SETTLES_IN):
            plan = decide(self.fabric, view, self.plan, now)
            assert isinstance(plan, Plan)
            if plan is self.plan:
                self.awaited(view)
                return
            self.lawful(self.plan, Judged(plan=plan), ())
            texts += [change.text for change in changes(self.plan, plan)]
            self.plan = kept(self.plan, plan)
        raise AssertionError(f"deciding does not settle: {texts}")

    def awaited(self, view: View) -> None:
        """Of every link that is well and drained it is told what its return waits for."""
        scene = Scene(fabric=self.fabric, plan=self.plan, view=view, now=START + seconds(self.now))
        for one in self.fabric.links:
            state = self.plan.links[one.name]
            if state.drain is not None and state.verdict is Verdict.UP:
                assert link_story(scene, one, None).fail_back, f"nobody says what the return of {one.name} waits for"

    def lawful(self, before: Plan, judged: Judged, orders: tuple[Order, ...]) -> None:
        after = judged.plan
        assert isinstance(after, Plan)
        verbs = {order.verb for order in orders if order.key not in judged.refused}
        assert len(canonical(after)) < LARGEST, len(canonical(after))
        assert len(after.moves) <= max(len(before.moves), self.fabric.policy.epochs_per_hour)
        for order in orders:
            assert order.key in judged.refused or is_done(after, order) or after is before or order.verb is Verb.THAW
        for one in self.fabric.links:
            old, new = before.links.get(one.name, LinkState()), after.links[one.name]
            if new.drain is not None and old.drain is None:
                self._may_be_left(one, new, after, verbs)
            assert new.usable is None or 0 <= new.usable <= one.capacity
            window = new.maintenance
            assert not (window and window.ask and new.drain), "a person is asked about a link that is left"
            assert not (window and window.ask and window.away), "a person is asked about some members"
        if after.freeze is not None and before.freeze is not None:
            moved = {name for name in after.flows if before.flows.get(name) != after.flows[name]}
            drained = [name for name, one in after.links.items() if (one.drain is None) != (before.links[name].drain is None)]
            assert (moved, drained) == (set(), []), "a frozen plan moved something"

    def _may_be_left(self, one: Link, new: LinkState, after: Plan, verbs: set[Verb]) -> None:
        assert new.drain is not None
        others = [other for other in parallel(self.fabric, one) if _is_open(after.links[other.name])]
        assert others, "a last way between two sites was left"
        assert one.mode is not Mode.OBSERVE, "a link in mode observe was left"
        assert one.mode is Mode.AUTO or verbs & {Verb.APPROVE, Verb.DRAIN}, "a link in mode recommend was left without a word"
        if new.drain.cause is not DrainCause.OUTAGE:
            for flow_ in self.fabric.flows:
                was = self.plan.flows.get(flow_.name, Placement()).link
                has = any(_is_open(after.links[name]) for name in flow_.prefer)
                assert was != one.name or has, f"{flow_.name} lost its last way to a {new.drain.cause}"

    def foreseen(self, before: Plan, after: Plan, view: View) -> None:
        """What the fast path may write beside the agreement is what is agreed, and its intent says so."""
        found = outcome(self.fabric, before, after) if after is not before else None
        failure = None if found is None else failure_like(self.fabric, found.failed)
        if found is None or failure is None:
            return
        now = START + seconds(self.now)
        expected = contingency(self.fabric, before, failure, now)
        if canonical(found) != canonical(expected):
            return  # more is new than the failure: the normal path
        told = explained(self.fabric, before, intent(view.here, failure.name, before.epoch, now))
        assert told is not None
        assert told.flows == after.flows
        assert told.pins == after.pins
        drained = {name for name, one in after.links.items() if one.drain}
        assert {name for name, one in told.links.items() if one.drain} == drained

    def told(self, before: Plan, after: Plan, view: View) -> None:
        """Every text can be made of any plan."""
        if after is before:
            return
        texts = [change.text for change in changes(before, after)]
        scene, now = Scene(fabric=self.fabric, plan=after, view=view, now=START + seconds(self.now)), START + seconds(self.now)
        made = Entry(version=VERSION, before=before, view=view, now=now, plan=after)
        stories = [link_story(scene, one, made) for one in self.fabric.links]
        flows = [flow_story(scene, one, made) for one in self.fabric.flows]
        assert all(texts)
        assert all(canonical(story) for story in (*stories, *flows))

    def placed(self) -> None:
        """A flow with a permitted link that has long been well is on one that carries (L6), where every one of its links is ours to steer."""
        calm = not self.unreadable and self.clock_trusted and self.plan.freeze is None and len(self.asleep) < len(Cloud)
        if not calm:
            self.settle()
        for one in self.fabric.flows:
            well = [name for name in one.prefer if name not in self.ill]
            ours = all(self.fabric.link(name).mode is Mode.AUTO for name in one.prefer)
            if not (calm and ours and well) or self._carries(one):
                self.dark.pop(one.name, None)
                continue
            since = self.dark.setdefault(one.name, self.now)
            state = {name: self.plan.links[name] for name in one.prefer}
            assert self.now - since <= 2 * HOLD, (
                f"{one.name} is dark since {since} at {self.now}: {well} {self.plan.flows[one.name]} {state}"
            )

    def _carries(self, one: Flow) -> bool:
        at = self.plan.flows[one.name].link
        return at is not None and self.plan.links[at].drain is None and self.plan.links[at].verdict is not Verdict.DOWN

    def follow(self) -> None:
        """Bring every incident in line, as desks would be told."""
        for name, what, epoch, phase in open_incidents(self.fabric, self.plan):
            self.incidents[name] = follow(self.fabric, self.plan, what, epoch, self.incidents.get(name))
            assert (self.incidents[name].phase is Phase.RESOLVED) == (phase is Phase.RESOLVED)
        if self.plan.proposal is not None and self.plan.proposal.hash not in self.hashes:
            self.hashes.append(self.plan.proposal.hash)

    # how it ends

    def end(self) -> None:
        """Everything heals, people approve of what waits for them, and in the end nothing is held back and nothing more is decided."""
        self.ill, self.asleep, self.unreadable, self.clock_trusted, self.lazy = {}, set(), (), True, False
        self.settle()
        policy = self.fabric.policy
        bound = max(self.until - self.now, 0.0) + policy.damping.max.total_seconds() + 6 * HOLD + 3_600 * 6 / policy.epochs_per_hour
        bound += PROPOSAL_LIFE.total_seconds() if self.plan.proposal and self.plan.proposal.denied else 0.0
        end = self.now + bound
        while self.now < end:
            waits = self.plan.proposal
            self.answer(Verb.APPROVE, old=False) if waits and not waits.denied and self.plan.freeze is None else self.tick(STEP)
        self.over()
        epoch = self.plan.epoch
        self.wait(int(QUIET / STEP))
        assert self.plan.epoch == epoch, f"something goes on: {self.plan.reasons}"

    def over(self) -> None:
        now = START + seconds(self.now)
        held = {name: one for name, one in self.plan.links.items() if one.drain or one.maintenance or one.down_since_epoch is not None}
        assert not held, f"suppression does not end: {held} at {now}"
        assert {name: one.verdict for name, one in self.plan.links.items()} == dict.fromkeys(LINKS, Verdict.UP)
        assert (self.plan.proposal, self.plan.silences, self.plan.freeze, self.plan.pins) == (None, {}, None, ())
        assert all(one.phase is Phase.RESOLVED for one in self.incidents.values()), "an incident was forgotten open"


def kept(before: Plan, after: Plan) -> Plan:
    """Give a plan as the stores do: read back from its text."""
    return before if after is before else parse(canonical(after), Plan)


def _is_open(state: LinkState) -> bool:
    return state.drain is None and state.verdict in _OPEN

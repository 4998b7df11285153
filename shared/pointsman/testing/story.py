"""The demo's story: what is done to the network, what is waited for, and what is measured beside it.

A scene hurts one link, waits until the flows pass again and the ticket is open, heals it, and waits until
everything is back and the ticket closed. Times come from the functions' own logs, the twin and the desk.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.core.fabric import Cloud
from pointsman.testing.blueprint import blueprint
from pointsman.testing.desk import DeskTicket
from pointsman.testing.faces.timing import monotonic, wait
from pointsman.testing.network.alone import bgp_alone
from pointsman.testing.network.model import Network
from pointsman.testing.platform import Platform
from pointsman.testing.stage import Stage

LINK = "ix-a"
PASSES = 0.005
"""Largest share of lost packets that counts as passing."""
LOOK_EVERY = 0.02
"""Real seconds between two looks at the network while a scene waits."""
LIMIT = timedelta(seconds=40)
"""Longest that a scene waits for one thing, beside the hold-down."""
STAGES = ("event", "noted", "agreed", "lever written", "accepted", "effective", "carried", "traffic restored", "ticket")


class StoryFailed(RuntimeError):
    """Something that the story waits for did not come about."""


@dataclass
class Scene:
    """What one scene measured, in milliseconds from the fault; ``alone`` is lost seconds per flow with BGP alone.

    ``modes`` are those that the functions told while the link was hurt: how many calls told each.
    """

    title: str
    name: str
    times: dict[str, float] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)
    flows: dict[str, Any] = field(default_factory=dict)
    links: dict[str, float] = field(default_factory=dict)
    ticket: str = ""
    notes: list[str] = field(default_factory=list)
    modes: dict[str, int] = field(default_factory=dict)


Tell = Callable[[str], None]


@dataclass
class Story:
    """Plays scenes on a stage and tells what happens as it happens. ``slowest`` is the longest that functions took to come back."""

    stage: Stage
    platform: Platform
    tell: Tell
    scenes: list[Scene] = field(default_factory=list)
    slowest: timedelta = timedelta(0)
    _seen: dict[str, datetime] = field(default_factory=dict)

    def steady(self) -> None:
        """Wait for the first plan, for every flow to be where it prefers to be, and for every lever to be set."""
        self.tell("waiting for the first plan: every flow on the link that it prefers")
        self._until("every flow is home", self._home)
        since = datetime.now(UTC)  # noqa: TID251 - the story's own clock
        self._until("both clouds' levers are set", lambda: len(swept(self.stage, since)) == len(Cloud))

    def rest(self) -> datetime:
        """Let both clouds sweep once more, so that what is checked then is what they came to; gives from when on. It may come to nothing."""
        since = datetime.now(UTC)  # noqa: TID251 - the story's own clock
        with suppress(StoryFailed):  # the checks find what is left
            self._until("both clouds have swept", lambda: len(swept(self.stage, since)) == len(Cloud))
        return since

    def grey(self) -> None:
        """Lose the packets of a link whose BGP stays up."""
        with self._scene(f"{LINK} goes grey: packets lost, BGP up", "grey", lambda network: network.blackhole(LINK)) as scene:
            self._hurt(scene, "blackhole")

    def cut(self) -> None:
        """Cut a link for good: BGP reroutes by itself, onto whichever link comes next."""
        with self._scene(f"{LINK} is cut: BGP reroutes, capacity is put right", "cut", lambda network: network.cut(LINK)) as scene:
            self._hurt(scene, "cut")

    def without_dynamodb(self) -> None:
        """Cut a link while AWS's database is gone."""
        title = f"{LINK} is cut with DynamoDB unreachable"
        with self._scene(title, "cut, no DynamoDB", lambda network: network.cut(LINK)) as scene:
            self.tell("DynamoDB stops answering")
            with self.stage.silenced(self.stage.dynamodb):
                self._hurt(scene, "cut")
            told = ", ".join(f"{mode} ({calls} calls)" for mode, calls in scene.modes.items())
            scene.notes.append(f"decided by the two other stores; the mode that the functions told meanwhile: {told}")

    def without_google(self) -> None:
        """Kill Google's functions when they have noted their half; AWS finishes with its own lever."""
        self._half_way(Cloud.GCP, "AWS finishes with its failover test")

    def without_aws(self) -> None:
        """Kill AWS's functions when they have noted their half; Google finishes with its route policies."""
        self._half_way(Cloud.AWS, "Google finishes with its route policies")

    def _half_way(self, dies: Cloud, note: str) -> None:
        title = f"{LINK} goes grey, {'Google' if dies is Cloud.GCP else 'AWS'}'s functions are killed half-way"
        with self._scene(title, f"grey, no {'Google' if dies is Cloud.GCP else 'AWS'}", lambda network: network.blackhole(LINK)) as scene:
            self.platform.mute.add(dies.other)
            at = self.stage.fault("blackhole", LINK)
            self._until("the first half is noted", lambda: self._noted(dies, at))
            self.stage.kill_functions(dies)
            self.tell(f"kill -9: all of {dies.value}'s functions are dead; now {dies.other.value}'s prober reports")
            self.platform.mute.discard(dies.other)
            self._survive(scene, at)
            scene.notes.append(note)
            begun = monotonic()
            self.stage.revive_functions(dies)
            self.slowest = max(self.slowest, timedelta(seconds=monotonic() - begun))
            self.tell(f"{dies.value}'s functions start again")

    def _noted(self, cloud: Cloud, since: datetime) -> bool:
        return any(_began(line) >= since for line in self.stage.logs(cloud, "link_changed") if "began" in line)

    @contextmanager
    def _scene(self, title: str, name: str, fault: Callable[[Network], None]) -> Iterator[Scene]:
        scene = Scene(title=title, name=name)
        self.tell(title)
        before = self._lost()
        yield scene
        self._until("functions see packets pass where the flows are now", lambda: "carried" in self._stages(self._seen["fault"]))
        self._heal(scene)
        self._time(scene)
        scene.lost = {name: round(lost - before[name], 2) for name, lost in self._lost().items()}
        alone = bgp_alone(blueprint(self.stage.fabric), fault, horizon=BGP_HORIZON)
        scene.alone = {name: round(lost, 2) for name, lost in alone.items()}
        self.scenes.append(scene)

    def _hurt(self, scene: Scene, do: str) -> None:
        self._survive(scene, self.stage.fault(do, LINK))

    def _survive(self, scene: Scene, at: datetime) -> None:
        """Wait until the flows pass and the ticket is open; note when each stage was over."""
        best = self._until("the flows are off the link", lambda: self._off() and self._best())
        restored = datetime.now(UTC)  # noqa: TID251 - the story's own clock
        self._until("a ticket is open", lambda: bool(self.stage.desk.book.open_tickets()))
        ticket = self.stage.desk.book.open_tickets()[-1]
        scene.ticket = f"#{ticket.number} {ticket.severity}: {ticket.summary}"
        if best == "squeezed":
            said = self._until("the ticket says which link is overfilled", self._overfilled)
            scene.notes.append(f"brought up to date when AWS took over, {said.severity}: {said.summary}")
        self._until("a lever is proved", lambda: {"lever written", "accepted"} <= set(self._stages(at)))
        self._seen = {"fault": at, "event": self._event(at), "traffic restored": restored, "ticket": ticket.opened_at}
        scene.modes = Counter(line["mode"] for line in self._reports(at) if "mode" in line)
        self._picture(scene)

    def _heal(self, scene: Scene) -> None:
        self.tell(f"{LINK} heals: hold-down of {self.stage.fabric.policy.hold_down.total_seconds():.0f} s, then back")
        healed = self.stage.fault("heal", LINK)
        self._until("every flow is back", self._home)
        back = datetime.now(UTC)  # noqa: TID251 - the story's own clock
        self._until("the ticket is closed", lambda: not self.stage.desk.book.open_tickets())
        closed = datetime.now(UTC)  # noqa: TID251 - the story's own clock
        scene.times["back after heal"] = round((back - healed).total_seconds() * 1000, 1)
        scene.times["ticket closed after heal"] = round((closed - healed).total_seconds() * 1000, 1)

    def _time(self, scene: Scene) -> None:
        """Put the stages' times together, now that every function has told what it did."""
        at = self._seen["fault"]
        seen = self._seen | self._stages(at)
        scene.times |= {stage: round((seen[stage] - at).total_seconds() * 1000, 1) for stage in STAGES if stage in seen}

    def _event(self, at: datetime) -> datetime:
        return next((one.at for one in self.platform.handed if one.at >= at), at)

    def _stages(self, at: datetime) -> dict[str, datetime]:
        """Read when each stage was first over: from the logs of both clouds, the write from the twin's own request log."""
        found: dict[str, datetime] = {}
        for line in self._reports(at):
            began, stages = _began(line), line["stages_ms"]
            if LINK not in line["drained"]:
                continue
            for stage in ("noted", "agreed"):
                if stage in stages and (stage == "noted" or line["agreed"]):
                    _first(found, stage, began + timedelta(milliseconds=stages[stage]))
            for level in [step["level"] for step in line["steps"] if step["written"]]:
                for name in ("accepted", "effective") if level == "effective" else (level,):
                    _first(found, name, began + timedelta(milliseconds=stages.get("verified", 0)))
            if any(one["on"] == LINK and one["level"] == "carried" for one in line["carried"]):
                _first(found, "carried", _ended(line))
        if "agreed" in found and found["agreed"] > found.get("accepted", found["agreed"]):
            del found["agreed"]  # whoever agreed on the drain was killed before it told
        return found | self._proved(found, at)

    def _proved(self, found: Mapping[str, datetime], at: datetime) -> dict[str, datetime]:
        """Give the first write, and the proofs of it: none is earlier than the write that it is of."""
        written = self.stage.writes(found.get("noted", at)) or self.stage.writes(at)
        if not written:
            return {}
        first, proofs = written[0], {level: found[level] for level in ("accepted", "effective") if level in found}
        for back in filter(None, (self._read_back(cloud, at) for cloud in Cloud)):
            if back >= first:  # a cloud whose levers had nothing to change reads them as asked before that
                _first(proofs, "accepted", back)
        return {"lever written": first, **{level: max(proof, first) for level, proof in proofs.items()}}

    def _read_back(self, cloud: Cloud, at: datetime) -> datetime | None:
        """Say when a cloud saw its levers as the plan asks, after a write beside an agreement that another function reached first."""
        lines = [line for line in self._reports(at, cloud) if LINK in line["drained"]]
        wrote = [_ended(line) for line in lines if any(step["written"] and step["level"] == "none" for step in line["steps"])]
        return min((_ended(line) for line in lines if wrote and line["settled"] and _ended(line) >= min(wrote)), default=None)

    def _reports(self, at: datetime, *clouds: Cloud) -> list[Mapping[str, Any]]:
        names = [(cloud, name) for cloud in clouds or Cloud for name in ("link_changed", "sweep", "watch")]
        lines = [line for cloud, name in names for line in self.stage.logs(cloud, name) if "began" in line]
        return [line for line in lines if _began(line) >= at]

    def _picture(self, scene: Scene) -> None:
        state = self.stage.state()
        scene.flows = {name: {way: one[way] for way in ("to_gcp", "to_aws")} for name, one in state["flows"].items()}
        scene.links = {name: round(max(used.values()), 3) for name, used in state["links"].items()}

    def _lost(self) -> dict[str, float]:
        return {name: one["lost_seconds"] for name, one in self.stage.state()["flows"].items()}

    def _flows(self) -> list[Mapping[str, Any]]:
        return list(self.stage.state()["flows"].values())

    def _home(self) -> bool:
        return all(one["to_gcp"] == one["to_aws"] == {LINK: 1.0} and one["loss"] < PASSES for one in self._flows())

    def _off(self) -> bool:
        return all(LINK not in one[way] for one in self._flows() for way in ("to_gcp", "to_aws"))

    def _best(self) -> str:
        """Say whether all flows pass, or, with Google's functions dead, whether they do as well as AWS's coarse lever can."""
        loss = max(one["loss"] for one in self._flows())
        if loss < PASSES:
            return "carried"
        return "squeezed" if Cloud.GCP in self.stage.dead and loss < COARSE else ""

    def _overfilled(self) -> DeskTicket | None:
        return next((one for one in self.stage.desk.book.open_tickets() if "is overfilled" in one.summary), None)

    def _until(self, what: str, holds: Callable[[], Any]) -> Any:
        limit = LIMIT + 2 * self.stage.fabric.policy.hold_down
        end = monotonic() + limit.total_seconds()
        while monotonic() < end:
            found = holds()
            if found:
                return found
            wait(LOOK_EVERY)
        raise StoryFailed(f"after {limit.total_seconds():.0f} s it is still not so that {what}: {self.stage.state()['flows']}")


BGP_HORIZON = 60.0
"""Scaled seconds that BGP alone is watched for: a grey failure loses all of them."""
COARSE = 0.5
"""Loss that the surviving cloud's coarse lever may leave, against all of it."""


def swept(stage: Stage, since: datetime) -> dict[Cloud, Mapping[str, Any]]:
    """Give each cloud's newest sweep that began since then and found, or made, all of its levers as the plan asks."""
    lines = {cloud: [line for line in stage.logs(cloud, "sweep") if line.get("settled") and _began(line) >= since] for cloud in Cloud}
    return {cloud: found[-1] for cloud, found in lines.items() if found}


def _began(line: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(line["began"])


def _ended(line: Mapping[str, Any]) -> datetime:
    return _began(line) + timedelta(milliseconds=max(line["stages_ms"].values(), default=0.0))


def _first(found: dict[str, datetime], name: str, at: datetime) -> None:
    found[name] = min(found.get(name, at), at)

"""A prober's minute: news at once, the rest now and then, nothing while it cannot tell."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest

from pointsman.core.errors import ConfigError, Transient
from pointsman.core.fabric import Cloud, Fabric, Freshness, Policy, ProbePair
from pointsman.core.probes import Measured
from pointsman.service.probe import REPORT_EVERY, Findings, Lookout, Probed, probe
from pointsman.wire.messages import LOSSY
from tests.core.scene import ATLAS, fabric, vpn
from tests.probe.ends import StillClock


class Network:
    """Answers bursts as it is told: what share each source loses, or a fault."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.losses: dict[str, float] = {}
        self.faults: dict[str, str] = {}
        self.script: dict[float, dict[str, float]] = {}
        self.bursts = 0

    async def burst(self, pairs: Sequence[ProbePair]) -> tuple[Measured, ...]:
        self.bursts += 1
        for at in [at for at in self.script if at <= self.clock.at]:
            self.losses |= self.script.pop(at)
        return tuple(self._over(pair) for pair in pairs)

    def _over(self, pair: ProbePair) -> Measured:
        if pair.source in self.faults:
            return Measured(source=pair.source, target=pair.target, fault=self.faults[pair.source])
        heard = round(20 * (1 - self.losses.get(pair.source, 0.0)))
        return Measured(source=pair.source, target=pair.target, sent=20, times=(0.01,) * heard)


class Desk:
    """Takes reports, unless it is told to refuse them."""

    def __init__(self) -> None:
        self.reports: list[Findings] = []
        self.refuses = False

    async def take(self, findings: Findings) -> None:
        if self.refuses:
            raise Transient("the queue did not take a message")
        self.reports.append(findings)

    @property
    def said(self) -> list[dict[str, bool]]:
        return [{one.source: one.loss >= LOSSY for one in report.found} for report in self.reports]

    def lost(self, source: str) -> list[tuple[float, float]]:
        """List when each report came, and the share that a source loses by it."""
        return [(report.at.timestamp(), one.loss) for report in self.reports for one in report.found if one.source == source]


class Scene:
    def __init__(self) -> None:
        self.clock = StillClock()
        self.network = Network(self.clock)
        self.desk = Desk()
        self.lookout = self.looking_at(ATLAS)

    def looking_at(self, declared: Fabric) -> Lookout:
        return Lookout(
            fabric=declared,
            here=Cloud.AWS,
            prober=self.network,
            report=self.desk.take,
            clock=self.clock,
            every=timedelta(seconds=3),
            lasting=timedelta(seconds=55),
            lossy=LOSSY,
        )

    def minute(self) -> Probed:
        done = asyncio.run(probe(self.lookout))
        self.clock.at = (self.clock.at // 60 + 1) * 60
        return done


FINE = {"10.250.1.1": False, "10.250.2.1": False, "10.250.5.1": False}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_quiet_minute_is_one_report(scene: Scene) -> None:
    done = scene.minute()
    assert (done.reports, done.faults, done.trouble, done.blind) == (1, (), (), False)
    assert (scene.desk.said, scene.desk.reports[0].cloud) == ([FINE], Cloud.AWS)
    assert 15 <= done.bursts == scene.network.bursts <= 19


def test_what_does_not_change_is_told_again_well_before_it_goes_stale(scene: Scene) -> None:
    for _ in range(10):
        scene.minute()
    told = [report.at for report in scene.desk.reports]
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert all(REPORT_EVERY <= gap < timedelta(seconds=90) for gap in gaps)
    assert timedelta(seconds=90) <= ATLAS.policy.freshness.look


def test_a_short_freshness_is_reported_within(scene: Scene) -> None:
    hasty = fabric(policy=Policy(freshness=Freshness(look=timedelta(seconds=30))))
    scene.lookout = dataclasses.replace(scene.lookout, fabric=hasty)
    assert scene.minute().reports == 5


def test_a_loss_is_told_by_the_burst_that_meets_it_how_much_it_is_by_the_next_and_its_end_once_it_left_the_window(scene: Scene) -> None:
    scene.network.script = {112.0: {"10.250.1.1": 1.0}, 124.0: {"10.250.1.1": 0.0}}
    scene.minute()
    assert scene.desk.lost("10.250.1.1") == [(100, 0.0), (112, 1 / 3), (115, 2 / 3), (118, 1.0), (124, 2 / 3), (127, 1 / 3), (130, 0.0)]


@pytest.mark.parametrize(("then", "reports"), [(0.25, 0), (0.45, 0), (0.05, 1), (0.55, 1), (1.0, 3)])
def test_a_share_of_loss_that_stays_about_what_was_told_is_no_news_and_another_is(scene: Scene, then: float, reports: int) -> None:
    scene.network.losses, scene.network.script = {"10.250.1.1": 0.3}, {112.0: {"10.250.1.1": then}}
    scene.minute()
    assert sum(at > 106 for at, _ in scene.desk.lost("10.250.1.1")) == reports, "the first window is full by then"


def test_that_a_link_which_lost_nearly_everything_loses_all_is_told_at_once(scene: Scene) -> None:
    scene.network.losses, scene.network.script = {"10.250.1.1": 0.95}, {112.0: {"10.250.1.1": 1.0}}
    scene.minute()
    assert [at for at, _ in scene.desk.lost("10.250.1.1")] == [100, 115], "98 % are all"


def test_a_report_that_is_refused_is_told_by_the_next_burst(scene: Scene) -> None:
    scene.desk.refuses = True
    done = scene.minute()
    assert (done.reports, len(done.trouble)) == (0, 5)
    scene.desk.refuses = False
    assert scene.minute().reports == 1


def test_links_that_fall_silent_together_are_reported_as_our_own_blindness_until_one_answers(scene: Scene) -> None:
    everything = dict.fromkeys(FINE, 1.0)
    scene.network.script = {112.0: everything, 130.0: {"10.250.2.1": 0.0}}
    done = scene.minute()
    assert [report.blind for report in scene.desk.reports[:3]] == [False, True, False]
    assert scene.desk.said[2] == {"10.250.1.1": True, "10.250.2.1": True, "10.250.5.1": True}
    assert scene.desk.said[-1] == {"10.250.1.1": True, "10.250.2.1": False, "10.250.5.1": True}
    assert not done.blind


def test_a_pair_that_cannot_be_sent_over_is_named_and_not_reported(scene: Scene) -> None:
    scene.network.faults = {"10.250.1.1": "10.250.1.1 cannot send"}
    done = scene.minute()
    assert done.faults == ("10.250.1.1 cannot send",)
    assert scene.desk.said == [{"10.250.2.1": False, "10.250.5.1": False}]


def test_a_prober_that_can_send_nothing_reports_nothing(scene: Scene) -> None:
    scene.network.faults = dict.fromkeys(FINE, "the network is unreachable")
    assert scene.minute().reports == 0
    assert scene.desk.reports == []


def test_a_fabric_without_probes_is_refused_in_words(scene: Scene) -> None:
    bare = fabric(vpn(), flows=())
    with pytest.raises(ConfigError, match="declares no probes that start on aws"):
        asyncio.run(probe(scene.looking_at(bare)))

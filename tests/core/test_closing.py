"""Incidents that are over wait for their desks: none is forgotten before, and the plan stays small all the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.fabric import Damping, LinkName, Policy
from pointsman.core.incidents import Ask, Incident, Phase
from pointsman.core.outbox import all_told, follow, open_incidents
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Health
from pointsman.core.values import replace
from pointsman.core.verdicts import CLOSING_KEPT
from tests.core.outages import asks, told
from tests.core.scene import START, Story, aws_probe, fabric, gcp_probe, seconds

IX_A = LinkName("ix-a")
QUICK = replace(fabric(), policy=Policy(hold_down=seconds(1), epochs_per_hour=60, damping=Damping(observe=True)))
STEP = 120
"""Seconds from one end of an outage to its other: all moves stay within their budget an hour."""


class Desk:
    """A desk that is down or up, told by whoever sweeps; it keeps what it was asked of each incident."""

    def __init__(self) -> None:
        self.story = Story(QUICK).all_healthy(0)
        self.story.decided(1)
        self.at = 1.0
        self.up = True
        self.incidents: dict[str, Incident] = {}

    def fail(self) -> None:
        self._go(Health.DOWN)

    def heal(self) -> None:
        self._go(Health.UP)

    def storm(self) -> None:
        for _ in range(CLOSING_KEPT + 1):
            self.fail()
            self.heal()

    def _go(self, health: Health) -> None:
        self.at += STEP
        for wait in (0, 2, 4, 6):
            self.story.all_healthy(self.at + wait)
            self.story.note(*aws_probe("ix-a", health, self.at + wait), *gcp_probe("ix-a", health, self.at + wait))
            self.sweep(self.at + wait)

    def sweep(self, at: float) -> None:
        """Deliver while the desk is up, then decide, as the sweep does."""
        self.story.closed = tuple(self._deliver())
        self.story.decided(at)

    def _deliver(self) -> list[str]:
        closed = []
        for name, link, epoch, _ in open_incidents(QUICK, self.story.plan):
            incident = follow(QUICK, self.story.plan, link, epoch, self.incidents.get(name))
            for letter in incident.outbox if self.up else ():
                if not letter.done:
                    incident = told(incident, letter.serial, START)
            self.incidents[name] = incident
            closed += [name] if all_told(incident) else []
        return closed


def test_with_its_desk_down_an_incident_over_is_kept_and_at_the_bound_no_other_ends() -> None:
    desk = Desk()
    desk.up = False
    desk.storm()
    state = desk.story.plan.links[IX_A]
    assert (len(state.closing), state.drain, state.verdict) == (CLOSING_KEPT, None, Verdict.UP)
    assert state.down_since_epoch is not None, "the outages since then are one incident that stays open"
    assert desk.story.on("checkout") == "ix-a", "traffic does not wait for a desk"


def test_every_incident_is_told_once_its_desk_is_back() -> None:
    desk = Desk()
    desk.up = False
    desk.storm()
    desk.up = True
    desk.heal()
    desk.heal()
    state = desk.story.plan.links[IX_A]
    assert (state.closing, state.down_since_epoch) == ((), None)
    assert len(desk.incidents) == CLOSING_KEPT + 1
    assert all(asks(one) == [Ask.OPEN, Ask.RESOLVE] for one in desk.incidents.values())


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["fail", "heal", "down", "up", "storm"]), min_size=3, max_size=8))
def test_whenever_desks_come_and_go_each_outage_has_one_ticket_that_is_closed_in_the_end(steps: list[str]) -> None:
    desk = Desk()
    for step in steps:
        if step in {"down", "up"}:
            desk.up = step == "up"
        else:
            getattr(desk, step)()
        assert len(desk.story.plan.links[IX_A].closing) <= CLOSING_KEPT
    desk.up = True
    desk.at += 3600  # moves at discretion are counted by the hour
    for _ in range(3):
        desk.heal()
    assert desk.story.plan.links[IX_A].closing == ()
    for one in desk.incidents.values():
        assert (one.phase, asks(one)) == (Phase.RESOLVED, [Ask.OPEN, Ask.RESOLVE])
        assert sum(ticket.desk == "noc" for ticket in one.tickets) == 1

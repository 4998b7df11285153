"""What a majority held is not lost by what it held next: plans, incidents, archives and diaries that were tampered with are found out."""

from datetime import UTC, datetime, timedelta

import pytest

from pointsman.core.alone import Deed, Diary
from pointsman.core.alone import Phase as DeedPhase
from pointsman.core.archive import Archive, Closed
from pointsman.core.fabric import LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Moment, Phase, Severity, Ticket
from pointsman.core.plan import Plan, read_plan
from pointsman.core.steering import RoutePolicies
from pointsman.core.values import Frozen, canonical, replace
from pointsman.quorum.ballots import ballot
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Accepted, Evidence
from pointsman.testing.simulation.invariants import epochs_rise_one_plan_each
from tests.simulation.tampered import seen

START = datetime(2026, 1, 1, tzinfo=UTC)
LINK = LinkName("ix-1")
OPENED = Moment(at=START, epoch=3, text="ix-1 is down")
LETTER = Letter(serial=0, desk="noc", ask=Ask.OPEN, severity=Severity.ERROR, summary="ix-1 is down", attempts=1)
OPEN = Incident(
    id="f/ix-1@3",
    fabric="f",
    link=LINK,
    epoch=3,
    opened_at=START,
    severity=Severity.ERROR,
    timeline=(OPENED,),
    tickets=(Ticket(desk="noc", reference="T1"),),
    outbox=(LETTER,),
)
TOLD = replace(OPEN, outbox=(replace(LETTER, done=True),))
OVER = replace(TOLD, phase=Phase.RESOLVED, resolved_at=START, timeline=(OPENED, replace(OPENED, text="it carries again")))
DEED = Deed(at=START, link=LINK, setting=RoutePolicies(link=LINK), flows=(), because="it is dead", epoch=3, by="1")


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return seen(3)


def judged(evidence: Evidence, *rows: Accepted) -> list[str]:
    return list(epochs_rise_one_plan_each(Record(replace(evidence, accepted=(*evidence.accepted, *rows)))))


def held(register: str, *values: Frozen) -> list[Accepted]:
    """Give the rows of a register that held these values one after the other; one of the own store alone never has a majority."""
    at = None if register.startswith("alone/") else 1.0
    return [
        Accepted(at=at, first=float(number), register=register, ballot=ballot(number, "0" * 16), value=canonical(value).decode())
        for number, value in enumerate(values, start=1)
    ]


def second_plan(evidence: Evidence) -> tuple[Accepted, Plan]:
    rows = [(row, read_plan(row.value)) for row in evidence.accepted if row.register.startswith("plan/") and row.at is not None]
    return next((row, plan) for row, plan in rows if plan.epoch == 2)


def beside(row: Accepted, plan: Plan, at: float | None) -> Accepted:
    counter, _, nonce = row.ballot.partition(".")
    return replace(row, at=at, ballot=f"{counter}.{'f' * len(nonce)}", value=canonical(plan).decode())


def test_a_run_as_it_was_loses_nothing(evidence: Evidence) -> None:
    assert judged(evidence) == []


def test_a_second_plan_of_an_epoch_that_a_majority_held_is_found(evidence: Evidence) -> None:
    row, plan = second_plan(evidence)
    other = replace(plan, decided_at=plan.decided_at - timedelta(seconds=1))
    (found,) = judged(evidence, beside(row, other, row.at))
    assert "held epoch 2" in found
    assert "another plan of that epoch" in found
    assert judged(evidence, beside(row, other, None)) == [], "what only a minority accepted was never agreed"


def test_a_plan_that_was_accepted_again_under_a_higher_ballot_is_no_second_one(evidence: Evidence) -> None:
    row, plan = second_plan(evidence)
    assert judged(evidence, beside(row, plan, row.at)) == []


def test_a_plan_on_which_nothing_was_built_is_lost(evidence: Evidence) -> None:
    row, plan = second_plan(evidence)
    (found,) = judged(evidence, beside(row, replace(plan, epoch=99), row.at))
    assert "nothing was built on it" in found


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (replace(OVER, phase=Phase.OPEN, resolved_at=None), "is open"),
        (replace(OVER, tickets=()), "tickets of ['noc']"),
        (replace(OVER, timeline=OVER.timeline[1:], outbox=TOLD.outbox), "its timeline of 2"),
        (replace(OVER, outbox=()), "letter 0 to noc is lost"),
        (replace(OVER, outbox=OPEN.outbox), "letter 0 to noc became"),
        (replace(OVER, outbox=(replace(TOLD.outbox[0], attempts=0),)), "letter 0 to noc became"),
        (replace(OVER, opened_at=START + timedelta(seconds=1)), "became f/ix-1@3"),
    ],
)
def test_an_incident_that_loses_what_was_agreed_is_found(evidence: Evidence, after: Incident, what: str) -> None:
    (found,) = judged(evidence, *held("incident/f/ix-1@3", OPEN, TOLD, OVER, after))
    assert what in found


def test_an_incident_is_archived_once_it_is_over_and_told(evidence: Evidence) -> None:
    stone = replace(OVER, outbox=(), timeline=(replace(OPENED, text="archived"),))
    assert judged(evidence, *held("incident/f/ix-1@3", OPEN, TOLD, OVER, stone, stone)) == []
    timeline, letter = judged(evidence, *held("incident/f/ix-1@3", OPEN, stone))
    assert "its timeline" in timeline
    assert "letter 0 to noc is lost" in letter


def test_an_archive_forgets_from_its_head_and_adds_at_its_end(evidence: Evidence) -> None:
    first, second, third = (Closed(incident=f"f/ix-1@{number}", at=START) for number in (1, 2, 3))
    archives = Archive(closed=(first, second)), Archive(closed=(second,)), Archive(closed=(second, third))
    assert judged(evidence, *held("archive/f", *archives)) == []
    assert len(judged(evidence, *held("archive/f", *archives, Archive(closed=(first, second, third))))) == 1


@pytest.mark.parametrize("after", [(), (replace(DEED, phase=DeedPhase.DONE, at=START + timedelta(seconds=1)),), (DEED,)])
def test_what_was_done_alone_stays_in_the_diary(evidence: Evidence, after: tuple[Deed, ...]) -> None:
    done = replace(DEED, phase=DeedPhase.DONE)
    kept = (Diary(deeds=(DEED,)), Diary(deeds=(done,)), Diary(deeds=(replace(done, told=True),)))
    assert judged(evidence, *held("alone/f/gcp", *kept)) == []
    assert len(judged(evidence, *held("alone/f/gcp", *kept, Diary(deeds=after)))) == 1


def test_a_claim_of_somebody_who_died_may_be_taken_over(evidence: Evidence) -> None:
    assert judged(evidence, *held("alone/f/gcp", Diary(deeds=(DEED,)), Diary(deeds=(replace(DEED, by="2"),)))) == []

"""The audit of announced windows: whom it tells of them when, and that no command it prints is refused as it stands."""

import shlex
from datetime import timedelta

import pytest

from pointsman.core.audit.audit import audit
from pointsman.core.audit.findings import Check, Finding, Severity, repair
from pointsman.core.audit.seen import Seen
from pointsman.core.decide import judge
from pointsman.core.fabric import Fabric, LinkKind, Mode
from pointsman.core.members import link_key
from pointsman.core.plan import LinkState, Plan, Verdict
from pointsman.core.sightings import Cause, Notice, Order, Sighting, Vantage, Verb, Window
from pointsman.core.unforced import Known
from pointsman.core.values import replace
from pointsman.core.windows import from_notice, row_of
from tests.core.audited import DRAINED, IX_A, NOW, aws, checks, found, gcp, planned
from tests.core.scene import ATLAS, G, Story, fabric, link, vpn


def announced(**parts: object) -> Seen:
    notice = Notice(
        vantage=Vantage.GCP, what="OUTAGE", members=("vlan/vlan-1",), seen_at=NOW, start=NOW + timedelta(days=2), cause=Cause.MAINTENANCE
    )
    return gcp(notices=(replace(notice, **parts),))


def test_announced_maintenance_is_told_while_nobody_will_leave_the_link_in_time() -> None:
    by_hand = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())
    assert [one.severity for one in found(announced(), start=by_hand)] == [Severity.WARNING]
    assert [one.severity for one in found(announced(start=NOW + timedelta(days=8)), start=by_hand)] == [Severity.NOTE]
    assert checks(announced()) == [], "it will be left when its window is near"
    near = announced(start=NOW + ATLAS.policy.maintenance.lead, end=NOW + timedelta(minutes=90))
    assert [one.fix for one in found(near)] == ["pointsman drain FABRIC ix-a --for 2h --author NAME --reason maintenance"]
    assert [one.show for one in found(announced(), start=by_hand)] == ["pointsman whatif FABRIC --fail ix-a"]
    asked = fabric(link("ix-a", 10 * G, mode=Mode.RECOMMEND), link("ix-b", 5 * G))
    assert [one.show for one in found(announced(), start=asked)] == ["pointsman window list FABRIC"]
    assert checks(near, planned(links={IX_A: DRAINED})) == []
    assert checks(announced(start=NOW, end=NOW)) == []
    assert checks(announced(start=NOW, withdrawn=True)) == []
    assert checks(announced(members=("vlan/of-somebody-else",), start=NOW)) == []


def managed(mode: Mode) -> Fabric:
    one = link("ix-a", 10 * G, mode=mode)
    gcp_end = replace(one.gcp, import_policy=None, export_policy=None)
    return fabric(replace(one, kind=LinkKind.MANAGED_INTERCONNECT, gcp=gcp_end), link("ix-b", 10 * G), link("ix-c", 10 * G), vpn())


def ordered(start: Fabric, plan: Plan, fix: str) -> str:
    """Give an order as a printed command says it, and why deciding refuses it; "" when it is done."""
    words = shlex.split(fix)
    assert words[:3] == ["pointsman", "drain", "FABRIC"]
    said = dict(zip(words[4::2], words[5::2], strict=True))
    lasts = NOW + timedelta(hours=int(said["--for"].removesuffix("h"))) if "--for" in said else None
    order = Order(
        key="k", verb=Verb.DRAIN, target=words[3], author=said["--author"], reason=said["--reason"], seen_at=NOW, expires_at=lasts
    )
    view = replace(Story(start).all_healthy(3600).view(), orders=(order,))
    return judge(start, view, plan, NOW).refused.get("k", "")


@pytest.mark.parametrize("days", [0.05, 29, 40, None])
@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.RECOMMEND])
def test_what_leaves_a_link_for_its_window_is_an_order_that_is_taken(mode: Mode, days: float | None) -> None:
    start = fabric(link("ix-a", 10 * G, mode=mode), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())
    plan = Story(start).all_healthy(0).decided(1)
    (one,) = found(announced(start=NOW, end=None if days is None else NOW + timedelta(days=days)), plan, start)
    assert ordered(start, plan, one.fix) == ""


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.RECOMMEND])
def test_a_link_that_no_order_drains_is_left_to_a_person_to_decide_on(mode: Mode) -> None:
    start = managed(mode)
    (one,) = found(announced(start=NOW), Story(start).all_healthy(0).decided(1), start)
    assert (one.fix, one.decide.startswith("no order drains ix-a now (a managed interconnect ")) == ("", True)
    assert repair(start, one).startswith("decide: no order drains ix-a now")
    (unplanned,) = audit(start, None, (announced(start=NOW),), NOW)
    assert unplanned.decide == one.decide


def test_the_last_way_of_a_flow_is_left_to_a_person_to_decide_on() -> None:
    dark = planned(
        links={name: DRAINED for name in (one.name for one in ATLAS.links) if name != IX_A} | {IX_A: LinkState(verdict=Verdict.UP)}
    )
    (one,) = found(announced(start=NOW), dark)
    assert (one.fix, "no other link between its sites is seen up" in one.decide) == ("", True)


OBSERVED = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())
SOON = Window(key="arn:one", members=("dxvif-1",), start=NOW + timedelta(days=2), end=NOW + timedelta(days=2, hours=3), what="optics")


def told_by_rows(*rows: Sighting, start: Fabric = OBSERVED, seen: Seen | None = None) -> tuple[Finding, ...]:
    return found(seen or aws(), start=start, known=Known(rows=rows))


def by_aws(**parts: object) -> Sighting:
    return row_of(Vantage.AWS, replace(SOON, **parts), NOW - timedelta(hours=1))


def test_a_window_that_aws_announced_is_told_by_its_row_whoever_is_audited() -> None:
    for side in (aws(), gcp()):
        (one,) = told_by_rows(by_aws(), seen=side)
        assert (one.check, one.severity, one.link) == (Check.MAINTENANCE, Severity.WARNING, IX_A)
        assert one.text == "aws announces maintenance of ix-a from 2026-11-22T13:00:00Z to 2026-11-22T16:00:00Z, and it is not drained"
        assert {each.side: each.says for each in one.evidence} == {"aws": "optics", "plan": "ix-a is not drained"}
    assert told_by_rows(by_aws(), start=ATLAS) == (), "it will be left when its window is near"
    (near,) = told_by_rows(by_aws(start=NOW), start=ATLAS)
    assert near.fix == "pointsman drain FABRIC ix-a --for 51h --author NAME --reason maintenance"


def test_a_window_of_a_person_counts_too_and_is_told_by_its_author() -> None:
    row = row_of(Vantage.OPERATOR, replace(SOON, members=(link_key("ix-a"),), author="kim"), NOW)
    (one,) = told_by_rows(row)
    assert one.text.startswith("kim announces maintenance of ix-a from ")
    assert one.evidence[0].side == "operator"
    (nameless,) = told_by_rows(replace(row, window=replace(SOON, members=(link_key("ix-a"),))))
    assert nameless.text.startswith("a person announces ")


@pytest.mark.parametrize(
    "parts",
    [
        {"withdrawn": True},
        {"start": NOW - timedelta(hours=2), "end": NOW},
        {"start": NOW - timedelta(days=9), "end": NOW + timedelta(days=9)},
        {"start": None, "end": None},
        {"members": ("dxvif-of-somebody-else",)},
    ],
)
def test_a_window_that_is_over_withdrawn_or_names_no_start_is_let_be(parts: dict[str, object]) -> None:
    assert told_by_rows(by_aws(**parts)) == ()


def test_a_window_of_what_several_links_share_is_told_of_each() -> None:
    one, other = OBSERVED.links[:2]
    shared = replace(OBSERVED, links=(one, replace(other, mode=Mode.OBSERVE, aws=one.aws), *OBSERVED.links[2:]))
    told = told_by_rows(by_aws(members=one.aws.attachments), start=shared)
    assert {each.link for each in told} == {"ix-a", "ix-b"}
    assert len({each.id for each in told}) == 2


def test_what_google_announces_is_told_once_beside_its_row_and_as_it_is_read_now() -> None:
    read = announced(end=NOW + timedelta(days=3), key="outage/o1")
    row = from_notice((OBSERVED,), read.notices[0])
    assert row is not None
    older = replace(row, seen_at=NOW - timedelta(hours=1))
    (one,) = told_by_rows(older, seen=read)
    (alone,), (fresh,) = told_by_rows(older), told_by_rows(seen=read)
    assert one == alone == fresh
    assert told_by_rows(older, seen=gcp(notices=(replace(read.notices[0], withdrawn=True),))) == ()
    (moved,) = told_by_rows(older, seen=gcp(notices=(replace(read.notices[0], start=NOW + timedelta(days=1)),)))
    assert (moved.id, "from 2026-11-21T13:00:00Z" in moved.text) == (one.id, True)


def test_what_a_person_set_aside_is_not_told_until_it_is_announced_anew() -> None:
    read = announced(end=NOW + timedelta(days=3), key="outage/o1")
    row = from_notice((OBSERVED,), read.notices[0])
    assert row is not None
    assert row.window is not None
    older = replace(row, seen_at=NOW - timedelta(hours=1))
    aside = row_of(Vantage.OPERATOR, replace(row.window, withdrawn=True, author="kim"), NOW - timedelta(minutes=5))
    assert told_by_rows(older, aside, seen=read) == ()
    moved = gcp(notices=(replace(read.notices[0], start=NOW + timedelta(days=1)),))
    assert len(told_by_rows(older, aside, seen=moved)) == 1


def test_without_a_plan_nobody_claims_that_a_link_is_not_drained() -> None:
    (one,) = audit(OBSERVED, None, (), NOW, Known(rows=(by_aws(),)))
    assert one.text.endswith(", and no plan says whether it is drained")
    assert {each.side for each in one.evidence} == {"aws", "fabric"}

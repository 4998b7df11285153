"""The audit of announced windows: whom it tells of them when, and that no command it prints is refused as it stands."""

import shlex
from datetime import timedelta

import pytest

from pointsman.core.audit.audit import audit
from pointsman.core.audit.findings import Severity, repair
from pointsman.core.audit.seen import Seen
from pointsman.core.decide import judge
from pointsman.core.fabric import Fabric, LinkKind, Mode
from pointsman.core.plan import LinkState, Plan, Verdict
from pointsman.core.sightings import Notice, Order, Vantage, Verb
from pointsman.core.values import replace
from tests.core.audited import DRAINED, IX_A, NOW, checks, found, gcp, planned
from tests.core.scene import ATLAS, G, Story, fabric, link, vpn


def announced(**parts: object) -> Seen:
    notice = Notice(vantage=Vantage.GCP, what="OUTAGE", members=("vlan/vlan-1",), seen_at=NOW, start=NOW + timedelta(days=2))
    return gcp(notices=(replace(notice, **parts),))


def test_announced_maintenance_is_told_while_nobody_will_leave_the_link_in_time() -> None:
    by_hand = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())
    assert [one.severity for one in found(announced(), start=by_hand)] == [Severity.WARNING]
    assert [one.severity for one in found(announced(start=NOW + timedelta(days=8)), start=by_hand)] == [Severity.NOTE]
    assert checks(announced()) == [], "it will be left when its window is near"
    near = announced(start=NOW + ATLAS.policy.maintenance.lead, end=NOW + timedelta(minutes=90))
    assert [one.fix for one in found(near)] == ["pointsman drain FABRIC ix-a --for 2h --author NAME --reason outage"]
    assert [one.fix for one in found(announced(), start=by_hand)] == ["pointsman whatif FABRIC --fail ix-a"]
    asked = fabric(link("ix-a", 10 * G, mode=Mode.RECOMMEND), link("ix-b", 5 * G))
    assert [one.fix for one in found(announced(), start=asked)] == ["pointsman window list FABRIC"]
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

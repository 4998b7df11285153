"""What an audit says to do about each kind of finding: a command that mends, one that only shows, or words to decide by."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from pointsman.core.audit.audit import FINDINGS_LIMIT, audit
from pointsman.core.audit.capacity import capacity
from pointsman.core.audit.findings import Check, Finding, Severity, mend, repair
from pointsman.core.audit.seen import End, Entry, Unread
from pointsman.core.fabric import Bfd, LinkName, MemberId, Mode
from pointsman.core.sightings import Cause, Notice, Vantage
from pointsman.core.unforced import Known
from pointsman.core.values import replace
from tests.core.audited import CHECKOUT_PIN, IX_A, IX_B, NOW, TESTED, aws, changed, gcp, held_on, planned
from tests.core.scene import ATLAS, G, fabric, link, seconds
from tests.core.test_audit import surviving
from tests.core.test_audit_standby import LANTERN, MC

NOTICE = Notice(vantage=Vantage.GCP, what="OUTAGE", members=("vlan/vlan-1",), seen_at=NOW, start=NOW, cause=Cause.MAINTENANCE, key="o1")
PROGRAMS = {"aws", "gcloud", "pointsman"}
READS = re.compile(
    r"aws [a-z0-9-]+ (describe|list|get|search|lookup|simulate)-[a-z-]+( |$)"
    r"|gcloud (logging read|projects get-iam-policy|compute routers (list-bgp-routes|get-status)) "
    r"|pointsman (audit|status|whatif|explain|window list)( |$)"
)
"""Commands that change nothing."""
BESIDE = re.compile(r"\"\$\{EDITOR:-vi\}\" |gcloud compute routers download-route-policy ")
"""What is done on the way to a change and changes no cloud."""


def changes(command: str) -> bool:
    """Say whether any part of a command line changes something."""
    return any(not READS.match(part) and not BESIDE.match(part) for part in command.split(" && "))


def everything_wrong() -> Iterator[Finding]:
    """Give findings of every kind."""
    entries = (
        Entry(table="tgw-rtb-1", name="10.221.0.0/16", attachment="tgw-attach-1"),
        Entry(table="tgw-rtb-1", name="10.220.1.0/24"),
    )
    amazon = aws(
        attachments=(),
        entries=entries,
        levers=(TESTED,),
        lists={"pl-20": ()},
        allowed={IX_A: ()},
        mtus={IX_A: 1500},
        changes=changed("tgw-rtb-1").changes,
        ends=(End(link=LinkName("vpn"), member=MemberId("t1"), name="vpn-1:203.0.113.1", up=False),),
        unread=(Unread(what="a part", why="access denied: allow ec2:SearchTransitGatewayRoutes"),),
    )
    google = gcp(
        ends=(End(link=IX_B, member=MemberId("m1"), name="aws-2", up=False, priority=500, hold=seconds(20), bfd=seconds(9)),),
        levers=(held_on(IX_A),),
        notices=(NOTICE,),
        unread=(Unread(what="a part", why="denied: grant logging.logEntries.list"), Unread(what="a page", why="it ended")),
    )
    plan = planned(pins=(replace(CHECKOUT_PIN, expires_at=NOW),))
    yield from audit(ATLAS, plan, (amazon, google), NOW)
    yield from capacity(surviving(), plan)
    yield from of_ends_and_of_what_is_far()
    yield from audit(replace(ATLAS, name="other"), plan, (), NOW)
    yield from audit(ATLAS, None, (gcp(unread=tuple(Unread(what=f"part {n}", why="x") for n in range(FINDINGS_LIMIT + 1))),), NOW)[-1:]
    yield from audit(LANTERN, None, (), NOW, Known(whole_at=NOW))
    bare = replace(LANTERN, links=tuple(replace(one, probes=()) if one.name == MC else one for one in LANTERN.links))
    yield from audit(bare, None, (), NOW, Known(whole_at=NOW))


def of_ends_and_of_what_is_far() -> Iterator[Finding]:
    """Give findings about a far end's BFD, about ends that differ, and about windows on links that a person leaves."""
    timers = replace(ATLAS.link("ix-b").timers, bfd=Bfd(interval=seconds(1), multiplier=5))
    declared = fabric(link("ix-a", 10 * G, mtu=1500, mode=Mode.OBSERVE), replace(link("ix-b", 5 * G, mode=Mode.RECOMMEND), timers=timers))
    silent = End(link=IX_B, member=MemberId("m1"), name="aws-2", up=True, bfd=seconds(5), far_bfd=seconds(0))
    later = replace(NOTICE, members=("vlan/vlan-2",), start=NOW + timedelta(days=1), key="o2")
    yield from audit(declared, None, (aws(mtus={IX_A: 8500}), gcp(mtus={IX_A: 1500}, ends=(silent,), notices=(NOTICE, later))), NOW)


DECISIONS = {
    ("mtu", "ix-a"),
    ("mtu", "ix-a ends"),
    ("timers", "ix-b aws-2 hold"),
    ("standby", "mc probes"),
    ("other-fabric", "other"),
    ("unlisted", "atlas"),
}
"""What no command mends or shows: either the ends or the fabric file are wrong."""


def test_every_kind_of_finding_mends_shows_or_leaves_to_decide_and_has_evidence_from_two_sides() -> None:
    told = list(everything_wrong())
    assert {one.check for one in told} == set(Check)
    assert {(one.check.value, one.subject) for one in told if one.decide} == DECISIONS
    assert [one for one in told if sum(map(bool, (one.fix, one.show, one.decide))) != 1] == []
    assert {(one.fix or one.show).split()[0] for one in told if not one.decide} <= PROGRAMS
    assert [one.check for one in told if len({each.side for each in one.evidence}) == 1] == []
    assert all(each.says for one in told for each in one.evidence)


def test_a_fix_changes_something_and_what_shows_changes_nothing() -> None:
    told = list(everything_wrong())
    assert [one.fix for one in told if one.fix and not changes(one.fix)] == []
    assert [one.show for one in told if one.show and changes(one.show)] == []
    shown = {one.check for one in told if one.show}
    assert shown == {
        *(Check.STANDBY, Check.TIMERS, Check.CAPACITY),
        *(Check.HAND_CHANGE, Check.UNREAD, Check.EXPIRED_PIN, Check.MAINTENANCE),
    }


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("aws ec2 describe-vpn-connections --vpn-connection-ids vpn-1", False),
        ("aws directconnect update-direct-connect-gateway-association --x", True),
        ("gcloud compute routers get-status cr-aws-1", False),
        ("gcloud compute routers update-bgp-peer cr-aws-1", True),
        ("pointsman window list FABRIC", False),
        ("pointsman window cancel FABRIC ID", True),
        ("aws ec2 describe-vpn-connections && aws ec2 delete-vpn-connection --x", True),
    ],
)
def test_a_command_that_changes_something_is_told_from_one_that_shows(command: str, expected: bool) -> None:  # noqa: FBT001
    assert changes(command) is expected


# Repair


@pytest.mark.parametrize(
    ("mode", "swept", "says"),
    [
        (Mode.OBSERVE, True, "observed only"),
        (Mode.RECOMMEND, True, "run: mend"),
        (Mode.AUTO, True, "the sweep mends it by itself"),
        (Mode.AUTO, False, "run: mend"),
    ],
)
def test_repair_goes_as_far_as_the_links_mode_allows(mode: Mode, swept: bool, says: str) -> None:  # noqa: FBT001
    one = Finding(check=Check.ORPHAN_PIN, subject="x", severity=Severity.ERROR, text="x", fix="mend", link=IX_A, swept=swept)
    assert repair(fabric(link("ix-a", 10 * G, mode=mode)), one) == says
    assert repair(fabric(link("ix-a", 10 * G, mode=Mode.RECOMMEND)), replace(one, fix="", decide="either")) == "decide: either"


@pytest.mark.parametrize("mode", [Mode.RECOMMEND, Mode.AUTO])
def test_what_only_shows_is_never_said_to_mend_or_to_be_run(mode: Mode) -> None:
    one = Finding(check=Check.STANDBY, subject="x", severity=Severity.WARNING, text="x", show="look", link=IX_A)
    assert (mend(one), repair(fabric(link("ix-a", 10 * G, mode=mode)), one)) == ("show: look", "show: look")

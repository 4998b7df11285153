"""The audit of links that none of our sessions is on: only fresh probes of both ends prove that they would carry."""

import pytest

from pointsman.core.audit.audit import audit
from pointsman.core.audit.findings import Check, Finding, Severity
from pointsman.core.fabric import AwsEnd, Fabric, GcpEnd, LinkKind, LinkName, Member, MemberId
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.sightings import Health, Sighting
from pointsman.core.unforced import Known
from pointsman.core.values import replace
from tests.core.audited import NOW, planned
from tests.core.scene import ATLAS, START, G, aws_probe, fabric, flow, gcp_probe, link, vpn

MC = LinkName("mc")
AT = (NOW - START).total_seconds() - 60
_XC = link("ix-c", G)
LANTERN: Fabric = fabric(
    replace(
        _XC,
        name=MC,
        kind=LinkKind.MANAGED_INTERCONNECT,
        aws=AwsEnd(attachments=("tgw-attach-5",), connection="mcc-1", dx_gateway="dxgw-5"),
        gcp=GcpEnd(transport="projects/p/locations/l/transports/mc-1"),
        members=(Member(id=MemberId("m1")),),
    ),
    vpn(),
    flows=(flow("sync", G, 1, ("vpn", "mc"), 20),),
)


def unproved(*rows: Sighting, start: Fabric = LANTERN, whole: bool = True) -> tuple[Finding, ...]:
    return audit(start, None, (), NOW, Known(rows=rows, whole_at=NOW if whole else None))


def test_a_link_without_sessions_is_proved_by_fresh_probes_of_both_ends() -> None:
    assert unproved(*aws_probe("ix-c", Health.UP, AT), *gcp_probe("ix-c", Health.UP, AT)) == ()


@pytest.mark.parametrize(
    "rows",
    [
        (),
        aws_probe("ix-c", Health.UP, AT),
        (*aws_probe("ix-c", Health.UP, AT), *gcp_probe("ix-c", Health.UP, AT - 3600)),
        (*aws_probe("ix-c", Health.UP, AT), *gcp_probe("ix-c", Health.UNKNOWN, AT)),
    ],
)
def test_a_link_without_sessions_is_not_proved_where_a_probe_lacks(rows: tuple[Sighting, ...]) -> None:
    (one,) = unproved(*rows)
    assert (one.check, one.severity, one.link) == (Check.STANDBY, Severity.NOTE, MC)
    assert "mc is not proved as a standby for sync" in one.text
    assert one.show == "pointsman explain FABRIC mc"
    assert {each.side for each in one.evidence} == {"aws", "gcp", "fabric"}


def test_a_probe_that_loses_packets_proves_that_it_is_none() -> None:
    (one,) = unproved(*aws_probe("ix-c", Health.UP, AT), *gcp_probe("ix-c", Health.DOWN, AT))
    assert one.severity is Severity.WARNING
    assert "mc is no standby for sync" in one.text
    assert "the probe of gcp loses packets" in one.text


def test_a_link_that_declares_no_probe_says_to_declare_one() -> None:
    bare = replace(LANTERN, links=tuple(replace(one, probes=()) for one in LANTERN.links))
    (one,) = unproved(start=bare)
    assert (one.show, one.decide.startswith("declare probes for mc in the fabric file")) == ("", True)
    alarmed = replace(bare, links=(replace(bare.links[0], members=(Member(id=MemberId("m1"), alarms=("mc-loss",)),)), bare.links[1]))
    (one,) = unproved(start=alarmed)
    assert one.show == "pointsman explain FABRIC mc"


def test_where_the_rows_of_a_cloud_were_not_read_nothing_is_said_of_its_probes() -> None:
    assert unproved(whole=False) == ()


def test_links_with_sessions_and_links_that_no_flow_may_use_need_no_probe() -> None:
    assert unproved(start=ATLAS) == ()
    assert unproved(start=replace(LANTERN, flows=(flow("sync", G, 1, ("vpn",), 20),))) == ()


def test_of_a_link_that_is_known_to_be_down_nothing_is_to_be_proved() -> None:
    plan = planned(links={MC: LinkState(verdict=Verdict.DOWN)}, fabric_hash=LANTERN.hash)
    assert audit(LANTERN, plan, (), NOW, Known(whole_at=NOW)) == ()

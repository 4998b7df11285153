"""The audit of what somebody changed by hand: of which link it is told, and what is not."""

from datetime import timedelta
from pathlib import Path

from pointsman.adapters.files import load
from pointsman.core.audit.findings import Check, Severity
from pointsman.core.audit.happened import CHANGES_LIMIT, hand_changes
from pointsman.core.fabric import LinkName
from pointsman.core.sightings import Actor, Vantage
from tests.core.audited import NOW, aws, changed, checks, found, gcp
from tests.core.scene import ATLAS

TANDEM = load(str(Path(__file__).parents[2] / "docs" / "fabrics" / "two-regions.yaml"))


def test_a_hand_change_of_what_the_fabric_declares_is_named_with_who_made_it() -> None:
    (one,) = found(changed("tgw-rtb-1 10.220.0.0/16 tgw-attach-2"))
    assert one.check is Check.HAND_CHANGE
    assert "arn:a/bob" in one.text
    assert one.show == (
        "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=ReplaceTransitGatewayRoute"
        " --start-time 2026-11-20T12:58:00Z --end-time 2026-11-20T13:00:00Z --region us-east-1"
    )
    assert [each.side for each in one.evidence] == ["aws", "fabric"]
    (wired,) = found(changed("tgw-attach-2 tgw-rtb-1"))
    assert {each.side: each.says for each in wired.evidence}["fabric"] == "tgw-attach-2 is declared for ix-b"
    assert {each.side: each.says for each in wired.evidence}["plan"] == "ix-b is not drained, with no flow on it"
    (routed,) = found(changed("projects/weft-prod-1/regions/us-east4/routers/cr-aws-1"))
    assert routed.check is Check.HAND_CHANGE
    logged = gcp(changes=changed("projects/weft-prod-1/regions/us-east4/routers/cr-aws-1").changes)
    (read,) = found(logged)
    assert read.show.startswith("gcloud logging read 'protoPayload.methodName=")
    assert read.show.endswith(" --project weft-prod-1")


def test_a_hand_change_of_a_tunnel_or_attachment_is_told_of_the_link_in_its_region() -> None:
    def told(path: str) -> list[LinkName | None]:
        seen = gcp(changes=changed(f"projects/weft-prod-1/regions/{path}").changes)
        return [one.link for one in hand_changes(TANDEM, None, seen, NOW)]

    for region, side in (("us-east4", "east"), ("us-west1", "west")):
        assert told(f"{region}/vpnTunnels/ha-t1") == [f"{side}-vpn"]
        assert told(f"{region}/interconnectAttachments/vlan-a") == [side]
    assert told("us-central1/vpnTunnels/ha-t1") == told("us-central1/interconnectAttachments/vlan-a") == []


def test_a_router_of_another_region_or_project_is_not_ours() -> None:
    def told(target: str) -> list[LinkName | None]:
        seen = gcp(changes=changed(target, vantage=Vantage.GCP).changes)
        return [one.link for one in hand_changes(ATLAS, None, seen, NOW)]

    assert told("projects/weft-prod-1/regions/us-east4/routers/cr-aws-1") == [None]
    assert told("projects/other-team/regions/us-east4/routers/cr-aws-1") == []
    assert told("projects/weft-prod-1/regions/europe-west1/routers/cr-aws-1") == []
    assert told("projects/weft-prod-1/regions/europe-west1/routers/from-ix-a") == []


def test_however_much_else_is_changed_what_the_fabric_declares_is_told() -> None:
    ours = changed("tgw-rtb-1 10.220.0.0/16 tgw-attach-1", seen_at=NOW - timedelta(hours=2)).changes
    others = tuple(one for number in range(CHANGES_LIMIT) for one in changed(f"rtb-{number} 10.0.0.0/8").changes)
    assert checks(aws(changes=(*ours, *others))) == [Check.HAND_CHANGE]
    many = tuple(
        one for number in range(CHANGES_LIMIT + 1) for one in changed("tgw-rtb-1", seen_at=NOW - timedelta(seconds=number)).changes
    )
    assert len(checks(aws(changes=many))) == CHANGES_LIMIT


def test_a_change_that_only_claims_to_be_ours_is_told_and_says_how_to_make_it_ours() -> None:
    (one,) = found(changed("tgw-rtb-1", actor=Actor.CLAIMED))
    (other,) = found(changed("tgw-rtb-1", actor=Actor.CLAIMED, vantage=Vantage.GCP))
    assert (one.check, one.severity) == (Check.HAND_CHANGE, Severity.WARNING)
    assert one.text.endswith("under pointsman's user agent: if a function of yours made it, give it a role session named pointsman-..")
    assert other.text.endswith("give it a service account named pointsman-..")
    assert one.id == found(changed("tgw-rtb-1"))[0].id


def test_changes_of_ours_of_other_things_and_of_long_ago_are_not_told() -> None:
    assert checks(changed("tgw-rtb-1", actor=Actor.OURSELVES)) == []
    assert checks(changed("tgw-rtb-10 10.220.0.0/16")) == []
    assert checks(changed("tgw-rtb-1", seen_at=NOW - timedelta(hours=25))) == []

"""What may and may not be read into the clouds' words."""

import copy
from typing import Any

import pytest

from pointsman.adapters.http import USER_AGENT
from pointsman.core.sightings import Actor, Aspect, Cause, Change, Health, Ignored, Notice, Order, Rejected, Sighting, Source, Vantage, Verb
from tests.wire.samples import SAMPLES, decoded, meanings, only, sample

ROUTER = sample("gcp/logentry-router-bgp-up.json")
ALARM = sample("aws/cw-alarm-dx-vif-bgp-status-alarm.json")
INCIDENT = sample("gcp/monitoring-incident-closed-bgp-session.json")
TRAIL = sample("aws/cloudtrail-ec2-replace-transit-gateway-route.json")
STATUS = sample("aws/nm-status-vpn-bgp-down.json")


def with_detail(payload: Any, **changes: Any) -> Any:
    value = copy.deepcopy(payload)
    value["detail"].update(changes)
    return value


def said(text: str) -> Any:
    return only({**ROUTER, "textPayload": text})


def alarm(state: str, **metric: Any) -> Any:
    value = copy.deepcopy(ALARM)
    value["detail"]["state"]["value"] = state
    value["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"].update(metric)
    return only(value)


def test_a_vpn_session_is_up_when_it_is_established_and_there_is_no_word_up() -> None:
    assert only(with_detail(STATUS, changeType="VPN-CONNECTION-BGP-ESTABLISH")).health is Health.UP
    assert only(with_detail(STATUS, changeType="VPN-CONNECTION-BGP-UP")).health is Health.UNKNOWN


def test_a_status_is_never_read_from_its_description() -> None:
    found = only(with_detail(STATUS, changeType="", changeDescription="BGP for a VPN connection has gone down."))
    assert (found.health, found.cause) == (Health.UNKNOWN, Cause.UNSTATED)


def test_a_tunnel_is_named_by_its_connection_and_outside_address() -> None:
    assert only(STATUS).member == "vpn-0b2c3d4e5f6071829:35.84.102.207"
    assert only(with_detail(STATUS, vpnConnectionArn=None)).member == "tgw-attach-0c3d4e5f60718293a:35.84.102.207"


def test_a_known_status_without_anything_named_is_rejected() -> None:
    found = only(with_detail(STATUS, vpnConnectionArn=None, transitGatewayAttachmentArn=None))
    assert isinstance(found, Rejected)


@pytest.mark.parametrize(
    "name", ["VirtualInterfaceBgpStatus", "VirtualInterfaceBgpPrefixesAccepted", "ConnectionState", "VirtualInterfaceBpsEgress"]
)
def test_too_little_data_is_unknown_and_never_down(name: str) -> None:
    found = alarm("INSUFFICIENT_DATA", name=name)
    assert (found.health, found.cause) == (Health.UNKNOWN, Cause.INSUFFICIENT_DATA)


def test_an_alarm_that_clears_is_a_recovery_claim() -> None:
    found = alarm("OK")
    assert (found.health, found.cause) == (Health.UP, Cause.ALARM_CLEARED)


def test_a_state_that_is_not_known_is_rejected() -> None:
    assert isinstance(alarm("PENDING"), Rejected)


def test_an_alarm_on_an_unknown_metric_of_a_links_own_namespace_is_a_matter_of_capacity() -> None:
    found = alarm("ALARM", name="VirtualInterfacePpsIngress")
    assert (found.aspect, found.health) == (Aspect.CAPACITY, Health.DEGRADED)


@pytest.mark.parametrize(
    ("namespace", "name", "dimension", "member"),
    [
        ("AWS/DX", "ConnectionState", "ConnectionId", "dxcon-1"),
        ("AWS/DX", "ConnectionLightLevelRx", "ConnectionId", "dxcon-1#ConnectionLightLevelRx"),
        ("AWS/DX", "ConnectionErrorCount", "ConnectionId", "dxcon-1#ConnectionErrorCount"),
        ("AWS/DX", "ConnectionErrorCount", "VirtualInterfaceId", "dxcon-1"),
        ("AWS/TransitGateway", "PacketDropCountNoRoute", "TransitGatewayAttachment", "dxcon-1#PacketDropCountNoRoute"),
        ("Own", "ConnectionErrorCount", "ConnectionId", "dxcon-1"),
    ],
)
def test_alarms_on_further_metrics_of_a_resource_have_rows_of_their_own(namespace: str, name: str, dimension: str, member: str) -> None:
    assert alarm("ALARM", namespace=namespace, name=name, dimensions={dimension: "dxcon-1"}).member == member


def test_one_tunnel_of_a_whole_connection_is_redundancy_and_not_the_path() -> None:
    found = alarm("ALARM", namespace="AWS/VPN", name="TunnelState", dimensions={"VpnId": "vpn-1"})
    assert (found.member, found.health, found.cause) == ("vpn-1", Health.DEGRADED, Cause.REDUNDANCY_LOST)


def test_no_claim_of_trouble_is_read_from_a_resolve() -> None:
    bad = {Health.DOWN, Health.DEGRADED}
    for state in ("OK", "INSUFFICIENT_DATA"):
        assert alarm(state).health not in bad
    for observed in ("0.000", "1.000", "gone", None, 1, True):
        value = copy.deepcopy(INCIDENT)
        value["incident"]["observed_value"] = observed
        assert only(value).health not in bad


@pytest.mark.parametrize(
    ("observed", "comparison", "threshold", "health"),
    [
        ("1.000", "COMPARISON_LT", 1, Health.UP),
        ("0.000", "COMPARISON_LT", 1, Health.UNKNOWN),
        ("1.000", "COMPARISON_GT", 0, Health.UNKNOWN),
        ("0", "COMPARISON_GT", None, Health.UP),
        ("no data", "COMPARISON_LT", 1, Health.UNKNOWN),
        ("1.000", "COMPARISON_EQ", 1, Health.UNKNOWN),
        ("9" * 400, "COMPARISON_LT", 1, Health.UNKNOWN),
    ],
)
def test_a_closed_incident_is_a_recovery_only_when_its_value_has_recovered(
    observed: str, comparison: str, threshold: Any, health: Health
) -> None:
    value = copy.deepcopy(INCIDENT)
    value["incident"]["observed_value"] = observed
    value["incident"]["condition"]["conditionThreshold"] |= {"comparison": comparison, "thresholdValue": threshold}
    assert only(value).health is health


def test_a_bgp_process_that_stopped_says_so() -> None:
    found = said("BGP Event: BGP peering with 169.254.1.2 went down with reason: BGP_PROCESS_STOPPED")
    assert (found.health, found.cause) == (Health.DOWN, Cause.BGP_PROCESS_STOPPED)


@pytest.mark.parametrize(
    "words", ["", " with reason LINK_DOWN", " with the reason LINK_DOWN", " with the reason: LINK_DOWN", " with reason: LINK_DOWN."]
)
def test_the_reason_is_read_however_it_is_introduced(words: str) -> None:
    found = said(f"BGP Event: BGP peering with 169.254.1.2 went down{words}")
    assert found.member == "router/6983339776642123456:169.254.1.2"
    assert found.cause is (Cause.LINK_DOWN if words else Cause.UNSTATED)


@pytest.mark.parametrize(
    "text",
    [
        "note: BGP Event: BGP peering with 169.254.1.2 went down",
        "BGP Event: BGP peering with peer-a went down",
        "BGP Event: BGP peering with 169.254.1.2 wobbled",
        "Route Event: Withdrawing prefix from peers: 10.0.0.0/8",
        "BFD Event: BFD session with 169.254.1.2 was created",
        "Router Event: Router task de-activated",
    ],
)
def test_other_sentences_of_a_router_claim_nothing(text: str) -> None:
    assert isinstance(said(text), Ignored)


def test_maintenance_of_a_router_is_a_notice_about_the_router() -> None:
    found = said("Router Event: Maintenance of router task: BGP sessions will restart.")
    assert isinstance(found, Notice)
    assert (found.members, found.cause) == (("router/6983339776642123456",), Cause.MAINTENANCE)


def test_too_many_prefixes_without_an_address_is_a_notice_about_the_router() -> None:
    found = said("BGP Event: sending NOTIFICATION (code 6/1) to the peer")
    assert isinstance(found, Notice)
    assert found.cause is Cause.TOO_MANY_PREFIXES


def test_a_call_that_failed_changed_nothing() -> None:
    assert isinstance(only(with_detail(TRAIL, errorCode="Client.DryRunOperation")), Ignored)
    assert isinstance(only(with_detail(TRAIL, errorCode=None)), Change)


@pytest.mark.parametrize(
    ("arn", "actor"),
    [
        ("arn:aws:sts::111122223333:assumed-role/x/pointsman", Actor.OURSELVES),
        ("arn:aws:sts::111122223333:assumed-role/x/pointsman-sweep", Actor.OURSELVES),
        ("arn:aws:sts::111122223333:assumed-role/pointsman-sweep/an-operator", Actor.SOMEBODY),
        ("arn:aws:sts::111122223333:assumed-role/x/pointsmanager", Actor.SOMEBODY),
        ("arn:aws:iam::111122223333:user/pointsman-sweep", Actor.SOMEBODY),
        ("", Actor.SOMEBODY),
    ],
)
def test_our_own_writes_are_told_by_their_role_session(arn: str, actor: Actor) -> None:
    assert only(with_detail(TRAIL, userIdentity={"type": "AssumedRole", "arn": arn})).actor is actor


@pytest.mark.parametrize(
    ("email", "actor"),
    [
        ("pointsman@p.iam.gserviceaccount.com", Actor.OURSELVES),
        ("pointsman-use4@p.iam.gserviceaccount.com", Actor.OURSELVES),
        ("pointsman-use4@example.com", Actor.SOMEBODY),
        ("pointsmanager@p.iam.gserviceaccount.com", Actor.SOMEBODY),
    ],
)
def test_our_own_writes_are_told_by_their_service_account(email: str, actor: Actor) -> None:
    entry = sample("gcp/logentry-audit-route-policy-by-hand.json")
    entry["protoPayload"]["authenticationInfo"]["principalEmail"] = email
    assert only(entry).actor is actor


AGENTS = {
    USER_AGENT: Actor.CLAIMED,
    "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 cfg/retry-mode#legacy Botocore/1.44.5 pointsman/0.1.0": Actor.CLAIMED,
    "Boto3/1.44.5 md/Botocore#1.44.5 Botocore/1.44.5 pointsman/0.1.0 PT/NO-OP/3.1.0 PTEnv/NA": Actor.CLAIMED,
    "[pointsman/0.1.0]": Actor.CLAIMED,
    "pointsman/0.1.0,gzip(gfe)": Actor.CLAIMED,
    "": Actor.SOMEBODY,
    "pointsman": Actor.SOMEBODY,
    "not-pointsman/0.1.0": Actor.SOMEBODY,
    "pointsmanager/0.1.0": Actor.SOMEBODY,
    "aws-cli/2.34.43": Actor.SOMEBODY,
    "x" * 2040 + " pointsman/0.1.0": Actor.SOMEBODY,
}


@pytest.mark.parametrize(("agent", "claimed"), AGENTS.items())
@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_a_user_agent_claims_a_change_and_never_makes_it_ours(cloud: str, agent: str, claimed: Actor) -> None:
    for identity, told in (("pointsman-sweep", Actor.OURSELVES), ("link_changed", claimed)):
        if cloud == "aws":
            arn = f"arn:aws:sts::111122223333:assumed-role/x/{identity}"
            event = with_detail(TRAIL, userIdentity={"type": "AssumedRole", "arn": arn}, userAgent=agent)
        else:
            event = sample("gcp/logentry-audit-route-policy-by-hand.json")
            event["protoPayload"]["authenticationInfo"]["principalEmail"] = f"{identity}@p.iam.gserviceaccount.com"
            event["protoPayload"]["requestMetadata"]["callerSuppliedUserAgent"] = agent
        assert only(event).actor is told


@pytest.mark.parametrize("strange", [None, 7, [], {"callerSuppliedUserAgent": 7}, {"callerSuppliedUserAgent": ["pointsman/1"]}])
def test_a_user_agent_that_cannot_be_read_claims_nothing(strange: Any) -> None:
    event = sample("gcp/logentry-audit-route-policy-by-hand.json")
    event["protoPayload"]["requestMetadata"] = strange
    assert only(event).actor is Actor.SOMEBODY
    assert only(with_detail(TRAIL, userAgent=strange)).actor is Actor.SOMEBODY


@pytest.mark.parametrize(
    ("name", "kept", "key"),
    [
        ("monitoring-vpn-tunnel-down", ("project_id", "region"), "tunnel/weft-prod-1/us-east4/ha-t1"),
        ("monitoring-vpn-tunnel-down", ("project_id",), "tunnel/ha-t1"),
        ("monitoring-vpn-tunnel-down", ("region",), "tunnel/ha-t1"),
        ("monitoring-vlan-capacity", ("project_id", "region"), "vlan/weft-prod-1/us-east4/vlan-a"),
        ("monitoring-vlan-capacity", (), "vlan/vlan-a"),
    ],
)
def test_an_incident_names_a_tunnel_or_attachment_with_its_place_where_its_policy_keeps_both_labels(
    name: str, kept: tuple[str, ...], key: str
) -> None:
    event = sample(f"gcp/{name}.json")
    labels = event["incident"]["resource"]["labels"]
    for label in {"project_id", "region"}.difference(kept):
        del labels[label]
    assert only(event).member == key


def test_one_fault_told_in_four_schemas_is_one_claim() -> None:
    bodies = ["aws/cw-alarm-dx-vif-bgp-status-alarm.json", "aws/sns-lambda-cw-alarm-vif.json"]
    assert len({only(sample(name)) for name in bodies}) == 1
    notices = [only(sample(name)) for name in ("gcp/monitoring-incident-open-bgp-session.json", "gcp/pubsub-push-monitoring.json")]
    assert len({one.row for one in notices}) == 1
    assert notices[0].row.startswith("gcp|router/6983339776642123456:aws-a|monitoring.bgp|")


def test_nothing_but_a_probe_or_its_metric_speaks_for_a_probe() -> None:
    for path in SAMPLES:
        for record in decoded(path):
            if isinstance(record.meaning, Sighting) and record.meaning.vantage is Vantage.PROBE_AWS:
                assert record.meaning.aspect is Aspect.PROBE
                assert record.meaning.source in {Source.CLOUDWATCH, Source.PROBE}


def test_a_window_that_ends_before_it_starts_is_rejected() -> None:
    event = sample("aws/health-dx-maintenance-scheduled.json")
    assert isinstance(only(with_detail(event, endTime=event["detail"]["startTime"], startTime=event["detail"]["endTime"])), Rejected)


def test_pages_of_one_communication_have_keys_of_their_own() -> None:
    first, second = (only(sample(f"aws/health-dx-operational-issue-{part}.json")) for part in ("open", "page-2"))
    assert first.key != second.key
    assert first.key.rpartition("/")[0] == second.key.rpartition("/")[0]


@pytest.mark.parametrize(
    ("text", "verb", "target", "lasts", "reason"),
    [
        ("drain ix-a for 2h because fibre works", Verb.DRAIN, "ix-a", 7200, "fibre works"),
        ("DRAIN ix-a For 1h30m", Verb.DRAIN, "ix-a", 5400, ""),
        ("freeze", Verb.FREEZE, "", None, ""),
        ("pin checkout to ix-b for 30m because grey", Verb.PIN, "checkout>ix-b", 1800, "grey"),
        ("failover primary", Verb.DRAIN, "primary", None, ""),
        ("ack atlas/ix-a@41 because looking for it", Verb.ACK, "atlas/ix-a@41", None, "looking for it"),
    ],
)
def test_a_command_is_an_order(text: str, verb: Verb, target: str, lasts: int | None, reason: str) -> None:
    order = command(text)
    assert isinstance(order, Order)
    assert (order.verb, order.target, order.reason, order.author) == (verb, target, reason, "slack:U1")
    assert (order.expires_at - order.seen_at).total_seconds() == lasts if order.expires_at else lasts is None


@pytest.mark.parametrize(
    "text",
    ["drain", "drain ix-a ix-b", "pin checkout to", "drain ix-a for ever", "drain ix-a for 99d", "drain ix-a for 0m", "drain " + "x" * 200],
)
def test_an_order_that_is_not_clear_is_rejected_and_not_guessed(text: str) -> None:
    assert isinstance(command(text), Rejected)


@pytest.mark.parametrize("text", ["", "status", "help", "drains ix-a"])
def test_a_word_that_orders_nothing_is_ignored(text: str) -> None:
    assert isinstance(command(text), Ignored)


def test_a_command_delivered_twice_has_one_key() -> None:
    assert command("freeze").key == command("freeze").key != command("freeze", trigger="2").key


def command(text: str, trigger: str = "1") -> Any:
    words = text.replace(" ", "+")
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "X-Slack-Request-Timestamp": "1795166431"}
    (found,) = meanings(f"command=%2Fpointsman&user_id=U1&trigger_id={trigger}&text={words}".encode(), headers)
    return found

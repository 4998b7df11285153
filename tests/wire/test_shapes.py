"""Every shape in which trouble announces itself has a sample that means something and, beside it, one that does not."""

import pytest

from pointsman.core.sightings import Ignored
from tests.wire.samples import EVENTS, decoded

SHAPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Network Manager status of a Transit Gateway VPN": (
        ("aws/nm-status-vpn-ipsec-down", "aws/nm-status-vpn-ipsec-up", "aws/nm-status-vpn-bgp-down", "aws/nm-status-vpn-bgp-establish"),
        ("aws/nm-status-names-nothing.near-miss",),
    ),
    "Network Manager status of Cloud WAN": (
        (
            "aws/nm-status-cloudwan-vpn-ipsec-down",
            "aws/nm-status-cloudwan-vpn-ipsec-up",
            "aws/nm-status-cloudwan-vpn-bgp-down",
            "aws/nm-status-cloudwan-vpn-bgp-establish",
        ),
        ("aws/nm-status-cloudwan-names-nothing.near-miss",),
    ),
    "Network Manager status of a Connect peer": (
        ("aws/nm-status-connect-peer-bgp-down", "aws/nm-status-connect-peer-bgp-up"),
        ("aws/nm-status-connect-names-no-peer.near-miss",),
    ),
    "Network Manager status with a word that is not known": (
        ("aws/nm-status-vpn-word-not-known",),
        ("aws/nm-status-names-nothing.near-miss",),
    ),
    "Network Manager routing update": (
        (
            "aws/nm-routing-tgw-route-installed-vpn",
            "aws/nm-routing-tgw-route-uninstalled-blackhole",
            "aws/nm-routing-segment-routes-installed",
        ),
        ("aws/cloudtrail-networkmanager-route-analysis.near-miss",),
    ),
    "Network Manager topology, kebab-case keys, blank change type": (
        (
            "aws/nm-topology-dxgw-attachment-deleted",
            "aws/nm-topology-vpn-connection-deleted",
            "aws/nm-topology-kebab-case-keys",
            "aws/nm-topology-blank-change-type",
        ),
        ("aws/cloudtrail-networkmanager-create-vpc-attachment.near-miss",),
    ),
    "Network Manager policy, segment, function group": (
        ("aws/nm-policy-change-set-executed", "aws/nm-segment-attachment-mapped", "aws/nm-function-group-attachment-modified"),
        ("aws/nm-policy-change-set-ready.near-miss",),
    ),
    "Network Manager service advisory": (
        ("aws/nm-service-advisory",),
        ("aws/nm-other-detail-type.near-miss", "aws/health-abuse-advisory.near-miss"),
    ),
    "CloudWatch alarm through EventBridge": (
        ("aws/cw-alarm-dx-vif-bgp-status-alarm", "aws/cw-alarm-dx-connection-state-alarm", "aws/cw-alarm-tgw-blackhole-metric-math"),
        ("aws/cw-alarm-ec2-cpu.near-miss",),
    ),
    "CloudWatch composite alarm": (("aws/cw-alarm-composite",), ("aws/cw-alarm-composite-suppressed.near-miss",)),
    "CloudWatch alarm without enough data": (
        ("aws/cw-alarm-dx-vif-insufficient-data", "aws/sns-lambda-cw-composite-insufficient"),
        ("aws/cw-alarm-ec2-cpu.near-miss",),
    ),
    "CloudWatch alarm through SNS": (
        ("aws/sns-lambda-cw-alarm-vif", "aws/sns-lambda-cw-alarm-attachment-drops"),
        ("aws/sns-https-subscription.near-miss",),
    ),
    "CloudWatch alarm that calls a function": (
        ("aws/cw-lambda-vpn-tunnel-alarm", "aws/cw-lambda-composite"),
        ("aws/cw-lambda-rds.near-miss",),
    ),
    "CloudWatch synthetic probe": (("aws/cw-alarm-network-monitor-loss",), ("aws/cw-alarm-ec2-cpu.near-miss",)),
    "SQS batch, SNS in SQS": (("aws/sqs-batch-with-poison", "aws/sqs-nudge", "aws/sqs-deliver"), ("aws/sns-https-subscription.near-miss",)),
    "AWS Health issue, its pages and its end": (
        ("aws/health-dx-operational-issue-open", "aws/health-dx-operational-issue-page-2", "aws/health-dx-operational-issue-closed"),
        ("aws/health-ec2-issue.near-miss",),
    ),
    "AWS Health scheduled change": (("aws/health-dx-maintenance-scheduled",), ("aws/health-ec2-issue.near-miss",)),
    "AWS Health redundancy loss": (("aws/health-vpn-redundancy-loss",), ("aws/health-ec2-issue.near-miss",)),
    "CloudTrail, flat parameters": (
        ("aws/cloudtrail-ec2-replace-route", "aws/cloudtrail-dx-start-bgp-failover-test"),
        ("aws/cloudtrail-ec2-run-instances.near-miss", "aws/cloudtrail-dx-describe.near-miss"),
    ),
    "CloudTrail, nested parameters": (
        ("aws/cloudtrail-ec2-replace-transit-gateway-route", "aws/cloudtrail-ec2-modify-managed-prefix-list"),
        ("aws/cloudtrail-ec2-replace-tgw-route-denied.near-miss",),
    ),
    "CloudTrail of a service that sends events too": (
        ("aws/cloudtrail-networkmanager-execute-change-set",),
        ("aws/cloudtrail-ec2-run-instances.near-miss",),
    ),
    "CloudTrail under our own user agent": (
        ("aws/cloudtrail-ec2-own-agent-other-session",),
        ("aws/cloudtrail-dx-own-agent-look.near-miss",),
    ),
    "EventBridge schedules": (("aws/scheduler-audit-tick", "aws/eventbridge-scheduler-tick"), ("aws/ec2-instance-state-change.near-miss",)),
    "Cloud Router, BGP down": (
        (
            "gcp/logentry-router-bgp-down-link-down",
            "gcp/logentry-router-bgp-down-hold-timer",
            "gcp/logentry-router-bgp-down-maintenance",
            "gcp/logentry-router-bgp-down-no-reason",
            "gcp/logentry-router-bgp-down-the-reason",
            "gcp/logentry-router-bgp-down-config-disabled",
            "gcp/logentry-router-bgp-down-new-reason",
            "gcp/logentry-router-bgp-down-ipv6",
        ),
        ("gcp/logentry-router-id-set.near-miss", "gcp/logentry-instance-link-down.near-miss"),
    ),
    "Cloud Router, BGP up": (("gcp/logentry-router-bgp-up",), ("gcp/logentry-router-id-set.near-miss",)),
    "Cloud Router, maintenance": (("gcp/logentry-router-maintenance",), ("gcp/logentry-router-id-set.near-miss",)),
    "Cloud Router, BFD": (
        ("gcp/logentry-router-bfd-down", "gcp/logentry-router-bfd-up", "gcp/logentry-router-bfd-admin-down"),
        ("gcp/logentry-router-bfd-init.near-miss",),
    ),
    "Cloud Router, routes": (
        ("gcp/logentry-router-route-deleted", "gcp/logentry-router-route-received", "gcp/logentry-router-route-limit"),
        ("gcp/logentry-router-advertising.near-miss",),
    ),
    "Cloud Router, too many prefixes": (("gcp/logentry-router-notification-6-1",), ("gcp/logentry-router-id-set.near-miss",)),
    "Monitoring incident": (
        ("gcp/monitoring-incident-open-bgp-session", "gcp/monitoring-incident-closed-bgp-session", "gcp/pubsub-push-monitoring"),
        ("gcp/monitoring-test-message.near-miss", "gcp/monitoring-instance-cpu.near-miss"),
    ),
    "Monitoring incident closed without a recovery": (
        ("gcp/monitoring-closed-by-policy-edit", "gcp/monitoring-closed-with-a-sentence"),
        ("gcp/monitoring-test-message.near-miss",),
    ),
    "Monitoring of tunnels, interconnects and attachments": (
        (
            "gcp/monitoring-vpn-tunnel-down",
            "gcp/monitoring-interconnect-down",
            "gcp/monitoring-interconnect-circuit-down",
            "gcp/monitoring-vlan-capacity",
        ),
        ("gcp/monitoring-instance-cpu.near-miss",),
    ),
    "Interconnect outages to come": (("gcp/interconnect-expected-outages",), ("gcp/interconnect-quiet.near-miss",)),
    "Transport": (("gcp/transport-suspended",), ("gcp/networkconnectivity-transport-active",)),
    "Service Health": (
        ("gcp/service-health-interconnect", "gcp/service-health-closed-snake-case"),
        ("gcp/service-health-bigquery.near-miss",),
    ),
    "Google audit log": (
        (
            "gcp/cloudevent-structured-audit-router-patch-first",
            "gcp/logentry-audit-route-policy-by-hand",
            "gcp/logentry-audit-transport-update",
        ),
        (
            "gcp/cloudevent-audit-router-patch-last.near-miss",
            "gcp/logentry-audit-denied.near-miss",
            "gcp/logentry-audit-instance.near-miss",
        ),
    ),
    "Google audit log under our own user agent": (
        ("gcp/logentry-audit-own-agent-other-account",),
        ("gcp/logentry-audit-own-agent-denied.near-miss",),
    ),
    "Cloud Scheduler": (("gcp/scheduler-http-audit", "gcp/pubsub-push-tick"), ("gcp/cloudevent-storage-object.near-miss",)),
    "Pub/Sub push": (
        ("gcp/pubsub-push-body-logsink-bgp-down", "gcp/pubsub-push-nudge", "gcp/pubsub-push-deliver"),
        ("gcp/logentry-vpc-flow.near-miss",),
    ),
    "Pub/Sub push, ordered and delivered again": (
        ("gcp/pubsub-push-ordered-again",),
        ("gcp/pubsub-push-ordered-router-id-set.near-miss",),
    ),
    "a probe of ours": (("aws/sqs-probe-lossy", "gcp/pubsub-push-probe-clear"), ("aws/sns-https-subscription.near-miss",)),
    "CloudEvent, binary and structured": (
        ("gcp/cloudevent-binary-pubsub-bgp-down", "gcp/cloudevent-structured-pubsub-bgp-down"),
        ("gcp/cloudevent-storage-object.near-miss",),
    ),
    "CloudEvent whose data is base64": (("gcp/cloudevent-structured-base64-bgp-down",), ("gcp/cloudevent-storage-base64.near-miss",)),
    "CloudEvent whose data is an array": (("gcp/cloudevent-structured-array",), ("gcp/cloudevent-structured-array.near-miss",)),
    "Cloud VPN log": ((), ("gcp/logentry-vpn-ipsec-event", "gcp/logentry-vpn-ipsec-new-log-id.near-miss")),
    "slash command": (
        (
            "chat/apigw-http-v2-chatops-slash-command",
            "chat/slack-drain-with-reason",
            "chat/slack-freeze-plain-body",
            "chat/slack-direct-request",
        ),
        ("chat/slack-status.near-miss",),
    ),
}


def test_each_word_of_network_manager_has_a_near_miss_of_its_own() -> None:
    quiet = [near for shape, (_, near) in SHAPES.items() if shape.startswith("Network Manager") and "not known" not in shape]
    assert all(set(near).isdisjoint(other) for number, near in enumerate(quiet) for other in quiet[:number])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_samples_that_mean_something_and_a_near_miss_that_does_not(shape: str) -> None:
    telling, quiet = SHAPES[shape]
    assert quiet
    for name in telling:
        assert any(not isinstance(record.meaning, Ignored) for record in decoded(EVENTS / f"{name}.json")), name
    for name in quiet:
        assert all(isinstance(record.meaning, Ignored) for record in decoded(EVENTS / f"{name}.json")), name

"""Each mistake gives one finding: what, where, and how to mend it."""

import pytest

from tests.fabric.mistakes import ONE_MISTAKE
from tests.fabric.written import ATLAS, Edit, at, checked, edited, example, said

VPN_B1 = "{vpn: vpn-0b2c3d4e5f6071829, outside_ip: 35.84.102.209}"
VIF_B1 = "{virtual_interface: dxvif-fh2b3c4d, connection: dxcon-fg5e6f7a}"


@pytest.mark.parametrize("mistake", ONE_MISTAKE)
def test_one_mistake_gives_one_finding_at_its_place(mistake: str) -> None:
    edit, expected, word = ONE_MISTAKE[mistake]
    text = edited(edit)
    assert said(text) == [expected]
    (finding,) = checked(text).findings
    assert at(text, finding.line, finding.column).startswith(word)
    assert finding.mend


def test_all_mistakes_are_told_at_once_and_in_the_order_of_the_file() -> None:
    text = edited(
        ("    capacity: 10Gbps", "    capasity: 10Gbps"),
        ("hold: 60s,", "hold: 60,"),
        ("dxvif-fh2b3c4d", "dxvif-fgcoi6fa"),
        ("10.21.0.0/16", "10.20.128.0/17"),
        ("prefer: [ix-a, ix-b]", "prefer: [ix-a, ix-z]"),
        ("suppress_action: 6000", "suppress_action: 12001"),
        ("secret://pointsman/noc-routing-key", "R0UT1NGK3Y"),
    )
    found = checked(text).findings
    assert [finding.path for finding in found] == [
        "links.ix-a.capasity",
        "links.ix-a.timers.hold",
        "links.ix-b.members[0].aws.virtual_interface",
        "flows.training.prefixes.aws-use1[0]",
        "flows.training.prefer[1]",
        "policy.damping.suppress_action",
        "desks.noc.routing_key",
    ]


def test_a_member_of_another_kind_is_told_key_by_key() -> None:
    found = said(edited((VIF_B1, VPN_B1)))
    assert found == [
        "f.yaml:44:18: links.ix-b.members[0].aws.virtual_interface: a cross_cloud_interconnect needs this key; add it",
        (
            "f.yaml:44:24: links.ix-b.members[0].aws.vpn: does not belong to a cross_cloud_interconnect; "
            "a cross_cloud_interconnect has virtual_interface, connection here"
        ),
        (
            "f.yaml:44:52: links.ix-b.members[0].aws.outside_ip: does not belong to a cross_cloud_interconnect; "
            "a cross_cloud_interconnect has virtual_interface, connection here"
        ),
    ]


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (("routing_key: secret://pointsman/noc-routing-key", "routing_key: hunter2-0123456789"), "desks.noc.routing_key"),
        (("aws: dynamodb://us-east-1/pointsman-atlas", "aws: dynamodb://me:hunter2-0123456789@us-east-1/t"), "stores.aws"),
        (("min_severity: warning", "endpoint: https://me:hunter2-0123456789@desk.example.net"), "desks.noc.endpoint"),
        (("min_severity: warning", "token: hunter2-0123456789"), "desks.noc.token"),
        (("routing_key: secret://pointsman/noc-routing-key", "routing_key: 1234567890"), "desks.noc.routing_key"),
    ],
)
def test_a_secret_in_the_file_is_an_error_and_never_repeated(edit: Edit, path: str) -> None:
    (finding,) = checked(edited(edit)).findings
    assert finding.path == path
    assert "hunter2" not in str(finding)
    assert "1234567890" not in str(finding)


def test_findings_are_bounded_and_the_rest_is_counted() -> None:
    many = "\n".join(f"key{number}: 1" for number in range(300))
    report = checked(f"{ATLAS}\n{many}\n")
    assert (len(report.findings), report.unlisted) == (200, 100)


def test_flows_use_only_links_between_their_own_sites() -> None:
    two = edited(("prefer: [east, east-vpn]", "prefer: [east, west-vpn]"), of=example("two-regions"))
    assert said(two) == [
        (
            'f.yaml:86:20: flows.search-east.prefer[1]: "west-vpn" joins aws-usw2 and gcp-usw1, not this flow\'s sites aws-use1 and gcp-use4; '
            "permit only links between its sites"
        )
    ]


def test_recommendations_for_a_core_network_are_refused() -> None:
    found = checked(edited(("policy: {mode: observe}", "policy: {mode: recommend}"), of=example("cloud-wan"))).findings
    assert [(finding.path, finding.mend) for finding in found] == [("links.dx", "set mode: observe"), ("links.vpn", "set mode: observe")]


def test_attachments_of_another_gateway_are_refused() -> None:
    found = said(edited(("attachment-0a1a2a3a4a5a6a7a8", "tgw-attach-0a1a2a3a4a5a6a7a8"), of=example("cloud-wan")))
    assert found == ["f.yaml:28:25: links.dx.aws.attachments[0]: is not an attachment of this site's gateway; it starts with attachment-"]


def test_a_hub_knows_the_legacy_best_path_only() -> None:
    (found,) = said(edited(("best_path: legacy", "best_path: standard"), of=example("cloud-wan")))
    assert "spokes of an NCC hub choose the best path the legacy way only; write legacy" in found


def test_sessions_need_a_router() -> None:
    (found,) = said(edited(('    router: {name: cr-aws-1, id: "7081445998877665544"}\n', ""), of=example("one-vpn")))
    assert "link vpn has BGP peers here and the site names no Cloud Router" in found

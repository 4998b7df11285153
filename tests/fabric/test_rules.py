"""Every rule and every identifier, on the example that can break it."""

import pytest

from pointsman.adapters.files.rules import RULES
from pointsman.adapters.files.rules.identifiers import IDENTIFIERS
from tests.fabric.written import Edit, checked, edited, example

TWICE: dict[str, tuple[str, list[Edit], str]] = {
    "Transit Gateway": ("two-regions", [("tgw-0f102132435465768", "tgw-0e1f203142536475a")], "sites.aws-usw2.transit_gateway"),
    "virtual private gateway": (
        "two-regions",
        [
            ("transit_gateway: tgw-0e1f203142536475a", "virtual_private_gateway: vgw-0a1b2c3d4e5f60718"),
            ("transit_gateway: tgw-0f102132435465768", "virtual_private_gateway: vgw-0a1b2c3d4e5f60718"),
        ],
        "sites.aws-usw2.virtual_private_gateway",
    ),
    "router": ("two-regions", [("3010005544332211009", "4120116655443322110")], "sites.gcp-usw1.router.id"),
    "attachment": ("atlas", [("tgw-attach-0d4e5f60718293a4b", "tgw-attach-0aaaa00000000000a")], "links.vpn.aws.attachments[1]"),
    "association": (
        "atlas",
        [("1c0f0a8e-7d53-4a58-b2cf-6e1f0a5f7c22", "9eb2f0d4-2f9e-4a8b-8d0c-2f5d0c1f9a11")],
        "links.ix-b.aws.association",
    ),
    "interconnect": ("two-managed", [("mcc-bbbbbbbb", "mcc-1a2b3c4d")], "links.mc2.aws.connection"),
    "VLAN attachment": ("atlas", [("vlan-b", "vlan-a")], "links.ix-b.gcp.vlan_attachment"),
    "transport": ("two-managed", [("transports/mc-2", "transports/mc-1")], "links.mc2.gcp.transport"),
    "route policy": ("atlas", [("from-vpn", "to-ix-b")], "links.vpn.gcp.import_policy"),
    "member": ("atlas", [("{id: t4,", "{id: t2,")], "links.vpn.members[3].id"),
    "virtual interface": ("atlas", [("dxvif-fh2b3c4d", "dxvif-fgcoi6fa")], "links.ix-b.members[0].aws.virtual_interface"),
    "Direct Connect connection": ("atlas", [("dxcon-fg5e6f7a", "dxcon-fgv0etma")], "links.ix-b.members[0].aws.connection"),
    "outside address": ("atlas", [("44.210.10.8", "44.210.10.7")], "links.vpn.members[3].aws.outside_ip"),
    "tunnel": ("atlas", [("ha-t4", "ha-t3")], "links.vpn.members[3].gcp.tunnel"),
    "peer": ("atlas", [("name: aws-b", "name: aws-a")], "links.ix-b.members[0].gcp.peer.name"),
    "peer address": ("atlas", [("169.254.4.5", "169.254.1.2")], "links.vpn.members[3].gcp.peer.ip"),
    "alarm": ("atlas", [("xc-dxcon-fgv0etma-link", "xc-dxvif-fgcoi6fa-bgp")], "links.ix-a.members[0].alarms[1]"),
    "probe": (
        "atlas",
        [("{source: 10.250.2.1, target: 10.251.2.1}", "{source: 10.250.1.1, target: 10.251.1.1}")],
        "links.ix-b.probes.aws-use1",
    ),
    "prefix list": (
        "atlas",
        [
            (
                "    prefer: [ix-a, ix-b]\n",
                "    prefer: [ix-a, ix-b]\n    aws_prefix_list: {id: pl-0123456789abcdef0, route_tables: [tgw-rtb-0e5f60718293a4b5c]}\n",
            )
        ],
        "flows.training.aws_prefix_list.id",
    ),
}

ELSEWHERE = (WEST := "  gcp-usw1:\n    cloud: gcp\n    project: weft-prod-1", WEST.replace("prod-1", "prod-2"))
"""The site in the west, in a project of its own."""

SECOND_MANAGED = """
  mc2:
    kind: managed_interconnect
    between: [gcp-use4, aws-use1]
    capacity: 1Gbps
    mtu: 8500
    timers: {hold: 60s}
    mode: observe
    aws: {attachments: [tgw-attach-0ffff00000000000f], connection: mcc-bbbbbbbb, dx_gateway: 2a6b1f0e-53c1-4d3e-8a75-0f6d7c8b9a34}
    gcp: {transport: projects/weft-prod-1/locations/us-east4/transports/mc-2}
    members: [{id: m1}]
flows:"""

BROKEN: dict[str, tuple[str, list[Edit], list[tuple[str, str]]]] = {
    "route tables of a virtual private gateway": (
        "virtual-private-gateway",
        [("    virtual_private_gateway:", "    route_tables: [tgw-rtb-0e5f60718293a4b5c]\n    virtual_private_gateway:")],
        [("sites.aws-euc1.route_tables", "only a Transit Gateway has route tables here")],
    ),
    "a route table twice": (
        "atlas",
        [("route_tables: [tgw-rtb-0e5f60718293a4b5c]\n", "route_tables: [tgw-rtb-0e5f60718293a4b5c, tgw-rtb-0e5f60718293a4b5c]\n")],
        [("sites.aws-use1.route_tables[1]", "is listed twice")],
    ),
    "two gateways in one site": (
        "atlas",
        [("    route_tables:", "    core_network: core-network-0a1b2c3d4e5f60718\n    route_tables:")],
        [
            ("sites.aws-use1", "names transit_gateway and core_network"),
            ("sites.aws-use1.route_tables", "only a Transit Gateway has route tables here"),
        ],
    ),
    "a VPN with a Direct Connect gateway": (
        "one-vpn",
        [
            (
                "aws: {attachments: [tgw-attach-01112131415161718]}",
                "aws: {attachments: [tgw-attach-01112131415161718], connection: mcc-1a2b3c4d}",
            )
        ],
        [("links.vpn.aws.connection", "does not belong to a vpn")],
    ),
    "a managed interconnect without transport": (
        "managed-with-vpn",
        [("{transport: projects/weft-prod-1/locations/us-east4/transports/mc-1}", "{vlan_attachment: vlan-a}")],
        [
            ("links.mc.gcp.transport", "a managed_interconnect needs this key"),
            ("links.mc.gcp.vlan_attachment", "does not belong to a managed_interconnect"),
        ],
    ),
    "a managed interconnect with members of ours": (
        "managed-with-vpn",
        [("{id: m1, alarms: [mc-loss]}", "{id: m1, gcp: {peer: {name: p, ip: 169.254.9.9}}}")],
        [("links.mc.members[0].gcp.peer", "does not belong to a managed_interconnect")],
    ),
    "an interconnect to a Transit Gateway without its gateway": (
        "two-regions",
        [(", dx_gateway: 2fb04a5e-63cd-4e90-bd7a-4c803e9fa0b2", "")],
        [("links.east.aws.dx_gateway", "a cross_cloud_interconnect to this site needs this key")],
    ),
    "attachments of a virtual private gateway": (
        "virtual-private-gateway",
        [("    gcp: {vlan_attachment", "    aws: {attachments: [tgw-attach-0ffff00000000000f]}\n    gcp: {vlan_attachment")],
        [("links.dx.aws.attachments", "a virtual private gateway has no attachments")],
    ),
    "a link within one cloud": (
        "two-regions",
        [("between: [aws-use1, gcp-use4]", "between: [aws-use1, aws-usw2]")],
        [("links.east.between", "both sites are in aws")],
    ),
    "a flow within one cloud": (
        "two-regions",
        [("gcp-use4: [10.160.0.0/16]", "aws-usw2: [10.160.0.0/16]")],
        [
            ("flows.search-east.prefixes", "both sites are in one cloud"),
            ("flows.search-east.prefer[0]", '"east" joins aws-use1 and gcp-use4, not this flow\'s sites aws-use1 and aws-usw2'),
            ("flows.search-east.prefer[1]", '"east-vpn" joins aws-use1 and gcp-use4, not this flow\'s sites aws-use1 and aws-usw2'),
        ],
    ),
    "actions suppressed before fail-back": (
        "atlas",
        [("suppress_action: 6000", "suppress_action: 2000")],
        [("policy.damping.suppress_action", "2000 is below suppress_failback 3000")],
    ),
    "more asked of two failures than of one": (
        "atlas",
        [("observe: false}\n", "observe: false}\n  survive: {n_1: no_unplaced, n_2: no_overload}\n")],
        [("policy.survive.n_2", "no_overload is stricter than no_unplaced, which n_1 asks of a single failure")],
    ),
    "a lead that no sweep would see in time": (
        "atlas",
        [("observe: false}\n", "observe: false}\n  maintenance: {lead: 30s}\n")],
        [("policy.maintenance.lead", "30s is not between 1m and 24h")],
    ),
    "a probe to its own source": (
        "atlas",
        [("{source: 10.250.1.1, target: 10.251.1.1}", "{source: 10.250.1.1, target: 10.250.1.1}")],
        [("links.ix-a.probes.aws-use1.target", "10.250.1.1 is also the source, so the probe would answer itself")],
    ),
    "a flow of IPv6 at one site and IPv4 at the other": (
        "atlas",
        [("[10.21.0.0/16]", '["2001:db8::/32"]')],
        [("flows.training.prefixes", "the sites' prefixes share no address family: aws-use1 has IPv6, gcp-use4 has IPv4")],
    ),
    "a half-life that penalties would outgrow": (
        "atlas",
        [("half_life: 15m", "half_life: 1ms"), ("max: 60m", "max: 999999h")],
        [("policy.damping.max", "999999h is more than 32 half-lives of 1ms")],
    ),
    "an alarm with a space before its name": (
        "atlas",
        [("alarms: [xc-dxvif-fgcoi6fa-bgp,", "alarms: [' xc-dxvif-fgcoi6fa-bgp',")],
        [("links.ix-a.members[0].alarms[0]", '" xc-dxvif-fgcoi6fa-bgp" starts or ends with a space')],
    ),
    "an alarm with a space after its name": (
        "atlas",
        [("alarms: [xc-dxvif-fgcoi6fa-bgp,", "alarms: ['x ',")],
        [("links.ix-a.members[0].alarms[0]", '"x " starts or ends with a space')],
    ),
    "an alarm with a sign that no name in an event has": (
        "atlas",
        [("alarms: [xc-dxvif-fgcoi6fa-bgp,", 'alarms: ["x\\u00a0y",')],
        [("links.ix-a.members[0].alarms[0]", '"x\\u00a0y" holds a sign that is not printed')],
    ),
    "an alarm without a name": (
        "atlas",
        [("alarms: [xc-dxvif-fgcoi6fa-bgp,", "alarms: ['',")],
        [("links.ix-a.members[0].alarms[0]", '"" is not an alarm\'s name')],
    ),
    "a probe of two families": (
        "one-vpn",
        [("target: 10.251.1.1}", "target: '2001:db8::1'}")],
        [("links.vpn.probes.aws-euw1", "source and target are of two address families")],
    ),
    "nested prefixes, told against the nearest": (
        "atlas",
        [("[10.21.0.0/16]", "[10.21.0.0/16, 10.21.4.0/24, 10.21.4.128/25, 10.22.0.0/16]")],
        [
            ("flows.training.prefixes.aws-use1[1]", "10.21.4.0/24 overlaps 10.21.0.0/16 of flows.training.prefixes.aws-use1"),
            ("flows.training.prefixes.aws-use1[2]", "10.21.4.128/25 overlaps 10.21.4.0/24 of flows.training.prefixes.aws-use1"),
        ],
    ),
    "two Firestore databases of unknown places": (
        "two-regions",
        [("dynamodb://us-west-2/pointsman-tandem", "firestore://weft-prod-2/pointsman-tandem")],
        [("stores.witness", "lies in one failure domain with stores.gcp (gcp)")],
    ),
    "no store": (
        "one-vpn",
        [("  aws: dynamodb://eu-west-1/pointsman-harbour   #", "  {} #")],
        [("stores", "0 stores are declared")],
    ),
}


def text_of(name: str) -> str:
    return edited(("\nflows:", SECOND_MANAGED), of=example("atlas")) if name == "two-managed" else example(name)


def test_every_identifier_has_its_case() -> None:
    assert set(TWICE) == {what for what, _ in IDENTIFIERS}


@pytest.mark.parametrize("what", TWICE)
def test_an_identifier_is_declared_once(what: str) -> None:
    name, edits, path = TWICE[what]
    found = [finding for finding in checked(edited(*edits, of=text_of(name))).findings if "already used" in finding.text]
    assert [(finding.path, finding.text.split(' "')[0]) for finding in found] == [(path, what)]


def test_the_same_names_on_another_router_are_other_things() -> None:
    text = example("two-regions")
    assert text.count("from-vpn") == text.count("ip: 169.254.41.1") == 2
    assert checked(text).findings == ()


def test_a_tunnel_or_vlan_attachment_of_one_name_in_two_regions_or_projects_is_two_things() -> None:
    text = example("two-regions")
    assert text.count("vlan_attachment: vlan-a") == text.count("tunnel: ha-t1") == 2
    assert checked(text).findings == ()
    assert checked(text.replace("region: us-west1", "region: us-east4").replace(*ELSEWHERE)).findings == ()


def test_a_tunnel_or_vlan_attachment_of_one_name_at_two_sites_of_one_region_is_refused() -> None:
    tunnel, vlan = sorted(
        checked(example("two-regions").replace("region: us-west1", "region: us-east4")).findings, key=lambda one: -one.line
    )
    assert tunnel.text == 'tunnel "ha-t1" is already used at links.east-vpn.members[0].gcp.tunnel'
    assert vlan.text == 'VLAN attachment "vlan-a" is already used at links.east.gcp.vlan_attachment'
    assert tunnel.mend == vlan.mend == "each is declared once"


@pytest.mark.parametrize(("was", "wrong"), [("region: us-west1", "region: 7"), ("region: us-west1\n", "\n")])
def test_a_wrong_region_makes_no_two_names_one(was: str, wrong: str) -> None:
    assert [one.path.rpartition(".")[2] for one in checked(edited((was, wrong), of=example("two-regions"))).findings] == ["region"]


def test_check_says_what_alert_policies_must_tell_of_names_that_two_regions_share() -> None:
    said = [str(note.text) for note in checked(example("two-regions")).notes if "name" in note.text]
    assert [one.partition(":")[0] for one in said] == [
        'has the name of its VLAN attachment "vlan-a" in common with east',
        'has the name of its tunnel "ha-t1" in common with east-vpn',
    ]
    assert all("project_id and region" in one for one in said)
    assert [note for note in checked(example("atlas")).notes if "in common" in note.text] == []


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_is_told(case: str) -> None:
    name, edits, expected = BROKEN[case]
    found = checked(edited(*edits, of=text_of(name))).findings
    assert [(finding.path, finding.text) for finding in found] == expected


def test_every_rule_says_what_it_finds() -> None:
    assert all((rule.__doc__ or "").startswith("Find ") for rule in RULES)
    assert len(set(RULES)) == len(RULES)


def test_ipv6_flows_and_probes_are_told_apart_like_ipv4() -> None:
    text = edited(('"2001:db8:140::/48"', '"2001:db8:140::/48", "2001:db8:140:1::/64"'), of=example("vif-with-vpn"))
    assert [finding.text.split(" of ")[0] for finding in checked(text).findings] == ["2001:db8:140:1::/64 overlaps 2001:db8:140::/48"]


def test_a_repaired_value_is_not_told_twice() -> None:
    text = edited(("mtu: 8500", "mtu: small"), ("min_mtu: 8000", "min_mtu: huge"), ("demand: 6Gbps", "demand: lots"))
    assert [finding.path for finding in checked(text).findings] == ["links.ix-a.mtu", "flows.training.demand", "flows.training.min_mtu"]

"""Edits of the reference fabric that a check could stop at: names that are none, doubled and misspelt keys, wrong parts of whole objects."""

from tests.fabric.mistakes import ONE_MISTAKE
from tests.fabric.test_rules import BROKEN
from tests.fabric.written import ATLAS, Edit

SPARE = """
  spare:
    kind: vpn
    between: [aws-use1, gcp-use4]
    capacity: 1Gbps
    mtu: 1406
    timers: {hold: 30s}
    aws: {attachments: [tgw-attach-0eeee00000000000e]}
    gcp: {import_policy: from-spare, export_policy: to-spare}
    members: [{id: s1, aws: {vpn: vpn-0eeee00000000000e, outside_ip: 198.51.100.9}, gcp: {tunnel: ha-s, peer: {name: aws-s, ip: 169.254.9.1}}}]
"""
BAD_NAMES = {"VPN_1": "vpn", "Training!": "training", "GCP_4": "gcp-use4", "A" * 41: "aws-use1"}
"""Names that are none, and what stands in the good fabric instead."""


def everywhere(old: str, new: str) -> list[Edit]:
    """Replace a name wherever it stands."""
    return [(old, new)] * ATLAS.count(old)


HIDERS: dict[str, list[Edit]] = {
    "a link's name that is none": [("  vpn:   ", "  VPN_1:   "), ("prefer: [ix-a, ix-b, vpn]", "prefer: [ix-a, ix-b, VPN_1]")],
    "a link's name that is none where it is declared alone": [("  vpn:   ", "  VPN_1:   ")],
    "a flow's name that is none": [("  training: ", "  Training!: ")],
    "a Google site's name that is none": everywhere("gcp-use4", "GCP_4"),
    "an AWS site's name that is too long": everywhere("aws-use1", "A" * 41),
    "an unknown cloud at AWS": [("cloud: aws", "cloud: azure")],
    "a site without its cloud": [("    cloud: gcp\n", "")],
    "an empty cloud": [("cloud: gcp", "cloud:")],
    "links, misspelt": [("\nlinks:", "\nlink:")],
    "members, misspelt": [("    members: [{id: m1}]", "    membres: [{id: m1}]")],
    "timers, misspelt": [("    timers: {hold: 60s, g", "    timer: {hold: 60s, g")],
    "route tables, misspelt": [("    route_tables: [", "    route_table: [")],
    "no route tables' names": [("    route_tables: [tgw-rtb-0e5f60718293a4b5c]\n", "    route_tables: [tgw-rtb-x]\n")],
    "three ends": [("between: [aws-use1, gcp-use4]\n    capacity: 5Gbps", "between: [aws-use1, gcp-use4, gcp-use4]\n    capacity: 5Gbps")],
    "no ends": [("    between: [aws-use1, gcp-use4]\n    capacity: 5Gbps", "    capacity: 5Gbps")],
    "an empty Google end": [("    gcp: {transport: projects/weft-prod-1/locations/us-east4/transports/mc-1}", "    gcp:")],
    "a policy's name that is none": [("export_policy: to-ix-b", "export_policy: To_ix_b")],
    "a graceful restart without unit": [("graceful_restart: 120s", "graceful_restart: 120")],
    "members that are no list": [("    members: [{id: m1}]", "    members: m1")],
    "a key of another kind that is none either": [
        ("{virtual_interface: dxvif-fh2b3c4d,", "{virtual_interface: dxvif-fh2b3c4d, vpn: vpn-x,")
    ],
    "a link twice": [("  ix-b:\n", "  ix-a: {kind: vpn, between: [aws-use1, gcp-use4], mtu: 1, timers: {hold: 60s}}\n  ix-b:\n")],
    "links twice": [("\nflows:", f"links:{SPARE}\nflows:")],
    "timers twice, and a key in both": [
        (
            "timers: {hold: 60s, bfd",
            "timers: {hold: 60s, hold: 61, bfd: {interval: 1s, multiplier: 5}}\n    timers: {hold: 62, hold: 62s, bfd",
        )
    ],
    "an AWS end twice": [
        ("    gcp: {vlan_attachment: vlan-b", "    aws: {attachments: [tgw-attach-0aaaa00000000000a]}\n    gcp: {vlan_attachment: vlan-b")
    ],
    "a member's key twice": [("{id: t3, ", "{id: t3, id: T3, ")],
    "a threshold twice": [("down: 1000, ", "down: 1000, down: 3500, ")],
    "a flow's prefixes twice": [
        ("    demand: 6Gbps", "    prefixes: {aws-use1: [10.20.9.0/24], gcp-use4: [10.218.0.0/16]}\n    demand: 6Gbps")
    ],
    "a desk twice": [("\ndesks:\n", "\ndesks:\n  noc: {kind: phone}\n")],
}
"""What a check could stop at, each with its edits."""

MISTAKES: dict[str, list[Edit]] = {
    **{name: [edit] for name, (edit, _, _) in ONE_MISTAKE.items()},
    **{name: edits for name, (of, edits, _) in BROKEN.items() if of == "atlas"},
    **HIDERS,
}
"""Every mistake that the reference fabric can be given."""

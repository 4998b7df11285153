"""One edit of the reference fabric each, the finding it gives, and the word that stands at its place."""

from tests.fabric.written import Edit

WITNESS = "s3://pointsman-atlas-witness?endpoint=https://objects.example.net"
PIN = "aws_prefix_list: {id: pl-0123456789abcdef0, route_tables: [tgw-rtb-0e5f60718293a4b5c]}"

ONE_MISTAKE: dict[str, tuple[Edit, str, str]] = {
    "unknown key": (
        ("    capacity: 10Gbps", "    capasity: 10Gbps"),
        'f.yaml:23:5: links.ix-a.capasity: unknown key; did you mean "capacity"?',
        "capasity",
    ),
    "unknown key at the top": (("desks:", "desk:"), 'f.yaml:103:1: desk: unknown key; did you mean "desks"?', "desk:"),
    "unknown key that is like no other": (
        ("version: 1", "version: 1\nxyzzy: 1"),
        "f.yaml:3:1: xyzzy: unknown key; known here: desks, fabric, flows, links, policy, sites, stores, version",
        "xyzzy",
    ),
    "missing key": (
        ("    mtu: 1406\n", ""),
        "f.yaml:58:3: links.vpn.mtu: required key is missing; add mtu: 8500",
        "vpn:",
    ),
    "empty key": (("capacity: 10Gbps", "capacity:"), "f.yaml:23:5: links.ix-a.capacity: is empty; give it a value", "capacity:"),
    "bandwidth without unit": (
        ("capacity: 10Gbps", "capacity: 10"),
        "f.yaml:23:15: links.ix-a.capacity: 10 has no unit; write 10Gbps if you mean that",
        "10",
    ),
    "duration without unit": (
        ("hold: 60s,", "hold: 60,"),
        "f.yaml:27:20: links.ix-a.timers.hold: 60 has no unit; write 60s if you mean that",
        "60",
    ),
    "zero capacity": (
        ("capacity: 10Gbps", "capacity: 0Gbps"),
        'f.yaml:23:15: links.ix-a.capacity: "0Gbps" must be above zero; write for example 10Gbps',
        "0Gbps",
    ),
    "unit that does not exist": (
        ("capacity: 10Gbps", "capacity: 10GB"),
        'f.yaml:23:15: links.ix-a.capacity: "10GB" is not a number with one of the units kbps, Mbps, Gbps or Tbps; write for example 10Gbps',
        "10GB",
    ),
    "unknown kind": (
        ("kind: vpn", "kind: vpnn"),
        'f.yaml:59:11: links.vpn.kind: "vpnn" is not one of cross_cloud_interconnect, managed_interconnect, vpn; did you mean "vpn"?',
        "vpnn",
    ),
    "unknown cloud": (
        ("cloud: gcp", "cloud: azure"),
        'f.yaml:13:12: sites.gcp-use4.cloud: "azure" is not one of aws, gcp; write cloud: aws or cloud: gcp',
        "azure",
    ),
    "misspelt cloud": (
        ("cloud: gcp", "clod: gcp"),
        'f.yaml:12:3: sites.gcp-use4: required key cloud is missing; write cloud where it says "clod"',
        "gcp-use4",
    ),
    "number out of range": (
        ("mtu: 8500", "mtu: 90000"),
        "f.yaml:24:10: links.ix-a.mtu: 90000 is out of range; it is from 576 to 9216",
        "90000",
    ),
    "text for a number": (
        ("mtu: 8500", "mtu: wide"),
        "f.yaml:24:10: links.ix-a.mtu: must be a whole number; write for example 8500",
        "wide",
    ),
    "number for text": (
        ('account: "111122223333"', "account: 111122223333"),
        "f.yaml:8:14: sites.aws-use1.account: must be text, and this is a number or a truth value; put it in quotes",
        "111122223333",
    ),
    "identifier of another thing": (
        ("transit_gateway: tgw-0a1b2c3d4e5f60718", "transit_gateway: tgw-rtb-0e5f60718293a4b5c"),
        (
            'f.yaml:10:22: sites.aws-use1.transit_gateway: "tgw-rtb-0e5f60718293a4b5c" is not what this key takes; '
            "write for example tgw-0a1b2c3d4e5f60718"
        ),
        "tgw-rtb",
    ),
    "mapping expected": (
        ("timers: {hold: 30s}", "timers: 30s"),
        "f.yaml:65:13: links.vpn.timers: must be a mapping; indent its keys under it",
        "30s",
    ),
    "no members": (
        ("members: [{id: m1}]", "members: []"),
        "f.yaml:57:5: links.mc.members: has 0 entries and needs 1; add the missing ones",
        "members",
    ),
    "one site": (
        ("between: [aws-use1, gcp-use4]", "between: [aws-use1]"),
        "f.yaml:22:5: links.ix-a.between: has 1 entries and needs 2; add the missing ones",
        "between",
    ),
    "version of the future": (("version: 1", "version: 2"), "f.yaml:2:10: version: 2 is not 1; write 1", "2"),
    "dangling site": (
        ("between: [aws-use1, gcp-use4]", "between: [aws-use1, gcp-use5]"),
        'f.yaml:22:25: links.ix-a.between[1]: "gcp-use5" is not declared under sites; did you mean "gcp-use4"?',
        "gcp-use5",
    ),
    "dangling link": (
        ("prefer: [ix-a, ix-b, vpn]", "prefer: [ix-a, ix-bb, vpn]"),
        'f.yaml:80:20: flows.checkout.prefer[1]: "ix-bb" is not declared under links; did you mean "ix-b"?',
        "ix-bb",
    ),
    "link preferred twice": (
        ("prefer: [ix-a, ix-b, vpn]", "prefer: [ix-a, ix-b, ix-a]"),
        'f.yaml:80:26: flows.checkout.prefer[2]: "ix-a" is listed twice; keep one of the two',
        "ix-a",
    ),
    "flow at an unknown site": (
        ("prefixes: {aws-use1: [10.20.0.0/16], gcp-use4:", "prefixes: {aws-use1: [10.20.0.0/16], gcp-usw4:"),
        'f.yaml:76:42: flows.checkout.prefixes.gcp-usw4: "gcp-usw4" is not a declared site; did you mean "gcp-use4"?',
        "gcp-usw4",
    ),
    "probe from an unknown site": (
        ("gcp-use4: {source: 10.251.1.1", "gcp-use: {source: 10.251.1.1"),
        'f.yaml:32:66: links.ix-a.probes.gcp-use: "gcp-use" is not a site of this link; did you mean "gcp-use4"?',
        "gcp-use:",
    ),
    "probe from one site alone": (
        (", gcp-use4: {source: 10.251.1.1, target: 10.250.1.1}}", "}"),
        "f.yaml:32:5: links.ix-a.probes: gcp-use4 has no probe, so that nobody sees it come back; declare one from each site, or none",
        "probes",
    ),
    "both ends one site": (
        ("between: [aws-use1, gcp-use4]", "between: [aws-use1, aws-use1]"),
        "f.yaml:22:5: links.ix-a.between: both ends are the same site; name one AWS and one Google site",
        "between",
    ),
    "virtual interface twice": (
        ("dxvif-fh2b3c4d", "dxvif-fgcoi6fa"),
        (
            'f.yaml:44:43: links.ix-b.members[0].aws.virtual_interface: virtual interface "dxvif-fgcoi6fa" is already used at '
            "links.ix-a.members[0].aws.virtual_interface; each is declared once"
        ),
        "dxvif-fgcoi6fa",
    ),
    "peer address twice": (
        ("169.254.2.2", "169.254.1.2"),
        (
            'f.yaml:44:118: links.ix-b.members[0].gcp.peer.ip: peer address "169.254.1.2" is already used at '
            "links.ix-a.members[0].gcp.peer.ip; each is declared once"
        ),
        "169.254.1.2",
    ),
    "tunnel twice": (
        ("tunnel: ha-t2", "tunnel: ha-t1"),
        (
            'f.yaml:70:94: links.vpn.members[1].gcp.tunnel: tunnel "ha-t1" is already used at links.vpn.members[0].gcp.tunnel; '
            "each is declared once"
        ),
        "ha-t1",
    ),
    "attachment twice": (
        ("tgw-attach-0bbbb00000000000b", "tgw-attach-0aaaa00000000000a"),
        (
            'f.yaml:41:25: links.ix-b.aws.attachments[0]: attachment "tgw-attach-0aaaa00000000000a" is already used at '
            "links.ix-a.aws.attachments[0]; each is declared once"
        ),
        "tgw-attach-0aaaa00000000000a",
    ),
    "route policy twice": (
        ("export_policy: to-ix-b", "export_policy: from-ix-a"),
        'f.yaml:42:77: links.ix-b.gcp.export_policy: route policy "from-ix-a" is already used at links.ix-a.gcp.import_policy; each is declared once',
        "from-ix-a",
    ),
    "member twice": (
        ("{id: t2,", "{id: t1,"),
        'f.yaml:70:14: links.vpn.members[1].id: member "t1" is already used at links.vpn.members[0].id; each is declared once',
        "t1",
    ),
    "prefix list twice": (
        ("    prefer: [ix-a, ix-b]\n", f"    prefer: [ix-a, ix-b]\n    {PIN}\n"),
        (
            'f.yaml:88:27: flows.training.aws_prefix_list.id: prefix list "pl-0123456789abcdef0" is already used at '
            "flows.checkout.aws_prefix_list.id; each is declared once"
        ),
        "pl-0123456789abcdef0",
    ),
    "address that is none": (
        ("169.254.2.2", "169.254.1.300"),
        'f.yaml:44:118: links.ix-b.members[0].gcp.peer.ip: "169.254.1.300" is not an IPv4 or IPv6 address; write for example 10.250.1.1',
        "169.254.1.300",
    ),
    "host bits": (
        ("10.21.0.0/16", "10.21.0.1/16"),
        'f.yaml:83:27: flows.training.prefixes.aws-use1[0]: "10.21.0.1/16" has host bits set; write 10.21.0.0/16',
        "10.21.0.1/16",
    ),
    "IPv6 host bits": (
        ("[10.21.0.0/16]", "['2001:db8::1/32']"),
        'f.yaml:83:27: flows.training.prefixes.aws-use1[0]: "2001:db8::1/32" has host bits set; write 2001:db8::/32',
        "'2001",
    ),
    "prefix without length": (
        ("10.21.0.0/16", "10.21.0.0"),
        'f.yaml:83:27: flows.training.prefixes.aws-use1[0]: "10.21.0.0" is not a prefix; write for example 10.20.0.0/16',
        "10.21.0.0",
    ),
    "overlap": (
        ("10.21.0.0/16", "10.20.128.0/17"),
        (
            "f.yaml:83:27: flows.training.prefixes.aws-use1[0]: 10.20.128.0/17 overlaps 10.20.0.0/16 of flows.checkout.prefixes.aws-use1; "
            "an address belongs to one flow and one site"
        ),
        "10.20.128.0/17",
    ),
    "overlap across the clouds": (
        ("10.217.0.0/16", "10.20.0.0/16"),
        (
            "f.yaml:83:53: flows.training.prefixes.gcp-use4[0]: 10.20.0.0/16 overlaps 10.20.0.0/16 of flows.checkout.prefixes.aws-use1; "
            "an address belongs to one flow and one site"
        ),
        "10.20.0.0/16",
    ),
    "probe inside a flow": (
        ("source: 10.250.1.1", "source: 10.20.1.1"),
        (
            "f.yaml:32:33: links.ix-a.probes.aws-use1.source: 10.20.1.1 lies in 10.20.0.0/16 of flow checkout, "
            "so the probe would be steered with it; probe from addresses outside every flow"
        ),
        "10.20.1.1",
    ),
    "MTU above every link": (
        ("min_mtu: 8000", "min_mtu: 9000"),
        "f.yaml:86:14: flows.training.min_mtu: 9000 is above the MTU of every permitted link (at most 8500); lower it or permit a wider link",
        "9000",
    ),
    "pin to an undeclared route table": (
        (PIN, PIN.replace("4b5c", "4b5d")),
        (
            'f.yaml:81:64: flows.checkout.aws_prefix_list.route_tables[0]: "tgw-rtb-0e5f60718293a4b5d" is not a declared route table of '
            'the flow\'s AWS site; did you mean "tgw-rtb-0e5f60718293a4b5c"?'
        ),
        "tgw-rtb-0e5f60718293a4b5d",
    ),
    "suppress above the ceiling": (
        ("suppress_action: 6000", "suppress_action: 12001"),
        (
            "f.yaml:96:95: policy.damping.suppress_action: 12001 is not below the ceiling 12000 that a penalty can reach "
            "(reuse x 2^(max / half_life)); lower it or raise max"
        ),
        "12001",
    ),
    "suppress at the ceiling": (
        ("suppress_action: 6000", "suppress_action: 12000"),
        (
            "f.yaml:96:95: policy.damping.suppress_action: 12000 is not below the ceiling 12000 that a penalty can reach "
            "(reuse x 2^(max / half_life)); lower it or raise max"
        ),
        "12000",
    ),
    "suppress at the first failure": (
        ("suppress_failback: 3000", "suppress_failback: 1000"),
        (
            "f.yaml:96:72: policy.damping.suppress_failback: 1000 is not above reuse 750 and the penalty 1000 of one failure; "
            "raise it: a first failure is never damped"
        ),
        "1000",
    ),
    "events too short-lived": (
        ("event: 10m", "event: 4m"),
        "f.yaml:95:22: policy.freshness.event: 4m is not above 4m: link ix-a's convergence budget and the sweep interval; raise it above 4m",
        "4m",
    ),
    "hold time that BGP has not": (
        ("timers: {hold: 30s}", "timers: {hold: 2s}"),
        "f.yaml:65:20: links.vpn.timers.hold: 2s is not a BGP hold time; it is at least 3s",
        "2s",
    ),
    "BFD on a VPN": (
        ("timers: {hold: 30s}", "timers: {hold: 30s, bfd: {interval: 1s, multiplier: 5}}"),
        "f.yaml:65:25: links.vpn.timers.bfd: Cloud VPN does not speak BFD; remove it: the hold time counts",
        "bfd",
    ),
    "one policy of two": (
        (", export_policy: to-vpn", ""),
        "f.yaml:67:5: links.vpn.gcp: has an import_policy and no export_policy; add export_policy: both directions move together",
        "gcp",
    ),
    "no attachment": (
        ("aws: {attachments: [tgw-attach-0bbbb00000000000b], ", "aws: {"),
        "f.yaml:41:5: links.ix-b.aws.attachments: the link names no attachment; add attachments: [tgw-attach-..]",
        "aws",
    ),
    "no gateway": (
        ("    transit_gateway: tgw-0a1b2c3d4e5f60718\n", ""),
        "f.yaml:6:3: sites.aws-use1: names no gateway; name one of transit_gateway, core_network, virtual_private_gateway",
        "aws-use1",
    ),
    "managed interconnect that is to be steered": (
        ("    mode: recommend\n", ""),
        "f.yaml:46:3: links.mc: cannot be steered yet: a managed interconnect has no peers of ours to steer by; set mode: observe",
        "mc:",
    ),
    "link without a lever that is to be steered": (
        ("{import_policy: from-vpn, export_policy: to-vpn}", "{}"),
        "f.yaml:58:3: links.vpn: cannot be steered yet: it declares no route policies (gcp.import_policy and gcp.export_policy); set mode: observe",
        "vpn:",
    ),
    "secret in plain text": (
        ("secret://pointsman/noc-routing-key", "R0UT1NGK3Y"),
        (
            "f.yaml:104:39: desks.noc.routing_key: must be a reference to a secret, never the secret itself; "
            "keep it in the secret store and write secret://PATH"
        ),
        "R0UT1NGK3Y",
    ),
    "store of no kind": (
        ("dynamodb://us-east-1/pointsman-atlas", "mysql://us-east-1/pointsman-atlas"),
        "f.yaml:99:8: stores.aws: is not a store URL; a store URL starts with dynamodb://, firestore://, s3:// or sqlite:///",
        "mysql",
    ),
    "store without a place": (
        (WITNESS, "s3://witness"),
        "f.yaml:101:12: stores.witness: is not a store URL; write it as s3://BUCKET?endpoint=https://HOST, or ?region=REGION for a bucket on AWS",
        "s3",
    ),
    "two stores in one failure domain": (
        (WITNESS, "dynamodb://us-east-1/other"),
        (
            "f.yaml:101:12: stores.witness: lies in one failure domain with stores.aws (aws/us-east-1); "
            "put it elsewhere, or name its region or location"
        ),
        "dynamodb",
    ),
    "a witness beside the table": (
        (WITNESS, "s3://witness?endpoint=https://s3.us-east-1.amazonaws.com"),
        (
            "f.yaml:101:12: stores.witness: lies in one failure domain with stores.aws (aws/us-east-1); "
            "put it elsewhere, or name its region or location"
        ),
        "s3",
    ),
    "keys for a witness that is no bucket": (
        (WITNESS, "dynamodb://eu-west-1/other\n  witness_key: secret://pointsman/witness-key"),
        "f.yaml:102:16: stores.witness_key: only a witness in an s3:// bucket is enciphered by us; leave it out",
        "secret",
    ),
    "two stores": (
        (f"  witness: {WITNESS}\n", ""),
        "f.yaml:98:1: stores: 2 stores are declared; declare aws, gcp and witness, or one alone for trying out",
        "stores",
    ),
    "a name that is none": (
        ("  noc: {", "  N O C: {"),
        "f.yaml:104:3: desks.N O C: is not a name; use a-z, 0-9 and hyphens, 40 characters at most",
        "N O C",
    ),
    "key twice": (
        ("policy:\n", "policy:\n  mode: auto\n"),
        "f.yaml:91:3: policy.mode: this key is here twice, first in line 90 column 3; keep one of the two",
        "mode: auto",
    ),
}

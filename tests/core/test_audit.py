"""The audit's checks: what each of them names, and what only looks like it."""

import re
from collections.abc import Sequence

import pytest

from pointsman.core.analysis import Analysis
from pointsman.core.audit.audit import audit
from pointsman.core.audit.capacity import capacity
from pointsman.core.audit.findings import TITLES, Check, Finding, Severity, mend, repair
from pointsman.core.audit.seen import Attachment, End, Seen, Unread
from pointsman.core.fabric import Bfd, Cloud, Fabric, LinkName, MemberId, Mode, Policy, Survival, Survive
from pointsman.core.values import replace
from pointsman.core.wants import route_policies
from tests.core.audited import DRAINED, IX_A, IX_B, NOW, aws, checks, found, gcp, planned
from tests.core.scene import ATLAS, AWS, CHECKOUT, GCP, TRAINING, G, Story, fabric, flow, link, seconds, vpn


def test_every_check_has_a_title() -> None:
    assert set(TITLES) == set(Check)


def test_a_finding_keeps_its_id_whatever_its_words_and_no_two_share_one() -> None:
    one = Finding(check=Check.MTU, subject="ix-a", severity=Severity.NOTE, text="a")
    assert one.id == replace(one, severity=Severity.ERROR, text="b", fix="c").id == "d9c09d967f83"
    assert len({one.id, replace(one, subject="ix-b").id, replace(one, check=Check.TIMERS).id}) == 3


def test_what_is_as_planned_and_declared_gives_no_finding() -> None:
    levers = tuple(route_policies(ATLAS, planned(), one) for one in ATLAS.links)
    wired = tuple(
        Attachment(id=one, association="tgw-rtb-9", propagates=("tgw-rtb-1",)) for held in ATLAS.links for one in held.aws.attachments
    )
    shown = aws(attachments=wired, entries=(), mtus={IX_A: 8500}, allowed={IX_A: ("10.20.0.0/16", "10.21.0.0/16")})
    assert audit(ATLAS, planned(), (shown, gcp(levers=levers, mtus={IX_A: 8896})), NOW) == ()


# Wiring


def test_a_missing_association_and_a_missing_propagation_are_told_apart() -> None:
    two = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G))
    wired = (Attachment(id="tgw-attach-1", propagates=("tgw-rtb-1",)), Attachment(id="tgw-attach-2", association="tgw-rtb-9"))
    told = {one.check: one for one in found(aws(attachments=wired), start=two)}
    assert {check: one.subject for check, one in told.items()} == {
        Check.ASSOCIATION: "tgw-attach-1",
        Check.PROPAGATION: "tgw-attach-2 tgw-rtb-1",
    }
    both = "--transit-gateway-route-table-id tgw-rtb-1 --transit-gateway-attachment-id tgw-attach-2 --region us-east-1"
    assert told[Check.PROPAGATION].fix == f"aws ec2 enable-transit-gateway-route-table-propagation {both}"


def test_attachments_that_could_not_be_read_are_not_called_unwired() -> None:
    assert checks(aws(attachments=None)) == []
    assert set(checks(aws(attachments=()))) == {Check.ASSOCIATION, Check.PROPAGATION}


def end(**parts: object) -> End:
    return End(link=IX_B, member=MemberId("m1"), name="aws-2", **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "fix"),
    [
        (
            End(link=IX_A, member=MemberId("m1"), name="dxvif-1", up=False),
            "aws directconnect describe-virtual-interfaces --virtual-interface-id dxvif-1 --region us-east-1",
        ),
        (
            End(link=IX_A, member=MemberId("m1"), name="dxvif-1", up=True, learned=()),
            "aws directconnect list-virtual-interface-routes --virtual-interface-id dxvif-1 --filters routeDirection=accepted --region us-east-1",
        ),
        (
            End(link=LinkName("vpn"), member=MemberId("t1"), name="vpn-1:203.0.113.1", up=False),
            "aws ec2 describe-vpn-connections --vpn-connection-ids vpn-1 --region us-east-1",
        ),
    ],
)
def test_what_shows_the_aws_end_of_a_standby_is_a_call_of_the_service_that_holds_it(one: End, fix: str) -> None:
    assert [told.show for told in found(aws(ends=(one,)))] == [fix]


def test_a_standby_that_did_not_learn_a_flows_prefix_is_none() -> None:
    (one,) = found(gcp(ends=(end(up=True, accepted=1, learned=("10.20.0.0/16",)),)))
    assert one.check is Check.STANDBY
    assert "10.21.0.0/16 was not learned" in one.text
    assert "list-bgp-routes cr-aws-1 --peer=aws-2" in one.show


@pytest.mark.parametrize(
    ("learned", "families"),
    [
        (("10.20.0.0/16", "10.21.0.0/16"), ["IPV6"]),
        (("fd00:20::/48",), ["IPV4"]),
        ((), ["IPV4", "IPV6"]),
        (None, ["IPV4", "IPV6"]),
    ],
)
def test_what_shows_the_routes_at_google_asks_for_the_family_of_what_is_missing(
    learned: tuple[str, ...] | None, families: list[str]
) -> None:
    six = replace(CHECKOUT, prefixes={AWS: ("10.20.0.0/16", "fd00:20::/48"), GCP: ("10.220.0.0/16", "fd00:220::/48")})
    (one,) = found(gcp(ends=(end(up=learned is not None, learned=learned),)), start=fabric(flows=(six, TRAINING)))
    assert re.findall("--address-family=(IPV[46])", one.show) == families
    assert all(call.startswith("gcloud compute routers list-bgp-routes cr-aws-1 ") for call in one.show.split(" && "))


@pytest.mark.parametrize(
    "parts",
    [
        {"up": True, "learned": ("10.0.0.0/8",)},
        {"up": True, "accepted": 2},
        {"up": None, "accepted": None, "learned": None},
    ],
)
def test_a_standby_that_covers_every_prefix_or_of_which_nothing_is_known_is_let_be(parts: dict[str, object]) -> None:
    assert checks(gcp(ends=(end(**parts),))) == []


@pytest.mark.parametrize("parts", [{"up": True, "accepted": 0}, {"up": False}])
def test_a_standby_that_accepts_nothing_is_none(parts: dict[str, object]) -> None:
    assert checks(gcp(ends=(end(**parts),))) == [Check.STANDBY]
    assert checks(gcp(ends=(end(**parts),)), planned(links={IX_B: DRAINED})) == []


def test_a_gateway_that_may_not_announce_a_flows_prefix_is_an_error_and_names_the_prefix_to_add() -> None:
    (one,) = found(aws(allowed={IX_A: ("10.20.0.0/16",)}))
    assert (one.check, one.severity) == (Check.ALLOWED_PREFIXES, Severity.ERROR)
    assert "cidr=10.21.0.0/16" in one.fix


def test_a_summary_loses_to_a_vpn_only_for_flows_that_may_use_one() -> None:
    (one,) = found(aws(allowed={IX_A: ("10.0.0.0/8",)}))
    assert (one.severity, "10.20.0.0/16" in one.text, "10.21.0.0/16" in one.text) == (Severity.WARNING, True, False)
    assert checks(aws(allowed={IX_A: ("10.0.0.0/8",)}), start=fabric(link("ix-a", 10 * G), link("ix-b", 5 * G))) == []


# Matching


@pytest.mark.parametrize(("hold", "told"), [(60, []), (120, [Check.TIMERS]), (20, [Check.TIMERS])])
def test_the_smaller_hold_time_of_both_sides_is_held_against_the_fabric(hold: int, told: list[Check]) -> None:
    assert checks(gcp(ends=(end(hold=seconds(hold)),))) == told


def test_a_vpns_hold_time_is_what_aws_offers_however_long_google_would_wait() -> None:
    tunnel = End(link=LinkName("vpn"), member=MemberId("t1"), name="aws-vpn-1", hold=seconds(60))
    assert checks(gcp(ends=(tunnel,))) == []
    assert checks(gcp(ends=(tunnel,)), start=fabric(replace(vpn(), timers=replace(vpn().timers, hold=seconds(60))))) == [Check.TIMERS]


@pytest.mark.parametrize(("bfd", "told"), [(0, []), (5, [Check.TIMERS]), (None, [])])
def test_bfd_that_is_not_declared_is_told(bfd: float | None, told: list[Check]) -> None:
    assert checks(gcp(ends=(end(bfd=None if bfd is None else seconds(bfd)),))) == told


def test_bfd_that_is_declared_is_set_with_its_intervals_and_multiplier_and_other_bfd_is_ended() -> None:
    timers = replace(ATLAS.link("ix-b").timers, bfd=Bfd(interval=seconds(1), multiplier=5))
    declared = fabric(link("ix-a", 10 * G), replace(link("ix-b", 5 * G), timers=timers), vpn())
    heard = gcp(ends=(end(up=True, bfd=seconds(30)),))
    (one,) = found(heard, start=declared)
    assert one.fix == (
        "gcloud compute routers update-bgp-peer cr-aws-1 --peer-name=aws-2 --bfd-session-initialization-mode=ACTIVE"
        " --bfd-min-receive-interval=1000 --bfd-min-transmit-interval=1000 --bfd-multiplier=5 --region us-east4 --project weft-prod-1"
    )
    (one,) = found(heard)
    assert "--bfd-session-initialization-mode=DISABLED --region" in one.fix


@pytest.mark.parametrize(("far", "told"), [(3, []), (5, []), (6, [Check.TIMERS]), (0, [Check.TIMERS]), (None, [])])
def test_a_far_end_whose_bfd_is_slower_than_declared_or_does_not_answer_is_told(far: float | None, told: list[Check]) -> None:
    timers = replace(ATLAS.link("ix-b").timers, bfd=Bfd(interval=seconds(1), multiplier=5))
    declared = fabric(link("ix-a", 10 * G), replace(link("ix-b", 5 * G), timers=timers))
    heard = gcp(ends=(end(up=True, bfd=seconds(5), far_bfd=None if far is None else seconds(far)),))
    assert checks(heard, start=declared) == told
    for one in found(heard, start=declared):
        assert (one.subject, {each.side for each in one.evidence}) == ("ix-b aws-2 far bfd", {"aws", "gcp", "fabric"})


@pytest.mark.parametrize("mode", [Mode.RECOMMEND, Mode.AUTO])
def test_what_no_command_mends_says_between_what_to_decide(mode: Mode) -> None:
    start = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G, mode=mode), vpn())
    (held,) = found(gcp(ends=(end(hold=seconds(20)),)), start=start)
    (small,) = found(gcp(mtus={IX_B: 8200}), start=start)
    assert [one.fix for one in (held, small)] == ["", ""]
    assert repair(start, held).startswith("decide: declare timers: {hold: 20s} for ix-b in the fabric file and adopt it, or ")
    assert repair(start, small).startswith("decide: raise the MTU of both ends to 8500, ")
    assert "declare mtu: 8200 for it" in mend(small)


@pytest.mark.parametrize(
    ("sizes", "severity"),
    [
        ((8500, 8896), None),
        ((8500, 1500), Severity.ERROR),
        ((8200, 8896), Severity.WARNING),
        ((9001, 8896), None),
    ],
)
def test_the_smaller_mtu_of_both_sides_is_held_against_the_fabric(sizes: Sequence[int], severity: Severity | None) -> None:
    both = (aws(mtus={IX_A: sizes[0]}), gcp(mtus={IX_A: sizes[1]}))
    assert [one.severity for one in audit(ATLAS, planned(), both, NOW)] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("declared", "sizes", "says"),
    [
        (1500, (8500, 1500), "aws sends packets of up to 8500 bytes over it, and gcp takes 1500"),
        (1500, (1500, 8896), "gcp sends packets of up to 8896 bytes over it, and aws takes 1500"),
        (1440, (1500, 1440), "aws sends packets of up to 1500 bytes over it, and gcp takes 1440"),
        (1400, (1500, 8896), "gcp sends packets of up to 8896 bytes over it, and aws takes 1500"),
        (1500, (8500, 8896), ""),
        (1500, (1500, 1500), ""),
    ],
)
def test_ends_of_one_link_that_carry_packets_of_different_size_are_told(declared: int, sizes: Sequence[int], says: str) -> None:
    start = fabric(link("ix-a", 10 * G, mtu=declared), link("ix-b", 5 * G))
    told = audit(start, None, (aws(mtus={IX_A: sizes[0]}), gcp(mtus={IX_A: sizes[1]})), NOW)
    assert [one.subject for one in told] == ["ix-a ends"] * bool(says)
    for one in told:
        assert (one.check, one.severity, one.link) == (Check.MTU, Severity.WARNING, IX_A)
        assert says in one.text
        assert {each.side for each in one.evidence} == {"aws", "gcp", "fabric"}


def test_an_end_whose_size_nobody_knows_is_not_called_different() -> None:
    start = fabric(link("ix-a", 10 * G, mtu=1500), link("ix-b", 5 * G))
    assert checks(aws(mtus={IX_A: 8500}), start=start) == []


def test_peers_of_the_same_name_at_two_routers_are_told_of_each_for_itself() -> None:
    wrong = {"up": False, "priority": 500, "hold": seconds(20), "bfd": seconds(9)}
    ends = tuple(End(link=name, member=MemberId("m1"), name="aws-0", **wrong) for name in (IX_A, IX_B))  # type: ignore[arg-type]
    told = found(gcp(ends=ends))
    both = {(check, link) for check in (Check.STANDBY, Check.BASE_PRIORITY, Check.TIMERS) for link in (IX_A, IX_B)}
    assert {(one.check, one.link) for one in told} == both
    assert len(told) == len({one.id for one in told}) == 8, "two of timers each: the hold time and BFD"


def test_the_far_ends_of_peers_of_the_same_name_are_told_of_each_for_itself() -> None:
    timers = replace(ATLAS.link("ix-b").timers, bfd=Bfd(interval=seconds(1), multiplier=5))
    declared = fabric(*(replace(link(name, 10 * G), timers=timers) for name in ("ix-a", "ix-b")))
    ends = tuple(End(link=name, member=MemberId("m1"), name="aws-0", up=True, bfd=seconds(5), far_bfd=seconds(0)) for name in (IX_A, IX_B))
    assert {one.link for one in found(gcp(ends=ends), start=declared)} == {IX_A, IX_B}


@pytest.mark.parametrize(("priorities", "told"), [((100, 100), 0), ((200, 200), 0), ((201, 201), 2), ((100, 150), 1)])
def test_base_priorities_stay_below_region_costs_and_are_equal_on_one_link(priorities: Sequence[int], told: int) -> None:
    ends = tuple(End(link=IX_B, member=MemberId(f"m{at}"), name=f"p{at}", priority=one) for at, one in enumerate(priorities))
    assert checks(gcp(ends=ends)) == [Check.BASE_PRIORITY] * told


# What happened


def test_what_could_not_be_read_is_a_finding_of_its_own() -> None:
    (one,) = found(gcp(unread=(Unread(what="peers of cr-aws-1", why="denied"),)))
    assert (one.check, one.severity) == (Check.UNREAD, Severity.WARNING)
    assert one.show == "pointsman audit FABRIC"


@pytest.mark.parametrize(
    ("cloud", "why", "fix"),
    [
        (Cloud.AWS, "access denied: allow ec2:SearchTransitGatewayRoutes", "--action-names ec2:SearchTransitGatewayRoutes"),
        (Cloud.GCP, "answered with 403: grant logging.logEntries.list", "gcloud projects get-iam-policy weft-prod-1 "),
        (Cloud.GCP, "did not answer", "pointsman audit FABRIC"),
    ],
)
def test_what_could_not_be_read_names_the_command_that_shows_the_right(cloud: Cloud, why: str, fix: str) -> None:
    (one,) = found(Seen(cloud=cloud, unread=(Unread(what="a part", why=why),)))
    assert fix in one.show


def test_what_could_not_be_read_says_how_much_of_the_other_cloud_was() -> None:
    denied = gcp(unread=(Unread(what="the audit log", why="denied"),))
    for other, says in (
        (aws(entries=()), "every part was read"),
        (aws(mtus={IX_A: 8500}, unread=(Unread(what="static routes", why="x"),)), "read, but for static routes"),
        (aws(unread=(Unread(what="all of aws", why="x"),)), "nothing could be read"),
    ):
        (one,) = (one for one in audit(ATLAS, planned(), (denied, other), NOW) if one.subject == "gcp the audit log")
        assert {each.side: each.says for each in one.evidence} == {"gcp": "denied", "aws": says}


# Capacity


def surviving(bar: Survival = Survival.NO_OVERLOAD) -> Fabric:
    flows = (flow("checkout", 1 * G, 1, ("ix-a", "ix-b"), 20), flow("training", 6 * G, 5, ("ix-a", "ix-b"), 21))
    return fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=flows, policy=Policy(mode=Mode.AUTO, survive=Survive(n_1=bar)))


def test_a_single_failure_that_the_policy_forbids_the_outcome_of_is_a_warning() -> None:
    told = tuple(capacity(surviving(Survival.NO_OVERLOAD)))
    assert {one.subject: one.severity for one in told}["ix-a"] is Severity.WARNING
    assert {one.subject for one in told} >= {
        one.failure.name for one in Analysis(surviving(Survival.NO_OVERLOAD)).outcomes(1) if one.breaks
    }


def test_a_forbidden_failure_says_what_stands_on_those_links_now() -> None:
    start = surviving(Survival.NO_OVERLOAD)
    plan = Story(start).all_healthy(0).decided(1)
    told = {one.subject: {each.side: each.says for each in one.evidence} for one in capacity(start, plan)}
    assert told["ix-a"] == {"fabric": "survive.n_1: no_overload", "plan": "at epoch 1 checkout, training on ix-a"}


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (Mode.RECOMMEND, ["checkout, training moved once a person approves"]),
        (Mode.OBSERVE, ["checkout, training moved by BGP alone, once the link is cut"]),
        (Mode.AUTO, []),
    ],
)
def test_a_forbidden_failure_says_which_moves_are_not_ours_to_make(mode: Mode, says: list[str]) -> None:
    start = surviving(Survival.NO_OVERLOAD)
    told = capacity(replace(start, links=(replace(start.links[0], mode=mode), start.links[1])))
    assert [each.says for one in told if one.subject == "ix-a" for each in one.evidence][1:] == says


def test_overload_that_the_policy_allows_is_no_finding() -> None:
    assert list(capacity(surviving(Survival.ANYTHING))) == []

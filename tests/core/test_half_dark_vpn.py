"""A VPN of which some tunnels are down is still where traffic goes, while packets are seen to pass a tunnel that is left."""

import pytest

from pointsman.core.adopting import stranded
from pointsman.core.fabric import Bandwidth, FlowName, Mode, ProbePair
from pointsman.core.plan import Placement, Verdict
from pointsman.core.sightings import Aspect, Health, Sighting, Vantage
from pointsman.core.steering import Stance
from pointsman.core.values import replace
from pointsman.core.wants import route_policies
from tests.core.scene import (
    AWS,
    CHECKOUT,
    GCP,
    NUMBERS,
    G,
    Story,
    aws_bgp,
    aws_probe,
    claim,
    fabric,
    flow,
    gcp_bgp,
    gcp_probe,
    healthy,
    link,
    vpn,
)

ATLAS = fabric(link("ix-a", 10 * G), vpn(), flows=(replace(CHECKOUT, prefer=(link("ix-a", G).name, vpn().name)),))
CHECK = CHECKOUT.name


def tunnel(number: int, health: Health, at: float) -> tuple[Sighting, ...]:
    """Tell of one tunnel, as both clouds see it and as Google's end carries it."""
    names = (f"vpn-{(number + 1) // 2}:35.0.0.{number}", f"router/77:169.254.3.{4 * number}")
    sessions = (claim(vantage, name, health, at) for vantage, name in zip((Vantage.AWS, Vantage.GCP), names, strict=True))
    return (*sessions, claim(Vantage.GCP, f"tunnel/ha-t{number}", health, at, aspect=Aspect.IPSEC))


def word(dark: object) -> Health:
    return Health.DOWN if dark else Health.UP


def on_the_vpn() -> Story:
    story = Story(ATLAS).all_healthy(0)
    story.decided(1)
    story.note(*aws_probe("ix-a", Health.DOWN, 10), *gcp_probe("ix-a", Health.DOWN, 10), *healthy("vpn", 10)).decided(11)
    assert story.plan.flows[CHECK] == Placement(link=vpn().name, only=True)
    return story


def grey(story: Story, at: float) -> Story:
    return story.note(*aws_probe("ix-a", Health.DOWN, at), *gcp_probe("ix-a", Health.DOWN, at))


def dropped(story: Story) -> bool:
    exports = route_policies(ATLAS, story.plan, ATLAS.link("ix-a")).exports
    return [one.stance for one in exports] == [Stance.DROP]


@pytest.mark.parametrize("dark", [(1,), (2, 3), (1, 2, 4)])
def test_the_drop_stays_while_packets_pass_a_tunnel_that_is_left(dark: tuple[int, ...]) -> None:
    story = on_the_vpn()
    for number in (1, 2, 3, 4):
        story.note(*tunnel(number, word(number in dark), 20))
    story.decided(21)
    assert story.plan.links[vpn().name].verdict is Verdict.DEGRADED
    assert (story.plan.flows[CHECK].link, dropped(story)) == ("vpn", True)


def test_a_drop_begins_towards_a_vpn_that_lost_a_tunnel_before() -> None:
    story = Story(ATLAS).all_healthy(0).note(*tunnel(1, Health.DOWN, 5))
    story.decided(6)
    grey(story, 10).decided(11)
    assert (story.plan.flows[CHECK], dropped(story)) == (Placement(link=vpn().name, only=True), True)


def test_no_tunnel_counts_as_left_whose_session_is_lost() -> None:
    story = on_the_vpn()
    for number in (1, 2):
        story.note(*tunnel(number, Health.DOWN, 20))
    for number in (3, 4):
        story.note(claim(Vantage.AWS, f"vpn-2:35.0.0.{number}", Health.DOWN, 20))
    story.decided(21)
    assert not dropped(story)


def test_no_tunnel_counts_as_left_of_which_no_packet_was_seen() -> None:
    story = on_the_vpn()
    story.note(*tunnel(1, Health.DOWN, 200), claim(Vantage.AWS, "vpn-2:35.0.0.3", Health.UP, 200), *healthy("ix-a", 150))
    grey(story, 200).decided(201)
    assert story.plan.links[vpn().name].verdict is Verdict.DEGRADED
    assert not dropped(story)


def test_word_that_the_whole_vpn_loses_packets_ends_the_drop_whatever_its_tunnels_say() -> None:
    story = on_the_vpn()
    whole = claim(Vantage.GCP, "vpn-1", Health.DOWN, 20, aspect=Aspect.ROUTE)
    grey(story.note(*tunnel(1, Health.DOWN, 20), whole), 20).decided(21)
    assert not dropped(story)


def test_a_flow_that_aws_may_not_be_led_to_the_vpn_with_is_told_why() -> None:
    story = Story(ATLAS).all_healthy(0)
    story.decided(1)
    story.note(*aws_bgp("vpn", Health.UP, 200), *gcp_bgp("vpn", Health.UP, 200))
    grey(story, 200).decided(201)
    (why,) = (reason for reason in story.plan.reasons if reason.about == "checkout")
    assert story.plan.flows[CHECK] == Placement(link=vpn().name)
    assert why.refused["drop on interconnects"].startswith("no fresh forwarding evidence shows vpn passing packets")


def test_a_demand_that_the_tunnels_left_do_not_carry_is_squeezed_there_and_not_split_from_its_other_direction() -> None:
    big = replace(CHECKOUT, prefer=ATLAS.flows[0].prefer, demand=Bandwidth(4 * G))
    story = Story(replace(ATLAS, flows=(big,))).all_healthy(0)
    story.decided(1)
    grey(story.note(*healthy("vpn", 10), *tunnel(1, Health.DOWN, 10)), 10).decided(11)
    placed = story.plan.flows[FlowName("checkout")]
    assert (placed.link, placed.only, placed.squeezed_by) == ("vpn", True, G // 4)


def test_a_link_that_drops_for_a_vpn_is_not_let_go_of_while_it_does() -> None:
    roomy = fabric(link("ix-a", 10 * G), link("ix-c", 10 * G), vpn(), flows=ATLAS.flows)
    story = Story(roomy).all_healthy(0)
    story.decided(1)
    grey(story, 10).note(*healthy("vpn", 10)).decided(11)
    left_alone = replace(roomy, links=tuple(replace(one, mode=Mode.OBSERVE) if one.name == "ix-c" else one for one in roomy.links))
    assert list(stranded(story.plan, roomy, roomy)) == []
    (why,) = stranded(story.plan, roomy, left_alone)
    assert "ix-c drops prefixes of a flow that is on a VPN" in why
    assert list(stranded(story.plan, left_alone, left_alone)) == [], "what was observed before drops nothing of ours"


@pytest.mark.parametrize("dark", [(), (1,)])
@pytest.mark.parametrize(("share", "drops"), [(0.2, True), (0.99, False), (None, False)])
def test_the_drop_stays_while_load_explains_what_the_vpn_loses_and_it_passes_the_rest(
    *, share: float | None, dark: tuple[int, ...], drops: bool
) -> None:
    """A flow that may be on the interconnects alone has no place, and falls to the VPN while AWS's drains hide them."""
    both = (link("ix-a", G).name, link("ix-b", G).name)
    alone = flow("training", 6 * G, 5, both, 21)
    number = NUMBERS["vpn"]
    seen = ((AWS, f"10.250.{number}.1", f"10.251.{number}.1"), (GCP, f"10.251.{number}.1", f"10.250.{number}.1"))
    probed = replace(vpn(), probes=tuple(ProbePair(site=site, source=source, target=target) for site, source, target in seen))
    story = Story(fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), probed, flows=(*ATLAS.flows, alone))).all_healthy(0)
    story.decided(1)
    for count, name in enumerate(both, 1):
        at = 400 * count
        story.note(
            *healthy("ix-b", at), *healthy("vpn", at), *(row for number in (1, 2, 3, 4) for row in tunnel(number, word(number in dark), at))
        )
        story.note(*(row for one in both[:count] for row in (*aws_probe(one, Health.DOWN, at), *gcp_probe(one, Health.DOWN, at))))
        story.decided(at + 1)
        assert story.plan.links[name].drain is not None
    assert story.plan.flows[CHECK] == Placement(link=vpn().name, only=True)
    story.plan = replace(story.plan, flows=story.plan.flows | {alone.name: Placement()})  # as where no link was seen up from the start
    story.note(*(row for number in dark for row in tunnel(number, Health.UP, 900)))
    lost = (*aws_probe("vpn", Health.DOWN, 900), *gcp_probe("vpn", Health.DOWN, 900))
    story.note(*(replace(one, value=share) for one in lost)).decided(901)
    assert (story.plan.flows[CHECK].link == "vpn" and story.plan.flows[CHECK].only) == drops

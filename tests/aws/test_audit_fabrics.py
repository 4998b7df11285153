"""An audit of what AWS shows of every example fabric, over boto3 and the signer against the face."""

from pathlib import Path

import pytest

from pointsman.adapters.files import load
from pointsman.core.audit.audit import audit
from pointsman.core.audit.findings import Check
from pointsman.core.values import replace
from pointsman.testing.aws.face import AwsFace
from tests.aws.conftest import Cloud
from tests.aws.test_audit import seen

FABRICS = sorted((Path(__file__).parents[2] / "docs" / "fabrics").glob("*.yaml"))


@pytest.mark.parametrize("path", FABRICS, ids=lambda path: path.stem)
def test_a_healthy_cloud_gives_no_finding_whatever_kind_of_gateway_its_sites_have(cloud: Cloud, face: AwsFace, path: Path) -> None:
    one = Cloud(face, cloud.clients, cloud.operator, load(str(path)))
    assert seen(one).unread == ()
    assert audit(one.fabric, None, (seen(one),), one.clock.now()) == ()


def test_among_the_examples_is_a_site_of_every_kind_of_gateway() -> None:
    sites = [load(str(path)).aws_site(link) for path in FABRICS for link in load(str(path)).links]
    assert {(bool(one.transit_gateway), bool(one.core_network), bool(one.virtual_private_gateway)) for one in sites} == {
        (True, False, False),
        (False, True, False),
        (False, False, True),
    }


def test_beside_a_core_network_the_wiring_of_a_transit_gateway_is_judged_all_the_same(cloud: Cloud, face: AwsFace) -> None:
    (path,) = (one for one in FABRICS if one.stem == "two-regions")
    one = Cloud(face, cloud.clients, cloud.operator, load(str(path)))
    first, *others = (site for site in one.fabric.sites if site.name in {link.aws_site for link in one.fabric.links})
    wide = replace(first, transit_gateway=None, route_tables=(), core_network="core-network-1")
    mixed = replace(one.fabric, sites=tuple(wide if site is first else site for site in one.fabric.sites))
    bare = replace(seen(one), attachments=())
    told = [each for each in audit(mixed, None, (bare,), one.clock.now()) if each.check in {Check.ASSOCIATION, Check.PROPAGATION}]
    assert {mixed.link(each.link or "").aws_site for each in told} == {site.name for site in others}

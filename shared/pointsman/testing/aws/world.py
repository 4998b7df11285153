"""What an operation of the face works on: the model, the time, and who calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.testing.aws.protocols import Refused
from pointsman.testing.faces.timing import Time
from pointsman.testing.network.blueprint import LinkSpec, LinkType, MemberSpec, SiteSpec
from pointsman.testing.network.model import Network

PAGE = 100
"""Entries on a page when the caller does not say."""
SETTLE_SECONDS = 1.0
"""Network seconds for which a changed prefix-list reference says ``modifying``, and a deleted one ``deleting``."""

Params = Mapping[str, Any]
Operation = Callable[["World", Params], Mapping[str, Any]]


@dataclass(slots=True, kw_only=True)
class World:
    """The model as one caller meets it, under its lock and brought up to the time.

    ``tells_end`` is whether a running failover test already shows its end; ``settling`` holds until when (network
    seconds) a prefix-list reference is still changing, ``leaving`` what a deleted one still shows and until when.
    ``unassociated`` are attachments without a route table, ``unpropagated`` tables with attachments whose routes they do not take.
    """

    network: Network
    time: Time
    principal: str = ""
    tells_end: bool = True
    settle: float = SETTLE_SECONDS
    settling: dict[tuple[str, str], float] = field(default_factory=dict)
    leaving: dict[tuple[str, str], tuple[float, Mapping[str, Any]]] = field(default_factory=dict)
    unassociated: set[str] = field(default_factory=set)
    unpropagated: set[tuple[str, str]] = field(default_factory=set)

    @property
    def links(self) -> Iterator[LinkSpec]:
        """Walk the links."""
        return iter(self.network.blueprint.links)

    @property
    def members(self) -> Iterator[tuple[LinkSpec, MemberSpec]]:
        """Walk every member with its link."""
        return ((link, member) for link in self.links for member in link.members)

    def site(self, link: LinkSpec) -> SiteSpec:
        """Give a link's AWS end."""
        return self.network.blueprint.site(link.aws_site)

    def site_of_table(self, route_table: str) -> SiteSpec:
        """Give the site of a Transit Gateway route table. Raises ``Refused``."""
        for site in self.network.blueprint.sites:
            if route_table in site.route_tables:
                return site
        raise Refused("InvalidRouteTableID.NotFound", f"Transit Gateway Route Table {route_table} was not found.")

    def link_of_attachment(self, attachment: str) -> LinkSpec:
        """Give the link of a Transit Gateway attachment. Raises ``Refused``."""
        for link in self.links:
            if attachment in link.attachments:
                return link
        raise Refused(
            "InvalidTransitGatewayAttachmentID.NotFound", f"Transit Gateway Attachment {attachment} was deleted or does not exist."
        )

    def attachment(self, attachment: str) -> dict[str, Any]:
        """Describe an attachment as EC2 does inside a route."""
        link = self.link_of_attachment(attachment)
        kind = "vpn" if link.type is LinkType.VPN else "direct-connect-gateway"
        vpns = (member.vpn for member in link.members if member.attachment == attachment)
        resource = next(vpns, None) if link.type is LinkType.VPN else link.dx_gateway
        return {"TransitGatewayAttachmentId": attachment, "ResourceType": kind, "ResourceId": resource or attachment}


def page(items: Sequence[Any], params: Params, *, size: str, token: str) -> tuple[list[Any], str | None]:
    """Cut one page out of a list; ``size`` and ``token`` name the parameters. Raises ``Refused`` for a foreign token."""
    given = str(params.get(token) or "0")
    if not given.isdigit():
        raise Refused("InvalidNextToken", f"the token {given[:40]!r} is not one of ours")
    start, count = int(given), int(params.get(size) or PAGE)
    after = start + count
    return list(items[start:after]), str(after) if after < len(items) else None

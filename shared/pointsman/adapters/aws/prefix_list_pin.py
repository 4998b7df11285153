"""Pin a flow by a prefix-list reference: one call moves every prefix of the list (EC2 *TransitGatewayPrefixListReference).

So the list has to hold the flow's prefixes and nothing else: a reference to one that does not is never written, only taken away.
"""

from typing import Any

from pointsman.adapters.aws.asking import ask, together
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.pins import BLACKHOLE, Held, Pin, PinLever, Slot
from pointsman.adapters.aws.prefix_lists import entries
from pointsman.adapters.aws.transit import site_of
from pointsman.core.fabric import Fabric, Flow, PinTarget
from pointsman.core.prefix_lists import barred
from pointsman.core.steering import LeverKind, PrefixListPin
from pointsman.ports.clouds import LeverFailed

SETTLED = frozenset({"available"})
"""Reference states in which a change has taken effect."""
PAGES = 2
"""Pages that are read of a flow's list: one holds as many prefixes as a flow may declare, and a longer list is none that it can be pinned by."""


class PrefixListPinLever(PinLever):
    """Points a flow's prefix list at one attachment, in every route table that the fabric names for it."""

    def __init__(self, fabric: Fabric, clients: Clients) -> None:
        super().__init__(fabric, clients, _References(fabric, clients))


class _References:
    kind = LeverKind.PREFIX_LIST_PIN

    def __init__(self, fabric: Fabric, clients: Clients) -> None:
        self._fabric, self._clients = fabric, clients

    def slots(self, flow: Flow) -> tuple[Slot, ...]:
        target = flow.aws_prefix_list
        if target is None:
            raise LeverFailed(f"flow {flow.name} declares no aws_prefix_list: add one where a pin may be used")
        return tuple(Slot(table=table, name=target.prefix_list) for table in target.route_tables)

    def setting(self, flow: Flow, attachment: str | None) -> Pin:
        return PrefixListPin(flow=flow.name, attachment=attachment)

    async def held(self, slots: tuple[Slot, ...]) -> Held:
        found = await together(self._reference(slot) for slot in slots)
        at = {slot.key: _next_hop(reference) for slot, reference in zip(slots, found, strict=True)}
        return Held(at=at, settled=all(reference.get("State", "available") in SETTLED for reference in found))

    async def bar(self, flow: Flow) -> str:
        return "" if flow.aws_prefix_list is None else await self._amiss(flow, flow.aws_prefix_list)

    async def _amiss(self, flow: Flow, target: PinTarget) -> str:
        region = site_of(self._fabric, target.route_tables[0]).region
        return barred(self._fabric, flow, target.prefix_list, await entries(self._clients, region, target.prefix_list, PAGES))

    async def put(self, slot: Slot, attachment: str, *, fresh: bool) -> None:
        ec2 = self._clients.ec2
        named: Any = {"TransitGatewayRouteTableId": slot.table, "PrefixListId": slot.name, "TransitGatewayAttachmentId": attachment}
        region = self._region(slot)
        if fresh:
            right = "ec2:CreateTransitGatewayPrefixListReference"
            await ask(lambda: ec2(region).create_transit_gateway_prefix_list_reference(**named), right, write=True)
        else:
            right = "ec2:ModifyTransitGatewayPrefixListReference"
            await ask(lambda: ec2(region).modify_transit_gateway_prefix_list_reference(**named), right, write=True)

    async def clear(self, slot: Slot) -> None:
        region = self._region(slot)
        await ask(
            lambda: self._clients.ec2(region).delete_transit_gateway_prefix_list_reference(
                TransitGatewayRouteTableId=slot.table, PrefixListId=slot.name
            ),
            "ec2:DeleteTransitGatewayPrefixListReference",
            write=True,
        )

    async def _reference(self, slot: Slot) -> Any:
        """Read one reference; {} when there is none, and while it is being deleted."""
        region, by = self._region(slot), "prefix-list-id"
        answer: Any = await ask(
            lambda: self._clients.ec2(region).get_transit_gateway_prefix_list_references(
                TransitGatewayRouteTableId=slot.table, Filters=[{"Name": by, "Values": [slot.name]}]
            ),
            "ec2:GetTransitGatewayPrefixListReferences",
        )
        held = [one for one in answer.get("TransitGatewayPrefixListReferences", ()) if one.get("State") != "deleting"]
        return next((one for one in held if one.get("PrefixListId") == slot.name), {})

    def _region(self, slot: Slot) -> str:
        return site_of(self._fabric, slot.table).region


def _next_hop(reference: Any) -> str:
    if reference.get("Blackhole"):
        return BLACKHOLE
    return str((reference.get("TransitGatewayAttachment") or {}).get("TransitGatewayAttachmentId", ""))

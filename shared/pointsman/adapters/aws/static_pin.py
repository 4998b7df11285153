"""Pin a flow by static routes, one for each of its Google prefixes (EC2 *TransitGatewayRoute)."""

from typing import Any

from pointsman.adapters.aws.asking import ask, together
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.pins import BLACKHOLE, Held, Pin, PinLever, Slot, google_prefixes
from pointsman.adapters.aws.transit import Hop, read, site_of
from pointsman.core.fabric import AwsSite, Fabric, Flow
from pointsman.core.steering import LeverKind, StaticPin
from pointsman.ports.clouds import LeverFailed


class StaticPinLever(PinLever):
    """Points a flow's Google prefixes at one attachment, in every route table of the flow's AWS sites."""

    def __init__(self, fabric: Fabric, clients: Clients) -> None:
        super().__init__(fabric, clients, _Routes(fabric, clients))


class _Routes:
    kind = LeverKind.STATIC_PIN

    def __init__(self, fabric: Fabric, clients: Clients) -> None:
        self._fabric, self._clients = fabric, clients

    def slots(self, flow: Flow) -> tuple[Slot, ...]:
        sites = (self._fabric.site(name) for name in flow.prefixes)
        tables = [table for site in sites if isinstance(site, AwsSite) for table in site.route_tables]
        if not tables:
            raise LeverFailed(f"no AWS site of flow {flow.name} declares route_tables: add the tables to steer")
        return tuple(Slot(table=table, name=prefix) for table in tables for prefix in google_prefixes(self._fabric, flow))

    def setting(self, flow: Flow, attachment: str | None) -> Pin:
        return StaticPin(flow=flow.name, attachment=attachment)

    async def held(self, slots: tuple[Slot, ...]) -> Held:
        tables = sorted({slot.table for slot in slots})
        found = await together(read(self._clients, self._region(table), table, "type", ("static",)) for table in tables)
        short = next((table.name for table in found if not table.whole), None)
        if short:
            raise LeverFailed(f"{short} holds more static routes than can be read: it cannot be steered by static routes")
        routes = {(table.name, hop.prefix): _next_hop(hop) for table in found for hop in table.hops if not hop.prefix_list}
        return Held(at={slot.key: routes.get((slot.table, slot.name), "") for slot in slots})

    async def bar(self, flow: Flow) -> str:  # noqa: ARG002 - a static route is one of the flow's own prefixes
        return ""

    async def put(self, slot: Slot, attachment: str, *, fresh: bool) -> None:
        ec2, region = self._clients.ec2, self._region(slot.table)
        named: Any = {
            "TransitGatewayRouteTableId": slot.table,
            "DestinationCidrBlock": slot.name,
            "TransitGatewayAttachmentId": attachment,
        }
        if fresh:
            await ask(lambda: ec2(region).create_transit_gateway_route(**named), "ec2:CreateTransitGatewayRoute", write=True)
        else:
            await ask(lambda: ec2(region).replace_transit_gateway_route(**named), "ec2:ReplaceTransitGatewayRoute", write=True)

    async def clear(self, slot: Slot) -> None:
        region = self._region(slot.table)
        await ask(
            lambda: self._clients.ec2(region).delete_transit_gateway_route(
                TransitGatewayRouteTableId=slot.table, DestinationCidrBlock=slot.name
            ),
            "ec2:DeleteTransitGatewayRoute",
            write=True,
        )

    def _region(self, table: str) -> str:
        return site_of(self._fabric, table).region


def _next_hop(hop: Hop) -> str:
    return hop.attachments[0] if hop.attachments else BLACKHOLE

"""What the bench measures on: the demo's fabric with room beside every link, and both clouds' functions as processes.

Between two events the bench puts everything back, outside the timed window: the levers, both probes' rows, and the plan,
which it sets to the one of the steady state under a newer epoch (a register never goes back).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pointsman.boot import loop
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.fabric import Bandwidth, Cloud, Fabric, LinkName
from pointsman.core.members import probe_key
from pointsman.core.plan import Plan
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import canonical, parse, replace
from pointsman.ports.stores import Store
from pointsman.quorum.outcomes import Agreed
from pointsman.service.registers import Registers
from pointsman.testing.faces.timing import monotonic, wait
from pointsman.testing.google_functions import push_body
from pointsman.testing.processes import ProcessError
from pointsman.testing.stage import READY, REGION, Stage
from pointsman.wire.messages import Path as Probe
from pointsman.wire.messages import nudge, probed

LINK = LinkName("ix-a")
"""The link that fails, again and again."""
INTERFACE = "dxvif-fgcoi6fa"
ROOM = {"ix-b": Bandwidth(10_000_000_000)}
"""The link that comes next has room for everything, so that either cloud may act at once."""
RECONNECT = 0.02
"""Seconds that the twin's BGP sessions take to come back, outside the timed window."""
LIMIT = 20.0
"""Seconds that anything outside the timed window may take."""
WRITES = {Cloud.AWS: "StartBgpFailoverTest", Cloud.GCP: "routers.patchRoutePolicy"}
"""The write that a reaction ends with, as the cloud's API logs it."""


@dataclass
class Bed(Stage):
    """A stage whose functions are called by the bench alone; use it in a ``with`` block."""

    def _start_twin(self) -> None:
        module = ("-m", "pointsman.testing.twin_process", "--fabric", str(self._compiled))
        argv = (sys.executable, *module, "--latency", str(self.operation_seconds), "--reconnect", str(RECONNECT))
        child = self.children.start("twin", argv, cwd=self.root)
        self.urls = json.loads(child.wait_line(r"^twin (\{.*\})", READY).group(1))

    def environment(self, cloud: Cloud, instead: dict[str, str] | None = None) -> dict[str, str]:
        """Give a function's environment, some services reached ``instead`` at other URLs."""
        found = self._environment(cloud)
        endpoints = json.loads(found["POINTSMAN_ENDPOINTS"]) | (instead or {})
        return found | {"POINTSMAN_ENDPOINTS": json.dumps(endpoints)}

    def client(self, service: str, url: str | None = None) -> Any:
        """Give a boto3 client of the twin, or of what serves at ``url``."""
        return self._client(service, url or self.urls["aws"])

    @cached_property
    def stores(self) -> Mapping[str, Store]:
        """The three stores, opened once."""
        return self.open_stores()

    @cached_property
    def registers(self) -> Registers:
        """The registers over the three stores."""
        return Registers(tuple(self.stores.values()), clock=SystemClock(), nonce=nonce, jitter=jitter)

    @property
    def plan_register(self) -> str:
        """The register of the plan."""
        return f"plan/{self.fabric.name}"

    def plan(self) -> Plan:
        """Read the agreed plan. Raises ProcessError while there is none."""
        reading = loop.run(self.registers.read(self.plan_register))
        if reading.value is None:
            raise ProcessError("the stores hold no plan yet")
        return parse(reading.value, Plan)

    def set_plan(self, steady: Plan, *, spent: bool = False) -> None:
        """Agree on the steady plan again, as the next epoch; with its budget of moves ``spent``, which shuts the fast path. Raises ProcessError."""
        moves = (_now(),) * self.fabric.policy.epochs_per_hour if spent else ()

        def change(value: str | None) -> str:
            held = steady if value is None else parse(value, Plan)
            back = replace(held, epoch=held.epoch + 1, links=steady.links, flows=steady.flows, pins=(), moves=moves, reasons=())
            return canonical(back).decode()

        outcome = loop.run(self.registers.change(self.plan_register, change))
        if not isinstance(outcome, Agreed):
            raise ProcessError(f"the plan cannot be put back: {outcome}")

    def note(self, cloud: Cloud, loss: float, links: Sequence[LinkName] = ()) -> None:
        """Write a prober's rows into its own cloud's store, for the links named or all."""
        at = _now()
        rows = [_row(cloud, one, at) for one in self._paths(cloud, loss, links)]
        loop.run(self.stores[cloud.value].note(cloud, rows))

    def probe(self, cloud: Cloud, loss: float, links: Sequence[LinkName] = ()) -> dict[str, Any]:
        """Give a prober's report as a function gets it, for the links named or all."""
        found: dict[str, Any] = json.loads(probed(cloud, self._paths(cloud, loss, links), _now()))
        return found

    def hand(self, cloud: Cloud, event: dict[str, Any], function: str = "link_changed") -> None:
        """Hand an event to a cloud's function and wait for its end. Raises ProcessError when it was not acknowledged."""
        if cloud is Cloud.AWS:
            invocation = self.lambdas[function].invoke(event)
            ok, why = invocation.ok, str(invocation.payload)
        else:
            delivery = self.callers[function].post(push(event), {"Content-Type": "application/json"})
            ok, why = delivery.ok, f"status {delivery.status}"
        if not ok:
            raise ProcessError(f"{cloud}'s {function} did not take an event: {why}")

    def settle(self, cloud: Cloud) -> None:
        """Let a cloud's function make its levers equal to the plan."""
        self.hand(cloud, json.loads(nudge(self.fabric.name, 1, _now())))

    def received(self, cloud: Cloud, since: float, operations: Sequence[str] = ()) -> list[float]:
        """List when a cloud's API received the write that a reaction ends with, from ``since`` on (monotonic seconds)."""
        entries = self.get_json(f"{self.urls[cloud.value]}/pointsman/requests")
        names = operations or (WRITES[cloud],)
        return sorted(one["came"] for one in entries if one["operation"] in names and one["came"] >= since and one["status"] // 100 == 2)

    def forget_requests(self) -> None:
        """Empty both clouds' request logs."""
        for door in Cloud:
            self.http.request("DELETE", f"{self.urls[door.value]}/pointsman/requests")

    def stop_test(self) -> None:
        """Stop the failover test on the link that fails and wait until BGP is up. Raises ProcessError."""
        client = self.client("directconnect")
        for interface in self.running_tests():
            client.stop_bgp_failover_test(virtualInterfaceId=interface)
        end = monotonic() + LIMIT
        while not self._is_up(client):
            if monotonic() > end:
                raise ProcessError(f"BGP on {INTERFACE} did not come back within {LIMIT} s")
            wait(RECONNECT)

    def _is_up(self, client: Any) -> bool:
        shown = client.describe_virtual_interfaces(virtualInterfaceId=INTERFACE)["virtualInterfaces"][0]
        return shown["virtualInterfaceState"] == "available" and all(one["bgpStatus"] == "up" for one in shown["bgpPeers"])

    def _paths(self, cloud: Cloud, loss: float, links: Sequence[LinkName]) -> list[Probe]:
        sites = {link.aws_site for link in self.fabric.links}
        pairs = [(link, pair) for link in self.fabric.links for pair in link.probes if not links or link.name in links]
        here = (pair for _, pair in pairs if (pair.site in sites) == (cloud is Cloud.AWS))
        return [Probe(source=pair.source, target=pair.target, loss=loss) for pair in here]


B = TypeVar("B", bound=Bed)


def bed(root: Path, folder: Path, fabric: Fabric, functions: Sequence[str] = ("link_changed",)) -> Bed:
    """Lay out a bed for these functions on the demo's fabric."""
    return laid(Bed, root, folder, fabric, functions)


def laid(kind: type[B], root: Path, folder: Path, fabric: Fabric, functions: Sequence[str] = ("link_changed",)) -> B:
    """Lay out a bed of one kind."""
    links = tuple(replace(link, capacity=ROOM.get(link.name, link.capacity)) for link in fabric.links)
    roomy = replace(fabric, links=links)
    return kind(root=root, folder=folder, fabric=roomy, watch_seconds=(2.0, 18.0), operation_seconds=0.01, functions=functions)


def push(event: dict[str, Any]) -> bytes:
    """Wrap an event as Pub/Sub pushes it."""
    return push_body("projects/weft-prod-1/subscriptions/link_changed", nonce(), _now(), json.dumps(event).encode())


def alarm(at: datetime | None = None) -> dict[str, Any]:
    """Give the event of the alarm that the plain handler waits for; each has an id of its own."""
    return {
        "version": "0",
        "id": f"{nonce()}{nonce()}",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "111122223333",
        "time": f"{at or _now():%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:111122223333:alarm:xc-{INTERFACE}-bgp"],
        "detail": {"alarmName": f"xc-{INTERFACE}-bgp", "state": {"value": "ALARM"}, "previousState": {"value": "OK"}},
    }


def _row(cloud: Cloud, path: Probe, at: datetime) -> Sighting:
    return Sighting(
        vantage=Vantage.PROBE_AWS if cloud is Cloud.AWS else Vantage.PROBE_GCP,
        member=probe_key(path.source, path.target),
        source=Source.PROBE,
        aspect=Aspect.PROBE,
        health=Health.DOWN if path.loss else Health.UP,
        seen_at=at,
        cause=Cause.PACKETS_LOST if path.loss else Cause.PACKETS_FLOW,
        value=path.loss,
    )


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the bench plays the clouds, whose clocks are this machine's

"""The demo's processes with a bad network between every function and every store, and what is done to them."""

import asyncio
import contextlib
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from pointsman.adapters.files import load
from pointsman.core.fabric import Bandwidth, Cloud, Fabric
from pointsman.core.values import replace
from pointsman.ports.stores import Listed, ListedStore, Reply, Row
from pointsman.quorum.ballots import above
from pointsman.quorum.reading import newest_row
from pointsman.testing.emulators import Emulator, firestore, moto
from pointsman.testing.platform import Platform
from pointsman.testing.proxy import Error, Weather
from pointsman.testing.scaled import scaled
from pointsman.testing.shaky import SLOTS, Shaky
from pointsman.testing.stage import BUCKET, TABLE, Stage
from tests.chaos.gate import Gate
from tests.chaos.judge import BACK_LIMIT, LINK, Judge

ROOT = Path(__file__).parents[2]
FACTOR = 150.0
"""How much faster than declared every timer runs: a hold-down of two seconds."""
SWEEP = timedelta(seconds=1.5)
ROOM = Bandwidth(10_000_000_000)
THROTTLED = {
    "aws": Error(status=400, body='{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}'),
    "gcp": Error(status=429, body='{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}'),
    "witness": Error(status=503, body="<Error><Code>SlowDown</Code></Error>", kind="application/xml"),
}
NONCE = "f" * 16
"""What makes a ballot of nobody's, above every other of its counter."""
FAILING = Error(status=500, body='{"error":{"code":500,"status":"INTERNAL"}}')


@dataclass
class Theatre(Shaky):
    """A shaky stage whose stores can be restarted, with what they held or without; Google's reacting function writes its levers through a gate."""

    _reacts: bool = False

    def _start_google(self, name: str) -> None:
        self._reacts = name == "link_changed"
        if self._reacts:
            self.gate = self._stack.enter_context(Gate(self.urls["gcp"], LINK))
        super()._start_google(name)

    def _function_environment(self, cloud: Cloud) -> dict[str, str]:
        found = super()._function_environment(cloud)
        through = {"compute": self.gate.url} if cloud is Cloud.GCP and self._reacts else {}
        return found | {"POINTSMAN_ENDPOINTS": json.dumps(json.loads(found["POINTSMAN_ENDPOINTS"]) | through)}

    def is_warm(self, cloud: Cloud) -> bool:
        """Say whether a cloud's reacting function has looked at the plan: its first call, which loads everything, takes seconds."""
        return any("epoch" in line for line in self.logs(cloud, "link_changed"))

    def policies(self) -> object:
        """Read all policies of the router to which the gate's last late write went, past the gate."""
        return self.get_json(f"{self.urls['gcp']}{self.gate.router}/listRoutePolicies")

    def asked(self, cloud: Cloud) -> int:
        """Count what a cloud's functions have sent to stores until now."""
        return sum(proxy.passed for slot in SLOTS for proxy in self.between(slot, (cloud,)))

    def restart_dynamodb(self) -> None:
        """Kill DynamoDB and start it anew with what it held: a restart that loses nothing that was acknowledged."""
        with self.weather("aws", Weather.REFUSED):
            held = self._client("dynamodb", self.dynamodb.url).scan(TableName=TABLE)["Items"]
            os.kill(self.dynamodb.pid, signal.SIGKILL)
            self.dynamodb = self._stack.enter_context(moto())
            self.make_table(self.dynamodb)
            client = self._client("dynamodb", self.dynamodb.url)
            for item in held:
                client.put_item(TableName=TABLE, Item=item)
            self._lead("aws", self.dynamodb)

    def restart_witness(self) -> None:
        """The same for the bucket."""
        with self.weather("witness", Weather.REFUSED):
            old = self._client("s3", self.witness.url)
            keys = [one["Key"] for one in old.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
            held = {key: old.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
            os.kill(self.witness.pid, signal.SIGKILL)
            self.witness = self._stack.enter_context(moto())
            self.make_bucket(self.witness)
            client = self._client("s3", self.witness.url)
            for key, body in held.items():
                client.put_object(Bucket=BUCKET, Key=key, Body=body)
            self._lead("witness", self.witness)

    def empty_firestore(self) -> dict[str, bytes]:
        """Kill Firestore and start it with nothing in it: a store that was rolled back, all the way. Gives the journal it held."""
        with self.weather("gcp", Weather.REFUSED):
            held = self.entries("gcp")
            self._renew_firestore()
        return held

    def _renew_firestore(self) -> None:
        os.kill(self.database.pid, signal.SIGKILL)
        self.firestore = self._stack.enter_context(firestore())
        self._lead("gcp", self.database)

    def _lead(self, slot: str, to: Emulator) -> None:
        for proxy in self.between(slot):
            proxy.retarget(to.url)

    def entries(self, slot: str) -> dict[str, bytes]:
        """Read a store's journal, to be put back."""

        async def read() -> dict[str, bytes]:
            store = self.open_stores()[slot]
            names = [name async for name in _all(store.entries)]
            return {name: entry for name in names if (entry := await store.entry(name)) is not None}

        return asyncio.run(read())

    def promise(self, slot: str) -> None:
        """Let a store promise a ballot for every register that came to nothing: its proposer reached nobody else."""
        asyncio.run(self._promise(slot))

    async def _promise(self, slot: str) -> None:
        stores = self.open_stores()
        for name in await _registers(stores):
            ballot = above([(await store.read(name)).row.promised for store in stores.values()], NONCE)
            await stores[slot].prepare(name, ballot, await stores[slot].read(name))

    def refill_firestore(self, entries: dict[str, bytes]) -> None:
        """Bring Firestore, which was emptied, up to the two others before it may be counted again.

        What it promised since it was emptied may be above what they accepted, so it would take that no more: it begins anew
        once more, where no request that is still under way gets to, with the newest accepted and the highest promised of all three.
        """
        with self.weather("gcp", Weather.REFUSED):
            held = entries | self.entries("gcp")
            rows = asyncio.run(self._rows())
            self._renew_firestore()
            asyncio.run(self._refill(rows, held))

    async def _rows(self) -> dict[str, list[Row]]:
        stores = self.open_stores()
        return {name: [(await store.read(name)).row for store in stores.values()] for name in await _registers(stores)}

    async def _refill(self, rows: dict[str, list[Row]], entries: dict[str, bytes]) -> None:
        behind = self.open_stores()["gcp"]
        for name, held in rows.items():
            newest = newest_row(held)
            if newest.value is not None:
                promised = await behind.prepare(name, newest.accepted, await behind.read(name))
                assert isinstance(promised, Reply), "nobody else writes here now"
                await behind.accept(name, newest.accepted, newest.value, promised)
            await behind.prepare(name, max(row.promised for row in held), await behind.read(name))
        for name, entry in entries.items():
            await behind.put_entry(name, entry)


async def _registers(stores: Mapping[str, ListedStore]) -> set[str]:
    return {name for store in stores.values() async for name in _all(store.registers)}


async def _all(page_after: Callable[[str], Awaitable[Listed]]) -> AsyncIterator[str]:
    after: str | None = ""
    while after is not None:
        page = await page_after(after)
        for name in page.names:
            yield name
        after = page.after


def narrow() -> Fabric:
    """Give the demo's fabric, sped up: the next link has not room for everything."""
    return scaled(load(str(ROOT / "docs" / "fabrics" / "demo.yaml")), FACTOR)


def roomy() -> Fabric:
    """Give the same with room on the next link, so that either cloud may act at once."""
    fabric = narrow()
    links = (replace(one, capacity=max(one.capacity, ROOM)) if one.name == "ix-b" else one for one in fabric.links)
    return replace(fabric, links=tuple(links))


Laid = TypeVar("Laid", bound=Stage)


def laid_out(kind: type[Laid], folder: Path, disk: Path | None = None, fabric: Fabric | None = None) -> Laid:
    """Lay out a stage of a kind; ``disk`` is where a file plays Google's database."""
    return kind(
        root=ROOT,
        folder=folder,
        fabric=fabric or roomy(),
        watch_seconds=(2.0, 18.0),
        operation_seconds=0.5 / FACTOR,
        functions=("link_changed", "sweep", "deliver"),
        disk=disk,
    )


def theatre(folder: Path) -> Theatre:
    """Lay out the stage with a bad network."""
    return laid_out(Theatre, folder)


@contextlib.contextmanager
def judged(stage: Laid) -> Iterator[Judge[Laid]]:
    """Let the platform call a stage's functions, and begin when every flow is home."""
    refresh = stage.fabric.policy.freshness.look / 2
    with stage, Platform(stage=stage, sweep_every=SWEEP, watch_every=SWEEP, probe_refresh=refresh):
        judge = Judge(stage)
        judge.until("every flow is home", judge.home, 2 * BACK_LIMIT)
        yield judge


@contextlib.contextmanager
def done_meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Begin it beside what follows."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - told where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        if failed:
            raise failed[0]

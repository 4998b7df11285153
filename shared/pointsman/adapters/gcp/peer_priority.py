"""Set the priority that a link's peers are told (MED towards AWS), by read-modify-write of the router's raw JSON.

``routers.patch`` replaces the whole ``bgpPeers`` array and checks no version, so an edit at the same moment can be
lost. What can be done is done: the array is read right before the write and refused when it is not the one observed,
fields unknown to us are written back as they were, and the router is read once more afterwards and compared. Links of one
router take turns in one process, from that reading to the comparing: our own edits never meet.
"""

import asyncio
from collections import defaultdict
from typing import Any

from pointsman.adapters.gcp.compute import Compute, RouterRef, request_id, router_of, table, tables
from pointsman.adapters.gcp.proof import advertised
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Fabric, Link
from pointsman.core.steering import Level, LeverKind, Observed, PeerPriority, Setting, Verified
from pointsman.core.values import canonical, digest
from pointsman.ports.clouds import FenceLost, LeverFailed

BASE_PRIORITY = 100
"""What Cloud Router advertises where nothing is set."""
HIGHEST = 200
"""Above it region costs (201 and more) would decide, not we."""
MIXED = -1
"""Stands for peers of one link that differ: it equals nothing that anybody can want."""

Peer = dict[str, Any]


class PeerPriorityLever:
    """``Lever`` over ``advertisedRoutePriority`` of every peer of a link. Its fence only narrows the gap, as the API has none."""

    kind = LeverKind.PEER_PRIORITY

    def __init__(self, fabric: Fabric, compute: Compute) -> None:
        self._fabric = fabric
        self._compute = compute
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def observe(self, target: str) -> Observed:
        """Read the router. Raises ``LeverBusy`` or ``LeverFailed``."""
        router = router_of(self._fabric, target)
        peers = await self._peers(router)
        found = {peer.get("advertisedRoutePriority", BASE_PRIORITY) for peer in self._ours(target, peers)}
        priority = found.pop() if len(found) == 1 else MIXED
        setting = PeerPriority(link=self._fabric.link(target).name, priority=priority)
        return Observed(setting=setting, fence=digest(canonical(peers)))

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Write the priority on all peers of the link, wait until it is in force, and compare what the router then reads.

        Raises ``FenceLost`` when somebody edited the peers before or meanwhile, ``LeverBusy``, ``LeverFailed`` or
        ``LeverUnsure``.
        """
        want = _priority(want)
        if not 0 <= want.priority <= HIGHEST:
            raise LeverFailed(f"priority {want.priority} is outside 0 to {HIGHEST}, where region costs would decide instead")
        router = router_of(self._fabric, want.link)
        async with self._turns[router.path]:
            await self._set(router, want, observed, token)

    async def _set(self, router: RouterRef, want: PeerPriority, observed: Observed, token: str) -> None:
        held = await self._peers(router, fresh=True)
        if digest(canonical(held)) != observed.fence:
            raise FenceLost(f"the peers of router {router.name} changed since they were observed: observe again")
        names = {peer["name"] for peer in self._ours(want.link, held)}
        wanted = [peer | {"advertisedRoutePriority": want.priority} if peer.get("name") in names else peer for peer in held]
        if wanted != held:
            await self._write(router, wanted, request_id(token, router.path, want.link, observed.fence))

    async def undo(self, observed: Observed, token: str) -> None:
        """Advertise the default priority again."""
        await self.apply(PeerPriority(link=_priority(observed.setting).link, priority=BASE_PRIORITY), observed, token)

    async def verify(self, want: Setting) -> Verified:
        """Prove it: *accepted* when every peer reads back, *effective* when each session announces its routes with this MED."""
        want = _priority(want)
        router, link = router_of(self._fabric, want.link), self._fabric.link(want.link)
        observed, sent = await asyncio.gather(self.observe(want.link), advertised(self._compute, router, self._fabric, link))
        if observed.setting != want:
            return Verified(level=Level.NONE, missing=f"link {want.link}'s peers read back different from what was written")
        for peer, routes in sent.routes.items():
            if routes and not any(med == want.priority for _, med in routes):
                return Verified(level=Level.ACCEPTED, missing=f"peer {peer} is not told priority {want.priority} yet")
        return Verified(level=Level.EFFECTIVE)

    async def _write(self, router: RouterRef, peers: list[Peer], request: str) -> None:
        operation = await self._compute.write("PATCH", router.path, {"bgpPeers": peers}, request)
        try:
            await self._compute.wait(router, operation)
            now = {peer.get("name"): peer for peer in await self._peers(router)}
        except PointsmanError:
            return  # accepted; whoever verifies reads again
        for peer in peers:
            if not _kept(peer, table(now.pop(peer.get("name"), None))):
                raise FenceLost(f"peer {peer.get('name')} of router {router.name} was edited at the same moment: check it by hand")
        if now:
            raise FenceLost(f"peer {min(map(str, now))} of router {router.name} appeared at the same moment: check it by hand")

    async def _peers(self, router: RouterRef, *, fresh: bool = False) -> list[Peer]:
        return tables((await self._compute.get(router.path, fresh=fresh)).get("bgpPeers"))

    def _ours(self, name: str, peers: list[Peer]) -> list[Peer]:
        names = _names(self._fabric.link(name))
        found = [peer for peer in peers if peer.get("name") in names]
        if len(found) < len(names) or not names:
            text = f"link {name} names {len(names)} peers and the router has {len(found)} of them: mend the fabric or the router"
            raise LeverFailed(text)
        return found


def _names(link: Link) -> set[str]:
    return {member.gcp.peer.name for member in link.members if member.gcp.peer}


def _priority(setting: Setting) -> PeerPriority:
    if not isinstance(setting, PeerPriority):
        text = f"a setting of {type(setting).__name__} was handed to the peer priority lever"
        raise LeverFailed(text)
    return setting


def _kept(sent: Peer, now: Peer) -> bool:
    return all(now.get(key) == value for key, value in sent.items())

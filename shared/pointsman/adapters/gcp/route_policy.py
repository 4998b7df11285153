"""Drain a link from Google's end: BGP route policies on its peers, import and export, each fenced by its fingerprint.

Writes to one router meet: Cloud Router refuses the second while the first's operation runs. A link's two are sent at
once all the same, and a refused one is sent again when the operation of ours that kept it out has ended. Links of one
router take turns, in the order in which they were asked for.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pointsman.adapters.gcp.compute import Broken, Compute, RouterRef, Throttled, request_id, router_of, table, tables
from pointsman.adapters.gcp.policies import NOT_OURS, Direction, check_size, read, write
from pointsman.adapters.gcp.proof import advertised, missing_exports, missing_imports
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Fabric, Link
from pointsman.core.steering import Level, LeverKind, Observed, PrefixStance, RoutePolicies, Setting, Verified
from pointsman.core.values import Frozen, canonical, parse
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed, LeverUnsure

BUSY_TRIES = 16
"""How often a write is sent to a router that our own operations keep busy; each try waits for one of them to end."""

_GRAVITY = (LeverUnsure, FenceLost, LeverFailed, LeverBusy)
"""Which error of two is told: the one that asks for the most care."""


class _Fence(Frozen):
    """What was observed beside the stances: both fingerprints, and what keeps a policy from working."""

    imports: str
    exports: str
    detached: str = ""


class _Part(Frozen):
    """One policy of a link, as it should read."""

    name: str
    direction: Direction
    stances: tuple[PrefixStance, ...]
    fingerprint: str


class RoutePolicyLever:
    """``Lever`` over a link's ``import_policy`` and ``export_policy``, which are attached to its peers at install."""

    kind = LeverKind.ROUTE_POLICY

    def __init__(self, fabric: Fabric, compute: Compute) -> None:
        self._fabric = fabric
        self._compute = compute
        self._running: defaultdict[str, list[str]] = defaultdict(list)
        self._sent: Counter[str] = Counter()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def observe(self, target: str) -> Observed:
        """Read the router's policies, afresh for their fingerprints' sake, and the router in parallel. Raises ``LeverBusy`` or ``LeverFailed``.

        Policies read while an operation of ours ran may be from before it: once it is seen to have ended they are read again.
        """
        link, router = self._link(target), router_of(self._fabric, target)
        ran, sent = bool(self._running[target]), self._sent[target]
        pair, body, settled = await asyncio.gather(self._pair(router, link), self._compute.get(router.path), self._settled(router, target))
        if ran and settled:
            pair = await self._pair(router, link)
        imports, exports = pair
        setting = RoutePolicies(
            link=link.name,
            imports=_stances(imports, Direction.IMPORT),
            exports=_stances(exports, Direction.EXPORT),
        )
        fence = _Fence(imports=_print(imports), exports=_print(exports), detached=_detached(link, body))
        still = settled and sent == self._sent[target]
        return Observed(setting=setting, fence=canonical(fence).decode(), settled=still)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Write the policies that differ, in parallel; returns when the API has accepted them, before they are in force.

        Raises ``FenceLost``, ``LeverBusy``, ``LeverFailed`` or ``LeverUnsure``: the gravest of the two writes'.
        """
        want, held = _policies(want), _policies(observed.setting)
        fence = _fence(observed)
        if fence.detached and (want.imports or want.exports):
            raise LeverFailed(fence.detached)
        link, router = self._link(want.link), router_of(self._fabric, want.link)
        parts = _parts(link, want, held, fence)
        check_size(*(write(part.stances) for part in parts))
        await self._write_all(router, want.link, parts, token)

    async def undo(self, observed: Observed, token: str) -> None:
        """Let every prefix through as if there were no policy."""
        await self.apply(RoutePolicies(link=_policies(observed.setting).link), observed, token)

    async def verify(self, want: Setting) -> Verified:
        """Prove it: *accepted* when both policies read back, *effective* when best and advertised routes follow them."""
        want = _policies(want)
        router = router_of(self._fabric, want.link)
        try:
            await self._drained_operations(router, want.link)
        except PointsmanError as error:
            return Verified(level=Level.NONE, missing=str(error))
        observed = await self.observe(want.link)
        missing = _unaccepted(want, observed)
        if missing:
            return Verified(level=Level.NONE, missing=missing)
        missing = _fence(observed).detached or await self._uneffective(router, want)
        return Verified(level=Level.ACCEPTED if missing else Level.EFFECTIVE, missing=missing)

    async def _write_all(self, router: RouterRef, link: str, parts: Sequence[_Part], token: str) -> None:
        remaining = parts
        async with self._turns[router.path]:
            for _ in range(BUSY_TRIES):
                self._sent[link] += len(remaining)
                ends = await asyncio.gather(*(self._write(router, part, token) for part in remaining), return_exceptions=True)
                self._running[link] = [*self._running[link], *(end for end in ends if isinstance(end, str))][-len(Direction) :]
                remaining = [part for part, end in zip(remaining, ends, strict=True) if _kept_out(end)]
                errors = [end for end in ends if isinstance(end, BaseException)]
                if len(errors) > len(remaining) or not (remaining and await self._idle(router)):
                    _raise_gravest(errors)
                    return
        raise LeverBusy(f"router {router.name} was busy {BUSY_TRIES} times: look again")

    async def _idle(self, router: RouterRef) -> bool:
        """Wait until no operation of ours runs on a router; says whether there was one."""
        named = [(link, one) for link, running in self._running.items() for one in running if router_of(self._fabric, link) == router]
        ends = await asyncio.gather(*(self._compute.wait(router, one) for _, one in named), return_exceptions=True)
        for (link, operation), end in zip(named, ends, strict=True):
            if end is not False:
                self._over(link, {operation})
        return any(end is not False for end in ends)

    async def _write(self, router: RouterRef, part: _Part, token: str) -> str:
        body = {
            "name": part.name,
            "type": part.direction.value,
            "fingerprint": part.fingerprint,
            "terms": write(part.stances),
        }
        request = request_id(token, router.path, part.name, part.fingerprint)
        return await self._compute.write("POST", f"{router.path}/patchRoutePolicy", body, request)

    async def _pair(self, router: RouterRef, link: Link) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return await asyncio.gather(self._policy(router, link.gcp.import_policy), self._policy(router, link.gcp.export_policy))

    async def _policy(self, router: RouterRef, name: str | None) -> Mapping[str, Any]:
        """Give a policy from the router's list; the reference leaves open whether that shows all, so what it lacks is asked for."""
        if name is None:
            return {}
        listed = (await self._compute.policies(router)).get(name)
        if listed is None:
            text = f"route policy {name} does not exist on router {router.name}: create it and attach it to the link's peers"
            raise LeverFailed(text)
        if "fingerprint" in listed and "terms" in listed:
            return listed
        answer = await self._compute.get(f"{router.path}/getRoutePolicy", {"policy": name}, fresh=True)
        return table(answer.get("resource"))

    async def _settled(self, router: RouterRef, link: str) -> bool:
        operations = tuple(self._running[link])
        ends = await asyncio.gather(*(self._compute.finished(router, one) for one in operations), return_exceptions=True)
        self._over(link, {operation for operation, end in zip(operations, ends, strict=True) if end is not False})
        return not self._running[link]

    async def _drained_operations(self, router: RouterRef, link: str) -> None:
        operations = tuple(self._running[link])
        ends = await asyncio.gather(*(self._compute.wait(router, operation) for operation in operations))
        self._over(link, {operation for operation, end in zip(operations, ends, strict=True) if end})

    def _over(self, link: str, ended: set[str]) -> None:
        self._running[link] = [one for one in self._running[link] if one not in ended]

    async def _uneffective(self, router: RouterRef, want: RoutePolicies) -> str:
        link = self._link(want.link)
        status, sent = await asyncio.gather(self._compute.status(router), advertised(self._compute, router, self._fabric, link))
        return missing_imports(link, status, want.imports) or missing_exports(sent.routes, want.exports) or sent.unread

    def _link(self, name: str) -> Link:
        router_of(self._fabric, name)
        link = self._fabric.link(name)
        if not (link.gcp.import_policy or link.gcp.export_policy):
            text = f"link {name} declares no gcp.import_policy and no gcp.export_policy, so it cannot be steered from Google Cloud"
            raise LeverFailed(text)
        return link


def _policies(setting: Setting) -> RoutePolicies:
    if not isinstance(setting, RoutePolicies):
        text = f"a setting of {type(setting).__name__} was handed to the route policy lever"
        raise LeverFailed(text)
    return setting


def _parts(link: Link, want: RoutePolicies, held: RoutePolicies, fence: _Fence) -> list[_Part]:
    pairs = (
        (link.gcp.import_policy, Direction.IMPORT, want.imports, held.imports, fence.imports),
        (link.gcp.export_policy, Direction.EXPORT, want.exports, held.exports, fence.exports),
    )
    parts = []
    for name, direction, stances, now, fingerprint in pairs:
        if stances and name is None:
            text = f"link {link.name} declares no policy for {direction.name.lower()}: declare gcp.import_policy and gcp.export_policy"
            raise LeverFailed(text)
        if name and stances != now:
            parts.append(_Part(name=name, direction=direction, stances=stances, fingerprint=fingerprint))
    return parts


def _fence(observed: Observed) -> _Fence:
    try:
        return parse(observed.fence, _Fence)
    except msgspec.DecodeError as error:
        raise FenceLost("the fence is not one of this lever's: observe the link again") from error


def _raise_gravest(ends: Sequence[object]) -> None:
    errors = [end for end in ends if isinstance(end, BaseException)]
    for kind in (*_GRAVITY, BaseException):
        for error in errors:
            if isinstance(error, kind):
                raise error


def _kept_out(end: object) -> bool:
    return isinstance(end, LeverBusy) and not isinstance(end, Throttled | Broken)


def _print(policy: Mapping[str, Any]) -> str:
    return str(policy.get("fingerprint", ""))


def _stances(policy: Mapping[str, Any], direction: Direction) -> tuple[PrefixStance, ...]:
    if policy and policy.get("type") != direction.value:
        return (NOT_OURS,)
    return read(policy.get("terms", []))


def _detached(link: Link, router: dict[str, object]) -> str:
    peers = {peer.get("name"): peer for peer in tables(router.get("bgpPeers"))}
    for member in link.members:
        if member.gcp.peer is None:
            continue
        peer = table(peers.get(member.gcp.peer.name))
        for key, policy in (("importPolicies", link.gcp.import_policy), ("exportPolicies", link.gcp.export_policy)):
            if policy and policy not in (peer.get(key) or ()):
                return f"route policy {policy} is not attached to peer {member.gcp.peer.name}: add it to the peer's {key}"
    return ""


def _unaccepted(want: RoutePolicies, observed: Observed) -> str:
    if observed.setting == want:
        return ""
    if not observed.settled:
        return f"the operation on link {want.link}'s route policies is still running"
    return f"link {want.link}'s route policies read back different from what was written"

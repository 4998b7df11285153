"""The Compute Engine v1 calls that levers and looks are made of, as REST JSON, with answers told apart by the next step.

REST reference: https://cloud.google.com/compute/docs/reference/rest/v1/routers
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from pointsman.adapters.batches import Batches
from pointsman.adapters.gcp.http import Answer, GoogleHttp, Unanswered, Unreached
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Fabric
from pointsman.core.values import Frozen
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed, LeverUnsure

COMPUTE = "https://compute.googleapis.com"
"""Where the API lives unless boot says otherwise."""
OPERATION_SECONDS = 20.0
"""How long one wait for an operation may take; the API itself would hold it for two minutes."""
PAGE_LIMIT = 8
"""Most pages of one list that are read; what lies beyond stays unknown."""
PAGE_SIZE = "500"
"""Items a page, the API's maximum."""
REQUEST_NAMES = UUID("6f1c53c3-4f0a-5a53-9a35-0a6c4cbd2f6e")
"""Name space of the request ids that are derived from a step's token."""

_CONDITION = frozenset({"conditionNotMet", "CONDITION_NOT_MET", "invalidFingerprint"})
_BUSY = frozenset({"resourceNotReady", "RESOURCE_NOT_READY", "resourceInUseByAnotherResource", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"})
_THROTTLED = frozenset(
    {
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "quotaExceeded",
        "RATE_LIMIT_EXCEEDED",
        "RESOURCE_OPERATION_RATE_EXCEEDED",
    }
)
_THEIRS = frozenset({"INTERNAL_ERROR", "BACKEND_ERROR", "SERVICE_UNAVAILABLE", "UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED", "TIMEOUT"})
"""Errors of Google's own, with which an operation ends that was asked for rightly."""
_DENIED, _QUOTA, _SERVER = (401, 403), 429, 500
_DONE = "DONE"


class Throttled(LeverBusy):
    """The project's request quota is used up; it refills at the next clock minute."""


class Broken(LeverBusy):
    """An operation was accepted and failed at Google's own end: the same request is answered with it, a later one may go well."""


class Missing(LeverFailed):
    """The resource does not exist."""


class RouterRef(Frozen):
    """Which Cloud Router; ``id`` is the number its logs name it by."""

    project: str
    region: str
    name: str
    id: str

    @property
    def path(self) -> str:
        """Give the resource's path under the API's root."""
        return f"{region_path(self.project, self.region)}/routers/{self.name}"


def region_path(project: str, region: str) -> str:
    """Give a region's path under the API's root."""
    return f"/compute/v1/projects/{project}/regions/{region}"


def router_of(fabric: Fabric, link: str) -> RouterRef:
    """Name the Cloud Router that a link ends on. Raises ``LeverFailed`` when the fabric declares none."""
    try:
        site = fabric.gcp_site(fabric.link(link))
    except KeyError as error:
        text = f"link {link} is not in fabric {fabric.name}: check the name"
        raise LeverFailed(text) from error
    if site.router is None:
        text = f"site {site.name} declares no router, so link {link} cannot be read or steered from Google Cloud"
        raise LeverFailed(text)
    return RouterRef(project=site.project, region=site.region, name=site.router.name, id=site.router.id)


def request_id(token: str, *step: str) -> str:
    """Derive the id by which the API recognises a repeated write: equal for an equal token and step."""
    return str(uuid5(REQUEST_NAMES, "|".join((token, *step))))


class Compute:
    """Asks Compute Engine. Reads raise ``LeverBusy`` or ``LeverFailed``; writes raise ``LeverUnsure`` and ``FenceLost`` too."""

    def __init__(self, http: GoogleHttp, *, endpoint: str = COMPUTE) -> None:
        self._http = http
        self._root = endpoint.rstrip("/")
        self._status_locks: dict[str, asyncio.Lock] = {}
        self._reading: dict[tuple[Any, ...], asyncio.Task[dict[str, Any]]] = {}
        self._batches = Batches()

    async def get(self, path: str, query: Mapping[str, str] | None = None, *, fresh: bool = False) -> dict[str, Any]:
        """Read one resource; readers that ask for the same while it is on its way share the answer, and leave it as it is.

        Nobody joins a read that began before a write of ours was answered, before an operation was seen to end, or whose
        reader has given up; a ``fresh`` reader joins none at all.
        """
        key = (path, *sorted((query or {}).items()))
        under_way = None if fresh else self._reading.get(key)
        if under_way is None:
            under_way = self._reading[key] = asyncio.create_task(self._get(path, query))
            under_way.add_done_callback(_retrieve)
        try:
            await asyncio.wait((under_way,))
        finally:
            if self._reading.get(key) is under_way:
                del self._reading[key]
        return under_way.result()

    async def policies(self, router: RouterRef) -> dict[str, dict[str, Any]]:
        """List a router's route policies by name; who asks at once shares the list, and nobody joins one that is on its way."""
        return await self._batches.ask(("policies", router.path), (), lambda _: self._policies(router))

    async def _policies(self, router: RouterRef) -> dict[str, dict[str, Any]]:
        listed = await self.list_all(f"{router.path}/listRoutePolicies", "result", fresh=True)
        return {str(one.get("name")): one for one in listed}

    async def list_all(self, path: str, field: str = "items", *, fresh: bool = False) -> list[dict[str, Any]]:
        """Read a whole list, page by page, ``PAGE_LIMIT`` pages at most; ``field`` is where a page holds its part."""
        return (await self._pages(path, field, {}, fresh=fresh))[0]

    async def bgp_routes(self, router: RouterRef, query: Mapping[str, str]) -> tuple[list[dict[str, Any]], bool]:
        """List the routes that a peer is told or told us, and say whether these are all: ``PAGE_LIMIT`` pages are read at most."""
        return await self._pages(f"{router.path}/listBgpRoutes", "result", query)

    async def _pages(self, path: str, field: str, query: Mapping[str, str], *, fresh: bool = False) -> tuple[list[dict[str, Any]], bool]:
        found: list[dict[str, Any]] = []
        asked = {**query, "maxResults": PAGE_SIZE}
        for _ in range(PAGE_LIMIT):
            page = await self.get(path, asked, fresh=fresh)
            found += tables(page.get(field))
            token = page.get("nextPageToken")
            if not token:
                return found, True
            asked["pageToken"] = str(token)
        return found, False

    async def status(self, router: RouterRef) -> dict[str, Any]:
        """Read a router's live status; a second look at the same router waits for the first."""
        async with self._status_locks.setdefault(router.path, asyncio.Lock()):
            return table((await self._get(f"{router.path}/getRouterStatus", None)).get("result"))

    async def write(self, method: str, path: str, body: object, request: str) -> str:
        """Send one mutation and give the name of the operation that the API accepted it as."""
        try:
            return await self._write(method, path, body, request)
        finally:
            self._reading.clear()

    async def finished(self, router: RouterRef, operation: str) -> bool:
        """Say whether an operation has ended. Raises as a write does when it ended in an error."""
        found = await self.get(f"{region_path(router.project, router.region)}/operations/{operation}")
        if found.get("status") == _DONE:
            self._reading.clear()
        return ended(found)

    async def wait(self, router: RouterRef, operation: str) -> bool:
        """Wait up to ``OPERATION_SECONDS`` for an operation; say whether it ended. Raises when it ended in an error."""
        try:
            return await self._wait(router, operation)
        finally:
            self._reading.clear()

    async def _get(self, path: str, query: Mapping[str, str] | None) -> dict[str, Any]:
        try:
            answer = await self._http.ask("GET", self._root + path, query=query)
            if answer.ok:
                return table(answer.json())
        except (Unreached, Unanswered) as error:
            raise LeverBusy(f"Compute Engine did not answer: {error}") from error
        raise _problem(answer, path, write=False)

    async def _write(self, method: str, path: str, body: object, request: str) -> str:
        try:
            answer = await self._http.ask(method, self._root + path, body=body, query={"requestId": request})
            if answer.ok:
                operation = table(answer.json())
                ended(operation)
                return str(operation.get("name", ""))
        except Unreached as error:
            raise LeverBusy(f"Compute Engine cannot be reached, nothing was written: {error}") from error
        except Unanswered as error:
            raise LeverUnsure(f"Compute Engine may have made the write: observe first ({error})") from error
        raise _problem(answer, path, write=True)

    async def _wait(self, router: RouterRef, operation: str) -> bool:
        url = f"{self._root}{region_path(router.project, router.region)}/operations/{operation}/wait"
        try:
            answer = await self._http.ask("POST", url, read=OPERATION_SECONDS)
            return answer.ok and ended(table(answer.json()))
        except (Unreached, Unanswered):
            return False  # the operation goes on by itself; whoever needs its end looks again


def ended(operation: Mapping[str, Any]) -> bool:
    """Say whether an operation is done. Raises what its own error means."""
    for error in tables(table(operation.get("error")).get("errors"))[:1]:
        raise _failed(operation.get("httpErrorStatusCode"), str(error.get("code", "")), str(error.get("message", "")))
    return operation.get("status") == _DONE


def table(value: object) -> dict[str, Any]:
    """Take a JSON object as it is, anything else as empty."""
    return value if isinstance(value, dict) else {}


def tables(value: object) -> list[dict[str, Any]]:
    """Take the objects out of a JSON array, anything else as none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _retrieve(read: asyncio.Task[dict[str, Any]]) -> None:
    """Take note of an error that no reader waits for any more: it concerns nobody."""
    if not read.cancelled():
        read.exception()


def _problem(answer: Answer, path: str, *, write: bool) -> PointsmanError:
    try:
        error = table(table(answer.json()).get("error"))
    except Unanswered:
        error = {}
    reasons = [str(one.get("reason", "")) for one in tables(error.get("errors"))] or [str(error.get("status", ""))]
    what = f"{path.removeprefix('/compute/v1/')} answered {answer.status}"
    if answer.status >= _SERVER:
        text = f"{what}: the write may have been made, observe first" if write else f"{what}: look again later"
        return LeverUnsure(text) if write else LeverBusy(text)
    message = str(error.get("message", ""))
    return _by_status(answer.status, message, what) or _error(reasons[0], message, what, denied=answer.status in _DENIED)


def _failed(status: object, code: str, message: str) -> PointsmanError:
    """Sort the error that an operation ended with."""
    if code in _THEIRS or (isinstance(status, int) and status >= _SERVER):
        return Broken(f"the operation failed at Google's end ({code}), try again later: {message}")
    if status == _QUOTA:
        code = "RATE_LIMIT_EXCEEDED"
    return _error(code, message, "the operation failed")


def _by_status(status: int, message: str, what: str) -> PointsmanError | None:
    match status:
        case 404:
            return Missing(f"{what}: it does not exist, check its name and create it at install ({message})")
        case 409:
            return LeverBusy(f"{what}: another change is under way, look again")
        case 412:
            return FenceLost(f"{what}: somebody changed it since it was observed, observe again")
        case 429:
            return Throttled(f"{what}: request quota used up until the next clock minute")
        case _:
            return None


def _error(reason: str, message: str, what: str, *, denied: bool = False) -> PointsmanError:
    if reason in _CONDITION:
        return FenceLost(f"{what}: somebody changed it since it was observed, observe again")
    if reason in _BUSY:
        return LeverBusy(f"{what}: another operation on it is still running, look again")
    if reason in _THROTTLED:
        return Throttled(f"{what}: request quota used up until the next clock minute")
    mend = "grant the service account the compute.routers permissions in this project" if denied else "mend the fabric or the resource"
    return LeverFailed(f"{what} ({reason or 'no reason'}): {mend}. {message}")

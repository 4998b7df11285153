"""Two small services beside Compute: Network Connectivity's transports and Secret Manager's secrets.

REST references: https://cloud.google.com/network-connectivity/docs/reference/networkconnectivity/rest/v1/projects.locations.transports
and https://cloud.google.com/secret-manager/docs/reference/rest
"""

import base64
import binascii

from pointsman.testing.gcp.answers import ApiError, Call, Json, Route, invalid, missing
from pointsman.testing.gcp.world import World
from pointsman.testing.network.blueprint import LinkSpec

VERSION_LIMIT = 64
"""Versions of one secret that are kept."""
_TRANSPORTS = "/v1/projects/{project}/locations/{region}/transports"
_SECRETS = "/v1/projects/{project}/secrets"


class Transports:
    """Partner Cross-Cloud transports. A broken one reads SUSPENDED (unconfirmed: v1 documents no state for an outage)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._routes: dict[str, list[str]] = {}

    def routes(self) -> tuple[Route, ...]:
        """Name the methods that are served."""
        return (
            Route(operation="transports.list", method="GET", path=_TRANSPORTS, answer=self.list_all),
            Route(operation="transports.get", method="GET", path=_TRANSPORTS + "/{name}", answer=self.get),
            Route(operation="transports.patch", method="PATCH", path=_TRANSPORTS + "/{name}", answer=self.patch),
        )

    def list_all(self, call: Call) -> Json:
        """List a location's transports."""
        place = f"projects/{call.names['project']}/locations/{call.names['region']}/"
        return {"transports": [self._body(link) for link in self._links() if str(link.transport).startswith(place)]}

    def get(self, call: Call) -> Json:
        """Give one transport."""
        return self._body(self._link(call))

    def patch(self, call: Call) -> Json:
        """Change the advertised routes; other fields are refused."""
        link = self._link(call)
        if call.query.get("updateMask") != "advertisedRoutes":
            raise invalid("updateMask is advertisedRoutes here")
        routes = [str(one) for one in call.body.get("advertisedRoutes", ())]
        self._world.network.set_transport_routes(str(link.transport), routes, principal=call.principal)
        self._routes[str(link.transport)] = routes
        return {"name": f"projects/{call.names['project']}/locations/{call.names['region']}/operations/transport", "done": True}

    def _links(self) -> list[LinkSpec]:
        return [link for link in self._world.network.blueprint.links if link.transport]

    def _link(self, call: Call) -> LinkSpec:
        name = f"projects/{call.names['project']}/locations/{call.names['region']}/transports/{call.names['name']}"
        for link in self._links():
            if link.transport == name:
                return link
        raise missing(name)

    def _body(self, link: LinkSpec) -> Json:
        name = str(link.transport)
        return {
            "name": name,
            "bandwidth": f"BPS_{max(link.capacity // 1_000_000_000, 1)}G",
            "stackType": "IPV4_ONLY",
            "mtuLimit": link.mtu,
            "advertisedRoutes": self._routes.get(name, []),
            "state": "ACTIVE" if self._world.network.transport_up(name) else "SUSPENDED",
        }


class Secrets:
    """Secrets with their versions; a disabled newest version cannot be read."""

    def __init__(self) -> None:
        self._versions: dict[str, list[str]] = {}

    def routes(self) -> tuple[Route, ...]:
        """Name the methods that are served."""
        one = _SECRETS + "/{name}"
        return (
            Route(operation="secretmanager.create", method="POST", path=_SECRETS, answer=self.create),
            Route(operation="secretmanager.addVersion", method="POST", path=one + ":addVersion", answer=self.add_version),
            Route(operation="secretmanager.access", method="GET", path=one + "/versions/{version}:access", answer=self.access),
        )

    def put(self, project: str, name: str, text: str) -> None:
        """Give a secret a newest version, as its owner would."""
        self._add(f"projects/{project}/secrets/{name}", base64.b64encode(text.encode()).decode())

    def create(self, call: Call) -> Json:
        """Create a secret without a version."""
        name = f"projects/{call.names['project']}/secrets/{call.need('secretId')}"
        if name in self._versions:
            raise ApiError(409, "ALREADY_EXISTS", f"Secret [{name}] already exists.")
        if "replication" not in call.body:
            raise ApiError(400, "INVALID_ARGUMENT", "replication must be provided")
        self._versions[name] = []
        return {"name": name, "replication": call.body["replication"]}

    def add_version(self, call: Call) -> Json:
        """Add a version."""
        name = f"projects/{call.names['project']}/secrets/{call.names['name']}"
        if name not in self._versions:
            raise ApiError(404, "NOT_FOUND", f"Secret [{name}] not found.")
        data = str(call.body.get("payload", {}).get("data", ""))
        try:
            base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ApiError(400, "INVALID_ARGUMENT", "payload.data is not base64") from error
        self._add(name, data)
        return {"name": f"{name}/versions/{len(self._versions[name])}", "state": "ENABLED"}

    def access(self, call: Call) -> Json:
        """Give the data of a version; ``latest`` is the newest."""
        name = f"projects/{call.names['project']}/secrets/{call.names['name']}"
        versions, wanted = self._versions.get(name, []), call.names["version"]
        number = len(versions) if wanted == "latest" else int(wanted) if wanted.isdigit() else 0
        if not 0 < number <= len(versions):
            raise ApiError(404, "NOT_FOUND", f"Secret Version [{name}/versions/{wanted}] not found or has no versions.")
        return {"name": f"{name}/versions/{number}", "payload": {"data": versions[number - 1]}}

    def _add(self, name: str, data: str) -> None:
        versions = self._versions.setdefault(name, [])
        if len(versions) >= VERSION_LIMIT:
            raise ApiError(429, "RESOURCE_EXHAUSTED", f"more than {VERSION_LIMIT} versions")
        versions.append(data)

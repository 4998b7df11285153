"""Cloud Logging's entries:list over the audit log of the network's API calls.

REST reference: https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
"""

import re

from pointsman.testing.gcp.answers import Call, Json, Route, invalid
from pointsman.testing.gcp.world import World
from pointsman.testing.happenings.rendering import Renderer
from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.happenings import Kind

PAGE = 50
"""Entries on a page where the caller does not say."""
PAGE_LIMIT = 1000
_TERM = re.compile(r'(logName|timestamp)\s*(=|>=)\s*"([^"]*)"')


class Logs:
    """Answers from the model's happenings; of the query language it knows ``logName=".."``, ``timestamp>=".."`` and AND."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> tuple[Route, ...]:
        """Name the methods that are served."""
        return (Route(operation="entries.list", method="POST", path="/v2/entries:list", answer=self.list_entries),)

    def list_entries(self, call: Call) -> Json:
        """List entries of the named projects, oldest first unless the order says otherwise."""
        names = call.body.get("resourceNames")
        if not names or any(not str(one).startswith("projects/") for one in names):
            raise invalid("resourceNames must name projects")
        kept = [entry for entry in self._entries() if any(entry["logName"].startswith(f"{one}/logs/") for one in names)]
        for key, compare, value in _terms(str(call.body.get("filter", ""))):
            kept = [entry for entry in kept if (entry[key] == value if compare == "=" else entry[key] >= value)]
        kept.sort(key=lambda entry: str(entry["timestamp"]), reverse=call.body.get("orderBy") == "timestamp desc")
        return _page(kept, call.body)

    def _entries(self) -> list[Json]:
        network = self._world.network
        render = Renderer(network.blueprint, self._world.time.moment(0))
        calls = [one for one in network.happenings if one.side is Side.GCP and one.kind is Kind.API_CALL]
        return [dict(event.payload) for one in calls for event in render.render(one)]


def _terms(query: str) -> list[tuple[str, str, str]]:
    terms = [part.strip() for part in query.split(" AND ")] if query else []
    found = [_TERM.fullmatch(term) for term in terms]
    if not all(found):
        raise invalid("this filter is not served here")
    return [(one[1], one[2], one[3]) for one in found if one]


def _page(entries: list[Json], body: Json) -> Json:
    size, start = int(body.get("pageSize") or PAGE), int(body.get("pageToken") or 0)
    if not 0 < size <= PAGE_LIMIT:
        raise invalid("pageSize must be between 1 and 1000")
    after = start + size
    return {"entries": entries[start:after]} | ({"nextPageToken": str(after)} if after < len(entries) else {})

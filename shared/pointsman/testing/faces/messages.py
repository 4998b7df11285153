"""One HTTP request and its answer, as a face's parts hand them on."""

import json

from pointsman.core.values import Frozen


class Ask(Frozen):
    """One HTTP request; header names in lower case. ``path`` keeps its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """Give a header, "" when it is absent."""
        return self.headers.get(name, "")


class Tell(Frozen):
    """One HTTP answer; status 0 means: cut the connection."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = {}


CUT = Tell(status=0)
"""No answer at all."""


def json_tell(status: int, value: object) -> Tell:
    """Answer with JSON."""
    return Tell(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json; charset=UTF-8"})

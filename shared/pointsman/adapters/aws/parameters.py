"""Parameter Store: small texts by name. Who reads at once shares calls."""

from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.adapters.aws.asking import ask_json, together
from pointsman.adapters.aws.clients import Clients

NAMES_A_CALL = 10
"""As many parameters as GetParameters gives at once."""
HISTORY_PAGES = 4
"""Pages of a parameter's history that are read: AWS keeps 100 versions and shows 50 a page (Systems Manager API Reference, GetParameterHistory)."""


async def read(clients: Clients, region: str, names: Iterable[str]) -> Mapping[str, str | None]:
    """Read parameters: each one's text, None for one that does not exist; one that AWS says nothing of is left out.

    Raises ``LeverBusy`` or ``LeverFailed``.
    """

    async def held(asked: tuple[str, ...]) -> Mapping[str, str | None]:
        shelves = [asked[start : start + NAMES_A_CALL] for start in range(0, len(asked), NAMES_A_CALL)]
        found = await together(_shelf(clients, region, shelf) for shelf in shelves)
        return {name: text for one in found for name, text in one.items()}

    wanted = tuple(names)
    found = await clients.batches.ask(("parameters", region), wanted, held)
    return {name: found[name] for name in wanted if name in found}


async def write(clients: Clients, region: str, name: str, text: str) -> None:
    """Write one. Raises ``LeverBusy``, ``LeverFailed`` or ``LeverUnsure``."""
    asked = {"Name": name, "Value": text, "Type": "String", "Overwrite": True}
    await ask_json(clients.signed("ssm", region), "PutParameter", asked, write=True)


async def history(clients: Clients, region: str, name: str) -> tuple[str, ...]:
    """Read every text that a parameter held, as far back as AWS keeps it. Raises ``LeverBusy`` or ``LeverFailed``."""
    found: list[str] = []
    more: dict[str, Any] = {"Name": name}
    for _ in range(HISTORY_PAGES):
        answer = await ask_json(clients.signed("ssm", region), "GetParameterHistory", more)
        found += [str(one.get("Value", "")) for one in answer.get("Parameters", ())]
        if not answer.get("NextToken"):
            break
        more = more | {"NextToken": answer["NextToken"]}
    return tuple(found)


async def _shelf(clients: Clients, region: str, names: tuple[str, ...]) -> Mapping[str, str | None]:
    answer = await ask_json(clients.signed("ssm", region), "GetParameters", {"Names": names})
    absent = dict.fromkeys(answer.get("InvalidParameters", ()))
    return absent | {str(one["Name"]): str(one.get("Value", "")) for one in answer.get("Parameters", ()) if "Name" in one}

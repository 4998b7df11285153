"""Read what a managed prefix list holds."""

from typing import Any

from pointsman.adapters.aws.asking import ask
from pointsman.adapters.aws.clients import Clients
from pointsman.ports.clouds import LeverFailed

ENTRIES_A_PAGE = 100
"""As many as GetManagedPrefixListEntries gives at once; a flow declares no more prefixes than that."""


async def entries(clients: Clients, region: str, name: str, pages: int) -> tuple[str, ...]:
    """List the prefixes of a list as it stands, page by page. Raises what ``asking.ask`` raises, ``LeverFailed`` past the bound too."""
    found: list[str] = []
    more: dict[str, Any] = {}
    for _ in range(pages):
        answer: Any = await ask(
            lambda more=more: clients.ec2(region).get_managed_prefix_list_entries(  # type: ignore[misc]
                PrefixListId=name, MaxResults=ENTRIES_A_PAGE, **more
            ),
            "ec2:GetManagedPrefixListEntries",
        )
        found += [str(one.get("Cidr")) for one in answer.get("Entries", ())]
        if not answer.get("NextToken"):
            return tuple(found)
        more = {"NextToken": answer["NextToken"]}
    raise LeverFailed(
        f"{name} holds more prefixes than are read ({pages * ENTRIES_A_PAGE}): nothing is proved of it, remove what is strange"
    )

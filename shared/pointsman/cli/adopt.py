"""``pointsman adopt``: let the agreed plan name the next fabric."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.asking import settings_for

if TYPE_CHECKING:
    from pointsman.core.plan import Plan

Current = Annotated[str, typer.Argument(metavar="CURRENT", help="The compiled fabric that the plan names now.")]
Following = Annotated[str, typer.Argument(metavar="NEXT", help="The compiled fabric that it is to name.")]
Author = Annotated[str, typer.Option("--author", help="Who orders it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with the plan.")]
Force = Annotated[bool, typer.Option("--force", help="Do not wait until both clouds' functions carry it.")]


def adopt(current: Current, following: Following, *, author: Author, reason: Why, force: Force = False) -> None:
    """Let the agreed plan name the next fabric, once the functions of both clouds carry it.

    Speaks to the stores with the credentials of this shell: one cloud's are enough while two of the stores can be reached with them,
    but where the other cloud's rows cannot be read nor can its functions' heartbeats: then --force.
    """
    from pointsman.boot import loop  # noqa: PLC0415 - the SDKs load for this command only
    from pointsman.boot.ordering import open_house  # noqa: PLC0415
    from pointsman.service.adopt import adopt as order  # noqa: PLC0415

    async def ordered() -> "Plan":
        house = await open_house(settings_for(current, following))
        return await order(house, author=author, reason=reason, force=force)

    plan = loop.run(ordered())
    typer.echo(f"fabric {plan.fabric_hash} is agreed since epoch {plan.epoch}")

"""``pointsman adopt``: let the agreed plan name the next fabric."""

from typing import Annotated

import typer

from pointsman.cli.asking import settings_for

Current = Annotated[str, typer.Argument(metavar="CURRENT", help="The compiled fabric that the plan names now.")]
Following = Annotated[str, typer.Argument(metavar="NEXT", help="The compiled fabric that it is to name.")]
Author = Annotated[str, typer.Option("--author", help="Who orders it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with the plan.")]
Force = Annotated[bool, typer.Option("--force", help="Do not wait until both clouds' functions carry it.")]


def adopt(current: Current, following: Following, *, author: Author, reason: Why, force: Force = False) -> None:
    """Let the agreed plan name the next fabric, once the functions of both clouds carry it.

    Speaks to the stores with the credentials of this shell.
    """
    from pointsman.boot import loop  # noqa: PLC0415 - the SDKs load for this command only
    from pointsman.boot.aws import build  # noqa: PLC0415
    from pointsman.service.adopt import adopt as order  # noqa: PLC0415

    app = build(settings_for(current, following))
    plan = loop.run(order(app.house, author=author, reason=reason, force=force))
    typer.echo(f"fabric {plan.fabric_hash} is agreed since epoch {plan.epoch}")

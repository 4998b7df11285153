"""The shared table as a person's shell reads it: every store made late, so that one that cannot be reached hides no other."""

import asyncio
from collections.abc import Mapping
from functools import partial

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.secrets import Secrets
from pointsman.boot.artefact import fabrics, home_project, home_region
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.boot.late import LateFlag
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings
from pointsman.boot.stores import Opener, Secret, late_stores
from pointsman.core.domains import store_set
from pointsman.core.errors import ConfigError, PointsmanError, Transient
from pointsman.core.fabric import Cloud, Fabric
from pointsman.ports.clouds import Flag
from pointsman.ports.stores import Store
from pointsman.service.registers import Registers
from pointsman.service.status import Table


def open_table(settings: Settings) -> Table:
    """Open what a status is read from, with the credentials of this shell. Raises ``ConfigError`` for a bad fabric or setting."""
    (fabric, *_) = fabrics(settings)
    return table_over(settings, fabric, late_stores(shell_opener(settings, fabric), fabric))


def table_over(settings: Settings, fabric: Fabric, stores: Mapping[str, Store]) -> Table:
    """Open it over a fabric's stores, by slot."""
    region, reach = home_region(fabric), shell_opener(settings, fabric).reach
    clients = Clients(endpoints=settings.endpoints)
    clock = SystemClock()
    return Table(
        fabric=fabric,
        stores=stores,
        registers=Registers(tuple(stores.values()), clock=clock, nonce=nonce, jitter=jitter, stores=store_set(fabric.stores)),
        flags={
            Cloud.AWS: LateFlag(Cloud.AWS, lambda: _aws_flag(clients, fabric, region)),
            Cloud.GCP: LateFlag(Cloud.GCP, lambda: _google_flag(reach, fabric)),
        },
        clock=clock,
    )


def shell_opener(settings: Settings, fabric: Fabric) -> Opener:
    """Say how a person's shell reaches a fabric's stores. Raises ``ConfigError``."""
    region = home_region(fabric)
    reach = Reach(settings, Cloud.AWS, region)
    return Opener(
        reach=reach, secret=either(Secrets(Clients(endpoints=settings.endpoints), region).get, partial(_google_secret, reach, fabric))
    )


def either(*ways: Secret) -> Secret:
    """Ask both clouds for a secret that both keep alike, and take the first answer."""

    async def get(reference: str) -> str:
        asked, failures = [asyncio.ensure_future(way(reference)) for way in ways], list[PointsmanError]()
        try:
            for ended in asyncio.as_completed(asked):
                try:
                    return await ended
                except PointsmanError as error:
                    failures.append(error)
                except ImportError as error:
                    failures.append(ConfigError(f"a package is missing ({error.name}): install pointsman with the extra of that cloud"))
        finally:
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        final = all(isinstance(error, ConfigError) for error in failures)
        raise (ConfigError if final else Transient)("neither cloud gives the secret", faults=map(str, failures))

    return get


async def _google_secret(reach: Reach, fabric: Fabric, reference: str) -> str:
    from pointsman.adapters.gcp.secret_manager import SECRETS  # noqa: PLC0415 - needed late, so loaded late
    from pointsman.adapters.gcp.secret_manager import Secrets as GoogleSecrets  # noqa: PLC0415

    endpoint = reach.settings.endpoints.get("secretmanager", SECRETS)
    return await GoogleSecrets(reach.google(), home_project(fabric), endpoint=endpoint).get(reference)


def _aws_flag(clients: Clients, fabric: Fabric, region: str) -> Flag:
    from pointsman.adapters.aws.freeze import SsmFlag  # noqa: PLC0415 - made late, so loaded late

    return SsmFlag(clients, fabric.name, region, SystemClock())


def _google_flag(reach: Reach, fabric: Fabric) -> Flag:
    from pointsman.adapters.gcp.secret_manager import SECRETS, SecretManagerFlag  # noqa: PLC0415

    endpoint = reach.settings.endpoints.get("secretmanager", SECRETS)
    return SecretManagerFlag(reach.google(), home_project(fabric), fabric.name, endpoint=endpoint, clock=SystemClock())

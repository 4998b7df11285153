"""The shared table as a person's shell reads it: every store made late, so that one that cannot be reached hides no other."""

from functools import partial

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.secrets import Secrets
from pointsman.boot.artefact import fabrics, home_project, home_region
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.boot.late import LateFlag, LateStore
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings
from pointsman.boot.stores import WITNESS, Opener, name_of
from pointsman.core.domains import addresses_of, store_set
from pointsman.core.fabric import Cloud, Fabric
from pointsman.ports.clouds import Flag
from pointsman.ports.stores import Store
from pointsman.service.registers import Registers
from pointsman.service.status import Table


def open_table(settings: Settings) -> Table:
    """Open what a status is read from, with the credentials of this shell. Raises ``ConfigError`` for a bad fabric or setting."""
    (fabric, *_) = fabrics(settings)
    region = home_region(fabric)
    reach = Reach(settings, Cloud.AWS, region)
    clients = Clients(endpoints=settings.endpoints)
    stores = _stores(Opener(reach=reach, secret=Secrets(clients, region).get), fabric)
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


def _stores(opener: Opener, fabric: Fabric) -> dict[str, Store]:
    key = fabric.stores.witness_key
    makers = {
        slot: (name_of(slot, address), partial(opener.store, name_of(slot, address), address, key if slot == WITNESS else None))
        for slot, address in addresses_of(fabric.stores).items()
    }
    return {slot: LateStore(name, make) for slot, (name, make) in makers.items()}


def _aws_flag(clients: Clients, fabric: Fabric, region: str) -> Flag:
    from pointsman.adapters.aws.freeze import SsmFlag  # noqa: PLC0415 - made late, so loaded late

    return SsmFlag(clients, fabric.name, region, SystemClock())


def _google_flag(reach: Reach, fabric: Fabric) -> Flag:
    from pointsman.adapters.gcp.secret_manager import SECRETS, SecretManagerFlag  # noqa: PLC0415

    endpoint = reach.settings.endpoints.get("secretmanager", SECRETS)
    return SecretManagerFlag(reach.google(), home_project(fabric), fabric.name, endpoint=endpoint, clock=SystemClock())

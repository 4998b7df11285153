"""Furnish a function on AWS: boto3 for the own cloud, JSON over HTTP for Google's store, flag and queue."""

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.dynamodb import DynamoStore, over_boto3
from pointsman.adapters.aws.failover_test import FailoverTestLever
from pointsman.adapters.aws.freeze import SsmFlag
from pointsman.adapters.aws.looker import AwsLooker
from pointsman.adapters.aws.prefix_list_pin import PrefixListPinLever
from pointsman.adapters.aws.queues import SqsQueue
from pointsman.adapters.aws.secrets import Secrets
from pointsman.boot.app import App, furnish
from pointsman.boot.artefact import fabrics, home_project, home_region
from pointsman.boot.chance import SystemClock
from pointsman.boot.identity import google_credentials
from pointsman.boot.late import LateFlag, LateQueue
from pointsman.boot.settings import Settings, read_settings
from pointsman.boot.stores import build_stores
from pointsman.core.domains import StoreAddress
from pointsman.core.fabric import Cloud, Fabric
from pointsman.ports.clouds import Flag, Queue
from pointsman.ports.stores import Store

_WARM = ("ssm", "directconnect", "ec2", "sqs")


def build() -> App:
    """Build what a function on AWS needs. Raises ``ConfigError``."""
    settings = read_settings()
    declared = fabrics(settings)
    fabric = declared[0]
    region = home_region(fabric)
    clients = Clients(endpoints=settings.endpoints)

    def own_dynamodb(name: str, address: StoreAddress) -> Store:
        return DynamoStore(name, address.name, over_boto3(clients.get("dynamodb", address.place)))

    stores = build_stores(settings, fabric, Cloud.AWS, own_dynamodb)
    clients.warm(_WARM, region)
    clock = SystemClock()
    return furnish(
        settings,
        declared,
        Cloud.AWS,
        stores=stores,
        clock=clock,
        looker=AwsLooker(fabric, clients, clock),
        levers=(FailoverTestLever(fabric, clients, clock), PrefixListPinLever(fabric, clients)),
        flags=(SsmFlag(clients, fabric.name, region), LateFlag(Cloud.GCP, lambda: _google_flag(settings, fabric))),
        nudge=LateQueue(lambda: _google_queue(settings)) if settings.nudge else None,
        post=SqsQueue(clients, settings.post, region) if settings.post else None,
        parking=SqsQueue(clients, settings.parking, region) if settings.parking else None,
        secrets=Secrets(clients, region),
    )


def _google_flag(settings: Settings, fabric: Fabric) -> Flag:
    from pointsman.adapters.gcp.http import GoogleHttp  # noqa: PLC0415 - the other cloud's things are loaded late
    from pointsman.adapters.gcp.secret_manager import SECRETS, SecretManagerFlag  # noqa: PLC0415

    endpoint = settings.endpoints.get("secretmanager", SECRETS)
    return SecretManagerFlag(GoogleHttp(google_credentials(settings)), home_project(fabric), fabric.name, endpoint=endpoint)


def _google_queue(settings: Settings) -> Queue:
    from pointsman.adapters.gcp.http import GoogleHttp  # noqa: PLC0415
    from pointsman.adapters.gcp.pubsub import PUBSUB, PubSubRestQueue  # noqa: PLC0415

    endpoint = settings.endpoints.get("pubsub", PUBSUB)
    return PubSubRestQueue(GoogleHttp(google_credentials(settings)), settings.nudge, endpoint=endpoint)

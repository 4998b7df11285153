"""Furnish a function on AWS: the SDK's signer for the table, Direct Connect and Parameter Store, boto3 for the rest, JSON over HTTP for what is Google's."""

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.failover_test import FailoverTestLever
from pointsman.adapters.aws.freeze import SsmFlag
from pointsman.adapters.aws.looker import AwsLooker
from pointsman.adapters.aws.prefix_list_pin import PrefixListPinLever
from pointsman.adapters.aws.queues import SqsQueue
from pointsman.adapters.aws.secrets import Secrets
from pointsman.boot.app import App, furnish
from pointsman.boot.artefact import fabrics, home_project, home_region
from pointsman.boot.chance import SystemClock, jitter
from pointsman.boot.late import LateFlag, LateQueue
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings, read_settings
from pointsman.boot.succession import build_sets
from pointsman.core.fabric import Cloud, Fabric
from pointsman.ports.audits import Auditor
from pointsman.ports.clouds import Flag, Queue

_WARM = ("ec2", "sqs")
"""What is needed after the first write, or for VPNs: all else that a reaction asks goes by the signer."""


def build(settings: Settings | None = None) -> App:
    """Build what a function on AWS needs, by the environment's settings or those given. Raises ``ConfigError``."""
    settings = settings or read_settings()
    declared = fabrics(settings)
    fabric = declared[0]
    region, project = home_region(fabric), home_project(fabric)
    reach = Reach(settings, Cloud.AWS, region)
    clients = Clients(endpoints=settings.endpoints)
    secrets = Secrets(clients, region)
    stores = build_sets(reach, declared, None, secrets.get)
    clients.warm(_WARM, region)
    clock = SystemClock()
    return furnish(
        settings,
        declared,
        Cloud.AWS,
        stores=stores,
        clock=clock,
        hands=lambda one: (
            AwsLooker(one, clients, clock),
            (FailoverTestLever(one, clients, clock, jitter), PrefixListPinLever(one, clients)),
        ),
        flags=(SsmFlag(clients, fabric.name, region, clock), LateFlag(Cloud.GCP, lambda: _google_flag(reach, project, fabric))),
        auditor=lambda one: _auditor(settings, one),
        nudge=LateQueue(lambda: _google_queue(reach)) if settings.nudge else None,
        post=SqsQueue(clients, settings.post, region) if settings.post else None,
        parking=SqsQueue(clients, settings.parking, region) if settings.parking else None,
        secrets=secrets,
        report=SqsQueue(clients, settings.report, region) if settings.report else None,
    )


def _auditor(settings: Settings, fabric: Fabric) -> Auditor:
    from pointsman.boot.audits import aws_auditor  # noqa: PLC0415 - once an hour

    return aws_auditor(settings, fabric)


def _google_flag(reach: Reach, project: str, fabric: Fabric) -> Flag:
    from pointsman.adapters.gcp.secret_manager import SECRETS, SecretManagerFlag  # noqa: PLC0415 - the other cloud's things are loaded late

    endpoint = reach.settings.endpoints.get("secretmanager", SECRETS)
    return SecretManagerFlag(reach.google(), project, fabric.name, endpoint=endpoint, clock=SystemClock())


def _google_queue(reach: Reach) -> Queue:
    from pointsman.adapters.gcp.pubsub import PUBSUB, PubSubRestQueue  # noqa: PLC0415

    endpoint = reach.settings.endpoints.get("pubsub", PUBSUB)
    return PubSubRestQueue(reach.google(), reach.settings.nudge, endpoint=endpoint)

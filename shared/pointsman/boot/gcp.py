"""Furnish a function on Google Cloud: JSON over HTTP through google-auth, the SDK's signer alone for AWS's store, flag and queue."""

from pointsman.adapters.gcp.compute import COMPUTE, Compute
from pointsman.adapters.gcp.look import CONNECTIVITY, GcpLooker
from pointsman.adapters.gcp.pubsub import PubSubQueue
from pointsman.adapters.gcp.route_policy import RoutePolicyLever
from pointsman.adapters.gcp.secret_manager import SECRETS, SecretManagerFlag, Secrets
from pointsman.boot.app import App, furnish
from pointsman.boot.artefact import fabrics, home_project, home_region
from pointsman.boot.chance import SystemClock
from pointsman.boot.late import LateFlag, LateQueue
from pointsman.boot.reach import Reach
from pointsman.boot.settings import read_settings
from pointsman.boot.succession import build_sets
from pointsman.core.fabric import Cloud, Fabric
from pointsman.ports.audits import Auditor
from pointsman.ports.clouds import Flag, Queue


def build() -> App:
    """Build what a function on Google Cloud needs. Raises ``ConfigError``."""
    settings = read_settings()
    declared = fabrics(settings)
    fabric = declared[0]
    region = home_region(fabric)
    reach = Reach(settings, Cloud.GCP, region)
    http = reach.google()
    compute = Compute(http, endpoint=settings.endpoints.get("compute", COMPUTE))
    transports = Compute(http, endpoint=settings.endpoints.get("networkconnectivity", CONNECTIVITY))
    clock, project = SystemClock(), home_project(fabric)
    secret_manager = settings.endpoints.get("secretmanager", SECRETS)
    secrets = Secrets(http, project, endpoint=secret_manager)
    stores = build_sets(reach, declared, None, secrets.get)

    def queue(topic: str) -> PubSubQueue:
        return PubSubQueue(topic, credentials=reach.google_identity(), emulator=_host(settings.endpoints.get("pubsub")))

    return furnish(
        settings,
        declared,
        Cloud.GCP,
        stores=stores,
        clock=clock,
        hands=lambda one: (GcpLooker(one, compute, clock, transports=transports), (RoutePolicyLever(one, compute),)),
        flags=(
            SecretManagerFlag(http, project, fabric.name, endpoint=secret_manager, clock=clock),
            LateFlag(Cloud.AWS, lambda: _aws_flag(reach, region, fabric)),
        ),
        auditor=lambda one: _auditor(reach, one),
        nudge=LateQueue(lambda: _aws_queue(reach, region)) if settings.nudge else None,
        post=queue(settings.post) if settings.post else None,
        parking=queue(settings.parking) if settings.parking else None,
        secrets=secrets,
        report=queue(settings.report) if settings.report else None,
    )


def _auditor(reach: Reach, fabric: Fabric) -> Auditor:
    from pointsman.boot.audits import google_auditor  # noqa: PLC0415 - once an hour

    return google_auditor(reach, fabric)


def _host(endpoint: str | None) -> str | None:
    return None if endpoint is None else endpoint.split("://", 1)[-1].rstrip("/")


def _aws_flag(reach: Reach, region: str, fabric: Fabric) -> Flag:
    from pointsman.adapters.aws.outside import SignedFlag  # noqa: PLC0415 - the other cloud's things are loaded late

    return SignedFlag(reach.signed("ssm", region, "AmazonSSM", "1.1"), fabric.name, SystemClock())


def _aws_queue(reach: Reach, region: str) -> Queue:
    from pointsman.adapters.aws.outside import SignedQueue  # noqa: PLC0415

    return SignedQueue(reach.signed("sqs", region, "AmazonSQS"), reach.settings.nudge)

"""The way of an audit to both clouds, each made for itself: one that cannot be reached hides nothing of the other."""

from collections.abc import Callable

from pointsman.boot.chance import SystemClock, jitter
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.steering import LeverKind
from pointsman.ports.audits import Auditor
from pointsman.ports.clouds import Lever
from pointsman.service.audit import Side


def sides(settings: Settings, fabric: Fabric, home: str) -> tuple[Side, ...]:
    """Open both clouds with the credentials of this shell; ``home`` is the Region whose token service gives keys for AWS."""
    reach = Reach(settings, Cloud.AWS, home)
    return (_side(Cloud.AWS, lambda: aws_side(settings, fabric)), _side(Cloud.GCP, lambda: google_side(reach, fabric)))


def _side(cloud: Cloud, make: Callable[[], Side]) -> Side:
    try:
        return make()
    except PointsmanError as error:
        return Side(cloud=cloud, why=str(error))
    except ImportError as error:
        return Side(cloud=cloud, why=f"a package is missing ({error.name}): install pointsman with the extra of this cloud")


def aws_side(settings: Settings, fabric: Fabric) -> Side:
    """Open AWS. Raises ``PointsmanError`` and ImportError."""
    from pointsman.adapters.aws.clients import Clients  # noqa: PLC0415 - an audit alone needs it
    from pointsman.adapters.aws.failover_test import FailoverTestLever  # noqa: PLC0415

    levers: dict[LeverKind, Lever] = {
        LeverKind.FAILOVER_TEST: FailoverTestLever(fabric, Clients(endpoints=settings.endpoints), SystemClock(), jitter)
    }
    return Side(cloud=Cloud.AWS, auditor=aws_auditor(settings, fabric), levers=levers)


def aws_auditor(settings: Settings, fabric: Fabric) -> Auditor:
    """Make what reads AWS. Raises ImportError."""
    from pointsman.adapters.aws.audit import AwsAuditor  # noqa: PLC0415
    from pointsman.adapters.aws.clients import Clients  # noqa: PLC0415
    from pointsman.wire.changes import of_cloudtrail  # noqa: PLC0415

    return AwsAuditor(fabric, Clients(endpoints=settings.endpoints), of_cloudtrail)


def google_side(reach: Reach, fabric: Fabric) -> Side:
    """Open Google Cloud. Raises ``PointsmanError`` and ImportError."""
    from pointsman.adapters.gcp.compute import COMPUTE, Compute  # noqa: PLC0415
    from pointsman.adapters.gcp.route_policy import RoutePolicyLever  # noqa: PLC0415

    compute = Compute(reach.google(), endpoint=reach.settings.endpoints.get("compute", COMPUTE))
    levers: dict[LeverKind, Lever] = {LeverKind.ROUTE_POLICY: RoutePolicyLever(fabric, compute)}
    return Side(cloud=Cloud.GCP, auditor=google_auditor(reach, fabric), levers=levers)


def google_auditor(reach: Reach, fabric: Fabric) -> Auditor:
    """Make what reads Google Cloud. Raises ``PointsmanError`` and ImportError."""
    from pointsman.adapters.gcp.audit import LOGGING, GcpAuditor  # noqa: PLC0415
    from pointsman.adapters.gcp.compute import COMPUTE, Compute  # noqa: PLC0415
    from pointsman.adapters.gcp.look import GcpLooker  # noqa: PLC0415
    from pointsman.wire.changes import of_audit_log  # noqa: PLC0415

    endpoints, http = reach.settings.endpoints, reach.google()
    compute = Compute(http, endpoint=endpoints.get("compute", COMPUTE))
    looker = GcpLooker(fabric, compute, SystemClock())
    logging = endpoints.get("logging", LOGGING)
    return GcpAuditor(fabric, compute, http, decode=of_audit_log, notices=looker.notices, logging=logging)

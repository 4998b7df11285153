"""SDK clients, made on first use: one place for time limits, retries and endpoints.

On a small machine with boto3 1.44, importing boto3 costs about 75 ms; then, on one shared session, the first client
costs about 27 ms, and each further one: ssm 23, ec2 41 (its model is the largest), directconnect 4, sqs 3,
interconnect 2. Clients on sessions of their own cost 2.5 times as much together, and more still in parallel:
they contend for the interpreter. So there is one session, one lock, and ``warm`` makes clients while a call is under way.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from pointsman.adapters.batches import Batches, Recent
from pointsman.adapters.http import USER_AGENT
from pointsman.adapters.http1 import Http1
from pointsman.ports.clouds import LeverFailed

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_directconnect import DirectConnectClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

    from pointsman.adapters.aws.signed import SignedJson

CONNECT_SECONDS = 1.0
"""How long a connection may take."""
READ_SECONDS = 4.0
"""How long an answer may keep silent."""
ATTEMPTS = 1
"""Tries of one call: nothing is retried inside the SDK, whoever asked decides what a failure means."""
CONNECTIONS = 10
"""Connections kept per client."""
TARGETS = {"directconnect": "OvertureService", "ssm": "AmazonSSM"}
"""The services that are spoken to without the SDK's clients, by how their JSON interface (version 1.1) names operations."""


class Clients:
    """Makes a client for a service and Region once, whichever thread asks first.

    ``endpoints`` maps a service to the URL to use in place of AWS's own; ``session`` makes the session that holds the
    credentials (by default the SDK's own search for them).
    """

    def __init__(
        self,
        *,
        endpoints: Mapping[str, str] | None = None,
        session: "Callable[[], Session] | None" = None,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.batches = Batches()
        self.recent = Recent()
        self._endpoints = dict(endpoints or {})
        self._make_session = session
        self._limits = {"connect_timeout": connect_seconds, "read_timeout": read_seconds}
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._made: dict[tuple[str, str], Any] = {}

    def get(self, service: str, region: str) -> Any:
        """Give the client of a service in a Region. Raises botocore's errors for an unknown service."""
        key = (service, region)
        made = self._made.get(key)
        if made is not None:
            return made
        with self._lock:
            if key not in self._made:
                self._made[key] = self._client(service, region)
            return self._made[key]

    def signed(self, service: str, region: str) -> "SignedJson":
        """Give the caller of a service's JSON interface (one of ``TARGETS``) in a Region. Raises ``LeverFailed`` without credentials."""
        key = (f"{service} signed", region)
        made = self._made.get(key)
        if made is None:
            with self._lock:
                made = self._made.setdefault(key, self._signed(service, region))
        return cast("SignedJson", made)

    def ec2(self, region: str) -> "EC2Client":
        """Give the EC2 client of a Region."""
        return cast("EC2Client", self.get("ec2", region))

    def direct_connect(self, region: str) -> "DirectConnectClient":
        """Give the Direct Connect client of a Region."""
        return cast("DirectConnectClient", self.get("directconnect", region))

    def interconnect(self, region: str) -> Any:
        """Give the AWS Interconnect client of a Region."""
        return self.get("interconnect", region)

    def ssm(self, region: str) -> "SSMClient":
        """Give the Systems Manager client of a Region."""
        return cast("SSMClient", self.get("ssm", region))

    def sqs(self, region: str) -> "SQSClient":
        """Give the SQS client of a Region."""
        return cast("SQSClient", self.get("sqs", region))

    def secrets_manager(self, region: str) -> "SecretsManagerClient":
        """Give the Secrets Manager client of a Region."""
        return cast("SecretsManagerClient", self.get("secretsmanager", region))

    def warm(self, services: Sequence[str], region: str) -> threading.Thread:
        """Make clients in the background, in this order; what fails there fails again, and is told, at first use."""
        thread = threading.Thread(target=self._warm, args=(tuple(services), region), name="aws-clients", daemon=True)
        thread.start()
        return thread

    def _warm(self, services: Sequence[str], region: str) -> None:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - loading the SDK is the slow part that this thread hides

        for service in services:
            try:
                self.get(service, region)
            except BotoCoreError:
                continue  # the caller meets the same error when it asks for this client

    def _client(self, service: str, region: str) -> Any:
        from botocore.config import Config  # noqa: PLC0415 - the SDK is loaded on first use

        config = Config(
            retries={"total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            user_agent_extra=USER_AGENT,
            **self._limits,  # type: ignore[arg-type]
        )
        session: Any = self._shared_session()
        return session.client(service, region_name=region, endpoint_url=self._endpoints.get(service), config=config)

    def _signed(self, service: str, region: str) -> "SignedJson":
        from pointsman.adapters.aws.signed import SignedJson  # noqa: PLC0415 - the signer is loaded on first use

        over = Http1(connect=self._limits["connect_timeout"], read=self._limits["read_timeout"])
        endpoint = self._endpoints.get(service)
        return SignedJson(service, region, self._credentials(), target=TARGETS[service], version="1.1", endpoint=endpoint, over=over)

    def _credentials(self) -> Any:
        """Find the credentials, without loading boto3 where nobody gave a session of it."""
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above
        from botocore.session import get_session  # noqa: PLC0415

        try:
            found = self._shared_session().get_credentials() if self._make_session else get_session().get_credentials()
        except BotoCoreError as error:
            raise LeverFailed(f"the credentials for AWS cannot be used ({type(error).__name__}): check the AWS_ variables") from error
        if found is None:
            raise LeverFailed("there are no credentials for AWS: give the function a role")
        return found

    def _shared_session(self) -> "Session":
        if self._session is None:
            from boto3.session import Session  # noqa: PLC0415 - the SDK is loaded on first use

            self._session = self._make_session() if self._make_session else Session()
        return self._session

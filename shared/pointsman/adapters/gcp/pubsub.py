"""Pub/Sub topics as queues: through Google's client from its own cloud, by REST from the other one.

REST reference: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish
"""

import asyncio
import base64
import threading
from concurrent.futures import TimeoutError as PublishTimeoutError
from typing import TYPE_CHECKING

from google.auth.credentials import Credentials

from pointsman.adapters.gcp.http import GoogleHttp, Unanswered, Unreached
from pointsman.core.errors import Transient

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

PUBSUB = "https://pubsub.googleapis.com"
"""Where the API lives unless boot says otherwise."""
SEND_SECONDS = 5.0
"""How long one message may take; a hint that takes longer is lost, and the next sweep makes good for it."""


class PubSubQueue:
    """``Queue`` over a topic (``projects/P/topics/T``) through google-cloud-pubsub, which is loaded at the first message.

    ``emulator`` is a ``host:port`` that is spoken to in the clear.
    """

    def __init__(self, topic: str, *, credentials: Credentials | None = None, emulator: str | None = None) -> None:
        self._topic = topic
        self._credentials = credentials
        self._emulator = emulator
        self._client: PublisherClient | None = None
        self._making = threading.Lock()

    async def send(self, body: bytes) -> None:
        """Publish one message. Raises ``Transient``."""
        await asyncio.to_thread(self._send, body)

    def _send(self, body: bytes) -> None:
        from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415 - loaded with the client, not at start

        try:
            self._publisher().publish(self._topic, body, timeout=SEND_SECONDS).result(SEND_SECONDS)
        except (GoogleAPIError, PublishTimeoutError) as error:
            text = f"topic {self._topic} took no message ({type(error).__name__}): check that it exists and roles/pubsub.publisher on it"
            raise Transient(text) from error

    def _publisher(self) -> "PublisherClient":
        with self._making:
            if self._client is None:
                self._client = _publisher(self._credentials, self._emulator)
            return self._client


class PubSubRestQueue:
    """``Queue`` over a topic by REST: for a function that cannot afford the client, or runs in the other cloud."""

    def __init__(self, http: GoogleHttp, topic: str, *, endpoint: str = PUBSUB) -> None:
        self._http = http
        self._topic = topic
        self._url = f"{endpoint.rstrip('/')}/v1/{topic}:publish"

    async def send(self, body: bytes) -> None:
        """Publish one message. Raises ``Transient``."""
        message = {"data": base64.b64encode(body).decode()}
        try:
            answer = await self._http.ask("POST", self._url, body={"messages": [message]})
        except (Unreached, Unanswered) as error:
            raise Transient(f"topic {self._topic} took no message: {error}") from error
        if not answer.ok:
            text = f"topic {self._topic} answers {answer.status}: check that it exists and roles/pubsub.publisher on it"
            raise Transient(text)


def _publisher(credentials: Credentials | None, emulator: str | None) -> "PublisherClient":
    from google.cloud.pubsub_v1 import PublisherClient  # noqa: PLC0415 - its import costs more than a whole reaction
    from google.cloud.pubsub_v1.types import BatchSettings  # noqa: PLC0415

    settings = BatchSettings(max_messages=1)
    if emulator is None:
        return PublisherClient(settings, credentials=credentials)
    import grpc  # type: ignore[import-untyped]  # noqa: PLC0415
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport  # noqa: PLC0415

    transport = PublisherGrpcTransport(channel=grpc.insecure_channel(emulator))
    return PublisherClient(settings, transport=transport)

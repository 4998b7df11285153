"""Send hints and letters to an SQS queue."""

from pointsman.adapters.aws.asking import ask
from pointsman.adapters.aws.clients import Clients
from pointsman.core.errors import PointsmanError, Transient

BODY_LIMIT = 256 * 1024
"""Longest message, in bytes (SQS allows no more on a queue that was not changed to)."""


class SqsQueue:
    """One queue, by its URL. A message may be lost, doubled or late."""

    def __init__(self, clients: Clients, url: str, region: str) -> None:
        self._clients, self._url, self._region = clients, url, region

    async def send(self, body: bytes) -> None:
        """Send one message of UTF-8 text. Raises ``Transient`` (it may have been sent), ValueError when it is too long."""
        if len(body) > BODY_LIMIT:
            raise ValueError(f"a message of {len(body)} bytes is over the limit of {BODY_LIMIT}")
        text = body.decode()
        try:
            await ask(
                lambda: self._clients.sqs(self._region).send_message(QueueUrl=self._url, MessageBody=text), "sqs:SendMessage", write=True
            )
        except PointsmanError as error:
            raise Transient(f"the queue {self._url.rpartition('/')[2]} did not take a message: {error}") from error

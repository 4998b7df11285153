"""AWS's JSON protocols over plain HTTP with the SDK's signer alone: for what a reaction asks, and for functions that run outside AWS.

It loads no service model and no boto3: a call costs an import of botocore's signer, and a tenth of the SDK's work.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from pointsman.adapters.http import Answer, Unsigned
from pointsman.adapters.http1 import Http1
from pointsman.adapters.signing import signed
from pointsman.core.values import parse


class SignedJson:
    """Calls operations of one AWS service.

    ``target`` is the prefix of X-Amz-Target (``DynamoDB_20120810``, ``AmazonSQS``, ``AmazonSSM``, ``secretsmanager``),
    ``version`` that of the JSON protocol ("1.0" for DynamoDB and SQS, "1.1" for SSM and Secrets Manager).
    ``credentials`` are botocore's, refreshable ones included. Each request is sent once.
    """

    def __init__(
        self,
        service: str,
        region: str,
        credentials: Credentials,
        *,
        target: str,
        version: str = "1.0",
        endpoint: str | None = None,
        over: Http1 | None = None,
    ) -> None:
        self.service = service
        self._url = (endpoint or f"https://{service}.{region}.amazonaws.com").rstrip("/") + "/"
        self._host = urlsplit(self._url).netloc
        self._scope = (service, region)
        self._credentials = credentials
        self._target = target
        self._type = f"application/x-amz-json-{version}"
        self._over = over or Http1()

    async def ask(self, operation: str, parameters: Mapping[str, Any], *, read: float | None = None) -> Answer:
        """Send one request, once; answers of every status come back as they are. Raises ``Unreached`` or ``Unanswered``."""
        body = msgspec.json.encode(parameters)
        headers = {
            "content-type": self._type,
            "x-amz-target": f"{self._target}.{operation}",
            "host": self._host,
        }
        sent = await signed(self._credentials, lambda: self._signed(body, headers))
        return await self._over.ask("POST", self._url, headers=sent, body=body, read=read)

    def _signed(self, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        request = AWSRequest(method="POST", url=self._url, data=body, headers=headers)
        try:
            SigV4Auth(self._credentials.get_frozen_credentials(), *self._scope).add_auth(request)
        except BotoCoreError as error:
            raise Unsigned(f"no credentials for AWS ({type(error).__name__}): check the role and its trust policy") from error
        return {name: str(value) for name, value in request.headers.items()}


def error_code(answer: Answer) -> str:
    """Give the service's own word for what went wrong (``ConditionalCheckFailedException``); "" when it has none."""
    try:
        body = parse(answer.body, Any)
    except msgspec.DecodeError:
        return ""
    found = body.get("__type", "") if isinstance(body, dict) else ""
    return found.rpartition("#")[2] if isinstance(found, str) else ""

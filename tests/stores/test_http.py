"""One request, once: what is sent, and what is made of the answer."""

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError

from pointsman.adapters import http
from pointsman.adapters.aws.signed import SignedJson
from pointsman.adapters.gcp.http import GoogleHttp
from pointsman.adapters.http import Unanswered, Unreached, http_date, pool, send
from tests.stores.conftest import KEYS
from tests.stores.odd_server import HALF, Odd


class Tokens(Credentials):
    """Gives one token, after counting how often it was asked."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refreshed = 0
        self.broken = broken
        self.slow = threading.Event()

    def refresh(self, request: Any) -> None:
        del request
        self.refreshed += 1
        self.slow.wait(0.05)
        if self.broken:
            raise RefreshError("the metadata server says: very secret things")  # type: ignore[no-untyped-call]
        self.token = "token-1"


def test_google_gets_json_with_a_bearer_token(odd: Odd) -> None:
    odd.body = b'{"answer": 1}'
    answer = asyncio.run(GoogleHttp(Tokens()).ask("POST", f"{odd.url}/v1/things", body={"a": "é"}, query={"mask": "a,b"}))
    ((method, path, headers, body),) = odd.asked
    assert (method, path, body) == ("POST", "/v1/things?mask=a%2Cb", '{"a":"é"}'.encode())
    assert (headers["authorization"], headers["content-type"]) == ("Bearer token-1", "application/json")
    assert answer.json() == {"answer": 1}
    assert answer.date is not None


def test_many_requests_at_once_fetch_one_token(odd: Odd) -> None:
    tokens = Tokens()
    client = GoogleHttp(tokens)

    async def story() -> None:
        await asyncio.gather(*(client.ask("GET", odd.url) for _ in range(4)))

    asyncio.run(story())
    assert tokens.refreshed == 1


def test_without_a_token_nothing_is_sent_and_no_secret_is_told(odd: Odd) -> None:
    with pytest.raises(Unreached, match="identity federation") as caught:
        asyncio.run(GoogleHttp(Tokens(broken=True)).ask("GET", odd.url))
    assert "secret" not in str(caught.value)
    assert odd.asked == []


def test_a_redirect_is_an_answer_and_is_not_followed(odd: Odd) -> None:
    odd.status = 307
    assert asyncio.run(GoogleHttp().ask("POST", odd.url, body={})).status == 307
    assert len(odd.asked) == 1


def test_half_an_answer_is_no_answer(odd: Odd) -> None:
    odd.status = HALF
    with pytest.raises(Unanswered):
        send(pool(), "GET", odd.url, headers={})


def test_an_answer_past_the_limit_is_not_read(odd: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_LIMIT", 10)
    odd.body = b"x" * 11
    with pytest.raises(Unanswered, match="longer"):
        send(pool(), "GET", odd.url, headers={})


def test_an_aws_request_names_its_operation_and_carries_a_signature(odd: Odd) -> None:
    asyncio.run(SignedJson("sqs", "us-east-1", KEYS, target="AmazonSQS", endpoint=odd.url).ask("SendMessage", {"MessageBody": "hint"}))
    ((method, path, headers, body),) = odd.asked
    assert (method, path, body) == ("POST", "/", b'{"MessageBody":"hint"}')
    assert headers["x-amz-target"] == "AmazonSQS.SendMessage"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=testing/")
    assert "us-east-1/sqs/aws4_request" in headers["authorization"]


def test_a_date_header_is_read_and_nonsense_is_no_date() -> None:
    assert http_date("Sun, 22 Nov 2026 03:15:57 GMT") == datetime(2026, 11, 22, 3, 15, 57, tzinfo=UTC)
    for text in ("", "soon", "Sun, 99 Nov 2026 03:15:57 GMT", "Sun, 22 Nov 99999 03:15:57 GMT"):
        assert http_date(text) is None

"""Read an AWS request off HTTP and write its answer back: the JSON protocol and EC2's query protocol.

Sources: AWS JSON 1.1 and EC2 Query protocols of the Smithy documentation; Signature Version 4's credential scope.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from pointsman.core.values import Frozen
from pointsman.testing.faces.messages import Ask, Tell

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")


class Call(Frozen):
    """Which operation is asked of which service, by whom, where."""

    service: str
    operation: str
    principal: str
    region: str


class Refused(Exception):
    """The cloud refuses a call, with its own error code and HTTP status."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


def call_of(ask: Ask) -> Call:
    """Name what is asked. An unsigned request has the principal ""; what names no operation has METHOD as one."""
    scope = _SCOPE.search(ask.header("authorization"))
    principal, region, service = scope.groups() if scope else ("", "us-east-1", "")
    return Call(service=service, operation=_operation(ask), principal=principal, region=region)


def parameters(call: Call, ask: Ask) -> dict[str, Any]:
    """Read the parameters of a JSON or EC2 call. Raises ``Refused`` when they cannot be read."""
    if call.service == "ec2":
        return _query_parameters(call.operation, ask)
    try:
        found = json.loads(ask.body or b"{}")
    except ValueError as error:
        raise Refused("SerializationException", "the body is not JSON") from error
    if not isinstance(found, dict):
        raise Refused("SerializationException", "the body is not an object")
    return found


def result(call: Call, value: Mapping[str, Any]) -> Tell:
    """Write the result of a JSON or EC2 call."""
    if call.service == "ec2":
        return _xml(200, _xml_result(call.operation, value))
    body = json.dumps(value, default=_json_value).encode()
    return Tell(status=200, body=body, headers={"Content-Type": "application/x-amz-json-1.1"})


def refusal(call: Call, refused: Refused) -> Tell:
    """Write an error in the form of its service."""
    if call.service == "s3":
        return _xml(refused.status, f"<Error><Code>{refused.code}</Code><Message>{escape(refused.text)}</Message></Error>")
    if call.service == "ec2":
        error = f"<Error><Code>{refused.code}</Code><Message>{escape(refused.text)}</Message></Error>"
        return _xml(refused.status, f"<Response><Errors>{error}</Errors><RequestID>{REQUEST_ID}</RequestID></Response>")
    body = json.dumps({"__type": refused.code, "message": refused.text}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": refused.code}
    return Tell(status=refused.status, body=body, headers=headers)


def _operation(ask: Ask) -> str:
    if target := ask.header("x-amz-target"):
        return target.rpartition(".")[2]
    if ask.header("content-type").startswith("application/x-www-form-urlencoded"):
        named = parse_qs(ask.body.decode("utf-8", "replace")).get("Action")
        if named:
            return named[0]
    return f"{ask.method} {urlsplit(ask.path).path}"


def _query_parameters(operation: str, ask: Ask) -> dict[str, Any]:
    from moto.core.parse import EC2QueryParser, RequestParserError  # noqa: PLC0415 - moto is loaded by the first request that needs it

    values = {name: held[0] for name, held in parse_qs(ask.body.decode("utf-8", "replace"), keep_blank_values=True).items()}
    request: Any = {"values": values}
    try:
        return dict(EC2QueryParser(_ec2_operation(operation)).parse(request))
    except (RequestParserError, ValueError) as error:
        raise Refused("MalformedQueryString", "the parameters cannot be read") from error


def _xml_result(operation: str, value: Mapping[str, Any]) -> str:
    from moto.core.serialize import EC2Serializer  # noqa: PLC0415 - as above

    return str(EC2Serializer(_ec2_operation(operation)).serialize(dict(value))["body"])


def _ec2_operation(operation: str) -> Any:
    from moto.core.utils import get_service_model  # noqa: PLC0415 - as above

    return get_service_model("ec2").operation_model(operation)


def _xml(status: int, text: str) -> Tell:
    return Tell(status=status, body=text.encode(), headers={"Content-Type": "text/xml;charset=UTF-8"})


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no JSON form")

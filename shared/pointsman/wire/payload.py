"""From bytes to JSON: bodies that are plain, base64, or a web form."""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl

from pointsman.core.errors import RejectedEvent
from pointsman.wire import fields

FORM = "application/x-www-form-urlencoded"
FORM_FIELDS_LIMIT = 100
HEADERS_LIMIT = 200
HEADER_LENGTH_LIMIT = 8192


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Give headers with lower-case names. Raises ``RejectedEvent`` for too many or too long ones."""
    if len(headers) > HEADERS_LIMIT or any(not _is_header(name, value) for name, value in headers.items()):
        raise RejectedEvent(f"are more than {HEADERS_LIMIT} headers, or one is no short text", path="$headers")
    return {name.lower(): value for name, value in headers.items()}


def parsed(data: bytes | str, headers: Mapping[str, str], path: str) -> object:
    """Read a request's body by its content type: a web form, else JSON."""
    if headers.get("content-type", "").split(";")[0].strip().lower() == FORM:
        return form(data, path)
    return fields.parse(data, path)


def form(data: bytes | str, path: str) -> dict[str, object]:
    """Read a web form; of a repeated field the first counts."""
    if len(data) > fields.BYTES_LIMIT:
        raise RejectedEvent(f"is longer than {fields.BYTES_LIMIT} bytes", path=path)
    try:
        text = data.decode() if isinstance(data, bytes) else data
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_LIMIT, errors="strict")
    except ValueError as error:
        raise RejectedEvent("is no web form that can be read", path=path) from error
    return dict(reversed(pairs))


def unbase64(value: str, path: str) -> bytes:
    """Decode base64, with or without its padding."""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RejectedEvent("is no base64", path=path) from error


def _is_header(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, str) and len(name) + len(value) <= HEADER_LENGTH_LIMIT

"""Handlers that the tests run in real workers and servers."""

import os
import time
from typing import Any


def handler(event: dict[str, Any], context: Any) -> Any:
    """Do what the event asks for."""
    match event:
        case {"sleep": float(seconds)}:
            time.sleep(seconds)  # noqa: TID251 - a slow handler
        case {"fail": str(text)}:
            raise ValueError(text)
        case {"die": True}:
            os._exit(1)
        case _:
            pass
    left = context.get_remaining_time_in_millis()
    return {
        "echo": event,
        "id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "in_time": 0 < left <= 60_000,
        "pid": os.getpid(),
    }


def respond(request: Any) -> Any:
    """Answer an HTTP request with its own header and body as a Google function does; "no" is refused."""
    return request.get_data(), (500 if b"bm8=" in request.get_data() else 200), {"Seen": request.headers.get("ce-id", "none")}

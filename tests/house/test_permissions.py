"""The rights that the documents list are those that the code asks for, no fewer and no more."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
ADAPTERS = ROOT / "shared" / "pointsman" / "adapters"
ACTION = re.compile(r"[a-z][a-z0-9-]+:[A-Z]\w+")
OPERATION = re.compile(r"(?:[A-Z][a-z]+)+")
METHOD = re.compile(r"\S*[/:]([a-z]+[A-Z]\w*|publish|access|commit|list|wait)")
ASKING = {"ask", "ask_json", "_ask", "_asked"}
OF_THE_PLATFORM = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "xray:PutTraceSegments",
    "sts:AssumeRoleWithWebIdentity",
}
OF_METHODS = {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
NEVER = {"s3:DeleteObject", "dynamodb:DeleteItem"}


def nodes(folder: str) -> Iterator[ast.AST]:
    for path in sorted((ADAPTERS / folder).glob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def texts(found: ast.AST) -> Iterator[str]:
    if isinstance(found, ast.Constant) and isinstance(found.value, str):
        yield found.value


def operations() -> set[str]:
    """Operations that are named where AWS is asked by signed calls."""
    calls = (one for one in nodes("aws") if isinstance(one, ast.Call))
    named = (one for one in calls if getattr(one.func, "attr", getattr(one.func, "id", "")) in ASKING)
    return {text for call in named for argument in call.args for text in texts(argument) if OPERATION.fullmatch(text)}


def actions() -> set[str]:
    """Actions that AWS's adapters name in full."""
    return {text for one in nodes("aws") for text in texts(one) if ACTION.fullmatch(text)}


def listed() -> set[str]:
    return {text for text in re.findall(r"`([^`]+)`", PAGE) if ACTION.fullmatch(text)}


def test_every_action_that_the_code_names_is_listed() -> None:
    assert len(actions()) > 10
    assert actions() - listed() == set()


def test_every_operation_that_is_signed_is_listed() -> None:
    assert {"GetItem", "Scan", "StartBgpFailoverTest"} <= operations()
    assert operations() - {one.partition(":")[2] for one in listed()} == set()


def test_nothing_is_listed_that_no_code_asks_for() -> None:
    known = operations() | {one.partition(":")[2] for one in actions()}
    strange = {one for one in listed() if one.partition(":")[2] not in known}
    assert strange == OF_THE_PLATFORM | OF_METHODS | NEVER


def test_every_method_of_google_that_is_called_is_named() -> None:
    methods = {found[1] for one in nodes("gcp") for text in texts(one) if (found := METHOD.fullmatch(text))}
    assert {"patchRoutePolicy", "getRouterStatus", "addVersion", "batchWrite"} <= methods
    assert {one for one in methods if not re.search(rf"\b{one}\b", PAGE)} == set()


def test_the_objects_of_a_bucket_are_read_written_and_listed_and_never_removed() -> None:
    sent = {text for one in nodes("s3") for text in texts(one) if text in {"GET", "PUT", "POST", "DELETE", "HEAD"}}
    assert sent == {"GET", "PUT"}
    assert not {text for folder in ("aws", "s3") for one in nodes(folder) for text in texts(one) if Path(text).name == "DeleteItem"}

"""Small matchers for what the deployment hands to the clouds: EventBridge patterns and Cloud Logging filters.

They know the parts of the two languages that our triggers use, and raise on anything else.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

Pattern = dict[str, Any]


def matches(pattern: Pattern, event: Any) -> bool:
    """Say whether an EventBridge content pattern takes an event (arrays match by any of their items)."""
    if isinstance(event, list):
        return any(matches(pattern, item) for item in event)
    if not isinstance(event, dict):
        return False
    return all(_entry(key, rule, event) for key, rule in pattern.items())


def _entry(key: str, rule: Any, event: dict[str, Any]) -> bool:
    if key == "$or":
        return any(matches(one, event) for one in rule)
    if isinstance(rule, dict):
        return matches(rule, event.get(key, {}))
    return any(_leaf(one, event, key) for one in rule)


def _leaf(rule: Any, event: dict[str, Any], key: str) -> bool:
    values = event[key] if isinstance(event.get(key), list) else [event[key]] if key in event else []
    if isinstance(rule, dict) and "exists" in rule:
        return (key in event) is rule["exists"]
    return any(_value(rule, value) for value in values)


def _value(rule: Any, value: Any) -> bool:
    if not isinstance(rule, dict):
        return bool(rule == value)
    ((name, operand),) = rule.items()
    match name:
        case "prefix":
            return str(value).startswith(operand)
        case "suffix":
            return str(value).endswith(operand)
        case "anything-but":
            return not _value(operand, value)
        case _:
            raise AssertionError(f"a rule that this matcher does not know: {name}")


_TOKEN = re.compile(r'\s*(AND\b|OR\b|NOT\b|\(|\)|log_id\("([^"]*)"\)|([A-Za-z_.]+)(=~|=|>)("(?:[^"\\]|\\.)*"|[A-Za-z0-9]+))')


def delivers(text: str, entry: dict[str, Any]) -> bool:
    """Say whether a Cloud Logging filter takes an entry."""
    tokens = list(_tokens(text))
    result = _either(tokens, entry)
    assert not tokens, "the filter goes on after its end"
    return result


def _tokens(text: str) -> Iterator[re.Match[str]]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        assert found, f"a part of the filter that this matcher does not know: {text[place : place + 40]}"
        yield found
        place = found.end()


def _chain(
    tokens: list[re.Match[str]], entry: dict[str, Any], word: str, part: Callable[[list[re.Match[str]], dict[str, Any]], bool]
) -> list[bool]:
    found = [part(tokens, entry)]
    while tokens and tokens[0][1] == word:
        tokens.pop(0)
        found.append(part(tokens, entry))
    return found


def _both(tokens: list[re.Match[str]], entry: dict[str, Any]) -> bool:
    """OR binds more tightly than AND in this language, so our filters always put parentheses round it."""
    return all(_chain(tokens, entry, "AND", _one))


def _either(tokens: list[re.Match[str]], entry: dict[str, Any]) -> bool:
    return any(_chain(tokens, entry, "OR", _both))


def _one(tokens: list[re.Match[str]], entry: dict[str, Any]) -> bool:
    token = tokens.pop(0)
    if token[1] == "NOT":
        return not _one(tokens, entry)
    if token[1] == "(":
        result = _either(tokens, entry)
        assert tokens.pop(0)[1] == ")"
        return result
    if token[2] is not None:
        return str(entry.get("logName", "")).rpartition("/logs/")[2].replace("%2F", "/") == token[2]
    return _compare(token[3], token[4], token[5], entry)


def _compare(path: str, operator: str, operand: str, entry: dict[str, Any]) -> bool:
    value: Any = entry
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return False
    if operator == ">":
        return float(value) > float(operand)
    text = operand[1:-1] if operand.startswith('"') else operand
    if operator == "=~":
        return re.search(text, str(value)) is not None
    return (str(value).lower() if isinstance(value, bool) else str(value)) == text

"""Findings as SARIF 2.1.0, which code hosts show beside the fabric file (OASIS Standard, Static Analysis Results Interchange Format)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pointsman import __version__
from pointsman.core.audit.findings import TITLES, Finding, mend

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
PRINT = "pointsman/v1"
"""Under which name a finding's id is kept, so that a host knows it again at the next audit."""


def sarif(fabric: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Give one run of the audit; ``fabric`` is the file that results point to, as it was named, and as a URI reference in them."""
    driver = {"name": "pointsman", "version": __version__, "rules": [_rule(check, title) for check, title in TITLES.items()]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(fabric, one) for one in findings]}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(check: str, title: str) -> dict[str, Any]:
    return {"id": check, "shortDescription": {"text": title}}


def _result(fabric: str, one: Finding) -> dict[str, Any]:
    evidence = [f"{each.side}: {each.says}" for each in one.evidence]
    text = "\n".join((one.text, *evidence, mend(one)))
    uri = quote(fabric.replace("\\", "/"), errors="surrogateescape")
    return {
        "ruleId": one.check.value,
        "ruleIndex": list(TITLES).index(one.check),
        "level": one.severity.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}}],
        "partialFingerprints": {PRINT: one.id},
        "properties": {"subject": one.subject, "link": one.link or ""},
    }

"""Records of audit logs as they are looked up, rather than delivered: what each means as a change, or nothing."""

import json
from collections.abc import Mapping
from typing import Any

from pointsman.core.sightings import Change
from pointsman.wire.decode import decode


def of_cloudtrail(record: str) -> tuple[Change, ...]:
    """Read a CloudTrail record (JSON text), as EventBridge would deliver it; what cannot be read or changes nothing gives nothing."""
    try:
        detail = json.loads(record)
    except ValueError:
        return ()  # what is no record is no change that could be named
    return _changes({"detail-type": "AWS API Call via CloudTrail", "source": "aws.cloudtrail", "detail": detail})


def of_audit_log(entry: Mapping[str, Any]) -> tuple[Change, ...]:
    """Read an entry of Cloud Audit Logs; what cannot be read or changes nothing gives nothing."""
    return _changes(dict(entry))


def _changes(body: dict[str, Any]) -> tuple[Change, ...]:
    return tuple(record.meaning for record in decode(body) if isinstance(record.meaning, Change))

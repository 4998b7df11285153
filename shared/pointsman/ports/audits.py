"""What an audit reads of a cloud."""

from datetime import datetime
from typing import Protocol

from pointsman.core.audit.seen import Seen
from pointsman.core.fabric import Cloud


class Auditor(Protocol):
    """Reads once everything that one cloud shows of a fabric; it writes nothing."""

    cloud: Cloud

    async def seen(self, since: datetime) -> Seen:
        """Read, with the changes made since a time. Never raises: what cannot be read is named among ``unread``, and left None."""

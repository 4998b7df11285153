"""What every Cloud Logging entry has: the name of its log, its resource, its time.

Source: cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry.
"""

from pointsman.wire.record import Letter


def log_id(letter: Letter) -> str:
    """Give the log's id, unescaped: ``compute.googleapis.com/router_events``; empty where there is none."""
    name = letter.body.get("logName")
    return name.rpartition("/logs/")[2].replace("%2F", "/").replace("%2f", "/") if isinstance(name, str) else ""

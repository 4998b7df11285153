"""Google Cloud: make the world equal to the newest plan."""

from pointsman.entry.gcp import http_entry
from pointsman.service.doors import sweep

handler = http_entry(sweep)

"""Google Cloud: look for a minute at what sends no event."""

from pointsman.entry.gcp import http_entry
from pointsman.service.doors import watch

handler = http_entry(watch)

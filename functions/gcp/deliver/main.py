"""Google Cloud: tell the ticket desks what they are owed."""

from pointsman.entry.gcp import http_entry
from pointsman.service.doors import deliver

handler = http_entry(deliver)

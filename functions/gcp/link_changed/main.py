"""Google Cloud: a link changed, so bring the world in line."""

from pointsman.entry.gcp import http_entry
from pointsman.service.doors import link_changed

handler = http_entry(link_changed)

"""Google Cloud: send packets over each link's own address pair, and report what came back."""

from pointsman.entry.gcp import http_entry
from pointsman.service.doors import probe

handler = http_entry(probe)

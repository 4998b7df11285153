"""AWS: a link changed, so bring the world in line."""

from pointsman.entry.aws import lambda_entry
from pointsman.service.doors import link_changed

handler = lambda_entry(link_changed)

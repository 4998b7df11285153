"""AWS: make the world equal to the newest plan."""

from pointsman.entry.aws import lambda_entry
from pointsman.service.doors import sweep

handler = lambda_entry(sweep)

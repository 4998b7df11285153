"""AWS: look for a minute at what sends no event."""

from pointsman.entry.aws import lambda_entry
from pointsman.service.doors import watch

handler = lambda_entry(watch)

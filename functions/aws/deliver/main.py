"""AWS: tell the ticket desks what they are owed."""

from pointsman.entry.aws import lambda_entry
from pointsman.service.doors import deliver

handler = lambda_entry(deliver)

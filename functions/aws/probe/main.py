"""AWS: send packets over each link's own address pair, and report what came back."""

from pointsman.entry.aws import lambda_entry
from pointsman.service.doors import probe

handler = lambda_entry(probe)

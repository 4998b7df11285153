"""Who made a change: our own writes come back as events and are told by the name we work under.

A user agent is what a caller says of itself, and anybody can say it: by that alone a change is never ours.
"""

import re

from pointsman.core.sightings import Actor

OWN_NAME = "pointsman"
"""Every role session and service account of ours is named this, or begins with this and a hyphen; our user agent is this/VERSION."""
AGENT_LIMIT = 2048
"""Most characters of a user agent that are looked through; the SDK adds ours at the end of its own."""
_AGENT = re.compile(rf"(?:^|[\s\[(,]){OWN_NAME}/[0-9]")
_SERVICE_ACCOUNT = ".iam.gserviceaccount.com"
_ARN_PARTS = 3


def of_role_session(arn: str, agent: str = "") -> Actor:
    """Judge ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`` by its session."""
    parts = arn.rpartition(":")[2].split("/")
    return _actor(parts[2] if len(parts) == _ARN_PARTS and parts[0] == "assumed-role" else "", agent)


def of_principal(email: str, agent: str = "") -> Actor:
    """Judge a Google principal: only a service account can be ours."""
    name, _, domain = email.partition("@")
    return _actor(name if domain.endswith(_SERVICE_ACCOUNT) else "", agent)


def _actor(name: str, agent: str) -> Actor:
    if name == OWN_NAME or name.startswith(f"{OWN_NAME}-"):
        return Actor.OURSELVES
    return Actor.CLAIMED if _AGENT.search(agent) else Actor.SOMEBODY

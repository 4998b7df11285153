"""Who made a change: our own writes come back as events and are told by the name we work under."""

from pointsman.core.sightings import Actor

OWN_NAME = "pointsman"
"""Every role session and service account of ours is named this, or begins with this and a hyphen."""
_SERVICE_ACCOUNT = ".iam.gserviceaccount.com"
_ARN_PARTS = 3


def of_role_session(arn: str) -> Actor:
    """Judge ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`` by its session."""
    parts = arn.rpartition(":")[2].split("/")
    return _actor(parts[2]) if len(parts) == _ARN_PARTS and parts[0] == "assumed-role" else Actor.SOMEBODY


def of_principal(email: str) -> Actor:
    """Judge a Google principal: only a service account can be ours."""
    name, _, domain = email.partition("@")
    return _actor(name) if domain.endswith(_SERVICE_ACCOUNT) else Actor.SOMEBODY


def _actor(name: str) -> Actor:
    return Actor.OURSELVES if name == OWN_NAME or name.startswith(f"{OWN_NAME}-") else Actor.SOMEBODY

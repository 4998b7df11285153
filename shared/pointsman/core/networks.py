"""Prefixes as networks: which one lies within which."""

import ipaddress

Net = ipaddress.IPv4Network | ipaddress.IPv6Network


def net(prefix: str) -> Net | None:
    """Read a prefix; None for a text that is none, such as a prefix list's id."""
    try:
        return ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        return None


def within(wide: Net, narrow: Net) -> bool:
    """Say whether a network lies within another one, or is equal to it."""
    return wide.version == narrow.version and narrow.subnet_of(wide)  # type: ignore[arg-type]

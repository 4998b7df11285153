"""Which prefixes flows need to be told of at a site, and which of them some routes leave out."""

from collections.abc import Sequence

from pointsman.core.fabric import Flow
from pointsman.core.networks import net, within


def wanted_of(flows: Sequence[Flow], site: str) -> tuple[str, ...]:
    """List the prefixes of flows at a site, each once."""
    return tuple(dict.fromkeys(prefix for flow in flows for name, prefixes in flow.prefixes.items() if name == site for prefix in prefixes))


def missing_of(flows: Sequence[Flow], site: str, routes: Sequence[str]) -> list[str]:
    """List those of them that no route covers."""
    return [prefix for prefix in wanted_of(flows, site) if not any(_covers(one, prefix) for one in routes)]


def _covers(outer: str, inner: str) -> bool:
    wide, narrow = net(outer), net(inner)
    return wide is not None and narrow is not None and within(wide, narrow)

"""What a user does once at install: create each link's route policies and attach them to its peers."""

from pointsman.core.fabric import Fabric, GcpSite, Link
from pointsman.testing.gcp.answers import Json
from pointsman.testing.gcp.routers import Routers, RouterState

INSTALLER = "installer@example.com"
"""Who the audit log says did it."""
_LET_THROUGH = [{"priority": 2_000_000_000, "actions": [{"expression": "nextPolicy()"}]}]


def install(routers: Routers, fabric: Fabric) -> None:
    """Create and attach the policies of every link that declares some."""
    for link in fabric.links:
        state = _state(routers, fabric.gcp_site(link))
        if state:
            _install(routers, state, link)


def _state(routers: Routers, site: GcpSite) -> RouterState | None:
    named = site.router.name if site.router else ""
    return next((state for state in routers.states if state.site.account == site.project and state.spec.name == named), None)


def _install(routers: Routers, state: RouterState, link: Link) -> None:
    pairs = ((link.gcp.import_policy, "ROUTE_POLICY_TYPE_IMPORT"), (link.gcp.export_policy, "ROUTE_POLICY_TYPE_EXPORT"))
    for name, kind in pairs:
        if name:
            routers.put_policy(state, {"name": name, "type": kind, "terms": _LET_THROUGH}, INSTALLER)
    names = {member.gcp.peer.name for member in link.members if member.gcp.peer}
    peers = [_attached(peer, link) if peer["name"] in names else peer for peer in state.resource.now["bgpPeers"]]
    routers.put_router(state, state.resource.now | {"bgpPeers": peers}, INSTALLER)


def _attached(peer: Json, link: Link) -> Json:
    imports = [link.gcp.import_policy] if link.gcp.import_policy else []
    exports = [link.gcp.export_policy] if link.gcp.export_policy else []
    return peer | {"importPolicies": imports, "exportPolicies": exports}

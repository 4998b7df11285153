"""Two versions of the rules at once: what a roll-out of the code leaves behind in some functions until it is over.

The earlier rules take the fabric's first link for a much narrower one, and hold links down for longer. So the two want flows in different
places, and each would undo what the other did.
"""

from collections.abc import Mapping
from datetime import datetime

from pointsman.core.decide import RULES, Declined, Rules, decide
from pointsman.core.fabric import Bandwidth, Fabric
from pointsman.core.plan import Handover, Plan, View
from pointsman.core.values import canonical, digest, replace
from pointsman.core.versions import DECIDER

EARLIER = "0"
"""The version of the earlier rules."""
_SHOWN = {EARLIER: DECIDER, DECIDER: str(int(DECIDER) + 1)}
_MEANT = {shown: meant for meant, shown in _SHOWN.items()}
NARROWER = 20
"""How much narrower the first link seems to them."""
LONGER = 1.5
"""How much longer they hold links down."""


def _earlier(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Plan | Declined:
    """Decide as if the earlier rules were these, and these a version after them."""
    shown = replace(plan, decider=_SHOWN[plan.decider], handover=_renamed(plan.handover, _SHOWN))
    decided = decide(_read_otherwise(fabric), view, shown, now)
    if isinstance(decided, Declined):
        return decided
    told = replace(decided, decider=_MEANT[decided.decider], handover=_renamed(decided.handover, _MEANT))
    return plan if decided == shown else replace(told, prev_digest=digest(canonical(plan)))


def _renamed(last: Handover | None, names: Mapping[str, str]) -> Handover | None:
    return None if last is None else replace(last, decider=names[last.decider])


_OTHERWISE: dict[str, Fabric] = {}


def _read_otherwise(fabric: Fabric) -> Fabric:
    found = _OTHERWISE.get(fabric.hash)
    if found is None:
        first, *others = fabric.links
        links = (replace(first, capacity=Bandwidth(first.capacity // NARROWER)), *others)
        found = replace(fabric, links=links, policy=replace(fabric.policy, hold_down=fabric.policy.hold_down * LONGER))
        _OTHERWISE[fabric.hash] = found
    return found


BOTH = (RULES, Rules(EARLIER, _earlier))
"""The rules of this version, and the earlier ones."""

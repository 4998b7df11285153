"""One failure domain at a time: which links are still on the move, so that nothing that no outage forces moves another.

A failure domain is a link with every link that shares a risk group with it. A link is on the move from the moment it is
left until a cloud has found its lever set so, and from its return until no lever is found set against it any more; for
a hold-down at most, so that a lever that cannot be read holds nothing up for ever.
"""

from collections.abc import Mapping

from pointsman.core.case import Case
from pointsman.core.fabric import Cloud, Link, LinkName
from pointsman.core.pins import acknowledged, still_drained
from pointsman.core.plan import LinkState


def one_domain(case: Case, states: Mapping[LinkName, LinkState], link: Link) -> bool:
    """Say whether a link may be left or returned to at discretion: no link of another failure domain is on the move."""
    return not any(apart(link, other) and on_the_move(case, states, other) for other in case.fabric.links)


def apart(link: Link, other: Link) -> bool:
    """Say whether two links are of different failure domains."""
    return link.name != other.name and not set(link.risk_groups) & set(other.risk_groups)


def on_the_move(case: Case, states: Mapping[LinkName, LinkState], link: Link) -> bool:
    """Say whether a link was left, or returned to, and the levers are not found set so yet; for a hold-down at most."""
    drain, hold = states.get(link.name, LinkState()).drain, case.fabric.policy.hold_down
    if drain is not None:
        young = case.now - drain.since < hold
        return young and not any(acknowledged(case.view.rows, cloud, link.name, drain) for cloud in Cloud)
    if case.plan.links.get(link.name, LinkState()).drain is not None:
        return True
    lately = any(case.now - move < hold for move in case.plan.moves)
    return lately and still_drained(case.view.rows, link.name)

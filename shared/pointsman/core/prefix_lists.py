"""What a managed prefix list has to hold: exactly its flow's prefixes on the Google side, for a pin leads the whole list and nothing else."""

from collections.abc import Iterable, Sequence

from pointsman.core.fabric import AwsSite, Fabric, Flow
from pointsman.core.networks import Net, net
from pointsman.core.values import Frozen

SHOWN = 8
"""Prefixes of one kind that are named as evidence."""
SHOWN_OF_A_REFUSAL = 3
"""As many as a refusal names of one kind: what to do about it has to fit in beside them."""


class Amiss(Frozen):
    """In what a list is not its flow's: prefixes that it ``lacks``, and ``strange`` ones that the flow does not declare."""

    lacks: tuple[str, ...]
    strange: tuple[str, ...]

    def said(self, shown: int = SHOWN) -> str:
        """Say it in words, after the list's name."""
        lacks = [f"lacks {named(self.lacks, shown)}"] * bool(self.lacks)
        return " and ".join([*lacks, *[f"holds {named(self.strange, shown)}, which are none of its"] * bool(self.strange)])


def google_nets(fabric: Fabric, flow: Flow) -> tuple[Net, ...]:
    """List a flow's prefixes on the Google side: where a Transit Gateway sends its packets."""
    sides = (prefixes for name, prefixes in flow.prefixes.items() if not isinstance(fabric.site(name), AwsSite))
    return tuple(one for prefixes in sides for one in map(net, prefixes) if one is not None)


def amiss(fabric: Fabric, flow: Flow, entries: Iterable[str]) -> Amiss | None:
    """Say in what the entries of a flow's list are not the flow's own prefixes; None when they are."""
    asked, held = google_nets(fabric, flow), [net(one) for one in entries]
    lacks = tuple(str(one) for one in asked if one not in held)
    strange = tuple(str(one) for one in held if one is not None and one not in asked)
    return Amiss(lacks=lacks, strange=strange) if lacks or strange else None


def barred(fabric: Fabric, flow: Flow, name: str, entries: Iterable[str]) -> str:
    """Say why no pin of a flow may be written by a list with such entries, and what to do; "" when one may."""
    wrong = amiss(fabric, flow, entries)
    if wrong is None:
        return ""
    todo = f"give {name} exactly the Google prefixes of {flow.name} (pointsman audit names the command)"
    return f"no pin by {name}, which {wrong.said(SHOWN_OF_A_REFUSAL)}: {todo}"


def named(prefixes: Sequence[str], shown: int = SHOWN) -> str:
    """Name some prefixes, and say how many more there are."""
    return ", ".join(prefixes[:shown]) + (f" and {len(prefixes) - shown} more" if len(prefixes) > shown else "")

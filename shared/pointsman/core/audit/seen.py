"""What one cloud shows of a fabric, as an audit reads it. None means that a part could not be read, and proves nothing."""

from datetime import timedelta

from pointsman.core.fabric import Cloud, LinkName, MemberId
from pointsman.core.sightings import Change, Notice
from pointsman.core.steering import Setting
from pointsman.core.values import Frozen


class Entry(Frozen):
    """A static entry of a Transit Gateway route table.

    ``name`` is its CIDR, or its prefix list where it came by one; ``prefix`` is then the one of its CIDRs that is meant, ""
    where none is. An ``attachment`` of "" is a black hole.
    """

    table: str
    name: str
    attachment: str = ""
    prefix: str = ""


class Attachment(Frozen):
    """How a Transit Gateway attachment is wired: the table it is associated with ("" for none), and those it propagates into."""

    id: str
    association: str = ""
    propagates: tuple[str, ...] = ()


class End(Frozen):
    """One end of one member's BGP session.

    ``accepted`` counts the routes it accepted, ``learned`` names them before policies; ``priority`` is the base priority
    it advertises with, ``hold`` and ``bfd`` how long it waits before it gives the session up (``bfd`` zero: not in use).
    ``far_bfd`` is how long BFD takes by what the far end sends (zero: it does not answer), None where nothing shows that.
    """

    link: LinkName
    member: MemberId
    name: str
    up: bool | None = None
    accepted: int | None = None
    learned: tuple[str, ...] | None = None
    priority: int | None = None
    hold: timedelta | None = None
    bfd: timedelta | None = None
    far_bfd: timedelta | None = None


class Unread(Frozen):
    """What could not be read, and why."""

    what: str
    why: str


class Seen(Frozen):
    """Everything that one cloud shows. ``mtus`` in bytes and ``allowed`` prefixes are by link, ``lists`` prefixes by list, ``levers`` what they read as."""

    cloud: Cloud
    attachments: tuple[Attachment, ...] | None = None
    entries: tuple[Entry, ...] | None = None
    ends: tuple[End, ...] | None = None
    mtus: dict[LinkName, int] = {}
    allowed: dict[LinkName, tuple[str, ...]] = {}
    lists: dict[str, tuple[str, ...]] = {}
    levers: tuple[Setting, ...] = ()
    changes: tuple[Change, ...] = ()
    notices: tuple[Notice, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def dark(self) -> bool:
        """Whether nothing at all could be read."""
        return bool(self.unread) and not (
            self.attachments or self.entries or self.ends or self.mtus or self.allowed or self.lists or self.levers
        )

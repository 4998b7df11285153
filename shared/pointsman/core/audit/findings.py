"""What an audit finds: named for good, weighed, shown from both sides, with the command that mends it."""

from enum import StrEnum

from pointsman.core.fabric import Fabric, LinkName, Mode
from pointsman.core.values import Frozen, digest

ID_LENGTH = 12
"""Hex digits of a finding's id."""


class Severity(StrEnum):
    """How much a finding matters, as SARIF 2.1.0 calls its levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Check(StrEnum):
    """What is checked. A check's name is part of the ids of its findings and never changes."""

    POLICY_DRIFT = "policy-drift"
    TEST_DRIFT = "test-drift"
    PIN_DRIFT = "pin-drift"
    ORPHAN_PIN = "orphan-pin"
    EXPIRED_PIN = "expired-pin"
    STATIC_OVERRIDE = "static-override"
    PREFIX_LIST = "prefix-list"
    ASSOCIATION = "association"
    PROPAGATION = "propagation"
    STANDBY = "standby"
    BASE_PRIORITY = "base-priority"
    TIMERS = "timers"
    MTU = "mtu"
    ALLOWED_PREFIXES = "allowed-prefixes"
    CAPACITY = "capacity-n-1"
    HAND_CHANGE = "hand-change"
    MAINTENANCE = "maintenance"
    UNREAD = "unread"
    OTHER_FABRIC = "other-fabric"
    UNLISTED = "unlisted"


TITLES: dict[Check, str] = {
    Check.POLICY_DRIFT: "A route policy reads otherwise than the plan asks",
    Check.TEST_DRIFT: "A failover test of ours runs on a link that is not drained",
    Check.PIN_DRIFT: "A planned pin is not there, or leads elsewhere",
    Check.ORPHAN_PIN: "A pin stands that no plan asks for",
    Check.EXPIRED_PIN: "A pin of the plan has outlived its end",
    Check.STATIC_OVERRIDE: "A static route beats what BGP says",
    Check.PREFIX_LIST: "A managed prefix list does not hold its flow's prefixes",
    Check.ASSOCIATION: "An attachment is associated with no route table",
    Check.PROPAGATION: "An attachment does not propagate into a route table",
    Check.STANDBY: "A link is permitted to a flow and does not offer its routes, or nothing shows that it would carry it",
    Check.BASE_PRIORITY: "A peer's base priority does not fit its link",
    Check.TIMERS: "Declared timers are not the ones the two sides agree on",
    Check.MTU: "A link carries smaller packets than declared, or one end larger ones than the other",
    Check.ALLOWED_PREFIXES: "A Direct Connect gateway may not announce a flow's prefixes",
    Check.CAPACITY: "The fabric does not survive a single failure as it should",
    Check.HAND_CHANGE: "Somebody changed by hand what pointsman steers",
    Check.MAINTENANCE: "Announced maintenance on a link that nothing is planned for",
    Check.UNREAD: "Something could not be read",
    Check.OTHER_FABRIC: "The agreed plan is of another fabric than the file",
    Check.UNLISTED: "There are more findings than are listed",
}
"""What each check looks for, in one line."""


class Evidence(Frozen):
    """What one side says: ``aws``, ``gcp``, ``operator``, ``plan``, ``fabric`` or the ``audit`` itself."""

    side: str
    says: str


class Finding(Frozen):
    """One thing that is not as it should be.

    ``subject`` names what it is about, the same at every audit and another for every other thing: a peer's name is one router's
    own, so its link stands beside it. It has one of three: ``fix`` is the command that mends it, ``show`` one that changes nothing
    and shows what there is to mend or to decide on, and ``decide`` says between what a person has to where no command does
    either. ``link`` is whose mode says how far we may go; ``swept`` means that the sweep of an ``auto`` link mends it.
    """

    check: Check
    subject: str
    severity: Severity
    text: str
    evidence: tuple[Evidence, ...] = ()
    fix: str = ""
    show: str = ""
    decide: str = ""
    link: LinkName | None = None
    swept: bool = False

    @property
    def id(self) -> str:
        """Give the finding's name for good: the digest of check and subject."""
        return digest(f"{self.check}|{self.subject}".encode())[:ID_LENGTH]


def mend(finding: Finding) -> str:
    """Say what mends a finding: a command, one that shows what there is to mend, or what a person has to decide."""
    return f"fix: {finding.fix}" if finding.fix else _to_judge(finding)


def _to_judge(finding: Finding) -> str:
    return f"show: {finding.show}" if finding.show else f"decide: {finding.decide}"


def repair(fabric: Fabric, finding: Finding) -> str:
    """Say what is done about a finding, as the mode of its link allows; the fabric's mode where it is about no link."""
    mode = fabric.link(finding.link).mode if finding.link else fabric.policy.mode
    match mode:
        case Mode.OBSERVE:
            return "observed only"
        case Mode.AUTO if finding.swept:
            return "the sweep mends it by itself"
        case Mode.AUTO | Mode.RECOMMEND:
            return f"run: {finding.fix}" if finding.fix else _to_judge(finding)

"""The policy's figures fit together and fit the links; the stores can agree."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

from msgspec.structs import replace

from pointsman.adapters.files import compiling
from pointsman.adapters.files.declared import AwsSite, Damping, File, Timers
from pointsman.adapters.files.findings import Fault, Path
from pointsman.adapters.files.units import spoken_duration
from pointsman.core import fabric as core
from pointsman.core.damping import CEILING_HALVINGS, ceiling
from pointsman.core.domains import THREE, StoreScheme, store_address, together
from pointsman.core.fabric import LinkKind, Mode, Survival, steering_gap

SWEEP_INTERVAL = timedelta(minutes=1)
"""How often a sweep looks at everything."""

LONGEST_LEAD = timedelta(hours=24)
"""How long before its window a link may be left."""

MIN_HOLD = timedelta(seconds=3)
"""The shortest BGP hold time (RFC 4271, section 4.2)."""


_FLOORS = {"reuse": "reuse {}", "down": "the penalty {} of one failure"}


def damping_can_end(file: File) -> Iterator[Fault]:
    """Find suppress values that no penalty can get above (its ceiling is a whole number), or not above a first failure's (RFC 2439, section 4.2)."""
    damping = file.policy.damping
    at: Path = ("policy", "damping")
    decides: tuple[Path, ...] = tuple((*at, key) for key in ("half_life", "max", "reuse"))
    known = {key: value for key, value in (("reuse", damping.reuse), ("down", damping.down)) if file.wrote((*at, key))}
    floor = " and ".join(_FLOORS[key].format(value) for key, value in known.items())
    for key in ("suppress_failback", "suppress_action"):
        value = getattr(damping, key)
        highest = ceiling(_as_compiled(damping))
        if value >= highest:
            text = f"{value} is not below the ceiling {highest} that a penalty can reach (reuse x 2^(max / half_life))"
            yield Fault(path=(*at, key), text=text, mend="lower it or raise max", related=decides)
        if value <= max(known.values(), default=0):
            yield Fault(path=(*at, key), text=f"{value} is not above {floor}", mend="raise it: a first failure is never damped")


def damping_is_over_within_reason(file: File) -> Iterator[Fault]:
    """Find a half-life so short against ``max`` that penalties would grow past counting."""
    damping = file.policy.damping
    most = CEILING_HALVINGS * damping.half_life
    if damping.max > most:
        text = f"{spoken_duration(damping.max)} is more than {CEILING_HALVINGS} half-lives of {spoken_duration(damping.half_life)}"
        related: tuple[Path, ...] = (("policy", "damping", "half_life"),)
        yield Fault(
            path=("policy", "damping", "max"), text=text, mend="lower it or raise half_life; 4 half-lives are usual", related=related
        )


def damping_stops_flows_before_actions(file: File) -> Iterator[Fault]:
    """Find damping that suppresses automatic action before fail-back."""
    damping = file.policy.damping
    if damping.suppress_action < damping.suppress_failback:
        text = f"{damping.suppress_action} is below suppress_failback {damping.suppress_failback}"
        related: tuple[Path, ...] = (("policy", "damping", "suppress_failback"),)
        yield Fault(path=("policy", "damping", "suppress_action"), text=text, mend="raise it", related=related)


def events_stay_fresh_through_convergence(file: File) -> Iterator[Fault]:
    """Find an event freshness that a slow link's convergence and the next sweep would outlast."""
    event = file.policy.freshness.event
    budgets = {name: _budget(file, name, link.timers) for name, link in file.links.items()}
    slowest = max(budgets, key=lambda name: budgets[name], default="")
    budget, whole = budgets.get(slowest, (timedelta(0), True))
    if event <= (needed := budget + SWEEP_INTERVAL):
        spoken = spoken_duration(needed)
        what = (
            f"{'' if whole else 'what is known of '}link {slowest}'s convergence budget and the sweep interval"
            if budget
            else "the sweep interval"
        )
        text = f"{spoken_duration(event)} is not above {spoken}: {what}"
        yield Fault(path=("policy", "freshness", "event"), text=text, mend=f"raise it above {spoken}")


def _budget(file: File, name: str, timers: Timers) -> tuple[timedelta, bool]:
    """Give the convergence budget of a link as far as it is known, and whether that is all of it."""
    path: Path = ("links", name, "timers")
    detects: list[Path] = [(*path, "bfd", "interval"), (*path, "bfd", "multiplier")] if timers.bfd else [(*path, "hold")]
    detected, restarts = all(map(file.wrote, detects)), file.wrote((*path, "graceful_restart"))
    compiled = compiling.timers(timers)
    detection = compiled.budget - compiled.graceful_restart if detected else timedelta(0)
    return detection + (compiled.graceful_restart if restarts else timedelta(0)), detected and restarts


def two_failures_are_no_easier_than_one(file: File) -> Iterator[Fault]:
    """Find a policy that asks more of two failures than of one."""
    survive, order = file.policy.survive, list(Survival)
    if order.index(survive.n_2) > order.index(survive.n_1):
        text = f"{survive.n_2} is stricter than {survive.n_1}, which n_1 asks of a single failure"
        related: tuple[Path, ...] = (("policy", "survive", "n_1"),)
        yield Fault(path=("policy", "survive", "n_2"), text=text, mend=f"write n_1: {survive.n_2}", related=related)


def a_window_is_met_in_time(file: File) -> Iterator[Fault]:
    """Find a lead that no sweep would see in time, or one that would drain links a day before their windows."""
    lead = file.policy.maintenance.lead
    if not SWEEP_INTERVAL <= lead <= LONGEST_LEAD:
        text = f"{spoken_duration(lead)} is not between {spoken_duration(SWEEP_INTERVAL)} and {spoken_duration(LONGEST_LEAD)}"
        yield Fault(path=("policy", "maintenance", "lead"), text=text, mend="a sweep of every minute has to find the window coming")


def hold_times_are_bgp_hold_times(file: File) -> Iterator[Fault]:
    """Find hold times that BGP does not have."""
    for name, link in file.links.items():
        if link.timers.hold < MIN_HOLD:
            text = f"{spoken_duration(link.timers.hold)} is not a BGP hold time"
            yield Fault(path=("links", name, "timers", "hold"), text=text, mend="it is at least 3s")


def modes_can_be_kept(file: File) -> Iterator[Fault]:
    """Find links that must be steered and cannot yet. For a managed interconnect recommendations are fine: a person carries them out."""
    for name, link in file.links.items():
        mode = link.mode or file.policy.mode
        kind = file.wrote(("links", name, "kind"))
        by_hand = mode is Mode.RECOMMEND and (link.kind is LinkKind.MANAGED_INTERCONNECT or not kind)
        gap = "" if mode is Mode.OBSERVE or by_hand else _gap(file, name)
        if gap:
            path: Path = ("links", name, "mode") if link.mode else ("links", name)
            related: tuple[Path, ...] = () if link.mode else (("policy", "mode"),)
            yield Fault(path=path, text=f"cannot be steered yet: {gap}", mend="set mode: observe", related=related)


def _gap(file: File, name: str) -> str:
    """Say why a link cannot be steered yet, by what is known of it: what is not is taken for what can be."""
    link = compiling.link(file, name)
    if not file.wrote(("links", name, "kind")):
        link = replace(link, kind=LinkKind.CROSS_CLOUD_INTERCONNECT)
    if not file.wrote(("links", name, "gcp", "import_policy")):
        link = replace(link, gcp=replace(link.gcp, import_policy="unknown"))
    ends = file.ends(name)
    return steering_gap(link, _aws_end(file, ends.get("aws", "")), _gcp_end(file, ends.get("gcp", "")))


def _aws_end(file: File, name: str) -> core.AwsSite:
    site = file.sites.get(name)
    made = compiling.site(name, site) if isinstance(site, AwsSite) and len(site.gateways) == 1 else None
    return made if isinstance(made, core.AwsSite) else core.AwsSite(name=core.SiteName(name), account="", region="")


def _gcp_end(file: File, name: str) -> core.GcpSite:
    site = file.sites.get(name)
    made = compiling.site(name, site) if site else None
    return made if isinstance(made, core.GcpSite) else core.GcpSite(name=core.SiteName(name), project="", region="", network="")


def stores_can_agree(file: File) -> Iterator[Fault]:
    """Find stores that are not one or three, or two that may fail as one."""
    declared = {slot: url for slot, url in (("aws", file.stores.aws), ("gcp", file.stores.gcp), ("witness", file.stores.witness)) if url}
    addresses = {slot: store_address(url) for slot, url in declared.items()}
    if len(declared) not in {1, THREE}:
        text = f"{len(declared)} stores are declared"
        yield Fault(path=("stores",), text=text, mend="declare aws, gcp and witness, or one alone for trying out")
    for one, other in combinations(addresses, 2):
        if together(addresses[one], addresses[other]):
            path: Path = ("stores", other)
            text = f"lies in one failure domain with stores.{one} ({addresses[one].domain})"
            yield Fault(path=path, text=text, mend="put it elsewhere, or name its region or location", related=(("stores", one),))


def witness_can_be_enciphered(file: File) -> Iterator[Fault]:
    """Find keys for a witness that is not a bucket: the clouds' own databases are enciphered by the clouds."""
    witness = file.stores.witness
    if file.stores.witness_key and (witness is None or store_address(witness).scheme is not StoreScheme.S3):
        text = "only a witness in an s3:// bucket is enciphered by us"
        yield Fault(path=("stores", "witness_key"), text=text, mend="leave it out", related=(("stores", "witness"),), present=True)


def _as_compiled(damping: Damping) -> core.Damping:
    return core.Damping(reuse=damping.reuse, max=damping.max, half_life=damping.half_life)

"""What is deployed with a function: the current compiled fabric, and perhaps the next."""

from pathlib import Path

from pointsman.adapters.files.compiled import read_compiled
from pointsman.boot.settings import Settings
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import AwsSite, Fabric, GcpSite


def fabrics(settings: Settings) -> tuple[Fabric, ...]:
    """Load the compiled fabrics. Raises ``ConfigError``, naming the file and the mend."""
    found = tuple(_load(path) for path in (settings.fabric, settings.fabric_next) if path)
    if len({fabric.name for fabric in found}) != 1:
        raise ConfigError("POINTSMAN_FABRIC_NEXT is a fabric of another name: the next fabric replaces the current one and keeps its name")
    return found


def _load(path: str) -> Fabric:
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): set POINTSMAN_FABRIC to the file that 'pointsman compile' wrote"
        ) from error
    return read_compiled(raw, path)


def home_region(fabric: Fabric) -> str:
    """Name the Region that the fabric's functions, flag and queues live in: its first AWS site's. Raises ``ConfigError``."""
    for site in fabric.sites:
        if isinstance(site, AwsSite):
            return site.region
    raise ConfigError("the fabric has no AWS site: declare one under 'sites'")


def home_project(fabric: Fabric) -> str:
    """Name the project that the fabric's functions, flag and topics live in: its first Google site's. Raises ``ConfigError``."""
    for site in fabric.sites:
        if isinstance(site, GcpSite):
            return site.project
    raise ConfigError("the fabric has no Google site: declare one under 'sites'")

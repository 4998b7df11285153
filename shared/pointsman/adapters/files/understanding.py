"""What a file can only mean, read before it is held against its models: misspelt keys, sites without a cloud, empty values.

A misspelt key is told, and what stands under it is read as what it means; a site whose cloud is wrong is read as the
kind that all its keys belong to. So no such mistake hides those below it.
"""

from typing import Any

from pointsman.adapters.files import json_schema
from pointsman.adapters.files.declared import CLOUDS, AwsSite, GcpSite
from pointsman.adapters.files.findings import Fault, Path, nearest, shown
from pointsman.core.nearness import likely
from pointsman.core.values import Frozen

SURE = 0.85
"""How like a known key an unknown one must be to be read as it: 0 to 1. Below that it is suggested, and not read."""

_SITE_DEPTH = 2


class Understood(Frozen, eq=False):
    """Data with misspelt keys mended. ``unknown`` are the paths of what the user did not write; ``meant`` gives written paths."""

    data: Any
    faults: tuple[Fault, ...]
    unknown: frozenset[Path]
    meant: dict[Path, Path]


def understood(data: Any) -> Understood:
    """Read misspelt keys, clouds of sites and empty values; ``data`` is changed."""
    reading = _Reading(data)
    reading.below(data, ())
    return Understood(data=data, faults=tuple(reading.faults), unknown=frozenset(reading.unknown), meant=reading.meant)


def as_written(path: Path, meant: dict[Path, Path]) -> Path:
    """Give a path as it is written, where a key on the way is misspelt."""
    for end in range(len(path), 0, -1):
        if path[:end] in meant:
            *above, key = meant[path[:end]]
            return (*as_written(tuple(above), meant), key, *path[end:])
    return path


def value_at(path: Path, data: Any) -> Any:
    """Give what stands at a path, None when nothing does."""
    for step in path:
        data = data[step] if _fits(data, step) and not (isinstance(data, dict) and step not in data) else None
    return data


def mend(data: Any, path: Path, *, drop: bool) -> None:
    """Put the example of its key where something wrong stands, or drop the key."""
    *above, last = path
    here = value_at(tuple(above), data)
    if drop and isinstance(here, dict):
        here.pop(last, None)
    elif _fits(here, last):
        here[last] = _example(path, data)


def _example(path: Path, data: Any) -> Any:
    """Give what stands for a value that is not read: it is there, so that a list has an entry."""
    node = json_schema.node_at(path, data)
    made = json_schema.sample(node)
    return [json_schema.sample(node["items"])] if made == [] and "items" in node else made


def _fits(data: Any, step: str | int) -> bool:
    return isinstance(data, dict) if isinstance(step, str) else isinstance(data, list) and step < len(data)


class _Reading:
    """One walk over a file's data, from the top: what a key means is known before what stands below it."""

    def __init__(self, data: Any) -> None:
        self.faults: list[Fault] = []
        self.unknown: set[Path] = set()
        self.meant: dict[Path, Path] = {}
        self._data = data

    def below(self, here: Any, path: Path) -> None:
        if isinstance(here, dict):
            if path[:1] == ("sites",) and len(path) == _SITE_DEPTH:
                self._cloud(here, path)
            self._misspelt(here, path)
        for step in list(here) if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ():
            if here[step] is None:
                self._empty(here, (*path, step))
            else:
                self.below(here[step], (*path, step))

    def _misspelt(self, here: dict[str, Any], path: Path) -> None:
        known = json_schema.keys_at(path, self._data)
        for key in [key for key in here if known and key not in known]:
            meant = likely(key, known, SURE)
            if meant and meant not in here:
                self._tell((*path, key), "unknown key", nearest(key, known))
                self.meant[(*path, meant)] = (*path, key)
                renamed = {meant if one == key else one: value for one, value in here.items()}
                here.clear()
                here.update(renamed)

    def _empty(self, here: Any, path: Path) -> None:
        known = json_schema.keys_at(path[:-1], self._data)
        if isinstance(here, dict) and known and path[-1] not in known:
            here.pop(path[-1])
            self.unknown.add(path)
            self._tell(path, "unknown key", nearest(str(path[-1]), known))
            return
        required, node = json_schema.required_at(path, self._data), json_schema.node_at(path, self._data)
        self._tell(path, "is empty", "give it a value" if required else "give it a value or remove the key")
        if node.get("type") == "object" and not (required or node.get("required")):
            here[path[-1]] = {}
        elif node:
            here[path[-1]] = _example(path, self._data)
            self.unknown.add(path)
        else:
            here[path[-1]] = ""

    def _cloud(self, site: dict[str, Any], path: Path) -> None:
        cloud = site.get("cloud")
        if cloud in CLOUDS:
            return
        close = likely("cloud", site) if "cloud" not in site else None
        if "cloud" not in site:
            mended = f"write cloud where it says {shown(close)}" if close else "add cloud: aws or cloud: gcp"
            self._tell(path, "required key cloud is missing", mended)
        elif cloud is None:
            self._tell((*path, "cloud"), "is empty", "write cloud: aws or cloud: gcp")
        else:
            fault = Fault(path=(*path, "cloud"), text=f"{shown(cloud)} is not one of aws, gcp", mend="write cloud: aws or cloud: gcp")
            self.faults.append(fault)
        misspelt = site.pop(close) if close else None
        if misspelt in CLOUDS:
            site["cloud"] = misspelt
        else:
            self._guessed(site, path)

    def _guessed(self, site: dict[str, Any], path: Path) -> None:
        """Read a site as the one kind that its keys belong to; one whose keys do not tell is not read."""
        kinds = {"aws": set(AwsSite.model_fields) - set(GcpSite.model_fields), "gcp": set(GcpSite.model_fields) - set(AwsSite.model_fields)}
        fitting = [cloud for cloud, keys in kinds.items() if keys & set(site)]
        if len(fitting) == 1:
            site["cloud"] = fitting[0]
            self.unknown.add((*path, "cloud"))
        else:
            site.clear()
            site.update(json_schema.sample(json_schema.node_at(path, self._data)))
            self.unknown.add(path)

    def _tell(self, path: Path, text: str, mended: str) -> None:
        self.faults.append(Fault(path=path, text=text, mend=mended, on_key=True))

"""Prefix arithmetic, parsed once per text."""

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple


class Cidr(NamedTuple):
    """A prefix as numbers: address width in bits, first and last address, prefix length."""

    width: int
    first: int
    last: int
    length: int

    def covers(self, other: "Cidr") -> bool:
        """Say whether every address of ``other`` is inside."""
        return self.width == other.width and self.first <= other.first and other.last <= self.last


@lru_cache(maxsize=8192)
def cidr(text: str) -> Cidr:
    """Read a prefix or a single address. Raises ValueError."""
    net = ipaddress.ip_network(text)
    return Cidr(net.max_prefixlen, int(net.network_address), int(net.broadcast_address), net.prefixlen)


def longest(prefixes: Iterable[str], target: Cidr) -> Iterator[str]:
    """Give the prefixes that cover ``target``, most specific first."""
    covering = [prefix for prefix in prefixes if cidr(prefix).covers(target)]
    return iter(sorted(covering, key=lambda prefix: -cidr(prefix).length))


def parts(whole: str, prefixes: Iterable[str]) -> Iterator[tuple[Cidr, float]]:
    """Cut a prefix where more specific ones begin or end: each part's first address and its share of the whole.

    Inside one part every address has the same longest match.
    """
    outer = cidr(whole)
    inner = [one for one in map(cidr, prefixes) if outer.covers(one)]
    cuts = sorted({outer.first, outer.last + 1, *(one.first for one in inner), *(one.last + 1 for one in inner)})
    size = outer.last + 1 - outer.first
    for start, end in pairwise(cuts):
        yield Cidr(outer.width, start, start, outer.width), (end - start) / size

"""What BGP alone would have done: the same network and fault, with nobody steering."""

from collections.abc import Callable, Mapping

from pointsman.testing.network.blueprint import Blueprint
from pointsman.testing.network.model import Network

HORIZON = 600.0
"""Seconds that are watched after the fault, where the caller does not say."""


def bgp_alone(blueprint: Blueprint, fault: Callable[[Network], None], *, horizon: float = HORIZON, seed: int = 0) -> Mapping[str, float]:
    """Give the seconds of loss per flow within ``horizon`` seconds of a fault, when only BGP acts."""
    network = Network(blueprint, seed=seed)
    fault(network)
    network.advance(horizon)
    return network.lost_seconds()

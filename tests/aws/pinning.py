"""A pin lever on one flow, with the words that its tests need."""

from pointsman.adapters.aws.pins import PinLever
from pointsman.adapters.aws.prefix_list_pin import PrefixListPinLever
from pointsman.adapters.aws.static_pin import StaticPinLever
from pointsman.core.fabric import FlowName
from pointsman.core.steering import LeverKind, Observed, PrefixListPin, StaticPin, Verified
from tests.aws.conftest import Cloud, run
from tests.twin.networks import LIST, TABLE

CHECKOUT = FlowName("checkout")
SETTLE = 5


class Pinning:
    """One of the two levers on one flow, with the words that the tests need."""

    def __init__(self, cloud: Cloud, kind: LeverKind) -> None:
        self.cloud = cloud
        self.references = kind is LeverKind.PREFIX_LIST_PIN
        made = PrefixListPinLever if self.references else StaticPinLever
        self.lever: PinLever = made(cloud.fabric, cloud.clients)

    def to(self, attachment: str | None) -> PrefixListPin | StaticPin:
        kind = PrefixListPin if self.references else StaticPin
        return kind(flow=CHECKOUT, attachment=attachment)

    def observed(self) -> Observed:
        return run(self.lever.observe("checkout"))

    def apply(self, attachment: str | None, observed: Observed | None = None) -> None:
        run(self.lever.apply(self.to(attachment), observed or self.observed(), "step-1"))

    def undo(self, observed: Observed | None = None) -> None:
        run(self.lever.undo(observed or self.observed(), "step-2"))

    def verify(self, attachment: str | None) -> Verified:
        return run(self.lever.verify(self.to(attachment)))

    def by_hand(self, attachment: str | None, *, blackhole: bool = False) -> None:
        """Let an operator set the same place."""
        network = self.cloud.network
        if self.references:
            network.set_prefix_list_reference(TABLE, LIST, attachment, blackhole=blackhole)
        else:
            network.set_static_route(TABLE, "10.216.0.0/20", attachment, blackhole=blackhole)

    @property
    def creating(self) -> str:
        return "CreateTransitGatewayPrefixListReference" if self.references else "CreateTransitGatewayRoute"

    @property
    def changing(self) -> str:
        return "ModifyTransitGatewayPrefixListReference" if self.references else "ReplaceTransitGatewayRoute"

    @property
    def deleting(self) -> str:
        return "DeleteTransitGatewayPrefixListReference" if self.references else "DeleteTransitGatewayRoute"

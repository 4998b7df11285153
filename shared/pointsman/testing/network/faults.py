"""What can go wrong with links and routers."""

from collections.abc import Collection

from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.happenings import Kind
from pointsman.testing.network.sessions import lose_path, restart, unblock
from pointsman.testing.network.state import PHYSICAL, State

BOTH_ENDS = frozenset(Side)


class FaultControls:
    """Faults by link. Unknown names raise ``LookupError``."""

    _state: State

    def suffered(self) -> dict[str, float]:
        """Say when each link that anything was ever wrong with first suffered (seconds of virtual time)."""
        return dict(self._state.faults.first)

    def meddled_with(self, link: str) -> None:
        """Note that a person did something to a link, or led onto it what it may not carry."""
        self._suffers(link)

    def _suffers(self, link: str) -> None:
        self._state.faults.first.setdefault(self._state.link(link).name, self._state.now)

    def cut(self, link: str, *, silent: bool = False, seen_by: Collection[Side] = BOTH_ENDS) -> None:
        """Cut a link. The ends in ``seen_by`` see the light go (LINK_DOWN), unless it is silent or a VPN."""
        self._suffers(link)
        for session in self._state.of_link(link):
            lose_path(self._state, session, "cut", seen_by=() if silent else seen_by)

    def cut_member(self, link: str, member: str, *, silent: bool = False, seen_by: Collection[Side] = BOTH_ENDS) -> None:
        """Cut one member of a link; the link keeps the capacity of the others."""
        self._suffers(link)
        lose_path(self._state, self._state.session(link, member), "member-cut", seen_by=() if silent else seen_by)

    def degrade(self, link: str, loss: float) -> None:
        """Lose a share of packets (0 to 1) at random, both ways; sessions live on retransmissions."""
        if not 0.0 <= loss <= 1.0:
            raise ValueError(f"loss is a share from 0 to 1, not {loss}")
        self._suffers(link)
        self._state.faults.loss[self._state.link(link).name] = loss
        self._state.touch()

    def blackhole(self, link: str, *, towards: Collection[Side] = BOTH_ENDS) -> None:
        """Lose every packet that goes towards these ends while BGP stays up: a grey failure."""
        self._suffers(link)
        self._state.faults.grey[self._state.link(link).name] = frozenset(towards)
        self._state.touch()

    def heal(self, link: str) -> None:
        """Mend cuts, loss and grey failure of a link; an announced maintenance goes on."""
        state = self._state
        state.faults.loss.pop(state.link(link).name, None)
        state.faults.grey.pop(link, None)
        for session in state.of_link(link):
            for why in sorted(session.blocks & (PHYSICAL - {"maintenance"})):
                unblock(state, session, why)
        state.touch()

    def maintain(self, link: str, start: float, end: float) -> None:
        """Announce a maintenance window (seconds of virtual time) now; the link is away while it lasts."""
        state = self._state
        if not state.now <= start < end:
            raise ValueError(f"a window lies ahead and ends after its start, not {start} to {end}")
        state.faults.windows.setdefault(state.link(link).name, []).append((start, end))
        for side in Side:
            state.emit(side, Kind.MAINTENANCE_ANNOUNCED, link=link, start=start, end=end)
        state.time.at(start, lambda: self._take_away(link))
        state.time.at(end, lambda: self._give_back(link, (start, end)))

    def _take_away(self, link: str) -> None:
        self._suffers(link)
        for session in self._state.of_link(link):
            lose_path(self._state, session, "maintenance", seen_by=BOTH_ENDS)

    def _give_back(self, link: str, window: tuple[float, float]) -> None:
        windows = self._state.faults.windows[link]
        windows.remove(window)
        if any(start <= self._state.now for start, _ in windows):
            return
        for session in self._state.of_link(link):
            unblock(self._state, session, "maintenance")

    def router_restart(self, router: str, *, takes: float = 8.0) -> None:
        """Restart a Cloud Router's task: its sessions drop, graceful restart forwards on; the log's excuse comes late."""
        state = self._state
        for session in tuple(state.at_router(router)):
            self._suffers(session.link.name)
            restart(state, session, takes=takes)
        excuse = 20.0 + 40.0 * state.dice(router, "excuse")
        state.time.at(state.now + excuse, lambda: state.emit(Side.GCP, Kind.ROUTER_MAINTENANCE, router=router))

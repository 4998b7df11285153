"""What AWS's APIs change in the network."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pointsman.testing.network.blueprint import Side, found
from pointsman.testing.network.happenings import Kind
from pointsman.testing.network.sessions import close, unblock
from pointsman.testing.network.state import Session, State
from pointsman.testing.network.timeline import chance
from pointsman.testing.network.views import FailoverTestView, PrefixListView, Refusal

TESTS_KEPT = 50
"""Failover tests remembered per virtual interface."""


class AwsControls:
    """AWS writes; ``principal`` is who calls. Unknown names raise ``LookupError``, what AWS refuses raises ``Refusal``."""

    _state: State

    def start_failover_test(self, virtual_interface: str, minutes: int, *, principal: str = "operator") -> FailoverTestView:
        """Bring a virtual interface's BGP down for some minutes (Direct Connect resiliency toolkit); it ends by itself."""
        state = self._state
        tests = self._tests(virtual_interface)
        if tests and tests[0].ended is None:
            raise Refusal(f"a failover test of {virtual_interface} is in progress")
        name = f"{int(chance(state.seed, virtual_interface, state.now, len(tests)) * 2**48):012x}"
        until = state.now + 60.0 * minutes
        test = FailoverTestView(
            id=f"3b9bd8e2-1111-4222-8333-{name}",
            virtual_interface=virtual_interface,
            minutes=minutes,
            started=state.now,
            until=until,
            ended=None,
            principal=principal,
        )
        tests.insert(0, test)
        del tests[TESTS_KEPT:]
        self._aws_called("start_failover_test", virtual_interface, principal, minutes=minutes, test=test.id)
        for session in self._of_interface(virtual_interface):
            close(state, session, "test", Side.AWS, "")
        state.time.at(until, lambda: self._end_test(virtual_interface, test.id))
        return test

    def stop_failover_test(self, virtual_interface: str, *, principal: str = "operator") -> FailoverTestView:
        """Stop the running test. Raises ``Refusal`` when none runs."""
        tests = self._tests(virtual_interface)
        if not tests or tests[0].ended is not None:
            raise Refusal(f"no failover test of {virtual_interface} is in progress")
        self._aws_called("stop_failover_test", virtual_interface, principal, test=tests[0].id)
        self._end_test(virtual_interface, tests[0].id)
        return tests[0]

    def _end_test(self, virtual_interface: str, test: str) -> None:
        tests = self._state.settings.tests[virtual_interface]
        if tests[0].id != test or tests[0].ended is not None:
            return
        tests[0] = replace(tests[0], ended=self._state.now)
        for session in self._of_interface(virtual_interface):
            unblock(self._state, session, "test")

    def _tests(self, virtual_interface: str) -> list[FailoverTestView]:
        self._of_interface(virtual_interface)
        return self._state.settings.tests.setdefault(virtual_interface, [])

    def _of_interface(self, name: str) -> tuple[Session, ...]:
        """Give the sessions of a virtual interface; an ``mcc-`` id stands for all members of its interconnect."""
        sessions = tuple(one for one in self._state.sessions.values() if name in {one.member.virtual_interface, one.link.aws_connection})
        return found({name: sessions} if sessions else {}, "virtual interface", name)

    def set_static_route(
        self, route_table: str, cidr: str, attachment: str | None, *, blackhole: bool = False, principal: str = "operator"
    ) -> None:
        """Set a static route to an attachment or to a black-hole; neither deletes it."""
        routes = found(self._state.settings.statics, "route table", route_table)
        existed = cidr in routes
        self._override(routes, cidr, attachment, blackhole=blackhole)
        details = {"cidr": cidr, "existed": existed, "attachment": attachment, "blackhole": blackhole}
        self._aws_called("set_static_route", route_table, principal, **details)
        self._state.touch()

    def set_prefix_list_reference(
        self, route_table: str, prefix_list: str, attachment: str | None, *, blackhole: bool = False, principal: str = "operator"
    ) -> None:
        """Point a prefix list at an attachment or a black-hole; neither deletes the reference."""
        references = found(self._state.settings.references, "route table", route_table)
        found(self._state.settings.prefix_lists, "prefix list", prefix_list)
        existed = prefix_list in references
        self._override(references, prefix_list, attachment, blackhole=blackhole)
        details = {"prefix_list": prefix_list, "existed": existed, "attachment": attachment, "blackhole": blackhole}
        self._aws_called("set_prefix_list_reference", route_table, principal, **details)
        self._state.touch()

    def _override(self, routes: dict[str, str | None], name: str, attachment: str | None, *, blackhole: bool) -> None:
        if attachment is not None:
            attachments = {one: one for link in self._state.links.values() for one in link.attachments}
            routes[name] = found(attachments, "attachment", attachment)
        elif blackhole:
            routes[name] = None
        else:
            routes.pop(name, None)

    def set_prefix_list(
        self, prefix_list: str, cidrs: Sequence[str], version: int | None, *, principal: str = "operator"
    ) -> PrefixListView:
        """Replace a prefix list's entries if ``version`` is the current one (None: don't compare). Raises ``Refusal``."""
        _held, current = found(self._state.settings.prefix_lists, "prefix list", prefix_list)
        if version is not None and version != current:
            raise Refusal(f"prefix list {prefix_list} is at version {current}, not {version}")
        self._state.settings.prefix_lists[prefix_list] = (tuple(cidrs), current + 1)
        self._aws_called("set_prefix_list", prefix_list, principal, cidrs=list(cidrs), version=current)
        self._state.touch()
        return PrefixListView(id=prefix_list, cidrs=tuple(cidrs), version=current + 1)

    def set_allowed_prefixes(self, association: str, cidrs: Sequence[str], *, principal: str = "operator") -> None:
        """Replace what a Direct Connect gateway association announces over its links."""
        found(self._state.settings.allowed, "association", association)
        self._state.settings.allowed[association] = tuple(cidrs)
        self._aws_called("set_allowed_prefixes", association, principal, cidrs=list(cidrs))
        self._state.touch()

    def _aws_called(self, action: str, resource: str, principal: str, **request: Any) -> None:
        self._state.emit(Side.AWS, Kind.API_CALL, action=action, resource=resource, principal=principal, request=request)

"""What must hold across a declared fabric: one small pure function a rule, in one table.

What a rule finds at a repaired value, or follows from one (``Fault.related``), is not reported. A rule that picks one
value among several (the first, the slowest, the widest) picks among those that the user wrote.
"""

from collections.abc import Callable, Iterator

from pointsman.adapters.files.declared import File
from pointsman.adapters.files.findings import Fault
from pointsman.adapters.files.rules import flows, identifiers, kinds, limits, names, policy, sites

Rule = Callable[[File], Iterator[Fault]]

RULES: tuple[Rule, ...] = (
    sites.aws_sites_are_one_gateway,
    sites.route_tables_belong_to_a_transit_gateway,
    sites.hubs_choose_the_best_path_the_legacy_way,
    names.links_join_two_clouds,
    names.flows_name_sites,
    names.flows_prefer_links,
    names.flows_use_links_between_their_sites,
    names.probes_name_sites,
    names.probes_come_in_pairs,
    identifiers.identifiers_are_used_once,
    kinds.ends_belong_to_their_kind,
    kinds.members_belong_to_their_kind,
    kinds.policies_come_in_pairs,
    kinds.attachments_fit_their_gateway,
    kinds.sessions_have_a_router,
    kinds.vpn_has_no_bfd,
    flows.prefixes_do_not_overlap,
    flows.flows_share_a_family_between_their_sites,
    flows.probes_are_never_steered,
    flows.probes_leave_their_source,
    flows.flows_fit_the_mtu_of_a_link,
    flows.pins_go_to_declared_route_tables,
    limits.route_policies_fit_a_router,
    policy.hold_times_are_bgp_hold_times,
    policy.events_stay_fresh_through_convergence,
    policy.damping_can_end,
    policy.damping_is_over_within_reason,
    policy.damping_stops_flows_before_actions,
    policy.modes_can_be_kept,
    policy.two_failures_are_no_easier_than_one,
    policy.a_window_is_met_in_time,
    policy.stores_can_agree,
    policy.witness_can_be_enciphered,
)
"""Every rule there is."""


def broken(file: File) -> Iterator[Fault]:
    """Hold a declared fabric against every rule."""
    for rule in RULES:
        yield from rule(file)

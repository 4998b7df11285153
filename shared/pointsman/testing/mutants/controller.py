"""Defects of the control loop, which the simulation of the whole system must notice: each breaks one rule of deciding, acting or telling."""

from pointsman.testing.mutants.mutant import Level, Mutant

AGREE = "service/agree.py"
ALONE = "core/alone.py"
ARCHIVING = "service/archiving.py"
CONVERGE = "service/converge.py"
DAMPING = "core/damping.py"
DELIVER = "service/deliver.py"
DRAINS = "core/drains.py"
EVIDENCE = "core/evidence.py"
FILLING = "core/filling.py"
GATHER = "service/gather.py"
MAINTENANCE = "core/maintenance.py"
ORDERS = "core/orders.py"
PINS = "core/pins.py"
ROWS = "core/rows.py"
SAFELIST = "core/safelist.py"
VERDICTS = "core/verdicts.py"
VERSIONS = "core/versions.py"


def _mutant(name: str, file: str, old: str, new: str, *also: tuple[str, str]) -> Mutant:
    return Mutant(name=name, file=file, old=old, new=new, level=Level.SYSTEM, also=also)


ACTING = (
    _mutant(
        "check-then-act: the plan is read first, the fence taken just before the write",
        CONVERGE,
        "        if (late or (wrong and old)) and await self._newer(",
        "        again = replace(gathered, observed={}, blind={})\n"
        "        await observe_missing(self.house, wrong, again)\n"
        "        gathered.observed.update(again.observed)\n"
        "        if False and await self._newer(",
    ),
    _mutant(
        "the epoch is not read again before the write",
        CONVERGE,
        "if (late or (wrong and old)) and await self._newer(",
        "if False and await self._newer(",
    ),
    _mutant(
        "no second look",
        CONVERGE,
        "if proved and (_lost_fence(proved) or await self._newer(agreement.plan, gathered)):",
        "if proved and _lost_fence(proved):",
    ),
    _mutant(
        "what differs from the plan is never repaired",
        CONVERGE,
        "        wrong = differing(self._concerned(settings, agreement, gathered), gathered)\n",
        "        wrong = differing(self._concerned(settings, agreement, gathered), gathered) if agreement.changed else ()\n",
    ),
    _mutant(
        "a freeze is ignored",
        GATHER,
        "    return FlagState.SET not in view.flags.values() and ",
        "    return True or ",
    ),
)

DECIDING = (
    _mutant(
        "act on resolve: a link that is up is left",
        DRAINS,
        "    if states[link.name].verdict is not Verdict.DOWN or not",
        "    if states[link.name].verdict not in {Verdict.DOWN, Verdict.UP} or not",
    ),
    _mutant(
        "act on INSUFFICIENT_DATA: an unknown claim counts as down",
        EVIDENCE,
        "        if ref is None or row.source is lever or row.health is unknown:\n",
        "        row = replace(row, health=Health.DOWN) if row.health is unknown else row\n        if ref is None or row.source is lever:\n",
    ),
    _mutant(
        "what nothing fresh is known of is down",
        EVIDENCE,
        '    return Belief(verdict=Verdict.UNKNOWN, because="no fresh claim")',
        '    return Belief(verdict=Verdict.DOWN, because="no fresh claim")',
    ),
    _mutant(
        "act on a lone claim",
        EVIDENCE,
        "    return Belief(verdict=Verdict.SUSPECT, because=words, onset=onset, lost_both_ends=both)",
        "    return Belief(verdict=Verdict.DOWN, because=words, onset=onset)",
    ),
    _mutant(
        "a lone claim about one link ends a drain of another",
        DAMPING,
        "    return not carried and not any(",
        "    return not any(",
    ),
    _mutant(
        "what the plan itself puts on a link condemns it",
        FILLING,
        "    if _explains(offered, case, name):\n",
        "    if False and _explains(offered, case, name):\n",
    ),
    _mutant(
        "what the plan kept on a link until just now condemns it",
        FILLING,
        "    relieved = state.relieved\n",
        "    relieved = None\n",
    ),
    _mutant(
        "fail-back without hold-down",
        DRAINS,
        "state.verdict is not Verdict.UP or not settled(state, case.fabric.policy.hold_down, case.now):",
        "state.verdict is not Verdict.UP:",
    ),
    _mutant(
        "fail-back ignores one end",
        EVIDENCE,
        "        return {row.vantage for row in ups} >= PROBES\n",
        "        return bool({row.vantage for row in ups} & PROBES)\n",
    ),
    _mutant(
        "a pin on the native choice",
        PINS,
        "    left = [one for one in takewhile(lambda one: one != target, flow.prefer) if states[one].drain]\n",
        "    left = [one for one in flow.prefer if one != target and states[one].drain]\n",
        (
            "    for name in takewhile(lambda one: one != target, flow.prefer):\n",
            "    for name in (one for one in flow.prefer if one != target):\n",
        ),
    ),
    _mutant(
        "the last path is withdrawn",
        DRAINS,
        "    return any(state.verdict in {Verdict.UP, Verdict.DEGRADED} and state.drain is None for state in healthy)",
        "    return True or any(state.drain is None for state in healthy)",
    ),
    _mutant(
        "a stale sighting overwrites a newer one",
        ROWS,
        "    return placed if stands is None or rank(placed) > stands else None",
        "    return placed",
    ),
)

TELLING = (
    _mutant(
        "clean-up of the live plan: a closed incident takes it along",
        ARCHIVING,
        "    held = await _change(house, lambda archive: closing(archive, closed, now), reading)\n",
        "    held = await _change(house, lambda archive: closing(archive, closed, now), reading)\n"
        "    from pointsman.core.decide import first_plan\n"
        "    await house.registers.change(house.plan_register, lambda _: canonical(first_plan(house.current, now)).decode())\n",
    ),
    _mutant(
        "an incident is closed before its desks are told",
        DELIVER,
        "closed=tuple(post.name for post in self._posts if all_told(post.incident)),",
        "closed=tuple(post.name for post in self._posts),",
    ),
    _mutant(
        "an ended incident is forgotten before its desks are told",
        VERDICTS,
        "        return tuple(epoch for epoch in state.closing if incident_id(fabric, name, epoch) not in told)",
        "        return ()",
    ),
    _mutant(
        "a retry makes another ticket",
        DELIVER,
        "tell(claimed, letter, ticket_key(claimed))",
        'tell(claimed, letter, f"{ticket_key(claimed)}-{claimed.outbox[letter.serial].attempts}")',
    ),
    _mutant(
        "a late update opens a closed incident again",
        "core/outbox.py",
        "            return unsure and sum(one.ask is Ask.RESOLVE for one in same) == 1",
        "            return unsure and sum(one.ask is Ask.RESOLVE for one in same) == 0",
    ),
)

LONE = (
    _mutant(
        "a lone cloud leaves the last healthy link",
        SAFELIST,
        "    state = _state(case, link.name)\n    if state.drain is not None or state.verdict is Verdict.DOWN:\n",
        "    state = _state(case, link.name)\n    if link.name:\n        return True\n"
        "    if state.drain is not None or state.verdict is Verdict.DOWN:\n",
    ),
    _mutant(
        "a lone cloud acts again within the hold-down",
        ALONE,
        "    if last is None or not timedelta(0) <= ",
        "    if last is None or last.phase is Phase.DONE or not timedelta(0) <= ",
    ),
)

FORESEEING = (
    _mutant(
        "a link is left for a window that is over",
        MAINTENANCE,
        "    if window is None or window.away or case.now >= window.until:\n",
        "    if window is None or window.away:\n",
        (
            "    if state.verdict is Verdict.UP and state.good_since is not None:\n        return False\n    if case.now < end + link.timers.budget:\n",
            "    if case.now < end + 60 * link.timers.budget:\n",
        ),
    ),
    _mutant(
        "a window squeezes what is moved for it",
        MAINTENANCE,
        "    if new.squeezed_by > before.squeezed_by:\n",
        "    if new.squeezed_by > before.squeezed_by + 10**12:\n",
    ),
    _mutant(
        "a link is returned to within its window",
        DRAINS,
        "        return True  # while its window runs, whatever it was left for\n",
        "        return False\n",
    ),
)

ORDERED = (
    _mutant(
        "an order is carried out after it expired",
        ORDERS,
        "    if now >= ends(order):\n",
        "    if now >= ends(order) + HEARD_WITHIN:\n",
    ),
    _mutant(
        "an order that was carried out is forgotten",
        ORDERS,
        "    return (*before, *(Done(key=_key(order), until=_repeatable(order)) for order in done))[-ORDERS_KEPT:]",
        "    return tuple(before)[-ORDERS_KEPT:]",
    ),
)

ROLLING_OUT = (
    _mutant(
        "two versions of the rules undo each other's moves",
        VERSIONS,
        "    until = last.at + (NEWER_LEAD if number(last.decider) > number(DECIDER) else hold_down)\n",
        "    until = last.at\n",
    ),
    _mutant(
        "with their next decision earlier rules forget that newer ones decided",
        VERSIONS,
        "    last = plan.handover if plan.decider == DECIDER or not plan.epoch else Handover(decider=plan.decider, at=plan.decided_at)\n",
        "    last = None if plan.decider == DECIDER or not plan.epoch else Handover(decider=plan.decider, at=plan.decided_at)\n",
    ),
)

CONTROLLER: tuple[Mutant, ...] = (*ACTING, *DECIDING, *TELLING, *LONE, *FORESEEING, *ORDERED, *ROLLING_OUT)

"""What this process proved effective, and whether packets have been seen to pass since."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pointsman.core.carrying import carried
from pointsman.core.evidence import claims_by_link
from pointsman.core.plan import Plan
from pointsman.core.steering import Level, PrefixListPin, Setting, StaticPin
from pointsman.service.enact import Step, keeps_off, prove, target_of
from pointsman.service.gather import Gathered
from pointsman.service.house import House, Proof


def raised(house: House, plan: Plan, gathered: Gathered, *, settings: Sequence[Setting], proved: Sequence[Step]) -> tuple[Step, ...]:
    """Tell of each lever that this process proved effective whether its flows are seen carried by now, or what is missing.

    Costs no request: only rows that were read. The pass that writes has read them before, so a later one raises the level, and
    tells it once. A lever that was written anew, or is wanted otherwise now, has to be proved again.
    """
    memory, fabric = house.effective, house.fabric_of(plan)
    for step in proved:
        _keep(house, step, max(house.clock.now(), gathered.now))
    wanted = {target_of(one): one for one in settings}
    for target in [target for target, proof in memory.items() if wanted.get(target) != proof.setting]:
        del memory[target]
    waiting = [proof for proof in memory.values() if not proof.carried]
    claims = claims_by_link(fabric, gathered.view.rows, gathered.now) if waiting else {}
    told = (carried(fabric, plan, proof.setting, claims, proof.since) for proof in waiting)
    found = [Step(setting=proof.setting, written=False, verified=one) for proof, one in zip(waiting, told, strict=True)]
    for step in found:
        target = target_of(step.setting)
        memory[target] = replace(memory[target], carried=step.verified.level is Level.CARRIED)
    return tuple(found)


async def proved_for_others(house: House, plan: Plan, done: Sequence[Setting], gathered: Gathered) -> None:
    """Prove the drains and pins in force that another process has set: it may be gone before a probe answers, and then this one tells.

    ``done`` are the settings in force. Each costs one verification, once in this process's life, and probes count from then on:
    the row of its drain may be older than what proves it by now.
    """
    memory = house.effective
    foreign = [one for one in done if _leads_away(plan, one) and target_of(one) not in memory]
    for step in await prove(house, [Step(setting=one, written=True) for one in foreign]):
        _keep(house, step, max(house.clock.now(), gathered.now))


def _keep(house: House, step: Step, since: datetime) -> None:
    house.effective.pop(target_of(step.setting), None)
    if step.verified.level is Level.EFFECTIVE:
        house.effective[target_of(step.setting)] = Proof(setting=step.setting, since=since)


def _leads_away(plan: Plan, setting: Setting) -> bool:
    if isinstance(setting, PrefixListPin | StaticPin):
        return setting.attachment is not None
    return keeps_off(plan, setting)

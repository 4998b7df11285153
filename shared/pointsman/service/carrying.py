"""What this process proved effective, and whether packets have been seen to pass since: no request of its own, only rows that were read."""

from collections.abc import Sequence

from pointsman.core.carrying import carried
from pointsman.core.plan import Plan
from pointsman.core.steering import Level, Setting
from pointsman.service.enact import Step, target_of
from pointsman.service.gather import Gathered
from pointsman.service.house import House


def raised(house: House, plan: Plan, gathered: Gathered, *, settings: Sequence[Setting], proved: Sequence[Step]) -> tuple[Step, ...]:
    """Tell of each lever that this process proved effective whether its flows are seen carried by now, or what is missing.

    The pass that writes has read its rows before: a later one of the same process raises the level, and then forgets it.
    One that was written anew, or is wanted otherwise now, has to be proved again.
    """
    memory, fabric = house.effective, house.fabric_of(plan)
    for step in proved:
        memory.pop(target_of(step.setting), None)
        if step.verified.level is Level.EFFECTIVE:
            memory[target_of(step.setting)] = (step.setting, max(house.clock.now(), gathered.now))
    wanted = {target_of(one): one for one in settings}
    for target in [target for target, (setting, _) in memory.items() if wanted.get(target) != setting]:
        del memory[target]
    found = [
        Step(setting=setting, written=False, verified=carried(fabric, plan, setting, gathered.view.rows, since=since, now=gathered.now))
        for setting, since in memory.values()
    ]
    for step in found:
        if step.verified.level is Level.CARRIED:
            del memory[target_of(step.setting)]
    return tuple(found)

"""What was decided is decided again with its rows in another order: nothing may hang on the order in which they stood."""

from collections.abc import Iterator

from pointsman.core.journal import again, opened, undecidable
from pointsman.core.plan import View
from pointsman.core.values import replace
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.versions import BOTH

ENTRIES = 3
"""Decisions of one run that are made again: those whose entries' digests come first, a choice that needs no dice."""
RULES = {rules.version: rules for rules in BOTH}
"""What decides, by version: an entry is decided again by the rules that decided it."""


def turned(view: View) -> View:
    """Give a view with its rows the other way round, so that of any two the other one comes first."""
    return replace(view, rows=view.rows[::-1])


def decided_otherwise(record: Record) -> Iterator[str]:
    """Say which plans would have been others, had the rows that they were decided from stood the other way round."""
    entries = record.evidence.entries
    for name in sorted({plan.entry for plan in record.plans} & entries.keys())[:ENTRIES]:
        entry = opened(name, entries[name])
        found = again(replace(entry, view=turned(entry.view)), record.evidence.fabrics[entry.plan.fabric_hash], RULES[entry.plan.decider])
        if undecidable(entry) is None and found != entry.plan:
            yield f"epoch {entry.plan.epoch} is decided otherwise from the same rows in another order (entry {name})"

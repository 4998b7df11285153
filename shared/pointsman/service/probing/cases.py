"""All cases, and one run through them."""

import asyncio
from collections.abc import Callable
from enum import StrEnum

from pointsman.core.values import Frozen
from pointsman.ports.stores import RowUnreadable, StoreDown, StoreUnsure
from pointsman.service.probing import listing_cases as listing
from pointsman.service.probing import register_cases as registers
from pointsman.service.probing import row_cases as rows
from pointsman.service.probing.bench import Bench, Broken, Case, Untriable

CASE_SECONDS = 60.0
"""How long one case may take; a store that needs longer counts as one that does not answer."""


class Verdict(StrEnum):
    """How one case ended."""

    KEPT = "kept"
    BROKEN = "broken"
    UNTRIED = "could not be tried"
    APART = "not tried here"
    """Only pointsman's own tests can try it: it says nothing against the store."""


class Finding(Frozen):
    """What one case showed."""

    case: str
    verdict: Verdict
    text: str = ""


async def probe(bench: Bench, tell: Callable[[Finding], None]) -> tuple[Finding, ...]:
    """Run all cases on a store, one after the other, and tell of each as it ends. A store that does not answer ends it at once."""
    findings: list[Finding] = []
    for case in CASES:
        finding = await _tried(case, bench)
        findings.append(finding)
        tell(finding)
        if finding.verdict is Verdict.UNTRIED and len(findings) == 1:
            break
    return tuple(findings)


async def _tried(case: Case, bench: Bench) -> Finding:
    name = case_name(case)
    try:
        async with asyncio.timeout(CASE_SECONDS):
            await case(bench)
    except Broken as error:
        return Finding(case=name, verdict=Verdict.BROKEN, text=str(error))
    except Untriable as error:
        return Finding(case=name, verdict=Verdict.APART, text=str(error))
    except (StoreDown, StoreUnsure, RowUnreadable) as error:
        return Finding(case=name, verdict=Verdict.UNTRIED, text=str(error))
    except TimeoutError:
        return Finding(case=name, verdict=Verdict.UNTRIED, text=f"it did not end within {CASE_SECONDS} s")
    return Finding(case=name, verdict=Verdict.KEPT)


def case_name(case: Case) -> str:
    """Give a case's name as a sentence."""
    return getattr(case, "__name__", "a case").replace("_", " ")


CASES: tuple[Case, ...] = (
    registers.a_fresh_register_is_empty,
    registers.a_promise_is_kept,
    registers.an_accepted_value_is_read_back,
    registers.a_stale_ballot_is_refused,
    registers.an_equal_ballot_is_accepted,
    registers.accepting_raises_the_promise,
    registers.an_accept_below_the_promise_is_refused,
    registers.a_repeated_prepare_shows_my_own_ballot,
    registers.a_repeated_accept_shows_my_own_ballot,
    registers.a_conflict_tells_what_is_stored,
    registers.of_two_writers_from_one_read_one_wins,
    registers.a_race_leaves_the_highest_ballot_and_its_value,
    registers.creators_at_once_do_not_overwrite_each_other,
    registers.a_row_that_is_there_is_not_created_again,
    registers.a_value_survives_reopening,
    registers.a_large_value_is_kept_whole,
    registers.strange_names_and_values_are_kept_apart,
    registers.an_unreadable_row_is_reported_and_left_alone,
    registers.the_stores_time_comes_with_a_reply,
    registers.the_stores_time_is_that_of_this_machine,
    rows.the_newest_claim_wins_whatever_the_order,
    rows.of_equal_times_the_worse_claim_stands_whatever_the_order,
    rows.a_claim_that_changes_nothing_is_not_written,
    rows.a_wild_time_is_clamped_and_blocks_nothing,
    rows.many_claims_at_once_are_all_kept,
    rows.writers_of_one_row_at_once_leave_the_newest,
    rows.an_announcement_is_kept_whole_and_its_later_version_stands,
    rows.the_clouds_rows_are_apart,
    rows.one_unreadable_claim_spoils_no_other,
    rows.a_journal_entry_put_twice_is_one_entry,
    rows.a_large_journal_entry_is_kept_whole,
    listing.every_register_that_was_written_is_listed,
    listing.every_entry_that_was_put_is_listed,
)

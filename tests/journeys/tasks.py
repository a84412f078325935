"""The everyday tasks that people have with their doors, and the test that does each of them.

`python tests/journeys/tasks.py` writes docs/tasks.md, and test_tasks.py holds it to this list.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"
HOME, LETTING, BUSINESS = "homeowner", "landlord", "small business"


TOP = """\
# Everyday tasks

What people want of their doors, in their words. {done} of {all} are done from start to end by a
test in a real browser at simulated locks (`tests/journeys`), which counts the taps and also shows
how the task goes wrong. A tap is a tap, a field that is filled in or a touch of a passkey; choosing
from a list is two. The count begins at the page of all doors, signed in.

| | Task | For whom | Taps, and what goes wrong as well |
|-:|---|---|---|
"""


@dataclass(frozen=True)
class Task:
    """In the words of whoever has it."""

    whom: str
    words: str
    test: str = ""
    taps: int = 0
    goes_wrong: str = ""  # which failure the test shows as well
    not_yet: str = ""  # why no test does it


TASKS = (
    Task(HOME, "Is the front door really locked, and since when?",
         "test_is_the_front_door_really_locked_and_since_when",
         1, "stale: its lock was not heard, so the state is unknown"),
    Task(HOME, "Give the cleaner Tuesdays nine to twelve, and nothing else.",
         "test_give_the_cleaner_tuesdays_nine_to_twelve_and_nothing_else",
         12, "refused: another day"),
    Task(HOME, "Let the delivery driver in once, today, porch only.",
         "test_let_the_delivery_driver_in_once_today_porch_only",
         14, "refused: a second time"),
    Task(HOME, "Tell me when the kids get home, and nothing else.",
         not_yet="nothing sends notices yet"),
    Task(HOME, "I have lost my phone: stop it working, and let me in with something else.",
         "test_a_lost_phone_is_stopped_and_something_else_lets_me_in",
         8, "refused: the lost phone"),
    Task(HOME, "Who came in while we were away, and did anyone try and fail?",
         "test_who_came_in_while_we_were_away_and_did_anyone_try_and_fail",
         2, "wrong: a code that nobody has"),
    Task(HOME, "How long will the batteries last, and what if they die on the doorstep?",
         "test_how_long_will_the_batteries_last_and_what_if_they_die_on_the_doorstep",
         2, "wrong: a reading that never changes; offline: they die, and the mechanical key opens"),
    Task(HOME, "Mum's carers change: let the agency give keys to its own staff, in visit hours.",
         "test_the_agency_gives_keys_to_its_own_staff_only_in_visit_hours",
         20, "refused: a key outside the visit hours"),
    Task(LETTING, "New tenant in Room 3 from the first, who chooses phone or code.",
         "test_a_new_tenant_in_room_3_from_the_first_chooses_phone_or_code",
         15, "refused: before the first"),
    Task(LETTING, "Tenant gone: cancel everything at every door, and show me it is done.",
         "test_the_tenant_is_gone_everything_cancelled_at_every_door_and_shown_done",
         5, "offline: one door learns it later, and is shown as such"),
    Task(LETTING, "Read my booking calendar, and give each guest a code for their stay.",
         not_yet="no booking calendar is read"),
    Task(LETTING, "Which codes are really on which doors this minute?",
         "test_which_codes_are_really_on_which_doors",
         3, "offline: a code is still on its way"),
    Task(LETTING, "A guest cannot get in at eleven: let them in from Leeds, and find out why.",
         "test_a_guest_cannot_get_in_at_eleven_i_let_them_in_from_leeds_and_find_out_why",
         4, "offline: the door does not answer"),
    Task(LETTING, "Let my agent and my engineer in, and never more than I gave them.",
         "test_the_agent_and_the_gas_engineer_never_get_more_than_was_given",
         17, "refused: a door that the agent was not given"),
    Task(LETTING, "Going into Room 3 on Thursday: log the notice and the entry.",
         "test_going_into_room_3_on_thursday_log_the_notice_and_the_entry",
         10, "refused: less than 24 hours ahead, without a reason"),
    Task(LETTING, "The record for a dispute, that nobody can say I edited.",
         "test_the_record_for_a_dispute_that_nobody_can_have_edited",
         8, "wrong: one changed bit and the record fails its check"),
    Task(BUSINESS, "Someone has left: one button, all doors, all their codes and phones.",
         "test_someone_left_one_button_all_doors_all_their_codes_and_phones",
         5, "refused: without a touch of the passkey nothing is taken back"),
    Task(BUSINESS, "New starter: same as Priya, but not the stock room.",
         "test_a_new_starter_same_as_priya_but_not_the_stock_room",
         12, "wrong: a form without a name"),
    Task(BUSINESS, "Unlock the shop in opening hours, once the first keyholder has come.",
         "test_the_shop_unlocks_in_opening_hours_once_the_first_keyholder_has_come",
         5, "wrong: somebody with a plain key comes first, and it locks behind them"),
    Task(BUSINESS, "Who opened and who locked up this week, and was anything left open?",
         "test_who_opened_up_and_who_locked_up_this_week_and_was_anything_left_open",
         6, "wrong: a door that nobody locked"),
    Task(BUSINESS, "Everybody through that door between Friday and Monday, as a file.",
         "test_everybody_through_that_door_between_friday_and_monday_as_a_file",
         8, "wrong: other days, and nobody is in it"),
    Task(BUSINESS, "Broadband is down: does everyone still get in, and nobody who should not?",
         "test_broadband_is_down_and_everyone_still_gets_in_and_nobody_who_should_not",
         9, "offline: the pages say that they know nothing; wrong: a code that nobody has"),
    Task(BUSINESS, "Fire alarm: release the escape doors, and who might be inside?",
         not_yet="no alarm is heard"),
    Task(BUSINESS, "The insurer wants a report of locks, holders and updates.",
         "test_the_insurer_wants_a_report_of_locks_holders_and_updates",
         7, "wrong: a report that somebody bettered fails its check"),
)


def table() -> str:
    """The page, from the list."""
    rows = [f"| {number} | {each.words} | {each.whom} | {_said(each)} |"
            for number, each in enumerate(TASKS, 1)]
    done = sum(bool(each.test) for each in TASKS)
    return TOP.format(done=done, all=len(TASKS)) + "\n".join(rows) + "\n"


def _said(task: Task) -> str:
    return f"**{task.taps}** · {task.goes_wrong}" if task.test else f"not yet: {task.not_yet}"


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")

"""Reasons: each with its number, its sentence, what helps, and one of four coarse codes."""

from __future__ import annotations

import re

import pytest

from mortice.core.refusal import BY_NUMBER, WORDS, Coarse, Reason

EACH = pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.value)

# What whoever stands outside hears. A line that moves tells an attacker something new.
COARSE = {
    Coarse.MALFORMED: {"malformed"},
    Coarse.SHOW_MORE: {"too_stale", "needs_factor", "needs_person", "show_chain"},
    Coarse.NOT_NOW: {
        "time_unsure", "not_yet", "ended", "outside_hours", "over_quota", "low_power",
        "storage_full", "resting", "late", "one_move", "log_rolled_back", "fault"},
    Coarse.NOT_ALLOWED: {
        "bad_signature", "unknown_key", "not_narrower", "wrong_door", "revoked", "no_right",
        "second_factor", "used_up", "wrong_pin", "pin_off", "not_commissioned", "window_closed",
        "stale_document"},
}


def test_a_stranger_learns_one_of_four_codes() -> None:
    assert {coarse.value for coarse in Coarse} == {
        "not_allowed", "not_now", "show_more", "malformed"}
    heard = {coarse: set() for coarse in Coarse}
    for reason in Reason:
        heard[reason.words.coarse].add(reason.value)
    assert heard == COARSE


def test_every_reason_has_words_and_a_number_of_its_own() -> None:
    assert set(WORDS) == set(Reason)
    assert len(BY_NUMBER) == len(Reason)
    assert all(BY_NUMBER[reason.words.number] is reason for reason in Reason)


def test_numbers_run_from_1_without_a_gap_so_none_was_used_again() -> None:
    assert sorted(BY_NUMBER) == list(range(1, len(Reason) + 1))


@EACH
def test_a_reason_says_what_happened_and_what_helps(reason: Reason) -> None:
    words = reason.words
    assert re.fullmatch(r"[A-Z].{10,90}[^.!]", words.sentence)
    assert re.fullmatch(r"[A-Z].{5,100}\.", words.helps, re.DOTALL)
    assert words.sentence != words.helps


@EACH
def test_a_reason_is_named_in_plain_small_letters(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z_]+", reason.value)
    assert reason.name == reason.value.upper()

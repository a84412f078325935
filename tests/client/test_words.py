"""A log entry in words: every kind says something, and says whose key it was."""

from __future__ import annotations

import pytest

from mortice.client.words import BAD, GOOD, reason_of, say, text, who
from mortice.core import cbor
from mortice.core.log import About, Entry, Kind
from mortice.core.refusal import Reason
from mortice.core.stages import TimeState

ANA, AGENT, GUEST = bytes([1]) * 16, bytes([2]) * 16, bytes([3]) * 16
NAMES = {ANA: "Ana", AGENT: "Agent"}
Abouts = dict[int | str, cbor.Value]


def entry(kind: Kind, about: Abouts | None = None) -> Entry:
    return Entry(7, 1_795_500_000, TimeState.SYNCED, 9, kind, about or {}, bytes(16))


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_entry_has_a_word(kind: Kind) -> None:
    said = say(entry(kind), NAMES)

    assert said.word
    assert said.tone in (GOOD, BAD, "plain")


@pytest.mark.parametrize("value", [None, 0, -1, 99, True, "text", b"bytes", [], {}, [b"x", "y"]])
@pytest.mark.parametrize("about", About)
@pytest.mark.parametrize("kind", [
    Kind.GRANTED, Kind.REFUSED, Kind.MOVED, Kind.ALARM, Kind.CHECKED])
def test_an_entry_with_anything_in_it_can_be_said(
    kind: Kind, about: About, value: cbor.Value
) -> None:
    assert say(entry(kind, {int(about): value}), NAMES).word


def test_an_opening_names_its_person() -> None:
    said = say(entry(Kind.GRANTED, {1: ANA, 2: 1, 8: 0}), NAMES)

    assert (said.word, said.tone) == ("Opened", GOOD)
    assert said.sentence.startswith("for Ana, phone key")


def test_whoever_opens_up_a_shop_is_said_to() -> None:
    opened = say(entry(Kind.GRANTED, {1: ANA, 2: 1, 8: 0, 16: 1_795_500_900}), NAMES)
    held = say(entry(Kind.GRANTED, {1: ANA, 2: 3, 8: 0, 16: 1_795_500_900}), NAMES)

    assert opened.word == "Opened"
    assert opened.sentence.startswith("for Ana, phone key, who opened up")
    assert (held.word, "opened up" in held.sentence) == ("Held open", False)


def test_a_checked_door_says_by_whom_and_what_failed() -> None:
    good, bad = say(entry(Kind.CHECKED, {1: ANA, 20: 0}), NAMES), say(
        entry(Kind.CHECKED, {1: ANA, 20: 2}), NAMES)

    assert (good.tone, bad.tone) == ("plain", "plain")
    assert "against a list by Ana; nothing that was looked at failed" in good.sentence
    assert "by Ana; failed: 2" in bad.sentence
    assert "by the owner" in say(entry(Kind.CHECKED, {20: 0}), NAMES).sentence


def test_a_pin_is_said_to_be_one() -> None:
    assert "for Ana, PIN" in say(entry(Kind.GRANTED, {1: ANA, 2: 1, 8: 1}), NAMES).sentence


@pytest.mark.parametrize(("about", "name"), [
    ({1: ANA}, "Ana"),
    ({1: GUEST}, "key 03030303"),
    ({1: GUEST, 7: [AGENT]}, "somebody with a key from Agent (03030303)"),
    ({1: GUEST, 7: [ANA, AGENT]}, "somebody with a key from Agent (03030303)"),
    ({1: GUEST, 7: [ANA, GUEST]}, "somebody with a key from Ana (03030303)"),
    ({1: GUEST, 7: [AGENT], 12: 3}, "somebody with a PIN from Agent (03030303)"),
    ({1: GUEST, 12: 3}, "PIN 03030303"),
    ({1: GUEST, 7: [ANA], 18: 2}, "Ana"),
    ({1: GUEST, 7: ["junk", ["nested"], 5]}, "key 03030303"),
    ({}, "somebody unknown"),
])
def test_a_key_is_called_by_the_nearest_name(about: Abouts, name: str) -> None:
    assert who(entry(Kind.GRANTED, about), NAMES) == name


@pytest.mark.parametrize(("about", "sentence"), [
    ({15: "battery", 20: 3120}, "battery, 3.1 V"), ({15: "mains", 20: 5400}, "mains, 5.4 V"),
    ({15: "mains"}, "mains"), ({20: 3120}, "unknown, 3.1 V"), ({20: "junk"}, "unknown")])
def test_a_change_of_supply_says_which_and_how_strong(about: Abouts, sentence: str) -> None:
    said = say(entry(Kind.SUPPLY_SEEN, about), NAMES)

    assert (said.word, said.sentence) == ("Supply", sentence)


def test_a_key_made_by_somebody_else_is_marked() -> None:
    said = say(entry(Kind.GRANTED, {1: GUEST, 2: 1, 7: [ANA], 18: 2}), NAMES)

    assert "a key made by somebody else" in said.sentence


def test_a_refusal_says_sentence_check_and_what_helps() -> None:
    said = say(entry(Kind.REFUSED, {1: ANA, 3: 10, 4: "R6", 13: "ended 5"}), NAMES)

    assert said.sentence == "The key has ended (Ana, phone key)"
    assert said.detail == "Check R6, ended 5. Ask the person who gave it for a new one."


def test_a_reason_that_nobody_knows_is_a_fault() -> None:
    assert reason_of(entry(Kind.REFUSED, {3: 9999})) is Reason.FAULT
    assert reason_of(entry(Kind.REFUSED, {3: "x"})) is Reason.FAULT


def test_a_jam_is_a_bad_word() -> None:
    assert say(entry(Kind.MOVED, {6: "jammed", 5: 3}), NAMES).tone == BAD


def test_only_text_is_text() -> None:
    assert text(entry(Kind.ALARM, {13: b"bytes"}), About.DETAIL) == ""
    assert text(entry(Kind.ALARM, {13: "words"}), About.DETAIL) == "words"

"""Every reason a door can say no, each once: code, sentence, what helps, what a stranger hears.

The exact reason goes to the log and to the people who may read it. Whoever stands in front of the
door, or at the far end of a link, hears one of four coarse codes and nothing more, so that a
refusal teaches an attacker nothing.

Spec: spec/refusals.md. A reason added here is added there, with a vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Coarse(Enum):
    """The four codes that a stranger may learn (spec/refusals.md, section 2)."""

    NOT_ALLOWED = "not_allowed"
    NOT_NOW = "not_now"
    SHOW_MORE = "show_more"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Words:
    """How a reason is put to people."""

    number: int  # on the wire and in the log; never reused
    coarse: Coarse
    sentence: str
    helps: str


class Reason(Enum):
    """Why the door said no. The value is what the log, the command line and the pages show."""

    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_KEY = "unknown_key"
    NOT_NARROWER = "not_narrower"
    WRONG_DOOR = "wrong_door"
    REVOKED = "revoked"
    NO_RIGHT = "no_right"
    TIME_UNSURE = "time_unsure"
    NOT_YET = "not_yet"
    ENDED = "ended"
    OUTSIDE_HOURS = "outside_hours"
    TOO_STALE = "too_stale"
    NEEDS_FACTOR = "needs_factor"
    SECOND_FACTOR = "second_factor"
    NEEDS_PERSON = "needs_person"
    USED_UP = "used_up"
    OVER_QUOTA = "over_quota"
    LOW_POWER = "low_power"
    STORAGE_FULL = "storage_full"
    WRONG_PIN = "wrong_pin"
    RESTING = "resting"
    PIN_OFF = "pin_off"
    SHOW_CHAIN = "show_chain"
    LATE = "late"
    ONE_MOVE = "one_move"
    NOT_COMMISSIONED = "not_commissioned"
    WINDOW_CLOSED = "window_closed"
    STALE_DOCUMENT = "stale_document"
    LOG_ROLLED_BACK = "log_rolled_back"
    FAULT = "fault"

    @property
    def words(self) -> Words:
        """The sentence, the advice and the coarse code of this reason."""
        return WORDS[self]


NO, NOW, MORE, BAD = Coarse.NOT_ALLOWED, Coarse.NOT_NOW, Coarse.SHOW_MORE, Coarse.MALFORMED

WORDS: dict[Reason, Words] = {
    Reason.MALFORMED: Words(
        1, BAD, "What was shown is not a key this door can read",
        "Ask for the key to be sent again; if it goes on, update the app that holds it."),
    Reason.BAD_SIGNATURE: Words(
        2, NO, "That key could not be trusted: a signature does not hold",
        "Ask whoever gave you the key for a new one."),
    Reason.UNKNOWN_KEY: Words(
        3, NO, "This door does not know that key",
        "Check that it is the right door; the owner can give you a key."),
    Reason.NOT_NARROWER: Words(
        4, NO, "The key claims more than the person who passed it on may give",
        "Whoever passed it on must make a narrower key."),
    Reason.WRONG_DOOR: Words(
        5, NO, "The key is for another door",
        "Try the door that the key names, or ask for this door to be added."),
    Reason.REVOKED: Words(
        6, NO, "This key was taken back",
        "Speak to the owner; a new key is needed."),
    Reason.NO_RIGHT: Words(
        7, NO, "The key does not allow that at this door",
        "The owner can give a key that does."),
    Reason.TIME_UNSURE: Words(
        8, NOW, "The door lost its clock and cannot judge a key with times",
        "Any visit by the owner's phone sets the clock; keys without times still work."),
    Reason.NOT_YET: Words(
        9, NOW, "The key has not started yet",
        "Come back when it starts; `mortice key explain` says when."),
    Reason.ENDED: Words(10, NOW, "The key has ended", "Ask the person who gave it for a new one."),
    Reason.OUTSIDE_HOURS: Words(
        11, NOW, "The key is not for this day and time",
        "Come back in the key's hours; `mortice key explain` lists them."),
    Reason.TOO_STALE: Words(
        12, MORE, "The key was not refreshed recently enough",
        "Connect the phone to the hub or to the owner's phone once, then try again."),
    Reason.NEEDS_FACTOR: Words(
        13, MORE, "The key asks for a second check that was not shown",
        "Show the second check: the PIN, the passkey or the finger that the key names."),
    Reason.SECOND_FACTOR: Words(
        14, NO, "The second check did not match",
        "Try the second check again."),
    Reason.NEEDS_PERSON: Words(
        15, MORE, "This door asks for two people, and only one has shown a key",
        "Let the second person show their own key within 30 seconds."),
    Reason.USED_UP: Words(
        16, NO, "The key has been used as often as it allows",
        "Ask for a new key."),
    Reason.OVER_QUOTA: Words(
        17, NOW, "Too many different keys passed on by one person were used here today",
        "Come back tomorrow, or let the owner give the key directly."),
    Reason.LOW_POWER: Words(
        18, NOW, "The supply is too low to turn the bolt",
        "Use the mechanical key; then see to the supply."),
    Reason.STORAGE_FULL: Words(
        19, NOW, "The door's log is full; only owner and residents are served",
        "Let the owner read the log off the door; the mechanical key still works."),
    Reason.WRONG_PIN: Words(
        20, NO, "That PIN is not right",
        "Check the number and press the tick after it."),
    Reason.RESTING: Words(
        21, NOW, "Too many wrong PINs: the keypad takes one try in 15 minutes",
        "Wait, or use a phone key; phones are not affected."),
    Reason.PIN_OFF: Words(
        22, NO, "That PIN was switched off after wrong tries",
        "Open with another key of yours, or ask the owner to switch it on again."),
    Reason.SHOW_CHAIN: Words(
        23, MORE, "The door has not seen this key lately and wants the whole of it",
        "The app sends it by itself; nothing to do."),
    Reason.LATE: Words(
        24, NOW, "The answer came too late to be safe",
        "Try again nearer to the door."),
    Reason.ONE_MOVE: Words(25, NOW, "One conversation moves the bolt once", "Try again."),
    Reason.NOT_COMMISSIONED: Words(
        26, NO, "The door has no owner yet",
        "Commission it: press the inside button and scan the code on the inside."),
    Reason.WINDOW_CLOSED: Words(
        27, NO, "The time to take over this door has passed",
        "Press the inside button again; then there are 10 minutes."),
    Reason.STALE_DOCUMENT: Words(
        28, NO, "The door already has a newer version of that",
        "Fetch the newest version and try again."),
    Reason.LOG_ROLLED_BACK: Words(
        29, NOW, "The door's memory is older than a receipt it signed; PINs and counted keys rest",
        "The owner should look at this door: it may have been tampered with."),
    Reason.FAULT: Words(
        30, NOW, "The door could not decide, so it refused",
        "Use another key or the mechanical key, and tell the owner."),
}

BY_NUMBER: dict[int, Reason] = {words.number: reason for reason, words in WORDS.items()}

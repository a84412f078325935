"""Scenes: several steps at one door, for what no single document shows (spec/refusals.md).

A step is what somebody does, and what the door answers. A scene ends in a refusal, in silence, or
in a number of openings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import BAD, MORE, NO, Case, Fields, accepted, refused
from making.case import NOW as NOT_NOW
from making.cast import (
    ABSENT,
    CONFIG_KIND,
    DAY,
    ENROL,
    ENROL_KIND,
    GUEST,
    HOUR,
    NOW,
    OTHER_LOCK,
    OWNER,
    PAPER,
    PASSKEY,
    PASSKEY_OF_BROWSER,
    PIN,
    REVOKE_KIND,
    REVOKES,
    ROOT,
    SITE_KIND,
    STAPLE_KIND,
    STREET,
    TENANT,
    UNLOCK,
    VIEW_LOG,
    Link,
    doors,
    drawn,
    guest_link,
    holder,
    link,
    owner_link,
    passkey_field,
    role_keys,
    root,
    standing,
    tenant_link,
)
from making.decisions import staple
from making.enrolments import DIGITS, OTHER_DIGITS, enrolled, enroller
from making.plain import Key, cbor
from making.revocations import revocation
from making.settings import INDEX, OFF, settings

Steps = list[Fields]
YES = None
SILENCE = "silence"


def scene(
    name: str, shows: str, steps: Steps, expected: Fields, *, owned: bool = True,
    real: bool = False,
) -> Case:
    """`owned`: the lock has its owner from the start. `real`: its driver moves real things."""
    given = (standing() if owned else {}) | ({"real": True} if real else {}) | {"steps": steps}
    return Case(name, shows, "scene", given, expected)


def visit(leaf: Link, answer: str | None, **more: Any) -> Fields:  # noqa: ANN401 (more of a step)
    """Messages 1 to 4. `known`: the leaf's id alone; `wait`: seconds before message 3."""
    whole = {"do": "visit", "chain": leaf.wire, "leaf": leaf.id, "holder": holder(leaf.holder),
             "command": "unlock", "answer": answer}
    return whole | more


def typed(digits: str, times: int = 1) -> Fields:
    """Digits and the tick after them."""
    return {"do": "type", "digits": digits, "times": times}


def wait(seconds: float) -> Fields:
    return {"do": "wait", "seconds": seconds}


def deliver(kind: str, document: bytes, result: str, **more: Any) -> Fields:  # noqa: ANN401
    """A document, brought by the owner's phone, and what became of it."""
    return {"do": "deliver", "kind": kind, "document": document, "result": result} | more


def enrol(leaf: Link) -> Fields:
    return deliver(ENROL_KIND, leaf.encoded, "taken", chain=leaf.above[-1].wire)


PRESS: Fields = {"do": "press_inside_button"}


def openings(number: int) -> Fields:
    return accepted(openings=number)


def silent() -> Fields:
    """No answer, and nothing in the log."""
    return {"class": "silent"}


def cases() -> Iterator[Case]:
    yield from _conversations()
    yield from _proofs()
    yield from _replays()
    yield from _pins()
    yield from _stale_pins()
    yield from _off_and_second()
    yield from _takeovers()
    yield from _times()
    yield from _odd_documents()


def _conversations() -> Iterator[Case]:
    tenant = tenant_link()
    yield scene("refusal/show-chain", "A key's id alone, which this door has not seen.",
                [visit(tenant, MORE, known=True)], refused("show_chain", "C0", MORE))
    yield scene("refusal/show-chain-once", "Once it has seen the chain, the id is enough.", [
        visit(tenant, YES, command="status"), visit(tenant, YES, known=True)], openings(1))
    yield scene("refusal/late", "Message 3 came 5.1 seconds after message 2.",
                [visit(tenant, NOT_NOW, wait=5.1)], refused("late", "J7", NOT_NOW))
    yield scene("refusal/just-in-time", "Message 3 came 4.9 seconds after message 2.",
                [visit(tenant, YES, wait=4.9)], openings(1))
    yield scene("refusal/one-move", "A second unlock in the same conversation.", [
        visit(tenant, YES, keep=True), {"do": "later", "command": "unlock", "answer": NOT_NOW}],
        refused("one_move", "J8", NOT_NOW))
    yield scene("refusal/log-without-the-right", "A further request is decided like the first.", [
        visit(tenant, YES, keep=True), {"do": "later", "command": "read_log", "answer": NO}],
        refused("no_right", "R3", NO))
    reader = link(GUEST, use=UNLOCK | VIEW_LOG)
    yield scene("refusal/log-with-the-right", "Whoever may read the log may read it.", [
        visit(reader, YES, keep=True), {"do": "later", "command": "read_log", "answer": YES}],
        openings(1))
    yield scene("refusal/fault", "The motor's driver fails: a fault of ours is a refusal.", [
        {"do": "break_motor"}, visit(tenant, NOT_NOW)], refused("fault", "R0", NOT_NOW))


def _proofs() -> Iterator[Case]:
    """J6: a proof that covers something else than this conversation."""
    tenant = tenant_link()
    other = tenant_link(about={1: "another key of this phone"})
    wrong = {
        "another-conversation": {"handshake": drawn("another handshake hash")},
        "another-lock": {"lock": OTHER_LOCK.id},
        "another-command": {"command": 2},
        "another-command-id": {"command_id": bytes(8)},
        "other-arguments": {"args": {"1": NOW + 60}},
        "another-key": {"leaf": other.id},
        "another-log-size": {"size": 1},
        "another-log": {"root": drawn("another root")},
    }
    for name, signed in wrong.items():
        yield scene(f"link/signed-{name}", "The proof covers something else.",
                    [visit(tenant, NO, signed=signed)], refused("bad_signature", "K8", NO))
    yield scene("link/signed-by-a-thief", "The chain of one phone, the proof of another.",
                [visit(tenant, NO, holder=holder(Key("a thief's phone")))],
                refused("bad_signature", "K8", NO))
    asks = link(GUEST, factors=PASSKEY, passkey=passkey_field())
    yield scene("passkey/touch-in-a-conversation", "A touch for this very proof.",
                [visit(asks, YES, passkey=holder(PASSKEY_OF_BROWSER))], openings(1))
    yield scene("passkey/touch-for-another-conversation", "A touch that was kept from before.",
                [visit(asks, NO, passkey=holder(PASSKEY_OF_BROWSER),
                       touched=drawn("another proof"))],
                refused("second_factor", "W5", NO))
    yield scene("passkey/touch-of-another-passkey-in-a-conversation", "Somebody else touched.",
                [visit(asks, NO, passkey=holder(Key("another passkey", -9)))],
                refused("bad_signature", "K8", NO))


def _replays() -> Iterator[Case]:
    tenant = tenant_link()
    gone = refused("malformed", "N5", SILENCE)
    yield scene("link/replayed-first-message", "A first message again begins another conversation.",
                [
        visit(tenant, YES), {"do": "replay", "message": 1, "answer": "greeting"}], openings(1))
    yield scene("link/replayed-third-message", "Message 3 of another conversation.", [
        visit(tenant, YES), {"do": "replay", "message": 3, "answer": SILENCE}], gone)
    yield scene("link/first-message-for-the-third", "Messages come in turn.", [
        {"do": "replay", "message": 1, "twice": True, "answer": SILENCE}], gone)
    yield scene("link/third-message-twice", "The same message again, in the same conversation.", [
        visit(tenant, YES, keep=True), {"do": "again", "answer": SILENCE}], openings(1))
    yield scene("link/asked-again", "The answer was lost: the same command is done once.", [
        visit(tenant, YES), visit(tenant, YES)], openings(1))
    yield scene("link/asked-again-as-another-command", "The same id, another command.", [
        visit(tenant, YES), visit(tenant, YES, command="lock")], openings(2))
    once = link(GUEST, uses=1)
    yield scene("link/asked-again-with-a-key-for-once", "A lost answer does not use the key up.", [
        visit(once, YES), visit(once, YES)], openings(1))
    yield scene("link/asked-anew-with-a-key-for-once", "Another opening does.", [
        visit(once, YES), visit(once, NO, command_id=drawn("another command", 8))],
        refused("used_up", "R12", NO))


def _pins() -> Iterator[Case]:
    pin = enrol(enrolled(enroller()))
    yield scene("pin/opens", "The right digits and the tick.", [pin, typed(DIGITS)], openings(1))
    yield scene("pin/wrong", "Other digits.", [pin, typed(OTHER_DIGITS)],
                refused("wrong_pin", "P3", NO))
    yield scene("pin/too-short-at-the-keypad", "Five digits cost a try like any wrong PIN.",
                [pin, typed("48291")], refused("wrong_pin", "P1", NO))
    yield scene("pin/digits-before-it", "Nothing is found in the middle of a row of digits.",
                [pin, typed("11" + DIGITS)], refused("wrong_pin", "P3", NO))
    yield scene("pin/typed-too-long", "Twenty digits are no PIN.", [pin,
                                                                    typed("48291653" * 2 + "4829")],
                refused("wrong_pin", "P1", NO))
    yield scene("pin/rests-after-ten", "The eleventh try is not looked at, right or wrong.",
                [pin, typed(OTHER_DIGITS, 10), typed(DIGITS)], refused("resting", "P5", NOT_NOW))
    yield scene("pin/opens-after-a-rest", "A quarter of an hour later one try is taken.",
                [pin, typed(OTHER_DIGITS, 10), wait(901), typed(DIGITS)], openings(1))
    yield scene("pin/phones-do-not-rest", "A spent keypad does not touch phones.",
                [pin, typed(OTHER_DIGITS, 10), visit(tenant_link(), YES)], openings(1))
    once = enrol(enrolled(enroller(), uses=1))
    yield scene("pin/one-time-pin-twice", "A PIN for one opening opens once.",
                [once, typed(DIGITS, 2)], refused("used_up", "R12", NO))
    friend = enrol(enrolled(link(OWNER, use=UNLOCK | ENROL), digits=OTHER_DIGITS, slot=4))
    between = [pin, friend]
    for _ in range(3):
        between += [typed("60718293", 3), typed(OTHER_DIGITS)]
    yield scene("pin/somebody-elses-right-pin-forgives-nothing",
                "Right PINs between the guesses: the guesses still add up.",
                [*between, typed("60718293"), typed(DIGITS)], refused("resting", "P5", NOT_NOW))


def _stale_pins() -> Iterator[Case]:
    """R8 at a keypad, where nobody can show a staple: the lock keeps the newest one."""
    stale = refused("too_stale", "R8", MORE)
    above = enroller(max_staleness=DAY, resident=ABSENT)
    leaf = enrolled(above, max_staleness=DAY)
    pin = enrol(leaf)

    def word(named: Link, result: str = "taken", at: int = NOW - HOUR) -> Fields:
        return deliver(STAPLE_KIND, staple(named, at), result)

    yield scene("pin/stale", "Nobody has vouched yet.", [pin, typed(DIGITS)], stale)
    yield scene("pin/fresh", "Somebody vouched for the PIN.", [pin, word(leaf), typed(DIGITS)],
                openings(1))
    yield scene("pin/fresh-by-the-key-above", "Somebody vouched for the key above, which asks too.",
                [pin, word(above), typed(DIGITS)], openings(1))
    yield scene("pin/stale-again", "The word was a day old a second ago.", [
        pin, word(leaf, at=NOW - DAY + 60), wait(62), typed(DIGITS)], stale)
    yield scene("pin/older-word-after-a-newer", "An older word takes nothing away.", [
        pin, word(leaf), word(leaf, "known", NOW - 2 * DAY), typed(DIGITS)], openings(1))
    yield scene("pin/word-from-tomorrow", "A word from the future is not kept.", [
        pin, word(leaf, "known", NOW + DAY), word(leaf), typed(DIGITS)], openings(1))
    yield scene("pin/word-for-another", "A word for somebody else's key.", [
        pin, word(tenant_link(), "known"), typed(DIGITS)], stale)
    calm = enroller()
    below = enrolled(calm, max_staleness=DAY)
    yield scene("pin/word-for-a-key-that-asks-for-none", "The PIN alone asks, so name the PIN.", [
        enrol(below), word(calm, "known"), typed(DIGITS)], stale)
    yield scene("pin/word-then-taken-back", "What was taken back is not refreshed.", [
        pin, word(leaf), deliver(REVOKE_KIND, revocation([(leaf.id, 0)], REVOKES), "taken"),
        typed(DIGITS)], refused("wrong_pin", "P3", NO))
    again = enrolled(above, version=2, max_staleness=DAY)
    yield scene("pin/word-for-the-one-before", "A new PIN in the slot begins without.", [
        pin, word(above), enrol(again), typed(DIGITS)], stale)


def _off_and_second() -> Iterator[Case]:
    rules = deliver(CONFIG_KIND, settings(pins=(INDEX, OFF, 20)), "taken")
    pin = enrol(enrolled(enroller()))
    neighbour = enrol(enrolled(link(OWNER, use=UNLOCK | ENROL), digits=OTHER_DIGITS, slot=4))
    wrong = typed("0360718293", 10)
    yield scene("pin/switched-off", "Ten wrong tries at one index switch its PIN off.",
                [rules, pin, wrong, typed("03" + DIGITS)], refused("pin_off", "P6", NO))
    yield scene("pin/neighbours-index-stays-on", "Tries are counted for each index.",
                [rules, pin, neighbour, wrong, typed("04" + OTHER_DIGITS)], openings(1))
    restore = visit(owner_link(), YES, command="restore", args={"1": 3},
                    command_id=drawn("restoring", 8))
    yield scene("pin/switched-on-again", "The owner switches it on again.",
                [rules, pin, wrong, restore, typed("03" + DIGITS)], openings(1))
    both = tenant_link(use=UNLOCK | ENROL, delegable=UNLOCK, factors=PIN)
    beside = enrolled(both, factors=PIN)
    yield scene("pin/beside-a-phone", "A key that asks for a PIN, and the PIN below that key.",
                [enrol(beside), visit(both, YES, pin=DIGITS)], openings(1))
    yield scene("pin/alone-for-a-key-that-asks-for-both", "The PIN alone is not both.",
                [enrol(beside), typed(DIGITS)], refused("needs_factor", "R9", MORE))
    yield scene("refusal/second-factor", "A PIN of somebody else beside the phone.",
                [pin, visit(both, NO, pin=DIGITS)], refused("second_factor", "P7", NO))
    yield scene("pin/wrong-beside-a-phone", "A wrong PIN beside the phone.",
                [enrol(beside), visit(both, NO, pin=OTHER_DIGITS)], refused("wrong_pin", "P3", NO))


def _takeovers() -> Iterator[Case]:
    args = cbor({1: STREET, 2: root(), 3: doors(), 4: NOW})

    def take_over(answer: str | None, **more: Any) -> Fields:  # noqa: ANN401 (more of a step)
        return {"do": "take_over", "args": args, "answer": answer} | more

    yield scene("commissioning/takes-over", "The code's secret, after the inside button.",
                [PRESS, take_over(YES)], openings(0), owned=False)
    yield scene("commissioning/without-the-inside-button", "Nobody is at the door.",
                [take_over(SILENCE)], silent(), owned=False)
    yield scene("commissioning/eleven-minutes-later", "The window has shut.",
                [PRESS, wait(601), take_over(SILENCE)], silent(), owned=False)
    yield scene("commissioning/with-another-secret", "Somebody has not seen the code.",
                [PRESS, take_over(SILENCE, secret=bytes(16))], silent(), owned=False)
    yield scene("commissioning/secret-used-again", "The secret counts once.",
                [PRESS, take_over(YES), PRESS, take_over(SILENCE)], silent(), owned=False)
    yield scene("refusal/not-commissioned", "A new lock does one thing only.",
                [PRESS, take_over(NO, command="unlock")], refused("not_commissioned", "Q5", NO),
                owned=False)
    yield scene("refusal/taken-over-already", "A lock that has its owner takes no other.",
                [visit(owner_link(), NO, command="commission")], refused("window_closed", "Q6", NO))
    demo = cbor({1: STREET, 2: root(demo=True), 3: doors(), 4: NOW})
    yield scene("commissioning/demo-at-a-simulated-door", "A simulated door serves a demo.",
                [PRESS, take_over(YES, args=demo)], openings(0), owned=False)
    yield scene("commissioning/demo-at-a-real-door", "A real door serves no demo.",
                [PRESS, take_over(NO, args=demo)], refused("bad_signature", "S14", NO), owned=False,
                real=True)
    newer = role_keys() | {0: [2, [Key("the site's next root").cose, PAPER.cose]]}
    coming = root(PAPER, Key("the site's next root"), version=2, roles=newer)
    yield scene("refusal/window-closed", "Paper alone needs the inside button.",
                [deliver(SITE_KIND, coming, "window_closed")], refused("window_closed", "S9", NO))
    yield scene("site/recovery-before-its-wait", "And a day of waiting.",
                [PRESS, deliver(SITE_KIND, coming, "window_closed"), wait(DAY - 60), PRESS,
                 deliver(SITE_KIND, coming, "window_closed")], refused("window_closed", "S9", NO))
    other = root(ROOT, PAPER, version=2)
    yield scene("site/recovery-ended-by-phone-and-paper", "Phone and paper together end the wait.",
                [PRESS, deliver(SITE_KIND, coming, "window_closed"),
                 deliver(SITE_KIND, other, "taken")], openings(0))


def _odd_documents() -> Iterator[Case]:
    """Documents that are refused for what the lock has already, or for how they came."""
    alone = enrolled(enroller())
    yield scene("enrolment/without-its-chain", "An enrolment comes with the chain above it.",
                [deliver(ENROL_KIND, alone.encoded, "malformed")], refused("malformed", "H1", BAD))
    yield scene("link/document-of-an-unknown-kind", "What is not known is not taken.",
                [deliver("mortice-map/1", doors(), "malformed")], refused("malformed", "A6", BAD))
    tenant, end = tenant_link(), NOW + DAY
    many = [
        deliver(REVOKE_KIND, revocation([(drawn(f"key {n} of {at}", 16), end) for n in range(128)],
                                        TENANT), "taken", chain=tenant.wire) for at in range(4)]
    more = deliver(REVOKE_KIND, revocation([(drawn("one more key", 16), end)], TENANT),
                   "storage_full", chain=tenant.wire)
    yield scene("revocation/more-than-a-holder-may-keep", "A tenant keeps 512 entries alive.",
                [*many, more], refused("storage_full", "V7", NOT_NOW))
    yield scene("revocation/more-than-a-lock-keeps", "A lock keeps 50,000 entries alive.", [
        {"do": "fill_revocations", "entries": 50_000},
        deliver(REVOKE_KIND, revocation([(drawn("one more key", 16), end)], REVOKES),
                "storage_full")], refused("storage_full", "V8", NOT_NOW))
    asks = visit(owner_link(), BAD, command="restore", args={"2": 1})
    yield scene("link/arguments-of-another-command", "Arguments are those of the command.", [asks],
                refused("malformed", "A7", BAD))
    yield scene("link/time-as-text", "A time is a number.",
                [visit(owner_link(), BAD, command="set_time", args={"1": "noon"})],
                refused("malformed", "A7", BAD))
    yield scene("time/set-by-the-owner", "The owner's phone sets the clock.",
                [visit(owner_link(), YES, command="set_time", args={"1": NOW + 60})], openings(0))


def _times() -> Iterator[Case]:
    leaf = owner_link()

    def tell(at: int, result: str, **more: Any) -> Fields:  # noqa: ANN401 (more of a step)
        return {"do": "tell_time", "chain": leaf.wire, "leaf": leaf.id, "holder": holder(OWNER),
                "at": at, "result": result} | more

    yield scene("time/told-in-a-conversation", "The owner's phone tells the time, for this nonce.",
                [tell(NOW + 7200, "taken")], openings(0))
    yield scene("time/told-below-the-floor", "Nobody goes below the floor.",
                [tell(NOW - DAY, "time_unsure")], refused("time_unsure", "T7", NOT_NOW))
    yield scene("time/told-half-a-minute-late", "A nonce is old after 30 seconds.",
                [tell(NOW + 60, "bad_signature", wait=31)], refused("bad_signature", "T6", NO))
    early = guest_link(tenant_link(), nbf=NOW + 3600, exp=NOW + 7200)
    yield scene("time/told-and-then-opened", "A key that starts in an hour, and an hour.", [
        visit(early, NOT_NOW), tell(NOW + 3600, "taken"),
        visit(early, YES, command_id=drawn("an hour later", 8))], openings(1))

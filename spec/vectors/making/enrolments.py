"""Credentials put on a door below a holder's own key (spec/enrolment.md). Checks H1 to H9."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import NO, Case, Fields, accepted, malformed, refused, untrusted
from making.case import NOW as NOT_NOW
from making.cast import (
    CELLAR,
    DAY,
    ENROL,
    ENROL_KIND,
    FRIEND,
    GUEST,
    HOLD_OPEN,
    LOCK,
    LOCK_KEY,
    NOW,
    OTHER_LOCK,
    REVOKES,
    SEALING_PUBLIC,
    STRANGER,
    TENANT,
    UNLOCK,
    Link,
    drawn,
    guest_link,
    link,
    standing,
    tenant_link,
)
from making.plain import Key, cbor, hpke_seal, public
from making.revocations import revocation
from making.settings import INDEX, REST, settings

PIN_KIND, CARD_KIND = 1, 2
DIGITS, OTHER_DIGITS = "48291653", "53027416"


def enroller(**fields: Any) -> Link:  # noqa: ANN401 (as `link`)
    """A tenant's phone, which may put a PIN on the door."""
    return tenant_link(**{"use": UNLOCK | LOCK | ENROL, "delegable": UNLOCK,
                          "max_life": 7 * DAY} | fields)


def sealed(above: Link, slot: int, digits: str, to: bytes = SEALING_PUBLIC) -> bytes:
    """A PIN sealed to the lock, and bound to who enrols it, below which link, in which slot."""
    info = cbor(["mortice-pin/1", above.holder.id, above.id, slot])
    return hpke_seal(digits.encode(), to, drawn(f"ephemeral for {digits} in {slot}"), info)


def enrolled(
    above: Link, *, digits: str = DIGITS, slot: int = 3, version: int = 1, kind: int = PIN_KIND,
    body: bytes | None = None, to: Key = LOCK_KEY, **fields: Any,  # noqa: ANN401 (as `link`)
) -> Link:
    """An enrolment below `above`."""
    body = sealed(above, slot, digits) if body is None else body
    credential = {1: kind, 2: slot, 3: version, 4: body}
    return link(to, above, **{
        "use": UNLOCK, "nbf": NOW - DAY, "exp": NOW + DAY, "credential": credential} | fields)


def case(
    name: str, shows: str, leaf: Link, expected: Fields, **more: Any,  # noqa: ANN401 (more input)
) -> Case:
    given = standing() | {"chain": leaf.wire} | more
    return Case(f"enrolment/{name}", shows, "enrolment", given, expected)


def good(name: str, shows: str, leaf: Link, slot: int = 3, **more: Any) -> Case:  # noqa: ANN401
    return case(name, shows, leaf, accepted(leaf=leaf.id, slot=slot, version=1, pin=DIGITS), **more)


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _shapes()
    yield from _chains()
    yield from _pins()
    yield from _slots()


def _good() -> Iterator[Case]:
    yield good("a-pin", "A tenant puts a PIN on the door.", enrolled(enroller()))
    yield good("a-pin-that-locks", "A credential may lock, as its holder may.",
               enrolled(enroller(), use=UNLOCK | LOCK))
    passed = link(GUEST, enroller(delegable=UNLOCK | ENROL), use=UNLOCK | ENROL, nbf=NOW - DAY,
                  exp=NOW + DAY)
    yield good("a-pin-of-a-guest", "A guest's PIN, where the tenant may hand that on.",
               enrolled(passed))


def _shapes() -> Iterator[Case]:
    above = enroller()

    def shape(name: str, check: str, shows: str, **changed: Any) -> Case:  # noqa: ANN401
        return case(name, shows, enrolled(above, **changed), malformed(check))

    whole = {1: PIN_KIND, 2: 3, 3: 1, 4: b"sealed"}
    yield shape("kind-unknown", "G6", "There are four kinds of credential.",
                credential=whole | {1: 5})
    yield shape("slot-2000", "G6", "A door has 2,000 slots.", credential=whole | {2: 2000})
    yield shape("version-0", "G6", "Versions begin at 1.", credential=whole | {3: 0})
    yield shape("sealed-empty", "G6", "A credential has a secret.", credential=whole | {4: b""})
    yield shape("sealed-of-513-bytes", "G6", "512 bytes are the most.",
                credential=whole | {4: bytes(513)})
    yield shape("credential-with-more", "G6", "What is not known is not passed over.",
                credential=whole | {5: 1})
    yield shape("enrolment-that-passes-on", "G9", "An enrolment is the last link.", depth=1)
    yield shape("enrolment-that-hands-on", "G9", "An enrolment is the last link.", delegable=UNLOCK)
    bare = link(LOCK_KEY, above, use=UNLOCK, nbf=NOW - DAY, exp=NOW + DAY, kind=ENROL_KIND)
    yield case("enrolment-without-credential", "An enrolment names a credential.", bare,
               malformed("G9"))
    alone = link(LOCK_KEY, use=UNLOCK, credential=whole)
    yield case("enrolment-by-the-site", "Below nobody's key there is nobody's PIN.", alone,
               malformed("G9"))


def _chains() -> Iterator[Case]:
    above = enroller()

    def wrong(name: str, check: str, shows: str, leaf: Link) -> Case:
        return case(name, shows, leaf, untrusted(check))

    yield wrong("for-another-lock", "H2", "An enrolment is for one lock.",
                enrolled(above, to=OTHER_LOCK))
    yield wrong("that-holds-open", "H3", "A keypad asks to lock or unlock.",
                enrolled(enroller(use=UNLOCK | ENROL | HOLD_OPEN), use=UNLOCK | HOLD_OPEN))
    yield wrong("without-the-right-to-enrol", "H7", "A guest puts nothing on the door.",
                enrolled(guest_link(enroller())))
    yield wrong("below-a-link-that-may-not-hand-it-on", "C9",
                "The tenant may not hand that right on.",
                enrolled(link(GUEST, enroller(), use=UNLOCK | ENROL, nbf=NOW - DAY, exp=NOW + DAY)))
    yield wrong("with-a-right-of-nobodys", "C9", "A PIN does no more than its holder.",
                enrolled(enroller(use=UNLOCK | ENROL), use=UNLOCK | LOCK))
    yield wrong("at-another-door", "C8", "A door that the key has not.",
                enrolled(above, doors=[CELLAR]))
    yield wrong("that-lives-too-long", "C12", "A PIN lives no longer than a key passed on.",
                enrolled(above, exp=NOW + 7 * DAY))
    yield wrong("signed-by-somebody-else", "K8", "The holder of the key enrols, and nobody else.",
                enrolled(above, signer=FRIEND))
    yield wrong("below-a-strangers-key", "C5", "Below a key of this site.",
                enrolled(link(STRANGER, signer=STRANGER, use=UNLOCK | ENROL)))


def _pins() -> Iterator[Case]:
    above = enroller()
    yield case("weak-pin", "A PIN that people guess first is not taken.",
               enrolled(above, digits="12345678"), malformed("H5"))
    yield case("pin-of-five-digits", "Six digits at least.", enrolled(above, digits="48291"),
               malformed("P1"))
    yield case("pin-of-letters", "Digits only.", enrolled(above, digits="4829165a"),
               malformed("P1"))
    wrong = untrusted("H6")
    yield case("sealed-for-another-lock", "Only this lock can open it.", enrolled(
        above, body=sealed(above, 3, DIGITS, public(drawn("another lock's sealing key")))), wrong)
    yield case("sealed-for-another-slot", "A sealed PIN cannot be moved to another slot.",
               enrolled(above, body=sealed(above, 4, DIGITS)), wrong)
    other = enroller(about={1: "another key of the same phone"})
    yield case("sealed-below-another-key", "A sealed PIN cannot be moved below another key.",
               enrolled(above, body=sealed(other, 3, DIGITS)), wrong)
    yield case("not-sealed", "A PIN never travels in the clear.",
               enrolled(above, body=DIGITS.encode()), wrong)


def _slots() -> Iterator[Case]:
    """What the lock already has on the door, in the order in which it came."""
    above, friend = enroller(), link(FRIEND, use=UNLOCK | ENROL)
    first = enrolled(above)
    second = enrolled(above, digits=OTHER_DIGITS, version=2)

    def before(*leaves: Link) -> list[Any]:
        return [leaf.wire for leaf in leaves]

    yield case("older-than-the-slot", "A slot's version only rises.", first,
               refused("stale_document", "H4", NO), enrolled=before(second))
    yield case("as-old-as-the-slot", "A version has one content.",
               enrolled(above, digits=OTHER_DIGITS), refused("stale_document", "H4", NO),
               enrolled=before(first))
    yield case("newer-than-the-slot", "A holder replaces the own PIN.", second,
               accepted(leaf=second.id, slot=3, version=2,
                        pin=OTHER_DIGITS), enrolled=before(first))
    yield case("slot-of-somebody-else", "Nobody takes a neighbour's slot.",
               enrolled(friend, digits=OTHER_DIGITS, version=2), refused("no_right", "H9", NO),
               enrolled=before(first))
    yield case("pin-of-somebody-else", "Two people have two PINs; finding out costs a try.",
               enrolled(friend, slot=4), refused("wrong_pin", "P9", NO), enrolled=before(first))
    yield case("a-card", "This door has no reader for cards.",
               enrolled(above, kind=CARD_KIND, body=b"card"), refused("no_right", "H8", NO))
    taken_back = [{"document": revocation([(TENANT.id, 0)], REVOKES)}]
    yield case("below-a-key-taken-back", "A key that was taken back enrols nothing.", first,
               refused("revoked", "R2", NO), revoked=taken_back)
    one = settings(pins=(0, REST, 1))
    yield case("more-than-the-door-takes", "The owner says how many PINs there may be.",
               enrolled(friend, digits=OTHER_DIGITS, slot=4), refused("storage_full", "P8",
                                                                      NOT_NOW),
               enrolled=before(first), settings=one)
    yield case("too-short-for-the-door",
               "Six digits are guessed too soon at a door that only rests.",
               enrolled(above, digits="482916"), refused("no_right", "P8", NO))
    many = settings(pins=(INDEX, REST, 100))
    yield case("slot-that-is-no-index", "With an index, slots have two digits.",
               enrolled(above, slot=100), refused("no_right", "P10", NO),
               settings=many)

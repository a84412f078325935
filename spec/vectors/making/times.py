"""Staples, attested time, and the clock (spec/time.md). Checks T1 to T10."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import (
    AUD,
    DAY,
    FIRM,
    GRANTS,
    IAT,
    LIMITS,
    LOCK_KEY,
    NOW,
    OTHER_LOCK,
    OTHER_SITE,
    OWNER,
    REFRESH,
    REFRESHES,
    SITE,
    STAPLE_KIND,
    STRANGER,
    TENANT,
    TIME_KIND,
    TIMES,
    Link,
    drawn,
    link,
    owner_link,
    standing,
    tenant_link,
)
from making.plain import Key, sign

HOLDOVER, FORWARD = 90 * DAY, 900
NONCE = drawn("a conversation's handshake hash")
LEAF = drawn("a leaf", 16)


def staple(
    signer: Key, *, at: Any = NOW, leaf: bytes = LEAF, site: bytes = SITE,  # noqa: ANN401
    limits: dict[Any, Any] | None = None,
) -> bytes:
    payload = {AUD: site, IAT: at, LIMITS: {1: leaf} | (limits or {})}
    return sign(STAPLE_KIND, payload, signer).encoded


def told(
    signer: Key, *, at: Any = NOW, lock: bytes = LOCK_KEY.id, nonce: bytes = NONCE,  # noqa: ANN401
    site: bytes = SITE, limits: dict[Any, Any] | None = None,
) -> bytes:
    payload = {AUD: site, IAT: at, LIMITS: {1: lock, 2: nonce} | (limits or {})}
    return sign(TIME_KIND, payload, signer).encoded


def cases() -> Iterator[Case]:
    yield from _staples()
    yield from _attestations()
    yield from _words()
    yield from _clocks()
    yield from _starts()


def _staples() -> Iterator[Case]:
    def case(
        name: str, shows: str, document: bytes, expected: Fields, chain: Link | None = None,
    ) -> Case:
        given = standing() | {"document": document}
        given |= {} if chain is None else {"chain": chain.wire}
        return Case(f"time/staple-{name}", shows, "staple", given, expected)

    good = accepted(leaf=LEAF, at=NOW)
    yield case("by-the-refresh-role", "The hub vouches, under its one role.", staple(REFRESHES),
               good)
    courier = link(FIRM, use=REFRESH)
    yield case("by-a-courier", "A holder with the right vouches.", staple(FIRM), good, courier)
    for name, document in (
            ("of-a-leaf-of-15-bytes", staple(REFRESHES, leaf=LEAF[:15])),
            ("with-an-unknown-limit", staple(REFRESHES, limits={2: 1})),
            ("without-a-time", sign(STAPLE_KIND, {AUD: SITE, LIMITS: {1: LEAF}},
                                    REFRESHES).encoded),
            ("with-a-negative-time", staple(REFRESHES, at=-1))):
        yield case(name, "A staple names a leaf and a time, and nothing else.", document,
                   malformed("T1"))
    shown = link(TENANT, signer=REFRESHES)
    yield case("that-is-a-link", "The kind is signed, so a link is no staple.", shown.encoded,
               untrusted("K8"))
    yield case("for-another-site", "A staple is of one site.",
               staple(REFRESHES, site=OTHER_SITE), untrusted("T2"))
    yield case("by-a-stranger", "A stranger vouches for nobody.", staple(STRANGER), untrusted("T3"))
    yield case("by-the-time-role", "Each role signs its own kind and no other.", staple(TIMES),
               untrusted("T3"))
    yield case("without-the-right", "A tenant vouches for nobody.", staple(TENANT), untrusted("T3"),
               tenant_link())
    yield case("with-somebody-elses-chain", "The holder of the key shown signs.", staple(TENANT),
               untrusted("D7"), owner_link())


def _attestations() -> Iterator[Case]:
    def case(
        name: str, shows: str, document: bytes, expected: Fields, chain: Link | None = None,
    ) -> Case:
        given = standing() | {"document": document, "nonce": NONCE}
        given |= {} if chain is None else {"chain": chain.wire}
        return Case(f"time/told-{name}", shows, "attestation", given, expected)

    yield case("by-the-time-role", "The hub tells the time, under its one role.", told(TIMES),
               accepted(at=NOW, by_owner=False))
    yield case("by-the-owners-phone", "A holder with the right tells the time.", told(OWNER),
               accepted(at=NOW, by_owner=True), owner_link())
    for name, document in (
            ("with-a-nonce-of-31-bytes", told(TIMES, nonce=NONCE[:31])),
            ("with-an-unknown-limit", told(TIMES, limits={3: 1})),
            ("beyond-the-year-6325", told(TIMES, at=(1 << 37) + 1)),
            ("before-1970", told(TIMES, at=-1)),
            ("as-text", told(TIMES, at="noon"))):
        yield case(name, "An attestation names a lock, a nonce and a time.", document,
                   malformed("T4"))
    yield case("for-another-site", "An attestation is of one site.", told(TIMES, site=OTHER_SITE),
               untrusted("T2"))
    yield case("by-a-stranger", "A stranger tells no time.", told(STRANGER), untrusted("T3"))
    yield case("by-the-grant-role", "Each role signs its own kind and no other.", told(GRANTS),
               untrusted("T3"))
    yield case("without-the-right", "A tenant tells no time.", told(TENANT), untrusted("T3"),
               tenant_link())
    yield case("to-another-lock", "An attestation is for one lock.", told(TIMES,
                                                                          lock=OTHER_LOCK.id),
               untrusted("T5"))
    yield case("for-another-nonce", "An old attestation is worth nothing.",
               told(TIMES, nonce=drawn("another conversation's")), untrusted("T6"))


def clock(at: int = NOW, **changed: Any) -> Fields:  # noqa: ANN401 (any field of a clock)
    """A clock at its anchor: told the time an hour ago by the owner, and sure."""
    return {"floor": at - DAY, "at": at, "attested_at": at - 3600, "sure": True,
            "forward": 0} | changed


def _words() -> Iterator[Case]:
    """When two sources confirm each other (T11)."""
    one, other = TIMES.id, drawn("another hub's key", 16)
    yes, no = accepted(confirmed=True), accepted(confirmed=False)

    def case(
        name: str, shows: str, expected: Fields, at: int = NOW, count: float = 1000.0, *,
        by: bytes = other,
    ) -> Case:
        earlier = {"key": one, "at": NOW, "count": 1000.0}
        given = {"earlier": earlier, "word": {"key": by, "at": at, "count": count}}
        return Case(f"time/words-{name}", shows, "confirm", given, expected)

    yield case("agree", "Two keys, the same second.", yes)
    yield case("by-one-key", "A hub that says it twice is still one.", no, by=one)
    yield case("agree-ten-minutes-later", "The lock has counted on between them.", yes,
               NOW + 600, 1600.0)
    yield case("eleven-minutes-apart", "The first word has faded.", no, NOW + 601, 1601.0)
    yield case("a-minute-apart", "Each may be half a minute old.", yes, NOW + 60)
    yield case("a-minute-apart-the-other-way", "Each may be half a minute old.", yes, NOW - 60)
    yield case("more-than-a-minute-apart", "They say different things.", no, NOW + 61)
    yield case("the-same-second-later", "The second did not count on.", no, NOW, 1100.0)


def _clocks() -> Iterator[Case]:
    """What a clock makes of a time that it is told (T7, T9, T10)."""
    def case(
        name: str, shows: str, now: Fields, at: int, expected: Fields, *, by_owner: bool = False,
    ) -> Case:
        given = {"clock": now, "told": at, "by_owner": by_owner}
        return Case(f"time/clock-{name}", shows, "clock", given, expected)

    no = accepted(taken=False)

    def yes(at: int, floor: int, forward: int = 0) -> Fields:
        return accepted(taken=True, at=at, floor=floor, state="synced", forward=forward)

    yield case("a-minute-on-by-the-hub", "The hub nudges a sure clock.", clock(), NOW + 60,
               yes(NOW + 60, NOW, 60))
    yield case("a-minute-back-by-the-hub", "Going back uses the same allowance.", clock(), NOW - 60,
               yes(NOW - 60, NOW - 60, 60))
    yield case("fifteen-minutes-on-by-the-hub", "The whole allowance at once.", clock(),
               NOW + FORWARD, yes(NOW + FORWARD, NOW, FORWARD))
    yield case("a-second-too-far-by-the-hub", "The hub alone moves the clock no further.", clock(),
               NOW + FORWARD + 1, no)
    yield case("a-second-with-no-allowance-left", "Small steps add up.", clock(forward=FORWARD),
               NOW + 1, no)
    yield case("two-hours-on-by-the-hub", "T7 of the attacks: the hub is two hours ahead.", clock(),
               NOW + 7200, no)
    yield case("two-hours-on-by-the-owner", "The owner sets any time above the floor.", clock(),
               NOW + 7200, yes(NOW + 7200, NOW + 7200), by_owner=True)
    yield case("the-owner-gives-a-new-allowance", "The owner's word starts the allowance anew.",
               clock(forward=FORWARD), NOW + 1, yes(NOW + 1, NOW + 1), by_owner=True)
    yield case("below-the-floor-by-the-owner", "Nobody goes below the floor.", clock(),
               NOW - DAY - 1, no, by_owner=True)
    yield case("beyond-the-last-time", "Times stay where every calendar counts.", clock(), 1 << 37,
               no,
               by_owner=True)
    unsure = clock(sure=False)
    yield case("unsure-and-told-by-the-hub", "The hub alone never ends being unsure.", unsure, NOW,
               no)
    yield case("unsure-and-told-by-the-owner", "The owner does.", unsure, NOW, yes(NOW, NOW),
               by_owner=True)
    long_ago = clock(attested_at=NOW - HOLDOVER - 1)
    yield case("untold-for-too-long", "After three months without news a clock is unsure.",
               long_ago,
               NOW, no)


def _starts() -> Iterator[Case]:
    """What a clock makes of the board's own clock after a power cut (T8)."""
    kept = clock()

    def case(name: str, shows: str, board: int, state: str, at: int, now: Fields = kept) -> Case:
        return Case(f"time/start-{name}", shows, "start", {"clock": now, "board": board},
                    accepted(state=state, at=at))

    yield case("a-minute-later", "The board's clock ran on.", NOW + 60, "synced", NOW + 60)
    yield case("three-days-later", "The board's clock ran on, untold for days.", NOW + 3 * DAY,
               "holdover", NOW + 3 * DAY)
    yield case("a-day-back", "The board's clock went below the floor.", NOW - DAY - 1, "unsure",
               NOW - DAY)
    yield case("at-the-floor", "At the floor it has not gone below.", NOW - DAY, "synced",
               NOW - DAY)
    yield case("in-the-year-2000", "A board clock without a battery begins anew.", 946_684_800,
               "unsure", NOW - DAY)
    yield case("too-long-after", "No board clock is believed for three months.",
               NOW + HOLDOVER, "unsure", NOW - DAY)
    yield case("unsure-before", "A start makes nobody sure.", NOW + 60, "unsure", NOW - DAY,
               clock(sure=False))

"""May this key do this, at this door, now? (spec/decision.md). Rules R1 to R17."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from making.case import MORE, NO, Case, Fields, refused
from making.case import NOW as NOT_NOW
from making.cast import (
    ABSENT,
    AGENT,
    ANNEXE,
    CLAIM,
    DAY,
    ENGINEER,
    FILE,
    FIRM,
    FRIEND,
    GUEST,
    HOLD_OPEN,
    HOUR,
    LOCK,
    NOW,
    PASSKEY,
    PASSKEY_OF_BROWSER,
    PERSON,
    PIN,
    REFRESH,
    REFRESHES,
    REVOKES,
    SITE,
    STAPLE_KIND,
    TENANT,
    TOUCH,
    UNLOCK,
    VIEW_LOG,
    YEAR,
    ZONE,
    Link,
    agent_link,
    guest_link,
    holder,
    link,
    owner_link,
    passkey_field,
    standing,
    tenant_link,
    utc,
)
from making.plain import Key, sign
from making.revocations import revocation

DRAWN, THROWN = "drawn", "thrown"


def facts(**more: Any) -> Fields:  # noqa: ANN401 (any fact)
    """What is so at the moment of the decision; what is left out is not so."""
    now = {"at": NOW, "floor": NOW - DAY, "state": "synced"} | more.pop("now", {})
    return {"now": now} | more


def case(
    name: str, shows: str, leaf: Link, expected: Fields, *, command: str = "unlock",
    until: int | None = None, **more: Any,  # noqa: ANN401 (as `facts`)
) -> Case:
    given = standing() | {"chain": leaf.wire, "holder": holder(leaf.holder), "command": command}
    given |= {} if until is None else {"until": until}
    given |= {"passkey": holder(PASSKEY_OF_BROWSER)} if "passkey" in more.get("shown", ()) else {}
    return Case(f"decision/{name}", shows, "decision", given | {"facts": facts(**more)}, expected)


def granted(
    towards: str | None = DRAWN, *counts: Fields, until: int | None = None) -> Fields:
    """`until`: the door is held open, and its lock says until when."""
    held = {} if until is None else {"until": until}
    return {"class": "granted", "value": {"towards": towards, "counts": list(counts)} | held}


def count(kind: str, counted: Link, leaf: Link, at: int = NOW, end: int | None = None) -> Fields:
    """What an opening leaves behind: against which link, by which leaf, on which day."""
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(ZONE)).date()
    day = (local - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    return {"kind": kind, "link": counted.id, "leaf": leaf.id, "day": day, "expires": end}


def staple(leaf: Link, at: int = NOW - HOUR, signer: Key = REFRESHES) -> bytes:
    """A fresh word for `leaf`."""
    return sign(STAPLE_KIND, {3: SITE, 6: at, -65537: {1: leaf.id}}, signer).encoded


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _doors_and_revocation()
    yield from _rights_and_clock()
    yield from _windows()
    yield from _staples()
    yield from _factors()
    yield from _people()
    yield from _counts()
    yield from _state_of_the_lock()
    yield from _holding()
    yield from _opening_hours()
    yield from _no_opening()


def _good() -> Iterator[Case]:
    tenant = tenant_link()
    yield case("unlocks", "An unlock draws the bolt.", tenant, granted())
    yield case("locks", "A lock throws the bolt.", tenant, granted(THROWN), command="lock")
    yield case("asks-for-status", "Any live key for the door may ask how it stands.",
               link(GUEST, use=VIEW_LOG), granted(None), command="status")
    yield case("passed-on", "A guest's key, below a tenant's.", guest_link(tenant), granted())


def _doors_and_revocation() -> Iterator[Case]:
    tenant = tenant_link()
    guest, other = guest_link(tenant), agent_link(hours=ABSENT)
    yield case("for-another-door", "The key names the annexe only.", link(TENANT, doors=[ANNEXE]),
               refused("wrong_door", "R1", NO))
    taken_back = refused("revoked", "R2", NO)
    by_site = [{"document": revocation([(guest.id, NOW + DAY)], REVOKES)}]
    yield case("taken-back-by-the-site", "The site took back this very link.", guest, taken_back,
               revoked=by_site)
    by_key = [{"document": revocation([(GUEST.id, 0)], REVOKES)}]
    yield case("holder-taken-back", "The site took back every key of a phone.", guest, taken_back,
               revoked=by_key)
    above = [{"document": revocation([(tenant.id, 0)], REVOKES)}]
    yield case("taken-back-above", "Whoever passed it on has no key any more.", guest, taken_back,
               revoked=above)
    by_tenant = [{"document": revocation([(guest.id, NOW + DAY)], TENANT), "chain": tenant.wire}]
    yield case("taken-back-by-who-passed-it-on", "A tenant takes back a guest's key.", guest,
               taken_back, revoked=by_tenant)
    by_agent = [{"document": revocation([(guest.id, 0)], AGENT), "chain": other.wire}]
    yield case("taken-back-by-somebody-else", "An agent has no say over a tenant's guest.", guest,
               granted(), revoked=by_agent)
    own = [{"document": revocation([(tenant.id, 0)], TENANT), "chain": tenant.wire}]
    yield case("taken-back-by-its-own-holder", "A holder's word counts below the own link only.",
               tenant, granted(), revoked=own)
    yield case("sibling-taken-back", "Another guest's key was taken back.", guest, granted(),
               revoked=[{"document": revocation([(guest_link(tenant, about={1: "x"}).id, 0)],
                                                REVOKES)}])


def _rights_and_clock() -> Iterator[Case]:
    no = refused("no_right", "R3", NO)
    yield case("may-only-lock", "The key locks and does not unlock.", link(TENANT, use=LOCK), no)
    yield case("may-not-lock", "The key unlocks and does not lock.", link(TENANT, use=UNLOCK), no,
               command="lock")
    yield case("may-not-hold-open", "Holding open is a right of its own.", tenant_link(), no,
               command="hold_open", until=NOW + HOUR)
    yield case("claim-key-opens-nothing", "A claim key hands on what it may not do.",
               link(CLAIM, klass=FILE, use=0, delegable=UNLOCK, depth=1), no)
    unsure = {"state": "unsure"}
    yield case("clock-unsure-and-key-with-end", "A clock that is not known judges no end.",
               link(GUEST, exp=NOW + DAY), refused("time_unsure", "R4", NOT_NOW), now=unsure)
    yield case("clock-unsure-and-key-with-hours", "Nor any hours, not even a resident's.",
               tenant_link(hours=[[127, 0, 1440]]), refused("time_unsure", "R4", NOT_NOW),
               now=unsure)
    yield case("clock-unsure-and-key-that-goes-stale", "Nor how fresh a word is.",
               link(GUEST, max_staleness=YEAR), refused("time_unsure", "R4", NOT_NOW), now=unsure)
    yield case("clock-unsure-and-guest-of-a-resident", "Nor an end further down.",
               guest_link(tenant_link()), refused("time_unsure", "R4", NOT_NOW), now=unsure)
    yield case("clock-unsure-and-key-without-times", "A key without times needs no clock.",
               owner_link(), granted(), now=unsure)
    yield case("clock-unsure-and-resident-with-end", "A resident is judged by the floor.",
               tenant_link(exp=NOW - DAY + 1, max_life=ABSENT), granted(), now=unsure)
    yield case("clock-unsure-and-resident-ended", "What ended before the floor has ended.",
               tenant_link(exp=NOW - DAY, max_life=ABSENT), refused("ended", "R6", NOT_NOW),
               now=unsure)
    yield case("clock-in-holdover", "Weeks without news, the clock still counts.",
               guest_link(tenant_link()), granted(), now={"state": "holdover"})


def _windows() -> Iterator[Case]:
    tenant = tenant_link()
    yield case("a-second-early", "A key starts at its start.", guest_link(tenant, nbf=NOW + 1),
               refused("not_yet", "R5", NOT_NOW))
    yield case("at-its-start", "The first second counts.", guest_link(tenant, nbf=NOW), granted())
    yield case("a-second-late", "A key has ended at its end.", guest_link(tenant, exp=NOW),
               refused("ended", "R6", NOT_NOW))
    yield case("in-its-last-second", "The second before the end counts.",
               guest_link(tenant, exp=NOW + 1), granted())
    weekdays = link(AGENT, hours=[[31, 540, 660]])
    closed = refused("outside_hours", "R7", NOT_NOW)
    at = NOW - HOUR - HOUR  # 9:00 at the door
    yield case("a-second-before-hours", "Hours are on the door's own clock.", weekdays, closed,
               now={"at": at - 1, "floor": at - DAY})
    yield case("first-second-of-hours", "Hours start at their first minute.", weekdays, granted(),
               now={"at": at})
    yield case("last-second-of-hours", "Hours end before their end.", weekdays, granted(),
               now={"at": NOW - 1})
    yield case("a-second-after-hours", "Eleven o'clock is outside nine to eleven.", weekdays,
               closed)
    for year, at in (("2038", 1 << 31), ("2106", 1 << 32)):
        long = link(GUEST, nbf=at - 1, exp=at + 1)
        then = {"at": at, "floor": at - DAY}
        yield case(f"in-{year}", "A count of seconds that outgrows 31 or 32 bits.", long, granted(),
                   now=then)
        yield case(f"ended-in-{year}", "Nor does an end come round again.", link(GUEST, exp=at),
                   refused("ended", "R6", NOT_NOW), now=then)
    yield case("on-no-day", "Hours on no day admit nobody.", link(AGENT, hours=[[0, 0, 1440]]),
               closed)
    yield case("hours-of-a-link-above", "The hours of every link count.",
               guest_link(link(AGENT, delegable=UNLOCK, depth=1, hours=[[31, 540, 660]]),
                          hours=[[31, 540, 660]]), closed)


def _staples() -> Iterator[Case]:
    """R8. A staple that cannot be trusted is no staple."""
    leaf, stale = link(GUEST, max_staleness=DAY), refused("too_stale", "R8", MORE)
    fresh = {"document": staple(leaf)}
    yield case("fresh", "A word of an hour ago, where a day is allowed.", leaf, granted(),
               staple=fresh)
    yield case("without-a-staple", "The key asks for a fresh word, and none is shown.", leaf, stale)
    yield case("staple-a-second-too-old", "A day and a second ago.", leaf, stale,
               staple={"document": staple(leaf, NOW - DAY - 1)})
    yield case("staple-a-day-old", "A day ago, to the second.", leaf, granted(),
               staple={"document": staple(leaf, NOW - DAY)})
    yield case("staple-for-another-key", "A staple names one leaf.", leaf, stale,
               staple={"document": staple(tenant_link())})
    yield case("staple-from-tomorrow", "A staple from the future vouches for nothing.", leaf, stale,
               staple={"document": staple(leaf, NOW + 901)})
    yield case("staple-by-a-stranger", "A stranger vouches for nobody.", leaf, stale,
               staple={"document": staple(leaf, signer=FRIEND)})
    courier = link(FIRM, use=REFRESH, exp=NOW + DAY)
    by_courier = {"document": staple(leaf, signer=FIRM), "chain": courier.wire}
    yield case("staple-by-a-courier", "A holder with the right to refresh vouches.", leaf,
               granted(),
               staple=by_courier)
    no_right = link(FIRM, use=UNLOCK)
    yield case("staple-without-the-right", "A holder without the right vouches for nobody.", leaf,
               stale, staple={"document": staple(leaf, signer=FIRM), "chain": no_right.wire})
    yield case("staple-by-a-courier-taken-back", "Whoever vouches has a live key to do so.", leaf,
               stale, staple=by_courier,
               revoked=[{"document": revocation([(courier.id, 0)], REVOKES)}])
    elsewhere = link(FIRM, use=REFRESH, doors=[ANNEXE])
    yield case("staple-by-a-courier-of-another-door", "Whoever vouches has a key to this door.",
               leaf, stale,
               staple={"document": staple(leaf, signer=FIRM), "chain": elsewhere.wire})
    over = link(FIRM, use=REFRESH, exp=NOW)
    yield case("staple-by-a-courier-whose-key-ended", "Whoever vouches has a live key to do so.",
               leaf, stale, staple={"document": staple(leaf, signer=FIRM), "chain": over.wire})


def _factors() -> Iterator[Case]:
    more = refused("needs_factor", "R9", MORE)
    touch = link(GUEST, factors=TOUCH)
    yield case("without-a-touch", "The key asks for a touch at the door.", touch, more)
    yield case("with-a-touch", "Somebody touched the keypad.", touch, granted(), shown=["touch"])
    passkey = link(GUEST, factors=PASSKEY, passkey=passkey_field())
    yield case("without-a-passkey", "The key asks for a passkey.", passkey, more)
    yield case("with-a-passkey", "The passkey touched for this command.", passkey, granted(),
               shown=["passkey"])
    both = link(GUEST, factors=PASSKEY | TOUCH, passkey=passkey_field())
    yield case("with-one-of-two-factors", "One of two is not both.", both, more, shown=["touch"])
    yield case("with-another-factor", "A touch is no PIN.", link(GUEST, factors=PIN), more,
               shown=["touch"])


def _people() -> Iterator[Case]:
    """R10: two people are two leaves below two different first links."""
    one, other = link(GUEST, factors=PERSON), link(FRIEND, factors=PERSON)
    alone = refused("needs_person", "R10", MORE)
    yield case("alone", "The key asks for two people.", one, alone)
    yield case("two-people", "Each shows a key of the site's own.", one, granted(),
               second=shown(other))
    shared = link(TENANT, delegable=UNLOCK, depth=1, factors=PERSON)
    yield case("two-keys-of-one-root", "Two guests of one tenant are one tenant's word.",
               guest_link(shared, factors=PERSON), alone,
               second=shown(link(FRIEND, shared, use=UNLOCK, factors=PERSON)))
    yield case("one-phone-twice", "Two first links for one phone are one person.", one, alone,
               second=shown(link(GUEST, factors=PERSON, about={1: "again"})))
    passed_on = link(FRIEND, link(GUEST, delegable=UNLOCK, depth=1, factors=PERSON, about={1: "b"}),
                     use=UNLOCK, factors=PERSON)
    yield case("one-person-and-a-key-of-their-own-giving",
               "Nobody is two by passing on a second key of one's own.",
               one, alone, second=shown(passed_on))
    yield case("second-person-taken-back", "The first of two had a key a moment ago.", one, alone,
               second=shown(other), revoked=[{"document": revocation([(other.id, 0)], REVOKES)}])


def shown(leaf: Link) -> Fields:
    """Another key that was shown here a moment ago."""
    return {"chain": leaf.wire, "holder": holder(leaf.holder)}


def _counts() -> Iterator[Case]:
    claim = link(CLAIM, klass=FILE, use=UNLOCK, delegable=UNLOCK, depth=1)
    mine, theirs = link(GUEST, claim, use=UNLOCK), link(FRIEND, claim, use=UNLOCK)
    spent = refused("used_up", "R11", NO)
    yield case("claims", "The first to use a claim key is kept.", mine,
               granted(DRAWN, count("claim", claim, mine)))
    yield case("claimed-by-another", "A claim key has one child.", mine, spent,
               claimed=[{"link": claim.id, "child": theirs.id}])
    yield case("claimed-already", "The device that claimed it may come again.", mine, granted(),
               claimed=[{"link": claim.id, "child": mine.id}])
    yield case("claim-key-itself-after-the-claim", "Once exchanged, a key file opens nothing.",
               claim,
               spent, claimed=[{"link": claim.id, "child": mine.id}])
    once, over = link(GUEST, uses=1, exp=NOW + DAY), refused("used_up", "R12", NO)
    yield case("used-once", "An opening is counted.", once,
               granted(DRAWN, count("uses", once, once, end=NOW + DAY)))
    yield case("used-twice", "Once is once.", once, over, uses=[{"link": once.id, "count": 1}])
    yield case("locking-is-not-counted", "Locking is no opening.", once, granted(THROWN),
               command="lock", uses=[{"link": once.id, "count": 1}])
    many = link(AGENT, delegable=UNLOCK, depth=1, uses=3)
    below = link(FIRM, many, use=UNLOCK, uses=2)
    yield case("counted-against-every-link", "An opening counts against each link with a number.",
               below, granted(DRAWN, count("uses", many, below), count("uses", below, below)))
    yield case("uses-spent-above", "Others have spent the agent's openings.", below, over,
               uses=[{"link": many.id, "count": 3}])
    yield from _quotas()


def _quotas() -> Iterator[Case]:
    agent = link(AGENT, delegable=UNLOCK, depth=1, quota=2)
    firm, engineer = link(FIRM, agent, use=UNLOCK), link(ENGINEER, agent, use=UNLOCK)
    guest = link(GUEST, agent, use=UNLOCK)
    full = [{"link": agent.id, "leaves": [firm.id, engineer.id]}]
    yield case("third-key-of-a-day", "Two keys a day below this link, and this is the third.",
               guest,
               refused("over_quota", "R13", NOT_NOW), leaves_today=full)
    yield case("second-key-of-a-day", "Two keys a day below this link.", guest,
               granted(DRAWN, count("quota", agent, guest)),
               leaves_today=[{"link": agent.id, "leaves": [firm.id]}])
    yield case("same-key-again-on-a-full-day", "A key counts once a day.", firm,
               granted(DRAWN, count("quota", agent, firm)), leaves_today=full)
    late = NOW + 13 * HOUR  # 2 June, 23:00 in UTC: midnight at the door, 3 June
    yield case("day-begins-at-the-door", "A day begins at midnight on the door's own clock.", guest,
               granted(DRAWN, count("quota", agent, guest, late)), now={"at": late})


def _state_of_the_lock() -> Iterator[Case]:
    tenant, guest = tenant_link(), guest_link(tenant_link(resident=ABSENT))
    low = refused("low_power", "R14", NOT_NOW)
    yield case("supply-too-low", "A motor that may stall half way is not started.", tenant, low,
               power_low=True)
    yield case("supply-too-low-to-lock", "Nor to lock.", tenant, low, command="lock",
               power_low=True)
    yield case("status-on-a-low-supply", "Asking costs little.", tenant, granted(None),
               command="status", power_low=True)
    yield case("log-full-and-a-guest", "The last entries are kept for residents.", guest,
               refused("storage_full", "R15", NOT_NOW), log_full=True)
    yield case("log-full-and-a-resident", "A resident is served from the reserve.", tenant,
               granted(),
               log_full=True)
    yield case("log-full-and-a-residents-guest", "A resident's guest is no resident.",
               guest_link(tenant), refused("storage_full", "R15", NOT_NOW), log_full=True)
    rested = refused("log_rolled_back", "R15", NOT_NOW)
    yield case("memory-put-back-and-a-counted-key", "Counts that went back count nothing.",
               link(GUEST, uses=1), rested, rolled_back=True)
    yield case("memory-put-back-and-a-quota", "Counts that went back count nothing.",
               link(GUEST, link(AGENT, delegable=UNLOCK, depth=1, quota=2), use=UNLOCK), rested,
               rolled_back=True)
    claim = link(CLAIM, klass=FILE, use=0, delegable=UNLOCK, depth=1)
    yield case("memory-put-back-and-a-claim-key", "Who claimed a key is a count as well.",
               link(GUEST, claim, use=UNLOCK), rested, rolled_back=True)
    yield case("memory-put-back-and-a-plain-key", "A key without counts still opens.", tenant,
               granted(), rolled_back=True)


def _holding() -> Iterator[Case]:
    key, no = link(TENANT, use=HOLD_OPEN, exp=NOW + DAY), refused("no_right", "R16", NO)

    def hold(name: str, shows: str, until: int | None, expected: Fields, leaf: Link = key) -> Case:
        return case(name, shows, leaf, expected, command="hold_open", until=until)

    yield hold("holds-open", "Open for an hour.", NOW + HOUR, granted(until=NOW + HOUR))
    yield hold("holds-open-for-twelve-hours", "The longest hold.", NOW + 12 * HOUR,
               granted(until=NOW + 12 * HOUR))
    yield hold("holds-open-without-end", "Holding open has an end.", None, no)
    yield hold("holds-open-too-long", "A second over twelve hours.", NOW + 12 * HOUR + 1, no)
    yield hold("holds-open-until-now", "An end lies ahead.", NOW, no)
    short = link(TENANT, use=HOLD_OPEN, exp=NOW + HOUR)
    yield hold("holds-open-beyond-the-key", "No hold outlives its key.", NOW + HOUR + 1, no, short)
    yield hold("holds-open-to-the-keys-end", "A hold may last as long as its key.", NOW + HOUR,
               granted(until=NOW + HOUR), short)


SHOP = [[31, 540, 1050]]  # Monday to Friday, 09:00 to 17:30
SHUT = NOW + 6 * HOUR + HOUR // 2  # 17:30 at the door


def opens_up(
    name: str, shows: str, leaf: Link, until: int | None, *, hours: Any = SHOP,  # noqa: ANN401
    command: str = "unlock", **more: Any,  # noqa: ANN401 (any fact)
) -> Case:
    """A door with opening hours, and until when its lock holds it open, if it does."""
    towards = THROWN if command == "lock" else DRAWN
    more.setdefault("shown", ["touch"])
    return case(name, shows, leaf, granted(towards, until=until), command=command,
                opening=hours, **more)


def keyholder(holder: Key = TENANT, above: Link | None = None, **terms: Any) -> Link:  # noqa: ANN401
    return link(holder, above, **{"use": UNLOCK | LOCK | HOLD_OPEN} | terms)


def _opening_hours() -> Iterator[Case]:
    """R17: who opens up, and until when."""
    key = keyholder()
    yield opens_up("opens-the-shop", "The first keyholder opens it until it closes.", key, SHUT)
    yield opens_up("opens-the-shop-in-its-first-second", "Hours begin with a minute's first.", key,
                   NOW + HOUR, hours=[[4, 660, 720]])
    yield opens_up("opens-the-shop-before-a-gap", "The shop shuts for lunch.", key, NOW + HOUR,
                   hours=[[31, 540, 720], [31, 780, 1050]])
    yield opens_up("opens-the-shop-over-windows-that-meet", "Windows that meet are one.", key,
                   SHUT, hours=[[31, 540, 720], [4, 720, 1050]])
    yield opens_up("opens-the-shop-for-longer-than-a-hold",
                   "The owner signed these hours, so a holder's 12 do not bind.", key,
                   NOW + 15 * HOUR, hours=[[127, 360, 1560]])
    yield opens_up("opens-a-shop-that-never-shuts", "A day at most.", key, NOW + DAY,
                   hours=[[127, 0, 1440]])
    yield opens_up("opens-the-shop-over-a-clock-change",
                   "From 20:00 on Saturday to 02:30 on Sunday, when one to two comes twice.", key,
                   utc(2027, 10, 31, 2) + HOUR // 2, hours=[[32, 1200, 1590]],
                   now={"at": utc(2027, 10, 30, 20), "floor": NOW})
    yield opens_up("opens-the-shop-to-the-keys-end", "No hold outlives its key.",
                   keyholder(exp=NOW + HOUR), NOW + HOUR)
    yield opens_up("opens-the-shop-to-the-end-of-the-keys-hours", "Nor its hours.",
                   keyholder(hours=[[31, 480, 780]]), NOW + 2 * HOUR)
    above = link(AGENT, delegable=UNLOCK | HOLD_OPEN, depth=1)
    yield opens_up("opens-the-shop-with-a-key-passed-on", "Whoever may hold may pass it on.",
                   keyholder(FIRM, above, use=UNLOCK | HOLD_OPEN), SHUT)
    one, other = keyholder(GUEST, factors=PERSON), keyholder(FRIEND, factors=PERSON)
    yield opens_up("opens-the-shop-by-two", "Two keyholders, where two are asked for.", one, SHUT,
                   second=shown(other))
    yield opens_up("opens-the-shop-in-holdover", "A clock that is still sure.", key, SHUT,
                   now={"state": "holdover"})


def _no_opening() -> Iterator[Case]:
    """R17: where a granted unlock opens the door once, and no more."""
    key = keyholder()
    yield opens_up("lets-staff-into-the-shop", "A key that may not hold open opens once.",
                   link(TENANT), None)
    above = link(AGENT, use=UNLOCK | HOLD_OPEN, delegable=UNLOCK, depth=1)
    yield opens_up("lets-in-below-a-keyholder", "What may not be handed on is not.",
                   link(GUEST, above, use=UNLOCK), None)
    yield opens_up("opens-no-shop-before-its-hours", "A second early.", key, None,
                   hours=[[31, 540, 1050]], now={"at": NOW - 2 * HOUR - 1})
    yield opens_up("opens-no-shop-at-its-end", "The end is not in the hours.", key, None,
                   now={"at": SHUT})
    yield opens_up("opens-no-shop-on-another-day", "Thursdays only.", key, None,
                   hours=[[8, 540, 1050]])
    yield opens_up("opens-no-shop-unsure-of-the-time", "Nobody knows whether it is open.", key,
                   None, now={"state": "unsure"})
    yield opens_up("opens-no-shop-that-is-held", "Somebody has opened up already.", key, None,
                   held=True)
    yield opens_up("opens-no-shop-from-away", "Nobody has touched the door.", key, None, shown=[])
    yield opens_up("locks-the-shop", "A keyholder who locks opens nothing.", key, None,
                   command="lock")
    one, other = keyholder(GUEST, factors=PERSON), link(FRIEND, factors=PERSON)
    yield opens_up("opens-no-shop-with-staff-for-a-second", "Both must be keyholders.", one, None,
                   second=shown(other))

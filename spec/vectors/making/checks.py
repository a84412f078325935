"""Records that a door was checked (spec/checked.md). Checks Y1 to Y5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, refused, untrusted
from making.cast import (
    ANNEXE,
    AUD,
    BROWSER,
    CHECKED_KIND,
    CONFIGURE,
    DAY,
    FIRM,
    GRANTS,
    IAT,
    LIMITS,
    NOW,
    OTHER_SITE,
    OWNER,
    SITE,
    STRANGER,
    STREET,
    TENANT,
    WEB,
    Link,
    link,
    owner_link,
    standing,
    tenant_link,
)
from making.plain import Key, drawn, sign
from making.refusals import deliver, openings, scene

REPORT = drawn("the installer's report")
AHEAD = 900  # seconds that a signer's clock may be before the lock's


def record(
    signer: Key = GRANTS, *, door: Any = STREET, at: Any = NOW, report: Any = REPORT,  # noqa: ANN401
    passed: int = 30, failed: int = 0, site: bytes = SITE, more: Fields | None = None,
) -> bytes:
    """`more` limits win over the others. Right or wrong."""
    limits = {1: door, 2: report, 3: passed, 4: failed} | (more or {})
    return sign(CHECKED_KIND, {AUD: site, IAT: at, LIMITS: limits}, signer).encoded


def installer_link(**fields: Any) -> Link:  # noqa: ANN401 (as `link`)
    """The firm that fits the lock: may set this door up, for a month, and opens nothing."""
    return link(FIRM, **{
        "use": CONFIGURE, "nbf": NOW - DAY, "exp": NOW + 30 * DAY} | fields)


def case(
    name: str, shows: str, document: bytes, expected: Fields, chain: Link | None = None,
) -> Case:
    given = standing() | {"document": document}
    given |= {} if chain is None else {"chain": chain.wire}
    return Case(f"checked/{name}", shows, "checked", given, expected)


def cases() -> Iterator[Case]:
    good = accepted(at=NOW, report=REPORT, passed=30, failed=0)
    yield case("by-the-grant-role", "The site says that the door was checked.", record(), good)
    yield case("by-an-installer", "Whoever may set a door up says how they left it.", record(FIRM),
               good, installer_link())
    yield case("with-failed-items", "What is wrong with a door belongs in its log too.",
               record(passed=29, failed=1), accepted(at=NOW, report=REPORT, passed=29, failed=1))
    yield from _forms()
    yield from _signers()
    yield from _times()


def _forms() -> Iterator[Case]:
    for name, shows, document in (
            ("report-of-31-bytes", "A report is named by a whole hash.", record(report=bytes(31))),
            ("report-as-text", "A hash is bytes.", record(report=REPORT.hex())),
            ("door-of-7-bytes", "A door's id has 8 bytes.", record(door=STREET[:7])),
            ("at-a-negative-time", "No check was before 1970.", record(at=-1)),
            ("of-256-items", "A list has at most 255 items.", record(passed=256)),
            ("with-fewer-than-no-failures", "No number is negative.", record(failed=-1)),
            ("with-an-unknown-limit", "A restriction that nobody read refuses it.",
             record(more={5: 1}))):
        yield case(name, shows, document, malformed("Y1"))


def _signers() -> Iterator[Case]:
    yield case("by-a-stranger", "A stranger has checked nothing.", record(STRANGER),
               untrusted("Y2"))
    yield case("by-a-tenant", "To live behind a door is not to answer for it.", record(TENANT),
               untrusted("Y2"), tenant_link())
    yield case("by-a-key-for-another-door", "The right counts where the key does.", record(FIRM),
               untrusted("Y2"), installer_link(doors=[ANNEXE]))
    yield case("by-a-browsers-key", "No touch comes with it, so no browser signs it.",
               record(BROWSER), untrusted("Y2"), link(BROWSER, use=CONFIGURE, klass=WEB))
    yield case("with-somebody-elses-chain", "The holder of the key shown signs.", record(TENANT),
               untrusted("D7"), owner_link())
    yield case("for-another-door", "A record is of one door.", record(door=ANNEXE),
               untrusted("Y3"))
    yield case("for-another-site", "A record is of one site.", record(site=OTHER_SITE),
               untrusted("Y3"))


def _times() -> Iterator[Case]:
    """What depends on the lock's own time, and on what it has taken before."""
    def brought(document: bytes, result: str = "taken", chain: Link | None = None) -> Fields:
        more = {} if chain is None else {"chain": chain.wire}
        return deliver(CHECKED_KIND, document, result, **more)

    stale, later = refused("stale_document", "Y4", "not_allowed"), record(at=NOW - 60)
    yield scene("checked/and-checked-again", "A year's check follows the first.", [
        brought(record(at=NOW - DAY)), brought(later, "taken")], openings(0))
    yield scene("checked/brought-twice", "The same record counts once.", [
        brought(later), brought(later, "known")], openings(0))
    yield scene("checked/older-than-the-last", "An old record makes no door look newly checked.", [
        brought(later), brought(record(at=NOW - DAY), "stale_document")], stale)
    yield scene("checked/of-the-same-second-by-another", "Whoever signed it, later is later.", [
        brought(later), brought(record(OWNER, at=NOW - 60), "stale_document", owner_link())], stale)
    yield scene("checked/a-quarter-of-an-hour-ahead", "Clocks differ.", [
        brought(record(at=NOW + AHEAD))], openings(0))
    yield scene("checked/an-hour-ahead", "One from the future would shut out every later one.", [
        brought(record(at=NOW + 3600), "time_unsure")], refused("time_unsure", "Y5", "not_now"))
    ended = installer_link(exp=NOW)
    yield scene("checked/by-a-key-that-has-ended", "A key must stand when its record arrives.", [
        brought(record(FIRM, at=NOW - DAY), "ended", ended)], refused("ended", "R6", "not_now"))

"""A door's settings (spec/config.md). Checks F1 to F5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import (
    ANNEXE,
    AUD,
    BROWSER,
    CONFIG_KIND,
    CONFIGURE,
    GRANTS,
    LIMITS,
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
from making.plain import Key, drawn, public, sign

PLAIN, INDEX, REST, OFF = 0, 1, 0, 1
HUB = public(drawn("the hub's link key"))
WORKDAYS = [[31, 540, 1050]]  # Monday to Friday, 09:00 to 17:30


def settings(
    signer: Key = GRANTS, *, door: bytes = STREET, version: int = 1, relock: int = 30,
    pins: Any = (PLAIN, REST, 20), site: bytes = SITE, **more: Any,  # noqa: ANN401 (right or wrong)
) -> bytes:
    limits = {1: door, 2: version, 3: relock, 4: list(pins)} | more.get("limits", {})
    return sign(CONFIG_KIND, {AUD: site, LIMITS: limits}, signer).encoded


def case(
    name: str, shows: str, document: bytes, expected: Fields, chain: Link | None = None,
) -> Case:
    given = standing() | {"document": document}
    given |= {} if chain is None else {"chain": chain.wire}
    return Case(f"settings/{name}", shows, "settings", given, expected)


def cases() -> Iterator[Case]:
    good = accepted(version=1, relock_after=30, pins=["plain", "rest", 20])
    yield case("by-the-grant-role", "The site sets up a door.", settings(), good)
    yield case("by-the-owners-phone", "A holder with the right sets up a door.", settings(OWNER),
               good,
               owner_link())
    yield case("with-an-index", "A PIN at a shared door comes after an index.",
               settings(pins=(INDEX, OFF, 50)),
               accepted(version=1, relock_after=30, pins=["index", "off", 50]))
    yield case("with-a-hub", "The owner names the hub that the lock dials.",
               settings(limits={5: [HUB, "hub.example:12210"]}),
               accepted(version=1, relock_after=30, pins=["plain", "rest", 20],
                        hub=[HUB, "hub.example:12210"]))
    yield case("with-opening-hours", "In these hours a keyholder who comes opens the shop.",
               settings(limits={6: WORKDAYS}),
               accepted(version=1, relock_after=30, pins=["plain", "rest", 20], opening=WORKDAYS))
    yield from _forms()
    yield from _signers()


def _forms() -> Iterator[Case]:
    for name, shows, document in (
            ("unknown-setting", "Half a configuration is a different configuration.",
             settings(limits={7: 1})),
            ("relock-after-a-day", "A door that relocks after an hour does not relock.",
             settings(relock=3601)),
            ("relock-negative", "No time is negative.", settings(relock=-1)),
            ("version-0", "Versions begin at 1.", settings(version=0)),
            ("way-of-typing-unknown", "There are two ways to type a PIN.", settings(pins=(2, 0,
                                                                                          20))),
            ("pins-none", "A door that takes PINs takes at least one.", settings(pins=(0, 0, 0))),
            ("pins-in-four-parts", "PIN settings have three parts.", settings(pins=(0, 0, 20, 1))),
            ("door-of-7-bytes", "A door's id has 8 bytes.", settings(door=STREET[:7]))):
        yield case(name, shows, document, malformed("F1"))
    for name, shows, hub in (
            ("hub-without-an-address", "A hub is a key and an address.", [HUB]),
            ("hub-with-a-key-of-31-bytes", "A hub's key has 32 bytes.", [HUB[:31], "hub:1"]),
            ("hub-with-a-long-address", "An address fits on a line.", [HUB, "a" * 121]),
            ("hub-by-name-alone", "Who answers for a hub is its key.", "hub.example:12210")):
        yield case(name, shows, settings(limits={5: hub}), malformed("F1"))
    for name, shows, hours, check in (
            ("opening-hours-as-text", "Opening hours are windows.", "mon-fri 09:00-17:30", "F1"),
            ("opening-hours-of-29-windows", "Opening hours hold at most 28 windows.",
             [[1, 0, 1]] * 29, "F1"),
            ("opening-hours-none", "Opening hours hold at least one window, or are not there.", [],
             "C13"),
            ("opening-hours-that-end-first", "A window ends after it starts.", [[31, 600, 600]],
             "C13"),
            ("opening-hours-of-two-days", "A window ends a day after it starts at the latest.",
             [[31, 0, 1441]], "C13")):
        yield case(name, shows, settings(limits={6: hours}), malformed(check))
    yield case("hub-with-a-key-of-small-order", "A hub's key is its own, and not everybody's.",
               settings(limits={5: [bytes(32), "hub.example:12210"]}), untrusted("N3"))
    yield case("switched-off-without-an-index", "Which PIN is to be switched off?",
               settings(pins=(PLAIN, OFF, 20)), malformed("F5"))


def _signers() -> Iterator[Case]:
    yield case("by-a-stranger", "A stranger sets up nothing.", settings(STRANGER), untrusted("F2"))
    yield case("by-a-tenant", "A tenant sets up nothing.", settings(TENANT), untrusted("F2"),
               tenant_link())
    elsewhere = link(OWNER, use=CONFIGURE, doors=[ANNEXE])
    yield case("by-a-key-for-another-door", "The right counts where the key does.", settings(OWNER),
               untrusted("F2"), elsewhere)
    yield case("by-a-browsers-key", "No touch comes with settings, so no browser signs them.",
               settings(BROWSER), untrusted("F2"), link(BROWSER, use=CONFIGURE, klass=WEB))
    yield case("with-somebody-elses-chain", "The holder of the key shown signs.", settings(TENANT),
               untrusted("D7"), owner_link())
    yield case("for-another-door", "Settings are for one door.", settings(door=ANNEXE),
               untrusted("F3"))
    yield case("for-another-site", "Settings are for one site.", settings(site=OTHER_SITE),
               untrusted("F3"))
    given = standing() | {"document": settings(relock=60), "above": 1}
    yield Case("settings/of-the-same-version", "Newer settings have a higher version.", "settings",
               given, untrusted("F4"))

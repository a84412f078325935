"""Keys taken back (spec/revocation.md). Checks V1 to V8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import (
    ABSENT,
    AGENT,
    AUD,
    BROWSER,
    DAY,
    FRIEND,
    GRANTS,
    GUEST,
    HOUR,
    LIMITS,
    NOW,
    OTHER_SITE,
    REVOKE_KIND,
    REVOKES,
    SITE,
    STRANGER,
    TENANT,
    UNLOCK,
    Link,
    agent_link,
    assertion,
    browser_link,
    guest_link,
    holder,
    link,
    standing,
    tenant_link,
)
from making.plain import Document, Key, sign

Entries = list[tuple[bytes, int]]


def delta(entries: Any, signer: Key, site: bytes = SITE) -> Document:  # noqa: ANN401 (right or wrong)
    listed = [list(entry) if isinstance(entry, tuple) else entry for entry in entries]
    return sign(REVOKE_KIND, {AUD: site, LIMITS: {1: listed}}, signer)


def revocation(entries: Entries, signer: Key) -> bytes:
    """A signed delta: ids of links or of holders' keys, and when each ends anyway (0: never)."""
    return delta(entries, signer).encoded


def case(
    name: str, shows: str, document: bytes, expected: Fields, chain: Link | None = None,
    touch: list[bytes] | None = None,
) -> Case:
    given = standing() | {"document": document}
    given |= {} if chain is None else {"chain": chain.wire}
    given |= {} if touch is None else {"assertion": touch}
    return Case(f"revocation/{name}", shows, "revocation", given, expected)


def good(
    name: str, shows: str, document: Document, signer: Key, entries: Entries, *, over_all: bool,
    chain: Link | None = None, touch: list[bytes] | None = None,
) -> Case:
    listed = [[named, end or None] for named, end in entries]
    value = accepted(id=document.id, signer=signer.id, over_all=over_all, entries=listed)
    return case(name, shows, document.encoded, value, chain, touch)


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _shapes()
    yield from _signers()
    yield from _sets()


def _good() -> Iterator[Case]:
    tenant = tenant_link()
    guest = guest_link(tenant)
    entries = [(guest.id, NOW + DAY), (STRANGER.id, 0)]
    yield good("by-the-revoke-role", "The site takes back a link and a phone.",
               delta(entries, REVOKES), REVOKES, entries, over_all=True)
    own = [(guest.id, NOW + DAY)]
    yield good("by-a-holder", "A tenant takes back what lies below the tenant's key.",
               delta(own, TENANT), TENANT, own, over_all=False, chain=tenant)
    browser = browser_link()
    by_browser = delta(own, BROWSER)
    yield good("by-a-browser-with-touch", "A browser's key takes back with its passkey's touch.",
               by_browser, BROWSER, own, over_all=False, chain=browser,
               touch=assertion(by_browser.id))
    most = [(bytes([number]) + guest.id[1:], NOW + DAY) for number in range(128)]
    yield good("of-128-keys", "The most that one delta takes back.", delta(most, REVOKES), REVOKES,
               most, over_all=True)


def _shapes() -> Iterator[Case]:
    guest = guest_link(tenant_link())

    def shape(name: str, shows: str, payload: Any) -> Case:  # noqa: ANN401 (right or wrong)
        signed = sign(REVOKE_KIND, payload, REVOKES)
        return case(name, shows, signed.encoded, malformed("V1"))

    def listed(name: str, shows: str, entries: Any) -> Case:  # noqa: ANN401 (right or wrong)
        return shape(name, shows, {AUD: SITE, LIMITS: {1: entries}})

    yield listed("of-129-keys", "128 are the most.", [[guest.id, 0]] * 129)
    yield listed("entry-without-an-end", "An entry is an id and an end.", [[guest.id]])
    yield listed("entry-not-an-array", "An entry is an id and an end.", [guest.id])
    yield listed("id-of-15-bytes", "An id has 16 bytes.", [[guest.id[:15], 0]])
    yield listed("end-negative", "No time is negative.", [[guest.id, -1]])
    yield shape("without-site", "A delta names its site.", {LIMITS: {1: [[guest.id, 0]]}})
    yield shape("with-an-unknown-limit", "What is not understood is not passed over.",
                {AUD: SITE, LIMITS: {1: [[guest.id, 0]], 2: 1}})


def _signers() -> Iterator[Case]:
    tenant = tenant_link()
    guest = guest_link(tenant)
    own = [(guest.id, 0)]
    yield case("for-another-site", "A delta counts at one site.",
               delta(own, REVOKES, OTHER_SITE).encoded, untrusted("V2"))
    yield case("by-a-stranger", "A stranger takes nothing back.", revocation(own, STRANGER),
               untrusted("V3"))
    yield case("by-the-grant-role", "Each role signs its own kind and no other.",
               revocation(own, GRANTS), untrusted("V3"))
    yield case("with-somebody-elses-chain", "The holder of the key shown signs.",
               revocation(own, FRIEND), untrusted("V4"), tenant)
    yield case("by-who-passes-nothing-on", "A guest passes nothing on, so takes nothing back.",
               revocation([(tenant.id, 0)], GUEST), untrusted("V5"), guest)
    browser = browser_link()
    by_browser = delta(own, BROWSER)
    yield case("by-a-browser-without-touch", "A browser's key needs its passkey's touch.",
               by_browser.encoded, untrusted("V6"), browser)
    yield case("by-a-browser-without-passkey", "Without a passkey there is no touch.",
               by_browser.encoded, untrusted("V6"), browser_link(passkey=ABSENT),
               assertion(by_browser.id))
    other = delta([(tenant.id, 0)], BROWSER)
    yield case("touch-for-another-delta", "One touch serves one document.", by_browser.encoded,
               untrusted("W5"), browser, assertion(other.id))
    changed = delta(own, TENANT)
    forged = Document(changed.kind, changed.protected, changed.payload, FRIEND.sign(b"x"))
    yield case("signature-of-another", "Signed by a friend of the tenant.", forged.encoded,
               untrusted("K8"), tenant)
    broken = guest_link(tenant, use=1024)
    yield case("by-a-broken-chain", "The chain is read like any key.", revocation(own, GUEST),
               malformed("G2"), broken)
    yield case("by-a-chain-of-another-site", "The chain is checked like any key.",
               revocation(own, TENANT), untrusted("C4"), link(TENANT, site=OTHER_SITE, depth=1,
                                                              delegable=UNLOCK))


def _sets() -> Iterator[Case]:
    """What is dead after several deltas, whichever order they came in."""
    tenant, agent = tenant_link(depth=2), agent_link(hours=ABSENT)
    guest = guest_link(tenant, delegable=UNLOCK, depth=1, max_life=DAY)
    friend = link(FRIEND, guest, use=UNLOCK, nbf=NOW - HOUR, exp=NOW + HOUR)
    site = {"document": revocation([(friend.id, NOW + DAY)], REVOKES)}
    by_tenant = {"document": revocation([(GUEST.id, 0)], TENANT), "chain": tenant.wire}
    by_agent = {"document": revocation([(tenant.id, 0), (guest.id, 0)], AGENT), "chain": agent.wire}

    def dead(name: str, shows: str, deltas: list[Fields], first: int | None) -> Case:
        given = standing() | {
            "deltas": deltas, "chain": friend.wire, "holder": holder(FRIEND)}
        return Case(f"revocation/{name}", shows, "revocations", given,
                    accepted(first_revoked=first))

    yield dead("none", "Nothing was taken back.", [], None)
    yield dead("two-in-one-order", "The first dead link is named, counted from 1.",
               [site, by_tenant], 2)
    yield dead("two-in-the-other-order", "The order of arrival changes nothing.",
               [by_tenant, site], 2)
    yield dead("the-same-twice", "Twice is once.", [site, by_tenant, site, by_tenant], 2)
    yield dead("last-link-only", "The links above live on.", [site], 3)
    yield dead("by-who-stands-beside", "Somebody beside the chain has no say.", [by_agent], None)

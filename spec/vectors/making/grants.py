"""Links and chains (spec/grant.md). Checks G1 to G9 and C1 to C20, and what lies below them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from making.case import Case, Fields, accepted, malformed_key, untrusted_key
from making.cast import (
    ABOUT,
    ABSENT,
    AGENT,
    ANNEXE,
    AUD,
    BRIDGE,
    CELLAR,
    CLAIM,
    CNF,
    DAY,
    ENGINEER,
    FILE,
    FIRM,
    FRIEND,
    GRANT_KIND,
    GRANTS,
    GUEST,
    HOLD_OPEN,
    LIMITS,
    LOCK,
    LOCK_KEY,
    NOW,
    OTHER_SITE,
    OWNER,
    PIN,
    RP_ID_HASH,
    SITE,
    STRANGER,
    STREET,
    TENANT,
    TOUCH,
    UNLOCK,
    VIEW_LOG,
    YEAR,
    Link,
    agent_link,
    browser_link,
    guest_link,
    holder,
    link,
    owner_link,
    passkey_field,
    standing,
    tenant_link,
    with_assertion,
)
from making.plain import Document, Key, Raw, cbor, head, other_s, sign, signed_bytes

RETIRED = Key("the site's grant role of last year")


def chain_case(
    name: str, shows: str, wire: list[Any], prover: Key, expected: Fields,
    leaf: bytes | None = None,
    **payload: Any,  # noqa: ANN401 (as `standing`)
) -> Case:
    """A chain shown at the door under test. `leaf` is absent where no leaf can be read."""
    given = standing(**payload) | {"chain": wire, "holder": holder(prover)}
    return Case(f"grant/{name}", shows, "chain", given | ({"leaf": leaf} if leaf else {}), expected)


def good(name: str, shows: str, leaf: Link, **payload: Any) -> Case:  # noqa: ANN401 (as `standing`)
    value = accepted(links=[one.id for one in leaf.chain], holder=leaf.holder.id)
    return chain_case(name, shows, leaf.wire, leaf.holder, value, leaf.id, **payload)


def wrong(name: str, check: str, shows: str, leaf: Link, **payload: Any) -> Case:  # noqa: ANN401
    """A chain in the right form that does not hold."""
    return chain_case(name, shows, leaf.wire, leaf.holder, untrusted_key(check), leaf.id, **payload)


def unreadable(name: str, check: str, shows: str, leaf: Link) -> Case:
    """A chain with a link in the wrong form."""
    return chain_case(name, shows, leaf.wire, leaf.holder, malformed_key(check))


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _fields()
    yield from _maps()
    yield from _shapes()
    yield from _wires()
    yield from _roots()
    yield from _bindings()
    yield from _narrowing()
    yield from _bounds()
    yield from _classes()
    yield from _touches()
    yield from _encodings()


def _good() -> Iterator[Case]:
    agent = agent_link()
    firm = link(FIRM, agent, use=UNLOCK, delegable=UNLOCK, depth=2, nbf=NOW - DAY, exp=NOW + DAY,
                max_life=DAY, hours=[[4, 480, 1080]])
    engineer = link(ENGINEER, firm, use=UNLOCK, delegable=UNLOCK, depth=1, nbf=NOW - 3600,
                    exp=NOW + 3600, max_life=7200, hours=[[4, 540, 780]], uses=1)
    mate = link(FRIEND, engineer, use=UNLOCK, nbf=NOW - 3600, exp=NOW + 3600,
                hours=[[4, 600, 720]], uses=1)
    yield good("good-device", "One link: a tenant's phone.", tenant_link())
    yield good("good-without-times", "One link without any limit: the owner's phone.", owner_link())
    yield good("good-until-the-year-6325", "The last end that there is.",
               link(TENANT, exp=1 << 37))
    yield good("good-passed-on-once", "A tenant's guest.", guest_link(tenant_link()))
    yield good("good-three-links", "Agent, firm, engineer, each narrower; two keys on P-256.",
               link(ENGINEER, firm, use=UNLOCK, nbf=NOW - 3600, exp=NOW + 3600,
                    hours=[[4, 540, 780]]))
    yield good("good-four-links", "One link more than agent, firm and engineer.", mate)
    yield good("good-five-links", "The longest chain.", _five())
    yield good("good-ed25519-below-p256", "Each link is signed with its holder's own algorithm.",
               link(GUEST, link(FIRM, delegable=UNLOCK, depth=1), use=UNLOCK))
    yield good("good-browser-with-touch", "A browser's key passes on with its passkey's touch.",
               with_assertion(guest_link(browser_link())))
    yield good("good-claim-key", "A claim key signs one child, for the guest's own device.",
               link(GUEST, link(CLAIM, klass=FILE, use=0, delegable=UNLOCK, depth=1), use=UNLOCK))
    yield good("good-the-same-bounds", "A child may have every bound of its parent.",
               guest_link(agent_link(depth=1), exp=NOW + DAY, hours=[[31, 480, 1080]]))
    yield good("good-information-unknown", "Information that is not understood is ignored.",
               tenant_link(about={1: "Tenant", 99: [1, 2], "note": None}))
    kept = link(TENANT, signer=RETIRED)
    yield good("good-kept-first-link", "A first link of a retired key that the root keeps.",
               kept, version=2, retired=[[RETIRED.cose, [kept.id]]])
    yield good("good-device-issues-at-strict-site", "At a strict site a device's key issues.",
               guest_link(tenant_link()), strict=True)


def _five() -> Link:
    last = link(TENANT, delegable=UNLOCK, depth=4)
    for depth, key in ((3, GUEST), (2, FRIEND), (1, AGENT), (0, OWNER)):
        last = link(key, last, use=UNLOCK, delegable=UNLOCK, **({"depth": depth} if depth else {}))
    return last


def _fields() -> Iterator[Case]:
    unknown = "A restriction that is not understood is never passed over."
    yield unreadable("unknown-claim", "G1", unknown, link(TENANT, claims={7: b"x"}))
    yield unreadable("unknown-claim-as-text", "G1", unknown, link(TENANT, claims={"role": "owner"}))
    yield unreadable("payload-not-a-map", "G1", "A link's payload is a map.", raw_link([1, 2]))
    yield unreadable("no-confirmation", "G1", "A link names its holder.",
                     link(TENANT, claims={CNF: ABSENT}))
    yield unreadable("end-negative", "G1", "No time is negative.", link(TENANT, exp=-1))
    yield unreadable("end-beyond-the-year-6325", "G1", "Times stay where every calendar counts.",
                     link(TENANT, exp=(1 << 37) + 1))
    yield unreadable("start-true", "G1", "true is not 1.", link(TENANT, nbf=True))
    yield unreadable("end-null", "G1", "null does not stand for absence.", link(TENANT, exp=None))
    yield unreadable("end-as-float", "E6", "Times are integers.",
                     link(TENANT, exp=Raw(b"\xfb\x41\xdb\x00\x00\x00\x00\x00\x00")))
    yield unreadable("unknown-limit", "G2", unknown, link(TENANT, limits={16: 1}))
    yield unreadable("unknown-limit-as-text", "G2", unknown, link(TENANT, limits={"only": "noon"}))
    yield unreadable("no-rights", "G2", "A link says what its holder may do.",
                     link(TENANT, limits={4: ABSENT}))
    yield unreadable("no-doors", "G2", "A link says for which doors.",
                     link(TENANT, limits={3: ABSENT}))
    yield unreadable("rights-unknown", "G2", "A right that is not known is no right.",
                     link(TENANT, use=1024))
    yield unreadable("class-unknown", "G2", "There are four classes of key.", link(TENANT, klass=4))
    yield unreadable("depth-5", "G2", "Five links are the most, so four may follow.",
                     link(TENANT, depth=5))
    yield unreadable("depth-0-written-out", "G2", "No depth is written by leaving it out.",
                     link(TENANT, depth=0))
    yield unreadable("uses-0", "G2", "A key without uses is no key.", link(TENANT, uses=0))
    yield unreadable("quota-0", "G2", "A quota is at least 1.", link(TENANT, quota=0))
    yield unreadable("factor-unknown", "G2", "A factor that is not known cannot be shown.",
                     link(TENANT, factors=32))
    yield unreadable("resident-2", "G2", "A resident's link says 1.", link(TENANT, resident=2))
    yield unreadable("parent-of-15-bytes", "G2", "An id has 16 bytes.",
                     link(TENANT, limits={1: bytes(15)}))
    yield unreadable("confirmation-not-a-key", "G3", "A holder is named by a key.",
                     link(TENANT, claims={CNF: {1: b"a name"}}))
    yield unreadable("confirmation-with-more-than-a-key", "G3", unknown,
                     link(TENANT, claims={CNF: {1: TENANT.cose, 3: b"kid"}}))


def _maps() -> Iterator[Case]:
    yield unreadable("doors-none", "G4", "A link is for at least one door.", link(TENANT, doors=[]))
    yield unreadable("door-of-7-bytes", "G4", "A door's id has 8 bytes.",
                     link(TENANT, doors=[STREET[:7]]))
    yield unreadable("door-twice", "G4", "A door stands once.", link(TENANT, doors=[STREET,
                                                                                    STREET]))
    yield unreadable("counted-uses-at-two-doors", "G4",
                     "Doors count alone, so counted uses need exactly one.",
                     link(TENANT, doors={STREET, ANNEXE}, uses=1))
    passkey = passkey_field()
    yield unreadable("passkey-with-more", "G5", "A passkey has three fields.",
                     browser_link(passkey=passkey | {4: 1}))
    yield unreadable("passkey-hash-of-31-bytes", "G5", "The hash of the page's name has 32 bytes.",
                     browser_link(passkey=passkey | {2: RP_ID_HASH[:31]}))
    yield unreadable("passkey-without-origin", "G5", "A passkey is pinned to one page.",
                     browser_link(passkey={1: passkey[1], 2: RP_ID_HASH}))
    yield wrong("passkey-key-of-small-order", "K3", "A passkey's key is a key like any other.",
                browser_link(passkey=passkey | {1: {1: 1, -1: 6, -2: bytes(32)}}))
    yield unreadable("hours-none", "C13", "Hours hold at least one window.", link(TENANT, hours=[]))
    yield unreadable("hours-29-windows", "C13", "Hours hold at most 28 windows.",
                     link(TENANT, hours=[[1, 0, 1]] * 29))
    yield unreadable("hours-end-before-start", "C13", "A window ends after it starts.",
                     link(TENANT, hours=[[1, 600, 600]]))
    yield unreadable("hours-longer-than-a-day", "C13",
                     "A window ends at most a day after it starts.",
                     link(TENANT, hours=[[1, 0, 1441]]))
    yield unreadable("hours-eighth-day", "C13", "A week has seven days.",
                     link(TENANT, hours=[[128, 0, 1]]))
    yield unreadable("hours-with-true", "C13", "true is not 1.", link(TENANT, hours=[[True, 0, 1]]))
    yield chain_case("holder-of-small-order", "A holder's key is checked like any other.",
                     raw_link({AUD: SITE, CNF: {1: {1: 1, -1: 6, -2: bytes(32)}},
                               LIMITS: {3: [STREET], 4: 1}}).wire, TENANT, untrusted_key("K3"))


def raw_link(payload: Any) -> Link:  # noqa: ANN401 (whatever a case puts in)
    return Link(sign(GRANT_KIND, payload, GRANTS), TENANT)


def _shapes() -> Iterator[Case]:
    tenant = tenant_link()
    yield unreadable("first-link-without-site", "G7", "A first link names the site.",
                     link(TENANT, claims={AUD: ABSENT}))
    yield unreadable("first-link-without-signer", "G7", "A first link names the site's key.",
                     link(TENANT, kid=False))
    yield unreadable("first-link-with-parent", "G7", "A first link has nothing above it.",
                     link(TENANT, limits={1: bytes(16)}))
    yield unreadable("later-link-with-site", "G7", "Only a first link names the site.",
                     guest_link(tenant, claims={AUD: OTHER_SITE}))
    yield unreadable("later-link-with-signer", "G7",
                     "A later link's signer is the holder above it.",
                     guest_link(tenant, kid=TENANT.id))
    yield unreadable("resident-below-a-tenant", "G8", "Only the site makes residents.",
                     guest_link(tenant, resident=1))
    yield unreadable("resident-that-goes-stale", "G8", "A resident's key needs no fresh word.",
                     tenant_link(max_staleness=DAY))
    credential = {1: 1, 2: 3, 3: 1, 4: b"sealed"}
    yield unreadable("grant-with-credential", "G9", "Only an enrolment names a credential.",
                     link(LOCK_KEY, tenant, use=UNLOCK, kind=GRANT_KIND, credential=credential))
    yield unreadable("enrolment-shown-as-a-key", "G9",
                     "Nobody opens a door by showing an enrolment.",
                     link(LOCK_KEY, tenant, use=UNLOCK, credential=credential))


def _wires() -> Iterator[Case]:
    tenant, five = tenant_link(), _five()
    sixth = link(STRANGER, five, use=UNLOCK)

    def wire(name: str, check: str, shows: str, links: list[Any], key: Key = TENANT) -> Case:
        return chain_case(name, shows, links, key, malformed_key(check))

    yield wire("no-links", "C1", "A chain has at least one link.", [])
    yield wire("six-links", "C1", "A chain has at most five links.", sixth.wire, STRANGER)
    yield wire("link-as-text", "C1", "A link is bytes.", [{"text": tenant.encoded.hex()}])
    long = link(TENANT, about={1: "x" * 4096})
    yield wire("longer-than-4096-bytes", "C2", "A chain's size is looked at first.", long.wire)
    yield wire("longer-than-4096-bytes-together", "C2", "The links count together.",
               [link(TENANT, about={1: "x" * 2048}).encoded] * 2)
    yield wire("cut-short", "E2", "Nothing is missing.", [tenant.encoded[:-1]])
    yield wire("trailing-byte", "E3", "Nothing follows.", [tenant.encoded + b"\x00"])


def _roots() -> Iterator[Case]:
    tenant = tenant_link()
    guest = guest_link(tenant)
    yield chain_case("begins-in-the-middle", "The first link is missing.", [guest.encoded], GUEST,
                     untrusted_key("C3"), guest.id)
    yield wrong("another-sites-key", "C4", "A key for another site.", link(TENANT, site=OTHER_SITE))
    yield wrong("signed-by-a-stranger", "C5", "A first link that somebody signed for himself.",
                link(STRANGER, signer=STRANGER))
    yield wrong("signed-by-its-holder", "C5", "A tenant is no owner.",
                link(TENANT, signer=TENANT))
    yield wrong("signed-under-a-borrowed-name", "K8",
                "The id of the site's key, and a stranger's signature.",
                link(STRANGER, signer=STRANGER, kid=GRANTS.id))
    yield wrong("signed-by-the-refresh-role", "C5", "Each role signs its own kind and no other.",
                link(TENANT, signer=Key("the site's refresh role")))
    kept = link(TENANT, signer=RETIRED)
    newer = link(GUEST, signer=RETIRED)
    yield wrong("signed-by-a-retired-key", "C5", "A retired key keeps what is listed and no more.",
                newer, version=2, retired=[[RETIRED.cose, [kept.id]]])


def _bindings() -> Iterator[Case]:
    tenant, other = tenant_link(), tenant_link(about={1: "the same phone, another key"})
    guest = guest_link(tenant)
    last = link(FRIEND, link(GUEST, tenant_link(depth=2, max_life=ABSENT), use=UNLOCK,
                             delegable=UNLOCK, depth=1), use=UNLOCK)
    yield chain_case("links-in-another-order", "Leaf first.", [guest.encoded, tenant.encoded],
                     TENANT, untrusted_key("C3"), tenant.id)
    yield chain_case("link-left-out", "The middle link is missing.",
                     [last.wire[0], last.wire[2]], FRIEND, untrusted_key("C6"), last.id)
    yield chain_case("below-a-sibling", "Spliced below another key of the same holder.",
                     [other.encoded, guest.encoded], GUEST, untrusted_key("C6"), guest.id)
    yield chain_case("link-twice", "A link does not stand below itself.",
                     [tenant.encoded, tenant.encoded], TENANT, untrusted_key("C6"), tenant.id)
    yield wrong("signed-by-another-holder", "K8", "Signed by a friend of the tenant.",
                guest_link(tenant, signer=FRIEND))
    yield wrong("signed-by-the-site-in-the-middle", "K8", "Only the holder above passes on.",
                guest_link(tenant, signer=GRANTS))
    yield wrong("algorithm-of-another-curve", "D6", "The algorithm is the one of the holder's key.",
                guest_link(tenant, signer=FIRM))
    changed = guest.document
    yield wrong("signature-changed", "K8", "One bit of a signature was changed.", replace(
        guest, document=replace(changed, signature=flipped(changed.signature))))
    high = guest_link(link(FIRM, delegable=UNLOCK, depth=1))
    yield wrong("other-of-two-signatures", "K7", "The other value of s is not taken.", replace(
        high, document=replace(high.document, signature=other_s(high.document.signature))))
    yield wrong("staple-shown-as-a-link", "K8", "The kind is signed.",
                link(TENANT, kind="mortice-staple/1"))


def flipped(signature: bytes) -> bytes:
    return bytes([signature[0] ^ 1]) + signature[1:]


def _narrowing() -> Iterator[Case]:
    tenant, agent = tenant_link(), agent_link()
    yield wrong("passes-on-without-leave", "C7", "A guest may not pass on.",
                link(FRIEND, guest_link(tenant), use=UNLOCK))
    yield wrong("raises-depth", "C7", "A child may not pass on as often as its parent.",
                guest_link(tenant, delegable=UNLOCK, depth=1, max_life=DAY))
    yield wrong("child-adds-a-door", "C8", "A door that the parent has not.",
                guest_link(tenant, doors={STREET, CELLAR}))
    yield wrong("child-changes-the-door", "C8", "Another door than the parent's.",
                guest_link(tenant, doors={CELLAR}))
    yield wrong("child-adds-a-right", "C9", "The tenant may lock, but not pass locking on.",
                guest_link(tenant, use=UNLOCK | LOCK))
    yield wrong("child-reads-the-log", "C9", "Reading the log was not handed on.",
                guest_link(tenant, use=VIEW_LOG))
    yield wrong("child-hands-on-another-right", "C9", "Holding open was not handed on.",
                guest_link(agent, delegable=HOLD_OPEN, depth=1, max_life=DAY,
                           hours=[[4, 600, 720]]))
    yield wrong("child-starts-earlier", "C10", "A child starts no earlier than its parent.",
                guest_link(agent, nbf=NOW - DAY - 1, hours=[[4, 600, 720]]))
    yield wrong("child-drops-the-start", "C10", "Absent means unlimited.",
                guest_link(agent, nbf=ABSENT, hours=[[4, 600, 720]]))
    end = tenant_link(exp=NOW + YEAR, max_life=ABSENT)
    yield wrong("child-ends-later", "C11", "A child ends no later than its parent.",
                guest_link(end, exp=NOW + YEAR + 1))
    yield wrong("child-drops-the-end", "C11", "Absent means unlimited.", guest_link(end,
                                                                                    exp=ABSENT))
    yield wrong("child-lives-a-second-too-long", "C12", "Seven days at most.",
                guest_link(tenant, nbf=NOW - DAY, exp=NOW + 6 * DAY + 1))
    yield wrong("child-lives-without-a-start", "C12", "A bounded life has a start and an end.",
                guest_link(tenant, nbf=ABSENT))
    yield wrong("child-lets-others-live-longer", "C12", "The bound holds for every link below.",
                guest_link(agent, delegable=UNLOCK, depth=1, max_life=2 * DAY + 1,
                           hours=[[4, 600, 720]]))
    yield wrong("child-forgets-the-longest-life", "C12", "The bound is handed down.",
                guest_link(agent, delegable=UNLOCK, depth=1, hours=[[4, 600, 720]]))


def _bounds() -> Iterator[Case]:
    agent = agent_link()
    yield wrong("child-widens-hours-by-a-minute", "C13", "A minute after the parent's hours.",
                guest_link(agent, hours=[[4, 480, 1081]]))
    yield wrong("child-adds-a-day", "C13", "A Saturday that the parent has not.",
                guest_link(agent, hours=[[32, 480, 1080]]))
    yield wrong("child-drops-hours", "C13", "Absent means unlimited.", guest_link(agent))
    yield wrong("child-runs-past-midnight", "C13", "A window that runs into a day without hours.",
                guest_link(link(AGENT, delegable=UNLOCK, depth=1, hours=[[31, 0, 1440]]),
                           hours=[[16, 1380, 1500]]))
    careful = link(TENANT, delegable=UNLOCK, depth=2, factors=PIN | TOUCH, max_staleness=DAY,
                   quota=2)
    bounds = {"factors": PIN | TOUCH, "max_staleness": DAY}
    yield wrong("child-drops-a-factor", "C14", "A second check is never dropped.",
                guest_link(careful, **bounds | {"factors": PIN}))
    yield wrong("child-drops-all-factors", "C14", "A second check is never dropped.",
                guest_link(careful, **bounds | {"factors": ABSENT}))
    yield wrong("child-goes-stale-later", "C15", "A child is no less fresh than its parent.",
                guest_link(careful, **bounds | {"max_staleness": DAY + 1}))
    yield wrong("child-never-goes-stale", "C15", "Absent means unlimited.",
                guest_link(careful, **bounds | {"max_staleness": ABSENT}))
    twice = link(TENANT, delegable=UNLOCK, depth=1, uses=2)
    yield wrong("child-adds-a-use", "C16", "Two uses above, three below.",
                guest_link(twice, uses=3))
    yield wrong("child-drops-uses", "C16", "Absent means unlimited.", guest_link(twice))
    more = bounds | {"delegable": UNLOCK, "depth": 1}
    yield wrong("child-raises-the-quota", "C17", "Two keys a day above, three below.",
                guest_link(careful, **more, quota=3))
    yield wrong("child-drops-the-quota", "C17", "Absent means unlimited.",
                guest_link(careful, **more))


def _classes() -> Iterator[Case]:
    claim = link(CLAIM, klass=FILE, use=0, delegable=UNLOCK, depth=1)
    yield wrong("claim-key-for-a-claim-key", "C18", "A key file is exchanged for a device's key.",
                link(GUEST, claim, use=UNLOCK, klass=FILE))
    touched = with_assertion(guest_link(browser_link()))
    yield wrong("browser-issues-at-strict-site", "C19", "At a strict site only devices issue.",
                touched, strict=True)
    yield wrong("bridge-issues-at-strict-site", "C19", "At a strict site only devices issue.",
                guest_link(tenant_link(klass=BRIDGE)), strict=True)
    yield wrong("browser-issues-without-a-touch", "C20", "A browser's key needs a touch.",
                guest_link(browser_link()))
    yield wrong("browser-without-a-passkey", "C20", "Without a passkey there is no touch.",
                with_assertion(guest_link(browser_link(passkey=ABSENT))))
    yield wrong("browser-without-a-longest-life", "C20", "A browser's keys have a longest life.",
                with_assertion(guest_link(browser_link(max_life=ABSENT))))


def _touches() -> Iterator[Case]:
    """W checks, where a browser's key passes on: spec/passkey.md."""
    child = guest_link(browser_link())
    from making import passkeys  # noqa: PLC0415 (they need `chain_case`)

    for name, check, shows, touch in passkeys.touches(child.id + child.above[-1].id):
        leaf = with_assertion(child, touch)
        expected = malformed_key(check) if check in passkeys.UNREADABLE else untrusted_key(check)
        yield replace(chain_case(name, shows, leaf.wire, GUEST, expected, leaf.id),
                      name=f"passkey/{name}")
    other = guest_link(browser_link(), about={1: "another guest"})
    yield replace(wrong("touch-for-another-link", "W5", "One touch serves one link.",
                        with_assertion(
        child, with_assertion(other).assertion)), name="passkey/touch-for-another-link")
    for name, touch in passkeys.good_touches(child.id + child.above[-1].id):
        yield replace(good(name, "A touch that holds.", with_assertion(child, touch)),
                      name=f"passkey/{name}")


def _encodings() -> Iterator[Case]:
    """Wrong encodings inside a link that is signed all the same."""
    payload = {AUD: SITE, CNF: {1: TENANT.cose}, LIMITS: {3: [STREET], 4: 3}}
    whole = cbor(payload)

    def body(name: str, check: str, shows: str, encoded: bytes) -> Case:
        protected = cbor({1: -19, 4: GRANTS.id})
        signature = GRANTS.sign(signed_bytes(GRANT_KIND, protected, encoded))
        document = Document(GRANT_KIND, protected, encoded, signature)
        return unreadable(name, check, shows, Link(document, TENANT))

    yield body("claim-twice", "E7", "The site stands twice, so two readers could differ.",
               bytes([whole[0] + 1]) + cbor(AUD) + cbor(OTHER_SITE) + whole[1:])
    yield body("claims-in-another-order", "E7", "Claims stand in one order.",
               whole[:1] + cbor(CNF) + cbor({1: TENANT.cose}) + cbor(AUD) + cbor(payload[AUD])
               + cbor(LIMITS) + cbor(payload[LIMITS]))
    yield body("payload-with-a-byte-after-it", "E3", "Nothing follows.", whole + b"\x00")
    yield body("indefinite-map", "E5", "A map's length is known.",
               b"\xbf" + whole[1:] + b"\xff")
    yield body("rights-not-shortest", "E4", "An integer has one form.",
               whole.replace(cbor(4) + cbor(3), cbor(4) + b"\x18\x03"))
    yield body("deeper-than-a-link", "E8", "A link has at most six levels.",
               cbor(payload | {ABOUT: {1: Raw(b"\x81" * 7 + b"\x01")}}))
    yield body("length-of-two-to-the-63", "E2", "A declared length reserves nothing.",
               whole.replace(head(2, 8) + STREET, b"\x5b" + b"\x80" + bytes(7) + STREET))



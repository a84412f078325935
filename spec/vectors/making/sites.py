"""A site's root and its map of doors (spec/site.md). Checks S1 to S13."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import (
    ANNEXE,
    AUD,
    DOORS_KIND,
    GRANTS,
    LIMITS,
    LOCK_KEY,
    OTHER_LOCK,
    OTHER_SITE,
    OWNER,
    PAPER,
    REVOKES,
    ROOT,
    SEALING_PUBLIC,
    SITE,
    SITE_KIND,
    STRANGER,
    STREET,
    doors,
    mapped,
    role_keys,
    root,
    root_payload,
)
from making.plain import Key, endorse, sign

NEW_ROOT, NEW_GRANTS = Key("the site's next root"), Key("the site's next grant role")
Payload = dict[Any, Any]


def first(name: str, shows: str, encoded: bytes, expected: Fields) -> Case:
    """A root shown to a lock that has no owner yet."""
    given = {"site": encoded, "doors": doors(), "door": STREET}
    return Case(f"site/{name}", shows, "first_root", given, expected)


def following(name: str, shows: str, present: bytes, coming: bytes, expected: Fields) -> Case:
    """A root shown to a lock that stands on another."""
    given = {"site": present, "doors": doors(), "door": STREET, "next": coming}
    return Case(f"site/{name}", shows, "next_root", given, expected)


def cases() -> Iterator[Case]:
    yield from _forms()
    yield from _successions()
    yield from _recoveries()
    yield from _maps()


def payload_with(limits: Payload, **claims: Any) -> Payload:  # noqa: ANN401 (right or wrong)
    """The first root's payload, with some of its fields replaced."""
    whole = root_payload()
    return whole | claims.get("claims", {}) | {LIMITS: whole[LIMITS] | limits}


def _forms() -> Iterator[Case]:
    value = accepted(id=SITE, version=1, strict=False, demo=False)
    yield first("good-root", "Phone and paper sign a new site's root.", root(), value)
    yield first("good-strict-root", "A site at which only devices issue.", root(strict=True),
                accepted(id=SITE, version=1, strict=True, demo=False))

    def form(name: str, check: str, shows: str, payload: Any) -> Case:  # noqa: ANN401
        return first(name, shows, endorse(SITE_KIND, payload, [ROOT, PAPER]), malformed(check))

    yield form("root-without-version", "S1", "A root has a version.", {
        AUD: SITE, LIMITS: {2: role_keys()}})
    yield form("root-of-version-0", "S1", "Versions begin at 1.", payload_with({1: 0}))
    yield form("root-with-an-unknown-field", "S1", "What is not known is not passed over.",
               payload_with({6: True}))
    yield form("root-with-an-unknown-claim", "S1", "What is not known is not passed over.",
               payload_with({}, claims={4: 1}))
    yield form("root-of-a-site-of-15-bytes", "S1", "A site's id has 16 bytes.",
               payload_with({}, claims={AUD: SITE[:15]}))
    for role, name in ((0, "root"), (1, "grant"), (2, "revoke")):
        roles = {number: held for number, held in role_keys().items() if number != role}
        yield form(f"root-without-the-{name}-role", "S2", "Three roles are needed.",
                   payload_with({2: roles}))
    yield form("root-with-an-unknown-role", "S2", "There are seven roles.",
               payload_with({2: role_keys() | {7: [1, [STRANGER.cose]]}}))
    yield form("root-with-a-threshold-of-3-of-2", "S3", "Two keys cannot sign three times.",
               payload_with({2: role_keys() | {0: [3, [ROOT.cose, PAPER.cose]]}}))
    yield form("root-with-a-threshold-of-0", "S3", "Nobody is nobody.",
               payload_with({2: role_keys() | {0: [0, [ROOT.cose]]}}))
    yield form("root-with-a-key-twice", "S3", "One key is one vote.",
               payload_with({2: role_keys() | {0: [2, [ROOT.cose, ROOT.cose]]}}))
    yield form("root-with-two-signers-for-a-grant", "S3", "A link has one signature.",
               payload_with({2: role_keys() | {1: [2, [GRANTS.cose, STRANGER.cose]]}}))
    weak = payload_with({2: role_keys() | {1: [1, [{1: 1, -1: 6, -2: bytes(32)}]]}})
    yield first("root-with-a-key-of-small-order", "A role's key is a key like any other.",
                endorse(SITE_KIND, weak, [ROOT, PAPER]), untrusted("K3"))
    yield form("root-with-a-short-kept-id", "S4", "A kept link is named by its id.",
               payload_with({5: [[STRANGER.cose, [b"short"]]]}))
    yield form("root-with-a-retired-key-still-in-use", "S4", "A key is retired or it is not.",
               payload_with({5: [[GRANTS.cose, []]]}))


def _successions() -> Iterator[Case]:
    present = root()
    yield first("root-signed-by-the-phone-alone", "Phone and paper, or nobody.", root(ROOT),
                untrusted("S5"))
    yield first("root-signed-twice-by-one-key", "One key is one vote.", root(ROOT, ROOT),
                untrusted("S5"))
    yield first("root-signed-by-strangers", "Its own root keys sign it.", root(STRANGER, OWNER),
                untrusted("S5"))
    newer = role_keys() | {0: [2, [NEW_ROOT.cose, PAPER.cose]], 1: [1, [NEW_GRANTS.cose]]}

    def changed(*signers: Key, version: int = 2, **more: Any) -> bytes:  # noqa: ANN401
        return root(*signers, **{"version": version, "roles": newer} | more)

    everybody = (ROOT, PAPER, NEW_ROOT)
    yield following("good-succession", "Signed by both the old and the new root keys.", present,
                    changed(*everybody), accepted(version=2))
    yield following("not-signed-by-the-new-keys", "The new keys must exist and agree.", present,
                    changed(ROOT, PAPER), untrusted("S5"))
    yield following("not-signed-by-the-old-keys", "Nobody puts in keys without the present owner.",
                    present, changed(NEW_ROOT, roles=newer | {0: [1, [NEW_ROOT.cose]]}),
                    untrusted("S8"))
    yield following("root-of-another-site", "A root follows its own site's.", present,
                    changed(*everybody, site=OTHER_SITE), untrusted("S6"))
    yield following("from-a-site-to-a-demo", "No product becomes a demo.", present,
                    changed(*everybody, demo=True), untrusted("S6"))
    yield following("a-version-left-out", "Versions follow one by one.", present,
                    changed(*everybody, version=3), untrusted("S7"))
    yield following("back-to-the-version-before", "Nobody goes back.", root(version=3),
                    root(version=2), untrusted("S7"))
    yield following("the-same-version-otherwise", "A version has one content.", present,
                    changed(*everybody, version=1), untrusted("S7"))


def _recoveries() -> Iterator[Case]:
    """Paper alone. Which wait it needs at the lock is in spec/site.md, section 4."""
    present = root()
    newer = role_keys() | {0: [2, [NEW_ROOT.cose, PAPER.cose]]}

    def recovery(name: str, shows: str, coming: bytes, expected: Fields) -> Case:
        given = {"site": present, "doors": doors(), "door": STREET, "next": coming}
        return Case(f"site/{name}", shows, "recovery", given, expected)

    yield recovery("good-recovery", "The paper and the new phone.",
                   root(PAPER, NEW_ROOT, version=2, roles=newer), accepted(version=2))
    yield recovery("recovery-without-the-paper", "A new phone alone recovers nothing.",
                   root(NEW_ROOT, ROOT, version=2, roles=newer | {0: [1, [NEW_ROOT.cose]]}),
                   untrusted("S9"))
    other = newer | {6: [1, [STRANGER.cose]], 0: [1, [PAPER.cose]]}
    yield recovery("recovery-that-changes-the-paper", "The paper does not replace itself.",
                   root(PAPER, version=2, roles=other), untrusted("S9"))
    yield recovery("recovery-not-signed-by-the-new-phone", "The new phone must exist and agree.",
                   root(PAPER, version=2, roles=newer), untrusted("S5"))
    yield recovery("recovery-to-a-later-version", "Versions follow one by one.",
                   root(PAPER, NEW_ROOT, version=3, roles=newer), untrusted("S7"))


def _maps() -> Iterator[Case]:
    def case(name: str, shows: str, encoded: bytes, expected: Fields, above: int = 1) -> Case:
        given = {"site": root(), "doors": doors(), "door": STREET, "next": encoded}
        given |= {} if above == 1 else {"above": above}
        return Case(f"site/{name}", shows, "map", given, expected)

    both = [mapped(), mapped(ANNEXE, "Annexe", key=OTHER_LOCK)]
    yield case("good-map", "A newer map with one more door.", doors(2, both),
               accepted(version=2, doors=[STREET, ANNEXE]))
    yield case("map-signed-by-a-stranger", "The grant role signs the map.",
               doors(2, signer=STRANGER), untrusted("S10"))
    yield case("map-signed-by-the-revoke-role", "Each role signs its own kind and no other.",
               doors(2, signer=REVOKES), untrusted("S10"))
    yield case("map-of-another-site", "A map is of one site.", doors(2, site=OTHER_SITE),
               untrusted("S6"))
    yield case("map-of-the-same-version", "A newer map has a higher version.",
               doors(1, both), untrusted("S11"))

    def form(name: str, check: str, shows: str, listed: Any, limits: Payload | None = None) -> Case:  # noqa: ANN401
        payload = {AUD: SITE, LIMITS: {1: 2, 2: listed} | (limits or {})}
        return case(name, shows, sign(DOORS_KIND, payload, GRANTS).encoded, malformed(check))

    yield form("map-with-a-door-twice", "S12", "A door stands once.", [mapped(), mapped(label="x")])
    yield form("map-with-65-doors", "S12", "64 doors are the most.", [[]] * 65)
    yield form("map-with-five-parts-of-a-door", "S12", "A door has six parts.", [mapped()[:5]])
    yield form("map-with-a-door-of-7-bytes", "S12", "A door's id has 8 bytes.",
               [mapped(STREET[:7])])
    yield form("map-with-a-label-of-121-characters", "S12", "A label fits on one line.",
               [mapped(label="x" * 121)])
    yield form("map-with-an-unknown-field", "S12", "What is not known is not passed over.",
               [mapped()], {3: 1})
    yield form("map-with-an-unknown-zone", "S12", "A door's clock has a name that is known.",
               [mapped(zone="Europe/Atlantis")])
    small = [STREET, "Street door", "Europe/London", bytes(32), LOCK_KEY.cose, SEALING_PUBLIC]
    yield case("map-with-a-link-key-of-small-order", "Everybody would know the secret.",
               sign(DOORS_KIND, {AUD: SITE, LIMITS: {1: 2, 2: [small]}}, GRANTS).encoded,
               untrusted("N3"))
    yield case("map-that-gives-the-door-to-another-lock",
               "A lock does not stand on another's place.",
               doors(2, [mapped(key=OTHER_LOCK)]), untrusted("S13"))
    yield case("map-without-the-door", "A lock does not stand on no place.",
               doors(2, [mapped(ANNEXE)]), untrusted("S13"))

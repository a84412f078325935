"""One link: what is well formed, field by field, at the border of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import (
    FRONT,
    GRANTER,
    LOCK,
    METER,
    PASSKEY,
    RP_HASH,
    SITE,
    TENANT,
    Fields,
    first,
    key,
    passer,
    raw_link,
    refused,
    signed_bytes,
)

from mortice.core import cbor
from mortice.core.document import ABOUT, AUD, CNF, EXP, IAT, LIMITS, NBF, parse, sign
from mortice.core.errors import Malformed, Theirs
from mortice.core.freshness import STAPLE, sign_staple
from mortice.core.grant import (
    ALL_FACTORS,
    ALL_RIGHTS,
    ENROL,
    GRANT,
    Credential,
    CredentialKind,
    Grant,
    KeyClass,
    Passkey,
    Rights,
    read_grant,
    sign_grant,
)
from mortice.core.keys import ESP256, PublicKey
from mortice.core.limits import TIME_MAX
from mortice.core.schedule import Window
from mortice.core.stages import Factors

PARENT = bytes(range(16, 32))


def limit(number: int, value: object) -> bytes:
    """A first link with one limit set to `value`."""
    return raw_link(lambda claims, limits: limits.update({number: value}))


def claim(number: int, value: object) -> bytes:
    """A first link with one claim set to `value`."""
    return raw_link(lambda claims, limits: claims.update({number: value}))


# --- a whole link ---------------------------------------------------------------------------


def test_every_field_of_a_first_link_survives_signing_and_reading() -> None:
    given = Grant(
        TENANT.public, frozenset({FRONT}), Rights.UNLOCK | Rights.ENROL, KeyClass.WEB,
        Rights.UNLOCK, 3, site=SITE, nbf=0, exp=TIME_MAX, max_life=86_400,
        hours=(Window(127, 0, 1440), Window(1, 1439, 2879)), factors=Factors.PIN | Factors.TOUCH,
        max_staleness=60, uses=7, quota=2, passkey=PASSKEY, about={1: "Tenant", "colour": [1]})
    read = read_grant(sign_grant(given, GRANTER))
    assert read == given
    assert read.about == given.about
    assert read.label == "Tenant"


def test_every_field_of_an_enrolment_survives_signing_and_reading() -> None:
    given = Grant(
        LOCK.public, frozenset({FRONT, METER}), Rights.UNLOCK, parent=PARENT,
        credential=Credential(CredentialKind.PASSKEY, 1999, 12, bytes(512)))
    assert read_grant(sign_grant(given, TENANT), ENROL) == given


def test_absent_limits_are_read_as_unlimited_and_absent_rights_as_none() -> None:
    link = read_grant(raw_link())
    assert link == Grant(TENANT.public, frozenset({FRONT}), Rights.UNLOCK, site=SITE)
    unlimited = (link.nbf, link.exp, link.max_life, link.hours, link.max_staleness, link.uses,
                 link.quota, link.passkey, link.credential, link.parent)
    assert unlimited == (None,) * 10
    assert (link.depth, link.delegable, link.factors, link.resident) == (0, 0, 0, False)


def test_what_a_link_does_not_say_is_not_written() -> None:
    written = cbor.decode(parse(GRANT, first(TENANT).leaf_bytes).payload)
    assert written == {AUD: SITE, CNF: {1: TENANT.public.cose}, LIMITS: {3: [FRONT], 4: 1}}
    below = cbor.decode(parse(GRANT, passer().pass_on(TENANT).leaf_bytes).payload)
    assert below == {
        CNF: {1: TENANT.public.cose}, LIMITS: {1: passer().leaf.id, 3: [FRONT], 4: 1}}


def test_a_resident_is_marked_on_the_wire() -> None:
    assert read_grant(limit(14, 1)).resident
    assert first(TENANT, resident=True).leaf.resident


def test_a_p256_holder_is_as_good_as_an_ed25519_one() -> None:
    phone = key("phone", ESP256)
    assert first(phone).leaf.holder == phone.public


def test_an_unsigned_link_has_no_id() -> None:
    with pytest.raises(AssertionError):
        _ = Grant(TENANT.public, frozenset({FRONT}), Rights.UNLOCK).id


def test_an_id_covers_what_is_signed_and_not_the_signature() -> None:
    phone, other = key("phone", ESP256), passer(key("agent on P-256", ESP256))
    child = other.pass_on(phone).leaf_bytes
    parts: Any = cbor.decode(child)
    parts[3] = bytes(64)
    assert read_grant(cbor.encode(parts)).id == read_grant(child).id
    assert parse(GRANT, child).id == read_grant(child).id


# --- borders of each limit ------------------------------------------------------------------


@pytest.mark.parametrize(("number", "good"), [
    (2, 0), (2, 3), (4, 0), (4, 1023), (5, 0), (5, 1023), (6, 1), (6, 4), (7, 1), (7, TIME_MAX),
    (8, [[0, 0, 1]]), (9, 1), (9, 31), (10, 1), (10, TIME_MAX), (11, 1), (11, 1_000_000),
    (12, 1), (12, 10_000), (14, 1),
])
def test_a_limit_at_its_border_is_read(number: int, good: object) -> None:
    read_grant(limit(number, good))


@pytest.mark.parametrize(("number", "bad"), [
    (2, -1), (2, 4), (4, -1), (4, 1024), (5, -1), (5, 1024), (6, 0), (6, 5), (7, 0),
    (7, TIME_MAX + 1), (9, 0), (9, 32), (10, 0), (10, TIME_MAX + 1), (11, 0), (11, 1_000_001),
    (12, 0), (12, 10_001), (14, 0), (14, 2),
    (2, True), (4, True), (5, False), (6, True), (7, True), (9, True), (10, True), (11, True),
    (12, True), (14, True), (4, None), (7, None), (10, None), (11, None), (14, None),
    (4, b"\x01"), (4, "1"), (11, [1]), (7, {}),
    (3, FRONT), (3, {}), (3, None), (8, {}), (8, None), (13, []), (13, None), (15, []),
])
def test_a_limit_beyond_its_border_or_of_another_type_is_refused(number: int, bad: object) -> None:
    with refused("C13" if (number, bad) == (8, []) else "G2"):
        read_grant(limit(number, bad))


def test_hours_without_a_window_are_refused_and_not_taken_for_always() -> None:
    with refused("C13"):
        read_grant(limit(8, []))


@pytest.mark.parametrize(("number", "good"), [(NBF, 0), (NBF, TIME_MAX), (EXP, 0), (EXP, TIME_MAX)])
def test_a_time_at_its_border_is_read(number: int, good: int) -> None:
    read_grant(claim(number, good))


@pytest.mark.parametrize("number", [NBF, EXP])
@pytest.mark.parametrize("bad", [-1, TIME_MAX + 1, 2**63, 2**64 - 1, True, None, "0", b"\0", [0]])
def test_a_time_beyond_its_border_or_of_another_type_is_refused(number: int, bad: object) -> None:
    with refused("G1"):
        read_grant(claim(number, bad))


@pytest.mark.parametrize("bad", [b"", SITE[1:], SITE + b"x", SITE.hex(), 0, None])
def test_a_site_that_is_no_id_is_refused(bad: object) -> None:
    with refused("G1"):
        read_grant(claim(AUD, bad))


@pytest.mark.parametrize("bad", [b"", PARENT[1:], PARENT + b"x", PARENT.hex(), 0, None])
def test_a_parent_that_is_no_id_is_refused(bad: object) -> None:
    with refused("G2"):
        read_grant(limit(1, bad))


@pytest.mark.parametrize("doors", [
    [], [FRONT, FRONT], [FRONT[1:]], [FRONT + b"x"], [FRONT, "metercup"], [FRONT, 1], [[FRONT]],
])
def test_doors_that_are_not_different_ids_are_refused(doors: list[object]) -> None:
    with refused("G4"):
        read_grant(limit(3, doors))


def test_64_doors_are_read_and_65_are_not() -> None:
    doors = [bytes([n]) * 8 for n in range(65)]
    assert len(read_grant(limit(3, doors[:64])).doors) == 64
    with refused("G2"):
        read_grant(limit(3, doors))


def test_counted_uses_need_exactly_one_door() -> None:
    with refused("G4"):
        read_grant(raw_link(lambda claims, limits: limits.update({3: [FRONT, METER], 11: 1})))
    assert read_grant(raw_link(lambda claims, limits: limits.update({11: 1}))).uses == 1


@pytest.mark.parametrize(("missing", "check"), [(CNF, "G1"), (LIMITS, "G1"), (AUD, "G7")])
def test_a_link_without_a_claim_that_it_needs_is_refused(missing: int, check: str) -> None:
    with refused(check):
        read_grant(raw_link(lambda claims, limits: claims.pop(missing)))


@pytest.mark.parametrize("missing", [3, 4])
def test_a_link_without_doors_or_without_a_word_on_use_is_refused(missing: int) -> None:
    with refused("G2"):
        read_grant(raw_link(lambda claims, limits: limits.pop(missing)))


# --- what is not understood -----------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 16, -1, 99, "1", "hours"])
def test_a_restriction_that_is_not_understood_refuses_the_link(number: int | str) -> None:
    with refused("G2"):
        read_grant(raw_link(lambda claims, limits: limits.update({number: 1})))


@pytest.mark.parametrize("number", [1, 2, IAT, 7, 9, "exp", -65_539])
def test_a_claim_that_is_not_understood_refuses_the_link(number: int | str) -> None:
    with refused("G1"):
        read_grant(raw_link(lambda claims, limits: claims.update({number: 1})))


@pytest.mark.parametrize("about", [{}, {2: "x"}, {"zzz": {"deep": [1]}}, {1: 5}, {-1: None}])
def test_information_that_is_not_understood_is_ignored(about: Fields) -> None:
    link = read_grant(claim(ABOUT, about))
    assert link == read_grant(raw_link())
    assert link.label == ""


def test_a_link_may_say_nothing_about_itself() -> None:
    assert read_grant(raw_link(lambda claims, limits: claims.pop(ABOUT))).about == {}


def test_a_label_is_cut_to_one_line() -> None:
    assert read_grant(claim(ABOUT, {1: "x" * 121})).label == "x" * 120


@pytest.mark.parametrize("value", [[], 5, None, b""])
def test_information_that_is_no_map_is_refused(value: object) -> None:
    with refused("G1"):
        read_grant(claim(ABOUT, value))


# --- holder, passkey, credential ------------------------------------------------------------

GOOD_KEY = TENANT.public.cose
SMALL_ORDER = {1: 1, -1: 6, -2: bytes(32)}
SECOND_ENCODING = {1: 1, -1: 6, -2: ((1 << 255) - 18).to_bytes(32, "little")}
OFF_CURVE = {1: 2, -1: 1, -2: bytes([255]) * 32, -3: False}
KEYS = [(SMALL_ORDER, "K3"), (SECOND_ENCODING, "K2"), (OFF_CURVE, "K4"), ({}, "K1")]


@pytest.mark.parametrize(("cose", "check"), KEYS)
def test_a_holder_key_under_which_others_could_sign_is_refused(cose: Fields, check: str) -> None:
    with refused(check):
        read_grant(claim(CNF, {1: cose}))


@pytest.mark.parametrize("cnf", [{}, {2: GOOD_KEY}, {1: 5}, [GOOD_KEY]])
def test_a_link_bound_to_no_key_is_refused(cnf: object) -> None:
    with refused("G3" if isinstance(cnf, dict) else "G1"):
        read_grant(claim(CNF, cnf))


def test_a_link_bound_to_two_keys_is_refused() -> None:
    with refused("G3"):
        read_grant(claim(CNF, {1: GOOD_KEY, 2: b"another way to name a key"}))


def test_a_link_cannot_be_issued_to_a_key_under_which_others_could_sign() -> None:
    with pytest.raises(Theirs):
        Grant(PublicKey.ed25519(bytes(32)), frozenset({FRONT}), Rights.UNLOCK)


def passkey(**changes: object) -> Fields:
    fields = {"1": PASSKEY.key.cose, "2": RP_HASH, "3": "https://keys.example"} | changes
    return {int(name): value for name, value in fields.items() if value != "absent"}


@pytest.mark.parametrize("changes", [
    {"1": "absent"}, {"2": "absent"}, {"3": "absent"}, {"4": 0}, {"1": []}, {"2": RP_HASH[1:]},
    {"2": RP_HASH + b"x"}, {"3": "x" * 256}, {"3": b"x"},
])
def test_a_passkey_that_is_not_whole_is_refused(changes: Fields) -> None:
    with refused("G5"):
        read_grant(limit(13, passkey(**changes)))


@pytest.mark.parametrize(("cose", "check"), KEYS)
def test_a_passkey_under_which_others_could_sign_is_refused(cose: Fields, check: str) -> None:
    with refused(check):
        read_grant(limit(13, passkey(**{"1": cose})))


def test_a_passkey_names_the_whole_origin() -> None:
    origin = "x" * 255
    link = read_grant(limit(13, passkey(**{"3": origin})))
    assert link.passkey == Passkey(PASSKEY.key, RP_HASH, origin)


def enrolment(change: Callable[[Fields, Fields], object] = lambda claims, limits: None) -> bytes:
    """An enrolment made by hand."""
    limits: Fields = {1: PARENT, 3: [FRONT], 4: 1, 15: {1: 1, 2: 0, 3: 1, 4: b"sealed"}}
    claims: Fields = {CNF: {1: LOCK.public.cose}, LIMITS: limits}
    change(claims, limits)
    return sign(ENROL, claims, TENANT, kid=False)


@pytest.mark.parametrize("good", [
    {1: 1}, {1: 4}, {2: 0}, {2: 1999}, {3: 1}, {3: TIME_MAX}, {4: b"x"}, {4: bytes(512)},
])
def test_a_credential_at_its_border_is_read(good: Fields) -> None:
    read_grant(enrolment(lambda claims, limits: limits[15].update(good)), ENROL)


@pytest.mark.parametrize("bad", [
    {1: 0}, {1: 5}, {1: True}, {2: -1}, {2: 2000}, {2: False}, {3: 0}, {3: TIME_MAX + 1},
    {3: True}, {4: b""}, {4: bytes(513)}, {4: "pin"}, {5: 0},
])
def test_a_credential_beyond_its_border_is_refused(bad: Fields) -> None:
    with refused("G6"):
        read_grant(enrolment(lambda claims, limits: limits[15].update(bad)), ENROL)


# --- one meaning for each link --------------------------------------------------------------


def test_a_first_link_names_its_site_and_any_other_its_parent() -> None:
    with refused("G7"):
        read_grant(limit(1, PARENT))  # both
    with refused("G7"):
        read_grant(raw_link(lambda claims, limits: claims.pop(AUD)))  # neither


def test_a_first_link_names_the_site_key_that_signed_it() -> None:
    payload = cbor.decode(parse(GRANT, raw_link()).payload)
    with refused("G7"):
        read_grant(sign(GRANT, payload, GRANTER, kid=False))


def test_a_link_below_another_names_no_signer_of_its_own() -> None:
    payload: Fields = {CNF: {1: GOOD_KEY}, LIMITS: {1: PARENT, 3: [FRONT], 4: 1}}
    assert read_grant(sign(GRANT, payload, TENANT, kid=False)).parent == PARENT
    with refused("G7"):
        read_grant(sign(GRANT, payload, TENANT, kid=True))


def test_only_a_first_link_is_a_residents() -> None:
    with refused("G8"):
        passer().pass_on(TENANT, resident=True)


def test_a_residents_key_never_goes_stale() -> None:
    with refused("G8"):
        read_grant(raw_link(lambda claims, limits: limits.update({10: 60, 14: 1})))


def test_a_grant_names_no_credential_and_an_enrolment_names_one() -> None:
    with refused("G9"):
        read_grant(raw_link(lambda claims, limits: limits.update({
            15: {1: 1, 2: 0, 3: 1, 4: b"sealed"}})))
    with refused("G9"):
        read_grant(enrolment(lambda claims, limits: limits.pop(15)), ENROL)


@pytest.mark.parametrize("more", [{6: 1}, {5: 1}])
def test_an_enrolment_hands_nothing_on(more: Fields) -> None:
    with refused("G9"):
        read_grant(enrolment(lambda claims, limits: limits.update(more)), ENROL)


def test_an_enrolment_is_never_the_first_link() -> None:
    def as_first(claims: Fields, limits: Fields) -> None:
        limits.update({15: {1: 1, 2: 0, 3: 1, 4: b"sealed"}})

    with refused("G9"):
        read_grant(raw_link(as_first, kind=ENROL), ENROL)


# --- other documents, other encodings -------------------------------------------------------


def test_a_staple_is_no_grant_and_a_grant_no_staple() -> None:
    staple, grant = sign_staple(SITE, PARENT, 1, GRANTER), raw_link()
    with pytest.raises(Malformed):
        read_grant(staple)
    with refused("K8"):  # read as a grant its bytes are signed by nobody
        parse(GRANT, staple).verify(GRANTER.public)
    with refused("K8"):
        parse(STAPLE, grant).verify(GRANTER.public)


def payload_with(change: Callable[[bytes], bytes]) -> bytes:
    """A link whose payload was changed byte by byte before it was signed."""
    payload = parse(GRANT, claim(EXP, 1000)).payload
    changed = change(payload)
    assert changed != payload
    return signed_bytes(GRANT, changed, GRANTER)


EXP_1000 = b"\x04\x19\x03\xe8"  # claim 4, 1000


@pytest.mark.parametrize(("odd", "check"), [
    (EXP_1000 + EXP_1000, "E7"),  # twice
    (b"\x04\x1a\x00\x00\x03\xe8", "E4"), (b"\x04\x18\x05", "E4"),  # longer than it needs
    (b"\x04\xfb" + bytes(8), "E6"), (b"\x04\xf9\x7e\x00", "E6"),  # a float, NaN
    (b"\x04\xc2\x42\x03\xe8", "E6"), (b"\x04\xc1\x19\x03\xe8", "E6"),  # a bignum, a tag
    (b"\x04\x5f\x41\x01\xff", "E5"), (b"\x04\x9f\xff", "E5"),  # indefinite
    (b"\x04\xf7", "E6"),  # undefined
    (b"\x04\x7b\x7f\xff\xff\xff\xff\xff\xff\xff", "E2"),  # a text of 2^63 bytes
    (b"\x04\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", "E2"),  # an array of 2^63 items
])
def test_a_payload_with_a_second_encoding_is_refused(odd: bytes, check: str) -> None:
    def change(payload: bytes) -> bytes:
        count = payload[0] + (odd == EXP_1000 * 2)
        return bytes([count]) + payload[1:].replace(EXP_1000, odd)

    with refused(check):
        read_grant(payload_with(change))


def test_bytes_after_the_payload_or_the_link_are_refused() -> None:
    with refused("E3"):
        read_grant(payload_with(lambda payload: payload + b"\x00"))
    with refused("E3"):
        read_grant(raw_link() + b"\x00")


def test_a_link_is_read_six_levels_deep_and_no_deeper() -> None:
    read_grant(claim(ABOUT, {2: [[[[]]]]}))
    with refused("E8"):
        read_grant(claim(ABOUT, {2: [[[[[]]]]]}))


def test_a_link_nested_a_thousand_deep_is_refused() -> None:
    with refused("E8"):
        read_grant(payload_with(
            lambda payload: payload.replace(EXP_1000, b"\x04" + b"\x81" * 1000 + b"\x00")))


def test_a_link_cut_anywhere_is_refused() -> None:
    link = raw_link()
    for length in range(len(link)):
        with pytest.raises(Malformed):
            read_grant(link[:length])


@pytest.mark.parametrize("kind", [GRANT, ENROL])
@given(encoded=st.binary(max_size=400))
def test_bytes_of_any_kind_are_read_or_refused_and_nothing_else(encoded: bytes, kind: str) -> None:
    with pytest.raises(Malformed):
        read_grant(encoded, kind)


# --- signing --------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [
    {"doors": frozenset()}, {"depth": 5}, {"uses": 0}, {"max_life": 0}, {"site": b"short"},
    {"exp": -1}, {"hours": ()}, {"resident": True, "max_staleness": 5},
])
def test_a_link_that_could_not_be_read_is_never_signed(wrong: Fields) -> None:
    good = Grant(TENANT.public, frozenset({FRONT}), Rights.UNLOCK, site=SITE)
    with pytest.raises(Malformed):
        sign_grant(replace(good, **wrong), GRANTER)


def test_all_rights_and_all_factors_are_all_there_are() -> None:
    assert sum(Rights) == ALL_RIGHTS
    assert sum(Factors) == ALL_FACTORS

"""Staples and attested time: whose word counts, about what, and in answer to what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.core.cast import (
    AGENT,
    DAY,
    FIRM,
    GRANTER,
    LOCK,
    NOW,
    PASSKEY,
    REFRESHER,
    REVOKER,
    ROOT,
    SITE,
    STRANGER,
    TENANT,
    TIMER,
    Chain,
    Fields,
    first,
    passer,
    raw_link,
    refused,
    role,
    site,
)

from mortice.core import cbor
from mortice.core.document import AUD, EXP, IAT, LIMITS, sign
from mortice.core.freshness import (
    STAPLE,
    TIME,
    accept_staple,
    accept_time,
    sign_staple,
    sign_time,
)
from mortice.core.grant import KeyClass, Rights
from mortice.core.keys import SoftwareKey
from mortice.core.limits import TIME_MAX
from mortice.core.site import Role

LEAF, NONCE, MINE = bytes(range(16)), bytes(range(32)), LOCK.public.id
BOTH = Rights.REFRESH | Rights.SET_TIME


def staple(by: SoftwareKey = REFRESHER, at: int = NOW, of: bytes = SITE) -> bytes:
    return sign_staple(of, LEAF, at, by)


def time_said(
    by: SoftwareKey = TIMER, at: int = NOW, of: bytes = SITE, lock: bytes = MINE,
    nonce: bytes = NONCE,
) -> bytes:
    return sign_time(of, lock, nonce, at, by)


# The two documents are accepted by the same rules about their signers.
Accept = Callable[[SoftwareKey, Chain | None], Any]


def by_staple(signer: SoftwareKey, chain: Chain | None = None) -> Any:  # noqa: ANN401 — either kind
    return accept_staple(site(), staple(signer), chain.wire if chain else None)


def by_time(signer: SoftwareKey, chain: Chain | None = None) -> Any:  # noqa: ANN401 — either kind
    return accept_time(site(), time_said(signer), MINE, NONCE, chain.wire if chain else None)


EITHER = pytest.mark.parametrize(
    ("accept", "right", "role_key"),
    [(by_staple, Rights.REFRESH, REFRESHER), (by_time, Rights.SET_TIME, TIMER)],
    ids=["staple", "time"])


# --- whose word -----------------------------------------------------------------------------


@EITHER
def test_the_role_of_the_site_is_believed(
    accept: Accept, right: Rights, role_key: SoftwareKey,
) -> None:
    assert accept(role_key, None).signer is None
    assert accept(role_key, None).at == NOW


@EITHER
@pytest.mark.parametrize("other", [STRANGER, GRANTER, REVOKER, ROOT, TENANT, LOCK])
def test_no_other_key_is_believed_without_a_chain(
    accept: Accept, right: Rights, role_key: SoftwareKey, other: SoftwareKey,
) -> None:
    with refused("T3"):
        accept(other, None)


def test_the_two_roles_do_not_stand_in_for_each_other() -> None:
    with refused("T3"):
        by_staple(TIMER)
    with refused("T3"):
        by_time(REFRESHER)


@EITHER
def test_a_holder_with_the_right_is_believed(
    accept: Accept, right: Rights, role_key: SoftwareKey,
) -> None:
    chain = first(TENANT, use=right)
    assert accept(TENANT, chain).signer == chain.verified()


@EITHER
def test_a_holder_without_the_right_is_not_believed(
    accept: Accept, right: Rights, role_key: SoftwareKey,
) -> None:
    with refused("T3"):
        accept(TENANT, first(TENANT, use=Rights(1023) & ~right))


@EITHER
def test_the_right_must_have_been_handed_on(
    accept: Accept, right: Rights, role_key: SoftwareKey,
) -> None:
    good = passer(delegable=right).pass_on(FIRM, use=right)
    assert accept(FIRM, good).signer == good.verified()
    with refused("C9"):
        accept(FIRM, passer(use=right).pass_on(FIRM, use=right))
    with refused("T3"):
        accept(FIRM, passer(delegable=BOTH).pass_on(FIRM, use=BOTH & ~right))


@EITHER
def test_the_chain_is_that_of_the_signer_and_holds(
    accept: Accept, right: Rights, role_key: SoftwareKey,
) -> None:
    with refused("D7"):
        accept(STRANGER, first(TENANT, use=right))
    with refused("D7"):
        accept(AGENT, passer(delegable=right).pass_on(FIRM, use=right))
    with refused("C5"):
        accept(TENANT, first(TENANT, use=right, signer=STRANGER))


@EITHER
def test_a_browsers_key_signs_neither_because_no_touch_comes_with_them(
    accept: Accept, right: Rights, role_key: SoftwareKey,
) -> None:
    browser = first(TENANT, use=right, klass=KeyClass.WEB, passkey=PASSKEY, max_life=DAY)
    with refused("T3"):
        accept(TENANT, browser)


@EITHER
def test_an_enrolment_signs_nothing(
    accept: Accept, right: Rights, role_key: SoftwareKey,
) -> None:
    with refused("G9"):
        accept(LOCK, first(TENANT, use=right).enrol(use=right))


@EITHER
def test_a_changed_byte_is_found(
    accept: Accept, right: Rights, role_key: SoftwareKey,
) -> None:
    class Forger:
        public = role_key.public
        sign = STRANGER.sign

    forged: Any = Forger()
    with refused("K8"):
        accept(forged, None)


def test_a_role_that_nobody_fills_is_nobodys() -> None:
    roles = {name: held for name, held in site().roles.items() if name in {
        Role.ROOT, Role.GRANT, Role.REVOKE}}
    with refused("T3"):
        accept_staple(site(roles=roles), staple())
    with refused("T3"):
        accept_time(site(roles=roles), time_said(), MINE, NONCE)


def test_a_key_that_left_its_role_is_believed_no_more() -> None:
    roles = {**site().roles, Role.REFRESH: role(ROOT), Role.TIME: role(ROOT)}
    with refused("T3"):
        accept_staple(site(roles=roles), staple())
    with refused("T3"):
        accept_time(site(roles=roles), time_said(), MINE, NONCE)


# --- about what -----------------------------------------------------------------------------


def test_a_staple_says_which_key_and_when() -> None:
    said = accept_staple(site(), staple())
    assert (said.leaf, said.at) == (LEAF, NOW)


def test_a_time_to_this_lock_in_answer_to_this_nonce_says_when() -> None:
    assert accept_time(site(), time_said(), MINE, NONCE).at == NOW


def test_what_was_signed_for_another_site_is_refused() -> None:
    with refused("T2"):
        accept_staple(site(), staple(of=bytes(16)))
    with refused("T2"):
        accept_time(site(), time_said(of=bytes(16)), MINE, NONCE)


def test_a_time_for_another_lock_or_another_nonce_is_refused() -> None:
    with refused("T5"):
        accept_time(site(), time_said(lock=TENANT.public.id), MINE, NONCE)
    with refused("T6"):
        accept_time(site(), time_said(nonce=NONCE[::-1]), MINE, NONCE)


def test_neither_is_the_other_nor_a_grant() -> None:
    holder = first(TENANT, use=BOTH)
    with refused("K8"):
        accept_staple(site(), time_said(TENANT), holder.wire)
    with refused("K8"):
        accept_time(site(), staple(TENANT), MINE, NONCE, holder.wire)
    with refused("K8"):
        accept_staple(site(), raw_link(signer=REFRESHER))


@pytest.mark.parametrize("at", [0, 2**31, 2**32, TIME_MAX])
def test_a_moment_at_its_border_is_read(at: int) -> None:
    assert accept_staple(site(), staple(at=at)).at == at
    assert accept_time(site(), time_said(at=at), MINE, NONCE).at == at


BAD_TIMES = [-1, TIME_MAX + 1, 2**63, True, None, "0", b"\0"]


@pytest.mark.parametrize("change", [
    *({IAT: bad} for bad in BAD_TIMES), {LIMITS: []}, {LIMITS: {}}, {LIMITS: {1: LEAF[1:]}},
    {LIMITS: {1: LEAF, 2: 0}}, {LIMITS: {1: LEAF.hex()}}, {AUD: SITE[1:]}, {EXP: NOW}, {"x": 1},
])
def test_a_staple_of_another_form_is_refused(change: Fields) -> None:
    payload: Fields = {AUD: SITE, IAT: NOW, LIMITS: {1: LEAF}} | change
    with refused("T1"):
        accept_staple(site(), sign(STAPLE, payload, REFRESHER))


@pytest.mark.parametrize("change", [
    *({IAT: bad} for bad in BAD_TIMES), {LIMITS: []}, {LIMITS: {1: MINE}},
    {LIMITS: {1: MINE, 2: NONCE[1:]}}, {LIMITS: {1: MINE, 2: NONCE + b"x"}},
    {LIMITS: {1: MINE[1:], 2: NONCE}}, {LIMITS: {1: MINE, 2: NONCE, 3: 0}}, {AUD: b""},
    {EXP: NOW}, {"x": 1},
])
def test_a_time_of_another_form_is_refused(change: Fields) -> None:
    payload: Fields = {AUD: SITE, IAT: NOW, LIMITS: {1: MINE, 2: NONCE}} | change
    with refused("T4"):
        accept_time(site(), sign(TIME, payload, TIMER), MINE, NONCE)


@pytest.mark.parametrize("missing", [AUD, IAT, LIMITS])
def test_nothing_may_be_missing(missing: int) -> None:
    words: Fields = {AUD: SITE, IAT: NOW, LIMITS: {1: LEAF}}
    del words[missing]
    with refused("T1"):
        accept_staple(site(), sign(STAPLE, words, REFRESHER))
    words = {AUD: SITE, IAT: NOW, LIMITS: {1: MINE, 2: NONCE}}
    del words[missing]
    with refused("T4"):
        accept_time(site(), sign(TIME, words, TIMER), MINE, NONCE)


def test_a_payload_that_is_no_map_is_refused() -> None:
    for payload in ([], 5, "x", None):
        with refused("T1"):
            accept_staple(site(), sign(STAPLE, payload, REFRESHER))
        with refused("T4"):
            accept_time(site(), sign(TIME, payload, TIMER), MINE, NONCE)


def test_bytes_that_are_no_document_are_refused() -> None:
    for encoded in (b"", b"\x80", cbor.encode([b"", {}, b"", b""])):
        with refused({b"": "E2", b"\x80": "D1"}.get(encoded, "E2")):
            accept_staple(site(), encoded)

"""Putting a credential on a door: below whose key, on which lock, in which slot, how often.

H in the names of checks is that of spec/enrolment.md.
"""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from tests.core.cast import (
    AGENT,
    FIRM,
    FRONT,
    GRANTER,
    LOCK,
    METER,
    NOW,
    SITE,
    STRANGER,
    TENANT,
    Chain,
    first,
    key,
    refused,
    site,
)

from mortice.core import cbor
from mortice.core.enrolment import accept_enrolment, check_pin, presented, sealed_context
from mortice.core.errors import Malformed
from mortice.core.grant import ENROL, GRANT, CredentialKind, Grant, Rights, sign_grant
from mortice.core.limits import SLOTS, TIME_MAX
from mortice.core.stages import Factors, Reader

OPEN_AND_ENROL = Rights.UNLOCK | Rights.LOCK | Rights.ENROL


def tenant(**terms: Any) -> Chain:  # noqa: ANN401 — any field of a Grant
    """A key whose holder may put a PIN on the door."""
    return first(TENANT, **{"use": OPEN_AND_ENROL} | terms)


def accept(chain: Chain, *, slot_version: int = 0) -> Any:  # noqa: ANN401 — read as it comes
    return accept_enrolment(site(), chain.wire, LOCK.public, slot_version=slot_version)


# --- who may enrol what ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", CredentialKind)
def test_a_holder_enrols_below_the_own_key(kind: CredentialKind) -> None:
    enrolment = accept(tenant().enrol(kind, slot=7, version=5, sealed=b"ciphertext"))
    assert enrolment.credential.kind is kind
    assert (enrolment.credential.slot, enrolment.credential.version) == (7, 5)
    assert enrolment.verified.own == tenant().leaf


def test_no_depth_is_needed_because_nothing_is_handed_on() -> None:
    assert tenant().leaf.depth == 0
    accept(tenant().enrol(use=Rights.UNLOCK | Rights.LOCK))


@pytest.mark.parametrize("use", [Rights.UNLOCK, Rights.UNLOCK | Rights.LOCK])
def test_a_key_that_may_put_nothing_on_a_door_enrols_nothing(use: Rights) -> None:
    with refused("H7"):
        accept(tenant(use=use).enrol())


def test_every_link_above_must_hand_on_the_right_to_enrol() -> None:
    agent = first(AGENT, use=OPEN_AND_ENROL, delegable=OPEN_AND_ENROL, depth=1)
    firm = agent.pass_on(FIRM, use=OPEN_AND_ENROL)
    accept(firm.enrol())
    with refused("H7"):
        accept(agent.pass_on(FIRM, use=Rights.UNLOCK).enrol())


@pytest.mark.parametrize("more", [
    Rights.ENROL, Rights.VIEW_LOG, Rights.CONFIGURE, Rights.SET_TIME, Rights.HOLD_OPEN,
    Rights.RESTORE, Rights.UPDATE, Rights.REFRESH])
def test_a_credential_at_the_door_only_locks_and_unlocks(more: Rights) -> None:
    """Else a PIN that somebody watched would also read the log and put on further PINs."""
    above = tenant(use=OPEN_AND_ENROL | more)
    with refused("H3"):
        accept(above.enrol(use=Rights.UNLOCK | more))


def test_a_pin_opens_no_more_doors_than_the_key() -> None:
    with refused("C8"):
        accept(tenant().enrol(doors=frozenset({METER})))


@pytest.mark.parametrize(("above", "below", "check"), [
    ({"use": Rights.UNLOCK | Rights.ENROL}, {"use": Rights.LOCK}, "C9"),
    ({"nbf": NOW}, {}, "C10"), ({"exp": NOW}, {}, "C11"), ({"exp": NOW}, {"exp": NOW + 1}, "C11"),
    ({"max_life": 60}, {}, "C12"), ({"factors": Factors.PIN}, {}, "C14"),
    ({"max_staleness": 60}, {}, "C15"), ({"uses": 1}, {}, "C16"),
    ({"uses": 1}, {"uses": 2}, "C16")])
def test_a_credential_is_as_narrow_as_any_key(
    above: dict[str, Any], below: dict[str, Any], check: str,
) -> None:
    with refused(check):
        accept(tenant(**above).enrol(**below))


def test_somebody_elses_signature_enrols_nothing() -> None:
    with refused("K8"):
        accept(tenant().enrol(signer=STRANGER))


def test_the_site_itself_enrols_nobody() -> None:
    """An enrolment is always below a person's key, which can be taken back with it."""
    credential = tenant().enrol().leaf.credential
    alone = Grant(LOCK.public, frozenset({FRONT}), Rights.UNLOCK, site=SITE, credential=credential)
    with refused("G9"):
        sign_grant(alone, GRANTER)


def test_an_enrolment_is_the_last_link() -> None:
    chain = tenant().enrol()
    with refused("G9"):
        accept(Chain([*chain.wire, chain.wire[-1]], TENANT))
    with refused("C6"):
        accept(Chain([*tenant().wire, tenant().wire[0], chain.wire[-1]], TENANT))


def test_a_plain_link_is_no_enrolment_and_an_enrolment_no_link() -> None:
    passed_on = tenant(delegable=Rights.UNLOCK, depth=1).pass_on(LOCK)
    with refused("G9"):
        accept(passed_on)
    assert tenant().enrol().kind == ENROL
    assert passed_on.kind == GRANT


def test_a_chain_of_another_site_enrols_nothing() -> None:
    with refused("C4"):
        accept(tenant(site=bytes(16)).enrol())


def test_an_empty_chain_enrols_nothing() -> None:
    with refused("C1"):
        accept_enrolment(site(), [], LOCK.public, slot_version=0)


# --- which lock, which slot, which version --------------------------------------------------


def test_an_enrolment_for_another_lock_is_refused() -> None:
    """The same owner's next door, or a lock that stood here before this one."""
    with refused("H2"):
        accept(tenant().enrol(holder=key("another lock")))


@pytest.mark.parametrize("seen", [5, 6, TIME_MAX])
def test_an_old_enrolment_does_not_come_back(seen: int) -> None:
    with refused("H4"):
        accept(tenant().enrol(version=5), slot_version=seen)


@pytest.mark.parametrize("seen", [0, 1, 4])
def test_a_newer_enrolment_takes_the_slot(seen: int) -> None:
    assert accept(tenant().enrol(version=5), slot_version=seen).credential.version == 5


@pytest.mark.parametrize(("field", "good", "bad"), [
    ("slot", (0, SLOTS - 1), (-1, SLOTS)), ("version", (1, TIME_MAX), (0, TIME_MAX + 1)),
    ("sealed", (b"x", bytes(512)), (b"", bytes(513)))])
def test_a_credential_stays_within_its_bounds(
    field: str, good: tuple[Any, ...], bad: tuple[Any, ...],
) -> None:
    for value in good:
        accept(tenant().enrol(**{field: value}))
    for value in bad:
        with refused("G6"):
            tenant().enrol(**{field: value})


# --- the sealed PIN -------------------------------------------------------------------------

HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
SEALING = X25519PrivateKey.from_private_bytes(key("sealing").seed)


def test_a_sealed_pin_is_of_one_signer_link_and_slot() -> None:
    """Cut out of the tenant's enrolment, it is worth nothing in a neighbour's."""
    leaf = tenant().leaf
    mine = (TENANT.public.id, leaf.id, 7)
    sealed = HPKE.encrypt(b"27182818", SEALING.public_key(), info=sealed_context(*mine))
    assert HPKE.decrypt(sealed, SEALING, info=sealed_context(*mine)) == b"27182818"
    for other in (
        (STRANGER.public.id, leaf.id, 7), (TENANT.public.id, first(STRANGER).leaf.id, 7),
        (TENANT.public.id, leaf.id, 8),
    ):
        with pytest.raises(InvalidTag):
            HPKE.decrypt(sealed, SEALING, info=sealed_context(*other))


def test_a_sealed_pin_cannot_be_put_into_another_enrolment() -> None:
    """The signature covers the ciphertext."""
    chain, other = tenant().enrol(sealed=b"one"), tenant().enrol(sealed=b"other")
    parts, others = cbor.decode(chain.leaf_bytes), cbor.decode(other.leaf_bytes)
    assert isinstance(parts, list)
    assert isinstance(others, list)
    swapped = cbor.encode([parts[0], {}, others[2], parts[3]])
    with refused("K8"):
        accept(Chain([chain.wire[0], swapped], TENANT))


def test_neither_the_credential_nor_the_context_shows_in_a_trace() -> None:
    credential = tenant().enrol(sealed=b"the ciphertext").leaf.credential
    assert "ciphertext" not in repr(credential)


# --- which PINs are let on a door -----------------------------------------------------------


@pytest.mark.parametrize("pin", ["271828", "27182818", "271828182845"])
def test_a_pin_that_is_hard_to_guess_is_let_on_a_door(pin: str) -> None:
    check_pin(pin)


@pytest.mark.parametrize("pin", ["111111", "123456", "241285", "27182718"])
def test_an_easy_one_is_refused_with_the_reason_and_not_repeated(pin: str) -> None:
    with pytest.raises(Malformed, match="refused, because it") as error:
        check_pin(pin)
    assert error.value.check == "H5"
    assert pin not in str(error.value)


@pytest.mark.parametrize("pin", [
    "", "27182", "2718281828459", "abcdef", "27182a", "٢٧١٨٢٨", "27 1828", "271828\n"])
def test_what_no_keypad_can_type_is_refused(pin: str) -> None:
    with refused("P1"):
        check_pin(pin)


# --- what it amounts to at the door ---------------------------------------------------------


@pytest.mark.parametrize("kind", CredentialKind)
def test_a_credential_stands_for_the_key_and_is_no_second_check_beside_it(
    kind: CredentialKind,
) -> None:
    """A card number is data and a PIN is the key itself; only the touch at the door is certain."""
    shown = presented(accept(tenant().enrol(kind)))
    assert shown.links == tenant().enrol(kind).verified().links
    assert shown.factors is Factors.TOUCH
    assert shown.reader is Reader.KEYPAD
    assert shown.own.id == tenant().leaf.id

"""Credentials put on a door under a holder's own key: PIN, card, finger, passkey.

Decides whether an enrolment may take its slot. An enrolment is the last link of a chain: the same
narrowing and the same judgement at each use as any key. It names this lock, one slot, and a
version that only rises, so an old enrolment cannot come back. A PIN travels sealed to the lock.

Spec: spec/enrolment.md. Checks H2 to H5 and H7; H1, H6 and H8 are the lock's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mortice.core import cbor
from mortice.core.chain import has_right, read_chain, verify_chain
from mortice.core.errors import Malformed, Untrusted
from mortice.core.grant import ENROL, Credential, Rights
from mortice.core.keys import PublicKey
from mortice.core.pin import Entry, read_typed, weakness
from mortice.core.site import Site
from mortice.core.stages import Factors, Reader, Verified

ENROLLABLE = Rights.UNLOCK | Rights.LOCK  # what a keypad can ask for


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A verified enrolment: the whole chain, whose last link names the credential."""

    verified: Verified
    credential: Credential


def accept_enrolment(
    site: Site, wire: list[cbor.Value], lock: PublicKey, *, slot_version: int,
) -> Enrolment:
    """Verify a chain that ends in an enrolment for `lock`. Raises H2 to H4, H7, C, D, G."""
    links = read_chain(wire, last=ENROL)
    verified = verify_chain(links, site.chain_keys())
    credential = verified.leaf.credential
    assert credential is not None, "a link of this kind names one (G9)"
    if verified.leaf.holder.id != lock.id:
        raise Untrusted("H2", "enrolment: for another lock")
    if verified.leaf.use not in ENROLLABLE:
        raise Untrusted("H3", "enrolment: a credential at the door can only lock and unlock")
    if not has_right(verified.links[:-1], Rights.ENROL):
        raise Untrusted("H7", "enrolment: the key above may put nothing on a door")
    if credential.version <= slot_version:
        raise Untrusted("H4", f"enrolment: version {credential.version} after {slot_version}")
    return Enrolment(verified, credential)


def sealed_context(signer: bytes, leaf: bytes, slot: int) -> bytes:
    """The HPKE info that binds a sealed PIN to who enrols it, below which link, in which slot."""
    return cbor.encode(["mortice-pin/1", signer, leaf, slot])


def check_pin(pin: str) -> None:
    """H5: refuse a PIN that is easy to guess. Raises Malformed with the reason, never the PIN."""
    read_typed(pin, Entry.PLAIN)
    problem = weakness(pin)
    if problem is not None:
        raise Malformed("H5", f"PIN: refused, because {problem}")


def presented(enrolment: Enrolment) -> Verified:
    """What showing the credential at the door amounts to: the chain, and a touch at the door.

    It stands in the place of the key, so it is no second factor beside it: a key that asks for a
    PIN beside the phone is not opened by that PIN alone.
    """
    return replace(enrolment.verified, factors=Factors.TOUCH, reader=Reader.KEYPAD)

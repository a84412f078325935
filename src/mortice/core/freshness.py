"""Staples and attested time: short signed words that a key is still good, and what time it is.

Decides whether a staple vouches for a leaf and how old it is, and whether an attestation may set
the clock. A staple names one leaf; whoever signs it has checked every link above. An attestation
answers a nonce that this lock gave in this conversation, so an old one is worth nothing.

Spec: spec/time.md, sections 2 and 4. Checks T1 to T6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mortice.core import cbor
from mortice.core.chain import has_right, read_chain, verify_chain
from mortice.core.document import AUD, IAT, LIMITS, Document, parse, sign
from mortice.core.errors import Untrusted
from mortice.core.fields import Fields
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.keys import Signer
from mortice.core.limits import ID_BYTES, TIME_MAX
from mortice.core.site import Role, Site
from mortice.core.stages import Verified

STAPLE = "mortice-staple/1"
TIME = "mortice-time/1"
NONCE_BYTES = 32  # the handshake hash of the conversation


@dataclass(frozen=True, slots=True)
class Staple:
    """Still good: `leaf` was checked at `at`. `signer` is whose key says so, None for a role."""

    leaf: bytes
    at: int
    signer: Verified | None


def sign_staple(site: bytes, leaf: bytes, at: int, signer: Signer) -> bytes:
    """Vouch at Unix second `at` for the link with id `leaf`."""
    return sign(STAPLE, {AUD: site, IAT: at, LIMITS: {1: leaf}}, signer)


def accept_staple(site: Site, encoded: bytes, chain: list[cbor.Value] | None = None) -> Staple:
    """Verify a staple by the refresh role or a holder with the right. Raises T1 to T3."""
    document = parse(STAPLE, encoded)
    signer = _verify_signer(site, document, chain, Role.REFRESH, Rights.REFRESH)
    claims = Fields(cbor.decode(document.payload), "staple", "T1")
    limits = Fields(claims.map(LIMITS), "staple", "T1")
    staple = Staple(limits.bytes(1, ID_BYTES), claims.int(IAT, 0, TIME_MAX), signer)
    if claims.bytes(AUD, ID_BYTES) != site.id:
        raise Untrusted("T2", "signed for another site")
    claims.done(limits)
    return staple


def _verify_signer(
    site: Site, document: Document, chain: list[cbor.Value] | None, role: Role, right: Rights,
) -> Verified | None:
    key = site.key(role, document.kid)
    if key is not None:
        document.verify(key)
        return None
    if chain is None:
        raise Untrusted("T3", "the signer has neither the role nor a key that gives the right")
    signer = verify_chain(read_chain(chain), site.chain_keys())
    document.verify(signer.leaf.holder)
    # A browser's key signs with a touch only, and no touch comes with these.
    if signer.leaf.klass is KeyClass.WEB or not has_right(signer.links, right):
        raise Untrusted("T3", "the signer's key does not give the right")
    return signer


def vouchable(links: Sequence[Grant]) -> frozenset[bytes]:
    """Ids that a staple may name to keep the last of `links` alive.

    For a credential that is also the key above it, if that asks for staples itself: a person's PIN
    stays good for as long as their key does.
    """
    own = links[-1:] if links[-1].credential is None else links[-2:]
    return frozenset(link.id for link in own if link.max_staleness is not None)


@dataclass(frozen=True, slots=True)
class Attested:
    """What time somebody with the right says it is."""

    at: int
    signer: Verified | None  # as in a staple


def sign_time(site: bytes, lock: bytes, nonce: bytes, at: int, signer: Signer) -> bytes:
    """Attest Unix second `at` to `lock`, which gave `nonce`."""
    return sign(TIME, {AUD: site, IAT: at, LIMITS: {1: lock, 2: nonce}}, signer)


def accept_time(
    site: Site, encoded: bytes, lock: bytes, nonce: bytes, chain: list[cbor.Value] | None = None,
) -> Attested:
    """Verify an attestation for this lock and this nonce. Raises T3 to T6."""
    document = parse(TIME, encoded)
    signer = _verify_signer(site, document, chain, Role.TIME, Rights.SET_TIME)
    claims = Fields(cbor.decode(document.payload), "time", "T4")
    limits = Fields(claims.map(LIMITS), "time", "T4")
    attested = Attested(claims.int(IAT, 0, TIME_MAX), signer)
    to, answers = limits.bytes(1, ID_BYTES), limits.bytes(2, NONCE_BYTES)
    if claims.bytes(AUD, ID_BYTES) != site.id:
        raise Untrusted("T2", "signed for another site")
    claims.done(limits)
    if to != lock:
        raise Untrusted("T5", "time: attested to another lock")
    if answers != nonce:
        raise Untrusted("T6", "time: answers another nonce")
    return attested

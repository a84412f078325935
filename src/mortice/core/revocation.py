"""Keys taken back: sets that only grow, one per signer, in any order, until their links end.

Decides which links and key holders are dead. A revoke document is a delta; documents may come in
any order, twice, or by way of anybody's phone, and the union is the same. An entry by the site's
revoke role kills whatever it names. An entry by the holder of a link kills what stands below that
link and nothing else. Nothing un-revokes; an entry leaves when the link that it names has ended.

Spec: spec/revocation.md. Checks V1 to V6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mortice.core import cbor
from mortice.core.chain import SiteKeys, read_chain, verify_chain
from mortice.core.document import AUD, LIMITS, Document, parse, sign
from mortice.core.errors import Untrusted
from mortice.core.fields import Fields
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.keys import PublicKey, Signer
from mortice.core.limits import ID_BYTES, REVOCATIONS_PER_DOCUMENT, TIME_MAX
from mortice.core.passkey import read_assertion
from mortice.core.site import Role, Site

REVOKE = "mortice-revoke/1"
NEVER = 0  # in place of an expiry: the named link has no end, so the entry stays


@dataclass(frozen=True, slots=True)
class Revoked:
    """One entry: the id of a link, or of a holder's key, and when that link ends anyway."""

    named: bytes
    expires: int | None


@dataclass(frozen=True, slots=True)
class Revocation:
    """One verified delta. `over_all` is True for the site's revoke role."""

    id: bytes
    signer: bytes
    over_all: bool
    entries: tuple[Revoked, ...]


def sign_revocation(site: bytes, entries: Iterable[Revoked], signer: Signer) -> bytes:
    """Encode and sign a delta."""
    listed: list[cbor.Value] = [[e.named, e.expires or NEVER] for e in entries]
    encoded = sign(REVOKE, {AUD: site, LIMITS: {1: listed}}, signer)
    _read_entries(parse(REVOKE, encoded), site)
    return encoded


def _read_entries(document: Document, site: bytes) -> tuple[Revoked, ...]:
    claims, limits = document.claims_for(site, "revocation", "V1", "V2", depth=5)
    return claims.whole(
        tuple(_read_entry(item) for item in limits.list(1, REVOCATIONS_PER_DOCUMENT)), limits)


def _read_entry(item: cbor.Value) -> Revoked:
    fields = Fields.listed(item, 2, 2, "revocation's entry", "V1")
    return Revoked(fields.bytes(0, ID_BYTES), fields.int(1, 0, TIME_MAX) or None)


def accept_revocation(
    site: Site, encoded: bytes, chain: list[cbor.Value] | None = None,
    assertion: cbor.Value = None,
) -> Revocation:
    """Verify a delta by the revoke role, or by the holder of `chain`. Raises V1 to V6, C, D."""
    document = parse(REVOKE, encoded)
    key = site.key(Role.REVOKE, document.kid)
    over_all = key is not None
    if key is None:
        key = _holder_key(site.chain_keys(), document, chain, assertion)
    document.verify(key)
    return Revocation(document.id, key.id, over_all, _read_entries(document, site.id))


def _holder_key(
    keys: SiteKeys, document: Document, chain: list[cbor.Value] | None, assertion: cbor.Value,
) -> PublicKey:
    if chain is None:
        raise Untrusted("V3", "revocation: the signer has no revoke role and shows no key")
    leaf = verify_chain(read_chain(chain), keys).leaf
    if document.kid != leaf.holder.id:
        raise Untrusted("V4", "revocation: signed by another than the holder of the key shown")
    if leaf.depth < 1 and Rights.ENROL not in leaf.use:
        raise Untrusted("V5", "revocation: this holder passes nothing on, so takes nothing back")
    if leaf.klass is KeyClass.WEB:
        if leaf.passkey is None or assertion is None:
            raise Untrusted("V6", "revocation: a browser's key needs its passkey's touch")
        read_assertion(assertion).verify(leaf.passkey, document.id)
    return leaf.holder


class Revocations(Protocol):
    """What the lock has been told, looked up by what a chain holds."""

    def signers(self, names: Collection[bytes]) -> Mapping[bytes, Collection[tuple[bytes, bool]]]:
        """(signer's key id, over all) of every live entry, by which of `names` it names."""


@dataclass(frozen=True, slots=True)
class RevocationSet:
    """Revocations in memory, for holders' devices and tests."""

    entries: Mapping[bytes, frozenset[tuple[bytes, bool]]]

    def signers(self, names: Collection[bytes]) -> Mapping[bytes, Collection[tuple[bytes, bool]]]:
        """(signer's key id, over all) of every entry, by which of `names` it names."""
        return {name: self.entries[name] for name in names if name in self.entries}


NOTHING_REVOKED = RevocationSet({})


def first_revoked(links: tuple[Grant, ...], revoked: Revocations) -> Grant | None:
    """The first link of a verified chain that was taken back, by its id or its holder's key."""
    signers = revoked.signers([name for link in links for name in (link.id, link.holder.id)])
    above: set[bytes] = set()
    for link in links:
        told = [*signers.get(link.id, ()), *signers.get(link.holder.id, ())]
        if any(over_all or signer in above for signer, over_all in told):
            return link
        above.add(link.holder.id)
    return None

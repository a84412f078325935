"""Signed documents: COSE_Sign1 (RFC 9052) over deterministic CBOR, one shape and no options.

Decides whether bytes are a signed document of one named kind, and names its signer. Every document
is `[protected, {}, payload, signature]`. The kind is the external AAD, so a staple can never be
taken for a grant. The protected header holds `alg` and, where a site key or a lock signs, `kid`;
a link below another has no `kid`, because its signer is the holder named in the link above.

An id covers the bytes that are signed and never the signature, so a second signature over the same
bytes (ECDSA allows any number) cannot slip past a revocation.

Spec: spec/document.md. Checks D1 to D7.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from mortice.core import cbor
from mortice.core.errors import Malformed, Untrusted
from mortice.core.fields import Fields
from mortice.core.keys import PublicKey, Signer
from mortice.core.limits import DOCUMENT_BYTES, ID_BYTES, SIGNATURE_BYTES

HEADERS_CACHED = 64  # headers differ by signer alone, and few sign with an id
ALG, KID = 1, 4  # COSE header labels (RFC 9052, section 3.1)
ALGORITHMS = (-19, -9)  # Ed25519, ESP256 (RFC 9864)

# CWT claims (RFC 8392, RFC 8747) and our two maps; labels below -65536 are for private use.
AUD, EXP, NBF, IAT, CNF = 3, 4, 5, 6, 8
LIMITS = -65537  # restrictions: one that is not understood refuses the document
ABOUT = -65538  # information: what is not understood is ignored


def id_of(signed_bytes: bytes) -> bytes:
    """The 16-byte id of a document: SHA-256 over its to-be-signed bytes, cut to 128 bits."""
    return hashlib.sha256(signed_bytes).digest()[:ID_BYTES]


def _signed_bytes(kind: str, protected: bytes, payload: bytes) -> bytes:
    """The Sig_structure of RFC 9052, section 4.4, for one signer."""
    return _signed_head(kind, protected) + cbor.encode(payload)


@lru_cache(HEADERS_CACHED)
def _signed_head(kind: str, protected: bytes) -> bytes:
    """All of a Sig_structure but the payload, which stands last."""
    return cbor.encode(["Signature1", protected, kind.encode(), b""])[:-1]


@dataclass(frozen=True, slots=True)
class Document:
    """A signed document whose signature has not been checked yet."""

    kind: str
    alg: int
    kid: bytes | None
    payload: bytes
    signature: bytes
    signed_bytes: bytes  # what the signature covers
    id: bytes  # 16 bytes that name this document, whoever signed it again

    def verify(self, key: PublicKey) -> None:
        """Check the signature under `key`. Raises Untrusted (D6, D7, and K checks)."""
        if self.alg != key.alg:
            raise Untrusted("D6", f"{self.kind}: algorithm {self.alg}, the signer's has {key.alg}")
        if self.kid is not None and self.kid != key.id:
            raise Untrusted("D7", f"{self.kind}: names another signer")
        key.verify(self.signature, self.signed_bytes)

    def claims_for(
        self, site: bytes, what: str, form: str, other: str, *, depth: int = cbor.MAX_DEPTH,
    ) -> tuple[Fields, Fields]:
        """The claims, and the limits among them, of a document for `site`. Nothing is trusted.

        `what` names the document in errors. Raises Malformed (`form`, E) or Untrusted (`other`).
        """
        claims = Fields(cbor.decode(self.payload, max_depth=depth), what, form)
        if claims.bytes(AUD, ID_BYTES) != site:
            raise Untrusted(other, f"{what}: for another site")
        return claims, Fields(claims.map(LIMITS), what, form)


@lru_cache(HEADERS_CACHED)
def _read_protected(kind: str, protected: bytes) -> tuple[int, bytes | None]:
    header = cbor.decode(protected, max_bytes=64, max_depth=2)
    if not isinstance(header, dict) or not {ALG} <= header.keys() <= {ALG, KID}:
        raise Malformed("D3", f"{kind}: protected header must hold alg and at most kid")
    alg, kid = header[ALG], header.get(KID)
    if type(alg) is not int or alg not in ALGORITHMS:
        raise Malformed("D4", f"{kind}: algorithm must be one of {ALGORITHMS}")
    if KID in header and (not isinstance(kid, bytes) or len(kid) != ID_BYTES):
        raise Malformed("D3", f"{kind}: kid must be {ID_BYTES} bytes")
    return alg, kid if isinstance(kid, bytes) else None


def _document(kind: str, protected: object, payload: object, signature: object) -> Document:
    if not isinstance(protected, bytes):
        raise Malformed("D3", f"{kind}: protected header must be bytes")
    alg, kid = _read_protected(kind, protected)
    if not isinstance(payload, bytes):
        raise Malformed("D1", f"{kind}: payload must be bytes")
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
        raise Malformed("D5", f"{kind}: signature must be {SIGNATURE_BYTES} bytes")
    signed_bytes = _signed_bytes(kind, protected, payload)
    return Document(kind, alg, kid, payload, signature, signed_bytes, id_of(signed_bytes))


def parse(kind: str, encoded: bytes) -> Document:
    """Read `encoded` as a document of `kind`, trusting nothing. Raises Malformed (E, D1 to D5)."""
    parts = cbor.decode(encoded, max_bytes=DOCUMENT_BYTES, max_depth=3)
    if not isinstance(parts, list) or len(parts) != 4:
        raise Malformed("D1", f"{kind}: expected an array of 4")
    protected, unprotected, payload, signature = parts
    if unprotected != {}:
        raise Malformed("D2", f"{kind}: unprotected header must be an empty map")
    return _document(kind, protected, payload, signature)


@lru_cache(HEADERS_CACHED)
def _protected(key: PublicKey, *, kid: bool) -> bytes:
    return cbor.encode({ALG: key.alg, KID: key.id} if kid else {ALG: key.alg})


def sign(kind: str, payload: cbor.Value, signer: Signer, *, kid: bool = True) -> bytes:
    """Encode and sign `payload` as a document of `kind`. Links below another have no `kid`."""
    protected, body = _protected(signer.public, kid=kid), cbor.encode(payload)
    signature = signer.sign(_signed_bytes(kind, protected, body))
    return cbor.encode([protected, {}, body, signature])


def signature(kind: str, payload: cbor.Value, signer: Signer) -> bytes:
    """The signature of `sign` alone, for a document whose parts travel apart (see `join`)."""
    protected = _protected(signer.public, kid=True)
    return signer.sign(_signed_bytes(kind, protected, cbor.encode(payload)))


def join(payload: cbor.Value, key: PublicKey, signature: bytes) -> bytes:
    """A document whose parts travelled apart. Nothing is checked."""
    return cbor.encode([_protected(key, kid=True), {}, cbor.encode(payload), signature])


# A site document carries several signatures over one payload: each is a COSE_Sign1 with the
# payload detached (RFC 9052, section 4.1), laid side by side.


@dataclass(frozen=True, slots=True)
class Endorsed:
    """One payload and the documents, one a signer, that endorse it. Nothing is checked yet."""

    payload: bytes
    signatures: tuple[Document, ...]

    def signed_by(self, keys: Sequence[PublicKey]) -> frozenset[bytes]:
        """Ids of those among `keys` whose signature holds. A wrong one counts for nobody."""
        by_id = {key.id: key for key in keys}
        good: set[bytes] = set()
        for document in self.signatures:
            key = by_id.get(document.kid or b"")
            if key is not None:
                with suppress(Untrusted):
                    document.verify(key)
                    good.add(key.id)
        return frozenset(good)


def parse_endorsed(kind: str, encoded: bytes, *, most: int) -> Endorsed:
    """Read a payload with up to `most` signatures. Raises Malformed (E, D1 to D5)."""
    parts = cbor.decode(encoded, max_bytes=DOCUMENT_BYTES, max_depth=4)
    payload, pairs = parts if isinstance(parts, list) and len(parts) == 2 else (None, None)
    if not isinstance(payload, bytes) or not isinstance(pairs, list):
        raise Malformed("D1", f"{kind}: expected a payload and its signatures")
    if not 1 <= len(pairs) <= most:
        raise Malformed("D1", f"{kind}: expected 1 to {most} signatures")
    return Endorsed(payload, tuple(_read_pair(kind, payload, pair) for pair in pairs))


def _read_pair(kind: str, payload: bytes, pair: object) -> Document:
    if not isinstance(pair, list) or len(pair) != 2:
        raise Malformed("D1", f"{kind}: a signature is a pair of header and bytes")
    return _document(kind, pair[0], payload, pair[1])


def endorse(kind: str, payload: cbor.Value, signers: Sequence[Signer]) -> bytes:
    """Encode `payload` and let each of `signers` sign it."""
    body = cbor.encode(payload)
    pairs: list[cbor.Value] = []
    for signer in signers:
        protected = _protected(signer.public, kid=True)
        pairs.append([protected, signer.sign(_signed_bytes(kind, protected, body))])
    return cbor.encode([body, pairs])

"""Signed documents (spec/document.md). Checks D1 to D7, and E and K where they apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import (
    AUD,
    FIRM,
    GRANT_KIND,
    GRANTS,
    IAT,
    LIMITS,
    NOW,
    SITE,
    STAPLE_KIND,
    STRANGER,
    drawn,
)
from making.plain import Document, Key, cbor, other_s, sign

PAYLOAD = {AUD: SITE, IAT: NOW, LIMITS: {1: drawn("a leaf", 16)}}


def staple(key: Key = GRANTS, **how: Any) -> Document:  # noqa: ANN401 (as `sign`)
    return sign(STAPLE_KIND, PAYLOAD, key, **how)


def case(
    name: str, shows: str, document: bytes, expected: Fields, *, key: Key = GRANTS,
    kind: str = STAPLE_KIND,
) -> Case:
    given = {"kind": kind, "document": document, "key": cbor(key.cose)}
    return Case(f"document/{name}", shows, "document", given, expected)


def good(name: str, shows: str, document: Document, key: Key = GRANTS) -> Case:
    value = accepted(id=document.id, payload=document.payload)
    return case(name, shows, document.encoded, value, key=key)


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _shapes()
    yield from _headers()
    yield from _signers()


def _good() -> Iterator[Case]:
    yield good("signed-by-ed25519", "A document, its id and its payload.", staple())
    yield good("signed-by-p256", "A document, its id and its payload.", staple(FIRM), FIRM)
    yield good("without-kid", "A link below another names no signer.", staple(kid=False))


def _shapes() -> Iterator[Case]:
    whole = staple()
    parts: list[Any] = [whole.protected, {}, whole.payload, whole.signature]
    yield case("array-of-three", "A document has four parts.", cbor(parts[:3]), malformed("D1"))
    yield case("array-of-five", "A document has four parts.", cbor([*parts, b""]), malformed("D1"))
    yield case("a-map", "A document is an array.", cbor({1: parts[0]}), malformed("D1"))
    yield case("tagged", "No tag stands in front of it.", b"\xd2" + whole.encoded, malformed("E6"))
    yield case("payload-detached", "The payload is there.",
               cbor([parts[0], {}, None, parts[3]]), malformed("D1"))
    yield case("payload-not-bytes", "The payload is wrapped in bytes.",
               cbor([parts[0], {}, PAYLOAD_PLAIN, parts[3]]), malformed("D1"))
    yield case("unprotected-header", "Nothing stands outside the signature.",
               replace(whole, unprotected={4: GRANTS.id}).encoded, malformed("D2"))
    yield case("unprotected-null", "The unprotected header is an empty map.",
               cbor([parts[0], None, parts[2], parts[3]]), malformed("D2"))
    yield case("trailing-bytes", "Nothing follows.", whole.encoded + b"\x00", malformed("E3"))
    yield case("cut-short", "Nothing is missing.", whole.encoded[:-1], malformed("E2"))
    yield case("longer-than-a-document", "8,192 bytes are the most.",
               cbor([parts[0], {}, bytes(8192), parts[3]]), malformed("E1"))
    yield case("signature-of-63-bytes", "A signature has 64 bytes.",
               replace(whole, signature=whole.signature[:63]).encoded, malformed("D5"))
    yield case("signature-of-65-bytes", "A signature has 64 bytes.",
               replace(whole, signature=whole.signature + b"\x00").encoded, malformed("D5"))
    yield case("signature-null", "A signature is bytes.",
               cbor([parts[0], {}, parts[2], None]), malformed("D5"))


PAYLOAD_PLAIN = {1: 2}


def _headers() -> Iterator[Case]:
    whole = staple()

    def header(name: str, check: str, shows: str, protected: Any) -> Case:  # noqa: ANN401 (as cbor)
        body = protected if isinstance(protected, bytes) else cbor(protected)
        return case(name, shows, replace(whole, protected=body).encoded, malformed(check))

    yield case("header-as-map", "The protected header is wrapped in bytes.",
               cbor([{1: -19}, {}, whole.payload, whole.signature]), malformed("D3"))
    yield header("header-without-algorithm", "D3", "The algorithm is named.", {4: GRANTS.id})
    yield header("header-empty-bytes", "E2", "The protected header is a map.", b"")
    yield header("header-with-crit", "D3", "No other header is in use.", {1: -19, 2: [4]})
    yield header("header-with-content-type", "D3", "No other header is in use.", {1: -19, 3: 60})
    yield header("kid-of-15-bytes", "D3", "A key's id has 16 bytes.", {1: -19, 4: bytes(15)})
    yield header("kid-null", "D3", "A key's id is bytes.", {1: -19, 4: None})
    yield header("header-not-shortest", "E4", "A header has one encoding as well.",
                 bytes.fromhex("a101390012"))
    for name, alg in (("none", 0), ("hmac", 5), ("eddsa", -8), ("es256", -7), ("text", "Ed25519"),
                      ("rsa", -257), ("true", True)):
        yield header(f"algorithm-{name}", "D4", "Two algorithms are in use.", {1: alg})


def _signers() -> Iterator[Case]:
    whole, by_firm = staple(kid=False), staple(FIRM)
    yield case("algorithm-of-another-key", "The algorithm is the one of the signer's key.",
               sign(STAPLE_KIND, PAYLOAD, GRANTS, header={1: -9}).encoded, untrusted("D6"))
    yield case("kid-of-another-key", "The document names another signer.", staple(STRANGER).encoded,
               untrusted("D7"))
    yield case("signed-by-another-key", "Signed by somebody else under this key's id.",
               staple(STRANGER, kid=GRANTS.id).encoded, untrusted("K8"))
    yield case("shown-as-another-kind", "The kind is signed, so a staple is no link.",
               staple().encoded, untrusted("K8"), kind=GRANT_KIND)
    changed = whole.payload[:-1] + bytes([whole.payload[-1] ^ 1])
    yield case("payload-changed", "One bit of the payload was changed.",
               replace(whole, payload=changed).encoded, untrusted("K8"))
    yield case("kid-added-later", "The header is signed.",
               replace(whole, protected=cbor({1: -19, 4: GRANTS.id})).encoded, untrusted("K8"))
    yield case("other-of-two-signatures", "The other value of s is not taken.",
               replace(by_firm, signature=other_s(by_firm.signature)).encoded, untrusted("K7"),
               key=FIRM)
    yield case("signature-zero", "r and s are above 0.",
               replace(by_firm, signature=bytes(64)).encoded, untrusted("K6"), key=FIRM)


"""Two other COSE libraries read what we sign, and we read what they sign.

They run in an environment of their own (environment.py, peer.py): `cwt` on whole documents,
`pycose` on the Sig_structure, because it does not know our algorithms' numbers.
"""

from __future__ import annotations

from typing import Any

import pytest
from making.cast import GRANTS
from tests.oracles.environment import ask
from tests.vectors.vector import Vector, load_all, raw, wire

from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.document import Document, join, parse, sign
from mortice.core.errors import Untrusted
from mortice.core.grant import GRANT, read_grant
from mortice.core.keys import ED25519, ESP256, N256, PublicKey, SoftwareKey
from mortice.core.log import HEAD, RECEIPT
from mortice.core.site import Role, accept_first
from mortice.lockd.deliver import TAKERS

pytestmark = pytest.mark.slow
ORACLES = ["cwt", "pycose"]
KEYS = [SoftwareKey.from_seed(alg, bytes([7]) * 32) for alg in (ED25519, ESP256)]
KINDS = [GRANT, HEAD, RECEIPT, *TAKERS]
ALL = load_all()


def coordinates(key: PublicKey) -> dict[str, str]:
    """x, and y for P-256, which neither library takes compressed."""
    if key.alg == ED25519:
        return {"x": key.point.hex()}
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    x = int.from_bytes(key.point[1:], "big")
    y = pow(x**3 - 3 * x + b, (p + 1) // 4, p)
    y = y if y % 2 == key.point[0] % 2 else p - y
    return {"x": key.point[1:].hex(), "y": y.to_bytes(32, "big").hex()}


def job(by: str, document: bytes, kind: str, key: PublicKey) -> dict[str, Any]:
    """Verify `document`, as a document of `kind` under `key`."""
    parts: Any = cbor.decode(document)
    protected, _, payload, signature = parts
    header: Any = cbor.decode(protected)
    return {
        "by": by, "alg": key.alg, "kid": header.get(4, b"").hex(), "aad": kind.encode().hex(),
        "document": document.hex(), "protected": protected.hex(), "payload": payload.hex(),
        "signature": signature.hex(), **coordinates(key)}


def changed(document: bytes, part: int, at: int) -> bytes:
    """One bit of the payload or the signature of `document` is another."""
    parts: Any = cbor.decode(document)
    body = bytearray(parts[part])
    body[at] ^= 1
    return cbor.encode([*parts[:part], bytes(body), *parts[part + 1:]])


# --- what we sign ------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ORACLES)
def test_they_verify_every_kind_of_document_that_we_sign(by: str) -> None:
    jobs = [
        job(by, sign(kind, {1: kind}, key, kid=kid), kind, key.public)
        for kind in KINDS for key in KEYS for kid in (True, False)]
    assert ask(jobs) == [True] * len(jobs)


@pytest.mark.parametrize("by", ORACLES)
def test_they_refuse_what_was_changed_or_is_shown_as_another_kind(by: str) -> None:
    jobs = []
    for key in KEYS:
        document = sign(GRANT, {1: "a link"}, key)
        jobs += [job(by, changed(document, 2, 3), GRANT, key.public),
                 job(by, changed(document, 3, 40), GRANT, key.public),
                 job(by, document, HEAD, key.public)]
    assert ask(jobs) == [False] * len(jobs)


def links_of(vector: Vector) -> list[tuple[bytes, PublicKey]]:
    """Each link of a good chain, and the key that signed it."""
    given: Any = wire(vector.input["chain"])
    encoded = [item[0] if isinstance(item, list) else item for item in given]
    site, grants = accept_first(raw(vector.input["site"])), [
        link.grant for link in read_chain(given)]
    kid = parse(GRANT, encoded[0]).kid or b""
    known = [*site.keys(Role.GRANT), *site.retired]
    first = next(key for key in known if key.id == kid)
    return [*zip(encoded, [first, *(link.holder for link in grants[:-1])], strict=True)]


@pytest.mark.parametrize("by", ORACLES)
def test_they_verify_every_link_of_the_good_vectors(by: str) -> None:
    good = [one for one in ALL if one.reader == "chain" and one.expected["class"] == "accepted"]
    jobs = [job(by, link, GRANT, key) for vector in good for link, key in links_of(vector)]
    assert len(jobs) > 20
    assert ask(jobs) == [True] * len(jobs)


@pytest.mark.parametrize("by", ORACLES)
def test_they_agree_with_the_vectors_of_documents(by: str) -> None:
    """All but those that differ in what we ask beyond COSE: form, key ids and the lower s."""
    judged = [
        one for one in ALL if one.reader == "document"
        and (one.expected["class"] == "accepted" or one.expected.get("check") in ("K6", "K8"))]
    jobs = [
        job(by, raw(one.input["document"]), one.input["kind"],
            PublicKey.from_cose(cbor.decode(raw(one.input["key"])))) for one in judged]
    assert ask(jobs) == [one.expected["class"] == "accepted" for one in judged]


@pytest.mark.parametrize("by", ORACLES)
def test_they_verify_each_signature_of_a_root(by: str) -> None:
    """A root's signatures stand beside its payload: each is a COSE_Sign1 with that payload."""
    vector = next(one for one in ALL if one.name == "site/good-root")
    site = accept_first(raw(vector.input["site"]))
    whole: Any = cbor.decode(raw(vector.input["site"]))
    payload, pairs = whole
    keys = {key.id: key for held in site.roles.values() for key in held.keys}
    jobs = []
    for protected, signature in pairs:
        header: Any = cbor.decode(protected)
        document = cbor.encode([protected, {}, payload, signature])
        jobs.append(job(by, document, "mortice-site/1", keys[header[4]]))
    assert ask(jobs) == [True, True]


# --- what they sign ------------------------------------------------------------------------------


def signed_by(by: str, key: SoftwareKey, number: int) -> bytes:
    """A document that the oracle signed with our key."""
    ours = sign(GRANT, {1: number}, key)
    asked = job(by, ours, GRANT, key.public) | {"seed": key.seed.hex()}
    answer = bytes.fromhex(ask([asked])[0])
    return answer if by == "cwt" else join({1: number}, key.public, answer)


@pytest.mark.parametrize("by", ORACLES)
def test_we_verify_what_they_sign_with_ed25519(by: str) -> None:
    key = KEYS[0]
    document = signed_by(by, key, 1)
    parse(GRANT, document).verify(key.public)
    assert document == sign(GRANT, {1: 1}, key)  # Ed25519 has one signature, and we one encoding


@pytest.mark.parametrize("by", ORACLES)
def test_we_verify_what_they_sign_with_p256_once_s_is_the_lower_one(by: str) -> None:
    """Neither library normalises s, so a sender must (spec/encoding.md, K7)."""
    key = KEYS[1]
    for number in range(8):
        document = parse(GRANT, signed_by(by, key, number))
        low, high = both(document)
        low.verify(key.public)
        with pytest.raises(Untrusted) as refused:
            high.verify(key.public)
        assert refused.value.check == "K7"


def both(document: Document) -> tuple[Document, Document]:
    """The same document with the lower s and with the higher."""
    r, s = document.signature[:32], int.from_bytes(document.signature[32:], "big")
    low, high = sorted((s, N256 - s))
    return tuple(
        Document(document.kind, document.alg, document.kid, document.payload,
                 r + one.to_bytes(32, "big"), document.signed_bytes, document.id)
        for one in (low, high))  # type: ignore[return-value]


@pytest.mark.parametrize("by", ORACLES)
def test_a_link_that_they_signed_is_a_link(by: str) -> None:
    vector = next(one for one in ALL if one.name == "grant/good-device")
    encoded: Any = wire(vector.input["chain"])[0]
    key, = accept_first(raw(vector.input["site"])).keys(Role.GRANT)
    asked = job(by, encoded, GRANT, key) | {"seed": GRANTS.seed.hex()}
    answer = bytes.fromhex(ask([asked])[0])
    payload: Any = cbor.decode(parse(GRANT, encoded).payload)
    signed = answer if by == "cwt" else join(payload, key, answer)
    assert read_grant(signed) == read_grant(encoded)
    assert signed == encoded

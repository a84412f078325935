"""Signed documents: one shape, one meaning, and an id that a second signature cannot change.

D in the names of checks is that of spec/document.md.
"""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import PAPER, ROOT, STRANGER, TENANT, key, refused

from mortice.core import cbor
from mortice.core.document import (
    ABOUT,
    ALG,
    AUD,
    CNF,
    EXP,
    IAT,
    KID,
    LIMITS,
    NBF,
    Endorsed,
    endorse,
    id_of,
    join,
    parse,
    parse_endorsed,
    sign,
)
from mortice.core.errors import Theirs
from mortice.core.keys import ED25519, ESP256, N256, SoftwareKey
from mortice.core.limits import DOCUMENT_BYTES

KIND, OTHER = "mortice-test/1", "mortice-other/1"
PAYLOAD: cbor.Value = {1: b"said", 2: [True, None, "word"]}
PHONE = key("phone", ESP256)  # keys in phones and TPMs are on P-256
SIGNERS = pytest.mark.parametrize("signer", [TENANT, PHONE], ids=["Ed25519", "ESP256"])


def parts_of(encoded: bytes) -> list[cbor.Value]:
    parts = cbor.decode(encoded)
    assert isinstance(parts, list)
    return parts


def rewritten(place: int, value: cbor.Value) -> bytes:
    """A good document with one of its four parts replaced."""
    parts = parts_of(sign(KIND, PAYLOAD, TENANT))
    parts[place] = value
    return cbor.encode(parts)


# --- what a document is ---------------------------------------------------------------------


@SIGNERS
@pytest.mark.parametrize("kid", [True, False])
def test_a_document_holds_under_its_signers_key(signer: SoftwareKey, kid: bool) -> None:
    document = parse(KIND, sign(KIND, PAYLOAD, signer, kid=kid))
    document.verify(signer.public)
    assert cbor.decode(document.payload) == PAYLOAD
    assert document.kid == (signer.public.id if kid else None)
    assert document.alg == signer.public.alg


def test_the_signature_is_that_of_rfc_9052() -> None:
    """The Sig_structure, written out by another library, and checked without our own code."""
    protected, unprotected, payload, signature = cbor2.loads(sign(KIND, PAYLOAD, TENANT))
    covered = cbor2.dumps(["Signature1", protected, KIND.encode(), payload], canonical=True)
    Ed25519PublicKey.from_public_bytes(TENANT.public.point).verify(signature, covered)
    assert unprotected == {}
    assert cbor2.loads(protected) == {1: -19, 4: TENANT.public.id}
    assert cbor2.loads(payload) == PAYLOAD


def test_claims_have_the_labels_that_others_know() -> None:
    """Those of RFC 8392, sections 3.1 and 4, and of RFC 8747; ours are in the private range."""
    assert (AUD, EXP, NBF, IAT, CNF) == (3, 4, 5, 6, 8)
    assert (LIMITS, ABOUT) == (-65_537, -65_538)


def test_an_id_is_a_digest_of_what_is_signed() -> None:
    protected, _, payload, _ = cbor2.loads(sign(KIND, PAYLOAD, TENANT))
    covered = cbor2.dumps(["Signature1", protected, KIND.encode(), payload], canonical=True)
    expected = hashlib.sha256(covered).digest()[:16]
    assert parse(KIND, sign(KIND, PAYLOAD, TENANT)).id == expected == id_of(covered)


def test_a_second_signature_does_not_change_the_id() -> None:
    """ECDSA allows any number of signatures; a revoked document must not get a new name by one."""
    parts = parts_of(sign(KIND, PAYLOAD, PHONE))
    one = parse(KIND, cbor.encode(parts))
    assert isinstance(parts[3], bytes)
    r, s = parts[3][:32], int.from_bytes(parts[3][32:], "big")
    parts[3] = r + (N256 - s).to_bytes(32, "big")
    two = parse(KIND, cbor.encode(parts))
    assert one.id == two.id
    assert one.signature != two.signature
    with refused("K7"):
        two.verify(PHONE.public)


def test_the_id_depends_on_kind_signer_and_payload() -> None:
    ids = {
        parse(KIND, sign(KIND, PAYLOAD, TENANT)).id, parse(OTHER, sign(OTHER, PAYLOAD, TENANT)).id,
        parse(KIND, sign(KIND, PAYLOAD, STRANGER)).id, parse(KIND, sign(KIND, {}, TENANT)).id,
        parse(KIND, sign(KIND, PAYLOAD, TENANT, kid=False)).id}
    assert len(ids) == 5


# --- the shape: D1 to D5 and the encoding ---------------------------------------------------


@pytest.mark.parametrize("value", [
    pytest.param({}, id="a map"),
    pytest.param(b"", id="bytes"),
    pytest.param(None, id="null"),
    pytest.param([], id="an empty array"),
    pytest.param(parts_of(sign(KIND, PAYLOAD, TENANT))[:3], id="no signature"),
    pytest.param([*parts_of(sign(KIND, PAYLOAD, TENANT)), None], id="five parts"),
])
def test_a_document_is_an_array_of_four(value: cbor.Value) -> None:
    with refused("D1"):
        parse(KIND, cbor.encode(value))


@pytest.mark.parametrize("payload", [None, "text", {}, 1, []])
def test_a_payload_is_bytes(payload: cbor.Value) -> None:
    """Null is how RFC 9052 spells a detached payload, which nothing here may have."""
    with refused("D1"):
        parse(KIND, rewritten(2, payload))


@pytest.mark.parametrize("header", [{1: -19}, {33: b"chain"}, [], None, b"", False, 0])
def test_nothing_travels_outside_the_signature(header: cbor.Value) -> None:
    with refused("D2"):
        parse(KIND, rewritten(1, header))


KEY_ID = TENANT.public.id


@pytest.mark.parametrize("header", [
    pytest.param({}, id="no alg"),
    pytest.param({KID: KEY_ID}, id="kid alone"),
    pytest.param({ALG: -19, 2: [99], 99: 1}, id="a critical header"),
    pytest.param({ALG: -19, 3: 0}, id="a content type"),
    pytest.param({ALG: -19, 5: b"iv"}, id="an IV"),
    pytest.param({ALG: -19, "kid": KEY_ID}, id="kid in words"),
    pytest.param({ALG: -19, KID: KEY_ID[:-1]}, id="a short kid"),
    pytest.param({ALG: -19, KID: KEY_ID + b"\0"}, id="a long kid"),
    pytest.param({ALG: -19, KID: b""}, id="an empty kid"),
    pytest.param({ALG: -19, KID: None}, id="null for kid"),
    pytest.param({ALG: -19, KID: KEY_ID.hex()[:16]}, id="kid as text"),
    pytest.param([ALG, -19], id="an array"),
    pytest.param(-19, id="a number"),
])
def test_the_header_holds_alg_and_at_most_kid(header: cbor.Value) -> None:
    with refused("D3"):
        parse(KIND, rewritten(0, cbor.encode(header)))


@pytest.mark.parametrize("protected", [None, {ALG: -19}, "text", 1])
def test_the_header_is_wrapped_in_bytes(protected: cbor.Value) -> None:
    with refused("D3"):
        parse(KIND, rewritten(0, protected))


@pytest.mark.parametrize(("protected", "check"), [
    pytest.param(b"", "E2", id="nothing for an empty map"),
    pytest.param(b"\xa1\x01\x32\x00", "E3", id="a byte more"),
    pytest.param(b"\xa1\x18\x01\x32", "E4", id="a long form of 1"),
    pytest.param(b"\xa2\x01\x32\x01\x28", "E7", id="alg twice"),
    pytest.param(b"\xbf\x01\x32\xff", "E5", id="no declared length"),
    pytest.param(cbor.encode({ALG: -19, KID: bytes(80)}), "E1", id="far too long"),
])
def test_the_header_has_one_encoding(protected: bytes, check: str) -> None:
    with refused(check):
        parse(KIND, rewritten(0, protected))


@pytest.mark.parametrize("alg", [-8, -7, -257, 0, 5, 19, 9, None, True, "Ed25519", b"", [-19]])
def test_only_two_algorithms_exist(alg: cbor.Value) -> None:
    """Not the ambiguous EdDSA and ES256, not "none", and no HMAC under a public key."""
    with refused("D4"):
        parse(KIND, rewritten(0, cbor.encode({ALG: alg})))


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(65), "x" * 64, None, [bytes(64)]])
def test_a_signature_has_64_bytes(signature: cbor.Value) -> None:
    with refused("D5"):
        parse(KIND, rewritten(3, signature))


def test_a_document_is_bounded() -> None:
    spare = DOCUMENT_BYTES - len(sign(KIND, bytes(5000), TENANT))
    largest = sign(KIND, bytes(5000 + spare), TENANT)
    assert len(largest) == DOCUMENT_BYTES
    parse(KIND, largest).verify(TENANT.public)
    with refused("E1"):
        parse(KIND, sign(KIND, bytes(5001 + spare), TENANT))


def test_a_document_is_shallow() -> None:
    """Two levels below the array are read, to say what is wrong with them; a third is not."""
    with refused("D2"):
        parse(KIND, rewritten(1, [[]]))
    with refused("E8"):
        parse(KIND, rewritten(1, [[[]]]))


def test_nothing_may_follow_a_document() -> None:
    with refused("E3"):
        parse(KIND, sign(KIND, PAYLOAD, TENANT) + b"\0")


@given(st.binary(max_size=300))
def test_rubbish_is_malformed_and_nothing_worse(rubbish: bytes) -> None:
    with pytest.raises(Theirs):
        parse(KIND, rubbish)


# --- the signature: D6, D7 and under which key ----------------------------------------------


@SIGNERS
def test_every_changed_bit_is_noticed(signer: SoftwareKey) -> None:
    encoded = sign(KIND, PAYLOAD, signer)
    for bit in range(8 * len(encoded)):
        changed = bytearray(encoded)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Theirs):
            parse(KIND, bytes(changed)).verify(signer.public)


@SIGNERS
def test_every_truncation_is_noticed(signer: SoftwareKey) -> None:
    encoded = sign(KIND, PAYLOAD, signer)
    for end in range(len(encoded)):
        with pytest.raises(Theirs):
            parse(KIND, encoded[:end])


def test_a_document_of_one_kind_is_none_of_another() -> None:
    """The kind is in what is signed and not on the wire, so it costs nothing and binds all."""
    with refused("K8"):
        parse(OTHER, sign(KIND, PAYLOAD, TENANT)).verify(TENANT.public)


def test_a_signature_does_not_move_to_another_payload() -> None:
    other = parts_of(sign(KIND, {1: b"unsaid"}, TENANT))
    with refused("K8"):
        parse(KIND, rewritten(2, other[2])).verify(TENANT.public)


@pytest.mark.parametrize(("signer", "judged"), [(TENANT, PHONE), (PHONE, TENANT)])
def test_the_algorithm_is_that_of_the_signers_key(
    signer: SoftwareKey, judged: SoftwareKey,
) -> None:
    with refused("D6"):
        parse(KIND, sign(KIND, PAYLOAD, signer)).verify(judged.public)


def test_an_algorithm_claimed_for_another_key_is_refused() -> None:
    """The header says ESP256, the signature is the tenant's Ed25519."""
    header = cbor.encode({ALG: ESP256, KID: KEY_ID})
    with refused("D6"):
        parse(KIND, rewritten(0, header)).verify(TENANT.public)


def test_a_document_that_names_another_signer_is_refused_before_its_signature_is_tried() -> None:
    with refused("D7"):
        parse(KIND, sign(KIND, PAYLOAD, TENANT)).verify(STRANGER.public)


def test_a_document_that_names_nobody_needs_the_right_key_all_the_same() -> None:
    with refused("K8"):
        parse(KIND, sign(KIND, PAYLOAD, TENANT, kid=False)).verify(STRANGER.public)


def test_the_signers_name_is_signed() -> None:
    """A link below another has no kid; putting one in, or taking it out, breaks the signature."""
    with refused("K8"):
        parse(KIND, rewritten(0, cbor.encode({ALG: ED25519}))).verify(TENANT.public)


def test_a_document_can_be_put_together_from_parts_that_travelled_apart() -> None:
    encoded = sign(KIND, PAYLOAD, TENANT)
    signature = parse(KIND, encoded).signature
    assert join(PAYLOAD, TENANT.public, signature) == encoded
    with refused("K8"):
        parse(KIND, join({}, TENANT.public, signature)).verify(TENANT.public)


# --- several signatures over one payload ----------------------------------------------------


def endorsed(*signers: SoftwareKey, most: int = 4) -> Endorsed:
    return parse_endorsed(KIND, endorse(KIND, PAYLOAD, signers), most=most)


def pairs_of(encoded: bytes) -> list[cbor.Value]:
    pairs = parts_of(encoded)[1]
    assert isinstance(pairs, list)
    return pairs


def with_pairs(pairs: cbor.Value, payload: cbor.Value = PAYLOAD) -> bytes:
    return cbor.encode([cbor.encode(payload), pairs])


def test_everybody_whose_signature_holds_is_counted() -> None:
    keys = [ROOT.public, PAPER.public, PHONE.public, STRANGER.public]
    found = endorsed(ROOT, PHONE, STRANGER).signed_by(keys)
    assert found == {ROOT.public.id, PHONE.public.id, STRANGER.public.id}


def test_nobody_is_counted_twice() -> None:
    assert endorsed(ROOT, ROOT, ROOT).signed_by([ROOT.public, ROOT.public]) == {ROOT.public.id}


def test_only_the_keys_asked_about_are_counted() -> None:
    assert endorsed(ROOT, STRANGER).signed_by([PAPER.public]) == frozenset()
    assert endorsed(ROOT).signed_by([]) == frozenset()


def test_an_endorsement_is_a_document_with_its_payload_beside_it() -> None:
    """Each of the signatures is a COSE_Sign1 of its own, in any order."""
    body, ((protected, signature), _) = cbor2.loads(endorse(KIND, PAYLOAD, [ROOT, PAPER]))
    alone = cbor.encode([protected, {}, body, signature])
    assert alone == sign(KIND, PAYLOAD, ROOT)
    assert endorsed(ROOT, PAPER).signed_by([PAPER.public]) == {PAPER.public.id}
    assert endorsed(PAPER, ROOT).signed_by([PAPER.public]) == {PAPER.public.id}


def test_a_signature_under_another_kind_counts_for_nobody() -> None:
    encoded = endorse(OTHER, PAYLOAD, [ROOT])
    assert parse_endorsed(KIND, encoded, most=1).signed_by([ROOT.public]) == frozenset()


def test_a_signature_over_another_payload_counts_for_nobody() -> None:
    encoded = with_pairs(pairs_of(endorse(KIND, {}, [ROOT])))
    assert parse_endorsed(KIND, encoded, most=1).signed_by([ROOT.public]) == frozenset()


def test_a_signature_in_somebody_elses_name_counts_for_nobody() -> None:
    """The stranger's signature under the owner's key id; beside it a good one still counts."""
    mine, yours = (pairs_of(endorse(KIND, PAYLOAD, [one]))[0] for one in (ROOT, STRANGER))
    assert isinstance(mine, list)
    assert isinstance(yours, list)
    forged: cbor.Value = [mine[0], yours[1]]
    keys = [ROOT.public, STRANGER.public]
    alone = parse_endorsed(KIND, with_pairs([forged]), most=2)
    assert alone.signed_by(keys) == frozenset()
    beside = parse_endorsed(KIND, with_pairs([forged, mine]), most=2)
    assert beside.signed_by(keys) == {ROOT.public.id}


def test_a_signature_without_a_name_counts_for_nobody() -> None:
    _, _, _, signature = parts_of(sign(KIND, PAYLOAD, ROOT, kid=False))
    nameless = with_pairs([[cbor.encode({ALG: ED25519}), signature]])
    assert parse_endorsed(KIND, nameless, most=1).signed_by([ROOT.public]) == frozenset()


@pytest.mark.parametrize("value", [
    pytest.param({}, id="a map"),
    pytest.param([b""], id="no signatures"),
    pytest.param([b"", [], []], id="three parts"),
    pytest.param([{}, []], id="a payload that is no bytes"),
    pytest.param([b"", {}], id="signatures in a map"),
    pytest.param([b"", []], id="an empty list"),
    pytest.param([b"", [[]]], id="an empty pair"),
    pytest.param([b"", [b""]], id="no pair"),
    pytest.param([b"", [[cbor.encode({ALG: -19})]]], id="half a pair"),
    pytest.param([b"", [[cbor.encode({ALG: -19}), bytes(64), {}]]], id="a pair of three"),
])
def test_endorsements_are_a_payload_and_pairs(value: cbor.Value) -> None:
    with refused("D1"):
        parse_endorsed(KIND, cbor.encode(value), most=4)


@pytest.mark.parametrize(("pair", "check"), [
    pytest.param([None, bytes(64)], "D3", id="no header"),
    pytest.param([cbor.encode({}), bytes(64)], "D3", id="an empty header"),
    pytest.param([cbor.encode({ALG: -8}), bytes(64)], "D4", id="another algorithm"),
    pytest.param([cbor.encode({ALG: -19}), bytes(63)], "D5", id="a short signature"),
])
def test_each_endorsement_is_read_like_a_document(pair: cbor.Value, check: str) -> None:
    with refused(check):
        parse_endorsed(KIND, with_pairs([*pairs_of(endorse(KIND, PAYLOAD, [ROOT])), pair]), most=2)


def test_endorsements_are_bounded() -> None:
    """A root with a thousand signatures would cost a thousand signature checks."""
    assert len(endorsed(*[ROOT] * 4).signatures) == 4
    with refused("D1"):
        endorsed(*[ROOT] * 5)
    with refused("E1"):
        parse_endorsed(KIND, endorse(KIND, bytes(DOCUMENT_BYTES), [ROOT]), most=4)

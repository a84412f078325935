"""Public keys, signatures, and what must not get past them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from mortice.core import cbor
from mortice.core.errors import Malformed, Misuse, Theirs, Untrusted
from mortice.core.keys import (
    ED25519,
    ESP256,
    N256,
    PublicKey,
    Signer,
    SoftwareKey,
    normalise_p256_der,
)

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
L = 2**252 + 27742317777372353535851937790883648493  # order of Ed25519's base point
P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
SEED = bytes(range(32))
BOTH = pytest.mark.parametrize("alg", [ED25519, ESP256])


def refused(check: str, call: Callable[..., object], *args: object) -> None:
    with pytest.raises(Theirs) as error:
        call(*args)
    assert error.value.check == check


def key(alg: int) -> SoftwareKey:
    return SoftwareKey.from_seed(alg, SEED)


# --- forms of a key -------------------------------------------------------------------------


@BOTH
def test_a_key_survives_its_encoding(alg: int) -> None:
    public = key(alg).public
    read = PublicKey.from_cose(cbor.decode(public.encoded))
    assert read == public
    assert hash(read) == hash(public)
    assert cbor.encode(public.cose) == public.encoded
    assert public.id == hashlib.sha256(public.encoded).digest()[:16]
    assert public.alg == alg


def test_an_ed25519_key_is_a_cose_key_of_three_fields() -> None:
    """Public key of RFC 8032, section 7.1, test 1."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    x = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    public = SoftwareKey.from_seed(ED25519, seed).public
    assert public.cose == {1: 1, -1: 6, -2: x}
    assert public == PublicKey.ed25519(x)


@pytest.mark.parametrize(("seed", "odd"), [(1, True), (2, True), (5, False), (6, False)])
def test_a_p256_key_is_a_cose_key_with_the_sign_of_y(seed: int, odd: bool) -> None:
    numbers = ec.derive_private_key(seed, ec.SECP256R1()).public_key().public_numbers()
    public = SoftwareKey.from_seed(ESP256, seed.to_bytes(32, "big")).public
    x = numbers.x.to_bytes(32, "big")
    assert numbers.y % 2 == odd
    assert public.cose == {1: 2, -1: 1, -2: x, -3: odd}
    assert public == PublicKey.from_cose(public.cose)
    assert public.point == bytes([2 + odd]) + x


X25519, X256 = key(ED25519).public.point, key(ESP256).public.point[1:]


@pytest.mark.parametrize(
    "value",
    [
        None, [], b"", {}, {1: 1}, {1: 1, -1: 6}, {1: 1, -1: 6, -2: X25519[:31]},
        {1: 1, -1: 6, -2: X25519 + b"\0"}, {1: 1, -1: 6, -2: X25519.hex()},
        {1: 1, -1: 6, -2: X25519, 3: -19}, {1: 1, -1: 6, -2: X25519, -3: True},
        {1: 1, -1: 6, -2: X25519, -3: None}, {1: 1, -1: 6, -2: X25519, -4: SEED},
        {1: True, -1: 6, -2: X25519}, {1: 1, -1: 4, -2: X25519}, {1: 1, -1: 7, -2: X25519},
        {1: 2, -1: 6, -2: X25519}, {1: 1, -1: 1, -2: X256, -3: True},
        {1: 2, -1: 1, -2: X256}, {1: 2, -1: 1, -2: X256, -3: bytes(32)},
        {1: 2, -1: 1, -2: X256, -3: 1}, {1: 2, -1: 1, -2: X256, -3: None},
        {1: 2, -1: True, -2: X256, -3: True}, {1: 2, -1: 2, -2: X256, -3: True},
        {1: 2, -1: 8, -2: X256, -3: True}, {1: 2, -1: 1, -2: X256[1:], -3: True},
        {1: 2, -1: 1, -2: X256, -3: True, 2: b"kid"}, {1: 4, -1: SEED},
        {"1": 1, -1: 6, -2: X25519},
    ])
def test_other_forms_of_a_key_are_refused(value: cbor.Value) -> None:
    refused("K1", lambda: PublicKey.from_cose(value))


@pytest.mark.parametrize(
    ("alg", "point"),
    [(-8, X25519), (-7, b"\x02" + X256), (ED25519, b""), (ED25519, b"\x02" + X25519),
     (ESP256, X256), (ESP256, b"\x04" + X256), (ESP256, b"\x00" + X256), (0, X25519)])
def test_no_public_key_is_made_from_other_points(alg: int, point: bytes) -> None:
    refused("K1", lambda: PublicKey(alg, point))


@pytest.mark.parametrize("x", [1, P256, P256 + 5, 2**256 - 1])
@pytest.mark.parametrize("odd", [True, False])
def test_a_compressed_p256_point_must_be_on_the_curve(x: int, odd: bool) -> None:
    cose: cbor.Value = {1: 2, -1: 1, -2: x.to_bytes(32, "big"), -3: odd}
    refused("K4", lambda: PublicKey.from_cose(cose))


# --- points of small order ------------------------------------------------------------------


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2
    x, y = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P), (y1 * y2 + x1 * x2) * pow(1 - t, -1, P)
    return x % P, y % P


def times(n: int, point: tuple[int, int]) -> tuple[int, int]:
    total = (0, 1)
    while n:
        if n & 1:
            total = add(total, point)
        point, n = add(point, point), n >> 1
    return total


def x_of(y: int) -> int | None:
    """A square root of (y² - 1) / (d·y² + 1), if there is one (RFC 8032, section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    for x in (root, root * pow(2, (P - 1) // 4, P) % P):
        if x * x % P == square:
            return x
    return None


def small_order_points() -> set[tuple[int, int]]:
    """All eight: L times any point of the curve has an order that divides 8."""
    for y in range(2, 200):
        x = x_of(y)
        generator = None if x is None else times(L, (x, y))
        if generator is not None and times(4, generator) != (0, 1):
            return {times(n, generator) for n in range(8)}
    raise AssertionError("no point of order 8")


def small_order_encodings() -> set[bytes]:
    """What some decoder takes for a point of small order: y or y + p, with either sign."""
    return {
        (y | sign << 255).to_bytes(32, "little")
        for _, canonical in small_order_points()
        for y in (canonical, canonical + P) if y < 2**255
        for sign in (0, 1)
    }


def test_all_eight_points_of_small_order_are_refused_in_every_encoding() -> None:
    assert len(small_order_points()) == 8
    assert len(small_order_encodings()) == 14
    for point in small_order_encodings():
        canonical = int.from_bytes(point, "little") % 2**255 < P
        refused("K3" if canonical else "K2", PublicKey.ed25519, point)


def test_second_encodings_of_ed25519_points_are_refused() -> None:
    for y in range(P, 2**255):
        for sign in (0, 1):
            point = (y | sign << 255).to_bytes(32, "little")
            refused("K2", PublicKey.ed25519, point)


def test_the_identity_would_let_anybody_sign_everything() -> None:
    """The reason for K3: libraries accept one signature for any message under it."""
    identity = (1).to_bytes(32, "little")
    forged = identity + bytes(32)
    for message in (b"unlock", b"any other"):
        Ed25519PublicKey.from_public_bytes(identity).verify(forged, message)
    refused("K3", lambda: PublicKey.from_cose({1: 1, -1: 6, -2: identity}))


def test_no_signature_holds_under_bytes_that_are_no_point() -> None:
    no_points = [y for y in range(2, 60) if x_of(y) is None]
    assert len(no_points) > 10
    for y in no_points:
        public = PublicKey.ed25519(y.to_bytes(32, "little"))
        for point in (*sorted(small_order_encodings()), public.point):
            refused("K8", public.verify, point + bytes(32), b"")


# --- signatures -----------------------------------------------------------------------------


@given(st.sampled_from([ED25519, ESP256]), st.binary(min_size=31, max_size=31), st.binary())
def test_a_signature_holds_for_its_key_and_message_only(
    alg: int, seed: bytes, message: bytes
) -> None:
    signer: Signer = SoftwareKey.from_seed(alg, b"\x01" + seed)
    signature = signer.sign(message)
    assert signature == signer.sign(message)
    signer.public.verify(signature, message)
    refused("K8", lambda: signer.public.verify(signature, message + b"\0"))
    other = SoftwareKey.from_seed(alg, b"\x02" + seed).public
    refused("K8", lambda: other.verify(signature, message))


@given(st.sampled_from([ED25519, ESP256]), st.integers(0, 511))
def test_a_signature_with_one_bit_changed_is_refused(alg: int, bit: int) -> None:
    signer = key(alg)
    changed = (int.from_bytes(signer.sign(b"m"), "big") ^ 1 << bit).to_bytes(64, "big")
    with pytest.raises(Untrusted):
        signer.public.verify(changed, b"m")


@BOTH
def test_a_signature_has_64_bytes(alg: int) -> None:
    signer = key(alg)
    for length in (0, 63, 65, 71):
        refused("K5", signer.public.verify, bytes(length), b"")
    refused("K5", lambda: signer.public.verify(signer.sign(b"m") + b"\0", b"m"))


def test_the_second_form_of_an_ed25519_signature_is_refused() -> None:
    signature = key(ED25519).sign(b"m")
    s = (int.from_bytes(signature[32:], "little") + L).to_bytes(32, "little")
    refused("K8", key(ED25519).public.verify, signature[:32] + s, b"m")


def test_an_r_of_small_order_is_refused_though_the_equation_holds() -> None:
    """Others accept it, so a key that does this would be good at one lock and not at the next."""
    seed = bytes(31) + b"\x07"
    digest = bytearray(hashlib.sha512(seed).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    scalar = int.from_bytes(digest, "little")
    public = SoftwareKey.from_seed(ED25519, seed).public
    identity = (1).to_bytes(32, "little")
    h = int.from_bytes(hashlib.sha512(identity + public.point + b"m").digest(), "little") % L
    signature = identity + (h * scalar % L).to_bytes(32, "little")

    Ed25519PublicKey.from_public_bytes(public.point).verify(signature, b"m")
    refused("K8", lambda: public.verify(signature, b"m"))


def test_the_high_s_copy_of_a_p256_signature_is_refused() -> None:
    signature = key(ESP256).sign(b"m")
    high = N256 - int.from_bytes(signature[32:], "big")
    assert high > N256 // 2
    copy = signature[:32] + high.to_bytes(32, "big")
    refused("K7", lambda: key(ESP256).public.verify(copy, b"m"))


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (0, 0), (N256, 1), (1, N256), (2**256 - 1, 1), (1, 2**256 - 1)])
def test_p256_numbers_out_of_range_are_refused(r: int, s: int) -> None:
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    refused("K6", lambda: key(ESP256).public.verify(raw, b"m"))
    refused("K6", lambda: normalise_p256_der(encode_dss_signature(r, s)))


def test_a_der_signature_becomes_64_bytes_with_low_s() -> None:
    signature = key(ESP256).sign(b"m")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    assert normalise_p256_der(encode_dss_signature(r, s)) == signature
    assert normalise_p256_der(encode_dss_signature(r, N256 - s)) == signature
    assert normalise_p256_der(encode_dss_signature(1, 2)) == bytes(31) + b"\1" + bytes(31) + b"\2"


@pytest.mark.parametrize(
    "der",
    ["", "30", "3000", "3003020101", "300602010102010200", "30060201010201020500",
     "3081060201010201 02", "30070201010202 0002", "3006020101020182", "300602018002 0101",
     "308002010102010200 00", "3106020101020102", "3006030101020102", "3009020101020102020103"])
def test_what_is_not_strict_der_is_refused(der: str) -> None:
    refused("K9", lambda: normalise_p256_der(bytes.fromhex(der)))


def test_the_signer_follows_rfc_8032() -> None:
    """Section 7.1, test 3."""
    signer = SoftwareKey.from_seed(ED25519, bytes.fromhex(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"))
    assert signer.sign(b"\xaf\x82").hex() == (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")


def test_the_signer_follows_rfc_6979_and_takes_the_lower_s() -> None:
    """Appendix A.2.5, SHA-256, message "sample", whose s is the higher one there."""
    signer = SoftwareKey.from_seed(ESP256, bytes.fromhex(
        "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"))
    r = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    s = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
    assert signer.sign(b"sample") == r.to_bytes(32, "big") + (N256 - s).to_bytes(32, "big")


@pytest.mark.parametrize(
    ("alg", "seed"),
    [(ED25519, bytes(31)), (ED25519, b""), (ESP256, bytes(32)), (ESP256, bytes(33)),
     (ESP256, N256.to_bytes(32, "big")), (-8, SEED), (-7, SEED)])
def test_a_seed_that_makes_no_key_is_our_mistake(alg: int, seed: bytes) -> None:
    with pytest.raises(Misuse):
        SoftwareKey.from_seed(alg, seed)


@BOTH
def test_a_signer_keeps_its_seed_and_does_not_show_it(alg: int) -> None:
    signer = key(alg)
    assert signer.seed == SEED
    assert SEED.hex() not in repr(signer)
    assert repr(SEED) not in repr(signer)
    assert SoftwareKey.from_seed(alg, signer.seed).public == signer.public


# --- published vectors ----------------------------------------------------------------------


@pytest.mark.vectors
def test_wycheproof_ed25519(published: Callable[[str], dict[str, Any]]) -> None:
    """All 151."""
    ran = 0
    for group in published("wycheproof/ed25519_test.json")["testGroups"]:
        public = PublicKey.ed25519(bytes.fromhex(group["publicKey"]["pk"]))
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            if case["result"] == "valid":
                public.verify(signature, message)
            else:
                with pytest.raises(Untrusted):
                    public.verify(signature, message)
            ran += 1
    assert ran == 151


def compressed(point: bytes) -> bytes:
    """A P-256 point 04 ‖ x ‖ y as a key has it."""
    return bytes([2 + point[-1] % 2]) + point[1:33]


def p256_groups(document: dict[str, Any]) -> list[tuple[PublicKey, dict[str, Any]]]:
    return [
        (PublicKey(ESP256, compressed(bytes.fromhex(group["publicKey"]["uncompressed"]))), case)
        for group in document["testGroups"] for case in group["tests"]]


@pytest.mark.vectors
def test_wycheproof_ecdsa_p256_raw(published: Callable[[str], dict[str, Any]]) -> None:
    """All 262; of the valid ones those with the higher s are refused as such."""
    cases = p256_groups(published("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json"))
    for public, case in cases:
        message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
        if case["result"] != "valid":
            with pytest.raises(Untrusted):
                public.verify(signature, message)
            continue
        if int.from_bytes(signature[32:], "big") <= N256 // 2:
            public.verify(signature, message)
        else:
            refused("K7", public.verify, signature, message)
    assert len(cases) == 262


@pytest.mark.vectors
def test_wycheproof_ecdsa_p256_der(published: Callable[[str], dict[str, Any]]) -> None:
    """All 484, through the door for WebAuthn's signatures."""
    cases = p256_groups(published("wycheproof/ecdsa_secp256r1_sha256_test.json"))
    for public, case in cases:
        message, der = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
        if case["result"] == "valid":
            public.verify(normalise_p256_der(der), message)
        else:
            with pytest.raises((Malformed, Untrusted)):
                public.verify(normalise_p256_der(der), message)
    assert len(cases) == 484

"""Public keys and signatures (spec/encoding.md, section 3). Checks K1 to K9."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import FIRM, GUEST, TENANT
from making.plain import N256, cbor, der_with_other_s, other_s, two_numbers

P25519 = (1 << 255) - 19
L25519 = (1 << 252) + 27742317777372353535851937790883648493
Y_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
P256 = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
MESSAGE = b"a door, a key, a time"


def key_case(name: str, shows: str, cose: Any, expected: Fields) -> Case:  # noqa: ANN401
    return Case(f"keys/{name}", shows, "public_key", {"cose": cbor(cose)}, expected)


def ed25519(y: int, *, odd: bool = False) -> dict[int, Any]:
    """An Ed25519 key from y and the sign of x, whatever they are."""
    return {1: 1, -1: 6, -2: (y | odd << 255).to_bytes(32, "little")}


def p256(x: int, *, odd: bool) -> dict[int, Any]:
    return {1: 2, -1: 1, -2: x.to_bytes(32, "big"), -3: odd}


def cases() -> Iterator[Case]:
    yield from _good_keys()
    yield from _forms()
    yield from _points()
    yield from _signatures()
    yield from _der()


def _good_keys() -> Iterator[Case]:
    for key, name in ((TENANT, "ed25519"), (FIRM, "p256-with-odd-y"), (ENGINEER_EVEN,
                                                                       "p256-with-even-y")):
        yield key_case(f"good-{name}", "A key, its algorithm and its id.", key.cose,
                       accepted(id=key.id, alg=key.alg))


def _forms() -> Iterator[Case]:
    good, other = TENANT.cose, FIRM.cose
    wrong = {
        "no-map": [1, 2, 3],
        "no-kty": {-1: 6, -2: good[-2]},
        "unknown-kty": good | {1: 4},
        "kty-true": good | {1: True},
        "unknown-curve": good | {-1: 4},
        "another-field": good | {2: b"name"},
        "ed25519-of-31-bytes": good | {-2: good[-2][:31]},
        "ed25519-of-33-bytes": good | {-2: good[-2] + b"\x00"},
        "ed25519-with-y": good | {-3: True},
        "private-part": good | {-4: bytes(32)},
        "p256-without-y": {k: v for k, v in other.items() if k != -3},
        "p256-with-y-as-bytes": other | {-3: bytes(32)},
        "p256-with-y-as-number": other | {-3: 1},
        "p256-x-of-31-bytes": other | {-2: other[-2][:31]},
    }
    for name, cose in wrong.items():
        yield key_case(name, "A COSE_Key has one of two forms and no other field.", cose,
                       malformed("K1"))


def _points() -> Iterator[Case]:
    for name, y in (("p", P25519), ("p-plus-1", P25519 + 1), ("all-ones", (1 << 255) - 1)):
        for odd in (False, True):
            yield key_case(
                f"not-canonical-{name}-{'odd' if odd else 'even'}",
                "y is below the field's prime, so that a point has one encoding.",
                ed25519(y, odd=odd), untrusted("K2"))
    for name, y in (("0", 0), ("1", 1), ("minus-1", P25519 - 1), ("of-order-8", Y_ORDER_8),
                    ("minus-of-order-8", P25519 - Y_ORDER_8)):
        for odd in (False, True):
            yield key_case(
                f"small-order-y-{name}-{'odd' if odd else 'even'}",
                "Under a key of small order anybody can sign.", ed25519(y, odd=odd),
                untrusted("K3"))
    yield key_case("p256-x-on-no-point", "No point of P-256 has this x.", p256(OFF_CURVE,
                                                                               odd=False),
                   untrusted("K4"))
    yield key_case("p256-x-not-below-the-prime", "x is below the field's prime.",
                   p256(P256 + 5, odd=True), untrusted("K4"))


def on_curve(x: int) -> bool:
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    return pow(x**3 - 3 * x + b, (P256 - 1) // 2, P256) <= 1


OFF_CURVE = next(x for x in range(1, 100) if not on_curve(x))
ENGINEER_EVEN = next(key for key in (FIRM, *(
    type(FIRM)(f"a phone, number {n}", FIRM.alg) for n in range(9))) if not key.cose[-3])


def signature_case(
    name: str, shows: str, signature: bytes, expected: Fields, key: Any = TENANT,  # noqa: ANN401
) -> Case:
    return Case(f"keys/{name}", shows, "signature", {
        "key": cbor(key.cose), "message": MESSAGE, "signature": signature}, expected)


def _signatures() -> Iterator[Case]:
    good, p = TENANT.sign(MESSAGE), FIRM.sign(MESSAGE)
    r, s = int.from_bytes(p[:32], "big"), int.from_bytes(p[32:], "big")
    yield signature_case("signed-ed25519", "A signature that holds.", good, accepted())
    yield signature_case("signed-p256", "A signature that holds.", p, accepted(), FIRM)
    for name, cut in (("of-63-bytes", good[:63]), ("of-65-bytes", good + b"\x00"), ("empty", b"")):
        yield signature_case(f"signature-{name}", "A signature has 64 bytes.", cut, untrusted("K5"))
    for name, pair in (("r-0", (0, s)), ("s-0", (r, 0)), ("r-n", (N256, s)), ("s-n", (r, N256)),
                       ("both-0", (0, 0))):
        yield signature_case(f"p256-{name}", "r and s lie between 0 and the group's order.",
                             two_numbers(*pair), untrusted("K6"), FIRM)
    yield signature_case("p256-high-s", "Only the lower of two values of s is taken.", other_s(p),
                         untrusted("K7"), FIRM)
    yield signature_case("signature-of-another-key", "Signed by somebody else.",
                         GUEST.sign(MESSAGE),
                         untrusted("K8"))
    yield signature_case("signature-over-another-message", "Signed something else.",
                         TENANT.sign(MESSAGE + b"."), untrusted("K8"))
    yield signature_case("p256-over-another-message", "Signed something else.",
                         FIRM.sign(MESSAGE + b"."), untrusted("K8"), FIRM)
    s25519 = int.from_bytes(good[32:], "little") + L25519
    yield signature_case("ed25519-s-not-below-the-order", "S is below the group's order.",
                         good[:32] + s25519.to_bytes(32, "little"), untrusted("K8"))
    for at in (0, 31, 32, 63):
        changed = bytes(byte ^ (index == at) for index, byte in enumerate(good))
        yield signature_case(f"signature-with-byte-{at}-changed", "One bit was changed.", changed,
                             untrusted("K8"))


def _der() -> Iterator[Case]:
    der, raw = FIRM.der(MESSAGE), FIRM.sign(MESSAGE)

    def der_case(name: str, shows: str, given: bytes, expected: Fields) -> Case:
        return Case(f"keys/{name}", shows, "der_signature", {"der": given}, expected)

    both = sorted([der, der_with_other_s(der)], key=lambda one: one != minimal(raw))
    yield der_case("der-with-low-s", "A DER signature becomes 64 bytes.", both[0],
                   accepted(signature=raw))
    yield der_case("der-with-high-s", "The lower value of s is taken.", both[1],
                   accepted(signature=raw))
    yield der_case("der-that-is-raw", "64 bytes are no DER.", raw, malformed("K9"))
    yield der_case("der-with-a-byte-after-it", "Nothing follows.", der + b"\x00", malformed("K9"))
    yield der_case("der-cut-short", "Nothing is missing.", der[:-1], malformed("K9"))
    yield der_case("der-with-a-long-length", "BER is no DER.",
                   b"\x30\x81" + der[1:], malformed("K9"))
    yield der_case("der-with-a-needless-zero", "An integer has its shortest form.",
                   bytes.fromhex("300702020001020101"), malformed("K9"))
    yield der_case("der-with-a-negative-number", "Neither number is negative.",
                   bytes.fromhex("3006020180020101"), malformed("K9"))
    yield der_case("der-with-r-0", "r is above 0.", bytes.fromhex("3006020100020101"),
                   untrusted("K6"))
    yield der_case("der-with-s-n", "s is below the order.",
                   bytes.fromhex("3026020101022100") + N256.to_bytes(32, "big"), untrusted("K6"))


def minimal(raw: bytes) -> bytes:
    """Strict DER of two numbers."""
    parts = b""
    for half in (raw[:32], raw[32:]):
        number = half.lstrip(b"\x00")
        number = (b"\x00" if number[0] & 0x80 else b"") + number
        parts += b"\x02" + bytes([len(number)]) + number
    return b"\x30" + bytes([len(parts)]) + parts



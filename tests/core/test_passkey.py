"""A passkey's assertion: by that credential, for that page, over this challenge, by a person.

W in the names of checks is that of spec/passkey.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import PAGE, PASSKEY, RP_HASH, STRANGER, TOUCHED, key, refused, touch

from mortice.core import cbor
from mortice.core.errors import Theirs
from mortice.core.grant import Passkey
from mortice.core.keys import ESP256, N256
from mortice.core.passkey import CLIENT_BYTES, Assertion, challenge_text, read_assertion

MESSAGE = b"the proof of this conversation"
CHIP = key("passkey in a phone", ESP256)
CHIP_PASSKEY = Passkey(CHIP.public, RP_HASH, PAGE)


def verify(assertion: cbor.Value, message: bytes = MESSAGE, passkey: Passkey = PASSKEY) -> None:
    read_assertion(assertion).verify(passkey, message)


def said(client: bytes | str, flags: int = 5) -> list[cbor.Value]:
    """An honest authenticator's assertion over whatever client data a page makes up."""
    data = client.encode() if isinstance(client, str) else client
    authenticator = RP_HASH + bytes([flags]) + bytes(4)
    return [authenticator, data, TOUCHED.sign(authenticator + hashlib.sha256(data).digest())]


def client(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 — JSON has many types
    good = {"type": "webauthn.get", "challenge": challenge_text(MESSAGE), "origin": PAGE}
    return good | changes


def test_a_touch_holds() -> None:
    verify(touch(MESSAGE))


def test_a_challenge_is_the_digest_in_base64url_without_padding() -> None:
    digest = hashlib.sha256(MESSAGE).digest()
    assert base64.urlsafe_b64decode(challenge_text(MESSAGE) + "=") == digest
    assert "=" not in challenge_text(MESSAGE)


def test_what_browsers_add_is_let_pass() -> None:
    note = "do not compare clientDataJSON against a template"
    verify(said(json.dumps(client(crossOrigin=False, other_keys_can_be_added_here=note))))
    verify(said(json.dumps(client(virtual_authenticator="GPM"))))
    verify(said(json.dumps(client(
        crossOrigin=False, other_keys_can_be_added_here=note, virtual_authenticator="GPM"))))


# --- the parts: W1 and W2 -------------------------------------------------------------------


@pytest.mark.parametrize("value", [
    None, b"", [], {}, [b"", b""], [b"", b"", b"", b""], [b"", b"", "text"], [None, b"", b""],
    [b"", 1, b""], {0: b"", 1: b"", 2: b""}])
def test_an_assertion_is_three_byte_strings(value: cbor.Value) -> None:
    with refused("W1"):
        read_assertion(value)


@pytest.mark.parametrize(("lengths", "held"), [
    ((37, 0, 0), True), ((512, CLIENT_BYTES, 80), True), ((36, 0, 0), False),
    ((513, 0, 0), False), ((37, CLIENT_BYTES + 1, 0), False), ((37, 0, 81), False),
    ((0, 0, 0), False)])
def test_each_part_has_a_possible_length(lengths: tuple[int, ...], held: bool) -> None:
    value: list[cbor.Value] = [bytes(length) for length in lengths]
    if held:
        assert read_assertion(value) == Assertion(*map(bytes, lengths))
        return
    with refused("W2"):
        read_assertion(value)


# --- what the page said: W3 and W4 ----------------------------------------------------------


@pytest.mark.parametrize("data", [
    b"", b"null", b"[]", b'"text"', b"{", b"not json", b"\xff\xfe{}", "\ufeff{}".encode(),
    b"{}{}", b"[" * 2000, b'{"type": "webauthn.get",}', b"{'type': 'webauthn.get'}",
    json.dumps(client()).encode("utf-16")])
def test_client_data_is_one_json_object(data: bytes) -> None:
    with refused("W3"):
        verify(said(data))


@pytest.mark.parametrize(
    "unknown", ["topOrigin", "tokenBinding", "Origin", "", "challenge ", "or\u0131gin"])
def test_what_no_browser_says_of_its_own_page_is_refused(unknown: str) -> None:
    with refused("W3"):
        verify(said(json.dumps(client(**{unknown: PAGE}))))


@pytest.mark.parametrize("name", ["type", "challenge", "origin", "crossOrigin"])
def test_nothing_is_said_twice(name: str) -> None:
    """Two readers of one text that pick different twins would check different things."""
    good = client(crossOrigin=False)
    for other in ("evil", good[name]):
        twin = json.dumps({name: other})[1:-1]
        plain = json.dumps(good)
        for text in (f"{{{twin}, {plain[1:]}", f"{plain[:-1]}, {twin}}}"):
            with refused("W3"):
                verify(said(text))


def test_a_twin_in_another_spelling_is_a_twin() -> None:
    with refused("W3"):
        verify(said(json.dumps(client())[:-1] + ', "orig\\u0069n": "https://keys.example"}'))


def test_twins_deeper_down_are_twins_too() -> None:
    with refused("W3"):
        verify(said(json.dumps(client())[:-1] + ', "virtual_authenticator": {"a": 1, "a": 2}}'))


@pytest.mark.parametrize("changes", [
    {"type": "webauthn.create"}, {"type": "payment.get"}, {"type": "Webauthn.get"}, {"type": None},
    {"type": ["webauthn.get"]}, {"crossOrigin": True}, {"crossOrigin": 0},
    {"crossOrigin": None}, {"crossOrigin": "false"}])
def test_only_a_plain_assertion_of_the_page_itself_counts(changes: dict[str, Any]) -> None:
    with refused("W4"):
        verify(said(json.dumps(client(**changes))))


@pytest.mark.parametrize(("left", "check"), [("type", "W4"), ("challenge", "W5"), ("origin", "W6")])
def test_nothing_may_be_left_unsaid(left: str, check: str) -> None:
    with refused(check):
        verify(said(json.dumps({k: v for k, v in client().items() if k != left})))


# --- for what, where and by whom: W5 to W7 --------------------------------------------------


@pytest.mark.parametrize("challenge", [
    challenge_text(b"the proof of another conversation"), challenge_text(MESSAGE) + "=", "",
    challenge_text(MESSAGE)[:-1], hashlib.sha256(MESSAGE).hexdigest(), None,
    base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode(), [challenge_text(MESSAGE)]])
def test_a_touch_for_anything_else_is_refused(challenge: object) -> None:
    with refused("W5"):
        verify(said(json.dumps(client(challenge=challenge))))


def test_a_touch_is_for_one_message() -> None:
    with refused("W5"):
        verify(touch(b"the proof of another conversation"))


@pytest.mark.parametrize("origin", [
    "http://keys.example", "https://keys.example/", "https://keys.example:443",
    "https://KEYS.example", "https://evil.example", "https://keys.example.evil.example",
    "https://www.keys.example", "https://keys.example\0", "https://k\u0435ys.example", "", "null",
    None])
def test_a_touch_on_another_page_is_refused(origin: object) -> None:
    with refused("W6"):
        verify(said(json.dumps(client(origin=origin))))


def test_a_touch_for_another_relying_party_is_refused() -> None:
    with refused("W6"):
        verify(touch(MESSAGE, rp_hash=hashlib.sha256(b"evil.example").digest()))


@pytest.mark.parametrize("flags", [0x00, 0x01, 0x04, 0xFA, 0xFB, 0xFE])
def test_a_person_was_there_and_was_verified(flags: int) -> None:
    with refused("W7"):
        verify(touch(MESSAGE, flags=flags))


@pytest.mark.parametrize("flags", [0x05, 0x0D, 0x1D, 0xFF])
def test_what_else_the_authenticator_flags_does_not_matter(flags: int) -> None:
    verify(touch(MESSAGE, flags=flags))


def test_another_credential_is_refused() -> None:
    with refused("K8"):
        verify(touch(MESSAGE, credential=STRANGER))
    with refused("K8"):
        verify(touch(MESSAGE), passkey=replace(PASSKEY, key=STRANGER.public))


def test_every_changed_bit_is_noticed() -> None:
    good = touch(MESSAGE)
    for place, part in enumerate(good):
        assert isinstance(part, bytes)
        for bit in range(8 * len(part)):
            changed = bytearray(part)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(Theirs):
                verify([*good[:place], bytes(changed), *good[place + 1:]])


@given(st.binary(max_size=100))
def test_rubbish_for_client_data_is_refused_and_nothing_worse(rubbish: bytes) -> None:
    with pytest.raises(Theirs):
        verify(said(rubbish))


def test_parts_of_two_assertions_make_none() -> None:
    one, other = touch(MESSAGE), touch(MESSAGE, crossOrigin=False, virtual_authenticator="x")
    with refused("K8"):
        verify([one[0], other[1], one[2]])


# --- signatures as WebAuthn makes them ------------------------------------------------------


def der(assertion: list[cbor.Value], *, high: bool) -> list[cbor.Value]:
    """The same assertion with its P-256 signature in DER, s in either of its two values."""
    authenticator, data, signature = assertion
    assert isinstance(signature, bytes)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return [authenticator, data, encode_dss_signature(r, N256 - s if high else s)]


@pytest.mark.parametrize("high", [False, True])
def test_a_p256_passkey_signs_in_der(high: bool) -> None:
    verify(der(touch(MESSAGE, credential=CHIP), high=high), passkey=CHIP_PASSKEY)


def test_a_p256_signature_in_any_other_form_is_refused() -> None:
    plain = touch(MESSAGE, credential=CHIP)
    with refused("K9"):
        verify(plain, passkey=CHIP_PASSKEY)
    with refused("K9"):
        verify([*plain[:2], b""], passkey=CHIP_PASSKEY)
    with refused("K6"):
        verify([*plain[:2], encode_dss_signature(0, 1)], passkey=CHIP_PASSKEY)


def test_an_ed25519_signature_has_64_bytes() -> None:
    good = touch(MESSAGE)
    with refused("K5"):
        verify([*good[:2], b""])


def test_a_p256_passkey_is_not_satisfied_by_another() -> None:
    other = der(touch(MESSAGE, credential=key("another chip", ESP256)), high=False)
    with refused("K8"):
        verify(other, passkey=CHIP_PASSKEY)

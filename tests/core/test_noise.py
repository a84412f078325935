"""Noise NK and NKpsk0: published vectors, another implementation as peer, and wrong messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortice.core.errors import Malformed, Misuse, Theirs, Untrusted
from mortice.core.noise import REKEY_NONCE, Initiator, Responder, StaticKey, Transport

STATIC = StaticKey(b"\x01" * 32)
E1, E2 = b"\x02" * 32, b"\x03" * 32
PSK = b"\x04" * 32
PROLOGUE = b"version, site, door"
WITH_AND_WITHOUT_PSK = pytest.mark.parametrize("psk", [None, PSK], ids=["NK", "NKpsk0"])

# Points of small order on curve25519 and its twist, and their second encodings: RFC 7748, section
# 6.1, asks that they be noticed by the all-zero secret that they lead to.
SMALL_ORDER = [bytes.fromhex(point) for point in (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]


def refused(check: str, call: Callable[..., object], *args: object) -> None:
    with pytest.raises(Theirs) as error:
        call(*args)
    assert error.value.check == check


def ends(psk: bytes | None = None) -> tuple[Initiator, Responder]:
    return Initiator(PROLOGUE, STATIC.public, E1, psk), Responder(PROLOGUE, STATIC, psk)


def channels(psk: bytes | None = None) -> tuple[Transport, Transport]:
    initiator, responder = ends(psk)
    responder.read(initiator.write())
    initiator.read(responder.write(E2))
    return initiator.transport(), responder.transport()


# --- published vectors ----------------------------------------------------------------------


def vectors(published: Callable[[str], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for name in ("cacophony", "snow"):
        for vector in published(f"noise/{name}.json")["vectors"]:
            if vector["protocol_name"].split("_")[1] in ("NK", "NKpsk0"):
                yield vector


@pytest.mark.vectors
def test_published_vectors(published: Callable[[str], dict[str, Any]]) -> None:
    """NK twice and NKpsk0 once, both ends, every message."""
    ran = 0
    for vector in vectors(published):
        raw = {key: bytes.fromhex(value) for key, value in vector.items()
               if key.endswith(("prologue", "static", "ephemeral", "hash"))}
        psk = bytes.fromhex(vector["init_psks"][0]) if vector.get("init_psks") else None
        initiator = Initiator(
            raw["init_prologue"], raw["init_remote_static"], raw["init_ephemeral"], psk)
        responder = Responder(raw["resp_prologue"], raw["resp_static"], psk)
        messages = [(bytes.fromhex(m["payload"]), bytes.fromhex(m["ciphertext"]))
                    for m in vector["messages"]]
        (payload1, message1), (payload2, message2), *later = messages
        assert initiator.write(payload1) == message1
        assert responder.read(message1) == payload1
        assert responder.write(raw["resp_ephemeral"], payload2) == message2
        assert initiator.read(message2) == payload2
        assert initiator.handshake_hash == responder.handshake_hash
        assert initiator.handshake_hash == raw.get("handshake_hash", initiator.handshake_hash)
        speaking, listening = initiator.transport(), responder.transport()
        for payload, sealed in later:
            assert speaking.seal(payload) == sealed
            assert listening.open(sealed) == payload
            speaking, listening = listening, speaking
        ran += 1
    assert ran == 3


# --- another implementation as peer ---------------------------------------------------------


def peer(psk: bytes | None, *, initiator: bool) -> Any:  # noqa: ANN401 — it comes without types
    connection = pytest.importorskip(
        "noise.connection", reason="noiseprotocol is not installed")
    other = connection.NoiseConnection.from_name(
        b"Noise_NK_25519_AESGCM_SHA256" if psk is None else b"Noise_NKpsk0_25519_AESGCM_SHA256")
    other.set_prologue(PROLOGUE)
    if psk is not None:
        other.set_psks(psk)
    if initiator:
        other.set_as_initiator()
        other.set_keypair_from_public_bytes(connection.Keypair.REMOTE_STATIC, STATIC.public)
    else:
        other.set_as_responder()
        other.set_keypair_from_private_bytes(connection.Keypair.STATIC, b"\x01" * 32)
    other.start_handshake()
    return other


@WITH_AND_WITHOUT_PSK
def test_another_implementation_answers(psk: bytes | None) -> None:
    ours, other = ends(psk)[0], peer(psk, initiator=False)
    assert other.read_message(ours.write(b"one")) == b"one"
    assert ours.read(bytes(other.write_message(b"two"))) == b"two"
    assert ours.handshake_hash == other.get_handshake_hash()
    converse(ours.transport(), other)


@WITH_AND_WITHOUT_PSK
def test_another_implementation_opens_the_conversation(psk: bytes | None) -> None:
    ours, other = ends(psk)[1], peer(psk, initiator=True)
    assert ours.read(bytes(other.write_message(b"one"))) == b"one"
    assert other.read_message(ours.write(E2, b"two")) == b"two"
    assert ours.handshake_hash == other.get_handshake_hash()
    converse(ours.transport(), other)


def converse(channel: Transport, other: Any) -> None:  # noqa: ANN401 — as above
    for n in range(3):
        assert other.decrypt(channel.seal(b"out %d" % n)) == b"out %d" % n
        assert channel.open(bytes(other.encrypt(b"in %d" % n))) == b"in %d" % n


# --- handshakes that must fail --------------------------------------------------------------


@WITH_AND_WITHOUT_PSK
def test_payloads_pass_in_both_directions(psk: bytes | None) -> None:
    initiator, responder = ends(psk)
    assert responder.read(initiator.write(b"one")) == b"one"
    assert initiator.read(responder.write(E2, b"two")) == b"two"
    assert initiator.handshake_hash == responder.handshake_hash


@pytest.mark.parametrize(
    ("initiator", "why"),
    [(Initiator(b"another door", STATIC.public, E1), "prologue"),
     (Initiator(PROLOGUE, StaticKey(b"\x09" * 32).public, E1), "static key"),
     (Initiator(PROLOGUE, STATIC.public, E1, PSK), "code where none is wanted")])
def test_a_first_message_for_something_else_is_refused(initiator: Initiator, why: str) -> None:
    responder = Responder(PROLOGUE, STATIC)
    refused("N4", lambda: responder.read(initiator.write()))


@pytest.mark.parametrize("psk", [None, b"\x05" * 32])
def test_without_the_right_code_nothing_is_read(psk: bytes | None) -> None:
    initiator, responder = Initiator(PROLOGUE, STATIC.public, E1, psk), ends(PSK)[1]
    refused("N4", lambda: responder.read(initiator.write()))


@WITH_AND_WITHOUT_PSK
@given(st.data())
def test_any_changed_bit_of_a_handshake_is_refused(psk: bytes | None, data: st.DataObject) -> None:
    initiator, responder = ends(psk)
    first = initiator.write(b"payload")
    refused_bit(data, first, ends(psk)[1].read)
    responder.read(first)
    refused_bit(data, responder.write(E2, b"payload"), initiator.read)


def refused_bit(data: st.DataObject, message: bytes, read: Callable[[bytes], bytes]) -> None:
    bit = data.draw(st.integers(0, 8 * len(message) - 1))
    number = int.from_bytes(message, "big") ^ 1 << bit
    with pytest.raises(Untrusted):
        read(number.to_bytes(len(message), "big"))


@WITH_AND_WITHOUT_PSK
def test_an_ephemeral_key_of_small_order_is_refused(psk: bytes | None) -> None:
    for point in SMALL_ORDER:
        responder = ends(psk)[1]
        refused("N3", responder.read, point + bytes(16))
        initiator = ends(psk)[0]
        initiator.write()
        refused("N3", initiator.read, point + bytes(16))


def test_a_static_key_of_small_order_is_refused() -> None:
    for point in SMALL_ORDER:
        refused("N3", Initiator(PROLOGUE, point, E1).write)


@pytest.mark.parametrize(("length", "check"), [(0, "N2"), (47, "N2"), (65536, "N1")])
def test_handshake_messages_have_bounds(length: int, check: str) -> None:
    initiator, responder = ends()
    refused(check, lambda: responder.read(bytes(length)))
    initiator.write()
    refused(check, lambda: initiator.read(bytes(length)))


def test_the_largest_handshake_message_passes() -> None:
    initiator, responder = ends()
    message = initiator.write(bytes(65535 - 48))
    assert len(message) == 65535
    assert responder.read(message) == bytes(65535 - 48)
    with pytest.raises(Misuse, match="at most 65535"):
        responder.write(E2, bytes(65535 - 47))


def test_a_replayed_first_message_leads_to_another_conversation() -> None:
    initiator, responder = ends()
    first = initiator.write()
    again = Responder(PROLOGUE, STATIC)
    for one in (responder, again):
        one.read(first)
    second = responder.write(E2)
    initiator.read(second)
    again.write(b"\x08" * 32)
    assert again.handshake_hash != initiator.handshake_hash
    refused("N5", lambda: again.transport().open(initiator.transport().seal(b"open")))


# --- steps out of turn ----------------------------------------------------------------------


def test_steps_out_of_turn_are_our_mistake() -> None:
    initiator, responder = ends()
    for step in (lambda: initiator.read(bytes(48)), lambda: responder.write(E2),
                 initiator.transport, responder.transport,
                 lambda: initiator.handshake_hash, lambda: responder.handshake_hash):
        with pytest.raises(Misuse):
            step()
    first = initiator.write()
    responder.read(first)
    for step in (initiator.write, lambda: responder.read(first), initiator.transport,
                 responder.transport, lambda: responder.handshake_hash):
        with pytest.raises(Misuse):
            step()
    second = responder.write(E2)
    initiator.read(second)
    for step in (initiator.write, lambda: initiator.read(second), lambda: responder.read(first),
                 lambda: responder.write(E2)):
        with pytest.raises(Misuse):
            step()


def test_a_channel_is_made_once_so_that_no_nonce_is_used_twice() -> None:
    initiator, responder = ends()
    responder.read(initiator.write())
    initiator.read(responder.write(E2))
    for end in (initiator, responder):
        end.transport()
        with pytest.raises(Misuse):
            end.transport()
    assert initiator.handshake_hash == responder.handshake_hash


def test_after_a_message_that_does_not_hold_the_handshake_is_over() -> None:
    initiator, responder = ends()
    first = initiator.write()
    refused("N4", lambda: responder.read(first[:-1] + bytes([first[-1] ^ 1])))
    with pytest.raises(Misuse):
        responder.read(first)
    with pytest.raises(Misuse):
        responder.write(E2)
    other = Responder(PROLOGUE, STATIC)
    other.read(first)
    second = other.write(E2)
    refused("N4", lambda: initiator.read(second[:-1] + bytes([second[-1] ^ 1])))
    for step in (lambda: initiator.read(second), initiator.transport,
                 lambda: initiator.handshake_hash):
        with pytest.raises(Misuse):
            step()


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_have_32_bytes(length: int) -> None:
    wrong = bytes(length)
    for make in (lambda: Initiator(PROLOGUE, wrong, E1),
                 lambda: Initiator(PROLOGUE, STATIC.public, wrong),
                 lambda: Initiator(PROLOGUE, STATIC.public, E1, wrong),
                 lambda: Responder(PROLOGUE, wrong), lambda: StaticKey(wrong),
                 lambda: Responder(PROLOGUE, STATIC, wrong)):
        with pytest.raises(Misuse, match="32 bytes"):
            make()
    responder = ends()[1]
    responder.read(ends()[0].write())
    with pytest.raises(Misuse, match="32 bytes"):
        responder.write(wrong)


# --- the channel ----------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=100), st.binary(max_size=20))))
def test_whatever_is_sealed_is_opened_at_the_other_end(
    messages: list[tuple[bool, bytes, bytes]],
) -> None:
    one, other = channels()
    for outward, plaintext, ad in messages:
        speaking, listening = (one, other) if outward else (other, one)
        assert listening.open(speaking.seal(plaintext, ad), ad) == plaintext


def test_repeated_skipped_reflected_and_misnamed_messages_are_refused() -> None:
    one, other = channels()
    first, second = one.seal(b"first", b"ad"), one.seal(b"second")
    refused("N5", lambda: other.open(second))
    refused("N5", lambda: other.open(first, b"another"))
    refused("N5", lambda: one.open(first, b"ad"))
    assert other.open(first, b"ad") == b"first"
    refused("N5", lambda: other.open(first, b"ad"))
    assert other.open(second) == b"second"


@given(st.integers(0, 8 * (5 + 16) - 1))
def test_any_changed_bit_of_a_sealed_message_is_refused(bit: int) -> None:
    one, other = channels()
    sealed = one.seal(b"unloc")
    changed = (int.from_bytes(sealed, "big") ^ 1 << bit).to_bytes(len(sealed), "big")
    refused("N5", lambda: other.open(changed))


def test_messages_of_the_channel_have_bounds() -> None:
    one, other = channels()
    assert other.open(one.seal(bytes(65519))) == bytes(65519)
    with pytest.raises(Misuse, match="at most 65519"):
        one.seal(bytes(65520))
    refused("N1", lambda: other.open(bytes(65536)))
    refused("N2", lambda: other.open(bytes(15)))
    assert other.open(one.seal(b"")) == b""  # nothing above has used up a nonce


def test_the_last_nonce_is_never_used_for_a_message() -> None:
    one, other = channels()
    one._sent = other._received = REKEY_NONCE - 1
    assert other.open(one.seal(b"last")) == b"last"
    refused("N6", lambda: one.seal(b"one more"))
    refused("N6", lambda: other.open(bytes(16)))


def test_errors_are_of_the_two_families() -> None:
    with pytest.raises(Malformed):
        ends()[1].read(b"")
    with pytest.raises(Untrusted):
        ends()[1].read(bytes(48))

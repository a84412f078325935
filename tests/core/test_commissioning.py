"""The code on the inside of a lock, and what a new lock and its owner say to each other.

Q in the names of checks is that of spec/commissioning.md.
"""

from __future__ import annotations

import base64
import hashlib
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import FRONT, key, refused

from mortice.core import cbor
from mortice.core.commissioning import (
    Code,
    Takeover,
    fingerprint,
    psk,
    read_code,
    read_hello,
    read_takeover,
    write_code,
    write_hello,
)
from mortice.core.errors import Malformed, Untrusted
from mortice.core.keys import ESP256
from mortice.core.limits import TIME_MAX
from mortice.core.link import HolderSide, LockAddress, LockSide, mac_key, prologue
from mortice.core.messages import Greeting
from mortice.core.noise import KeyPair, StaticKey
from mortice.core.site import LockKeys
from mortice.core.stages import TimeState

LINK = StaticKey(key("link").seed)
KEYS = LockKeys(LINK.public, key("lock").public, KeyPair(key("sealing").seed).public)
CODE = Code(fingerprint(KEYS), bytes(range(16)))
WRITTEN = write_code(CODE)
BASE32 = string.ascii_uppercase + "234567"


# --- the code: Q1 to Q3 ---------------------------------------------------------------------


def test_a_code_reads_back_as_it_was_written() -> None:
    assert read_code(WRITTEN) == CODE


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_every_code_reads_back(name: bytes, secret: bytes) -> None:
    assert read_code(write_code(Code(name, secret))) == Code(name, secret)


def test_a_code_is_what_the_spec_says() -> None:
    """32 bytes and the first two of a SHA-256 over prefix and bytes, in base32, by fives."""
    body = CODE.fingerprint + CODE.secret
    check = hashlib.sha256(b"MORTICE1" + body).digest()[:2]
    letters = base64.b32encode(body + check).decode().rstrip("=")
    assert WRITTEN.replace("-", "") == "MORTICE1" + letters
    assert [len(group) for group in WRITTEN.split("-")] == [8] + [5] * 11


@pytest.mark.parametrize("typed", [
    WRITTEN.lower(), WRITTEN.replace("-", " "), WRITTEN.replace("-", ""), f"\n {WRITTEN}\t\n",
    WRITTEN.replace("-", " - "), WRITTEN.replace("-", "--")])
def test_a_code_may_be_typed_as_people_type(typed: str) -> None:
    assert read_code(typed) == CODE


def test_digits_that_look_like_letters_are_read_as_those() -> None:
    head, letters = WRITTEN[:9], WRITTEN[9:]
    lookalikes = letters.replace("O", "0").replace("I", "1").replace("B", "8")
    assert lookalikes != letters
    assert read_code(head + lookalikes) == CODE


def test_every_single_wrong_letter_is_noticed() -> None:
    letters = WRITTEN.replace("-", "")
    for place in range(8, len(letters)):
        for wrong in BASE32.replace(letters[place], ""):
            with refused("Q3"):
                read_code(letters[:place] + wrong + letters[place + 1:])


def test_two_letters_that_changed_places_are_noticed() -> None:
    letters = WRITTEN.replace("-", "")
    for at in range(8, len(letters) - 1):
        one, other = letters[at:at + 2]
        if one != other:
            with refused("Q3"):
                read_code(letters[:at] + other + one + letters[at + 2:])


def test_every_incomplete_code_is_noticed() -> None:
    letters = WRITTEN.replace("-", "")
    for end in range(8, len(letters)):
        with pytest.raises(Malformed) as error:
            read_code(letters[:end])
        assert error.value.check in ("Q2", "Q3")


@pytest.mark.parametrize("more", ["A", "AA", "=", "=" * 8, "AAAAAAAA"])
def test_a_code_ends_where_it_ends(more: str) -> None:
    with pytest.raises(Malformed) as error:
        read_code(WRITTEN + more)
    assert error.value.check in ("Q2", "Q3")


@pytest.mark.parametrize("text", [
    "", " ", "MORTICE", "MORTICE2-" + WRITTEN[9:], WRITTEN[1:], "x" + WRITTEN, "PAPER1-AAAAA",
    "https://keys.example/" + WRITTEN, WRITTEN + "A" * 100, "M" * 1_000_000])
def test_what_is_no_code_is_told_apart_from_a_mistyped_one(text: str) -> None:
    with refused("Q1"):
        read_code(text)


def test_a_text_of_a_hundred_letters_is_still_read() -> None:
    letters = WRITTEN.replace("-", "").ljust(100, "A")
    with refused("Q3"):
        read_code(letters)
    with refused("Q1"):
        read_code(letters + "A")


@pytest.mark.parametrize("wrong", ["9", "É", "ß", "!", "\0", "\uff1d", "٣", "é", "\U0001f511"])
def test_a_letter_that_no_code_has_is_named_as_such(wrong: str) -> None:
    with pytest.raises(Malformed) as error:
        read_code(WRITTEN[:20] + wrong + WRITTEN[21:])
    assert error.value.check in ("Q2", "Q3")  # ß is two letters in capitals: a wrong code
    assert wrong not in str(error.value)


def test_nothing_shows_a_codes_secret() -> None:
    assert repr(CODE.secret) not in repr(CODE)
    with pytest.raises(Malformed) as error:
        read_code(WRITTEN[:-1] + ("A" if WRITTEN[-1] != "A" else "Q"))
    assert WRITTEN[9:14] not in str(error.value)


# --- which lock it names: Q4 ----------------------------------------------------------------


def test_the_lock_that_the_code_names_is_believed() -> None:
    assert read_hello(write_hello(KEYS), CODE) == KEYS


def test_a_locks_identity_may_be_on_p256() -> None:
    chip = replace(KEYS, signing=key("chip", ESP256).public)
    assert read_hello(write_hello(chip), Code(fingerprint(chip), bytes(16))) == chip


@pytest.mark.parametrize("fake", [
    replace(KEYS, link=KeyPair(key("fake").seed).public),
    replace(KEYS, signing=key("fake").public),
    replace(KEYS, signing=key("lock", ESP256).public),
    replace(KEYS, sealing=KeyPair(key("fake").seed).public),
    replace(KEYS, link=KEYS.sealing, sealing=KEYS.link)],
    ids=["link", "signing", "algorithm", "sealing", "exchanged"])
def test_a_lock_with_any_other_key_is_not(fake: LockKeys) -> None:
    """A fake sealing key alone would let its owner read every PIN."""
    with pytest.raises(Untrusted) as error:
        read_hello(write_hello(fake), CODE)
    assert error.value.check == "Q4"


@pytest.mark.parametrize(("answer", "check"), [
    (b"", "E2"), (bytes(513), "E1"), (b"\x03MORTICE", "E3"),
    (cbor.encode([KEYS.link, KEYS.signing.cose]), "Q4"),
    (cbor.encode([KEYS.link, KEYS.signing.cose, KEYS.sealing, 0]), "Q4"),
    (cbor.encode({0: KEYS.link, 1: KEYS.signing.cose, 2: KEYS.sealing}), "Q4"),
    (cbor.encode([KEYS.link[1:], KEYS.signing.cose, KEYS.sealing]), "Q4"),
    (cbor.encode([KEYS.link, KEYS.signing.point, KEYS.sealing]), "K1"),
    (cbor.encode([KEYS.link, {1: 1, -1: 6, -2: bytes(32)}, KEYS.sealing]), "K3"),
    (cbor.encode([bytes(32), KEYS.signing.cose, KEYS.sealing]), "N3"),
    (cbor.encode([KEYS.link, KEYS.signing.cose, bytes(32)]), "N3")])
def test_an_answer_that_is_no_set_of_keys_is_refused(answer: bytes, check: str) -> None:
    with refused(check):
        read_hello(answer, CODE)


def test_a_fingerprint_covers_all_keys_and_nothing_moves_between_them() -> None:
    found = {fingerprint(keys) for keys in (
        KEYS, replace(KEYS, link=KEYS.sealing), replace(KEYS, sealing=KEYS.link),
        replace(KEYS, link=KEYS.sealing, sealing=KEYS.link))}
    assert len(found) == 4
    assert all(len(one) == 16 for one in found)


# --- the secret -----------------------------------------------------------------------------


def test_every_bit_of_the_secret_counts() -> None:
    keys = {psk(CODE.secret)}
    for bit in range(128):
        changed = bytearray(CODE.secret)
        changed[bit // 8] ^= 1 << bit % 8
        keys.add(psk(bytes(changed)))
    assert len(keys) == 129


GREETING = Greeting(TimeState.UNSURE, 0, 0, 0, bytes(32), bytes(8), 0, 0)


def test_whoever_has_not_the_secret_takes_nothing_over() -> None:
    address = LockAddress(b"", b"", KEYS.link, KEYS.signing)
    nowhere = prologue(bytes(16), bytes(8))
    for secret, ends in ((CODE.secret, None), (bytes(16), "N4")):
        lock = LockSide(LINK, mac_key(LINK.public), nowhere, psk(CODE.secret))
        owner = HolderSide(address, key("fresh").seed, psk(secret))
        if ends:
            with refused(ends):
                lock.read_first(owner.first())
        else:
            lock.read_first(owner.first())
            owner.read_greeting(lock.greet(GREETING, key("fresh too").seed))


# --- what the owner says: Q5 ----------------------------------------------------------------

TAKEOVER = Takeover(FRONT, b"root", b"map", 1_772_622_000)


def test_a_takeover_reads_back_as_it_was_sent() -> None:
    assert read_takeover(cbor.decode(cbor.encode(TAKEOVER.args()))) == TAKEOVER
    largest = Takeover(FRONT, bytes(8192), bytes(8192), TIME_MAX)
    assert read_takeover(largest.args()) == largest
    smallest = Takeover(FRONT, b"r", b"m", 0)
    assert read_takeover(smallest.args()) == smallest


@pytest.mark.parametrize("args", [
    None, [], b"", {},
    *({name: value for name, value in TAKEOVER.args().items() if name != left}
      for left in (1, 2, 3, 4)),
    TAKEOVER.args() | {5: 0}, TAKEOVER.args() | {"site": b""},
    TAKEOVER.args() | {1: FRONT + b"x"}, TAKEOVER.args() | {1: FRONT[:-1]},
    TAKEOVER.args() | {2: b""}, TAKEOVER.args() | {2: bytes(8193)},
    TAKEOVER.args() | {3: b""}, TAKEOVER.args() | {3: bytes(8193)},
    TAKEOVER.args() | {2: "root"}, TAKEOVER.args() | {4: -1},
    TAKEOVER.args() | {4: TIME_MAX + 1}, TAKEOVER.args() | {4: True},
    TAKEOVER.args() | {4: None}])
def test_anything_else_takes_nothing_over(args: object) -> None:
    with refused("Q5"):
        read_takeover(args)

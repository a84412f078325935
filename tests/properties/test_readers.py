"""No bytes make a reader do anything but read them or refuse them, and that at a bounded cost.

The good and bad vectors are the seeds: each is changed in ways that a careless or hostile sender
would. What comes out is a value, Malformed or Untrusted, and never another exception. Cost is
counted in calls of Python functions, which are the same on every machine, and not in time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.choices import MANY, PARTS, QUICK, Choices, strings
from tests.vectors import library
from tests.vectors.test_library import judged_by_the_library
from tests.vectors.vector import Fields, Vector, load_all, raw

from mortice.client.sealed import WrongPassphrase
from mortice.core import cbor
from mortice.core.errors import Malformed, Untrusted

SIZE = 64
# Parts of a vector that a stranger may have made; the rest is the lock's or the test's own.
FROM_STRANGERS = {
    "bytes", "cose", "signature", "der", "document", "chain", "assertion", "site", "doors", "next",
    "message", "plain", "bundle", "hello", "args", "keys", "entry", "export", "frontier", "proof",
    "leaf", "root", "old_root", "new_root", "sealed", "text", "code", "digits"}
OUR_OWN = {("typed", "entry"), ("odds", "digits")}  # the same names for something else
WHOLE_CONVERSATIONS = {
    "conversation", "takeover_handshake", "uplink", "decision", "revocations"}


def strangers(vector: Vector) -> list[str]:
    """The parts of a vector's input that a stranger may have made."""
    return sorted(name for name in FROM_STRANGERS & vector.input.keys()
                  if (vector.reader, name) not in OUR_OWN)


VECTORS = [
    one for one in load_all()
    if judged_by_the_library(one) and one.reader not in WHOLE_CONVERSATIONS and strangers(one)]
BY_READER = {
    reader: [one for one in VECTORS if one.reader == reader]
    for reader in sorted({one.reader for one in VECTORS})}
CALLS_A_BYTE = 10  # several times what a reader of long input needs
CALLS_AT_MOST = 3_000  # for keys, signatures and roots, whatever their length


# --- what a sender does to bytes -----------------------------------------------------------------


def spoilt(body: bytes, choices: Choices, other: bytes) -> bytes:
    """`body` after one to three things that happen to bytes."""
    for _ in range(1 + choices.number(3)):
        at = (choices.number(256) << 8 | choices.number(256)) % (len(body) + 1)
        body = choices.one(WAYS)(body, at, choices.number(256), other)
    return body


Way = Callable[[bytes, int, int, bytes], bytes]
WAYS: list[Way] = [
    lambda body, at, byte, other: body[:at] + bytes([byte]) + body[at + 1:],
    lambda body, at, byte, other: body[:at] + body[at + 1 + byte % 9:],
    lambda body, at, byte, other: body[:at] + bytes([byte]) + body[at:],
    lambda body, at, byte, other: body[:at],
    lambda body, at, byte, other: body[:at] + body[at:at + byte] * 2 + body[at + byte:],
    lambda body, at, byte, other: body[:at] + other[at:at + byte] + body[at + byte:],
    lambda body, at, byte, other: body[:at] + b"\x5b" + bytes([byte]) * 8 + body[at:],
    lambda body, at, byte, other: body[:at] + b"\x81" * (byte * 4) + body[at:],
    lambda body, at, byte, other: body[:at] + b"\xbf" * byte + body[at:],
    lambda body, at, byte, other: bytes([byte]) * at,
]


def spoil(value: Any, choices: Choices, other: bytes) -> Any:  # noqa: ANN401 (as a vector writes it)
    """One byte string or text somewhere in `value`, spoilt."""
    if isinstance(value, list) and value:
        at = choices.number(len(value))
        return [*value[:at], spoil(value[at], choices, other), *value[at + 1:]]
    if isinstance(value, dict):
        return spoil(raw(value).hex(), choices, other) if "repeat" in value else value
    if not isinstance(value, str):
        return value
    try:
        return spoilt(bytes.fromhex(value), choices, other).hex()
    except ValueError:
        return spoilt(value.encode(), choices, other).decode("utf-8", "replace")


def spoilt_input(vector: Vector, drawn: bytes, other: bytes) -> Fields:
    choices = Choices(drawn)
    name = choices.one(strangers(vector))
    return vector.input | {name: spoil(vector.input[name], choices, other)}


def length(given: Fields) -> int:
    return sum(len(str(value)) for value in given.values()) // 2


def counted(read: Callable[[], object]) -> int:
    """How many Python functions were called until `read` was done, or had refused."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        read()
    except (Malformed, Untrusted, WrongPassphrase):  # the last where a sealed key was spoilt
        pass
    finally:
        sys.setprofile(before)
    return calls


def check_reader(vector: Vector, drawn: bytes, other: bytes) -> None:
    spoilt_one = replace(vector, input=spoilt_input(vector, drawn, other))
    calls = counted(lambda: library.READERS[vector.reader](spoilt_one.input))
    assert calls <= CALLS_AT_MOST + CALLS_A_BYTE * length(spoilt_one.input)


@pytest.mark.parametrize("reader", BY_READER)
@settings(QUICK, max_examples=40)
@given(st.data(), strings(SIZE), st.binary(max_size=300))
def test_a_spoilt_vector_is_read_or_refused(
    reader: str, data: st.DataObject, drawn: bytes, other: bytes) -> None:
    check_reader(data.draw(st.sampled_from(BY_READER[reader])), drawn, other)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@MANY
@given(st.sampled_from(VECTORS), strings(SIZE), st.binary(max_size=300))
def test_twenty_thousand_spoilt_vectors_are_read_or_refused(
    part: int, vector: Vector, drawn: bytes, other: bytes) -> None:
    check_reader(vector, drawn, other)


# --- bytes from nowhere --------------------------------------------------------------------------


@pytest.mark.parametrize("reader", BY_READER)
@settings(QUICK, max_examples=20)
@given(st.data(), st.binary(max_size=600))
def test_random_bytes_are_read_or_refused(
    reader: str, data: st.DataObject, found: bytes) -> None:
    vector = data.draw(st.sampled_from(BY_READER[reader]))
    name = data.draw(st.sampled_from(strangers(vector)))
    kind = type(vector.input[name])
    value: Any = [found.hex()] if kind is list else found.hex()
    counted(lambda: library.READERS[reader](vector.input | {name: value}))


# --- values that are in the right encoding and mean nothing ---------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers(-70_000, 1 << 64 - 1) | st.binary(max_size=40)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(
        st.integers(-70_000, 20) | st.text(max_size=3), inner, max_size=6),
    max_leaves=12)


@pytest.mark.parametrize("reader", BY_READER)
@settings(QUICK, max_examples=30)
@given(st.data(), values)
def test_an_unexpected_value_in_the_right_encoding_is_read_or_refused(
    reader: str, data: st.DataObject, value: cbor.Value) -> None:
    """As a whole, or in the place of a part of something good."""
    vector = data.draw(st.sampled_from(BY_READER[reader]))
    name = data.draw(st.sampled_from(strangers(vector)))
    given_: Any = vector.input[name]
    put: Any = cbor.encode(with_part(given_, value, data)).hex()
    counted(lambda: library.READERS[reader](
        vector.input | {name: [put] if isinstance(given_, list) else put}))


def with_part(given_: Any, value: cbor.Value, data: st.DataObject) -> cbor.Value:  # noqa: ANN401
    try:
        whole = cbor.decode(raw(given_[0] if isinstance(given_, list) else given_), max_depth=64)
    except (Malformed, ValueError, TypeError, AttributeError, IndexError):
        return value
    if isinstance(whole, list) and whole:
        at = data.draw(st.integers(0, len(whole) - 1))
        return [*whole[:at], value, *whole[at + 1:]]
    if isinstance(whole, dict) and whole:
        return whole | {data.draw(st.sampled_from(sorted(whole, key=repr))): value}
    return value

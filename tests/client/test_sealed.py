"""Keys at rest: what is sealed opens with its own key and no other, and says why it does not."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortice.client.sealed import SALT_BYTES, WrongPassphrase, seal, unseal
from mortice.core.errors import Malformed

SALT = bytes(range(SALT_BYTES))
DEVICE = bytes(32)


def test_what_a_passphrase_seals_it_opens() -> None:
    assert unseal(seal(b"secret", "a passphrase", SALT), "a passphrase") == b"secret"


def test_another_passphrase_opens_nothing() -> None:
    with pytest.raises(WrongPassphrase):
        unseal(seal(b"secret", "a passphrase", SALT), "another one")


def test_what_a_device_key_seals_it_alone_opens() -> None:
    sealed = seal(b"secret", DEVICE)

    assert unseal(sealed, DEVICE) == b"secret"
    with pytest.raises(Malformed, match="another home"):
        unseal(sealed, secrets.token_bytes(32))


def test_the_two_ways_are_not_mixed_up() -> None:
    with pytest.raises(Malformed):
        unseal(seal(b"secret", DEVICE), "a passphrase")
    with pytest.raises(Malformed):
        unseal(seal(b"secret", "a passphrase", SALT), DEVICE)


def test_the_same_key_is_sealed_differently_each_time() -> None:
    assert seal(b"secret", DEVICE) != seal(b"secret", DEVICE)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_never_opens(at: int, change: int) -> None:
    sealed = bytearray(seal(b"a secret of thirty-two bytes....", DEVICE))
    sealed[at % len(sealed)] ^= change

    with pytest.raises(Malformed):
        unseal(bytes(sealed), DEVICE)


@given(st.binary(max_size=200))
def test_junk_is_malformed_and_nothing_else(junk: bytes) -> None:
    with pytest.raises(Malformed):
        unseal(junk, DEVICE)

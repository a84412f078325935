"""Wycheproof's vectors for the primitives beneath: through our doors, or as our code calls them."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mortice.core.errors import Untrusted
from mortice.core.noise import StaticKey, _hkdf

pytestmark = pytest.mark.vectors

Published = Callable[[str], dict[str, Any]]


def cases(
    document: dict[str, Any], **wanted: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for group in document["testGroups"]:
        if all(group[key] == value for key, value in wanted.items()):
            for case in group["tests"]:
                yield group, case


def raw(case: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(case[name]) for name in names]


def test_x25519(published: Published) -> None:
    """All 518. A secret of zeros is refused, whatever the vector makes of it."""
    ran = zeros = 0
    for _, case in cases(published("wycheproof/x25519_test.json")):
        private, public, shared = raw(case, "private", "public", "shared")
        if any(shared):
            assert StaticKey(private).exchange(public) == shared
        else:
            zeros += 1
            with pytest.raises(Untrusted, match="N3"):
                StaticKey(private).exchange(public)
        ran += 1
    assert (ran, zeros > 0) == (518, True)


def test_aes_256_gcm_with_nonces_of_96_bits(published: Published) -> None:
    """As Noise seals and opens."""
    ran = 0
    found = cases(published("wycheproof/aes_gcm_test.json"), keySize=256, ivSize=96, tagSize=128)
    for _, case in found:
        key, nonce, ad, plain, sealed, tag = raw(case, "key", "iv", "aad", "msg", "ct", "tag")
        if case["result"] == "valid":
            assert AESGCM(key).encrypt(nonce, plain, ad) == sealed + tag
            assert AESGCM(key).decrypt(nonce, sealed + tag, ad) == plain
        else:
            with pytest.raises(InvalidTag):
                AESGCM(key).decrypt(nonce, sealed + tag, ad)
        ran += 1
    assert ran == 66


def test_hmac_sha256(published: Published) -> None:
    """All 174, as Noise and the log key use it: the one-shot form of the standard library."""
    ran = 0
    for group, case in cases(published("wycheproof/hmac_sha256_test.json")):
        key, message, tag = raw(case, "key", "msg", "tag")
        made = hmac.digest(key, message, "sha256")[: group["tagSize"] // 8]
        assert (made == tag) == (case["result"] == "valid")
        ran += 1
    assert ran == 174


def test_hkdf_sha256(published: Published) -> None:
    """All 86 as called from the library; those without info also through Noise's own HKDF."""
    ran = through_noise = 0
    for _, case in cases(published("wycheproof/hkdf_sha256_test.json")):
        material, salt, info, expected = raw(case, "ikm", "salt", "info", "okm")
        ran += 1
        if case["result"] != "valid":
            with pytest.raises(ValueError, match="larger"):
                HKDF(SHA256(), case["size"], salt, info)
            continue
        assert HKDF(SHA256(), case["size"], salt, info).derive(material) == expected
        if not info:
            _, first, second = _hkdf(salt, material)
            assert expected.startswith((first + second)[: case["size"]])
            through_noise += 1
    assert (ran, through_noise > 0) == (86, True)

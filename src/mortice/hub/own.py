"""The hub's own secrets: its key for lines, its signing key, and what it seals its records with.

None of them opens a door. A thief of the folder has them, and the page *What a thief could do* says
what that is worth: at most the bounded grants that the owner gave (design, rule 8).
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mortice.core.errors import Malformed
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.noise import StaticKey

SEED_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Own:
    """Three secrets, each for one thing."""

    link: StaticKey  # what locks know this hub by
    signer: SoftwareKey  # the holder key of the hub's bounded grants
    seal_key: bytes

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """AES-256-GCM; `about` (which record it is) must be the same to open it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.seal_key).encrypt(nonce, plain, about)

    def unseal(self, sealed: bytes, about: bytes) -> bytes:
        """What `seal` was given. Raises Malformed if it was changed, moved or sealed elsewhere."""
        try:
            return AESGCM(self.seal_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except (InvalidTag, ValueError) as error:
            raise Malformed("Z1", "a sealed record of this hub does not open") from error


def own_secrets(folder: Path) -> Own:
    """The hub's secrets in `folder`, made at the first call; only the hub's user can read them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    seeds = _seeds(folder / "hub.key")
    return Own(StaticKey(seeds[0]), SoftwareKey.from_seed(ED25519, seeds[1]), seeds[2])


def _seeds(file: Path) -> list[bytes]:
    if not file.exists():
        write_whole(file, secrets.token_bytes(3 * SEED_BYTES))
    kept = file.read_bytes()
    if len(kept) != 3 * SEED_BYTES:
        raise Malformed("Z1", f"{file} is damaged; put it back from a backup")
    return [kept[at:at + SEED_BYTES] for at in range(0, len(kept), SEED_BYTES)]


def write_whole(file: Path, content: bytes) -> None:
    """All or nothing: a power cut leaves no half of a key."""
    fresh = file.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    fresh.replace(file)

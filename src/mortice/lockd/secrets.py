"""The lock's own keys, born on the lock and never leaving it.

Kept in a file of their own beside the database, readable by the daemon's user alone, so that a copy
of the database holds no key and no pepper. A plain file is the weakest place for them, and the
documents say so; a TPM takes its place behind the same few attributes.

Spec: spec/commissioning.md, section 1.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mortice.core import cbor
from mortice.core.commissioning import SECRET_BYTES, Code, fingerprint
from mortice.core.fields import Fields
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.noise import StaticKey
from mortice.core.site import LockKeys
from mortice.lockd.outside import Outside

NAMES = ("link", "signing", "sealing", "pepper", "salt", "takeover")
SIZES = dict.fromkeys(NAMES, 32) | {"salt": 16, "takeover": SECRET_BYTES}


@dataclass(frozen=True)
class LockSecrets:
    """Every secret of one lock."""

    kept: dict[str, bytes] = field(repr=False)

    @cached_property
    def link(self) -> StaticKey:
        """The X25519 key that holders' conversations are opened to."""
        return StaticKey(self.kept["link"])

    @cached_property
    def signing(self) -> SoftwareKey:
        """The key that signs heads and receipts; its id is the lock's id."""
        return SoftwareKey.from_seed(ED25519, self.kept["signing"])

    @cached_property
    def sealing(self) -> X25519PrivateKey:
        """The key that PINs are sealed to."""
        return X25519PrivateKey.from_private_bytes(self.kept["sealing"])

    @cached_property
    def public(self) -> LockKeys:
        """The public halves."""
        return LockKeys(
            self.link.public, self.signing.public, self.sealing.public_key().public_bytes_raw())

    @property
    def code(self) -> Code:
        """What is printed on the inside of the lock."""
        return Code(fingerprint(self.public), self.kept["takeover"])


def new_secrets(outside: Outside) -> LockSecrets:
    """Draw a new identity."""
    return LockSecrets({name: outside.random(SIZES[name]) for name in NAMES})


def load_secrets(folder: Path, outside: Outside) -> LockSecrets:
    """The lock's secrets, made on the first start. Raises Malformed (E, Q8) for a damaged file."""
    path = folder / "keys"
    if path.exists():
        return LockSecrets(_read_secrets(path.read_bytes()))
    secrets = new_secrets(outside)
    save_secrets(folder, secrets)
    return secrets


def _read_secrets(encoded: bytes) -> dict[str, bytes]:
    fields = Fields(cbor.decode(encoded), "this lock's key file", "Q8")
    kept = {name: fields.bytes(name, SIZES[name]) for name in NAMES}
    fields.done()
    return kept


def save_secrets(folder: Path, secrets: LockSecrets) -> None:
    """Write the secrets so that a power cut leaves the old ones or the new ones."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = folder / "keys.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(cbor.encode({name: secrets.kept[name] for name in NAMES}))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / "keys")
    directory = os.open(folder, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)

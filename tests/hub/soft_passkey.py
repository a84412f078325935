"""An authenticator in software, for tests: it makes a passkey and shows it, well or badly."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient

from mortice.core import cbor

USER_PRESENT, USER_VERIFIED, ATTESTED = 1, 4, 64
Json = dict[str, Any]


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(data: str) -> bytes:
    return urlsafe_b64decode(data + "=" * (-len(data) % 4))


@dataclass
class SoftPasskey:
    """What a test can bend: origin, name, flags, counter, user handle."""

    origin: str
    name: str = "localhost"
    flags: int = USER_PRESENT | USER_VERIFIED
    counter: int = 0
    handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def make(self, options: Json) -> Json:
        """What `navigator.credentials.create` would return."""
        self.handle = unpacked(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32), numbers.y.to_bytes(32)
        cose = cbor.encode({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + cose
        data = self._data(ATTESTED) + attested
        made = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._credential({"clientDataJSON": text(client), "attestationObject": text(made)})

    def show(self, options: Json) -> Json:
        """What `navigator.credentials.get` would return."""
        self.counter += 1 if self.counter else 0
        client, data = self._client("webauthn.get", options["challenge"]), self._data()
        signature = self.key.sign(
            data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential({
            "clientDataJSON": text(client), "authenticatorData": text(data),
            "signature": text(signature), "userHandle": text(self.handle)})

    def _data(self, flags: int = 0) -> bytes:
        named = hashlib.sha256(self.name.encode()).digest()
        return named + bytes([self.flags | flags]) + self.counter.to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin,
                           "crossOrigin": False}).encode()

    def _credential(self, response: Json) -> Json:
        return {"id": text(self.id), "rawId": text(self.id), "type": "public-key",
                "response": response, "clientExtensionResults": {}}


def add_passkey(client: TestClient, passkey: SoftPasskey, label: str = "Test phone") -> None:
    """Make `passkey` a way in for whoever is signed in at `client`."""
    asked = client.post("/you/passkeys/options", json={}).json()
    made = {"ticket": asked["ticket"], "credential": passkey.make(asked["options"]), "label": label}
    answer = client.post("/you/passkeys", json=made)
    assert answer.status_code == 200, answer.text


def asked_to_show(client: TestClient, path: str, passkey: SoftPasskey, **more: str) -> Json:
    """What a page would send to `path` with `passkey`."""
    asked = client.post(f"{path}/options", json={}).json()
    return {"ticket": asked["ticket"], "credential": passkey.show(asked["options"]), **more}

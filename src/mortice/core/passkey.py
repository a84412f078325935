"""A passkey's assertion, verified on the lock: who touched it, for what, and on which page.

Decides whether an assertion (WebAuthn Level 2, section 7.2) answers exactly one challenge by the
credential, the relying party and the origin that a link names. The signature counter is not used:
synced passkeys leave it at zero, and our challenge is fresh in every conversation.

Spec: spec/passkey.md. Checks W1 to W7.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mortice.core.errors import Malformed, Untrusted
from mortice.core.keys import ESP256, normalise_p256_der

if TYPE_CHECKING:
    from mortice.core.grant import Passkey

AUTHENTICATOR_BYTES = (37, 512)  # rpIdHash 32, flags 1, counter 4, then extensions
CLIENT_BYTES = 2048  # client data is type, challenge, origin and a few words
USER_PRESENT, USER_VERIFIED = 0x01, 0x04  # WebAuthn section 6.1
KNOWN = {"type", "challenge", "origin", "crossOrigin", "other_keys_can_be_added_here",
         "virtual_authenticator"}  # what browsers say of a page that no other page embeds


@dataclass(frozen=True, slots=True)
class Assertion:
    """What `navigator.credentials.get` returned: authenticator data, client data, DER signature."""

    authenticator: bytes
    client: bytes
    signature: bytes

    def verify(self, passkey: Passkey, message: bytes) -> None:
        """Check that `passkey` signed SHA-256(message). Raises Malformed, Untrusted (W3 to W7)."""
        client = _read_client(self.client)
        if client.get("type") != "webauthn.get" or client.get("crossOrigin", False) is not False:
            raise Untrusted("W4", "passkey: not a plain assertion of this page")
        if client.get("challenge") != challenge_text(message):
            raise Untrusted("W5", "passkey: answers another challenge")
        if client.get("origin") != passkey.origin or self.authenticator[:32] != passkey.rp_id_hash:
            raise Untrusted("W6", "passkey: made for another page")
        if ~self.authenticator[32] & (USER_PRESENT | USER_VERIFIED):
            raise Untrusted("W7", "passkey: the person was not verified")
        signed = self.authenticator + hashlib.sha256(self.client).digest()
        signature = self.signature
        if passkey.key.alg == ESP256:
            signature = normalise_p256_der(signature)
        passkey.key.verify(signature, signed)


def challenge_text(message: bytes) -> str:
    """The challenge for `message` as client data has it: base64url of SHA-256, no padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(message).digest()).rstrip(b"=").decode()


def read_assertion(value: object) -> Assertion:
    """Parse `[authenticator data, client data, signature]`. Raises Malformed (W1, W2)."""
    if not isinstance(value, list) or len(value) != 3 or any(type(p) is not bytes for p in value):
        raise Malformed("W1", "passkey: expected three byte strings")
    authenticator, client, signature = value
    low, high = AUTHENTICATOR_BYTES
    if not low <= len(authenticator) <= high or len(client) > CLIENT_BYTES or len(signature) > 80:
        raise Malformed("W2", "passkey: a part has an impossible length")
    return Assertion(authenticator, client, signature)


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Malformed("W3", "passkey: client data names something twice")
    return dict(pairs)


def _read_client(client: bytes) -> dict[str, object]:
    try:
        parsed = json.loads(client.decode("utf-8"), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise Malformed("W3", "passkey: client data is not JSON") from error
    if not isinstance(parsed, dict) or not parsed.keys() <= KNOWN:
        raise Malformed("W3", "passkey: client data holds something unknown")
    return parsed

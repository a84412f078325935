"""What people send each other: a request for a key, and a key with what its holder needs beside it.

Nothing in them is secret, and nothing is believed for being in them. Spec: spec/home.md, section 5.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from mortice.core import cbor
from mortice.core.errors import Malformed
from mortice.core.fields import Fields
from mortice.core.grant import Passkey, read_passkey
from mortice.core.keys import PublicKey
from mortice.core.limits import TEXT_CHARS
from mortice.hub.keys import wire_of
from mortice.hub.tables import Key, OldRoot, Place

REQUEST, HANDOVER = "MORTICE-REQUEST1-", "MORTICE-KEY1-"
REQUEST_BYTES = 1024  # a key, a name and a passkey
HANDOVER_BYTES = 65_536
NAMES = {REQUEST: "a request for a key", HANDOVER: "a key"}


@dataclass(frozen=True, slots=True)
class Asking:
    """A request for a key: whose, and what it calls itself. With a passkey, it is a browser's."""

    key: PublicKey
    name: str
    passkey: Passkey | None = None


def write_request(key: PublicKey, name: str) -> str:
    """What asks for a key from the command line."""
    body = base64.urlsafe_b64encode(cbor.encode([key.cose, name])).decode()
    return REQUEST + body.rstrip("=")


def read_asking(text: str) -> Asking:
    """Who asks for a key. Raises Malformed, Untrusted."""
    fields = Fields.listed(_values(REQUEST, text, REQUEST_BYTES)[0], 2, 3, NAMES[REQUEST], "Z3")
    key, name = PublicKey.from_cose(fields.any(0)), fields.text(1, TEXT_CHARS)
    passkey = fields.map(2, default=None)
    return Asking(key, name, None if passkey is None else read_passkey(passkey))


def read_request(text: str) -> tuple[PublicKey, str]:
    """Whose key is asked for, and what its holder is called. Raises Malformed, Untrusted."""
    asking = read_asking(text)
    return asking.key, asking.name


def read_keys(text: str) -> list[list[cbor.Value]]:
    """The chains of every key in a pasted text. Nothing is believed yet. Raises Malformed."""
    return [Fields.listed(value, 5, 5, NAMES[HANDOVER], "Z3").list(2, 8)
            for value in _values(HANDOVER, text, HANDOVER_BYTES)]


def _values(prefix: str, text: str, most: int) -> list[cbor.Value]:
    """What stands behind each `prefix`; a message may have broken it over several lines."""
    try:
        return [_value(letters, most) for letters in _letters(prefix, text)]
    except Malformed:
        return [_value(letters, most) for letters in _letters(prefix, "".join(text.split()))]


def _letters(prefix: str, text: str) -> list[str]:
    found = re.findall(re.escape(prefix) + r"([\w-]+?)(?=MORTICE-|[^\w-]|$)", text, re.ASCII)
    if not found:
        raise Malformed("Z3", f"that is not {NAMES[prefix]}; it should contain {prefix}…")
    return found


def _value(letters: str, most: int) -> cbor.Value:
    try:
        body = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Malformed("Z3", "the text is incomplete or has a wrong letter") from error
    return cbor.decode(body, max_bytes=most)


def check_letters(key: PublicKey) -> str:
    """Eight letters that both sides compare, so that the right device gets the key."""
    letters = key.id.hex()[:8]
    return f"{letters[:4]} {letters[4:]}"


def handover(place: Place, older: list[OldRoot], key: Key) -> str:
    """A key as text, for the device that asked for it: taken in with `mortice key add`."""
    roots: list[cbor.Value] = [old.root for old in older]
    parts: cbor.Value = [
        [*roots, place.root], place.doors_map, wire_of(key.wire), [], place.name[:TEXT_CHARS]]
    return HANDOVER + base64.urlsafe_b64encode(cbor.encode(parts)).decode().rstrip("=")

"""What people send each other: a request for a key, and a key with what its holder needs beside it.

Nothing in them is secret, and nothing is believed for being in them. Spec: spec/home.md, section 5.
"""

from __future__ import annotations

import base64
import re

from mortice.core import cbor
from mortice.core.errors import Malformed
from mortice.core.fields import Fields
from mortice.core.keys import PublicKey
from mortice.core.limits import TEXT_CHARS
from mortice.hub.keys import wire_of
from mortice.hub.tables import Key, OldRoot, Place

REQUEST, HANDOVER = "MORTICE-REQUEST1-", "MORTICE-KEY1-"
REQUEST_BYTES = 512  # a key and a name


def read_request(text: str) -> tuple[PublicKey, str]:
    """Whose key is asked for, and what its holder is called. Raises Malformed, Untrusted."""
    found = re.search(REQUEST + r"([\w-]+)", "".join(text.split()), re.ASCII)
    if found is None:
        raise Malformed("Z3", f"that is not a request for a key; it should contain {REQUEST}…")
    try:
        letters = found[1] + "=" * (-len(found[1]) % 4)
        body = base64.b64decode(letters, altchars=b"-_", validate=True)
    except ValueError as error:
        raise Malformed("Z3", "the text is incomplete or has a wrong letter") from error
    parts = cbor.decode(body, max_bytes=REQUEST_BYTES, max_depth=2)
    fields = Fields.listed(parts, 2, 2, "a request for a key", "Z3")
    return PublicKey.from_cose(fields.any(0)), fields.text(1, TEXT_CHARS)


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

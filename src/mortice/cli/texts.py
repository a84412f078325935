"""What people send each other: requests, keys, links, key files, staples and a site's documents.

Each is one word that survives messages and QR codes: a name, then base64url. What is secret in it
(a claim link's key, a key file's) is secret like a house key: whoever has it first has it.

Spec: docs/cli.md, section "What people send each other".
"""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mortice.cli.problems import Problem
from mortice.core import cbor
from mortice.core.errors import Malformed
from mortice.core.fields import Fields
from mortice.core.grant import Passkey, read_passkey, write_passkey
from mortice.core.keys import ED25519, PublicKey, SoftwareKey
from mortice.core.limits import DOOR_ID_BYTES, DOORS, TEXT_CHARS

REQUEST, KEY, CLAIM, FILE = "MORTICE-REQUEST1-", "MORTICE-KEY1-", "MORTICE-CLAIM1-", \
    "MORTICE-FILE1-"
STAPLE, SITE = "MORTICE-STAPLE1-", "MORTICE-SITE1-"
LINK = "mortice:key#"  # what follows the # is not sent anywhere by whatever opens the link
NAMES = {
    REQUEST: "a request for a key", KEY: "a key", CLAIM: "a link to a key", FILE: "a key file",
    STAPLE: "a refresh of a key", SITE: "a site's documents"}
TEXT_BYTES = 65_536  # ten roots, the largest map and the longest chain, as letters
HOSTS = 64


def write(prefix: str, value: cbor.Value) -> str:
    """A value as text."""
    return prefix + base64.urlsafe_b64encode(cbor.encode(value)).decode().rstrip("=")


def kind_of(text: str) -> str | None:
    """Which of the texts it is, wherever it begins; None for none of them."""
    return next((prefix for prefix in NAMES if prefix in "".join(text.split())), None)


def read(prefix: str, text: str) -> cbor.Value:
    """The value of a text of the kind `prefix`. Raises Malformed (Z3), E."""
    cleaned = "".join(text.split())
    if prefix not in cleaned:
        found = kind_of(text)
        other = f"that is {NAMES[found]}, not {NAMES[prefix]}" if found else (
            f"that is not {NAMES[prefix]}; it should contain {prefix}…")
        raise Malformed("Z3", other)
    try:
        return _value(_first_word(prefix, text))
    except Malformed:  # a message may have broken it over several lines
        return _value(re.split(r"[^\w-]", cleaned[cleaned.index(prefix) + len(prefix):])[0])


def _first_word(prefix: str, text: str) -> str:
    found = re.search(re.escape(prefix) + r"([\w-]+)", text, re.ASCII)
    return found[1] if found else ""


def _value(letters: str) -> cbor.Value:
    try:
        body = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Malformed("Z3", "the text is incomplete or has a wrong letter") from error
    return cbor.decode(body, max_bytes=TEXT_BYTES)


def given(argument: str) -> str:
    """The text that an argument stands for: itself, the file that it names, or stdin for `-`."""
    if argument == "-":
        return _bounded(sys.stdin.read(TEXT_BYTES + 1), "stdin")
    if argument.strip() and kind_of(argument) is None and len(argument) < 4096:
        path = Path(argument).expanduser()
        if path.exists():
            with path.open("rb") as file:
                return _bounded(file.read(TEXT_BYTES + 1).decode("utf-8", "replace"), argument)
        if "/" in argument or path.suffix:
            raise Problem("no_file", f"There is no file {argument}.", "Check the file's name.")
    return _bounded(argument, "the text")


def _bounded(text: str, where: str) -> str:
    if len(text) > TEXT_BYTES:
        raise Malformed("Z3", f"{where} is longer than anything that Mortice writes")
    if not text.strip():
        raise Malformed("Z3", f"{where} is empty")
    return text


def _parts(value: cbor.Value, count: int, what: str) -> Fields:
    if not isinstance(value, list) or len(value) != count:
        raise Malformed("Z3", f"that is not {what} of this version")
    return Fields(dict(enumerate(value)), what, "Z3")


# --- requests ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asking:
    """A request for a key: whose, and what it calls itself. With a passkey, it is a browser's."""

    key: PublicKey
    name: str
    passkey: Passkey | None = None


def write_request(key: PublicKey, name: str, passkey: Passkey | None = None) -> str:
    """A holder's own public key, for whoever is to give a key."""
    parts: list[cbor.Value] = [key.cose, name]
    return write(REQUEST, [*parts, write_passkey(passkey)] if passkey else parts)


def read_asking(text: str) -> Asking:
    """Who asks for a key. Raises Malformed, Untrusted."""
    value = read(REQUEST, text)
    browsers = isinstance(value, list) and len(value) == 3
    fields = _parts(value, 3 if browsers else 2, "a request for a key")
    return Asking(
        PublicKey.from_cose(fields.any(0)), fields.text(1, TEXT_CHARS),
        read_passkey(fields.map(2)) if browsers else None)


def read_request(text: str) -> tuple[PublicKey, str]:
    """Whose key is asked for. Raises Malformed, Untrusted."""
    asking = read_asking(text)
    return asking.key, asking.name


def check_letters(key: PublicKey) -> str:
    """Eight letters that both sides compare, so that the right device gets the key."""
    letters = key.id.hex()[:8]
    return f"{letters[:4]} {letters[4:]}"


# --- keys, links and key files --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Handover:
    """What a holder's home needs: the site's documents, where the doors are, and the key.

    `secret` is the claim key's or key file's own seed; `chain` is empty for a site's documents.
    """

    roots: list[bytes]
    doors: bytes | None
    chain: list[cbor.Value]
    where: list[tuple[bytes, str, int]]
    site_name: str
    secret: bytes = field(default=b"", repr=False)

    @property
    def claim_key(self) -> SoftwareKey:
        """The key that signs the one child of a claim link or key file."""
        return SoftwareKey.from_seed(ED25519, self.secret)


def write_handover(prefix: str, handover: Handover) -> str:
    """A key, link, key file or a site's documents as text."""
    parts: list[cbor.Value] = [
        [*handover.roots], handover.doors, handover.chain,
        [[door, host, port] for door, host, port in handover.where], handover.site_name]
    return write(prefix, [*parts, handover.secret] if prefix in (CLAIM, FILE) else parts)


def read_handover(prefix: str, text: str) -> Handover:
    """The inverse of `write_handover`. Nothing in it is believed yet. Raises Malformed."""
    secret = prefix in (CLAIM, FILE)
    fields = _parts(read(prefix, text), 5 + secret, NAMES[prefix])
    doors = fields.any(1)
    return Handover(
        [_document(root) for root in fields.list(0, 64)],
        None if doors is None else _document(doors), fields.list(2, 8),
        [_where(item) for item in fields.list(3, DOORS)], fields.text(4, TEXT_CHARS),
        fields.bytes(5, 32) if secret else b"")


def _document(value: cbor.Value) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed("Z3", "a document in that text is damaged")
    return value


def _where(item: cbor.Value) -> tuple[bytes, str, int]:
    fields = _parts(item, 3, "an address")
    return fields.bytes(0, DOOR_ID_BYTES), fields.text(1, TEXT_CHARS), fields.int(2, 0, 65_535)


# --- staples -------------------------------------------------------------------------------


def write_staple(staple: bytes, chain: list[cbor.Value] | None) -> str:
    """A refresh of a key, for its holder."""
    return write(STAPLE, [staple, chain])


def read_staple(text: str) -> tuple[bytes, list[cbor.Value] | None]:
    """The inverse of `write_staple`. Raises Malformed."""
    fields = _parts(read(STAPLE, text), 2, "a refresh of a key")
    chain = fields.any(1)
    if chain is not None and not isinstance(chain, list):
        raise Malformed("Z3", "that refresh of a key is damaged")
    return fields.bytes(0, (1, 8192)), chain

"""Reads the vectors in spec/vectors, and refuses a file that says more than its reader looks at.

A key that no reader knows would be a condition that nobody tests, so it is an error, here as in the
product.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mortice.core import cbor

VECTORS = Path(__file__).parents[2] / "spec" / "vectors"
FORMAT = "mortice-vector/1"
LOCK_SECRETS = {
    name: bytes.fromhex(secret)
    for name, secret in json.loads((VECTORS / "lock.json").read_text("utf-8"))["secrets"].items()}
PLACE = ("site", "doors", "door")  # what the lock under test stands on

# Reader: the keys that its input must have, and those that it may have.
INPUTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cbor": (("bytes",), ("max_bytes", "max_depth")),
    "public_key": (("cose",), ()),
    "signature": (("key", "message", "signature"), ()),
    "der_signature": (("der",), ()),
    "document": (("kind", "document", "key"), ()),
    "chain": ((*PLACE, "chain", "holder"), ("leaf",)),
    "decision": ((*PLACE, "chain", "holder", "command", "facts"), ("until", "passkey")),
    "revocation": ((*PLACE, "document"), ("chain", "assertion")),
    "revocations": ((*PLACE, "deltas", "chain", "holder"), ()),
    "hours": (("hours", "zone", "moments"), ()),
    "within": (("narrow", "wide"), ()),
    "first_root": (PLACE, ()),
    "next_root": ((*PLACE, "next"), ()),
    "recovery": ((*PLACE, "next"), ()),
    "map": ((*PLACE, "next"), ()),
    "enrolment": ((*PLACE, "chain"), ("enrolled", "revoked", "settings")),
    "settings": ((*PLACE, "document"), ("chain", "above")),
    "checked": ((*PLACE, "document"), ("chain",)),
    "typed": (("digits", "entry"), ()),
    "weakness": (("pin",), ()),
    "odds": (("spent", "live", "digits"), ()),
    "digits_needed": (("spent", "most"), ()),
    "verifier": (("pepper", "salt", "door", "index", "pin"), ()),
    "tries": (("at", "uptime"), ()),
    "staple": ((*PLACE, "document"), ("chain",)),
    "attestation": ((*PLACE, "document", "nonce"), ("chain",)),
    "clock": (("clock", "told", "by_owner"), ()),
    "confirm": (("earlier", "word"), ()),
    "start": (("clock", "board"), ()),
    "code": (("text",), ()),
    "hello": (("hello", "code"), ()),
    "takeover": (("args",), ()),
    "conversation": ((
        "site_id", "door", "lock_link", "lock_signing", "holder_ephemeral", "lock_ephemeral",
        "greeting", "chain", "leaf", "seen", "holder", "command", "command_id", "receipt", "later",
        "later_answer"), ()),
    "takeover_handshake": ((
        "secret", "lock_link", "holder_ephemeral", "lock_ephemeral", "greeting"), ()),
    "first_message": (("site_id", "door", "lock_link", "message"), ()),
    "transport": (("key", "counter", "message"), ()),
    "proof": ((
        "handshake", "lock", "greeting", "leaf", "holder", "command", "command_id", "factors",
        "proof"), ()),
    "request": (("plain",), ()),
    "bundle": (("bundle",), ()),
    "greeting": (("plain",), ()),
    "answer": (("plain", "leaf", "command_id", "lock"), ()),
    "scene": (("steps",), (*PLACE, "real")),
    "bucket": (("rate", "burst", "takes"), ()),
    "uplink": ((
        "hub_link", "lock_signing", "lock_ephemeral", "hub_ephemeral", "hello", "frame"), ()),
    "dialled": (("document", "handshake", "door", "lock"), ()),
    "from_hub": (("plain",), ()),
    "from_lock": (("plain",), ()),
    "entry": (("entry",), ()),
    "head": (("document", "lock"), ()),
    "receipt": (("document", "lock"), ()),
    "inclusion": (("leaf", "index", "size", "root", "proof"), ()),
    "consistency": (("old", "new", "old_root", "new_root", "proof"), ()),
    "frontier": (("frontier",), ()),
    "export": (("export", "lock"), ()),
    "lock_file": (("keys",), ()),
    "third_message_first": (("site_id", "door", "lock_link", "message"), ()),
    "request_text": (("text",), ()),
    "handover_text": (("text",), ()),
    "staple_text": (("text",), ()),
    "sheet": (("text",), ()),
    "sealed": (("sealed",), ("device_key", "passphrase")),
}
# Class of outcome: the keys that stand beside it.
OUTCOMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "accepted": (("value",), ()),
    "granted": (("value",), ()),
    "malformed": (("check",), ("reason", "coarse")),
    "untrusted": (("check",), ("reason", "coarse")),
    "refused": (("check", "reason", "coarse"), ()),
    "fault": (("check", "entry"), ()),
    "silent": ((), ()),
}
FACTS = ("now", "revoked", "staple", "shown", "second", "uses", "leaves_today", "claimed",
         "power_low", "log_full", "rolled_back", "opening", "held")

Fields = dict[str, Any]


class BadVector(Exception):
    """A vector file that its reader does not fully understand."""


@dataclass(frozen=True)
class Vector:
    """One case."""

    name: str
    shows: str
    reader: str
    input: Fields
    expected: Fields

    @property
    def outcome(self) -> Fields:
        """Class and check, which every door must agree on; and the value of what is accepted."""
        return {key: self.expected[key] for key in ("class", "check", "value", "entry")
                if key in self.expected}


def check_keys(
    what: str, found: object, needed: tuple[str, ...], allowed: tuple[str, ...] = (),
) -> Fields:
    """`found`, if it is an object with the keys `needed` and at most those `allowed`."""
    if not isinstance(found, dict):
        raise BadVector(f"{what}: expected an object")
    missing, unknown = set(needed) - found.keys(), found.keys() - {*needed, *allowed}
    if missing or unknown:
        raise BadVector(f"{what}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    return found


def parse(name: str, text: str) -> Vector:
    """The vector in `text`. Raises BadVector."""
    whole = check_keys(name, json.loads(text), ("format", "shows", "reader", "input", "expected"))
    if whole["format"] != FORMAT or whole["reader"] not in INPUTS:
        raise BadVector(f"{name}: unknown format or reader")
    given = check_keys(f"{name}: input", whole["input"], *INPUTS[whole["reader"]])
    if "facts" in given:
        check_keys(f"{name}: facts", given["facts"], ("now",), FACTS)
    kind = whole["expected"].get("class")
    if kind not in OUTCOMES:
        raise BadVector(f"{name}: unknown class {kind!r}")
    needed, allowed = OUTCOMES[kind]
    expected = check_keys(f"{name}: expected", whole["expected"], ("class", *needed), allowed)
    return Vector(name, whole["shows"], whole["reader"], given, expected)


def load_all() -> list[Vector]:
    """Every vector, in the order of their names."""
    return [
        parse(str(path.relative_to(VECTORS).with_suffix("")), path.read_text("utf-8"))
        for path in sorted(VECTORS.glob("*/*.json"))]


def raw(value: Any) -> bytes:  # noqa: ANN401 (as it stands in a vector)
    """Bytes, as a vector writes them: hexadecimal, or a part that is repeated."""
    if isinstance(value, str):
        return bytes.fromhex(value)
    check_keys("bytes", value, ("repeat", "times"))
    return bytes.fromhex(value["repeat"]) * int(value["times"])


def wire(items: list[Any]) -> list[cbor.Value]:
    """A list of byte strings, and of such lists, as it travels; `{"text": …}` is text."""
    return [wire(item) if isinstance(item, list)
            else item["text"] if isinstance(item, dict) and "text" in item else raw(item)
            for item in items]

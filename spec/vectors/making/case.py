"""What a vector is: one case, one file, and what every reader of it must get.

Spec: spec/vectors/README.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

FORMAT = "mortice-vector/1"

Fields = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One vector. `name` is folder and file, and says what is wrong in it."""

    name: str
    shows: str
    reader: str
    input: Fields
    expected: Fields

    def text(self) -> str:
        """The file: bytes as hexadecimal, one key a line."""
        whole = {
            "format": FORMAT, "shows": self.shows, "reader": self.reader, "input": self.input,
            "expected": self.expected}
        return json.dumps(plain(whole), indent=2, ensure_ascii=False) + "\n"


def plain(value: Any) -> Any:  # noqa: ANN401 (anything that JSON can hold, and bytes)
    """`value` as JSON holds it: bytes become hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def repeated(part: bytes, times: int) -> Fields:
    """Long bytes, written short."""
    return {"repeat": part, "times": times}


# --- what is expected -----------------------------------------------------------------------------


def accepted(**value: Any) -> Fields:  # noqa: ANN401 (as `plain`)
    return {"class": "accepted", "value": value}


def malformed(check: str) -> Fields:
    return {"class": "malformed", "check": check}


def untrusted(check: str) -> Fields:
    return {"class": "untrusted", "check": check}


def refused(reason: str, check: str, coarse: str) -> Fields:
    return {"class": "refused", "check": check, "reason": reason, "coarse": coarse}


# Coarse codes (spec/refusals.md, section 2).
NO, NOW, MORE, BAD = "not_allowed", "not_now", "show_more", "malformed"

# What the owner's log says of a key that cannot be trusted, by the check that it failed.
UNKNOWN = ("C3", "C4", "C5")


def reason_for(check: str) -> str:
    """The reason that belongs to an untrusted key (spec/refusals.md)."""
    if check in UNKNOWN:
        return "unknown_key"
    return {"C": "not_narrower", "W": "second_factor"}.get(check[0], "bad_signature")


def malformed_key(check: str) -> Fields:
    """A key that cannot be read, and what the door's log and the stranger are told."""
    return malformed(check) | {"reason": "malformed", "coarse": BAD}


def untrusted_key(check: str) -> Fields:
    """A key that cannot be trusted, and what the door's log and the stranger are told."""
    return untrusted(check) | {"reason": reason_for(check), "coarse": NO}

"""What each door has confirmed, as the home keeps it: in its shape, or said to be damaged."""

from __future__ import annotations

from dataclasses import dataclass

from mortice.client.home import Home, KnownDoor, whole


@dataclass(frozen=True, slots=True)
class Heard:
    """What a door greeted with when it was last heard: versions, and a digest of its news."""

    at: int
    root: int
    map: int
    news: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a door said of one document: `refused` is the reason's code, or None for yes."""

    at: int
    refused: str | None
    receipt: bytes | None


def heard(home: Home, door: KnownDoor) -> Heard | None:
    """When and how a door was last heard, if it ever was. Raises Malformed (Z2)."""
    with whole("heard.json"):
        kept = home.read("heard.json", {}).get(door.mapped.id.hex())
        return None if kept is None else Heard(
            int(kept["at"]), int(kept["root"]), int(kept["map"]), str(kept["news"]))


def said(home: Home, door: KnownDoor) -> dict[str, Said]:
    """What a door said of each document, by the name under which it did. Raises Malformed (Z2)."""
    with whole("delivered.json"):
        kept = home.read("delivered.json", {}).get(door.mapped.id.hex(), {})
        return {str(name): Said(
            int(word["at"]), word["refused"] and str(word["refused"]),
            bytes.fromhex(word["receipt"]) if word["receipt"] else None)
            for name, word in kept.items()}

"""A list as an installer fills it in, for tests: everything passes unless a test changes it."""

from __future__ import annotations

from datetime import date
from typing import Any

from mortice.assess.checklist import LIST, checklist

PHOTO = "ab" * 32
ON = date(2027, 3, 1)
VALUES = {
    "C02": {"tries": 3, "opened": 3}, "C05": {"tries": 3, "latched": 3},
    "C06": {"narrowest": 2, "widest": 3.5}, "C07": {"thickness": 44},
    "C12": {"outside": 2, "inside": 3}, "C15": {"backset": 35, "centres": 92, "spindle": 8},
    "C17": {"tries": 10, "engaged": 10}, "C18": {"load": 55},
    "C20": {"wide": 250, "high": 38, "away": 640}, "C23": {"alarm_after": 4},
    "C24": {"cycles": 20}, "C25": {"warns_at": 30, "tried_down_to": 0}}
FOUND = {"C07": "leaf_ge_44mm", "C14": "ss312_diamond", "C20": "letterplate_out_of_reach",
         "C21": "no_glass_near_lock", "C26": "mechanical_override"}


def passed(name: str) -> dict[str, Any]:
    """A pass of one item with all that it asks for."""
    asks = checklist()["items"][name]["evidence"]
    given: dict[str, Any] = {"result": "pass"}
    given |= {"values": VALUES[name]} if name in VALUES else {}
    given |= {"found": FOUND[name]} if name in FOUND else {}
    given |= {"photos": [PHOTO]} if "photo" in asks else {}
    return given | ({"note": "see paper 7"} if "document" in asks else {})


def filled(*conditions: str, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - right or wrong
    """Every item passes; `changed` replaces some, or takes them out with None."""
    items = {name: passed(name) for name in checklist()["items"]} | changed
    return {"list": LIST, "name": "Front door", "by": "Jo Fitter", "on": ON.isoformat(),
            "conditions": [*conditions],
            "items": {name: each for name, each in items.items() if each is not None}}


def as_toml(raw: dict[str, Any]) -> str:
    """As it stands in a file."""
    rows = [f"{name} = {value!r}" for name, value in raw.items() if name != "items"]
    for name, item in raw["items"].items():
        rows += [f"[items.{name}]", *(f"{key} = {_toml(value)}" for key, value in item.items())]
    return "\n".join(rows) + "\n"


def _toml(value: Any) -> str:  # noqa: ANN401 - what an item holds
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {each!r}" for key, each in value.items()) + "}"
    return repr(value)

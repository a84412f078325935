"""What this project says of its own software, as facts with their evidence. It is believed no more.

Spec: spec/assess.md, rules B40, B41 and B47.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from mortice.assess.doorset import Shown, Support
from mortice.assess.model import read_data


@lru_cache(maxsize=1)
def published() -> Mapping[str, Shown]:
    """Each fact that `data/ours.toml` speaks of; its note says what, and names the evidence."""
    raw = read_data("ours")
    return {fact: Shown(None if each["shown"] == "unknown" else each["shown"], raw["on"],
                        note="; ".join([each["say"], *each.get("published", ())]))
            for fact, each in raw["facts"].items()}


def support(since: date) -> Support:
    """Until when fixes are promised, for a door that has run this since then."""
    raw = read_data("ours")["support"]
    return Support(raw["until"], raw["shown"], since)

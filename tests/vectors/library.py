"""The first door: each vector read by the function of the library that is there for it.

A reader returns what was accepted, written as the vector writes it, or raises what the product
raises. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.vectors import library_home, library_link, library_log, library_site, library_uplink
from tests.vectors.library_site import granted
from tests.vectors.vector import Fields, Vector

from mortice.core.errors import Malformed, Untrusted
from mortice.core.stages import Granted, Refused

READERS: Mapping[str, Callable[[Fields], Any]] = {
    **library_site.READERS, **library_link.READERS, **library_log.READERS,
    **library_home.READERS, **library_uplink.READERS}


def outcome(vector: Vector) -> Fields:
    """What the library says, in the form of a vector's `expected`."""
    try:
        value = READERS[vector.reader](vector.input)
    except Malformed as error:
        return {"class": "malformed", "check": error.check}
    except Untrusted as error:
        return {"class": "untrusted", "check": error.check}
    if isinstance(value, Refused):
        return {"class": "refused", "check": value.check, "reason": value.reason.value,
                "coarse": value.reason.words.coarse.value}
    if isinstance(value, Granted):
        return {"class": "granted", "value": granted(value)}
    return value if "class" in value else {"class": "accepted", "value": value}

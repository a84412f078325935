"""Which reason an owner reads where a numbered check has failed.

A check names what is wrong with bytes; a reason tells a person what happened and what helps.

Spec: spec/refusals.md, section 4. The table there and `BY_CHECK` here change together.
"""

from __future__ import annotations

from mortice.core.errors import Malformed, Theirs
from mortice.core.refusal import Reason

# What an owner is told of a check that is named here, and of one whose letter is; of all others,
# that a signature does not hold.
BY_CHECK: dict[str, Reason] = {
    "C3": Reason.UNKNOWN_KEY, "C4": Reason.UNKNOWN_KEY, "C5": Reason.UNKNOWN_KEY,
    "C": Reason.NOT_NARROWER, "W": Reason.SECOND_FACTOR,
    "F2": Reason.NO_RIGHT, "H3": Reason.NO_RIGHT, "H7": Reason.NO_RIGHT, "T3": Reason.NO_RIGHT,
    "V5": Reason.NO_RIGHT, "Y2": Reason.NO_RIGHT,
    "F3": Reason.WRONG_DOOR, "H2": Reason.WRONG_DOOR, "T5": Reason.WRONG_DOOR,
    "Y3": Reason.WRONG_DOOR,
    "F4": Reason.STALE_DOCUMENT, "H4": Reason.STALE_DOCUMENT, "S11": Reason.STALE_DOCUMENT,
}


def reason_of(error: Theirs) -> Reason:
    """The reason that stands for a failed check."""
    if isinstance(error, Malformed):
        return Reason.MALFORMED
    by_letter = BY_CHECK.get(error.check[0], Reason.BAD_SIGNATURE)
    return BY_CHECK.get(error.check, by_letter)

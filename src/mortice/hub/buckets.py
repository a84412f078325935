"""Token buckets: how often a password, a code or a recovery code may be tried.

Each try takes one token of every bucket that it falls under, before anything is compared; being
right gives them back. An empty bucket refuses, and says how long to wait.

A flood must be bounded and must not lock an owner out. Those two pull apart, so there are two kinds
of path:

* A **stranger's browser** draws on three buckets: its network address (SOURCE), the account from
  that address (PAIR), and the account from all strangers together (STRANGERS). The third bounds a
  flood from ten thousand addresses, and it can be emptied by others. So it stands only before the
  password and authenticator of browsers that never signed in to that account.
* A **passkey** draws on nothing: a signature cannot be guessed. A **known browser**, one that
  signed in to the account before (known.py), draws on a bucket of its own (BROWSER). A **recovery
  code** draws on its own address only, for 79 random bits need no more. Nobody else's failures
  reach any of these, so an account under attack stays open to its owner.

The sums. A code of six digits has three right answers at a time (totp.py), 3 in a million a try.
Whoever knows the password has CODES: 10 tries and 12 more a day, so at most 22 x 3e-6 = 7 in
100,000 on the first day, and 1.3 in 100 in a year during which the owner sees it at each sign-in.
Whoever does not has 20 guesses at the password and 144 more a day, from all addresses together.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from fastapi import Request
from sqlalchemy import delete
from sqlalchemy.orm import Session

from mortice.hub.problems import too_often
from mortice.hub.tables import Bucket, now

HOUSEHOLD_BITS = 64  # of an IPv6 address: what one customer is given at least


@dataclass(frozen=True, slots=True)
class Budget:
    """`most` tries at once, then one every `seconds`."""

    name: str
    most: int
    seconds: int


Try = tuple[Budget, str]  # a budget, and whose

SOURCE = Budget("source", 30, 60)
PAIR = Budget("pair", 10, 600)
STRANGERS = Budget("strangers", 20, 600)
BROWSER = Budget("browser", 10, 600)
CODES = Budget("codes", 10, 7200)
LONGEST = max(b.most * b.seconds for b in (SOURCE, PAIR, STRANGERS, BROWSER, CODES))


def take(db: Session, *tries: Try) -> None:
    """One token of each. Raises Problem (429) if one is empty; then the transaction must end."""
    db.execute(delete(Bucket).where(Bucket.at < now() - LONGEST))  # full again: as good as none
    waits = [_take(db, budget, whose) for budget, whose in tries]
    if any(waits):
        raise too_often(max(waits))


def give_back(db: Session, *tries: Try) -> None:
    """Put back what a try took: it was right."""
    for budget, whose in tries:
        found = _bucket(db, budget, whose)
        found.level = min(budget.most, found.level + 1)


def source_of(request: Request) -> str:
    """Where a request comes from: an address, or the network of one household."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{int(address) >> (128 - HOUSEHOLD_BITS):x}"
    return str(address)


def _take(db: Session, budget: Budget, whose: str) -> int:
    """Seconds to wait, or 0 if a token was taken."""
    found = _bucket(db, budget, whose)
    if found.level < 1:
        return math.ceil((1 - found.level) * budget.seconds)
    found.level -= 1
    return 0


def _bucket(db: Session, budget: Budget, whose: str) -> Bucket:
    """The bucket, filled up to now."""
    key = f"{budget.name}:{hashlib.sha256(whose.encode()).hexdigest()[:32]}"
    found = db.get(Bucket, key, with_for_update=True)
    if found is None:
        found = Bucket(key=key, level=float(budget.most), at=now())
        db.add(found)
        return found
    passed = max(0, now() - found.at)
    found.level = min(budget.most, found.level + passed / budget.seconds)
    found.at = now()
    return found

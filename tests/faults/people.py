"""Who comes to the door: those who may, and those who may not, each in their own way."""

from __future__ import annotations

from dataclasses import dataclass

from tests.core.cast import METER, STRANGER, Chain, first, key, passer
from tests.lockd.builders import DAY, HOUR, NOW, owner_key, tenant

from mortice.core.commands import COMMANDS, Command
from mortice.core.grant import KeyClass, Rights

NOTHING: frozenset[Command] = frozenset()
OPEN = frozenset({Command.UNLOCK, Command.STATUS})
LOCK = frozenset({Command.LOCK, Command.STATUS})
LIVE_THERE = OPEN | LOCK | {Command.HOLD_OPEN}
KEPT = frozenset({"owner", "tenant", "neighbour"})  # whose keys nobody takes back


@dataclass(frozen=True)
class Person:
    """Somebody with a chain, honest or not, and what that chain may ever do at this door."""

    name: str
    chain: Chain
    may: frozenset[Command]

    @property
    def leaf(self) -> bytes:
        return self.chain.leaf.id


def honest() -> list[Person]:
    agent = passer(key("agent"), use=Rights.UNLOCK, uses=6, depth=2)
    office = passer(key("office"), use=Rights.UNLOCK, quota=2, depth=1)
    claim = passer(key("claim"), klass=KeyClass.FILE, depth=1)
    return [
        Person("owner", owner_key(), frozenset(COMMANDS)),
        Person("tenant", tenant(), LIVE_THERE),
        Person("neighbour", tenant("neighbour"), LIVE_THERE),
        Person("lodger", tenant("lodger"), LIVE_THERE),
        *[Person(f"gas engineer {n}", agent.pass_on(key(f"gas {n}"), uses=6), OPEN)
          for n in range(2)],
        *[Person(f"clerk {n}", office.pass_on(key(f"clerk {n}")), OPEN) for n in range(4)],
        *[Person(f"claimant {n}", claim.pass_on(key(f"phone {n}")), OPEN) for n in range(2)],
        Person("guest of an hour", first(key("hour"), nbf=NOW - HOUR, exp=NOW + HOUR), OPEN),
        Person("guest of a month", first(key("month"), nbf=NOW, exp=NOW + 30 * DAY), OPEN),
        Person("who may only lock", first(key("locker"), use=Rights.LOCK), LOCK),
    ]


def dishonest() -> list[Person]:
    agent = passer(key("agent"), use=Rights.UNLOCK, uses=6, depth=2)
    return [
        Person("guest of last year", first(key("old"), nbf=1, exp=NOW - 1), NOTHING),
        Person("of another door", first(key("meter"), doors=frozenset({METER})), NOTHING),
        Person("with a forged key", first(STRANGER, signer=STRANGER), NOTHING),
        Person("with more than was given",
               agent.pass_on(key("greedy"), use=Rights.UNLOCK | Rights.LOCK, uses=6), NOTHING),
        Person("never refreshed", first(key("stale"), max_staleness=DAY), NOTHING),
    ]


def lodger(seed: int, number: int) -> Person:
    """Somebody who lives here for a while."""
    return Person(f"lodger {number}", tenant(f"lodger {seed} {number}"), LIVE_THERE)


def guest(seed: int, number: int, uses: int) -> Person:
    """Somebody new, invited for a number of openings."""
    chain = first(key(f"guest {seed} {number}"), uses=uses)
    return Person(f"guest {number}, for {uses}", chain, OPEN)

"""Choices out of a string of bytes, and keys and links made of them.

Hypothesis draws one string of bytes for each example, which costs it a fraction of what a hundred
small draws would, and shrinks it towards zeros: the first of each list is the simplest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tests.core.cast import DAY, GRANTER, HOUR, NOW, PAPER, REVOKER, ROOT, SITE, key

from mortice.core.chain import read_chain, verify_chain
from mortice.core.grant import Grant, Rights, read_grant, sign_grant
from mortice.core.keys import SoftwareKey
from mortice.core.schedule import Window
from mortice.core.site import Role, RoleKeys, Site
from mortice.core.stages import Factors, Verified

T = TypeVar("T")
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
THOROUGH = settings(
    max_examples=12_500, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
MANY = settings(THOROUGH, max_examples=2_500)
PARTS = range(8)  # of each, so that several processes share it: 100,000 and 20,000 in all

DOORS = (b"door-one", b"door-two", b"door-tri")
RIGHTS = (Rights.UNLOCK, Rights.LOCK, Rights.HOLD_OPEN)
FACTORS = (Factors.PIN, Factors.TOUCH, Factors.FINGER)
ROOT_OF_SITE = Site(SITE, 1, {
    Role.ROOT: RoleKeys(1, (ROOT.public,)), Role.GRANT: RoleKeys(1, (GRANTER.public,)),
    Role.REVOKE: RoleKeys(1, (REVOKER.public,)), Role.RECOVERY: RoleKeys(1, (PAPER.public,))})
PEOPLE = [key(f"person {number}") for number in range(6)]


def strings(size: int) -> st.SearchStrategy[bytes]:
    """What an example is made of."""
    return st.binary(min_size=size, max_size=size)


class Choices:
    """Takes one byte for each choice; once they are used up, always the first."""

    def __init__(self, drawn: bytes) -> None:
        self._left = iter(drawn)

    def number(self, below: int) -> int:
        """0 to `below` - 1."""
        return next(self._left, 0) % below

    def one(self, among: Sequence[T]) -> T:
        """One of `among`."""
        return among[self.number(len(among))]

    def some(self, among: Sequence[T]) -> list[T]:
        """Any number of `among`; all of them if the byte is 0."""
        mask = ~next(self._left, 0)
        return [one for bit, one in enumerate(among) if mask >> bit & 1]


# --- links ----------------------------------------------------------------------------------------

STARTS = (None, NOW - DAY, NOW - HOUR, NOW, NOW + HOUR)
ENDS = (None, NOW + 3 * DAY, NOW + DAY, NOW + HOUR, NOW)
LIVES = (None, 5 * DAY, 2 * DAY, HOUR)
HOURS = (
    None, (Window(127, 0, 1440),), (Window(31, 480, 1080),), (Window(4, 600, 720),),
    (Window(4, 660, 661), Window(8, 0, 60)), (Window(8, 1380, 1500),))
STALE = (None, 7 * DAY, DAY, HOUR)
USES = (None, 5, 2, 1)
QUOTAS = (None, 9, 2)


def _flags(kind: Any, chosen: Sequence[Any]) -> Any:  # noqa: ANN401 (a flag of any kind)
    """Several flags as one."""
    found = kind(0)
    for flag in chosen:
        found |= flag
    return found


def any_terms(choices: Choices) -> dict[str, Any]:
    """A link's terms, whatever stands above it."""
    doors = choices.some(DOORS) or [DOORS[0]]
    uses = choices.one(USES)
    return {
        "doors": frozenset(doors[:1] if uses else doors),
        "use": _flags(Rights, choices.some(RIGHTS) or RIGHTS),
        "delegable": _flags(Rights, choices.some(RIGHTS) or RIGHTS),
        "depth": choices.one((4, 3, 2, 4, 3, 1, 0)),
        "nbf": choices.one(STARTS), "exp": choices.one(ENDS), "max_life": choices.one(LIVES),
        "hours": choices.one(HOURS), "factors": _flags(Factors, choices.some(FACTORS)[1:]),
        "max_staleness": choices.one(STALE), "uses": uses, "quota": choices.one(QUOTAS)}


def terms_below(choices: Choices, above: Grant) -> dict[str, Any]:
    """Terms narrower than those above, and half of the time anything at all in one place."""
    terms = any_terms(choices)
    narrow = {
        "doors": terms["doors"] & above.doors or above.doors, "use": terms["use"] & above.delegable,
        "delegable": terms["delegable"] & above.delegable,
        "depth": min(terms["depth"], max(above.depth - 1, 0)),
        "nbf": _latest(terms["nbf"], above.nbf), "exp": _first(terms["exp"], above.exp),
        "max_life": _first(terms["max_life"], above.max_life),
        "hours": above.hours if choices.number(4) else terms["hours"],
        "factors": terms["factors"] | above.factors,
        "max_staleness": _first(terms["max_staleness"], above.max_staleness),
        "uses": _first(terms["uses"], above.uses), "quota": _first(terms["quota"], above.quota)}
    if choices.number(2):
        wider = choices.one([*terms])
        narrow[wider] = terms[wider]
    if narrow["uses"] and len(narrow["doors"]) > 1:
        narrow["doors"] = frozenset(sorted(narrow["doors"])[:1])
    return narrow


def _first(one: int | None, other: int | None) -> int | None:
    known = [number for number in (one, other) if number is not None]
    return min(known, default=None)


def _latest(one: int | None, other: int | None) -> int | None:
    known = [number for number in (one, other) if number is not None]
    return max(known, default=None)


@dataclass(frozen=True)
class Held:
    """A chain as bytes, its links, and who holds the last one."""

    wire: tuple[bytes, ...]
    links: tuple[Grant, ...]
    holder: SoftwareKey

    def verified(self) -> Verified:
        """As a lock reads and verifies it. Raises Untrusted."""
        return verify_chain(read_chain(list(self.wire)), ROOT_OF_SITE.chain_keys())


def first_link(terms: dict[str, Any], holder: SoftwareKey, **more: Any) -> Held:  # noqa: ANN401
    """A link that the site signed."""
    link = Grant(holder.public, site=SITE, **(terms | more))
    return _held((), link, GRANTER, holder)


def link_below(above: Held, terms: dict[str, Any], holder: SoftwareKey) -> Held:
    """A link that the holder of `above` signed."""
    link = Grant(holder.public, parent=above.links[-1].id, **terms)
    return _held((above,), link, above.holder, holder)


def _held(
    above: tuple[Held, ...], link: Grant, signer: SoftwareKey, holder: SoftwareKey,
) -> Held:
    encoded = sign_grant(link, signer)
    wire = (*(above[0].wire if above else ()), encoded)
    return Held(wire, (*(above[0].links if above else ()), read_grant(encoded)), holder)


def chain(choices: Choices, longest: int = 4, **more: Any) -> Held:  # noqa: ANN401 (a link's fields)
    """A chain of one to `longest` links by different people; the last may claim too much."""
    held = first_link(any_terms(choices) | more, PEOPLE[0])
    for person in PEOPLE[1:1 + choices.number(longest)]:
        held = link_below(held, terms_below(choices, held.links[-1]), person)
    return held



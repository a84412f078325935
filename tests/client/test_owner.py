"""Signing as owner or holder: never wider than one's own key; what was taken back is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.place import PASSPHRASE
from tests.core.cast import AGENT, DAY, FRONT, GUEST, LOCK, METER, NOW, first, key, refused

from mortice.client.founding import create_site
from mortice.client.home import Home
from mortice.client.owner import (
    OWNER_RIGHTS,
    Terms,
    enrol_pin,
    give,
    narrowed,
    pass_on,
    take_back,
    taken_back,
    unsigned,
)
from mortice.client.wallet import HeldKey
from mortice.core.grant import ENROL, KeyClass, Rights, read_grant
from mortice.core.pin import PinPolicy
from mortice.core.revocation import Revoked
from mortice.core.schedule import Window
from mortice.core.site import LockKeys, MappedDoor, Role
from mortice.core.stages import Factors

BOTH = frozenset({FRONT, METER})
ONE = frozenset({FRONT})
MORNINGS = (Window(0b0011111, 8 * 60, 12 * 60),)
NIGHTS = (Window(0b0011111, 20 * 60, 22 * 60),)


def agent(**terms: object) -> HeldKey:
    """An agent's key that may pass on unlocking for the front door."""
    asked = {"delegable": Rights.UNLOCK, "depth": 2, "nbf": NOW, "exp": NOW + 10 * DAY} | terms
    chain = first(AGENT, **asked)
    return HeldKey(chain.wire, (chain.leaf,))


def ask(**terms: object) -> Terms:
    asked = {"doors": ONE, "use": Rights.UNLOCK, "exp": NOW + DAY} | terms
    return Terms(**asked)  # type: ignore[arg-type]  # of Terms


def test_a_key_is_passed_on_below_ones_own() -> None:
    chain = pass_on(agent(), AGENT, GUEST.public, ask())
    link = read_grant(chain[-1])  # type: ignore[arg-type]  # a link is bytes

    assert (link.parent, link.holder, link.exp) == (agent().leaf.id, GUEST.public, NOW + DAY)
    assert link.nbf == NOW


@pytest.mark.parametrize(("check", "above", "terms"), [
    ("C7", {"depth": 1}, {"depth": 1, "delegable": Rights.UNLOCK}),
    ("C8", {}, {"doors": BOTH}),
    ("C9", {}, {"use": Rights.UNLOCK | Rights.LOCK}),
    ("C9", {}, {"depth": 1, "delegable": Rights.LOCK}),
    ("C10", {}, {"nbf": NOW - 1}),
    ("C11", {}, {"exp": NOW + 11 * DAY}),
    ("C12", {"max_life": DAY}, {"exp": NOW + 2 * DAY}),
    ("C12", {"max_life": DAY}, {"depth": 1, "delegable": Rights.UNLOCK, "max_life": 2 * DAY}),
    ("C13", {"hours": MORNINGS}, {"hours": NIGHTS}),
    ("C15", {"max_staleness": 60}, {"max_staleness": 61}),
    ("C16", {"uses": 2}, {"uses": 3}),
    ("C17", {"quota": 2}, {"depth": 1, "delegable": Rights.UNLOCK, "quota": 3}),
])
def test_nothing_wider_is_signed_and_the_bound_is_named(
    check: str, above: dict[str, object], terms: dict[str, object]
) -> None:
    with refused(check):
        pass_on(agent(**above), AGENT, GUEST.public, ask(**terms))


def test_what_is_left_open_is_taken_from_the_link_above() -> None:
    above = agent(hours=MORNINGS, factors=Factors.PIN, max_staleness=60, uses=3).leaf
    filled = narrowed(Terms(ONE), above)

    assert (filled.nbf, filled.exp) == (above.nbf, above.exp)
    assert (filled.hours, filled.factors) == (MORNINGS, Factors.PIN)
    assert (filled.max_staleness, filled.uses) == (60, 3)


def test_what_is_narrower_stays_as_it_was_asked() -> None:
    above = agent(hours=MORNINGS, max_staleness=60, uses=3).leaf
    filled = narrowed(Terms(
        ONE, nbf=NOW + 1, exp=NOW + 2, max_staleness=30, uses=1, factors=Factors.TOUCH), above)

    assert (filled.nbf, filled.exp, filled.max_staleness, filled.uses) == (NOW + 1, NOW + 2, 30, 1)
    assert filled.factors == Factors.TOUCH


def test_two_keys_with_the_same_terms_are_told_apart_by_their_mark() -> None:
    asked = ask(label="Ana")
    links = [unsigned(replace(asked, mark=mark), GUEST.public).about for mark in (b"a", b"b", b"")]

    assert links == [{1: "Ana", 2: b"a"}, {1: "Ana", 2: b"b"}, {1: "Ana"}]


# --- taking back ---------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    create_site(made, "Here", PASSPHRASE)
    return made


def test_what_the_owner_takes_back_is_known_at_once(home: Home) -> None:
    take_back(home, [Revoked(bytes(16), None)], home.site_key(Role.REVOKE, PASSPHRASE))
    known = list(taken_back(home).values())

    assert [(one.over_all, one.entries[0].named) for one in known] == [(True, bytes(16))]


def test_a_holder_takes_back_with_a_chain(home: Home) -> None:
    wire = give(home, home.site_key(Role.GRANT, PASSPHRASE), AGENT.public, Terms(
        ONE, delegable=Rights.UNLOCK, depth=1))
    take_back(home, [Revoked(bytes(16), None)], AGENT, wire)
    known = list(taken_back(home).values())

    assert [one.over_all for one in known] == [False]


def test_news_that_nobody_signed_counts_for_nothing(home: Home) -> None:
    take_back(home, [Revoked(bytes(16), None)], key("stranger"))
    home.keep_news({b"junk": b"junk", b"empty": b""})

    assert taken_back(home) == {}
    assert len(home.news()) == 3


# --- PINs ----------------------------------------------------------------------------------


def door() -> MappedDoor:
    return MappedDoor(FRONT, "Front", "Europe/London", LockKeys(X25519, LOCK.public, X25519))


X25519 = bytes([9]) + bytes(31)  # the base point: a public key that can be sealed to


def enrolling(**terms: object) -> HeldKey:
    return agent(**{"use": OWNER_RIGHTS, "delegable": OWNER_RIGHTS} | terms)


def test_a_pin_is_a_last_link_for_one_door_and_one_lock() -> None:
    pin = enrol_pin(enrolling(), AGENT, door(), 3, PinPolicy(), ask(doors=BOTH))
    link = read_grant(pin.document, ENROL)

    assert (link.doors, link.holder, link.use) == (ONE, LOCK.public, Rights.UNLOCK)
    assert (link.klass, link.delegable, link.depth) == (KeyClass.DEVICE, Rights.NONE, 0)
    assert link.credential is not None
    assert link.credential.slot == 3
    assert pin.digits.encode() not in link.credential.sealed
    assert pin.digits not in repr(pin)


def test_a_pin_opens_and_locks_at_most() -> None:
    pin = enrol_pin(enrolling(), AGENT, door(), 0, PinPolicy(), ask(use=OWNER_RIGHTS))
    link = read_grant(pin.document, ENROL)

    assert link.use == Rights.UNLOCK | Rights.LOCK


def test_a_pin_that_would_outlive_the_key_is_refused() -> None:
    with refused("C11"):
        enrol_pin(enrolling(), AGENT, door(), 0, PinPolicy(), ask(exp=NOW + 11 * DAY))


def test_a_pin_is_drawn_as_long_as_the_door_asks() -> None:
    few = enrol_pin(enrolling(), AGENT, door(), 0, PinPolicy(most=1), ask())
    many = enrol_pin(enrolling(), AGENT, door(), 0, PinPolicy(most=100), ask())

    assert len(few.digits) <= len(many.digits)
    assert few.digits.isdigit()

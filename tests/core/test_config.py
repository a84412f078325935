"""One door's settings: whole, newer, for this door, and signed by somebody who may configure it.

F in the names of checks is that of spec/config.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tests.core.cast import (
    AGENT,
    FIRM,
    FRONT,
    GRANTER,
    METER,
    PAPER,
    PASSKEY,
    REVOKER,
    ROOT,
    SITE,
    STRANGER,
    TIMER,
    Chain,
    first,
    refused,
    site,
)

from mortice.core import cbor
from mortice.core.config import CONFIG, RELOCK_MAX, Config, accept_config, read_config, sign_config
from mortice.core.document import AUD, LIMITS, sign
from mortice.core.grant import KeyClass, Rights
from mortice.core.keys import SoftwareKey
from mortice.core.limits import TIME_MAX
from mortice.core.pin import Entry, PinPolicy, Spent
from mortice.core.schedule import Window

SETTINGS = Config(FRONT, 3, 30, PinPolicy(Entry.INDEX, Spent.OFF, 12))


def settings(signer: SoftwareKey = GRANTER, config: Config = SETTINGS) -> bytes:
    return sign_config(SITE, config, signer)


def accept(
    encoded: bytes, chain: Chain | None = None, *, door: bytes = FRONT, above: int = 2,
) -> Config:
    wire = None if chain is None else chain.wire
    return accept_config(site(), encoded, wire, door=door, above=above)


def manager(holder: SoftwareKey = AGENT, **terms: Any) -> Chain:  # noqa: ANN401 — a Grant's fields
    return first(holder, **{"use": Rights.CONFIGURE} | terms)


# --- who may ---------------------------------------------------------------------------------


def test_the_grant_role_configures_every_door() -> None:
    assert accept(settings()) == SETTINGS


def test_a_manager_configures_the_doors_of_the_key() -> None:
    assert accept(settings(AGENT), manager()) == SETTINGS


def test_the_right_to_configure_can_be_handed_on() -> None:
    above = manager(delegable=Rights.CONFIGURE, depth=1)
    assert accept(settings(FIRM), above.pass_on(FIRM, use=Rights.CONFIGURE)) == SETTINGS


@pytest.mark.parametrize("signer", [STRANGER, ROOT, REVOKER, PAPER, TIMER])
def test_nobody_else_configures_without_a_key(signer: SoftwareKey) -> None:
    with refused("F2"):
        accept(settings(signer))


@pytest.mark.parametrize("terms", [
    pytest.param({"use": ~Rights.CONFIGURE & Rights(1023)}, id="every right but this one"),
    pytest.param({"use": Rights.NONE, "delegable": Rights.CONFIGURE, "depth": 1},
                 id="only the right to hand it on"),
    pytest.param({"doors": frozenset({METER})}, id="another door"),
])
def test_a_key_without_the_right_at_this_door_configures_nothing(terms: dict[str, Any]) -> None:
    with refused("F2"):
        accept(settings(AGENT), manager(**terms))


def test_a_browsers_key_configures_nothing() -> None:
    """Its pages come from the hub, and settings carry no touch of the passkey."""
    with refused("F2"):
        accept(settings(AGENT), manager(klass=KeyClass.WEB, passkey=PASSKEY, max_life=1))


def test_the_settings_must_be_signed_by_the_holder_of_the_key_shown() -> None:
    with refused("D7"):
        accept(settings(STRANGER), manager())


def test_a_key_of_another_site_configures_nothing() -> None:
    with refused("C4"):
        accept(settings(AGENT), manager(site=bytes(16)))


def test_a_key_that_nobody_of_the_site_signed_configures_nothing() -> None:
    with refused("C5"):
        accept(settings(AGENT), manager(signer=STRANGER))


def test_no_chain_at_all_is_not_an_empty_one() -> None:
    with refused("C1"):
        accept_config(site(), settings(AGENT), [], door=FRONT, above=0)


def test_settings_are_not_taken_from_another_kind_of_document() -> None:
    payload: cbor.Value = {AUD: SITE, LIMITS: {1: FRONT, 2: 3, 3: 30, 4: [0, 0, 20]}}
    with refused("K8"):
        accept(sign("mortice-doors/1", payload, GRANTER))


# --- where and when --------------------------------------------------------------------------


def test_settings_for_another_door_are_refused() -> None:
    with refused("F3"):
        accept(settings(config=Config(METER, 3)))
    with refused("F3"):
        accept(settings(), door=METER)


def test_settings_for_another_site_are_refused() -> None:
    with refused("F3"):
        accept(sign_config(bytes(16), SETTINGS, GRANTER))


@pytest.mark.parametrize("above", [3, 4, TIME_MAX])
def test_settings_that_are_not_newer_are_refused(above: int) -> None:
    with refused("F4"):
        accept(settings(), above=above)


# --- all or nothing --------------------------------------------------------------------------

Map = dict[Any, Any]


def raw(change: Callable[[Map, Map], object]) -> bytes:
    limits: Map = {1: FRONT, 2: 3, 3: 30, 4: [1, 1, 12]}
    claims: Map = {AUD: SITE, LIMITS: limits}
    change(claims, limits)
    return sign(CONFIG, claims, GRANTER)


def test_settings_have_one_spelling() -> None:
    assert raw(lambda c, x: None) == settings()


@pytest.mark.parametrize("change", [
    pytest.param(lambda c, x: c.pop(AUD), id="no site"),
    pytest.param(lambda c, x: c.update({6: 1}), id="an unknown claim"),
    pytest.param(lambda c, x: x.update({5: 0}), id="an unknown setting"),
    pytest.param(lambda c, x: x.pop(1), id="no door"),
    pytest.param(lambda c, x: x.update({1: FRONT[:-1]}), id="a short door id"),
    pytest.param(lambda c, x: x.update({2: 0}), id="version 0"),
    pytest.param(lambda c, x: x.update({2: True}), id="true for version 1"),
    pytest.param(lambda c, x: x.update({2: TIME_MAX + 1}), id="a version past the bound"),
    pytest.param(lambda c, x: x.update({3: -1}), id="relocking in the past"),
    pytest.param(lambda c, x: x.update({3: RELOCK_MAX + 1}), id="relocking far too late"),
    pytest.param(lambda c, x: x.update({3: False}), id="false for 0 seconds"),
    pytest.param(lambda c, x: x.pop(3), id="no word about relocking"),
    pytest.param(lambda c, x: x.pop(4), id="no PIN settings"),
    pytest.param(lambda c, x: x.update({4: [0, 0]}), id="half of the PIN settings"),
    pytest.param(lambda c, x: x.update({4: [0, 0, 20, 0]}), id="a PIN setting more"),
    pytest.param(lambda c, x: x.update({4: {0: 0, 1: 0, 2: 20}}), id="PIN settings in a map"),
    pytest.param(lambda c, x: x.update({4: [2, 0, 20]}), id="an unknown way of typing"),
    pytest.param(lambda c, x: x.update({4: [False, 0, 20]}), id="false for a way of typing"),
    pytest.param(lambda c, x: x.update({4: [0, 2, 20]}), id="an unknown end of the tries"),
    pytest.param(lambda c, x: x.update({4: [0, 0, 0]}), id="room for no PIN"),
    pytest.param(lambda c, x: x.update({4: [0, 0, 101]}), id="more PINs than two digits tell"),
])
def test_half_a_configuration_is_none(change: Callable[[Map, Map], object]) -> None:
    with refused("F1"):
        read_config(raw(change), SITE)


@pytest.mark.parametrize("config", [
    Config(FRONT, 1, 0, PinPolicy(Entry.PLAIN, Spent.REST, 1)),
    Config(FRONT, TIME_MAX, RELOCK_MAX, PinPolicy(Entry.PLAIN, Spent.REST, 100)),
    Config(FRONT, 1, 1, PinPolicy(Entry.INDEX, Spent.REST, 100)),
    Config(FRONT, 1, 1, PinPolicy(Entry.INDEX, Spent.OFF, 100)),
])
def test_settings_at_their_bounds_read_back(config: Config) -> None:
    assert read_config(settings(config=config), SITE) == config


def test_a_pin_can_be_switched_off_only_where_an_index_tells_which() -> None:
    """Without an index a stranger's wrong tries would have to switch everybody off."""
    with refused("F5"):
        read_config(raw(lambda c, x: x.update({4: [0, 1, 20]})), SITE)
    with refused("F5"):
        settings(config=Config(FRONT, 1, 0, PinPolicy(Entry.PLAIN, Spent.OFF)))


def test_a_new_door_never_relocks_by_itself_and_its_keypad_rests() -> None:
    """What a door does before anybody has said anything; its version is below every other."""
    fresh = Config(FRONT)
    assert (fresh.version, fresh.relock_after) == (0, 0)
    assert (fresh.pins.entry, fresh.pins.spent) == (Entry.PLAIN, Spent.REST)
    with refused("F1"):
        settings(config=fresh)


# --- opening hours ---------------------------------------------------------------------------


def test_opening_hours_are_what_was_signed() -> None:
    hours = (Window(31, 540, 1050), Window(32, 600, 960))
    dials = (X25519PrivateKey.generate().public_key().public_bytes_raw(), "hub.example:12210")
    for config in (replace(SETTINGS, opening=hours), replace(SETTINGS, opening=hours, hub=dials)):
        assert accept(settings(config=config)) == config
    assert accept(settings()).opening == ()


@pytest.mark.parametrize(("value", "check"), [
    (0, "F1"), ("mon-fri", "F1"), ([[1, 0, 1]] * 29, "F1"), ([], "C13"), ([[128, 0, 1]], "C13"),
    ([[31, 1050, 540]], "C13"), ([31, 540, 1050], "C13")])
def test_opening_hours_of_another_form_are_no_settings(value: Any, check: str) -> None:  # noqa: ANN401
    limits = {1: FRONT, 2: 3, 3: 30, 4: [0, 0, 20], 6: value}
    with refused(check):
        read_config(sign(CONFIG, {AUD: SITE, LIMITS: limits}, GRANTER), SITE)

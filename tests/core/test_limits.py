"""Numbers that the protocol or the law of arithmetic fixes, each against where it comes from."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from tests.core.cast import key, passer, role, site

from mortice.core import cbor, limits
from mortice.core.document import parse
from mortice.core.grant import GRANT
from mortice.core.site import Role, site_payload

FIXED = {  # what the protocol promises; a change here is a change of the protocol
    "CHAIN_LINKS": 5, "CHAIN_BYTES": 4096, "ID_BYTES": 16, "DOOR_ID_BYTES": 8, "SALT_BYTES": 16,
    "SIGNATURE_BYTES": 64, "PROOF_SECONDS": 5, "PROOF_SECONDS_RELAYED": 10, "PERSON_SECONDS": 30,
    "TOUCH_SECONDS": 5, "WINDOW_SECONDS": 600, "SYNCED_SECONDS": 86_400, "FORWARD_SECONDS": 900,
    "NONCE_SECONDS": 30, "PIN_DIGITS_MIN": 6, "PIN_TRIES": 10, "PIN_TRIES_SECONDS": 86_400,
    "PIN_REST_SECONDS": 900, "PIN_ODDS_INCIDENT": 1e-3, "PIN_ODDS_YEAR": 1e-2, "LOG_RESERVE": 1000,
    "HOLD_SECONDS": 43_200,
}


@pytest.mark.parametrize("name", FIXED)
def test_a_number_of_the_protocol_is_what_the_protocol_says(name: str) -> None:
    assert getattr(limits, name) == FIXED[name]


def test_every_limit_is_a_number_above_nothing() -> None:
    named = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert named
    assert all(type(value) in {int, float} and value > 0 for value in named.values())


def test_the_latest_time_fits_every_calendar_with_room_to_add_to_it() -> None:
    latest = limits.TIME_MAX + limits.HOLDOVER_SECONDS + limits.HOLD_SECONDS
    for zone in ("Europe/London", "Pacific/Kiritimati", "Etc/GMT+12"):
        assert datetime.fromtimestamp(latest, ZoneInfo(zone)).year < 9999
    assert limits.TIME_MAX > 2**33  # far beyond 2038 and 2106


def test_a_document_is_read_within_one_message_and_a_chain_within_one_document() -> None:
    assert limits.CHAIN_BYTES <= limits.DOCUMENT_BYTES <= limits.MESSAGE_BYTES == cbor.MAX_BYTES


def test_five_ordinary_links_fit_into_a_chain() -> None:
    chain = passer(about={1: "a label of ordinary length"}, nbf=1_700_000_000, exp=1_800_000_000)
    assert limits.CHAIN_LINKS * len(chain.leaf_bytes) < limits.CHAIN_BYTES / 2


def test_a_root_with_full_roles_fits_into_a_document() -> None:
    full = role(*(key(f"key {n}") for n in range(limits.SITE_KEYS)))
    payload = cbor.encode(site_payload(site(roles=dict.fromkeys(Role, full))))
    assert len(payload) + 2 * limits.SITE_KEYS * 100 < limits.DOCUMENT_BYTES


def test_a_link_is_far_smaller_than_what_is_read_of_one() -> None:
    assert len(parse(GRANT, passer().leaf_bytes).payload) < 200

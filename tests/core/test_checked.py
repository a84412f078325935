"""Records that a door was checked: who may sign one, for which door, and in which form.

Y in the names of checks is that of spec/checked.md; Y4 and Y5 are the lock's (tests/lockd).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.core.cast import (
    AGENT,
    FIRM,
    FRONT,
    GRANTER,
    METER,
    NOW,
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

from mortice.core.document import AUD, IAT, LIMITS, sign
from mortice.core.freshness import (
    CHECKED,
    ITEMS,
    STAPLE,
    Checked,
    accept_checked,
    read_checked,
    sign_checked,
)
from mortice.core.grant import KeyClass, Rights
from mortice.core.keys import SoftwareKey
from mortice.core.limits import TIME_MAX

FOUND = Checked(FRONT, NOW, bytes(range(32)), 29, 1)


def record(signer: SoftwareKey = GRANTER, found: Checked = FOUND, of: bytes = SITE) -> bytes:
    return sign_checked(of, found, signer)


def accept(encoded: bytes, chain: Chain | None = None, door: bytes = FRONT) -> Checked:
    return accept_checked(site(), encoded, None if chain is None else chain.wire, door=door)


def installer(holder: SoftwareKey = AGENT, **terms: Any) -> Chain:  # noqa: ANN401 — a Grant's fields
    return first(holder, **{"use": Rights.CONFIGURE} | terms)


def test_the_grant_role_may_say_so_of_every_door() -> None:
    assert accept(record()) == FOUND


def test_whoever_may_set_a_door_up_may_say_so_and_is_named() -> None:
    found = accept(record(AGENT), installer())
    assert (found.passed, found.failed, found.report) == (29, 1, FOUND.report)
    assert found.signer == installer().verified()


def test_the_right_can_be_handed_on() -> None:
    above = installer(delegable=Rights.CONFIGURE, depth=1)
    assert accept(record(FIRM), above.pass_on(FIRM, use=Rights.CONFIGURE)).signer is not None


@pytest.mark.parametrize("signer", [STRANGER, ROOT, REVOKER, TIMER])
def test_nobody_else_says_so_without_a_key(signer: SoftwareKey) -> None:
    with refused("Y2"):
        accept(record(signer))


@pytest.mark.parametrize("terms", [
    pytest.param({"use": ~Rights.CONFIGURE & Rights(1023)}, id="every right but this one"),
    pytest.param({"doors": frozenset({METER})}, id="another door"),
    pytest.param({"klass": KeyClass.WEB, "passkey": PASSKEY, "max_life": 1}, id="a browser's key"),
])
def test_a_key_without_the_right_here_says_nothing(terms: dict[str, Any]) -> None:
    with refused("Y2"):
        accept(record(AGENT), installer(**terms))


def test_the_holder_of_the_key_shown_signs() -> None:
    with refused("D7"):
        accept(record(STRANGER), installer())
    with refused("C4"):
        accept(record(AGENT), installer(site=bytes(16)))


def test_a_record_is_of_one_door_and_one_site() -> None:
    with refused("Y3"):
        accept(record(), door=METER)
    with refused("Y3"):
        accept(record(of=bytes(16)))


def test_a_record_is_no_other_kind_of_document() -> None:
    with refused("K8"):
        accept(sign(STAPLE, {AUD: SITE, IAT: NOW, LIMITS: {
            1: FRONT, 2: bytes(32), 3: 1, 4: 0}}, GRANTER))


@pytest.mark.parametrize("found", [
    Checked(FRONT, 0, bytes(32), 0, 0), Checked(FRONT, TIME_MAX, b"\xff" * 32, ITEMS, ITEMS)])
def test_a_record_at_its_bounds_reads_back(found: Checked) -> None:
    assert read_checked(record(found=found), SITE) == found


Map = dict[Any, Any]


@pytest.mark.parametrize("change", [
    pytest.param(lambda c, x: c.pop(AUD), id="no site"),
    pytest.param(lambda c, x: c.pop(IAT), id="no time"),
    pytest.param(lambda c, x: c.update({IAT: -1}), id="before 1970"),
    pytest.param(lambda c, x: c.update({IAT: TIME_MAX + 1}), id="past every calendar"),
    pytest.param(lambda c, x: c.update({5: 1}), id="an unknown claim"),
    pytest.param(lambda c, x: x.update({5: 1}), id="an unknown limit"),
    pytest.param(lambda c, x: x.pop(1), id="no door"),
    pytest.param(lambda c, x: x.update({2: bytes(31)}), id="a short hash"),
    pytest.param(lambda c, x: x.pop(2), id="no report"),
    pytest.param(lambda c, x: x.update({3: True}), id="true for one item"),
    pytest.param(lambda c, x: x.update({3: 256}), id="too many items"),
    pytest.param(lambda c, x: x.pop(4), id="nothing of failures"),
])
def test_half_a_record_is_none(change: Callable[[Map, Map], object]) -> None:
    limits: Map = {1: FRONT, 2: FOUND.report, 3: 29, 4: 1}
    claims: Map = {AUD: SITE, IAT: NOW, LIMITS: limits}
    assert sign(CHECKED, claims, GRANTER) == record()
    change(claims, limits)
    with refused("Y1"):
        read_checked(sign(CHECKED, claims, GRANTER), SITE)

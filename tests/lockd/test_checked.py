"""A record that the door was checked: taken once, in order, in the door's own time, and logged."""

# ruff: noqa: ANN401 — items of any shape
from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from tests.core.cast import FRONT, GRANTER, REVOKER, SITE, Chain, first, key
from tests.lockd.builders import DAY, HOUR, NOW, Stand, receipt_of, revoke_item
from tests.lockd.cuts import Cuts

from mortice.core.document import id_of
from mortice.core.freshness import CHECKED, Checked, sign_checked
from mortice.core.grant import Rights
from mortice.core.keys import SoftwareKey
from mortice.core.limits import FORWARD_SECONDS
from mortice.core.log import About, Kind, Result
from mortice.core.refusal import Reason

REPORT = sha256(b"a report").digest()


def installer(name: str = "installer", **terms: Any) -> Chain:
    return first(key(name), **{"use": Rights.CONFIGURE, "exp": NOW + 30 * DAY} | terms)


def record(
    at: int = NOW, signer: SoftwareKey = GRANTER, chain: Chain | None = None, failed: int = 0,
) -> list[Any]:
    item: list[Any] = [CHECKED, sign_checked(SITE, Checked(FRONT, at, REPORT, 30, failed), signer)]
    return item if chain is None else [*item, chain.wire]


async def result_of(stand: Stand, item: list[Any]) -> Any:
    [fate] = await stand.deliver(item)
    return fate.reason or {0: "taken", -1: "known"}[fate.result]


async def test_an_installers_record_is_an_entry_that_names_it_and_them(stand: Stand) -> None:
    item = record(NOW, key("installer"), installer(), failed=2)
    [fate] = await stand.deliver(item)
    receipt, entry = receipt_of(fate, stand.lock), stand.last(Kind.CHECKED)
    assert (receipt.leaf, receipt.result) == (id_of(item[1]), Result.DONE)
    assert receipt.index == entry.index
    assert entry.about == {
        About.DOCUMENT: id_of(item[1]), About.COUNT: 2, About.LEAF: installer().leaf.id}
    assert stand.audit(fate.receipt or b"").fault is None


async def test_the_sites_own_record_names_no_link(stand: Stand) -> None:
    assert await result_of(stand, record()) == "taken"
    assert About.LEAF not in stand.last(Kind.CHECKED).about


async def test_the_same_record_is_known_and_written_down_once(stand: Stand) -> None:
    assert [await result_of(stand, record()) for _ in range(3)] == ["taken", "known", "known"]
    stand.power_cut()
    assert await result_of(stand, record()) == "known"
    assert stand.count_of(Kind.CHECKED) == 1


@pytest.mark.parametrize("at", [NOW - 1, NOW - DAY, 0, NOW])
async def test_no_older_record_is_taken_whoever_signed_it(stand: Stand, at: int) -> None:
    assert await result_of(stand, record()) == "taken"
    stand.power_cut()
    older = record(at, key("installer"), installer())
    assert await result_of(stand, older) is Reason.STALE_DOCUMENT
    assert await result_of(stand, record(NOW + 1)) == "taken"
    assert stand.count_of(Kind.CHECKED) == 2


async def test_a_record_from_the_future_shuts_no_later_one_out(stand: Stand) -> None:
    assert await result_of(stand, record(NOW + DAY)) is Reason.TIME_UNSURE
    now = stand.lock.now().at
    assert await result_of(stand, record(now + FORWARD_SECONDS + HOUR)) is Reason.TIME_UNSURE
    assert await result_of(stand, record(now + FORWARD_SECONDS)) == "taken"


async def test_a_key_that_was_taken_back_says_nothing_more(stand: Stand) -> None:
    await stand.deliver(revoke_item(installer().leaf.id, signer=REVOKER))
    item = record(NOW, key("installer"), installer())
    assert await result_of(stand, item) is Reason.REVOKED


@pytest.mark.parametrize(("terms", "reason"), [
    ({"use": Rights.UNLOCK}, Reason.NO_RIGHT), ({"exp": NOW - 1}, Reason.ENDED)])
async def test_a_key_must_give_the_right_now(stand: Stand, terms: Any, reason: Reason) -> None:
    item = record(NOW - HOUR, key("installer"), installer(**terms))
    assert await result_of(stand, item) is reason
    assert stand.count_of(Kind.CHECKED) == 0


async def test_a_power_cut_leaves_record_and_entry_or_neither(stand: Stand, tmp_path: Any) -> None:
    cuts = Cuts(stand, tmp_path / "cuts")
    with cuts.during():
        assert await result_of(stand, record()) == "taken"
    seen = []
    for lock in cuts.lives():
        kept = lock.store.meta("checked") is not None
        assert kept == (Kind.CHECKED in [entry.kind for entry in stand.log(lock)])
        seen.append(kept)
    assert set(seen) == {False, True}

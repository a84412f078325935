"""A wallet: what may enter it, which key is shown, and which receipt is kept."""

from __future__ import annotations

import time

import pytest
from tests.client.place import Place
from tests.core.cast import AGENT, first

from mortice.client.home import NotThere
from mortice.client.owner import Terms, give
from mortice.client.wallet import Wallet, held
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.errors import Malformed, Untrusted
from mortice.core.grant import Rights
from mortice.core.log import accept_receipt

HOUR = 3600


async def test_a_key_for_another_holder_does_not_enter(place: Place) -> None:
    place.home.make_person("Ana")
    chain = give(place.home, place.grant_key, AGENT.public, Terms(
        frozenset({place.door.mapped.id})))

    with pytest.raises(NotThere, match="another device"):
        Wallet(place.home, "Ana").add(chain)


async def test_a_key_of_another_site_does_not_enter(place: Place) -> None:
    place.home.make_person("Ana")

    with pytest.raises(Untrusted):
        Wallet(place.home, "Ana").add(first(AGENT).wire)


@pytest.mark.parametrize("wire", [[], [b""], [b"junk"], ["text"], [1] * 9, "text", None])
async def test_what_is_no_key_does_not_enter(place: Place, wire: object) -> None:
    place.home.make_person("Ana")

    with pytest.raises(Malformed):
        Wallet(place.home, "Ana").add(wire)  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize("encoded", [b"", b"\x00", b"\x80", cbor.encode("x"), cbor.encode([b"x"])])
def test_what_is_no_key_is_not_held(encoded: bytes) -> None:
    with pytest.raises(Malformed):
        held(encoded)


async def test_the_same_key_is_kept_once(place: Place) -> None:
    held_key = place.give("Ana")
    Wallet(place.home, "Ana").add(held_key.wire)

    assert len(Wallet(place.home, "Ana").keys()) == 1


async def test_the_key_that_fits_is_shown_before_others(place: Place) -> None:
    now = int(time.time())
    place.give("Ana", exp=now - HOUR)
    place.give("Ana", use=Rights.LOCK)
    short = place.give("Ana", exp=now + HOUR)
    long = place.give("Ana", exp=now + 2 * HOUR)
    place.give("Ana", nbf=now + HOUR, exp=now + 9 * HOUR)
    wallet, door = Wallet(place.home, "Ana"), place.door.mapped.id

    assert wallet.best(door, Rights.UNLOCK).leaf == long.leaf != short.leaf


async def test_a_key_that_has_ended_is_shown_where_there_is_no_other(place: Place) -> None:
    """So the lock can say why, and the log has it."""
    ended = place.give("Ana", exp=1)

    assert Wallet(place.home, "Ana").best(place.door.mapped.id, Rights.UNLOCK).leaf == ended.leaf


async def test_an_empty_wallet_says_so(place: Place) -> None:
    place.home.make_person("Ana")

    with pytest.raises(NotThere, match="Ana has no keys yet"):
        Wallet(place.home, "Ana").best(bytes(8), Rights.UNLOCK)


async def test_the_receipt_over_the_largest_log_is_kept(place: Place) -> None:
    place.give("Ana")
    first_one = (await place.visit("Ana")).receipt
    second = (await place.visit("Ana", Command.LOCK)).receipt
    wallet, lock = Wallet(place.home, "Ana"), place.door.mapped.lock
    assert first_one is not None
    wallet.keep_receipt(lock, first_one)

    assert wallet.receipt(lock) == second
    assert accept_receipt(second or b"", lock.signing).size > 0


async def test_a_receipt_that_is_none_gives_way_to_one(place: Place) -> None:
    place.give("Ana")
    receipt = (await place.visit("Ana")).receipt
    wallet, lock = Wallet(place.home, "Ana"), place.door.mapped.lock
    place.home.write("people/ana/receipts.json", {lock.id.hex(): b"junk".hex()})
    wallet.keep_receipt(lock, receipt or b"")

    assert wallet.receipt(lock) == receipt


async def test_a_staple_of_another_root_is_none(place: Place) -> None:
    held_key = place.give("Ana", max_staleness=HOUR)
    place.home.write("people/ana/staples.json", {held_key.leaf.id.hex(): ["00", None]})

    assert Wallet(place.home, "Ana").staple(held_key.leaf.id) is None

"""An errand: what of the home goes along, and what is kept of what comes back."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

import pytest
from tests.client.place import PASSPHRASE, Place

from mortice.client.errands import keep_delivered, live_news, papers
from mortice.client.founding import draw_root, paper_key
from mortice.client.owner import take_back
from mortice.client.visit import Delivered
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.document import id_of
from mortice.core.log import accept_receipt
from mortice.core.messages import read_bundle
from mortice.core.refusal import Reason
from mortice.core.revocation import Revoked
from mortice.core.site import Role


def renew(place: Place, *, with_phone: bool) -> None:
    """A root that follows, by phone and paper or by paper alone."""
    present = place.home.site()
    phone = [place.home.site_key(Role.ROOT, PASSPHRASE)] if with_phone else []
    drawn = draw_root(
        replace(present, version=present.version + 1), paper_key(place.sheet), phone)
    place.home.keep_site(root=drawn.root)


async def test_a_root_by_phone_and_paper_goes_along_on_every_visit(place: Place) -> None:
    renew(place, with_phone=True)
    place.home.update("site.json", {}, lambda kept: kept | {"doors": None})

    assert [version for version, _ in papers(place.home).roots] == [2]


async def test_a_root_by_paper_alone_goes_along_when_it_is_asked_for(place: Place) -> None:
    """A lock refuses it at first and writes that down, so not every opening may bring it."""
    renew(place, with_phone=False)
    place.home.update("site.json", {}, lambda kept: kept | {"doors": None})

    assert papers(place.home).roots == ()
    assert [version for version, _ in papers(place.home, recovering=True).roots] == [2]


async def test_news_that_has_ended_is_carried_no_more(place: Place) -> None:
    now, revoke_key = int(time.time()), place.home.site_key(Role.REVOKE, PASSPHRASE)
    take_back(place.home, [Revoked(secrets.token_bytes(16), now + 60)], revoke_key)
    take_back(place.home, [Revoked(secrets.token_bytes(16), None)], revoke_key)

    assert len(live_news(place.home, now)) == 2
    assert len(live_news(place.home, now + 61)) == 1


async def test_a_receipt_for_each_document_is_kept(place: Place) -> None:
    place.give_owner()
    take_back(place.home, [Revoked(secrets.token_bytes(16), None)],
              place.home.site_key(Role.REVOKE, PASSPHRASE))
    await place.visit("Owner")

    item = read_bundle(cbor.decode(next(iter(place.home.news().values()))))[0]
    said = place.home.read("delivered.json")[place.door.mapped.id.hex()]
    receipt = accept_receipt(
        bytes.fromhex(said[id_of(item.document).hex()]["receipt"]),
        place.door.mapped.lock.signing)
    assert receipt.leaf == id_of(item.document)


async def test_what_a_door_knows_is_remembered_with_the_moment(place: Place) -> None:
    place.give_owner()
    await place.visit("Owner", Command.STATUS)
    heard = place.home.read("heard.json")[place.door.mapped.id.hex()]

    assert heard["root"] == heard["map"] == 1
    assert abs(heard["at"] - time.time()) < 60


@pytest.mark.parametrize(("then", "kept"), [
    (Delivered(b"x", None, None), (None, "aa")),
    (Delivered(b"x", Reason.STALE_DOCUMENT, None), (None, "aa")),
    (Delivered(b"x", Reason.STALE_DOCUMENT, b"\xbb"), ("stale_document", "bb")),
    (Delivered(b"y", None, b"\xbb"), (None, "aa")),
])
async def test_a_receipt_stays_until_a_newer_one_comes(
    place: Place, then: Delivered, kept: tuple[str | None, str]
) -> None:
    keep_delivered(place.home, place.door, [Delivered(b"x", None, b"\xaa")], 1)
    keep_delivered(place.home, place.door, [then], 2)

    said = place.home.read("delivered.json")[place.door.mapped.id.hex()][b"x".hex()]
    assert (said["refused"], said["receipt"]) == kept

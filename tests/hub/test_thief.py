"""The page that says what a thief of the hub could do says what is so."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from givers import DAY, add_giver, add_person, first_link, new_key
from hubs import Cast
from sqlalchemy import select
from starlette.testclient import TestClient
from test_powers import VISITS, given, hub_link, place_in

from mortice.cli.texts import KEY, Handover, write_handover
from mortice.core.grant import KeyClass, Rights
from mortice.core.schedule import Window
from mortice.hub.keys import register
from mortice.hub.tables import HubGrant

AsRole = Callable[[str], TestClient]


def shown(cast: Cast, client: TestClient) -> str:
    answer = client.get(f"{cast.base}/settings/hub")
    assert answer.status_code == 200
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.text)))


def test_a_hub_that_was_given_nothing_opens_nothing(cast: Cast, as_: AsRole) -> None:
    said = shown(cast, as_("owner"))
    assert "Open nothing." in said
    assert "Nothing. It carries what others have signed." in said
    assert "Nobody has a key in a browser here." in said


def test_what_visitors_may_do_a_thief_may(cast: Cast, as_: AsRole) -> None:
    with cast.hub.database.writing() as db:
        given(cast, db, cast.doors["Back door"], **VISITS, hours=(Window(127, 600, 720),))
    said = shown(cast, as_("manager"))
    assert "Open doors, within bounds. Back door with 2 different keys a day" in said
    assert "each for 14 days at most, only in its hours." in said
    assert "Open nothing." not in said
    assert "Front door with" not in said


def test_what_vouching_is_worth_names_the_people(cast: Cast, as_: AsRole) -> None:
    person = add_person(cast, "Tom Cleaner")
    with cast.hub.database.writing() as db:
        given(cast, db, use=Rights.REFRESH)
    assert "today it is worth nothing" in shown(cast, as_("owner"))
    with cast.hub.database.writing() as db:
        register(db, place_in(cast, db), person, first_link(
            cast, new_key().public, max_staleness=DAY))
    said = shown(cast, as_("owner"))
    assert "Open nothing." in said
    assert "keep a key alive that was taken back: one of Tom Cleaner" in said


def test_browsers_keys_are_named_with_and_without_touch(cast: Cast, as_: AsRole) -> None:
    add_giver(cast)
    guest = add_person(cast, "Jo Guest")
    with cast.hub.database.writing() as db:
        register(db, place_in(cast, db), guest, first_link(
            cast, new_key().public, klass=KeyClass.WEB))
    said = shown(cast, as_("owner"))
    assert "at most one opening, or one signed key, for each touch" in said
    assert "Jo Guest can open and lock" in said
    assert "no touch asked" in said


def test_the_owner_lets_it_and_stops_it(cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    assert cast.place.root
    text = write_handover(KEY, Handover([cast.place.root], None, hub_link(cast, **VISITS), [], ""))
    assert owner.post(f"{cast.base}/settings/hub", data={"text": text}).status_code == 303
    assert "Open doors, within bounds." in shown(cast, owner)
    with cast.hub.database.reading() as db:
        grant = db.scalars(select(HubGrant)).one()
    end = owner.get(f"{cast.base}/settings/hub/{grant.ref}/end").text
    assert f"mortice key take-back {grant.leaf.hex()}" in end
    assert "data-take-back" not in end  # no browser of the owner's signed it
    answer = owner.post(f"{cast.base}/settings/hub/{grant.ref}/stop")
    assert answer.status_code == 303
    said = shown(cast, owner)
    assert "Open nothing." in said
    assert "a copy of it would count until" in said


@pytest.mark.parametrize("use", [Rights.UNLOCK, Rights.SET_TIME])
def test_what_would_open_is_refused_on_the_page(cast: Cast, as_: AsRole, use: Rights) -> None:
    assert cast.place.root
    text = write_handover(KEY, Handover([cast.place.root], None, hub_link(cast, use=use), [], ""))
    answer = as_("owner").post(f"{cast.base}/settings/hub", data={"text": text})
    assert answer.status_code == 422
    assert "That link would let this hub" in answer.text


def test_only_the_owner_changes_it(cast: Cast, as_: AsRole) -> None:
    assert as_("manager").post(f"{cast.base}/settings/hub", data={}).status_code == 403
    assert "Let it do something" not in shown(cast, as_("manager"))

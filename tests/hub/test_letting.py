"""The owner lets the hub do something, and ends it, by a key in their browser."""

# ruff: noqa: ANN401 — a builder takes any term of what it builds

from __future__ import annotations

import html
import re
import secrets
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from givers import DAY, GIVES, Giver, add_giver, add_person, first_link, new_key, owner_takes_back
from hubs import Cast
from sqlalchemy import select
from starlette.testclient import TestClient

from mortice.core import cbor
from mortice.core.document import id_of
from mortice.core.freshness import accept_staple
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.stages import Factors
from mortice.hub.guests import bytes_of, text_of
from mortice.hub.keys import links_of, register, take_back, wire_of
from mortice.hub.outbox import answered
from mortice.hub.places import site_of
from mortice.hub.powers import REFRESH, VISITORS, live
from mortice.hub.refreshing import renew
from mortice.hub.tables import Delivery, HubGrant, Key, Place, Staple, now
from mortice.hub.texts import read_asking
from mortice.hub.visitors import Stay, issue
from mortice.hub.web import moment

AsRole = Callable[[str], TestClient]
LAST = (datetime.now(UTC) + timedelta(days=90)).strftime("%Y-%m-%d")
HANDS_ON = GIVES | Rights.ENROL | Rights.REFRESH


def the_giver(cast: Cast, **terms: Any) -> Giver:
    """A browser's key as founding makes it."""
    return add_giver(cast, **{"use": Rights.ENROL, "delegable": HANDS_ON, "depth": 3} | terms)


def chosen(client: TestClient, cast: Cast, what: str = VISITORS, **form: Any) -> str:
    """Fill in the bounds, as far as the check page; returns its ticket."""
    filled = {"what": what, "doors": [cast.doors["Back door"].ref], "longest": "14", "quota": "4",
              "last": LAST} | form
    answer = client.post(f"{cast.base}/settings/hub/let", data=filled)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].partition("?s=")[2])


def terms_for(client: TestClient, cast: Cast, s: str) -> dict[str, Any]:
    said: dict[str, Any] = client.post(
        f"{cast.base}/settings/hub/let/terms", json={"s": s}).json()
    return said


def sign(giver: Giver, cast: Cast, terms: dict[str, Any], **other: Any) -> list[Any]:
    """What static/give.js makes of the terms."""
    said = {"use": Rights(terms["use"]), "klass": KeyClass(terms["klass"]),
            "delegable": Rights(terms["delegable"]), "depth": terms["depth"],
            "nbf": terms["nbf"], "exp": terms["exp"], "max_life": terms["maxLife"],
            "quota": terms["quota"],
            "about": {1: terms["label"], 2: secrets.token_bytes(8)}} | other
    doors = frozenset(bytes_of(each) for each in terms["doors"])
    return giver.sign(Grant(cast.hub.own.signer.public, doors, **said))


def sends(client: TestClient, cast: Cast, s: str, said: dict[str, Any], wire: list[Any]) -> Any:
    return client.post(f"{cast.base}/settings/hub/let/signed", json={
        "s": s, "at": said["at"], "key": said["terms"][0]["key"],
        "signed": [text_of(cbor.encode(wire))]})


def kept(cast: Cast) -> list[HubGrant]:
    with cast.hub.database.reading() as db:
        return list(db.scalars(select(HubGrant)))


def let(cast: Cast, giver: Giver, client: TestClient, **form: Any) -> HubGrant:
    """What the owner does in their browser, from the bounds to the touch."""
    s = chosen(client, cast, **form)
    said = terms_for(client, cast, s)
    assert sends(client, cast, s, said, sign(giver, cast, said["terms"][0])).status_code == 201
    return kept(cast)[-1]


def plain(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


@pytest.mark.parametrize("what", [VISITORS, REFRESH])
def test_bounds_are_chosen_said_back_signed_and_kept(
    cast: Cast, as_: AsRole, what: str) -> None:
    giver, owner = the_giver(cast), as_("owner")
    s = chosen(owner, cast, what)
    check = plain(owner.get(f"{cast.base}/settings/hub/let?s={s}").text)
    said = terms_for(owner, cast, s)
    answer = sends(owner, cast, s, said, sign(giver, cast, said["terms"][0]))
    assert answer.status_code == 201, answer.text
    [grant] = kept(cast)
    leaf = links_of(grant)[-1]
    assert (grant.what, leaf.holder) == (what, cast.hub.own.signer.public)
    assert leaf.doors == {cast.doors["Back door"].door_id}
    if what == VISITORS:
        assert "They could open Back door with 4 different keys a day, each for 14 days" in check
        assert (leaf.max_life, leaf.quota, leaf.use) == (14 * DAY, 4, Rights.NONE)
    else:
        assert "No key here asks for that now" in check
        assert (leaf.use, leaf.delegable) == (Rights.REFRESH, Rights.NONE)


def test_only_what_was_shown_is_kept(cast: Cast, as_: AsRole) -> None:
    giver, owner = the_giver(cast), as_("owner")
    s = chosen(owner, cast)
    said = terms_for(owner, cast, s)
    others: tuple[dict[str, Any], ...] = (
        {"quota": 5}, {"max_life": 15 * DAY}, {"use": Rights.ENROL}, {"about": {1: "Jo"}})
    for other in others:
        answer = sends(owner, cast, s, said, sign(giver, cast, said["terms"][0], **other))
        assert answer.json()["code"] == "other-terms", other
    assert kept(cast) == []


@pytest.mark.parametrize(("form", "words"), [
    ({"doors": []}, "Choose one door at least."), ({"longest": "0"}, "from 1 to 365"),
    ({"longest": "two"}, "from 1 to 365"), ({"quota": ""}, "from 1 to 10,000"),
    ({"quota": "99999"}, "from 1 to 10,000"), ({"last": "2020-01-01"}, "still to come"),
    ({"last": "soon"}, "Choose a day"), ({"last": "9999-12-31"}, "Choose a day")])
def test_what_is_typed_wrongly_is_said(
    cast: Cast, as_: AsRole, form: dict[str, Any], words: str) -> None:
    answer = as_("owner").post(f"{cast.base}/settings/hub/let", data={
        "what": VISITORS, "doors": [cast.doors["Back door"].ref], "longest": "14", "quota": "4",
        "last": LAST} | form)
    assert answer.status_code == 422
    assert words in plain(answer.text)


def test_nothing_else_can_be_let(cast: Cast, as_: AsRole) -> None:
    owner, at = as_("owner"), f"{cast.base}/settings/hub/let"
    form = {"doors": [cast.doors["Back door"].ref], "longest": "14", "quota": "4", "last": LAST}
    for what in ("", "opening"):
        for answer in (owner.post(at, data=form), owner.post(at, data=form | {"what": what}),
                       owner.get(at, params={"what": what})):
            assert answer.status_code == 422, what
            assert "nothing which this hub can be let do" in answer.text
            assert "choose there" in answer.text
    assert owner.get(at).status_code == 200


def test_exactly_one_link_is_taken_in(cast: Cast, as_: AsRole) -> None:
    giver, owner = the_giver(cast), as_("owner")
    s = chosen(owner, cast)
    said = terms_for(owner, cast, s)
    wires = [text_of(cbor.encode(sign(giver, cast, said["terms"][0]))) for _ in range(2)]
    for signed in ([], wires, None, "".join(wires), [7]):
        answer = owner.post(f"{cast.base}/settings/hub/let/signed", json={
            "s": s, "at": said["at"], "key": said["terms"][0]["key"], "signed": signed})
        assert answer.status_code == 422, signed
    assert kept(cast) == []


@pytest.mark.parametrize(("terms", "words"), [
    ({"depth": 2}, "key cannot give this"),
    ({"delegable": GIVES}, "key cannot give this"),
    ({"max_life": DAY}, "key cannot give this"),
    ({"max_life": None, "exp": None}, "does not say how long what it gives may last")])
def test_a_key_that_may_not_is_told_before_a_touch(
    cast: Cast, as_: AsRole, terms: dict[str, Any], words: str) -> None:
    the_giver(cast, **terms)
    owner = as_("owner")
    s = chosen(owner, cast)
    page = owner.get(f"{cast.base}/settings/hub/let?s={s}").text
    assert words in page
    assert "data-give" not in page
    assert terms_for(owner, cast, s)["terms"] == []


def test_a_key_with_a_second_check_would_ask_it_of_visitors(cast: Cast, as_: AsRole) -> None:
    giver, owner = the_giver(cast, factors=Factors.PASSKEY), as_("owner")
    s = chosen(owner, cast)
    said = terms_for(owner, cast, s)
    wire = sign(giver, cast, said["terms"][0], factors=Factors.PASSKEY)
    assert "ask visitors for more" in sends(owner, cast, s, said, wire).json()["title"]
    assert kept(cast) == []


def test_where_it_is_strict_or_no_browser_may_only_the_command_is_shown(
    cast: Cast, as_: AsRole) -> None:
    owner = as_("owner")
    s = chosen(owner, cast)
    page = owner.get(f"{cast.base}/settings/hub/let?s={s}").text
    assert "no key in a browser that may give keys" in page
    the_giver(cast)
    assert "data-give" in owner.get(f"{cast.base}/settings/hub/let?s={s}").text
    with cast.hub.database.writing() as db:
        db.get_one(Place, cast.place.id).strict = True
    page = owner.get(f"{cast.base}/settings/hub/let?s={s}").text
    assert "only keys that were made on a device" in page
    assert "data-give" not in page
    assert terms_for(owner, cast, s)["terms"] == []


@pytest.mark.parametrize(("what", "bounds"), [
    (VISITORS, {"--may": "", "--may-pass-on": "unlock,enrol", "--pass-on-links": "2",
                "--pass-on-life": "14d", "--quota": "4"}),
    (REFRESH, {"--may": "refresh"})])
def test_its_command_is_the_command_lines(
    cast: Cast, as_: AsRole, what: str, bounds: dict[str, str]) -> None:
    owner = as_("owner")
    page = owner.get(f"{cast.base}/settings/hub/let?s={chosen(owner, cast, what)}").text
    found = re.search(r"<code>(mortice key give .*?)</code>", html.unescape(page))
    assert found
    words = shlex.split(found[1])
    said = dict(zip(words[4::2], words[5::2], strict=True))
    request = said.pop("--request")
    assert said == {"--doors": "back-door", "--until": LAST} | bounds
    assert read_asking(request).key == cast.hub.own.signer.public


@pytest.mark.parametrize("what", [VISITORS, REFRESH])
def test_without_a_last_day_the_end_that_is_shown_is_signed(
    cast: Cast, as_: AsRole, what: str) -> None:
    giver, owner = the_giver(cast, exp=None), as_("owner")
    s = chosen(owner, cast, what, last="")
    said = terms_for(owner, cast, s)
    ends = said["terms"][0]["exp"]
    page = owner.get(f"{cast.base}/settings/hub/let?s={s}").text
    assert any(moment(ends + later, cast.place.zone) in page for later in (0, 60))
    answer = sends(owner, cast, s, said, sign(giver, cast, said["terms"][0]))
    assert answer.status_code == 201, answer.text
    assert kept(cast)[0].ends_at == ends


def test_a_ticket_is_the_owners_own_and_ends(cast: Cast, as_: AsRole) -> None:
    the_giver(cast)
    assert as_("owner").get(f"{cast.base}/settings/hub/let?s=nonsense").status_code == 410
    assert as_("manager").get(f"{cast.base}/settings/hub/let").status_code == 403
    s = chosen(as_("owner"), cast)
    old = {"s": s, "at": now() - 2000, "key": "", "signed": []}
    assert as_("owner").post(
        f"{cast.base}/settings/hub/let/signed", json=old).json()["code"] == "ticket-ended"


def test_the_hub_vouches_by_a_link_that_a_browser_signed(cast: Cast, as_: AsRole) -> None:
    """Every lock would take its word: the chain holds, assertion and all."""
    giver, person = the_giver(cast), add_person(cast, "Ana")
    grant = let(cast, giver, as_("owner"), what=REFRESH)
    with cast.hub.database.writing() as db:
        place = db.get_one(Place, cast.place.id)
        key = register(db, place, person, first_link(
            cast, new_key().public, cast.doors["Back door"], max_staleness=1000))
        renew(db, cast.hub, place)
        staple = db.get_one(Staple, key.leaf)
    assert staple.chain == grant.wire
    assert accept_staple(
        site_of(place), staple.document, wire_of(grant.wire)).leaf == key.leaf


# --- ending it ------------------------------------------------------------------------------


def visit(cast: Cast, label: str) -> Key:
    person = add_person(cast, "Jo")
    with cast.hub.database.writing() as db:
        place = db.get_one(Place, cast.place.id)
        return issue(db, cast.hub, place, person, Stay(
            [cast.doors[label]], now(), now() + DAY)).pins[0]


def both(cast: Cast) -> list[str]:
    return [door.ref for door in cast.doors.values()]


def test_ended_by_a_touch_it_ends_at_every_door_of_the_link(cast: Cast, as_: AsRole) -> None:
    """With what it issued; and a door that was issued nothing for hears of it, too."""
    giver, owner = the_giver(cast), as_("owner")
    grant, at = let(cast, giver, owner, doors=both(cast)), f"{cast.base}/settings/hub"
    pin = visit(cast, "Front door")
    page = owner.get(f"{at}/{grant.ref}/end").text
    assert "data-take-back" in page
    assert "1 key that the hub issued by it ends with it: Jo." in plain(page)
    item = giver.take_back((grant.leaf, grant.ends_at))
    answer = owner.post(f"{at}/{grant.ref}/end", json={
        "signed": [{"item": text_of(cbor.encode(item)), "keys": [grant.ref]}]})
    assert answer.json() == {"next": f"{at}#ended"}
    with cast.hub.database.writing() as db:
        place = db.get_one(Place, cast.place.id)
        assert live(db, place, VISITORS, now()) == []
        assert db.get_one(Key, pin.id).taken_back_at is not None
        told = db.scalars(select(Delivery).join(Delivery.document).where(
            Delivery.document.has(kind="mortice-revoke/1"))).all()
        assert {each.door_id for each in told} == {door.id for door in cast.doors.values()}
    shown = plain(owner.get(at).text)
    assert shown.count("not told yet") == 2
    with cast.hub.database.writing() as db:
        answered(db, cast.doors["Back door"], id_of(item[1]), None, None)
    shown = plain(owner.get(at).text)
    assert "Back door ended the door has known since" in shown
    assert "Front door not told yet not heard from yet" in shown


def test_somebody_elses_signature_or_another_link_ends_nothing(cast: Cast, as_: AsRole) -> None:
    giver, owner = the_giver(cast), as_("owner")
    first, second = (let(cast, giver, owner) for _ in range(2))
    at = f"{cast.base}/settings/hub/{first.ref}/end"
    for item in (giver.take_back((second.leaf, second.ends_at)),
                 giver.take_back((first.leaf, now() + 1))):
        answer = owner.post(at, json={
            "signed": [{"item": text_of(cbor.encode(item)), "keys": [first.ref]}]})
        assert answer.status_code == 422, answer.text
    assert owner.post(at, json={"signed": []}).status_code == 422
    assert [each.ended_at for each in kept(cast)] == [None, None]


def test_what_was_stopped_only_here_can_be_told_later(cast: Cast, as_: AsRole) -> None:
    giver, owner = the_giver(cast), as_("owner")
    grant, at = let(cast, giver, owner), f"{cast.base}/settings/hub"
    assert owner.post(f"{at}/{grant.ref}/stop").status_code == 303
    page = owner.get(at).text
    assert "The doors were not told" in page
    assert f"{at}/{grant.ref}/end" in page
    assert "Stop using it" not in owner.get(f"{at}/{grant.ref}/end").text


def test_taken_back_by_the_command_it_ends_as_well(cast: Cast, as_: AsRole) -> None:
    giver, owner = the_giver(cast), as_("owner")
    grant = let(cast, giver, owner, doors=both(cast))
    with cast.hub.database.writing() as db:
        take_back(db, db.get_one(Place, cast.place.id), owner_takes_back(
            cast, (giver.leaf.id, None)))  # what stands above it
        assert db.get_one(HubGrant, grant.id).ended_at is not None
    assert plain(owner.get(f"{cast.base}/settings/hub").text).count("not told yet") == 2

"""The owner lets the hub do something, and ends it, by a key in their browser."""

# ruff: noqa: ANN401 — a builder takes any term of what it builds

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from givers import DAY, GIVES, Giver, add_giver
from hubs import Cast
from sqlalchemy import select
from starlette.testclient import TestClient

from mortice.core import cbor
from mortice.core.grant import Grant, KeyClass, Rights
from mortice.core.stages import Factors
from mortice.hub.guests import bytes_of, text_of
from mortice.hub.keys import links_of
from mortice.hub.powers import REFRESH, VISITORS
from mortice.hub.tables import HubGrant, Place, now

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
            "quota": terms["quota"], "about": {1: terms["label"], 2: b"12345678"}} | other
    doors = frozenset(bytes_of(each) for each in terms["doors"])
    return giver.sign(Grant(cast.hub.own.signer.public, doors, **said))


def sends(client: TestClient, cast: Cast, s: str, said: dict[str, Any], wire: list[Any]) -> Any:
    return client.post(f"{cast.base}/settings/hub/let/signed", json={
        "s": s, "at": said["at"], "key": said["terms"][0]["key"],
        "signed": [text_of(cbor.encode(wire))]})


def kept(cast: Cast) -> list[HubGrant]:
    with cast.hub.database.reading() as db:
        return list(db.scalars(select(HubGrant)))


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
    ({"quota": "99999"}, "from 1 to 10,000"), ({"last": ""}, "still to come"),
    ({"last": "2020-01-01"}, "still to come"), ({"last": "soon"}, "Choose a day")])
def test_what_is_typed_wrongly_is_said(
    cast: Cast, as_: AsRole, form: dict[str, Any], words: str) -> None:
    answer = as_("owner").post(f"{cast.base}/settings/hub/let", data={
        "what": VISITORS, "doors": [cast.doors["Back door"].ref], "longest": "14", "quota": "4",
        "last": LAST} | form)
    assert answer.status_code == 422
    assert words in plain(answer.text)


@pytest.mark.parametrize(("terms", "words"), [
    ({"depth": 2}, "key cannot give this"),
    ({"delegable": GIVES}, "key cannot give this"),
    ({"max_life": DAY}, "key cannot give this")])
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
    assert "settings/hub/let" not in owner.get(f"{cast.base}/settings/hub").text
    the_giver(cast)
    assert "settings/hub/let" in owner.get(f"{cast.base}/settings/hub").text
    with cast.hub.database.writing() as db:
        db.get_one(Place, cast.place.id).strict = True
    assert "settings/hub/let" not in owner.get(f"{cast.base}/settings/hub").text
    s = chosen(owner, cast)
    page = owner.get(f"{cast.base}/settings/hub/let?s={s}").text
    assert "only keys that were made on a device" in page
    assert "data-give" not in page
    found = re.search(r"<code>(mortice key give .*?)</code>", html.unescape(page))
    assert found
    words = shlex.split(found[1])
    for option, value in (("--doors", "back-door"), ("--until", LAST),
                          ("--pass-on-life", "14d"), ("--quota", "4"), ("--pass-on-links", "2")):
        assert words[words.index(option) + 1] == value


def test_a_ticket_is_the_owners_own_and_ends(cast: Cast, as_: AsRole) -> None:
    the_giver(cast)
    assert as_("owner").get(f"{cast.base}/settings/hub/let?s=nonsense").status_code == 410
    assert as_("manager").get(f"{cast.base}/settings/hub/let").status_code == 403
    s = chosen(as_("owner"), cast)
    old = {"s": s, "at": now() - 2000, "key": "", "signed": []}
    assert as_("owner").post(
        f"{cast.base}/settings/hub/let/signed", json=old).json()["code"] == "ticket-ended"

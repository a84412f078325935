"""Every page of the hub, found by its route: for every eye, hand, screen and speed.

Each page is visited once in light, once in dark and once without script, by somebody who may see
it. A route without a page stands on a list with the reason; a new route is on neither and fails.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from diaries import Diary
from givers import add_giver, new_key
from guest_links import child, sign_claim
from hubs import Cast
from lived import Lived
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, expect
from sqlalchemy.orm import Session
from test_activity import keep
from test_checked import signed
from test_mine import passkey_of
from test_powers import VISITS as ISSUES
from test_powers import given
from test_strength import photo as picture
from tests.browser.hub_server import Served
from tests.browser.test_hub_look import TAGS

from mortice.assess.report import sealed
from mortice.cli.texts import write_request
from mortice.core.grant import Rights
from mortice.core.log import Entry, Kind
from mortice.core.stages import TimeState
from mortice.hub.access import hash_of
from mortice.hub.accounts import first_owner_token, new_token
from mortice.hub.acts import note
from mortice.hub.files import slim
from mortice.hub.guests import Invitation as Said
from mortice.hub.guests import invite, text_of
from mortice.hub.keys import register, wire_of
from mortice.hub.pages import ROUTERS, api
from mortice.hub.pages.notice import GAVE
from mortice.hub.strength import report_of
from mortice.hub.tables import (
    Door,
    DoorCheck,
    DoorPhoto,
    DoorReport,
    DoorSaid,
    Invitation,
    Key,
    KeyRequest,
    Log,
    Passkey,
    Person,
    Place,
    RecoveryCode,
    now,
)
from mortice.hub.tickets import ticket
from mortice.hub.web import STATIC

pytestmark = pytest.mark.browser
IMPORT = re.compile(r'(?m)^(?:import|export)\b[^;]*?from "([^"]+)"')
LOOK = (Path(__file__).parent / "every_page.js").read_text("utf-8")
DAY = 86_400
SCRIPT_BYTES, STYLE_BYTES = 35_000, 25_000  # as they travel, packed; and as they are read
NO_PAGE = {
    "/.well-known/security.txt": "a file (RFC 9116)",
    "/": "goes on to the first place, or to setting one up",
    "/in/{token}": "signs in and goes on",
    "/you/recovery/check": "goes back to /you/recovery: the sheet is shown once, by a form",
    "/you/recovery/keep": "goes back to /you/recovery, as above",
    "/k/{ref}/stay.ics": "a file for a calendar",
    "/k/{ref}/manifest.webmanifest": "a file for the home screen",
    "/p/{place}/live": "a stream for a script",
    "/p/{place}/activity/export.csv": "a file",
    "/p/{place}/activity/export.jsonl": "a file",
    "/p/{place}/activity/evidence.zip": "a file",
    "/p/{place}/activity/{log}/{number}/proof.json": "a file",
    "/p/{place}/my-data.json": "a file",
    "/p/{place}/people/{person}/held.json": "a file",
    "/p/{place}/my-key/papers": "JSON for a script",
    "/p/{place}/doors/new/papers": "JSON for a script",
    "/p/{place}/doors/new/heard": "JSON for a script",
    "/p/{place}/doors/{door}/strength/ask": "goes on to the first question without an answer",
    "/p/{place}/doors/{door}/strength/photos/{photo}": "a picture",
    "/p/{place}/doors/{door}/strength/report.pdf": "a file",
    "/p/{place}/doors/{door}/strength/report.json": "a file",
}
GUEST = (  # a guest's page in each of its states; what stands behind the # is never sent
    "/k/{ready}?#{ready_seed}", "/k/{early}?#{early_seed}", "/k/{here}?here#{here_seed}",
    "/k/{elsewhere}?#{elsewhere_seed}", "/k/{ended}?#{ended_seed}", "/k/{back}?#{back_seed}")
NOBODY = ("/setup?token={setup}", "/sign-in", "/sign-in/recovery", "/join/{token}", "/k/{ref}",
          *GUEST)
MORE = {  # what a role is shown otherwise, or a page shows once something was asked of it
    "owner": ("/p/{place}/give?at=doors", "/p/{place}/give?at=when", "/p/{place}/give?at=how",
              "/p/{place}/give?at=check&s={check}", "/p/{place}/give?at=check&s={passes}",
              "/p/{place}/doors/{front}", "/p/{place}/people/{member}",
              "/p/{place}/activity?sort=refused", "/p/{place}/no-such-page",
              "/p/{place}/doors/{front}/strength", "/p/{place}/doors/{front}/strength/report",
              "/p/{place}/doors/{door}/strength/ask/changed", "/p/{place}/doors/{front}/checked",
              "/p/{place}/settings/hub/let?what=refresh", "/p/{place}/settings/hub/let?s={let}"),
    "member": ("/p/{place}", "/p/{place}/doors/{door}", "/p/{place}/my-key"),
    "auditor": ("/p/{place}/activity", "/p/{place}/doors/{door}/strength"),
}
ALWAYS = {"frame.js", "live.js", "forms.js", "give_when.js"}  # without them a page only waits more


def routes() -> list[str]:
    """The path of each route that a browser may be sent to."""
    return [route.path for router in ROUTERS if router not in api.ROUTERS
            for route in router.routes if "GET" in getattr(route, "methods", ())]


def visits() -> dict[str, tuple[str, ...]]:
    """Which pages are visited as whom, in this order."""
    open_to_all = {path.partition("?")[0] for path in NOBODY}
    owners = [path for path in routes() if path not in NO_PAGE and path not in open_to_all]
    return {"nobody": NOBODY, "owner": (*owners, *MORE["owner"]), "member": MORE["member"],
            "auditor": MORE["auditor"]}


VISITS = [f"{role} {path}" for role, paths in visits().items() for path in paths]


@dataclass
class Seen:
    """What a page was like in one browser."""

    faults: list[str]  # what axe found, and what the console said
    look: dict[str, Any] = field(default_factory=dict)
    small: dict[str, Any] = field(default_factory=dict)  # the same at 320 pixels


Walked = dict[str, dict[str, Seen]]  # by visit, then by light, dark, plain


# --- a place that is lived in -----------------------------------------------------------------


def lived_in(hub: Served) -> dict[str, str]:
    """People, keys, a link, a request and two logs that their locks signed; what paths name."""
    cast = hub.cast
    lived, giver = Lived(cast), add_giver(cast)
    ana = lived.gives("Ana Sousa", *cast.doors)
    lived.gives("Margaret Hale", *cast.doors, use=Rights(0x3FF))
    lived.gives("Tom Whitaker", "Front door", starts=now() + 2 * DAY, ends=now() + 90 * DAY)
    lived.gives("Ben Hale", "Front door", what="pin", state="waiting")
    lived.gives("Old Cleaner", "Front door", taken=now() - 600)
    lived.gives("Home Assistant", *cast.doors, use=Rights.LOCK)
    lived.is_member("owner", "Margaret Hale")
    lived.is_member("member", "Ana Sousa")
    lived.says("Front door")
    lived.says("Back door", "open", millivolts=4400)
    for label, diary in diaries(hub, ana).items():
        keep(cast, label, diary)
    with cast.hub.database.writing() as db:
        place, person = db.get_one(Place, cast.place.id), lived.people["Tom Whitaker"]
        db.get_one(Key, giver.key.id).person_id = lived.people["Margaret Hale"].id
        guest = invite(db, place, db.get_one(Person, person.id), Said(
            sign_claim(cast).encoded, "", "Through the green gate.", "Ring Margaret."),
            cast.accounts["owner"])
        grant = given(cast, db, **ISSUES)
        token, asks = new_token(), new_key()
        db.add(Invitation(hashed=hash_of(token), place_id=place.id, role="manager",
                          email="ben.hale@example.invalid", ends_at=now() + DAY))
        db.add(KeyRequest(
            place_id=place.id, account_id=cast.accounts["member"].id,
            person_id=lived.people["Ana Sousa"].id, holder=asks.public.id,
            text=write_request(asks.public, "Ana Sousa", passkey_of()), agent="Firefox on Linux"))
        log = db.query(Log).filter_by(lock_id=cast.doors["Front door"].lock_id).one()
        room = db.get_one(Door, cast.doors["Back door"].id)
        room.private = True
        note(db, GAVE, place, cast.accounts["owner"], notice="abcdefghjk", told=["Ana Sousa"],
             door=room.ref, person=lived.people["Home Assistant"].ref,
             who="Home Assistant", why="To look at the boiler", urgent="It leaks",
             starts=now() - 40 * 2700, ends=now() + 3600, by="Owner")
        return guests(hub, db) | {
            "check": check(hub), "passes": check(
                hub, how="request", passes="1", request=write_request(asks.public, "Ana Sousa")),
            "place": place.ref, "door": room.ref, "ref": guest.ref,
            "notice": "abcdefghjk", "question": "projection", "photo": photo(cast, db),
            "front": cast.doors["Front door"].ref, "person": person.ref, "log": log.ref,
            "member": lived.people["Ana Sousa"].ref,
            "grant": grant.ref, "number": "21", "token": token,
            "let": ticket(cast.hub.own, "let-hub", DAY, form={
                "what": "visitors", "doors": [cast.doors["Back door"].ref], "longest": "14",
                "quota": "4", "last": f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"}),
            "setup": first_owner_token(db) or ""}


def photo(cast: Cast, db: Session) -> str:
    """Somebody answered a few questions about the back door, with a photo, and made a report."""
    door = db.get_one(Door, cast.doors["Back door"].id)
    kept = DoorPhoto(door_id=door.id, question="projection", content=picture(), sha256="00" * 32,
                     sent_sha256="11" * 32)
    db.add_all([kept, *(DoorSaid(door_id=door.id, question=question, answer=answer, how="photo")
                        for question, answer in (("projection", "flush"), ("leaf", "unknown"),
                                                 ("household", "several"), ("bolt", "no")))])
    db.flush()
    db.add(DoorReport(door_id=door.id, content=sealed(report_of(db, door), cast.hub.own.signer)))
    content, document = signed(cast, "Back door")
    log = db.query(Log).filter_by(door_id=door.id).one()
    entry = Entry(log.size, now(), TimeState.SYNCED, 0, Kind.CHECKED, {11: document, 20: 0},
                  bytes(16))
    db.add(DoorCheck(door_id=door.id, log_id=log.id, entry=entry.encode(), document=document,
                     content=content))
    return kept.ref


def check(hub: Served, **how: str) -> str:
    """A filled-in form to give a key, as the check step is sent it."""
    form = {"name": "Tom Reed", "kin": "contractor", "when": "week", "days": ["1"],
            "doors": [hub.cast.doors["Front door"].ref], "week-from": "09:00", "week-to": "12:00"}
    return ticket(hub.cast.hub.own, "give", DAY, **form | {"how": "link"} | how)


def guests(hub: Served, db: Session) -> dict[str, str]:
    """Links of guests, one for each state of their page; `here` is for one browser each."""
    cast, names = hub.cast, {}
    place = db.get_one(Place, cast.place.id)
    for state in ("ready", "early", "here_light", "here_dark", "here_plain", "elsewhere", "ended",
                  "back"):
        signed = sign_claim(cast, start=DAY if state == "early" else -DAY)
        person = Person(place_id=place.id, name=f"Guest {state}")
        db.add(person)
        db.flush()
        guest = invite(db, place, person, Said(
            signed.encoded, "", "Through the green gate.", "Ring Margaret."),
            cast.accounts["owner"])
        names |= {state: guest.ref, f"{state}_seed": text_of(signed.seed)}
        if state in {"here_plain", "elsewhere"}:
            guest.key_id = register(db, place, person, wire_of(
                child(signed.key, signed.wire))).id
            guest.claimed_at = now()
        elif state == "ended":
            guest.closed_at = now()
        elif state == "back":
            db.get_one(Key, guest.claim_id).taken_back_at = now()
    return names


def diaries(hub: Served, leaf: bytes) -> dict[str, Diary]:
    """Two days of each door, under heads that its lock signed."""
    made = {}
    for label, lock in hub.cast.locks.items():
        made[label] = diary = Diary(lock.signer, start=now() - 2 * DAY)
        for number in range(60):
            at = now() - (60 - number) * 2700
            if number % 6 == 3:
                diary.write(Kind.GRANTED, {1: leaf, 2: 1, 8: 0}, seal=True, at=at)
            elif number % 20 == 7:
                diary.write(Kind.REFUSED, {3: 20, 4: "R4", 13: "wrong PIN", 8: 1}, at=at)
            else:
                diary.write(Kind.MOVED, {5: 5, 6: "locked"}, at=at)
        diary.write(Kind.CHECKED, {11: signed(hub.cast, label)[1], 20: 1}, at=now() - 2400)
        diary.write(Kind.ALARM, {13: "the bolt was forced"}, seal=True, at=now() - 1800)
    return made


def settled(hub: Served) -> None:
    """The owner has a passkey and a sheet, as somebody has who went through the set-up."""
    owner = hub.cast.accounts["owner"].id
    with hub.cast.hub.database.writing() as db:
        db.add(Passkey(account_id=owner, credential_id=b"one", public_key=b"", label="Phone"))
        db.add(RecoveryCode(account_id=owner, hashed=b"one"))


# --- the walk -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walked(browser: Browser, served_hub: Served) -> Iterator[Walked]:
    names, seen = lived_in(served_hub), {}
    contexts = {
        "light": browser.new_context(viewport={"width": 1280, "height": 800}),
        "dark": browser.new_context(
            viewport={"width": 390, "height": 844}, color_scheme="dark"),
        "plain": browser.new_context(
            viewport={"width": 1280, "height": 800}, java_script_enabled=False)}
    for role, paths in visits().items():
        for name, context in contexts.items():
            walk = Walk(context, served_hub, name)
            if role == "owner" and name == "light":
                settled(served_hub)
            if role != "nobody":
                walk.page.goto(served_hub.way_in(role))
            for path in paths:
                at = served_hub.origin + path.format(
                    **names, here=names[f"here_{name}"], here_seed=names[f"here_{name}_seed"])
                seen.setdefault(f"{role} {path}", {})[name] = walk.visit(at)
            walk.page.close()
    yield seen
    for context in contexts.values():
        context.close()


class Walk:
    """One tab that goes from page to page."""

    def __init__(self, context: BrowserContext, hub: Served, name: str) -> None:
        self.page, self._hub, self._name = context.new_page(), hub, name
        self._said: list[str] = []
        self.page.set_default_timeout(10_000)
        self.page.on("pageerror", lambda error: self._said.append(str(error)))
        self.page.on("console", self._note)
        self.page.on("request", lambda request: None if request.url.startswith(
            (hub.origin, "data:", "blob:")) else self._said.append(f"asked {request.url}"))

    def _note(self, said: ConsoleMessage) -> None:
        refused = said.location["url"] == self.page.url and "status of 404" in said.text
        if said.type in {"error", "warning"} and not refused:
            self._said.append(said.text)

    def visit(self, at: str) -> Seen:
        self._said.clear()
        if "#" in at:  # another # alone would load nothing
            self.page.goto("about:blank")
        self.page.goto(at)
        if "?here#" in at and self._name != "plain":
            self.page.get_by_role("button", name="Put the key here").click()
            expect(self.page.get_by_role("button", name="Hold to open")).to_be_visible()
        seen = Seen(self._said[:], self.page.evaluate(LOOK, self._name != "plain"))
        if self._name == "plain":
            return seen
        if self._name == "light":
            self.page.set_viewport_size({"width": 320, "height": 700})
            seen.small = self.page.evaluate(LOOK, True)
            self.page.set_viewport_size({"width": 1280, "height": 800})
        self.page.evaluate(
            "document.querySelectorAll('details').forEach((it) => { it.open = true; })")
        found = Axe().run(self.page, options={
            "runOnly": TAGS, "resultTypes": ["violations"]}).response["violations"]
        seen.faults = [*self._said, *(
            f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"])]
        return seen


# --- what holds for each --------------------------------------------------------------------------


def test_every_route_is_a_page_that_is_visited_or_stands_on_the_list() -> None:
    known = {re.sub(r"\?.*", "", visit.split(" ", 1)[1]) for visit in VISITS} | set(NO_PAGE)
    assert set(routes()) <= known
    assert set(NO_PAGE) <= set(routes())  # and the list says nothing that is gone


def test_a_visit_ends_where_it_was_going(walked: Walked) -> None:
    def pattern(visit: str) -> str:
        path = visit.split(" ", 1)[1].partition("?")[0]
        return re.sub(r"\{\w+\}", "[^/]+", path)

    assert [(visit, name, at.look["path"]) for visit, seen in walked.items()
            for name, at in seen.items() if not re.fullmatch(pattern(visit), at.look["path"])] == []


@pytest.mark.parametrize("visit", VISITS)
class TestEachPage:
    """The visits were made before; each test reads what was seen."""

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_neither_axe_nor_the_console_finds_anything(
        self, walked: Walked, visit: str, scheme: str,
    ) -> None:
        assert walked[visit][scheme].faults == []

    def test_it_has_one_heading_a_title_and_a_language(self, walked: Walked, visit: str) -> None:
        for at in walked[visit].values():
            assert len(at.look["h1"]) == 1
            assert at.look["title"].strip(" ·")
            assert at.look["lang"] == "en-GB"

    def test_nothing_scrolls_sideways(self, walked: Walked, visit: str) -> None:
        seen = walked[visit]
        for look in (seen["light"].look, seen["light"].small, seen["dark"].look):
            assert (look["wide"], look["over"]) == (0, [])

    def test_what_is_pressed_is_large_enough(self, walked: Walked, visit: str) -> None:
        seen = walked[visit]
        for look in (seen["light"].look, seen["light"].small, seen["dark"].look):
            assert look["small"] == []

    def test_it_works_without_script(self, walked: Walked, visit: str) -> None:
        on, off = walked[visit]["light"].look, walked[visit]["plain"].look
        assert off["h1"] == on["h1"]
        assert set(off["forms"]) >= set(on["forms"])
        if len(off["words"]) < 0.7 * len(on["words"]):  # it is all signing: the other way is told
            assert "mortice " in off["words"]
        if set(on["scripts"]) - ALWAYS:
            assert "script" in off["words"]  # says what needs one

    def test_it_is_small(self, walked: Walked, visit: str) -> None:
        look = walked[visit]["light"].look
        assert packed(look["scripts"]) <= SCRIPT_BYTES
        assert look["style"] <= STYLE_BYTES


def packed(scripts: list[str]) -> int:
    """What a page's scripts and all that they import at once come to, as they travel."""
    found: dict[Path, int] = {}
    left = [STATIC / name for name in scripts]
    while left:
        file = left.pop().resolve()
        if file not in found:
            text = file.read_text("utf-8")
            found[file] = len(gzip.compress(slim(file.name, text).encode(), 9))
            left += [file.parent / name for name in IMPORT.findall(text)]
    return sum(found.values())


def test_how_soon_each_page_is_painted(walked: Walked) -> None:
    """Measured and shown (`pytest -rP`); what a machine does is nothing to hold a page to."""
    lines = [f"{'page':58} {'script':>7} {'style':>7} {'light':>9} {'dark':>9}"]
    for visit, seen in walked.items():
        paints = [f"{at.look['paint'] or 0:6.0f} ms" for at in (seen["light"], seen["dark"])]
        lines.append(f"{visit:58} {packed(seen['light'].look['scripts']):7} "
                     f"{seen['light'].look['style']:7} {' '.join(paints)}")
    sys.stdout.write("\n".join(["", *lines, ""]))
    assert all(at.look["paint"] for seen in walked.values() for at in (seen["light"], seen["dark"]))

"""A notice of entry is never changed, and shows nobody's comings but those of whoever it names."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hubs import ZONE, Cast
from lived import Lived, opened
from sqlalchemy import select
from starlette.testclient import TestClient
from test_doors import make_private

from mortice.client.wallet import encode_chain
from mortice.core.grant import Grant, Rights, sign_grant
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.log import Kind
from mortice.hub.keys import links_of
from mortice.hub.pages.notice import GAVE, OFF
from mortice.hub.privacy import DAY, erase, tidy
from mortice.hub.tables import Act, Door, DoorKey, Key, Log, Person, Place, now

AsRole = Callable[[str], TestClient]
TENANT, BOILER = "Grace Lim", "Sam Boiler"
WHY = "Yearly check of the boiler"


@pytest.fixture
def lived(cast: Cast) -> Lived:
    """Grace lives behind the front door, which is private; Sam has a key of it for some days."""
    made = Lived(cast)
    make_private(made, "Front door")
    made.gives(TENANT, "Front door", made=now() - 90 * DAY)
    made.is_member("member", TENANT)
    made.gives(BOILER, "Front door", starts=now() - 5 * DAY, ends=now() + 5 * DAY)
    made.says("Front door", entries=0)
    return made


def form(lived: Lived, days: float = 2, who: str = BOILER, **more: str) -> dict[str, str]:
    begins = datetime.fromtimestamp(now() + days * DAY, UTC).astimezone(ZoneInfo(ZONE))
    return {"person": lived.person(who).ref, "why": WHY, "day": f"{begins:%Y-%m-%d}",
            "from": f"{begins:%H:%M}", "to": "23:59", "urgent": ""} | more


def path(lived: Lived, label: str = "Front door") -> str:
    return f"{lived.cast.base}/doors/{lived.cast.doors[label].ref}/notices"


def gives(client: TestClient, lived: Lived, **more: str) -> str:
    """A notice is given; its address."""
    answer = client.post(path(lived), data=form(lived) | more)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def moved(lived: Lived, ago: int = 600, hours: float = 1) -> None:
    """Its time began `ago` seconds before now."""
    with lived.cast.hub.database.writing() as db:
        for act in db.scalars(select(Act).where(Act.what == GAVE)):
            starts = now() - ago
            act.at = starts - 2 * DAY
            act.about = act.about | {"starts": starts, "ends": starts + int(hours * 3600)}


def words(client: TestClient, at: str) -> str:
    answer = client.get(at)
    assert answer.status_code == 200
    main = answer.text[answer.text.index("<main"):]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


# --- giving ---------------------------------------------------------------------------------------


def test_a_notice_says_who_why_when_and_to_whom(lived: Lived, as_: AsRole) -> None:
    said = words(as_("owner"), gives(as_("manager"), lived))
    for part in (BOILER, WHY, f"To {TENANT}", "by Manager", "The time has not come yet",
                 "a record and no legal advice"):
        assert part in said
    assert "Urgent" not in said
    assert "section 11(6)" in words(as_("owner"), path(lived))


@pytest.mark.parametrize(("more", "said"), [
    ({"why": "  "}, "Write why somebody comes."),
    ({"why": "turned \u202e about"}, "Leave out characters"),
    ({"day": "soon"}, "Choose a day"),
    ({"day": "9999-12-31", "to": "00:00"}, "Choose a day"),
    ({"from": "x"}, "Write a time"),
    ({"from": "12:00", "to": "11:00"}, "must end after it starts"),
    ({"day": "2020-02-03"}, "Choose a later day"),
])
def test_what_is_not_clear_is_asked_again_and_nothing_is_lost(
    lived: Lived, as_: AsRole, more: dict[str, str], said: str) -> None:
    answer = as_("owner").post(
        path(lived), data=form(lived) | {"urgent": "Kept <b>text</b>"} | more)
    assert answer.status_code == 422
    assert said in answer.text
    assert "Kept &lt;b&gt;text&lt;/b&gt;" in answer.text
    assert BOILER in answer.text
    with lived.cast.hub.database.reading() as db:
        assert db.scalars(select(Act).where(Act.what == GAVE)).all() == []


def test_less_than_a_day_ahead_needs_a_reason_and_says_it(lived: Lived, as_: AsRole) -> None:
    early = form(lived, days=0.9)
    answer = as_("owner").post(path(lived), data=early)
    assert "less than 24 hours ahead" in answer.text
    at = gives(as_("owner"), lived, **(early | {"urgent": "Water through the ceiling"}))
    assert "Less than 24 hours ahead, because: Water through the ceiling" in words(as_("owner"), at)
    assert "Water" not in words(as_("owner"), gives(as_("owner"), lived, urgent="Water")), (
        "a notice in good time is none that is urgent")


def test_no_notice_is_given_after_the_fact(lived: Lived, as_: AsRole) -> None:
    """Not in an emergency either: whoever could, would read who came at a tenant's door."""
    today = datetime.now(ZoneInfo(ZONE))
    early = form(lived, days=0, urgent="Water") | {"from": "00:00", "to": "00:00"}
    answer = as_("manager").post(path(lived), data=early | {"day": f"{today:%Y-%m-%d}"})
    assert answer.status_code == 422
    assert "cannot begin before it is given" in answer.text
    assert kept(lived) == []


def test_what_came_before_it_was_given_is_not_on_it(lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived)
    with lived.cast.hub.database.writing() as db:
        db.scalars(select(Act).where(Act.what == GAVE)).one().at = now() - 100
    sam = lived.leaves[BOILER]
    lived.wrote("Front door", (300, *opened(sam)), (60, *opened(sam)))
    assert re.findall(r">(entry \d+)", as_("owner").get(at).text) == ["entry 1"]


def test_whoever_lives_there_needs_no_notice(lived: Lived, as_: AsRole) -> None:
    answer = as_("owner").post(path(lived), data=form(lived, who=TENANT))
    assert "lives there" in answer.text
    assert answer.status_code == 422
    assert as_("owner").post(path(lived), data=form(lived) | {"person": "zzz"}).status_code == 404


def test_it_is_never_changed_only_called_off_once(lived: Lived, as_: AsRole) -> None:
    client = as_("owner")
    at = gives(client, lived)
    before = kept(lived)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, at, data={"why": "other"}).status_code == 405
    for _ in range(2):
        assert client.post(f"{at}/off").status_code == 303
    assert kept(lived) == before
    assert kept(lived, OFF) == kept(lived, OFF)[:1]
    assert "Called off" in words(as_("member"), at)
    assert "Notice of entry" not in words(as_("member"), lived.cast.base)


def kept(lived: Lived, what: str = GAVE) -> list[tuple[int, str]]:
    with lived.cast.hub.database.reading() as db:
        return [(act.at, repr(act.about)) for act in db.scalars(
            select(Act).where(Act.what == what))]


def test_what_is_over_is_not_called_off(lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived, 7200, 1)
    as_("owner").post(f"{at}/off")
    assert kept(lived, OFF) == []


# --- who sees it ----------------------------------------------------------------------------------


def test_the_tenant_is_told_and_others_are_not(lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    assert f"{BOILER} comes to Front door" in words(as_("member"), lived.cast.base)
    assert WHY in words(as_("member"), path(lived))
    assert "Give this notice" not in words(as_("member"), path(lived))
    assert as_("member").post(path(lived), data=form(lived)).status_code == 403
    assert as_("member").post(f"{at}/off").status_code == 403
    lived.is_member("member", BOILER)  # has a key, and does not live there
    assert as_("member").get(at).status_code == 404
    assert WHY not in words(as_("member"), lived.cast.base)
    assert as_("auditor").get(at).status_code == 403
    assert as_("stranger").get(at).status_code == 404


def test_who_moves_in_later_does_not_see_what_was_before(lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived, 30 * DAY)
    lived.gives("Kofi Boateng", "Front door", made=now() - DAY)
    lived.is_member("member", "Kofi Boateng")
    assert as_("member").get(at).status_code == 404


# --- what the lock wrote down ---------------------------------------------------------------------


def test_the_record_is_what_the_named_persons_key_did_in_that_time(
    lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived, 1800, 0.25)
    sam, grace = lived.leaves[BOILER], lived.leaves[TENANT]
    lived.wrote("Front door", (2000, *opened(sam)), (1700, *opened(grace)), (1600, *opened(sam)),
                (1590, Kind.MOVED, {5: 2, 6: "unlocked"}), (800, *opened(sam)))
    lived.says("Front door", entries=5)
    for role in ("owner", "member"):
        text = as_(role).get(at).text
        assert re.findall(r'class="quiet small">(entry \d+)', text) == ["entry 2"]
        assert "may be missing" not in text
        assert "has not signed" in text
    with lived.cast.hub.database.writing() as db:
        db.scalars(select(Log)).one().head_size = 5
    said = words(as_("owner"), at)
    assert "The lock has signed for what stands here" in said
    assert "entries" not in said, "how many a tenant's log has is theirs"


def test_that_nobody_came_is_said_only_once_all_was_heard(lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived, 7200, 1)
    lived.wrote("Front door", (9000, *opened(lived.leaves[BOILER])))
    nobody, missing = f"No key of {BOILER} was used at this door in that time", "may be missing"
    lived.says("Front door", entries=1)
    assert nobody in words(as_("owner"), at)
    assert missing not in words(as_("owner"), at)
    lived.says("Front door", entries=3)  # there is more on the lock
    assert missing in words(as_("owner"), at)
    lived.says("Front door", entries=1, ago=6000, connected=False)  # it fell silent in that hour
    assert missing in words(as_("owner"), at)


@pytest.mark.parametrize("said", [None, "x", [1], {}, True, 1 << 62])
def test_a_lock_that_does_not_say_how_much_it_wrote_may_have_more(
    lived: Lived, as_: AsRole, said: object) -> None:
    at = gives(as_("owner"), lived)
    moved(lived, 7200, 1)
    lived.wrote("Front door", (9000, *opened(lived.leaves[BOILER])))
    lived.says("Front door", entries=said)
    assert "may be missing" in words(as_("owner"), at)
    with lived.cast.hub.database.writing() as db:
        db.get_one(Door, lived.cast.doors["Front door"].id).status = {"state": "locked"}
    assert "may be missing" in words(as_("member"), at)


def test_a_refusal_is_on_the_record(lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived)
    lived.wrote("Front door", (60, Kind.REFUSED, {1: lived.leaves[BOILER], 2: 1, 3: 12, 8: 0}))
    assert "Refused" in words(as_("owner"), at)


@pytest.mark.parametrize("later", ["moves in", "moves in and out"])
def test_a_notice_is_no_way_to_look_after_who_lives_there(
    lived: Lived, as_: AsRole, later: str) -> None:
    """It was given before they moved in; what they do at home stays theirs."""
    lived.gives("Kofi Boateng", "Front door", starts=now(), ends=now() + DAY)
    at = gives(as_("owner"), lived, **form(lived, who="Kofi Boateng"))
    moved(lived)
    leaf = lived.gives("Kofi Boateng", "Front door",
                       taken=now() if "out" in later else None)  # type: ignore[typeddict-item]
    lived.wrote("Front door", (60, *opened(leaf)))
    assert "Opened" not in words(as_("owner"), at)


@pytest.mark.parametrize("use", [Rights.UNLOCK, Rights.NONE])
def test_a_key_that_the_tenant_passed_on_is_the_tenants(
    lived: Lived, as_: AsRole, use: Rights) -> None:
    """From the key that opens for her, or from one that only gives, as a browser has it."""
    if use is Rights.NONE:
        lived.gives(TENANT, "Front door", use=use)
    leaf = passed_on(lived, TENANT, BOILER)
    at = gives(as_("owner"), lived)
    moved(lived)
    lived.wrote("Front door", (60, *opened(leaf)))
    assert "Opened" not in words(as_("owner"), at)


def passed_on(lived: Lived, giver: str, name: str) -> bytes:
    """A key below the giver's own."""
    cast, holder = lived.cast, SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))
    with cast.hub.database.writing() as db:
        above = db.scalars(select(Key).where(Key.leaf == lived.leaves[giver])).one()
        top = links_of(above)[-1]
        above.leaf = top.id  # as a key that was really given has it
        leaf = Grant(holder.public, top.doors, Rights.UNLOCK, parent=top.id)
        wire = [sign_grant(top, cast.grant_key), sign_grant(leaf, holder)]
        row = Key(
            place_id=cast.place.id, person_id=lived.person(name).id, leaf=secrets.token_bytes(16),
            wire=encode_chain(wire), what="key", klass=above.klass, ends_at=now() + DAY)
        db.add(row)
        db.flush()
        db.add(DoorKey(key_id=row.id, door_id=cast.doors["Front door"].id))
        return row.leaf


def test_the_managers_own_key_is_on_the_record_though_it_has_no_end(
    lived: Lived, as_: AsRole) -> None:
    leaf = lived.gives("Ann Agent", "Front door")
    lived.is_member("manager", "Ann Agent")
    at = gives(as_("owner"), lived, **form(lived, who="Ann Agent"))
    moved(lived)
    lived.wrote("Front door", (60, *opened(leaf)))
    assert "Opened for Ann Agent" in words(as_("member"), at)


# --- how long -------------------------------------------------------------------------------------


def test_somebody_erased_is_in_no_notice_and_nothing_is_claimed_of_them(
    lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived, why=f"{BOILER} and {TENANT} meet")
    moved(lived)
    with lived.cast.hub.database.writing() as db:
        for name in (BOILER, TENANT):
            person = db.get_one(Person, lived.people[name].id)
            for key in person.keys:
                key.taken_back_at = now()
            erase(db, person)
        assert not any(name in repr(act.about) for act in db.scalars(select(Act))
                       for name in (BOILER, TENANT))
    said = words(as_("owner"), at)
    assert "has been erased since" in said
    assert "No key of" not in said


def test_without_the_entries_nothing_is_claimed(lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived, 40 * DAY)
    lived.wrote("Front door", (1, *opened(lived.leaves[TENANT])))
    assert "No key of" in words(as_("owner"), at)
    with lived.cast.hub.database.writing() as db:
        db.get_one(Place, lived.cast.place.id).retention = {"comings": 30}
    assert "no longer kept" in words(as_("owner"), at)


def test_a_notice_ends_with_what_was_done_here(lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived, 400 * DAY)
    assert "notices of entry" in words(as_("owner"), f"{lived.cast.base}/settings/privacy")
    tidy(lived.cast.hub.database, now())
    assert as_("owner").get(at).status_code == 404


def test_a_door_that_nobody_lives_behind_has_none(lived: Lived, as_: AsRole) -> None:
    with lived.cast.hub.database.reading() as db:
        assert not db.get_one(Door, lived.cast.doors["Back door"].id).private
    for label, has in (("Front door", True), ("Back door", False)):
        door = f"{lived.cast.base}/doors/{lived.cast.doors[label].ref}"
        assert ("Give notice of entry" in words(as_("owner"), door)) is has
    for answer in (as_("owner").get(path(lived, "Back door")),
                   as_("owner").post(path(lived, "Back door"), data=form(lived))):
        assert answer.status_code == 409
        assert "Notices of entry are for private doors" in answer.text
    assert kept(lived) == []


def test_at_a_door_that_is_private_no_more_a_member_sees_nobodys_comings(
    lived: Lived, as_: AsRole) -> None:
    at = gives(as_("owner"), lived)
    moved(lived)
    with lived.cast.hub.database.writing() as db:
        db.get_one(Door, lived.cast.doors["Front door"].id).private = False
    assert as_("member").get(at).status_code == 404
    assert WHY not in words(as_("member"), lived.cast.base)
    assert WHY in words(as_("owner"), at)

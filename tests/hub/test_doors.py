"""A door's page says what its lock said, to whom it concerns, and never more than is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import time

import pytest
from hubs import Cast
from lived import LOCKED, Lived, alder_road, opened
from sqlalchemy import event
from starlette.testclient import TestClient

from mortice.core.grant import KeyClass, Rights
from mortice.core.schedule import Window
from mortice.hub.doors import LOW_MILLIVOLTS, STALE_SECONDS, STATES, health, now_of, summary
from mortice.hub.outbox import post
from mortice.hub.tables import GONE, ON_DOOR, Delivery, Door, Key, Log, Place
from mortice.lockd.daemon import POWER_LOW_VOLTS

AT = 1_795_615_200  # Wed 25 Nov 2026, 14:00 in London
AsRole = Callable[[str], TestClient]


def door(label: str = "Front door", state: str = "locked", *, ago: int | None = 4,
         connected: bool = True, **more: object) -> Door:
    return Door(
        label=label, zone="Europe/London", connected=connected,
        status=LOCKED | {"state": state} | more, heard_at=None if ago is None else AT - ago)


@pytest.fixture(autouse=True)
def _at_two(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "cast" not in request.fixturenames:
        monkeypatch.setattr("mortice.hub.web.now", lambda: AT)


def named(terms: dict[str, object]) -> str:
    """A test's name in which no clock shows: several workers collect the same ones."""
    return " ".join(terms) or "plain"


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "word", "line"), [
    ("locked", "Locked", "bolt out, door closed"),
    ("unlocked", "Unlocked", "bolt in, door closed"),
    ("open", "Open", "bolt in, door open"),
    ("bolt_out_door_open", "Open", "the bolt is out beside an open door"),
    ("jammed", "Jammed", "the bolt is stuck part of the way"),
    ("locking", "Locking", "the bolt is on its way out"),
    ("unlocking", "Unlocking", "the bolt is on its way in"),
    ("unknown", "Unknown", "the lock cannot see how the door stands"),
    ("something new", "Unknown", "the lock cannot see how the door stands"),
])
def test_every_state_has_its_own_words(state: str, word: str, line: str) -> None:
    seen = now_of(door(state=state), AT)
    assert (seen.words.word, seen.line) == (word, line)
    assert seen.is_locked == (state == "locked")


def test_every_state_of_a_lock_is_known_here() -> None:
    from mortice.core.door import DoorState  # noqa: PLC0415 - only this test knows both
    assert set(STATES) == {state.value for state in DoorState}


@pytest.mark.parametrize(("of", "line"), [
    ({"ago": STALE_SECONDS + 1}, "since 13:57; locked when last heard"),
    ({"connected": False}, "since 13:59; locked when last heard"),
    ({"ago": 90_000}, "since Tue 24 Nov, 13:00; locked when last heard"),
    ({"ago": 200, "state": "unknown"}, "since 13:56"),
    ({"ago": None}, "its lock has not said anything yet"),
])
def test_what_was_not_heard_lately_is_not_known(of: dict[str, object], line: str) -> None:
    seen = now_of(door(**of), AT)  # type: ignore[arg-type]
    assert (seen.words.word, seen.line, seen.is_locked) == ("Unknown", line, False)


def test_a_lock_that_is_heard_but_has_said_nothing_is_not_known() -> None:
    silent = door()
    silent.status = {}
    assert now_of(silent, AT).words.word == "Unknown"


def test_just_in_time_is_still_known() -> None:
    assert now_of(door(ago=STALE_SECONDS), AT).is_locked


def test_a_held_door_says_until_when() -> None:
    held = now_of(door(state="unlocked", held_until=AT + 7200), AT)
    assert (held.words.word, held.line) == ("Held open", "until 16:00, bolt in, door closed")


@pytest.mark.parametrize("of", [
    {"state": "locked", "held_until": AT + 7200}, {"state": "open", "held_until": AT - 1},
    {"state": "open", "held_until": True}, {"state": "open", "held_until": AT + 7200, "ago": 900},
])
def test_a_door_is_held_only_while_it_is(of: dict[str, object]) -> None:
    assert now_of(door(**of), AT).words.word != "Held open"  # type: ignore[arg-type]


@pytest.mark.parametrize(("doors", "sentence"), [
    ([door()], "Front door is locked."),
    ([door(), door("Back door")], "Everything is locked."),
    ([door(state="open")], "Front door is open."),
    ([door(), door("Garage", "unlocked", held_until=AT + 7200)],
     "Everything is locked except Garage, held open until 16:00."),
    ([door(), door("Garage", "open"), door("Back door", ago=300)],
     "Everything is locked except Garage, open and Back door, unknown since 13:55."),
    ([door(ago=300), door("Back door", connected=False)],
     "No door has been heard from lately."),
    ([door(state="open"), door("Back door", "jammed")],
     "Front door is open and Back door is jammed."),
    ([door(), *[door(str(n), "open") for n in range(3)], door("x", "jammed")],
     "1 of 5 doors is locked; 3 are open and 1 is jammed."),
])
def test_one_sentence_leaves_no_door_out(doors: list[Door], sentence: str) -> None:
    assert summary([now_of(each, AT) for each in doors]) == sentence


def test_health_says_what_needs_somebody() -> None:
    said = {fact.name: fact for fact in health(now_of(door(
        millivolts=LOW_MILLIVOLTS - 100, time="unsure", keypad_rest=60, rolled_back=True), AT), AT)}
    assert said["Supply"].words == "battery low, 4.5 V"
    assert said["Its clock"].words == "not sure of the time"
    assert {name for name, fact in said.items() if fact.tone} == {
        "Supply", "Its clock", "Keypad", "Its record"}
    assert not any(fact.tone for fact in health(now_of(door(), AT), AT))


def test_low_is_where_the_lock_itself_says_so() -> None:
    assert LOW_MILLIVOLTS == POWER_LOW_VOLTS * 1000


# --- pages --------------------------------------------------------------------------------------


@pytest.fixture
def lived(cast: Cast) -> Lived:
    return alder_road(cast)


def page(client: TestClient, lived: Lived, label: str = "") -> str:
    ref = f"/doors/{lived.cast.doors[label].ref}" if label else ""
    answer = client.get(f"{lived.cast.base}{ref}")
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def make_private(lived: Lived, label: str) -> None:
    with lived.cast.hub.database.writing() as db:
        db.get_one(Door, lived.cast.doors[label].id).private = True


def words_of(page: str) -> str:
    """What is read on a page, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


def test_the_doors_and_what_happened_there(lived: Lived, as_: AsRole) -> None:
    said = page(as_("owner"), lived)
    assert "Everything is locked except Back door, unknown" in said
    assert "1 of 2 doors heard from" in said
    assert "opened for Ana Sousa, key on a device" in said
    assert "bolt out, door closed, since" in words_of(said)


@pytest.mark.parametrize(("klass", "what"), [
    (KeyClass.DEVICE, "key on a device"), (KeyClass.WEB, "key in a browser"),
    (KeyClass.FILE, "key file"), (KeyClass.BRIDGE, "key of a program")])
def test_a_key_is_called_what_it_is(
    cast: Cast, as_: AsRole, klass: KeyClass, what: str) -> None:
    lived = Lived(cast)
    leaf = lived.gives("Ana Sousa", "Front door")
    with cast.hub.database.writing() as db:
        db.query(Key).filter_by(leaf=leaf).one().klass = int(klass)
    lived.wrote("Front door", (9, *opened(leaf)), (5, *opened(leaf, 1)))
    client, base = as_("owner"), cast.base
    log = db_log(cast)
    for at in ("", f"/doors/{cast.doors['Front door'].ref}", "/activity", f"/activity/{log}/0",
               f"/people/{lived.people['Ana Sousa'].ref}"):
        said = " ".join(client.get(f"{base}{at}").text.split())
        assert f"or Ana Sousa, {what}" in said, at
        assert "phone key" not in said
    assert "or Ana Sousa, PIN" in client.get(f"{base}/activity").text


def db_log(cast: Cast) -> str:
    with cast.hub.database.reading() as db:
        return db.query(Log).one().ref


def test_one_door_and_who_can_open_it(lived: Lived, as_: AsRole) -> None:
    said = page(as_("manager"), lived, "Front door")
    now, later = said.split("Can open now")[1].split(">Later<")
    assert "Ana Sousa" in now
    assert "Old Cleaner" in now, "taken back, but the door does not know"
    assert "this door has not learnt it yet" in now
    assert "Tom Whitaker" in later.split("Health")[0]
    assert "on its way to the door" in later
    assert "entry 5" in said


def test_a_state_that_the_log_contradicts_has_no_since(lived: Lived, as_: AsRole) -> None:
    lived.says("Front door", "unlocked")
    assert "bolt in, door closed, since" not in words_of(page(as_("owner"), lived))


@pytest.mark.parametrize(("given", "where"), [
    ({"state": GONE}, ""), ({"ends": int(time()) - 5}, ""),
    ({"hours": (Window(127, 0, 1440),)}, "now"), ({"hours": (Window(0, 0, 1),)}, "later"),
    ({"use": Rights.LOCK}, ""),
    ({"what": "pin"}, "later"), ({"what": "pin", "state": ON_DOOR}, "now"),
    ({"what": "claim"}, "later"),
    ({"taken": 5, "state": ON_DOOR}, "now"), ({"ends": int(time()) + 900}, "now"),
], ids=named)
def test_a_key_stands_under_now_later_or_nowhere(
    cast: Cast, as_: AsRole, given: dict[str, object], where: str,
) -> None:
    lived = Lived(cast)
    lived.gives("Nora Key", "Front door", **given)  # type: ignore[arg-type]
    said = page(as_("owner"), lived, "Front door").split("Can open now")[1]
    now, _, later = said.partition(">Later<")
    assert [title for title, text in (("now", now), ("later", later)) if "Nora Key" in text] == (
        [where] if where else [])


def test_older_entries_are_a_page_away(cast: Cast, as_: AsRole) -> None:
    lived = Lived(cast)
    leaf = lived.gives("Ana Sousa", "Front door")
    lived.wrote("Front door", *[(1000 - n, *opened(leaf)) for n in range(90)])
    client, base = as_("owner"), f"{cast.base}/doors/{cast.doors['Front door'].ref}"
    first = client.get(base).text
    assert "entry 89<" in first
    assert "entry 50<" in first
    assert "entry 49<" not in first
    second = client.get(f"{base}?before=50").text
    assert "entry 49<" in second
    assert "entry 50<" not in second
    assert "Newest" in client.get(f"{base}?before=5").text


def test_a_member_sees_the_doors_that_a_key_of_theirs_opens_now(lived: Lived, as_: AsRole) -> None:
    client = as_("member")
    assert "You hold no key of a door here" in page(client, lived)
    lived.is_member("member", "Tom Whitaker")  # whose key starts in two days
    assert "You hold no key of a door here" in page(client, lived)
    lived.gives("Tom Whitaker", "Front door")
    said = page(client, lived)
    assert "Front door" in said
    assert "Back door" not in said
    back = client.get(f"{lived.cast.base}/doors/{lived.cast.doors['Back door'].ref}")
    none = client.get(f"{lived.cast.base}/doors/zzzzzzzzzz")
    assert back.status_code == none.status_code == 404
    assert back.content == none.content


@pytest.mark.parametrize(
    "given", [{"taken": 5}, {"ends": int(time()) - 5}, {"state": GONE}], ids=named)
def test_a_key_that_is_over_shows_no_door(
    lived: Lived, as_: AsRole, given: dict[str, object],
) -> None:
    lived.is_member("member", "Gone Girl")
    lived.gives("Gone Girl", "Front door", **given)  # type: ignore[arg-type]
    assert "You hold no key of a door here" in page(as_("member"), lived)


def test_a_member_sees_what_they_did_themselves(lived: Lived, as_: AsRole) -> None:
    lived.is_member("member", "Ana Sousa")
    for said in (page(as_("member"), lived), page(as_("member"), lived, "Front door")):
        assert "pened</strong> for you, key on" in said or "opened for you, key on" in said
        for other in ("Margaret", "Ben Hale", "Tom", "Refused</", "refused:", "Health", "Cleaner"):
            assert other not in said
    assert "You see what you did here yourself" in page(as_("member"), lived, "Front door")


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_tenants_room_shows_its_state_and_not_who_comes(
    lived: Lived, as_: AsRole, role: str,
) -> None:
    make_private(lived, "Front door")
    lived.is_member(role, "Margaret Hale")
    for said in (page(as_(role), lived), page(as_(role), lived, "Front door")):
        assert "Locked" in said
        assert "for Ana Sousa" not in said
        assert ", since" not in said, "which would say when somebody came"
        assert "for you" in said, "their own they may see"
    assert "who comes and goes here is theirs to see" in page(as_(role), lived, "Front door")


def test_a_tenant_sees_their_own_room_since_it_is_theirs(lived: Lived, as_: AsRole) -> None:
    make_private(lived, "Front door")
    lived.is_member("member", "New Tenant")
    lived.gives("New Tenant", "Front door", made=int(time()) - 1490)
    said = page(as_("member"), lived, "Front door")
    assert "for Ana Sousa" in said, "since they have it"
    assert "Refused" not in said, "before they had it"
    assert "for Margaret Hale" not in said


FOUR_WEEKS = 28 * 86_400
TUESDAYS = (Window(0b10, 0, 1440),)
ALWAYS = (Window(127, 0, 1440),)


@pytest.mark.parametrize("given", [
    {"hours": ALWAYS}, {"hours": TUESDAYS}, {"uses": 40}, {"by_hub": True}, {"what": "claim"},
    {"use": Rights.LOCK}, {"ends": int(time()) + FOUR_WEEKS - 86_400 - 60},
    {"ends": int(time()) + 86_400, "starts": 5},
], ids=named)
def test_a_key_of_a_tenants_room_does_not_make_a_tenant(
    lived: Lived, as_: AsRole, given: dict[str, object],
) -> None:
    make_private(lived, "Front door")
    lived.is_member("member", "Cleaner")
    lived.gives("Cleaner", "Front door", **given)  # type: ignore[arg-type]
    door, client = lived.cast.doors["Front door"].ref, as_("member")
    looked = f"{lived.cast.base}/activity?door={door}"
    for said in (page(client, lived), page(client, lived, "Front door"), client.get(looked).text):
        assert "Ana Sousa" not in said
        assert ", since" not in said
    assert "Cleaner" not in living(page(as_("owner"), lived, "Front door"))


@pytest.mark.parametrize("given", [
    {}, {"ends": int(time()) + FOUR_WEEKS - 86_400 + 3600}, {"what": "pin", "state": ON_DOOR},
], ids=named)
def test_a_key_at_all_hours_for_four_weeks_makes_a_tenant(
    lived: Lived, as_: AsRole, given: dict[str, object],
) -> None:
    make_private(lived, "Front door")
    lived.is_member("member", "Tenant")
    lived.gives("Tenant", "Front door", **given)  # type: ignore[arg-type]
    said = page(as_("member"), lived, "Front door")
    assert "for Ana Sousa" in said
    assert living(said) == "Ana Sousa, Ben Hale, Margaret Hale, you."
    told = living(page(as_("manager"), lived, "Front door"))
    assert told == "Ana Sousa, Ben Hale, Margaret Hale, Tenant."


def test_who_lives_there_is_told_to_whom_it_concerns(lived: Lived, as_: AsRole) -> None:
    assert living(page(as_("owner"), lived, "Front door")) == "", "nobody's private room"
    make_private(lived, "Front door")
    lived.is_member("manager", "Margaret Hale")
    said = page(as_("owner"), lived, "Front door")
    assert living(said) == "Ana Sousa, Ben Hale.", "a manager sees no private room's comings"
    lived.is_member("member", "Cleaner")
    lived.gives("Cleaner", "Front door", hours=ALWAYS)
    assert living(page(as_("member"), lived, "Front door")) == ""
    make_private(lived, "Back door")
    with lived.cast.hub.database.writing() as db:
        db.connection().exec_driver_sql("UPDATE door_keys SET state = 'gone'")
    assert "Nobody lives here yet" in page(as_("owner"), lived, "Back door")


def test_a_key_of_who_runs_the_place_is_not_said_to_be_none(lived: Lived, as_: AsRole) -> None:
    make_private(lived, "Back door")
    with lived.cast.hub.database.writing() as db:
        db.connection().exec_driver_sql("UPDATE door_keys SET state = 'gone'")
    lived.gives("Owner", "Back door")
    lived.is_member("owner", "Owner")
    said = words_of(page(as_("owner"), lived, "Back door"))
    assert "Can open now Owner" in said
    assert "apart from those who run or audit this place, nobody has a key of this door" in said


def living(said: str) -> str:
    """Who lives behind a door, as its page says."""
    found = re.search("Lives here: (.*?) That is", said)
    return found[1] if found else ""


def test_when_a_tenants_lock_was_heard_is_told_to_the_tenant_only(
    lived: Lived, as_: AsRole,
) -> None:
    make_private(lived, "Front door")
    lived.is_member("member", "Tenant")
    lived.gives("Tenant", "Front door")
    owner, tenant = as_("owner"), as_("member")
    for ago, word, seen in ((4, "yes", "bolt out"), (900, "no", "not reachable")):
        lived.says("Front door", ago=ago)
        said = words_of(page(owner, lived, "Front door"))
        assert re.search(f"Reachable ?{word}", said)
        assert seen in said
        assert "Last heard" not in said
        every = words_of(page(owner, lived))
        assert not re.search(r"heard (from at )?\d\d:|unknown since \d", every)
    assert re.search(r"unknown since \d\d:", words_of(page(tenant, lived)))


def test_a_door_says_what_its_lock_does_not_sign_for(lived: Lived, as_: AsRole) -> None:
    cast, at = lived.cast, int(time())
    with cast.hub.database.writing() as db:
        place = db.get_one(Place, cast.place.id)
        front = db.get_one(Door, cast.doors["Front door"].id)
        for kind, text, ago, sent in (
                ("mortice-enrol/1", b"a", 7200, 60), ("mortice-enrol/1", b"b", 7200, 60),
                ("mortice-revoke/1", b"c", 60, 60), ("mortice-site/1", b"d", 7200, None)):
            document = post(db, place, [kind, text], [front])
            document.made_at = at - ago
            db.flush()
            if sent:
                db.query(Delivery).filter_by(document_id=document.id).one().sent_at = at - sent
    said = words_of(page(as_("manager"), lived, "Front door"))
    assert "This lock was sent a PIN, and has not signed for it." in said
    lived.is_member("member", "Ana Sousa")
    assert "has not signed" not in page(as_("member"), lived, "Front door")
    assert "has not signed" not in page(as_("manager"), lived, "Back door")


def test_names_are_escaped(cast: Cast, as_: AsRole) -> None:
    lived = Lived(cast)
    leaf = lived.gives("<b>Bobby</b>", "Front door")
    lived.wrote("Front door", (60, *opened(leaf)))
    for label in ("", "Front door"):
        assert "<b>Bobby" not in page(as_("owner"), lived, label)


def many_doors(cast: Cast, many: int) -> None:
    with cast.hub.database.writing() as db:
        db.add_all(Door(
            place_id=cast.place.id, door_id=bytes([n // 256, n % 256]) * 4, label=f"Door {n}",
            position=n, lock_id=bytes([n // 256, n % 256]) * 8, lock_link=b"", lock_signing=b"",
            lock_sealing=b"", connected=True, heard_at=int(time()), status=LOCKED | {
                "state": "open" if n % 100 == 0 else "locked"}) for n in range(many))


def test_a_thousand_doors_take_no_more_queries_than_two(lived: Lived, as_: AsRole) -> None:
    client, asked, counts = as_("owner"), [], []

    def count(*args: object) -> None:
        asked.append(args[2])

    page(client, lived)  # which notes when this browser was seen
    event.listen(lived.cast.hub.database.engine, "before_cursor_execute", count)
    for more in (0, 1000):
        many_doors(lived.cast, more)
        asked.clear()
        said = page(client, lived)
        counts.append(len(asked))
    assert "991 of 1002 doors are locked; 10 are open and 1 is unknown." in said
    assert counts[0] == counts[1] < 16, counts


def test_a_watcher_hears_that_something_changed_and_nothing_else(cast: Cast) -> None:
    import asyncio  # noqa: PLC0415 - a loop of its own, outside the test client's

    from mortice.hub.pages.door import _changes  # noqa: PLC0415

    async def watch() -> list[str]:
        cast.hub.live.start()
        stream = _changes(cast.hub.live, cast.place.id)
        heard = [await anext(stream)]
        asyncio.get_running_loop().call_soon(cast.hub.live.tell, cast.place.id + 1)
        asyncio.get_running_loop().call_later(0.05, cast.hub.live.tell, cast.place.id)
        heard.append(await anext(stream))
        cast.hub.live.close()
        return [*heard, *[word async for word in stream]]

    assert asyncio.run(watch()) == ["retry: 5000\n\n", "data: changed\n\n"]

"""What happened, for whoever may see it: filtered, page by page, never slower for being long."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from diaries import NOON, Diary
from hubs import Cast, browser, make_cast
from lived import Lived
from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from mortice.core.log import Entry, Kind
from mortice.core.stages import TimeState
from mortice.hub.access import Here, Role
from mortice.hub.activity import PAGE, SCAN, Search, Source, chunk
from mortice.hub.found import Coming, Wanted
from mortice.hub.ingest import Sort
from mortice.hub.logs import Logs
from mortice.hub.tables import Account, Act, Door, Log, LogEntry, Membership, Person, Place

AsRole = Callable[[str], TestClient]


def keep(cast: Cast, label: str, diary: Diary, *, signed: bool = True) -> None:
    """What a lock wrote comes in."""
    logs = Logs(cast.hub.live)
    with cast.hub.database.writing() as db:
        lock = cast.doors[label].lock_id
        at = logs.of(db, lock).kept.tree.size
        while at < len(diary.pairs):
            end = min(at + 1000, len(diary.pairs))
            last = end == len(diary.pairs) and signed
            at_next = logs.take(db, lock, at, diary.pairs[at:end], diary.head() if last else None)
            assert at_next == end
            logs.before_commit(db)
            at = end


@pytest.fixture
def lived(cast: Cast) -> Lived:
    made = Lived(cast)
    made.gives("Ana Sousa", "Front door", "Back door")
    made.gives("Tom Whitaker", "Front door")
    return made


@pytest.fixture
def front(cast: Cast, lived: Lived) -> Diary:
    """An hour at the front door: each minute something, and Tom twice."""
    diary = Diary(cast.locks["Front door"].signer)
    for number in range(60):
        if number in {20, 40}:
            diary.write(Kind.GRANTED, {1: lived.leaves["Tom Whitaker"], 2: 1, 8: 0}, seal=True)
        elif number % 10 == 5:
            diary.write(Kind.REFUSED, {3: 20, 4: "R4", 13: "wrong PIN", 8: 1}, seal=True)
        else:
            diary.write(Kind.GRANTED, {1: lived.leaves["Ana Sousa"], 2: 1, 8: 0})
    diary.write(Kind.ALARM, {13: "the door is open while its bolt is out"}, seal=True)
    keep(cast, "Front door", diary)
    return diary


OPEN: list[Session] = []


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    close_all()


def close_all() -> None:
    while OPEN:
        OPEN.pop().close()


def searching(cast: Cast, role: str = "owner", wanted: Wanted | None = None, **more: str) -> Search:
    db = cast.hub.database._make()
    OPEN.append(db)
    account = db.get_one(Account, cast.accounts[role].id)
    member = db.scalars(select(Membership).where(Membership.account_id == account.id)).one()
    here = Here(cast.hub, db, account, db.get_one(Place, cast.place.id), Role(role), None,
                person_id=member.person_id)
    return Search(here, wanted or Wanted(**more), {})


def numbers(comings: list[Coming]) -> list[int]:
    return [coming.entry.index for coming in comings]


def test_newest_first_page_by_page(cast: Cast, front: Diary) -> None:
    search = searching(cast)
    first = search.page()
    assert numbers(first.comings) == list(range(60, 60 - PAGE, -1))
    second = search.page(first.next)
    assert numbers(second.comings) == list(range(60 - PAGE, -1, -1))
    assert second.next is None


@pytest.mark.parametrize(("wanted", "expected"), [
    (Wanted(sort=Sort.REFUSED), [55, 45, 35, 25, 15, 5]),
    (Wanted(sort=Sort.SAFETY), [60]),
    (Wanted(text="BOLT is out"), [60]),
    (Wanted(text="100%"), []),
    (Wanted(since=NOON + 58 * 60), [60, 59, 58]),
    (Wanted(until=NOON + 2 * 60), [1, 0]),
    (Wanted(since=NOON + 60, until=NOON + 3 * 60), [2, 1]),
    (Wanted(door="nothing"), []),
    (Wanted(person="nobody"), []),
])
def test_a_filter_finds_what_it_says(
    cast: Cast, front: Diary, wanted: Wanted, expected: list[int],
) -> None:
    assert numbers(searching(cast, wanted=wanted).page().comings) == expected


def test_one_persons_and_one_doors(cast: Cast, lived: Lived, front: Diary) -> None:
    tom = lived.people["Tom Whitaker"].ref
    assert numbers(searching(cast, person=tom).page().comings) == [40, 20]
    assert len(searching(cast, door=cast.doors["Front door"].ref).page().comings) == PAGE
    assert searching(cast, door=cast.doors["Back door"].ref).page().comings == []


def test_both_doors_side_by_side(cast: Cast, front: Diary) -> None:
    back = Diary(cast.locks["Back door"].signer, start=NOON + 30).fill(30)
    keep(cast, "Back door", back)
    found = [*searching(cast).all()]
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    assert len(found) == 91


def test_around_one_entry(cast: Cast, front: Diary) -> None:
    search = searching(cast, wanted=Wanted(sort=Sort.REFUSED))
    middle = search.page().comings[3]
    assert middle.entry.index == 25
    assert numbers(search.around(middle.mark)) == list(range(37, 12, -1))


# --- who sees what --------------------------------------------------------------------------------


def test_a_member_sees_their_own(cast: Cast, lived: Lived, front: Diary) -> None:
    assert [*searching(cast, "member").all()] == []
    lived.is_member("member", "Tom Whitaker")
    assert numbers([*searching(cast, "member").all()]) == [40, 20]
    ana = lived.people["Ana Sousa"].ref
    assert searching(cast, "member", person=ana).page().comings == []
    assert numbers([*searching(cast, "member", text="opened").all()]) == [40, 20]


@pytest.mark.parametrize("role", ["owner", "manager", "auditor"])
def test_a_tenants_own_room_shows_only_what_is_not_safe(
    cast: Cast, lived: Lived, front: Diary, role: str,
) -> None:
    make_private(cast)
    assert numbers([*searching(cast, role).all()]) == [60]
    door = cast.doors["Front door"].ref
    assert numbers([*searching(cast, role, door=door).all()]) == [60]
    tom = lived.people["Tom Whitaker"].ref
    assert [*searching(cast, role, person=tom).all()] == []


def test_a_tenant_sees_all_of_their_own_room(cast: Cast, lived: Lived, front: Diary) -> None:
    make_private(cast)
    lived.gives("Tenant", "Front door", made=NOON + 10 * 60)
    lived.is_member("member", "Tenant")
    door = cast.doors["Front door"].ref
    found = numbers([*searching(cast, "member", door=door).all()])
    assert found == list(range(60, 9, -1))


def make_private(cast: Cast) -> None:
    with cast.hub.database.writing() as db:
        db.get_one(Door, cast.doors["Front door"].id).private = True


ENTRIES = 12_000

# --- flat -----------------------------------------------------------------------------------------


@pytest.fixture
def long(tmp_path: Path, database_url: str) -> Iterator[tuple[Cast, bytes, int]]:
    """Many entries of two doors; one leaf has ten of them."""
    cast = make_cast(tmp_path / "hub", database_url)
    leaf, ids = secrets.token_bytes(16), []
    with cast.hub.database.writing() as db:
        for door in cast.doors.values():
            log = Log(door_id=door.id, place_id=door.place_id, lock_id=door.lock_id,
                      lock_signing=door.lock_signing, label=door.label)
            db.add(log)
            db.flush()
            ids.append(log.id)
        db.execute(insert(LogEntry), [
            {"log_id": ids[number % 2], "number": number // 2, "place_id": cast.place.id,
             "at": NOON + number, "kind": 6, "sort": number % 2 * 4 + 1 if number % 1200 else 3,
             "leaf": leaf if number % 1200 == 1 else None, "body": body(number // 2)}
            for number in range(ENTRIES)])
        if not cast.hub.database.is_sqlite:
            db.execute(text("ANALYZE"))
    yield cast, leaf, ids[0]
    close_all()
    cast.hub.database.close()


@cache
def body(number: int) -> bytes:
    return Entry(number, NOON + number, TimeState.SYNCED, 0, Kind.LEAF_SEEN, {6: "open"},
                 bytes(16)).encode()


def test_every_page_is_read_from_an_index(long: tuple[Cast, bytes, int]) -> None:
    """No plan sorts, and none reads a whole table."""
    cast, leaf, log = long
    mark = (NOON + 6000, log, 3000)
    place = LogEntry.place_id == cast.place.id
    sources = [Source(place & (LogEntry.sort == 3)), Source(place & (LogEntry.sort == 1)),
               Source(LogEntry.leaf == leaf), Source(LogEntry.log_id == log, (LogEntry.number,))]
    with cast.hub.database.reading() as db:
        for source in sources:
            for older in (True, False):
                plan = explained(db, chunk(source, mark, 50, older=older))
                assert re.search(r"entries_by_|PRIMARY KEY|entries_pkey", plan), plan
                assert not re.search(r"TEMP B-TREE|SCAN entries|Seq Scan|Sort", plan), plan


def explained(db: object, found: object) -> str:
    word = "EXPLAIN QUERY PLAN" if db.bind.dialect.name == "sqlite" else "EXPLAIN"  # type: ignore[attr-defined]
    compiled = found.compile(db.bind)  # type: ignore[attr-defined]
    rows = db.connection().exec_driver_sql(f"{word} {compiled}", _given(compiled))  # type: ignore[attr-defined]
    return "\n".join(str(row) for row in rows)


def _given(compiled: object) -> object:
    values = compiled.construct_params()  # type: ignore[attr-defined]
    order = compiled.positiontup  # type: ignore[attr-defined]
    return tuple(values[name] for name in order) if order else values


@pytest.mark.parametrize("wanted", [
    Wanted(), Wanted(sort=Sort.SAFETY), Wanted(sort=Sort.OPENINGS), Wanted(until=NOON + 100)])
def test_a_page_costs_the_same_wherever_it_is(
    long: tuple[Cast, bytes, int], wanted: Wanted,
) -> None:
    cast, _, _ = long
    read = []
    search = searching(cast, wanted=wanted)
    event.listen(LogEntry, "load", lambda row, _: read.append(row))
    mark, most = None, 0
    for _ in range(12):
        before = len(read)
        looked = search.page(mark)
        most, mark = max(most, len(read) - before), looked.next
        if mark is None:
            break
    assert most <= 2000


def test_a_rare_thing_is_looked_for_in_so_many_at_a_time(long: tuple[Cast, bytes, int]) -> None:
    cast, _, _ = long
    search = searching(cast, text="no entry says this")
    looked, rounds = search.page(), 1
    while looked.next is not None:
        assert looked.back_to is not None
        looked, rounds = search.page(looked.next), rounds + 1
    assert rounds == ENTRIES // SCAN + 1


# --- pages ----------------------------------------------------------------------------------------


def test_the_page_says_what_was_verified(cast: Cast, as_: AsRole, front: Diary) -> None:
    shown = as_("owner").get(f"{cast.base}/activity").text
    assert "61 entries" in shown
    assert "Tom Whitaker" in shown
    assert "not signed for yet" not in shown
    front.write()
    keep(cast, "Front door", front, signed=False)
    shown = as_("owner").get(f"{cast.base}/activity").text
    assert "The newest 1 is not signed for yet" in shown
    assert "not signed yet" in shown


def test_a_fault_stands_first_and_says_what_to_do(cast: Cast, as_: AsRole, front: Diary) -> None:
    logs, other = Logs(cast.hub.live), front.cut(30).fill(40)
    with cast.hub.database.writing() as db:
        logs.take(db, cast.doors["Front door"].lock_id, 61, other.pairs[61:], other.head())
    client = as_("owner")
    shown = client.get(f"{cast.base}/activity").text
    assert "Unbroken" not in shown
    assert "Nothing more of this lock is taken" in shown
    path = re.search(rf"{cast.base}/activity/[a-z0-9]{{10}}", shown)
    assert path
    assert "What to do" in client.get(path[0]).text
    assert client.post(f"{path[0]}/anew").status_code == 303
    assert "Set aside" in client.get(path[0]).text
    assert "Unbroken" in client.get(f"{cast.base}/activity").text


@pytest.mark.parametrize("query", [
    "?before=x", "?before=1-2-3", "?around=%00", "?since=2026-13-40", "?since=99999-01-01",
    "?sort=nonsense", "?person=%27%20OR%201%3D1", "?text=%25%27%3B--", "?until=9999-12-31",
    "?before=999999999999999999999999999999-a-1"])
def test_an_address_that_makes_no_sense_is_a_page(
    cast: Cast, as_: AsRole, front: Diary, query: str,
) -> None:
    assert as_("owner").get(f"{cast.base}/activity{query}").status_code == 200


def test_an_entry_with_its_proof(cast: Cast, as_: AsRole, lived: Lived, front: Diary) -> None:
    client = as_("owner")
    log = log_of(cast)
    shown = client.get(f"{cast.base}/activity/{log.ref}/20").text
    assert "Proved just now" in shown
    assert front.pairs[20][0].hex() in shown
    assert "Tom Whitaker" in shown
    for number in ("61", "-1", "x", "9" * 30):
        assert client.get(f"{cast.base}/activity/{log.ref}/{number}").status_code == 404
    with cast.hub.database.writing() as db:
        db.get_one(LogEntry, (log.id, 20)).body = front.pairs[21][0]
    assert "does not fit" in client.get(f"{cast.base}/activity/{log.ref}/20").text


def test_checking_again_finds_a_changed_record(cast: Cast, as_: AsRole, front: Diary) -> None:
    client = as_("owner")
    assert "nothing was added" in client.get(f"{cast.base}/activity/check").text
    with cast.hub.database.writing() as db:
        db.get_one(LogEntry, (log_of(cast).id, 20)).body = front.pairs[20][0][:-1] + b"x"
    shown = client.get(f"{cast.base}/activity/check").text
    assert "nothing was added" not in shown
    assert "The hub" in shown


def test_how_much_happens_in_a_tenants_own_room_is_told_to_nobody_else(
    cast: Cast, as_: AsRole, front: Diary) -> None:
    for role in ("owner", "auditor"):
        client = as_(role)
        paths = (f"{cast.base}/activity/check", f"{cast.base}/activity/{log_of(cast).ref}",
                 f"{cast.base}/activity")
        assert all("61 " in client.get(path).text for path in paths)
    make_private(cast)
    for role in ("owner", "auditor"):
        client = as_(role)
        for path in paths:
            assert not re.search(r"\b61\b", client.get(path).text), path
        assert "nothing was added" in client.get(paths[0]).text
    with cast.hub.database.writing() as db:
        db.get_one(LogEntry, (log_of(cast).id, 20)).body = front.pairs[20][0][:-1] + b"x"
    assert "nothing was added" not in client.get(paths[0]).text


def test_an_entry_that_is_not_theirs_is_not_there(
    cast: Cast, as_: AsRole, lived: Lived, front: Diary,
) -> None:
    lived.is_member("member", "Tom Whitaker")
    log, member, owner = log_of(cast), as_("member"), as_("owner")
    assert member.get(f"{cast.base}/activity/{log.ref}/20").status_code == 200
    assert member.get(f"{cast.base}/activity/{log.ref}/21").status_code == 404
    assert member.get(f"{cast.base}/activity/{log.ref}/21/proof.json").status_code == 404
    assert "Ana" not in member.get(f"{cast.base}/activity").text
    make_private(cast)
    assert owner.get(f"{cast.base}/activity/{log.ref}/20").status_code == 404
    assert owner.get(f"{cast.base}/activity/{log.ref}/60").status_code == 200


def log_of(cast: Cast) -> Log:
    with cast.hub.database.reading() as db:
        return db.scalars(select(Log)).one()


def test_a_look_is_noted_once_an_hour(cast: Cast, front: Diary) -> None:
    for role in ("owner", "auditor"):
        with browser(cast.hub, cast.accounts[role]) as client:
            for _ in range(3):
                client.get(f"{cast.base}/activity")
    with cast.hub.database.reading() as db:
        looks = db.scalars(select(Act).where(Act.what == "looked at what happened")).all()
        assert [look.account_id for look in looks] == [
            cast.accounts["owner"].id, cast.accounts["auditor"].id]


# --- copies ---------------------------------------------------------------------------------------

NASTY = ['=HYPERLINK("//evil")', "+1", "-1", "@x", 'a\nb,c"d', "\x1b[31mred", "\u202etxt",
         "<script>alert(1)</script>", "x" * 500, "\x00", "Ζωή Иван 中"]


@pytest.mark.parametrize("name", NASTY)
def test_no_name_gets_out_of_its_cell(
    cast: Cast, as_: AsRole, lived: Lived, front: Diary, name: str,
) -> None:
    with cast.hub.database.writing() as db:
        db.get_one(Person, lived.people["Tom Whitaker"].id).name = name
    client = as_("owner")
    table = client.get(f"{cast.base}/activity/export.csv?person={lived.people['Tom Whitaker'].ref}")
    rows = list(csv.reader(io.StringIO(table.text)))
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert all(cell.isprintable() for row in rows for cell in row)
    written = client.get(f"{cast.base}/activity/export.jsonl").text.splitlines()
    assert len(written) == 61
    assert name in {json.loads(line)["who"] for line in written}
    assert all(line.isprintable() for line in written)
    assert "<script>" not in client.get(f"{cast.base}/activity").text.partition("<main")[2]


def test_a_copy_holds_what_the_filter_finds(cast: Cast, as_: AsRole, front: Diary) -> None:
    client = as_("auditor")
    written = client.get(f"{cast.base}/activity/export.jsonl?sort=refused").text.splitlines()
    assert [json.loads(line)["entry"] for line in written] == [55, 45, 35, 25, 15, 5]
    with cast.hub.database.reading() as db:
        act = db.scalars(select(Act).where(Act.what.like("took a copy%"))).one()
        assert act.about == {"sort": "refused"}

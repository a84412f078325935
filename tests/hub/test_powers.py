"""What the hub is let do: taken in only if it opens nothing, used only within its bounds."""

# ruff: noqa: ANN401 — a builder takes any term of what it builds

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from givers import DAY, add_giver, add_person, first_link, new_key, owner_takes_back
from hubs import Cast, make_cast
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mortice.cli.texts import KEY, Handover, write_handover
from mortice.core import cbor
from mortice.core.errors import Theirs
from mortice.core.freshness import STAPLE, accept_staple
from mortice.core.grant import KeyClass, Rights
from mortice.core.schedule import Window
from mortice.core.site import Role, RoleKeys, sign_site
from mortice.core.stages import TimeState
from mortice.hub.keys import links_of, register, register_pin, take_back, wire_of
from mortice.hub.lines import Seen
from mortice.hub.outbox import due
from mortice.hub.places import site_of
from mortice.hub.powers import REFRESH, VISITORS, live, request_text, stop, take_grant, take_grants
from mortice.hub.problems import Problem
from mortice.hub.refreshing import renew, renew_all, time_for
from mortice.hub.stays import pin_of, stay_of
from mortice.hub.tables import Account, Document, DoorKey, HubGrant, Key, Place, Staple, now
from mortice.hub.texts import read_asking
from mortice.hub.visitors import Stay, host, issue, take_visit_back

HOURS = 3600
VISITS: dict[str, Any] = {
    "use": Rights.NONE, "delegable": Rights.UNLOCK | Rights.ENROL, "depth": 2,
    "max_life": 14 * DAY, "quota": 2}


def hub_link(cast: Cast, *doors: Any, **terms: Any) -> list[cbor.Value]:
    return first_link(cast, cast.hub.own.signer.public, *doors, **{"exp": now() + 90 * DAY} | terms)


def given(cast: Cast, db: Session, *doors: Any, **terms: Any) -> HubGrant:
    account = db.get_one(Account, cast.accounts["owner"].id)
    return take_grant(db, cast.hub, place_in(cast, db), hub_link(cast, *doors, **terms), account)


def place_in(cast: Cast, db: Session) -> Place:
    return db.get_one(Place, cast.place.id)


def refused(cast: Cast, **terms: Any) -> str:
    """What the hub says of a link that it does not take."""
    with pytest.raises(Problem) as problem, cast.hub.database.writing() as db:
        given(cast, db, **terms)
    return f"{problem.value.title}. {problem.value.help}"


# --- taking links in ---------------------------------------------------------------------------


def test_the_two_links_that_a_hub_may_have(cast: Cast) -> None:
    with cast.hub.database.writing() as db:
        assert given(cast, db, use=Rights.REFRESH).what == REFRESH
        assert given(cast, db, **VISITS).what == VISITORS
        place = place_in(cast, db)
        assert [len(live(db, place, what, now())) for what in (REFRESH, VISITORS)] == [1, 1]
        assert live(db, place, REFRESH, now() + 91 * DAY) == []


def test_by_the_command_line_and_back(cast: Cast) -> None:
    asking = read_asking(request_text(cast.hub))
    assert asking.key == cast.hub.own.signer.public
    assert cast.place.root
    text = write_handover(KEY, Handover([cast.place.root], None, hub_link(
        cast, use=Rights.REFRESH), [], ""))
    with cast.hub.database.writing() as db:
        account = db.get_one(Account, cast.accounts["owner"].id)
        [made] = take_grants(db, cast.hub, place_in(cast, db), f"Here:\n{text}", account)
        again = take_grants(db, cast.hub, place_in(cast, db), text, account)
        assert [made.id] == [each.id for each in again]


@pytest.mark.parametrize("right", [right for right in Rights if right is not Rights.REFRESH])
def test_a_link_that_opens_or_changes_anything_is_refused(cast: Cast, right: Rights) -> None:
    for use in (right, right | Rights.REFRESH, right | Rights.UNLOCK):
        said = refused(cast, use=use)
        assert "would let this hub" in said
        assert "Nothing was kept" in said


@pytest.mark.parametrize(("terms", "said"), [
    ({"use": Rights.REFRESH, "exp": None}, "has no end"),
    ({"use": Rights.REFRESH, "max_staleness": 60}, "refreshed itself"),
    ({"use": Rights.REFRESH, "klass": KeyClass.BRIDGE}, "a browser, a file or a program"),
    ({"use": Rights.REFRESH, "delegable": Rights.UNLOCK, "depth": 1}, "neither"),
    ({"use": Rights.NONE}, "neither"),
    (VISITS | {"max_life": None}, "how long a stay"),
    (VISITS | {"quota": None}, "how many"),
    (VISITS | {"delegable": Rights.UNLOCK}, "--may-pass-on unlock,enrol"),
    (VISITS | {"delegable": Rights(1023)}, "--may-pass-on unlock,enrol"),
], ids=lambda each: each if isinstance(each, str) else "")
def test_a_link_without_bounds_is_refused(cast: Cast, terms: dict[str, Any], said: str) -> None:
    assert said in refused(cast, **terms)


def test_somebody_elses_link_is_refused(cast: Cast) -> None:
    account = cast.accounts["owner"]
    with cast.hub.database.writing() as db, pytest.raises(Problem, match="another key"):
        take_grant(db, cast.hub, place_in(cast, db), first_link(
            cast, new_key().public, use=Rights.REFRESH, exp=now() + DAY), account)
    [link] = hub_link(cast, use=Rights.REFRESH)
    assert isinstance(link, bytes)
    with cast.hub.database.writing() as db, pytest.raises(Theirs):
        take_grant(db, cast.hub, place_in(cast, db), [link[:-1] + bytes([link[-1] ^ 1])], account)


def test_a_link_that_was_stopped_is_not_taken_in_again(cast: Cast) -> None:
    wire = hub_link(cast, use=Rights.REFRESH)
    with cast.hub.database.writing() as db:
        place, by = place_in(cast, db), db.get_one(Account, cast.accounts["owner"].id)
        grant = take_grant(db, cast.hub, place, wire, by)
        assert take_grant(db, cast.hub, place, wire, by) is grant
        stop(db, place, grant, by)
        with pytest.raises(Problem, match="That link was stopped"):
            take_grant(db, cast.hub, place, wire, by)


def test_a_link_that_was_taken_back_counts_no_more(cast: Cast) -> None:
    with cast.hub.database.writing() as db:
        grant, place = given(cast, db, use=Rights.REFRESH), place_in(cast, db)
        take_back(db, place, owner_takes_back(cast, (grant.leaf, grant.ends_at)))
        assert live(db, place, REFRESH, now()) == []
    assert "taken back" in refused_again(cast, grant)


def refused_again(cast: Cast, grant: HubGrant) -> str:
    with cast.hub.database.writing() as db:
        db.delete(db.get_one(HubGrant, grant.id))
    wire, account = wire_of(grant.wire), cast.accounts["owner"]
    with pytest.raises(Problem) as problem, cast.hub.database.writing() as db:
        take_grant(db, cast.hub, place_in(cast, db), wire, account)
    return problem.value.title


def test_a_link_can_be_stopped(cast: Cast) -> None:
    with cast.hub.database.writing() as db:
        grant, place = given(cast, db, **VISITS), place_in(cast, db)
        stop(db, place, grant, db.get_one(Account, cast.accounts["owner"].id))
        assert live(db, place, VISITORS, now()) == []


# --- staples ---------------------------------------------------------------------------------


def stale_key(cast: Cast, db: Session, name: str = "Tom", **terms: Any) -> Key:
    person = add_person(cast, name)
    return register(db, place_in(cast, db), person, first_link(
        cast, new_key().public, max_staleness=7 * DAY, **terms))


def staple_of(db: Session, key: Key) -> Staple | None:
    return db.get(Staple, key.leaf)


def test_a_key_that_asks_is_vouched_for(cast: Cast) -> None:
    person = add_person(cast, "Ana")
    add_person(cast, "Tom")
    with cast.hub.database.writing() as db:
        grant, place = given(cast, db, use=Rights.REFRESH), place_in(cast, db)
        plain = register(db, place, person, first_link(cast, new_key().public))
        key = register(db, place, person, first_link(
            cast, new_key().public, max_staleness=7 * DAY))
        renew(db, cast.hub, place)
        staple = staple_of(db, key)
        assert staple
        assert staple_of(db, plain) is None
        read = accept_staple(site_of(place), staple.document, wire_of(grant.wire))
        assert (read.leaf, read.at) == (key.leaf, staple.at)
        assert staple.chain == grant.wire


def test_it_is_renewed_at_half_of_its_life(cast: Cast) -> None:
    person = add_person(cast, "Ana")
    with cast.hub.database.writing() as db:
        given(cast, db, use=Rights.REFRESH)
        key = register(db, place_in(cast, db), person, first_link(
            cast, new_key().public, max_staleness=1000))
    for age, renewed in ((499, False), (501, True)):
        renew_all(cast.hub)
        with cast.hub.database.writing() as db:
            staple = db.get_one(Staple, key.leaf)
            staple.at, staple.document = now() - age, b"the old one"
        renew_all(cast.hub)
        with cast.hub.database.reading() as db:
            assert (db.get_one(Staple, key.leaf).document != b"the old one") == renewed


def test_nothing_vouches_without_a_link_for_these_doors(cast: Cast) -> None:
    person, front, back = add_person(cast, "Ana"), *cast.doors.values()
    with cast.hub.database.writing() as db:
        given(cast, db, back, use=Rights.REFRESH)
        place = place_in(cast, db)
        key = register(db, place, person, first_link(
            cast, new_key().public, front, max_staleness=60))
        renew(db, cast.hub, place)
        assert staple_of(db, key) is None


def test_what_was_taken_back_is_not_vouched_for(cast: Cast) -> None:
    """By its own id, its holder's, or a key above it that the hub does not keep."""
    person = add_person(cast, "Ana")
    ids: list[Any] = [lambda leaf: leaf.id, lambda leaf: leaf.holder.id]
    for named in ids:
        with cast.hub.database.writing() as db:
            given(cast, db, use=Rights.REFRESH)
            place = place_in(cast, db)
            key = register(db, place, person, first_link(
                cast, new_key().public, max_staleness=60))
            renew(db, cast.hub, place)
            assert staple_of(db, key)
            take_back(db, place, owner_takes_back(cast, (named(links_of(key)[-1]), None)))
            renew(db, cast.hub, place)
            assert staple_of(db, key) is None


def test_below_a_key_that_the_hub_does_not_keep(cast: Cast) -> None:
    giver, child = add_giver(cast), add_person(cast, "Child")
    with cast.hub.database.writing() as db:
        given(cast, db, use=Rights.REFRESH)
        place = place_in(cast, db)
        key = register(db, place, child, giver.give(
            new_key().public, *cast.doors.values(), max_staleness=60))
        take_back(db, place, owner_takes_back(cast, (giver.leaf.holder.id, None)))
        key.taken_back_at = None  # as if the hub had not seen what it ends
        renew(db, cast.hub, place)
        assert staple_of(db, key) is None


def test_a_pins_staple_travels_to_its_door_and_only_the_newest(cast: Cast) -> None:
    giver, front = add_giver(cast), cast.doors["Front door"]
    with cast.hub.database.writing() as db:
        given(cast, db, use=Rights.REFRESH)
        place = place_in(cast, db)
        key = register_pin(db, place, giver.person, giver.pin(front, max_staleness=1000))
        told = renew(db, cast.hub, place)
        assert told == {front.lock_id}
        assert [each.document.kind for each in due(db, front, 9)] == [
            "mortice-enrol/1", STAPLE]
        db.get_one(Staple, key.leaf).at -= 600
        renew(db, cast.hub, place)
        kinds = [each.document.kind for each in due(db, front, 9)]
        assert kinds.count(STAPLE) == len(kinds) - 1 == 1
        take_back(db, place, owner_takes_back(cast, (key.leaf, None)))
        renew(db, cast.hub, place)
        assert STAPLE not in set(db.scalars(select(Document.kind)))


# --- the time --------------------------------------------------------------------------------


def seen(at: int, state: TimeState = TimeState.SYNCED) -> Seen:
    return Seen(bytes(32), bytes(8), 0, 0, bytes(32), bytes(8), 1, 1, 1, state.value, at)


def test_the_time_is_told_only_in_the_role(cast: Cast) -> None:
    front = cast.doors["Front door"]
    with cast.hub.database.writing() as db:
        assert time_for(db, cast.hub, front.lock_id, seen(0)) is None
        site = cast.site.site
        root = replace(site, roles={
            **site.roles, Role.TIME: RoleKeys(1, (cast.hub.own.signer.public,))})
        place_in(cast, db).root = sign_site(
            root, [cast.site.keys[Role.ROOT], cast.site.keys[Role.RECOVERY]]
            if Role.RECOVERY in cast.site.keys else [cast.site.keys[Role.ROOT]])
    with cast.hub.database.reading() as db:
        assert time_for(db, cast.hub, front.lock_id, seen(now())) is None
        for early in (seen(now() - 60), seen(now(), TimeState.UNSURE)):
            assert time_for(db, cast.hub, front.lock_id, early)


# --- visitors --------------------------------------------------------------------------------


def stay(cast: Cast, *labels: str, start: int = 0, days: float = 1, **other: Any) -> Stay:
    begins = now() + start
    return Stay([cast.doors[label] for label in labels or ("Front door",)], begins,
                begins + int(days * DAY), **other)


def too_far(cast: Cast, wanted: Stay) -> str:
    person = add_person(cast, "Visitor")
    with pytest.raises(Problem) as problem, cast.hub.database.writing() as db:
        issue(db, cast.hub, place_in(cast, db), person, wanted)
    with cast.hub.database.reading() as db:
        assert not db.scalars(select(Key).where(Key.person_id == person.id)).all()
    return f"{problem.value.title}. {problem.value.help}"


def test_a_visitor_gets_a_key_and_a_pin_on_each_door(cast: Cast) -> None:
    person, phone = add_person(cast, "Jo"), new_key()
    wanted = stay(cast, "Front door", "Back door", holder=phone.public)
    with cast.hub.database.writing() as db:
        given(cast, db, **VISITS)
        place = place_in(cast, db)
        issued = issue(db, cast.hub, place, person, wanted)
        assert issued.key
        leaf = links_of(issued.key)[-1]
        assert (leaf.holder, leaf.use, leaf.delegable, leaf.exp) == (
            phone.public, Rights.UNLOCK, Rights.NONE, wanted.ends)
        assert issued.key.by_hub
        assert len(issued.pins) == 2
        assert {len(links_of(pin)) for pin in issued.pins} == {3}
        assert issued.digits.isdigit()
        assert len(issued.digits) == 8
        for door in wanted.doors:
            assert [each.document.kind for each in due(db, door, 9)] == ["mortice-enrol/1"]


def test_no_link_no_key(cast: Cast) -> None:
    assert "may not issue" in too_far(cast, stay(cast))
    with cast.hub.database.writing() as db:
        given(cast, db, cast.doors["Back door"], **VISITS)
    assert "may not issue" in too_far(cast, stay(cast))
    assert "may not issue" in too_far(cast, stay(cast, "Front door", "Back door"))


def test_longer_later_and_backwards_are_refused(cast: Cast) -> None:
    with cast.hub.database.writing() as db:
        given(cast, db, **VISITS)
    assert "for 14 days at most" in too_far(cast, stay(cast, days=15))
    assert "only until" in too_far(cast, stay(cast, start=85 * DAY, days=10))
    assert "end after it starts" in too_far(cast, stay(cast, days=-1))
    assert "and after now" in too_far(cast, stay(cast, start=-3 * DAY))


def test_no_more_a_day_than_its_owner_said(cast: Cast) -> None:
    person = add_person(cast, "Jo")
    with cast.hub.database.writing() as db:
        given(cast, db, **VISITS)
        for _ in range(2):
            issued = issue(db, cast.hub, place_in(cast, db), person, stay(cast, days=0.5))
    said = too_far(cast, stay(cast, days=0.5))
    assert "2 keys a day open Front door, and 2 are issued for" in said
    with cast.hub.database.writing() as db:
        place = place_in(cast, db)
        issue(db, cast.hub, place, person, stay(cast, start=3 * DAY))  # another day
        issue(db, cast.hub, place, person, stay(cast, "Back door"))  # another door
        take_visit_back(db, cast.hub, place, issued.pins)
    assert "taken back or not" in too_far(cast, stay(cast, days=0.1))  # a lock may have counted it


def test_a_key_taken_back_counts_on_the_days_on_which_it_ran_or_opened(cast: Cast) -> None:
    person, front = add_person(cast, "Jo"), cast.doors["Front door"]
    with cast.hub.database.writing() as db:
        given(cast, db, **VISITS | {"quota": 1})
        place = place_in(cast, db)
        later = issue(db, cast.hub, place, person, stay(cast, start=4 * DAY, days=2))
    assert "1 are issued" in too_far(cast, stay(cast, start=4 * DAY))
    with cast.hub.database.writing() as db:
        take_visit_back(db, cast.hub, place, [db.get_one(Key, each.id) for each in later.pins])
        running = issue(db, cast.hub, place, person, stay(cast, days=6))  # it had not begun
    with cast.hub.database.writing() as db:
        take_visit_back(db, cast.hub, place, [db.get_one(Key, each.id) for each in running.pins])
    assert "1 are issued" in too_far(cast, stay(cast))
    with cast.hub.database.writing() as db:  # from the day after the hub can issue again
        pin = issue(db, cast.hub, place, person, stay(cast, start=2 * DAY, days=0.1)).pins[0]
        take_visit_back(db, cast.hub, place, [pin])
        db.execute(update(DoorKey).where(
            DoorKey.key_id == running.pins[0].id, DoorKey.door_id == front.id).values(
                used_at=now() + 2 * DAY))  # a door that had not heard of it
    assert "1 are issued" in too_far(cast, stay(cast, start=2 * DAY, days=0.1))


@pytest.mark.parametrize("second", [
    {"max_life": DAY}, {"quota": 1}, {"max_life": 30 * DAY, "hours": (Window(127, 600, 720),)},
    {"max_life": 30 * DAY, "quota": 1}], ids=["short", "few", "hours", "long but few"])
def test_a_narrower_link_takes_nothing_from_what_another_allows(
    cast: Cast, second: dict[str, Any]) -> None:
    person = add_person(cast, "Jo")
    with cast.hub.database.writing() as db:
        first = given(cast, db, **VISITS | {"exp": now() + 30 * DAY})
        given(cast, db, **VISITS | second | {"exp": now() + 60 * DAY})
        issued = issue(db, cast.hub, place_in(cast, db), person, stay(
            cast, days=5, holder=new_key().public))
        assert issued.key
        assert first.leaf in {link.id for link in links_of(issued.key)}
    longest = max(14, second.get("max_life", 0) // DAY)
    if "hours" not in second:
        assert f"for {longest} days at most" in too_far(cast, stay(cast, days=longest + 1))


def test_its_hours_hold_for_what_it_issues(cast: Cast) -> None:
    hours, person = (Window(127, 600, 720),), add_person(cast, "Jo")
    with cast.hub.database.writing() as db:
        given(cast, db, **VISITS, hours=hours)
        issued = issue(db, cast.hub, place_in(cast, db), person, stay(cast))
        assert {links_of(pin)[-1].hours for pin in issued.pins} == {hours}


def test_what_it_issued_it_takes_back(cast: Cast) -> None:
    person = add_person(cast, "Jo")
    with cast.hub.database.writing() as db:
        given(cast, db, **VISITS)
        place = place_in(cast, db)
        issued = issue(db, cast.hub, place, person, stay(cast, holder=new_key().public))
        assert issued.key
        take_visit_back(db, cast.hub, place, [issued.key, *issued.pins])
        assert all(key.taken_back_at for key in (issued.key, *issued.pins))
        kinds = [each.document.kind for each in due(db, cast.doors["Front door"], 9)]
        assert "mortice-revoke/1" in kinds


def test_a_visitors_page_with_its_link_and_its_pin(cast: Cast) -> None:
    person = add_person(cast, "Jo")
    with cast.hub.database.writing() as db:
        given(cast, db, **VISITS)
        by = db.get_one(Account, cast.accounts["owner"].id)
        guest, address, _ = host(
            db, cast.hub, place_in(cast, db), person, stay(cast, start=-1), by=by,
            welcome="The kettle is on the left.")
        assert address.startswith(f"{cast.hub.settings.origin}/k/{guest.ref}#")
        shown = stay_of(db, guest, now())
        digits = pin_of(cast.hub.own, shown)
        assert len(digits) == 8
        assert guest.pin
        assert digits.encode() not in guest.pin
        claim = links_of(shown.claim)[-1]
        assert (claim.klass, claim.use, claim.depth) == (KeyClass.FILE, Rights.NONE, 1)



def test_on_either_database(tmp_path: Path, database_url: str) -> None:
    cast = make_cast(tmp_path / "hub", database_url)
    giver, person = add_giver(cast), add_person(cast, "Jo")
    with cast.hub.database.writing() as db:
        given(cast, db, use=Rights.REFRESH)
        given(cast, db, **VISITS)
        place = place_in(cast, db)
        pin = register_pin(db, place, giver.person, giver.pin(
            cast.doors["Front door"], slot=7, max_staleness=1000))
        issue(db, cast.hub, place, person, stay(cast, "Back door", holder=new_key().public))
    for _ in range(2):
        renew_all(cast.hub)
        with cast.hub.database.writing() as db:
            assert STAPLE in set(db.scalars(select(Document.kind)))
            db.get_one(Staple, pin.leaf).at -= 600
    cast.hub.database.close()

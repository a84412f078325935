"""Each door is quoted, and nothing is said that no door has said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from givers import add_giver, add_person, new_key
from hubs import Cast
from lived import Lived
from starlette.testclient import TestClient
from test_keys import add_pin, give, lock_says, writing

from mortice.core.chain import read_chain
from mortice.core.grant import ALL_RIGHTS, Grant, Rights
from mortice.core.log import Entry, Head, Kind, sign_head
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.refusal import Reason
from mortice.core.schedule import Window
from mortice.core.stages import TimeState
from mortice.hub.keys import take_back
from mortice.hub.ledger import HubLedger
from mortice.hub.lines import Batch
from mortice.hub.saying import sentence
from mortice.hub.standing import Standing, next_time, standing
from mortice.hub.tables import Door, Key, now


def at_doors(cast: Cast, key: Key, at: int | None = None) -> dict[str, Standing]:
    with cast.hub.database.reading() as db:
        found = standing(db, db.get_one(Key, key.id), at or now())
    return {each.door.label: each for each in found}


def test_a_chain_key_is_judged_when_it_is_shown(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door")
    said = at_doors(cast, key)["Front door"]
    assert (said.word, said.line, said.used) == (
        "ready", "the door judges it when it is shown", "")
    assert at_doors(cast, key, now() + 9000)["Front door"].word == "ended"


def test_a_pin_waits_and_is_then_on_the_door(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = add_pin(cast, giver, tom)
    said = at_doors(cast, key)["Front door"]
    assert (said.word, said.line) == (
        "waiting", "the door has not taken it yet; it has not been heard from")
    lock_says(cast, "Front door")
    assert at_doors(cast, key)["Front door"].word == "on the door"


def test_a_refused_pin_says_why(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = add_pin(cast, giver, tom)
    lock_says(cast, "Front door", Reason.NO_RIGHT)
    said = at_doors(cast, key)["Front door"]
    assert (said.word, said.tone) == ("refused", "bad")
    assert Reason.NO_RIGHT.words.sentence in said.line


@pytest.mark.parametrize(("answer", "line"), [
    ("silence", "the door has not heard yet, so it may still open"),
    ("yes", "the door has known since"),
    ("no", "the door refused the news, because: The door's log is full"),
])
def test_taken_back_is_said_as_far_as_the_door_knows(cast: Cast, answer: str, line: str) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door")
    with writing(cast) as (db, place):
        take_back(db, place, giver.take_back((key.leaf, key.ends_at)))
    if answer != "silence":
        lock_says(cast, "Front door", Reason.STORAGE_FULL if answer == "no" else None)
    said = at_doors(cast, key)["Front door"]
    assert said.word == "taken back"
    assert said.line.startswith(line)


# --- sentences ------------------------------------------------------------------------------------


def test_a_key_is_said_back(cast: Cast) -> None:
    giver = add_giver(cast)
    tuesdays = (Window(0b10, 540, 720),)
    wire = giver.give(giver.signer.public, *cast.doors.values(), hours=tuesdays,
                      exp=1_806_447_600, nbf=1_790_000_000)
    grant = read_chain(wire)[-1].grant
    said = sentence("Tom", grant, cast.doors.values(), 1_795_000_000)
    assert said.can == ("Tom can open and lock Front door and Back door, on Tuesdays 09:00 to "
                        "12:00, until the end of Tue 30 Mar 2027.")
    assert said.more == ("It works if the internet is down.", "Tom cannot give keys to anyone.")


def test_all_rights_are_said_in_one_word(cast: Cast) -> None:
    doors = list(cast.doors.values())
    every = Grant(new_key().public, frozenset(door.door_id for door in doors), ALL_RIGHTS,
                  delegable=ALL_RIGHTS, depth=1)
    said = sentence("You", every, doors, 1_790_000_000)
    assert said.can == "You can do everything at Front door and Back door, always."
    assert "It may be passed on: everything, to one more person each." in said.more
    less = sentence("You", replace(every, use=ALL_RIGHTS & ~Rights.UPDATE), doors, 1_790_000_000)
    assert less.can.startswith("You can open, lock, hold open")


def test_a_key_that_only_locks_is_not_said_to_open(
    cast: Cast, as_: Callable[[str], TestClient],
) -> None:
    lived = Lived(cast)
    lived.gives("Home Assistant", "Front door", use=Rights.LOCK)
    said = as_("owner").get(f"{cast.base}/people").text
    assert "can lock now" in said
    lived.gives("Home Assistant", "Front door")
    assert "can open now" in as_("owner").get(f"{cast.base}/people").text


def test_the_nights_on_which_the_clocks_change_are_named(cast: Cast) -> None:
    giver = add_giver(cast)
    nights = (Window(0b1000000, 0, 240),)  # Sundays from midnight to four
    grant = read_chain(giver.give(giver.signer.public, cast.doors["Front door"], hours=nights,
                                  exp=1_806_447_600, nbf=1_790_000_000))[-1].grant
    said = str(sentence("Tom", grant, doors_of(cast), 1_790_000_000))
    assert "On Sun 25 Oct 2026 the clocks go back in the key's hours" in said
    assert "On Sun 28 Mar 2027 the clocks go forward in the key's hours" in said
    assert said.count("clocks") == 2


def doors_of(cast: Cast) -> list[Door]:
    return list(cast.doors.values())


def opened(cast: Cast, key: Key, label: str, at: int) -> None:
    """The lock of a door has written that it opened for `key`, and its hub has taken that in."""
    entry = Entry(0, at, TimeState.SYNCED, 1, Kind.GRANTED, {1: key.leaf, 2: 1}, bytes(16)).encode()
    tree = Frontier()
    tree.append(leaf_hash(entry))
    lock = cast.locks[label].signer
    batch = Batch(0, [(entry, None)], sign_head(Head(0, 1, tree.root(), at), lock))

    async def take() -> None:
        ledger = HubLedger(cast.hub)
        await ledger.take(lock.public.id, batch)
        await ledger.close()

    asyncio.run(take())


def test_a_key_was_used_where_a_lock_says_so(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door", "Back door")
    opened(cast, key, "Front door", now() - 5)
    said = at_doors(cast, key)
    assert said["Front door"].used.startswith("used here ")
    assert said["Back door"].used == ""


def test_a_tenants_own_room_tells_nobody_when_it_was_opened(cast: Cast) -> None:
    giver, tom = add_giver(cast), add_person(cast, "Tom")
    key = give(cast, giver, tom, "Front door")
    with cast.hub.database.writing() as db:
        db.get_one(Door, cast.doors["Front door"].id).private = True
    opened(cast, key, "Front door", now() - 5)
    assert at_doors(cast, key)["Front door"].used == ""


@pytest.mark.parametrize(("hours", "at", "opens"), [
    (None, 1_795_600_000, 1_795_600_000),
    ((Window(0b10, 540, 720),), 1_795_600_000, 1_796_115_600),  # from Wednesday: next Tuesday
    ((Window(0b1111111, 0, 1440),), 1_795_600_000, 1_795_600_000),
    ((Window(0b1000000, 1380, 1500),), 1_796_000_000 - 34_000, None),
])
def test_a_key_next_opens(
    cast: Cast, hours: tuple[Window, ...] | None, at: int, opens: int | None,
) -> None:
    giver = add_giver(cast)
    end = at + 3600 if opens is None else at + 30 * 86_400
    links = [each.grant for each in read_chain(giver.give(
        giver.signer.public, cast.doors["Front door"], hours=hours, nbf=at - 60, exp=end))]
    assert next_time(links[-1:], cast.doors["Front door"], at) == opens

"""Making a site: its root, its sheet of paper, and its map of doors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.place import PASSPHRASE
from tests.core.cast import key

from mortice.client.founding import (
    add_door,
    create_site,
    draw_site,
    keep_new_site,
    paper_key,
    put_doors,
    write_sheet,
)
from mortice.client.home import Home, NotThere
from mortice.core.errors import Malformed
from mortice.core.site import LockKeys, Role, accept_first

GRANT = Role.GRANT


X25519 = bytes([9]) + bytes(31)  # the base point: a public key like any other


def lock(name: str) -> LockKeys:
    return LockKeys(X25519, key(name).public, X25519)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    create_site(made, "Here", PASSPHRASE)
    return made


# --- the sheet -----------------------------------------------------------------------------


@given(st.binary(min_size=32, max_size=32))
def test_a_sheet_reads_back_however_people_type_it(seed: bytes) -> None:
    sheet = write_sheet(seed)

    for typed in (sheet, sheet.lower(), sheet.replace("-", " "), sheet.replace("O", "0"),
                  sheet.replace("I", "1"), f"  {sheet}\n"):
        assert paper_key(typed).seed == seed


@given(st.binary(min_size=32, max_size=32), st.integers(7, 70), st.sampled_from("ABCDEFGH234567"))
def test_a_wrong_letter_is_noticed(seed: bytes, at: int, letter: str) -> None:
    sheet = write_sheet(seed)
    wrong = sheet[:at] + letter + sheet[at + 1:]
    if wrong in (sheet, sheet[:at] + "-" + sheet[at + 1:]):
        return
    try:
        read = paper_key(wrong).seed
    except Malformed:
        return
    assert read == seed  # only a dash was changed for a letter that is none of its letters


@pytest.mark.parametrize("typed", [
    "", "PAPER1", "PAPER1-", "PAPER2-AAAAA", "MORTICE1-AAAAA", "PAPER1-ÄÖÜ", "PAPER1-" + "A" * 54,
    "PAPER1-" + "A" * 56, "PAPER1-" + "!" * 55, "PAPER1-" + "A" * 5000])
def test_what_is_no_sheet_is_refused(typed: str) -> None:
    with pytest.raises(Malformed) as caught:
        paper_key(typed)
    assert caught.value.check == "Z4"


# --- a site --------------------------------------------------------------------------------


def test_a_new_site_is_signed_by_phone_and_paper() -> None:
    drawn = draw_site()
    site = accept_first(drawn.root)

    assert site.version == 1
    assert site.roles[Role.ROOT].threshold == 2
    paper = paper_key(drawn.sheet).public
    assert site.keys(Role.RECOVERY) == (paper,)
    assert set(site.keys(Role.ROOT)) == {drawn.keys[Role.ROOT].public, paper}


def test_no_two_roles_share_a_key() -> None:
    drawn = draw_site()

    assert len({one.public for one in drawn.keys.values()}) == len(drawn.keys) == 5


@pytest.mark.parametrize("strict", [True, False])
def test_a_site_may_be_strict(strict: bool) -> None:
    assert accept_first(draw_site(strict=strict).root).strict is strict


def test_the_sheet_is_not_shown_by_accident() -> None:
    drawn = draw_site()

    assert drawn.sheet not in repr(drawn)


def test_a_home_takes_one_site(home: Home) -> None:
    with pytest.raises(NotThere, match="has a site already"):
        keep_new_site(home, "Again", PASSPHRASE, draw_site())


# --- doors ---------------------------------------------------------------------------------


def test_doors_are_added_to_a_newer_map(home: Home) -> None:
    grant_key = home.site_key(GRANT, PASSPHRASE)
    front = add_door(home, grant_key, "Front", "Europe/London", lock("a"))
    back = add_door(home, grant_key, "Back", "Europe/London", lock("b"))
    doors = home.doors()

    assert doors is not None
    assert (doors.version, doors.doors) == (2, (front, back))
    assert front.id != back.id


def test_a_lock_that_is_on_the_map_keeps_its_door(home: Home) -> None:
    grant_key = home.site_key(GRANT, PASSPHRASE)
    first = add_door(home, grant_key, "Front", "Europe/London", lock("a"))
    again = add_door(home, grant_key, "Front door", "Europe/Paris", lock("a"))

    assert again.id == first.id
    assert [door.label for door in home.doors().doors] == ["Front door"]  # type: ignore[union-attr]  # it has one


def test_two_doors_are_not_called_the_same(home: Home) -> None:
    grant_key = home.site_key(GRANT, PASSPHRASE)
    add_door(home, grant_key, "Front door", "Europe/London", lock("a"))

    with pytest.raises(NotThere, match="already"):
        add_door(home, grant_key, "FRONT  DOOR", "Europe/London", lock("b"))


def test_a_map_can_lose_its_doors(home: Home) -> None:
    grant_key = home.site_key(GRANT, PASSPHRASE)
    add_door(home, grant_key, "Front", "Europe/London", lock("a"))
    put_doors(home, grant_key, ())

    assert home.known_doors() == []

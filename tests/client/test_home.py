"""A home folder: names, files that are replaced whole, and keys that only it can open."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from mortice.client.founding import create_site
from mortice.client.home import Home, NotThere, only_one, slug
from mortice.client.sealed import WrongPassphrase
from mortice.core.errors import Malformed
from mortice.core.keys import ED25519, ESP256
from mortice.core.site import Role


@pytest.mark.parametrize(("name", "written"), [
    ("Ana Sousa", "ana-sousa"), ("  Room  4 ", "room-4"), ("Zoë", "zoë"), ("ŁUKASZ", "łukasz"),
    ("李", "李"), ("../../etc/passwd", "etc-passwd"), ("a" * 300, "a" * 60), ("Æ/Ø", "æ-ø"),
    ("tom_reed", "tom-reed"), ("ﬁne", "fine"), ("-x-", "x")])
def test_a_name_becomes_one_word_that_stays_in_its_folder(name: str, written: str) -> None:
    assert slug(name) == written
    assert "/" not in slug(name)


@pytest.mark.parametrize("name", ["", " ", "..", "!!!", "\x00", "🔑"])
def test_a_name_without_a_letter_is_no_name(name: str) -> None:
    with pytest.raises(NotThere):
        slug(name)


def test_names_that_differ_in_their_letters_alone_stay_apart(tmp_path: Path) -> None:
    home = Home(tmp_path)
    keys = {home.make_person(name).public for name in ("Zoë", "Zoé", "李", "王")}

    assert len(keys) == 4


def test_the_beginning_of_a_name_is_enough_while_one_begins_so() -> None:
    assert only_one("an", ["ana", "ben"], "person") == "ana"
    assert only_one("ana", ["ana", "ana-sousa"], "person") == "ana"
    with pytest.raises(NotThere, match="more than one"):
        only_one("an", ["ana", "anton"], "person")
    with pytest.raises(NotThere, match="no person here is called 'zoe'; there are: ana"):
        only_one("zoe", ["ana"], "person")


# --- files ---------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_what_was_said(tmp_path: Path) -> None:
    assert Home(tmp_path).read("x.json", {"a": 1}) == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"1", b"null", b'"x"'])
def test_a_file_of_another_kind_is_damaged(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "x.json").write_bytes(body)

    with pytest.raises(Malformed, match=r"x\.json is damaged"):
        Home(tmp_path).read("x.json", {})


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    home.write("x.json", {"old": True})
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))

    with pytest.raises(OSError, match="full"):
        home.write("x.json", {"old": False})

    assert home.read("x.json") == {"old": True}


def test_files_and_folders_are_their_owners_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "b")
    home.make_person("Ana")

    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((home.folder / "device.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((home.folder / "people" / "ana" / "key").stat().st_mode) == 0o600


def count_up(folder: str, times: int) -> None:
    for _ in range(times):
        Home(Path(folder)).update("n.json", {"n": 0}, lambda kept: {"n": kept["n"] + 1})


def test_two_commands_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        pool.starmap(count_up, [(str(tmp_path), 30)] * 3)

    assert json.loads((tmp_path / "n.json").read_text()) == {"n": 90}


# --- keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("algorithm", "number"), [("ed25519", ED25519), ("p256", ESP256)])
def test_a_persons_key_is_made_once_and_read_again(
    tmp_path: Path, algorithm: str, number: int
) -> None:
    home = Home(tmp_path)
    made = home.make_person("Ana Sousa", algorithm)

    assert made.public.alg == number
    assert home.make_person("Ana Sousa").public == home.person_key("ana").public == made.public
    assert home.display_name("ana-sousa") == "Ana Sousa"


def test_a_persons_key_opens_in_its_own_home_alone(tmp_path: Path) -> None:
    home, other = Home(tmp_path / "a"), Home(tmp_path / "b")
    home.make_person("Ana")
    other.make_person("Ana")
    (other.folder / "people" / "ana" / "key").write_bytes(
        (home.folder / "people" / "ana" / "key").read_bytes())

    with pytest.raises(Malformed):
        other.person_key("Ana")


def test_the_owners_keys_open_with_the_passphrase_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    drawn = create_site(home, "Here", "the right passphrase")

    assert home.owns_site()
    assert home.site_key(Role.GRANT, "the right passphrase").seed == drawn.keys[Role.GRANT].seed
    with pytest.raises(WrongPassphrase):
        home.site_key(Role.GRANT, "the wrong passphrase")


def test_a_home_without_the_owners_keys_says_so(tmp_path: Path) -> None:
    home, guest = Home(tmp_path / "a"), Home(tmp_path / "b")
    create_site(home, "Here", "a passphrase")
    guest.keep_site(root=home.site_bytes())

    assert not guest.owns_site()
    with pytest.raises(NotThere, match="owner's keys do not lie"):
        guest.site_key(Role.GRANT, "a passphrase")


# --- the site ------------------------------------------------------------------------------


def test_every_root_is_kept_from_the_first_on(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for root in (b"one", b"two", b"three"):
        home.keep_site(root=root, name="Here")
    home.keep_site(doors=b"map")

    assert home.roots() == [b"one", b"two", b"three"]
    assert home.doors_bytes() == b"map"
    assert home.site_name() == "Here"


def test_what_was_issued_is_called_by_whom_it_is_for(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write("issued.json", [{"id": "ab", "label": "Ana"}])

    assert home.names() == {b"\xab": "Ana"}


def test_news_is_a_set_that_grows(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.keep_news({b"a": b"1"})
    home.keep_news({b"b": b"2", b"a": b"changed"})

    assert home.news() == {b"a": b"1", b"b": b"2"}

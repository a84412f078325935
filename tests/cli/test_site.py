"""The owner's keys: made, renewed with phone and paper, recovered with paper alone."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Given
from tests.cli.doorway import Doorway
from tests.cli.terminal import PASSPHRASE, Terminal, run

from mortice.core.log import Kind

DAY = 86_400
Homes = Callable[[str], Terminal]


def last_letters(out: str) -> str:
    return next(line.strip() for line in out.splitlines() if "PAPER1-" in line)[-5:]


# --- making one ----------------------------------------------------------------------------


def test_the_sheet_is_shown_and_nothing_is_kept_until_it_is_written_down(tmp_path: Path) -> None:
    home = tmp_path / "home"
    typed = f"{PASSPHRASE}\n{PASSPHRASE}\nWRONG\n"
    printed = run("--home", home, "site", "create", "Here", typed=typed)

    assert printed.code == 1
    assert "PAPER1-" in printed.out
    assert not home.exists()


@pytest.mark.parametrize(
    ("typed", "code"),
    [("short\nshort\n", "passphrase_short"), (f"{PASSPHRASE}\nanother\n", "passphrases_differ"),
     ("", "usage"), (f"{PASSPHRASE}\n", "usage")])
def test_a_passphrase_is_typed_twice_and_is_no_short_one(
    tmp_path: Path, typed: str, code: str
) -> None:
    printed = run("--home", tmp_path / "home", "--json", "site", "create", "Here", typed=typed)

    assert printed.problem["code"] == code
    assert not (tmp_path / "home").exists()


def test_without_anybody_to_ask_the_sheet_is_part_of_the_output(tmp_path: Path) -> None:
    file = tmp_path / "pass"
    file.write_text(PASSPHRASE)
    shown = run("--json", "--no-input", "--home", tmp_path / "home", "site", "create", "Here",
                "--passphrase-file", file).json

    assert shown["sheet"].startswith("PAPER1-")
    assert shown["sheet"] not in "".join(
        path.read_text("latin-1") for path in (tmp_path / "home").rglob("*") if path.is_file())


def test_a_home_is_its_owners_alone(owner: Terminal, sheet: Path) -> None:
    assert stat.S_IMODE(owner.home.stat().st_mode) == 0o700
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    loose = [path for path in owner.home.rglob("*") if path.is_file()
             and path.name not in (".lock", "settings.json")
             and stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert not loose


def test_no_file_of_a_home_holds_the_passphrase_or_the_sheet(
    owner: Terminal, sheet: Path, front: Doorway
) -> None:
    secret = sheet.read_text().strip()
    for path in owner.home.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()
        assert not path.is_file() or PASSPHRASE.encode() not in path.read_bytes()


def test_a_sheet_file_is_never_written_over_another(tmp_path: Path) -> None:
    (tmp_path / "sheet").write_text("mine")
    printed = run("--home", tmp_path / "home", "site", "create", "Here", "--sheet-file",
                  tmp_path / "sheet", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")

    assert printed.code == 2
    assert (tmp_path / "sheet").read_text() == "mine"


def test_showing_a_site_shows_no_secret(owner: Terminal, sheet: Path, front: Doorway) -> None:
    shown = owner.json("site", "show")

    assert (shown["site"], shown["version"], shown["owner"]) == ("14 Alder Road", 1, True)
    assert shown["doors"] == ["front-door"]


# --- phone and paper -----------------------------------------------------------------------


def test_new_keys_by_phone_and_paper_reach_the_door_by_anybodys_visit(
    owner: Terminal, front: Doorway, sheet: Path, given: Given
) -> None:
    ana = given("Ana", "--always")
    shown = owner.json("site", "rotate", "--sheet", sheet)
    assert shown["version"] == 2
    ana.run("key", "add", "-", typed=owner.run("site", "show", "--text").out)

    assert ana.json("door", "unlock", "front")["result"] == "opened"
    assert front.lock.owner().place.site.version == 2
    assert owner.json("door", "unlock", "front")["result"] == "opened"


def test_keys_given_before_stay_good_and_new_ones_can_be_given(
    owner: Terminal, front: Doorway, sheet: Path, given: Given
) -> None:
    ana = given("Ana", "--always")
    owner.json("site", "rotate", "--sheet", sheet)
    owner.json("door", "unlock", "front")
    ben = given("Ben", "--always")

    assert ana.json("door", "unlock", "front")["result"] == "opened"
    assert ben.json("door", "unlock", "front")["result"] == "opened"


def test_what_was_taken_back_stays_taken_back_under_new_keys(
    owner: Terminal, front: Doorway, back: Doorway, sheet: Path, given: Given
) -> None:
    ana = given("Ana", "--always", doors="front,back")
    assert ana.json("door", "unlock", "back")["result"] == "opened"
    owner.json("key", "take-back", "Ana", "--later")  # no door has heard of it
    owner.json("site", "rotate", "--sheet", sheet)
    owner.json("site", "deliver")

    for door in ("front", "back"):
        assert ana.run("--json", "door", "unlock", door).json["reason"] == "not_allowed"


def test_settings_and_pins_survive_new_keys_and_a_restart(
    owner: Terminal, front: Doorway, sheet: Path
) -> None:
    owner.json("door", "settings", "front", "--relock-after", "30")
    pin = owner.json("pin", "give", "Ana", "--door", "front")["pin"]
    owner.json("site", "rotate", "--sheet", sheet)
    owner.json("site", "deliver")
    front.stop()
    front.start()

    assert front.lock.owner().config.relock_after == 30
    assert front.type(pin).kind is Kind.GRANTED


def test_keys_can_be_renewed_twice_before_a_door_hears_of_it(
    owner: Terminal, front: Doorway, sheet: Path
) -> None:
    owner.json("site", "rotate", "--sheet", sheet)
    owner.json("site", "rotate", "--sheet", sheet)

    assert owner.json("door", "unlock", "front")["result"] == "opened"
    assert front.lock.owner().place.site.version == 3


def test_another_sites_sheet_renews_nothing(
    owner: Terminal, front: Doorway, tmp_path: Path
) -> None:
    (tmp_path / "pass2").write_text("another passphrase")
    run("--home", tmp_path / "other", "site", "create", "Elsewhere", "--sheet-file",
        tmp_path / "sheet2", "--passphrase-file", tmp_path / "pass2")
    printed = owner.run("--json", "site", "rotate", "--sheet", tmp_path / "sheet2")

    assert (printed.code, printed.problem["code"]) == (5, "not_genuine")
    assert owner.json("site", "show")["version"] == 1


@pytest.mark.parametrize("change", [
    lambda sheet: sheet[:-1] + ("A" if sheet[-1] != "A" else "B"), lambda sheet: sheet[:-6],
    lambda sheet: sheet.replace("PAPER1", "PAPER2"), lambda sheet: "", lambda sheet: sheet + "A"])
def test_a_sheet_with_a_wrong_letter_is_refused(
    owner: Terminal, sheet: Path, change: Callable[[str], str]
) -> None:
    sheet.write_text(change(sheet.read_text().strip()))
    printed = owner.run("--json", "site", "rotate", "--sheet", sheet)

    assert (printed.code, printed.problem["code"]) == (1, "malformed")


def test_a_sheet_may_be_typed_as_people_type(owner: Terminal, sheet: Path) -> None:
    typed = sheet.read_text().strip().lower().replace("-", " ")

    assert owner.json("site", "rotate", typed=f"{typed}\n")["version"] == 2


# --- paper alone ---------------------------------------------------------------------------


@pytest.fixture
def recovered(
    owner: Terminal, front: Doorway, sheet: Path, given: Given
) -> tuple[Terminal, Terminal]:
    """The phone is gone. A new home has been made with paper, and Ben carries it to the door."""
    ben = given("Ben", "--always")
    documents = ben.run("site", "show", "--text").out
    new, file = Terminal(sheet.parent / "new"), sheet.parent / "pass2"
    file.write_text("a new passphrase")
    kept = sheet.parent / "bens-key"
    kept.write_text(owner.json(
        "key", "give", "Ben", "--doors", "front", "--always",
        "--request", ben.json("key", "request")["request"])["text"])
    ben.run("key", "add", kept)
    made = new.run(
        "--json", "site", "recover", "--from", "-", "--sheet", sheet, "--keep", kept, "--as",
        "Margaret Hale", "--passphrase-file", file, typed=documents)
    assert made.code == 0, made
    (new.home / "settings.json").write_text(
        f'{{"me": "Margaret Hale", "passphrase_file": "{file}"}}')
    ben.run("key", "add", "-", typed=new.run("site", "show", "--text").out)
    return new, ben


def deliver(device: Terminal) -> str:
    state: str = device.run("--json", "site", "deliver").json["doors"][0]["state"]
    return state


def test_paper_alone_needs_the_button_a_day_and_the_button_again(
    front: Doorway, recovered: tuple[Terminal, Terminal]
) -> None:
    new, ben = recovered
    assert deliver(ben) == "waiting"
    front.press_button()
    assert deliver(ben) == "waiting"
    front.outside.ahead += DAY
    assert deliver(ben) == "waiting"
    front.press_button()
    assert deliver(ben) == "on_door"

    assert new.json("door", "unlock", "front")["result"] == "opened"
    assert new.json("site", "deliver")["doors"][0]["state"] == "on_door"


def test_paper_stops_the_lost_phone_at_once(
    owner: Terminal, front: Doorway, recovered: tuple[Terminal, Terminal]
) -> None:
    _, ben = recovered
    assert owner.json("door", "unlock", "front")["result"] == "opened"
    front.press_button()
    deliver(ben)

    assert owner.run("--json", "door", "unlock", "front").json["reason"] == "not_allowed"
    assert ben.json("door", "unlock", "front")["result"] == "opened"


def test_a_visit_that_delivers_nothing_begins_no_recovery(
    front: Doorway, recovered: tuple[Terminal, Terminal]
) -> None:
    """Else every opening in the wait would be a refusal in the log."""
    _, ben = recovered
    front.press_button()
    before = len(front.entries(Kind.REFUSED))

    assert ben.json("door", "unlock", "front")["result"] == "opened"
    assert len(front.entries(Kind.REFUSED)) == before


def test_a_lost_passphrase_is_recovered_in_the_same_home(
    owner: Terminal, front: Doorway, sheet: Path, given: Given, tmp_path: Path
) -> None:
    ana = given("Ana", "--always")
    file = tmp_path / "pass2"
    file.write_text("a new passphrase")
    owner.json("site", "recover", "--sheet", sheet, "--passphrase-file", file)
    assert deliver(owner) == "waiting"
    said = owner.run("site", "deliver").out
    front.press_button()
    assert "press its inside button" in said
    assert "24 h 0 min" in owner.run("site", "deliver").out
    front.outside.ahead += DAY
    front.press_button()

    assert deliver(owner) == "on_door"
    for device in (owner, ana):
        assert device.json("door", "unlock", "front")["result"] == "opened"


def test_whoever_is_dropped_ends_with_the_recovery(
    owner: Terminal, front: Doorway, sheet: Path, given: Given, tmp_path: Path
) -> None:
    ana = given("Ana", "--always")
    file = tmp_path / "pass2"
    file.write_text("a new passphrase")
    owner.json("site", "recover", "--sheet", sheet, "--drop", "Ana", "--passphrase-file", file)
    front.press_button()
    deliver(owner)

    assert ana.run("--json", "door", "unlock", "front").json["reason"] == "not_allowed"
    assert owner.json("door", "unlock", "front")["result"] == "opened"


def test_a_recovery_from_an_older_root_follows_what_the_doors_have(
    owner: Terminal, front: Doorway, sheet: Path, given: Given
) -> None:
    ben = given("Ben", "--always")
    documents = ben.run("site", "show", "--text").out
    owner.json("site", "rotate", "--sheet", sheet)
    owner.json("site", "deliver")
    file = sheet.parent / "pass2"
    file.write_text("a new passphrase")
    made = Terminal(sheet.parent / "new").run(
        "--json", "site", "recover", "--from", "-", "--sheet", sheet, "--as", "Margaret",
        "--passphrase-file", file, typed=documents)

    assert made.json["version"] == 3


def test_nobody_recovers_with_another_sheet(
    owner: Terminal, front: Doorway, tmp_path: Path
) -> None:
    (tmp_path / "pass2").write_text("another passphrase")
    run("--home", tmp_path / "other", "site", "create", "Elsewhere", "--sheet-file",
        tmp_path / "sheet2", "--passphrase-file", tmp_path / "pass2")
    printed = owner.run(
        "--json", "site", "recover", "--sheet", tmp_path / "sheet2", "--passphrase-file",
        tmp_path / "pass2")

    assert printed.code == 5
    assert owner.json("site", "show")["version"] == 1


def test_a_root_that_does_not_follow_does_not_enter_a_home(
    owner: Terminal, front: Doorway, given: Given, homes: Homes
) -> None:
    ana = given("Ana", "--always")
    text = owner.run("site", "show", "--text").out.strip()
    for at in range(len("MORTICE-SITE1-") + 3, len(text), 101):
        wrong = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
        printed = ana.run("--json", "key", "add", wrong)
        assert printed.code in (1, 5), at
        assert ana.json("door", "unlock", "front")["result"] == "opened"


# --- doors on the map ----------------------------------------------------------------------


def test_the_owners_own_key_covers_every_door_and_stays_one(
    owner: Terminal, front: Doorway, back: Doorway
) -> None:
    held = owner.json("key", "list")["held"]

    assert len(held) == 1
    assert sorted(held[0]["doors"]) == ["back-door", "front-door"]


def test_a_door_learns_of_others_by_the_next_visit(
    owner: Terminal, front: Doorway, back: Doorway
) -> None:
    assert len(front.lock.owner().doors.doors) == 1
    owner.run("door", "unlock", "front")

    assert len(front.lock.owner().doors.doors) == 2


def test_a_door_taken_off_the_map_is_gone_from_the_list(
    owner: Terminal, front: Doorway, back: Doorway
) -> None:
    owner.json("door", "remove", "back")

    assert [door["door"] for door in owner.json("door", "list")["doors"]] == ["front-door"]
    assert owner.json("door", "unlock", "front")["result"] == "opened"


def test_testing_a_door_moves_nothing_and_finds_what_is_wrong(
    owner: Terminal, front: Doorway
) -> None:
    owner.run("door", "unlock", "front")
    good = owner.json("door", "test", "front")["doors"][0]
    front.at_door(front.hardware.unplug)
    front.at_door(lambda: front.hardware.flatten(4.0))
    bad = owner.run("--json", "door", "test", "front")

    assert good["ok"] is True
    assert not [entry for entry in front.entries(Kind.MOVED) if entry.index > 8]
    assert bad.code == 1
    assert [check["check"] for check in bad.json["doors"][0]["checks"] if not check["ok"]] == [
        "supply"]


def test_testing_a_door_that_does_not_answer_exits_4(owner: Terminal, front: Doorway) -> None:
    front.stop()
    printed = owner.run("--json", "door", "test")
    front.start()

    assert printed.code == 4
    assert printed.json["doors"][0]["ok"] is False


def test_the_doctor_finds_a_home_that_others_may_read(owner: Terminal) -> None:
    assert owner.json("doctor")["ok"] is True
    owner.home.chmod(0o755)
    printed = owner.run("--json", "doctor")

    assert printed.code == 1
    assert [check["check"] for check in printed.json["checks"] if not check["ok"]] == ["folder"]


def test_the_doctor_names_a_damaged_file(owner: Terminal) -> None:
    (owner.home / "issued.json").write_text("{")
    printed = owner.run("doctor")

    assert printed.code == 1
    assert "issued.json is damaged" in printed.out

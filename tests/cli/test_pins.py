"""PINs: drawn, shown once, confirmed by the door, typed at its keypad, and taken off again."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.cli.conftest import Given
from tests.cli.doorway import Doorway
from tests.cli.terminal import Terminal

from mortice.client.words import reason_of
from mortice.core.log import Kind
from mortice.core.refusal import Reason


def test_a_pin_that_was_given_opens_at_the_keypad(owner: Terminal, front: Doorway) -> None:
    made = owner.json("pin", "give", "Ana", "--door", "front")

    assert made["entry"] == front.entries(Kind.ENROLLED)[-1].index
    assert front.type(made["pin"]).kind is Kind.GRANTED
    assert made["opens_alone"] is True


def test_a_pin_is_shown_once_and_lies_nowhere_in_the_home(owner: Terminal, front: Doorway) -> None:
    pin = owner.json("pin", "give", "Ana", "--door", "front")["pin"]

    assert pin not in str(owner.json("pin", "list"))
    for file in owner.home.rglob("*"):
        assert not file.is_file() or pin.encode() not in file.read_bytes()


def test_giving_says_the_odds_in_words(owner: Terminal, front: Doorway) -> None:
    said = owner.run("pin", "give", "Ana", "--door", "front")

    assert "then the tick, at Front door" in said.out
    assert "A stranger who keeps trying hits a PIN in 1 of" in said.err


def test_each_person_gets_a_place_and_is_called_by_name(owner: Terminal, front: Doorway) -> None:
    owner.run("pin", "give", "Ana", "--door", "front")
    owner.run("pin", "give", "Ben", "--door", "front")

    assert owner.json("door", "pins", "front")["pins"] == [
        {"slot": 0, "person": "Ana", "off": False}, {"slot": 1, "person": "Ben", "off": False}]


def test_a_pin_in_the_log_is_put_down_to_its_person(owner: Terminal, front: Doorway) -> None:
    front.type(owner.json("pin", "give", "Ana", "--door", "front")["pin"])

    entries = owner.json("log", "show", "--door", "front")["entries"]
    assert [line["who"] for line in entries if line["kind"] == "granted"] == ["Ana"]


def test_a_pin_that_was_removed_opens_no_more(owner: Terminal, front: Doorway) -> None:
    pin = owner.json("pin", "give", "Ana", "--door", "front")["pin"]
    told = owner.json("pin", "remove", "Ana", "--door", "front")

    assert told["doors"][0]["state"] == "on_door"
    assert front.type(pin).kind is Kind.REFUSED
    assert [row["state"] for row in owner.json("pin", "list")["pins"]] == ["taken back"]


def test_removing_a_pin_leaves_the_key(owner: Terminal, front: Doorway, given: Given) -> None:
    ana = given("Ana", "--always")
    owner.run("pin", "give", "Ana", "--door", "front")
    owner.run("pin", "remove", "Ana", "--door", "front")

    assert ana.json("door", "unlock", "front")["result"] == "opened"


def test_taking_back_from_a_person_takes_the_pin_too(owner: Terminal, front: Doorway) -> None:
    pin = owner.json("pin", "give", "Ana", "--door", "front")["pin"]
    owner.run("key", "take-back", "Ana")

    assert front.type(pin).kind is Kind.REFUSED


def test_removing_a_pin_that_is_not_there_is_said(owner: Terminal, front: Doorway) -> None:
    owner.run("pin", "give", "Ana", "--door", "front")
    owner.run("pin", "remove", "Ana", "--door", "front")

    printed = owner.run("--json", "pin", "remove", "Ana", "--door", "front")
    assert printed.problem["code"] == "no_pin"


def test_a_spare_pin_opens_on_its_day_alone(owner: Terminal, front: Doorway) -> None:
    today = datetime.now(ZoneInfo("Europe/London"))
    day = today + timedelta(days=3)
    made = owner.json("pin", "spare", "front", "--day", day.strftime("%Y-%m-%d"))

    assert reason_of(front.type(made["pin"])) is Reason.NOT_YET
    noon = day.replace(hour=12, minute=0, second=0)
    front.outside.ahead += int(noon.timestamp() - today.timestamp())
    assert front.type(made["pin"]).kind is Kind.GRANTED
    front.outside.ahead += 86_400
    assert reason_of(front.type(made["pin"])) is Reason.ENDED


def test_spare_pins_for_several_days_are_loaded_in_one_go(owner: Terminal, front: Doorway) -> None:
    shown = owner.json(
        "pin", "spare", "front", "--day", "2099-12-24", "--day", "2099-12-25")["pins"]

    assert [one["day"] for one in shown] == ["2099-12-24", "2099-12-25"]
    assert shown[0]["pin"] != shown[1]["pin"]


def test_where_the_door_asks_whose_pin_it_is_the_index_comes_first(
    owner: Terminal, front: Doorway
) -> None:
    owner.run("door", "settings", "front", "--pin-entry", "index", "--pin-spent", "off")
    made = owner.json("pin", "give", "Ana", "--door", "front")

    assert made["pin"].startswith(f"{made['slot']:02d}")
    assert front.type(made["pin"]).kind is Kind.GRANTED
    assert front.type(made["pin"][2:]).kind is Kind.REFUSED


def test_a_guest_may_put_no_pin_on_the_door(front: Doorway, given: Given) -> None:
    printed = given("Ana", "--always").run("--json", "pin", "give", "Ana", "--door", "front")

    assert (printed.code, printed.problem["code"]) == (3, "no_right")


def test_a_pin_that_two_people_would_share_is_drawn_again(
    owner: Terminal, front: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["40417293", "40417293", "85026174"])
    monkeypatch.setattr("mortice.client.owner.choose", lambda *_: next(drawn))
    first = owner.json("pin", "give", "Ana", "--door", "front")["pin"]
    second = owner.json("pin", "give", "Ben", "--door", "front")["pin"]

    assert (first, second) == ("40417293", "85026174")


def test_a_door_that_cannot_be_reached_gets_no_pin(owner: Terminal, front: Doorway) -> None:
    front.stop()
    printed = owner.run("--json", "pin", "give", "Ana", "--door", "front")
    front.start()

    assert (printed.code, printed.problem["code"]) == (4, "unreachable")
    assert owner.json("pin", "list")["pins"] == []


def test_more_pins_than_the_door_allows_are_refused_by_the_door(
    owner: Terminal, front: Doorway
) -> None:
    owner.run("door", "settings", "front", "--most-pins", "1")
    owner.run("pin", "give", "Ana", "--door", "front")
    printed = owner.run("--json", "pin", "give", "Ben", "--door", "front")

    assert (printed.code, printed.problem["code"]) == (3, "storage_full")


def test_settings_are_confirmed_by_the_door(owner: Terminal, front: Doorway) -> None:
    shown = owner.json("door", "settings", "front", "--relock-after", "30")

    assert shown["relock_after"] == 30
    assert front.lock.owner().config.relock_after == 30
    assert owner.json("door", "settings", "front")["relock_after"] == 30


def test_settings_made_in_another_home_are_not_overwritten_blindly(
    owner: Terminal, front: Doorway
) -> None:
    owner.run("door", "settings", "front", "--relock-after", "30")
    (owner.home / "config.json").unlink()
    printed = owner.run("--json", "door", "settings", "front", "--relock-after", "40")

    assert printed.problem["code"] == "settings_unknown"
    assert owner.json("door", "settings", "front")["relock_after"] == 30


def test_a_hub_that_another_home_named_is_kept(owner: Terminal, front: Doorway) -> None:
    owner.run("door", "settings", "front", "--hub", "hub.example:12210", "--hub-key", "31" * 32)
    (owner.home / "config.json").unlink()
    owner.run(
        "door", "settings", "front", "--pin-entry", "plain", "--pin-spent", "rest",
        "--most-pins", "20")

    assert front.lock.owner().config.hub == (b"1" * 32, "hub.example:12210")


def test_opening_hours_are_set_shown_changed_and_taken_away(
    owner: Terminal, front: Doorway,
) -> None:
    set_to = ("door", "settings", "front", "--opening-hours")
    shown = owner.json(*set_to, "mon-fri 09:00-12:00, 13:00-17:30; Sat 10:00-16:00")
    windows = [[31, 540, 720], [31, 780, 1050], [32, 600, 960]]
    assert shown["opening_hours"] == windows
    assert [[*window] for window in front.lock.owner().config.opening] == windows

    said = "Monday to Friday 09:00 to 12:00 and Monday to Friday 13:00 to 17:30 and on Saturdays"
    assert said in owner.run("door", "show", "front").out
    assert "once a keyholder has come" in owner.run("door", "settings", "front").out
    owner.json("door", "settings", "front", "--relock-after", "30")
    assert len(front.lock.owner().config.opening) == 3, "other settings leave them alone"
    assert owner.json(*set_to, "")["opening_hours"] == []
    assert front.lock.owner().config.opening == ()


def test_opening_hours_that_another_home_set_are_kept(owner: Terminal, front: Doorway) -> None:
    owner.run("door", "settings", "front", "--opening-hours", "daily 22:00-06:00")
    (owner.home / "config.json").unlink()
    owner.run(
        "door", "settings", "front", "--pin-entry", "plain", "--pin-spent", "rest",
        "--most-pins", "20")

    assert [[*window] for window in front.lock.owner().config.opening] == [[127, 1320, 1800]]

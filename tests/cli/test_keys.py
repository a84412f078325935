"""Keys from asking to taking back, each step by the real command at a real lock."""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.cli.conftest import Given
from tests.cli.doorway import Doorway
from tests.cli.terminal import Terminal

from mortice.cli import refreshing, texts
from mortice.client.home import new_key
from mortice.client.wallet import encode_chain, held
from mortice.core.door import Bolt
from mortice.core.grant import KeyClass, Passkey, Rights
from mortice.core.log import About, Kind
from mortice.core.stages import Factors

Homes = Callable[[str], Terminal]
UNLOCK = ("--json", "door", "unlock", "front")


def result(device: Terminal) -> tuple[str, str | None]:
    """How opening the front door ends, and why."""
    shown = device.run(*UNLOCK).json
    return shown["result"], shown["reason"]


# --- asking and giving ---------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ed25519", "p256"])
def test_a_key_made_for_a_device_opens_from_that_device(
    front: Doorway, given: Given, algorithm: str
) -> None:
    ana = given("Ana", "--always", algorithm=algorithm)

    assert result(ana) == ("opened", None)
    assert front.at_door(front.hardware.sight).bolt is Bolt.DRAWN


def test_a_request_shows_the_same_letters_on_both_sides(
    owner: Terminal, front: Doorway, homes: Homes
) -> None:
    asked = homes("Ana").run("key", "request", "--as", "Ana")
    letters = asked.err.splitlines()[0].rsplit(": ", 1)[1]
    giving = owner.run(
        "key", "give", "Ana", "--doors", "front", "--always", "--request", asked.out.strip())

    assert f"it should show: {letters}" in giving.err


def test_a_request_can_be_drawn_for_a_camera(homes: Homes) -> None:
    printed = homes("Ana").run("key", "request", "--as", "Ana", "--qr")

    assert printed.code == 0
    assert len(printed.out.splitlines()) > 15
    assert "█" in printed.out


def test_asking_twice_keeps_the_key(homes: Homes) -> None:
    ana = homes("Ana")

    assert ana.json("key", "request", "--as", "Ana") == ana.json("key", "request")


def test_asking_for_the_other_kind_of_key_is_refused(homes: Homes) -> None:
    ana = homes("Ana")
    ana.run("key", "request", "--as", "Ana")
    printed = ana.run("--json", "key", "request", "--algorithm", "p256")

    assert printed.problem["code"] == "other_algorithm"


def test_a_key_text_may_come_in_a_file_with_words_around_it(
    owner: Terminal, front: Doorway, homes: Homes, tmp_path: Path
) -> None:
    ana = homes("Ana")
    asked = ana.json("key", "request", "--as", "Ana")["request"]
    text = owner.json(
        "key", "give", "Ana", "--doors", "front", "--always", "--request", asked)["text"]
    mail = tmp_path / "mail.txt"
    mail.write_text(f"Dear Ana,\nhere it is: {text} .\nBest, Margaret\n")
    folded = "\n".join(text[at:at + 60] for at in range(0, len(text), 60))

    assert ana.run("key", "add", mail).code == 0
    assert ana.run("key", "add", "-", typed=f"> {folded}\n").code == 0
    assert len(ana.json("key", "list")["held"]) == 1


def test_somebody_in_the_same_home_gets_the_key_at_once(owner: Terminal, front: Doorway) -> None:
    owner.run("key", "request", "--as", "Ben")
    made = owner.json("key", "give", "Ben", "--doors", "front", "--always")

    assert made["text"] is None
    assert owner.json("--as", "ben", "door", "unlock", "front")["result"] == "opened"


def test_giving_says_back_what_was_given(
    owner: Terminal, front: Doorway, back: Doorway, homes: Homes
) -> None:
    asked = homes("Ana").json("key", "request", "--as", "Ana")["request"]
    said = owner.run(
        "key", "give", "Ana", "--doors", "front,back", "--days", "Tue,Thu", "--hours",
        "10:00-12:00", "--until", "2099-03-31", "--request", asked).err

    assert said.startswith(
        "Ana can open and lock Front door and Back door, on Tuesdays and Thursdays 10:00 to "
        "12:00, until the end of Tue 31 Mar 2099.")


def test_a_date_as_an_end_is_the_end_of_that_day_at_the_door(front: Doorway, given: Given) -> None:
    ana = given("Ana", "--until", "2099-07-01")

    assert ana.json("key", "list")["held"][0]["until"] == "2099-07-01T23:00:00Z"


def test_a_key_outside_its_hours_is_refused_and_says_so_to_its_holder(
    front: Doorway, given: Given
) -> None:
    yesterday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[time.gmtime().tm_wday - 1]
    tom = given("Tom", "--days", yesterday, "--hours", "10:00-11:00")
    printed = tom.run("door", "unlock", "front")

    assert printed.code == 3
    assert "not for this day and time" in printed.err


def test_the_key_that_opens_is_shown_before_one_that_does_not(
    front: Doorway, given: Given
) -> None:
    yesterday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[time.gmtime().tm_wday - 1]
    given("Tom", "--days", yesterday)
    tom = given("Tom", "--until", "2099-01-01")

    assert result(tom) == ("opened", None)


def test_a_key_counted_once_opens_once(front: Doorway, given: Given) -> None:
    tom = given("Tom", "--once")

    assert result(tom) == ("opened", None)
    assert result(tom) == ("refused", "not_allowed")


def test_a_counted_key_is_for_one_door(
    owner: Terminal, front: Doorway, back: Doorway
) -> None:
    printed = owner.run(
        "--json", "key", "give", "Tom", "--doors", "front,back", "--once", "--link")

    assert printed.code == 2
    assert "one door" in printed.problem["message"]


# --- links and files -----------------------------------------------------------------------


def link_for(owner: Terminal, name: str, *options: str) -> str:
    text: str = owner.json(
        "key", "give", name, "--doors", "front", "--link", *(options or ("--always",)))["text"]
    return text


def test_a_link_is_claimed_by_one_device_and_opens(
    owner: Terminal, front: Doorway, homes: Homes
) -> None:
    link = link_for(owner, "Tom")
    tom = homes("Tom")
    claimed = tom.json("key", "claim", link)

    assert claimed["person"] == "tom"
    assert claimed["key"]["class"] == "device"
    assert result(tom) == ("opened", None)


def test_the_secret_of_a_link_stands_behind_the_hash_alone(owner: Terminal, front: Doorway) -> None:
    before, _, after = link_for(owner, "Tom").partition("#")

    assert before == "mortice:key"
    assert after.startswith("MORTICE-CLAIM1-")


def test_a_link_opens_nothing_by_itself(owner: Terminal, front: Doorway) -> None:
    made = owner.json("key", "give", "Tom", "--doors", "front", "--always", "--link")["key"]

    assert (made["class"], made["use"]) == ("file", [])
    assert made["may_pass_on"] == {
        "rights": ["unlock", "lock"], "links": 1, "life": None, "quota": None}


def test_the_second_device_that_claims_a_link_is_refused_at_the_door(
    owner: Terminal, front: Doorway, homes: Homes
) -> None:
    link = link_for(owner, "Tom")
    first, second = homes("First"), homes("Second")
    first.run("key", "claim", link)
    second.run("key", "claim", link)

    assert result(first) == ("opened", None)
    assert result(second) == ("refused", "not_allowed")
    assert owner.json("why", "--door", "front")["reason"] == "used_up"


def test_claiming_twice_on_one_device_is_one_key(
    owner: Terminal, front: Doorway, homes: Homes
) -> None:
    link, tom = link_for(owner, "Tom"), homes("Tom")
    tom.run("key", "claim", link)
    tom.run("key", "claim", link)

    assert len(tom.json("key", "list")["held"]) == 1


def test_the_log_calls_a_claimed_key_by_whom_the_link_was_for(
    owner: Terminal, front: Doorway, homes: Homes
) -> None:
    tom = homes("Tom")
    tom.run("key", "claim", link_for(owner, "Tom"))
    tom.run("door", "unlock", "front")

    lines = owner.json("log", "show", "--door", "front")["entries"]
    assert [line["who"] for line in lines if line["kind"] == "granted"][-1] == "Tom"
    assert About.CLASS in front.entries(Kind.GRANTED)[-1].about


def test_a_link_with_another_secret_is_refused(
    owner: Terminal, front: Doorway, homes: Homes
) -> None:
    link = link_for(owner, "Tom")
    wrong = link[:-6] + ("AAAAA" if link[-6:-1] != "AAAAA" else "BBBBB") + link[-1]
    printed = homes("Tom").run("--json", "key", "claim", wrong)

    assert printed.problem["code"] in ("not_genuine", "malformed")


def test_a_link_cannot_be_made_for_further_hands(owner: Terminal, front: Doorway) -> None:
    printed = owner.run(
        "--json", "key", "give", "Tom", "--doors", "front", "--always", "--link",
        "--may-pass-on", "unlock")

    assert printed.code == 2


def test_a_key_file_is_exchanged_as_it_is_taken_in(
    owner: Terminal, front: Doorway, homes: Homes, tmp_path: Path
) -> None:
    file = tmp_path / "jo.key"
    owner.json("key", "give", "Jo", "--doors", "front", "--always", "--file", file)
    jo = homes("Jo")
    taken = jo.json("key", "add", file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert taken["key"]["class"] == "device"
    assert result(jo) == ("opened", None)


def test_a_key_file_is_never_written_over_another(
    owner: Terminal, front: Doorway, tmp_path: Path
) -> None:
    file = tmp_path / "jo.key"
    file.write_text("mine")
    printed = owner.run(
        "key", "give", "Jo", "--doors", "front", "--always", "--file", file)

    assert (printed.code, file.read_text()) == (2, "mine")


# --- passing on ----------------------------------------------------------------------------


def agent(given: Given, *options: str) -> Terminal:
    return given("Agent", "--always", "--may-pass-on", "unlock", *options)


def pass_on(device: Terminal, to: Terminal, name: str, *options: str) -> dict[str, str]:
    asked = to.json("key", "request", "--as", name)["request"]
    printed = device.run(
        "--json", "key", "pass-on", name, "--doors", "front", "--request", asked, *options)
    if printed.code:
        return printed.problem
    to.json("key", "add", printed.json["text"])
    return {"code": "done"}


def test_a_key_passed_on_three_times_opens(front: Doorway, given: Given, homes: Homes) -> None:
    first = agent(given, "--pass-on-links", "3", "--pass-on-life", "7d")
    firm, engineer, mate = homes("Firm"), homes("Engineer"), homes("Mate")
    pass_on(first, firm, "Firm", "--until", "tomorrow", "--may-pass-on", "unlock",
            "--pass-on-links", "2")
    pass_on(firm, engineer, "Engineer", "--until", "tomorrow", "--may-pass-on", "unlock")
    assert pass_on(engineer, mate, "Mate", "--until", "tomorrow", "--once") == {"code": "done"}

    assert result(mate) == ("opened", None)
    assert result(mate) == ("refused", "not_allowed")
    assert result(engineer) == ("opened", None)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--until", "2099-01-01"), "longer"),
        (("--until", "tomorrow", "--may", "unlock,lock"), "right"),
        (("--until", "tomorrow", "--may-pass-on", "unlock"), "often"),
    ],
)
def test_passing_on_too_much_is_refused_and_names_the_bound(
    front: Doorway, given: Given, homes: Homes, options: tuple[str, ...], names: str
) -> None:
    problem = pass_on(agent(given, "--pass-on-life", "7d"), homes("Firm"), "Firm", *options)

    assert problem["code"] == "not_narrower"
    assert names in problem["message"]
    assert "Your key may pass on: unlock, to one more person each, for 7 days" in problem["next"]


def test_what_is_left_open_is_as_in_ones_own_key(
    front: Doorway, given: Given, homes: Homes
) -> None:
    first = given("Agent", "--until", "2099-06-01", "--may-pass-on", "unlock", "--needs", "touch")
    firm = homes("Firm")
    pass_on(first, firm, "Firm", "--always")

    held = firm.json("key", "list")["held"][0]
    assert (held["until"], held["needs"], held["use"]) == (
        "2099-06-01T23:00:00Z", ["touch"], ["unlock"])


def test_a_key_that_may_not_be_passed_on_is_not(front: Doorway, given: Given, homes: Homes) -> None:
    ana = given("Ana", "--always")

    assert pass_on(ana, homes("Tom"), "Tom", "--always")["code"] == "not_narrower"


def test_a_holder_may_pass_on_by_a_link_where_two_steps_are_left(
    front: Doorway, given: Given, homes: Homes
) -> None:
    first, guest = agent(given, "--pass-on-links", "2"), homes("Guest")
    link = first.json(
        "key", "pass-on", "Guest", "--doors", "front", "--until", "tomorrow", "--link")["text"]
    guest.json("key", "claim", link)

    assert result(guest) == ("opened", None)


# --- taking back ---------------------------------------------------------------------------


def test_a_key_taken_back_is_refused_once_the_door_knows(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    ana = given("Ana", "--always")
    told = owner.json("key", "take-back", "Ana")

    entry = front.entries(Kind.REVOKED)[-1].index
    assert told["doors"] == [
        {"door": "front-door", "state": "on_door", "entry": entry, "why": None}]
    assert result(ana) == ("refused", "not_allowed")
    assert owner.json("why", "--door", "front")["reason"] == "revoked"


def test_the_news_goes_out_with_anybodys_visit(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    ana, ben = given("Ana", "--always"), given("Ben", "--always")
    assert result(ana) == ("opened", None)
    owner.json("key", "take-back", "Ana", "--later")
    assert result(ana) == ("opened", None)  # nobody has told the door

    site = owner.run("site", "show", "--text").out
    ben.run("key", "add", "-", typed=site)  # documents carry no news: a visit does
    owner.run("door", "show", "front")

    assert result(ana) == ("refused", "not_allowed")
    assert result(ben) == ("opened", None)
    assert ben.home.joinpath("news.json").exists()  # and took the news away with them


def test_a_door_that_cannot_be_reached_is_waiting(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Ana", "--always")
    front.stop()
    told = owner.json("key", "take-back", "Ana")
    waiting = owner.json("key", "status")["doors"][0]["documents"][-1]
    front.start()

    assert told["doors"][0]["state"] == "waiting"
    assert (waiting["what"], waiting["state"]) == ("taken back: Ana", "waiting")


def test_status_reads_receipts(owner: Terminal, front: Doorway, given: Given) -> None:
    given("Ana", "--always")
    owner.run("key", "take-back", "Ana")
    shown = owner.json("key", "status")["doors"][0]["documents"]

    taken = [step for step in shown if step["what"] == "taken back: Ana"]
    assert taken[0]["state"] == "on_door"
    assert taken[0]["entry"] == front.entries(Kind.REVOKED)[-1].index


def test_everybody_beneath_is_listed_and_falls_with_it(
    owner: Terminal, front: Doorway, given: Given, homes: Homes
) -> None:
    owner.run("key", "request", "--as", "Agent")
    owner.run("key", "give", "Agent", "--doors", "front", "--always", "--may-pass-on", "unlock")
    firm = homes("Firm")
    asked = firm.json("key", "request", "--as", "Firm")["request"]
    text = owner.json("--as", "agent", "key", "pass-on", "Firm", "--doors", "front", "--until",
                      "tomorrow", "--request", asked)["text"]
    firm.json("key", "add", text)
    assert result(firm) == ("opened", None)

    told = owner.json("key", "take-back", "Agent")

    assert [one["for"] for one in told["taken_back"]] == ["Agent"]
    assert [one["for"] for one in told["beneath"]] == ["Firm"]
    assert result(firm) == ("refused", "not_allowed")


def test_those_beneath_can_be_given_their_own_in_the_same_act(
    owner: Terminal, front: Doorway, homes: Homes
) -> None:
    owner.run("key", "request", "--as", "Agent")
    owner.run("key", "give", "Agent", "--doors", "front", "--always", "--may-pass-on", "unlock")
    firm = homes("Firm")
    asked = firm.json("key", "request", "--as", "Firm")["request"]
    owner.json("--as", "agent", "key", "pass-on", "Firm", "--doors", "front", "--until",
               "tomorrow", "--request", asked)

    told = owner.json("key", "take-back", "Agent", "--and-reissue")
    firm.json("key", "add", told["reissued"][0]["text"])

    assert result(firm) == ("opened", None)
    assert len(firm.json("key", "show", firm.json("key", "list")["held"][0]["id"])["links"]) == 1


def test_a_holder_takes_back_what_they_passed_on_and_nothing_else(
    owner: Terminal, front: Doorway, given: Given, homes: Homes
) -> None:
    first, firm, ana = agent(given), homes("Firm"), given("Ana", "--always")
    pass_on(first, firm, "Firm", "--until", "tomorrow")
    assert result(firm) == ("opened", None)

    assert first.json("key", "take-back", "Firm")["doors"][0]["state"] == "on_door"

    assert result(firm) == ("refused", "not_allowed")
    assert result(first) == ("opened", None)
    assert result(ana) == ("opened", None)
    assert first.run("--json", "key", "take-back", "Ana").problem["code"] == "unknown_person"


def test_a_device_that_is_lost_counts_for_nothing_any_more(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    ana = given("Ana", "--always")
    owner.json("key", "take-back", "Ana", "--device")
    asked = ana.json("key", "request")["request"]
    again = owner.json(
        "key", "give", "Ana", "--doors", "front", "--always", "--request", asked)["text"]
    ana.run("key", "add", again)

    assert result(ana) == ("refused", "not_allowed")


def test_a_key_taken_back_can_be_given_again_to_the_same_device(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Ana", "--always")
    owner.json("key", "take-back", "Ana")
    ana = given("Ana", "--always")

    assert result(ana) == ("opened", None)


def test_one_key_of_several_is_taken_back_by_its_id(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Ana", "--until", "2099-01-01")
    ana = given("Ana", "--until", "2099-02-01")
    ids = [one["id"] for one in owner.json("key", "list")["given"]]
    told = owner.json("key", "take-back", ids[0][:8])

    assert [one["id"] for one in told["taken_back"]] == [ids[0]]
    assert result(ana) == ("opened", None)


def test_a_key_that_this_home_never_saw_is_taken_back_by_its_whole_id(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    ana = given("Ana", "--always")
    name = owner.json("key", "list")["given"][0]["id"]
    (owner.home / "issued.json").write_text("[]")  # as if a browser had given it
    short = owner.run("--json", "key", "take-back", name[:8]).problem
    assert short["code"] == "unknown_key"
    assert name[:8] in short["message"]
    assert "whole id, of 32 letters and digits" in short["next"]
    assert result(ana) == ("opened", None)
    told = owner.json("key", "take-back", name.upper())

    assert [each["id"] for each in told["taken_back"]] == [name]
    assert told["doors"][0]["state"] == "on_door"
    assert result(ana) == ("refused", "not_allowed")
    assert owner.run("--json", "key", "take-back", name).problem["code"] == "nothing_live"
    assert owner.run("--json", "key", "take-back", name + "00").problem["code"] == "unknown_key"


def test_what_was_taken_back_is_not_taken_back_again(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Ana", "--always")
    owner.json("key", "take-back", "Ana")

    assert owner.run("--json", "key", "take-back", "Ana").problem["code"] == "nothing_live"


# --- what a key asks for -------------------------------------------------------------------


def test_a_key_that_needs_its_pin_opens_with_it_and_not_without(
    front: Doorway, given: Given
) -> None:
    ana = given("Ana", "--always", "--needs", "pin")
    assert result(ana) == ("refused", "show_more")
    made = ana.json("pin", "give", "Ana", "--door", "front")

    assert ana.run(*UNLOCK, "--pin", typed=f"{made['pin']}\n").json["result"] == "opened"
    assert ana.run(*UNLOCK, "--pin", typed="135790\n").json["reason"] == "not_allowed"
    assert made["opens_alone"] is False
    assert front.type(made["pin"]).kind is Kind.REFUSED


def test_a_key_for_two_people_opens_for_the_second(front: Doorway, given: Given) -> None:
    ana = given("Ana", "--always", "--needs", "person")
    ben = given("Ben", "--always", "--needs", "person")
    first = ana.run("door", "unlock", "front")

    assert first.code == 3
    assert "two people" in first.err
    assert result(ben) == ("opened", None)


def test_one_person_twice_is_not_two_people(front: Doorway, given: Given) -> None:
    ana = given("Ana", "--always", "--needs", "person")
    ana.run("door", "unlock", "front")

    assert result(ana) == ("refused", "show_more")


def test_a_key_that_goes_stale_opens_after_a_refresh(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    ana = given("Ana", "--always", "--max-staleness", "7d")
    assert result(ana) == ("refused", "show_more")
    text = owner.json("key", "refresh", "Ana")["refreshed"][0]["text"]
    ana.run("key", "add", text)

    assert result(ana) == ("opened", None)


def test_a_refresh_dies_with_its_age(owner: Terminal, front: Doorway, given: Given) -> None:
    ana = given("Ana", "--always", "--max-staleness", "1h")
    ana.run("key", "add", owner.json("key", "refresh", "Ana")["refreshed"][0]["text"])
    front.outside.ahead += 7200

    assert result(ana) == ("refused", "show_more")


@pytest.fixture
def cleaner(owner: Terminal, given: Given, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Who may put a PIN on the door, and whose key was refreshed a day ago but for a minute."""
    ana = given("Ana", "--always", "--may", "unlock,lock,enrol", "--max-staleness", "1d")
    with monkeypatch.context() as yesterday:
        then = SimpleNamespace(time=lambda: time.time() - 86_400 + 60)
        yesterday.setattr(refreshing, "time", then)
        ana.run("key", "add", owner.json("key", "refresh", "Ana")["refreshed"][0]["text"])
    return ana


def test_a_pin_goes_stale_with_the_key_above_it_and_is_refreshed_by_a_visit(
    owner: Terminal, front: Doorway, cleaner: Terminal
) -> None:
    pin = cleaner.json("pin", "give", "Ana", "--door", "front")["pin"]
    assert front.type(pin).kind is Kind.GRANTED
    front.outside.ahead += 90
    assert front.type(pin).about[About.CHECK] == "R8"

    again = owner.json("key", "refresh", "Ana")
    assert again["doors"] == []
    cleaner.run("key", "add", again["refreshed"][0]["text"])
    assert front.type(pin).about[About.CHECK] == "R8"
    assert result(cleaner) == ("opened", None)
    assert front.type(pin).kind is Kind.GRANTED


def test_the_owner_refreshes_a_pin_without_its_holders_phone(
    owner: Terminal, front: Doorway, cleaner: Terminal
) -> None:
    pin = cleaner.json("pin", "give", "Ana", "--door", "front")["pin"]
    front.outside.ahead += 90
    assert front.type(pin).about[About.CHECK] == "R8"
    told = owner.json("key", "refresh", "Ana", "--door", "front")["doors"]
    assert [(door["door"], door["state"]) for door in told] == [("front-door", "on_door")]
    assert front.entries()[told[0]["entry"]].kind is Kind.REFRESHED
    assert front.type(pin).kind is Kind.GRANTED


def test_a_refresh_that_no_pin_waits_for_is_said_to_be_so(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Ana", "--always", "--max-staleness", "7d")
    printed = owner.run("key", "refresh", "Ana", "--door", "front")
    assert printed.code == 0
    assert "no PIN there waits for this" in printed.err


def test_a_door_that_a_refreshed_key_is_not_for_is_named(
    owner: Terminal, back: Doorway, given: Given
) -> None:
    given("Ana", "--always", "--max-staleness", "7d")
    printed = owner.run("--json", "key", "refresh", "Ana", "--door", "back")
    assert (printed.code, printed.problem["code"]) == (2, "usage")
    assert "Back door" in printed.problem["message"]


def test_a_holder_with_the_right_refreshes_others(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    owner.run("key", "request", "--as", "Warden")
    owner.run("key", "give", "Warden", "--doors", "front", "--always", "--may", "unlock,refresh")
    ana = given("Ana", "--always", "--max-staleness", "7d")
    warden = Terminal(owner.home)
    for file in ("grant", "refresh"):
        (owner.home / "site" / "1" / f"{file}.key").unlink()
    text = warden.json("--as", "warden", "key", "refresh", "Ana")["refreshed"][0]["text"]
    ana.run("key", "add", text)

    assert result(ana) == ("opened", None)


def test_a_key_that_was_taken_back_is_not_refreshed(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Ana", "--always", "--max-staleness", "7d")
    owner.json("key", "take-back", "Ana")

    printed = owner.run("--json", "key", "refresh", "Ana")
    assert printed.problem["code"] == "nothing_to_refresh"


def test_a_refresh_for_another_key_is_not_taken_in(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Ana", "--always", "--max-staleness", "7d")
    tom = given("Tom", "--always")
    text = owner.json("key", "refresh", "Ana")["refreshed"][0]["text"]

    assert tom.run("--json", "key", "add", text).problem["code"] == "unknown_key"


# --- explaining ----------------------------------------------------------------------------


def test_explaining_says_where_a_key_comes_from_and_what_it_may(
    front: Doorway, given: Given, homes: Homes
) -> None:
    first, firm = agent(given, "--pass-on-life", "7d"), homes("Firm")
    pass_on(first, firm, "Firm", "--until", "tomorrow")
    said = firm.run("key", "explain").out

    for words in ("may open Front door", "rooted in    14 Alder Road", "passed by    Agent",
                  "held by      Firm", "also needs   nothing else", "may pass on  nothing",
                  "offline      yes", "Now, at Front door: yes."):
        assert words in said


@pytest.mark.parametrize(
    ("options", "reason"),
    [(("--from", "tomorrow"), "not_yet"), (("--always", "--max-staleness", "1d"), "too_stale"),
     (("--always", "--needs", "person"), None), (("--always",), None)],
)
def test_explaining_says_whether_a_key_opens_now_by_the_doors_own_rules(
    front: Doorway, given: Given, options: tuple[str, ...], reason: str | None
) -> None:
    shown = given("Ana", *options).json("key", "explain")["keys"][0]["now"]

    assert shown[0]["door"] == "front-door"
    assert (shown[0]["opens"], shown[0]["reason"]) == (reason is None, reason)


def test_explaining_a_text_needs_no_wallet(owner: Terminal, front: Doorway, homes: Homes) -> None:
    ana = homes("Ana")
    asked = ana.json("key", "request", "--as", "Ana")["request"]
    text = owner.json(
        "key", "give", "Ana", "--doors", "front", "--always", "--request", asked)["text"]

    assert owner.json("key", "explain", text)["now"][0]["opens"] is True


def test_a_name_that_would_move_the_cursor_is_written_out(
    owner: Terminal, front: Doorway
) -> None:
    owner.run("key", "request", "--as", "Ana\x1b[31mred\u202e")
    owner.run("key", "give", "Ana\x1b[31mred\u202e", "--doors", "front", "--always")
    for words in (("key", "list"), ("person", "list"), ("key", "explain")):
        printed = owner.run(*words)
        assert "\x1b" not in printed.out + printed.err
        assert "\u202e" not in printed.out + printed.err


def test_people_are_listed_with_what_they_have(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Ana", "--always")
    owner.json("pin", "give", "Ana", "--door", "front")
    rows = {row["person"]: row for row in owner.json("person", "list")["people"]}

    assert rows["ana"] == {
        "person": "ana", "name": "Ana", "here": False, "doors": ["front-door"], "keys": 1,
        "pins": 1}
    assert rows["margaret-hale"]["here"] is True


# --- a browser's keys ------------------------------------------------------------------------


def browsers_request(name: str = "Margaret") -> str:
    key, passkey = new_key(), new_key()
    return texts.write_request(key.public, name, Passkey(
        passkey.public, hashlib.sha256(b"hub.example").digest(), "https://hub.example"))


def test_a_browser_gets_a_key_that_opens_and_one_that_gives(
    owner: Terminal, front: Doorway) -> None:
    made = owner.run(
        "key", "give", "Margaret", "--doors", "front", "--always", "--request", browsers_request(),
        "--may-pass-on", "unlock,lock,enrol", "--pass-on-links", "2")
    opening, giving = (
        held(encode_chain(texts.read_handover(texts.KEY, text).chain)).leaf
        for text in made.out.split())

    assert "a browser of Margaret at https://hub.example" in made.err
    assert {opening.klass, giving.klass} == {KeyClass.WEB}
    assert (opening.factors, opening.delegable, opening.depth) == (
        Factors.PASSKEY, Rights.NONE, 0)
    assert (giving.use, giving.factors, giving.depth) == (Rights.ENROL, Factors.NONE, 2)
    assert giving.max_life == 365 * 86_400
    for leaf in (opening, giving):
        assert leaf.passkey
        assert leaf.exp is not None
        assert leaf.exp <= time.time() + 366 * 86_400


def test_a_browser_that_gives_nothing_gets_one_key(owner: Terminal, front: Doorway) -> None:
    made = owner.run(
        "--json", "key", "give", "Tom", "--doors", "front", "--until", "2099-01-01", "--request",
        browsers_request("Tom"))

    assert len(made.json["text"].split()) == 1


def test_a_hub_is_given_links_that_open_nothing(owner: Terminal, front: Doorway) -> None:
    """The two commands of the hub's page about thieves."""
    asked = texts.write_request(new_key().public, "the hub at https://hub.example")
    give = ("key", "give", "Hub", "--doors", "all", "--until", "2099-01-01")
    refresh = owner.run(*give, "--may", "refresh", "--request", asked)
    visitors = owner.run(
        *give, "--may", "", "--may-pass-on", "unlock,enrol", "--pass-on-links", "2",
        "--pass-on-life", "14d", "--quota", "4", "--request", asked)
    leaves = [held(encode_chain(texts.read_handover(texts.KEY, made.out).chain)).leaf
              for made in (refresh, visitors)]

    assert [leaf.use for leaf in leaves] == [Rights.REFRESH, Rights.NONE]
    assert leaves[1].delegable == Rights.UNLOCK | Rights.ENROL
    assert (leaves[1].depth, leaves[1].max_life, leaves[1].quota) == (2, 14 * 86_400, 4)

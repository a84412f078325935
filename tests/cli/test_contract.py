"""The contracts for scripts: these words, these keys and these exit codes are stable."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.cli.conftest import Given
from tests.cli.doorway import Doorway
from tests.cli.terminal import Terminal, run

from mortice.core.door import Bolt
from mortice.core.log import Kind


def test_opening_prints_four_keys_and_exits_0(owner: Terminal, front: Doorway) -> None:
    printed = owner.run("--json", "door", "unlock", "front")

    granted = front.entries(Kind.GRANTED)[-1]
    assert printed.code == 0
    assert printed.json == {
        "door": "front-door", "result": "opened", "reason": None, "entry": granted.index}
    assert front.at_door(front.hardware.sight).bolt is Bolt.DRAWN


def test_locking_says_locked(owner: Terminal, front: Doorway) -> None:
    owner.run("door", "unlock", "front")
    printed = owner.run("door", "lock", "front", "--json")

    assert (printed.code, printed.json["result"]) == (0, "locked")
    assert front.at_door(front.hardware.sight).bolt is Bolt.THROWN


def test_a_stranger_is_refused_with_a_coarse_code_and_exit_3(
    front: Doorway, given: Given
) -> None:
    tom = given("Tom", "--always", "--may", "lock")
    printed = tom.run("--json", "door", "unlock", "front")

    refused = front.entries(Kind.REFUSED)[-1]
    assert printed.code == 3
    assert printed.json == {
        "door": "front-door", "result": "refused", "reason": "not_allowed", "entry": refused.index}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--from", "tomorrow", "--until", "2099-01-01"), "not_now"),
        (("--always", "--max-staleness", "7d"), "show_more"),
        (("--always", "--needs", "person"), "show_more"),
        (("--always", "--needs", "touch"), "show_more"),
    ],
)
def test_a_refusal_has_one_of_four_reasons(
    front: Doorway, given: Given, options: tuple[str, ...], reason: str
) -> None:
    printed = given("Tom", *options).run("--json", "door", "unlock", "front")

    assert (printed.code, printed.json["reason"]) == (3, reason)


def test_who_may_read_the_log_gets_the_exact_reason(front: Doorway, given: Given) -> None:
    tom = given("Tom", "--once", "--may", "unlock,log")
    assert tom.run("door", "unlock", "front").code == 0

    assert tom.run("--json", "door", "unlock", "front").json["reason"] == "used_up"


def test_a_door_that_does_not_answer_is_unreachable_with_exit_4(
    owner: Terminal, front: Doorway
) -> None:
    front.stop()
    printed = owner.run("--json", "door", "unlock", "front")
    front.start()

    assert printed.code == 4
    assert printed.json == {
        "door": "front-door", "result": "unreachable", "reason": None, "entry": None}


def test_a_jam_is_said_and_exits_1(owner: Terminal, front: Doorway) -> None:
    front.at_door(front.hardware.jam)
    printed = owner.run("--json", "door", "unlock", "front")

    assert printed.code == 1
    assert printed.json["result"] == "jammed"
    assert printed.json["entry"] == front.entries(Kind.GRANTED)[-1].index


def test_an_unknown_door_is_an_error_with_exit_1(owner: Terminal, front: Doorway) -> None:
    printed = owner.run("--json", "door", "unlock", "cellar")

    assert (printed.code, printed.problem["code"]) == (1, "unknown_door")


def test_a_door_is_called_by_the_beginning_of_its_name(
    owner: Terminal, front: Doorway, back: Doorway
) -> None:
    assert owner.json("door", "unlock", "f")["door"] == "front-door"
    assert owner.json("door", "unlock", "Back door")["door"] == "back-door"


def test_a_beginning_that_two_doors_share_is_no_name(
    owner: Terminal, doorways: Callable[[str], Doorway]
) -> None:
    for name in ("Room 4", "Room 5"):
        doorway = doorways(name)
        doorway.press_button()
        owner.run("door", "add", doorway.code, "--at", doorway.address, "--label", name)

    printed = owner.run("--json", "door", "unlock", "room")

    assert printed.problem["code"] == "unknown_door"
    assert "room-4, room-5" in printed.problem["message"]


def test_the_four_options_stand_before_or_after_any_command(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    tom = given("Tom", "--always")
    before = run("--json", "--home", tom.home, "--as", "tom", "--no-input", "door", "unlock", "f")
    between = run("door", "--json", "--home", tom.home, "unlock", "--as", "tom", "f", "--no-input")
    after = run("door", "unlock", "f", "--json", "--home", tom.home, "--as", "tom", "--no-input")

    assert [printed.json["result"] for printed in (before, between, after)] == ["opened"] * 3


def test_the_environment_names_a_home(owner: Terminal, front: Doorway) -> None:
    printed = run("--json", "door", "unlock", "front", env={"MORTICE_HOME": str(owner.home)})

    assert printed.json["result"] == "opened"


def test_as_picks_whose_key_is_used(owner: Terminal, front: Doorway) -> None:
    owner.run("key", "request", "--as", "Ben")
    owner.run("key", "give", "Ben", "--doors", "front", "--always", "--may", "lock")

    assert owner.run("--as", "ben", "--json", "door", "unlock", "front").code == 3
    assert owner.run("--as", "margaret", "--json", "door", "unlock", "front").code == 0


def test_holding_open_prints_its_end(owner: Terminal, front: Doorway) -> None:
    shown = owner.json("door", "hold", "front", "--for", "30m")

    assert list(shown) == ["door", "result", "reason", "entry", "until"]
    assert shown["result"] == "opened"
    assert owner.json("door", "show", "front")["held_until"] == shown["until"]


def test_the_key_of_a_door_is_what_verifying_takes(owner: Terminal, front: Doorway) -> None:
    printed = owner.run("door", "key", "front").out.strip()

    assert printed == front.lock.secrets.signing.public.encoded.hex()
    assert owner.json("door", "key", "front")["lock_key"] == printed

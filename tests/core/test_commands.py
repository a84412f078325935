"""The table of commands: what each needs, and which few can move a bolt."""

from __future__ import annotations

import pytest

from mortice.core.commands import COMMANDS, Command, Rule
from mortice.core.grant import Rights
from mortice.core.stages import Towards

OPENING = Rights.UNLOCK | Rights.HOLD_OPEN


def test_only_three_commands_move_a_bolt_and_two_of_them_open() -> None:
    moving = {command: rule.towards for command, rule in COMMANDS.items() if rule.towards}
    assert moving == {
        Command.UNLOCK: Towards.DRAWN, Command.HOLD_OPEN: Towards.DRAWN,
        Command.LOCK: Towards.THROWN}


@pytest.mark.parametrize(("command", "right"), [
    (Command.UNLOCK, Rights.UNLOCK), (Command.LOCK, Rights.LOCK),
    (Command.HOLD_OPEN, Rights.HOLD_OPEN), (Command.READ_LOG, Rights.VIEW_LOG),
    (Command.SET_TIME, Rights.SET_TIME), (Command.RESTORE, Rights.RESTORE),
    (Command.STATUS, Rights.NONE), (Command.PROVE, Rights.NONE), (Command.DELIVER, Rights.NONE),
])
def test_each_command_needs_its_own_right(command: Command, right: Rights) -> None:
    assert COMMANDS[command].right is right


def test_no_command_that_opens_goes_without_an_opening_right() -> None:
    for rule in COMMANDS.values():
        if rule.towards is Towards.DRAWN:
            assert rule.right in {Rights.UNLOCK, Rights.HOLD_OPEN}
        else:
            assert not rule.right & OPENING


def test_commissioning_is_no_command_of_a_door_that_has_an_owner() -> None:
    assert set(Command) - set(COMMANDS) == {Command.COMMISSION}


def test_a_command_moves_nothing_unless_its_row_says_so() -> None:
    assert Rule(Rights.NONE).towards is None


def test_the_numbers_on_the_wire_stay_what_they_are() -> None:
    assert {command.name: int(command) for command in Command} == {
        "UNLOCK": 1, "LOCK": 2, "HOLD_OPEN": 3, "STATUS": 4, "READ_LOG": 5, "PROVE": 6,
        "DELIVER": 7, "SET_TIME": 8, "RESTORE": 10, "COMMISSION": 11}

"""The stages between a presented key and a moved bolt, and that no code takes a short cut."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import get_type_hints

import pytest
from tests.core.cast import NOW, facts, first, key, passer
from tests.syntax import tree_of

from mortice.core import decision, stages
from mortice.core.chain import verify_chain
from mortice.core.grant import ALL_FACTORS, ALL_RIGHTS, Rights
from mortice.core.refusal import Reason
from mortice.core.stages import (
    Count,
    Factors,
    Granted,
    Instant,
    Presented,
    Reader,
    Refused,
    Relock,
    TimeState,
    Towards,
    Verified,
)
from mortice.drivers import Hardware
from mortice.lockd.daemon import Lock

SOURCE = Path(stages.__file__).parents[1]
TENANT, FIRM = key("tenant"), key("firm")


# --- who makes what -------------------------------------------------------------------------


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call in the product: the module, the last name of what is called, the call."""
    for module in sorted(SOURCE.rglob("*.py")):
        place = module.relative_to(SOURCE).as_posix()
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.Call):
                yield place, ast.unparse(node.func).split(".")[-1], node


def made_in(name: str) -> list[str]:
    return [place for place, called, _ in calls() if called == name]


def test_a_verified_key_is_made_in_one_place_from_a_checked_chain() -> None:
    assert made_in("Verified") == ["core/chain.py"]


def test_a_grant_of_the_door_is_made_in_one_place_by_the_rules() -> None:
    assert made_in("Granted") == ["core/decision.py"]


def test_a_verified_key_is_changed_only_where_factors_and_reader_are_checked() -> None:
    changed = {
        (place, frozenset(word.arg for word in call.keywords))
        for place, called, call in calls()
        if called in {"replace", "__replace__", "copy"} and call.args
        and ast.unparse(call.args[0]).split(".")[-1] == "verified"}
    assert {place for place, _ in changed} == {"core/enrolment.py", "lockd/conversation.py"}
    assert all(words <= {"factors", "reader"} for _, words in changed)


def test_what_was_granted_is_not_changed_afterwards() -> None:
    changed = [
        place for place, called, call in calls()
        if called in {"replace", "__replace__", "copy"} and call.args
        and ast.unparse(call.args[0]).split(".")[-1] in {"granted", "decision", "order"}]
    assert changed == []


def test_no_other_name_stands_for_the_two_classes() -> None:
    for module in SOURCE.rglob("*.py"):
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.alias):
                assert not (node.name in {"Verified", "Granted"} and node.asname), module
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
                assert ast.unparse(node.value) not in {"Verified", "Granted"}, module
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
                assert not bases & {"Verified", "Granted"}, module


def test_no_code_writes_into_a_frozen_stage() -> None:
    written = {place for place, called, _ in calls() if called == "__setattr__"}
    assert written <= {"core/keys.py"}  # PublicKey fills its own encoding in as it is made


def test_a_bolt_is_driven_for_a_grant_or_a_relock_and_nothing_else() -> None:
    for drive in (Hardware.drive, Lock.move):
        assert get_type_hints(drive)["order"] == Granted | Relock


def test_only_a_verified_key_can_be_decided() -> None:
    assert get_type_hints(decision.decide)["verified"] is Verified
    assert get_type_hints(decision.decide)["return"] == Granted | Refused
    assert get_type_hints(verify_chain)["return"] is Verified


def test_a_relock_can_do_nothing_but_throw() -> None:
    relock = Relock("closed")
    assert relock.towards is Towards.THROWN
    assert [field.name for field in fields(relock)] == ["because"]
    with pytest.raises(TypeError):
        Relock("closed", towards=Towards.DRAWN)


@pytest.mark.parametrize("stage", [
    Instant(NOW, NOW, TimeState.SYNCED), first(TENANT).verified(), Refused(Reason.FAULT, "R0"),
    Granted(first(TENANT).verified(), 1, Towards.DRAWN), Relock("closed"), facts(),
    Presented(Reader.LINK, Instant(NOW, NOW, TimeState.SYNCED), "line"),
])
def test_a_stage_cannot_be_changed_once_it_is_reached(stage: object) -> None:
    name = fields(stage)[0].name
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        setattr(stage, name, None)


# --- whose key it is ------------------------------------------------------------------------


def test_the_holders_own_link_is_the_last_or_the_one_above_a_credential() -> None:
    phone = passer().pass_on(FIRM)
    assert phone.verified().own == phone.verified().leaf == phone.leaf
    pin = phone.enrol().verified()
    assert pin.own.id == phone.leaf.id
    assert pin.leaf.credential is not None
    assert pin.first.id == passer().leaf.id


def test_a_key_of_one_link_is_first_own_and_last_at_once() -> None:
    verified = first(TENANT).verified()
    assert verified.first is verified.own is verified.leaf


def test_what_was_shown_stays_out_of_logs_and_errors() -> None:
    shown = Presented(Reader.KEYPAD, Instant(NOW, NOW, TimeState.SYNCED), "keypad", b"918273")
    assert "918273" not in repr(shown)
    assert "918273" not in repr(first(TENANT).enrol(sealed=b"918273").leaf)


def test_a_key_shown_bare_carries_no_factor_and_came_over_the_link() -> None:
    bare = Verified(first(TENANT).verified().links)
    assert (bare.factors, bare.reader) == (Factors.NONE, Reader.LINK)


# --- numbers on the wire and in the log -------------------------------------------------------


def test_factors_rights_and_time_states_keep_their_numbers() -> None:
    assert {f.name: int(f) for f in Factors} == {
        "PIN": 1, "PASSKEY": 2, "FINGER": 4, "PERSON": 8, "TOUCH": 16}
    assert {s.name: int(s) for s in TimeState} == {"SYNCED": 0, "HOLDOVER": 1, "UNSURE": 2}
    assert {r.name: int(r) for r in Rights} == {
        "UNLOCK": 1, "LOCK": 2, "HOLD_OPEN": 4, "VIEW_LOG": 8, "ENROL": 16, "CONFIGURE": 32,
        "SET_TIME": 64, "REFRESH": 128, "RESTORE": 256, "UPDATE": 512}
    assert (int(ALL_FACTORS), int(ALL_RIGHTS)) == (31, 1023)


def test_a_count_says_when_it_may_be_forgotten() -> None:
    assert [field.name for field in fields(Count)] == ["kind", "link", "leaf", "day", "expires"]

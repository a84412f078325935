"""Every check has one number, in the text and in the code, and both say the same of it.

The text's numbers stand in the first column of a table; its last column says what a failed check
makes of a thing. The code's are the constants with which checks are raised or refused. A number
that the text calls a rule is a duty in words and is raised nowhere.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.spec.pages import NUMBER, Check, checks, pages
from tests.syntax import tree_of

from mortice.core.chain import NARROWING
from mortice.core.decision import RULES
from mortice.core.refusal import Reason

CODE = Path(__file__).parents[2] / "src" / "mortice"
MADE = {"Malformed": "malformed", "Untrusted": "untrusted", "Fault": "fault", "Fields": "malformed",
        "listed": "malformed", "read_lock_keys": "malformed"}
REFUSING = {"Refused", "NotTaken"}
UNSAID = "raised for somebody else"  # the number is handed on, so what it makes is not seen here
LETTERS = {  # the pages on which a letter's numbers are at home
    "E": ("encoding",), "K": ("encoding",), "D": ("document",), "G": ("grant",), "C": ("grant",),
    "R": ("decision",), "V": ("revocation",), "S": ("site", "commissioning"), "F": ("config",),
    "H": ("enrolment",), "P": ("pin",), "T": ("time",), "W": ("passkey",),
    "Q": ("commissioning",), "N": ("link",), "J": ("link",), "A": ("messages",), "M": ("log",),
    "L": ("log",), "U": ("uplink",), "Y": ("checked",), "Z": ("home",), "B": ("assess",),
}


def name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(
        NUMBER.fullmatch(node.value))


def called(node: ast.Call) -> Iterator[tuple[str, str]]:
    """The numbers among the arguments of a call, and what the call makes of a failed check."""
    name = name_of(node.func)
    if name == "Advice":  # it names the rule that it follows from, and refuses nothing
        return
    given = (*node.args, *(keyword.value for keyword in node.keywords))
    either = (side for each in given if isinstance(each, ast.IfExp) for side in (
        each.body, each.orelse))
    for argument in (*given, *either):
        if is_number(argument):
            number = ast.literal_eval(argument)
            if name in REFUSING:
                reason = name_of(node.args[0])
                yield number, Reason[reason].value if reason in Reason.__members__ else UNSAID
            else:
                yield number, MADE.get(name, UNSAID)


def problems(node: ast.Tuple) -> Iterator[tuple[str, str]]:
    """A (number, words) pair is how narrowing says what does not hold."""
    if len(node.elts) == 2 and is_number(node.elts[0]):
        yield ast.literal_eval(node.elts[0]), "untrusted"


@cache
def raised() -> dict[str, set[str]]:
    """What the code makes of each number that it raises or refuses with."""
    found: dict[str, set[str]] = defaultdict(set)
    for module in sorted(CODE.rglob("*.py")):
        for node in ast.walk(tree_of(module)):
            pairs = called(node) if isinstance(node, ast.Call) else (
                problems(node) if isinstance(node, ast.Tuple) else ())
            for number, made in pairs:
                found[number].add(made)
    return found


@cache
def stated() -> dict[str, Check]:
    return {check.number: check for check in checks()}


def order(number: str) -> tuple[str, int]:
    return number[0], int(number[1:])


def test_no_number_stands_in_two_rows() -> None:
    numbers = [check.number for check in checks()]
    assert sorted({number for number in numbers if numbers.count(number) > 1}, key=order) == []


def test_every_number_is_at_home_on_its_page() -> None:
    assert [
        (check.number, check.page) for check in checks()
        if check.page not in LETTERS.get(check.number[0], ())] == []


def test_the_code_has_numbers_to_compare() -> None:
    assert len(raised()) > 150
    assert {raised()[number] == {made} for number, made in (
        ("E4", "malformed"), ("C9", "untrusted"), ("R2", "revoked"), ("L5", "fault"))} == {True}


def test_every_number_in_the_code_is_in_the_text() -> None:
    assert sorted(raised().keys() - stated().keys(), key=order) == []


def test_every_number_in_the_text_is_in_the_code_unless_it_is_a_rule_in_words() -> None:
    in_words = {number for number, check in stated().items() if check.made == {"rule"}}
    assert sorted(stated().keys() - in_words - raised().keys(), key=order) == []
    assert sorted(in_words & raised().keys(), key=order) == []


@pytest.mark.parametrize("letter", LETTERS)
def test_numbers_of_a_letter_have_no_gap(letter: str) -> None:
    numbers = sorted(int(number[1:]) for number in stated() if number[0] == letter)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_text_and_code_make_the_same_of_a_failed_check() -> None:
    apart = {}
    for number, check in stated().items():
        found = raised().get(number, set())
        missing = set() if UNSAID in found else check.made - found - {"rule"}
        more = found - check.made - {UNSAID}
        if missing or more:
            apart[number] = {"only in the text": missing, "only in the code": more}
    assert apart == {}


def test_every_number_named_in_a_sentence_exists() -> None:
    """In the text, and in what the code's comments and docstrings say of it."""
    named = {
        (where, number) for where, text in (*pages().items(), *comments())
        for number in re.findall(r"(?<![\w`.#-])([A-Z]\d{1,2})(?![\w`-])", text)
        if number[0] in LETTERS}
    assert sorted((where, number) for where, number in named if number not in stated()) == []


def comments() -> Iterator[tuple[str, str]]:
    for room in ("core", "lockd", "client"):
        for module in sorted((CODE / room).rglob("*.py")):
            tree = tree_of(module)
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef
                              | ast.AsyncFunctionDef):
                    yield f"{room}/{module.name}", ast.get_docstring(node) or ""


def first_number(function: object) -> tuple[str, int]:
    found = NUMBER.search(getattr(function, "__doc__", None) or "")
    assert found is not None, f"{function} does not say which rule it is"
    return order(found.group())


def test_the_rules_are_asked_in_the_order_of_their_numbers() -> None:
    asked = [first_number(rule) for rule in RULES]
    assert asked == sorted(asked)
    assert asked[0] == ("R", 1)


def test_narrowing_is_looked_at_in_the_order_of_its_numbers() -> None:
    module = tree_of(CODE / "core" / "chain.py")
    by_name = {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    numbers = [
        order(ast.literal_eval(node)) for function in NARROWING
        for node in ast.walk(by_name[function.__name__]) if is_number(node)]
    assert numbers == sorted(numbers)

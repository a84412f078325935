"""The vectors themselves: made anew they are the same, and together they cover the whole spec."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import generate
import pytest
from tests.spec.pages import checks
from tests.vectors import cli_door, daemon, library, scenes
from tests.vectors.vector import (
    INPUTS,
    VECTORS,
    BadVector,
    Vector,
    load_all,
    parse,
)

from mortice.core.refusal import Reason

ALL = load_all()

# Numbers that no vector can fail: a home's files are no format that others read, and the files of
# reports are checked by tests that spoil them (tests/assess, tests/cli/test_checking.py).
WITHOUT_VECTOR = {"Z2", "B28", "B58"}
READ_BY = {
    "library": set(library.READERS), "daemon": set(daemon.READERS) | {"scene"},
    "command line": set(cli_door.READERS)}


def text_of(vector: Vector) -> str:
    return (VECTORS / f"{vector.name}.json").read_text("utf-8")


def test_making_the_vectors_again_changes_no_byte() -> None:
    made = generate.files()
    kept = {path: path.read_text("utf-8") for path in made if path.exists()}
    assert kept == made
    assert {path for path in VECTORS.glob("*/*.json") if path not in made} == set()


def test_nothing_that_makes_vectors_imports_the_product() -> None:
    sources = [VECTORS / "generate.py", *VECTORS.glob("making/*.py")]
    assert [path.name for path in sources if re.search(
        r"^\s*(from|import) mortice", path.read_text("utf-8"), re.MULTILINE)] == []


def test_every_reader_is_read_at_some_door_and_has_a_vector() -> None:
    assert set().union(*READ_BY.values()) == set(INPUTS) == {vector.reader for vector in ALL}


def test_every_vector_says_what_it_shows_in_one_sentence() -> None:
    assert [vector.name for vector in ALL if not re.fullmatch(r"[^\n]{5,100}[.?]",
                                                              vector.shows)] == []


def test_every_reason_is_in_a_vector() -> None:
    found = {vector.expected.get("reason") for vector in ALL}
    assert [reason.value for reason in Reason if reason.value not in found] == []


def test_every_check_of_the_spec_fails_in_a_vector() -> None:
    stated = [*checks()]
    assert len(stated) > 100, "the tables of the spec were not found"
    failing = {vector.expected.get("check") for vector in ALL}
    asked = {check.number for check in stated if check.made != {"rule"}}
    assert asked - failing == WITHOUT_VECTOR


def test_every_check_in_a_vector_is_in_the_spec() -> None:
    found = {vector.expected["check"] for vector in ALL if "check" in vector.expected}
    assert found - {check.number for check in checks()} == set()


def test_the_readers_of_the_text_are_those_of_the_runner() -> None:
    text = (VECTORS / "README.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(INPUTS)


# --- a file that says more than is looked at ---------------------------------------------------


def with_more(whole: object, *path: str) -> str:
    inner: Any = whole
    for key in path:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    inner["surprise"] = 1
    return json.dumps(whole)


@pytest.mark.parametrize("path", [(), ("input",), ("expected",), ("input", "facts")])
def test_an_unknown_key_in_a_vector_is_an_error(path: tuple[str, ...]) -> None:
    vector = next(one for one in ALL if one.reader == "decision")
    with pytest.raises(BadVector, match="surprise"):
        parse(vector.name, with_more(json.loads(text_of(vector)), *path))


def test_an_unknown_key_in_a_step_is_an_error() -> None:
    vector = next(one for one in ALL if one.reader == "scene")
    odd = parse(vector.name, with_more(json.loads(text_of(vector)), "input", "steps", "0"))
    with pytest.raises(BadVector, match="surprise"):
        scenes.check_steps(odd)


@pytest.mark.parametrize(("key", "value"), [
    ("format", "mortice-vector/2"), ("reader", "guess"), ("expected", {"class": "perhaps"})])
def test_a_vector_of_another_kind_is_an_error(key: str, value: object) -> None:
    with pytest.raises(BadVector):
        parse(ALL[0].name, json.dumps(json.loads(text_of(ALL[0])) | {key: value}))


def test_a_vector_without_what_its_reader_needs_is_an_error() -> None:
    whole = json.loads(text_of(ALL[0]))
    whole["input"].popitem()
    with pytest.raises(BadVector, match="missing"):
        parse(ALL[0].name, json.dumps(whole))


def test_each_vector_stands_in_a_folder_of_the_text() -> None:
    text = (VECTORS / "README.md").read_text("utf-8")
    folders = {Path(vector.name).parts[0] for vector in ALL}
    assert folders == set(re.findall(r"^\| \[(\w+)\]\(\w+\) \|", text, re.MULTILINE))

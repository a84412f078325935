"""`mortice assess`: products and standards, and whatever is wrong with a file or a code."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.terminal import Printed, run

PRODUCT = 'name = "A lock"\nsmart = true\nsays = """\nMilitary-grade\nIt is blue\n"""\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "lock.toml"
    made.write_text(PRODUCT, "utf-8")
    return made


def test_a_product_is_judged_in_words_and_for_scripts(file: Path) -> None:
    said = run("assess", "product", file)
    assert said.code == 0
    assert "RF01" in said.out
    assert "Nothing we know is said in\n  It is blue" in said.out
    shown = run("--json", "assess", "product", file, "--on", "2027-01-31").json
    assert shown.keys() == {
        "name", "day", "smart", "flags", "marks", "refused", "layers", "uncovered", "standards",
        "psti", "questions", "unknown"}
    assert shown["day"] == "2027-01-31"
    assert shown["unknown"] == ["It is blue"]


def test_a_line_that_may_say_the_opposite_is_counted_apart(file: Path) -> None:
    file.write_text('says = ["No fire rating", "No account required", "AES"]\n', "utf-8")
    said = run("assess", "product", file).out
    assert "Red flags: 1. Lines that may say the opposite of one: 2." in said
    red, _, rest = said.partition("Read these lines: each may say the opposite of a red flag")
    assert "RF02" in red
    assert "RF17" not in red
    assert "RF17" in rest
    assert "RF22" in rest


@pytest.mark.parametrize(("cases", "several"), [(1, False), (2, True)])
def test_one_door_gives_itself_also_where_it_is_the_only_case(
    tmp_path: Path, cases: int, several: bool,
) -> None:
    path = tmp_path / "doors.yaml"
    path.write_text("cases:\n" + "- {name: x, facts: {}}\n" * cases, "utf-8")
    shown = run("--json", "assess", "door", path).json
    assert ("doors" in shown, "headline" in shown) == (several, not several)


def test_a_seller_cannot_colour_the_terminal(file: Path) -> None:
    file.write_text('says = ["\\u001b[31munhackable", "\\u001b[2J"]\nname = "\\u001b[m"\n', "utf-8")
    said = run("assess", "product", file)
    assert said.code == 0
    assert "\x1b" not in said.out


@pytest.mark.parametrize("verb", ["door", "product"])
@pytest.mark.parametrize(("name", "content", "error"), [
    ("lock.txt", b"says = []", "usage"),
    ("lock.toml", b"says = [", "bad_file"),
    ("lock.yaml", b"\xff\xfe", "bad_file"),
    ("lock.yaml", b"a: *b", "bad_file"),
    ("lock.yaml", b"", "bad_file"),
    ("lock.yaml", b"facts: {no_such_fact: photo}", "bad_file"),
    ("lock.yaml", b"# " + b"x" * 300_000, "bad_file"),
    (None, b"", "system"),
    (".", b"", "usage"),
])
def test_a_bad_file_is_one_sentence_and_a_next_step(
    tmp_path: Path, verb: str, name: str | None, content: bytes, error: str,
) -> None:
    path = tmp_path / (name or "missing.toml")
    if content or name == "lock.yaml":
        path.write_bytes(content)
    wrong(2 if error == "usage" else 1, error, "assess", verb, path)


def wrong(code: int, error: str, *words: object) -> Printed:
    said, shown = run(*words), run("--json", *words)
    assert (said.code, shown.code, shown.problem["code"]) == (code, code, error)
    assert shown.problem["message"]
    assert shown.problem["next"]
    assert said.out == ""
    assert "Traceback" not in said.err
    return shown


def test_a_bad_file_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lock.yaml"
    path.write_text("name: x\nsays: []\nmarks: 5\n", "utf-8")
    assert "line 3" in wrong(1, "bad_file", "assess", "product", path).problem["message"]


@pytest.mark.parametrize("verb", ["door", "product"])
@pytest.mark.parametrize("day", ["tomorrow", "9998-01-01", "1999-12-31"])
def test_a_wrong_day_is_a_wrong_line(tmp_path: Path, verb: str, day: str) -> None:
    path = tmp_path / "door.yaml"
    path.write_text("facts: {}\nsupport: {until: 2031-01-01}\n", "utf-8")
    wrong(2, "usage", "assess", verb, path, "--on", day)


# --- standards ------------------------------------------------------------------------------------


def test_every_digit_of_a_code_is_explained() -> None:
    words = ("assess", "explain", "EN 1303:2015", "1 6 - B - C 5 D")
    shown = run("--json", *words).json
    places = shown["read"]["places"]
    assert "".join(each["character"] for each in places) == "16-B-C5D"
    assert places[7]["confidence"] == "likely"
    assert shown["date"] == "2026-11-22"
    said = run(*words).out
    assert all(each["meaning"] in said for each in places)
    assert "Unverified: as B" in said
    assert shown["source"] in said
    assert shown["not_covers"] in said


@pytest.mark.parametrize(("words", "part", "facts"), [
    (("TS 007 3 star",), "cylinder", ["ts007_total3"]),
    (("TS 007", "3 star"), "cylinder", ["ts007_total3"]),
    (("TS 007:2014", "2 star"), "hardware", []),
    (("BS 3621:2007 lock",), "lock", ["bs3621_family"]),
    (("LPS 1175", "B3"), "set", ["lps1175_b3"]),
])
def test_a_mark_is_explained(words: tuple[str, ...], part: str, facts: list[str]) -> None:
    read = run("--json", "assess", "explain", *words).json["read"]
    assert (read["part"], read["facts"]) == (part, facts)
    assert read["say"] in run("assess", "explain", *words).out


def test_a_standard_alone_is_explained_with_its_editions() -> None:
    shown = run("--json", "assess", "explain", "pas24").json
    assert shown["read"] is None
    assert {each["id"]: each["status"] for each in shown["editions"]}["2016"] == "withdrawn"
    said = run("assess", "explain", "pas24").out
    assert "2016: withdrawn, in September 2023" in said
    assert "To be found out: " in said
    assert run("assess", "explain", "PSTI").code == 0


@pytest.mark.parametrize(("words", "message"), [
    (("",), "names no standard"),
    (("steel",), "names no standard"),
    (("PAS 24 lock",), "no PAS 24 lock"),
    (("TS 007", "2 star cylinder"), "no TS 007 2 star cylinder"),
    (("EN 1303", "1 6 - B - C 5 D"), "several editions"),
    (("EN 1303:2010",), "No edition 2010"),
    (("EN 1303:2015", "1 6 - B - C 5 2"), "2005"),
    (("EN 1303:2015", "1 6"), "8 places"),
    (("BS 3621:2010",), "No edition 2010"),
    (("PSTI", "yes"), "not a mark"),
    (("Sold Secure", "Platinum"), "no grade"),
])
def test_a_code_that_cannot_be_is_refused_in_words(words: tuple[str, ...], message: str) -> None:
    shown = wrong(1, "bad_code", "assess", "explain", *words)
    assert message in shown.problem["message"]
    assert "Expected" in shown.problem["next"]


def test_no_standard_is_a_wrong_line() -> None:
    wrong(2, "usage", "assess", "explain")


def test_the_guide_is_printed() -> None:
    text = run("assess", "guide").out
    assert text.startswith("# Choosing a lock")
    assert run("--json", "assess", "guide").json["guide"].startswith(text.rstrip("\n"))

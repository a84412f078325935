"""Files of facts that cannot be read: each is refused at once, with its line."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortice.assess.text import BadFile, Lines, as_day, read_text

AT_ONCE = 3.0  # seconds; each of these took far longer, or did not end
TAGS = ["bool", "int", "float", "timestamp", "binary", "null", "set", "map", "seq", "omap", "str"]
LARGE = {
    "TOML, dots": ("toml", "a" + ".a" * 3000 + " = 1"),
    "TOML, dots in brackets": ("toml", "[a" + ".a" * 100_000 + "]"),
    "TOML, quoted dots": ("toml", "a" + ' . "a"' * 40_000 + " = 1"),
    "TOML, some dots": ("toml", "a" + ".a" * 30 + " = 1"),
    "TOML, lists": ("toml", "a = " + "[" * 20_000),
    "TOML, lists that end": ("toml", "a = " + "[" * 60 + "]" * 60),
    "TOML, inline tables": ("toml", "a = " + "{a = " * 20_000),
    "YAML, lists": ("yaml", "facts: " + "[" * 20_000),
    "YAML, dashes": ("yaml", "- " * 100_000),
    "YAML, tables": ("yaml", "facts: " + "{a: " * 50_000),
    "YAML, questions": ("yaml", "? " * 100_000)}


def refused(text: str, form: str) -> BadFile:
    started = time.monotonic()
    with pytest.raises(BadFile) as caught:
        read_text(text, form)
    assert time.monotonic() - started < AT_ONCE
    assert caught.value.expected
    return caught.value


@pytest.mark.parametrize("name", LARGE)
def test_what_is_nested_too_deep_is_refused_at_once(name: str) -> None:
    form, text = LARGE[name]
    error = refused("# first\n" + text, form)
    assert error.what == "it is nested too deep"
    assert error.line == 2


@pytest.mark.parametrize(("text", "line", "what"), [
    ("facts:\n  leaf_sound: !!bool maybe\n", 2, "'maybe' cannot be read"),
    ('facts:\n  leaf_sound: !!int ""\n', 2, "'' cannot be read"),
    ("facts:\n  leaf_sound: !!int '-'\n", 2, "'-' cannot be read"),
    ("facts:\n  leaf_sound: !!timestamp foo\n", 2, "'foo' cannot be read"),
    ("facts:\n  leaf_sound: !!float x\n", 2, "'x' cannot be read"),
    ("facts:\n  leaf_sound:\n    on: 2026-13-45\n", 3, "'2026-13-45' cannot be read"),
    ("a: 1\nb: 2026-01-01T99:00:00Z\n", 2, "cannot be read"),
    ("a: 1\nb: " + "9" * 6000, 2, "too long"),
    ("a: 1\nb: 1" + ":59" * 80_000, 2, "too long"),
    ("a: 1\nb: 0x" + "f" * 20, 2, "too large"),
    ("a: 1\nb: !!binary aGk=\n", 2, "the tag"),
    ("a: 1\nb: !!set {x}\n", 2, "the tag"),
    ("a: 1\nb: !mine x\n", 2, "the tag"),
    ("a: 1\nb: x\0y\n", 2, "no text has"),
    ('a: 1\nname: "\\ud800"\n', 2, "half of a character"),
    ('a: 1\n"\\udfff": x\n', 2, "half of a character"),
    ('a: 1\nb: "\\U99999999"\n', 2, "a character that cannot be"),
    ("a: 1\nb: 2\na: 3\n", 3, "a stands here twice"),
    ("a: &x 1\nb: *x\n", 2, "an alias"),
    ("a: 1\nb: [\n", 3, "end"),
])
def test_a_value_of_yaml_that_cannot_be_read_is_told_with_its_line(
    text: str, line: int, what: str,
) -> None:
    error = refused(text, "yaml")
    assert what in error.what
    assert error.line == line


@pytest.mark.parametrize(("text", "line", "what"), [
    ("a = 1\nb = 0x" + "f" * 9000, 2, "too large"),
    ("a = 1\nb = [1, " + "1" * 401 + "]", 2, "too large"),
    ("a = 1\nb = " + "1" * 9000, 2, "too large"),
    ("a = 1\na = 2\n", 2, "overwrite"),
    ("a = 1\nb = 2026-13-45\n", 2, ""),
])
def test_a_value_of_toml_that_cannot_be_read_is_told_with_its_line(
    text: str, line: int, what: str,
) -> None:
    error = refused(text, "toml")
    assert what in error.what
    assert error.line == line


def test_the_lines_of_many_keys_are_found_at_once() -> None:
    text = "".join(f'"a\\u0062{number}" = 1\n' for number in range(10_000))
    started = time.monotonic()
    raw, lines = read_text(text, "toml")
    assert time.monotonic() - started < AT_ONCE
    assert raw["ab9999"] == 1
    assert [lines.at((f"ab{number}",)) for number in (0, 77, 9999)] == [1, 78, 10_000]


def test_keys_are_found_where_they_stand_and_not_in_a_value() -> None:
    text = 'name = "on = 5"\nfacts.pas24.on = 1\n[support]\non = 2\n\'sold\' = 3\n'
    lines = read_text(text, "toml")[1]
    assert lines.at(("facts", "pas24", "on")) == 2
    assert lines.at(("support", "on")) == 4
    assert lines.at(("support", "sold")) == 5


@pytest.mark.parametrize(("form", "text"), [("toml", "a = 1\n"), ("yaml", "a: 1\n")])
def test_a_mark_of_the_order_of_bytes_is_no_part_of_a_file(form: str, text: str) -> None:
    assert read_text("\ufeff" + text, form) == read_text(text, form)
    assert read_text(text, form)[0] == {"a": 1}


@given(st.text(max_size=80) | st.text("{}[]:,-?!&*#'\"\\\n \tab01.=", max_size=80),
       st.sampled_from(["toml", "yaml"]))
def test_whatever_is_written_is_a_table_or_refused(text: str, form: str) -> None:
    with suppress(BadFile):
        assert isinstance(read_text(text, form)[0], dict)


@given(st.sampled_from(TAGS), st.text("0123456789:.-+ _xbeTZ", max_size=12))
def test_whatever_a_tag_stands_on_is_read_or_refused(tag: str, value: str) -> None:
    with suppress(BadFile):
        assert read_text(f"a: !!{tag} '{value}'", "yaml")[0].keys() == {"a"}


@pytest.mark.parametrize("said", ["1999-12-31", "2200-01-01", "9999-12-31", "soon", 5])
def test_a_day_too_far_away_is_none(said: object) -> None:
    with pytest.raises(BadFile):
        as_day(said, Lines(), ("on",))

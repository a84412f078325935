"""What people send each other: read back whole, and whatever else is pasted is refused in words."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import AGENT, GUEST, key

from mortice.cli import texts
from mortice.cli.output import plain
from mortice.cli.problems import Problem, in_words
from mortice.cli.texts import CLAIM, FILE, KEY, NAMES, REQUEST, SITE, STAPLE, Handover
from mortice.core import cbor
from mortice.core.errors import Malformed, Theirs
from mortice.core.grant import Passkey

HANDOVER = Handover([b"one", b"two"], b"map", [b"link"], [(bytes(8), "192.0.2.1", 80)], "Here")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.binary(max_size=40)
    | st.text(max_size=20),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(
        st.integers(-9, 9) | st.text(max_size=5), below, max_size=4),
    max_leaves=12)


def read_any(prefix: str, text: str) -> object:
    """Read a text as what its prefix says it is."""
    if prefix == REQUEST:
        return texts.read_request(text)
    return texts.read_staple(text) if prefix == STAPLE else texts.read_handover(prefix, text)


def refusal(prefix: str, text: str) -> Theirs | None:
    """How a text is refused, if it is."""
    try:
        read_any(prefix, text)
    except Theirs as error:
        return error
    return None


def test_a_request_reads_back() -> None:
    text = texts.write_request(GUEST.public, "Ana Sousa")

    assert texts.read_request(text) == (GUEST.public, "Ana Sousa")


@pytest.mark.parametrize("prefix", [KEY, SITE])
def test_a_key_reads_back(prefix: str) -> None:
    assert texts.read_handover(prefix, texts.write_handover(prefix, HANDOVER)) == HANDOVER


@pytest.mark.parametrize("prefix", [CLAIM, FILE])
def test_a_link_and_a_file_carry_their_secret(prefix: str) -> None:
    secret = Handover(
        HANDOVER.roots, None, HANDOVER.chain, [], "Here", key("claim").seed)
    read = texts.read_handover(prefix, texts.write_handover(prefix, secret))

    assert read == secret
    assert read.claim_key.public == key("claim").public
    assert key("claim").seed.hex() not in repr(read)
    assert repr(key("claim").seed) not in repr(read)


def test_a_refresh_reads_back() -> None:
    assert texts.read_staple(texts.write_staple(b"staple", [b"link"])) == (b"staple", [b"link"])
    assert texts.read_staple(texts.write_staple(b"staple", None)) == (b"staple", None)


@pytest.mark.parametrize("prefix", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_one_kind_is_not_read_as_another_and_is_called_by_its_name(
    prefix: str, other: str
) -> None:
    if prefix == other:
        return
    text = texts.write(prefix, [1, 2, 3])

    with pytest.raises(Malformed, match=f"{NAMES[prefix]}, not {NAMES[other]}"):
        read_any(other, text)


@given(st.sampled_from([*NAMES]), VALUES)
def test_any_value_is_read_or_refused_in_words(prefix: str, value: cbor.Value) -> None:
    try:
        text = texts.write(prefix, value)
    except RuntimeError:  # a number that has no encoding
        return
    refused = refusal(prefix, text)

    assert refused is None or in_words(refused).code in ("malformed", "not_genuine")


@given(st.sampled_from([*NAMES]), st.binary(max_size=60), st.text(max_size=30))
def test_any_bytes_and_any_letters_are_refused_in_words(
    prefix: str, junk: bytes, letters: str
) -> None:
    for text in (prefix + base64.urlsafe_b64encode(junk).decode(), prefix + letters, letters):
        refused = refusal(prefix, text)
        assert refused is None or in_words(refused).after


@given(st.integers(len(KEY) + 1, 400))
def test_a_text_broken_behind_its_name_is_put_together_again(width: int) -> None:
    whole = texts.write_handover(KEY, HANDOVER)
    broken = "\n".join(whole[at:at + width] for at in range(0, len(whole), width))

    assert texts.read_handover(KEY, broken) == HANDOVER


# --- what an argument stands for -----------------------------------------------------------


def test_an_argument_is_itself_or_a_file(tmp_path: Path) -> None:
    text = texts.write_request(GUEST.public, "Ana")
    file = tmp_path / "request"
    file.write_text(text)

    assert texts.given(text) == texts.given(str(file)) == text


@pytest.mark.parametrize("name", ["missing.txt", "no/such/file", "~nobody/x"])
def test_a_file_that_is_not_there_is_said_to_be_missing(name: str) -> None:
    with pytest.raises(Problem) as caught:
        texts.given(name)
    assert caught.value.code == "no_file"


def test_a_folder_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        texts.given(str(tmp_path))


def test_an_empty_file_and_a_long_one_are_no_text(tmp_path: Path) -> None:
    empty, long = tmp_path / "empty", tmp_path / "long"
    empty.write_text(" \n")
    long.write_text("A" * 70_000)

    for file in (empty, long):
        with pytest.raises(Malformed):
            texts.given(str(file))


def test_a_file_in_no_encoding_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "odd"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(Malformed):
        texts.read(KEY, texts.given(str(file)))


# --- what a terminal is shown --------------------------------------------------------------


@given(st.text())
def test_what_a_terminal_would_obey_is_written_out(text: str) -> None:
    shown = plain(text)

    assert shown.isprintable() or not text.isprintable()
    assert not any(letter in shown for letter in "\x00\x07\x1b\r\n\t\x7f\x9b\u202e\u2066\ufeff")


def test_ordinary_letters_of_any_script_stay() -> None:
    text = "Zoë Łukasz 李 · ✓ 🔑"

    assert plain(text) == text


def test_a_browsers_request_names_its_passkey() -> None:
    passkey = Passkey(AGENT.public, bytes(32), "https://hub.example")
    text = texts.write_request(GUEST.public, "Margaret", passkey)

    assert texts.read_asking(text) == texts.Asking(GUEST.public, "Margaret", passkey)
    assert texts.read_request(text) == (GUEST.public, "Margaret")

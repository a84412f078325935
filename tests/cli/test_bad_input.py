"""Whatever is typed, sent or damaged: one sentence, a next step, a code, and nothing changed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Given
from tests.cli.doorway import Doorway
from tests.cli.terminal import Terminal, run

from mortice.core.log import Kind

LINES = [  # what is typed, the exit code, and the code of the error
    (("nosuch",), 2, "usage"),
    (("door",), 2, "usage"),
    (("door", "open", "front"), 2, "usage"),
    (("door", "unlock"), 2, "usage"),
    (("door", "unlock", "front", "--pin=1234"), 2, "usage"),
    (("door", "unlock", "cellar"), 1, "unknown_door"),
    (("door", "unlock", "../../etc"), 1, "unknown_door"),
    (("door", "unlock", ""), 1, "unknown_door"),
    (("door", "hold", "front"), 2, "usage"),
    (("door", "hold", "front", "--for", "13h"), 2, "usage"),
    (("door", "hold", "front", "--for", "soon"), 2, "usage"),
    (("door", "hold", "front", "--until", "25:00"), 2, "usage"),
    (("door", "hold", "front", "--for", "1h", "--until", "16:00"), 2, "usage"),
    (("door", "where", "front", "nowhere"), 2, "usage"),
    (("door", "where", "front", "host:0"), 2, "usage"),
    (("door", "where", "front", "host:65536"), 2, "usage"),
    (("door", "settings", "front", "--relock-after", "-1"), 2, "usage"),
    (("door", "settings", "front", "--pin-spent", "off"), 2, "usage"),
    (("door", "settings", "front", "--opening-hours", "09:00-17:30"), 2, "usage"),
    (("door", "settings", "front", "--opening-hours", "mon-fri"), 2, "usage"),
    (("door", "settings", "front", "--opening-hours", "mon-fri 9-17"), 2, "usage"),
    (("door", "settings", "front", "--opening-hours", "mon-fri 09:00-25:00"), 2, "usage"),
    (("door", "settings", "front", "--opening-hours", "someday 09:00-17:30"), 2, "usage"),
    (("door", "settings", "front", "--opening-hours", "daily 00:00-24:00"), 2, "usage"),
    (("door", "settings", "front", "--opening-hours", "mon 09:00-10:00;" * 29), 2, "usage"),
    (("door", "add", "MORTICE1-AAAAA", "--at", "127.0.0.1:1", "--label", "x"), 1, "malformed"),
    (("door", "add", "MORTICE1-ÄÖÜ", "--at", "127.0.0.1:1", "--label", "x"), 1, "malformed"),
    (("door", "add", "x", "--at", "here", "--label", "x"), 2, "usage"),
    (("--as", "nobody", "door", "unlock", "front"), 1, "unknown_person"),
    (("door", "unlock", "front", "--key", "ffff"), 1, "unknown_key"),
    (("key", "give", "Tom", "--doors", "front", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--always"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "cellar", "--always", "--link"), 1, "unknown_door"),
    (("key", "give", "Tom", "--doors", "front", "--always", "--until", "2099-01-01", "--link"), 2,
     "usage"),
    (("key", "give", "Tom", "--doors", "front", "--until", "2001-01-01", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--from", "2099-02-01", "--until", "2099-01-01",
      "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--until", "never", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--until", "2099-02-30", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--days", "Funday", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--hours", "10-12", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--always", "--may", "fly", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--always", "--needs", "dna", "--link"), 2,
     "usage"),
    (("key", "give", "Tom", "--doors", "front", "--always", "--quota", "2", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--uses", "0", "--link"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--always", "--link", "--file", "x"), 2, "usage"),
    (("key", "give", "Tom", "--doors", "front", "--always", "--request", "hello"), 1, "malformed"),
    (("key", "give", "Tom", "--doors", "front", "--always", "--request", "no/file"), 1, "no_file"),
    (("key", "give", "!!!", "--doors", "front", "--always", "--link"), 1, "not_here"),
    (("key", "add", "hello"), 1, "malformed"),
    (("key", "add", "MORTICE-KEY1-"), 1, "malformed"),
    (("key", "add", "MORTICE-KEY1-AAAA"), 1, "malformed"),
    (("key", "add", "MORTICE-KEY1-####"), 1, "malformed"),
    (("key", "add", "missing.txt"), 1, "no_file"),
    (("key", "claim", "https://example.org/"), 1, "no_file"),
    (("key", "claim", "mortice:key#"), 1, "malformed"),
    (("key", "take-back", "nobody"), 1, "unknown_person"),
    (("key", "refresh", "nobody"), 1, "unknown_person"),
    (("key", "explain", "ffff"), 1, "unknown_key"),
    (("pin", "give", "Tom", "--door", "front", "--until", "2001-01-01"), 2, "usage"),
    (("pin", "spare", "front", "--day", "yesterday"), 2, "usage"),
    (("pin", "spare", "front", "--day", "2001-01-01"), 2, "usage"),
    (("pin", "remove", "Tom", "--door", "front"), 1, "unknown_person"),
    (("log", "verify"), 2, "usage"),
    (("log", "verify", "missing.log", "--lock-key", "aa" * 32), 1, "system"),
    (("log", "verify", "missing.log", "--lock-key", "00" * 32), 2, "usage"),
    (("log", "verify", "missing.log", "--lock-key", "xyz"), 2, "usage"),
    (("log", "proof", "--door", "front", "--entry", "99999"), 1, "no_entry"),
    (("why", "--door", "front", "--entry", "99999"), 1, "no_entry"),
    (("site", "create", "Again"), 1, "has_site"),
    (("site", "rotate", "--sheet", "hello"), 1, "malformed"),
    (("lock", "run", "--data", "x", "--listen", "nowhere"), 2, "usage"),
    (("lock", "run", "--data", "x", "--driver", "steam"), 2, "usage"),
    (("completion", "csh"), 2, "usage"),
    (("demo", "--port", "99999"), 2, "usage"),
]


def contents(folder: Path) -> dict[str, bytes]:
    """What a home holds, but for what every visit leaves behind."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in ("heard.json", "seen.json")}


@pytest.mark.parametrize(("words", "code", "error"), LINES, ids=lambda value: str(value)[:60])
def test_a_wrong_line_gets_one_sentence_and_a_code_and_changes_nothing(
    owner: Terminal, front: Doorway, words: tuple[str, ...], code: int, error: str
) -> None:
    before = contents(owner.home)
    shown = owner.run("--json", *words)
    said = owner.run(*words)

    assert (shown.code, shown.problem["code"]) == (code, error)
    assert shown.problem["message"]
    assert shown.problem["next"]
    assert (said.code, said.out) == (code, "")
    assert said.err
    assert "Traceback" not in said.err
    assert contents(owner.home) == before


def test_a_home_that_knows_no_site_says_how_to_begin(tmp_path: Path) -> None:
    printed = run("--home", tmp_path / "empty", "key", "list")

    assert printed.code == 1
    assert "mortice site create" in printed.err
    assert "mortice key request" in printed.err


@pytest.mark.parametrize("words", [("door", "list"), ("person", "list"), ("pin", "list")])
def test_an_empty_home_lists_nothing_and_says_what_to_do(tmp_path: Path, words: tuple[str]) -> None:
    printed = run("--home", tmp_path / "empty", *words)

    assert (printed.code, printed.out) == (0, "")
    assert "mortice" in printed.err


def test_a_new_lock_whose_button_was_not_pressed_is_said_so(
    owner: Terminal, doorways: Callable[[str], Doorway]
) -> None:
    doorway = doorways("shed")
    printed = owner.run(
        "--json", "door", "add", doorway.code, "--at", doorway.address, "--label", "Shed")

    assert (printed.code, printed.problem["code"]) == (1, "press_inside_button")
    assert owner.json("door", "list")["doors"] == []


def test_a_lock_that_has_an_owner_is_said_to_have_one(owner: Terminal, front: Doorway) -> None:
    printed = owner.run(
        "--json", "door", "add", front.code, "--at", front.address, "--label", "Other")

    assert printed.problem["code"] == "has_owner"
    assert [door["label"] for door in owner.json("door", "list")["doors"]] == ["Front door"]


def test_the_code_of_another_lock_is_refused(
    owner: Terminal, front: Doorway, doorways: Callable[[str], Doorway]
) -> None:
    doorway = doorways("shed")
    doorway.press_button()
    printed = owner.run(
        "--json", "door", "add", front.code, "--at", doorway.address, "--label", "Shed")

    assert (printed.code, printed.problem["code"]) == (5, "not_genuine")


def test_two_doors_of_one_name_are_refused(
    owner: Terminal, front: Doorway, doorways: Callable[[str], Doorway]
) -> None:
    doorway = doorways("shed")
    doorway.press_button()
    printed = owner.run(
        "--json", "door", "add", doorway.code, "--at", doorway.address, "--label", "front door")

    assert printed.code == 1
    assert "already" in printed.problem["message"]


def test_an_address_where_nothing_answers_is_unreachable(
    owner: Terminal, front: Doorway, doorways: Callable[[str], Doorway]
) -> None:
    front.stop()
    shed = doorways("shed")
    printed = owner.run(
        "--json", "door", "add", shed.code, "--at", front.address, "--label", "Shed")
    front.start()

    assert (printed.code, printed.problem["code"]) == (4, "unreachable")


def test_a_wrong_passphrase_is_said_and_signs_nothing(
    owner: Terminal, front: Doorway, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the passphrase\n")
    printed = owner.run(
        "--json", "key", "give", "Tom", "--doors", "front", "--always", "--link",
        "--passphrase-file", wrong)

    assert (printed.code, printed.problem["code"]) == (1, "wrong_passphrase")
    assert owner.json("key", "list")["given"] == []


@pytest.mark.parametrize("body", [b"", b"\n", b"\xff\xfe"])
def test_a_passphrase_file_that_holds_none_is_refused(
    owner: Terminal, front: Doorway, tmp_path: Path, body: bytes
) -> None:
    file = tmp_path / "odd"
    file.write_bytes(body)
    printed = owner.run(
        "--json", "key", "give", "Tom", "--doors", "front", "--always", "--link",
        "--passphrase-file", file)

    assert printed.problem["code"] == "passphrase_file"


def test_no_input_asks_nobody(owner: Terminal, front: Doorway) -> None:
    (owner.home / "settings.json").write_text('{"me": "Margaret Hale"}')
    printed = owner.run(
        "--json", "--no-input", "key", "give", "Tom", "--doors", "front", "--always", "--link",
        typed="anything\n")

    assert (printed.code, printed.problem["code"]) == (2, "usage")
    assert "--passphrase-file" in printed.problem["next"]


DAMAGE = (b"", b"{", b"[1, 2", b'"text"', b"null", b"[]", b"{}", b"\xff\xfe", b"[[[[", b'{"a": 1}',
          b'["zz"]', b'{"root": "zz"}', b'{"root": "00"}')


FILES = (
    "site.json", "issued.json", "where.json", "settings.json", "news.json", "delivered.json",
    "heard.json", "config.json", "people/margaret-hale/keys.json",
    "people/margaret-hale/receipts.json", "people/margaret-hale/seen.json",
    "people/margaret-hale/name.json", "people/margaret-hale/staples.json")
READING = (
    ("door", "unlock", "front"), ("key", "list"), ("key", "status"), ("key", "explain"),
    ("person", "list"), ("door", "list"), ("door", "pins", "front"), ("door", "settings", "front"),
    ("pin", "list"), ("log", "verify", "--door", "front"), ("site", "show"), ("doctor",))


def no_fault(owner: Terminal, about: object) -> None:
    """Whatever is read now is read, or refused in words."""
    for words in READING:
        printed = owner.run("--json", *words)
        if "error" in printed.json:
            assert printed.problem["code"] != "fault", (about, words, printed)


@pytest.fixture
def busy(owner: Terminal, front: Doorway) -> Terminal:
    """An owner's home in which every file has something in it."""
    owner.json("door", "unlock", "front")
    owner.json("door", "settings", "front", "--relock-after", "30")
    owner.json("pin", "give", "Ana", "--door", "front")
    owner.json("key", "give", "Tom", "--doors", "front", "--always", "--link")
    owner.json("key", "take-back", "Tom")
    owner.run("key", "request", "--as", "Ben")
    owner.json("key", "give", "Ben", "--doors", "front", "--always", "--max-staleness", "7d")
    owner.json("key", "refresh", "Ben")
    return owner


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_named_or_does_no_harm(busy: Terminal, file: str) -> None:
    path = busy.home / file
    whole = path.read_bytes() if path.exists() else None
    for body in DAMAGE:
        path.write_bytes(body)
        no_fault(busy, body)
    path.write_bytes(whole or b"{}")


def changed(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """`value` with one part of it at a time replaced by something of another kind."""
    yield from (None, 7, "zz", [], {}, [[]], {"a": [1]}, True)
    if isinstance(value, dict):
        for key, part in value.items():
            yield {name: kept for name, kept in value.items() if name != key}
            yield from ({**value, key: other} for other in changed(part))
    if isinstance(value, list):
        for at, part in enumerate(value):
            yield from ([*value[:at], other, *value[at + 1:]] for other in changed(part))


@pytest.mark.parametrize("file", FILES)
def test_a_part_of_another_kind_anywhere_in_a_file_is_no_fault(busy: Terminal, file: str) -> None:
    path = busy.home / file
    path = path if path.exists() else busy.home / "people" / "ben" / path.name
    whole = json.loads(path.read_text())
    every = list(changed(whole))
    for other in every[::max(1, len(every) // 12)]:
        path.write_text(json.dumps(other))
        no_fault(busy, other)
    path.write_text(json.dumps(whole))


@pytest.mark.parametrize("body", [b"", b"x" * 4000, bytes(83), b"\x80"])
@pytest.mark.parametrize("file", ["device.key", "people/margaret-hale/key", "site/1/grant.key"])
def test_a_damaged_key_file_is_said_to_be_damaged(
    owner: Terminal, front: Doorway, file: str, body: bytes
) -> None:
    (owner.home / file).write_bytes(body)
    words = ("key", "give", "Tom", "--doors", "front", "--always", "--link") \
        if "site" in file else ("door", "unlock", "front")

    assert owner.run("--json", *words).problem["code"] == "malformed"


def test_a_full_disk_is_said_in_a_sentence(
    owner: Terminal, front: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        printed = owner.run("--json", "door", "where", "front", "127.0.0.1:1")

    assert (printed.code, printed.problem["message"]) == (1, "The disk is full.")
    assert owner.run("door", "unlock", "front").code == 0


def test_a_home_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    printed = run("--json", "--home", tmp_path / "file", "key", "request", "--as", "Ana")

    assert (printed.code, printed.problem["code"]) == (1, "system")


def test_a_file_that_is_too_long_is_not_read(owner: Terminal, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_bytes(b"MORTICE-KEY1-" + b"A" * 1_000_000)

    assert owner.run("--json", "key", "add", long).problem["code"] == "malformed"


def test_a_key_for_another_device_is_not_taken_in(
    owner: Terminal, front: Doorway, given: Given, homes: Callable[[str], Terminal]
) -> None:
    ana = homes("Ana").json("key", "request", "--as", "Ana")
    text = owner.json(
        "key", "give", "Ana", "--doors", "front", "--always", "--request", ana["request"])["text"]
    tom = homes("Tom")
    tom.run("key", "request", "--as", "Tom")

    assert tom.run("--json", "key", "add", text).problem["code"] == "other_device"


def test_a_request_taken_for_a_key_is_told_apart(homes: Callable[[str], Terminal]) -> None:
    ana = homes("Ana")
    asked = ana.json("key", "request", "--as", "Ana")["request"]

    assert ana.run("--json", "key", "add", asked).problem["code"] == "wrong_text"


def test_a_key_with_one_wrong_letter_is_refused(
    owner: Terminal, front: Doorway, homes: Callable[[str], Terminal]
) -> None:
    ana = homes("Ana")
    asked = ana.json("key", "request", "--as", "Ana")["request"]
    text = owner.json(
        "key", "give", "Ana", "--doors", "front", "--always", "--request", asked)["text"]
    for at in range(len("MORTICE-KEY1-") + 4, len(text) - 30, 97):
        wrong = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
        printed = ana.run("--json", "key", "add", wrong)

        assert printed.code in (1, 5), (at, printed)
        assert printed.problem["code"] in ("malformed", "not_genuine", "other_device")


def test_a_key_of_another_site_does_not_enter_a_home(
    owner: Terminal, front: Doorway, given: Given, tmp_path: Path,
    doorways: Callable[[str], Doorway],
) -> None:
    ana = given("Ana", "--always")
    other = Terminal(tmp_path / "other")
    (tmp_path / "pass2").write_text("another passphrase\n")
    words = ("--passphrase-file", str(tmp_path / "pass2"))
    other.run("site", "create", "Elsewhere", "--sheet-file", tmp_path / "sheet2", *words)
    shed = doorways("shed")
    shed.press_button()
    other.run("door", "add", shed.code, "--at", shed.address, "--label", "Shed", *words)
    asked = ana.json("key", "request")["request"]
    text = other.json(
        "key", "give", "Ana", "--doors", "shed", "--always", "--request", asked, *words)["text"]

    assert ana.run("--json", "key", "add", text).problem["code"] == "other_site"
    assert ana.json("door", "unlock", "front")["result"] == "opened"


def test_an_error_of_our_own_is_said_without_a_trace(
    owner: Terminal, front: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mortice.cli.door.status", lambda *_: 1 / 0)
    printed = owner.run("door", "show", "front")

    assert printed.code == 1
    assert "ZeroDivisionError" in printed.err
    assert "Traceback" not in printed.err


def test_the_log_learns_nothing_from_lines_that_never_reach_the_door(
    owner: Terminal, front: Doorway
) -> None:
    before = len(front.entries(Kind.REFUSED))
    owner.run("door", "hold", "front", "--for", "13h")
    owner.run("door", "unlock", "cellar")

    assert len(front.entries(Kind.REFUSED)) == before

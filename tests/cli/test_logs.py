"""Logs: read in words, copied whole, and checked on any machine with nothing but a key."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.cli.conftest import Given
from tests.cli.doorway import Doorway
from tests.cli.terminal import Terminal, run

from mortice.core.log import Kind


@pytest.fixture
def key(owner: Terminal, front: Doorway) -> str:
    return owner.run("door", "key", "front").out.strip()


@pytest.fixture
def copy(owner: Terminal, front: Doorway, tmp_path: Path) -> Path:
    """An exported log with a few openings."""
    for _ in range(3):
        owner.run("door", "unlock", "front")
        owner.run("door", "lock", "front")
    file = tmp_path / "front.log"
    assert owner.run("log", "export", "--door", "front", file).code == 0
    return file


def verify(file: Path, key: str) -> tuple[int, dict[str, object] | None]:
    """The exit code and the fault, on a machine without a home."""
    printed = run("--json", "--home", file.parent / "no-home", "log", "verify", file,
                  "--lock-key", key)
    return printed.code, printed.json["fault"]


def test_a_whole_log_verifies_without_a_home(copy: Path, key: str, front: Doorway) -> None:
    printed = run("--json", "--home", copy.parent / "no-home", "log", "verify", copy,
                  "--lock-key", key)

    assert printed.code == 0
    assert printed.json["entries"] == len(front.entries())
    assert printed.json["receipts"] == 1
    assert printed.json["heads"] >= 6
    assert printed.json["fault"] is None
    assert not (copy.parent / "no-home").exists()


def test_the_key_may_come_from_a_file_or_as_bare_hex(copy: Path, key: str) -> None:
    (copy.parent / "front.pub").write_text(key + "\n")
    raw = bytes.fromhex(key)[-32:].hex()

    assert run("log", "verify", copy, "--lock-key", copy.parent / "front.pub").code == 0
    assert run("log", "verify", copy, "--lock-key", raw).code == 0


def test_every_changed_byte_is_found(copy: Path, key: str) -> None:
    whole = copy.read_bytes()
    changed = copy.with_name("changed.log")
    for at in range(0, len(whole), 41):
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        code, fault = verify(changed, key)
        assert code == 5, at
        assert fault is not None


def test_every_cut_is_found(copy: Path, key: str) -> None:
    whole = copy.read_bytes()
    cut = copy.with_name("cut.log")
    for at in range(0, len(whole), 67):
        cut.write_bytes(whole[:at])
        assert verify(cut, key)[0] == 5, at


def test_a_changed_entry_is_named(owner: Terminal, copy: Path, key: str, front: Doorway) -> None:
    refused = front.entries(Kind.GRANTED)[1]
    whole = copy.read_bytes()
    at = whole.index(refused.encode())
    copy.write_bytes(whole[:at + 4] + bytes([whole[at + 4] ^ 1]) + whole[at + 5:])
    printed = run("log", "verify", copy, "--lock-key", key)

    assert printed.code == 5
    assert f"Entry at fault: {refused.index}." in printed.out


def test_another_locks_key_verifies_nothing(copy: Path, back: Doorway, owner: Terminal) -> None:
    other = owner.run("door", "key", "back").out.strip()

    assert verify(copy, other)[0] == 5


@pytest.mark.parametrize("body", [b"", b"hello", b"mortice-log/1\n", b"mortice-log/2\n", b"{}",
                                  b"{", b"[" * 100_000, b'{"format": "mortice-entry-proof/1"}'])
def test_what_is_no_log_does_not_verify(copy: Path, key: str, body: bytes) -> None:
    copy.write_bytes(body)
    printed = run("log", "verify", copy, "--lock-key", key)

    empty = body == b"mortice-log/1\n"  # a log without entries, which nobody signed away
    assert printed.code == (0 if empty else 5)


def test_the_doors_own_log_is_checked_against_receipts_in_the_home(
    owner: Terminal, front: Doorway
) -> None:
    owner.run("door", "unlock", "front")
    shown = owner.json("log", "verify", "--door", "front")

    assert (shown["ok"], shown["receipts"]) == (True, 1)


def test_a_log_that_was_cut_and_written_on_is_found_by_a_receipt(
    owner: Terminal, front: Doorway, tmp_path: Path, key: str
) -> None:
    """The lock itself signs the shorter log: only what somebody else kept shows it."""
    owner.run("door", "unlock", "front")
    front.stop()
    before = {file: file.read_bytes() for file in front.folder.iterdir() if file.is_file()}
    front.start()
    owner.run("door", "lock", "front")
    receipts = (owner.home / "people" / "margaret-hale" / "receipts.json").read_bytes()
    front.stop()
    for file in front.folder.iterdir():
        if file.is_file() and file not in before:
            file.unlink()
    for file, body in before.items():
        file.write_bytes(body)
    (owner.home / "people" / "margaret-hale" / "receipts.json").unlink()
    front.start()
    for _ in range(6):
        owner.run("door", "unlock", "front")
    (owner.home / "people" / "margaret-hale" / "receipts.json").write_bytes(receipts)

    printed = owner.run("--json", "log", "verify", "--door", "front")
    assert (printed.code, printed.json["fault"]["check"]) == (5, "L10")


def test_a_long_log_is_fetched_whole(owner: Terminal, front: Doorway, tmp_path: Path) -> None:
    for number in range(700):
        front.at_door(lambda number=number: front.lock.note(Kind.ALARM, {13: f"test {number}"}))
    file = tmp_path / "long.log"

    assert owner.json("log", "export", "--door", "front", file)["entries"] > 700
    assert owner.json("log", "verify", "--door", "front")["entries"] > 700
    assert len(owner.json("log", "show", "--door", "front", "--last", "300")["entries"]) == 300


# --- one entry -----------------------------------------------------------------------------


def test_one_entry_is_proved_without_its_neighbours(
    owner: Terminal, front: Doorway, tmp_path: Path, key: str
) -> None:
    owner.run("door", "unlock", "front")
    entry = front.entries(Kind.GRANTED)[-1]
    file = tmp_path / "proof.json"
    owner.run("log", "proof", "--door", "front", "--entry", entry.index, file)

    assert run("log", "verify", file, "--lock-key", key).code == 0
    body = json.loads(file.read_text())
    assert body["entry"] == entry.encode().hex()
    other = front.entries()[entry.index - 1]
    assert other.encode().hex() not in file.read_text()


def last_bit_flipped(shown: str) -> str:
    return shown[:-1] + f"{int(shown[-1], 16) ^ 1:x}"


@pytest.mark.parametrize("field", ["entry", "head", "index", "proof", "format"])
def test_a_changed_proof_does_not_verify(
    owner: Terminal, front: Doorway, tmp_path: Path, key: str, field: str
) -> None:
    owner.run("door", "unlock", "front")
    file = tmp_path / "proof.json"
    owner.run("log", "proof", "--door", "front", "--entry", 4, file)
    body = json.loads(file.read_text())
    body |= {field: {
        "entry": last_bit_flipped(body["entry"]), "head": last_bit_flipped(body["head"]),
        "index": 3, "proof": body["proof"][::-1], "format": "x"}[field]}
    file.write_text(json.dumps(body))

    assert run("log", "verify", file, "--lock-key", key).code == 5


# --- tables --------------------------------------------------------------------------------


def test_a_table_has_no_formula_and_no_control(
    owner: Terminal, front: Doorway, tmp_path: Path
) -> None:
    front.at_door(lambda: front.lock.note(Kind.ALARM, {13: "=1+1"}))
    front.at_door(lambda: front.lock.note(Kind.ALARM, {13: "\x1b[2Jgone"}))
    for name in ("=cmd()", "@SUM(A1)"):
        owner.run("key", "request", "--as", name)
        owner.run("key", "give", name, "--doors", "front", "--always")
        owner.run("--as", name, "door", "unlock", "front")
    file = tmp_path / "front.csv"
    owner.run("log", "export", "--door", "front", file, "--format", "csv")

    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.reader(opened))
    assert len(rows) == len(front.entries()) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t"))]
    assert "\x1b" not in file.read_text("utf-8")
    assert any("'=cmd()" in row for row in rows)


def test_lines_of_json_are_one_entry_each(owner: Terminal, front: Doorway, tmp_path: Path) -> None:
    file = tmp_path / "front.jsonl"
    owner.run("log", "export", "--door", "front", file, "--format", "jsonl")

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["entry"] for line in lines] == list(range(len(front.entries())))


def test_an_export_appears_whole_or_not_at_all(
    owner: Terminal, front: Doorway, tmp_path: Path
) -> None:
    file = tmp_path / "front.log"
    front.stop()
    printed = owner.run("log", "export", "--door", "front", file)
    front.start()

    assert printed.code == 4
    assert list(tmp_path.glob("front.log*")) == []


def test_text_from_a_log_moves_no_cursor(owner: Terminal, front: Doorway) -> None:
    front.at_door(lambda: front.lock.note(Kind.ALARM, {13: "\x1b[2J\r\u202ehello"}))
    printed = owner.run("log", "show", "--door", "front")

    assert "\\x1b[2J\\r\\u202ehello" in printed.out
    assert "\x1b" not in printed.out


# --- why -----------------------------------------------------------------------------------


def test_why_gives_sentence_check_and_what_helps(
    owner: Terminal, front: Doorway, given: Given
) -> None:
    given("Tom", "--always", "--may", "lock").run("door", "unlock", "front")
    shown = owner.json("why", "--door", "front", "--last")

    assert shown["entry"] == front.entries(Kind.REFUSED)[-1].index
    assert (shown["who"], shown["reason"], shown["check"]) == ("Tom", "no_right", "R3")
    assert shown["sentence"] == "The key does not allow that at this door"
    assert shown["helps"]


def test_why_explains_one_entry(owner: Terminal, front: Doorway, given: Given) -> None:
    tom = given("Tom", "--always", "--may", "lock")
    first = tom.run("--json", "door", "unlock", "front").json["entry"]
    for _ in range(40):
        owner.run("door", "lock", "front")

    assert owner.json("why", "--door", "front", "--entry", first)["reason"] == "no_right"
    assert owner.json("why", "--door", "front")["entry"] == first


def test_why_says_when_an_entry_is_no_refusal(owner: Terminal, front: Doorway) -> None:
    entry = owner.json("door", "unlock", "front")["entry"]
    printed = owner.run("why", "--door", "front", "--entry", entry)

    assert printed.code == 0
    assert "is no refusal" in printed.out


def test_why_says_when_nobody_was_refused(owner: Terminal, front: Doorway) -> None:
    assert owner.json("why", "--door", "front") == {"door": "front-door", "entry": None}


def test_a_guest_may_not_read_the_log(front: Doorway, given: Given) -> None:
    ana = given("Ana", "--always")
    for words in (("log", "show"), ("log", "export", "x"), ("why",), ("log", "verify")):
        printed = ana.run("--json", *words[:2], "--door", "front", *words[2:])
        assert (printed.code, printed.problem["code"]) == (3, "not_allowed")

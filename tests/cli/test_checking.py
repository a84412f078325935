"""An installer's list at the command line: filled in, signed, taken to the door, checked again."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.assess.filled import as_toml, filled, passed
from tests.cli.conftest import Given
from tests.cli.doorway import Doorway
from tests.cli.terminal import Terminal

from mortice.assess.checklist import as_report, checklist
from mortice.assess.text import BadFile, Lines, read_text
from mortice.core.log import About, Kind

TODAY = datetime.now(UTC).date()


def today(*conditions: str, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - as filled
    """A list that is filled in today."""
    return filled(*conditions, **changed) | {"on": str(TODAY)}


@pytest.fixture
def sheet_file(tmp_path: Path) -> Path:
    file = tmp_path / "front.toml"
    file.write_text(as_toml(today()))
    return file


@pytest.fixture
def installer(front: Doorway, given: Given) -> Terminal:
    """A firm whose key may set the front door up for a month, and opens nothing."""
    return given("Jo", "--may", "configure", "--until", "2099-12-24")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The installer's clock: as many seconds ahead as a test says."""
    moved, real = SimpleNamespace(ahead=0), time.time
    monkeypatch.setattr("mortice.cli.checking.time", SimpleNamespace(
        time=lambda: real() + moved.ahead))
    return moved


def commission(who: Terminal, file: Path, *more: object) -> Any:  # noqa: ANN401 - JSON
    return who.json("assess", "commission", file, "--door", "front", *more)


def test_a_blank_list_names_every_item_and_is_no_report_until_one_is_done(owner: Terminal) -> None:
    text = owner.run("assess", "checklist").out
    assert all(f"[items.{name}]" in text for name in checklist()["items"])
    raw, lines = read_text(text, "toml")
    with pytest.raises(BadFile):
        as_report(raw, lines)  # nobody has signed it yet
    raw |= {"name": "Front", "by": "Jo", "on": "2027-03-01"}
    with pytest.raises(BadFile, match="nothing has been looked at yet"):
        as_report(raw, lines)
    raw["items"]["C03"]["result"] = "pass"
    left = as_report(raw, lines)
    assert left.results() == {"C03": "pass"}
    assert len(left.missing()) == 22
    assert owner.json("assess", "checklist")["items"]["C12"]["values"]["outside"]["most"] == 3


def test_an_installers_report_is_in_the_doors_log_and_checks_without_a_home(
    installer: Terminal, front: Doorway, owner: Terminal, sheet_file: Path, tmp_path: Path,
) -> None:
    made = commission(installer, sheet_file)
    [entry] = front.entries(Kind.CHECKED)
    assert (made["entry"], entry.about[About.COUNT]) == (entry.index, 0)
    assert (made["missing"], made["facts"]["commissioning_complete"]["shown"]) == ([], "document")

    key = owner.run("door", "key", "front").out.strip()
    stranger, file = Terminal(tmp_path / "nobody"), Path(made["file"])
    found = stranger.json("assess", "commissioned", file, "--lock-key", key)
    assert found == made
    facts = stranger.run("assess", "commissioned", file, "--lock-key", key, "--facts").out
    pasted = tmp_path / "door.toml"
    pasted.write_text(facts)
    judged = stranger.json("assess", "door", pasted, "--on", str(TODAY + timedelta(days=1)))
    assert judged["layers"]["P-INST"]["level"] == 3
    later = stranger.json("assess", "door", pasted, "--on", str(TODAY + timedelta(days=367)))
    assert later["layers"]["P-INST"]["level"] == 0  # the throw of the bolts is due again


def test_the_log_says_who_checked_the_door(
    installer: Terminal, front: Doorway, owner: Terminal, sheet_file: Path) -> None:
    commission(installer, sheet_file)
    line = next(each for each in owner.json("log", "show", "--door", "front")["entries"]
                if each["kind"] == "checked")
    assert line["word"] == "Checked"
    assert "Jo" in line["sentence"]


def test_failed_items_are_signed_and_said(
    installer: Terminal, front: Doorway, tmp_path: Path) -> None:
    file = tmp_path / "front.toml"
    file.write_text(as_toml(today(C12={"result": "fail", "note": "7 mm outside"})))
    made = commission(installer, file)
    assert made["results"]["C12"] == "fail"
    assert front.entries(Kind.CHECKED)[0].about[About.COUNT] == 1
    said = installer.run("assess", "commissioned", made["file"], "--door", "front").out
    assert "7 mm outside" in said
    assert f"due again by {TODAY.year + 1}-" in said


@pytest.fixture
def two_files(
    installer: Terminal, back: Doorway, sheet_file: Path, clock: SimpleNamespace,
) -> tuple[Path, Path]:
    """Two reports of one door, a minute apart."""
    first = commission(installer, sheet_file)["file"]
    clock.ahead = 60
    second = commission(installer, sheet_file, "--out", sheet_file.with_name("second.json"))["file"]
    return Path(first), Path(second)


@pytest.mark.parametrize("damage", ["report", "record", "receipt", "lock"])
def test_a_report_that_was_changed_afterwards_is_not_genuine(
    damage: str, owner: Terminal, two_files: tuple[Path, Path]) -> None:
    file = two_files[0]
    kept, second = (json.loads(each.read_text()) for each in two_files)
    if damage == "report":
        kept["report"]["items"]["C12"]["values"]["outside"] = 1
    elif damage != "lock":
        kept[damage] = second[damage]
    file.write_text(json.dumps(kept))
    printed = owner.run("--json", "assess", "commissioned", file, "--door",
                        "back" if damage == "lock" else "front")
    assert (printed.code, printed.problem["code"]) == (5, "not_genuine")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"format": "mortice-commissioned/1"}',
                                  b'{"format": "mortice-commissioned/1", "report": []}', b"\xff"])
def test_what_is_no_kept_report_is_said_to_be_none(
    body: bytes, owner: Terminal, front: Doorway, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(body)
    printed = owner.run("--json", "assess", "commissioned", file, "--door", "front")
    assert (printed.code, printed.problem["code"]) == (1, "bad_file")


def test_musts_that_are_left_are_named_before_anything_is_signed(
    installer: Terminal, front: Doorway, tmp_path: Path) -> None:
    file = tmp_path / "front.toml"
    file.write_text(as_toml(today("multipoint", C12=None, C17=None)))
    printed = installer.run("--json", "assess", "commission", file, "--door", "front")
    assert (printed.code, printed.problem["code"]) == (1, "unfinished")
    assert "C12, C17" in printed.problem["message"]
    assert front.entries(Kind.CHECKED) == []
    made = commission(installer, file, "--unfinished")
    assert made["missing"] == ["C12", "C17"]
    assert "commissioning_complete" not in made["facts"]


def test_a_wrong_value_is_refused_with_its_line(
    installer: Terminal, front: Doorway, tmp_path: Path) -> None:
    file = tmp_path / "front.toml"
    file.write_text(as_toml(today(C12=passed("C12") | {"values": {"outside": 4, "inside": 1}})))
    printed = installer.run("--json", "assess", "commission", file, "--door", "front")
    assert (printed.code, printed.problem["code"]) == (1, "bad_file")
    assert "C12: outside is 4" in printed.problem["message"]


@pytest.mark.parametrize("days", [2, 1000, -32])
def test_a_list_of_another_day_is_not_signed(
    days: int, installer: Terminal, front: Doorway, tmp_path: Path) -> None:
    file = tmp_path / "front.toml"
    file.write_text(as_toml(filled() | {"on": str(TODAY + timedelta(days=days))}))
    printed = installer.run("--json", "assess", "commission", file, "--door", "front")
    assert (printed.code, printed.problem["code"]) == (1, "bad_file")
    assert "line 4" in printed.problem["message"]
    assert front.entries(Kind.CHECKED) == []


def test_a_guest_signs_for_no_door(given: Given, front: Doorway, sheet_file: Path) -> None:
    guest = given("Ana", "--always")
    printed = guest.run("--json", "assess", "commission", sheet_file, "--door", "front")
    assert (printed.code, printed.problem["code"]) == (3, "no_right")
    assert front.entries(Kind.CHECKED) == []


def test_an_earlier_file_is_not_written_over(
    installer: Terminal, front: Doorway, sheet_file: Path) -> None:
    commission(installer, sheet_file)
    printed = installer.run("--json", "assess", "commission", sheet_file, "--door", "front")
    assert (printed.code, printed.problem["code"]) == (2, "usage")
    assert len(front.entries(Kind.CHECKED)) == 1


def test_a_list_of_another_door_is_not_signed_for_this_one(
    installer: Terminal, front: Doorway, tmp_path: Path) -> None:
    file = tmp_path / "front.toml"
    file.write_text('door = "0000000000000000"\n' + as_toml(today()))
    printed = installer.run("--json", "assess", "commission", file, "--door", "front")
    assert "another door" in printed.problem["message"]


@pytest.mark.parametrize(("ahead", "code"), [(-3600, "stale_document"), (7200, "time_unsure")])
def test_a_door_takes_no_report_from_before_its_last_or_from_the_future(
    ahead: int, code: str, installer: Terminal, sheet_file: Path, clock: SimpleNamespace) -> None:
    commission(installer, sheet_file)
    clock.ahead, out = ahead, sheet_file.with_name("other.json")
    printed = installer.run(
        "--json", "assess", "commission", sheet_file, "--door", "front", "--out", out)
    assert (printed.code, printed.problem["code"]) == (3, code)
    assert not out.exists()


def test_a_kept_report_names_its_place(
    installer: Terminal, front: Doorway, sheet_file: Path) -> None:
    kept = json.loads(Path(commission(installer, sheet_file)["file"]).read_text())
    report = as_report(kept["report"], Lines())
    assert bytes.fromhex(report.raw["door"]) == front.lock.owner().place.door

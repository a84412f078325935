"""What somebody who means harm tries at the hub, and gets nothing by."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from diaries import NOON, Diary
from hubs import Cast
from lived import Lived, opened
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.testclient import TestClient
from test_activity import keep

from mortice.core.errors import Malformed
from mortice.core.log import Kind
from mortice.hub.activity import SCAN
from mortice.hub.backup import back_up, restore
from mortice.hub.copies import cell
from mortice.hub.hub import make_hub
from mortice.hub.settings import Settings
from mortice.hub.tables import now

AsRole = Callable[[str], TestClient]


@pytest.mark.parametrize("until", [1 << 37, 1 << 40, 1 << 62, (1 << 64) - 1])
def test_a_lock_that_lies_of_times_takes_no_page_down(
    cast: Cast, as_: AsRole, until: int) -> None:
    Lived(cast).says("Front door", "unlocked", held_until=until, millivolts=until, pins=until)
    owner = as_("owner")
    for path in ("", f"/doors/{cast.doors['Front door'].ref}"):
        assert owner.get(f"{cast.base}{path}").status_code == 200


@pytest.mark.parametrize("said", [[1], {}, "1", None, b"1", True, (1 << 64) - 1])
def test_an_entry_of_another_form_is_kept_as_it_is(cast: Cast, as_: AsRole, said: object) -> None:
    diary = Diary(cast.locks["Front door"].signer)
    diary.write(Kind.GRANTED, dict.fromkeys(range(1, 20), said), seal=True)  # type: ignore[arg-type]
    keep(cast, "Front door", diary)
    for path in ("", "/activity", f"/doors/{cast.doors['Front door'].ref}"):
        assert as_("owner").get(f"{cast.base}{path}").status_code == 200


@pytest.mark.parametrize("query", [
    "/doors/{door}?before=99999999999999999999", "/doors/{door}?before=-99999999999999999999",
    "/activity?before={n}-{log}-1", "/activity?before=1-{log}-{n}", "/activity?around=1-{log}-{n}",
])
def test_a_mark_beyond_all_numbers_is_no_fault(cast: Cast, as_: AsRole, query: str) -> None:
    diary = Diary(cast.locks["Front door"].signer).fill(3)
    keep(cast, "Front door", diary)
    with cast.hub.database.reading() as db:
        log = db.execute(text("SELECT ref FROM logs")).scalar_one()
    path = query.format(door=cast.doors["Front door"].ref, log=log, n="9" * 22)
    assert as_("owner").get(f"{cast.base}{path}").status_code in {200, 404, 422}


def test_a_members_activity_names_no_door_and_counts_no_entry_of_others(
    cast: Cast, as_: AsRole) -> None:
    lived = Lived(cast)
    mine = lived.gives("Member", "Front door")
    lived.is_member("member", "Member")
    keep(cast, "Back door", Diary(cast.locks["Back door"].signer).fill(33))
    diary = Diary(cast.locks["Front door"].signer)
    diary.write(Kind.GRANTED, {1: mine, 2: 1, 8: 0}, seal=True)
    keep(cast, "Front door", diary)
    shown = as_("member").get(f"{cast.base}/activity").text
    assert "Back door" not in shown
    assert "34 entries" not in shown
    assert "Last signed" not in shown


def test_looking_further_back_tells_no_time_of_what_is_hidden(cast: Cast, as_: AsRole) -> None:
    with cast.hub.database.writing() as db:
        db.execute(text("UPDATE doors SET private = 1 WHERE label = 'Front door'"))
    keep(cast, "Front door", Diary(cast.locks["Front door"].signer).fill(SCAN + 50))
    door = cast.doors["Front door"].ref
    for who in ("manager", "auditor"):
        shown = as_(who).get(f"{cast.base}/activity?door={door}").text
        assert "found back to" not in shown
        assert f"{NOON + 50 * 60}-" not in shown


def test_who_backdates_a_key_of_their_own_sees_nothing_of_who_was_there_before(
    cast: Cast, as_: AsRole) -> None:
    lived = Lived(cast)
    with cast.hub.database.writing() as db:
        db.execute(text("UPDATE doors SET private = 1 WHERE label = 'Front door'"))
    before = lived.gives("Tenant before", "Front door", ends=now() - 3600)
    lived.gives("Member", "Front door", made=now() - 600)
    lived.gives("Member", "Front door", starts=1, ends=now() + 3600, made=now() - 60)
    lived.is_member("member", "Member")
    lived.wrote("Front door", (86_400, *opened(before)))
    door, member = cast.doors["Front door"].ref, as_("member")
    for path in (f"/doors/{door}", f"/activity?door={door}"):
        assert ">Opened" not in member.get(f"{cast.base}{path}").text
    lived.wrote("Front door", (30, *opened(before)))
    for path in (f"/doors/{door}", f"/activity?door={door}"):
        assert "Opened" in member.get(f"{cast.base}{path}").text


def test_a_database_that_fails_tells_the_log_no_values(cast: Cast) -> None:
    with pytest.raises(SQLAlchemyError) as raised, cast.hub.database.writing() as db:
        db.execute(text("INSERT INTO nowhere VALUES (:word)"), {"word": "$argon2id$secret"})
    assert "argon2id" not in str(raised.value)


@pytest.mark.parametrize("name", ["Smith;=1+1", "Smith;@SUM(1)", "a\t=1", "x; -1+1", "x|=1"])
def test_no_cell_begins_a_formula_whatever_parts_the_columns(name: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([cell("first"), cell(name)])
    for mark in ";\t|":
        for row in csv.reader(io.StringIO(out.getvalue()), delimiter=mark):
            assert not any(each.strip().startswith(tuple("=+-@")) for each in row)


def rewritten(file: Path, **parts: bytes) -> Path:
    """A backup with other files in it, and sums that fit."""
    other = file.with_name("other.zip")
    with zipfile.ZipFile(file) as was, zipfile.ZipFile(other, "w") as made:
        every = {name: was.read(name) for name in was.namelist()} | parts
        listed = json.loads(every.pop("backup.json"))
        listed["sha256"] = {name: hashlib.sha256(body).hexdigest() for name, body in every.items()}
        for name, body in every.items():
            made.writestr(name, body)
        made.writestr("backup.json", parts.get("backup.json") or json.dumps(listed))
    return other


@pytest.mark.parametrize("parts", [
    {"accounts.jsonl": b"[1]\n"}, {"accounts.jsonl": b"7\n"},
    {"accounts.jsonl": b'{"nobody": 1}\n'}, {"accounts.jsonl": b'{"id": {"a": 1}}\n'},
    {"accounts.jsonl": b'{"id": 99999999999999999999}\n'},
    {"accounts.jsonl": b'{"id": 1, "ref": null}\n'}, {"accounts.jsonl": b"[" * 100_000 + b"\n"},
])
def test_a_backup_of_nonsense_is_refused_in_words(
    cast: Cast, tmp_path: Path, parts: dict[str, bytes]) -> None:
    back_up(cast.hub.database, tmp_path / "hub", tmp_path / "backup.zip")
    other = make_hub(Settings(tmp_path / "other"))
    key = (tmp_path / "other" / "hub.key").read_bytes()
    with pytest.raises(Malformed):
        restore(other.database, tmp_path / "other", rewritten(tmp_path / "backup.zip", **parts))
    assert (tmp_path / "other" / "hub.key").read_bytes() == key
    other.database.close()


def test_a_damaged_backup_is_refused_in_words(cast: Cast, tmp_path: Path) -> None:
    back_up(cast.hub.database, tmp_path / "hub", tmp_path / "backup.zip")
    whole = (tmp_path / "backup.zip").read_bytes()
    other = make_hub(Settings(tmp_path / "other"))
    for at in range(0, len(whole), 97):
        (tmp_path / "bad.zip").write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1:])
        try:
            restore(other.database, tmp_path / "other", tmp_path / "bad.zip")
            break
        except Malformed:
            pass
    other.database.close()


def test_no_name_is_too_long_for_the_paper_of_an_evidence_pack(cast: Cast, as_: AsRole) -> None:
    leaf = Lived(cast).gives("\N{CJK UNIFIED IDEOGRAPH-6F22}" * 120, "Front door")
    with cast.hub.database.writing() as db:
        db.execute(text("UPDATE doors SET label = :label"), {"label": "\N{GRINNING FACE}" * 120})
    diary = Diary(cast.locks["Front door"].signer)
    diary.write(Kind.REFUSED, {
        1: leaf, 3: 20, 4: "R4", 13: "\N{CJK UNIFIED IDEOGRAPH-6F22}" * 2000}, seal=True)
    keep(cast, "Front door", diary)
    assert as_("owner").get(f"{cast.base}/activity/evidence.zip").status_code == 200

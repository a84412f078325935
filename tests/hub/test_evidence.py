"""A pack made at the hub is checked elsewhere, with nothing but the lock's public key."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from diaries import Diary
from hubs import Cast, make_cast
from hypothesis import given, settings
from hypothesis import strategies as st
from lived import Lived
from sqlalchemy import delete, select
from starlette.testclient import TestClient
from test_activity import keep, make_private

from mortice.client.audit import MAGIC, audit, frame
from mortice.core.keys import PublicKey
from mortice.core.log import Kind
from mortice.hub.evidence import frames_of
from mortice.hub.tables import Log, LogEntry, Person
from mortice.hub.tree import keep_leaves

AsRole = Callable[[str], TestClient]


@pytest.fixture
def lived(cast: Cast) -> Lived:
    made = Lived(cast)
    made.gives("Ana Sousa", "Front door")
    return made


@pytest.fixture
def front(cast: Cast, lived: Lived) -> Diary:
    diary = Diary(cast.locks["Front door"].signer)
    for number in range(90):
        if number % 9 == 4:
            diary.write(Kind.REFUSED, {3: 20, 4: "R4", 8: 1}, seal=True)
        else:
            diary.write(Kind.GRANTED, {1: lived.leaves["Ana Sousa"], 2: 1, 8: 0})
    diary.write(Kind.ALARM, {13: "the door is open while its bolt is out"})
    keep(cast, "Front door", diary)
    return diary


def pack_of(client: TestClient, cast: Cast, query: str = "") -> zipfile.ZipFile:
    answer = client.get(f"{cast.base}/activity/evidence.zip{query}")
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(answer.content))


def log_in(pack: zipfile.ZipFile) -> bytes:
    return pack.read("1-front-door.mortice-log")


def verified(folder: Path, exported: bytes, key: str) -> tuple[int, dict[str, object]]:
    """What `mortice log verify` says in a process of its own, with a home where nothing is."""
    (folder / "front.mortice-log").write_bytes(exported)
    done = subprocess.run(
        [sys.executable, "-m", "mortice", "--json", "log", "verify", folder / "front.mortice-log",
         "--lock-key", key], capture_output=True, check=False, cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "HOME": str(folder),
             "PATH": "/usr/bin:/bin"})
    return done.returncode, json.loads(done.stdout)


def test_a_pack_is_checked_with_the_key_alone(
    cast: Cast, as_: AsRole, front: Diary, tmp_path: Path,
) -> None:
    pack = pack_of(as_("owner"), cast)
    assert set(pack.namelist()) == {
        "1-front-door.mortice-log", "statement.pdf", "entries.csv", "keys.json", "README.txt"}
    assert pack.testzip() is None
    key = front.signer.public.encoded.hex()
    assert json.loads(pack.read("keys.json"))["locks"][0]["key"] == key
    assert key in pack.read("README.txt").decode()
    code, said = verified(tmp_path, log_in(pack), key)
    assert (code, said["ok"], said["entries"], said["absent"]) == (0, True, 91, 0)
    other = cast.locks["Back door"].signer.public.encoded.hex()
    assert verified(tmp_path, log_in(pack), other)[0] == 5


def test_a_selection_shows_only_what_was_chosen(
    cast: Cast, as_: AsRole, front: Diary, tmp_path: Path,
) -> None:
    exported = log_in(pack_of(as_("owner"), cast, "?sort=refused"))
    code, said = verified(tmp_path, exported, front.signer.public.encoded.hex())
    assert (code, said["entries"], said["absent"]) == (0, 91, 81)
    assert front.pairs[4][0] in exported
    assert front.pairs[5][0] not in exported


def test_a_flipped_byte_is_found_wherever_it_is(
    cast: Cast, as_: AsRole, front: Diary, tmp_path: Path,
) -> None:
    for query in ("", "?sort=safety"):
        exported = log_in(pack_of(as_("owner"), cast, query))
        lock = front.signer.public
        assert audit(exported, lock).fault is None
        for at in range(0, len(exported), 1 if query else 7):
            for flip in (0x01, 0x20, 0x80):
                wrong = bytearray(exported)
                wrong[at] ^= flip
                assert audit(bytes(wrong), lock).fault is not None, at
        wrong[-1] ^= 1
        assert verified(tmp_path, bytes(wrong), lock.encoded.hex())[0] == 5


def test_a_flipped_byte_of_the_pack_is_found(cast: Cast, as_: AsRole, front: Diary) -> None:
    content = as_("owner").get(f"{cast.base}/activity/evidence.zip?sort=safety").content
    whole = {name: zipfile.ZipFile(io.BytesIO(content)).read(name)
             for name in zipfile.ZipFile(io.BytesIO(content)).namelist()}
    for at in range(0, len(content), 97):
        wrong = bytearray(content)
        wrong[at] ^= 0x10
        try:
            pack = zipfile.ZipFile(io.BytesIO(bytes(wrong)))
            read = {name: pack.read(name) for name in pack.namelist()}
        except Exception:  # noqa: BLE001 - found
            continue
        assert read == whole or set(read) != set(whole)  # it was of what says nothing


def test_the_proof_of_one_entry_is_checked_with_the_key_alone(
    cast: Cast, as_: AsRole, front: Diary, tmp_path: Path,
) -> None:
    with cast.hub.database.reading() as db:
        log = db.scalars(select(Log)).one()
    proof = as_("owner").get(f"{cast.base}/activity/{log.ref}/17/proof.json").content
    code, said = verified(tmp_path, proof, front.signer.public.encoded.hex())
    assert (code, said["entry"], said["entries"]) == (0, 17, 91)
    assert verified(tmp_path, proof.replace(b'"index":17', b'"index":18'),
                    front.signer.public.encoded.hex())[0] == 5


def test_a_private_rooms_pack_shows_no_comings(
    cast: Cast, as_: AsRole, front: Diary, tmp_path: Path,
) -> None:
    make_private(cast)
    pack = pack_of(as_("owner"), cast)
    code, said = verified(tmp_path, log_in(pack), front.signer.public.encoded.hex())
    assert (code, said["entries"], said["absent"]) == (0, 91, 90)
    assert b"Ana" not in pack.read("entries.csv")


def test_entries_without_a_head_are_in_no_pack(cast: Cast, as_: AsRole, front: Diary) -> None:
    front.write()
    keep(cast, "Front door", front, signed=False)
    found = audit(log_in(pack_of(as_("owner"), cast)), front.signer.public)
    assert (found.size, found.fault) == (91, None)


def test_what_was_deleted_is_there_as_hashes(cast: Cast, as_: AsRole, front: Diary) -> None:
    with cast.hub.database.writing() as db:
        log = db.scalars(select(Log)).one()
        keep_leaves(db.connection(), log.id, 50)
        db.execute(delete(LogEntry).where(LogEntry.number < 50))
    found = audit(log_in(pack_of(as_("owner"), cast)), front.signer.public)
    assert (found.size, found.absent, found.fault) == (91, 50, None)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 700), st.sets(st.integers(0, 699), max_size=20))
def test_any_selection_of_any_log_is_checked(size: int, chosen: set[int]) -> None:
    exported, lock, bodies = selection(size, frozenset(chosen) & frozenset(range(size)))
    found = audit(exported, lock)
    assert (found.fault, found.size, found.absent) == (None, size, size - bodies)


def selection(size: int, chosen: frozenset[int]) -> tuple[bytes, PublicKey, int]:
    with tempfile.TemporaryDirectory() as folder:
        cast = make_cast(Path(folder) / "hub")
        diary = Diary(cast.locks["Front door"].signer).fill(size, every=1000)
        keep(cast, "Front door", diary)
        with cast.hub.database.reading() as db:
            log = db.scalars(select(Log)).one()
            parts = [frame(*part) for part in frames_of(db, log, chosen)]
        cast.hub.database.close()
    return MAGIC + b"".join(parts), diary.signer.public, len(chosen)


# --- the statement --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "Zażółć Gęślą", "Ζωή Παπαδοπούλου", "Иван Петров", "李小龍", "\x1b[31mred\n\x00", "\u202eevil",
    "<script>alert(1)</script>", "x" * 500, "**bold** [a](http://x)", "(\\) endobj"])
def test_a_statement_can_be_made_of_any_name(
    cast: Cast, as_: AsRole, lived: Lived, front: Diary, name: str,
) -> None:
    with cast.hub.database.writing() as db:
        db.get_one(Person, lived.people["Ana Sousa"].id).name = name
    made = pack_of(as_("owner"), cast).read("statement.pdf")
    assert made.startswith(b"%PDF-")
    for active in (b"/JavaScript", b"/URI", b"/Launch", b"/EmbeddedFile"):
        assert active not in made

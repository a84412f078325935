"""What locks say, kept on a real database: durable when acknowledged, and stopped at a lie."""

from __future__ import annotations

import asyncio
import os
import pickle
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from diaries import Diary
from hubs import Cast, make_cast
from sqlalchemy import func, select

from mortice.client.visit import Delivered
from mortice.core import cbor
from mortice.core.document import id_of
from mortice.core.errors import Theirs, Untrusted
from mortice.core.limits import BUNDLE_DOCUMENTS, CHAIN_BYTES, CHAIN_LINKS, DOCUMENT_BYTES
from mortice.core.log import Kind, Result
from mortice.core.merkle import leaf_hash, verify_inclusion
from mortice.core.noise import TAG_BYTES
from mortice.core.passkey import AUTHENTICATOR_BYTES, CLIENT_BYTES
from mortice.core.refusal import Reason
from mortice.core.site import sign_doors
from mortice.hub.ledger import HubLedger
from mortice.hub.lines import LINE_BYTES, Batch, Seen, bundle_frame
from mortice.hub.logs import set_aside
from mortice.hub.outbox import post
from mortice.hub.places import follow_doors, map_of
from mortice.hub.tables import Act, Delivery, Door, Log, LogEntry, LogFault, OldRoot, Place, Tile
from mortice.hub.tree import keep_leaves, proof


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> Iterator[Cast]:
    made = make_cast(tmp_path / "hub", database_url)
    yield made
    made.hub.database.close()


@pytest.fixture
async def ledger(here: Cast) -> AsyncIterator[HubLedger]:
    made = HubLedger(here.hub)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def diary(here: Cast) -> Diary:
    return Diary(here.locks["Front door"].signer)


def lock_of(here: Cast, label: str = "Front door") -> bytes:
    return here.doors[label].lock_id


async def send(ledger: HubLedger, lock: bytes, diary: Diary, page: int = 64) -> int:
    position = await ledger.position(lock)
    while position < len(diary.pairs):
        pairs = diary.pairs[position:position + page]
        head = diary.head() if position + page >= len(diary.pairs) else None
        position = await ledger.take(lock, Batch(position, pairs, head))
    return position


def seen(site: int, doors: int) -> Seen:
    return Seen(bytes(32), bytes(8), 0, 0, bytes(32), bytes(8), site, doors, 0, 0, 0)


def log_of(here: Cast) -> Log:
    with here.hub.database.reading() as db:
        return db.scalars(select(Log).order_by(Log.id)).one()


async def test_a_log_is_kept_as_the_lock_wrote_it(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    lock = lock_of(here)
    assert await ledger.position(lock) == 0
    assert await send(ledger, lock, diary.fill(150)) == await ledger.position(lock) == 150
    log = log_of(here)
    assert (log.size, log.head_size, log.fault) == (150, 150, None)
    assert log.frontier == diary.tree.encode()
    with here.hub.database.reading() as db:
        rows = db.scalars(select(LogEntry).order_by(LogEntry.number)).all()
        assert [row.body for row in rows] == [body for body, _ in diary.pairs]
        assert {row.place_id for row in rows} == {here.place.id}


async def test_a_stranger_has_no_log(here: Cast, ledger: HubLedger, diary: Diary) -> None:
    assert await ledger.lock(secrets.token_bytes(16)) is None
    with pytest.raises(Untrusted, match="no door"):
        await ledger.take(secrets.token_bytes(16), Batch(0, diary.fill(1).pairs, None))
    known = await ledger.lock(lock_of(here))
    assert known is not None
    assert known.signing.encoded == here.locks["Front door"].signer.public.encoded
    assert known.door == here.doors["Front door"].door_id


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700, 1100])
async def test_every_entry_is_proved_with_few_rows(
    here: Cast, ledger: HubLedger, diary: Diary, size: int,
) -> None:
    await send(ledger, lock_of(here), diary.fill(size), page=97)
    log = log_of(here)
    with here.hub.database.reading() as db:
        look = db.connection()
        for number in {0, size // 2, size - 1, min(size - 1, 256)}:
            shown = proof(look, log.id, number, size)
            verify_inclusion(
                leaf_hash(diary.pairs[number][0]), number, size, diary.tree.root(), shown)
        full = size // 256
        assert db.scalar(select(func.count()).select_from(Tile).where(Tile.level == 0)) == full


async def test_proofs_outlive_the_entries_beside_them(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    """Retention deletes old entries; the hashes stay, and the log goes on."""
    await send(ledger, lock_of(here), diary.fill(300))
    log = log_of(here)
    with here.hub.database.writing() as db:
        keep_leaves(db.connection(), log.id, 280)
        db.query(LogEntry).where(LogEntry.number < 280).delete()
    await send(ledger, lock_of(here), diary.fill(300), page=100)
    with here.hub.database.reading() as db:
        shown = proof(db.connection(), log.id, 290, 600)
        verify_inclusion(leaf_hash(diary.pairs[290][0]), 290, 600, diary.tree.root(), shown)
    assert await ledger.take(lock_of(here), Batch(270, diary.pairs[270:], None)) == 600


async def test_many_locks_share_a_transaction(here: Cast, ledger: HubLedger) -> None:
    diaries = {label: Diary(lock.signer).fill(130) for label, lock in here.locks.items()}
    await asyncio.gather(*(
        send(ledger, lock_of(here, label), diary, page=10) for label, diary in diaries.items()))
    with here.hub.database.reading() as db:
        assert {log.label: log.frontier for log in db.scalars(select(Log))} == {
            label: diary.tree.encode() for label, diary in diaries.items()}


async def test_what_fails_beside_it_undoes_nothing(here: Cast, ledger: HubLedger) -> None:
    """Jobs share a transaction; one that fails is undone alone, even in mid-copy."""
    diaries = {label: Diary(lock.signer).fill(130) for label, lock in here.locks.items()}

    def fails(db: object) -> None:
        raise ZeroDivisionError

    for at in range(0, 130, 13):
        taken = await asyncio.gather(*(each for label, diary in diaries.items() for each in (
            ledger.take(lock_of(here, label), Batch(at, diary.pairs[at:at + 13], None)),
            ledger._write(fails))), return_exceptions=True)
        assert taken[::2] == [at + 13, at + 13]
        assert all(isinstance(each, ZeroDivisionError) for each in taken[1::2])
    with here.hub.database.reading() as db:
        assert {log.label: log.frontier for log in db.scalars(select(Log))} == {
            label: diary.tree.encode() for label, diary in diaries.items()}


async def test_batches_sent_without_waiting_arrive_in_order(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    diary.fill(60)
    lock = lock_of(here)
    positions = await asyncio.gather(*(
        ledger.take(lock, Batch(at, diary.pairs[at:at + 10], None)) for at in range(0, 60, 10)))
    assert positions == [10, 20, 30, 40, 50, 60]


async def test_a_restart_goes_on_where_it_was(here: Cast, diary: Diary) -> None:
    for count in (100, 7, 300):
        ledger = HubLedger(here.hub)
        await send(ledger, lock_of(here), diary.fill(count))
        await ledger.close()
    assert log_of(here).frontier == diary.tree.encode()


# --- lies -----------------------------------------------------------------------------------------


async def test_a_lie_stops_the_log_and_both_halves_are_kept(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    lock = lock_of(here)
    await send(ledger, lock, diary.fill(50))
    other = diary.cut(30).fill(30)
    with pytest.raises(Theirs):
        await ledger.take(lock, Batch(30, other.pairs[30:], other.head()))
    with pytest.raises(Untrusted, match="stopped"):
        await ledger.take(lock, Batch(50, diary.fill(1).pairs[50:], diary.head()))
    log = log_of(here)
    assert log.fault is not None
    assert log.fault_at is not None
    assert (log.size, log.frontier) == (50, diary.cut(50).tree.encode())
    with here.hub.database.reading() as db:
        fault = db.scalars(select(LogFault)).one()
        assert (fault.number, fault.kept_entry, fault.shown_entry) == (
            30, diary.pairs[30][0], other.pairs[30][0])
        assert fault.kept_head == diary.head(50)
        act = db.scalars(select(Act)).one()
        assert act.about["stopped"] is True
        assert act.about["door"] == "Front door"


async def test_a_lock_with_less_than_it_sent_is_a_lie(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    """Asked for what it no longer has, a lock answers with a head alone (spec/uplink.md)."""
    await send(ledger, lock_of(here), diary.fill(50))
    with pytest.raises(Theirs, match="40 entries left of the 50"):
        await ledger.take(lock_of(here), Batch(50, [], diary.head(40)))
    with here.hub.database.reading() as db:
        fault = db.scalars(select(LogFault)).one()
        assert (fault.kept_head, fault.shown_head) == (diary.head(50), diary.head(40))


async def test_a_position_that_is_not_so_is_a_fault_that_heals(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    lock = lock_of(here)
    await send(ledger, lock, diary.fill(10))
    diary.fill(10)
    for first in (11, 15, 19):
        with pytest.raises(Theirs, match="left out"):
            await ledger.take(lock, Batch(first, diary.pairs[first:], diary.head()))
    log = log_of(here)
    assert log.fault is not None
    assert log.fault_at is None
    with here.hub.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Act)) == 1  # told once, not each time
    assert await send(ledger, lock, diary) == 20
    assert log_of(here).fault is None


async def test_an_owner_may_take_a_stopped_log_anew(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    lock = lock_of(here)
    await send(ledger, lock, diary.fill(50))
    other = diary.cut(30).fill(30)
    with pytest.raises(Theirs):
        await ledger.take(lock, Batch(50, other.pairs[50:], other.head()))
    old = log_of(here)
    with here.hub.database.writing() as db:
        set_aside(db.get_one(Log, old.id))
    assert await ledger.position(lock) == 0
    await send(ledger, lock, other)
    with here.hub.database.reading() as db:
        kept = db.scalars(select(Log).order_by(Log.id)).all()
        assert [log.frontier for log in kept] == [diary.tree.encode(), other.tree.encode()]
        assert kept[0].ended_at is not None


async def test_a_hubs_own_entry_is_no_entry(here: Cast, ledger: HubLedger, diary: Diary) -> None:
    """L11: whoever has the database but not the lock's key cannot sign for what they add."""
    forger = Diary(here.locks["Back door"].signer).fill(3)
    with pytest.raises(Untrusted, match="another lock"):
        await ledger.take(lock_of(here), Batch(0, forger.pairs, forger.head()))
    assert await ledger.position(lock_of(here)) == 0


# --- documents ------------------------------------------------------------------------------------


def newer_doors(here: Cast, version: int) -> None:
    with here.hub.database.writing() as db:
        place = db.get_one(Place, here.place.id)
        doors = map_of(place)
        follow_doors(db, place, sign_doors(
            type(doors)(doors.site, version, doors.doors), here.grant_key))


async def test_a_document_arrives_when_the_lock_has_signed_for_it(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    newer_doors(here, 2)
    lock = lock_of(here)
    [(number, bundle)] = await ledger.waiting(lock, seen(1, 2))
    name = document_of(here, number)
    assert cbor.decode(bundle[0])[0] == "mortice-doors/1"  # type: ignore[index]
    diary.write(Kind.DOORS_CHANGED, {17: 2})
    await send(ledger, lock, diary)
    for wrong in (diary.receipt(b"x" * 16, 0), diary.receipt(name, 0, Result.REFUSED)):
        await ledger.delivered(lock, number, [Delivered(name, None, wrong)])
        assert state_of(here, number) == "waiting"
    forged = Diary(here.locks["Back door"].signer).fill(1).receipt(name, 0)
    with pytest.raises(Untrusted, match="another lock"):
        await ledger.delivered(lock, number, [Delivered(name, None, forged)])
    assert state_of(here, number) == "waiting"
    await ledger.delivered(lock, number, [Delivered(name, None, diary.receipt(name, 0))])
    assert state_of(here, number) == "on_door"
    assert await ledger.waiting(lock, seen(1, 2)) == []


async def test_a_refusal_that_passes_is_asked_again(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    newer_doors(here, 2)
    lock = lock_of(here)
    [(number, _)] = await ledger.waiting(lock, seen(1, 2))
    name, wrote = document_of(here, number), diary.write(Kind.REFUSED, {3: 19})
    await send(ledger, lock, diary)
    receipt = diary.receipt(name, wrote, Result.REFUSED)
    await ledger.delivered(lock, number, [Delivered(name, Reason.STORAGE_FULL, receipt)])
    assert state_of(here, number) == "waiting"
    await ledger.delivered(lock, number, [Delivered(name, Reason.STALE_DOCUMENT, receipt)])
    assert state_of(here, number) == "refused"


async def test_a_receipt_over_another_log_stops_the_log(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    newer_doors(here, 2)
    lock = lock_of(here)
    await send(ledger, lock, diary.fill(20))
    [(number, _)] = await ledger.waiting(lock, seen(1, 2))
    name = document_of(here, number)
    other = Diary(diary.signer).fill(20)
    with pytest.raises(Theirs, match="another log"):
        await ledger.delivered(lock, number, [Delivered(name, None, other.receipt(name, 3))])
    assert log_of(here).fault_at is not None
    assert state_of(here, number) == "waiting"


async def test_a_lock_that_missed_roots_gets_them_in_order(
    here: Cast, ledger: HubLedger,
) -> None:
    with here.hub.database.writing() as db:
        place = db.get_one(Place, here.place.id)
        for version in (1, 2, 3):
            db.add(OldRoot(place_id=place.id, version=version, root=b"root %d" % version))
        place.root, place.root_version = b"root 4", 4
    lock = lock_of(here)
    [(number, bundle)] = await ledger.waiting(lock, seen(2, 1))
    assert [*map(cbor.decode, bundle)] == [
        ["mortice-site/1", b"root 3"], ["mortice-site/1", b"root 4"]]
    assert number == 0
    [(_, bundle)] = await ledger.waiting(lock, seen(4, 0))
    assert [*map(cbor.decode, bundle)] == [["mortice-doors/1", here.place.doors_map]]
    assert await ledger.waiting(lock, seen(4, 1)) == []


def document_of(here: Cast, number: int) -> bytes:
    with here.hub.database.reading() as db:
        return db.get_one(Delivery, number).document.name


def state_of(here: Cast, number: int) -> str:
    with here.hub.database.reading() as db:
        return db.get_one(Delivery, number).state


# --- the state ------------------------------------------------------------------------------------


async def test_a_door_is_as_its_lock_said(here: Cast, ledger: HubLedger) -> None:
    lock = lock_of(here)
    status = {"state": "locked", "slots": [[1, 2, False]], "id": b"\x01"}
    await ledger.heard(lock, status, connected=True)
    with here.hub.database.reading() as db:
        door = db.get_one(Door, here.doors["Front door"].id)
        assert door.connected
        assert door.status == {"state": "locked", "slots": [[1, 2, False]], "id": "01"}
        heard = door.heard_at
    await ledger.heard(lock, None, connected=False)
    with here.hub.database.reading() as db:
        door = db.get_one(Door, here.doors["Front door"].id)
        assert (door.connected, door.status["state"], door.heard_at) == (False, "locked", heard)


async def test_nothing_is_connected_after_a_start(here: Cast, ledger: HubLedger) -> None:
    await ledger.heard(lock_of(here), None, connected=True)
    again = HubLedger(here.hub)
    await again.start()
    with here.hub.database.reading() as db:
        assert not db.scalars(select(Door).where(Door.connected)).all()
    await again.close()


# --- killed ---------------------------------------------------------------------------------------

VICTIM = """
import asyncio, pickle, sys
from pathlib import Path
from mortice.hub.hub import make_hub
from mortice.hub.ledger import HubLedger
from mortice.hub.lines import Batch
from mortice.hub.settings import Settings

async def main():
    folder, database, lock, pairs = pickle.loads(sys.stdin.buffer.read())
    ledger = HubLedger(make_hub(Settings(Path(folder), database=database)))
    at = await ledger.position(lock)
    while at < len(pairs):
        at = await ledger.take(lock, Batch(at, pairs[at:at + 7], None))
        print(at, flush=True)

asyncio.run(main())
"""


def acknowledged(here: Cast, diary: Diary, after: int) -> list[int]:
    """The positions that a hub in a process of its own gave before it was killed."""
    given = pickle.dumps((str(here.hub.settings.folder), here.hub.settings.database,
                          lock_of(here), diary.pairs))
    source = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", VICTIM], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=source) as victim:
        assert victim.stdin is not None
        assert victim.stdout is not None
        victim.stdin.write(given)
        victim.stdin.close()
        said = [int(victim.stdout.readline()) for _ in range(after)]
        os.kill(victim.pid, signal.SIGKILL)
        return said + [int(line) for line in victim.stdout.read().split()]


@pytest.mark.parametrize("after", [1, 40, 90])
async def test_a_hub_killed_in_mid_commit_loses_nothing_acknowledged(
    here: Cast, diary: Diary, after: int,
) -> None:
    diary.fill(4000)
    said = acknowledged(here, diary, after)
    ledger = HubLedger(here.hub)
    position = await ledger.position(lock_of(here))
    assert said[-1] <= position < len(diary.pairs)
    with here.hub.database.reading() as db:
        bodies = db.scalars(select(LogEntry.body).order_by(LogEntry.number)).all()
        assert list(bodies) == [body for body, _ in diary.pairs[:position]]
    await send(ledger, lock_of(here), diary, page=500)
    assert log_of(here).frontier == diary.tree.encode()
    await ledger.close()


def sixty_pins(here: Cast) -> None:
    """Documents for one door; what they say is their lock's business."""
    with here.hub.database.writing() as db:
        place = db.get_one(Place, here.place.id)
        door = db.get_one(Door, here.doors["Front door"].id)
        for number in range(60):
            post(db, place, ["mortice-enrol/1", b"pin %d" % number], [door])


def talk(number: int) -> Seen:
    return replace(seen(1, 1), handshake=bytes([number]) * 32)


async def test_what_a_lock_does_not_sign_for_holds_up_nothing(
    here: Cast, ledger: HubLedger, diary: Diary,
) -> None:
    sixty_pins(here)
    await send(ledger, lock_of(here), diary.fill(1))
    lock, sent = lock_of(here), []
    bundles = await ledger.waiting(lock, talk(1))
    assert len(bundles) == 16, "so many at once"
    while bundles:
        sent += [number for number, _ in bundles]
        assert await ledger.waiting(lock, talk(1)) == [], "and no more before an answer"
        for number, _ in bundles:
            await ledger.delivered(lock, number, [
                Delivered(document_of(here, number), Reason.MALFORMED, None)])
        bundles = await ledger.waiting(lock, talk(1))
    assert sent == sorted(set(sent))
    assert len(sent) == 60, "each once in a conversation"


async def test_what_ended_a_conversation_goes_behind_what_was_not_sent(
    here: Cast, ledger: HubLedger,
) -> None:
    sixty_pins(here)
    sent = [[number for number, _ in await ledger.waiting(lock_of(here), talk(line))]
            for line in range(1, 5)]
    assert len({number for line in sent for number in line}) == 60
    with here.hub.database.writing() as db:
        for number, line in enumerate(sent):
            for each in line:
                db.get_one(Delivery, each).sent_at = number + 1
        place = db.get_one(Place, here.place.id)
        door = db.get_one(Door, here.doors["Front door"].id)
        post(db, place, ["mortice-revoke/1", b"news"], [door])
    again = [number for number, _ in await ledger.waiting(lock_of(here), talk(5))]
    assert document_of(here, again[0]) == id_of(b"news")
    longest_ago = sent[0][4:] + sent[1][:3]  # the fourth line had room for four of the first
    assert again[1:] == longest_ago


async def test_more_roots_than_a_frame_holds_go_in_several(here: Cast, ledger: HubLedger) -> None:
    roots = [bytes([version]) * DOCUMENT_BYTES for version in range(1, 71)]
    with here.hub.database.writing() as db:
        place = db.get_one(Place, here.place.id)
        db.add_all(OldRoot(place_id=place.id, version=version, root=root)
                   for version, root in enumerate(roots[:-1], 1))
        place.root, place.root_version = roots[-1], len(roots)
    bundles = await ledger.waiting(lock_of(here), seen(0, 1))
    assert [cbor.decode(item)[1] for _, bundle in bundles for item in bundle] == roots  # type: ignore[index]
    for number, bundle in bundles:
        assert number == 0
        assert len(bundle) <= BUNDLE_DOCUMENTS
        frame = bundle_frame(number, bundle)
        assert len(frame) <= LINE_BYTES - TAG_BYTES
        assert cbor.decode(frame, max_bytes=LINE_BYTES) == [2, number, [*map(cbor.decode, bundle)]]


def test_no_document_is_longer_than_a_frame() -> None:
    """A document, its signer's chain, and a passkey's touch on each of their links."""
    touch = AUTHENTICATOR_BYTES[1] + CLIENT_BYTES + 80
    longest = DOCUMENT_BYTES + CHAIN_BYTES + (CHAIN_LINKS + 1) * (touch + 64)
    assert longest + 256 <= LINE_BYTES - TAG_BYTES

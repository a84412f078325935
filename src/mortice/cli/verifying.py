"""Checking a log, or one entry of it, with nothing but the lock's public key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from mortice.cli.copying import PROOF, frames_of, kept_receipts
from mortice.cli.here import Here
from mortice.cli.moments import iso
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.problems import DONE, UNVERIFIED, usage
from mortice.client.audit import RECEIPT_FRAME, Audit, Auditor, Fault, frames
from mortice.client.home import KnownDoor
from mortice.core import cbor
from mortice.core.errors import Malformed, Theirs, Untrusted
from mortice.core.keys import COORDINATE_BYTES, PublicKey
from mortice.core.log import accept_head, read_entry
from mortice.core.merkle import leaf_hash, verify_inclusion

PROOF_BYTES = 262_144  # of a proof file: an entry, a head and 64 hashes, as JSON


def read_key(text: str) -> PublicKey:
    """A lock's public key as `door key` prints it, or a file with it. Raises Problem."""
    written = text.strip()
    path = Path(written).expanduser()
    if not _is_hex(written) and path.is_file():
        with path.open("rb") as file:
            written = file.read(1024).decode("ascii", "replace").strip()
    try:
        raw = bytes.fromhex(written)
        if len(raw) == COORDINATE_BYTES:
            return PublicKey.ed25519(raw)
        return PublicKey.from_cose(cbor.decode(raw, max_bytes=256))
    except (ValueError, Theirs) as error:
        raise usage(
            "That is no lock's public key.",
            "Use what this prints: mortice door key DOOR") from error


def _is_hex(text: str) -> bool:
    return bool(text) and all(letter in "0123456789abcdefABCDEF" for letter in text)


def verify(here: Here, file: Path | None, key: PublicKey | None, door: KnownDoor | None) -> int:
    """Audit a file, or the log that the door itself has; returns the exit code."""
    lock = key or (door.mapped.lock.signing if door else None)
    assert lock is not None, "the command asks for one of the two"
    extra = kept_receipts(here.home, door) if door else []
    if file is None:
        assert door is not None, "the command asks for one of the two"
        return _tell(here, Auditor(lock).run(_live(here, door, extra)), door.mapped.label)
    with file.open("rb") as opened:
        if opened.read(1) == b"{":
            opened.seek(0)
            return _verify_proof(here, opened, lock)
        opened.seek(0)
        found = Auditor(lock).run(_with_receipts(opened, extra))
    return _tell(here, found, str(file))


def _with_receipts(opened: BinaryIO, extra: list[bytes]) -> Iterable[tuple[int, bytes]]:
    yield from ((RECEIPT_FRAME, receipt) for receipt in extra)
    yield from frames(opened)


def _live(here: Here, door: KnownDoor, extra: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """What the door sends, as it comes: a log of any length is never held whole."""
    yield from ((RECEIPT_FRAME, receipt) for receipt in extra)
    with asyncio.Runner() as runner:
        stream = frames_of(here, door)
        try:
            while True:
                yield runner.run(_next(stream))
        except StopAsyncIteration:
            return
        finally:
            runner.run(stream.aclose())


async def _next(stream: AsyncGenerator[tuple[int, bytes], None]) -> tuple[int, bytes]:
    return await anext(stream)


def _tell(here: Here, found: Audit, what: str) -> int:
    fault = found.fault
    if here.json:
        show_json({
            "ok": fault is None, "entries": found.size, "heads": found.heads,
            "receipts": found.receipts, "absent": found.absent, "root": found.root.hex(),
            "from": None if found.first_at is None else iso(found.first_at),
            "to": None if found.last_at is None else iso(found.last_at),
            "fault": None if fault is None else {
                "check": fault.check, "message": fault.message, "entry": fault.index}})
        return DONE if fault is None else UNVERIFIED
    span = ""
    if found.first_at is not None and found.last_at is not None:
        span = f", {iso(found.first_at)} to {iso(found.last_at)}"
    say(f"{plain(what)}: {found.size:,} entries{span}")
    if fault is not None:
        _say_fault(fault)
        return UNVERIFIED
    say(f"  ✓ every entry stands where the tree says    ✓ {found.heads:,} signed heads match")
    if found.receipts:
        say(f"  ✓ {found.receipts:,} receipts agree")
    if found.absent:
        say(f"  {found.absent:,} of the entries are not in this file, only hashes of them.")
    say("Nothing has been added, removed or changed.")
    return DONE


def _say_fault(fault: Fault) -> None:
    where = "" if fault.index is None else f" Entry at fault: {fault.index}."
    say(f"  ✗ {plain(fault.message[:1].upper() + fault.message[1:])} ({fault.check}).{where}")
    note("The log was changed or damaged. Fetch it from the door again and compare; if the door's "
         "own log fails too, somebody had their hands on the lock.")


# --- one entry -----------------------------------------------------------------------------


def _verify_proof(here: Here, opened: BinaryIO, lock: PublicKey) -> int:
    problem: Theirs | None = None
    index = size = -1
    try:
        index, size = _check_proof(opened.read(PROOF_BYTES), lock)
    except Theirs as error:
        problem = error
    if here.json:
        show_json({"ok": problem is None, "entry": None if problem else index,
                   "entries": None if problem else size, "fault": None if problem is None else {
                       "check": problem.check, "message": problem.message, "entry": None}})
    elif problem is None:
        say(f"  ✓ entry {index} is in the log of {size:,} entries that the lock signed")
    else:
        _say_fault(Fault(problem.check, problem.message, None))
    return DONE if problem is None else UNVERIFIED


def _check_proof(body: bytes, lock: PublicKey) -> tuple[int, int]:
    """The entry's index and the log's size. Raises Malformed, Untrusted."""
    try:
        shown = json.loads(body)
        if shown["format"] != PROOF:
            raise ValueError(PROOF)
        entry, head = bytes.fromhex(shown["entry"]), bytes.fromhex(shown["head"])
        nodes, index = [bytes.fromhex(node) for node in shown["proof"]], int(shown["index"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise Malformed("L4", "proof: this file is no proof of a log entry") from error
    signed = accept_head(head, lock)
    verify_inclusion(leaf_hash(entry), index, signed.size, signed.root, nodes)
    if read_entry(entry).index != index:
        raise Untrusted("L6", "proof: the entry stands at another place")
    return index, signed.size



"""Copies of a log: the whole of it for an audit, tables for people, one entry with its proof."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import BinaryIO

from mortice.cli.confirmed import said
from mortice.cli.here import Here
from mortice.cli.lines import COLUMNS, cells, line_json
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.pages import pages, people_names, read_page
from mortice.cli.problems import Problem
from mortice.cli.visiting import Wish, as_answer, reading
from mortice.client.audit import ENTRY, FRAME, HEAD_FRAME, MAGIC, RECEIPT_FRAME, entry_frame, frame
from mortice.client.home import Home, KnownDoor
from mortice.client.wallet import Wallet
from mortice.core.commands import Command
from mortice.core.errors import Malformed, Theirs
from mortice.core.log import accept_receipt
from mortice.core.merkle import leaf_hash


def export(here: Here, door: KnownDoor, file: Path, kind: str) -> None:
    """Write the log of `door` to `file` whole, or not at all."""
    with _written(file) as out:
        count = asyncio.run({"mortice": _whole, "csv": _table, "jsonl": _lines}[kind](
            here, door, out))
    if str(file) == "-":
        return
    if here.json:
        show_json({"door": door.slug, "file": str(file), "format": kind, "entries": count})
        return
    say(f"{count:,} entries of {plain(door.mapped.label)} are in {file}.")
    if kind == "mortice":
        key = door.mapped.lock.signing.encoded.hex()
        note(f"Anybody can check it: mortice log verify {file} --lock-key {key}")


@contextmanager
def _written(file: Path) -> Iterator[BinaryIO]:
    """A file that appears when all of it is written; `-` is stdout."""
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = file.with_name(file.name + ".partial")
    try:
        with partial.open("wb") as out:
            yield out
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


async def _whole(here: Here, door: KnownDoor, out: BinaryIO) -> int:
    out.write(MAGIC)
    out.writelines(frame(RECEIPT_FRAME, receipt) for receipt in kept_receipts(here.home, door))
    count = 0
    async with aclosing(frames_of(here, door)) as parts:
        async for part in parts:
            out.write(frame(*part))
            count += part[0] == ENTRY
    return count


async def frames_of(here: Here, door: KnownDoor) -> AsyncGenerator[tuple[int, bytes], None]:
    """The log as the frames of an export, in order, with a head over all of it at the end."""
    covered, size = 0, 0
    head: bytes | None = None
    async with aclosing(pages(here, door)) as found:
        async for page in found:
            for row in page.rows:
                size += 1
                yield ENTRY, entry_frame(row.body, leaf_hash(row.body))[FRAME.size:]
                if row.head is not None:
                    covered = size
                    yield HEAD_FRAME, row.head
            head = page.head
    if head is not None and covered < size:
        yield HEAD_FRAME, head


def kept_receipts(home: Home, door: KnownDoor) -> list[bytes]:
    """Every receipt of this door's lock in the home: what the log must still agree with."""
    lock = door.mapped.lock
    found = [Wallet(home, person).receipt(lock) for person in home.people()]
    found += [word.receipt for word in said(home, door).values()]
    good = []
    for receipt in filter(None, found):
        try:
            good.append((accept_receipt(receipt, lock.signing).size, receipt))
        except Theirs:
            continue  # of an earlier lock at this door
    return [receipt for _, receipt in sorted(good)]


async def _table(here: Here, door: KnownDoor, out: BinaryIO) -> int:
    names, count = people_names(here.home), 0
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    async with aclosing(pages(here, door)) as found:
        async for page in found:
            writer.writerows(cells(row.entry, names) for row in page.rows)
            count += len(page.rows)
    text.detach()
    return count


async def _lines(here: Here, door: KnownDoor, out: BinaryIO) -> int:
    names, count = people_names(here.home), 0
    async with aclosing(pages(here, door)) as found:
        async for page in found:
            lines = [json.dumps(line_json(row.entry, names)) + "\n" for row in page.rows]
            out.write("".join(lines).encode())
            count += len(lines)
    return count


# --- one entry -----------------------------------------------------------------------------

PROOF = "mortice-entry-proof/1"


def prove(here: Here, door: KnownDoor, index: int, file: Path | None) -> None:
    """One entry with its proof, as JSON."""
    shown = asyncio.run(_prove(here, door, index))
    if file is None:
        show_json(shown)
        return
    with _written(file) as out:
        out.write(json.dumps(shown, indent=1).encode() + b"\n")
    if here.json:
        show_json({"door": door.slug, "entry": index, "file": str(file)})
    else:
        say(f"Entry {index} with its proof is in {file}.")


async def _prove(here: Here, door: KnownDoor, index: int) -> dict[str, object]:
    async with reading(here, door, Wish(Command.READ_LOG, {1: index})) as (call, answer):
        rows = read_page(answer).rows
        if not rows:
            raise Problem(
                "no_entry", f"The log of {door.mapped.label} has no entry {index}.",
                f"See what it has with: mortice log show --door {door.slug}")
        proof = as_answer(await call.session.more(Command.PROVE, {1: index}))
    head, nodes = proof.get("head"), proof.get("inclusion")
    if not isinstance(head, bytes) or not isinstance(nodes, list):
        raise Malformed("A1", "the door's answer cannot be read")
    return {
        "format": PROOF, "lock": door.mapped.lock.id.hex(), "index": index,
        "entry": rows[0].body.hex(), "head": head.hex(),
        "proof": [node.hex() for node in nodes if isinstance(node, bytes)]}

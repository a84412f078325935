"""A door's log, fetched page by page in one conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from mortice.cli.here import Here
from mortice.cli.visiting import Answer, Wish, as_answer, reading
from mortice.client.errands import Call
from mortice.client.home import Home, KnownDoor
from mortice.client.wallet import held
from mortice.core.commands import Command
from mortice.core.errors import Malformed
from mortice.core.limits import LOG_PAGE
from mortice.core.log import Entry, Kind, read_entry


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the door keeps it, and the signed head that was made with it, if any."""

    body: bytes
    head: bytes | None

    @property
    def entry(self) -> Entry:
        """The entry, parsed."""
        return read_entry(self.body)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in order, how many the log has, and a head over all of them on the last page."""

    rows: list[Row]
    size: int
    head: bytes | None


def read_page(answer: Answer) -> Page:
    """One answer to READ_LOG. Raises Malformed."""
    size, head, rows = answer.get("size"), answer.get("head"), answer.get("entries")
    if not isinstance(size, int) or not isinstance(rows, list):
        raise Malformed("A1", "the door's answer cannot be read")
    found = []
    for row in rows:
        match row:
            case [int(), bytes(body), bytes() | None as seal]:
                found.append(Row(body, seal))
            case _:
                raise Malformed("A1", "the door's answer cannot be read")
    return Page(found, size, head if isinstance(head, bytes) else None)


async def pages(here: Here, door: KnownDoor, first: int = 0) -> AsyncGenerator[Page, None]:
    """Pages from entry `first` to the end of the log as it then stands."""
    async with reading(here, door, Wish(Command.READ_LOG, {1: first})) as (call, answer):
        page = read_page(answer)
        yield page
        at = first + len(page.rows)
        while page.rows and at < page.size:
            page = await more(call, at)
            yield page
            at += len(page.rows)


async def more(call: Call, first: int) -> Page:
    """A further page in the same conversation."""
    return read_page(as_answer(await call.session.more(Command.READ_LOG, {1: first})))


async def newest(here: Here, door: KnownDoor, count: int) -> list[Row]:
    """The newest `count` entries, the oldest of them first."""
    size = 0
    async with reading(here, door, Wish(Command.READ_LOG, {1: 1 << 32})) as (call, answer):
        size = read_page(answer).size
        rows: list[Row] = []
        at = max(0, size - count)
        while at < size:
            page = await more(call, at)
            if not page.rows:
                break
            rows += page.rows
            at += len(page.rows)
    return rows[-count:]


async def last_refusal(here: Here, door: KnownDoor) -> Entry | None:
    """The newest refusal, looked for from the end."""
    async with reading(here, door, Wish(Command.READ_LOG, {1: 1 << 32})) as (call, answer):
        end = read_page(answer).size
        while end > 0:
            start = max(0, end - LOG_PAGE)
            rows: list[Row] = []
            while start + len(rows) < end:  # a page may be shorter than asked for
                page = await more(call, start + len(rows))
                if not page.rows:
                    break
                rows += page.rows
            entries = [row.entry for row in rows[:end - start]]
            refused = [entry for entry in entries if entry.kind is Kind.REFUSED]
            if refused:
                return refused[-1]
            end = start
    return None


async def entry_at(here: Here, door: KnownDoor, index: int) -> Entry | None:
    """One entry."""
    async with reading(here, door, Wish(Command.READ_LOG, {1: index})) as (_, answer):
        rows = read_page(answer).rows
        return rows[0].entry if rows else None


def people_names(home: Home) -> dict[bytes, str]:
    """For whom each link is that this home knows of: given from here, or held here."""
    names = home.names()
    for person in home.people():
        for chain in home.read(f"people/{person}/keys.json", []):
            names.setdefault(held(bytes.fromhex(chain)).leaf.id, home.display_name(person))
    return names

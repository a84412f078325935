"""Writing the log: entries with time and salt, signed heads, receipts.

Everything that the lock remembers of an event is made here, in the transaction of the event.

Spec: spec/log.md, sections 3 to 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mortice.core import cbor
from mortice.core.grant import KeyClass
from mortice.core.limits import COMMAND_ID_BYTES, SALT_BYTES
from mortice.core.log import (
    About,
    Entry,
    Head,
    Kind,
    Receipt,
    Result,
    read_entry,
    receipt_signature,
    sign_head,
    sign_receipt,
)
from mortice.core.stages import Granted, Reader, Refused, Towards, Verified
from mortice.core.timekeeping import Clock
from mortice.lockd.outside import Outside
from mortice.lockd.secrets import LockSecrets
from mortice.lockd.store import Appended, Change, Store

READERS = (Reader.LINK, Reader.KEYPAD, Reader.INSIDE)


def _newest(store: Store) -> Entry | None:
    rows = store.entries(store.size - 1, 1) if store.size else []
    return read_entry(rows[0][1]) if rows else None


def about_key(verified: Verified) -> dict[int | str, cbor.Value]:
    """What an entry says of a key: its links' ids, and the mark of one made for somebody else."""
    about: dict[int | str, cbor.Value] = {
        About.LEAF: verified.leaf.id,
        About.READER: READERS.index(verified.reader),
    }
    if len(verified.links) > 1:
        about[About.LINKS] = [link.id for link in verified.links[:-1]]
    if verified.factors:
        about[About.FACTORS] = int(verified.factors)
    if any(link.klass is KeyClass.FILE for link in verified.links):
        about[About.CLASS] = int(KeyClass.FILE)
    if verified.leaf.credential is not None:
        about[About.SLOT] = verified.leaf.credential.slot
    return about


def about_refusal(refused: Refused) -> dict[int | str, cbor.Value]:
    """What an entry says of a refusal: exact reason, check, and a detail without secrets."""
    about: dict[int | str, cbor.Value] = {
        About.REASON: refused.reason.words.number, About.CHECK: refused.check}
    if refused.detail:
        about[About.DETAIL] = refused.detail
    return about


class Recorder:
    """Makes entries for one lock. `clock` is replaced whenever time is set."""

    def __init__(self, store: Store, secrets: LockSecrets, outside: Outside, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.incarnation = store.number("incarnation")  # rises when an older memory was put back
        self._secrets = secrets
        self._outside = outside
        self._started = outside.count()
        newest = _newest(store)
        self._uptime = max(store.number("uptime"), newest.uptime if newest else 0)

    def uptime(self) -> int:
        """Powered-on seconds in this lock's life; never falls."""
        return self._uptime + int(self._outside.count() - self._started)

    def write(
        self, change: Change, kind: Kind, about: Mapping[int | str, cbor.Value], *,
        seal: bool = False,
    ) -> Appended:
        """Append one entry within `change`; with `seal`, sign the head that it makes."""
        now = self.clock.now(self._outside.count())
        self.clock = replace(self.clock, floor=now.at)  # nobody sets it back below what is written
        if kind is Kind.HOLD_ENDED:
            change.put_number("held", 0)
        numbered: dict[int | str, cbor.Value] = {int(key): value for key, value in about.items()}
        entry = Entry(
            change.size, now.at, now.state, self.uptime(), kind, numbered,
            self._outside.random(SALT_BYTES))

        def head() -> bytes:
            head = Head(self.incarnation, change.size, change.root(), now.at)
            return sign_head(head, self._secrets.signing)

        return change.append(entry, head if seal else None)

    def write_clock(self, change: Change, clock: Clock, by: str) -> Appended:
        """Keep a clock that is to be used, and write down who told the time."""
        for name in ("floor", "anchor_at", "attested_at", "sure", "forward"):
            change.put_number(name, int(getattr(clock, name)))
        change.put_number("anchor_ms", int(clock.anchor_count * 1000))
        change.put_meta("run", self._outside.run_id())
        before, self.clock = self.clock, clock
        try:
            return self.write(change, Kind.TIME_SET, {About.BY: by})
        finally:
            self.clock = before

    def decided(
        self, change: Change, decision: Granted | Refused, about: Mapping[int | str, cbor.Value],
    ) -> Appended:
        """The entry of a decision, and the counts a grant leaves behind, under a signed head."""
        if isinstance(decision, Refused):
            return self.write(change, Kind.REFUSED, {**about, **about_refusal(decision)}, seal=True)
        for count in decision.counts:
            change.count(count)
        if decision.until is not None:
            about = {**about, About.UNTIL: decision.until}
            change.put_number("held", change.size)
        elif decision.towards is Towards.THROWN:
            change.put_number("held", 0)
        return self.write(change, Kind.GRANTED, about, seal=True)

    def head(self) -> bytes:
        """A signed head of the log as it stands."""
        now = self.clock.now(self._outside.count())
        head = Head(self.incarnation, self.store.size, self.store.root(), now.at)
        return sign_head(head, self._secrets.signing)

    def receipt(
        self, entry: Appended, leaf: bytes, command_id: bytes, result: Result,
    ) -> tuple[Receipt, bytes]:
        """A receipt for one entry over the log as it stands now, and its signature."""
        now = self.clock.now(self._outside.count())
        receipt = Receipt(
            self.incarnation, entry.hash, entry.index, self.store.size, self.store.root(), leaf,
            command_id, result, now.at, now.state)
        return receipt, receipt_signature(receipt, self._secrets.signing)

    def receipt_for(self, entry: Appended, document: bytes, result: Result) -> bytes:
        """A whole receipt for what became of a delivered document, named by its id."""
        now = self.clock.now(self._outside.count())
        receipt = Receipt(
            self.incarnation, entry.hash, entry.index, self.store.size, self.store.root(), document,
            bytes(COMMAND_ID_BYTES), result, now.at, now.state)
        return sign_receipt(receipt, self._secrets.signing)

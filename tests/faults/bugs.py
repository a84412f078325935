"""Bugs to be planted in the daemon, one at a time: each is a mistake that somebody could make.

Each is planted by replacing one thing; `says` is the beginning of what the simulation must find.
"""

# ruff: noqa: ANN001, ANN202, ANN003, ANN002 — stand-ins for anything
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mortice.core import chain, decision, limits
from mortice.core.door import DoorState
from mortice.core.keys import PublicKey
from mortice.core.link import LockSide
from mortice.core.log import About, Kind, Result, sign_head
from mortice.core.pin import Tries
from mortice.core.stages import CountKind, Towards
from mortice.lockd import daemon, keypad, outcome, reading, watch
from mortice.lockd.conversation import Conversation
from mortice.lockd.daemon import Lock
from mortice.lockd.outcome import Answers
from mortice.lockd.outside import FIRMWARE_AT
from mortice.lockd.record import Recorder
from mortice.lockd.store import Appended, Change, DiskFull, Store
from mortice.lockd.watch import Watch

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]


@dataclass(frozen=True)
class Bug:
    """One mistake, and what must be found."""

    plant: Plant
    says: str


BUGS: dict[str, Bug] = {}


def bug(says: str) -> Callable[[Plant], Plant]:
    def keep(plant: Plant) -> Plant:
        BUGS[plant.__name__] = Bug(plant, says)
        return plant

    return keep


def without(patch: Patch, rule: str) -> None:
    """Leave one rule of the decision out."""
    patch.setattr(decision, "RULES", tuple(r for r in decision.RULES if r.__name__ != rule))


# --- the order of record and bolt ---------------------------------------------------------------


@bug("I21")
def the_bolt_moves_before_it_is_written_down(patch: Patch) -> None:
    real = Lock._recorded

    def late(self, verified, ask, decided, shown):
        if getattr(decided, "towards", None) is not None:
            self.hardware.driven.append(decided)
            self.hardware.at_drive()
        return real(self, verified, ask, decided, shown)

    patch.setattr(Lock, "_recorded", late)


@bug("I")
def a_change_is_committed_with_the_next_one(patch: Patch) -> None:
    @contextmanager
    def lazy(self) -> Iterator[Change]:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        change = Change(self._db, self._tree.copy())
        yield change
        if change.appended:
            change.put_meta("frontier", change.tree.encode())
        self._tree = change.tree
        self.lazily = getattr(self, "lazily", 0) + 1
        if self.lazily % 2 == 0:
            self._db.execute("COMMIT")

    patch.setattr(Store, "change", lazy)


@bug("I21")
def a_full_disk_opens_without_a_record(patch: Patch) -> None:
    real = Lock._write_granted

    def careless(self, decided, shown):
        try:
            return real(self, decided, shown)
        except DiskFull:
            return Appended(self.store.size, bytes(32))

    patch.setattr(Lock, "_write_granted", careless)


@bug("I")
def a_receipt_is_given_for_an_entry_that_found_no_room(patch: Patch) -> None:
    real = Lock.refuse

    def generous(self, *arguments, **options):
        entry = real(self, *arguments, **options)
        return entry or Appended(self.store.size, bytes(32))

    patch.setattr(Lock, "refuse", generous)


# --- counts -------------------------------------------------------------------------------------


@bug("I8")
def uses_are_not_counted(patch: Patch) -> None:
    real = Change.count
    patch.setattr(Change, "count", lambda self, count: (
        None if count.kind is CountKind.USES else real(self, count)))


@bug("I8")
def uses_are_counted_in_memory_alone(patch: Patch) -> None:
    kept: dict[bytes, int] = {}
    real_count, real_tally, real_init = Change.count, Store.tally, Store.__init__

    def count(self, count):
        if count.kind is CountKind.USES:
            kept[count.link] = kept.get(count.link, 0) + 1
        else:
            real_count(self, count)

    def begin(self, folder):
        kept.clear()
        real_init(self, folder)

    patch.setattr(Change, "count", count)
    patch.setattr(Store, "__init__", begin)
    patch.setattr(Store, "tally", lambda self, verified, day: replace(
        real_tally(self, verified, day), uses=kept))


@bug("I8")
def uses_are_counted_after_the_bolt_has_moved(patch: Patch) -> None:
    """In a change of their own, which a power cut may leave out."""
    real_count, real_move = Change.count, Lock.move
    owed: list[Any] = []
    patch.setattr(Change, "count", lambda self, count: (
        owed.append(count) if count.kind is CountKind.USES else real_count(self, count)))

    async def move(self, order):
        moved = await real_move(self, order)
        with self.store.change() as change:
            while owed:
                real_count(change, owed.pop())
        return moved

    patch.setattr(Lock, "move", move)


@bug("I8")
def a_quota_is_forgotten(patch: Patch) -> None:
    without(patch, "_quota")


@bug("I8")
def a_claim_key_is_exchanged_by_anybody(patch: Patch) -> None:
    without(patch, "_claimed")


# --- the same question --------------------------------------------------------------------------


@bug("I9")
def a_question_is_not_known_again(patch: Patch) -> None:
    patch.setattr(Answers, "get", lambda self, asked: None)


@bug("I9")
def a_question_is_not_known_again_after_a_restart(patch: Patch) -> None:
    patch.setattr(outcome, "_recalled", lambda store: iter(()))


@bug("I9")
def a_proof_is_not_checked(patch: Patch) -> None:
    patch.setattr(LockSide, "check_proof", lambda *_: None)


@bug("I9")
def a_proof_may_come_late(patch: Patch) -> None:
    patch.setattr(Conversation, "_check_in_time", lambda self: None)


# --- the keypad ---------------------------------------------------------------------------------


@bug("I10")
def tries_are_not_counted(patch: Patch) -> None:
    patch.setattr(Change, "put_tries", lambda self, scope, tries: None)


@bug("I10")
def tries_are_counted_in_memory_alone(patch: Patch) -> None:
    kept: dict[str, Tries] = {}
    real = Store.__init__

    def begin(self, folder):
        kept.clear()
        real(self, folder)

    patch.setattr(Store, "__init__", begin)
    patch.setattr(Store, "tries", lambda self, scope: kept.get(scope, Tries()))
    patch.setattr(Change, "put_tries", lambda self, scope, tries: kept.__setitem__(scope, tries))


@bug("I10")
def tries_are_counted_after_the_compare(patch: Patch) -> None:
    """So that a power cut in between saves the try."""
    real = keypad._wrong

    def wrong(lock, tried, check, left_before):
        tries = lock.store.tries(tried.scope).after(tried.uptime)
        lock.keep(lambda change: change.put_tries(tried.scope, tries))
        return real(lock, tried, check, left_before)

    patch.setattr(keypad, "_counted", lambda lock, tried, spendable: tried)
    patch.setattr(keypad, "_wrong", wrong)


@bug("I10")
def somebody_elses_right_pin_forgives_all_tries(patch: Patch) -> None:
    patch.setattr(Change, "give_back", lambda self, tried: self.clear_tries())


@bug("I10")
def a_spent_keypad_does_not_rest(patch: Patch) -> None:
    patch.setattr(Tries, "rest", lambda self, uptime: 0)


@bug("I10")
def a_pin_is_never_switched_off(patch: Patch) -> None:
    patch.setattr(Change, "switch_slot", lambda self, number, off: None)


@bug("I10")
def a_rest_ends_with_a_restart(patch: Patch) -> None:
    real = Store.__init__

    def begin(self, folder):
        real(self, folder)
        with self.change() as change:
            change.clear_tries()

    patch.setattr(Store, "__init__", begin)


@bug("I10")
def powered_on_time_begins_anew(patch: Patch) -> None:
    real = Recorder.__init__

    def begin(self, *arguments):
        real(self, *arguments)
        self._uptime = 0

    patch.setattr(Recorder, "__init__", begin)


@bug("I10")
def tries_are_forgotten_after_a_minute(patch: Patch) -> None:
    patch.setattr(limits, "PIN_TRIES_SECONDS", 60)


@bug("I35")
def what_was_typed_stands_in_the_log(patch: Patch) -> None:
    real = keypad.pin_typed

    async def talkative(lock, digits):
        lock.note(Kind.ALARM, {About.DETAIL: f"typed {digits}"})
        return await real(lock, digits)

    patch.setattr(keypad, "pin_typed", talkative)


# --- who may ------------------------------------------------------------------------------------


@bug("I14")
def what_was_taken_back_is_forgotten_at_a_restart(patch: Patch) -> None:
    real = Store.__init__

    def begin(self, folder):
        real(self, folder)
        self._db.execute("DELETE FROM revoked")

    patch.setattr(Store, "__init__", begin)


@bug("I14")
def a_key_that_was_taken_back_is_not_noticed(patch: Patch) -> None:
    without(patch, "_not_revoked")


@bug("I14")
def a_hold_goes_on_whatever_becomes_of_its_key(patch: Patch) -> None:
    patch.setattr(Watch, "_still_counts", lambda self, held: True)


@bug("I")
def a_key_never_ends(patch: Patch) -> None:
    without(patch, "_window")


@bug("I20")
def every_right_is_had(patch: Patch) -> None:
    without(patch, "_right")


@bug("I20")
def every_door_is_this_one(patch: Patch) -> None:
    without(patch, "_door")


@bug("I20")
def nothing_ever_grows_stale(patch: Patch) -> None:
    without(patch, "_fresh")


@bug("I")
def nothing_need_be_narrower(patch: Patch) -> None:
    patch.setattr(chain, "NARROWING", ())


@bug("I")
def a_signature_always_holds(patch: Patch) -> None:
    patch.setattr(PublicKey, "verify", lambda *_: None)
    patch.setattr(chain, "_verify_first", lambda grant, site: grant)


# --- time ---------------------------------------------------------------------------------------


@bug("I11")
def the_floor_of_time_is_not_kept(patch: Patch) -> None:
    real = Store.number

    def number(self, name, absent=0):
        return 0 if name == "floor" else real(self, name, absent)

    def first(self):
        clock = daemon.Clock(FIRMWARE_AT, FIRMWARE_AT, self.outside.count(), sure=True,
                             attested_at=self.store.number("attested_at"))
        return daemon.started(clock, self.outside.wall(), self.outside.count())

    patch.setattr(Store, "number", number)
    patch.setattr(Lock, "_first_clock", first)


# --- the log ------------------------------------------------------------------------------------


@bug("I")
def old_entries_are_thrown_away(patch: Patch) -> None:
    real = Store.__init__

    def begin(self, folder):
        real(self, folder)
        self._db.execute("DELETE FROM entry WHERE idx < ?", (self._tree.size - 30,))

    patch.setattr(Store, "__init__", begin)


@bug("I")
def the_newest_entry_is_rewritten_at_a_start(patch: Patch) -> None:
    real = Store.__init__

    def begin(self, folder):
        real(self, folder)
        if self.size > 1:
            self._db.execute(
                "UPDATE entry SET body = (SELECT body FROM entry WHERE idx = 0) WHERE idx = ?",
                (self.size - 1,))

    patch.setattr(Store, "__init__", begin)


@bug("UNIQUE constraint failed: entry.idx")
def the_tree_is_kept_apart_from_its_entries(patch: Patch) -> None:
    """The frontier is written in a change of its own, after that of the entry."""
    @contextmanager
    def apart(self) -> Iterator[Change]:
        change = Change(self._db, self._tree.copy())
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield change
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._tree = change.tree
        self._db.execute("BEGIN IMMEDIATE")
        change.put_meta("frontier", change.tree.encode())
        self._db.execute("COMMIT")

    patch.setattr(Store, "change", apart)


@bug("I3")
def a_signed_head_speaks_of_another_tree(patch: Patch) -> None:
    patch.setattr("mortice.lockd.record.sign_head", lambda head, lock: sign_head(
        replace(head, root=bytes(32)), lock))


# --- the door -----------------------------------------------------------------------------------


@bug("I26")
def the_door_locks_itself_while_it_stands_open(patch: Patch) -> None:
    async def drive_anyway(self, order):
        async with self.motor:
            sight = await self.hardware.drive(order)
        return daemon.Moved(sight, daemon.state_of(sight))

    patch.setattr(Lock, "move", drive_anyway)
    patch.setattr(Watch, "_can_lock", lambda self, sight: sight.bolt is watch.Bolt.DRAWN)


@bug("I21")
def a_drive_that_was_cut_off_is_finished_at_a_start(patch: Patch) -> None:
    real = Watch.start

    def start(self):
        real(self)
        for order in getattr(self._lock.hardware, "driven", [])[-1:]:
            self._spawn(self._lock.move(order))

    patch.setattr(Watch, "start", start)


@bug("I26")
def the_door_tries_to_lock_for_ever(patch: Patch) -> None:
    patch.setattr(watch, "RELOCK_TRIES", 1000)


@bug("I22")
def a_hand_is_put_down_to_the_last_visitor(patch: Patch) -> None:
    def seen(self, bolt, by):
        self._lock.note(Kind.BOLT_SEEN, {About.BY: by, About.LEAF: bytes(16)})

    patch.setattr(Watch, "_bolt_seen", seen)


@bug("I23")
def what_was_commanded_is_told_for_what_was_seen(patch: Patch) -> None:
    patch.setattr(daemon, "result_of", lambda towards, moved: (
        Result.UNLOCKED if towards is Towards.DRAWN else Result.LOCKED))


@bug("I23")
def a_door_that_cannot_be_seen_is_said_to_be_locked(patch: Patch) -> None:
    real = reading.state_of

    def comfortable(sight):
        state = real(sight)
        return state if state is DoorState.UNLOCKED else DoorState.LOCKED

    patch.setattr(reading, "state_of", comfortable)


@bug("a fault")
def a_fault_is_hidden_in_a_rule(patch: Patch) -> None:
    def broken(verified, ask, facts):
        raise ZeroDivisionError

    patch.setattr(decision, "RULES", (*decision.RULES, broken))

"""The lock: its parts, and the seven steps from a presented key to a moved bolt.

`opening` below is the one path to the bolt for every phone, PIN, card and bridge. It can be read in
one screen, in the order in which things happen. Egress is not here: the inside turn is mechanical
and asks nobody; watch.py only writes down that it was used.

Spec: spec/decision.md, section 1.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.decision import Ask, Facts, day_of, decide
from mortice.core.door import DoorState, Leaf, state_of
from mortice.core.freshness import Staple
from mortice.core.limits import CHAIN_CACHE, PERSON_SECONDS, TOUCH_SECONDS
from mortice.core.link import Buckets, mac_key, news_digest
from mortice.core.log import About, Entry, Kind, Result, read_entry
from mortice.core.refusal import Reason
from mortice.core.site import Site
from mortice.core.stages import (
    Factors,
    Granted,
    Instant,
    Moved,
    Refused,
    Relock,
    Towards,
    Verified,
)
from mortice.core.timekeeping import Clock, Word, started
from mortice.drivers import Hardware
from mortice.lockd import ownership
from mortice.lockd.ephemeral import Ephemerals
from mortice.lockd.outcome import Answers, Asked, Outcome, result_of
from mortice.lockd.outside import Outside
from mortice.lockd.ownership import Owned
from mortice.lockd.record import Recorder, about_key
from mortice.lockd.reserve import Reserve
from mortice.lockd.reset import finish_reset
from mortice.lockd.secrets import LockSecrets, load_secrets
from mortice.lockd.store import Appended, Change, DiskFull, Store, Tried

POWER_LOW_VOLTS = 4.6  # below this a motor may stall half way and the board may reset
REFUSALS_RATE = 1 / 6  # refusals written down a second, of strangers and below each first link
REFUSALS_BURST = 30.0  # a quarter of an hour's curiosity in full detail
T = TypeVar("T")
STRANGERS = "strangers"  # all of them together
SHED = frozenset({Kind.LEAF_SEEN, Kind.SUPPLY_SEEN})  # first to be left off a full disk


@dataclass(slots=True)
class Held:
    """A door held open: by whom, under which root, until when."""

    verified: Verified
    until: int
    entry: int
    site: Site


@dataclass(frozen=True, slots=True)
class Waiting:
    """One of two people, who has asked and waits for the other to ask for the same."""

    verified: Verified
    command: Command
    since: float


class Effect(Protocol):
    """What a granted command does besides moving the bolt."""

    def write(self, change: Change, cause: Appended) -> None:
        """Make it durable, together with the decision."""

    def done(self) -> None:
        """It is durable."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What came with a verified key that bears on the decision or its record."""

    staple: Staple | None = None
    command_id: bytes = b""
    give_back: Tried | None = None  # the try that a right PIN cost
    effect: Effect | None = None


NOTHING_SHOWN = Shown()


class Lock:
    """One lock at one door. An object, so that a test or the demo can run fourteen in a process."""

    def __init__(self, folder: Path, hardware: Hardware, outside: Outside) -> None:
        self.folder, self.hardware, self.outside = folder, hardware, outside
        self.store = Store(folder)
        finish_reset(self.store, folder, outside)
        self.secrets: LockSecrets = load_secrets(folder, outside)
        self.owned: Owned | None = ownership.load(self.store, self.secrets.public.id)
        self._check_demo()
        self.recorder = Recorder(self.store, self.secrets, outside, self._first_clock())
        self.window = ownership.Window()
        self.chains: OrderedDict[bytes, Verified] = OrderedDict()
        self.waiting: Waiting | None = None
        self.touched_at: float | None = None
        self.held: Held | None = None
        self.relock_because = ""
        self.mac1_key = mac_key(self.secrets.link.public)
        self.patience = Buckets(REFUSALS_RATE, REFUSALS_BURST)
        self.unlogged = 0  # refusals that came too fast to be written down
        self.answers = Answers(self.store)
        self.ephemerals = Ephemerals(outside.random, self._tell_of_stuck_random)
        self.time_words: dict[bytes, Word] = {}  # the newest by each key of the role, in this run
        self._news: bytes | None = None
        self.rolled_back = self.store.number("rolled_back") > 0
        self.reserve = Reserve(folder)
        self.changed: Callable[[], None] = lambda: None  # told after every new entry
        self.motor = asyncio.Lock()
        self._record_start()

    # --- the seven steps -------------------------------------------------------------------

    async def opening(self, verified: Verified, ask: Ask, shown: Shown) -> Outcome:
        """Decide about a key that was presented and verified, write it down, and move the bolt.

        1 presented, 2 verified: conversation.py for phones, keypad.py for PINs. Both come here.
        """
        asked = Asked(verified.leaf.id, shown.command_id, ask.command)
        done = self.answers.get(asked)
        if done is not None:  # the answer was lost on its way: nothing moves twice
            self._give_back(shown)
            return done
        decision = decide(verified, ask, self.facts(verified, shown.staple, ask))  # 3 decided
        decision, entry = self._recorded(verified, ask, decision, shown)  # 4 recorded: on the disk
        if isinstance(decision, Refused):
            self._remember_first_person(verified, ask, decision)
            return Outcome(decision, entry, Result.REFUSED)
        assert entry is not None, "nothing is granted that is not on the disk"
        if decision.towards is None:
            return self.answers.keep(asked, Outcome(None, entry, Result.DONE))
        self.answers.keep(asked, Outcome(None, entry, Result.UNKNOWN))  # until it is seen
        moved = await self.move(decision)  # 5 moved: what is seen, not what was commanded
        result = result_of(decision.towards, moved)
        self._record_move(moved, entry.index, result)
        self._hold(decision, moved, entry.index)
        return self.answers.keep(asked, Outcome(None, entry, result, moved))  # 6, 7: whoever reads

    def facts(
        self, verified: Verified, staple: Staple | None = None, ask: Ask | None = None) -> Facts:
        """Everything of this moment that the decision depends on."""
        place, now, second = self.owner().place, self.now(), self._second_person(ask)
        links = verified.links + (second.links if second else ())
        tally = self.store.tally(links, day_of(now.at, place.zone))
        opening = () if self.held else self.owner().config.opening
        return Facts(
            place, now, self.store, tally, staple, second, self._power_low(), self.log_full,
            self.rolled_back, opening)

    def _recorded(
        self, verified: Verified, ask: Ask, decision: Granted | Refused, shown: Shown,
    ) -> tuple[Granted | Refused, Appended | None]:
        """Make the decision durable. A full disk turns strangers away and serves residents."""
        if isinstance(decision, Granted):
            with contextlib.suppress(DiskFull):
                return decision, self._write_granted(decision, shown)
            self.make_room()
            decision = decide(verified, ask, self.facts(verified, shown.staple, ask))
        if isinstance(decision, Granted):
            with contextlib.suppress(DiskFull):
                return decision, self._write_granted(decision, shown)
            decision = Refused(Reason.STORAGE_FULL, "R15", "not even the reserve is left")
        return decision, self.refused(decision, verified, ask.command, shown).entry

    def _write_granted(self, decision: Granted, shown: Shown) -> Appended:
        about = _about(decision.verified, decision.command, shown)
        if Factors.PERSON in decision.verified.leaf.factors and self.waiting is not None:
            about[About.WITNESS] = self.waiting.verified.leaf.id
        entry = self._write_decision(decision, about, shown)
        if About.WITNESS in about:
            self.waiting = None  # one person's word serves one opening by another
        return entry

    def _write_decision(
        self, decision: Granted | Refused, about: Mapping[int | str, cbor.Value], shown: Shown,
    ) -> Appended:
        effect = shown.effect if isinstance(decision, Granted) else None
        with self.store.change() as change:
            entry = self.recorder.decided(change, decision, about)
            if shown.give_back is not None:
                change.give_back(shown.give_back)
            if effect is not None:
                effect.write(change, entry)
        if effect is not None:
            effect.done()
        self.changed()
        return entry

    def _give_back(self, shown: Shown) -> None:
        tried = shown.give_back
        if tried is not None:
            self.keep(lambda change: change.give_back(tried))

    async def move(self, order: Granted | Relock) -> Moved:
        """Drive the bolt and look where it is. One drive at a time, whoever ordered it.

        A relock that had to wait for the motor finds the leaf open sometimes, and is left undone.
        """
        async with self.motor:
            sight = self.hardware.sight()
            if isinstance(order, Granted) or sight.leaf is Leaf.CLOSED:
                sight = await self.hardware.drive(order)
        return Moved(sight, state_of(sight))

    def _record_move(self, moved: Moved, cause: int, result: Result) -> None:
        self.note(Kind.MOVED, {
            About.STATE: moved.state.value, About.CAUSE: cause, About.RESULT: int(result)})

    # --- what else an opening touches ---------------------------------------------------------

    def _hold(self, granted: Granted, moved: Moved, entry: int) -> None:
        self.relock_because = ""  # somebody has just said where the bolt is to be
        if granted.until is not None and moved.state in (DoorState.UNLOCKED, DoorState.OPEN):
            site = self.owner().place.site
            self.held = Held(granted.verified, granted.until, entry, site)
        elif granted.towards is Towards.THROWN:
            self.held = None

    def _remember_first_person(self, verified: Verified, ask: Ask, refused: Refused) -> None:
        if refused.reason is Reason.NEEDS_PERSON:
            self.waiting = Waiting(verified, ask.command, self.outside.count())

    def touch(self) -> Factors:
        """Whether somebody touched the keypad just now, as a factor."""
        touched = self.touched_at
        recent = touched is not None and self.outside.count() - touched <= TOUCH_SECONDS
        return Factors.TOUCH if recent else Factors.NONE

    def _second_person(self, ask: Ask | None) -> Verified | None:
        """Whoever has just asked for the same: looking at a door is not agreeing to open it."""
        waiting = self.waiting
        if waiting is None or ask is None or waiting.command is not ask.command:
            return None
        recent = self.outside.count() - waiting.since <= PERSON_SECONDS
        return waiting.verified if recent else None

    def _power_low(self) -> bool:
        supply = self.hardware.supply()
        return not supply.mains and supply.volts < POWER_LOW_VOLTS

    # --- the log ---------------------------------------------------------------------------

    def note(self, kind: Kind, about: Mapping[int | str, cbor.Value]) -> Appended | None:
        """Write down something that needs no decision; on a full disk it is only counted."""
        if self.log_full and kind in SHED:
            self.reserve.leave_off()
            return None
        try:
            entry = self.keep(lambda change: self.recorder.write(change, kind, about))
        except DiskFull:
            self.reserve.leave_off()
            return None
        self.changed()
        return entry

    def refuse(
        self, refused: Refused, about: Mapping[int | str, cbor.Value],
        shown: Shown = NOTHING_SHOWN,
    ) -> Appended | None:
        """Write down a refusal; on a full disk it is only counted, whoever was refused."""
        if not self.log_full:
            with contextlib.suppress(DiskFull):
                return self._write_decision(refused, about, shown)
            self.make_room()
        self.reserve.leave_off()
        return None

    def refused(
        self, refused: Refused, verified: Verified, command: int, shown: Shown = NOTHING_SHOWN,
    ) -> Outcome:
        """Write down that a known holder was refused, and why."""
        about = _about(verified, command, shown)
        if shown.give_back is None:
            entry = self.refuse_sparingly(refused, about, verified.first.id.hex())
            return Outcome(refused, entry, Result.REFUSED)
        entry = self.refuse(refused, about, shown)
        if entry is None:  # a right PIN costs no try, whatever can be written down
            with contextlib.suppress(DiskFull):
                self._give_back(shown)
        return Outcome(refused, entry, Result.REFUSED)

    def refuse_sparingly(
        self, refused: Refused, about: Mapping[int | str, cbor.Value], whom: str = STRANGERS,
    ) -> Appended | None:
        """As `refuse`, but whoever keeps coming back is only counted."""
        if self.patience.take(whom, self.outside.count()):
            return self.refuse(refused, about)
        self.unlogged += 1
        return None

    def tell_unlogged(self) -> None:
        """Write down how many refusals came too fast to be written down one by one."""
        count, self.unlogged = self.unlogged, 0
        if count:
            self.note(Kind.LEFT_OFF, {About.COUNT: count, About.DETAIL: "refusals, too many"})

    # --- a full disk -----------------------------------------------------------------------

    @property
    def log_full(self) -> bool:
        """Is only the reserve left? Then only owner and residents are served."""
        return self.reserve.in_use

    def keep(self, write: Callable[[Change], T]) -> T:
        """Make what `write` writes durable, out of the reserve if need be. Raises DiskFull."""
        try:
            with self.store.change() as change:
                return write(change)
        except DiskFull:
            self.make_room()
        with self.store.change() as change:
            return write(change)

    def make_room(self) -> None:
        """The disk is full: use the reserve, and what the write-ahead file can spare."""
        self.reserve.release()
        self.store.fold()

    def regain_room(self) -> None:
        """Once the disk has room again, set a reserve aside and say how much was left off."""
        if self.reserve.regain() and self.reserve.left_off and self.note(
                Kind.LEFT_OFF, {About.COUNT: self.reserve.left_off}):
            self.reserve.told()

    def _tell_of_stuck_random(self) -> None:
        self.note(Kind.ALARM, {About.DETAIL: "the random generator repeats itself"})

    def _record_start(self) -> None:
        sight = self.hardware.sight()
        self.note(Kind.STARTED, {About.STATE: state_of(sight).value})
        if held := self.store.number("held"):
            self.end_hold(held, "the lock started anew")

    def end_hold(self, cause: int, why: str) -> None:
        """The door is held open no longer. It locks once its leaf is seen closed."""
        self.held, self.relock_because = None, "hold ended"
        self.note(Kind.HOLD_ENDED, {About.CAUSE: cause, About.DETAIL: why})

    # --- time ------------------------------------------------------------------------------

    def now(self) -> Instant:
        """The instant, as far as this lock knows it."""
        return self.recorder.clock.now(self.outside.count())

    def _first_clock(self) -> Clock:
        """It counts on where the machine did; after a power cut it has to be believed anew."""
        number, last = self.store.number, self._last_entry()
        floor = max(self.outside.made_at, number("floor"), last.at if last else 0)
        kept = Clock(
            floor, number("anchor_at"), number("anchor_ms") / 1000, number("attested_at"),
            sure=number("sure") > 0, forward=number("forward"))
        run = self.outside.run_id()
        if run and run == self.store.meta("run"):
            return kept
        return started(kept, self.outside.wall(), self.outside.count())

    def _last_entry(self) -> Entry | None:
        rows = self.store.entries(self.store.size - 1, 1) if self.store.size else []
        return read_entry(rows[0][1]) if rows else None

    def set_clock(self, clock: Clock, by: str) -> Appended:
        """Take and keep a clock that an attestation made."""
        entry = self.keep(lambda change: self.recorder.write_clock(change, clock, by))
        self.recorder.clock = clock
        self.changed()
        return entry

    # --- whose door ------------------------------------------------------------------------

    def owner(self) -> Owned:
        """What this lock stands on. Only asked where a commissioned lock is certain."""
        if self.owned is None:
            raise NotCommissioned
        return self.owned

    def _check_demo(self) -> None:
        if self.owned is not None and not self.serves(self.owned):
            self.store.close()
            raise SystemExit(
                "this folder belongs to a demo's door, and a real door does not serve a demo: "
                "name another with --data")

    def serves(self, owned: Owned) -> bool:
        """Only a door that moves nothing real belongs to a demo."""
        return self.hardware.simulated or not owned.place.site.demo

    def stand_on(self, owned: Owned) -> None:
        """Take a new root, map or settings into use."""
        if self.owned is None or owned.place.site is not self.owned.place.site:
            self.waiting = None  # what was verified under another root is verified no more
            self.time_words.clear()
        self.owned = owned
        self.chains.clear()

    def news_digest(self) -> bytes:
        """Eight bytes that stand for all the news this lock has; kept until news comes."""
        if self._news is None:
            self._news = news_digest(self.store.news_ids())
        return self._news

    def forget_news_digest(self) -> None:
        """News came, or ended."""
        self._news = None

    # --- verified chains: a repeat visit need not send them, nor the lock check them again -----

    def cached(self, leaf: bytes) -> Verified | None:
        """A chain that this lock has verified under the present root, by its leaf."""
        found = self.chains.get(leaf)
        if found is not None:
            self.chains.move_to_end(leaf)
        return found

    def remember(self, verified: Verified) -> None:
        """Keep a verified chain; time, revocation and hours are judged anew at each use."""
        self.chains[verified.leaf.id] = verified
        while len(self.chains) > CHAIN_CACHE:
            self.chains.popitem(last=False)

    def become(self, secrets: LockSecrets) -> None:
        """Another identity, no owner, an empty log: after a factory reset."""
        self.secrets, self.owned, self.held, self.waiting = secrets, None, None, None
        self.mac1_key = mac_key(secrets.link.public)
        self.answers = Answers(self.store)
        self.rolled_back, self.relock_because, self.touched_at = False, "", None
        self.window.shut()
        self.chains.clear()
        self.forget_news_digest()
        self.recorder = Recorder(self.store, secrets, self.outside, self._first_clock())

    def close(self) -> None:
        """Stop using the disk."""
        with contextlib.suppress(DiskFull):
            self.keep_uptime()
        self.store.close()

    def keep_uptime(self) -> None:
        """Keep how long this lock has had power in its life. Raises DiskFull."""
        self.keep(lambda change: change.put_number("uptime", self.recorder.uptime()))


def _about(verified: Verified, command: int, shown: Shown) -> dict[int | str, cbor.Value]:
    about = {**about_key(verified), About.COMMAND: int(command)}
    return {**about, About.COMMAND_ID: shown.command_id} if shown.command_id else about


class NotCommissioned(Exception):
    """Asked for something that only a lock with an owner does."""

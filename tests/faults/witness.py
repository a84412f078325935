"""Whoever stands beside the door, writes everything down, and says when something cannot be."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from types import MappingProxyType

from tests.faults.people import Person
from tests.faults.power import Mains, PowerCut
from tests.lockd.builders import Stand

from mortice.core.chain import NARROWING
from mortice.core.commands import COMMANDS, Command
from mortice.core.door import Bolt, Leaf
from mortice.core.grant import KeyClass
from mortice.core.limits import (
    CHAIN_CACHE,
    COMMANDS_ANSWERED,
    PIN_REST_SECONDS,
    PIN_TRIES,
    PIN_TRIES_SECONDS,
)
from mortice.core.log import About, Entry, Kind, Receipt, Result, accept_receipt, read_entry
from mortice.core.merkle import Frontier, leaf_hash
from mortice.core.messages import Answer
from mortice.core.pin import PinPolicy, Spent, Typed
from mortice.core.refusal import BY_NUMBER
from mortice.core.stages import Granted, Relock, Towards
from mortice.lockd.watch import RELOCK_TRIES

HOLD_GRACE_SECONDS = 3.0  # a tick to notice that a key was taken back, and the bolt's travel
WHOLE_SECONDS = 2  # powered-on time is counted in whole seconds
SEEN_AS = {Result.UNLOCKED: Bolt.DRAWN, Result.LOCKED: Bolt.THROWN}
OPENED = {Result.UNLOCKED, Result.LOCKED, Result.JAMMED}  # words for what was seen to move
SAMPLE = 3  # old entries that are read once more at every look
RECENT = 20  # promises that are held at every look; all of them at the end

Name = tuple[bytes, bytes]  # a leaf and a command id


class Violation(BaseException):
    """Something that must never happen has happened. The daemon's own care must not hide it."""


def must(holds: object, what: str) -> None:
    """Raises Violation."""
    if not holds:
        raise Violation(what)


class Witness:
    """What was asked, promised and seen at one door, through all the lives of its daemon."""

    def __init__(
        self, stand: Stand, people: list[Person], policy: PinPolicy, pins: dict[int, str],
    ) -> None:
        self._stand, self._people, self._policy, self._pins = stand, people, policy, pins
        self._chance = random.Random("witness")
        self.log: list[Entry] = []
        self._bodies: list[bytes] = []
        self._tree = Frontier()
        self._roots = [self._tree.root()]
        self._newest_at = [0]  # for each size of the log, the latest time in it
        self.receipts: list[bytes] = []
        self._promised: dict[int, bytes] = {}  # index -> leaf hash
        self._promised_roots: dict[int, bytes] = {}  # size -> root
        self._first: dict[Name, bytes] = {}  # a question -> the entry that answered it first
        self._asked: dict[Name, Command] = {}
        self._driven: Counter[Name] = Counter()
        self._driving: Name | None = None
        self._ended: dict[Name, Bolt] = {}  # where the bolt really was when its motor stopped
        self._opened: Counter[bytes] = Counter()  # link -> times the bolt was drawn for it
        self._leaves: dict[tuple[bytes, int], set[bytes]] = {}  # quota link and day -> leaves
        self._typed: Counter[int] = Counter()
        self._drawn_by_pin: Counter[int] = Counter()
        self._wrong: dict[str, list[float]] = {}  # index -> when a wrong PIN was compared
        self._dead: dict[bytes, float] = {}  # what was taken back for good -> when
        self._powered, self._since = 0.0, 0.0
        self._floor = 0
        self._relocks = 0  # against an obstruction, since somebody was last at the door
        self._driven_for: set[int] = set()  # entries for which the motor ran
        self._booted_at = 0  # size of the log when the daemon last started
        self.found: list[Violation] = []  # within the daemon's own tasks, where nobody sees them
        self.power_back()

    # --- power and its seconds ------------------------------------------------------------------

    def power_gone(self) -> None:
        self._powered = self.powered()

    def power_back(self) -> None:
        self._since = self._stand.board.loop.time()
        self._read_log()
        self._booted_at = len(self._bodies)
        self._relocks = 0
        self._stand.door.at_drive = self.at_drive
        self._stand.door.after_drive = self.after_drive

    def powered(self) -> float:
        """Seconds with power in this world: at least as many as the lock has counted."""
        return self._powered + self._stand.board.loop.time() - self._since

    # --- what was asked and answered ------------------------------------------------------------

    def asked(self, person: Person, command: Command, command_id: bytes) -> None:
        """A message 3 is on its way, whole and in time."""
        self._asked[person.leaf, command_id] = command

    def heard(
        self, person: Person, command: Command, command_id: bytes, answer: Answer,
        receipt: bytes | None,
    ) -> None:
        """An answer arrived."""
        must(answer.coarse is not None or command in person.may,
             f"I20: {person.name} was served for {command.name}")
        if answer.receipt is None or receipt is None:
            return
        self._promise(answer.receipt, receipt)
        if answer.coarse is None and COMMANDS[command].towards is not None:
            name = (person.leaf, command_id)
            before = self._first.setdefault(name, answer.receipt.entry)
            must(before == answer.receipt.entry, "I1: one question was answered by two entries")
            result = answer.receipt.result
            must(result not in OPENED or self._driven[name],
                 f"I23: {result.name} was answered and nothing had moved")
            must(result not in SEEN_AS or self._ended.get(name) is SEEN_AS[result],
                 f"I23: {result.name} was answered, and the bolt was elsewhere")

    def delivered(self, receipt: bytes | None) -> None:
        """A document was answered for."""
        if receipt is not None:
            signing = self._stand.lock.secrets.signing.public
            self._promise(accept_receipt(receipt, signing), receipt)

    def _promise(self, receipt: Receipt, signed: bytes) -> None:
        self.receipts.append(signed)
        known = self._promised.setdefault(receipt.index, receipt.entry)
        must(known == receipt.entry, "I4: two entries were signed with one number")
        root = self._promised_roots.setdefault(receipt.size, receipt.root)
        must(root == receipt.root, "I4: two roots were signed for one size")

    def taken_back(self, named: bytes) -> None:
        self._dead.setdefault(named, self.powered())

    # --- the keypad -----------------------------------------------------------------------------

    def typed_right(self, slot: int) -> None:
        self._typed[slot] += 1

    def restored(self) -> None:
        self._wrong.clear()

    def compared(self, typed: Typed) -> None:
        """A hash is made: a guess is spent, unless it is somebody's PIN."""
        with self._telling():
            self._compared(typed)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except Violation as violation:
            self.found.append(violation)
            raise

    def _compared(self, typed: Typed) -> None:
        with_index = bool(typed.index)
        if (typed.index, typed.pin) in {
                (f"{slot:02d}" if with_index else "", pin) for slot, pin in self._pins.items()}:
            return
        spent = self._wrong.setdefault(typed.index, [])
        spent.append(self.powered())
        day = PIN_TRIES_SECONDS - WHOLE_SECONDS
        if sum(spent[-1] - at < day for at in spent) <= PIN_TRIES:
            return
        must(self._policy.spent is Spent.REST, "I10: more guesses at one PIN than are allowed")
        must(spent[-1] - spent[-2] >= PIN_REST_SECONDS - WHOLE_SECONDS,
             "I10: a guess was taken while the keypad should rest")

    # --- the moment the motor starts ------------------------------------------------------------

    def at_drive(self) -> None:
        with self._telling():
            self._drive()

    def after_drive(self) -> None:
        if self._driving is not None:
            self._ended[self._driving] = self._stand.door._bolt()

    def _drive(self) -> None:
        mains = self._stand.lock.store._db
        assert isinstance(mains, Mains)
        if mains.dead:
            raise PowerCut  # a board without power drives nothing
        must(not mains.db.in_transaction, "I21: the motor runs before its reason is durable")
        self.look()
        order, self._driving = self._stand.door.driven[-1], None
        if isinstance(order, Relock):
            self._relocked()
        else:
            self._relocks = 0
            self._granted(order)

    def _relocked(self) -> None:
        gauges = self._stand.door.gauges()
        must(gauges.leaf is Leaf.CLOSED, "I26: the bolt was thrown with the door open")
        self._cause(Kind.RELOCKED)
        self._relocks = self._relocks + 1 if gauges.jammed else 0
        must(self._relocks <= RELOCK_TRIES, "I26: too many tries against an obstruction")

    def _granted(self, order: Granted) -> None:
        leaf = order.verified.leaf
        cause = self._cause(Kind.GRANTED, {About.LEAF: leaf.id, About.COMMAND: order.command})
        if leaf.credential is None:
            self._check_question(order, cause)
        else:
            slot = leaf.credential.slot
            self._drawn_by_pin[slot] += 1
            must(self._drawn_by_pin[slot] <= self._typed[slot],
                 "I20: a PIN opened that nobody had typed")
        self._check_links(order, cause)
        if order.towards is Towards.DRAWN:
            self._check_counts(order, cause)

    def _cause(self, kind: Kind, about: Mapping[About, object] = MappingProxyType({})) -> Entry:
        """The oldest entry of this life that may be the reason for a drive, and was not yet.

        Drives wait for each other in the order in which they were granted.
        """
        for entry in self.log[self._booted_at:]:
            same = all(entry.about.get(name) == value for name, value in about.items())
            if entry.kind is kind and same and entry.index not in self._driven_for:
                self._driven_for.add(entry.index)
                return entry
        raise Violation(f"I21: the motor runs without a record that it was {kind.name.lower()}")

    def hands(self) -> None:
        """Somebody is at the door, so the door may try to lock itself anew."""
        self._relocks = 0

    def _check_question(self, order: Granted, cause: Entry) -> None:
        """I9: each question moves the bolt once, and nothing else does."""
        command_id = cause.about.get(About.COMMAND_ID, b"")
        assert isinstance(command_id, bytes)
        name, command = (order.verified.leaf.id, command_id), Command(order.command)
        must(self._asked.get(name) is command, "I9: the bolt moved, and nobody had asked for it")
        self._driven[name] += 1
        self._driving = name
        must(self._driven[name] == 1, "I9: one question moved the bolt twice")
        person = next(p for p in self._people if p.leaf == order.verified.leaf.id)
        must(command in person.may, f"I20: the bolt moved for {person.name}: {command.name}")

    def _check_links(self, order: Granted, cause: Entry) -> None:
        links = order.verified.links
        for above, below in pairwise(links):
            must(not any(check(above, below) for check in NARROWING),
                 "I15: a key opened that claims more than it was given")
        for link in links:
            must(not {link.id, link.holder.id} & self._dead.keys(),
                 "I14: a key that was taken back moved the bolt")
            must(link.exp is None or link.exp > self._newest_at[cause.index],
                 "I11: a key moved the bolt after it had ended")

    def _check_counts(self, order: Granted, cause: Entry) -> None:
        leaf, day = order.verified.leaf.id, cause.at // 86_400
        for link in order.verified.links:
            self._opened[link.id] += 1
            must(link.uses is None or self._opened[link.id] <= link.uses,
                 "I8: a counted key opened more often than it allows")
            if link.klass is KeyClass.FILE:
                children = self._leaves.setdefault((link.id, 0), set())
                children.add(leaf)
                must(len(children) == 1, "I8: a claim key was exchanged twice")
            if link.quota is not None:
                leaves = self._leaves.setdefault((link.id, day), set())
                leaves.add(leaf)
                must(len(leaves) <= link.quota, "I8: more keys below one link than its quota")

    # --- at any time ----------------------------------------------------------------------------

    def look(self) -> None:
        """Hold what can be held at any moment. Raises Violation."""
        lock = self._stand.lock
        self._read_log()
        self._hold_promises(list(self._promised.items())[-RECENT:])
        kept = max(self._newest_at[-1], lock.store.number("floor"))
        must(lock.now().floor >= kept >= self._floor, "I11: the floor of time fell")
        self._floor = kept
        must(len(lock.chains) <= CHAIN_CACHE, "I39: chains without bound")
        must(len(lock.answers._known) <= COMMANDS_ANSWERED, "I39: answers without bound")
        self._check_hold()

    def hold_everything(self) -> None:
        """Every promise there ever was, against the log as it stands."""
        self._hold_promises(list(self._promised.items()))
        for size, root in self._promised_roots.items():
            must(size < len(self._roots), "I4: the log is shorter than a receipt says")
            must(self._roots[size] == root, "I4: the log does not begin as a receipt says")

    def _hold_promises(self, promises: list[tuple[int, bytes]]) -> None:
        for index, hashed in promises:
            must(index < len(self._bodies), "I1: an acknowledged entry was lost")
            must(leaf_hash(self._bodies[index]) == hashed, "I1: an acknowledged entry was changed")

    def _read_log(self) -> None:
        """I2, I3, I6: what was in the log stays there, and what comes new stands behind it."""
        store = self._stand.lock.store
        for index, body, _ in store.entries(len(self._bodies), 10_000):
            must(index == len(self._bodies), "I2: a number is missing in the log")
            self._take_in(read_entry(body), body)
        must(store.size == len(self._bodies), "I1: entries of the log were lost")
        must(store.root() == self._roots[-1], "I3: the tree is not that of the entries")
        indices = range(len(self._bodies))
        for index in self._chance.sample(indices, min(SAMPLE, len(indices))):
            [(_, body, _)] = store.entries(index, 1)
            must(body == self._bodies[index], "I6: an entry was changed")

    def _take_in(self, entry: Entry, body: bytes) -> None:
        must(entry.index == len(self._bodies), "I2: an entry has another number than its place")
        must(not self.log or entry.uptime >= self.log[-1].uptime, "I10: powered-on time fell")
        if entry.kind is Kind.REFUSED:
            must(entry.about[About.REASON] in BY_NUMBER, "I20: a refusal without a reason")
            must(entry.about[About.CHECK] != "R0", "a fault of the lock's own")
        if entry.kind is Kind.BOLT_SEEN:
            must(About.BY in entry.about and About.LEAF not in entry.about,
                 "I22: a hand was put down to somebody")
        self.log.append(entry)
        self._bodies.append(body)
        self._tree.append(leaf_hash(body))
        self._roots.append(self._tree.root())
        self._newest_at.append(max(self._newest_at[-1], entry.at))

    def _check_hold(self) -> None:
        held = self._stand.lock.held
        for link in held.verified.links if held is not None else ():
            for named in (link.id, link.holder.id):
                since = self._dead.get(named)
                must(since is None or self.powered() - since < HOLD_GRACE_SECONDS,
                     "I14: a door is held open by a key that was taken back")

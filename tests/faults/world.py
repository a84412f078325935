"""A street door over months: people, strangers, hands, clocks, a full disk, and cuts of the power.

The real Lock, Conversation, Keypad and Watch run at a simulated door on a bent loop. `World.step`
does one thing at random; whatever it leads to is held against what the world knows. One seed gives
one history, so whatever is found can be played again.

The world knows only what a person at the door could know: which keys were given and taken back,
what was asked, what was answered, and what was seen to move. A `Violation` names the invariant that
did not hold (I1 and so on).
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.core.cast import key
from tests.faults.people import KEPT, Person, dishonest, guest, honest, lodger
from tests.faults.power import Mains, PowerCut, wired
from tests.faults.witness import Violation, Witness, must
from tests.lockd.builders import (
    DAY,
    HOUR,
    Fate,
    Stand,
    Visit,
    audit_of,
    config_item,
    enrol_item,
    owner_key,
    revoke_item,
    tenant,
)

from mortice.core.commands import Command
from mortice.core.door import DoorState, Leaf, Motor
from mortice.core.errors import Theirs
from mortice.core.limits import PIN_REST_SECONDS
from mortice.core.link import whole_receipt
from mortice.core.pin import Entry, PinKeys, PinPolicy, Spent, Typed
from mortice.lockd import keypad
from mortice.lockd.conversation import Closed
from mortice.lockd.daemon import Lock
from mortice.lockd.reserve import ROOM_BYTES

REST, OFF = PinPolicy(), PinPolicy(Entry.INDEX, Spent.OFF)
PINS = {3: "48291357", 4: "70164825", 5: "95310726"}
ONE_USE = 5  # the slot whose PIN opens once
THROWN_MM = 19.0  # of the 20 that a thrown bolt stands out
WHILE_REMEMBERED = 100  # entries; whoever asks again later than that asks anew
AFTER_A_RESTART = (1, 1, 60, HOUR)  # seconds without power


@dataclass(frozen=True)
class Question:
    """One command under one id, however often it is asked."""

    person: Person
    command: Command
    args: tuple[tuple[int, int], ...]
    id: bytes
    since: int  # the size of the log when it was first asked


class World:
    """One door and all that happens to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(f"world {seed}")
        self.history: list[str] = []
        self.people = honest() + dishonest()
        self.policy = self.chance.choice([REST, OFF])
        self.lost: list[Question] = []
        self.answered: list[Question] = []
        self.recordings: list[bytes] = []  # of a thief
        self.disk_has_room = True
        self.tasks: set[asyncio.Task[Any]] = set()
        with wired():
            self.stand = Stand.new(folder, f"board {seed}").commission()
        self.witness = Witness(self.stand, self.people, self.policy, PINS)

    @property
    def lock(self) -> Lock:
        return self.stand.lock

    @property
    def mains(self) -> Mains:
        mains = self.lock.store._db
        assert isinstance(mains, Mains)
        return mains

    def note(self, what: str) -> None:
        self.history.append(f"{len(self.history)}: {what}")

    def odds(self, one_in: int) -> bool:
        return self.chance.randrange(one_in) == 0

    # --- a life ---------------------------------------------------------------------------------

    async def run(self, steps: int) -> None:
        """Live through `steps` things. Raises Violation."""
        with self._rules():
            await self._furnish()
            for _ in range(steps):
                await self.step()
            await self._end()

    @contextmanager
    def _rules(self) -> Iterator[None]:
        """What the world bends while it runs: each hash is seen, and the disk's room is its own."""
        verify = keypad.verifier

        def watched(keys: PinKeys, typed: Typed) -> bytes:
            self.witness.compared(typed)
            return verify(keys, typed)

        def usage(_: object) -> object:
            return type("Usage", (), {"free": ROOM_BYTES if self.disk_has_room else 0})

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keypad, "verifier", watched)
            patch.setattr(shutil, "disk_usage", usage)
            yield

    async def _furnish(self) -> None:
        """Settings and PINs, before anything goes wrong."""
        await self.stand.deliver(config_item(pins=self.policy, relock_after=20))
        await self.stand.deliver(*[
            enrol_item(self.lock, tenant(), digits, slot=slot, **(
                {"uses": 1} if slot == ONE_USE else {}))
            for slot, digits in PINS.items()])
        self.stand.watched()

    async def step(self) -> None:
        """One thing at random, and a look at what came of it."""
        acts = self._acts()
        [act] = self.chance.choices(list(acts), list(acts.values()))
        self.note(act.__name__)
        with suppress(PowerCut):
            await act()
            await asyncio.sleep(self.chance.choice([0, 0, 0.02, 0.3, 1.5, 4]))
        for violation in self.witness.found:
            raise violation
        if self.mains.dead:
            self._reboot()
        self.witness.look()

    def _acts(self) -> dict[Callable[[], Awaitable[None]], int]:
        """What may happen, and how often."""
        return {
            self.somebody_comes: 30, self.two_come_at_once: 6, self.somebody_asks_again: 6,
            self.a_message_goes_astray: 8, self.a_thief_plays_a_recording: 5,
            self.somebody_types: 14, self.hands_move_things: 10, self.time_passes: 8,
            self.the_board_clock_jumps: 2, self.a_key_is_taken_back: 4,
            self.a_guest_is_invited: 5, self.the_owner_looks_after_it: 3,
            self.settings_change: 1, self.somebody_looks: 4,
            self.a_lodger_is_put_out: 2, self.a_guest_comes_twice: 5, self.something_is_stuck: 2,
            self.the_power_goes_now: 1, self.the_power_will_go: 6, self.the_disk_fills: 2}

    async def _end(self) -> None:
        """A last cut, and then everything that was ever promised, from the disk alone."""
        self.note("the end")
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self._reboot()
        self.witness.look()
        self.witness.hold_everything()
        audit = audit_of(self.lock)
        must(audit.fault is None, f"I3: the audit finds {audit.fault}")
        kept = b"".join(p.read_bytes() for p in self.stand.folder.iterdir() if p.is_file())
        found = [pin for pin in PINS.values() if pin.encode() in kept]
        must(not found, "I35: a PIN is on the disk")

    def bury(self) -> None:
        """Let go of everything, however the life ended."""
        for task in self.tasks:
            task.cancel()
        if not self.mains.dead:
            self.stand.die()

    async def _all(self, *work: Coroutine[Any, Any, None]) -> None:
        """All of `work` at the same time. Whatever one of them raises is raised."""
        tasks = [asyncio.ensure_future(each) for each in work]
        self.tasks.update(tasks)
        for task in tasks:
            task.add_done_callback(self.tasks.discard)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        for found in sorted(
                (one for one in done if one is not None), key=lambda e: isinstance(e, PowerCut)):
            raise found

    # --- people ---------------------------------------------------------------------------------

    def _question(self, person: Person | None = None) -> Question:
        command = self.chance.choice(
            [Command.UNLOCK] * 5 + [Command.LOCK] * 3 + [Command.HOLD_OPEN, Command.STATUS])
        until = self.lock.now().at + self.chance.choice([5, 60, HOUR])
        args = ((1, until),) if command is Command.HOLD_OPEN else ()
        return self._of(person or self.chance.choice(self.people), command, args)

    def _of(self, person: Person, command: Command, args: tuple[tuple[int, int], ...]) -> Question:
        return Question(person, command, args, self.chance.randbytes(8), self.lock.store.size)

    def _third(self, visit: Visit, question: Question) -> bytes:
        return visit.third(question.command, args=dict(question.args), command_id=question.id)

    async def _ask(self, question: Question) -> None:
        """One visit, whose answer is lost on its way now and then."""
        visit = Visit(self.lock, question.person.chain)
        with suppress(Closed):
            await visit.greet()
            message = self._third(visit, question)
            if self.odds(5):
                self.recordings.append(message)
            self.witness.asked(question.person, question.command, question.id)
            heard = await visit.conversation.hear(message)
            if self.odds(5):
                self.lost.append(question)
                return
            answer = visit.side.read_answer(heard)
            receipt = answer.receipt and whole_receipt(answer, self.lock.secrets.signing.public)
            self.answered.append(question)
            self.witness.heard(question.person, question.command, question.id, answer, receipt)

    async def somebody_comes(self) -> None:
        await self._all(self._ask(self._question()))

    async def two_come_at_once(self) -> None:
        person = self.chance.choice(self.people)
        other = person if self.odds(2) else self.chance.choice(self.people)
        await self._all(self._ask(self._question(person)), self._ask(self._question(other)))

    async def somebody_asks_again(self) -> None:
        """The same question once more: after a lost answer, or for no reason at all."""
        known = [question for question in self.lost[-6:] + self.answered[-3:]
                 if self.lock.store.size - question.since < WHILE_REMEMBERED]
        if known:
            question = self.chance.choice(known)
            times = self.chance.choice([1, 2])
            await self._all(*(self._ask(question) for _ in range(times)))

    async def a_message_goes_astray(self) -> None:
        """Message 3 comes late, changed, twice, by a thief, or in somebody else's conversation."""
        question = self._question()
        visit = Visit(self.lock, question.person.chain)
        await visit.greet()
        message = self._third(visit, question)
        how = self.chance.choice(["late", "changed", "twice", "elsewhere", "by a thief"])
        self.note(f"  {question.person.name}, {question.command.name}: {how}")
        if how == "late":
            await asyncio.sleep(5.2)
        elif how == "changed":
            at = self.chance.randrange(len(message))
            flipped = bytes([message[at] ^ 1 << self.chance.randrange(8)])
            message = message[:at] + flipped + message[at + 1:]
        elif how == "by a thief":  # who has seen the chain, and has another key
            visit = Visit(self.lock, question.person.chain)
            await visit.greet()
            message = visit.third(
                question.command, args=dict(question.args), command_id=question.id,
                signer=key("thief"))
        elif how == "twice":
            self.witness.asked(question.person, question.command, question.id)
            await self._into(visit, message)
        else:
            visit = Visit(self.lock, self.chance.choice(self.people).chain)
            await visit.greet()
        await self._into(visit, message)

    async def a_thief_plays_a_recording(self) -> None:
        if self.recordings:
            visit = Visit(self.lock, self.chance.choice(self.people).chain)
            await visit.greet()
            await self._into(visit, self.chance.choice(self.recordings))

    async def _into(self, visit: Visit, message: bytes) -> None:
        with suppress(Closed, Theirs):
            await visit.conversation.hear(message)

    async def somebody_looks(self) -> None:
        """STATUS says what is so."""
        said = await Visit(self.lock, tenant()).run(Command.STATUS)
        body, gauges = said.answer.body.get(3), self.stand.door.gauges()
        locked = gauges.bolt_mm > THROWN_MM and gauges.leaf is Leaf.CLOSED
        if isinstance(body, dict) and body["state"] == DoorState.LOCKED.value:
            must(locked and gauges.motor is Motor.STILL,
                 "I23: locked was said of a door that is not")

    async def a_guest_is_invited(self) -> None:
        self.people.append(guest(self.seed, len(self.people), self.chance.choice([1, 1, 2])))

    async def a_guest_comes_twice(self) -> None:
        """The newest guest, who thinks that the first time did not count."""
        invited = [person for person in self.people if person.name.startswith("guest")]
        for _ in range(2):
            question = self._question(invited[-1])
            await self._all(self._ask(replace(question, command=Command.UNLOCK, args=())))

    async def a_lodger_is_put_out(self) -> None:
        """While they hold the door open."""
        person = lodger(self.seed, len(self.people))
        self.people.append(person)
        until = self.lock.now().at + HOUR
        await self._all(self._ask(self._of(person, Command.HOLD_OPEN, ((1, until),))))
        await self._take_back(person)
        await asyncio.sleep(4)

    # --- the owner ------------------------------------------------------------------------------

    async def _deliver(self, item: list[Any]) -> Fate | None:
        with suppress(Closed):
            said = await Visit(self.lock, owner_key()).run(Command.DELIVER, bundle=[item])
            for fate in said.fates:
                self.witness.delivered(fate.receipt)
                return fate
        return None

    async def a_key_is_taken_back(self) -> None:
        await self._take_back(self.chance.choice([p for p in self.people if p.name not in KEPT]))

    async def _take_back(self, person: Person) -> None:
        named = self.chance.choice([person.leaf, person.chain.leaf.holder.id])
        fate = await self._deliver(revoke_item(named))
        if fate is not None and fate.result <= 0:
            self.witness.taken_back(named)

    async def settings_change(self) -> None:
        version = self.lock.owner().config.version + 1
        await self._deliver(config_item(
            version, pins=self.policy, relock_after=self.chance.choice([0, 5, 20])))

    async def the_owner_looks_after_it(self) -> None:
        """Tells the time as it is, or ends a rest."""
        if self.odds(2):
            told = {1: self.stand.board.true_time()}
            await self.stand.visit(owner_key(), Command.SET_TIME, args=told)
            return
        slot = self.chance.choice(list(PINS))
        try:
            said = await self.stand.visit(owner_key(), Command.RESTORE, args={1: slot})
        except PowerCut:
            self.witness.restored()  # perhaps
            raise
        if said.answer.coarse is None:
            self.witness.restored()

    # --- the keypad -----------------------------------------------------------------------------

    async def somebody_types(self) -> None:
        """A PIN of theirs, or guesses, most of them at the same one."""
        if self.odds(3):
            slot = self.chance.choice(list(PINS))
            if self.odds(8):
                self._press(PINS[slot][:4], "clear")  # and thought better of it
                return
            self.witness.typed_right(slot)
            await self._enter(slot, PINS[slot])
            return
        slot = self.chance.choice([3, 3, 3, *PINS])
        for _ in range(self.chance.choice([1, 1, 2, 5])):
            await self._enter(slot, f"{self.chance.randrange(10**8):08d}")

    async def _enter(self, slot: int, digits: str) -> None:
        index = f"{slot:02d}" if self.policy is OFF else ""
        self._press(index + digits, "enter")
        await asyncio.sleep(self.chance.choice([0, 0.01, 0.5]))

    def _press(self, digits: str, last: str) -> None:
        for symbol in ["clear", *digits, last]:
            self.stand.door.press(symbol)

    # --- hands, clocks, power, disk -------------------------------------------------------------

    async def hands_move_things(self) -> None:
        door = self.stand.door
        act: Callable[[], object] = self.chance.choice([
            door.turn_inside, door.turn_key, door.open_leaf, door.close_leaf, door.jam,
            door.clear_jam, self._leave, door.unplug, door.plug_in])
        self.note(f"  {getattr(act, '__name__', act)}")
        self.witness.hands()
        act()

    async def something_is_stuck(self) -> None:
        """In the way of a bolt that is drawn, for some minutes."""
        door = self.stand.door
        self.witness.hands()
        if door.gauges().bolt_mm > 0.5:
            door.turn_inside()
        door.close_leaf()
        door.jam()
        await asyncio.sleep(200)
        door.clear_jam()

    def _leave(self) -> None:
        door = self.stand.door
        gauges = door.gauges()
        if gauges.leaf is Leaf.CLOSED and gauges.bolt_mm > 0.5:
            door.turn_inside()
        must(door.open_leaf(), "I28: the way out is shut")

    async def time_passes(self) -> None:
        if self.odds(2):
            await asyncio.sleep(self.chance.choice([3, 30, 120]))
        else:
            self.stand.board.loop.jump(self.chance.choice([60, PIN_REST_SECONDS, HOUR, 6 * HOUR]))

    async def the_board_clock_jumps(self) -> None:
        """Back, to its beginning, or so far ahead that nobody believes it."""
        board = self.stand.board
        board.set_wall(self.chance.choice([
            board.wall() - HOUR, board.wall() - 400 * DAY, 0, board.wall() + 400 * DAY]))

    async def the_power_goes_now(self) -> None:
        self.mains.dead = True

    async def the_power_will_go(self) -> None:
        self.mains.arm(self.chance.choice([1, 1, 2, 2, 3, 5]), after=self.odds(2))

    async def the_disk_fills(self) -> None:
        """Or has room again."""
        self.disk_has_room = not self.disk_has_room
        [used] = self.mains.db.execute("PRAGMA page_count").fetchone()
        most = 1_000_000 if self.disk_has_room else used + self.chance.choice([0, 1, 20])
        self.mains.db.execute(f"PRAGMA max_page_count = {most}")

    def _reboot(self) -> None:
        self.note("  the power is gone, and comes back")
        stand, door = self.stand, self.stand.door
        self.witness.power_gone()
        for task in self.tasks:
            task.cancel()
        door.listen(lambda _: None)
        if stand.watch is not None:
            stand.watch.halt()
        self.mains.db.close()
        door.unplug()
        door.flatten()
        stand.board.loop.jump(self.chance.choice(AFTER_A_RESTART))
        door.plug_in()
        door.replace_battery()
        with wired():
            stand.boot()
        self.disk_has_room = True
        self.witness.power_back()
        stand.watched()


async def live(folder: Path, seed: int, steps: int) -> World:
    """One whole history. A Violation becomes an AssertionError that says how to play it again."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_unless_expected)
    world = World(folder, seed)
    try:
        await world.run(steps)
    except Violation as violation:
        newest = "\n".join(world.history[-25:])
        raise AssertionError(f"{violation}\nseed {seed}, the newest last:\n{newest}") from violation
    finally:
        world.bury()
    return world


def _unless_expected(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tasks of a dead board end as they stand; nobody asks them how."""
    if not isinstance(context.get("exception"), PowerCut | Violation):
        loop.default_exception_handler(context)

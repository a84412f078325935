"""Scenes: what goes wrong at a door, played against the real daemon, and what the door does then.

Each scene builds a world of its own in a temporary folder, plays its steps, and says for each whether
it went as promised. The same scenes run as tests, so the demo cannot rot.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from mortice.client import owner
from mortice.client.wallet import Wallet
from mortice.client.words import reason_of
from mortice.client.audit import MAGIC, audit, entry_frame, frame, HEAD_FRAME
from mortice.core.commands import Command
from mortice.core.door import Bolt
from mortice.core.errors import Untrusted
from mortice.core.grant import Rights
from mortice.core.log import Kind, read_entry
from mortice.core.merkle import leaf_hash
from mortice.core.refusal import Coarse
from mortice.core.revocation import Revoked
from mortice.core.site import Role
from mortice.drivers.simulated import Physics
from mortice.sim.cast import STREET, USE
from mortice.sim.world import OWNER, PASSPHRASE, RunningDoor, World

QUICK = Physics(travel_seconds=0.05)  # a scene is about decisions, not about waiting for a motor
SETTLE_SECONDS = 5.0  # longest that a scene waits for the door to have decided
DAY = 86_400


@dataclass(slots=True)
class Stage:
    """One scene being played: its world and the steps so far."""

    world: World
    steps: list[dict[str, object]] = field(default_factory=list)
    tell: Callable[[str], None] = lambda line: None

    def step(self, what: str, *, ok: bool, saw: str = "") -> None:
        """One promise, and whether it was kept."""
        self.steps.append({"step": what, "ok": ok, "saw": saw})
        self.tell(f"  {'✓' if ok else '✗'} {what}{f'  ({saw})' if saw else ''}")

    @property
    def ok(self) -> bool:
        """Was every promise kept?"""
        return bool(self.steps) and all(bool(step["ok"]) for step in self.steps)

    async def open(self, name: str, door: str, **how: object) -> tuple[str, Coarse | None]:
        """`name` tries to open `door`: the result's word, and the coarse code if refused."""
        visited = await self.world.visit(name, door, Command.UNLOCK, **how)  # type: ignore[arg-type]
        receipt = visited.answer.receipt
        return (receipt.result.name.lower() if receipt else "refused"), visited.answer.coarse

    def last_reason(self, door: str) -> str:
        """The exact reason of the newest refusal in a door's log: what the owner reads."""
        store = self.world.doors[door].lock.store
        refused = [e for _, body, _ in store.entries(0, store.size)
                   if (e := read_entry(body)).kind is Kind.REFUSED]
        return reason_of(refused[-1]).value if refused else "none"


async def _type(door: RunningDoor, digits: str) -> str:
    """Type a PIN; returns what the keypad showed once it had a verdict."""
    store = door.lock.store
    before = store.size
    for symbol in digits:
        door.hardware.press(symbol)
    door.hardware.press("enter")
    async with asyncio.timeout(SETTLE_SECONDS):
        while store.size == before:
            await asyncio.sleep(0.01)
    kind = read_entry(store.entries(before, 1)[0][1]).kind
    return "yes" if kind is Kind.GRANTED else "no"


async def _until(true: Callable[[], bool]) -> bool:
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            while not true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        return False
    return True


async def wrong_pin(stage: Stage) -> None:
    """A stranger guesses; the keypad slows; the right PIN and phones are not forgiven or locked out."""
    world = stage.world
    door = await world.run(STREET[0])
    world.owner_key()
    pin = await world.give_pin("Ana Sousa", "front-door", 0, owner.Terms(world.door_ids(), USE))
    wrong = "94" + pin[2:] if not pin.startswith("94") else "49" + pin[2:]
    stage.step("a wrong PIN is refused", ok=await _type(door, wrong) == "no",
               saw=stage.last_reason("front-door"))
    stage.step("the right PIN opens", ok=await _type(door, pin) == "yes"
               and await _until(lambda: door.hardware.sight().bolt is Bolt.DRAWN))
    left = 10 - len(door.lock.store.tries("door").at)
    stage.step("and forgives nobody else's tries", ok=left == 9, saw=f"{left} tries left")
    for _ in range(left):
        await _type(door, wrong)
    await _type(door, pin)
    stage.step("after ten wrong tries the keypad rests", ok=stage.last_reason("front-door") == "resting",
               saw=stage.last_reason("front-door"))
    result, _ = await stage.open(OWNER, "front-door")
    stage.step("a phone key still opens at once", ok=result == "unlocked", saw=result)


async def lost_phone(stage: Stage) -> None:
    """A lost phone is taken back, and the news reaches the door in another person's pocket."""
    world = stage.world
    await world.run(STREET[0])
    world.owner_key()
    ana = world.give("Ana Sousa", owner.Terms(world.door_ids(), USE), "p256")
    world.give("Ben Hale", owner.Terms(world.door_ids(), USE, resident=True))
    result, _ = await stage.open("Ana Sousa", "front-door")
    stage.step("Ana's phone opens the door", ok=result == "unlocked", saw=result)
    owner.take_back(world.home, [Revoked(ana.leaf.id, ana.leaf.exp)],
                    world.home.site_key(Role.REVOKE, PASSPHRASE))
    news = world.home.news()
    result, _ = await stage.open("Ana Sousa", "front-door", news={})
    stage.step("the door has not heard yet that it was lost", ok=result == "unlocked",
               saw="nobody has carried the news")
    result, _ = await stage.open("Ben Hale", "front-door", news=news)
    stage.step("Ben comes home; his phone carries the news", ok=result == "unlocked", saw=result)
    result, coarse = await stage.open("Ana Sousa", "front-door", news={})
    stage.step("from now on the lost phone is refused", ok=coarse is Coarse.NOT_ALLOWED,
               saw=f"{result}: {stage.last_reason('front-door')}")
    visited = await world.visit("Ben Hale", "front-door", Command.STATUS, news={})
    known = bool(visited.news)
    stage.step("and the door passes the news on to every visitor", ok=known)


async def guest_too_early(stage: Stage) -> None:
    """A guest with a key for Friday stands there today."""
    world = stage.world
    await world.run(STREET[1])
    world.owner_key()
    now = int(time.time())
    world.give("Jo Visitor", owner.Terms(world.door_ids(), USE, nbf=now + DAY, exp=now + 3 * DAY))
    result, coarse = await stage.open("Jo Visitor", "back-door")
    stage.step("the guest is refused, and told only 'not now'", ok=coarse is Coarse.NOT_NOW,
               saw=f"{result}: {coarse.value if coarse else 'opened'}")
    reason = stage.last_reason("back-door")
    stage.step("the owner reads why", ok=reason == "not_yet", saw=reason)
    bolt = world.doors["back-door"].hardware.sight().bolt
    stage.step("the bolt has not moved", ok=bolt is Bolt.THROWN, saw=bolt.value)


async def passed_on(stage: Stage) -> None:
    """Owner, agent, firm, engineer: each link narrower, and the last one counts once."""
    world = stage.world
    for plan in (STREET[2], STREET[4]):
        await world.run(plan)
    world.owner_key()
    now, cupboard = int(time.time()), world.door_ids("meter-cupboard")
    world.give("Lettings Desk", owner.Terms(
        world.door_ids(), USE, Rights.UNLOCK, depth=2, nbf=now - DAY, exp=now + 300 * DAY, max_life=DAY))
    world.pass_on("Lettings Desk", "Gas Firm", owner.Terms(
        cupboard, Rights.UNLOCK, Rights.UNLOCK, depth=1, nbf=now, exp=now + DAY))
    try:
        world.pass_on("Gas Firm", "Greedy", owner.Terms(
            world.door_ids(), Rights.UNLOCK, nbf=now, exp=now + 3600))
        wider = "signed"
    except Untrusted as error:
        wider = str(error)
    stage.step("the firm cannot pass on a door it has not", ok=wider != "signed", saw=wider)
    engineer = world.pass_on("Gas Firm", "Eve Engineer", owner.Terms(
        cupboard, Rights.UNLOCK, nbf=now, exp=now + 7200, uses=1))
    stage.step("the engineer's key is a chain of three", ok=len(engineer.links) == 3)
    result, coarse = await stage.open("Eve Engineer", "street-door", key=engineer)
    stage.step("it does not open the street door", ok=coarse is Coarse.NOT_ALLOWED,
               saw=stage.last_reason("street-door"))
    result, _ = await stage.open("Eve Engineer", "meter-cupboard")
    stage.step("it opens the meter cupboard", ok=result == "unlocked", saw=result)
    result, coarse = await stage.open("Eve Engineer", "meter-cupboard")
    stage.step("once", ok=coarse is Coarse.NOT_ALLOWED, saw=stage.last_reason("meter-cupboard"))


async def power_cut(stage: Stage) -> None:
    """The plug is pulled while the bolt turns; nothing is lost, nothing opens by itself."""
    world = stage.world
    door = await world.run(STREET[0])
    world.owner_key()
    once = world.give("Delivery", owner.Terms(world.door_ids(), Rights.UNLOCK, uses=1))
    door.hardware.physics = Physics(travel_seconds=1.0)
    opening = asyncio.ensure_future(stage.open("Delivery", "front-door", key=once))
    await _until(lambda: door.hardware.sight().bolt is Bolt.BETWEEN)
    door.hardware.unplug()
    door.hardware.flatten()
    await door.cut()
    await asyncio.gather(opening, return_exceptions=True)
    stage.step("the power goes while the bolt turns", ok=door.hardware.gauges().dead)
    door.hardware.turn_inside()
    stage.step("the inside turn still lets people out", ok=door.hardware.open_leaf())
    door.hardware.close_leaf()
    door.hardware.physics = QUICK
    door.hardware.plug_in()
    before = door.lock.store.size
    await door.restart()
    world.home.keep_address(world.home.door("front-door").mapped.id, *door.address)
    entries = [read_entry(body) for _, body, _ in door.lock.store.entries(0, 1000)]
    granted = [entry.index for entry in entries if entry.kind is Kind.GRANTED]
    stage.step("the opening stands in the log, written before the bolt moved",
               ok=bool(granted) and door.lock.store.size > before, saw=f"entry {granted[-1:]}")
    gapless = [entry.index for entry in entries] == list(range(len(entries)))
    stage.step("the log has no gap", ok=gapless, saw=f"{len(entries)} entries")
    _, coarse = await stage.open("Delivery", "front-door", key=once)
    stage.step("the one-visit key is used up, not given back", ok=coarse is Coarse.NOT_ALLOWED,
               saw=stage.last_reason("front-door"))
    result, _ = await stage.open(OWNER, "front-door")
    stage.step("the owner opens", ok=result == "unlocked", saw=result)


async def tampered_log(stage: Stage) -> None:
    """Somebody edits one line of an exported log, and then cuts off its end."""
    world = stage.world
    door = await world.run(STREET[0])
    world.owner_key()
    for _ in range(3):
        await stage.open(OWNER, "front-door")
    key, store = door.lock.secrets.signing.public, door.lock.store
    rows = store.entries(0, store.size)
    receipt = Wallet(world.home, OWNER).receipts()[key.id.hex()]

    def export(bodies: list[bytes], head: bytes) -> bytes:
        lines = [entry_frame(body, leaf_hash(original)) for body, (_, original, _) in zip(
            bodies, rows, strict=False)]
        return MAGIC + b"".join(lines) + frame(HEAD_FRAME, head) + frame(b"R"[0], bytes.fromhex(receipt))

    whole, head = [body for _, body, _ in rows], door.lock.recorder.head()
    found = audit(export(whole, head), key)
    stage.step("the honest log is unbroken", ok=found.fault is None, saw=f"{found.size} entries")
    changed = list(whole)
    changed[4] = changed[4][:-1] + bytes([changed[4][-1] ^ 1])
    found = audit(export(changed, head), key)
    stage.step("one changed byte is found, and where", ok=bool(found.fault and found.fault.index == 4),
               saw=found.fault.message if found.fault else "not found")
    found = audit(export(whole[:-2], head), key)
    stage.step("a cut-off end is found", ok=found.fault is not None,
               saw=found.fault.message if found.fault else "not found")


Scene = Callable[[Stage], Awaitable[None]]
SCENES: dict[str, Scene] = {
    "wrong-pin": wrong_pin, "lost-phone": lost_phone, "guest-too-early": guest_too_early,
    "passed-on": passed_on, "power-cut": power_cut, "tampered-log": tampered_log,
}


async def play(name: str, tell: Callable[[str], None]) -> Stage:
    """Play one scene in a world of its own."""
    with tempfile.TemporaryDirectory(prefix="mortice-scene-") as folder:
        world = World(Path(folder), QUICK)
        world.found("A scene")
        stage = Stage(world, tell=tell)
        try:
            await SCENES[name](stage)
        finally:
            await world.stop()
        return stage



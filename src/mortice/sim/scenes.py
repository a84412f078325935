"""Scenes: what goes wrong at a door, played against the real daemon, and what the door does then.

Each scene builds a world of its own in a temporary folder, plays its steps, and says for each
whether it went as promised. The same scenes run as tests, so the demo cannot rot.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from mortice.client import owner
from mortice.client.audit import (
    HEAD_FRAME,
    MAGIC,
    RECEIPT_FRAME,
    Audit,
    audit,
    entry_frame,
    frame,
)
from mortice.client.line import Unreachable
from mortice.client.wallet import Wallet
from mortice.core.commands import Command
from mortice.core.door import Bolt
from mortice.core.errors import Untrusted
from mortice.core.grant import Rights
from mortice.core.keys import PublicKey
from mortice.core.limits import PIN_TRIES
from mortice.core.log import Entry, Kind
from mortice.core.merkle import leaf_hash
from mortice.core.refusal import Coarse
from mortice.core.revocation import Revoked
from mortice.core.site import Role
from mortice.drivers.simulated import Physics
from mortice.sim.cast import BACK, CUPBOARD, DAY, FRONT, HOUR, MINUTE, SHARED, USE
from mortice.sim.scenes_clock import clock_change
from mortice.sim.stage import Actor, Stage, stage_in, within
from mortice.sim.world import NO_NEWS, OWNER, PASSPHRASE, Bring, World

QUICK = Physics(travel_seconds=0.05)  # a scene is about decisions, not about waiting for a motor
SLOW = Physics(travel_seconds=2.0)  # so that there is a middle in which the power can go


async def wrong_pin(stage: Stage) -> None:
    """A stranger guesses; the keypad slows. The right PIN forgives nothing; phones are let in."""
    world, door = stage.world, await stage.door(FRONT)
    pin = await world.give_pin("Ana Sousa", FRONT.slug, 0, owner.Terms(world.door_ids(), USE))
    wrong = ("94" if not pin.startswith("94") else "49") + pin[2:]
    said = await door.typed(wrong)
    stage.step("a wrong PIN is refused", ok=said == "wrong_pin", saw=said)
    said = await door.typed(pin)
    drawn = await door.sees(lambda: door.running.hardware.sight().bolt is Bolt.DRAWN)
    stage.step("the right PIN opens", ok=said == "granted" and drawn, saw=said)
    said = await _guess_on(door, wrong)
    stage.step("the right PIN forgave nobody's tries: nine more", ok=said == "9", saw=said)
    said = await door.typed(pin)
    stage.step("then the keypad rests, even for the right PIN", ok=said == "resting", saw=said)
    answered = await stage.open(OWNER, FRONT.slug)
    stage.step("a phone still opens at once", ok=answered.opened, saw=str(answered))


async def _guess_on(door: Actor, wrong: str) -> str:
    """Guess until the keypad rests; how many guesses it took, in words."""
    for guesses in range(PIN_TRIES):
        said = await door.typed(wrong)
        if said != "wrong_pin":
            return str(guesses) if said == "resting" else said
    return f"more than {PIN_TRIES}"


async def lost_phone(stage: Stage) -> None:
    """A lost phone is taken back, and the news reaches the door in another person's pocket."""
    world, door = stage.world, await stage.door(FRONT)
    ana = world.give("Ana Sousa", owner.Terms(world.door_ids(), USE), "p256")
    world.give("Ben Hale", owner.Terms(world.door_ids(), USE, resident=True))
    answered = await stage.open("Ana Sousa", FRONT.slug)
    stage.step("Ana's phone opens the door", ok=answered.opened, saw=str(answered))
    revoke_key = world.home.site_key(Role.REVOKE, PASSPHRASE)
    owner.take_back(world.home, [Revoked(ana.leaf.id, ana.leaf.exp)], revoke_key)
    answered = await stage.open("Ana Sousa", FRONT.slug, NO_NEWS)
    stage.step("nobody has told the door yet", ok=answered.opened, saw=str(answered))
    answered = await stage.open("Ben Hale", FRONT.slug)
    stage.step("Ben comes home with the news in his phone", ok=answered.opened, saw=str(answered))
    answered = await stage.open("Ana Sousa", FRONT.slug, NO_NEWS)
    refused = answered.coarse is Coarse.NOT_ALLOWED and door.last_reason() == "revoked"
    stage.step("now the lost phone is refused", ok=refused, saw=f"{answered}, {door.last_reason()}")
    visited = await world.visit("Ben Hale", FRONT.slug, Command.STATUS, NO_NEWS)
    passed_on = set(visited.news) == set(world.home.news())
    stage.step("and the door passes the news on to who has not heard it", ok=passed_on)


async def guest_too_early(stage: Stage) -> None:
    """A guest with a key for tomorrow stands there today."""
    world, door = stage.world, await stage.door(BACK)
    now = int(time.time())
    world.give("Jo Visitor", owner.Terms(world.door_ids(), USE, nbf=now + DAY, exp=now + 3 * DAY))
    answered = await stage.open("Jo Visitor", BACK.slug)
    coarsely = answered.coarse is Coarse.NOT_NOW
    stage.step("the guest is told 'not now', and nothing else", ok=coarsely, saw=str(answered))
    reason = door.last_reason()
    stage.step("the owner reads why", ok=reason == "not_yet", saw=reason)
    bolt = door.running.hardware.gauges().bolt_mm
    stage.step("the bolt has not moved", ok=bolt == QUICK.travel_mm, saw=f"{bolt:.0f} mm out")


async def passed_on(stage: Stage) -> None:
    """Owner, agent, firm, engineer: each link narrower, and the last one counts once."""
    world, shared = stage.world, await stage.door(SHARED)
    cupboard_door = await stage.door(CUPBOARD)
    now, cupboard = int(time.time()), world.door_ids(CUPBOARD.slug)
    start = now - MINUTE  # the lock's clock may be a second behind
    unlock, both = Rights.UNLOCK, world.door_ids()
    desk = owner.Terms(both, USE, unlock, 2, nbf=now - DAY, exp=now + 300 * DAY, max_life=DAY)
    world.give("Lettings Desk", desk)
    firm = owner.Terms(cupboard, unlock, unlock, 1, nbf=start, exp=start + DAY)
    world.pass_on("Lettings Desk", "Gas Firm", firm)
    wider = _try_wider(world, owner.Terms(both, unlock, nbf=start, exp=now + HOUR))
    stage.step("the firm cannot pass on a door it has not", ok="(C8)" in wider, saw=wider)
    visit = owner.Terms(cupboard, unlock, nbf=start, exp=now + 2 * HOUR, uses=1)
    key = world.pass_on("Gas Firm", "Eve Engineer", visit)
    links = len(key.links)
    stage.step("the engineer's key is a chain of three", ok=links == 3, saw=f"{links} links")
    answered = await stage.open("Eve Engineer", SHARED.slug, Bring(key=key))
    elsewhere = answered.coarse is Coarse.NOT_ALLOWED and shared.last_reason() == "wrong_door"
    stage.step("it does not open the street door", ok=elsewhere, saw=shared.last_reason())
    answered = await stage.open("Eve Engineer", CUPBOARD.slug)
    stage.step("it opens the meter cupboard", ok=answered.opened, saw=str(answered))
    answered = await stage.open("Eve Engineer", CUPBOARD.slug)
    used_up = answered.coarse is Coarse.NOT_ALLOWED and cupboard_door.last_reason() == "used_up"
    stage.step("once", ok=used_up, saw=cupboard_door.last_reason())


def _try_wider(world: World, terms: owner.Terms) -> str:
    try:
        world.pass_on("Gas Firm", "Greedy", terms)
    except Untrusted as error:
        return str(error)
    return "signed"


async def power_cut(stage: Stage) -> None:
    """The plug is pulled while the bolt turns: nothing is lost, and nothing opens by itself."""
    world, door = stage.world, await stage.door(FRONT)
    once = world.give("Delivery", owner.Terms(world.door_ids(), Rights.UNLOCK, uses=1))
    world.owner_key()
    await _cut_while_opening(stage, door, Bring(key=once))
    hardware = door.running.hardware
    stood = hardware.gauges().bolt_mm
    hardware.turn_inside()
    stage.step("the knob inside still lets people out", ok=hardware.open_leaf())
    hardware.close_leaf()
    hardware.turn_inside()
    hardware.physics = QUICK
    hardware.plug_in()
    back = await within(door.running.listening())
    stage.step(
        "power comes back, and the lock gets up", ok=back and door.running.daemon is not None
    )
    entries = door.entries()
    after = _after_granted(entries)
    recorded = Kind.STARTED in after and Kind.MOVED not in after
    saw = ", ".join(["granted", *(kind.name.lower() for kind in after)])
    stage.step("the log has the opening, and no word that the bolt arrived", ok=recorded, saw=saw)
    whole = [entry.index for entry in entries] == list(range(len(entries)))
    stage.step("and nothing is missing from it", ok=whole, saw=f"{len(entries)} entries")
    shut = hardware.gauges().bolt_mm == QUICK.travel_mm
    stage.step("nothing moved by itself", ok=shut, saw=f"stood at {stood:.0f} mm when it went dark")
    answered = await stage.open("Delivery", FRONT.slug, Bring(key=once))
    used_up = answered.coarse is Coarse.NOT_ALLOWED and door.last_reason() == "used_up"
    stage.step("the one-visit key is not given back", ok=used_up, saw=door.last_reason())
    answered = await stage.open(OWNER, FRONT.slug)
    stage.step("the owner opens", ok=answered.opened, saw=str(answered))


def _after_granted(entries: list[Entry]) -> list[Kind]:
    """What the log records after its last grant; nothing if it has none."""
    kinds = [entry.kind for entry in entries]
    return kinds[len(kinds) - kinds[::-1].index(Kind.GRANTED) :] if Kind.GRANTED in kinds else []


async def _cut_while_opening(stage: Stage, door: Actor, bring: Bring) -> None:
    hardware = door.running.hardware
    hardware.physics = SLOW
    opening = asyncio.ensure_future(stage.open("Delivery", FRONT.slug, bring))
    middle = SLOW.travel_mm / 2
    moving = await door.sees(lambda: hardware.gauges().bolt_mm < middle)
    hardware.flatten()
    hardware.unplug()
    (heard,) = await asyncio.gather(opening, return_exceptions=True)
    cut = moving and hardware.gauges().dead and isinstance(heard, Unreachable)
    stage.step("the power goes while the bolt turns", ok=cut, saw=str(heard))
    try:
        answered = str(await stage.open(OWNER, FRONT.slug))
    except Unreachable as error:
        answered = str(error).split(" at ", maxsplit=1)[0]
    stage.step("the lock is gone from the network", ok="nothing answers" in answered, saw=answered)


async def tampered_log(stage: Stage) -> None:
    """Somebody edits one entry of an exported log, takes one out, and cuts off its end."""
    world, door = stage.world, await stage.door(FRONT)
    world.owner_key()
    for _ in range(3):
        await stage.open(OWNER, FRONT.slug)
    key = world.home.door(FRONT.slug).mapped.lock.signing
    file = world.home.folder / "front.log"
    file.write_bytes(await _export(stage, FRONT.slug))
    bodies = [entry.encode() for entry in door.entries()]
    found = audit(file.read_bytes(), key)
    honest = found.fault is None and found.size == len(bodies)
    stage.step("the honest export is unbroken", ok=honest, saw=f"{found.size} entries")

    changed = _audited_without(file, bodies[4], bodies[4][:-1] + bytes([bodies[4][-1] ^ 1]), key)
    _step_found(stage, "one changed byte is found, and where", changed, 4)
    taken = _audited_without(file, entry_frame(bodies[4], leaf_hash(bodies[4])), b"", key)
    _step_found(stage, "an entry taken out is found, and where", taken, 4)
    kept = file.read_bytes().partition(entry_frame(bodies[-2], leaf_hash(bodies[-2])))[0]
    receipt = bytes.fromhex(Wallet(world.home, OWNER).receipts()[key.id.hex()])
    cut = audit(kept + frame(RECEIPT_FRAME, receipt), key)
    _step_found(stage, "an end cut off is found by an old receipt", cut, len(bodies) - 2)


async def _export(stage: Stage, door: str) -> bytes:
    """The owner's export of a log: entries, the heads that were signed over them, a receipt."""
    export = [MAGIC]
    for page in await stage.read_log(door):
        rows = page["entries"]
        assert isinstance(rows, list), "a page holds entries"
        for _, body, head in rows:
            export.append(entry_frame(body, leaf_hash(body)))
            if head is not None:
                export.append(frame(HEAD_FRAME, head))
        if "head" in page:
            assert isinstance(page["head"], bytes), "a head is signed bytes"
            export.append(frame(HEAD_FRAME, page["head"]))
    return b"".join(export)


def _audited_without(file: Path, old: bytes, new: bytes, key: PublicKey) -> Audit:
    """Audit `file` after somebody has put `new` in the place of `old`."""
    export = file.read_bytes()
    assert export.count(old) == 1, "there is something to tamper with"
    tampered = file.with_name("tampered.log")
    tampered.write_bytes(export.replace(old, new))
    return audit(tampered.read_bytes(), key)


def _step_found(stage: Stage, what: str, found: Audit, where: int) -> None:
    fault = found.fault
    right = fault is not None and fault.index == where
    stage.step(what, ok=right, saw=fault.message if fault else "not found")


Scene = Callable[[Stage], Awaitable[None]]
SCENES: dict[str, Scene] = {
    "wrong-pin": wrong_pin,
    "lost-phone": lost_phone,
    "guest-too-early": guest_too_early,
    "passed-on": passed_on,
    "power-cut": power_cut,
    "tampered-log": tampered_log,
    "clock-change": clock_change,
}
BESIDE_A_HUB = ("internet-down", "hub-stolen", "leaver")  # loaded when they are played
NAMES = (*SCENES, *BESIDE_A_HUB)


def scene_called(name: str) -> Scene:
    """The scene of that name. Raises ImportError where the hub's packages are not installed."""
    if name in SCENES:
        return SCENES[name]
    from mortice.sim import scenes_hub  # noqa: PLC0415 - the web stack, for these alone

    found: Scene = getattr(scenes_hub, name.replace("-", "_"))
    return found


async def play(name: str, tell: Callable[[str], None]) -> Stage:
    """Play one scene in a world of its own."""
    scene = scene_called(name)
    with tempfile.TemporaryDirectory(prefix="mortice-scene-") as folder:
        world = World(Path(folder), QUICK)
        stage = stage_in(Path(folder), world, tell)
        try:
            await scene(stage)
        finally:
            await world.stop()
        return stage

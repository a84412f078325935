"""Vouching that keys are still good: staples for their holders, and for PINs below those keys."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from mortice.cli import texts
from mortice.cli.here import Here
from mortice.cli.judging import revoked_set
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.picking import Record, records_of
from mortice.cli.problems import REFUSED, Problem, usage
from mortice.cli.telling import Told, tell, told_json
from mortice.client.home import KnownDoor
from mortice.client.wallet import HeldKey, Wallet, held
from mortice.core import cbor
from mortice.core.chain import has_right
from mortice.core.freshness import STAPLE, sign_staple
from mortice.core.grant import Rights
from mortice.core.keys import Signer
from mortice.core.revocation import first_revoked
from mortice.core.site import Role


@dataclass(frozen=True)
class Refreshed:
    """One key and its staple. No text if the key lies in this home and has it already."""

    record: Record
    staple: bytes
    text: str | None


def refresh(here: Here, who: str, doors: tuple[str, ...]) -> None:
    """Staples for every live key of somebody that asks for them; each of `doors` is told."""
    named = [here.door(name) for name in doors]
    live = _live(here, who)
    theirs = {door for record, _ in live for door in record["doors"]}
    for door in named:
        if door.mapped.id.hex() not in theirs:
            raise usage(
                f"No key of {who} that asks to be refreshed is for {door.mapped.label}.",
                "Leave out that --door.")
    signer, chain = _voucher(here)
    now, done = int(time.time()), []
    for record, key in live:
        staple = sign_staple(here.home.site().id, key.leaf.id, now, signer)
        done.append(Refreshed(record, staple, _hand_staple(here, key, staple, chain)))
    told = asyncio.run(_tell(here, named, done, chain))
    if here.json:
        show_json({
            "refreshed": [{"name": one.record["label"], "key": one.record["id"], "text": one.text}
                          for one in done],
            "doors": [told_json(one) for one in told]})
    else:
        _say(done, told)


def _live(here: Here, who: str) -> list[tuple[Record, HeldKey]]:
    """Somebody's keys that ask for staples, and have neither ended nor been taken back."""
    now, revoked = int(time.time()), revoked_set(here.home)
    stale = [(record, key) for record in records_of(here.home, who)
             if record.get("kind") == "key" and record.get("chain")
             and (key := held(bytes.fromhex(record["chain"]))).leaf.max_staleness is not None]
    live = [(record, key) for record, key in stale
            if key.alive(now) and first_revoked(key.links, revoked) is None]
    if not live:
        raise Problem(
            "nothing_to_refresh",
            f"{who} has a key that has ended or was taken back." if stale
            else f"No key of {who} asks to be refreshed.", "See them with: mortice key list")
    return live


async def _tell(
    here: Here, doors: list[KnownDoor], done: list[Refreshed], chain: list[cbor.Value] | None,
) -> list[Told]:
    signed = [chain] if chain else []
    return list(await asyncio.gather(*(
        tell(here, door, [STAPLE, one.staple, *signed])
        for door in doors for one in done if door.mapped.id.hex() in one.record["doors"])))


def _say(done: list[Refreshed], told: list[Told]) -> None:
    for one in done:
        name = plain(str(one.record["label"]))
        if one.text is None:
            note(f"Refreshed {name}'s key {one.record['id'][:8]}, here.")
        else:
            say(one.text)
            note(f"Send that to {name}: mortice key add TEXT")
    for door in told:
        label = plain(door.door.mapped.label)
        if door.state != "on_door":
            note(f"{label}: not told, because {door.why}")
        elif door.entry is None:
            note(f"{label} kept nothing: no PIN there waits for this, or its clock is far behind.")
        else:
            note(f"{label}: the PIN below the key is good again (entry {door.entry}).")


def _voucher(here: Here) -> tuple[Signer, list[cbor.Value] | None]:
    """Who signs: the owner's refresh key, or one's own key where it gives the right."""
    if here.home.owns_site():
        return here.site_key(Role.REFRESH), None
    now, mine = int(time.time()), here.me.keys()
    for key in mine:
        fresh = key.leaf.max_staleness is None  # one that may go stale vouches for nobody
        if fresh and key.alive(now) and has_right(key.links, Rights.REFRESH):
            return here.me.key, key.wire
    raise Problem(
        "no_right", "Your key may not refresh others.", "The owner can: mortice key refresh",
        REFUSED)


def _hand_staple(
    here: Here, key: HeldKey, staple: bytes, chain: list[cbor.Value] | None) -> str | None:
    for person in here.home.people():
        wallet = Wallet(here.home, person)
        if wallet.key.public == key.leaf.holder:
            wallet.keep_staple(staple, chain)
            return None
    return texts.write_staple(staple, chain)

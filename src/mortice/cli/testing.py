"""Looking hard at doors without moving anything: whose lock answers, its clock, log and supply."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from mortice.cli.here import Here
from mortice.cli.output import plain, say, show_json
from mortice.cli.picking import records
from mortice.cli.problems import DONE, FAILED, UNREACHABLE, Problem, in_words
from mortice.cli.visiting import Answer, Wish, as_answer, reading, status, text
from mortice.client.errands import Call
from mortice.client.home import Home, KnownDoor
from mortice.client.line import Unreachable
from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.commands import Command
from mortice.core.document import id_of
from mortice.core.errors import Theirs, Untrusted
from mortice.core.grant import ENROL, Credential
from mortice.core.log import accept_head, accept_receipt
from mortice.core.merkle import verify_consistency
from mortice.core.stages import TimeState

APART_SECONDS = 60  # between the door's clock and this device's, before somebody should look
LOW_VOLTS = 5.0  # a backup battery below this lasts for a few openings more
GOOD_STATES = ("locked", "unlocked", "open")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    saw: str
    ok: bool = True


def test_doors(here: Here, doors: list[KnownDoor]) -> int:
    """Test doors at the same time and print what was found; returns the exit code."""
    if not doors:
        raise Problem("unknown_door", "There are no doors yet.", "Add one: mortice door add")
    found = asyncio.run(_all(here, doors))
    for door, checks in zip(doors, found, strict=True):
        if not here.json:
            say(plain(door.mapped.label))
            for check in checks:
                say(f"  {'✓' if check.ok else '✗'} {check.name}: {plain(check.saw)}")
    if here.json:
        show_json({"doors": [{
            "door": door.slug, "ok": all(check.ok for check in checks),
            "checks": [{"check": c.name, "ok": c.ok, "saw": c.saw} for c in checks],
        } for door, checks in zip(doors, found, strict=True)]})
    if any(not check.ok and check.name == "answers" for checks in found for check in checks):
        return UNREACHABLE
    return DONE if all(check.ok for checks in found for check in checks) else FAILED


async def _all(here: Here, doors: list[KnownDoor]) -> list[list[Check]]:
    return list(await asyncio.gather(*(_test(here, door) for door in doors)))


async def _test(here: Here, door: KnownDoor) -> list[Check]:
    try:
        async with reading(here, door, Wish(Command.STATUS)) as (call, answer):
            return [
                Check("answers", f"at {door.host}:{door.port}, with the key on the map"),
                _clock(call), await _log(here, door, call), _state(answer), *_health(answer),
                _papers(here.home, call)]
    except Unreachable as error:
        return [Check("answers", str(error), ok=False)]
    except (Problem, Theirs) as error:
        return [Check("opens to you", in_words(error).message, ok=False)]


def _clock(call: Call) -> Check:
    greeting = call.visited.greeting
    apart = greeting.at - int(time.time())
    ok = abs(apart) <= APART_SECONDS and greeting.time is not TimeState.UNSURE
    return Check("clock", f"{greeting.time.name.lower()}, {apart:+d} s from this device's", ok=ok)


async def _log(here: Here, door: KnownDoor, call: Call) -> Check:
    """The log must still begin with what a receipt in this home says of it."""
    kept, lock = here.me.receipt(door.mapped.lock), door.mapped.lock.signing
    if kept is None:
        return Check("log", f"{call.visited.greeting.size} entries, nothing to compare with")
    receipt, greeting = accept_receipt(kept, lock), call.visited.greeting
    if receipt.proves > (greeting.incarnation, greeting.size):
        return Check(
            "log", f"{greeting.size} entries, and a receipt proves {receipt.size}", ok=False)
    if receipt.incarnation < greeting.incarnation:
        return Check("log", "its memory was put back since the last receipt here", ok=False)
    answer = as_answer(await call.session.more(
        Command.PROVE, {1: receipt.index, 2: receipt.size}))
    head, proof = answer.get("head"), answer.get("consistency")
    if not isinstance(head, bytes) or not isinstance(proof, list):
        return Check("log", "the door gave no proof", ok=False)
    signed = accept_head(head, lock)
    try:
        verify_consistency(
            receipt.size, signed.size, receipt.root, signed.root,
            [node for node in proof if isinstance(node, bytes)])
    except Untrusted as error:
        return Check("log", f"it does not go on from an older receipt: {error}", ok=False)
    return Check("log", f"{signed.size} entries, going on from the last receipt here")


def _state(answer: Answer) -> Check:
    state = text(answer, "state")
    return Check("bolt and leaf", state.replace("_", " "), ok=state in GOOD_STATES)


def _health(answer: Answer) -> list[Check]:
    millivolts = answer.get("millivolts")
    if not isinstance(millivolts, int):
        return []  # this person's key may not see it
    volts, mains = millivolts / 1000, bool(answer.get("mains"))
    rolled, full = answer.get("rolled_back"), answer.get("log_full")
    return [
        Check("supply", f"{volts:.1f} V, {'mains' if mains else 'backup battery'}",
              ok=mains or volts >= LOW_VOLTS),
        Check("memory", "put back to an older state" if rolled else "its own", ok=not rolled),
        Check("room for the log", "full" if full else "enough", ok=not full),
    ]


def _papers(home: Home, call: Call) -> Check:
    known, ours = call.visited.greeting.site_version, home.site().version
    root = id_of(home.site_bytes())
    if any(one.document == root and one.refused is None for one in call.visited.delivered):
        known = ours  # it came along with this visit
    return Check("owner's keys", f"version {known} on the door, {ours} here", ok=known == ours)


# --- PINs ----------------------------------------------------------------------------------


def credential_of(record: dict[str, Any]) -> Credential | None:
    """The slot and version of a PIN that was given from this home, if its chain was kept."""
    if record.get("kind") != "pin" or not record.get("chain"):
        return None
    wire = cbor.decode(bytes.fromhex(record["chain"]))
    return read_chain(wire, last=ENROL)[-1].grant.credential if isinstance(wire, list) else None


def pins_on(here: Here, door: KnownDoor) -> list[dict[str, Any]]:
    """The PINs that are on a door now: slot, whose, switched off or not."""
    answer = asyncio.run(status(here, door))
    slots = answer.get("slots")
    if not isinstance(slots, list):
        raise Problem(
            "no_right", "Your key may not see who has a PIN on that door.",
            "The owner can see it.", 3)
    known = {}
    for record in records(here.home):
        credential = credential_of(record)
        if credential and door.mapped.id.hex() in record["doors"]:
            known[credential.slot, credential.version] = str(record["label"])
    rows: list[dict[str, Any]] = []
    for slot in slots:
        match slot:
            case [int(number), int(version), bool(off)]:
                rows.append({"slot": number, "person": known.get((number, version)), "off": off})
    return rows

"""What each door has confirmed, and nothing that is merely hoped: read from receipts alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mortice.cli.here import Here
from mortice.cli.moments import Clock, iso, zone_named
from mortice.cli.output import plain, say, show_json
from mortice.cli.settings import FILE as CONFIG_FILE
from mortice.cli.testing import credential_of
from mortice.client.errands import live_news
from mortice.client.home import Home, KnownDoor
from mortice.client.owner import taken_back
from mortice.core import cbor
from mortice.core.document import id_of
from mortice.core.errors import Theirs
from mortice.core.link import news_digest
from mortice.core.log import accept_receipt
from mortice.core.messages import read_bundle
from mortice.core.refusal import Reason

ON_DOOR, WAITING, REFUSED, NOT_KNOWN = "on_door", "waiting", "refused", "not_known"


@dataclass(frozen=True)
class Step:
    """One document on its way to one door."""

    what: str
    document: str
    state: str
    at: int | None = None
    entry: int | None = None
    reason: str | None = None


def show_progress(here: Here) -> None:
    """Every door, and how far everything that was signed for it has come."""
    home, now = here.home, int(time.time())
    heard = home.read("heard.json", {})
    rows = [(door, heard.get(door.mapped.id.hex(), {}), list(_steps(home, door, heard)))
            for door in home.known_doors()]
    if here.json:
        show_json({"doors": [{
            "door": door.slug, "heard": iso(at["at"]) if at else None,
            "documents": [_step_json(step) for step in steps]} for door, at, steps in rows]})
        return
    for door, at, steps in rows:
        clock = Clock(zone_named(door.mapped.zone), now)
        since = f"last heard {clock.say(at['at'])}" if at else "never heard from this home"
        say(f"{plain(door.mapped.label)} ({since})")
        for step in steps:
            say(f"  {plain(step.what)}: {_words(step, clock, bool(at))}")


def _step_json(step: Step) -> dict[str, Any]:
    return {"what": step.what, "document": step.document, "state": step.state,
            "at": step.at and iso(step.at), "entry": step.entry, "reason": step.reason}


def _words(step: Step, clock: Clock, heard: bool) -> str:  # noqa: FBT001 — was the door ever heard
    if step.state == ON_DOOR:
        entry = "by the door's own word" if step.entry is None else f"entry {step.entry}"
        return "on the door" + (f" since {clock.say(step.at)}" if step.at else "") + f", {entry}"
    if step.state == REFUSED:
        reason = next((r for r in Reason if r.value == step.reason), Reason.FAULT)
        return f"refused: {reason.words.sentence[:1].lower()}{reason.words.sentence[1:]}"
    if step.state == NOT_KNOWN:
        return "not known since: what was confirmed cannot be read any more"
    return "waiting for the next visit" if heard else "waiting for a first visit"


def _steps(home: Home, door: KnownDoor, heard: dict[str, Any]) -> Iterator[Step]:
    """Everything signed for this door that this home knows of."""
    said = home.read("delivered.json", {}).get(door.mapped.id.hex(), {})
    known = heard.get(door.mapped.id.hex(), {})
    doors, encoded = home.doors(), home.doors_bytes()
    yield _versioned(_by_receipt(
        f"the owner's keys, version {home.site().version}", home.site_bytes(), door, said),
        home.site().version, known.get("root"))
    if doors is not None and encoded is not None:
        yield _versioned(_by_receipt(
            f"the list of doors, version {doors.version}", encoded, door, said),
            doors.version, known.get("map"))
    yield from _settings(home, door, said)
    yield from _pins(home, door, said)
    yield from _taken(home, door, said, known)


def _versioned(step: Step, ours: int, theirs: int | None) -> Step:
    """A door greets with the versions that it has, so for these its greeting is enough."""
    if step.state != ON_DOOR and theirs is not None and theirs >= ours:
        return Step(step.what, step.document, ON_DOOR)
    return step


def _settings(home: Home, door: KnownDoor, said: dict[str, Any]) -> Iterator[Step]:
    kept = home.read(CONFIG_FILE, {}).get(door.mapped.id.hex())
    if kept:
        yield _by_receipt("the settings", bytes.fromhex(kept), door, said)


def _pins(home: Home, door: KnownDoor, said: dict[str, Any]) -> Iterator[Step]:
    for record in home.issued():
        credential = credential_of(record)
        if credential is not None and door.mapped.id.hex() in record["doors"]:
            wire = cbor.decode(bytes.fromhex(record["chain"]))
            assert isinstance(wire, list), "credential_of has read it"
            assert isinstance(wire[-1], bytes), "likewise"
            yield _by_receipt(
                f"PIN of {record['label']}, slot {credential.slot}", wire[-1], door, said)


def _taken(
    home: Home, door: KnownDoor, said: dict[str, Any], known: dict[str, Any]) -> Iterator[Step]:
    """What was taken back; a door whose digest of the news is ours knows all of it."""
    news, names = live_news(home, int(time.time())), home.names()
    same = known.get("news") == news_digest(set(news)).hex()
    for name, revocation in taken_back(home).items():
        if name in news:
            whose = sorted({names.get(e.named, e.named.hex()[:8]) for e in revocation.entries})
            document = read_bundle(cbor.decode(news[name]))[0].document
            step = _by_receipt(f"taken back: {', '.join(whose)}", document, door, said)
            if same and step.state == WAITING:
                step = Step(step.what, step.document, ON_DOOR)
            yield step


def _by_receipt(what: str, document: bytes, door: KnownDoor, said: dict[str, Any]) -> Step:
    name = id_of(document).hex()
    word = said.get(name)
    if word is None:
        return Step(what, name, WAITING)
    if word["receipt"] is None:
        state = REFUSED if word["refused"] else ON_DOOR
        return Step(what, name, state, word["at"], None, word["refused"])
    try:
        receipt = accept_receipt(bytes.fromhex(word["receipt"]), door.mapped.lock.signing)
    except Theirs:
        return Step(what, name, NOT_KNOWN)
    if receipt.leaf.hex() != name:
        return Step(what, name, NOT_KNOWN)
    state = REFUSED if word["refused"] else ON_DOOR
    return Step(what, name, state, receipt.at, receipt.index, word["refused"])

"""What each door has confirmed, and nothing that is merely hoped: read from receipts alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mortice.cli.confirmed import Heard, Said, heard, said
from mortice.cli.here import Here
from mortice.cli.moments import Clock, iso, zone_named
from mortice.cli.output import plain, say, show_json
from mortice.cli.picking import records
from mortice.cli.settings import settings_bytes
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
    rows = [(door, heard(home, door), list(_steps(home, door))) for door in home.known_doors()]
    if here.json:
        show_json({"doors": [{
            "door": door.slug, "heard": None if last is None else iso(last.at),
            "documents": [_step_json(step) for step in steps]} for door, last, steps in rows]})
        return
    for door, last, steps in rows:
        clock = Clock(zone_named(door.mapped.zone), now)
        since = f"last heard {clock.say(last.at)}" if last else "never heard from this home"
        say(f"{plain(door.mapped.label)} ({since})")
        for step in steps:
            say(f"  {plain(step.what)}: {_words(step, clock, heard_once=last is not None)}")


def _step_json(step: Step) -> dict[str, Any]:
    return {"what": step.what, "document": step.document, "state": step.state,
            "at": step.at and iso(step.at), "entry": step.entry, "reason": step.reason}


def _words(step: Step, clock: Clock, *, heard_once: bool) -> str:
    if step.state == ON_DOOR:
        entry = "by the door's own word" if step.entry is None else f"entry {step.entry}"
        return "on the door" + (f" since {clock.say(step.at)}" if step.at else "") + f", {entry}"
    if step.state == REFUSED:
        reason = next((r for r in Reason if r.value == step.reason), Reason.FAULT)
        return f"refused: {reason.words.sentence[:1].lower()}{reason.words.sentence[1:]}"
    if step.state == NOT_KNOWN:
        return "not known since: what was confirmed cannot be read any more"
    return "waiting for the next visit" if heard_once else "waiting for a first visit"


def _steps(home: Home, door: KnownDoor) -> Iterator[Step]:
    """Everything signed for this door that this home knows of."""
    words, last = said(home, door), heard(home, door)
    doors, encoded = home.doors(), home.doors_bytes()
    yield _versioned(_by_receipt(
        f"the owner's keys, version {home.site().version}", home.site_bytes(), door, words),
        home.site().version, last.root if last else 0)
    if doors is not None and encoded is not None:
        yield _versioned(_by_receipt(
            f"the list of doors, version {doors.version}", encoded, door, words),
            doors.version, last.map if last else 0)
    yield from _settings(home, door, words)
    yield from _pins(home, door, words)
    yield from _taken(home, door, words, last)


def _versioned(step: Step, ours: int, theirs: int) -> Step:
    """A door greets with the versions that it has, so for these its greeting is enough."""
    if step.state != ON_DOOR and theirs >= ours:
        return Step(step.what, step.document, ON_DOOR)
    return step


def _settings(home: Home, door: KnownDoor, words: dict[str, Said]) -> Iterator[Step]:
    kept = settings_bytes(home, door)
    if kept is not None:
        yield _by_receipt("the settings", kept, door, words)


def _pins(home: Home, door: KnownDoor, words: dict[str, Said]) -> Iterator[Step]:
    for record in records(home):
        credential = credential_of(record)
        if credential is not None and door.mapped.id.hex() in record["doors"]:
            wire = cbor.decode(bytes.fromhex(record["chain"]))
            assert isinstance(wire, list), "credential_of has read it"
            assert isinstance(wire[-1], bytes), "likewise"
            yield _by_receipt(
                f"PIN of {record['label']}, slot {credential.slot}", wire[-1], door, words)


def _taken(
    home: Home, door: KnownDoor, words: dict[str, Said], last: Heard | None) -> Iterator[Step]:
    """What was taken back; a door whose digest of the news is ours knows all of it."""
    news, names = live_news(home, int(time.time())), home.names()
    same = last is not None and last.news == news_digest(set(news)).hex()
    for name, revocation in taken_back(home).items():
        if name in news:
            whose = sorted({names.get(e.named, e.named.hex()[:8]) for e in revocation.entries})
            document = read_bundle(cbor.decode(news[name]))[0].document
            step = _by_receipt(f"taken back: {', '.join(whose)}", document, door, words)
            if same and step.state == WAITING:
                step = Step(step.what, step.document, ON_DOOR)
            yield step


def _by_receipt(what: str, document: bytes, door: KnownDoor, words: dict[str, Said]) -> Step:
    name = id_of(document).hex()
    word = words.get(name)
    if word is None:
        return Step(what, name, WAITING)
    state = REFUSED if word.refused else ON_DOOR
    if word.receipt is None:
        return Step(what, name, state, word.at, None, word.refused)
    try:
        receipt = accept_receipt(word.receipt, door.mapped.lock.signing)
    except Theirs:
        return Step(what, name, NOT_KNOWN)
    if receipt.leaf.hex() != name:
        return Step(what, name, NOT_KNOWN)
    return Step(what, name, state, receipt.at, receipt.index, word.refused)

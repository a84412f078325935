"""Taking keys back: who is beneath them, the news that goes out, and which doors know it."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mortice.cli import texts
from mortice.cli.handing import hand_over
from mortice.cli.here import Here
from mortice.cli.judging import revoked_set
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.picking import ID_LETTERS, RECORD, Record, records, records_of
from mortice.cli.problems import REFUSED, Problem
from mortice.cli.telling import Told, tell, told_json
from mortice.cli.terms import MARK_BYTES
from mortice.cli.texts import KEY
from mortice.client import owner
from mortice.client.owner import Terms
from mortice.client.wallet import HeldKey, Wallet, encode_chain, held
from mortice.core import cbor
from mortice.core.grant import Grant
from mortice.core.keys import Signer
from mortice.core.limits import ID_BYTES
from mortice.core.revocation import REVOKE, Revoked
from mortice.core.site import Role

HEX = re.compile(rf"[0-9a-f]{{{ID_LETTERS},}}")  # what begins an id, and is nobody's name here


@dataclass(frozen=True)
class Manner:
    """How to take back."""

    and_reissue: bool
    device: bool
    later: bool
    yes: bool


def take_back(here: Here, who: str, manner: Manner) -> None:
    """Take back, say who is beneath, make those keys anew if asked, and tell the doors."""
    targets = _live(here, _meant(here, who))
    if not targets:
        raise Problem(
            "nothing_live", f"Everything of {who} has ended or was taken back already.",
            "See it with: mortice key status")
    beneath = _beneath(here, targets)
    _confirm(here, targets, beneath, manner)
    signer, chain = _signer(here, targets)
    document = owner.take_back(here.home, _entries(targets, manner), signer, chain)
    again = _reissue(here, beneath) if manner.and_reissue else []
    doors = [] if manner.later else asyncio.run(_tell_doors(
        here, [*targets, *beneath], [REVOKE, document, *([chain] if chain else [])]))
    _report(here, targets, beneath, again, doors)


def _meant(here: Here, who: str) -> list[Record]:
    """What was given from here to somebody or under an id; or a key by its whole id.

    A key that a browser gave is not known here, so it may stand at any door and has no end that
    this home knows of: the doors remember that it was taken back. Raises Problem.
    """
    try:
        return records_of(here.home, who)
    except Problem as problem:
        number = who.strip().lower()
        if problem.code != "unknown_person" or not HEX.fullmatch(number):
            raise
        if len(number) != 2 * ID_BYTES:
            raise Problem(
                "unknown_key", problem.message, "For a key that a browser gave, write its whole "
                f"id, of {2 * ID_BYTES} letters and digits; the hub shows it where keys are taken "
                "back.") from problem
    doors = [door.mapped.id.hex() for door in here.home.known_doors()]
    return [{**RECORD, "id": number, "label": "somebody whom this home does not know",
             "doors": doors}]


def _live(here: Here, records: list[Record]) -> list[Record]:
    now, revoked = int(time.time()), revoked_set(here.home)
    return [record for record in records
            if (record["exp"] is None or record["exp"] > now)
            and bytes.fromhex(record["id"]) not in revoked.entries]


def _beneath(here: Here, targets: list[Record]) -> list[Record]:
    ids = {record["id"] for record in targets}
    return [record for record in _live(here, records(here.home))
            if ids & set(record["parents"]) and record["id"] not in ids]


def _confirm(here: Here, targets: list[Record], beneath: list[Record], manner: Manner) -> None:
    if manner.yes or not here.input or here.json or not sys.stdin.isatty():
        return
    for record in targets:
        note(f"To be taken back: {_line(here, record)}")
    for record in beneath:
        note(f"  and beneath it: {_line(here, record)}")
    names = ", ".join(sorted({str(record["label"]) for record in targets}))
    if not here.confirm(f"Take back what {plain(names)} has?", instead="Add --yes"):
        raise Problem("kept", "Nothing was taken back.", "Nothing has changed on any door.")


def _line(here: Here, record: Record) -> str:
    labels = {d.mapped.id.hex(): d.mapped.label for d in here.home.known_doors()}
    doors = ", ".join(labels.get(door, door[:6]) for door in record["doors"])
    kind = "PIN" if record.get("kind") == "pin" else "key"
    return plain(f"{kind} {record['id'][:8]} of {record['label']} to {doors}")


def _signer(here: Here, targets: list[Record]) -> tuple[Signer, list[cbor.Value] | None]:
    """The owner's revoke key, or the key below which one passed on. Raises Problem."""
    if here.home.owns_site():
        return here.site_key(Role.REVOKE), None
    parents = [set(record["parents"]) for record in targets]
    mine = here.me.keys()
    for key in mine:
        if key.leaf.depth and all(key.leaf.id.hex() in above for above in parents):
            return here.me.key, key.wire
    raise Problem(
        "no_right", "You may take back only what stands below a key of your own that may be "
        "passed on.", "The owner can take back the rest.", REFUSED)


def _entries(targets: list[Record], manner: Manner) -> list[Revoked]:
    named = [Revoked(bytes.fromhex(record["id"]), record["exp"]) for record in targets]
    if manner.device:
        chains = [bytes.fromhex(record["chain"]) for record in targets if record.get("chain")
                  and record.get("kind") == "key"]
        named += [Revoked(name, None) for name in {held(chain).leaf.holder.id for chain in chains}]
    return named


# --- keys made anew ------------------------------------------------------------------------


def _reissue(here: Here, beneath: list[Record]) -> list[dict[str, Any]]:
    """A key of the same kind for each holder beneath, straight from whoever takes back."""
    keys = [(record, held(bytes.fromhex(record["chain"]))) for record in beneath
            if record.get("kind") == "key" and record.get("chain")]
    grant_key = here.site_key(Role.GRANT) if keys and here.home.owns_site() else None
    if keys and grant_key is None:
        raise Problem(
            "not_owner", "Only the owner makes keys anew.", "Ask the owner.", REFUSED)
    return [_again(here, record, key, grant_key) for record, key in keys if grant_key is not None]


def _again(here: Here, record: Record, key: HeldKey, grant_key: Signer) -> dict[str, Any]:
    chain = owner.give(here.home, grant_key, key.leaf.holder, _same_terms(key.leaf))
    new = held(encode_chain(chain))
    here.home.keep_issued(new.links, str(record["label"]), chain=encode_chain(chain))
    text: str | None = texts.write_handover(KEY, hand_over(here.home, chain))
    for person in here.home.people():
        wallet = Wallet(here.home, person)
        if wallet.key.public == key.leaf.holder:
            wallet.add(chain)
            text = None
    return {"for": record["label"], "id": new.leaf.id.hex(), "text": text}


def _same_terms(leaf: Grant) -> Terms:
    return Terms(
        leaf.doors, leaf.use, leaf.delegable, leaf.depth, leaf.nbf, leaf.exp, leaf.max_life,
        leaf.hours, leaf.factors, leaf.max_staleness, leaf.uses, leaf.quota,
        klass=leaf.klass, label=leaf.label, mark=secrets.token_bytes(MARK_BYTES))


# --- telling the doors ---------------------------------------------------------------------


async def _tell_doors(
    here: Here, records: Iterable[Record], item: list[cbor.Value]) -> list[Told]:
    wanted = {door for record in records for door in record["doors"]}
    doors = [d for d in here.home.known_doors() if d.mapped.id.hex() in wanted]
    return list(await asyncio.gather(*(tell(here, door, item) for door in doors)))


def _report(
    here: Here, targets: list[Record], beneath: list[Record], again: list[dict[str, Any]],
    doors: list[Told],
) -> None:
    if here.json:
        show_json({
            "taken_back": [_record_json(record) for record in targets],
            "beneath": [_record_json(record) for record in beneath], "reissued": again,
            "doors": [told_json(told) for told in doors]})
        return
    for record in targets:
        say(f"Taken back: {_line(here, record)}")
    for record in beneath:
        say(f"  with it: {_line(here, record)}")
    for new in again:
        say(plain(f"Made anew: a key for {new['for']}, {new['id'][:8]}"))
        if new["text"]:
            say(new["text"])
    for told in doors:
        note(f"{plain(told.door.mapped.label)}: {_state(told)}")
    if not doors:
        note("The next visit by anybody who has the news carries it to the doors.")


def _state(told: Told) -> str:
    if told.state == "on_door":
        return "knows it" + (f" (entry {told.entry})" if told.entry is not None else "")
    if told.state == "refused":
        return f"refused it: {told.why}"
    return f"not told yet ({told.why}); the next visit carries it"


def _record_json(record: Record) -> dict[str, Any]:
    return {"id": record["id"], "for": record["label"], "kind": record.get("kind", "key"),
            "doors": record["doors"]}



"""Keys in full: lists of them, every link of one, and what one allows, in words."""

from __future__ import annotations

import time
from typing import Any

from mortice.cli import texts
from mortice.cli.here import Here
from mortice.cli.judging import Verdict, judge, opens_nothing, revoked_set
from mortice.cli.moments import iso
from mortice.cli.output import facts, note, plain, say, show_json, table
from mortice.cli.picking import Record, held_key, records
from mortice.cli.problems import Problem
from mortice.cli.sentences import (
    CLASSES,
    Describer,
    grant_json,
    key_letters,
    listed,
    say_names,
    say_rights,
)
from mortice.cli.texts import KEY
from mortice.client.wallet import HeldKey, held
from mortice.core import cbor
from mortice.core.grant import Grant
from mortice.core.site import Role


def list_keys(here: Here) -> None:
    """One's own keys, and what was given from this home."""
    describer, mine = Describer(here.home, int(time.time())), here.me
    own = mine.keys()
    given = [record for record in records(here.home) if record.get("kind") != "own"]
    states = states_of(here)
    if here.json:
        names = here.home.names()
        show_json({
            "person": mine.person,
            "held": [grant_json(k.leaf, describer.door_names(k.leaf), names) for k in own],
            "given": [{**_record_json(record), "state": states[record["id"]]}
                      for record in given]})
        return
    say(f"Keys of {plain(here.home.display_name(mine.person))}")
    if not own:
        note("None yet. Ask for one with: mortice key request")
    table([(f"  {key.leaf.id.hex()[:8]}", describer.doors(key.leaf),
            say_names(key.leaf.use), describer.when(key.leaf)) for key in own])
    if given:
        say("Given from this home")
        table([(f"  {record['id'][:8]}", str(record["label"]), str(record.get("kind", "key")),
                _doors_of(here, record), states[record["id"]]) for record in given])


def states_of(here: Here) -> dict[str, str]:
    """live, ended or taken back, for everything that was given from here."""
    now, revoked = int(time.time()), revoked_set(here.home)
    dead = {name.hex() for name in revoked.entries}
    return {
        record["id"]: "taken back" if dead & {record["id"], *record["parents"]}
        else "ended" if record["exp"] is not None and record["exp"] <= now else "live"
        for record in records(here.home)}


def _doors_of(here: Here, record: Record) -> str:
    labels = {d.mapped.id.hex(): d.mapped.label for d in here.home.known_doors()}
    return listed([labels.get(door, door[:6]) for door in record["doors"]])


def _record_json(record: Record) -> dict[str, Any]:
    return {
        "id": record["id"], "for": record["label"], "kind": record.get("kind", "key"),
        "doors": record["doors"], "until": record["exp"] and iso(record["exp"]),
        "parents": record["parents"]}


# --- one key -------------------------------------------------------------------------------


def find(here: Here, wanted: str) -> HeldKey:
    """A key by its id, from the wallet or from what was given, or one that was pasted."""
    if texts.kind_of(wanted) == KEY or "/" in wanted or wanted == "-":
        handover = texts.read_handover(KEY, texts.given(wanted))
        return held(cbor.encode(handover.chain))
    try:
        return held_key(here.me, wanted)
    except Problem:
        for record in records(here.home):
            kept = record.get("chain")
            if len(wanted) > 3 and record["id"].startswith(wanted.lower()) and kept \
                    and record.get("kind") != "pin":
                return held(bytes.fromhex(kept))
        raise


def show(here: Here, wanted: str) -> None:
    """Every link of one key."""
    key, describer = find(here, wanted), Describer(here.home, int(time.time()))
    names = here.home.names()
    if here.json:
        show_json({"key": key.leaf.id.hex(), "links": [
            grant_json(link, describer.door_names(link), names) for link in key.links]})
        return
    for number, link in enumerate(key.links, start=1):
        say(f"Link {number} of {len(key.links)}: {link.id.hex()}")
        facts([
            ("called", link.label or names.get(link.id, "nothing")),
            ("held by", f"{key_letters(link.holder)}, {CLASSES[link.klass]}"),
            ("may", say_rights(link.use)), ("doors", describer.doors(link)),
            ("when", describer.when(link)), ("also needs", describer.needs(link)),
            ("may pass on", describer.passing_on(link)),
            ("offline", describer.offline(link))])


def explain(here: Here, wanted: str | None) -> None:
    """One key in words, or each of one's own."""
    keys = [find(here, wanted)] if wanted else here.me.keys()
    if not keys:
        raise Problem(
            "unknown_key", "You have no keys yet.", "Ask for one with: mortice key request")
    shown = [_explained(here, key) for key in keys]
    if here.json:
        show_json({"keys": shown} if wanted is None else shown[0])
        return
    for key in keys:
        _say(here, key)


def _judged(here: Here, key: HeldKey) -> list[Verdict]:
    """What each door of the key would say now."""
    doors = [door for door in here.home.known_doors() if door.mapped.id in key.leaf.doors]
    staple = None
    if here.home.people():
        kept = here.me.staple(key.leaf.id)
        staple = kept[2] if kept else None
    return [judge(here.home, key, door, staple) for door in doors]


def _explained(here: Here, key: HeldKey) -> dict[str, Any]:
    describer, names = Describer(here.home, int(time.time())), here.home.names()
    return {
        "key": grant_json(key.leaf, describer.door_names(key.leaf), names),
        "rooted_in": here.home.site_name(),
        "passed_by": [_passer(link, names) for link in key.links[:-1]],
        "offline": key.leaf.max_staleness is None,
        "now": [{
            "door": verdict.door.slug, "opens": verdict.reason is None,
            "reason": verdict.reason and verdict.reason.value,
            "detail": verdict.detail or None} for verdict in _judged(here, key)]}


def _passer(link: Grant, names: dict[bytes, str]) -> str:
    return link.label or names.get(link.id, f"key {link.id.hex()[:8]}")


def _say(here: Here, key: HeldKey) -> None:
    describer, names = Describer(here.home, int(time.time())), here.home.names()
    leaf, home = key.leaf, here.home
    may = "may be passed on for" if opens_nothing(key) else f"may {say_rights(leaf.use)}"
    say(plain(f"Key {leaf.id.hex()[:8]} {may} {describer.doors(leaf)}"))
    passed = [f"{_passer(link, names)} ({key_letters(link.holder)})" for link in key.links[:-1]]
    in_this_home = any(home.person_key(p).public == leaf.holder for p in home.people())
    where = ", in this home: whoever can read the home can use it" if in_this_home else ""
    holder = f"{leaf.label or 'somebody'}, {key_letters(leaf.holder)}, {CLASSES[leaf.klass]}"
    roots = home.site().keys(Role.GRANT)
    facts([
        ("rooted in", f"{home.site_name()}, by its owner ({key_letters(roots[0])})"),
        ("passed by", listed(passed, "then") or "nobody: straight from the owner"),
        ("held by", holder + where),
        ("when", describer.when(leaf)), ("also needs", describer.needs(leaf)),
        ("may pass on", describer.passing_on(leaf)), ("offline", describer.offline(leaf))])
    for verdict in _judged(here, key):
        say(plain(f"Now, at {verdict.door.mapped.label}: {_with(describer, key, verdict)}."))
        if verdict.reason is not None:
            note(verdict.reason.words.helps)


def _with(describer: Describer, key: HeldKey, verdict: Verdict) -> str:
    if verdict.reason is not None or not key.leaf.factors:
        counted = ", as long as its uses last" if key.leaf.uses and not verdict.reason else ""
        return f"{verdict.in_words}{counted}"
    return f"yes, with {describer.needs(key.leaf)}"

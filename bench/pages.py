"""Do the hub's pages stay as quick when there is much history? And what does a page weigh?

The same 20 places with 1,000 doors and 5,000 people, once with 20 entries a door and once with
5,000: five million in all. Every page is asked for in turns from both, through the whole
application in one process. Wall clock; a ratio is of medians, the 95th percentiles are noted.
"""

from __future__ import annotations

import gzip
import re
import secrets
import statistics
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from bench.measure import WARM_UP, Figure, Plan, percentile, progress, skipped
from bench.places import NoSuchPlace, disk_folder
from mortice.client.founding import draw_site
from mortice.client.owner import Terms, unsigned
from mortice.core import cbor
from mortice.core.grant import sign_grant
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.log import Entry, Kind
from mortice.core.noise import KeyPair
from mortice.core.site import DoorMap, LockKeys, MappedDoor, Role, sign_doors
from mortice.core.stages import TimeState
from mortice.hub.accounts import begin_sign_in
from mortice.hub.app import make_app
from mortice.hub.hub import Hub, make_hub
from mortice.hub.ingest import sort_of
from mortice.hub.keys import register
from mortice.hub.places import found_place
from mortice.hub.settings import Settings
from mortice.hub.tables import Account, Door, Log, LogEntry, Person, Place

PLACES, DOORS, PEOPLE = 20, 50, 250  # doors and people of each place
SHORT, LONG = 20, 5_000  # entries of each door
REQUESTS = 40
FLAT_BAR, FLAT_AIM = 1.5, 1.1
SCRIPT_BAR, STYLE_BAR = 35 * 1024, 25 * 1024
ROWS = 20_000  # written at a time
AT = 1_795_500_000
ABOUT: dict[int | str, cbor.Value] = {2: 1}  # an opening, for what sort of entry it is
LOCKED = {"state": "locked", "bolt": "thrown", "leaf": "closed", "time": "synced", "entries": LONG,
          "held_until": None, "millivolts": 5200, "mains": True, "keypad_rest": 0, "pins": 2}


def ask(plan: Plan) -> list[Figure]:
    try:
        with disk_folder() as folder:
            return measured(plan, folder)
    except NoSuchPlace as error:
        return [skipped("pages with much history, over pages with little", str(error))]


def measured(plan: Plan, folder: Path) -> list[Figure]:
    size = plan.count(LONG, 200)
    short, long = filled(folder / "short", SHORT), filled(folder / "long", size)
    with ExitStack() as stack:
        browsers = [stack.enter_context(signed_in(hub)) for hub in (short, long)]
        pages = paths(short), paths(long)
        figures = [timed(name, browsers, (pages[0][name], pages[1][name]), size)
                   for name in pages[0]]
        weights = weighed(browsers[1], pages[1])
    for hub in (short, long):
        hub.database.close()
    worst = max(figures, key=lambda figure: figure.value or 0)
    entries = PLACES * DOORS * size
    return [
        Figure(f"the worst page with {entries:,} entries, over the same with "
               f"{PLACES * DOORS * SHORT:,}", worst.value, bar=FLAT_BAR, aim=FLAT_AIM,
               note=worst.question),
        *figures, *weights]


def timed(name: str, browsers: list[TestClient], where: tuple[str, str], size: int) -> Figure:
    """How much longer a page takes with the longer history."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(REQUESTS + WARM_UP):
        progress(f"{name}: {number} of {REQUESTS}")
        for side in (0, 1):
            began = time.perf_counter()
            answer = browsers[side].get(where[side])
            took = time.perf_counter() - began
            assert answer.status_code == 200, (where[side], answer.status_code)
            if number >= WARM_UP:
                taken[side].append(took)
    first, second = (percentile(side, 0.95) for side in taken)
    note = (f"p95 {first * 1000:.0f} ms with {SHORT} entries a door, "
            f"{second * 1000:.0f} ms with {size:,}")
    medians = [statistics.median(side) for side in taken]
    return Figure(f"page {name}", medians[1] / medians[0], note=note)


def weighed(browser: TestClient, pages: dict[str, str]) -> list[Figure]:
    """Script and style of the heaviest page, as they travel (gzip)."""
    script, style, which = 0, 0, ""
    for name, path in pages.items():
        found = all_files(browser, browser.get(path).text)
        scripts = sum(size for file, size in found.items() if ".js" in file)
        if scripts >= script:
            script, which = scripts, name
        style = max(style, sum(size for file, size in found.items() if ".css" in file))
    return [
        Figure("script of the heaviest page, gzip", script, "bytes", SCRIPT_BAR, note=which),
        Figure("style of the heaviest page, gzip", style, "bytes", STYLE_BAR)]


def all_files(browser: TestClient, page: str) -> dict[str, int]:
    """Every script and style that a page loads, with what those import, and its size."""
    found: dict[str, int] = {}
    left = re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css)[^"]*)"', page)
    while left:
        file = left.pop()
        name = file.split("?")[0]
        if name in found:
            continue
        text = browser.get(file).text
        found[name] = len(gzip.compress(text.encode()))
        folder = name.rsplit("/", 1)[0]
        for each in re.findall(r'from "(\.[^"]+\.js)"|import\("(\.[^"]+\.js)"\)', text):
            inner = next(part for part in each if part)
            left.append(str(Path(folder, inner).as_posix()) if inner.startswith("./") else (
                str((Path(folder) / inner).resolve())))
    return found


# --- a hub with so much in it ---------------------------------------------------------------------


def filled(folder: Path, entries: int) -> Hub:
    hub = make_hub(Settings(folder))
    for number in range(PLACES):
        progress(f"filling a hub: place {number + 1} of {PLACES}")
        fill_place(hub, number, entries)
    return hub


def fill_place(hub: Hub, number: int, entries: int) -> None:
    site = draw_site()
    doors = tuple(MappedDoor(secrets.token_bytes(8), f"Door {each + 1}", "Europe/London", keys())
                  for each in range(DOORS))
    signed = sign_doors(DoorMap(site.site.id, 1, doors), site.keys[Role.GRANT])
    with hub.database.writing() as db:
        owner = db.get(Account, 1) or Account(name="Owner", email="owner@bench.invalid")
        db.add(owner)
        db.flush()
        place = found_place(db, owner, f"Place {number:02}", site.root, signed)
        for door in place.doors:
            door.status, door.connected, door.heard_at = LOCKED, True, int(time.time())
        ids = [mapped.id for mapped in doors]
        leaves = [give(db, place, site.keys[Role.GRANT], each, ids) for each in range(PEOPLE)]
    write_logs(hub, place, leaves, entries)


def keys() -> LockKeys:
    pair, signer = KeyPair(secrets.token_bytes(32)), new_key()
    return LockKeys(pair.public, signer.public, pair.public)


def new_key() -> SoftwareKey:
    return SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))


def give(
    db: Session, place: Place, grant_key: SoftwareKey, number: int, doors: list[bytes]) -> bytes:



    person = Person(place_id=place.id, name=f"Person {number:03}", what="staff")
    db.add(person)
    db.flush()
    some = frozenset(doors[(number + step) % DOORS] for step in range(2))
    link = replace(
        unsigned(Terms(some, exp=2_000_000_000), new_key().public), site=place.site_id)
    return register(db, place, person, [sign_grant(link, grant_key)]).leaf


def write_logs(hub: Hub, place: Place, leaves: list[bytes], entries: int) -> None:
    with hub.database.writing() as db:
        logs = []
        for door in place.doors:
            log = Log(door_id=door.id, place_id=place.id, lock_id=door.lock_id, label=door.label,
                      lock_signing=door.lock_signing, size=entries, head_size=entries, head_at=AT)
            db.add(log)
            logs.append(log)
        db.flush()
        rows: list[dict[str, object]] = []
        for log in logs:
            for row in rows_of(log, leaves, entries):
                rows.append(row)
                if len(rows) == ROWS:
                    db.execute(insert(LogEntry), rows)
                    rows = []
        if rows:
            db.execute(insert(LogEntry), rows)


def rows_of(log: Log, leaves: list[bytes], entries: int) -> Iterator[dict[str, object]]:
    """Entries as a lock writes them: an opening, and what the door did after it."""
    opened, moved = template(leaves[log.id % len(leaves)]), template(None)
    for number in range(entries):
        leaf = leaves[(log.id + number) % len(leaves)] if number % 5 == 0 else None
        head, tail = opened if leaf else moved
        at = AT - (entries - number) * 37
        body = head + struct.pack(">BHBI", 0x19, number + 1000, 0x1A, at) + tail
        kind = Kind.GRANTED if leaf else Kind.LEAF_SEEN
        sort = sort_of(int(kind), ABOUT if leaf else {})
        yield {"log_id": log.id, "number": number, "place_id": log.place_id, "at": at,
               "kind": int(kind), "sort": int(sort), "leaf": leaf, "body": body}


def template(leaf: bytes | None) -> tuple[bytes, bytes]:
    """An encoded entry before and after its index and time, which are put in by hand."""
    about: dict[int | str, cbor.Value] = {6: "open"}
    if leaf is not None:
        about = {1: leaf, 2: 1, 7: [leaf], 8: 0, 14: bytes(8)}
    kind = Kind.GRANTED if leaf else Kind.LEAF_SEEN
    encoded = Entry(1000, AT, TimeState.SYNCED, 9000, kind, about, bytes(16)).encode()
    marked = struct.pack(">BHBI", 0x19, 1000, 0x1A, AT)
    before, _, after = encoded.partition(marked)
    return before, after


def signed_in(hub: Hub) -> TestClient:
    client = TestClient(make_app(hub), base_url=hub.settings.origin)
    with hub.database.writing() as db:
        client.cookies.set(hub.cookie, begin_sign_in(db, db.get_one(Account, 1), "passkey", ""))
    return client


def paths(hub: Hub) -> dict[str, str]:
    """The pages of one place, by name."""
    with hub.database.reading() as db:
        place = db.get_one(Place, 1)
        door = db.get_one(Door, 1)
        person = db.get_one(Person, 1)
        base = f"/p/{place.ref}"
        return {
            "Doors": base, "a door": f"{base}/doors/{door.ref}", "People": f"{base}/people",
            "a person": f"{base}/people/{person.ref}", "Activity": f"{base}/activity",
            "Give a key": f"{base}/give", "Settings": f"{base}/settings",
            "Security": f"{base}/security",
            "how strong a door is": f"{base}/doors/{door.ref}/strength"}

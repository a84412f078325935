"""New keys for the owner, from the first prompt to the last door."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from mortice.cli import texts
from mortice.cli.adding import owners_key
from mortice.cli.handing import take_in
from mortice.cli.here import Here
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.pages import newest
from mortice.cli.picking import records_of
from mortice.cli.problems import DONE, FAILED, UNREACHABLE, Problem, in_words
from mortice.cli.renewal import Keeping, draw_next, keep_next
from mortice.cli.texts import CLAIM, FILE, KEY, SITE
from mortice.cli.visiting import Wish, at
from mortice.client.errands import Call
from mortice.client.founding import Drawn, paper_key
from mortice.client.home import KnownDoor, NotThere, new_key
from mortice.client.line import Unreachable, line_to
from mortice.client.visit import Holder, Session
from mortice.client.wallet import held
from mortice.client.words import text
from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.document import id_of
from mortice.core.errors import Theirs
from mortice.core.keys import SoftwareKey
from mortice.core.link import LockAddress
from mortice.core.log import About, accept_receipt
from mortice.core.refusal import Reason
from mortice.core.site import Role

RECENT = 16  # entries in which a door's words about a document are looked for


def _paper(here: Here, sheet: str | None) -> SoftwareKey:
    """The recovery key, from a file or typed."""
    typed = texts.given(sheet) if sheet is not None else here.ask(
        "The recovery sheet, all of it", hidden=True, instead="Give it in a file: --sheet FILE")
    return paper_key(typed)


def rotate(here: Here, sheet: str | None) -> None:
    """New keys at once, by phone and paper."""
    phone = here.site_key(Role.ROOT)
    passphrase = here.passphrase()
    drawn = draw_next(here.home, _paper(here, sheet), phone, Keeping())
    keep_next(here.home, drawn, passphrase)
    _own_key(here, drawn)
    _tell_renewed(here, "Every door takes them on its next visit by anybody.")


@dataclass(frozen=True)
class Recovery:
    """What a recovery starts from."""

    source: str | None
    keep: tuple[str, ...]
    drop: tuple[str, ...]


def recover(here: Here, sheet: str | None, how: Recovery) -> None:
    """New keys by paper alone."""
    if how.source is not None:
        take_in(here.home, _any_handover(texts.given(how.source)))
    elif here.home.read("site.json") is None:
        raise Problem(
            "not_here", "This home does not know the site yet.",
            "Get it from anybody who has a key (mortice site show --text), and add --from TEXT")
    paper = _paper(here, sheet)
    passphrase = here.new_passphrase()
    left_out = frozenset(
        record["id"] for person in how.drop for record in records_of(here.home, person))
    newest = asyncio.run(_newest_version(here))
    drawn = draw_next(here.home, paper, None, Keeping(_kept(how.keep), left_out, newest))
    keep_next(here.home, drawn, passphrase)
    owner = here.person or here.settings.get("me") or "owner"
    here.home.make_person(str(owner))
    if "me" not in here.settings:
        here.home.write("settings.json", {**here.settings, "me": owner})
    _own_key(here, drawn)
    _tell_renewed(
        here, "Go to each door, press its inside button, and run: mortice site deliver. Then wait "
        "a day, and do the same once more.")


def _own_key(here: Here, drawn: Drawn) -> None:
    if here.home.known_doors():
        owners_key(here.me, drawn.keys[Role.GRANT])


async def _newest_version(here: Here) -> int:
    """The newest root that any door has now. A lock greets before it asks for a key."""
    nobody = Holder(new_key(), [], b"")  # is greeted, and then asks for nothing
    async def version(door: KnownDoor) -> int:
        lock = door.mapped.lock
        address = LockAddress(here.home.site().id, door.mapped.id, lock.link, lock.signing)
        try:
            async with line_to(door.host, door.port) as line:
                return (await Session(line, address, nobody).greet()).site_version
        except (Unreachable, Theirs):
            return 0
    return max(await asyncio.gather(*map(version, here.home.known_doors())), default=0)


def _any_handover(text: str) -> texts.Handover:
    kind = texts.kind_of(text)
    return texts.read_handover(kind if kind in (KEY, CLAIM, FILE, SITE) else SITE, text)


def _kept(keep: Iterable[str]) -> frozenset[bytes]:
    """The first links of keys whose holders keep them."""
    chains = [_any_handover(texts.given(one)).chain for one in keep]
    return frozenset(held(cbor.encode(chain)).links[0].id for chain in chains if chain)


def _tell_renewed(here: Here, after: str) -> None:
    found = here.home.site()
    if here.json:
        show_json({"site": here.home.site_name(), "version": found.version,
                   "kept": sum(len(kept) for kept in found.retired.values())})
        return
    say(f"{plain(here.home.site_name())} has new keys, version {found.version}.")
    note(after)


# --- carrying it to the doors --------------------------------------------------------------


@dataclass(frozen=True)
class Reached:
    """How far one door is."""

    door: KnownDoor
    state: str  # on_door, waiting, refused, unreachable
    words: str
    entry: int | None = None


def deliver_site(here: Here, doors: list[KnownDoor]) -> int:
    """Carry root and map to `doors`; returns the exit code."""
    if not doors:
        raise Problem("unknown_door", "There are no doors yet.", "Add one: mortice door add")
    found = asyncio.run(_all(here, doors))
    if here.json:
        show_json({"doors": [{
            "door": one.door.slug, "state": one.state, "entry": one.entry, "words": one.words}
            for one in found]})
    else:
        for one in found:
            say(f"{plain(one.door.mapped.label)}: {plain(one.words)}")
    if all(one.state == "on_door" for one in found):
        return DONE
    return UNREACHABLE if any(one.state == "unreachable" for one in found) else FAILED


async def _all(here: Here, doors: list[KnownDoor]) -> list[Reached]:
    return list(await asyncio.gather(*(_reach(here, door) for door in doors)))


async def _reach(here: Here, door: KnownDoor) -> Reached:
    root = id_of(here.home.site_bytes())
    try:
        async with at(here, door, Wish(Command.DELIVER, recovering=True)) as call:
            before = call.visited.greeting.site_version
            reached = await _judged(here, door, call, root)
        return reached or _not_carried(here, door, before)
    except Unreachable as error:
        return Reached(door, "unreachable", str(error))
    except (NotThere, Problem, Theirs) as error:
        return Reached(door, "refused", in_words(error).message)


def _not_carried(here: Here, door: KnownDoor, before: int) -> Reached:
    ours = here.home.site().version
    if before == ours:
        return Reached(door, "on_door", f"has version {before} of the owner's keys")
    if before > ours:
        return Reached(door, "refused", f"has version {before} of the owner's keys, and this home "
                       f"knows {ours}: take in what mortice site show --text prints where it is "
                       "newer")
    return Reached(door, "refused", "did not take it from you; let somebody whose key opens there "
                   "carry it")


async def _judged(here: Here, door: KnownDoor, call: Call, root: bytes) -> Reached | None:
    """What the door said of the newest root; None if nothing had to be carried."""
    said = next((one for one in call.visited.delivered if one.document == root), None)
    if said is None:
        return None
    entry = accept_receipt(said.receipt, door.mapped.lock.signing).index if said.receipt else None
    if said.refused is None:
        return Reached(door, "on_door", "has the owner's new keys", entry)
    if said.refused is Reason.WINDOW_CLOSED:
        words = await _wait_words(here, door)
        return Reached(door, "waiting", words, entry)
    return Reached(door, "refused", said.refused.words.sentence, entry)


async def _wait_words(here: Here, door: KnownDoor) -> str:
    """How far a recovery is, in the door's own words where they may be read."""
    either = ("press its inside button and deliver again; once that has begun, wait a day with "
              "power and do both once more")
    try:
        rows = await newest(here, door, RECENT)
    except (Unreachable, Problem, Theirs):
        return either
    details = [text(row.entry, About.DETAIL) for row in rows
               if text(row.entry, About.CHECK) == "S9"]
    if not details or not details[-1].endswith("left"):
        return "press its inside button, then deliver again"
    seconds = int("".join(filter(str.isdigit, details[-1])) or 0)
    hours, minutes = divmod(-(-seconds // 60), 60)
    return (f"the wait has begun: {hours} h {minutes} min with power are left, then press its "
            "inside button and deliver again")

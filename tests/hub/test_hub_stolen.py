"""A thief has the hub: its disk, its database, its keys and the objects of its running process.

Real locks are connected. Whatever the thief tries, each lock's own log says what opened: nothing
outside the bounds of the one link that its owner gave the hub to issue for visitors.
"""

# ruff: noqa: ANN401 — a thief builds what they like

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from joined import Joined, joined, until
from sqlalchemy import select

from mortice.client import owner
from mortice.client.founding import paper_key
from mortice.client.owner import Terms, enrol_pin, unsigned
from mortice.client.visit import Delivered, Errand, Session, Visited
from mortice.client.wallet import HeldKey, held
from mortice.core import cbor
from mortice.core.chain import read_chain
from mortice.core.commands import Command
from mortice.core.config import CONFIG, Config, sign_config
from mortice.core.document import id_of
from mortice.core.freshness import TIME, sign_staple, sign_time
from mortice.core.grant import KeyClass, Rights, sign_grant
from mortice.core.keys import ED25519, PublicKey, SoftwareKey
from mortice.core.log import Kind, Result, accept_receipt
from mortice.core.pin import PinPolicy
from mortice.core.refusal import Reason
from mortice.core.revocation import REVOKE, Revoked, sign_revocation
from mortice.core.schedule import Window
from mortice.core.site import DOORS_MAP, SITE, DoorMap, Role, RoleKeys, sign_doors, sign_site
from mortice.core.stages import TimeState
from mortice.hub.keys import register, take_back
from mortice.hub.lines import StreamEnded
from mortice.hub.places import follow_root
from mortice.hub.powers import take_grant
from mortice.hub.refreshing import renew
from mortice.hub.tables import Account, Base, Person, Place, Staple, now
from mortice.hub.visitors import Stay, issue
from mortice.sim.world import OWNER, PASSPHRASE

DAY, HOUR = 86_400, 3600
FRONT, BACK = "Front door", "Back door"
USE = Rights.UNLOCK | Rights.LOCK
ALWAYS = (Window(127, 0, 1440),)


@dataclass
class Stolen:
    """What the thief has, and the street that they are in."""

    there: Joined
    refresh: HeldKey  # the hub may vouch, at both doors
    visits: HeldKey  # the hub may issue: Back door, a day at most, one key a day

    @property
    def signer(self) -> SoftwareKey:
        return self.there.hub.own.signer

    async def over(self, label: str) -> Over:
        assert self.there.hub.lines
        lock = self.there.doors[label].lock_id
        return Over(await self.there.hub.lines.open_stream(lock))

    async def tries(
        self, signer: SoftwareKey, wire: list[cbor.Value], label: str = BACK,
        command: Command = Command.UNLOCK, **args: Any,
    ) -> Visited:
        """A whole visit with any key and any chain."""
        line = await self.over(label)
        slug = label.lower().replace(" ", "-")
        home = self.there.world.home
        holder = replace(
            self.there.holder(OWNER), signer=signer, wire=wire, leaf=read_chain(wire)[-1].grant.id,
            staple=args.pop("staple", None))
        session = Session(
            cast("Any", line), self.there.world.lock_address(home.door(slug)), holder)
        return await session.ask(await session.greet(), Errand(command, **args), whole=True)

    def child(self, above: HeldKey, **terms: Any) -> tuple[SoftwareKey, list[cbor.Value]]:
        """A link below one of the hub's, to a key of the thief's, whatever it says."""
        thief = SoftwareKey.from_seed(ED25519, secrets.token_bytes(32))
        said = {"doors": above.leaf.doors, "use": Rights.UNLOCK, "nbf": now() - 60,
                "exp": now() + HOUR, "hours": above.leaf.hours} | terms
        link = replace(unsigned(Terms(**cast("Any", said)), thief.public), parent=above.leaf.id)
        return thief, [*above.wire, sign_grant(link, self.signer)]

    async def delivers(self, item: list[Any], label: str = FRONT) -> Reason | None:
        """Send a document down the line; what the lock says of it, None where it has it now."""
        door, lines = self.there.doors[label], self.there.hub.lines
        assert lines
        heard: list[Delivered] = []
        plain = lines.ledger.delivered

        async def listening(lock_id: bytes, number: int, results: list[Delivered]) -> None:
            heard.extend(results)
            await plain(lock_id, number, results)
        lines.ledger.delivered = listening  # type: ignore[method-assign]
        lines._ends[door.lock_id].say(2, 4_000_000, [item])
        name = id_of(item[1])
        await until(lambda: name in {each.document for each in heard})
        lines.ledger.delivered = plain  # type: ignore[method-assign]
        return next(each.refused for each in heard if each.document == name)


class Over:
    """A conversation through the hub of which the thief keeps every byte."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.said: list[bytes] = []

    async def say(self, message: bytes, seconds: float = 0) -> bytes:
        self.said.append(message)
        await self.stream.send(message)
        return bytes(await self.stream.receive())

    ask = say


def give_hub(there: Joined, *labels: str, **terms: Any) -> HeldKey:
    """A link that the owner signs for the hub, and that the hub takes in."""
    home = there.world.home
    grant_key = home.site_key(Role.GRANT, PASSPHRASE)
    asked = there.terms(*labels, **{"exp": now() + 30 * DAY} | terms)
    wire = owner.give(home, grant_key, there.hub.own.signer.public, asked)
    with there.hub.database.writing() as db:
        take_grant(db, there.hub, db.get_one(Place, there.place.id), wire,
                   db.get_one(Account, there.accounts["owner"].id))
    return held(cbor.encode(wire))


@pytest.fixture
async def stolen(tmp_path: Path) -> AsyncIterator[Stolen]:
    async with joined(tmp_path) as there:
        yield Stolen(
            there, give_hub(there, FRONT, BACK, use=Rights.REFRESH),
            give_hub(there, BACK, use=Rights.NONE, delegable=Rights.UNLOCK | Rights.ENROL,
                     depth=1, max_life=DAY, quota=1, hours=ALWAYS))


def nothing_opened(stolen: Stolen) -> bool:
    return all(stolen.there.openings(label) == 0 for label in (FRONT, BACK))


# --- keys ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [
    Command.UNLOCK, Command.LOCK, Command.HOLD_OPEN, Command.SET_TIME, Command.RESTORE])
async def test_the_hubs_own_links_move_and_change_nothing(
    stolen: Stolen, command: Command) -> None:
    args = {Command.HOLD_OPEN: {1: now() + HOUR}, Command.SET_TIME: {1: now() + 2 * HOUR}}
    for own in (stolen.refresh, stolen.visits):
        visited = await stolen.tries(
            stolen.signer, own.wire, command=command, args=args.get(command, {}))
        assert visited.answer.coarse is not None
    assert nothing_opened(stolen)


async def test_somebody_elses_chain_needs_their_key(stolen: Stolen) -> None:
    wire = stolen.there.holder(OWNER).wire
    visited = await stolen.tries(stolen.signer, wire, FRONT)
    assert visited.answer.coarse is not None
    assert visited.receipt is None
    assert nothing_opened(stolen)


BEYOND: dict[str, Callable[[Stolen], dict[str, Any]]] = {
    "another door": lambda s: {"doors": frozenset({s.there.doors[FRONT].door_id})},
    "both doors": lambda s: {"doors": frozenset(d.door_id for d in s.there.doors.values())},
    "longer": lambda _: {"exp": now() + DAY + HOUR},
    "without an end": lambda _: {"exp": None},
    "without a start": lambda _: {"nbf": None},
    "after its own end": lambda s: {"nbf": now() - 60, "exp": (s.visits.leaf.exp or 0) + 1},
    "holding open": lambda _: {"use": Rights.UNLOCK | Rights.HOLD_OPEN},
    "settings": lambda _: {"use": Rights.UNLOCK | Rights.CONFIGURE},
    "locking": lambda _: {"use": Rights.UNLOCK | Rights.LOCK},
    "at any hour": lambda _: {"hours": None},
    "handing on": lambda _: {"delegable": Rights.UNLOCK, "depth": 1, "max_life": DAY, "quota": 1},
    "for a program, and longer": lambda _: {"klass": KeyClass.BRIDGE, "exp": now() + 2 * DAY},
}


@pytest.mark.parametrize("beyond", BEYOND)
async def test_nothing_beyond_the_visitor_link_opens(stolen: Stolen, beyond: str) -> None:
    thief, wire = stolen.child(stolen.visits, **BEYOND[beyond](stolen))
    for label in (BACK, FRONT):
        visited = await stolen.tries(thief, wire, label)
        assert visited.answer.coarse is not None
    assert nothing_opened(stolen)


async def test_below_the_refresh_link_nothing_stands(stolen: Stolen) -> None:
    for above in (stolen.refresh, stolen.visits):
        thief, wire = stolen.child(above, doors=stolen.refresh.leaf.doors)
        assert (await stolen.tries(thief, wire, FRONT)).answer.coarse is not None
    assert nothing_opened(stolen)


async def test_within_the_bounds_it_opens_as_the_page_says_and_no_more_than_its_quota(
    stolen: Stolen) -> None:
    """The power that its owner gave: one key a day, at the back door."""
    first, wire = stolen.child(stolen.visits)
    assert (await stolen.tries(first, wire)).answer.coarse is None
    second, wire = stolen.child(stolen.visits)
    assert (await stolen.tries(second, wire)).answer.coarse is not None
    assert (stolen.there.openings(BACK), stolen.there.openings(FRONT)) == (1, 0)
    refused = stolen.there.entries(BACK, Kind.REFUSED)[-1]
    assert Reason.OVER_QUOTA.words.number in refused.about.values()


async def test_outside_its_hours_it_opens_nothing(tmp_path: Path) -> None:
    async with joined(tmp_path) as there:
        asleep = (Window(127, (now() // 60 + 120) % 1440, (now() // 60 + 120) % 1440 + 60),)
        visits = give_hub(there, BACK, use=Rights.NONE, delegable=Rights.UNLOCK | Rights.ENROL,
                          depth=1, max_life=DAY, quota=9, hours=asleep)
        thief = Stolen(there, visits, visits)
        for hours in (asleep, None, ALWAYS):
            signer, wire = thief.child(visits, hours=hours)
            assert (await thief.tries(signer, wire)).answer.coarse is not None
        assert nothing_opened(thief)


async def test_what_was_ended_at_the_doors_is_over(stolen: Stolen) -> None:
    there = stolen.there
    revoke_key = there.world.home.site_key(Role.REVOKE, PASSPHRASE)
    document = sign_revocation(
        there.world.home.site().id, [Revoked(stolen.visits.leaf.id, None)], revoke_key)
    assert await stolen.delivers([REVOKE, document], BACK) is None
    thief, wire = stolen.child(stolen.visits)
    assert (await stolen.tries(thief, wire)).answer.coarse is not None
    assert nothing_opened(stolen)


# --- conversations ---------------------------------------------------------------------------


async def relayed(stolen: Stolen, command: Command = Command.UNLOCK) -> list[bytes]:
    """The owner's own visit through the stolen hub, which keeps every byte."""
    line = await stolen.over(FRONT)
    session = stolen.there.session(cast("Any", line))
    visited = await session.ask(await session.greet(), Errand(command), whole=True)
    assert visited.answer.coarse is None
    return line.said


async def test_a_conversation_played_again_opens_nothing(stolen: Stolen) -> None:
    first, third = await relayed(stolen)
    before = stolen.there.openings(FRONT)
    for messages in ([first, third], [third], [first, first], [first, third, third]):
        line = await stolen.over(FRONT)
        with pytest.raises(StreamEnded):
            await all_said(line, [*messages, third])
    assert stolen.there.openings(FRONT) == before == 1


async def all_said(line: Over, messages: list[bytes]) -> None:
    for message in messages:
        await line.say(message)


async def test_a_proof_cannot_be_moved_to_another_conversation(stolen: Stolen) -> None:
    """Two of the owner's own at the same time, and the thief swaps what they say."""
    lines = [await stolen.over(FRONT), await stolen.over(BACK), await stolen.over(FRONT)]
    labels = (FRONT, BACK, FRONT)
    sessions = [stolen.there.session(cast("Any", line), label=label)
                for line, label in zip(lines, labels, strict=True)]
    greetings = [await session.greet() for session in sessions]
    thirds = []
    for line, session, greeting in zip(lines, sessions, greetings, strict=True):
        line.ask = _caught(thirds)  # type: ignore[method-assign]
        with pytest.raises(StreamEnded):
            await session.ask(greeting, Errand(Command.UNLOCK), whole=True)
    for line, third in zip(lines, [thirds[1], thirds[2], thirds[0]], strict=True):
        with pytest.raises(StreamEnded):
            await line.say(third)
    assert nothing_opened(stolen)


def _caught(thirds: list[bytes]) -> Callable[..., Any]:
    async def ask(message: bytes, seconds: float = 0) -> bytes:
        thirds.append(message)
        raise StreamEnded
    return ask


async def test_a_proof_that_was_kept_back_opens_nothing(
    stolen: Stolen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mortice.core.limits.PROOF_SECONDS_RELAYED", 0.3)
    line = await stolen.over(FRONT)
    session = stolen.there.session(cast("Any", line))
    greeting = await session.greet()
    plain = line.say

    async def late(message: bytes, seconds: float = 0) -> bytes:
        await asyncio.sleep(0.5)
        return await plain(message)
    line.ask = late  # type: ignore[method-assign]
    visited = await session.ask(greeting, Errand(Command.UNLOCK), whole=True)
    assert visited.answer.coarse is not None
    assert nothing_opened(stolen)


async def test_bytes_that_were_changed_open_nothing(stolen: Stolen) -> None:
    for at in (0, 40, -1):
        line = await stolen.over(FRONT)
        session = stolen.there.session(cast("Any", line))
        greeting = await session.greet()
        plain = line.say

        async def changed(message: bytes, seconds: float = 0, at: int = at,
                          plain: Any = plain) -> bytes:
            bent = bytearray(message)
            bent[at] ^= 1
            return bytes(await plain(bytes(bent)))
        line.ask = changed  # type: ignore[method-assign]
        with pytest.raises(StreamEnded):
            await session.ask(greeting, Errand(Command.UNLOCK), whole=True)
    assert nothing_opened(stolen)


async def test_a_receipt_cannot_be_made_up(stolen: Stolen) -> None:
    """The hub cannot make a holder believe that a door opened, or did not."""
    line = await stolen.over(FRONT)
    session = stolen.there.session(cast("Any", line))
    greeting = await session.greet()

    async def lies(message: bytes, seconds: float = 0) -> bytes:
        return secrets.token_bytes(180)
    line.ask = lies  # type: ignore[method-assign]
    with pytest.raises(Exception, match="not the next message"):
        await session.ask(greeting, Errand(Command.UNLOCK), whole=True)
    assert nothing_opened(stolen)


# --- documents -------------------------------------------------------------------------------


def bent(document: bytes) -> bytes:
    return document[:-1] + bytes([document[-1] ^ 1])


def forgeries(stolen: Stolen) -> Iterator[tuple[str, list[Any]]]:
    """What a thief would like a lock to take."""
    there, signer = stolen.there, stolen.signer
    home = there.world.home
    site, ids = home.site(), [door.door_id for door in there.doors.values()]
    doors = home.doors_bytes()
    assert doors is not None
    yield "a revocation of the owner", [REVOKE, sign_revocation(
        site.id, [Revoked(there.holder(OWNER).leaf, None)], signer)]
    for own in (stolen.refresh, stolen.visits):
        yield "settings", [CONFIG, sign_config(site.id, Config(ids[0], 99), signer), own.wire]
    yield "a root", [SITE, sign_site(replace(site, version=site.version + 1, roles={
        role: RoleKeys(1, (signer.public,)) for role in site.roles}), [signer])]
    yield "an altered root", [SITE, bent(home.site_bytes())]
    yield "a map", [DOORS_MAP, sign_doors(DoorMap(site.id, 99, tuple(
        door.mapped for door in home.known_doors())), signer)]
    yield "an altered map", [DOORS_MAP, bent(doors)]
    for at in (now() + 2 * HOUR, now() - 2 * HOUR):
        for wire in (None, stolen.refresh.wire, stolen.visits.wire):
            yield "the time", [TIME, sign_time(
                site.id, there.doors[FRONT].lock_id, secrets.token_bytes(32), at, signer), wire]


async def test_no_document_of_its_own_changes_a_lock(stolen: Stolen) -> None:
    lock = stolen.there.running(FRONT).lock
    await until(lambda: lock.owner().doors.version == 2)  # the owner's own newest map
    before = (lock.owner().config, lock.owner().place.site.version, 2)
    for what, item in forgeries(stolen):
        assert await stolen.delivers(item) is not None, what
    after = (lock.owner().config, lock.owner().place.site.version, lock.owner().doors.version)
    assert before == after
    assert abs(lock.now().at - now()) < 60
    assert (await unlock_as_owner(stolen)).answer.coarse is None


async def unlock_as_owner(stolen: Stolen) -> Visited:
    session = stolen.there.session(cast("Any", await stolen.over(FRONT)))
    return await session.ask(await session.greet(), Errand(Command.UNLOCK), whole=True)


async def test_no_pin_stands_where_the_hub_may_put_none(stolen: Stolen) -> None:
    there, signer = stolen.there, stolen.signer
    mapped = {door.mapped.label: door.mapped for door in there.world.home.known_doors()}
    terms = Terms(frozenset(), Rights.UNLOCK, nbf=now() - 60, exp=now() + HOUR)
    for above, label in ((stolen.refresh, FRONT), (stolen.visits, BACK)):
        loose = HeldKey(above.wire, (*above.links[:-1], replace(
            above.leaf, use=Rights.UNLOCK | Rights.ENROL, document=above.leaf.document)))
        pin = enrol_pin(loose, signer, mapped[label], 7, PinPolicy(), terms)
        assert await stolen.delivers(pin.item, label) is not None
    own, wire = stolen.child(stolen.visits, use=Rights.ENROL, delegable=Rights.UNLOCK)
    below = held(cbor.encode(wire))
    loose = HeldKey(below.wire, (*below.links[:-1], replace(
        below.leaf, doors=frozenset({mapped[FRONT].id}), document=below.leaf.document)))
    pin = enrol_pin(loose, own, mapped[FRONT], 7, PinPolicy(), terms)
    assert await stolen.delivers(pin.item, FRONT) is not None
    assert not there.running(FRONT).lock.store.slots()
    assert not there.running(BACK).lock.store.slots()


async def test_two_hours_ahead_even_in_the_role_of_time(stolen: Stolen) -> None:
    """An owner who made the hub one of two sources: alone it moves a clock by 15 minutes."""
    there, home = stolen.there, stolen.there.world.home
    site = home.site()
    paper = paper_key(home.read("demo.json")["sheet"])
    root = sign_site(replace(site, version=site.version + 1, roles={
        **site.roles, Role.TIME: RoleKeys(1, (stolen.signer.public,))}),
        [home.site_key(Role.ROOT, PASSPHRASE), paper])
    assert await stolen.delivers([SITE, root]) is None
    lock = there.running(FRONT).lock
    end = there.hub.lines._ends[there.doors[FRONT].lock_id]  # type: ignore[union-attr]
    for ahead in (2 * HOUR, DAY, -2 * HOUR, 16 * 60):
        told = sign_time(site.id, there.doors[FRONT].lock_id, end._handshake, now() + ahead,
                         stolen.signer)
        assert await stolen.delivers([TIME, told]) is Reason.TIME_UNSURE
    assert abs(lock.now().at - now()) < 60
    assert lock.now().state is TimeState.SYNCED


async def test_in_the_role_it_tells_a_lock_the_time_when_it_dials_in(
    stolen: Stolen, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is meant; and with a clock that is two hours ahead, as the lock bounds it."""
    there, home = stolen.there, stolen.there.world.home
    site, paper = home.site(), paper_key(home.read("demo.json")["sheet"])
    root = sign_site(replace(site, version=site.version + 1, roles={
        **site.roles, Role.TIME: RoleKeys(1, (stolen.signer.public,))}),
        [home.site_key(Role.ROOT, PASSPHRASE), paper])
    with there.hub.database.writing() as db:
        follow_root(db, db.get_one(Place, there.place.id), root)
    there.hub.nudge(door.lock_id for door in there.doors.values())
    lock = there.running(FRONT).lock
    await until(lambda: lock.owner().place.site.version == 2)
    for ahead, told in ((2 * HOUR, 0), (300, 300), (2 * HOUR, 300)):
        monkeypatch.setattr("mortice.hub.refreshing.now", lambda ahead=ahead: now() + ahead)
        end = there.hub.lines._ends[there.doors[FRONT].lock_id]  # type: ignore[union-attr]
        end.drop()
        await until(lambda end=end: there.hub.lines._ends.get(  # type: ignore[union-attr]
            there.doors[FRONT].lock_id) not in {None, end})
        await asyncio.sleep(0.3)
        assert abs(lock.now().at - now() - told) < 20, ahead


async def test_an_acknowledgement_prunes_nothing(stolen: Stolen) -> None:
    lock = stolen.there.running(FRONT).lock
    end = stolen.there.hub.lines._ends[  # type: ignore[union-attr]
        stolen.there.doors[FRONT].lock_id]
    size = lock.store.size
    for position in (size, size + 1, 10_000, 0):
        end.say(1, position)
    await asyncio.sleep(0.2)
    assert len(lock.store.entries(0, 10_000)) == lock.store.size >= size


# --- staples ---------------------------------------------------------------------------------


async def test_it_can_keep_alive_whom_it_may_vouch_for_until_the_news_comes(
    stolen: Stolen) -> None:
    """The honest hole, which the page about thieves names."""
    there, home = stolen.there, stolen.there.world.home
    tom = there.world.give("Tom", there.terms(
        FRONT, use=USE, max_staleness=HOUR, exp=now() + 10 * DAY))
    signer = there.holder("Tom").signer
    site = home.site().id
    staple = (sign_staple(site, tom.leaf.id, now(), stolen.signer), stolen.refresh.wire)
    revoke_key = home.site_key(Role.REVOKE, PASSPHRASE)
    owner.take_back(home, [Revoked(tom.leaf.id, tom.leaf.exp)], revoke_key)  # the hub withholds it
    visited = await stolen.tries(cast("Any", signer), tom.wire, FRONT, staple=staple)
    assert visited.answer.coarse is None
    there.running(FRONT).hardware.turn_inside()
    await there.world.visit(OWNER, "front-door", Command.STATUS)  # whoever comes by brings it
    visited = await stolen.tries(cast("Any", signer), tom.wire, FRONT, staple=staple)
    assert visited.answer.coarse is not None
    assert there.openings(FRONT) == 1


async def test_it_vouches_for_nobody_by_the_visitor_link_or_by_none(stolen: Stolen) -> None:
    there = stolen.there
    tom = there.world.give("Tom", there.terms(FRONT, use=USE, max_staleness=HOUR))
    signer, site = there.holder("Tom").signer, there.world.home.site().id
    document = sign_staple(site, tom.leaf.id, now(), stolen.signer)
    for chain in (stolen.visits.wire, None):
        visited = await stolen.tries(
            cast("Any", signer), tom.wire, FRONT, staple=(document, chain))
        assert visited.answer.coarse is not None
    assert nothing_opened(stolen)


async def test_an_honest_hub_does_not_vouch_for_whom_it_knows_to_be_out(stolen: Stolen) -> None:
    there, home = stolen.there, stolen.there.world.home
    tom = there.world.give("Tom", there.terms(FRONT, use=USE, max_staleness=HOUR))
    revoke_key = home.site_key(Role.REVOKE, PASSPHRASE)
    document = sign_revocation(home.site().id, [Revoked(tom.leaf.id, None)], revoke_key)
    with there.hub.database.writing() as db:
        place = db.get_one(Place, there.place.id)
        person = Person(place_id=place.id, name="Tom")
        db.add(person)
        db.flush()
        register(db, place, person, tom.wire)
        renew(db, there.hub, place)
        assert db.get(Staple, tom.leaf.id)
        take_back(db, place, [REVOKE, document])
        renew(db, there.hub, place)
        assert db.get(Staple, tom.leaf.id) is None


async def test_a_pin_that_the_hub_issued_is_on_its_door(stolen: Stolen) -> None:
    """What the link to issue is for: here its own power is used as it was meant."""
    there, door = stolen.there, stolen.there.doors[BACK]
    with there.hub.database.writing() as db:
        place = db.get_one(Place, there.place.id)
        person = Person(place_id=place.id, name="Jo")
        db.add(person)
        db.flush()
        issued = issue(db, there.hub, place, person, Stay([door], now() - 60, now() + HOUR))
    there.hub.nudge([door.lock_id])
    lock = there.running(BACK).lock
    await until(lock.store.slots)
    for symbol in (*issued.digits, "enter"):
        there.running(BACK).hardware.press(symbol)
    await until(lambda: there.openings(BACK))


# --- what lies on its disk ---------------------------------------------------------------------


def everything(there: Joined) -> Iterator[bytes]:
    """Each value of the database, also decoded, and each file of the folder."""
    with there.hub.database.reading() as db:
        for table in Base.metadata.sorted_tables:
            for row in db.execute(select(table)):
                for value in row:
                    yield from _decoded(value)
    for file in there.hub.settings.folder.rglob("*"):
        if file.is_file() and "sqlite" not in file.name:
            yield file.read_bytes()


def _decoded(value: object) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, str):
        yield value.encode()
        for word in re.findall(r"[\w-]{43,}", value):
            yield base64.urlsafe_b64decode(word[:len(word) // 4 * 4])
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _decoded(each)


def publics(seed: bytes) -> Iterator[bytes]:
    """The public halves of 32 bytes as a key of each kind that there is."""
    yield Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    yield X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    number = int.from_bytes(seed, "big")
    if 0 < number < 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551:
        numbers = ec.derive_private_key(number, ec.SECP256R1()).public_key().public_numbers()
        yield numbers.x.to_bytes(32, "big")


async def test_no_private_key_on_its_disk_opens_anything(stolen: Stolen) -> None:
    """Every 32 bytes that lie there, tried as the private half of every key that counts."""
    there = stolen.there
    there.world.give("Tom", there.terms(FRONT, use=USE))
    with there.hub.database.writing() as db:
        place = db.get_one(Place, there.place.id)
        person = Person(place_id=place.id, name="Jo")
        db.add(person)
        db.flush()
        register(db, place, person, there.holder("Tom").wire)
        issue(db, there.hub, place, person, Stay([there.doors[BACK]], now() - 60, now() + HOUR))
    counts = {_x(key) for role in Role for key in there.world.home.site().keys(role)}
    counts |= {_x(there.holder(name).signer.public) for name in ("Tom", OWNER)}
    for door in there.world.home.known_doors():
        counts |= {door.mapped.lock.link, _x(door.mapped.lock.signing), door.mapped.lock.sealing}
    seeds = {value[at:at + 32] for value in everything(there)
             for at in range(max(0, len(value) - 31))}
    own = {public for seed in seeds for public in publics(seed)}
    assert _x(stolen.signer.public) in own  # the search does find what is there
    assert len(seeds) > 500
    assert not own & counts


def _x(key: PublicKey) -> bytes:
    x = cast("dict[int, Any]", key.cose)[-2]
    assert isinstance(x, bytes)
    return x


async def test_an_honest_opening_still_counts(stolen: Stolen) -> None:
    visited = await unlock_as_owner(stolen)
    assert visited.receipt
    lock = stolen.there.running(FRONT).lock.secrets.public.signing
    assert accept_receipt(visited.receipt, lock).result is Result.UNLOCKED

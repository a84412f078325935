"""What the text promises across several checks, each tried against the whole lock.

A check of its own shows that one thing is refused; these show that there is no way around it.
"""

# ruff: noqa: ANN401 — a builder takes any field of what it builds
from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from mortice.core import cbor, limits
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commands import Command
from mortice.core.config import CONFIG, Config, sign_config
from mortice.core.decision import Ask, Facts, decide
from mortice.core.door import Bolt, Leaf, Sight
from mortice.core.enrolment import accept_enrolment, presented, sealed_context
from mortice.core.freshness import TIME, accept_staple, sign_staple, sign_time
from mortice.core.grant import (
    ENROL,
    Credential,
    CredentialKind,
    Grant,
    KeyClass,
    Rights,
    read_grant,
    sign_grant,
)
from mortice.core.keys import ED25519, SoftwareKey
from mortice.core.limits import MESSAGE_BYTES
from mortice.core.link import HolderSide, LockAddress
from mortice.core.log import Entry, read_entry
from mortice.core.messages import Answer, Carried, Request
from mortice.core.pin import Entry as Typing
from mortice.core.pin import PinPolicy
from mortice.core.refusal import BY_NUMBER, Reason
from mortice.core.revocation import NOTHING_REVOKED, REVOKE, Revoked, sign_revocation
from mortice.core.site import (
    SITE,
    DoorMap,
    MappedDoor,
    Place,
    Role,
    RoleKeys,
    Site,
    recovers,
    sign_doors,
    sign_site,
    while_recovering,
)
from mortice.core.stages import Factors, Instant, Refused, TimeState, Verified
from mortice.core.timekeeping import Clock, Told, attested
from mortice.drivers import Happening, Light, SupplySeen
from mortice.lockd import identity, ownership
from mortice.lockd.conversation import Closed, Conversation
from mortice.lockd.daemon import Lock
from mortice.lockd.deliver import HPKE
from mortice.lockd.keypad import pin_typed
from mortice.lockd.outside import FIRMWARE_AT
from mortice.lockd.watch import Watch

DAY = 86_400
NOW = 1_800_000_000  # 15 January 2027, 08:00 UTC
HERE, THERE = b"frontdor", b"backdoor"
BOTH = Rights.UNLOCK | Rights.LOCK
ALL = Rights(1023)


def key(name: str) -> SoftwareKey:
    return SoftwareKey.from_seed(ED25519, hashlib.sha256(name.encode()).digest())


ROOT, PAPER, GRANTER, REVOKER, TIMER = map(key, ("root", "paper", "grant", "revoke", "time"))


def role(*keys: SoftwareKey, threshold: int = 1) -> RoleKeys:
    return RoleKeys(threshold, tuple(one.public for one in keys))


HOME = Site(bytes(16), 1, {
    Role.ROOT: role(ROOT, PAPER, threshold=2), Role.GRANT: role(GRANTER),
    Role.REVOKE: role(REVOKER), Role.TIME: role(TIMER), Role.RECOVERY: role(PAPER)})


@dataclass(frozen=True)
class Held:
    """A chain and the key of whoever holds it."""

    signer: SoftwareKey
    wire: list[cbor.Value]

    @property
    def leaf(self) -> Grant:
        return verify_chain(read_chain(self.wire), HOME.chain_keys()).leaf

    @property
    def verified(self) -> Verified:
        return verify_chain(read_chain(self.wire), HOME.chain_keys())

    def give(self, name: str, **terms: Any) -> Held:
        terms = {"doors": self.leaf.doors, "use": Rights.UNLOCK} | terms
        link = Grant(key(name).public, parent=self.leaf.id, **terms)
        return Held(key(name), [*self.wire, sign_grant(link, self.signer)])


def first(name: str, *, signer: SoftwareKey = GRANTER, **terms: Any) -> Held:
    terms = {"doors": frozenset({HERE}), "use": BOTH} | terms
    return Held(key(name), [sign_grant(Grant(key(name).public, site=HOME.id, **terms), signer)])


def owner(**terms: Any) -> Held:
    return first("owner", **{
        "use": ALL, "delegable": ALL, "depth": 4, "resident": True, "doors": frozenset(
            {HERE, THERE})} | terms)


def judged(
    verified: Verified, command: Command = Command.UNLOCK, *, at: int = NOW, floor: int = NOW,
    time: TimeState = TimeState.SYNCED, **facts: Any,
) -> str | None:
    """The rule that refuses, or None."""
    place = Place(HOME, HERE, b"", ownership.zone_named("Europe/London"))
    decision = decide(verified, Ask(command), Facts(
        place, Instant(at, floor, time), NOTHING_REVOKED, **facts))
    return decision.check if isinstance(decision, Refused) else None


# --- recovery by paper ---------------------------------------------------------------------------


def recovered(**changes: Any) -> Site:
    """The root that paper signs: a new phone in every role but its own."""
    new = key("new phone")
    roles = {
        Role.ROOT: role(new, PAPER, threshold=2), Role.GRANT: role(new), Role.REVOKE: role(new),
        Role.RECOVERY: role(PAPER)}
    return replace(HOME, version=2, roles=roles, **changes)


def test_paper_alone_makes_no_new_key_count_while_it_waits() -> None:
    thief = key("thief")
    link = Grant(thief.public, frozenset({HERE}), BOTH, site=HOME.id)
    encoded = sign_grant(link, thief)
    coming = recovered(retired={thief.public: frozenset({read_grant(encoded).id})})
    during = while_recovering(HOME, coming).chain_keys()
    with pytest.raises(Exception, match="C5"):
        verify_chain(read_chain([encoded]), during)
    assert verify_chain(read_chain([encoded]), coming.chain_keys()).leaf.holder == thief.public


def test_first_links_that_recovery_keeps_count_while_it_waits() -> None:
    resident, other = first("resident"), first("other")
    coming = recovered(retired={GRANTER.public: frozenset({resident.leaf.id})})
    during = while_recovering(HOME, coming).chain_keys()
    assert verify_chain(read_chain(resident.wire), during)
    with pytest.raises(Exception, match="C5"):
        verify_chain(read_chain(other.wire), during)


def test_a_recovered_root_meets_its_own_threshold() -> None:
    with pytest.raises(Exception, match="S5"):
        recovers(HOME, sign_site(recovered(), [PAPER]))
    assert recovers(HOME, sign_site(recovered(), [PAPER, key("new phone")]))


# --- one link's bounds, wherever they are asked for ----------------------------------------------


def test_whoever_may_vouch_at_one_door_vouches_for_nothing_at_another() -> None:
    stale = owner().give("guest", max_staleness=DAY)
    for doors, refused in ((frozenset({HERE}), None), (frozenset({THERE}), "R8")):
        friend = first("friend", doors=doors, use=Rights.REFRESH)
        encoded = sign_staple(HOME.id, stale.leaf.id, NOW, friend.signer)
        staple = accept_staple(HOME, encoded, friend.wire)
        assert judged(stale.verified, staple=staple) == refused


def enrolled(above: Held, lock: SoftwareKey = ROOT, **terms: Any) -> Verified:
    """What a PIN of `above` amounts to at the keypad."""
    link = Grant(lock.public, frozenset({HERE}), Rights.UNLOCK, parent=above.leaf.id, **{
        "credential": Credential(CredentialKind.PIN, 0, 1, b"sealed")} | terms)
    wire = [*above.wire, sign_grant(link, above.signer)]
    return presented(accept_enrolment(HOME, wire, lock.public, slot_version=0))


def test_a_pin_is_no_second_factor_beside_itself() -> None:
    careful = first("careful", use=BOTH | Rights.ENROL, factors=Factors.PIN)
    assert judged(enrolled(careful, factors=Factors.PIN)) == "R9"
    assert judged(enrolled(first("plain", use=BOTH | Rights.ENROL))) is None


def test_typing_a_pin_is_a_touch_at_the_door() -> None:
    near = first("near", use=BOTH | Rights.ENROL, factors=Factors.TOUCH)
    assert judged(enrolled(near, factors=Factors.TOUCH)) is None


def test_a_residents_pin_works_while_the_clock_is_unsure_and_a_shorter_one_does_not() -> None:
    ends = NOW + DAY
    tenant = first("tenant", use=BOTH | Rights.ENROL, resident=True, exp=ends)
    unsure = {"time": TimeState.UNSURE, "at": NOW}
    assert judged(tenant.verified, **unsure) is None
    assert judged(enrolled(tenant, exp=ends), **unsure) is None
    assert judged(enrolled(tenant, exp=ends - 1), **unsure) == "R4"
    assert judged(enrolled(tenant, exp=ends), **unsure | {"floor": ends}) == "R6"


def test_a_key_file_rests_while_the_log_cannot_be_believed() -> None:
    file = first("file", klass=KeyClass.FILE, delegable=Rights.UNLOCK, depth=1)
    assert judged(file.verified, rolled_back=True) == "R15"
    assert judged(owner().verified, rolled_back=True) is None


# --- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [900, -900])
def test_the_hub_alone_moves_the_clock_by_a_quarter_of_an_hour_either_way(apart: int) -> None:
    clock = Clock(NOW - 30 * DAY, NOW - 30 * DAY, 0.0, NOW - 30 * DAY, sure=True)
    count = 30.0 * DAY
    told = Told(NOW + apart, sure=False)
    moved = attested(clock, told, count)
    assert moved is not None
    assert moved.now(count).at == NOW + apart
    further = 1 if apart > 0 else -1
    assert attested(clock, Told(NOW + apart + further, sure=False), count) is None
    assert attested(moved, Told(NOW + apart + further, sure=False), count) is None


# --- a whole lock --------------------------------------------------------------------------------


class Outside:
    """A machine whose clock a test moves."""

    made_at = FIRMWARE_AT

    def __init__(self) -> None:
        self.passed, self._drawn = 0.0, 0

    def wall(self) -> int:
        return NOW + int(self.passed)

    def run_id(self) -> bytes:
        return b""  # a start is a start after a power cut

    def count(self) -> float:
        return self.passed

    def random(self, size: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(b"%d" % self._drawn).digest(size)


class Door:
    """A bolt that is wherever it was sent."""

    simulated = True

    def __init__(self) -> None:
        self.bolt = Bolt.THROWN

    def sight(self) -> Sight:
        return Sight(self.bolt, Leaf.CLOSED)

    def supply(self) -> SupplySeen:
        return SupplySeen(5.2, mains=True)

    async def drive(self, order: Any) -> Sight:
        self.bolt = Bolt(order.towards.value)
        return self.sight()

    def show(self, light: Light) -> None:
        """Nobody looks."""

    def listen(self, tell: Callable[[Happening], None]) -> None:
        """Nothing happens at this door by itself."""


@dataclass
class House:
    """A lock of the owner's, and whoever visits it."""

    lock: Lock
    outside: Outside

    async def visit(  # noqa: PLR0913 — one visit, and what may come along
        self, held: Held, command: Command = Command.STATUS,
        args: dict[int | str, cbor.Value] | None = None, *, command_id: bytes = b"",
        bundle: Callable[[bytes], list[cbor.Value]] = lambda handshake: [], pin: str = "",
    ) -> Answer:
        lock, keys = self.lock, self.lock.secrets.public
        side = HolderSide(
            LockAddress(HOME.id, HERE, keys.link, keys.signing), self.outside.random(32))
        heard = Conversation(lock, "phone")
        side.read_greeting(await heard.hear(side.first()))
        carried: dict[int | str, cbor.Value] = {}
        documents = bundle(side.handshake)
        if documents:
            carried[Carried.BUNDLE] = documents
        if pin:
            carried[Carried.PIN] = pin.encode()
        request = Request(
            command, command_id or self.outside.random(8), args or {}, held.wire, Factors.NONE,
            bytes(64), carried)
        leaf = verify_chain(read_chain(held.wire), HOME.chain_keys()).leaf.id
        return side.read_answer(await heard.hear(side.ask(request, leaf, held.signer)))

    async def deliver(
        self, item: list[cbor.Value], by: Held | None = None) -> tuple[Reason | None, int]:
        """What became of one document: None if it was taken, and the bare result."""
        answer = await self.visit(by or owner(), Command.DELIVER, bundle=lambda _: [item])
        results = answer.body[1]
        assert isinstance(results, list)
        assert isinstance(results[0], list)
        number = results[0][1]
        assert isinstance(number, int)
        return BY_NUMBER.get(number), number

    async def refusal(self, held: Held, command: Command = Command.UNLOCK, **ask: Any) -> str:
        """The number of the check that refused."""
        await self.visit(held, command, **ask)
        return str(self.last().about[4])

    def last(self) -> Entry:
        return read_entry(self.lock.store.entries(self.lock.store.size - 1, 1)[0][1])

    def pin_item(
        self, above: Held, digits: str, *, slot: int = 0, version: int = 1, **terms: Any,
    ) -> list[cbor.Value]:
        leaf, keys = above.leaf, self.lock.secrets.public
        sealed = HPKE.encrypt(
            digits.encode(), X25519PublicKey.from_public_bytes(keys.sealing),
            info=sealed_context(leaf.holder.id, leaf.id, slot))
        link = Grant(keys.signing, frozenset({HERE}), Rights.UNLOCK, parent=leaf.id, **{
            "credential": Credential(CredentialKind.PIN, slot, version, sealed)} | terms)
        return [ENROL, sign_grant(link, above.signer), above.wire]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(limits, "ARGON2_KIB", 8)  # what is tried here is not how slow it is
    monkeypatch.setattr(limits, "ARGON2_PASSES", 1)
    outside = Outside()
    lock = Lock(tmp_path, Door(), outside)
    keys = lock.secrets.public
    doors = DoorMap(HOME.id, 1, (MappedDoor(HERE, "Front", "Europe/London", keys),))
    owned = ownership.first_owner(
        sign_site(HOME, [ROOT, PAPER]), sign_doors(doors, GRANTER), HERE, keys.id)
    identity.take_over(lock, owned, NOW)
    yield House(lock, outside)
    lock.close()


def settings(by: Held, version: int = 1, **changes: Any) -> list[cbor.Value]:
    return [CONFIG, sign_config(HOME.id, Config(HERE, version, **changes), by.signer), by.wire]


async def test_a_manager_whose_key_was_taken_back_changes_no_settings(house: House) -> None:
    manager = owner().give("manager", use=Rights.CONFIGURE, doors=frozenset({HERE}))
    assert await house.deliver(settings(manager)) == (None, 0)
    gone = sign_revocation(HOME.id, [Revoked(manager.leaf.id, None)], REVOKER)
    assert await house.deliver([REVOKE, gone]) == (None, 0)
    reason, _ = await house.deliver(settings(manager, 2, relock_after=0), by=manager)
    assert reason is Reason.REVOKED
    assert house.lock.owner().config.version == 1


async def test_a_manager_whose_key_has_ended_changes_no_settings(house: House) -> None:
    manager = first("manager", use=Rights.CONFIGURE, exp=NOW + 60)
    house.outside.passed = 60
    reason, _ = await house.deliver(settings(manager))
    assert reason is Reason.ENDED


async def test_a_key_with_an_end_does_not_tell_a_lock_the_time_that_has_lost_it(
    house: House,
) -> None:
    was = first("was manager", use=Rights.SET_TIME | BOTH, exp=NOW - DAY, nbf=NOW - 9 * DAY)
    house.lock.recorder.clock = replace(house.lock.recorder.clock, sure=False)
    back = house.lock.now().at - 1

    def story(handshake: bytes) -> list[cbor.Value]:
        lock = house.lock.secrets.public.id
        return [[TIME, sign_time(HOME.id, lock, handshake, back, was.signer), was.wire]]

    answer = await house.visit(was, Command.UNLOCK, bundle=story)
    assert answer.body[1][0][1] == Reason.TIME_UNSURE.words.number  # type: ignore[index]
    assert house.lock.now().state is TimeState.UNSURE


async def test_the_owner_tells_a_lock_the_time_that_has_lost_it(house: House) -> None:
    house.lock.recorder.clock = replace(house.lock.recorder.clock, sure=False)

    def story(handshake: bytes) -> list[cbor.Value]:
        lock, by = house.lock.secrets.public.id, owner()
        return [[TIME, sign_time(HOME.id, lock, handshake, NOW + DAY, by.signer), by.wire]]

    await house.visit(owner(), bundle=story)
    assert house.lock.now().state is TimeState.SYNCED
    assert house.lock.now().at == NOW + DAY


async def test_nobody_tells_a_lock_a_time_before_what_it_has_written(house: House) -> None:
    house.outside.passed = 3600
    await house.visit(owner(), Command.UNLOCK)
    house.outside.passed = 7200
    by = owner()

    def story(handshake: bytes) -> list[cbor.Value]:
        lock = house.lock.secrets.public.id
        return [[TIME, sign_time(HOME.id, lock, handshake, NOW + 3599, by.signer), by.wire]]

    answer = await house.visit(by, bundle=story)
    assert answer.body[1][0][1] == Reason.TIME_UNSURE.words.number  # type: ignore[index]
    await house.visit(by, Command.SET_TIME, {1: NOW + 3599})
    assert house.lock.now().at >= NOW + 7200


async def test_a_tenancy_that_has_ended_stays_ended_when_the_clock_grows_unsure(
    house: House,
) -> None:
    tenant = first("tenant", resident=True, exp=NOW + 50 * DAY)
    house.outside.passed = 60.0 * DAY
    assert await house.refusal(tenant) == "R6"
    house.outside.passed = 100.0 * DAY
    assert house.lock.now().state is TimeState.UNSURE
    assert await house.refusal(tenant) == "R6"


async def test_looking_at_a_door_is_not_agreeing_to_open_it(house: House) -> None:
    both = {"factors": Factors.PERSON, "use": BOTH | Rights.HOLD_OPEN}
    ann, ben = first("ann", **both), first("ben", **both)
    assert await house.refusal(ann, Command.STATUS) == "R10"
    assert await house.refusal(ben, Command.UNLOCK) == "R10"
    assert (await house.visit(ann, Command.UNLOCK)).coarse is None


async def test_two_people_hold_a_door_open_until_its_end(house: House) -> None:
    both = {"factors": Factors.PERSON, "use": Rights.HOLD_OPEN}
    until: dict[int | str, cbor.Value] = {1: NOW + 600}
    await house.visit(first("ann", **both), Command.HOLD_OPEN, until)
    assert (await house.visit(first("ben", **both), Command.HOLD_OPEN, until)).coarse is None
    watch = Watch(house.lock)
    await watch.look()
    assert house.lock.held is not None
    house.outside.passed = 600
    await watch.look()
    assert house.lock.held is None


async def test_a_lost_answer_asked_for_again_sets_no_clock_again(house: House) -> None:
    told: dict[int | str, cbor.Value] = {1: NOW + 5}
    await house.visit(owner(), Command.SET_TIME, told, command_id=b"the same")
    house.outside.passed = 300
    await house.visit(owner(), Command.SET_TIME, told, command_id=b"the same")
    assert house.lock.now().at == NOW + 305


async def test_a_former_revoker_takes_back_only_what_stands_below_it(house: House) -> None:
    mine = first("holder", signer=GRANTER, delegable=Rights.UNLOCK, depth=1)
    turned = Held(REVOKER, [sign_grant(Grant(
        REVOKER.public, frozenset({HERE}), BOTH, delegable=Rights.UNLOCK, depth=1, site=HOME.id),
        GRANTER)])
    by_role = sign_revocation(HOME.id, [Revoked(bytes(16), None)], REVOKER)
    assert await house.deliver([REVOKE, by_role]) == (None, 0)
    without = replace(HOME, version=2, roles={**HOME.roles, Role.REVOKE: role(key("other"))})
    assert await house.deliver([SITE, sign_site(without, [ROOT, PAPER])]) == (None, 0)
    later = sign_revocation(HOME.id, [Revoked(mine.leaf.id, None)], REVOKER)
    assert await house.deliver([REVOKE, later, turned.wire]) == (None, 0)
    assert (await house.visit(mine, Command.UNLOCK)).coarse is None


async def test_a_courier_cannot_make_a_recovery_begin_anew(house: House) -> None:
    """The same root with its signatures in another order, and one more that counts for nobody."""
    root = recovered(retired={GRANTER.public: frozenset({owner().leaf.id})})
    signed = sign_site(root, [PAPER, key("new phone")])
    tampered = sign_site(root, [key("courier"), key("new phone"), PAPER])
    for passed, document, became in (
        (0, signed, Reason.WINDOW_CLOSED), (DAY - 60, tampered, Reason.WINDOW_CLOSED),
        (DAY, signed, None),
    ):
        house.outside.passed = float(passed)
        house.lock.window.press(house.outside.count())
        assert (await house.deliver([SITE, document]))[0] is became


# --- PINs ----------------------------------------------------------------------------------------


def tenant(name: str) -> Held:
    return first(name, use=BOTH | Rights.ENROL, resident=True)


async def test_nobody_takes_the_slot_of_somebody_elses_pin(house: House) -> None:
    assert await house.deliver(house.pin_item(tenant("ann"), "48291736")) == (None, 0)
    item = house.pin_item(tenant("ben"), "59302847", version=9)
    assert (await house.deliver(item))[0] is Reason.NO_RIGHT
    assert await house.deliver(house.pin_item(tenant("ann"), "60413958", version=2)) == (None, 0)
    assert (await pin_typed(house.lock, "60413958")).refused is None  # type: ignore[union-attr]


async def test_a_slot_that_no_index_names_takes_no_pin(house: House) -> None:
    granter = Held(GRANTER, [])
    policy = PinPolicy(Typing.INDEX)
    by_role = sign_config(HOME.id, Config(HERE, 1, 0, policy), granter.signer)
    assert await house.deliver([CONFIG, by_role]) == (None, 0)
    item = house.pin_item(tenant("ann"), "48291736", slot=100)
    assert (await house.deliver(item))[0] is Reason.NO_RIGHT
    assert await house.deliver(house.pin_item(tenant("ann"), "48291736", slot=99)) == (None, 0)


async def test_the_first_pin_is_as_long_as_the_door_at_its_fullest_needs(house: House) -> None:
    """Or the odds would hold for each PIN as it came, and not for all of them together."""
    refused = await house.deliver(house.pin_item(tenant("ann"), "4829173"))
    assert refused[0] is Reason.NO_RIGHT
    assert await house.deliver(house.pin_item(tenant("ann"), "48291736")) == (None, 0)


@pytest.mark.parametrize("digits", ["4829a736", "", "4829", "48291736482917", "١٢٣٤٥٦٧٨"])
async def test_what_is_no_pin_is_refused_as_malformed(house: House, digits: str) -> None:
    reason, _ = await house.deliver(house.pin_item(tenant("ann"), digits))
    assert reason in (Reason.MALFORMED, Reason.BAD_SIGNATURE)


async def test_a_pin_that_has_ended_is_no_second_check(house: House) -> None:
    careful = first("careful", use=BOTH | Rights.ENROL, factors=Factors.PIN)
    item = house.pin_item(careful, "48291736", factors=Factors.PIN, exp=NOW + 60)
    assert await house.deliver(item) == (None, 0)
    assert (await house.visit(careful, Command.UNLOCK, pin="48291736")).coarse is None
    assert (await pin_typed(house.lock, "48291736")).refused.check == "R9"  # type: ignore[union-attr]
    house.outside.passed = 60
    assert await house.refusal(careful, pin="48291736") == "R6"


async def test_an_older_version_of_the_settings_is_called_old_and_not_forged(
    house: House,
) -> None:
    assert await house.deliver(settings(owner(), 2)) == (None, 0)
    assert (await house.deliver(settings(owner(), 1)))[0] is Reason.STALE_DOCUMENT


# --- one conversation ----------------------------------------------------------------------------


@dataclass
class Talk:
    """A conversation after message 4."""

    house: House
    side: HolderSide
    heard: Conversation

    async def later(
        self, command: Command, args: dict[int | str, cbor.Value] | None = None) -> Any:
        message = self.side.later(command, bytes(8), args or {})
        return self.side.read_later(await self.heard.hear(message))


async def talk(house: House, held: Held, **carried: cbor.Value) -> Talk:
    """The holder has looked at the door; the conversation stays open."""
    lock, keys = house.lock, house.lock.secrets.public
    side = HolderSide(
        LockAddress(HOME.id, HERE, keys.link, keys.signing), house.outside.random(32))
    heard = Conversation(lock, "phone")
    side.read_greeting(await heard.hear(side.first()))
    request = Request(
        Command.STATUS, house.outside.random(8), {}, held.wire, Factors.NONE, bytes(64),
        {int(Carried[name]): value for name, value in carried.items()})
    answer = side.read_answer(await heard.hear(side.ask(request, held.leaf.id, held.signer)))
    assert answer.coarse is None
    return Talk(house, side, heard)


async def told(house: House, after: float) -> int:
    """What becomes of the time, attested in a conversation that has gone on for a while."""
    open_, by = await talk(house, owner()), owner()
    house.outside.passed += after
    lock = house.lock.secrets.public.id
    document = sign_time(HOME.id, lock, open_.side.handshake, NOW + 500, by.signer)
    answer = await open_.later(Command.DELIVER, {1: [[TIME, document, by.wire]]})
    return int(answer[1][0][1])


async def test_the_time_is_told_within_half_a_minute_of_the_greeting(house: House) -> None:
    assert await told(house, 30) == 0
    assert await told(house, 31) == Reason.BAD_SIGNATURE.words.number


@pytest.mark.parametrize("command", [
    Command.UNLOCK, Command.LOCK, Command.HOLD_OPEN, Command.RESTORE, Command.SET_TIME])
async def test_a_further_request_changes_nothing_at_the_door(
    house: House, command: Command,
) -> None:
    open_ = await talk(house, owner())
    assert await open_.later(command, {1: NOW + 60}) == ["not_now"]
    assert house.last().about[4] == "J8"


async def test_a_bundle_that_cannot_be_read_is_refused_and_the_conversation_goes_on(
    house: House,
) -> None:
    open_ = await talk(house, owner())
    assert await open_.later(Command.DELIVER, {1: 7}) == ["malformed"]
    assert (await open_.later(Command.STATUS))[0] is None


async def test_a_staple_shown_once_serves_for_the_whole_conversation(house: House) -> None:
    stale = owner().give("family", use=Rights.VIEW_LOG, max_staleness=DAY)
    friend = first("friend", use=Rights.REFRESH)
    open_ = await talk(
        house, stale, STAPLE=sign_staple(HOME.id, stale.leaf.id, NOW, friend.signer),
        STAPLE_CHAIN=friend.wire)
    assert (await open_.later(Command.READ_LOG))[0] is None


async def test_nobody_talks_to_a_lock_for_longer_than_half_an_hour(house: House) -> None:
    open_ = await talk(house, owner())
    for _ in range(30):
        house.outside.passed += 60
        assert (await open_.later(Command.STATUS))[0] is None
    house.outside.passed += 1
    with pytest.raises(Closed):
        await open_.later(Command.STATUS)


async def test_a_page_of_the_log_fits_into_one_message(house: House) -> None:
    """However long its entries are: here each is a refusal with a chain of five links."""
    deep = owner()
    for depth in (3, 2, 1):
        terms = {"delegable": Rights.UNLOCK, "depth": depth}
        deep = deep.give(f"passes on {depth}", **terms)
    late = deep.give("late", exp=NOW)
    while house.lock.store.size < 70:
        house.outside.passed += 60
        await house.visit(late, Command.UNLOCK)
    open_ = await talk(house, owner())
    first, seen = 2, list[int]()
    while first < house.lock.store.size:
        asked = open_.side.later(Command.READ_LOG, bytes(8), {1: first})
        page = await open_.heard.hear(asked)
        assert len(page) <= MESSAGE_BYTES
        answer = open_.side.read_later(page)
        indices = [entry[0] for entry in answer[1]["entries"]]  # type: ignore[index, call-overload]
        seen += indices
        first = indices[-1] + 1
    assert seen == list(range(2, house.lock.store.size))

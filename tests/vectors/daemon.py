"""What each vector gets at the door of a real lock: an answer over the socket, and a log entry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from making import cast, links, logs, settings
from making.plain import Key, Noise, public
from tests.lockd.bent import bent_loop
from tests.vectors import library_site
from tests.vectors.stand import (
    BUNDLE,
    RECEIPT,
    STAPLE,
    STAPLE_CHAIN,
    Request,
    Stand,
    Talk,
    new_lock,
    owned_lock,
    press_inside_button,
    take_over,
)
from tests.vectors.vector import Fields, Vector, raw, wire

from mortice.core import cbor as product_cbor
from mortice.core.chain import read_chain
from mortice.core.decision import day_of
from mortice.core.log import About, Kind
from mortice.core.refusal import BY_NUMBER
from mortice.core.stages import Count, CountKind, TimeState
from mortice.core.timekeeping import Clock
from mortice.lockd.daemon import Lock
from mortice.lockd.ownership import zone_named

TAKEN = 0
WORN_VOLTS = 4.2  # too little to turn the bolt, enough for the board


def key_pair(given: Fields) -> Key:
    """The key pair whose seed stands in the vector."""
    return Key("a vector's", given["alg"], raw(given["seed"]))


def owned(folder: Path, given: Fields, at: int = cast.NOW) -> Any:  # noqa: ANN401 (a context)
    """A lock that stands on the documents of the vector."""
    return owned_lock(folder, raw(given["site"]), raw(given["doors"]), at)


def request_for(given: Fields, **more: Any) -> Request:  # noqa: ANN401 (as Request)
    """Message 3 with the key of the vector."""
    leaf = raw(given["leaf"]) if "leaf" in given else leaf_of(given)
    return Request(wire(given["chain"]), leaf, key_pair(given["holder"]), **more)


def leaf_of(given: Fields) -> bytes:
    """The leaf's id; a proof under a key that cannot be read names nothing."""
    try:
        return library_site.verified(given, library_site.site_of(given)).leaf.id
    except Exception:  # noqa: BLE001 (whatever is wrong with it, the lock has to find)
        return bytes(16)


def refused_as(vector: Vector, stand: Stand, since: int, said: str | None) -> None:
    """The stranger was told the coarse code, and the log has the exact reason and check."""
    expected = vector.expected
    assert said == expected["coarse"]
    if expected["reason"] in NOT_WRITTEN:
        assert stand.refusal(since) is None
    else:
        assert stand.refusal(since) == (expected["reason"], expected["check"])
    assert stand.door.drives == 0


# On a full disk a guest's refusal is only counted, and asking for the whole key is no refusal.
NOT_WRITTEN = ("storage_full", "show_chain")


# --- keys and decisions ---------------------------------------------------------------------------


async def _chain(vector: Vector, folder: Path) -> None:
    async with owned(folder, vector.input) as stand:
        since = stand.size
        answered = await stand.visit(request_for(vector.input))
        if vector.expected["class"] == "accepted":
            assert (answered.said, answered.result) == (None, "unlocked")
        else:
            refused_as(vector, stand, since, answered.said)


async def _decision(vector: Vector, folder: Path) -> None:
    given = vector.input
    facts = given["facts"]
    async with owned(folder, given, facts["now"]["floor"]) as stand:
        await _arrange(stand, facts)
        since, before = stand.size, _tally(stand.lock, given)
        answered = await stand.visit(_asked(given))
        if vector.expected["class"] == "granted":
            towards = vector.expected["value"]["towards"]
            moved = {"drawn": "unlocked", "thrown": "locked", None: None}[towards]
            assert (answered.said, answered.result) == (None, moved)
            assert _held_until(stand, since) == vector.expected["value"].get("until")
            _counted(vector, before, _tally(stand.lock, given))
        else:
            refused_as(vector, stand, since, answered.said)


def _held_until(stand: Stand, since: int) -> object:
    """Until when the door is held open, as the entry of what was granted says; and as it is."""
    granted = [entry for entry in stand.entries(since) if entry.kind is Kind.GRANTED]
    until = granted[-1].about.get(About.UNTIL) if granted else None
    held = stand.lock.held
    assert until is None or (held is not None and held.until == until)
    return until


def _asked(given: Fields) -> Request:
    carried: dict[int, Any] = {}
    staple = given["facts"].get("staple")
    if staple is not None:
        carried[STAPLE] = raw(staple["document"])
        carried |= {STAPLE_CHAIN: wire(staple["chain"])} if "chain" in staple else {}
    args = {1: given["until"]} if "until" in given else {}
    passkey = key_pair(given["passkey"]) if "passkey" in given["facts"].get("shown", ()) else None
    return request_for(
        given, command=given["command"], args=args, carried=carried, passkey=passkey)


async def _arrange(stand: Stand, facts: Fields) -> None:
    """Bring about what the vector says of the moment."""
    set_clock(stand, facts["now"])
    if "second" in facts:
        first = await stand.visit(request_for(
            facts["second"] | {"leaf": _last_of(facts["second"]["chain"])}, command_id=bytes(8)))
        assert first.said == "show_more", "the first of two people is asked to wait"
    for delta in facts.get("revoked", ()):
        assert await stand.deliver(revocation_item(delta)) == [TAKEN]
    _count(stand.lock, facts)
    if "opening" in facts:
        assert await stand.deliver([
            cast.CONFIG_KIND, settings.settings(limits={6: facts["opening"]}, relock=0)]) == [TAKEN]
    if facts.get("held"):
        held = await stand.visit(Request(
            cast.owner_link().wire, cast.owner_link().id, cast.OWNER, "hold_open",
            args={1: facts["now"]["at"] + cast.HOUR}))
        assert held.said is None
    if "touch" in facts.get("shown", ()):
        stand.door.press("clear")
        await stand.until(lambda: stand.lock.touched_at is not None)
    if facts.get("rolled_back"):
        await _show_larger_log(stand)
    if facts.get("power_low"):
        stand.door.unplug()
        stand.door.flatten(WORN_VOLTS)
    if facts.get("log_full"):
        stand.lock.make_room()


def _last_of(chain: list[Any]) -> str:
    """The id of a chain's last link."""
    return read_chain(wire(chain))[-1].grant.id.hex()


def set_clock(stand: Stand, now: Fields) -> None:
    """The lock's clock, as far as it is believed."""
    state = TimeState[now["state"].upper()]
    told = now["at"] - (2 * cast.DAY if state is TimeState.HOLDOVER else 0)
    stand.lock.recorder.clock = Clock(
        now["floor"], now["at"], stand.board.count(), told, sure=state is not TimeState.UNSURE)


async def _show_larger_log(stand: Stand) -> None:
    """The lock's own word over a larger log: its memory was put back."""
    leaf = cast.owner_link()
    await stand.visit(Request(
        leaf.wire, leaf.id, cast.OWNER, "status", carried={RECEIPT: logs.receipt_bytes(900)}))
    assert stand.lock.rolled_back


def _count(lock: Lock, facts: Fields) -> None:
    """The counts of earlier openings, as the store keeps them."""
    day = _day(facts["now"]["at"])
    counts = [
        *(Count(CountKind.USES, raw(item["link"]), b"", day, None)
          for item in facts.get("uses", ()) for _ in range(item["count"])),
        *(Count(CountKind.QUOTA, raw(item["link"]), raw(leaf), day, None)
          for item in facts.get("leaves_today", ()) for leaf in item["leaves"]),
        *(Count(CountKind.CLAIM, raw(item["link"]), raw(item["child"]), day, None)
          for item in facts.get("claimed", ()))]
    with lock.store.change() as change:
        for count in counts:
            change.count(count)


def _day(at: int) -> int:
    return day_of(at, zone_named(cast.ZONE))


def _tally(lock: Lock, given: Fields) -> dict[tuple[str, str], Any]:
    """What the store counts against the links of the vector's chain."""
    try:
        verified = library_site.verified(given, library_site.site_of(given))
    except Exception:  # noqa: BLE001 (then nothing is counted)
        return {}
    tally = lock.store.tally(verified.links, _day(given["facts"]["now"]["at"]))
    uses = {("uses", link.hex()): number for link, number in tally.uses.items()}
    quota = {("quota", link.hex()): leaves for link, leaves in tally.leaves.items()}
    claims = {("claim", link.hex()): child.hex() for link, child in tally.claimed.items()}
    return {key: value for key, value in (uses | quota | claims).items() if value}


def _counted(vector: Vector, before: dict[Any, Any], after: dict[Any, Any]) -> None:
    """What became durable is what the vector says, and nothing else."""
    for count in vector.expected["value"]["counts"]:
        key = (count["kind"], count["link"])
        if count["kind"] == "uses":
            before = before | {key: before.get(key, 0) + 1}
        elif count["kind"] == "quota":
            before = before | {key: before.get(key, frozenset()) | {raw(count["leaf"])}}
        else:
            before = before | {key: count["leaf"]}
    assert after == before


async def _hours(vector: Vector, folder: Path) -> None:
    """A key with these hours, shown at each moment."""
    given = vector.input
    leaf = cast.link(cast.AGENT, hours=given["hours"], use=cast.UNLOCK)
    listed = cast.doors(listed=[cast.mapped(zone=given["zone"])])
    start = min(moment["at"] for moment in given["moments"]) - 1
    async with owned_lock(folder, cast.root(), listed, start) as stand:
        admitted = []
        for number, moment in enumerate(given["moments"]):
            set_clock(stand, {"at": moment["at"], "floor": start, "state": "synced"})
            answered = await stand.visit(Request(
                leaf.wire, leaf.id, cast.AGENT, command_id=number.to_bytes(8, "big")))
            admitted.append(answered.said is None)
        assert admitted == vector.expected["value"]["admitted"]


# --- documents that are handed in -----------------------------------------------------------------


def revocation_item(given: Fields) -> list[Any]:
    """A revoke document for a bundle, with what must come with it."""
    item: list[Any] = [cast.REVOKE_KIND, raw(given["document"])]
    if "chain" in given or "assertion" in given:
        item.append(wire(given["chain"]) if "chain" in given else None)
    return [*item, wire(given["assertion"])] if "assertion" in given else item


def handed_in(kind: str, given: Fields, document: str = "document") -> list[Any]:
    """Any other document for a bundle."""
    item: list[Any] = [kind, raw(given[document])]
    return [*item, wire(given["chain"])] if "chain" in given else item


async def _delivered(vector: Vector, folder: Path, item: list[Any], *earlier: list[Any]) -> None:
    """The lock takes the document or refuses it, and says so in its log."""
    async with owned(folder, vector.input) as stand:
        for one in earlier:
            assert await stand.deliver(one) == [TAKEN]
        await judged(vector, stand, item)


# A root that the present keys did not sign is then tried as a recovery, and that fails as well.
AT_THE_DOOR = {"S8": "S9"}


async def judged(vector: Vector, stand: Stand, item: list[Any]) -> None:
    """One document, handed in by the owner's phone."""
    since, expected = stand.size, vector.expected
    result, = await stand.deliver(item)
    if expected["class"] == "accepted":
        assert result == TAKEN
        return
    found = stand.refusal(since)
    assert found is not None
    reason, check = found
    wanted = AT_THE_DOOR.get(expected["check"], expected["check"])
    assert (BY_NUMBER[result].value, check) == (reason, wanted)
    assert (reason == "malformed") == (expected["class"] == "malformed")
    assert reason == expected.get("reason", reason)


async def _revocation(vector: Vector, folder: Path) -> None:
    await _delivered(vector, folder, revocation_item(vector.input))


async def _revocations(vector: Vector, folder: Path) -> None:
    async with owned(folder, vector.input) as stand:
        seen: list[Fields] = []
        for delta in vector.input["deltas"]:
            known = delta in seen
            assert await stand.deliver(revocation_item(delta)) == [-1 if known else TAKEN]
            seen.append(delta)
        since = stand.size
        answered = await stand.visit(request_for(vector.input))
        first = vector.expected["value"]["first_revoked"]
        if first is None:
            assert answered.said is None
        else:
            assert stand.refusal(since) == ("revoked", "R2")


async def _settings(vector: Vector, folder: Path) -> None:
    above = vector.input.get("above", 0)
    earlier = [[cast.CONFIG_KIND, settings.settings(version=above)]] if above else []
    await _delivered(vector, folder, handed_in(cast.CONFIG_KIND, vector.input), *earlier)


async def _checked(vector: Vector, folder: Path) -> None:
    await _delivered(vector, folder, handed_in(cast.CHECKED_KIND, vector.input))


async def _map(vector: Vector, folder: Path) -> None:
    item: list[Any] = [cast.DOORS_KIND, raw(vector.input["next"])]
    await _delivered(vector, folder, item)


async def _next_root(vector: Vector, folder: Path) -> None:
    item: list[Any] = [cast.SITE_KIND, raw(vector.input["next"])]
    await _delivered(vector, folder, item)


async def _recovery(vector: Vector, folder: Path) -> None:
    """Paper alone: the button, a day, and the button again."""
    item: list[Any] = [cast.SITE_KIND, raw(vector.input["next"])]
    async with owned(folder, vector.input) as stand:
        if vector.expected["class"] == "accepted":
            for _ in range(2):  # without the button; then the wait begins
                since = stand.size
                await stand.deliver(item)
                assert stand.refusal(since) == ("window_closed", "S9")
                press_inside_button(stand)
            await stand.deliver(item)
            bent_loop().jump(cast.DAY)
            press_inside_button(stand)
        await judged(vector, stand, item)


async def _attestation(vector: Vector, folder: Path) -> None:
    await _delivered(vector, folder, handed_in(cast.TIME_KIND, vector.input))


async def _enrolment(vector: Vector, folder: Path) -> None:
    given = vector.input
    earlier = [revocation_item(delta) for delta in given.get("revoked", ())]
    if "settings" in given:
        earlier.append([cast.CONFIG_KIND, raw(given["settings"])])
    earlier += [enrolment_item(chain) for chain in given.get("enrolled", ())]
    async with owned(folder, given) as stand:
        for one in earlier:
            assert await stand.deliver(one) == [TAKEN]
        await judged(vector, stand, enrolment_item(given["chain"]))
        if vector.expected["class"] == "accepted":
            await type_pin(stand, vector.expected["value"]["pin"])
            await stand.until(lambda: stand.door.drives == 1)


def enrolment_item(chain: list[Any]) -> list[Any]:
    """An enrolment travels apart from the chain above it."""
    links_ = wire(chain)
    return [cast.ENROL_KIND, links_[-1], links_[:-1]]


async def type_pin(stand: Stand, digits: str) -> None:
    """Type it, with the tick after it, and let the lock finish."""
    since = stand.size
    for symbol in (*digits, "enter"):
        stand.door.press(symbol)
    await stand.until(lambda: stand.size > since)


# --- taking over ----------------------------------------------------------------------------------


async def _first_root(vector: Vector, folder: Path) -> None:
    args = {1: raw(vector.input["door"]), 2: raw(vector.input["site"]),
            3: raw(vector.input["doors"]), 4: cast.NOW}
    await _taken_over(vector, folder, args)


async def _takeover(vector: Vector, folder: Path) -> None:
    args: Any = product_cbor.decode(raw(vector.input["args"]))
    await _taken_over(vector, folder, args)


async def _taken_over(vector: Vector, folder: Path, args: dict[Any, Any]) -> None:
    async with new_lock(folder) as stand:
        press_inside_button(stand)
        since = stand.size
        answered = await take_over(stand, args)
        if vector.expected["class"] == "accepted":
            assert answered.said is None
            assert stand.lock.owned is not None
        else:
            found = stand.refusal(since)
            assert found is not None
            assert found[1] == vector.expected["check"]
            assert answered.said == BY_NAME[found[0]]
            assert stand.lock.owned is None


BY_NAME = {reason.value: reason.words.coarse.value for reason in BY_NUMBER.values()}


async def _takeover_handshake(vector: Vector, folder: Path) -> None:
    """The recorded first message gets the recorded ephemeral in answer."""
    async with new_lock(folder) as stand:
        press_inside_button(stand)
        await _recorded_greeting(vector, stand)


async def _recorded_greeting(vector: Vector, stand: Stand) -> bytes:
    value = vector.expected["value"]
    stand.board.next_ephemeral = raw(vector.input["lock_ephemeral"])
    async with stand.line() as line:
        second = await line.say(raw(value["message_1"]))
    assert second is not None
    assert second[:32] == raw(value["message_2"])[:32]
    return second


# --- the link -------------------------------------------------------------------------------------


async def _first_message(vector: Vector, folder: Path) -> None:
    async with owned_lock(folder, cast.root(), cast.doors()) as stand:
        since = stand.size
        async with stand.line() as line:
            answer = await line.say(raw(vector.input["message"]))
        assert (answer is not None) == (vector.expected["class"] == "accepted")
        assert stand.size == since, "a stranger's first message leaves no trace"


async def _conversation(vector: Vector, folder: Path) -> None:
    """Recorded as far as the lock's own log allows: then on with the keys of the recording."""
    given = vector.input
    async with owned_lock(folder, cast.root(), cast.doors()) as stand:
        if given["seen"]:
            await stand.visit(request_for(given, command="status", command_id=bytes(8)))
        stand.lock.ephemerals.take()  # the one made ahead
        stand.board.next_ephemeral = raw(given["lock_ephemeral"])
        async with stand.line() as line:
            prologue = links.prologue(raw(given["site_id"]), raw(given["door"]))
            talk = Talk(line, Noise(prologue, public(raw(given["lock_link"]))))
            first = links.opening(talk.noise.write_first(raw(given["holder_ephemeral"])))
            assert first == raw(vector.expected["value"]["message_1"])
            second = await line.say(first)
            assert second is not None
            assert second[:32] == raw(vector.expected["value"]["message_2"])[:32]
            talk.greeting = talk.noise.read_second(second)
            asked = request_for(given)
            answered = await talk.ask(replace(asked, key=asked.leaf) if given["seen"] else asked)
            assert (answered.said, answered.result) == (None, "unlocked")
            assert (await talk.later("status", {})).said is None


async def _request(vector: Vector, folder: Path) -> None:
    """A wrong message 3, rightly sealed: silence, and a line in the log."""
    async with owned_lock(folder, cast.root(), cast.doors()) as stand, stand.greeted() as talk:
        since = stand.size
        assert await talk.line.say(talk.noise.say(raw(vector.input["plain"]))) is None
        assert stand.refusal(since) == ("malformed", vector.expected["check"])


async def _bundle(vector: Vector, folder: Path) -> None:
    leaf = cast.owner_link()
    bundle: Any = product_cbor.decode(raw(vector.input["bundle"]))
    async with owned_lock(folder, cast.root(), cast.doors()) as stand:
        since = stand.size
        answered = await stand.visit(Request(
            leaf.wire, leaf.id, cast.OWNER, carried={BUNDLE: bundle}))
        assert answered.said == "malformed"
        assert stand.refusal(since) == ("malformed", vector.expected["check"])


Reader = Callable[[Vector, Path], Awaitable[None]]
READERS: dict[str, Reader] = {
    "chain": _chain, "decision": _decision, "revocation": _revocation,
    "revocations": _revocations, "hours": _hours, "first_root": _first_root,
    "next_root": _next_root, "recovery": _recovery, "map": _map, "settings": _settings,
    "checked": _checked,
    "enrolment": _enrolment, "attestation": _attestation, "takeover": _takeover,
    "takeover_handshake": _takeover_handshake, "first_message": _first_message,
    "conversation": _conversation, "request": _request, "bundle": _bundle,
}
ONLY_WRONG = {"attestation", "request", "bundle"}  # right ones depend on the conversation

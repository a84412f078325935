"""The conversation of holder and lock: whose it is, in which order, and that nothing moves over.

J in the names of checks is that of spec/link.md; N are the handshake's (tests/core/test_noise.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.cast import (
    AGENT,
    ENGINEER,
    FIRM,
    FRONT,
    LOCK,
    METER,
    NOW,
    SITE,
    STRANGER,
    TENANT,
    first,
    key,
    passer,
    refused,
)

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.document import sign
from mortice.core.errors import Misuse, Theirs
from mortice.core.grant import Rights
from mortice.core.keys import ESP256, SoftwareKey
from mortice.core.limits import BUCKET_BURST, BUCKET_RATE, BUCKETS_MAX
from mortice.core.link import (
    FIRST_BYTES,
    HELLO,
    OPENING,
    TAKEOVER,
    TAKEOVER_PROLOGUE,
    Buckets,
    HolderSide,
    LockAddress,
    LockSide,
    Step,
    check_first,
    mac_key,
    news_digest,
    prologue,
    whole_receipt,
)
from mortice.core.log import RECEIPT, Receipt, Result, accept_receipt, sign_receipt
from mortice.core.messages import Answer, Carried, Greeting, Request, encode_later, read_later
from mortice.core.noise import REKEY_NONCE, StaticKey
from mortice.core.refusal import Coarse
from mortice.core.stages import Factors, TimeState

STATIC = StaticKey(key("the lock's link").seed)
MAC_KEY = mac_key(STATIC.public)
INTRO = prologue(SITE, FRONT)
ADDRESS = LockAddress(SITE, FRONT, STATIC.public, LOCK.public)
PSK = bytes(range(32))
LEAF = first(TENANT).leaf.id
GREETING = Greeting(TimeState.SYNCED, NOW, 0, 41, b"r" * 32, b"news" * 2, 1, 1)
ASKED = Request(Command.UNLOCK, b"command1", {}, LEAF, Factors.NONE, bytes(64))
RECEIVED = Receipt(
    0, b"e" * 32, 41, 42, b"R" * 32, LEAF, b"command1", Result.UNLOCKED, NOW, TimeState.SYNCED)

# Points of small order on curve25519 and its twist, and their second encodings (RFC 7748).
SMALL_ORDER = [bytes.fromhex(point) for point in (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]


def fresh(name: str) -> bytes:
    return key(f"ephemeral {name}").seed


def lock_side(intro: bytes = INTRO, psk: bytes | None = None) -> LockSide:
    return LockSide(STATIC, MAC_KEY, intro, psk)


def holder_side(name: str = "one", psk: bytes | None = None, **address: bytes) -> HolderSide:
    return HolderSide(replace(ADDRESS, **address), fresh(name), psk)


def greeted(name: str = "one", psk: bytes | None = None) -> tuple[HolderSide, LockSide]:
    """Both ends after the first round trip."""
    lock = lock_side(INTRO if psk is None else TAKEOVER_PROLOGUE, psk)
    holder = holder_side(name, psk)
    lock.read_first(holder.first())
    holder.read_greeting(lock.greet(GREETING, fresh(f"{name} of the lock")))
    return holder, lock


def asked(name: str = "one") -> tuple[HolderSide, LockSide]:
    """Both ends with message 3 read."""
    holder, lock = greeted(name)
    lock.read_request(holder.ask(ASKED, LEAF, TENANT))
    return holder, lock


def receipt_signature(receipt: Receipt = RECEIVED, by: SoftwareKey = LOCK) -> bytes:
    parts = cbor.decode(sign_receipt(receipt, by))
    assert isinstance(parts, list)
    assert isinstance(parts[3], bytes)
    return parts[3]


def mac(body: bytes, mac1_key: bytes = MAC_KEY) -> bytes:
    return hashlib.blake2s(body, key=mac1_key, digest_size=16).digest()


# --- a conversation that goes well ----------------------------------------------------------


@pytest.mark.parametrize("psk", [None, PSK], ids=["opening", "takeover"])
def test_a_conversation_goes_its_way(psk: bytes | None) -> None:
    holder, lock = greeted(psk=psk)
    assert lock.greeting == GREETING
    assert lock.handshake == holder.handshake
    request = lock.read_request(holder.ask(ASKED, LEAF, TENANT))
    assert replace(request, proof=ASKED.proof) == ASKED
    lock.check_proof(request, TENANT.public, LOCK.public.id, LEAF)
    answer = Answer(None, RECEIVED, receipt_signature(), {1: b"more"})
    assert holder.read_answer(lock.answer(answer)) == answer
    message = holder.later(Command.READ_LOG, b"command2", {1: 0})
    assert read_later(lock.read_later(message)) == (Command.READ_LOG, b"command2", {1: 0})
    assert holder.read_later(lock.answer_later(cbor.encode([None, {1: []}]))) == [None, {1: []}]
    lock.read_later(holder.later(Command.STATUS, b"command3", {}))
    assert lock.step is Step.LATER


@pytest.mark.parametrize("alg", [-19, ESP256])
def test_a_holders_key_may_be_of_either_kind(alg: int) -> None:
    holder, lock = greeted()
    phone = key("phone", alg)
    request = lock.read_request(holder.ask(ASKED, LEAF, phone))
    lock.check_proof(request, phone.public, LOCK.public.id, LEAF)


def test_first_contact_and_repeat_stay_within_their_bytes() -> None:
    """1,100 bytes with a chain of three links, 500 when the lock has seen the chain."""
    year = {"nbf": NOW, "exp": NOW + 365 * 86_400}
    agent = passer(AGENT, doors=frozenset({FRONT, METER}), depth=2, **year)
    firm = agent.pass_on(FIRM, depth=1, delegable=Rights.UNLOCK, **year)
    chain = firm.pass_on(ENGINEER, **year)
    for shown, most in ((chain.wire, 1100), (chain.leaf.id, 500)):
        holder, lock = holder_side(), lock_side()
        messages = [holder.first()]
        lock.read_first(messages[0])
        messages.append(lock.greet(GREETING, fresh("lock")))
        holder.read_greeting(messages[1])
        messages.append(holder.ask(replace(ASKED, key=shown), chain.leaf.id, ENGINEER))
        lock.read_request(messages[2])
        receipt = replace(RECEIVED, leaf=chain.leaf.id)
        messages.append(lock.answer(Answer(None, receipt, receipt_signature(receipt))))
        holder.read_answer(messages[3])
        assert sum(map(len, messages)) <= most


def test_the_prologue_names_version_site_and_door() -> None:
    assert prologue(SITE, FRONT) == b"mortice-link/1" + SITE + FRONT
    assert b"mortice-link/1" + bytes(24) == TAKEOVER_PROLOGUE


# --- message 1: J1 to J3 --------------------------------------------------------------------


def test_message_1_is_a_kind_a_key_a_tag_and_a_mac() -> None:
    message = holder_side().first()
    assert (len(message), message[0]) == (FIRST_BYTES, OPENING)
    assert message[-16:] == mac(message[:-16])
    expected = hashlib.sha256(b"mortice-link/1/mac1" + STATIC.public).digest()
    assert expected == MAC_KEY


@pytest.mark.parametrize("length", [0, 1, FIRST_BYTES - 1, FIRST_BYTES + 1, 65_535])
def test_message_1_has_one_length(length: int) -> None:
    message = (holder_side().first() + bytes(length))[:length]
    with refused("J1"):
        lock_side().read_first(message)


@pytest.mark.parametrize("kind", sorted(set(range(256)) - {OPENING}))
def test_every_other_kind_or_version_is_dropped(kind: int) -> None:
    """One version and one suite: nothing to negotiate down to. The mac is right each time."""
    body = bytes([kind]) + holder_side().first()[1:-16]
    with refused("J2"):
        lock_side().read_first(body + mac(body))


def test_a_takeover_is_no_opening_and_an_opening_no_takeover() -> None:
    assert {OPENING, TAKEOVER, HELLO} == {1, 2, 3}
    with refused("J2"):
        lock_side().read_first(holder_side(psk=PSK).first())
    with refused("J2"):
        lock_side(TAKEOVER_PROLOGUE, PSK).read_first(holder_side().first())


def test_every_changed_bit_of_message_1_is_noticed_before_public_key_work() -> None:
    message = holder_side().first()
    for bit in range(8, 8 * len(message)):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        with refused("J3"):
            check_first(bytes(changed), OPENING, MAC_KEY)


def test_a_mac_for_another_lock_is_refused() -> None:
    """Whoever does not know this lock's key cannot make it do a handshake."""
    other = StaticKey(fresh("another lock"))
    with refused("J3"):
        lock_side().read_first(holder_side(link=other.public).first())


@pytest.mark.parametrize("point", SMALL_ORDER, ids=lambda point: point.hex()[:4])
def test_an_ephemeral_of_small_order_is_refused(point: bytes) -> None:
    """All-zero among them: the secret would be known to everybody."""
    body = bytes([OPENING]) + point + bytes(16)
    with refused("N3"):
        lock_side().read_first(body + mac(body))


@pytest.mark.parametrize("address", [{"door": METER}, {"site": bytes(16)}])
def test_a_conversation_meant_for_another_door_or_site_ends_at_message_1(
    address: dict[str, bytes],
) -> None:
    with refused("N4"):
        lock_side().read_first(holder_side(**address).first())


@pytest.mark.parametrize("psk", [bytes(32), PSK[::-1]])
def test_a_takeover_without_the_codes_secret_ends_at_message_1(psk: bytes) -> None:
    with refused("N4"):
        lock_side(TAKEOVER_PROLOGUE, PSK).read_first(holder_side(psk=psk).first())


def test_a_secret_of_the_wrong_size_is_our_mistake() -> None:
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(Misuse):
            holder_side(psk=wrong)


def test_a_lock_key_of_small_order_is_refused_by_the_holder() -> None:
    with refused("N3"):
        holder_side(link=bytes(32)).first()


# --- message 2 ------------------------------------------------------------------------------


def test_only_the_lock_whose_key_the_holder_knows_can_greet() -> None:
    holder, fake = holder_side(), LockSide(StaticKey(fresh("fake")), MAC_KEY, INTRO)
    with refused("N4"):
        fake.read_first(holder.first())


def test_every_changed_bit_of_message_2_is_noticed() -> None:
    lock = lock_side()
    lock.read_first(holder_side().first())
    message = lock.greet(GREETING, fresh("lock"))
    for bit in range(8 * len(message)):
        holder = holder_side()
        holder.first()
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Theirs):
            holder.read_greeting(bytes(changed))


def test_a_replayed_first_message_starts_another_conversation_and_wins_nothing() -> None:
    """The answers differ, and who replays has not the ephemeral key to read either."""
    message = holder_side().first()
    answers = []
    for name in ("first", "second"):
        lock = lock_side()
        lock.read_first(message)
        answers.append(lock.greet(GREETING, fresh(name)))
        assert lock.step is Step.PROOF
    assert answers[0] != answers[1]


def test_a_greeting_of_another_conversation_is_refused() -> None:
    one, other = holder_side("one"), lock_side()
    one.first()
    other.read_first(holder_side("other").first())
    with refused("N4"):
        one.read_greeting(other.greet(GREETING, fresh("lock")))


# --- message 3: J5 and J6 -------------------------------------------------------------------


def test_a_request_of_another_conversation_is_refused() -> None:
    """Replayed later, swapped between two open ones, or sent on to another lock of this owner."""
    recorded = greeted("recorded")[0].ask(ASKED, LEAF, TENANT)
    for lock in (greeted("new")[1], greeted("open at the same time")[1]):
        with refused("N5"):
            lock.read_request(recorded)
        assert lock.step is Step.ENDED
    neighbour = StaticKey(fresh("the neighbour's link"))
    other = LockSide(neighbour, mac_key(neighbour.public), prologue(SITE, METER))
    other.read_first(holder_side(link=neighbour.public, door=METER).first())
    other.greet(GREETING, fresh("neighbour"))
    with refused("N5"):
        other.read_request(recorded)


def test_a_whole_conversation_replayed_is_refused() -> None:
    holder, lock = holder_side("recorded"), lock_side()
    one = holder.first()
    lock.read_first(one)
    holder.read_greeting(lock.greet(GREETING, fresh("then")))
    three = holder.ask(ASKED, LEAF, TENANT)
    lock.read_request(three)
    again = lock_side()
    again.read_first(one)
    again.greet(GREETING, fresh("now"))
    with refused("N5"):
        again.read_request(three)


def test_a_request_cut_short_or_changed_ends_the_conversation() -> None:
    message = greeted()[0].ask(ASKED, LEAF, TENANT)
    for end in range(0, len(message), 7):
        lock = greeted()[1]
        with pytest.raises(Theirs):
            lock.read_request(message[:end])
        assert lock.step is Step.ENDED
        with refused("J5"):
            lock.read_request(message)
    for bit in range(0, 8 * len(message), 11):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        with refused("N5"):
            greeted()[1].read_request(bytes(changed))


def test_a_request_that_says_nonsense_ends_the_conversation() -> None:
    """Sealed by the other end, but not what a request is."""
    holder, lock = greeted()
    with refused("A1"):
        lock.read_request(holder._ready().seal(cbor.encode([1])))
    assert lock.step is Step.ENDED
    with refused("J5"):
        lock.read_later(holder.later(Command.STATUS, b"command2", {}))


def test_a_message_is_taken_once() -> None:
    holder, lock = greeted()
    message = holder.ask(ASKED, LEAF, TENANT)
    lock.read_request(message)
    with refused("J5"):
        lock.read_request(message)


def test_a_second_request_is_no_second_command() -> None:
    """One conversation moves the bolt once: a further message 3 is out of turn."""
    holder, lock = asked()
    lock.answer(Answer(None))
    with refused("J5"):
        lock.read_request(holder.ask(ASKED, LEAF, TENANT))


def request_in(lock: LockSide, holder: HolderSide, **changes: Any) -> Request:  # noqa: ANN401 — a Request's fields
    """Message 3 as the lock reads it, then changed as if the channel had been the attacker's."""
    return replace(lock.read_request(holder.ask(ASKED, LEAF, TENANT)), **changes)


@pytest.mark.parametrize("changes", [
    {"command": Command.HOLD_OPEN}, {"command": Command.LOCK}, {"command_id": b"command2"},
    {"args": {1: NOW}}, {"factors": Factors.PIN}, {"proof": bytes(64)}],
    ids=lambda changes: next(iter(changes)))
def test_a_proof_covers_what_was_asked(changes: dict[str, Any]) -> None:
    holder, lock = greeted()
    with refused("K8"):
        lock.check_proof(
            request_in(lock, holder, **changes), TENANT.public, LOCK.public.id, LEAF)


def test_a_proof_is_of_the_holder_lock_and_leaf() -> None:
    """The right key with another of its leaves; the same words to another lock of the owner."""
    holder, lock = greeted()
    request = request_in(lock, holder)
    lock.check_proof(request, TENANT.public, LOCK.public.id, LEAF)
    for judged in (
        (STRANGER.public, LOCK.public.id, LEAF),
        (TENANT.public, key("another lock").public.id, LEAF),
        (TENANT.public, LOCK.public.id, first(TENANT, exp=NOW).leaf.id),
    ):
        with refused("K8"):
            lock.check_proof(request, *judged)


def test_a_proof_is_of_this_conversation_and_of_the_log_that_the_lock_showed() -> None:
    holder, lock = greeted("one")
    request = request_in(lock, holder)
    with refused("K8"):
        greeted("another")[1].check_proof(request, TENANT.public, LOCK.public.id, LEAF)
    for other in (replace(GREETING, size=40), replace(GREETING, root=b"s" * 32)):
        lock.greeting = other
        with refused("K8"):
            lock.check_proof(request, TENANT.public, LOCK.public.id, LEAF)


def test_what_is_signed_for_a_proof_is_signed_for_nothing_else() -> None:
    """A holder's key signs proofs and documents; neither can be passed off as the other."""
    holder, lock = greeted()
    proof = holder.proof_for(ASKED, LEAF)
    parts = cbor.decode(proof)
    assert isinstance(parts, list)
    assert parts[0] == "mortice-proof/1"
    document = cbor.decode(sign("mortice-proof/1", parts, TENANT))
    assert isinstance(document, list)
    request = request_in(lock, holder, proof=document[3])
    with refused("K8"):
        lock.check_proof(request, TENANT.public, LOCK.public.id, LEAF)


def test_a_passkey_signs_over_the_same_words_as_the_key() -> None:
    holder, lock = greeted()
    wanted = holder.proof_for(replace(ASKED, carried={Carried.ASSERTION: []}), LEAF)
    assert wanted == holder.proof_for(ASKED, LEAF)
    TENANT.public.verify(request_in(lock, holder).proof, wanted)


# --- message 4 and the receipt --------------------------------------------------------------


def answered(answer: Answer) -> Answer:
    holder, lock = asked()
    return holder.read_answer(lock.answer(answer))


def test_a_stranger_gets_a_coarse_word_and_nothing_else() -> None:
    for coarse in Coarse:
        assert answered(Answer(coarse)) == Answer(coarse)


def test_the_receipt_is_put_together_again_and_holds() -> None:
    answer = answered(Answer(None, RECEIVED, receipt_signature()))
    whole = whole_receipt(answer, LOCK.public)
    assert whole == sign_receipt(RECEIVED, LOCK)
    assert accept_receipt(whole, LOCK.public) == RECEIVED


@pytest.mark.parametrize("signed", [
    replace(RECEIVED, leaf=first(STRANGER).leaf.id), replace(RECEIVED, command_id=b"command2"),
    replace(RECEIVED, result=Result.LOCKED), replace(RECEIVED, index=40),
    replace(RECEIVED, size=43), replace(RECEIVED, root=bytes(32)),
    replace(RECEIVED, entry=bytes(32)), replace(RECEIVED, at=NOW + 1),
    replace(RECEIVED, time=TimeState.UNSURE)],
    ids=["leaf", "command", "result", "index", "size", "root", "entry", "at", "time"])
def test_a_receipt_cannot_be_moved_to_another_leaf_command_or_entry(signed: Receipt) -> None:
    """What travels is only part of it, and the signature is for all of it."""
    with refused("K8"):
        answered(Answer(None, RECEIVED, receipt_signature(signed)))


def test_a_receipt_of_another_lock_is_none() -> None:
    with refused("K8"):
        answered(Answer(None, RECEIVED, receipt_signature(by=key("another lock"))))


def test_a_signature_over_another_kind_of_document_is_no_receipt() -> None:
    parts = cbor.decode(sign("mortice-head/1", RECEIVED.payload(), LOCK))
    assert isinstance(parts, list)
    assert isinstance(parts[3], bytes)
    assert RECEIPT != "mortice-head/1"
    with refused("K8"):
        answered(Answer(None, RECEIVED, parts[3]))


def test_an_answer_of_another_conversation_is_refused() -> None:
    holder, _ = asked("one")
    _, other = asked("other")
    with refused("N5"):
        holder.read_answer(other.answer(Answer(None)))


def test_the_locks_own_messages_cannot_be_sent_back_to_it() -> None:
    """Each direction has a key of its own."""
    _, lock = asked()
    with refused("N5"):
        lock.read_later(lock.answer(Answer(None)))


# --- order and endings ----------------------------------------------------------------------



def hear_first(lock: LockSide) -> object:
    return lock.read_first(holder_side().first())


def greet(lock: LockSide) -> object:
    return lock.greet(GREETING, fresh("x"))


def answer(lock: LockSide) -> object:
    return lock.answer(Answer(None))


def answer_later(lock: LockSide) -> object:
    return lock.answer_later(b"")


def at(step: Step) -> LockSide:
    """The lock's side of a conversation that has come as far as `step`."""
    lock = lock_side()
    if step is Step.FIRST:
        return lock
    if step is Step.GREET:
        hear_first(lock)
        return lock
    lock = greeted()[1] if step is Step.PROOF else asked()[1]
    if step in (Step.LATER, Step.ENDED):
        answer(lock)
    if step is Step.ENDED:
        with pytest.raises(Theirs):
            lock.read_later(b"")
    assert lock.step is step
    return lock


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize(("act", "turn"), [
    (hear_first, Step.FIRST), (greet, Step.GREET), (answer, Step.ANSWER),
    (answer_later, Step.LATER)],
    ids=["first", "greet", "answer", "later"])
def test_a_lock_speaks_and_listens_in_turn(
    step: Step, act: Callable[[LockSide], object], turn: Step,
) -> None:
    lock = at(step)
    if step is turn:
        act(lock)
        return
    with pytest.raises(Misuse):
        act(lock)
    assert lock.step is Step.ENDED


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("turn", [Step.PROOF, Step.LATER])
def test_a_message_out_of_turn_ends_the_conversation(step: Step, turn: Step) -> None:
    lock = at(step)
    hear = lock.read_request if turn is Step.PROOF else lock.read_later
    with pytest.raises(Theirs) as error:
        hear(bytes(100))
    assert error.value.check == ("N5" if step is turn else "J5")
    assert lock.step is Step.ENDED


def test_a_bad_first_message_ends_the_conversation() -> None:
    lock = lock_side()
    with refused("J3"):
        lock.read_first(holder_side().first()[:-1] + b"\0")
    with pytest.raises(Misuse):
        hear_first(lock)


def test_nothing_is_proved_before_the_greeting() -> None:
    with pytest.raises(Misuse):
        lock_side().check_proof(ASKED, TENANT.public, LOCK.public.id, LEAF)
    with pytest.raises(Misuse):
        holder_side().proof_for(ASKED, LEAF)
    with pytest.raises(Misuse):
        holder_side().later(Command.STATUS, b"command1", {})
    with pytest.raises(Misuse):
        _ = lock_side().handshake


def test_a_holder_waits_for_no_answer_without_a_request() -> None:
    with pytest.raises(Misuse):
        greeted()[0].read_answer(bytes(100))


def test_an_answer_without_a_receipt_makes_none() -> None:
    with pytest.raises(Misuse):
        whole_receipt(Answer(Coarse.NOT_NOW), LOCK.public)


def test_a_used_up_counter_ends_the_conversation() -> None:
    """2^64 - 1 messages are never sent; if the count says so, nothing is sealed under it twice."""
    holder, lock = greeted()
    message = holder.ask(ASKED, LEAF, TENANT)
    assert lock._transport is not None
    lock._transport._received = REKEY_NONCE
    with refused("N6"):
        lock.read_request(message)
    assert lock.step is Step.ENDED
    _, lock = asked()
    assert lock._transport is not None
    lock._transport._sent = REKEY_NONCE
    with refused("N6"):
        lock.answer(Answer(None))
    assert lock.step is Step.ENDED


Heard = tuple[str, str]  # whose conversation, which message


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("13L")), max_size=12))
def test_no_order_of_overheard_messages_moves_a_request_to_another_conversation(
    heard: list[Heard],
) -> None:
    """A hostile relay injects, repeats and reorders what three phones said; c's phone is quiet."""
    recorded: dict[Heard, bytes] = {}
    for name in "ab":
        holder, lock = holder_side(name), lock_side()
        recorded[name, "1"] = holder.first()
        lock.read_first(recorded[name, "1"])
        holder.read_greeting(lock.greet(GREETING, fresh(f"lock to {name}")))
        recorded[name, "3"] = holder.ask(ASKED, LEAF, TENANT)
        recorded[name, "L"] = holder.later(Command.STATUS, b"command2", {})
    lock, got = lock_side(), []
    for message in heard:
        try:
            if lock.step is Step.FIRST:
                lock.read_first(recorded.get(message, b""))
                lock.greet(GREETING, fresh("another time"))
            else:
                got.append(lock.read_request(recorded.get(message, bytes(64))))
        except (Theirs, Misuse):
            assert lock.step is Step.ENDED
            break
    assert got == []


# --- further requests -----------------------------------------------------------------------


def test_a_further_request_is_bound_to_its_place() -> None:
    holder, lock = asked()
    lock.answer(Answer(None))
    one = holder.later(Command.STATUS, b"command2", {})
    two = holder.later(Command.READ_LOG, b"command3", {1: 0})
    assert lock.read_later(one) == encode_later(Command.STATUS, b"command2", {})
    with refused("N5"):
        lock.read_later(one)
    with refused("J5"):
        lock.read_later(two)


def test_a_long_answer_is_read_up_to_what_one_message_holds() -> None:
    holder, lock = asked()
    holder.read_answer(lock.answer(Answer(None)))
    largest = cbor.encode(bytes(65_519 - 3))
    assert holder.read_later(lock.answer_later(largest)) == bytes(65_519 - 3)
    with pytest.raises(Misuse):
        lock.answer_later(largest + b"\0")
    assert lock.step is Step.ENDED


# --- floods: J9 -----------------------------------------------------------------------------


def test_a_source_may_start_a_burst_and_then_its_rate() -> None:
    buckets = Buckets(rate=2.0, burst=3.0)
    assert [buckets.take("phone", 0.0) for _ in range(4)] == [True, True, True, False]
    assert not buckets.take("phone", 0.49)
    assert buckets.take("phone", 0.5)
    assert not buckets.take("phone", 0.5)
    assert [buckets.take("phone", 100.0) for _ in range(4)] == [True, True, True, False]


def test_waiting_in_vain_costs_nothing_more() -> None:
    buckets = Buckets(rate=1.0, burst=1.0)
    assert buckets.take("phone", 0.0)
    assert not any(buckets.take("phone", count / 10) for count in range(1, 10))
    assert buckets.take("phone", 1.0)


def test_sources_do_not_pay_for_one_another() -> None:
    buckets = Buckets()
    while buckets.take("flood", 0.0):
        pass
    assert buckets.take("phone", 0.0)


def test_no_burst_is_larger_than_the_limits_say() -> None:
    buckets = Buckets()
    assert sum(buckets.take("phone", 0.0) for _ in range(1000)) == BUCKET_BURST
    assert sum(buckets.take("phone", 1.0) for _ in range(1000)) == BUCKET_RATE


def test_any_number_of_sources_takes_bounded_room() -> None:
    buckets = Buckets()
    for number in range(10 * BUCKETS_MAX):
        buckets.take(f"source {number}", number / 1000)
        assert len(buckets._buckets) == min(number + 1, BUCKETS_MAX)


def test_the_source_heard_longest_ago_is_forgotten_first() -> None:
    """So a phone that keeps coming keeps its bucket, and a flood cannot wash out its own."""
    buckets = Buckets(rate=0.0, burst=1.0)
    assert buckets.take("busy", 0.0)
    for number in range(10 * BUCKETS_MAX):
        buckets.take(f"source {number}", 0.0)
        assert not buckets.take("busy", 0.0)


def test_a_newcomer_is_remembered_however_many_came_before() -> None:
    buckets = Buckets(rate=0.0, burst=1.0)
    for number in range(2 * BUCKETS_MAX):
        assert buckets.take(f"source {number}", 0.0)
        assert not buckets.take(f"source {number}", 0.0)


# --- news -----------------------------------------------------------------------------------


def test_equal_sets_of_news_have_equal_digests() -> None:
    ids = [bytes([n]) * 16 for n in range(5)]
    assert news_digest(set(ids)) == news_digest({*ids[2:], *ids})
    assert len(news_digest(set())) == 8
    assert len({news_digest(set(ids[:n])) for n in range(6)}) == 6

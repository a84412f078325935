"""The conversation between a holder and a lock (spec/link.md, spec/messages.md).

Checks N1 to N6, J1 to J9 and A1 to A6. Every conversation here can be made again from its inputs,
byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, repeated, untrusted
from making.cast import (
    ANNEXE,
    FIRM,
    GUEST,
    LINK_PUBLIC,
    LOCK_KEY,
    LOCK_SECRETS,
    NOW,
    OTHER_LOCK,
    OTHER_SITE,
    SITE,
    STREET,
    UNLOCK,
    VIEW_LOG,
    Link,
    drawn,
    guest_link,
    holder,
    link,
    tenant_link,
)
from making.plain import Key, Noise, cbor, public, transport, with_mac

LABEL = b"mortice-link/1"
OPENING, TAKEOVER = 1, 2
HOLDERS_EPHEMERAL, LOCKS_EPHEMERAL = drawn("the holder's ephemeral"), drawn("the lock's ephemeral")
COMMAND_ID = drawn("a command", 8)
UNLOCK_COMMAND, STATUS_COMMAND, COMMISSION_COMMAND = 1, 4, 11
NOT_PROVED = bytes(64)


def prologue(site: bytes = SITE, door: bytes = STREET, label: bytes = LABEL) -> bytes:
    return label + site + door


def first_body(ephemeral: bytes = HOLDERS_EPHEMERAL, intro: bytes | None = None,
               responder: bytes = LINK_PUBLIC) -> bytes:
    """Message 1 without its kind and mac."""
    return Noise(prologue() if intro is None else intro, responder).write_first(ephemeral)


def opening(body: bytes, kind: int = OPENING, link_key: bytes = LINK_PUBLIC) -> bytes:
    return with_mac(bytes([kind]) + body, link_key)


GREETING = {
    "time": 0, "at": NOW, "incarnation": 0, "size": 7, "root": drawn("a root"),
    "news": drawn("news", 8),
    "site_version": 1, "doors_version": 1}


def greeting_bytes(greeting: Fields = GREETING) -> bytes:
    return cbor([greeting[name] for name in (
        "time", "at", "incarnation", "size", "root", "news", "site_version", "doors_version")])


def request_bytes(
    key: Any, proof: bytes = NOT_PROVED, *, command: Any = UNLOCK_COMMAND,  # noqa: ANN401
    command_id: bytes = COMMAND_ID, args: Any = None, factors: Any = 0,  # noqa: ANN401
    carried: dict[int, Any] | None = None,
) -> bytes:
    """The payload of message 3."""
    parts = [command, command_id, {} if args is None else args, key, factors, proof]
    return cbor([*parts, carried] if carried else parts)


def proof_bytes(
    handshake: bytes, leaf: bytes, *, lock: bytes = LOCK_KEY.id, command: int = UNLOCK_COMMAND,
    command_id: bytes = COMMAND_ID, args: Any = None, factors: int = 0,  # noqa: ANN401
    size: int = GREETING["size"], root: bytes = GREETING["root"],
) -> bytes:
    """What a holder signs."""
    return cbor(["mortice-proof/1", handshake, lock, command, command_id,
                 {} if args is None else args, leaf, factors, size, root])


def cases() -> Iterator[Case]:
    yield from _conversations()
    yield from _first_messages()
    yield from _transports()
    yield from _proofs()
    yield from _requests()
    yield from _bundles()
    yield from _others()
    yield from _buckets()


# --- whole conversations --------------------------------------------------------------------------


def _conversations() -> Iterator[Case]:
    yield _conversation("conversation-of-a-guest", "A guest's first visit: four messages, and two.",
                        guest_link(tenant_link()), {})
    yield _conversation("conversation-on-p256",
                        "The same with a key on P-256, chain known already.",
                        link(FIRM, use=UNLOCK), {}, seen=True)
    yield _takeover()


def _conversation(name: str, shows: str, leaf: Link, args: Fields, *, seen: bool = False) -> Case:
    theirs, ours = Noise(prologue(), LINK_PUBLIC), Noise(prologue(), LINK_PUBLIC)
    first = opening(theirs.write_first(HOLDERS_EPHEMERAL))
    ours.read_first(first[1:-16], LOCK_SECRETS["link"])
    second = ours.write_second(LOCKS_EPHEMERAL, greeting_bytes())
    theirs.read_second(second)
    proof = proof_bytes(theirs.h, leaf.id, args=args)
    request = request_bytes(leaf.id if seen else leaf.wire, leaf.holder.sign(proof), args=args)
    third = theirs.say(request)
    answer, receipt = _answer(leaf)
    later = cbor([STATUS_COMMAND, drawn("a later command", 8), {}])
    answered = cbor([None, {"state": "unlocked"}])
    given = {
        "site_id": SITE, "door": STREET, "lock_link": LOCK_SECRETS["link"],
        "lock_signing": LOCK_SECRETS["signing"], "holder_ephemeral": HOLDERS_EPHEMERAL,
        "lock_ephemeral": LOCKS_EPHEMERAL, "greeting": GREETING, "chain": leaf.wire,
        "leaf": leaf.id, "seen": seen, "holder": holder(leaf.holder), "command": "unlock",
        "command_id": COMMAND_ID, "receipt": RECEIPT_PARTS, "later": later,
        "later_answer": answered}
    return Case(f"link/{name}", shows, "conversation", given, accepted(
        message_1=first, message_2=second, handshake_hash=theirs.h, proof=proof, message_3=third,
        message_4=ours.say(answer), receipt=receipt, message_5=theirs.say(later),
        message_6=ours.say(answered)))


RECEIPT_PARTS = {
    "incarnation": 0, "entry": drawn("an entry's hash"), "index": 7, "size": 9,
    "root": drawn("a later root"), "result": 1, "at": NOW + 1, "time": 0}


def _answer(leaf: Link) -> tuple[bytes, bytes]:
    """The payload of message 4, and the whole receipt that a holder makes of it."""
    r = RECEIPT_PARTS
    payload = cbor([r["incarnation"], r["entry"], r["index"], r["size"], r["root"], leaf.id,
                    COMMAND_ID, r["result"], r["at"], r["time"]])
    protected = cbor({1: -19, 4: LOCK_KEY.id})
    signature = LOCK_KEY.sign(
        cbor(["Signature1", protected, b"mortice-receipt/1", payload]))
    answer = cbor([0, r["result"], r["incarnation"], r["entry"], r["index"], r["size"], r["root"],
                   r["at"], r["time"], signature])
    return answer, cbor([protected, {}, payload, signature])


def _takeover() -> Case:
    import hashlib  # noqa: PLC0415 (one use)

    psk = hashlib.sha256(b"mortice-takeover/1" + LOCK_SECRETS["takeover"]).digest()
    intro = prologue(bytes(16), bytes(8))
    theirs, ours = Noise(intro, LINK_PUBLIC, psk), Noise(intro, LINK_PUBLIC, psk)
    first = opening(theirs.write_first(HOLDERS_EPHEMERAL), TAKEOVER)
    ours.read_first(first[1:-16], LOCK_SECRETS["link"])
    greeting = GREETING | {"time": 2, "site_version": 0, "doors_version": 0}
    second = ours.write_second(LOCKS_EPHEMERAL, greeting_bytes(greeting))
    theirs.read_second(second)
    given = {
        "secret": LOCK_SECRETS["takeover"], "lock_link": LOCK_SECRETS["link"],
        "holder_ephemeral": HOLDERS_EPHEMERAL, "lock_ephemeral": LOCKS_EPHEMERAL,
        "greeting": greeting}
    return Case("link/takeover-of-a-new-lock", "The code's secret is mixed in from the start.",
                "takeover_handshake", given,
                accepted(message_1=first, message_2=second, handshake_hash=theirs.h))


# --- message 1 ---------------------------------------------------------------------------------


def _first_messages() -> Iterator[Case]:
    """A lock stays silent to each wrong one, and writes nothing down."""
    def case(name: str, shows: str, message: bytes, expected: Fields) -> Case:
        given = {"site_id": SITE, "door": STREET, "lock_link": LOCK_SECRETS["link"],
                 "message": message}
        return Case(f"link/{name}", shows, "first_message", given, expected)

    good = opening(first_body())
    yield case("first-message", "A first message.", good, accepted())
    yield case("first-message-empty", "Nothing.", b"", malformed("J1"))
    yield case("first-message-cut-short", "A byte is missing.", good[:-1], malformed("J1"))
    yield case("first-message-with-a-byte-after-it", "A byte too many.", good + b"\x00",
               malformed("J1"))
    for kind, name in ((0, "0"), (2, "of-a-takeover"), (255, "255")):
        yield case(f"first-message-of-kind-{name}", "An owned lock takes one kind of conversation.",
                   opening(first_body(), kind), malformed("J2"))
    yield case("first-message-with-a-wrong-mac", "Whoever does not know the lock's key is ignored.",
               good[:-1] + bytes([good[-1] ^ 1]), untrusted("J3"))
    yield case("first-message-for-another-lock", "The mac of another lock's key.",
               opening(first_body(responder=public(drawn("another lock's link"))),
                       link_key=public(drawn("another lock's link"))), untrusted("J3"))
    yield case("first-message-with-a-changed-ephemeral",
               "The mac is right again, and the tag is not.",
               opening(drawn("x") + first_body()[32:]), untrusted("N4"))
    yield case("first-message-with-another-prologue-door", "Meant for the annexe.",
               opening(first_body(intro=prologue(door=ANNEXE))), untrusted("N4"))
    yield case("first-message-with-another-prologue-site", "Meant for another site.",
               opening(first_body(intro=prologue(OTHER_SITE))), untrusted("N4"))
    yield case("first-message-of-another-version", "Meant for a later version of the link.",
               opening(first_body(intro=prologue(label=b"mortice-link/2"))), untrusted("N4"))
    yield case("first-message-with-a-zero-ephemeral", "A key of small order gives a known secret.",
               opening(bytes(32) + bytes(16)), untrusted("N3"))
    yield case("first-message-with-an-ephemeral-of-order-8", "A key of small order.",
               opening(bytes.fromhex(ORDER_8) + bytes(16)), untrusted("N3"))
    yield Case("link/third-message-first", "Messages come in turn.", "third_message_first",
               {"site_id": SITE, "door": STREET, "lock_link": LOCK_SECRETS["link"],
                "message": transport(drawn("a transport key"), 0, b"")}, malformed("J5"))


ORDER_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"


# --- messages after the handshake ---------------------------------------------------------------


def _transports() -> Iterator[Case]:
    key, plain = drawn("a transport key"), b"say, and hear"
    good = transport(key, 5, plain)

    def case(name: str, shows: str, counter: int, message: Any, expected: Fields) -> Case:  # noqa: ANN401
        given = {"key": key, "counter": counter, "message": message}
        return Case(f"link/{name}", shows, "transport", given, expected)

    yield case("message-in-turn", "The sixth message, at the sixth place.", 5, good,
               accepted(plain=plain))
    yield case("message-again", "A message that was heard already.", 6, good, untrusted("N5"))
    yield case("message-too-early", "A message was left out.", 4, good, untrusted("N5"))
    yield case("message-changed", "One bit was changed.", 5, bytes([good[0] ^ 1]) + good[1:],
               untrusted("N5"))
    yield case("message-of-another-conversation", "Sealed with another conversation's key.", 5,
               transport(drawn("another key"), 5, plain), untrusted("N5"))
    yield case("message-shorter-than-a-tag", "A message has at least a tag.", 5, good[:15],
               malformed("N2"))
    yield case("message-longer-than-noise-allows", "65,535 bytes are the most.", 5,
               repeated(b"\x00", 65_536), malformed("N1"))
    last = (1 << 64) - 1
    yield case("message-beyond-the-last-counter", "A channel that is used up is closed.", last,
               transport(key, last, plain), untrusted("N6"))


# --- the holder's proof ---------------------------------------------------------------------------


def _proofs() -> Iterator[Case]:
    leaf, handshake = guest_link(tenant_link()), drawn("a handshake hash")
    other = guest_link(tenant_link(), about={1: "another key of this phone"})

    def case(name: str, shows: str, signed: bytes, expected: Fields, signer: Key = GUEST) -> Case:
        given = {
            "handshake": handshake, "lock": LOCK_KEY.id, "greeting": GREETING, "leaf": leaf.id,
            "holder": cbor(GUEST.cose), "command": "unlock", "command_id": COMMAND_ID, "factors": 0,
            "proof": signer.sign(signed)}
        return Case(f"link/{name}", shows, "proof", given, expected)

    yield case("proof", "The holder signs this conversation, lock, command, key and log.",
               proof_bytes(handshake, leaf.id), accepted())
    wrong = {
        "of-another-conversation": proof_bytes(drawn("another handshake hash"), leaf.id),
        "for-another-lock": proof_bytes(handshake, leaf.id, lock=OTHER_LOCK.id),
        "of-another-command": proof_bytes(handshake, leaf.id, command=2),
        "of-another-command-id": proof_bytes(handshake, leaf.id, command_id=bytes(8)),
        "with-other-arguments": proof_bytes(handshake, leaf.id, args={1: NOW}),
        "for-another-key": proof_bytes(handshake, other.id),
        "with-other-factors": proof_bytes(handshake, leaf.id, factors=1),
        "of-another-log-size": proof_bytes(handshake, leaf.id, size=8),
        "of-another-log": proof_bytes(handshake, leaf.id, root=drawn("another root")),
        "under-another-label": proof_bytes(handshake, leaf.id).replace(b"proof/1", b"proof/2"),
    }
    for name, signed in wrong.items():
        yield case(f"proof-{name}", "A proof holds for what it says, and for nothing else.", signed,
                   untrusted("K8"))
    yield case("proof-by-somebody-else", "Another phone signed.", proof_bytes(handshake, leaf.id),
               untrusted("K8"), Key("a thief's phone"))


# --- payloads ----------------------------------------------------------------------------------


def _requests() -> Iterator[Case]:
    leaf = link(GUEST, use=UNLOCK | VIEW_LOG)

    def case(name: str, check: str, shows: str, plain: bytes) -> Case:
        return Case(f"link/{name}", shows, "request", {"plain": plain}, malformed(check))

    yield Case("link/request", "A request, with the key's id alone.", "request",
               {"plain": request_bytes(leaf.id)},
               accepted(command="unlock", command_id=COMMAND_ID, key=leaf.id, factors=0))
    parts = [UNLOCK_COMMAND, COMMAND_ID, {}, leaf.id, 0, NOT_PROVED]
    yield case("request-in-five-parts", "A1", "A request has six parts or seven.", cbor(parts[:5]))
    yield case("request-in-eight-parts", "A1", "A request has six parts or seven.",
               cbor([*parts, {}, 1]))
    yield case("request-as-a-map", "A1", "A request is an array.", cbor({1: 1}))
    yield case("request-with-a-short-command-id", "A1", "A command's id has 8 bytes.",
               request_bytes(leaf.id, command_id=COMMAND_ID[:7]))
    yield case("request-with-unknown-factors", "A1", "A factor that is not known cannot be shown.",
               request_bytes(leaf.id, factors=32))
    yield case("request-with-a-short-proof", "A1", "A proof has 64 bytes.",
               request_bytes(leaf.id, NOT_PROVED[:63]))
    yield case("request-for-an-unknown-command", "A2", "What is not in the table does not exist.",
               request_bytes(leaf.id, command=9))
    yield case("request-for-command-200", "A2", "What is not in the table does not exist.",
               request_bytes(leaf.id, command=200))
    yield case("request-with-a-key-of-15-bytes", "A3", "A key is a chain or an id.",
               request_bytes(leaf.id[:15]))
    yield case("request-with-a-key-as-text", "A3", "A key is a chain or an id.",
               request_bytes("the guest's"))
    yield case("request-that-carries-something-unknown", "A4", "What is not known is not carried.",
               request_bytes(leaf.id, carried={8: b""}))
    yield case("request-that-is-no-encoding", "E2", "No encoding at all.", b"")
    yield case("request-of-trailing-bytes", "E3", "Nothing follows.", cbor(parts) + b"\x00")


def _bundles() -> Iterator[Case]:
    """A6: documents on their way."""
    def case(name: str, shows: str, bundle: Any, expected: Fields) -> Case:  # noqa: ANN401
        return Case(f"link/{name}", shows, "bundle", {"bundle": cbor(bundle)}, expected)

    item = ["mortice-revoke/1", b"document"]
    yield case("bundle", "Kind and document, and with some the signer's chain and touch.",
               [item, [*item, [b"link"]], [*item, None, [b"", b"", b""]]], accepted(documents=3))
    yield case("bundle-of-65", "64 documents are the most.", [item] * 65, malformed("A6"))
    yield case("bundle-as-a-map", "A bundle is an array.", {1: item}, malformed("A6"))
    for name, wrong in (
            ("without-a-document", item[:1]), ("with-a-fifth-part", [*item, None, None, None]),
            ("with-a-kind-as-a-number", [1, b""]), ("with-a-document-as-text", ["x", "y"]),
            ("with-a-chain-as-bytes", [*item, b"link"])):
        yield case(f"bundle-item-{name}", "An item is a kind, a document and perhaps a chain.",
                   [wrong], malformed("A6"))


def _others() -> Iterator[Case]:
    """What the lock says (A1), as a holder reads it."""
    good = accepted(**GREETING)
    yield Case("link/greeting", "What the lock believes and where its log stands.", "greeting",
               {"plain": greeting_bytes()}, good)
    for name, changed in (
            ("of-an-unknown-time-state", {"time": 3}), ("of-a-short-root", {"root": bytes(31)}),
            ("of-a-negative-time", {"at": -1}), ("with-long-news", {"news": bytes(9)})):
        yield Case(f"link/greeting-{name}", "A greeting has eight parts within bounds.", "greeting",
                   {"plain": greeting_bytes(GREETING | changed)}, malformed("A1"))
    leaf = guest_link(tenant_link())
    answer, receipt = _answer(leaf)

    def case(name: str, shows: str, plain: bytes, expected: Fields) -> Case:
        given = {"plain": plain, "leaf": leaf.id, "command_id": COMMAND_ID,
                 "lock": cbor(LOCK_KEY.cose)}
        return Case(f"link/{name}", shows, "answer", given, expected)

    yield case("answer", "Yes, with a receipt.", answer, accepted(coarse=None, receipt=receipt))
    yield case("answer-to-a-stranger", "No, and nothing more.", cbor([1]),
               accepted(coarse="not_allowed", receipt=None))
    yield case("answer-of-an-unknown-code", "There are four codes.", cbor([5]), malformed("A1"))
    yield case("answer-of-nothing", "An answer has a code.", cbor([]), malformed("A1"))
    result = answer.replace(cbor([0, 1])[1:], cbor([0, 2])[1:], 1)
    yield case("answer-with-another-result", "The result is signed.", result, untrusted("K8"))


def _buckets() -> Iterator[Case]:
    """J9: how many first messages one source may send."""
    def case(name: str, shows: str, takes: list[tuple[str, float, bool]]) -> Case:
        given = {"rate": 2, "burst": 3, "takes": [{"source": s, "at": at} for s, at, _ in takes]}
        return Case(f"link/{name}", shows, "bucket", given,
                    accepted(taken=[taken for _, _, taken in takes]))

    yield case("bucket-of-one-source", "Three at once, then two a second.", [
        ("a", 0, True), ("a", 0, True), ("a", 0, True), ("a", 0, False), ("a", 0.5, True),
        ("a", 0.5, False), ("a", 10, True), ("a", 10, True), ("a", 10, True), ("a", 10, False)])
    yield case("bucket-of-two-sources", "One source's flood is not another's.", [
        ("a", 0, True), ("a", 0, True), ("a", 0, True), ("a", 0, False), ("b", 0, True)])

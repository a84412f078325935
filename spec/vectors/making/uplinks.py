"""A lock's line to its hub (spec/uplink.md). Checks U1 to U3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import (
    ANNEXE,
    LOCK_KEY,
    LOCK_SECRETS,
    NOW,
    OTHER_LOCK,
    STREET,
)
from making.plain import Key, Noise, cbor, drawn, public, sign, with_mac

LABEL = b"mortice-uplink/1"
DIALLING = 4
HUB = drawn("the hub's link key")
LOCKS_EPHEMERAL, HUBS_EPHEMERAL = drawn("the dialling lock's ephemeral"), drawn("the hub's own")
HANDSHAKE = drawn("a handshake of an uplink")
PARTS = ("handshake", "door", "incarnation", "size", "root", "news", "site_version",
         "doors_version", "config_version", "time", "at")
HELLO = {
    "handshake": HANDSHAKE, "door": STREET, "incarnation": 0, "size": 42,
    "root": drawn("the root of the log that goes up"), "news": drawn("news of the lock", 8),
    "site_version": 1, "doors_version": 2, "config_version": 3, "time": 0, "at": NOW}


def hello(signer: Key = LOCK_KEY, kind: str = LABEL.decode(), **other: Any) -> bytes:  # noqa: ANN401 (right or wrong)
    said = HELLO | other
    return sign(kind, [said[part] for part in PARTS], signer).encoded


def cases() -> Iterator[Case]:
    yield _line()
    yield from _hellos()
    yield from _from_the_hub()
    yield from _from_the_lock()


def _line() -> Case:
    """The handshake, the hello, and one frame each way."""
    lock, hub = Noise(LABEL, public(HUB)), Noise(LABEL, public(HUB))
    first = with_mac(bytes([DIALLING]) + lock.write_first(LOCKS_EPHEMERAL), public(HUB), LABEL)
    hub.read_first(first[1:-16], HUB)
    second = hub.write_second(HUBS_EPHEMERAL, b"")
    lock.read_second(second)
    said = hello(handshake=lock.h)
    third, wanted = lock.say(said), cbor([1, 42])
    given = {
        "hub_link": HUB, "lock_signing": LOCK_SECRETS["signing"],
        "lock_ephemeral": LOCKS_EPHEMERAL, "hub_ephemeral": HUBS_EPHEMERAL,
        "hello": HELLO | {"handshake": lock.h}, "frame": wanted}
    return Case("uplink/line", "A lock dials its hub: three messages, and where to go on.",
                "uplink", given, accepted(
                    message_1=first, message_2=second, handshake_hash=lock.h, hello=said,
                    message_3=third, message_4=hub.say(wanted)))


# --- who dials ------------------------------------------------------------------------------------


def _hello_case(name: str, shows: str, document: bytes, expected: Fields) -> Case:
    given = {"document": document, "handshake": HANDSHAKE, "door": STREET,
             "lock": cbor(LOCK_KEY.cose)}
    return Case(f"uplink/{name}", shows, "dialled", given, expected)


def _hellos() -> Iterator[Case]:
    yield _hello_case("hello", "The lock says who it is and what it has.", hello(),
                      accepted(lock=LOCK_KEY.id, size=42, site_version=1, doors_version=2,
                               config_version=3))
    for name, shows, document in (
            ("hello-of-ten-parts", "A hello has eleven parts.",
             sign(LABEL.decode(), [HELLO[part] for part in PARTS[:-1]], LOCK_KEY).encoded),
            ("hello-with-a-root-of-31-bytes", "A root is a SHA-256.", hello(root=bytes(31))),
            ("hello-with-a-time-of-no-state", "The clock has three states.", hello(time=3)),
            ("hello-with-a-negative-size", "No log is shorter than none.", hello(size=-1))):
        yield _hello_case(name, shows, document, malformed("U1"))
    for name, shows, document in (
            ("hello-of-another-line", "A hello counts in its own conversation.",
             hello(handshake=drawn("another handshake"))),
            ("hello-of-another-door", "The lock stands at the door that the hub knows.",
             hello(door=ANNEXE)),
            ("hello-of-a-stranger", "A lock that stands at no door here says nothing here.",
             hello(OTHER_LOCK))):
        yield _hello_case(name, shows, document, untrusted("U2"))
    yield _hello_case("hello-signed-by-another", "The lock that is named has signed.",
                      sign(LABEL.decode(), [HELLO[part] for part in PARTS], OTHER_LOCK,
                           kid=LOCK_KEY.id).encoded, untrusted("K8"))
    yield _hello_case("hello-signed-as-a-head", "A head is no hello.",
                      hello(kind="mortice-head/1"), untrusted("K8"))


# --- frames ---------------------------------------------------------------------------------------


def _from_the_hub() -> Iterator[Case]:
    for name, shows, frame in (
            ("wants-entries", "The hub says from where on it wants entries.", [1, 42]),
            ("delivers", "The hub carries documents.", [2, 7, [["mortice-revoke/1", b"x"]]]),
            ("relays", "The hub relays a holder's message.", [3, 9, bytes(65)]),
            ("ends-a-stream", "The holder has gone.", [4, 9])):
        yield Case(f"uplink/hub-{name}", shows, "from_hub", {"plain": cbor(frame)},
                   accepted(kind=frame[0], number=frame[1]))
    for name, shows, frame in (
            ("of-a-kind-of-the-locks", "Entries come from locks.", [5, 0, [], None]),
            ("of-kind-0", "There is no kind 0.", [0, 1]),
            ("with-a-part-more", "A position stands alone.", [1, 0, 0]),
            ("without-a-bundle", "A delivery has documents.", [2, 1]),
            ("with-a-negative-position", "No log begins before its first entry.", [1, -1]),
            ("with-a-stream-of-65536", "Streams are numbered up to 65,535.", [4, 65_536]),
            ("with-a-message-of-text", "What is relayed is bytes.", [3, 1, "text"]),
            ("with-a-long-message", "A message of the link has at most 16,384 bytes.",
             [3, 1, bytes(16_385)])):
        yield Case(f"uplink/hub-frame-{name}", shows, "from_hub", {"plain": cbor(frame)},
                   malformed("U3"))


def _from_the_lock() -> Iterator[Case]:
    body, name = drawn("an entry that goes up"), drawn("a delivered document", 16)
    for what, shows, frame in (
            ("sends-entries", "Entries, one with a head, and the head of all.",
             [5, 3, [[body, None], [body, b"head"]], b"head"]),
            ("answers", "What became of two documents.",
             [6, 7, [[name, 0, b"receipt"], [name, -1, None]]]),
            ("says-how-it-stands", "The door's status.", [7, {"state": "locked"}]),
            ("relays", "A lock's answer to a holder.", [3, 9, bytes(16_448)]),
            ("ends-a-stream", "The lock has nothing more to say.", [4, 9])):
        yield Case(f"uplink/lock-{what}", shows, "from_lock", {"plain": cbor(frame)},
                   accepted(kind=frame[0]))
    for what, shows, frame in (
            ("of-a-kind-of-the-hubs", "Positions come from hubs.", [1, 0]),
            ("of-kind-8", "There is no kind 8.", [8, 0]),
            ("with-an-entry-of-text", "An entry is bytes.", [5, 0, [["entry", None]], None]),
            ("with-a-head-of-text", "A head is bytes, or null.", [5, 0, [], "head"]),
            ("with-a-status-as-an-array", "A status is a map.", [7, []]),
            ("with-a-result-of-256", "Results end at 255.", [6, 1, [[name, 256, None]]]),
            ("with-a-short-name", "A document's name has 16 bytes.", [6, 1, [[b"x", 0, None]]]),
            ("with-a-part-more", "Entries have four parts.", [5, 0, [], None, 1])):
        yield Case(f"uplink/lock-frame-{what}", shows, "from_lock", {"plain": cbor(frame)},
                   malformed("U3"))

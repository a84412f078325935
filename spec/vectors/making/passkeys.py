"""A passkey's touch (spec/passkey.md). Checks W1 to W7, and signatures beneath them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.cast import ORIGIN, assertion, authenticator_data, client_data, drawn
from making.plain import ESP256, Key, der_with_other_s

UNREADABLE = ("W1", "W2", "W3", "K9")
OTHER = Key("another passkey", ESP256)

Touch = tuple[str, str, str, Any]


def touches(message: bytes) -> Iterator[Touch]:
    """(name, check, what it shows, assertion) for each wrong touch that answers `message`."""
    yield from _shapes(message)
    yield from _client_data(message)
    yield from _pages(message)
    yield from _people(message)


def good_touches(message: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """(name, assertion) for touches that hold, whichever s the authenticator drew."""
    first = assertion(message)
    yield "good-touch", first
    yield "good-touch-with-the-other-s", [*first[:2], der_with_other_s(first[2])]
    more = client_data(message, other_keys_can_be_added_here="do not compare clientDataJSON")
    yield "good-touch-with-a-browsers-own-field", assertion(message, client=more)
    counted = authenticator_data()[:33] + (7).to_bytes(4, "big")
    yield "good-touch-with-a-counter", assertion(message, authenticator=counted)


def _shapes(message: bytes) -> Iterator[Touch]:
    whole = assertion(message)
    yield "touch-in-two-parts", "W1", "An assertion has three parts.", whole[:2]
    yield ("touch-with-client-data-as-text", "W1", "The parts are bytes.",
           [whole[0], {"text": whole[1].decode()}, whole[2]])
    yield ("touch-with-short-authenticator-data", "W2", "Authenticator data has 37 bytes or more.",
           [whole[0][:36], *whole[1:]])
    yield ("touch-with-long-client-data", "W2", "Client data has at most 2,048 bytes.",
           [whole[0], whole[1] + b" " * 2048, whole[2]])
    yield ("touch-with-long-signature", "W2", "No signature has more than 80 bytes.",
           [*whole[:2], bytes(81)])


def _client_data(message: bytes) -> Iterator[Touch]:
    """Client data is the one piece of JSON that a lock reads."""
    whole = client_data(message)
    for name, shows, client in (
            ("not-json", "Client data is JSON.", whole[:-1]),
            ("not-utf-8", "JSON is UTF-8.", whole[:-1] + b',"topOrigin":"\xff"}'),
            ("not-an-object", "Client data is an object.", b"[" + whole + b"]"),
            ("with-a-field-twice", "Of two challenges, which one counts?",
             whole[:-1] + b',"challenge":"x"}'),
            ("with-an-unknown-field", "What is not known is not passed over.",
             whole[:-1] + b',"tokenBinding":{}}'),
    ):
        yield f"client-data-{name}", "W3", shows, assertion(message, client=client)


def _pages(message: bytes) -> Iterator[Touch]:
    for name, check, shows, changed in (
            ("touch-that-made-a-passkey", "W4", "Making a passkey is no touch of one.",
             {"type": "webauthn.create"}),
            ("touch-across-pages", "W4", "No page may borrow a touch through a frame.",
             {"crossOrigin": True}),
            ("touch-for-another-challenge", "W5", "A touch answers one challenge.",
             {"challenge": "A" * 43}),
            ("touch-with-padded-challenge", "W5", "A challenge is written in one way.",
             {"challenge": challenge_padded(message)}),
            ("touch-on-another-page", "W6", "A touch is given to one page.",
             {"origin": "https://hub.example.net"}),
            ("touch-on-the-page-without-tls", "W6", "The origin is compared whole.",
             {"origin": ORIGIN.replace("https", "http")}),
            ("touch-on-another-port", "W6", "The origin is compared whole.",
             {"origin": ORIGIN + ":8443"}),
    ):
        yield name, check, shows, assertion(message, client=client_data(message, **changed))
    nested = b'{"type":' + b"[" * 400 + b"]" * 400 + b"}"
    yield ("touch-with-a-type-nested-deep", "W4", "A type is text.", assertion(message,
                                                                               client=nested))
    other = authenticator_data(drawn("another page's name"))
    yield ("touch-for-another-relying-party", "W6", "The authenticator names another page.",
           assertion(message, authenticator=other))


def challenge_padded(message: bytes) -> str:
    client = client_data(message).decode()
    return client.split('"challenge":"')[1].split('"')[0] + "="


def _people(message: bytes) -> Iterator[Touch]:
    for name, flags in (("without-verification", 0x01), ("without-presence", 0x04), ("by-nobody",
                                                                                     0)):
        yield (f"touch-{name}", "W7", "The person is there and was verified.",
               assertion(message, authenticator=authenticator_data(flags=flags)))
    whole = assertion(message)
    yield "touch-of-another-passkey", "K8", "Another passkey touched.", assertion(message, OTHER)
    yield ("touch-with-authenticator-data-changed", "K8", "The counter is signed.",
           [whole[0][:-1] + b"\x01", *whole[1:]])
    yield ("touch-signed-in-raw-form", "K9", "Authenticators sign in DER.",
           [*whole[:2], bytes(64)])



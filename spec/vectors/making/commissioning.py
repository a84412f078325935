"""Taking over a new lock (spec/commissioning.md). Checks Q1 to Q5."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import (
    LINK_PUBLIC,
    LOCK_KEY,
    LOCK_SECRETS,
    NOW,
    OTHER_LOCK,
    SEALING_PUBLIC,
    STREET,
    code_text,
    doors,
    drawn,
    fingerprint,
    root,
)
from making.plain import cbor

SECRET = LOCK_SECRETS["takeover"]


def cases() -> Iterator[Case]:
    yield from _codes()
    yield from _hellos()
    yield from _takeovers()
    yield from _lock_files()


def _codes() -> Iterator[Case]:
    text = code_text(fingerprint(), SECRET)
    good = accepted(fingerprint=fingerprint(), secret=SECRET)

    def case(name: str, shows: str, given: str, expected: Fields) -> Case:
        return Case(f"commissioning/{name}", shows, "code", {"text": given}, expected)

    yield case("code", "The code on the inside of a lock.", text, good)
    yield case("code-in-small-letters-without-dashes", "As a person types it.",
               text.replace("-", "").lower(), good)
    yield case("code-with-spaces-and-line-ends", "As a person copies it.",
               f"  {text.replace('-', ' ')}\n", good)
    typed = text.replace("O", "0").replace("I", "1").replace("B", "8")
    yield case("code-with-0-for-o-1-for-i-8-for-b", "No code has 0, 1 or 8 among its letters.",
               "MORTICE1" + typed[8:], good)
    yield case("code-of-something-else", "A QR code of something else.", "https://hub.example/door",
               malformed("Q1"))
    yield case("code-of-another-version", "A later version of the code.",
               text.replace("MORTICE1", "MORTICE2"), malformed("Q1"))
    yield case("code-empty", "Nothing was typed.", "", malformed("Q1"))
    yield case("code-of-a-thousand-letters", "No code is that long.", "MORTICE1" + "A" * 1000,
               malformed("Q1"))
    yield case("code-with-an-umlaut", "No code has such a letter.", text[:-1] + "Ü",
               malformed("Q2"))
    yield case("code-with-a-nine", "No code has a 9.", text[:-1] + "9", malformed("Q2"))
    yield case("code-with-a-letter-wrong", "The check at its end finds one wrong letter.",
               text[:12] + ("A" if text[12] != "A" else "C") + text[13:], malformed("Q3"))
    body = fingerprint() + SECRET
    short = base64.b32encode(body).decode().rstrip("=")
    yield case("code-without-its-check", "The code is incomplete.", "MORTICE1" + short,
               malformed("Q3"))
    yield case("code-cut-in-half", "The code is incomplete.", text[:38], malformed("Q3"))


def _hellos() -> Iterator[Case]:
    keys = [LINK_PUBLIC, LOCK_KEY.cose, SEALING_PUBLIC]
    text = code_text(fingerprint(), SECRET)

    def case(name: str, shows: str, hello: Any, expected: Fields) -> Case:  # noqa: ANN401
        return Case(f"commissioning/{name}", shows, "hello", {"hello": cbor(hello), "code": text},
                    expected)

    yield case("lock-of-the-code", "The lock that answers is the one whose code was scanned.", keys,
               accepted(lock=LOCK_KEY.id))
    yield case("another-lock", "Another lock answers.", [keys[0], OTHER_LOCK.cose, keys[2]],
               untrusted("Q4"))
    yield case("another-link-key", "Somebody stands between.", [drawn("x25519"), *keys[1:]],
               untrusted("Q4"))
    yield case("another-sealing-key", "Somebody wants the PINs.", [*keys[:2], drawn("x25519")],
               untrusted("Q4"))
    yield case("two-keys", "A lock has three keys.", keys[:2], malformed("Q4"))
    yield case("no-keys", "Something else answers.", "HTTP/1.1 400 Bad Request", malformed("Q4"))
    yield case("link-key-of-small-order", "Everybody would know the secret.",
               [bytes(32), *keys[1:]], untrusted("N3"))


def _takeovers() -> Iterator[Case]:
    args = {1: STREET, 2: root(), 3: doors(), 4: NOW}

    def case(name: str, shows: str, given: Any, expected: Fields) -> Case:  # noqa: ANN401
        return Case(f"commissioning/{name}", shows, "takeover", {"args": cbor(given)}, expected)

    yield case("takeover", "What the owner tells a new lock.", args,
               accepted(door=STREET, at=NOW, site=root(), doors=doors()))
    yield case("takeover-without-a-map", "A lock must know which door it is.",
               {key: args[key] for key in (1, 2, 4)}, malformed("Q5"))
    yield case("takeover-with-more", "What is not known is not passed over.", args | {5: 1},
               malformed("Q5"))
    yield case("takeover-of-a-door-of-7-bytes", "A door's id has 8 bytes.", args | {1: STREET[:7]},
               malformed("Q5"))
    yield case("takeover-before-1970", "No time is negative.", args | {4: -1}, malformed("Q5"))


def _lock_files() -> Iterator[Case]:
    """Q8: what a lock keeps of its own."""
    def case(name: str, shows: str, kept: Any, expected: Fields) -> Case:  # noqa: ANN401
        return Case(f"commissioning/lock-file{name}", shows, "lock_file", {"keys": cbor(kept)},
                    expected)

    yield case("", "The lock's own keys, born on the lock.", LOCK_SECRETS,
               accepted(lock=LOCK_KEY.id))
    yield case("-without-its-pepper", "A key is missing.",
               {name: LOCK_SECRETS[name] for name in LOCK_SECRETS if name != "pepper"},
               malformed("Q8"))
    yield case("-with-a-short-key", "A key is cut short.",
               LOCK_SECRETS | {"signing": LOCK_SECRETS["signing"][:31]}, malformed("Q8"))
    yield case("-with-more", "What is not known is not passed over.",
               LOCK_SECRETS | {"spare": b""}, malformed("Q8"))

"""What people send each other, and keys at rest (spec/home.md). Checks Z1 and Z3 to Z5."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from making.case import Case, Fields, accepted, malformed, untrusted
from making.cast import (
    CLAIM,
    FILE,
    GUEST,
    PAPER,
    STREET,
    TENANT,
    UNLOCK,
    doors,
    drawn,
    link,
    root,
    tenant_link,
)
from making.plain import cbor
from making.times import staple

REQUEST, KEY, SITE_TEXT = "MORTICE-REQUEST1-", "MORTICE-KEY1-", "MORTICE-SITE1-"
CLAIM_TEXT, FILE_TEXT, STAPLE_TEXT = "MORTICE-CLAIM1-", "MORTICE-FILE1-", "MORTICE-STAPLE1-"


def text(prefix: str, value: Any) -> str:  # noqa: ANN401 (right or wrong)
    """One word that survives messages and QR codes."""
    return prefix + base64.urlsafe_b64encode(cbor(value)).decode().rstrip("=")


def cases() -> Iterator[Case]:
    yield from _requests()
    yield from _handovers()
    yield from _staples()
    yield from _sheets()
    yield from _sealed()


def _requests() -> Iterator[Case]:
    good = text(REQUEST, [GUEST.cose, "Guest"])

    def case(name: str, shows: str, given: str, expected: Fields) -> Case:
        return Case(f"home/request{name}", shows, "request_text", {"text": given}, expected)

    value = accepted(key=GUEST.id, name="Guest")
    yield case("", "A guest asks for a key.", good, value)
    yield case("-in-a-message", "A request stands somewhere in a message.",
               f"Hello, my key: {good}\nThanks", value)
    yield case("-over-several-lines", "A message broke it over several lines.",
               "\n".join(good[at:at + 40] for at in range(0, len(good), 40)), value)
    yield case("-that-is-a-key", "A key is no request.", text(KEY, []), malformed("Z3"))
    yield case("-of-something-else", "Something else was pasted.", "MORTICE-REQUEST2-AAAA",
               malformed("Z3"))
    yield case("-with-a-wrong-letter", "A letter that no text has.", good[:40] + "ü" + good[41:],
               malformed("Z3"))
    yield case("-without-a-name", "A request is a key and a name.", text(REQUEST, [GUEST.cose]),
               malformed("Z3"))
    yield case("-cut-short", "The end is missing.", good[:-12], malformed("E2"))
    yield case("-with-a-key-of-small-order", "A key is checked when it is read.",
               text(REQUEST, [{1: 1, -1: 6, -2: bytes(32)}, "Guest"]), untrusted("K3"))


def handed(chain: list[Any], *more: Any) -> list[Any]:  # noqa: ANN401 (a secret, or nothing)
    """Roots, map, chain, addresses and the site's name."""
    return [[root()], doors(), chain, [[STREET, "192.0.2.7", 7100]], "14 Alder Road", *more]


def _handovers() -> Iterator[Case]:
    tenant = tenant_link()
    claim = link(CLAIM, klass=FILE, use=0, delegable=UNLOCK, depth=1)

    def case(name: str, shows: str, given: str, expected: Fields) -> Case:
        return Case(f"home/{name}", shows, "handover_text", {"text": given}, expected)

    def value(links: int) -> Fields:
        return accepted(roots=1, links=links, name="14 Alder Road")

    yield case("key", "A key, with what its holder needs to know of the site.",
               text(KEY, handed(tenant.wire)), value(1))
    yield case("claim-link", "A claim link, and the secret that was never at a hub.",
               "mortice:key#" + text(CLAIM_TEXT, handed(claim.wire, CLAIM.seed)), value(1))
    yield case("key-file", "A key file.", text(FILE_TEXT, handed(claim.wire, CLAIM.seed)), value(1))
    yield case("site-documents", "The same without a key.", text(SITE_TEXT, handed([])), value(0))
    yield case("claim-link-with-another-secret", "The secret of another key.",
               text(CLAIM_TEXT, handed(claim.wire, drawn("another secret"))), untrusted("Z5"))
    yield case("claim-link-without-a-secret", "A claim link is nothing without its secret.",
               text(CLAIM_TEXT, handed(claim.wire)), malformed("Z3"))
    yield case("key-with-a-secret", "A key never comes with a secret.",
               text(KEY, handed(tenant.wire, TENANT.seed)), malformed("Z3"))
    yield case("key-in-four-parts", "A key text has five parts.",
               text(KEY, handed(tenant.wire)[:4]), malformed("Z3"))
    yield case("key-with-a-port-of-65536", "A port has 16 bits.",
               text(KEY, [*handed(tenant.wire)[:3], [[STREET, "192.0.2.7", 65_536]], "x"]),
               malformed("Z3"))
    yield case("key-with-a-root-as-text", "A root is bytes.",
               text(KEY, [["root"], *handed(tenant.wire)[1:]]), malformed("Z3"))
    yield case("nothing-pasted", "Nothing was pasted.", "", malformed("Z3"))
    yield case("a-novel-pasted", "Far longer than any text.", "MORTICE-KEY1-" + "A" * 65_536,
               malformed("Z3"))


def _staples() -> Iterator[Case]:
    document = staple(TENANT)

    def case(name: str, shows: str, value: Any, expected: Fields) -> Case:  # noqa: ANN401
        return Case(f"home/{name}", shows, "staple_text", {"text": text(STAPLE_TEXT, value)},
                    expected)

    yield case("refresh", "A staple without a chain.", [document, None],
               accepted(staple=document, links=None))
    yield case("refresh-with-a-chain", "A staple with its signer's chain.",
               [document, tenant_link().wire], accepted(staple=document, links=1))
    yield case("refresh-in-three-parts", "A refresh has two parts.", [document, None, None],
               malformed("Z3"))


def _sheets() -> Iterator[Case]:
    check = hashlib.sha256(b"PAPER1" + PAPER.seed).digest()[:2]
    letters = base64.b32encode(PAPER.seed + check).decode().rstrip("=")
    sheet = "-".join(["PAPER1", *(letters[at:at + 5] for at in range(0, len(letters), 5))])

    def case(name: str, shows: str, given: str, expected: Fields) -> Case:
        return Case(f"home/sheet{name}", shows, "sheet", {"text": given}, expected)

    good = accepted(key=PAPER.id)
    yield case("", "The recovery sheet, as it was written down.", sheet, good)
    yield case("-in-small-letters", "As it was typed again.", sheet.lower().replace("-", " "), good)
    yield case("-of-something-else", "A lock's code is no sheet.", "MORTICE1-AAAAA",
               malformed("Z4"))
    yield case("-with-a-nine", "No sheet has a 9.", sheet[:-1] + "9", malformed("Z4"))
    wrong = sheet[:20] + ("A" if sheet[20] != "A" else "C") + sheet[21:]
    yield case("-with-a-letter-wrong", "The check finds one wrong letter.", wrong, malformed("Z4"))
    for cut in (1, 2, 6, 12):
        yield case(f"-without-its-last-{cut}", "The sheet is incomplete.", sheet[:-cut],
                   malformed("Z4"))


MAGIC = "mortice-sealed/1"


def sealed(key: bytes, plain: bytes, salt: bytes = b"") -> list[Any]:
    nonce = drawn("a nonce", 12)
    return [MAGIC, salt, nonce, AESGCM(key).encrypt(nonce, plain, MAGIC.encode())]


def _sealed() -> Iterator[Case]:
    device, seed = drawn("a device key"), b"\x00" + GUEST.seed
    good = sealed(device, seed)

    def case(name: str, shows: str, parts: Any, expected: Fields, **more: Any) -> Case:  # noqa: ANN401
        given = {"sealed": cbor(parts)} | (more or {"device_key": device})
        return Case(f"home/{name}", shows, "sealed", given, expected)

    yield case("sealed-by-a-device-key", "A holder's key at rest.", good, accepted(plain=seed))
    salt, words = drawn("a salt", 16), "correct horse battery"
    stretched = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=65_536).derive(
        words.encode())
    by_words = sealed(stretched, GUEST.seed, salt)
    yield case("sealed-by-a-passphrase", "An owner's key at rest.", by_words,
               accepted(plain=GUEST.seed), passphrase=words)
    yield case("sealed-by-another-device", "A key of another home.", good, malformed("Z1"),
               device_key=drawn("another device key"))
    yield case("sealed-by-a-passphrase-and-opened-by-a-device", "One way or the other.", by_words,
               malformed("Z1"))
    yield case("sealed-and-changed", "One bit was changed.",
               [*good[:3], bytes([good[3][0] ^ 1]) + good[3][1:]], malformed("Z1"))
    yield case("sealed-in-three-parts", "A sealed key has four parts.", good[:3], malformed("Z1"))
    yield case("sealed-by-something-else", "Another program's file.", ["age-encryption", *good[1:]],
               malformed("Z1"))
    yield case("sealed-with-a-short-nonce", "A nonce has 12 bytes.",
               [*good[:2], good[2][:11], good[3]], malformed("Z1"))

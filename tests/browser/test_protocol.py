"""The keys that a browser holds: its own code against every vector."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.browser.protocol.server import Hub, Room
from tests.vectors.vector import Vector, load_all

pytestmark = pytest.mark.browser

READERS = frozenset({
    "cbor", "public_key", "signature", "der_signature", "document", "chain", "revocation", "within",
    "first_root", "next_root", "map", "settings", "checked", "enrolment", "weakness",
    "digits_needed", "code", "hello", "conversation", "takeover_handshake", "transport", "proof",
    "greeting", "answer", "receipt", "request_text", "handover_text", "staple_text", "sheet"})
# What only a lock can judge, by what it has, or does for its holders.
LOCKS_OWN = {
    "map": {"S13"}, "settings": {"F2", "F4", "C3", "P8"}, "checked": {"Y2"},
    "enrolment": {"H2", "H3", "H5", "H6", "H7", "P1"}}
NAMES = {  # zones, and whose settings they are, are the lock's to judge, too
    "site/map-with-an-unknown-zone", "settings/for-another-door",
    "settings/with-somebody-elses-chain", "checked/for-another-door",
    "checked/with-somebody-elses-chain"}


def judged_here(vector: Vector) -> bool:
    """Whether a browser meets such a thing, and can tell."""
    expected = vector.expected
    return (
        vector.reader in READERS
        and expected["class"] in {"accepted", "malformed", "untrusted"}
        and expected.get("check") not in LOCKS_OWN.get(vector.reader, set())
        and vector.name not in NAMES)


VECTORS = [*filter(judged_here, load_all())]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page with the modules loaded, under the strictest policy."""
    room, hub = Room(), Hub()
    room.run(hub.start())
    errors: list[str] = []
    opened = browser.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda said: errors.extend([said.text] * (said.type == "error")))
    opened.goto(f"{hub.origin}/readers")
    opened.wait_for_function("() => Boolean(window.outcomes)")
    yield opened
    opened.close()
    room.run(hub.stop())
    room.close()
    assert errors == []


@pytest.fixture(scope="module")
def outcomes(page: Page) -> dict[str, Any]:
    """What the browser's code says to every vector."""
    given = [{"name": v.name, "reader": v.reader, "input": v.input, "expected": v.expected}
             for v in VECTORS]
    found: dict[str, Any] = json.loads(page.evaluate(
        "async (given) => JSON.stringify(await outcomes(given))", given))
    return found


def test_every_reader_is_in_use(page: Page) -> None:
    assert set(page.evaluate("readers")) == READERS == {vector.reader for vector in VECTORS}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_the_browser_says_what_the_vector_says(vector: Vector, outcomes: dict[str, Any]) -> None:
    found, wanted = outcomes[vector.name], dict(vector.outcome)
    if vector.reader == "enrolment" and "value" in wanted:
        wanted["value"] = {k: v for k, v in wanted["value"].items() if k != "pin"}
    if vector.reader == "conversation" and vector.input["holder"]["alg"] == -9:
        for outcome in (found, wanted):  # a browser draws the nonce of ECDSA, so message 3 differs
            outcome["value"] = {k: v for k, v in outcome["value"].items() if k != "message_3"}
    assert {key: found.get(key) for key in wanted} == wanted, found


def test_the_mac_of_a_first_message_is_blake2s(page: Page) -> None:
    chance = random.Random("mac")
    for length in (0, 1, 49, 63, 64, 65, 127, 128, 129, 1000):
        key, message = chance.randbytes(32), chance.randbytes(length)
        wanted = hashlib.blake2s(message, key=key, digest_size=16).hexdigest()
        assert page.evaluate("([k, m]) => mac(k, m, 16)", [key.hex(), message.hex()]) == wanted

"""The keys that a browser holds, at a real lock: taken over, opened, handed on and taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from playwright.sync_api import Browser, Page
from tests.browser.protocol.server import Hub, Room, unbent

from mortice.core import cbor, limits
from mortice.core.chain import read_chain, verify_chain
from mortice.core.commissioning import write_code
from mortice.core.config import accept_config
from mortice.core.enrolment import sealed_context
from mortice.core.errors import Misuse
from mortice.core.keys import PublicKey
from mortice.core.log import About, Entry, Kind, accept_receipt, read_entry
from mortice.core.pin import weakness
from mortice.core.revocation import accept_revocation
from mortice.core.site import Role, Site, accept_doors, accept_first
from mortice.drivers import InsideButton
from mortice.drivers.simulated import Physics, SimulatedDoor
from mortice.lockd import record
from mortice.lockd.daemon import Lock
from mortice.lockd.deliver import HPKE
from mortice.lockd.listen import Listener
from mortice.lockd.outside import Machine
from mortice.lockd.watch import Watch

pytestmark = pytest.mark.browser

DAY = 86_400
Given = dict[str, Any]


class Stand:
    """A new lock behind the relay, and a page of somebody who has its code."""

    founded: Given  # what the page says of the site that it made
    taken: Given  # and of taking over the lock, after two that were refused
    refused: list[str]

    def __init__(self, folder: Path, room: Room, hub: Hub, page: Page) -> None:
        self.room, self.hub, self.page = room, hub, page
        self.room.run(self._start(folder))

    async def _start(self, folder: Path) -> None:
        self.door = SimulatedDoor(Physics(travel_seconds=0.01))
        self.lock = Lock(folder, self.door, Machine())
        self.watch, self.listener = Watch(self.lock), Listener(self.lock)
        self.watch.start()
        self.hub.locks["front"] = await self.listener.start("127.0.0.1", 0)

    async def _stop(self) -> None:
        await self.listener.stop()
        await self.watch.stop()
        self.lock.close()

    def close(self) -> None:
        self.room.run(self._stop())

    def press_inside_button(self) -> None:
        async def press() -> None:
            self.watch.heard(InsideButton(0.2))

        self.room.run(press())

    def type_code(self, code: str) -> None:
        async def typed() -> None:
            for symbol in [*code, "enter"]:
                self.door.press(symbol)
            for _ in range(500):
                await asyncio.sleep(0.01)
                if self.watch._presses.empty() and not self.watch._keypad._busy.locked():
                    break

        self.room.run(typed())

    # --- the page ------------------------------------------------------------------------------

    def act(self, name: str, /, **given: object) -> Any:  # noqa: ANN401 (whatever the page returns)
        return self.page.evaluate("([name, given]) => act(name, given)", [name, given])

    def says(self, name: str, /, **given: object) -> str:
        """The error in which an act ends, as a person reads it."""
        said: str = self.page.evaluate("([name, given]) => says(name, given)", [name, given])
        return said

    def opens(self, name: str, /, **asked: object) -> Given:
        found: Given = self.act("opens", name=name, lock="front", **asked)
        return found

    # --- the lock ------------------------------------------------------------------------------

    def entries(self, kind: Kind) -> list[Entry]:
        async def read() -> list[Entry]:
            rows = self.lock.store.entries(0, 1_000_000)
            return [entry for _, body, _ in rows if (entry := read_entry(body)).kind is kind]

        return self.room.run(read())

    @property
    def refusals(self) -> list[object]:
        return [entry.about[About.CHECK] for entry in self.entries(Kind.REFUSED)]

    @property
    def site(self) -> Site:
        return accept_first(bytes.fromhex(self.founded["root"]))


@pytest.fixture(scope="module")
def stand(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A lock that was taken over from the browser as the front door of a site made there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(limits, "ARGON2_KIB", 8)
        patched.setattr(limits, "ARGON2_PASSES", 1)
        room, hub = Room(), Hub()
        room.run(hub.start())
        page = browser.new_page()
        page.set_default_timeout(20_000)
        with_authenticator(page)
        page.goto(f"{hub.origin}/acts")
        page.wait_for_function("() => Boolean(window.act)")
        made = Stand(tmp_path_factory.mktemp("stand") / "lock", room, hub, page)
        code = write_code(made.lock.secrets.code)
        made.founded = made.act("found", code=code, lock="front")
        made.refused = [made.says("takesOver", lock="front")]
        made.press_inside_button()
        made.refused.append(made.says("takesOver", lock="front", otherSecret=True))
        made.taken = made.act("takesOver", lock="front")
        yield made
        made.close()
        page.close()
        room.run(hub.stop())
        room.close()


def with_authenticator(page: Page) -> None:
    """A passkey device that is always touched, by the right person."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}})


@pytest.fixture
def bending(stand: Stand) -> Iterator[Callable[[int, int], None]]:
    """Flips one bit in each frame of that number which the lock says; 0 is its greeting."""

    def bend(which: int, at: int) -> None:
        def flip(number: int, frame: bytes) -> bytes:
            if number != which:
                return frame
            place = at % len(frame)
            return frame[:place] + bytes([frame[place] ^ 1]) + frame[place + 1:]

        stand.hub.bend = flip

    yield bend
    stand.hub.bend = unbent


def wire(chain: list[Any]) -> list[cbor.Value]:
    """A chain as the page writes it."""
    return [bytes.fromhex(link) if isinstance(link, str)
            else [bytes.fromhex(link[0]), [bytes.fromhex(part) for part in link[1]]]
            for link in chain]


def until(days: int) -> int:
    return int(time.time()) + days * DAY


# --- owning --------------------------------------------------------------------------------------


def test_a_new_lock_is_taken_over_from_the_browser(stand: Stand) -> None:
    owned = stand.lock.owned
    assert owned is not None
    assert owned.place.site.id.hex() == stand.founded["id"]
    receipt = accept_receipt(bytes.fromhex(stand.taken["bytes"]), stand.lock.secrets.public.signing)
    assert receipt.leaf == bytes(16)


def test_takeover_needs_the_inside_button_and_the_right_code(stand: Stand) -> None:
    assert all("Press the button on its inside" in said for said in stand.refused)
    assert len(stand.refused) == 2
    code = write_code(stand.lock.secrets.code)
    assert "has an owner already" in stand.says("greets", code=code, lock="front")


def test_root_and_map_made_in_the_browser_hold(stand: Stand) -> None:
    site = stand.site
    assert site.version == 1
    assert site.roles[Role.ROOT].threshold == 2
    doors = accept_doors(site, bytes.fromhex(stand.founded["doors"]))
    assert [door.label for door in doors.doors] == ["Front door"]
    assert doors.doors[0].lock.id == stand.lock.secrets.public.id


def test_settings_made_in_the_browser_count(stand: Stand) -> None:
    made = stand.act("configures", name="settings", version=1, relockAfter=0, pins={
        "entry": "plain", "spent": "rest", "most": 20})
    door = bytes.fromhex(stand.founded["door"])
    assert accept_config(stand.site, bytes.fromhex(made), None, door=door, above=0).version == 1
    stand.act("give", name="Settler")
    assert stand.opens("Settler", command="status", bundle=["settings"])["delivered"] == [0]


def test_settings_made_in_the_browser_name_the_hub_that_the_lock_dials(stand: Stand) -> None:
    key, pins = bytes([9]) + bytes(31), {"entry": "index", "spent": "off", "most": 50}
    made = stand.act(
        "configures", name="dialling", version=2, relockAfter=30, pins=pins,
        hub={"key": key.hex(), "address": "wss://hub.example/uplink"})
    config = accept_config(
        stand.site, bytes.fromhex(made), None, door=bytes.fromhex(stand.founded["door"]), above=1)
    assert (config.hub, config.relock_after) == ((key, "wss://hub.example/uplink"), 30)
    shared = {"key": "00" * 32, "address": "wss://hub.example/uplink"}
    said = stand.says("configures", name="bad", version=3, relockAfter=0, pins=pins, hub=shared)
    assert said.startswith("Untrusted")
    assert "(N3)" in said


# --- opening -------------------------------------------------------------------------------------


def test_a_key_that_nobody_can_copy_opens_the_door(stand: Stand) -> None:
    stand.act("give", name="Ana", exp=until(30))
    found = stand.opens("Ana")
    assert (found["coarse"], found["result"], found["state"]) == (None, "unlocked", "unlocked")
    accept_receipt(bytes.fromhex(found["receipt"]), stand.lock.secrets.public.signing)
    assert stand.opens("Ana", command="lock")["result"] == "locked"


def test_a_key_that_the_lock_has_seen_is_named_and_shown_whole_when_asked_for(
    stand: Stand) -> None:
    stand.act("give", name="Regular")
    before = stand.hub.connections
    assert stand.opens("Regular", seen=True)["result"] == "unlocked"
    assert stand.hub.connections == before + 2  # the lock had not seen it
    assert stand.opens("Regular", seen=True)["result"] == "unlocked"
    assert stand.hub.connections == before + 3


def test_a_lost_answer_is_asked_for_again_and_moves_nothing_twice(stand: Stand) -> None:
    stand.act("give", name="Unlucky", uses=1)
    lost = iter([True, False])
    stand.hub.bend = lambda number, frame: b"" if number == 1 and next(lost) else frame
    try:
        assert stand.opens("Unlucky")["result"] == "unlocked"
    finally:
        stand.hub.bend = unbent
    assert stand.opens("Unlucky")["coarse"] == "not_allowed"


def test_an_answer_that_never_comes_is_said_to_be_lost(stand: Stand) -> None:
    stand.act("give", name="Cut off")
    stand.hub.bend = lambda number, frame: b"" if number == 1 else frame
    try:
        said = stand.says("opens", name="Cut off", lock="front")
    finally:
        stand.hub.bend = unbent
    assert said.startswith("AnswerLost: The door was asked, and its answer never came")


def test_a_key_that_has_ended_is_refused_with_a_receipt(stand: Stand) -> None:
    stand.act("give", name="Late", exp=int(time.time()) - 1)
    found = stand.opens("Late")
    assert (found["coarse"], found["result"]) == ("not_now", "refused")


def test_a_key_that_asks_for_a_passkey_opens_with_its_touch_alone(stand: Stand) -> None:
    stand.act("give", name="Careful", passkey=True, factors=2)
    assert stand.opens("Careful", touches=True)["result"] == "unlocked"
    found = stand.opens("Careful")
    assert (found["coarse"], found["result"]) == ("show_more", "refused")


# --- handing on ----------------------------------------------------------------------------------


def web_key(stand: Stand, name: str, **terms: object) -> list[Any]:
    """A key in a browser that may hand on, with its passkey's touch."""
    asked = {"klass": 1, "passkey": True, "delegable": 1, "depth": 1, "maxLife": 7 * DAY,
             "nbf": int(time.time()) - 60, "exp": until(5)} | terms
    chain: list[Any] = stand.act("give", name=name, **asked)
    return chain


def test_a_browsers_key_hands_on_with_a_touch_and_the_child_opens(stand: Stand) -> None:
    web_key(stand, "Agent")
    chain = stand.act("handOn", **{"from": "Agent"}, name="Plumber")
    links = verify_chain(read_chain(wire(chain)), stand.site.chain_keys()).links
    assert links[-1].about[1] == "Plumber"
    assert stand.opens("Plumber")["result"] == "unlocked"


@pytest.mark.parametrize(("terms", "sentence"), [
    ({"depth": 1}, "It may be passed on more often than your own key allows. (C7)"),
    ({"use": 3}, "It allows something that your own key may not pass on. (C9)"),
    ({"nbf": 1}, "It starts before your own key does. (C10)"),
    ({"exp": until(6)}, "It ends later than your own key does. (C11)"),
])
def test_what_a_door_would_refuse_is_said_before_anything_is_signed(
    stand: Stand, terms: Given, sentence: str) -> None:
    name = f"Bounded by {sentence}"
    web_key(stand, name)
    assert sentence in stand.act("refuses", **{"from": name}, name=f"Nobody {sentence}", **terms)


# --- taking back ---------------------------------------------------------------------------------


def test_a_browsers_key_takes_back_with_a_touch(stand: Stand) -> None:
    web_key(stand, "Manager")
    stand.act("handOn", **{"from": "Manager"}, name="Former")
    assert stand.opens("Former")["result"] == "unlocked"
    item = stand.act("takesBack", **{"from": "Manager"}, name="end", of="Former")
    accepted = accept_revocation(
        stand.site, bytes.fromhex(item["document"]), wire(item["chain"]),
        [bytes.fromhex(part) for part in item["touch"]])
    assert not accepted.over_all
    assert stand.opens("Manager", bundle=["end"])["delivered"] == [0]
    assert stand.opens("Former")["coarse"] == "not_allowed"
    assert stand.opens("Manager")["news"] == 1


def test_the_owner_takes_back_from_the_browser(stand: Stand) -> None:
    stand.act("give", name="Lodger")
    item = stand.act("takesBack", name="lodger's end", of="Lodger", byOwner=True)
    assert accept_revocation(stand.site, bytes.fromhex(item["document"])).over_all
    stand.act("give", name="Courier")
    assert stand.opens("Courier", command="status", bundle=["lodger's end"])["delivered"] == [0]
    assert stand.opens("Lodger")["coarse"] == "not_allowed"


# --- PINs ----------------------------------------------------------------------------------------


def test_a_pin_enrolled_from_the_browser_opens_at_the_keypad(stand: Stand) -> None:
    stand.act("give", name="Tenant", use=3 | 16, resident=True)
    made = stand.act("enrols", **{"from": "Tenant"}, name="pin", slot=3)
    assert stand.opens("Tenant", command="lock", bundle=["pin"])["delivered"] == [0]
    stand.type_code(made["digits"])
    opened = stand.entries(Kind.GRANTED)[-1]
    assert opened.about[About.SLOT] == 3


def test_a_sealed_pin_opens_for_its_lock_and_context_alone(stand: Stand) -> None:
    sealing = X25519PrivateKey.generate()
    context = sealed_context(bytes(16), bytes([1]) * 16, 7)
    sealed = stand.act(
        "seals", digits="48291736", sealing=sealing.public_key().public_bytes_raw().hex(),
        holder="00" * 16, leaf="01" * 16, slot=7)
    assert HPKE.decrypt(bytes.fromhex(sealed), sealing, info=context) == b"48291736"
    assert len(sealed) == 2 * (32 + 8 + 16)


def test_drawn_pins_are_long_enough_and_none_is_easy_to_guess(stand: Stand) -> None:
    pins = stand.act("draws", count=300, most=20)
    assert {len(pin) for pin in pins} == {8}
    assert not any(map(weakness, pins))
    assert len(set(pins)) == 300


# --- lies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_changed_greeting_is_no_lock(
    stand: Stand, bending: Callable[[int, int], None], at: int) -> None:
    stand.act("give", name=f"Wary {at}")
    bending(0, at)
    said = stand.says("opens", name=f"Wary {at}", lock="front")
    assert said == ("Untrusted: What answered is not the lock that it should be, or somebody "
                    "changed what it said. (N4)")


def test_a_changed_answer_is_noticed(
    stand: Stand, bending: Callable[[int, int], None]) -> None:
    stand.act("give", name="Watchful")
    bending(1, 20)
    said = stand.says("opens", name="Watchful", lock="front")
    assert said == ("Untrusted: Somebody changed what the lock said, or left something out. (N5)")


def test_another_locks_key_gets_no_answer(stand: Stand) -> None:
    stand.act("give", name="Astray")
    said = stand.says("opens", name="Astray", lock="front", wrongKey="link")
    assert said == "Unreachable: The door ended the conversation."


def test_a_proof_for_another_lock_opens_nothing(stand: Stand) -> None:
    stand.act("give", name="Elsewhere")
    found = stand.opens("Elsewhere", wrongKey="signing")
    assert (found["coarse"], found["receipt"]) == ("not_allowed", None)


def test_a_receipt_that_the_lock_did_not_sign_is_no_answer(
    stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.act("give", name="Doubtful")
    monkeypatch.setattr(record, "receipt_signature", lambda *_: bytes([1]) * 64)
    said = stand.says("opens", name="Doubtful", lock="front")
    assert said == (
        "Untrusted: The receipt is not this lock's word: somebody changed what it said. (K8)")


# --- keys in this browser ------------------------------------------------------------------------


def test_a_kept_key_is_the_same_later_and_signs_what_the_core_takes(stand: Stand) -> None:
    found = stand.act("keeps")
    assert found["same"]
    assert found["listed"]
    assert found["gone"]
    assert found["again"] == "Unable: This browser holds a key of that name already."
    key = PublicKey.from_cose(cbor.decode(bytes.fromhex(found["key"])))
    key.verify(bytes.fromhex(found["signature"]), b"a door")


def test_a_kept_key_cannot_be_copied(stand: Stand) -> None:
    found = stand.act("copies")
    assert found["extractable"] is False
    assert all(said.startswith("InvalidAccessError") for said in found["said"])


def test_signatures_have_the_lower_s(stand: Stand) -> None:
    found = stand.act("highs", count=24)  # half of them would have the higher one
    key = PublicKey.from_cose(cbor.decode(bytes.fromhex(found["key"])))
    for signature in found["signatures"]:
        key.verify(bytes.fromhex(signature), b"a door")


def test_what_has_no_encoding_is_refused(stand: Stand) -> None:
    found = stand.act("encodes")
    assert set(found["bad"]) == {"TypeError"}
    for encoded in found["good"]:
        raw = bytes.fromhex(encoded)
        assert cbor.encode(cbor.decode(raw)) == raw
    with pytest.raises(Misuse):
        cbor.encode(1 << 64)


def test_a_browser_without_the_curve_says_so(stand: Stand) -> None:
    stand.act("give", name="Old browser")
    assert "too old. Update it, or use another." in stand.act("cannot")

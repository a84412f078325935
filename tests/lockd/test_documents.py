"""What a visitor carries in counts by its signatures, in any order, and once."""

# ruff: noqa: ANN401 — items and fixtures of any shape
from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import pytest
from tests.core.cast import (
    FRONT,
    GRANTER,
    METER,
    PASSKEY,
    REVOKER,
    ROOT,
    STRANGER,
    Chain,
    first,
    key,
    passer,
    role,
    site,
    touch,
)
from tests.core.cast import SITE as SITE_ID
from tests.lockd.builders import (
    DAY,
    HOUR,
    NOW,
    USE,
    Fate,
    Stand,
    Visit,
    config_item,
    door_map,
    enrol_item,
    guest,
    owner_key,
    receipt_of,
    revoke_item,
    root_bytes,
    tenant,
)
from tests.lockd.cuts import Cuts

from mortice.core import cbor
from mortice.core.commands import Command
from mortice.core.config import CONFIG, Config, sign_config
from mortice.core.document import id_of
from mortice.core.grant import ENROL, CredentialKind, KeyClass, Rights, read_grant
from mortice.core.keys import SoftwareKey
from mortice.core.limits import (
    BUNDLE_DOCUMENTS,
    MESSAGE_BYTES,
    REVOCATIONS_PER_HOLDER,
)
from mortice.core.log import About, Kind, Result, accept_receipt
from mortice.core.messages import Carried, read_bundle
from mortice.core.pin import Entry, PinPolicy, Spent
from mortice.core.refusal import Coarse, Reason
from mortice.core.revocation import REVOKE
from mortice.core.schedule import Window
from mortice.core.site import DOORS_MAP, SITE, DoorMap, MappedDoor, sign_doors
from mortice.lockd import deliver as delivering

PIN, OTHER_PIN = "48291357", "70164825"
APPLIED, KNOWN = 0, -1


async def taken(stand: Stand, *items: list[Any]) -> None:
    for fate in await stand.deliver(*items):
        assert fate.result == APPLIED, fate.reason
        assert receipt_of(fate, stand.lock).result is Result.DONE


async def refused(stand: Stand, item: list[Any]) -> Reason | None:
    [fate] = await stand.deliver(item)
    assert fate.result > 0, "it was taken"
    assert receipt_of(fate, stand.lock).result is Result.REFUSED
    return fate.reason


# --- receipts -----------------------------------------------------------------------------------


async def test_each_document_gets_a_receipt_under_the_locks_key(stand: Stand) -> None:
    items = [revoke_item(bytes(16)), config_item(), [CONFIG, b"\x00"]]
    fates = await stand.deliver(*items)
    assert [fate.document for fate in fates] == [id_of(item[1]) for item in items]
    assert [fate.result for fate in fates] == [APPLIED, APPLIED, Reason.MALFORMED.words.number]
    log = stand.log()
    for fate in fates:
        receipt = receipt_of(fate, stand.lock)
        assert receipt.leaf == fate.document
        assert receipt.index < len(log)
        assert stand.audit(fate.receipt or b"").fault is None


async def test_a_receipt_of_another_lock_is_not_this_ones(stand: Stand, stands: Any) -> None:
    other = stands("other").commission()
    [fate] = await other.deliver(revoke_item(bytes(16)))
    assert fate.receipt is not None
    with pytest.raises(Exception, match="another lock"):
        accept_receipt(fate.receipt, stand.lock.secrets.signing.public)


async def test_no_receipt_is_given_for_what_is_not_on_the_disk(
    stand: Stand, tmp_path: Any,
) -> None:
    """A receipt commits to an entry that a power cut right after it leaves in place."""
    cuts = Cuts(stand, tmp_path / "cuts")
    with cuts.during():
        fates = await stand.deliver(revoke_item(bytes(16)), config_item())
    sizes = [lock.store.size for lock in cuts.lives()]
    for fate in fates:
        assert receipt_of(fate, stand.lock).index < max(sizes)


async def test_a_dead_key_carries_news_as_well_as_a_live_one(stand: Stand) -> None:
    dead = first(key("dead"), exp=NOW - DAY)
    said = await stand.visit(dead, Command.DELIVER, bundle=[revoke_item(tenant().leaf.id)])
    assert said.answer.coarse is Coarse.NOT_NOW
    assert [fate.result for fate in said.fates] == [APPLIED]
    assert await stand.reason(tenant()) is Reason.REVOKED


async def test_documents_come_later_in_a_conversation_too(stand: Stand) -> None:
    visit = Visit(stand.lock, tenant("courier"))
    await visit.run(Command.STATUS)
    answer = await visit.later(Command.DELIVER, {1: [revoke_item(tenant().leaf.id)]})
    assert answer[0] is None
    assert Fate(*answer[1][0]).result == APPLIED


@pytest.mark.parametrize("bundle", [
    1, "x", [1], [[]], [["x"]], [[1, b""]], [["x", b"", 1]], [["x", b"", [], None, 5]],
    [[REVOKE, b"x"]] * (BUNDLE_DOCUMENTS + 1),
], ids=range(9))
async def test_a_bundle_of_another_form_is_malformed_now_and_later(
    stand: Stand, bundle: Any,
) -> None:
    said = await stand.visit(tenant(), Command.DELIVER, carried={Carried.BUNDLE: bundle})
    assert said.answer.coarse is Coarse.MALFORMED
    visit = Visit(stand.lock, tenant("courier"))
    await visit.run(Command.STATUS)
    assert await visit.later(Command.DELIVER, {1: bundle}) == [Coarse.MALFORMED.value]


@pytest.mark.parametrize("kind", [REVOKE, SITE, DOORS_MAP, CONFIG, "mortice-time/1", ENROL, "?"])
@pytest.mark.parametrize("junk", [b"", b"\x00", b"\xff" * 99, cbor.encode([b"", {}, b"", b""])])
async def test_junk_of_every_kind_is_refused_and_changes_nothing(
    stand: Stand, kind: str, junk: bytes,
) -> None:
    before = stand.lock.owned
    for item in ([kind, junk], [kind, junk, []], [kind, junk, [junk]], [kind, junk, tenant().wire]):
        [fate] = await stand.deliver(item)
        assert fate.reason in {Reason.MALFORMED, Reason.BAD_SIGNATURE}, fate
    assert stand.lock.owned == before
    assert set(stand.kinds()) == {
        Kind.STARTED, Kind.COMMISSIONED, Kind.TIME_SET, Kind.REFUSED}


async def test_a_document_of_one_kind_is_none_of_another(stand: Stand) -> None:
    items = {REVOKE: revoke_item(bytes(16)), CONFIG: config_item(), SITE: [SITE, root_bytes()],
             DOORS_MAP: [DOORS_MAP, door_map(stand.lock.secrets.public, 2)]}
    for said, meant in itertools.permutations(items, 2):
        assert await refused(stand, [said, *items[meant][1:]]) is not None


async def test_one_bad_document_keeps_no_other_out(
    stand: Stand, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(delivering.TAKERS, CONFIG, broken)
    said = await stand.visit(
        tenant("courier"), bundle=[config_item(), [REVOKE, b"junk"], revoke_item(bytes(16))])
    assert [fate.reason for fate in said.fates] == [Reason.FAULT, Reason.MALFORMED, None]
    assert said.answer.coarse is None


async def test_refused_documents_cannot_fill_the_log(stand: Stand) -> None:
    size = stand.lock.store.size
    for _ in range(5):
        await stand.deliver(*[[REVOKE, b"junk"]] * 40)
    assert stand.lock.store.size - size <= 40


# --- taking back --------------------------------------------------------------------------------


async def test_the_revoke_role_takes_any_key_back(stand: Stand) -> None:
    assert await stand.opens(tenant())
    await taken(stand, revoke_item(tenant().leaf.id))
    assert await stand.reason(tenant()) is Reason.REVOKED
    assert await stand.opens(tenant("neighbour"))


async def test_taking_back_a_holders_key_pair_takes_back_every_link_to_it(stand: Stand) -> None:
    await taken(stand, revoke_item(key("tenant").public.id))
    assert await stand.reason(tenant()) is Reason.REVOKED
    assert await stand.reason(tenant(uses=5)) is Reason.REVOKED


async def test_whoever_stands_below_a_key_taken_back_is_out_as_well(stand: Stand) -> None:
    above = passer(depth=2)
    below = above.pass_on(key("firm"), delegable=Rights.UNLOCK, depth=1)
    await taken(stand, revoke_item(above.leaf.id))
    assert await stand.reason(below.pass_on(key("engineer"))) is Reason.REVOKED


async def test_the_holder_of_a_parent_takes_back_its_children_and_no_others(stand: Stand) -> None:
    above = passer(depth=1)
    child = above.pass_on(key("child"))
    item = revoke_item(
        child.leaf.id, tenant().leaf.id, above.leaf.id, signer=above.holder, chain=above)
    await taken(stand, item)
    assert await stand.reason(child) is Reason.REVOKED
    assert await stand.opens(tenant())
    assert await stand.opens(above)


@pytest.mark.parametrize(("signer", "chain", "why"), [
    (STRANGER, None, Reason.BAD_SIGNATURE),
    (GRANTER, None, Reason.BAD_SIGNATURE),
    (key("tenant"), guest(), Reason.BAD_SIGNATURE),
    (key("guest"), guest(), Reason.NO_RIGHT),
    (STRANGER, first(STRANGER, signer=STRANGER), Reason.UNKNOWN_KEY),
], ids=["a stranger", "another role", "not the holder", "who passes nothing on", "no key of ours"])
async def test_nobody_else_takes_anything_back(
    stand: Stand, signer: SoftwareKey, chain: Chain | None, why: Reason,
) -> None:
    assert await refused(stand, revoke_item(tenant().leaf.id, signer=signer, chain=chain)) is why
    assert await stand.opens(tenant())


async def test_deltas_count_the_same_in_any_order_and_twice(stands: Any) -> None:
    names = [tenant(name).leaf.id for name in ("a", "b", "c")]
    items = [revoke_item(*names[:1]), revoke_item(*names[1:]), revoke_item(*names[:2])]
    outcomes = set()
    for number, order in enumerate(itertools.permutations(items)):
        stand = stands(f"lock{number}").commission()
        for item in [*order, *order]:
            await stand.deliver(item)
        opened = [name for name in ("a", "b", "c") if await stand.opens(tenant(name))]
        outcomes.add((*opened, stand.lock.news_digest()))
    assert len(outcomes) == 1, "the same set, whatever the order"
    assert len(outcomes.pop()) == 1, "and nobody opens"


async def test_a_document_known_already_is_said_to_be_known(stand: Stand) -> None:
    item = revoke_item(bytes(16))
    await taken(stand, item)
    size = stand.lock.store.size
    [fate] = await stand.deliver(item)
    assert (fate.result, fate.receipt, stand.lock.store.size) == (KNOWN, None, size)


async def test_another_signature_over_a_known_delta_is_known(stand: Stand) -> None:
    kind, document = revoke_item(bytes(16))
    await taken(stand, [kind, document])
    parts = cbor.decode(document)
    assert isinstance(parts, list)
    assert [f.result for f in await stand.deliver([kind, cbor.encode([*parts[:3], bytes(64)])])] \
        == [KNOWN]


async def test_nothing_brings_a_key_back_before_its_end(stand: Stand) -> None:
    await taken(stand, revoke_item(tenant().leaf.id))
    await taken(stand, revoke_item(tenant().leaf.id, expires=NOW + HOUR))
    stand.board.loop.jump(2 * HOUR)
    stand.watched()
    await asyncio.sleep(3)
    stand.power_cut()
    assert await stand.reason(tenant()) is Reason.REVOKED


async def test_an_entry_leaves_when_its_link_has_ended(stand: Stand) -> None:
    link = guest(exp=NOW + HOUR)
    await taken(stand, revoke_item(link.leaf.id, expires=NOW + HOUR))
    assert stand.lock.store.revoked_count() == 1
    stand.watched()
    stand.board.loop.jump(2 * HOUR)
    await stand.opens(tenant())  # which raises the floor of time to now
    await asyncio.sleep(2)
    assert stand.lock.store.revoked_count() == 0
    assert not stand.lock.store.news()
    assert await stand.reason(link) is Reason.ENDED


async def test_while_time_is_unsure_no_entry_leaves(stand: Stand) -> None:
    link = guest(exp=NOW + HOUR)
    await taken(stand, revoke_item(link.leaf.id, expires=NOW + HOUR))
    stand.board.lose_rtc()
    stand.power_cut()
    stand.watched()
    stand.board.loop.jump(2 * HOUR)
    await asyncio.sleep(2)
    assert stand.lock.store.revoked_count() == 1


async def test_one_holder_fills_neither_the_lock_nor_what_is_left_for_the_owner(
    stand: Stand, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivering, "REVOCATIONS_MAX", 600)
    above = passer(depth=1)

    def many(start: int, count: int, signer: SoftwareKey, chain: Chain | None) -> list[Any]:
        names = [number.to_bytes(16, "big") for number in range(start, start + count)]
        return revoke_item(*names, signer=signer, chain=chain)

    reasons = []
    for start in range(0, REVOCATIONS_PER_HOLDER + 128, 100):
        [fate] = await stand.deliver(many(start, 100, above.holder, above))
        reasons.append(fate.reason)
    assert reasons[:3] == [None] * 3
    assert set(reasons[3:]) == {Reason.STORAGE_FULL}
    await taken(stand, many(10_000, 100, REVOKER, None))
    await taken(stand, many(20_000, 100, REVOKER, None))


async def test_a_holder_of_many_keys_leaves_room_for_the_owner(
    stand: Stand, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivering, "REVOCATIONS_MAX", 200)
    above = passer(depth=2)
    for number in range(4):
        child = above.pass_on(key(f"child {number}"), delegable=Rights.UNLOCK, depth=1)
        names = [(1000 * number + n).to_bytes(16, "big") for n in range(50)]
        await stand.deliver(revoke_item(*names, signer=child.holder, chain=child))
    assert stand.lock.store.revoked_count() == 100
    await taken(stand, revoke_item(tenant().leaf.id))


# --- news on its way ----------------------------------------------------------------------------


async def news_for(stand: Stand, known: bytes = bytes(8)) -> list[bytes]:
    said = await stand.visit(tenant("courier"), Command.STATUS, carried={Carried.NEWS: known})
    return said.news


async def test_news_goes_on_to_every_visitor_who_lacks_it(stand: Stand) -> None:
    item = revoke_item(bytes(16))
    await taken(stand, item)
    [carried] = await news_for(stand)
    assert [list(i) for i in cbor.decode(carried)] == [item]  # type: ignore[union-attr]
    assert await news_for(stand, stand.lock.news_digest()) == []


async def test_a_refused_visitor_gets_the_news_all_the_same(stand: Stand) -> None:
    await taken(stand, revoke_item(guest().leaf.id))
    said = await stand.visit(guest(), carried={Carried.NEWS: bytes(8)})
    assert said.answer.coarse is Coarse.NOT_ALLOWED
    assert len(said.news) == 1


async def test_news_reaches_another_lock_through_any_holder(stands: Any) -> None:
    one, other = stands("one").commission(), stands("other").commission()
    above = passer(depth=1)
    child = above.pass_on(key("child"))
    await one.deliver(revoke_item(child.leaf.id, signer=above.holder, chain=above))
    for carried in await news_for(one):
        items = read_bundle(cbor.decode(carried))
        await other.deliver(*[[i.kind, i.document, i.chain] for i in items])
    assert await other.reason(child) is Reason.REVOKED
    assert one.lock.news_digest() == other.lock.news_digest()


async def test_much_news_comes_in_bounded_parts_and_all_of_it_in_the_end(stand: Stand) -> None:
    for number in range(150):
        await stand.deliver(revoke_item(number.to_bytes(16, "big")))
    seen: set[bytes] = set()
    for _ in range(60):
        said = await stand.visit(tenant(), carried={Carried.NEWS: bytes(8)})
        assert len(said.messages[3]) <= MESSAGE_BYTES
        assert 1 <= len(said.news) < 150
        seen |= set(said.news)
        if len(seen) == 150:
            break
    assert len(seen) == 150


async def test_a_full_bundle_and_much_news_make_one_answer_that_can_be_read(stand: Stand) -> None:
    for number in range(100):
        await stand.deliver(revoke_item(number.to_bytes(16, "big")))
    bundle = [revoke_item((1000 + number).to_bytes(16, "big")) for number in range(42)]
    said = await stand.visit(
        tenant("courier"), Command.DELIVER, bundle=bundle, carried={Carried.NEWS: bytes(8)})
    assert len(said.messages[3]) <= MESSAGE_BYTES
    assert [fate.result for fate in said.fates] == [APPLIED] * 42


# --- PINs put on the door -----------------------------------------------------------------------


async def test_an_enrolment_is_written_down_without_its_pin(stand: Stand) -> None:
    await taken(stand, enrol_item(stand.lock, tenant(), PIN, slot=7, version=5))
    enrolled = stand.last(Kind.ENROLLED)
    assert (enrolled.about[About.SLOT], enrolled.about[About.VERSION]) == (7, 5)
    assert PIN not in repr(enrolled)


async def test_a_slots_version_only_rises_and_outlives_its_credential(stand: Stand) -> None:
    await taken(stand, enrol_item(stand.lock, tenant(), PIN, version=5))
    assert await refused(stand, enrol_item(stand.lock, tenant(), OTHER_PIN, version=5)) \
        is Reason.STALE_DOCUMENT
    assert await refused(stand, enrol_item(stand.lock, tenant(), OTHER_PIN, version=4)) \
        is Reason.STALE_DOCUMENT
    await taken(stand, revoke_item(tenant().leaf.id))
    stand.power_cut()
    assert stand.lock.store.slots() == []
    neighbour = tenant("neighbour")
    assert await refused(stand, enrol_item(stand.lock, neighbour, OTHER_PIN, version=5)) \
        is Reason.STALE_DOCUMENT
    await taken(stand, enrol_item(stand.lock, neighbour, OTHER_PIN, version=6))


async def test_the_same_enrolment_twice_is_known(stand: Stand) -> None:
    item = enrol_item(stand.lock, tenant(), PIN)
    await taken(stand, item)
    assert [fate.result for fate in await stand.deliver(item)] == [KNOWN]


async def test_a_newer_pin_takes_the_place_of_the_older(stand: Stand) -> None:
    await taken(stand, enrol_item(stand.lock, tenant(), PIN, version=1))
    await taken(stand, enrol_item(stand.lock, tenant(), OTHER_PIN, version=2))
    stand.watched()
    await stand.press(PIN + "#")
    assert stand.moves == 0
    await stand.press(OTHER_PIN + "#")
    assert stand.moves == 1


async def test_a_pin_from_a_browser_comes_with_its_touch(stand: Stand) -> None:
    web = first(key("web"), use=USE | Rights.ENROL, delegable=USE, depth=1, klass=KeyClass.WEB,
                max_life=DAY, passkey=PASSKEY)
    item = enrol_item(stand.lock, web, PIN, nbf=NOW, exp=NOW + HOUR)
    document = item[1]
    assert isinstance(document, bytes)
    assert await refused(stand, item) is Reason.NOT_NARROWER
    other = touch(web.leaf.id)
    assert await refused(stand, [*item, other]) is Reason.SECOND_FACTOR
    touched = [*item, touch(read_grant(document, ENROL).id + web.leaf.id)]
    await taken(stand, touched)
    assert [fate.result for fate in await stand.deliver(touched)] == [KNOWN]
    stand.watched()
    await stand.press(PIN + "#")
    assert stand.moves == 1


async def test_enrolling_needs_its_right(stand: Stand) -> None:
    plain = first(key("plain"), use=Rights.UNLOCK, depth=1, delegable=Rights.UNLOCK)
    assert await refused(stand, enrol_item(stand.lock, plain, PIN)) is Reason.NO_RIGHT
    assert stand.lock.store.slots() == []


async def test_nobody_takes_the_slot_of_somebody_else(stand: Stand) -> None:
    await taken(stand, enrol_item(stand.lock, tenant(), PIN, version=1))
    neighbour = tenant("neighbour")
    assert await refused(stand, enrol_item(stand.lock, neighbour, OTHER_PIN, version=2)) \
        is Reason.NO_RIGHT
    stand.watched()
    await stand.press(PIN + "#")
    assert stand.moves == 1


@pytest.mark.parametrize("ended", ["its link ended", "its root is gone"])
async def test_a_slot_is_free_again_once_its_credential_is_dead(stand: Stand, ended: str) -> None:
    if ended == "its link ended":
        await taken(stand, enrol_item(stand.lock, tenant(), PIN, nbf=NOW, exp=NOW + HOUR))
        stand.board.loop.jump(2 * HOUR)
        newer = tenant("neighbour")
    else:
        await taken(stand, enrol_item(stand.lock, tenant(), PIN))
        granter = key("next granter")
        await taken(stand, [SITE, root_bytes(
            replace(site(version=2), roles=site().roles | {1: role(granter)}))])
        newer = tenant("neighbour", signer=granter)
    item = enrol_item(stand.lock, newer, OTHER_PIN, version=2)
    said = await stand.visit(newer, Command.DELIVER, bundle=[item])
    assert [fate.result for fate in said.fates] == [APPLIED]


async def test_an_enrolment_by_a_key_taken_back_is_refused(stand: Stand) -> None:
    await taken(stand, revoke_item(tenant().leaf.id))
    assert await refused(stand, enrol_item(stand.lock, tenant(), PIN)) is Reason.REVOKED


async def test_a_pin_sealed_for_another_slot_holder_or_lock_is_refused(
    stand: Stand, stands: Any,
) -> None:
    other = stands("other")
    for item in (
        enrol_item(stand.lock, tenant(), PIN, sealed=sealed_in(
            enrol_item(stand.lock, tenant(), PIN, slot=9))),
        enrol_item(stand.lock, tenant(), PIN, sealed=sealed_in(
            enrol_item(stand.lock, tenant("neighbour"), PIN))),
        enrol_item(stand.lock, tenant(), PIN, sealed=sealed_in(
            enrol_item(other.lock, tenant(), PIN))),
        enrol_item(stand.lock, tenant(), PIN, sealed=b"junk"),
    ):
        assert await refused(stand, item) is Reason.BAD_SIGNATURE
    assert await refused(stand, enrol_item(other.lock, tenant(), PIN)) is Reason.WRONG_DOOR


def sealed_in(item: list[Any]) -> bytes:
    credential = read_grant(item[1], ENROL).credential
    assert credential is not None
    return credential.sealed


@pytest.mark.parametrize("weak", [
    "123456", "11111111", "20261202", "12341234", "123", "1234567890123", "12a45678", "",
    "4829135"])
async def test_a_weak_or_short_pin_is_refused(stand: Stand, weak: str) -> None:
    assert await refused(stand, enrol_item(stand.lock, tenant(), weak, sealed=None)) in {
        Reason.MALFORMED, Reason.NO_RIGHT}
    assert stand.lock.store.slots() == []


async def test_two_people_never_have_one_pin_and_learning_so_costs_a_try(stand: Stand) -> None:
    await taken(stand, enrol_item(stand.lock, tenant(), PIN))
    neighbour = tenant("neighbour")
    assert not stand.lock.store.tries("door").at
    for version in range(1, 11):
        item = enrol_item(stand.lock, neighbour, PIN, slot=4, version=version)
        assert await refused(stand, item) is Reason.WRONG_PIN
    assert len(stand.lock.store.tries("door").at) == 10
    free = enrol_item(stand.lock, neighbour, OTHER_PIN, slot=4, version=11)
    assert await refused(stand, free) is Reason.RESTING


async def test_putting_pins_on_the_door_costs_no_tries(stand: Stand) -> None:
    for slot in range(15):
        await taken(stand, enrol_item(stand.lock, tenant(), f"4829{slot:02d}57", slot=slot))
    assert not stand.lock.store.tries("door").at


async def test_no_more_pins_than_the_door_allows(stand: Stand) -> None:
    await taken(stand, config_item(pins=PinPolicy(most=2)))
    await taken(stand, enrol_item(stand.lock, tenant(), PIN, slot=1))
    await taken(stand, enrol_item(stand.lock, tenant(), OTHER_PIN, slot=2))
    assert await refused(stand, enrol_item(stand.lock, tenant(), "29384756", slot=3)) \
        is Reason.STORAGE_FULL
    await taken(stand, enrol_item(stand.lock, tenant(), "29384756", slot=2, version=2))


async def test_what_this_door_cannot_read_is_not_enrolled(stand: Stand) -> None:
    card = tenant().enrol(CredentialKind.CARD, holder=stand.lock.secrets.signing)
    assert await refused(stand, [ENROL, card.leaf_bytes, tenant().wire]) is Reason.NO_RIGHT


# --- settings, maps and roots -------------------------------------------------------------------


async def test_settings_are_taken_and_outlive_a_restart(stand: Stand) -> None:
    await taken(stand, config_item(1, relock_after=9))
    stand.power_cut()
    assert stand.lock.owner().config.relock_after == 9


async def test_older_settings_do_not_come_back(stand: Stand) -> None:
    await taken(stand, config_item(2, relock_after=9))
    for version in (1, 2):
        assert await refused(stand, config_item(version, relock_after=0)) is Reason.STALE_DOCUMENT
    assert [f.result for f in await stand.deliver(config_item(2, relock_after=9))] == [KNOWN]


async def configured_by(stand: Stand, chain: Chain) -> Fate:
    kind, document = config_item(signer=chain.holder)
    [fate] = await stand.deliver([kind, document, chain.wire])
    return fate


async def test_a_holder_with_the_right_may_configure(stand: Stand) -> None:
    assert (await configured_by(stand, owner_key())).result == APPLIED


@pytest.mark.parametrize(("chain", "why"), [
    (tenant(), Reason.NO_RIGHT),
    (owner_key(doors=frozenset({METER})), Reason.NO_RIGHT),
    (first(key("m"), use=Rights.CONFIGURE, exp=NOW - 1), Reason.ENDED),
    (first(key("m"), use=Rights.CONFIGURE, nbf=NOW + DAY), Reason.NOT_YET),
    (first(key("m"), use=Rights.CONFIGURE, hours=(Window(127, 0, 60),)), Reason.OUTSIDE_HOURS),
], ids=["no right", "another door", "ended", "not started", "not these hours"])
async def test_settings_by_a_key_that_does_not_count_are_refused(
    stand: Stand, chain: Chain, why: Reason,
) -> None:
    assert (await configured_by(stand, chain)).reason is why
    assert stand.lock.owner().config.version == 0


async def test_settings_by_a_key_taken_back_are_refused(stand: Stand) -> None:
    await taken(stand, revoke_item(owner_key().leaf.id))
    assert (await configured_by(stand, owner_key())).reason is Reason.REVOKED


async def test_settings_for_another_door_are_refused(stand: Stand) -> None:
    document = sign_config(SITE_ID, Config(METER, 1), GRANTER)
    assert await refused(stand, [CONFIG, document]) is Reason.WRONG_DOOR


async def test_a_newer_map_is_taken_and_an_older_one_is_not(stand: Stand) -> None:
    keys = stand.lock.secrets.public
    await taken(stand, [DOORS_MAP, door_map(keys, 2)])
    assert await refused(stand, [DOORS_MAP, door_map(keys, 1)]) is Reason.STALE_DOCUMENT
    assert await refused(stand, [DOORS_MAP, door_map(keys, 3, signer=STRANGER)]) \
        is Reason.BAD_SIGNATURE
    assert stand.lock.owner().doors.version == 2


async def test_a_map_that_names_another_lock_for_this_door_is_refused(
    stand: Stand, stands: Any,
) -> None:
    other = stands("other").lock.secrets.public
    assert await refused(stand, [DOORS_MAP, door_map(other, 2)]) is Reason.BAD_SIGNATURE
    assert await stand.opens(tenant())


async def test_a_map_in_a_zone_that_does_not_exist_is_refused(stand: Stand) -> None:
    for zone in ("Europe/Atlantis", "../../etc/passwd", "", "/etc/localtime"):
        door = MappedDoor(FRONT, "Front door", zone, stand.lock.secrets.public)
        document = sign_doors(DoorMap(SITE_ID, 2, (door,)), GRANTER)
        assert await refused(stand, [DOORS_MAP, document]) is Reason.MALFORMED


async def test_a_new_zone_moves_the_hours_with_it(stand: Stand) -> None:
    office = guest(hours=(Window(127, 11 * 60, 12 * 60),))
    assert await stand.opens(office)
    door = MappedDoor(FRONT, "Front door", "Asia/Tokyo", stand.lock.secrets.public)
    await taken(stand, [DOORS_MAP, sign_doors(DoorMap(SITE_ID, 2, (door,)), GRANTER)])
    assert await stand.reason(office) is Reason.OUTSIDE_HOURS


NEXT = site(version=2, roles=site().roles | {1: role(key("next granter"))})


async def test_the_next_root_is_signed_by_phone_and_paper(stand: Stand) -> None:
    await taken(stand, [SITE, root_bytes(NEXT)])
    assert stand.last(Kind.SITE_CHANGED).about[About.VERSION] == 2
    stand.power_cut()
    assert await stand.reason(tenant()) is Reason.UNKNOWN_KEY
    assert await stand.opens(tenant(signer=key("next granter")))


@pytest.mark.parametrize("signers", [(ROOT,), (STRANGER,), (GRANTER, REVOKER)])
async def test_a_root_without_the_present_threshold_is_refused(
    stand: Stand, signers: tuple[SoftwareKey, ...],
) -> None:
    assert await refused(stand, [SITE, root_bytes(NEXT, *signers)]) is not None
    assert stand.lock.owner().place.site.version == 1


@pytest.mark.parametrize("root", [
    replace(NEXT, version=3), replace(NEXT, version=1), replace(NEXT, id=bytes(16)),
    replace(NEXT, demo=True)], ids=["a gap", "the same version", "another site", "a demo"])
async def test_a_root_that_does_not_follow_is_refused(stand: Stand, root: Any) -> None:
    assert await refused(stand, [SITE, root_bytes(root)]) is not None
    assert stand.lock.owner().place.site.version == 1


async def test_a_root_change_ends_a_hold_by_a_key_that_it_leaves_out(stand: Stand) -> None:
    stand.watched()
    await stand.visit(tenant(), Command.HOLD_OPEN, args={1: NOW + HOUR})
    await taken(stand, [SITE, root_bytes(NEXT)])
    await asyncio.sleep(1.1)
    assert stand.count_of(Kind.HOLD_ENDED) == 1


async def test_links_that_a_root_keeps_stay_good(stand: Stand) -> None:
    kept = site(version=2, roles=site().roles | {1: role(key("next granter"))},
                retired={GRANTER.public: frozenset({tenant().leaf.id})})
    await taken(stand, [SITE, root_bytes(kept)])
    assert await stand.opens(tenant())
    assert await stand.reason(tenant("neighbour")) is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("items", ["root", "map", "settings", "revocation", "enrolment"])
async def test_a_power_cut_while_a_document_is_taken_leaves_all_of_it_or_nothing(
    stand: Stand, tmp_path: Any, items: str,
) -> None:
    item = {
        "root": [SITE, root_bytes(NEXT)], "settings": config_item(relock_after=5),
        "map": [DOORS_MAP, door_map(stand.lock.secrets.public, 2)],
        "revocation": revoke_item(tenant().leaf.id),
        "enrolment": enrol_item(stand.lock, tenant(), PIN)}[items]
    kind = {"root": Kind.SITE_CHANGED, "settings": Kind.CONFIGURED, "map": Kind.DOORS_CHANGED,
            "revocation": Kind.REVOKED, "enrolment": Kind.ENROLLED}[items]
    cuts = Cuts(stand, tmp_path / "cuts")
    with cuts.during():
        await taken(stand, item)
    seen = []
    for lock in cuts.lives():
        owned = lock.owner()
        effect = (owned.place.site.version, owned.doors.version, owned.config.version,
                  lock.store.revoked_count(), len(lock.store.slots())) != (1, 1, 0, 0, 0)
        logged = kind in [entry.kind for entry in stand.log(lock)]
        assert effect == logged
        seen.append(effect)
    assert seen == sorted(seen)
    assert set(seen) == {False, True}


async def test_settings_keep_their_policy_of_pins(stand: Stand) -> None:
    policy = PinPolicy(Entry.INDEX, Spent.OFF, 9)
    await taken(stand, config_item(pins=policy))
    assert stand.lock.owner().config.pins == policy


@pytest.mark.parametrize("what", ["root", "map", "time", "news of what has ended"])
async def test_what_the_lock_has_already_is_known(stand: Stand, what: str) -> None:
    visit = Visit(stand.lock, owner_key())
    await visit.greet()
    item = {
        "root": [SITE, root_bytes()], "map": [DOORS_MAP, door_map(stand.lock.secrets.public)],
        "time": visit.time_item(NOW),
        "news of what has ended": revoke_item(bytes(16), expires=NOW - 1)}[what]
    size = stand.lock.store.size
    said = await visit.ask(Command.DELIVER, bundle=[item])
    assert [(fate.result, fate.receipt) for fate in said.fates] == [(KNOWN, None)]
    assert stand.lock.store.size == size


async def test_a_slot_beyond_the_keypads_indices_is_refused(stand: Stand) -> None:
    await taken(stand, config_item(pins=PinPolicy(Entry.INDEX, Spent.OFF)))
    assert await refused(stand, enrol_item(stand.lock, tenant(), PIN, slot=100)) is Reason.NO_RIGHT
    await taken(stand, enrol_item(stand.lock, tenant(), PIN, slot=99))


async def test_a_pin_below_a_key_of_an_old_root_opens_nothing(stand: Stand) -> None:
    await taken(stand, enrol_item(stand.lock, tenant(), PIN))
    await taken(stand, [SITE, root_bytes(NEXT)])
    stand.watched()
    await stand.press(PIN + "#")
    assert stand.moves == 0
    assert stand.last(Kind.REFUSED).about[About.REASON] == Reason.UNKNOWN_KEY.words.number

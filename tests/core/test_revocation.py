"""Keys taken back: by whom, what dies with them, and that no way around it is left."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from tests.core.cast import (
    AGENT,
    DAY,
    ENGINEER,
    FIRM,
    GRANTER,
    GUEST,
    LOCK,
    NOW,
    PASSKEY,
    REVOKER,
    ROOT,
    SITE,
    STRANGER,
    TENANT,
    Chain,
    Fields,
    first,
    id_of,
    key,
    passer,
    raw_link,
    refused,
    role,
    site,
    taken_back,
    touch,
)

from mortice.core import cbor
from mortice.core.document import AUD, EXP, LIMITS, parse, sign
from mortice.core.errors import Malformed
from mortice.core.grant import GRANT, Grant, KeyClass, Rights, read_grant
from mortice.core.keys import ESP256, SoftwareKey, normalise_p256_der
from mortice.core.limits import TIME_MAX
from mortice.core.revocation import (
    NOTHING_REVOKED,
    REVOKE,
    Revocation,
    RevocationSet,
    Revoked,
    accept_revocation,
    first_revoked,
    sign_revocation,
)
from mortice.core.site import Role

NAMED = bytes(range(16))


def news(*named: bytes, by: SoftwareKey = REVOKER, expires: int | None = None) -> bytes:
    return sign_revocation(SITE, [Revoked(name, expires) for name in named], by)


def known(*documents: Revocation) -> RevocationSet:
    """What somebody knows who was told `documents`, in this order."""
    entries: dict[bytes, frozenset[tuple[bytes, bool]]] = {}
    for document in documents:
        for entry in document.entries:
            by = frozenset({(document.signer, document.over_all)})
            entries[entry.named] = entries.get(entry.named, frozenset()) | by
    return RevocationSet(entries)


# --- the document ---------------------------------------------------------------------------


def test_a_revocation_by_the_sites_role_is_over_all() -> None:
    encoded = news(NAMED, expires=NOW)
    revocation = accept_revocation(site(), encoded)
    assert revocation == Revocation(
        id_of(encoded, REVOKE), REVOKER.public.id, over_all=True, entries=(Revoked(NAMED, NOW),))


def test_an_entry_without_an_end_stays_without_end() -> None:
    assert accept_revocation(site(), news(NAMED)).entries == (Revoked(NAMED, None),)


def raw(limits: Fields, claims: Fields | None = None) -> bytes:
    return sign(REVOKE, {AUD: SITE, LIMITS: limits} | (claims or {}), REVOKER)


@pytest.mark.parametrize("entry", [
    [NAMED, 0], [NAMED, 1], [NAMED, TIME_MAX],
])
def test_an_entry_at_its_border_is_read(entry: list[object]) -> None:
    assert len(accept_revocation(site(), raw({1: [entry]})).entries) == 1


@pytest.mark.parametrize("entry", [
    [], [NAMED], [NAMED, 0, 0], [NAMED[1:], 0], [NAMED + b"x", 0], [NAMED.hex(), 0], [NAMED, -1],
    [NAMED, TIME_MAX + 1], [NAMED, None], [NAMED, True], [NAMED, "0"], NAMED, None, {}, 5,
])
def test_an_entry_that_is_no_id_and_end_is_refused(entry: object) -> None:
    with refused("V1"):
        accept_revocation(site(), raw({1: [entry]}))


@pytest.mark.parametrize("limits", [
    {}, {1: None}, {1: {}}, {1: [], 2: 0}, {2: []}, {"1": []},
])
def test_a_revocation_that_says_more_or_less_than_its_entries_is_refused(limits: Fields) -> None:
    with refused("V1"):
        accept_revocation(site(), raw(limits))


def test_an_entry_nested_deeper_than_a_revocation_is_refused_before_it_is_looked_at() -> None:
    with refused("V1"):
        accept_revocation(site(), raw({1: [[[]]]}))
    with refused("E8"):
        accept_revocation(site(), raw({1: [[[[]]]]}))


def test_a_claim_that_is_not_understood_refuses_a_revocation() -> None:
    with refused("V1"):
        accept_revocation(site(), raw({1: []}, {EXP: NOW}))


def test_128_entries_are_read_and_129_are_not() -> None:
    many = [[bytes([n]) * 16, 0] for n in range(129)]
    assert len(accept_revocation(site(), raw({1: many[:128]})).entries) == 128
    with refused("V1"):
        accept_revocation(site(), raw({1: many}))
    with pytest.raises(Malformed):
        news(*(bytes([n]) * 16 for n in range(129)))


def test_a_revocation_for_another_site_is_refused() -> None:
    elsewhere = sign_revocation(bytes(16), [Revoked(NAMED, None)], REVOKER)
    with refused("V2"):
        accept_revocation(site(), elsewhere)


@pytest.mark.parametrize("signer", [STRANGER, GRANTER, ROOT, TENANT])
def test_a_revocation_by_another_role_or_a_stranger_is_refused(signer: SoftwareKey) -> None:
    with refused("V3"):
        accept_revocation(site(), news(NAMED, by=signer))


def test_a_revocation_needs_the_signature_of_its_signer() -> None:
    parts: Any = cbor.decode(news(NAMED))
    parts[3] = bytes(64)
    with refused("K8"):
        accept_revocation(site(), cbor.encode(parts))


def test_a_revocation_that_names_no_signer_is_refused() -> None:
    payload: Fields = {AUD: SITE, LIMITS: {1: [[NAMED, 0]]}}
    unnamed = sign(REVOKE, payload, REVOKER, kid=False)
    with refused("V3"):
        accept_revocation(site(), unnamed)
    with refused("V4"):
        accept_revocation(site(), unnamed, passer().wire)


def test_a_key_that_left_the_revoke_role_revokes_no_more() -> None:
    roles = {**site().roles, Role.REVOKE: role(ROOT)}
    with refused("V3"):
        accept_revocation(site(roles=roles), news(NAMED))


def test_another_kind_of_document_is_no_revocation() -> None:
    grant = raw_link(signer=REVOKER)
    with refused("K8"):
        accept_revocation(site(), grant)


# --- by a holder ----------------------------------------------------------------------------


def test_whoever_hands_on_takes_back_but_not_over_all() -> None:
    revocation = accept_revocation(site(), news(NAMED, by=AGENT), passer().wire)
    assert (revocation.signer, revocation.over_all) == (AGENT.public.id, False)


def test_whoever_hands_nothing_on_takes_nothing_back() -> None:
    with refused("V5"):
        accept_revocation(site(), news(NAMED, by=TENANT), first(TENANT).wire)
    assert accept_revocation(site(), news(NAMED, by=TENANT), passer(TENANT, depth=1).wire)


def test_whoever_may_enrol_takes_their_own_pins_back() -> None:
    tenant = first(TENANT, use=Rights.UNLOCK | Rights.ENROL)
    pin = tenant.enrol()
    revocation = accept_revocation(site(), news(pin.leaf.id, by=TENANT), tenant.wire)
    links = pin.verified().links
    assert first_revoked(links, known(revocation)) == links[1]


def test_the_chain_shown_is_that_of_the_signer() -> None:
    with refused("V4"):
        accept_revocation(site(), news(NAMED, by=STRANGER), passer().wire)
    with refused("V4"):  # the holder above does not sign with the chain of one below
        accept_revocation(
            site(), news(NAMED, by=AGENT), passer().pass_on(FIRM, delegable=Rights.UNLOCK,
                                                            depth=1).wire)


def test_the_chain_shown_must_hold() -> None:
    with refused("C5"):
        accept_revocation(site(), news(NAMED, by=AGENT), passer(signer=STRANGER).wire)
    with refused("C7"):
        accept_revocation(site(), news(NAMED, by=FIRM), first(AGENT).pass_on(
            FIRM, delegable=Rights.UNLOCK, depth=1).wire)


def test_a_holder_cannot_sign_in_the_name_of_another() -> None:
    class Impostor:
        public = AGENT.public
        sign = STRANGER.sign

    forged: Any = Impostor()
    with refused("K8"):
        accept_revocation(site(), news(NAMED, by=forged), passer().wire)


BROWSER = {"klass": KeyClass.WEB, "passkey": PASSKEY, "max_life": DAY}


def test_a_browsers_key_takes_back_with_a_touch_for_that_document() -> None:
    chain, encoded = passer(TENANT, **BROWSER), news(NAMED, by=TENANT)
    shown = touch(id_of(encoded, REVOKE))
    assert accept_revocation(site(), encoded, chain.wire, shown).signer == TENANT.public.id
    with refused("W5"):
        accept_revocation(site(), encoded, chain.wire, touch(NAMED))


def test_a_browsers_key_takes_nothing_back_without_a_touch_or_a_passkey() -> None:
    encoded = news(NAMED, by=TENANT)
    with refused("V6"):
        accept_revocation(site(), encoded, passer(TENANT, **BROWSER).wire)
    with refused("V6"):
        accept_revocation(
            site(), encoded, passer(TENANT, klass=KeyClass.WEB, max_life=DAY).wire,
            touch(id_of(encoded, REVOKE)))
    with refused("W1"):
        accept_revocation(site(), encoded, passer(TENANT, **BROWSER).wire, [])


# --- what dies ------------------------------------------------------------------------------


def three() -> tuple[Grant, ...]:
    """Agent, firm, engineer."""
    chain = passer().pass_on(FIRM, delegable=Rights.UNLOCK, depth=1).pass_on(ENGINEER)
    return chain.verified().links


def by(holder: SoftwareKey, *named: bytes) -> RevocationSet:
    return taken_back(*named, by=holder.public.id, over_all=False)


def test_nothing_taken_back_kills_nothing() -> None:
    assert first_revoked(three(), NOTHING_REVOKED) is None
    assert first_revoked(three(), taken_back(b"some other id ..", STRANGER.public.id)) is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_site_kills_any_link_by_its_id_or_its_holder(place: int) -> None:
    links = three()
    for named in (links[place].id, links[place].holder.id):
        assert first_revoked(links, taken_back(named)) is links[place]


def test_the_first_link_that_is_dead_is_named() -> None:
    links = three()
    assert first_revoked(links, taken_back(links[2].id, links[1].id)) is links[1]


@pytest.mark.parametrize(("signer", "place", "dead"), [
    (AGENT, 0, False), (AGENT, 1, True), (AGENT, 2, True),
    (FIRM, 0, False), (FIRM, 1, False), (FIRM, 2, True),
    (ENGINEER, 0, False), (ENGINEER, 1, False), (ENGINEER, 2, False),
    (STRANGER, 0, False), (STRANGER, 1, False), (STRANGER, 2, False),
])
def test_a_holder_kills_what_stands_below_and_nothing_else(
    signer: SoftwareKey, place: int, *, dead: bool,
) -> None:
    links = three()
    for named in (links[place].id, links[place].holder.id):
        assert (first_revoked(links, by(signer, named)) is links[place]) is dead


def test_a_holder_takes_a_person_back_below_their_own_link_only() -> None:
    elsewhere = passer(TENANT).pass_on(ENGINEER).verified().links
    assert first_revoked(three(), by(AGENT, ENGINEER.public.id)) is not None
    assert first_revoked(elsewhere, by(AGENT, ENGINEER.public.id)) is None


def test_a_person_taken_back_by_the_site_is_dead_under_every_grant() -> None:
    for chain in (first(GUEST), passer().pass_on(GUEST), passer(TENANT).pass_on(GUEST)):
        assert first_revoked(chain.verified().links, taken_back(GUEST.public.id)) is not None


def test_nobody_comes_back_to_life_by_a_later_word() -> None:
    links = three()
    both = RevocationSet({links[1].id: frozenset({
        (REVOKER.public.id, True), (STRANGER.public.id, False), (AGENT.public.id, False)})})
    assert first_revoked(links, both) is links[1]


def test_a_sibling_lives_on() -> None:
    agent = passer()
    one, other = agent.pass_on(FIRM), agent.pass_on(GUEST)
    assert first_revoked(other.verified().links, by(AGENT, one.leaf.id, FIRM.public.id)) is None


def test_a_pin_dies_with_its_holder_and_not_with_the_lock_of_another_door() -> None:
    links = first(TENANT).enrol().verified().links
    assert first_revoked(links, taken_back(TENANT.public.id)) is links[0]
    assert first_revoked(links, taken_back(LOCK.public.id)) is links[1]
    assert first_revoked(links, by(TENANT, links[1].id)) is links[1]


# --- ways around it -------------------------------------------------------------------------


def test_another_signature_over_the_same_link_is_the_same_link() -> None:
    class Chance:
        """Signs the same with another nonce, as any holder on P-256 can."""

        public = key("agent on P-256", ESP256).public

        def sign(self, message: bytes) -> bytes:
            private = ec.derive_private_key(int.from_bytes(agent.seed, "big"), ec.SECP256R1())
            return normalise_p256_der(private.sign(message, ec.ECDSA(SHA256())))

    agent = key("agent on P-256", ESP256)
    again: Any = Chance()
    old, new = passer(agent).pass_on(FIRM), passer(agent).pass_on(FIRM, signer=again)
    assert old.leaf_bytes != new.leaf_bytes
    assert first_revoked(new.verified().links, taken_back(old.leaf.id)) is not None


def test_a_new_link_to_the_same_person_is_dead_if_the_person_was_taken_back() -> None:
    old = passer().pass_on(FIRM)
    new = passer().pass_on(FIRM, about={1: "the same again"})
    assert old.leaf.id != new.leaf.id
    assert first_revoked(new.verified().links, by(AGENT, old.leaf.id)) is None  # a new link
    assert first_revoked(new.verified().links, by(AGENT, FIRM.public.id)) is not None  # the person


def test_whoever_was_taken_back_does_not_live_on_in_a_key_handed_on() -> None:
    dead = passer().pass_on(FIRM, delegable=Rights.UNLOCK, depth=1)
    below = dead.pass_on(STRANGER)
    assert first_revoked(below.verified().links, by(AGENT, FIRM.public.id)) is not None


def test_documents_in_any_order_and_number_come_to_the_same() -> None:
    links = three()
    told = [
        accept_revocation(site(), news(links[2].id)),
        accept_revocation(site(), news(links[2].id, by=AGENT), passer().wire),
        accept_revocation(site(), news(NAMED)),
    ]
    sets = [known(*order) for order in permutations([*told, told[0]])]
    assert all(one == sets[0] for one in sets)
    assert first_revoked(links, sets[0]) is links[2]


def test_more_words_never_give_a_key_back() -> None:
    chance, links = random.Random(5), three()
    names = [name for link in links for name in (link.id, link.holder.id)]
    for _ in range(2000):
        less = {
            name: frozenset(
                (chance.choice([AGENT, FIRM, ENGINEER, STRANGER]).public.id, chance.random() < 0.1)
                for _ in range(chance.randrange(3)))
            for name in chance.sample(names, 3)}
        more = {name: less.get(name, frozenset()) | {(chance.choice(names), False)}
                for name in names}
        if first_revoked(links, RevocationSet(less)) is not None:
            assert first_revoked(links, RevocationSet(more)) is not None


def test_a_chain_reread_from_its_bytes_is_as_dead() -> None:
    chain: Chain = passer().pass_on(FIRM)
    again = Chain([*chain.wire], FIRM)
    revoked = taken_back(read_grant(chain.leaf_bytes).id)
    assert first_revoked(again.verified().links, revoked) is not None
    assert parse(GRANT, chain.leaf_bytes).id == chain.leaf.id

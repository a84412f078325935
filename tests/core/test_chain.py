"""Chains: who signed what, in which order, and that each link is narrower, bound by bound."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from tests.core.cast import (
    AGENT,
    DAY,
    ENGINEER,
    FIRM,
    FRONT,
    GRANTER,
    GUEST,
    LOCK,
    METER,
    NOW,
    PASSKEY,
    REFRESHER,
    REVOKER,
    ROOT,
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
    touch,
)

from mortice.core import cbor
from mortice.core.chain import (
    Link,
    SiteKeys,
    has_right,
    narrower,
    read_chain,
    verify_chain,
)
from mortice.core.document import ABOUT, parse
from mortice.core.errors import Malformed, Theirs
from mortice.core.grant import ENROL, GRANT, Grant, KeyClass, Rights, read_grant
from mortice.core.keys import ESP256, SoftwareKey
from mortice.core.passkey import read_assertion
from mortice.core.schedule import Window
from mortice.core.site import Role
from mortice.core.stages import Factors, Reader

BOTH = Rights.UNLOCK | Rights.LOCK


# --- a good chain ---------------------------------------------------------------------------


def test_a_chain_says_whose_key_it_is() -> None:
    chain = passer().pass_on(FIRM, delegable=Rights.UNLOCK, depth=1).pass_on(ENGINEER)
    verified = chain.verified()
    assert [link.holder for link in verified.links] == [AGENT.public, FIRM.public, ENGINEER.public]
    assert verified.leaf.holder == ENGINEER.public
    assert verified.first.holder == AGENT.public
    assert (verified.factors, verified.reader) == (Factors.NONE, Reader.LINK)


def test_five_links_are_enough_and_six_are_too_many() -> None:
    chain = passer()
    for depth in (3, 2, 1, 0):
        chain = chain.pass_on(FIRM, delegable=Rights.UNLOCK, depth=depth)
    assert len(chain.verified().links) == 5
    with refused("C1"):
        read_chain([*chain.wire, chain.wire[-1]])


@pytest.mark.parametrize("wire", [[], (), None, b"", "", {}, 5, raw_link()])
def test_a_chain_that_is_no_list_of_links_is_refused(wire: list[object]) -> None:
    with refused("C1"):
        read_chain(wire)


@pytest.mark.parametrize("item", [
    None, 5, "link", {}, [], [b"link"], [b"link", [], []], [5, [bytes(37), b"", b""]],
])
def test_a_link_that_is_neither_bytes_nor_bytes_and_a_touch_is_refused(item: object) -> None:
    with refused("C1"):
        read_chain([raw_link(), item])


@pytest.mark.parametrize("assertion", [None, [], b"", [bytes(37), b"client"], [1, 2, 3]])
def test_a_touch_that_is_no_assertion_is_refused(assertion: object) -> None:
    with refused("W1"):
        read_chain([[raw_link(), assertion]])


def padded(size: int) -> bytes:
    """A first link of exactly `size` bytes."""
    def link(length: int) -> bytes:
        return raw_link(lambda claims, limits: claims[ABOUT].update({2: "x" * length}))

    return link(1000 + size - len(link(1000)))


def test_a_chain_of_4096_bytes_is_read_and_one_of_4097_is_not() -> None:
    assert len(padded(4096)) == 4096
    read_chain([padded(4096)])
    with refused("C2"):
        read_chain([padded(4097)])


def test_a_chain_that_is_too_long_is_refused_before_anything_in_it_is_read() -> None:
    with refused("C2"):
        read_chain([b"\xff" * 4097])


def test_the_bytes_of_all_links_count_together() -> None:
    half = padded(2048)
    read_chain([half, half])
    with refused("C2"):
        read_chain([half, half, b"x"])


# --- the root -------------------------------------------------------------------------------


def test_a_key_of_another_site_is_refused() -> None:
    with refused("C4"):
        first(TENANT, site=bytes(16)).verified()


@pytest.mark.parametrize("signer", [STRANGER, ROOT, REVOKER, REFRESHER, TENANT])
def test_a_first_link_by_another_key_than_one_of_the_grant_role_is_refused(
    signer: SoftwareKey,
) -> None:
    with refused("C5"):
        first(TENANT, signer=signer).verified()


class Impostor:
    """Signs with one key under the name of another."""

    def __init__(self, real: SoftwareKey, claimed: object) -> None:
        self.public = claimed
        self._real = real

    def sign(self, message: bytes) -> bytes:
        return self._real.sign(message)


def test_a_first_link_in_the_name_of_a_site_key_needs_its_signature() -> None:
    forged: Any = Impostor(STRANGER, GRANTER.public)
    with refused("K8"):
        first(TENANT, signer=forged).verified()


def test_the_algorithm_is_that_of_the_signers_key_whatever_the_header_says() -> None:
    class Named:
        alg, id = ESP256, GRANTER.public.id

    forged: Any = Impostor(GRANTER, Named)
    with refused("D6"):
        first(TENANT, signer=forged).verified()


def test_a_link_below_another_is_no_first_link() -> None:
    chain = passer().pass_on(FIRM)
    with refused("C3"):
        verify_chain(read_chain(chain.wire[1:]), site().chain_keys())


def retiring(*kept: bytes) -> SiteKeys:
    """The site after GRANTER was retired and ROOT put in its place."""
    roles = {**site().roles, Role.GRANT: role(ROOT)}
    return site(roles=roles, retired={GRANTER.public: frozenset(kept)}).chain_keys()


def test_a_retired_key_counts_for_the_first_links_that_are_kept_and_no_other() -> None:
    kept, other = first(TENANT), first(GUEST)
    assert verify_chain(kept.links, retiring(kept.leaf.id)).leaf.holder == TENANT.public
    for keys in (retiring(other.leaf.id), retiring()):
        with refused("C5"):
            verify_chain(kept.links, keys)


def test_a_kept_link_still_needs_the_retired_keys_signature() -> None:
    forged: Any = Impostor(STRANGER, GRANTER.public)
    link = first(TENANT, signer=forged)
    with refused("K8"):
        verify_chain(link.links, retiring(link.leaf.id))


def test_links_below_a_kept_first_link_live_on() -> None:
    chain = passer().pass_on(FIRM)
    assert verify_chain(chain.links, retiring(chain.links[0].grant.id)).leaf.holder == FIRM.public


# --- each link below the one above ------------------------------------------------------------


def test_links_in_another_order_are_refused() -> None:
    chain = passer().pass_on(FIRM, delegable=Rights.UNLOCK, depth=1).pass_on(ENGINEER)
    a, b, c = chain.wire
    for wire, check in (
        ([a, c, b], "C6"), ([b, a, c], "C3"), ([c, b, a], "C3"), ([a, b, b], "C6"),
        ([a, a, b], "C6"), ([a, c], "C6"),
    ):
        with refused(check):
            verify_chain(read_chain(wire), site().chain_keys())


def test_a_link_cannot_be_moved_below_a_wider_link_of_the_same_holder() -> None:
    narrow = passer(exp=NOW)
    wide = passer(exp=NOW + DAY, about={1: "wide"})
    child = narrow.pass_on(FIRM, exp=NOW)
    with refused("C6"):
        verify_chain(read_chain([wide.wire[0], child.wire[1]]), site().chain_keys())


def test_a_first_link_cannot_stand_below_another() -> None:
    with refused("C6"):
        verify_chain(read_chain([*passer().wire, *first(GUEST).wire]), site().chain_keys())


@pytest.mark.parametrize("signer", [STRANGER, FIRM, GRANTER, ROOT])
def test_a_link_is_signed_by_the_holder_above_and_nobody_else(signer: SoftwareKey) -> None:
    with refused("D6" if signer.public.alg != AGENT.public.alg else "K8"):
        passer().pass_on(FIRM, signer=signer).verified()


def test_a_holder_on_another_curve_signs_with_that_curve() -> None:
    phone = key("agent on P-256", ESP256)
    assert passer(phone).pass_on(FIRM).verified().leaf.holder == FIRM.public
    with refused("D6"):
        passer(phone).pass_on(FIRM, signer=AGENT).verified()


def mixed() -> Chain:
    """Three links, the second signed on P-256 and the others on Ed25519."""
    return passer(key("agent on P-256", ESP256)).pass_on(
        FIRM, delegable=Rights.UNLOCK, depth=1).pass_on(ENGINEER)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_chain_with_any_bit_changed_is_refused(place: int) -> None:
    chain, keys = mixed(), site().chain_keys()
    link = chain.wire[place]
    assert isinstance(link, bytes)
    for bit in range(8 * len(link)):
        changed = bytearray(link)
        changed[bit // 8] ^= 1 << bit % 8
        wire = [*chain.wire[:place], bytes(changed), *chain.wire[place + 1:]]
        with pytest.raises(Theirs):
            verify_chain(read_chain(wire), keys)


def test_a_chain_cut_at_any_byte_is_refused() -> None:
    link = passer().wire[0]
    assert isinstance(link, bytes)
    for length in range(len(link)):
        with pytest.raises(Malformed):
            read_chain([link[:length]])


def test_the_higher_of_two_signatures_on_p256_is_refused() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    class HighS(Impostor):
        def sign(self, message: bytes) -> bytes:
            low = self._real.sign(message)
            return low[:32] + (order - int.from_bytes(low[32:], "big")).to_bytes(32, "big")

    phone = key("agent on P-256", ESP256)
    signer: Any = HighS(phone, phone.public)
    with refused("K7"):
        passer(phone).pass_on(FIRM, signer=signer).verified()


# --- narrowing: each bound at its border ------------------------------------------------------

WEEKDAYS = (Window(31, 540, 1020),)  # Monday to Friday, 09:00 to 17:00

BOUNDS: list[tuple[str, Fields, Fields, str | None]] = [
    # what, what the parent has beside depth and rights, what the child has, which check refuses it
    ("a door fewer", {"doors": frozenset({FRONT, METER})}, {"doors": frozenset({METER})}, None),
    ("the same doors", {"doors": frozenset({FRONT, METER})},
     {"doors": frozenset({FRONT, METER})}, None),
    ("a door more", {}, {"doors": frozenset({FRONT, METER})}, "C8"),
    ("another door", {}, {"doors": frozenset({METER})}, "C8"),

    ("the right that may be handed on", {}, {"use": Rights.UNLOCK}, None),
    ("no right at all", {}, {"use": Rights.NONE}, None),
    ("a right that nobody above has", {}, {"use": BOTH}, "C9"),
    ("a right for own use only", {"use": BOTH}, {"use": Rights.LOCK}, "C9"),
    ("a right to hand on only", {"use": Rights.NONE}, {"use": Rights.UNLOCK}, None),
    ("handing on what may be handed on", {}, {"delegable": Rights.UNLOCK, "depth": 1}, None),
    ("handing on what may not be", {}, {"delegable": BOTH, "depth": 1}, "C9"),
    ("handing on what is for own use", {"use": BOTH}, {"delegable": BOTH, "depth": 1}, "C9"),

    ("one link fewer", {"depth": 2}, {"depth": 1}, None),
    ("as many links", {"depth": 2}, {"depth": 2}, "C7"),
    ("the last link", {"depth": 1}, {}, None),
    ("one link beyond the last", {"depth": 0}, {}, "C7"),
    ("one link more than allowed", {"depth": 1}, {"depth": 1}, "C7"),

    ("the same start", {"nbf": NOW}, {"nbf": NOW}, None),
    ("a later start", {"nbf": NOW}, {"nbf": NOW + 1}, None),
    ("a start one second before", {"nbf": NOW}, {"nbf": NOW - 1}, "C10"),
    ("no start below one", {"nbf": NOW}, {}, "C10"),
    ("no start below the first second of all", {"nbf": 0}, {}, "C10"),
    ("a start below none", {}, {"nbf": 0}, None),

    ("the same end", {"exp": NOW}, {"exp": NOW}, None),
    ("an end one second before", {"exp": NOW}, {"exp": NOW - 1}, None),
    ("an end one second after", {"exp": NOW}, {"exp": NOW + 1}, "C11"),
    ("no end below one", {"exp": NOW}, {}, "C11"),
    ("no end below an end at zero", {"exp": 0}, {}, "C11"),
    ("an end below none", {}, {"exp": NOW}, None),

    ("the whole life", {"max_life": DAY}, {"nbf": NOW, "exp": NOW + DAY}, None),
    ("one second more of life", {"max_life": DAY}, {"nbf": NOW, "exp": NOW + DAY + 1}, "C12"),
    ("a life without a start", {"max_life": DAY}, {"exp": NOW}, "C12"),
    ("a life from the first second of all", {"max_life": DAY}, {"nbf": 0, "exp": DAY}, None),
    ("a life without an end", {"max_life": DAY}, {"nbf": NOW}, "C12"),
    ("a life without either", {"max_life": DAY}, {}, "C12"),
    ("the same life for others", {"max_life": DAY},
     {"nbf": NOW, "exp": NOW + DAY, "depth": 1, "max_life": DAY}, None),
    ("a longer life for others", {"max_life": DAY},
     {"nbf": NOW, "exp": NOW + DAY, "depth": 1, "max_life": DAY + 1}, "C12"),
    ("an endless life for others", {"max_life": DAY},
     {"nbf": NOW, "exp": NOW + DAY, "depth": 1}, "C12"),

    ("the same hours", {"hours": WEEKDAYS}, {"hours": WEEKDAYS}, None),
    ("a minute less on each side", {"hours": WEEKDAYS}, {"hours": (Window(31, 541, 1019),)}, None),
    ("a minute more in the morning", {"hours": WEEKDAYS}, {"hours": (Window(1, 539, 600),)}, "C13"),
    ("a minute more at night", {"hours": WEEKDAYS}, {"hours": (Window(1, 600, 1021),)}, "C13"),
    ("a day more", {"hours": WEEKDAYS}, {"hours": (Window(63, 540, 1020),)}, "C13"),
    ("no hours below some", {"hours": WEEKDAYS}, {}, "C13"),
    ("hours below none", {}, {"hours": WEEKDAYS}, None),
    ("hours on no day", {"hours": WEEKDAYS}, {"hours": (Window(0, 0, 1440),)}, None),
    ("no hours below hours on no day", {"hours": (Window(0, 0, 1440),)}, {}, "C13"),

    ("the same second checks", {"factors": Factors.PIN}, {"factors": Factors.PIN}, None),
    ("one second check more", {"factors": Factors.PIN},
     {"factors": Factors.PIN | Factors.TOUCH}, None),
    ("a second check dropped", {"factors": Factors.PIN | Factors.TOUCH},
     {"factors": Factors.PIN}, "C14"),
    ("another second check", {"factors": Factors.PIN}, {"factors": Factors.TOUCH}, "C14"),
    ("no second check", {"factors": Factors.PERSON}, {}, "C14"),

    ("as fresh", {"max_staleness": DAY}, {"max_staleness": DAY}, None),
    ("fresher", {"max_staleness": DAY}, {"max_staleness": 1}, None),
    ("staler by a second", {"max_staleness": DAY}, {"max_staleness": DAY + 1}, "C15"),
    ("never stale", {"max_staleness": DAY}, {}, "C15"),
    ("fresh below never stale", {}, {"max_staleness": DAY}, None),

    ("as many uses", {"uses": 2}, {"uses": 2}, None),
    ("one use more", {"uses": 2}, {"uses": 3}, "C16"),
    ("uses without number", {"uses": 2}, {}, "C16"),
    ("counted uses below none", {}, {"uses": 3}, None),

    ("the same quota", {"quota": 2}, {"quota": 2, "depth": 1}, None),
    ("a larger quota", {"quota": 2}, {"quota": 3, "depth": 1}, "C17"),
    ("no quota", {"quota": 2}, {"depth": 1}, "C17"),
    ("no quota where nothing is handed on", {"quota": 2}, {}, None),

    ("several bounds, all kept", {"exp": NOW, "uses": 2}, {"exp": NOW, "uses": 1}, None),
    ("several bounds, the last broken", {"exp": NOW, "uses": 2}, {"exp": NOW, "uses": 3}, "C16"),
]


@pytest.mark.parametrize(
    ("above", "below", "check"), [b[1:] for b in BOUNDS], ids=[b[0] for b in BOUNDS])
def test_a_child_never_claims_more_than_its_parent_hands_on(
    above: Fields, below: Fields, check: str | None,
) -> None:
    chain = passer(**above).pass_on(FIRM, **below)
    if check is None:
        assert chain.verified().leaf.holder == FIRM.public
        assert narrower(passer(**above).leaf, chain.leaf) is None
        return
    with refused(check):
        chain.verified()
    problem = narrower(passer(**above).leaf, chain.leaf)
    assert problem is not None
    assert problem[0] == check


@pytest.mark.parametrize(
    ("above", "below", "check"),
    [b[1:] for b in BOUNDS if "depth" not in b[1] | b[2] and b[3] not in {None, "C9"}],
    ids=[b[0] for b in BOUNDS if "depth" not in b[1] | b[2] and b[3] not in {None, "C9"}])
def test_an_enrolment_is_bound_as_any_other_link(
    above: Fields, below: Fields, check: str,
) -> None:
    with refused(check):
        passer(**above).enrol(**below).verified()


def test_a_bound_counts_for_the_link_above_and_so_for_every_link_below() -> None:
    agent = passer(exp=NOW)
    firm = agent.pass_on(FIRM, exp=NOW, delegable=Rights.UNLOCK, depth=1)
    firm.pass_on(ENGINEER, exp=NOW).verified()
    with refused("C11"):
        firm.pass_on(ENGINEER, exp=NOW + 1).verified()
    with refused("C11"):  # the middle link is at fault, not the last
        agent.pass_on(FIRM, delegable=Rights.UNLOCK, depth=1).pass_on(ENGINEER, exp=NOW).verified()


def test_a_child_may_be_a_broader_class_of_key_but_never_a_residents() -> None:
    assert passer(klass=KeyClass.BRIDGE).pass_on(FIRM).verified().leaf.klass is KeyClass.DEVICE
    assert not passer(resident=True).pass_on(FIRM).verified().leaf.resident


# --- enrolments -----------------------------------------------------------------------------


def test_a_holder_who_hands_nothing_on_may_still_enrol_a_way_in_of_their_own() -> None:
    verified = first(TENANT, use=BOTH).enrol(use=BOTH).verified()
    assert verified.leaf.credential is not None
    assert verified.own.holder == TENANT.public


def test_an_enrolment_carries_what_the_holder_uses_or_hands_on_and_no_more() -> None:
    parent = first(AGENT, use=Rights.UNLOCK, delegable=Rights.LOCK, depth=1)
    parent.enrol(use=BOTH).verified()
    with refused("C9"):
        parent.enrol(use=BOTH | Rights.HOLD_OPEN).verified()


def test_nothing_stands_below_an_enrolment() -> None:
    pin = passer().enrol()
    below = pin.pass_on(GUEST, signer=LOCK)
    with refused("G9"):
        read_chain(below.wire)
    with refused("G9"):
        read_chain(below.wire, last=ENROL)


def test_an_enrolment_is_no_key_for_the_link() -> None:
    with refused("G9"):
        read_chain(passer().enrol().wire, last=GRANT)


# --- what the class of a key may sign ---------------------------------------------------------


def test_a_key_file_is_exchanged_for_any_key_but_another_file() -> None:
    claim = passer(klass=KeyClass.FILE)
    claim.pass_on(GUEST).verified()
    with refused("C18"):
        claim.pass_on(GUEST, klass=KeyClass.FILE).verified()
    passer().pass_on(GUEST, klass=KeyClass.FILE).verified()


@pytest.mark.parametrize(("klass", "issues"), [
    (KeyClass.DEVICE, True), (KeyClass.FILE, True), (KeyClass.BRIDGE, False),
])
def test_at_a_strict_site_neither_browsers_nor_bridges_issue(
    klass: KeyClass, *, issues: bool,
) -> None:
    chain = passer(klass=klass).pass_on(FIRM)
    chain.verified()
    if issues:
        chain.verified(site(strict=True))
    else:
        with refused("C19"):
            chain.verified(site(strict=True))


def by_browser(
    assertion: cbor.Value = "touch", *, terms: Fields | None = None, below: Fields | None = None,
    said: Fields | None = None,
) -> Chain:
    """A link signed by a browser's key, with a touch of its passkey unless told otherwise."""
    parent = passer(TENANT, **{
        "klass": KeyClass.WEB, "passkey": PASSKEY, "max_life": DAY, **(terms or {})})
    child = {"nbf": NOW, "exp": NOW + DAY, **(below or {})}
    message = parent.pass_on(GUEST, **child).leaf.id + parent.leaf.id
    shown = touch(message, **(said or {})) if assertion == "touch" else assertion
    return parent.pass_on(GUEST, assertion=shown, **child)


def test_a_browsers_key_issues_with_a_touch_of_its_passkey() -> None:
    assert by_browser().verified().leaf.holder == GUEST.public


def test_a_browsers_key_issues_nothing_without_a_touch() -> None:
    with refused("C20"):
        by_browser(None).verified()


def test_a_browsers_key_without_a_passkey_or_a_longest_life_issues_nothing() -> None:
    with refused("C20"):
        by_browser(terms={"passkey": None}).verified()
    with refused("C20"):
        by_browser(terms={"max_life": None}).verified()


def test_a_touch_is_for_one_document_below_one_link() -> None:
    other = by_browser(below={"exp": NOW + 60})
    with refused("W5"):
        by_browser(other.wire[-1][1]).verified()
    with refused("W5"):
        by_browser(touch(by_browser().leaf.id)).verified()


@pytest.mark.parametrize(("said", "check"), [
    ({"flags": 0}, "W7"), ({"flags": 1}, "W7"), ({"flags": 4}, "W7"),
    ({"origin": "https://evil.example"}, "W6"), ({"rp_hash": bytes(32)}, "W6"),
    ({"crossOrigin": True}, "W4"), ({"type": "webauthn.create"}, "W4"),
    ({"credential": STRANGER}, "K8"),
])
def test_a_touch_of_another_kind_place_or_person_is_refused(said: Fields, check: str) -> None:
    with refused(check):
        by_browser(said=said).verified()


def test_a_link_by_a_browser_lives_no_longer_than_its_own_key_allows() -> None:
    with refused("C12"):
        by_browser(below={"exp": NOW + DAY + 1}).verified()


def test_a_browser_issues_nothing_at_a_strict_site_touch_or_not() -> None:
    with refused("C19"):
        by_browser().verified(site(strict=True))


def test_a_browsers_enrolment_needs_a_touch_as_any_link_does() -> None:
    parent = passer(TENANT, klass=KeyClass.WEB, passkey=PASSKEY, max_life=DAY)
    window = {"nbf": NOW, "exp": NOW + DAY}
    with refused("C20"):
        parent.enrol(**window).verified()
    pin = parent.enrol(**window)
    wire = [*pin.wire[:-1], [pin.wire[-1], touch(pin.leaf.id + parent.leaf.id)]]
    assert Chain(wire, LOCK).verified().leaf.credential is not None


# --- rights along a chain ---------------------------------------------------------------------


@pytest.mark.parametrize(("above", "leaf", "right"), [
    (Rights.REFRESH, Rights.REFRESH, True), (Rights.NONE, Rights.REFRESH, False),
    (Rights.REFRESH, Rights.NONE, False), (Rights.UNLOCK, Rights.REFRESH, False),
])
def test_a_right_holds_if_the_leaf_has_it_and_all_above_hand_it_on(
    above: Rights, leaf: Rights, *, right: bool,
) -> None:
    def link(use: Rights, delegable: Rights) -> Grant:
        return Grant(AGENT.public, frozenset({FRONT}), use, delegable=delegable)

    links = [link(Rights.NONE, Rights.REFRESH), link(Rights.NONE, above), link(leaf, Rights.NONE)]
    assert has_right(links, Rights.REFRESH) is right


def test_the_first_holder_needs_nobody_to_hand_a_right_on() -> None:
    assert has_right([first(AGENT, use=Rights.REFRESH).leaf], Rights.REFRESH)
    assert not has_right([first(AGENT).leaf], Rights.REFRESH)


# --- by chance --------------------------------------------------------------------------------

CHOICES: dict[str, list[Any]] = {
    "doors": [frozenset({FRONT}), frozenset({FRONT, METER})], "use": [Rights(n) for n in range(4)],
    "delegable": [Rights(n) for n in range(4)], "depth": [0, 1, 2, 3],
    "nbf": [None, 0, 10], "exp": [None, 20, 30], "max_life": [None, 10, 20],
    "hours": [None, (Window(1, 0, 60),), (Window(3, 0, 120),)],
    "factors": [Factors(n) for n in (0, 1, 3)], "max_staleness": [None, 5, 9],
    "uses": [None, 1, 2], "quota": [None, 1, 2],
}


def test_narrowing_is_transitive_so_no_chain_widens_in_two_steps() -> None:
    chance, found = random.Random(7), 0  # the same on every run
    kept = {"max_life", "quota"}  # bounds of descendants, which a last link need not repeat
    for _ in range(40_000):
        links = [
            Grant(AGENT.public, **{name: chance.choice(some) for name, some in CHOICES.items()})]
        for _ in range(2):  # each child differs from its parent in a few bounds only
            changed = {
                name: chance.choice(CHOICES[name]) for name in chance.sample(sorted(CHOICES), 3)}
            deeper = {"depth": max(0, links[-1].depth - 1)}
            links.append(replace(links[-1], **deeper | changed))
        if any(narrower(a, b) for a, b in pairwise(links)):
            continue
        found += 1
        end = replace(links[2], **{name: getattr(links[0], name) for name in kept})
        assert narrower(links[0], end) is None, links
    assert found > 200


def test_reading_a_chain_keeps_each_link_beside_its_touch() -> None:
    shown = touch(b"message")
    links = read_chain([raw_link(), [raw_link(), shown]])
    assert links == (
        Link(read_grant(raw_link()), None), Link(read_grant(raw_link()), read_assertion(shown)))
    assert links[0].grant.id == id_of(raw_link(), GRANT) == parse(GRANT, raw_link()).id

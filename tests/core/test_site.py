"""The site's root and its door map: who may replace what, by which signatures, and in which order.

S in the names of checks is that of spec/site.md. Wherever a bound has two sides, both are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.core import cast
from tests.core.cast import (
    FRONT,
    GRANTER,
    METER,
    PAPER,
    REVOKER,
    ROOT,
    STRANGER,
    TENANT,
    TIMER,
    first,
    key,
    refused,
    role,
    site,
)

from mortice.core import cbor
from mortice.core.chain import read_chain, verify_chain
from mortice.core.document import AUD, LIMITS, endorse, parse, sign
from mortice.core.keys import ED25519, ESP256, PublicKey, SoftwareKey
from mortice.core.limits import DOORS, SITE_KEYS, TEXT_CHARS, TIME_MAX
from mortice.core.noise import KeyPair
from mortice.core.site import (
    DOORS_MAP,
    SITE,
    DoorMap,
    LockKeys,
    MappedDoor,
    Place,
    Role,
    RoleKeys,
    Site,
    accept_doors,
    accept_first,
    accept_next,
    read_doors,
    read_site,
    recovers,
    sign_doors,
    sign_site,
    site_payload,
    while_recovering,
)

NEW_ROOT, NEW_GRANTER, THIRD = key("new root"), key("new granter"), key("third root")

# Points of small order on curve25519 and its twist, with their second encodings (RFC 7748).
SMALL_ORDER = [bytes.fromhex(point) for point in (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080")]


def roles(**changed: RoleKeys | None) -> dict[Role, RoleKeys]:
    """Those of the cast's site, with some changed or left out, by their names in lower case."""
    named = {held.name.lower(): keys for held, keys in site().roles.items()} | changed
    return {Role[name.upper()]: keys for name, keys in named.items() if keys is not None}


def after(present: Site, **changes: Any) -> Site:  # noqa: ANN401 — any field of a Site
    """The version that follows `present`."""
    return replace(present, version=present.version + 1, **changes)


def signed(root: Site, *signers: SoftwareKey) -> bytes:
    """A root as it travels, whether or not an honest owner would sign it."""
    return endorse(SITE, site_payload(root), signers or (ROOT, PAPER))


Claims = dict[Any, Any]


def raw_site(change: Callable[[Claims, Claims], object], *signers: SoftwareKey) -> bytes:
    """A root made by hand: `change` edits its claims and limits before they are signed."""
    payload = site_payload(site())
    assert isinstance(payload, dict)
    limits = payload[LIMITS]
    assert isinstance(limits, dict)
    change(payload, limits)
    return endorse(SITE, payload, signers or (ROOT, PAPER))


# --- reading a root: S1 to S4 ---------------------------------------------------------------


def test_a_root_reads_back_as_it_was_signed() -> None:
    kept: dict[PublicKey, frozenset[bytes]] = {
        STRANGER.public: frozenset({bytes(16), bytes([1]) * 16}), TENANT.public: frozenset()}
    root = site(version=7, strict=True, demo=True, retired=kept)
    encoded = sign_site(root, [ROOT, PAPER])
    assert accept_first(encoded) == root
    assert read_site(encoded)[1].signed_by([ROOT.public]) == {ROOT.public.id}


@pytest.mark.parametrize("change", [
    pytest.param(lambda c, x: c.pop(AUD), id="no site id"),
    pytest.param(lambda c, x: c.update({AUD: bytes(15)}), id="short site id"),
    pytest.param(lambda c, x: c.update({AUD: bytes(17)}), id="long site id"),
    pytest.param(lambda c, x: c.pop(LIMITS), id="no limits"),
    pytest.param(lambda c, x: c.update({LIMITS: []}), id="limits that are no map"),
    pytest.param(lambda c, x: c.update({6: 1}), id="an unknown claim"),
    pytest.param(lambda c, x: x.update({6: 1}), id="an unknown limit"),
    pytest.param(lambda c, x: x.update({"1": 1}), id="a limit under a text key"),
    pytest.param(lambda c, x: x.pop(1), id="no version"),
    pytest.param(lambda c, x: x.update({1: 0}), id="version 0"),
    pytest.param(lambda c, x: x.update({1: TIME_MAX + 1}), id="a version past the bound"),
    pytest.param(lambda c, x: x.update({1: True}), id="true for version 1"),
    pytest.param(lambda c, x: x.update({3: 1}), id="1 for strict"),
    pytest.param(lambda c, x: x.update({4: None}), id="null for demo"),
    pytest.param(lambda c, x: x.update({5: {}}), id="retired keys in a map"),
    pytest.param(lambda c, x: x.update({2: []}), id="roles in an array"),
])
def test_a_root_holds_what_is_known_and_nothing_else(
    change: Callable[[Claims, Claims], object],
) -> None:
    with refused("S1"):
        read_site(raw_site(change))


def test_the_largest_version_is_still_one() -> None:
    assert read_site(signed(site(version=TIME_MAX)))[0].version == TIME_MAX


def test_a_payload_that_is_no_map_is_no_root() -> None:
    with refused("S1"):
        read_site(endorse(SITE, [1, 2], [ROOT]))


@pytest.mark.parametrize("missing", ["root", "grant", "revoke"])
def test_root_grant_and_revoke_must_be_filled(missing: str) -> None:
    with refused("S2"):
        read_site(signed(site(roles=roles(**{missing: None}))))


@pytest.mark.parametrize("absent", ["time", "refresh", "update", "recovery"])
def test_the_other_roles_may_stay_empty(absent: str) -> None:
    root = read_site(signed(site(roles=roles(**{absent: None}))))[0]
    assert root.keys(Role[absent.upper()]) == ()
    assert root.key(Role[absent.upper()], None) is None


def test_three_roles_are_enough() -> None:
    least = roles(time=None, refresh=None, recovery=None)
    assert len(least) == 3
    assert accept_first(signed(site(roles=least))).roles == least


@pytest.mark.parametrize("unknown", [7, -1, 255, "0", "root"])
def test_a_role_that_nobody_knows_refuses_the_root(unknown: int | str) -> None:
    with refused("S2"):
        read_site(raw_site(lambda c, x: x[2].update({unknown: [1, [STRANGER.public.cose]]})))


def one_role(held: cbor.Value) -> bytes:
    return raw_site(lambda c, x: x[2].update({int(Role.TIME): held}))


@pytest.mark.parametrize("held", [
    pytest.param([0, [TIMER.public.cose]], id="threshold 0"),
    pytest.param([2, [TIMER.public.cose]], id="a threshold above the number of keys"),
    pytest.param([True, [TIMER.public.cose]], id="true for threshold 1"),
    pytest.param([1, []], id="no key"),
    pytest.param([1, [key(str(n)).public.cose for n in range(SITE_KEYS + 1)]], id="too many keys"),
    pytest.param([1, [TIMER.public.cose, TIMER.public.cose]], id="a key twice"),
    pytest.param([1], id="no list of keys"),
    pytest.param([1, [TIMER.public.cose], 1], id="one part more"),
    pytest.param({0: 1, 1: [TIMER.public.cose]}, id="a map in place of the array"),
    pytest.param(None, id="null"),
    pytest.param(1, id="a number"),
])
def test_a_role_is_a_threshold_and_its_keys(held: cbor.Value) -> None:
    with refused("S3"):
        read_site(one_role(held))


def test_a_role_holds_as_many_keys_as_the_bound_says() -> None:
    many = [key(str(n)).public.cose for n in range(SITE_KEYS)]
    assert len(read_site(one_role([1, [*many]]))[0].keys(Role.TIME)) == SITE_KEYS


def test_a_key_of_small_order_enters_no_role() -> None:
    with refused("K3"):
        read_site(one_role([1, [{1: 1, -1: 6, -2: (1).to_bytes(32, "little")}]]))


@pytest.mark.parametrize("lone", [Role.GRANT, Role.REVOKE, Role.TIME, Role.REFRESH, Role.UPDATE])
def test_a_threshold_that_nobody_would_count_is_refused(lone: Role) -> None:
    """Links, revocations and attestations carry one signature, so "two of them" would be a lie."""
    held = {**site().roles, lone: role(GRANTER, STRANGER, threshold=2)}
    with refused("S3"):
        read_site(signed(site(roles=held)))
    read_site(signed(site(roles={**held, lone: role(GRANTER, STRANGER)})))


def test_recovery_may_ask_for_several_sheets() -> None:
    sheets = roles(recovery=role(PAPER, THIRD, threshold=2))
    assert read_site(signed(site(roles=sheets)))[0].roles[Role.RECOVERY].threshold == 2


def retiring(items: Iterable[cbor.Value]) -> bytes:
    return raw_site(lambda c, x: x.update({5: [*items]}))


@pytest.mark.parametrize("item", [
    pytest.param(STRANGER.public.cose, id="a bare key"),
    pytest.param([STRANGER.public.cose], id="no list of links"),
    pytest.param([STRANGER.public.cose, [], 1], id="one part more"),
    pytest.param([STRANGER.public.cose, bytes(16)], id="a link outside a list"),
    pytest.param([STRANGER.public.cose, [bytes(15)]], id="a short link id"),
    pytest.param([STRANGER.public.cose, [bytes(17)]], id="a long link id"),
    pytest.param([STRANGER.public.cose, [bytes(16), 0]], id="a number among the ids"),
])
def test_a_retired_key_comes_with_the_first_links_that_are_kept(item: cbor.Value) -> None:
    with refused("S4"):
        read_site(retiring([item]))


def test_a_retired_key_stands_once() -> None:
    """Or the second list of kept links would quietly replace the first."""
    with refused("S4"):
        read_site(retiring([[STRANGER.public.cose, [bytes(16)]], [STRANGER.public.cose, []]]))


def test_a_key_cannot_be_retired_and_still_sign_grants() -> None:
    with refused("S4"):
        read_site(retiring([[GRANTER.public.cose, [bytes(16)]]]))


def test_retired_keys_are_bounded() -> None:
    many = [[key(str(n)).public.cose, []] for n in range(SITE_KEYS + 1)]
    read_site(retiring(many[:-1]))
    with refused("S1"):
        read_site(retiring(many))


def test_a_bad_key_cannot_hide_among_the_retired() -> None:
    with refused("K3"):
        read_site(retiring([[{1: 1, -1: 6, -2: bytes(32)}, []]]))


def test_what_we_could_not_read_ourselves_is_never_signed() -> None:
    with refused("S3"):
        sign_site(site(roles=roles(time=role(TIMER, threshold=2))), [ROOT, PAPER])


# --- thresholds: S5 and S8 ------------------------------------------------------------------


@pytest.mark.parametrize("signers", [
    pytest.param([ROOT], id="the phone alone"),
    pytest.param([PAPER], id="the paper alone"),
    pytest.param([ROOT, ROOT], id="the phone twice"),
    pytest.param([ROOT, GRANTER], id="the phone and a key of another role"),
    pytest.param([ROOT, STRANGER], id="the phone and a stranger"),
])
def test_a_first_root_needs_enough_different_root_keys(signers: list[SoftwareKey]) -> None:
    with refused("S5"):
        accept_first(signed(site(), *signers))


def test_signatures_that_count_for_nobody_do_no_harm() -> None:
    assert accept_first(signed(site(), STRANGER, ROOT, GRANTER, PAPER)) == site()


def test_a_root_carries_the_signatures_of_two_full_roles_and_no_more() -> None:
    """Those of the present root's keys and of its own, each up to the bound of a role."""
    others = [key(str(n)) for n in range(2 * SITE_KEYS - 1)]
    assert accept_first(signed(site(), ROOT, PAPER, *others[1:])) == site()
    with refused("D1"):
        accept_first(signed(site(), ROOT, PAPER, *others))


def test_a_root_key_may_be_on_p256() -> None:
    phone = key("phone", ESP256)
    root = site(roles=roles(root=role(phone, PAPER, threshold=2)))
    assert accept_first(signed(root, phone, PAPER)) == root


def test_a_signature_is_not_taken_for_another_roots() -> None:
    """The signatures of one root, laid beside the payload of another."""
    honest, wanted = signed(site()), cbor.encode(site_payload(site(strict=True)))
    parts = cbor.decode(honest)
    assert isinstance(parts, list)
    with refused("S5"):
        accept_first(cbor.encode([wanted, parts[1]]))


def test_a_signature_under_another_kind_is_none() -> None:
    as_doors = endorse(DOORS_MAP, site_payload(site()), [ROOT, PAPER])
    with refused("S5"):
        accept_first(as_doors)


def test_the_next_version_needs_the_present_and_its_own_root_keys() -> None:
    coming = after(site(), roles=roles(root=role(NEW_ROOT, PAPER, threshold=2)))
    assert accept_next(site(), signed(coming, ROOT, NEW_ROOT, PAPER)) == coming
    with refused("S8"):
        accept_next(site(), signed(coming, NEW_ROOT, PAPER))
    with refused("S5"):
        accept_next(site(), signed(coming, ROOT, PAPER))


def test_a_higher_threshold_binds_from_the_version_that_sets_it() -> None:
    coming = after(site(), roles=roles(root=role(ROOT, PAPER, THIRD, threshold=3)))
    with refused("S5"):
        accept_next(site(), signed(coming, ROOT, PAPER))
    accept_next(site(), signed(coming, ROOT, PAPER, THIRD))


def test_a_lower_threshold_binds_only_after_the_version_that_sets_it() -> None:
    coming = after(site(), roles=roles(root=role(NEW_ROOT), recovery=None))
    with refused("S8"):
        accept_next(site(), signed(coming, NEW_ROOT, ROOT))
    last = after(coming)
    accept_next(coming, signed(last, NEW_ROOT))


# --- order and identity: S6 and S7 ----------------------------------------------------------


def test_a_root_of_another_site_is_refused() -> None:
    with refused("S6"):
        accept_next(site(), signed(after(site(), id=bytes(16))))


def test_a_demo_never_becomes_a_real_site_nor_the_other_way_round() -> None:
    with refused("S6"):
        accept_next(site(demo=True), signed(after(site())))
    with refused("S6"):
        accept_next(site(), signed(after(site(), demo=True)))
    with refused("S6"):
        recovers(site(demo=True), signed(after(site())))


@pytest.mark.parametrize("version", [1, 2, 3, 5, 6, TIME_MAX])
def test_only_the_very_next_version_follows(version: int) -> None:
    with refused("S7"):
        accept_next(site(version=3), signed(site(version=version)))
    with refused("S7"):
        recovers(site(version=3), signed(site(version=version)))


def test_the_very_next_version_follows() -> None:
    assert accept_next(site(version=3), signed(site(version=4))).version == 4


# --- paper alone: S9, and what counts while it waits ----------------------------------------


def recovered(**changes: Any) -> Site:  # noqa: ANN401 — any field of a Site
    """What an owner signs with the paper after losing the phone: new keys in every role."""
    new = roles(
        root=role(NEW_ROOT, PAPER, threshold=2), grant=role(NEW_GRANTER), revoke=role(NEW_ROOT))
    return after(site(), **({"roles": new} | changes))


def test_paper_may_replace_the_phone() -> None:
    assert recovers(site(), signed(recovered(), PAPER, NEW_ROOT)) == recovered()


@pytest.mark.parametrize("signers", [
    pytest.param([NEW_ROOT, ROOT], id="the lost phone"),
    pytest.param([NEW_ROOT, THIRD], id="strangers"),
])
def test_recovery_needs_the_paper(signers: list[SoftwareKey]) -> None:
    with refused("S9"):
        recovers(site(), signed(recovered(), *signers))


def test_a_site_without_paper_cannot_be_recovered() -> None:
    present = site(roles=roles(recovery=None))
    coming = recovered(roles=roles(recovery=None, root=role(NEW_ROOT)))
    with refused("S9"):
        recovers(present, signed(coming, NEW_ROOT, PAPER))


def test_recovery_needs_as_many_sheets_as_the_site_asks_for() -> None:
    two = role(PAPER, THIRD, threshold=2)
    present = site(roles=roles(recovery=two))
    coming = recovered(roles=recovered().roles | {Role.RECOVERY: two})
    with refused("S9"):
        recovers(present, signed(coming, PAPER, NEW_ROOT))
    recovers(present, signed(coming, PAPER, NEW_ROOT, THIRD))


def test_recovery_needs_the_new_root_keys_too() -> None:
    """Or a slip of the pen would leave the site with root keys that nobody holds."""
    with refused("S5"):
        recovers(site(), signed(recovered(), PAPER))


@pytest.mark.parametrize("paper", [
    pytest.param(role(THIRD), id="another sheet"),
    pytest.param(role(PAPER, THIRD), id="one sheet more"),
    pytest.param(None, id="none"),
])
def test_recovery_may_not_change_the_paper(paper: RoleKeys | None) -> None:
    changed = {held: keys for held, keys in recovered().roles.items() if held != Role.RECOVERY}
    if paper is not None:
        changed[Role.RECOVERY] = paper
    with refused("S9"):
        recovers(site(), signed(recovered(roles=changed), PAPER, NEW_ROOT))


def opens(root: Site, signer: SoftwareKey, wire: list[cbor.Value] | None = None) -> bool:
    """May a first link by `signer` open a door while `root` counts?"""
    wire = first(TENANT, signer=signer).wire if wire is None else wire
    try:
        verify_chain(read_chain(wire), root.chain_keys())
    except cast.Theirs:
        return False
    return True


def test_paper_stops_a_phone_at_once() -> None:
    between = while_recovering(site(), recovered())
    assert opens(site(), GRANTER)
    assert not opens(between, GRANTER)
    assert between.keys(Role.REVOKE) == ()


def test_the_new_phone_signs_nothing_before_the_wait_is_over() -> None:
    between = while_recovering(site(), recovered())
    assert not opens(between, NEW_GRANTER)
    assert opens(recovered(), NEW_GRANTER)


def test_what_both_roots_allow_goes_on_during_the_wait() -> None:
    between = while_recovering(site(), recovered())
    assert between.keys(Role.TIME) == (TIMER.public,)
    assert between.roles[Role.ROOT] == site().roles[Role.ROOT]
    assert between.roles[Role.RECOVERY] == site().roles[Role.RECOVERY]


def test_a_role_that_the_coming_root_adds_waits() -> None:
    coming = recovered(roles=recovered().roles | {Role.UPDATE: role(STRANGER)})
    assert while_recovering(site(), coming).keys(Role.UPDATE) == ()


@pytest.mark.parametrize(("present", "coming", "between"), [
    (False, False, False), (True, False, True), (False, True, True), (True, True, True)])
def test_the_stricter_of_both_roots_binds_during_the_wait(
    present: bool, coming: bool, between: bool,
) -> None:
    assert while_recovering(site(strict=present), recovered(strict=coming)).strict is between


def test_links_kept_by_the_coming_root_stay_good_during_the_wait() -> None:
    kept, other = first(TENANT), first(STRANGER)
    coming = recovered(retired={GRANTER.public: frozenset({kept.leaf.id})})
    between = while_recovering(site(), coming)
    assert opens(between, GRANTER, kept.wire)
    assert not opens(between, GRANTER, other.wire)


def test_paper_cannot_let_anybody_in_before_the_wait_is_over() -> None:
    """A thief with the paper "retires" a key of their own, and keeps the link that it signed."""
    backdoor = first(STRANGER, signer=STRANGER)
    coming = recovered(retired={STRANGER.public: frozenset({backdoor.leaf.id})})
    assert recovers(site(), signed(coming, PAPER, NEW_ROOT)) == coming
    assert not opens(while_recovering(site(), coming), STRANGER, backdoor.wire)


def test_paper_cannot_bring_back_links_that_were_let_go() -> None:
    old = key("a granter retired long ago")
    kept, dropped = first(TENANT, signer=old), first(STRANGER, signer=old)
    present = site(retired={old.public: frozenset({kept.leaf.id})})
    coming = recovered(retired={old.public: frozenset({kept.leaf.id, dropped.leaf.id})})
    between = while_recovering(present, coming)
    assert opens(between, old, kept.wire)
    assert not opens(between, old, dropped.wire)


def test_a_retired_key_that_the_coming_root_puts_back_signs_nothing_yet() -> None:
    old = key("a granter retired long ago")
    dropped = first(STRANGER, signer=old)
    present = site(retired={old.public: frozenset()})
    coming = recovered(roles=recovered().roles | {Role.GRANT: role(NEW_GRANTER, old)})
    assert opens(coming, old, dropped.wire)
    assert not opens(while_recovering(present, coming), old, dropped.wire)


def test_phone_and_paper_together_may_end_the_wait() -> None:
    ended = accept_next(site(), signed(after(site())), recovering=True)
    assert ended == after(site())


def test_root_keys_without_the_paper_cannot_end_the_wait() -> None:
    """Not even where, against all advice, the phone alone may replace the root."""
    present = site(roles=roles(root=role(ROOT, PAPER)))
    by_phone = signed(after(present), ROOT, GRANTER)
    assert accept_next(present, by_phone) == after(present)
    with refused("S9"):
        accept_next(present, by_phone, recovering=True)
    accept_next(present, signed(after(present), PAPER), recovering=True)


def test_a_site_without_paper_has_no_wait_to_end() -> None:
    present = site(roles=roles(recovery=None))
    with refused("S9"):
        accept_next(present, signed(after(present)), recovering=True)


# --- what a root means to a chain -----------------------------------------------------------


def test_a_key_counts_in_its_own_role_and_in_no_other() -> None:
    for name in Role:
        for held, keys in site().roles.items():
            for one in keys.keys:
                found = site().key(name, one.id)
                assert (found == one) == (one in site().keys(name)), (name, held)


@pytest.mark.parametrize(
    "signer", [ROOT, REVOKER, PAPER, TIMER], ids=["root", "revoke", "paper", "time"])
def test_only_the_grant_role_signs_first_links(signer: SoftwareKey) -> None:
    assert not opens(site(), signer)


def test_a_strict_site_says_so_to_the_chain() -> None:
    assert site(strict=True).chain_keys().strict
    assert not site().chain_keys().strict


# --- the door map: S6, S10 to S12 -----------------------------------------------------------


def lock_keys(name: str = "lock") -> LockKeys:
    def x25519(what: str) -> bytes:
        return KeyPair(key(f"{name} {what}").seed).public

    return LockKeys(x25519("link"), key(name).public, x25519("sealing"))


FRONT_DOOR = MappedDoor(FRONT, "Street door", "Europe/London", lock_keys())
METER_DOOR = MappedDoor(METER, "Meter cupboard", "Europe/London", lock_keys("another lock"))


def doors(*listed: MappedDoor, version: int = 1, of: bytes = cast.SITE) -> DoorMap:
    return DoorMap(of, version, listed or (FRONT_DOOR, METER_DOOR))


Row = list[Any]


def raw_doors(change: Callable[[Claims, Claims, Row], object]) -> bytes:
    """A map of one door made by hand: `change` edits claims, limits and that door."""
    lock = FRONT_DOOR.lock
    row: Row = [FRONT, "Street door", "Europe/London", lock.link, lock.signing.cose, lock.sealing]
    limits: Claims = {1: 1, 2: [row]}
    claims: Claims = {AUD: cast.SITE, LIMITS: limits}
    change(claims, limits, row)
    return sign(DOORS_MAP, claims, GRANTER)


def test_a_map_reads_back_as_it_was_signed() -> None:
    accepted = accept_doors(site(), sign_doors(doors(), GRANTER))
    assert accepted == doors()
    assert accepted.door(METER) == METER_DOOR
    assert accepted.door(bytes(8)) is None
    assert METER_DOOR.lock.id == key("another lock").public.id


@pytest.mark.parametrize("signer", [ROOT, REVOKER, PAPER, TIMER, STRANGER])
def test_only_the_grant_role_signs_maps(signer: SoftwareKey) -> None:
    with refused("S10"):
        accept_doors(site(), sign_doors(doors(), signer))


def test_a_map_without_a_signers_name_is_refused() -> None:
    payload = cbor.decode(parse(DOORS_MAP, sign_doors(doors(), GRANTER)).payload)
    with refused("S10"):
        accept_doors(site(), sign(DOORS_MAP, payload, GRANTER, kid=False))


def test_a_map_under_anothers_name_is_refused() -> None:
    """Signed by a stranger, with the granter's key id in the header."""
    parts = cbor.decode(sign_doors(doors(), GRANTER))
    forged = cbor.decode(sign_doors(doors(), STRANGER))
    assert isinstance(parts, list)
    assert isinstance(forged, list)
    with refused("K8"):
        accept_doors(site(), cbor.encode([parts[0], {}, parts[2], forged[3]]))


def test_a_map_of_another_site_is_refused() -> None:
    with refused("S6"):
        accept_doors(site(), sign_doors(doors(of=bytes(16)), GRANTER))


@pytest.mark.parametrize("version", [1, 4, 5])
def test_a_map_that_is_not_newer_is_refused(version: int) -> None:
    with refused("S11"):
        accept_doors(site(), sign_doors(doors(version=version), GRANTER), above=5)


def test_a_newer_map_is_taken_whatever_the_step() -> None:
    for version in (6, 7, TIME_MAX):
        newer = sign_doors(doors(version=version), GRANTER)
        assert accept_doors(site(), newer, above=5).version == version


@pytest.mark.parametrize("change", [
    pytest.param(lambda c, x, d: c.pop(AUD), id="no site id"),
    pytest.param(lambda c, x, d: c.update({6: 1}), id="an unknown claim"),
    pytest.param(lambda c, x, d: x.update({3: 1}), id="an unknown limit"),
    pytest.param(lambda c, x, d: x.update({1: 0}), id="version 0"),
    pytest.param(lambda c, x, d: x.update({1: True}), id="true for version 1"),
    pytest.param(lambda c, x, d: x.update({2: {}}), id="doors in a map"),
    pytest.param(lambda c, x, d: x.update({2: [FRONT]}), id="a bare id"),
    pytest.param(lambda c, x, d: x.update({2: [dict(enumerate(d))]}), id="a door as a map"),
    pytest.param(lambda c, x, d: x.update({2: [d, d]}), id="a door twice"),
    pytest.param(lambda c, x, d: d.append(1), id="a part more"),
    pytest.param(lambda c, x, d: d.pop(), id="a part less"),
    pytest.param(lambda c, x, d: d.__setitem__(0, FRONT[:-1]), id="a short door id"),
    pytest.param(lambda c, x, d: d.__setitem__(0, "frontdor"), id="a door id as text"),
    pytest.param(lambda c, x, d: d.__setitem__(1, "x" * (TEXT_CHARS + 1)), id="a long label"),
    pytest.param(lambda c, x, d: d.__setitem__(1, b"Street door"), id="a label as bytes"),
    pytest.param(lambda c, x, d: d.__setitem__(2, None), id="no zone"),
    pytest.param(lambda c, x, d: d.__setitem__(3, bytes(31)), id="a short link key"),
    pytest.param(lambda c, x, d: d.__setitem__(5, bytes(33)), id="a long sealing key"),
])
def test_a_map_holds_whole_doors_and_nothing_else(
    change: Callable[[Claims, Claims, Row], object],
) -> None:
    with refused("S12"):
        read_doors(raw_doors(change))


def test_a_map_holds_as_many_doors_as_fit_one_document() -> None:
    """The document's own bound is met before that of the number of doors."""
    listed = [replace(FRONT_DOOR, id=n.to_bytes(8, "big"), label="", zone="") for n in range(DOORS)]
    assert len(read_doors(sign_doors(doors(*listed), GRANTER)).doors) == DOORS
    with refused("S12"):
        sign_doors(doors(*listed, FRONT_DOOR), GRANTER)


def test_an_empty_map_is_a_map() -> None:
    assert read_doors(sign_doors(DoorMap(cast.SITE, 1, ()), GRANTER)).doors == ()


def test_a_lock_whose_signing_key_anybody_could_use_is_on_no_map() -> None:
    with refused("K3"):
        read_doors(raw_doors(lambda c, x, d: d.__setitem__(4, {1: 1, -1: 6, -2: bytes(32)})))


@pytest.mark.parametrize("point", SMALL_ORDER, ids=lambda point: point.hex()[:6])
@pytest.mark.parametrize("place", [3, 5], ids=["link", "sealing"])
def test_a_lock_whose_secrets_everybody_would_share_is_on_no_map(place: int, point: bytes) -> None:
    """A PIN sealed to such a key could be read by all; the library refuses it, and so do we."""
    with refused("N3"):
        read_doors(raw_doors(lambda c, x, d: d.__setitem__(place, point)))


def test_a_map_is_not_taken_for_another_document() -> None:
    encoded = sign_doors(doors(), GRANTER)
    with refused("K8"):
        parse("mortice-config/1", encoded).verify(GRANTER.public)


def test_a_place_names_door_lock_and_clock() -> None:
    place = Place(site(), FRONT, FRONT_DOOR.lock.id, ZoneInfo("Europe/London"))
    assert (place.door, place.lock) == (FRONT, key("lock").public.id)


def test_keys_of_the_two_curves_are_never_the_same_key() -> None:
    assert key("x", ED25519).public != key("x", ESP256).public
    assert isinstance(key("x", ESP256).public, PublicKey)

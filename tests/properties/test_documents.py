"""Documents: what is written is read as it was, and a rightful signer's nonsense is refused.

A signature says who said it and not that it makes sense: readers that check signatures first meet
only nonsense that somebody with the right key has signed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import cast, enrolments, logs
from making.plain import Key, cbor, endorse, sign
from tests.core.cast import GRANTER, LOCK, PAPER, REVOKER, ROOT
from tests.core.cast import SITE as OUR_SITE
from tests.properties.choices import PEOPLE, QUICK, ROOT_OF_SITE, Choices, any_terms, strings
from tests.vectors import library_site

from mortice.cli import texts
from mortice.core import cbor as product_cbor
from mortice.core.chain import read_chain
from mortice.core.commands import Command
from mortice.core.commissioning import Code, Takeover, read_code, read_takeover, write_code
from mortice.core.config import Config, accept_config, sign_config
from mortice.core.errors import Malformed, Untrusted
from mortice.core.freshness import (
    ITEMS,
    Checked,
    accept_checked,
    accept_staple,
    accept_time,
    sign_checked,
    sign_staple,
    sign_time,
)
from mortice.core.grant import Grant, read_grant, sign_grant
from mortice.core.keys import SoftwareKey
from mortice.core.limits import TIME_MAX
from mortice.core.log import (
    Entry,
    Head,
    Kind,
    accept_head,
    accept_receipt,
    read_entry,
    sign_head,
)
from mortice.core.messages import (
    BundleItem,
    Carried,
    Request,
    encode_later,
    read_bundle,
    read_later,
    read_request,
    write_bundle,
)
from mortice.core.pin import Entry as Typing
from mortice.core.pin import PinPolicy, Spent
from mortice.core.revocation import Revoked, accept_revocation, sign_revocation
from mortice.core.site import (
    DoorMap,
    LockKeys,
    MappedDoor,
    Role,
    RoleKeys,
    Site,
    accept_doors,
    accept_first,
    accept_next,
    sign_doors,
    sign_site,
)
from mortice.core.stages import Factors, TimeState

# --- a rightful signer's nonsense ----------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 41) | st.binary(max_size=33)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.integers(-3, 16) | st.text(max_size=2), inner, max_size=4), max_leaves=6)
SITE = accept_first(cast.root())
LOCK_UNDER_TEST = library_site.key_of(cbor(cast.LOCK_KEY.cose).hex())
TENANT, ENROLLED = cast.tenant_link(), enrolments.enrolled(enrolments.enroller())


def by(kind: str, key: Key, *, kid: bool = True) -> Callable[[Any], bytes]:
    return lambda payload: sign(kind, payload, key, kid=kid).encoded


# Kind: a good payload, who signs it, and who reads it.
SIGNED: dict[str, tuple[Any, Callable[[Any], bytes], Callable[[bytes], object]]] = {
    "first link": (
        product_cbor.decode(TENANT.document.payload, max_depth=9),
        by(cast.GRANT_KIND, cast.GRANTS), lambda found: read_chain([found])),
    "enrolment": (
        product_cbor.decode(ENROLLED.document.payload, max_depth=9),
        by(cast.ENROL_KIND, cast.TENANT, kid=False),
        lambda found: read_chain([*ENROLLED.wire[:1], found], last=cast.ENROL_KIND)),
    "root": (
        cast.root_payload(), lambda payload: endorse(cast.SITE_KIND, payload, [cast.ROOT,
                                                                               cast.PAPER]),
        accept_first),
    "next root": (
        cast.root_payload(2),
        lambda payload: endorse(cast.SITE_KIND, payload, [cast.ROOT, cast.PAPER]),
        lambda found: accept_next(SITE, found)),
    "map": (
        {cast.AUD: cast.SITE, cast.LIMITS: {1: 2, 2: [cast.mapped()]}},
        by(cast.DOORS_KIND, cast.GRANTS), lambda found: accept_doors(SITE, found)),
    "settings": (
        {cast.AUD: cast.SITE, cast.LIMITS: {1: cast.STREET, 2: 1, 3: 30, 4: [0, 0, 20]}},
        by(cast.CONFIG_KIND, cast.GRANTS),
        lambda found: accept_config(SITE, found, None, door=cast.STREET, above=0)),
    "revocation": (
        {cast.AUD: cast.SITE, cast.LIMITS: {1: [[bytes(16), 0], [bytes(16), cast.NOW]]}},
        by(cast.REVOKE_KIND, cast.REVOKES), lambda found: accept_revocation(SITE, found)),
    "staple": (
        {cast.AUD: cast.SITE, cast.IAT: cast.NOW, cast.LIMITS: {1: bytes(16)}},
        by(cast.STAPLE_KIND, cast.REFRESHES), lambda found: accept_staple(SITE, found)),
    "time": (
        {cast.AUD: cast.SITE, cast.IAT: cast.NOW,
         cast.LIMITS: {1: cast.LOCK_KEY.id, 2: bytes(32)}},
        by(cast.TIME_KIND, cast.TIMES),
        lambda found: accept_time(SITE, found, cast.LOCK_KEY.id, bytes(32))),
    "checked": (
        {cast.AUD: cast.SITE, cast.IAT: cast.NOW,
         cast.LIMITS: {1: cast.STREET, 2: bytes(32), 3: 30, 4: 0}},
        by(cast.CHECKED_KIND, cast.GRANTS),
        lambda found: accept_checked(SITE, found, None, door=cast.STREET)),
    "head": (
        [0, 8, bytes(32), cast.NOW], by(logs.HEAD_KIND, cast.LOCK_KEY),
        lambda found: accept_head(found, LOCK_UNDER_TEST)),
    "receipt": (
        product_cbor.decode(product_cbor.decode(logs.receipt_bytes(3))[2]),
        by(logs.RECEIPT_KIND, cast.LOCK_KEY),
        lambda found: accept_receipt(found, LOCK_UNDER_TEST)),
}


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Every place in a payload at which something else could stand."""
    keys = value.keys() if isinstance(value, dict) else (
        range(len(value)) if isinstance(value, list) else ())
    return [here, *(place for key in keys for place in places(value[key], (*here, key)))]


def put(value: Any, place: tuple[Any, ...], new: Any) -> Any:  # noqa: ANN401 (any value)
    """`value` with `new` at `place`."""
    if not place:
        return new
    inner = put(value[place[0]], place[1:], new)
    if isinstance(value, dict):
        return value | {place[0]: inner}
    return [*value[:place[0]], inner, *value[place[0] + 1:]]


@pytest.mark.parametrize("kind", SIGNED)
def test_what_the_rightful_signer_means_is_read(kind: str) -> None:
    payload, signed, read = SIGNED[kind]
    read(signed(payload))


@pytest.mark.parametrize("kind", SIGNED)
@QUICK
@given(st.data(), values)
def test_a_rightful_signers_nonsense_is_read_or_refused(
    kind: str, data: st.DataObject, nonsense: product_cbor.Value) -> None:
    """Anything at all in any place of the payload, under a signature that holds."""
    payload, signed, read = SIGNED[kind]
    document = signed(put(payload, data.draw(st.sampled_from(places(payload))), nonsense))
    try:
        read(document)
    except (Malformed, Untrusted):
        return


# --- what is written is read as it was ------------------------------------------------------------

ids, hashes = (st.binary(min_size=size, max_size=size) for size in (16, 32))
numbers, versions, labels = st.integers(0, TIME_MAX), st.integers(1, TIME_MAX), st.text(max_size=20)
args = st.dictionaries(st.integers(0, 9), st.integers(-9, TIME_MAX))


@QUICK
@given(strings(24))
def test_a_link_is_read_as_it_was_signed(drawn: bytes) -> None:
    choices = Choices(drawn)
    link = Grant(choices.one(PEOPLE).public, site=OUR_SITE, **any_terms(choices))
    assert read_grant(sign_grant(link, GRANTER)) == link


@QUICK
@given(versions, st.booleans(), st.booleans(),
       st.dictionaries(st.sampled_from(PEOPLE[3:]).map(lambda key: key.public),
                       st.frozensets(ids, max_size=3), max_size=2),
       st.sets(st.sampled_from([Role.TIME, Role.REFRESH, Role.UPDATE])))
def test_a_root_is_read_as_it_was_signed(
    version: int, strict: bool, demo: bool, retired: dict[Any, frozenset[bytes]],
    roles: set[Role]) -> None:
    held = {role: RoleKeys(1, (PEOPLE[0].public,)) for role in roles}
    site = Site(OUR_SITE, version, {
        Role.ROOT: RoleKeys(2, (ROOT.public, PAPER.public)),
        Role.GRANT: RoleKeys(1, (GRANTER.public,)),
        Role.REVOKE: RoleKeys(1, (REVOKER.public,)), **held}, strict, demo, retired)
    assert accept_first(sign_site(site, [ROOT, PAPER])) == site


@QUICK
@given(versions, st.dictionaries(
    st.binary(min_size=8, max_size=8), st.tuples(labels, labels), max_size=5))
def test_a_map_is_read_as_it_was_signed(
    version: int, named: dict[bytes, tuple[str, str]]) -> None:
    lock = LockKeys(cast.LINK_PUBLIC, LOCK.public, cast.SEALING_PUBLIC)
    doors = DoorMap(OUR_SITE, version, tuple(
        MappedDoor(door, label, zone, lock) for door, (label, zone) in named.items()))
    assert accept_doors(ROOT_OF_SITE, sign_doors(doors, GRANTER)) == doors


@QUICK
@given(versions, st.integers(0, 3600), st.booleans(), st.integers(1, 100))
def test_settings_are_read_as_they_were_signed(
    version: int, relock: int, with_index: bool, most: int) -> None:
    pins = PinPolicy(*((Typing.INDEX, Spent.OFF) if with_index else (Typing.PLAIN, Spent.REST)),
                     most)
    config = Config(cast.STREET, version, relock, pins)
    signed = sign_config(OUR_SITE, config, GRANTER)
    assert accept_config(ROOT_OF_SITE, signed, None, door=cast.STREET, above=0) == config


@QUICK
@given(st.lists(st.tuples(ids, st.none() | versions), max_size=128))
def test_a_delta_is_read_as_it_was_signed(named: list[tuple[bytes, int | None]]) -> None:
    entries = tuple(Revoked(*one) for one in named)
    found = accept_revocation(ROOT_OF_SITE, sign_revocation(OUR_SITE, entries, REVOKER))
    assert (found.entries, found.over_all) == (entries, True)


@QUICK
@given(ids, numbers, hashes)
def test_staples_and_attestations_are_read_as_they_were_signed(
    name: bytes, at: int, nonce: bytes) -> None:
    person = PEOPLE[0]
    site = Site(OUR_SITE, 1, {**ROOT_OF_SITE.roles, Role.REFRESH: RoleKeys(1, (person.public,)),
                              Role.TIME: RoleKeys(1, (person.public,))})
    staple = accept_staple(site, sign_staple(OUR_SITE, name, at, person))
    assert (staple.leaf, staple.at) == (name, at)
    told = accept_time(site, sign_time(OUR_SITE, name, nonce, at, person), name, nonce)
    assert (told.at, told.signer) == (at, None)


@QUICK
@given(numbers, hashes, st.integers(0, ITEMS), st.integers(0, ITEMS))
def test_a_record_of_a_check_is_read_as_it_was_signed(
    at: int, report: bytes, passed: int, failed: int) -> None:
    checked = Checked(cast.STREET, at, report, passed, failed)
    signed = sign_checked(OUR_SITE, checked, GRANTER)
    assert accept_checked(ROOT_OF_SITE, signed, None, door=cast.STREET) == checked


@QUICK
@given(st.builds(
    Request, st.sampled_from(Command), st.binary(min_size=8, max_size=8), args,
    ids | st.lists(st.binary(max_size=40), max_size=5), st.integers(0, 31).map(Factors),
    st.just(bytes(64)),
    st.dictionaries(st.sampled_from(Carried).map(int), st.binary(max_size=20), max_size=3)))
def test_a_request_is_read_as_it_was_written(request: Request) -> None:
    assert read_request(request.encode()) == request
    later = (request.command, request.command_id, request.args)
    assert read_later(encode_later(*later)) == later


@QUICK
@given(st.lists(st.tuples(
    st.text(max_size=30), st.binary(max_size=30),
    st.none() | st.lists(st.binary(max_size=9), max_size=3),
    st.none() | st.lists(st.binary(max_size=9), min_size=3, max_size=3)), max_size=9))
def test_a_bundle_is_read_as_it_was_written(items: list[Any]) -> None:
    bundle = tuple(BundleItem(*item) for item in items)
    assert read_bundle(write_bundle(bundle)) == bundle


@QUICK
@given(st.builds(
    Entry, numbers, numbers, st.sampled_from(TimeState), numbers, st.sampled_from(Kind),
    st.dictionaries(st.integers(1, 21), st.binary(max_size=9) | st.integers(0, 99)), ids))
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert read_entry(entry.encode()) == entry


@QUICK
@given(st.builds(Head, numbers, numbers, hashes, numbers))
def test_a_head_is_read_as_it_was_signed(head: Head) -> None:
    assert accept_head(sign_head(head, LOCK), LOCK.public) == head


@QUICK
@given(ids, ids, st.sampled_from(["{}", " {}\n", "\t{} "]))
def test_a_code_is_read_as_it_was_printed(name: bytes, secret: bytes, around: str) -> None:
    code = Code(name, secret)
    assert read_code(around.format(write_code(code))) == code


@QUICK
@given(st.binary(min_size=8, max_size=8), st.binary(min_size=1, max_size=99), numbers)
def test_a_takeover_is_read_as_it_was_written(door: bytes, document: bytes, at: int) -> None:
    takeover = Takeover(door, document, document, at)
    assert read_takeover(takeover.args()) == takeover


@QUICK
@given(st.sampled_from(PEOPLE), st.text(max_size=120).filter(lambda name: name.isprintable()))
def test_a_request_for_a_key_is_read_as_it_was_sent(person: SoftwareKey, name: str) -> None:
    text = texts.write_request(person.public, name)
    assert texts.read_request(f"Hello,\n{text}\nBye") == (person.public, name)

"""A chain that was changed in any bit, or cut anywhere, is no key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.core.cast import DAY, NOW
from tests.properties.choices import DOORS, PEOPLE, ROOT_OF_SITE, Held, first_link, link_below

from mortice.core.chain import read_chain, verify_chain
from mortice.core.errors import Theirs
from mortice.core.grant import Rights
from mortice.core.schedule import Window

TERMS = {
    "doors": frozenset(DOORS[:1]), "use": Rights.UNLOCK, "nbf": NOW - DAY, "exp": NOW + DAY,
    "hours": (Window(127, 0, 1440),)}
PASSING = {"delegable": Rights.UNLOCK, "max_life": 3 * DAY}


def three_links() -> Held:
    first = first_link(TERMS | PASSING | {"depth": 2}, PEOPLE[0], about={1: "Agent"})
    second = link_below(first, TERMS | PASSING | {"depth": 1}, PEOPLE[1])
    return link_below(second, TERMS, PEOPLE[2])


GOOD = three_links()


def refused(wire: list[bytes]) -> bool:
    try:
        verify_chain(read_chain(wire), ROOT_OF_SITE.chain_keys())
    except Theirs:
        return True
    return False


def with_link(number: int, link: bytes) -> list[bytes]:
    return [*GOOD.wire[:number], link, *GOOD.wire[number + 1:]]


def flips(link: bytes) -> Iterator[tuple[int, bytes]]:
    for bit in range(8 * len(link)):
        changed = bytearray(link)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(changed)


def test_the_chain_is_good() -> None:
    assert not refused([*GOOD.wire])


@pytest.mark.parametrize("number", range(3))
def test_each_bit_of_each_link_counts(number: int) -> None:
    assert [bit for bit, link in flips(GOOD.wire[number])
            if not refused(with_link(number, link))] == []


@pytest.mark.parametrize("number", range(3))
def test_a_link_cut_at_any_byte_is_no_link(number: int) -> None:
    link = GOOD.wire[number]
    assert [end for end in range(len(link)) if not refused(with_link(number, link[:end]))] == []


@pytest.mark.parametrize("number", range(3))
def test_a_link_with_anything_after_it_is_no_link(number: int) -> None:
    link = GOOD.wire[number]
    assert [byte for byte in range(256)
            if not refused(with_link(number, link + bytes([byte])))] == []


@pytest.mark.parametrize("wire", [
    [GOOD.wire[at] for at in order] for order in (
        (0, 2, 1), (1, 0, 2), (2, 1, 0), (0, 2), (1, 2), (2,), (1,), (0, 0, 1, 2), (0, 1, 1, 2),
        (0, 1, 2, 2))])
def test_links_in_another_order_or_number_are_no_chain(wire: list[bytes]) -> None:
    assert refused(wire)

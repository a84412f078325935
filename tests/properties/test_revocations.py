"""Keys taken back are one set, whatever the order, however often, whoever brings the news."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.core.cast import NOW
from tests.properties.choices import PEOPLE, QUICK, Choices, Held, chain, strings

from mortice.core.revocation import Revocation, Revoked, first_revoked
from mortice.lockd.store import Store

IN_MEMORY = Path("/dev/shm")
NAMES = [bytes([number]) * 16 for number in range(4)]
ENDS = (None, NOW, NOW + 60, NOW + 3600)


@contextmanager
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        made = Store(Path(folder))
        yield made
        made.close()


def deltas(choices: Choices, names: list[bytes]) -> list[Revocation]:
    """A handful of verified deltas: by the site and by holders, about the same few names."""
    made = []
    for number in range(1 + choices.number(6)):
        signer = choices.one(PEOPLE)
        entries = tuple(Revoked(name, choices.one(ENDS)) for name in choices.some(names)[:3])
        made.append(Revocation(
            bytes([number + 1]) * 16, signer.public.id, over_all=choices.number(2) == 0,
            entries=entries))
    return made


def told(kept: Store, news: list[Revocation]) -> None:
    for delta in news:
        with kept.change() as change:
            change.revoke(delta, delta.id)


def known(kept: Store, names: list[bytes]) -> tuple[object, ...]:
    """Everything that depends on what a store was told."""
    return (
        {name: frozenset(told) for name, told in kept.signers(names).items()}, kept.revoked_count(),
        {person.public.id: kept.revoked_count(person.public.id) for person in PEOPLE}, kept.news())


@QUICK
@given(strings(48), st.randoms(use_true_random=False))
def test_any_order_and_any_doubling_gives_the_same_set(
    drawn: bytes, chance: random.Random) -> None:
    news = deltas(Choices(drawn), NAMES)
    again = news + chance.choices(news, k=chance.randrange(4))
    chance.shuffle(again)
    with store() as one, store() as other:
        told(one, news)
        told(other, again)
        assert known(one, NAMES) == known(other, NAMES)
        for kept in (one, other):
            with kept.change() as change:
                change.forget_ended(NOW + 60, 0)
        assert known(one, NAMES) == known(other, NAMES)


@QUICK
@given(strings(48), st.randoms(use_true_random=False))
def test_nothing_that_is_heard_later_brings_a_key_back(
    drawn: bytes, chance: random.Random) -> None:
    news = deltas(Choices(drawn), NAMES)
    chance.shuffle(news)
    with store() as kept:
        before: dict[bytes, frozenset[tuple[bytes, bool]]] = dict.fromkeys(NAMES, frozenset())
        for delta in news:
            told(kept, [delta])
            now = {name: frozenset(kept.signers([name]).get(name, ())) for name in NAMES}
            assert all(before[name] <= now[name] for name in NAMES)
            before = now


def dead_by_the_sets(held: Held, news: list[Revocation]) -> int | None:
    """The first link that somebody with a say took back: the site, or a holder above it."""
    above: set[bytes] = set()
    for number, link in enumerate(held.links):
        for delta in news:
            named = {entry.named for entry in delta.entries}
            if named & {link.id, link.holder.id} and (delta.over_all or delta.signer in above):
                return number
        above.add(link.holder.id)
    return None


@QUICK
@given(strings(160), st.randoms(use_true_random=False))
def test_a_chain_is_dead_from_the_first_link_that_somebody_with_a_say_took_back(
    drawn: bytes, chance: random.Random) -> None:
    choices = Choices(drawn)
    held = chain(choices)
    names = [name for link in held.links for name in (link.id, link.holder.id)]
    news = deltas(choices, names)
    chance.shuffle(news)
    with store() as kept:
        told(kept, news)
        found = first_revoked(held.links, kept)
    expected = dead_by_the_sets(held, news)
    assert found == (None if expected is None else held.links[expected])

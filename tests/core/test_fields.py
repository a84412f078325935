"""Fields taken from arrays and from maps inside maps; tests/core/test_cbor.py has the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.core.cast import refused

from mortice.core.errors import Malformed
from mortice.core.fields import Fields


def listed(value: object, low: int = 2, high: int = 3) -> Fields:
    return Fields.listed(value, low, high, "thing", "A1")


@pytest.mark.parametrize("value", [[7, b"x"], [7, b"x", None]])
def test_an_array_is_read_by_place(value: list[object]) -> None:
    thing = listed(value)
    assert (thing.int(0, 7, 7), thing.bytes(1, 1), thing.any(2, default=None)) == (7, b"x", None)
    thing.done()


@pytest.mark.parametrize("value", [
    [7], [7, 8, 9, 10], [], (7, 8), {0: 7, 1: 8}, b"ab", "ab", None, 2])
def test_an_array_has_as_many_items_as_its_reader_says(value: object) -> None:
    """A map with the same places as keys is a second encoding of the same thing, and refused."""
    with refused("A1"):
        listed(value)


def test_an_item_that_nobody_took_is_refused() -> None:
    thing = listed([7, 8, 9])
    thing.int(0, 0, 9)
    thing.int(1, 0, 9)
    with refused("A1"):
        thing.done()


def test_a_map_in_a_map_must_be_used_up_too() -> None:
    outer, inner = Fields({1: 7}, "outer", "G1"), Fields({2: 8}, "inner", "G2")
    outer.int(1, 0, 9)
    with refused("G2"):
        outer.done(inner)
    inner.int(2, 0, 9)
    outer.done(inner)


def test_an_empty_field_is_not_an_absent_one() -> None:
    thing = Fields({1: 0, 2: b"", 3: "", 4: [], 5: {}, 6: False, 7: None}, "thing", "G1")
    assert (thing.int(1, 0, 9, default=5), thing.bytes(2, default=b"x")) == (0, b"")
    assert (thing.text(3, 9, default="x"), thing.list(4, 9, default=[1])) == ("", [])
    assert (thing.map(5, default={1: 1}), thing.bool(6, default=True)) == ({}, False)
    assert thing.any(7, default=5) is None


def test_text_is_measured_in_characters_and_bytes_in_bytes() -> None:
    thing = Fields({1: "üüü", 2: "üüü".encode()}, "thing", "G1")
    assert thing.text(1, 3) == "üüü"
    with refused("G1"):
        thing.bytes(2, 3)


@pytest.mark.parametrize("read", [
    lambda f: f.int(1, 0, 1), lambda f: f.bytes(1), lambda f: f.text(1, 3), lambda f: f.list(1, 0),
    lambda f: f.map(1), lambda f: f.bool(1)])
def test_an_error_names_the_field_and_never_its_value(read: Callable[[Fields], object]) -> None:
    """What is refused may be a PIN in the wrong place, and errors are written down."""
    for secret in ("271828", ["271828"], 271828):
        with pytest.raises(Malformed) as error:
            read(Fields({1: secret}, "thing", "G1"))
        assert "field 1" in str(error.value)
        assert "271828" not in str(error.value)


def test_numbers_stay_exact_at_both_ends() -> None:
    for number in (-(1 << 64), -1, 0, (1 << 64) - 1):
        assert Fields({1: number}, "thing", "G1").int(1, number, number) == number
        for low, high in ((number + 1, number + 2), (number - 2, number - 1)):
            with refused("G1"):
                Fields({1: number}, "thing", "G1").int(1, low, high)

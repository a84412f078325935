"""The strict deterministic CBOR codec, and the reader of fields on top of it."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortice.core import cbor
from mortice.core.errors import Malformed, Misuse
from mortice.core.fields import Fields

ints = st.one_of(
    st.integers(-30, 300),
    st.integers(-(1 << 64), (1 << 64) - 1),
    st.sampled_from([n + d for bits in (8, 16, 32, 63) for n in (1 << bits, -(1 << bits))
                     for d in (-2, -1, 0, 1)]),
)
keys = st.one_of(ints, st.text(max_size=8))
scalars = st.one_of(ints, st.binary(max_size=300), st.text(max_size=300), st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=30), st.dictionaries(keys, inner, max_size=30)),
    max_leaves=40,
)

# RFC 8949, appendix A: those of its examples that have a place in this profile.
RFC_EXAMPLES: list[tuple[cbor.Value, str]] = [
    (0, "00"), (1, "01"), (10, "0a"), (23, "17"), (24, "1818"), (25, "1819"), (100, "1864"),
    (1000, "1903e8"), (1000000, "1a000f4240"), (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"), (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7"), (False, "f4"), (True, "f5"),
    (None, "f6"), (b"", "40"), (b"\x01\x02\x03\x04", "4401020304"), ("", "60"), ("a", "6161"),
    ("IETF", "6449455446"), ('"\\', "62225c"), ("\u00fc", "62c3bc"), ("\u6c34", "63e6b0b4"),
    ("\U00010151", "64f0908591"), ([], "80"), ([1, 2, 3], "83010203"),
    ([1, [2, 3], [4, 5]], "8301820203820405"), ({}, "a0"), ({1: 2, 3: 4}, "a201020304"),
    ({"a": 1, "b": [2, 3]}, "a26161016162820203"), (["a", {"b": "c"}], "826161a161626163"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
]


@pytest.mark.parametrize(("value", "encoded"), RFC_EXAMPLES)
def test_examples_of_the_rfc(value: cbor.Value, encoded: str) -> None:
    assert cbor.encode(value).hex() == encoded
    assert cbor.decode(bytes.fromhex(encoded)) == value


def test_map_keys_stand_in_the_order_of_their_bytes() -> None:
    """The example of RFC 8949, section 4.2.1, without the keys that are not int or text."""
    value: dict[int | str, cbor.Value] = {"aa": 0, 10: 0, -1: 0, "z": 0, 100: 0}
    assert cbor.encode(value).hex() == "a50a001864002000617a0062616100"


@given(values)
def test_what_is_encoded_is_decoded_to_the_same(value: cbor.Value) -> None:
    encoded = cbor.encode(value)
    decoded = cbor.decode(encoded, max_bytes=1 << 20, max_depth=64)
    assert decoded == value
    assert cbor.encode(decoded) == encoded  # also tells True from 1


@given(values)
def test_an_independent_codec_reads_the_same(value: cbor.Value) -> None:
    cbor2 = pytest.importorskip("cbor2", reason="cbor2 is not installed")
    assert cbor.encode(cbor2.loads(cbor.encode(value))) == cbor.encode(value)


@given(values)
def test_an_independent_codec_writes_the_same(value: cbor.Value) -> None:
    """Maps are put in order first, because cbor2 knows only the older, length-first order."""
    cbor2 = pytest.importorskip("cbor2", reason="cbor2 is not installed")

    def ordered(item: cbor.Value) -> cbor.Value:
        if isinstance(item, dict):
            return {key: ordered(item[key]) for key in sorted(item, key=cbor2.dumps)}
        return [ordered(one) for one in item] if isinstance(item, list) else item

    assert cbor.encode(value) == cbor2.dumps(ordered(value))


@given(st.binary(max_size=60))
def test_any_bytes_are_malformed_or_the_one_encoding_of_a_value(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except Malformed:
        return
    assert cbor.encode(value) == data


@given(values, st.data())
def test_changed_bytes_are_malformed_or_mean_something_else(
    value: cbor.Value, data: st.DataObject
) -> None:
    encoded = bytearray(cbor.encode(value))
    for at in data.draw(st.lists(st.integers(0, len(encoded) - 1), min_size=1, max_size=4)):
        encoded[at] ^= data.draw(st.integers(1, 255))
    changed = bytes(encoded)
    try:
        other = cbor.decode(changed, max_bytes=1 << 20)
    except Malformed:
        return
    assert cbor.encode(other) == changed


@given(values)
def test_every_truncation_is_refused(value: cbor.Value) -> None:
    encoded = cbor.encode(value)
    for end in range(min(len(encoded), 400)):
        with pytest.raises(Malformed) as refused:
            cbor.decode(encoded[:end], max_bytes=1 << 20, max_depth=64)
        assert refused.value.check in ("E2", "E9")  # E9: cut in the middle of a character


def nested(levels: int) -> bytes:
    return b"\x81" * levels + b"\x00"


WRONG: list[tuple[str, str, str]] = [
    ("E2", "nothing at all", ""),
    ("E2", "argument cut off", "19 01"),
    ("E2", "bytes cut off", "43 0102"),
    ("E2", "text cut off", "63 6161"),
    ("E2", "array cut off", "82 01"),
    ("E2", "map cut off after a key", "a1 01"),
    ("E2", "map cut off in a key", "a2 01 02 18"),
    ("E2", "map cut off before a key", "a2 01 63616161"),
    ("E2", "array of 2^63 items", "9b 8000000000000000"),
    ("E2", "map of 2^63 pairs", "bb 8000000000000000"),
    ("E2", "2^63 bytes", "5b 8000000000000000"),
    ("E2", "text of 2^63 bytes", "7b 8000000000000000"),
    ("E2", "array of more items than bytes", "98ff 00"),
    ("E3", "second item", "01 01"),
    ("E3", "zero byte after a map", "a0 00"),
    ("E4", "0 in two bytes", "18 00"),
    ("E4", "23 in two bytes", "18 17"),
    ("E4", "255 in three bytes", "19 00ff"),
    ("E4", "65535 in five bytes", "1a 0000ffff"),
    ("E4", "2^32 - 1 in nine bytes", "1b 00000000ffffffff"),
    ("E4", "-1 in two bytes", "38 00"),
    ("E4", "length of bytes", "58 01 00"),
    ("E4", "length of text", "78 01 61"),
    ("E4", "length of an array", "98 01 00"),
    ("E4", "length of a map", "b8 01 0000"),
    ("E4", "map key", "a1 1800 00"),
    ("E5", "indefinite bytes", "5f 4100 ff"),
    ("E5", "indefinite text", "7f 6161 ff"),
    ("E5", "indefinite array", "9f 00 ff"),
    ("E5", "indefinite map", "bf 0000 ff"),
    ("E5", "indefinite integer", "1f"),
    ("E6", "break alone", "ff"),
    ("E6", "reserved additional information", "1c"),
    ("E6", "half-precision 1.0", "f9 3c00"),
    ("E6", "half-precision NaN", "f9 7e00"),
    ("E6", "single-precision float", "fa 47c35000"),
    ("E6", "double-precision float", "fb 3ff199999999999a"),
    ("E6", "undefined", "f7"),
    ("E6", "simple value 16", "f0"),
    ("E6", "simple value 255", "f8 ff"),
    ("E6", "false in two bytes", "f8 14"),
    ("E6", "bignum", "c2 49 010000000000000000"),
    ("E6", "negative bignum", "c3 49 010000000000000000"),
    ("E6", "date", "c0 60"),
    ("E6", "self-described CBOR", "d9d9f7 00"),
    ("E7", "same int key twice", "a2 0100 0100"),
    ("E7", "same text key twice", "a2 616100 616100"),
    ("E7", "int keys out of order", "a2 0200 0100"),
    ("E7", "negative before positive key", "a2 2000 0100"),
    ("E7", "text before int key", "a2 616100 0100"),
    ("E7", "length-first order of RFC 7049", "a2 2000 186400"),
    ("E7", "out of order in an inner map", "a1 00 a2 0200 0100"),
    ("E8", "nine arrays", nested(9).hex()),
    ("E8", "a thousand arrays", nested(1000).hex()),
    ("E8", "a thousand maps", (b"\xa1\x00" * 1000 + b"\x00").hex()),
    ("E9", "byte that starts no character", "61 ff"),
    ("E9", "overlong form", "62 c080"),
    ("E9", "half a surrogate pair", "63 eda080"),
    ("E9", "beyond Unicode", "64 f4908080"),
    ("E9", "bytes as a map key", "a1 4100 00"),
    ("E9", "array as a map key", "a1 80 00"),
    ("E9", "map as a map key", "a1 a0 00"),
    ("E9", "true as a map key", "a1 f5 00"),
    ("E9", "tag as a map key", "a1 c0 00"),
]


@pytest.mark.parametrize(
    ("check", "encoded"), [(check, encoded) for check, _, encoded in WRONG],
    ids=[f"{check}-{what}" for check, what, _ in WRONG])
def test_wrong_bytes_are_refused_by_number(check: str, encoded: str) -> None:
    with pytest.raises(Malformed) as refused:
        cbor.decode(bytes.fromhex(encoded))
    assert refused.value.check == check


def test_more_bytes_than_the_caller_wants_are_refused() -> None:
    encoded = cbor.encode(bytes(20))
    assert cbor.decode(encoded, max_bytes=21) == bytes(20)
    with pytest.raises(Malformed, match="E1"):
        cbor.decode(encoded, max_bytes=20)


def test_depth_counts_arrays_and_maps_inside_one_another() -> None:
    assert cbor.decode(nested(8)) == [[[[[[[[0]]]]]]]]
    assert cbor.decode(b"\x00", max_depth=0) == 0
    assert cbor.decode(b"\x82\x80\xa0", max_depth=2) == [[], {}]
    for data, depth in ((b"\x80", 0), (b"\xa0", 0), (b"\x81\xa0", 1), (nested(100_000), 64)):
        with pytest.raises(Malformed, match="E8"):
            cbor.decode(data, max_bytes=1 << 20, max_depth=depth)


@pytest.mark.parametrize("first", [b"\x9b", b"\xbb", b"\x5b", b"\x7b"])
def test_a_declared_length_costs_no_memory(first: bytes) -> None:
    data = first + struct.pack(">Q", 1 << 63) + bytes(1000)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="E2"):
            cbor.decode(data)
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()


class Number(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    "value",
    [1.0, (1, 2), {1, 2}, bytearray(b"x"), Number.ONE, 1 << 64, -(1 << 64) - 1, "\ud800",
     {True: 1}, {None: 1}, {b"x": 1}, {"\udfff": 1}, [object()], {1: 2.0}])
def test_what_has_no_encoding_is_our_mistake(value: cbor.Value) -> None:
    with pytest.raises(Misuse):
        cbor.encode(value)


def fields(value: object = None) -> Fields:
    return Fields({1: 7, 2: b"abc", 3: "text", 4: [1, 2], 5: {1: 2}, 6: None, "k": 0, 8: True}
                  if value is None else value, "thing", "G1")


def test_fields_are_read_with_their_types_and_bounds() -> None:
    thing = fields()
    assert (thing.int(1, 7, 7), thing.bytes(2, 3), thing.text(3, 4)) == (7, b"abc", "text")
    assert (thing.list(4, 2), thing.map(5), thing.any(6)) == ([1, 2], {1: 2}, None)
    assert (thing.int("k", 0, 0), thing.bool(8)) == (0, True)
    thing.done()
    assert fields().bytes(2) == fields().bytes(2, (0, 3)) == fields().bytes(2, (3, 9)) == b"abc"


@pytest.mark.parametrize(
    "read",
    [lambda f: f.int(1, 8, 9), lambda f: f.int(1, 5, 6), lambda f: f.int(8, 0, 1),
     lambda f: f.int(2, 0, 9), lambda f: f.bytes(2, 2), lambda f: f.bytes(2, (4, 9)),
     lambda f: f.bytes(2, (0, 2)), lambda f: f.bytes(3), lambda f: f.text(3, 3),
     lambda f: f.text(2, 9), lambda f: f.list(4, 1), lambda f: f.list(5, 9),
     lambda f: f.map(4), lambda f: f.bool("k"), lambda f: f.int(6, 0, 9, default=None)])
def test_a_field_of_another_type_or_size_is_refused(read: Callable[..., object]) -> None:
    with pytest.raises(Malformed, match="thing: field") as refused:
        read(fields())
    assert refused.value.check == "G1"


@pytest.mark.parametrize(
    "read",
    [lambda f, **d: f.int(99, 0, 9, **d), lambda f, **d: f.bytes(99, 3, **d),
     lambda f, **d: f.text(99, 9, **d), lambda f, **d: f.list(99, 9, **d),
     lambda f, **d: f.map(99, **d), lambda f, **d: f.bool(99, **d),
     lambda f, **d: f.any(99, **d)])
def test_an_absent_field_has_its_default_or_is_refused(read: Callable[..., object]) -> None:
    assert read(fields(), default=None) is None
    with pytest.raises(Malformed, match="99 is missing"):
        read(fields())


def test_a_field_that_nobody_took_is_refused() -> None:
    thing = fields({1: 7, "q" * 1000: 1})
    thing.int(1, 0, 9)
    with pytest.raises(Malformed, match="unknown field") as refused:
        thing.done()
    assert len(str(refused.value)) < 100


def test_a_field_can_be_taken_once() -> None:
    thing = fields()
    thing.int(1, 0, 9)
    assert len(thing) == 7
    with pytest.raises(Malformed, match="missing"):
        thing.int(1, 0, 9)


@pytest.mark.parametrize("value", [[], b"", 0, None])
def test_only_a_map_has_fields(value: object) -> None:
    with pytest.raises(Malformed, match="thing: expected a map"):
        Fields(value, "thing", "G1")


def test_reading_fields_leaves_the_map_as_it_was() -> None:
    value: dict[int | str, cbor.Value] = {1: 7}
    fields(value).int(1, 0, 9)
    assert value == {1: 7}

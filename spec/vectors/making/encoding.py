"""Values: one encoding each (spec/encoding.md, section 1). Checks E1 to E9."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.case import Case, Fields, accepted, malformed, repeated
from making.plain import cbor, head

BIG = 1 << 64


def written(value: Any) -> Any:  # noqa: ANN401 (any value of the encoding)
    """A value as the vectors write it, so that any JSON reader keeps it whole."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, bytes):
        return {"bytes": value}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list):
        return [written(item) for item in value]
    return {"map": [[written(key), written(item)] for key, item in value.items()]}


def good(name: str, shows: str, value: Any) -> Case:  # noqa: ANN401 (as `written`)
    return Case(f"encoding/{name}", shows, "cbor", {"bytes": cbor(value)},
                accepted(decoded=written(value)))


def bad(name: str, check: str, shows: str, encoded: bytes | str | Fields, **bounds: int) -> Case:
    given = bytes.fromhex(encoded) if isinstance(encoded, str) else encoded
    return Case(f"encoding/{name}", shows, "cbor", {"bytes": given, **bounds}, malformed(check))


def deep(levels: int) -> bytes:
    return b"\x81" * levels + b"\x01"


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _lengths()
    yield from _forms()
    yield from _maps_and_text()


def _good() -> Iterator[Case]:
    numbers = [0, 23, 24, 255, 256, 65_535, 65_536, (1 << 32) - 1, 1 << 32, BIG - 1]
    yield good("integers-at-every-width", "Each width begins where the one before it ends.",
               numbers)
    below = [-1, -24, -25, -256, -257, -65_536, -65_537, -(1 << 32), -(1 << 32) - 1, -BIG]
    yield good("negative-integers-at-every-width", "Negative integers have the same widths.", below)
    yield good("bytes-of-several-lengths", "A length stands in its shortest form.",
               [b"", b"\x00", bytes(23), bytes(24), bytes(255), bytes(256)])
    yield good("text-in-several-scripts", "Text is UTF-8 and is not normalised.",
               ["", "ü", "水", "\U0001f6aa", "e\u0301"])
    yield good("true-false-null", "Three simple values are in use.", [False, True, None])
    yield good("keys-in-bytewise-order", "Keys stand in the order of their encodings' bytes.",
               {10: 0, 100: 1, -1: 2, "z": 3, "aa": 4})
    yield Case("encoding/eight-levels", "Eight arrays inside one another are allowed.", "cbor",
               {"bytes": deep(8)}, accepted(decoded=[[[[[[[[written(1)]]]]]]]]))


def _lengths() -> Iterator[Case]:
    yield bad("longer-than-a-message", "E1", "More bytes than any place allows are not looked at.",
              repeated(b"\x00", 16_385))
    yield bad("longer-than-the-place-allows", "E1", "A place may allow fewer bytes.",
              cbor([1, 2, 3]), max_bytes=3)
    yield bad("nothing-at-all", "E2", "No bytes are no value.", b"")
    yield bad("integer-cut-short", "E2", "An integer ends before its last byte.", "1a000100")
    yield bad("bytes-cut-short", "E2", "A byte string ends before its length.", "43 0102")
    yield bad("array-cut-short", "E2", "An array of two holds one item.", "82 01")
    yield bad("map-cut-short", "E2", "A map of one has a key and no value.", "a1 01")
    yield bad("declared-length-of-two-to-the-63", "E2",
              "A length beyond the bytes given is refused before room is made for it.",
              "5b8000000000000000")
    yield bad("declared-array-of-two-to-the-63", "E2",
              "A count beyond the bytes given is refused before room is made for it.",
              "9b8000000000000000")
    yield bad("declared-map-of-two-to-the-63", "E2",
              "A count of pairs beyond the bytes given is refused before room is made for it.",
              "bb8000000000000000")
    yield bad("trailing-byte", "E3", "One value, and a byte after it.", "0100")
    yield bad("two-values", "E3", "Two values where one is expected.", "8101 8102".replace(" ", ""))


def _forms() -> Iterator[Case]:
    for name, encoded in (("one-byte", "1817"), ("two-bytes", "1900ff"), ("four-bytes",
                                                                          "1a0000ffff"),
                          ("eight-bytes", "1b00000000ffffffff")):
        yield bad(f"not-shortest-integer-in-{name}", "E4", "A shorter form exists.", encoded)
    yield bad("not-shortest-negative-integer", "E4", "A shorter form exists.", "3817")
    yield bad("not-shortest-length-of-bytes", "E4", "A length has one form as well.", "580100")
    yield bad("not-shortest-count-of-an-array", "E4", "A count has one form as well.", "980101")
    yield bad("not-shortest-key-of-a-map", "E4", "A key is a value like any other.", "a1180101")
    for name, encoded in (("bytes", "5f4101ff"), ("text", "7f6161ff"), ("array", "9f01ff"),
                          ("map", "bf0101ff")):
        yield bad(f"indefinite-{name}", "E5", "Items of indefinite length are not in use.", encoded)
    for name, encoded in (
            ("float-of-two-bytes", "f93c00"), ("float-of-four-bytes", "fa3f800000"),
            ("float-of-eight-bytes", "fb3ff0000000000000"), ("not-a-number", "f97e00"),
            ("tag", "c11a514b67b0"), ("bignum", "c249010000000000000000"), ("undefined", "f7"),
            ("simple-value-0", "e0"), ("simple-value-32", "f820"), ("break-alone", "ff"),
            ("reserved-additional-information", "1c")):
        yield bad(name, "E6", "Only the types of section 1 are in use.", encoded)


def _maps_and_text() -> Iterator[Case]:
    yield bad("key-twice", "E7", "A key stands once.", "a201000100")
    yield bad("keys-out-of-order", "E7", "Keys stand in ascending order.", "a202000100")
    yield bad("keys-shorter-first", "E7",
              "The order of RFC 7049, shorter keys first, is another order.",
              head(5, 2) + cbor(-1) + b"\x00" + cbor(100) + b"\x00")
    yield bad("nine-levels", "E8", "Nine arrays inside one another are too deep.", deep(9))
    yield bad("a-thousand-levels", "E8", "Depth is counted and costs no stack.", deep(1000))
    yield bad("deeper-than-the-place-allows", "E8", "A place may allow fewer levels.", deep(3),
              max_depth=2)
    for name, encoded in (("broken-utf-8", "61ff"), ("surrogate", "63eda080"),
                          ("overlong-utf-8", "62c080")):
        yield bad(name, "E9", "Text is UTF-8 in its one form.", encoded)
    for name, encoded in (("bytes", "a1410100"), ("array", "a1800100"), ("map", "a1a00100"),
                          ("null", "a1f600"), ("false", "a1f400")):
        yield bad(f"key-is-{name}", "E9", "A key is an integer or text.", encoded)

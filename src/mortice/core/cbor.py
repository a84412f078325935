"""Strict deterministic CBOR (RFC 8949, section 4.2.1): one value, one encoding, both ways.

Decides whether bytes are the one encoding of a value, and refuses everything else, so that whoever
signs, hashes or compares encoded bytes has said one thing only. The types are int, bytes, str,
bool, null, array, and map with int or text keys, and no others: no floats, tags, bignums or
indefinite lengths. Map keys stand in the bytewise order of their encodings, each once.

Decoding costs time and memory in proportion to the bytes given and never to a length that they
declare: every array item takes at least one byte, so a count beyond the bytes left is refused
before anything is made. Depth is counted, not left to the interpreter's stack.

Spec: spec/encoding.md, section 1. Checks E1 to E9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mortice.core.errors import Malformed, Misuse

Value = int | bytes | str | bool | None | list["Value"] | dict[int | str, "Value"]

MAX_BYTES = 16384  # one message of the link; a caller that expects less says so
MAX_DEPTH = 8  # two more than the deepest document, a key in a passkey in a link, needs

# An item's first byte: 3 bits of major type, 5 bits of argument (RFC 8949, section 3).
UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
KEYS = (UNSIGNED, NEGATIVE, TEXT)
ARGUMENT_BITS = 5
ARGUMENT_MASK = (1 << ARGUMENT_BITS) - 1
IN_FIRST_BYTE = 24  # smaller arguments stand in the first byte; 24 to 27: 1, 2, 4, 8 bytes follow
LAST_WIDTH = 27  # 28 to 30 are reserved
INDEFINITE = 31
SMALLEST = (IN_FIRST_BYTE, 1 << 8, 1 << 16, 1 << 32)  # that needs 1, 2, 4 or 8 bytes
END = 1 << 64  # arguments are smaller
SIMPLE_VALUES: dict[int, Value] = {0xF4: False, 0xF5: True, 0xF6: None}


# --- decoding -----------------------------------------------------------------------------------


def decode(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Value:
    """The value that `data` encodes. `max_depth` counts arrays and maps inside one another.

    Raises Malformed (E1 to E9) unless `data` is exactly one deterministically encoded item.
    """
    if len(data) > max_bytes:
        raise Malformed("E1", f"expected at most {max_bytes} bytes, got {len(data)}")
    value: Value
    try:
        value, end = _READERS[data[0]](data, 1, max_depth)
    except IndexError:  # reading data[at] one past the end is the cheapest way to notice it
        raise _truncated() from None
    if end != len(data):
        raise Malformed("E3", f"expected the end at byte {end}, got {len(data) - end} more bytes")
    return value


def _truncated() -> Malformed:
    return Malformed("E2", "expected more bytes, got the end")


# What each major type makes of its argument. All are given the data, the place after the item's
# head, the argument, and how many levels may still be opened; all return the item and its end.


def _bytes(data: bytes, at: int, length: int, room: int) -> tuple[bytes, int]:
    end = at + length
    if end > len(data):
        raise _truncated()
    return data[at:end], end


def _text(data: bytes, at: int, length: int, room: int) -> tuple[str, int]:
    raw, end = _bytes(data, at, length, room)
    try:
        return raw.decode(), end
    except UnicodeDecodeError:
        raise Malformed("E9", "text is not UTF-8") from None


def _check_room(data: bytes, at: int, items: int, room: int) -> None:
    if not room:
        raise Malformed("E8", "arrays and maps are nested too deeply")
    if items > len(data) - at:
        raise _truncated()


def _array(data: bytes, at: int, count: int, room: int) -> tuple[list[Value], int]:
    _check_room(data, at, count, room)
    found = []
    for _ in range(count):
        value, at = _READERS[data[at]](data, at + 1, room - 1)
        found.append(value)
    return found, at


def _map(data: bytes, at: int, count: int, room: int) -> tuple[dict[int | str, Value], int]:
    _check_room(data, at, 2 * count, room)
    found: dict[int | str, Value] = {}
    previous = b""
    for _ in range(count):
        key, end = _KEY_READERS[data[at]](data, at + 1, 0)
        encoded = data[at:end]
        if encoded <= previous:
            raise Malformed("E7", "map keys must be different and in the order of their bytes")
        previous = encoded
        found[key], at = _READERS[data[end]](data, end + 1, room - 1)
    return found, at


_Body = Callable[[bytes, int, int, int], tuple[Any, int]]
_Reader = Callable[[bytes, int, int], tuple[Any, int]]
_BODIES: tuple[_Body, ...] = (
    lambda data, at, argument, room: (argument, at),
    lambda data, at, argument, room: (~argument, at),
    _bytes, _text, _array, _map)


# One reader for each first byte, so that an item is told apart by a single look into a table.


def _reader(first: int) -> _Reader:
    major, argument = first >> ARGUMENT_BITS, first & ARGUMENT_MASK
    if first in SIMPLE_VALUES:
        return _constant(SIMPLE_VALUES[first])
    if major >= TAG:
        return _refusing("E6", f"byte {first:#04x} starts a tag, float or simple value not in use")
    if argument < IN_FIRST_BYTE:
        return _short(major, argument)
    if argument <= LAST_WIDTH:
        return _long(_BODIES[major], argument - IN_FIRST_BYTE)
    if argument == INDEFINITE:
        return _refusing("E5", "expected a length, got an indefinite one")
    return _refusing("E6", f"additional information {argument} is reserved")


def _key_reader(first: int) -> _Reader:
    if first >> ARGUMENT_BITS in KEYS:
        return _READERS[first]
    return _refusing("E9", "a map key must be an integer or text")


def _constant(value: Value) -> _Reader:
    return lambda data, at, room: (value, at)


def _refusing(check: str, message: str) -> _Reader:
    def refuse(data: bytes, at: int, room: int) -> tuple[Any, int]:
        raise Malformed(check, message)

    return refuse


def _short(major: int, argument: int) -> _Reader:
    if major == UNSIGNED:
        return _constant(argument)
    if major == NEGATIVE:
        return _constant(~argument)
    body = _BODIES[major]
    return lambda data, at, room: body(data, at, argument, room)


def _long(body: _Body, width: int) -> _Reader:
    """For an argument of 1, 2, 4 or 8 bytes after the first (`width` 0 to 3)."""
    size, smallest = 1 << width, SMALLEST[width]

    def read(data: bytes, at: int, room: int) -> tuple[Any, int]:
        end = at + size
        if end > len(data):
            raise _truncated()
        argument = int.from_bytes(data[at:end], "big")
        if argument < smallest:
            raise Malformed("E4", f"{argument} is not in its shortest form")
        return body(data, end, argument, room)

    return read


_READERS = [_reader(first) for first in range(256)]
_KEY_READERS = [_key_reader(first) for first in range(256)]


# --- encoding -----------------------------------------------------------------------------------


def encode(value: Value) -> bytes:
    """The one encoding of `value`. Raises Misuse for a type or an int that has none.

    Types are exact: a tuple, a float or an IntEnum member is refused and not guessed at.
    """
    return _ENCODERS[type(value)](value)


def _long_head(major: int, argument: int) -> bytes:
    """First byte and argument, where more than one byte is needed."""
    for width, end in _WIDTHS:
        if argument < end:
            first = major << ARGUMENT_BITS | IN_FIRST_BYTE + width
            return bytes([first]) + argument.to_bytes(1 << width, "big")
    raise Misuse("integers from -2^64 to 2^64 - 1 have an encoding, and no others")


_WIDTHS = tuple(enumerate((*SMALLEST[1:], END)))  # which width an argument below each end needs
# Heads by major type and argument: making the commonest beforehand saves a third of the time.
_MADE = 1 << 8
_HEADS = [
    [bytes([upper | argument]) for argument in range(IN_FIRST_BYTE)]
    + [bytes([upper | IN_FIRST_BYTE, argument]) for argument in range(IN_FIRST_BYTE, _MADE)]
    for upper in (major << ARGUMENT_BITS for major in range(TAG))
]
_UNSIGNED_HEADS, _NEGATIVE_HEADS, _BYTES_HEADS, _TEXT_HEADS, _ARRAY_HEADS, _MAP_HEADS = _HEADS


def _encode_int(value: int) -> bytes:
    if 0 <= value < _MADE:
        return _UNSIGNED_HEADS[value]
    if value >= 0:
        return _long_head(UNSIGNED, value)
    return _NEGATIVE_HEADS[~value] if ~value < _MADE else _long_head(NEGATIVE, ~value)


def _encode_bytes(value: bytes) -> bytes:
    length = len(value)
    return (_BYTES_HEADS[length] if length < _MADE else _long_head(BYTES, length)) + value


def _encode_text(value: str) -> bytes:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise Misuse("text with half a surrogate pair has no encoding") from None
    length = len(raw)
    return (_TEXT_HEADS[length] if length < _MADE else _long_head(TEXT, length)) + raw


def _encode_array(value: list[Value]) -> bytes:
    count = len(value)
    head = _ARRAY_HEADS[count] if count < _MADE else _long_head(ARRAY, count)
    return head + b"".join([_ENCODERS[type(item)](item) for item in value])


def _encode_map(value: dict[int | str, Value]) -> bytes:
    pairs = [
        _KEY_ENCODERS[type(key)](key) + _ENCODERS[type(item)](item) for key, item in value.items()]
    pairs.sort()  # as by key alone: no key's encoding is the beginning of another's
    count = len(pairs)
    head = _MAP_HEADS[count] if count < _MADE else _long_head(MAP, count)
    return head + b"".join(pairs)


class _ByType(dict[type, Callable[[Any], bytes]]):
    """What encodes values of exactly one type."""

    def __missing__(self, kind: type) -> Callable[[Any], bytes]:
        raise Misuse(f"{kind.__name__} has no encoding here")


_KEY_ENCODERS = _ByType({int: _encode_int, str: _encode_text})
_ENCODERS = _ByType({
    int: _encode_int,
    bytes: _encode_bytes,
    str: _encode_text,
    list: _encode_array,
    dict: _encode_map,
    bool: lambda value: b"\xf5" if value else b"\xf4",
    type(None): lambda value: b"\xf6",
})

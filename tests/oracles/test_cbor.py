"""Another CBOR library reads every value in the vectors as we do, and writes it back the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cbor2
from tests.vectors.vector import load_all, raw

from mortice.core import cbor
from mortice.core.errors import Malformed

DEEP = 64  # the vectors nest further only to be refused


def byte_strings(value: Any) -> Iterator[bytes]:  # noqa: ANN401 (any JSON)
    """Every byte string in a vector's input, and every one inside of those."""
    if isinstance(value, str) and len(value) % 2 == 0:
        try:
            found = bytes.fromhex(value)
        except ValueError:
            return
        yield from with_inner(found)
    elif isinstance(value, dict) and "repeat" not in value:
        for item in value.values():
            yield from byte_strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from byte_strings(item)


def with_inner(found: bytes) -> Iterator[bytes]:
    yield found
    try:
        parts = cbor.decode(found, max_depth=DEEP)
    except Malformed:
        return
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, bytes):
            yield from with_inner(part)


def in_order(value: Any) -> Any:  # noqa: ANN401 (any value)
    """`value` with its maps in bytewise order: cbor2 puts shorter keys first or sorts nothing."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value, key=cbor2.dumps)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


def test_whatever_we_decode_another_library_decodes_and_encodes_the_same() -> None:
    compared = 0
    for encoded in {one for vector in load_all() for one in byte_strings(vector.input)}:
        try:
            ours = cbor.decode(encoded, max_bytes=1 << 20, max_depth=DEEP)
        except Malformed:
            continue
        theirs = cbor2.loads(encoded)
        assert theirs == ours
        assert cbor2.dumps(in_order(theirs)) == encoded == cbor.encode(ours)
        compared += 1
    assert compared > 800


def test_what_the_vectors_call_accepted_another_library_accepts() -> None:
    good = [one for one in load_all() if one.reader == "cbor" and "value" in one.expected]
    assert [one.name for one in good if cbor2.loads(raw(one.input["bytes"])) != cbor.decode(
        raw(one.input["bytes"]))] == []
    assert good

"""Taking the fields out of a decoded map, each by key with its type and bounds.

Decides that a map holds what its reader understands and nothing else. A reader takes every field it
knows and then calls `done()` or `whole()`, which refuse what is left over: a restriction that
nobody read must not be passed over in silence. Each field can be taken once. An absent field gets
its default, if the reader names one; null never stands for absence.

Spec: spec/encoding.md, section 2. The check number is that of the document being read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

from mortice.core.cbor import MAX_BYTES, Value
from mortice.core.errors import Malformed

# The methods below are named after the types they return, so the types need other names there.
Int: TypeAlias = int
Bytes: TypeAlias = bytes
Bool: TypeAlias = bool
Array: TypeAlias = list[Value]
Map: TypeAlias = dict[int | str, Value]
Key: TypeAlias = int | str
Bounds: TypeAlias = tuple[int, int]
D = TypeVar("D")
T = TypeVar("T")
K = TypeVar("K", str, Array, Map)

ANY_LENGTH = (0, MAX_BYTES)
ECHO_CHARS = 40  # of a stranger's key in an error: enough to recognise a misspelt one


class _Required:
    """The default of a field that must be there."""


REQUIRED: Final = _Required()


def optional(read: Callable[[T], D], value: T | None) -> D | None:
    """What `read` makes of a field that may be absent."""
    return None if value is None else read(value)


class Fields:
    """The fields of one map. `what` names it in errors, `check` is the number they carry."""

    __slots__ = ("_check", "_left", "_what")

    def __init__(self, value: object, what: str, check: str) -> None:
        """Raises Malformed (`check`) if `value` is not a map."""
        self._what = what
        self._check = check
        if type(value) is not dict:
            raise self._wrong("expected a map")
        self._left = value.copy()

    @classmethod
    def listed(cls, value: object, low: Int, high: Int, what: str, check: str) -> Fields:
        """The items of an array of `low` to `high` items, each by its place. Raises Malformed."""
        if type(value) is not list or not low <= len(value) <= high:
            raise Malformed(check, f"{what}: expected an array of {low} to {high} items")
        return cls(dict(enumerate(value)), what, check)

    def __len__(self) -> Int:
        """How many fields are left."""
        return len(self._left)

    def int(self, key: Key, lo: Int, hi: Int, *, default: D | _Required = REQUIRED) -> Int | D:
        """An integer from `lo` to `hi`, both included."""
        if (value := self._left.pop(key, REQUIRED)) is REQUIRED:
            return self._absent(key, default)
        if type(value) is not Int or not lo <= value <= hi:
            raise self._wrong(f"field {key!r} must be an integer from {lo} to {hi}")
        return value

    def bytes(
        self, key: Key, length: Int | Bounds | None = None, *, default: D | _Required = REQUIRED
    ) -> Bytes | D:
        """Bytes: `length` of them, or between two bounds, both included, or any number."""
        if (value := self._left.pop(key, REQUIRED)) is REQUIRED:
            return self._absent(key, default)
        lo, hi = (length, length) if isinstance(length, Int) else length or ANY_LENGTH
        if type(value) is not Bytes or not lo <= len(value) <= hi:
            raise self._wrong(f"field {key!r} must be {lo} to {hi} bytes")
        return value

    def text(self, key: Key, max: Int, *, default: D | _Required = REQUIRED) -> str | D:
        """Text of at most `max` characters."""
        return self._of(str, key, default, f"text of at most {max} characters", max)

    def list(self, key: Key, max: Int, *, default: D | _Required = REQUIRED) -> Array | D:
        """An array of at most `max` items."""
        return self._of(list, key, default, f"an array of at most {max} items", max)

    def map(self, key: Key, *, default: D | _Required = REQUIRED) -> Map | D:
        """A map."""
        return self._of(dict, key, default, "a map", MAX_BYTES)

    def bool(self, key: Key, *, default: D | _Required = REQUIRED) -> Bool | D:
        """True or false."""
        if (value := self._left.pop(key, REQUIRED)) is REQUIRED:
            return self._absent(key, default)
        if type(value) is not Bool:
            raise self._wrong(f"field {key!r} must be true or false")
        return value

    def any(self, key: Key, *, default: D | _Required = REQUIRED) -> Value | D:
        """Whatever is there: the reader looks for itself."""
        value: Any = self._left.pop(key, REQUIRED)
        return self._absent(key, default) if value is REQUIRED else value

    def done(self, *inner: Fields) -> None:
        """Raises Malformed if a field is left that nobody took, here or in an `inner` map."""
        for key in self._left:
            raise self._wrong(f"unknown field {repr(key)[:ECHO_CHARS]}")
        for fields in inner:
            fields.done()

    def whole(self, made: D, *inner: Fields) -> D:
        """`made` of the fields. Raises Malformed if a field is left, as `done` does."""
        self.done(*inner)
        return made

    def _of(
        self, kind: type[K], key: Key, default: D | _Required, what: str, max: Int) -> K | D:
        if (value := self._left.pop(key, REQUIRED)) is REQUIRED:
            return self._absent(key, default)
        if not isinstance(value, kind) or len(value) > max:
            raise self._wrong(f"field {key!r} must be {what}")
        return value

    def _absent(self, key: Key, default: D | _Required) -> D:
        if isinstance(default, _Required):
            raise self._wrong(f"field {key!r} is missing")
        return default

    def _wrong(self, what_is_wrong: str) -> Malformed:
        return Malformed(self._check, f"{self._what}: {what_is_wrong}")

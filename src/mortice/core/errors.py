"""The two families of error: theirs and ours.

`Malformed` and `Untrusted` are about what somebody sent. They are expected every day, they are
never a crash, and the lock turns each into a recorded refusal. `Misuse` is about our own code
calling in the wrong order; it is a bug and is never caught to carry on.

Spec: spec/refusals.md, section 1.
"""

from __future__ import annotations


class Theirs(Exception):
    """Something a peer sent cannot be used. `check` is the number of the failed check."""

    def __init__(self, check: str, message: str) -> None:
        super().__init__(message)
        self.check = check
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.check})"


class Malformed(Theirs):
    """Not in the form that the spec asks for: wrong bytes, wrong type, too long, too deep."""


class Untrusted(Theirs):
    """In the right form, but a signature, a key, a binding or a bound does not hold."""


class Misuse(RuntimeError):
    """Our own code called something in the wrong order or with the wrong value. A bug."""

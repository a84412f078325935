"""What goes wrong, in words: as a page for people and as RFC 9457 problem details for programs.

Each says what happened and what to do next. A fault of our own says that nothing was changed, and
tells nobody outside what the fault was.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False)
class Problem(Exception):
    """Raised anywhere below a route; `code` is the last part of its type, a page of the hub."""

    status: int
    code: str
    title: str  # what happened
    help: str = ""  # what to do next
    fields: dict[str, str] = field(default_factory=dict)  # which form field, and its own sentence
    wait: int = 0  # seconds after which to try again

    def details(self, origin: str) -> dict[str, object]:
        """The RFC 9457 object."""
        errors = [{"pointer": f"/{name}", "detail": text} for name, text in self.fields.items()]
        return {
            "type": f"{origin}/problems/{self.code}", "title": self.title, "status": self.status,
            "detail": self.help or self.title, "code": self.code,
            **({"errors": errors} if errors else {})}


class SignInFirst(Exception):
    """Nobody is signed in; a page sends them to the sign-in page and back."""


class ProveAgain(Exception):
    """Signed in, but not proved lately enough for this. A page asks for the passkey and returns."""


def not_found(what: str = "page") -> Problem:
    """What is not there, and what is not this person's to know of: the same words for both."""
    return Problem(404, "not-found", f"There is no such {what} here",
                   "It may have been removed, or it may be somebody else's.")


def not_yours(owners: str) -> Problem:
    """Signed in and known here, but not for this."""
    return Problem(403, "not-yours", "You may not do that at this place",
                   f"{owners} can change that.")


def wrong(fields: dict[str, str]) -> Problem:
    """A form with something wrong in it; nothing was changed."""
    return Problem(422, "check-the-form", "There is a problem", " ".join(fields.values()), fields)


def too_often(wait: int) -> Problem:
    """Tried too often."""
    return Problem(429, "too-often", "That was tried too often",
                   f"Wait {wait} seconds, then try again.", wait=wait)


def changed_meanwhile() -> Problem:
    """Two people edited the same thing; the second is shown what the first did."""
    return Problem(409, "changed-meanwhile", "Somebody else changed this in the meantime",
                   "Nothing of yours was saved. Look at it again, then make your change.")

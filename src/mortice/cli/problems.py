"""What goes wrong, in one sentence, with a code for scripts and the next step for people.

Exit codes are part of the contract with scripts (docs/cli.md): 0 done, 1 failed, 2 usage,
3 refused, 4 unreachable, 5 verification failed, 130 interrupted.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from mortice.client.home import NotThere
from mortice.client.line import AnswerLost, Unreachable
from mortice.client.sealed import WrongPassphrase
from mortice.client.visit import Declined
from mortice.core.errors import Malformed, Untrusted
from mortice.core.refusal import Coarse

DONE, FAILED, USAGE, REFUSED, UNREACHABLE, UNVERIFIED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


class Problem(Exception):
    """Something that the person at the terminal is told. `after` is the next step."""

    def __init__(self, code: str, message: str, after: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.code, self.message, self.after, self.exit_code = code, message, after, exit_code


def usage(message: str, after: str) -> Problem:
    """The command line says something that cannot be meant."""
    return Problem("usage", message, after, USAGE)


COARSE: dict[Coarse, tuple[str, str]] = {
    Coarse.NOT_ALLOWED: (
        "The door refused: this key may not do that here, or not any more.",
        "Look at your key with: mortice key explain. The owner can see the exact reason."),
    Coarse.NOT_NOW: (
        "The door refused for now.",
        "See when your key opens with: mortice key explain. The owner can see the exact reason."),
    Coarse.SHOW_MORE: (
        "The door wants something more before it opens.",
        "See what your key asks for with: mortice key explain."),
    Coarse.MALFORMED: (
        "The door could not read the key.",
        "Ask for the key to be sent again."),
}


def refused(coarse: Coarse) -> Problem:
    """The door said no; a stranger learns no more than this."""
    message, after = COARSE[coarse]
    return Problem(coarse.value, message, after, REFUSED)


def _not_narrower(error: Untrusted) -> bool:
    return "narrower" in error.message


def _untrusted(error: Untrusted) -> Problem:
    if _not_narrower(error):
        return Problem(
            "not_narrower", f"{_sentence(error.message)} ({error.check}).",
            "Give less: mortice key explain shows what your own key may pass on.", REFUSED)
    return Problem(
        "not_genuine", f"{_sentence(error.message)} ({error.check}).",
        "Ask whoever sent it for a new one, and do not use this one.", UNVERIFIED)


def _malformed(error: Malformed) -> Problem:
    return Problem(
        "malformed", f"{_sentence(error.message)} ({error.check}).",
        "Check that all of it was copied and that it is the right text or file.")


def _os_error(error: OSError) -> Problem:
    where = f" ({error.filename})" if error.filename else ""
    says = {
        errno.ENOSPC: ("The disk is full", "Make room on the disk, then try again."),
        errno.EACCES: ("That may not be read or written", "Check whose file it is."),
        errno.EPERM: ("That may not be read or written", "Check whose file it is."),
        errno.EROFS: ("That disk can only be read", "Name another folder with --home."),
        errno.ENOENT: ("There is no such file", "Check the name."),
        errno.EISDIR: ("That is a folder, not a file", "Name a file."),
        errno.ENOTDIR: ("That is a file, not a folder", "Name a folder."),
        errno.ENAMETOOLONG: ("That name is too long for a file", "Choose a shorter one."),
        errno.EADDRINUSE: ("Something listens at that address already", "Choose another port."),
        errno.EADDRNOTAVAIL: ("This machine has no such address", "Choose another address."),
    }
    message, after = says.get(error.errno or 0, (
        f"The system said: {error.strerror or type(error).__name__}",
        "See to that, then try again."))
    return Problem("system", f"{message}{where}.", after)


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].rstrip(".")


def _not_there(error: NotThere) -> Problem:
    return Problem(
        "not_here", f"{_sentence(str(error))}.",
        "Check the name and the folder: mortice doctor shows what lies in this home.")


def _unreachable(error: Unreachable) -> Problem:
    message = _sentence(str(error))
    if isinstance(error, AnswerLost):
        return Problem(
            "unknown", f"{message}; what happened there is not known.",
            "Look at the door, or ask it with: mortice door show DOOR.", UNREACHABLE)
    return Problem(
        "unreachable", f"{message}.",
        "Check that you are on its network; say where it is with: mortice door where DOOR "
        "HOST:PORT.", UNREACHABLE)


def _wrong_passphrase(_: WrongPassphrase) -> Problem:
    return Problem(
        "wrong_passphrase", "That passphrase does not open the owner's keys.",
        "Try again; if it is lost, the recovery sheet makes new keys: mortice site recover.")


WORDS: tuple[tuple[type[Exception], Callable[..., Problem]], ...] = (
    (WrongPassphrase, _wrong_passphrase), (NotThere, _not_there), (Unreachable, _unreachable),
    (Malformed, _malformed), (Untrusted, _untrusted), (OSError, _os_error),
    (Declined, lambda error: refused(error.coarse)),
)


def in_words(error: Exception) -> Problem:
    """`error` as a Problem. What nobody foresaw is our fault, and says so."""
    if isinstance(error, Problem):
        return error
    for kind, words in WORDS:
        if isinstance(error, kind):
            return words(error)
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else (
        f" in {place.tb_frame.f_globals.get('__name__', '?')}, line {place.tb_lineno}")
    return Problem(
        "fault", f"Mortice made a mistake: {type(error).__name__}{where}.",
        "Please report it with the command that you typed, without passphrases and PINs.")

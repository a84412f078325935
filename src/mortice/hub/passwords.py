"""Passwords: Argon2id (RFC 9106), one second factor always beside it, and few rules.

A password alone signs nobody in, so the rules follow NIST SP 800-63B: a length, no composition, and
no password that a guesser would try first. Checking takes the same work whether or not there is
such an account.
"""

from __future__ import annotations

import re
import secrets
import threading
import unicodedata
from functools import cache

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

MINIMUM, MAXIMUM = 10, 200  # characters
KIB, PASSES, LANES = 47_104, 1, 1  # OWASP's first choice: 46 MiB
DIFFERENT = 5  # characters that must be left once words that all try are taken away
SALT_BYTES, HASH_BYTES = 16, 32
TOGETHER = threading.Semaphore(2)  # at once, so that a flood takes 92 MiB and not the whole board
RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb")
COMMON = ("password", "passwort", "letmein", "welcome", "iloveyou", "football", "liverpool",
          "arsenal", "chelsea", "monkey", "dragon", "sunshine", "princess", "superman", "charlie",
          "admin", "mortice", "frontdoor", "changeme", "secret", "qwerty", "trustno")
WRONG_LENGTH = f"Use between {MINIMUM} and {MAXIMUM} characters. Four plain words do well."
GUESSABLE = "That is among the first that anybody would try. Four unrelated words do well."


def hash_password(password: str) -> str:
    """The PHC string to keep for `password`."""
    with TOGETHER:
        return _argon2(secrets.token_bytes(SALT_BYTES)).derive_phc_encoded(_bytes(password))


def is_password(password: str, kept: str | None) -> bool:
    """Is `password` the one that `kept` was made from? The same work if nothing is kept."""
    with TOGETHER:
        try:
            Argon2id.verify_phc_encoded(_bytes(password[:MAXIMUM]), kept or _nobodys())
        except InvalidKey:
            return False
    return kept is not None and len(password) <= MAXIMUM


def fault_of(password: str, *own_words: str) -> str:
    """What is wrong with a new password, in words, or nothing. `own_words`: name and e-mail."""
    if not MINIMUM <= len(password) <= MAXIMUM:
        return WRONG_LENGTH
    left = re.sub(r"[\W_]", "", password.casefold())
    for word in sorted((*COMMON, *_parts(own_words)), key=len, reverse=True):
        left = left.replace(word, "")
    in_a_run = any(left in run or left in run[::-1] for run in RUNS)
    return GUESSABLE if in_a_run or len(set(left)) < DIFFERENT else ""


def _parts(words: tuple[str, ...]) -> list[str]:
    """The parts of names and e-mail addresses that are long enough to be looked for."""
    return [part for word in words for part in re.split(r"[\W_]+", word.casefold())
            if len(part) > 3]


def _bytes(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _argon2(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=HASH_BYTES, iterations=PASSES, lanes=LANES, memory_cost=KIB)


@cache
def _nobodys() -> str:
    """A password that nobody has, to be checked where no account is."""
    return _argon2(secrets.token_bytes(SALT_BYTES)).derive_phc_encoded(secrets.token_bytes(32))

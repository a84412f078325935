"""Where the hub lives and what it is called. Read once, from `hub.toml` or from arguments.

The origin is what stands in the address bar. Passkeys hang on it, so it is named and never guessed
from a request.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mortice.core.errors import Malformed

KNOWN = frozenset({"database", "origin", "host", "port", "lines_host", "lines_port", "contact"})
# What a browser or a mail program opens, and nothing that would begin another line.
CONTACT = re.compile(r"(?:mailto:|tel:|https://)[!-~]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of a hub."""

    folder: Path  # its database (if SQLite), its keys, its backups
    origin: str = "http://localhost:12209"
    host: str = "127.0.0.1"
    port: int = 12209
    lines_host: str = "127.0.0.1"  # where locks dial in, plain TCP under Noise
    lines_port: int = 12210
    contact: str = ""  # whom to tell of a weakness at this hub; it is shown to anybody
    database: str = ""  # an SQLAlchemy URL; empty: SQLite in `folder`

    @property
    def database_url(self) -> str:
        """The database to use."""
        return self.database or f"sqlite:///{self.folder / 'hub.sqlite'}"

    @property
    def rp_id(self) -> str:
        """The name that passkeys are bound to (WebAuthn's RP id)."""
        return urlsplit(self.origin).hostname or "localhost"

    @property
    def is_https(self) -> bool:
        """Does the browser reach this hub over TLS?"""
        return urlsplit(self.origin).scheme == "https"


def read_settings(folder: Path) -> Settings:
    """The settings of the hub in `folder`. Raises Malformed, in words for people."""
    file = folder / "hub.toml"
    if not file.exists():
        return Settings(folder)
    try:
        given = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("Z1", f"{file} cannot be read: {error}. Correct that line.") from error
    unknown = sorted(given.keys() - KNOWN)
    if unknown:
        raise Malformed("Z1", f"{file} has {unknown[0]!r}, which is no setting of a hub")
    for name, value in given.items():
        wanted = int if name.endswith("port") else str
        if type(value) is not wanted:
            raise Malformed("Z1", f"{file}: {name} must be a {wanted.__name__}, not {value!r}")
    return checked(Settings(folder, **given))


def checked(settings: Settings) -> Settings:
    """`settings`, if browsers can keep keys under that origin. Raises Malformed."""
    origin = settings.origin
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise Malformed("Z1", f"origin {origin!r} must be like https://hub.example, without a path")
    if parts.scheme == "http" and parts.hostname != "localhost":
        raise Malformed(
            "Z1", f"origin {origin!r} needs https: browsers keep keys and passkeys only there, "
            "or at http://localhost")
    if settings.contact and not CONTACT.fullmatch(settings.contact):
        raise Malformed("Z1", f"contact {settings.contact!r} must begin with mailto:, tel: or "
                        "https:// and have no spaces")
    return settings

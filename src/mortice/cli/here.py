"""Where a command runs: which home, as whom, and whether anybody may be asked.

One object for each run. Every command takes the same four options, before or after its name, and
they end up here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import click

from mortice.cli.problems import Problem, usage
from mortice.client.home import Home, KnownDoor, NotThere
from mortice.client.sealed import PASSPHRASE_CHARS
from mortice.client.wallet import Wallet
from mortice.core.keys import SoftwareKey
from mortice.core.site import Role

T = TypeVar("T")
PASSPHRASE_BYTES = 4096  # of a passphrase file: a sentence, not a book


def default_home() -> Path:
    """Where the home lies unless somebody says otherwise (XDG base directories)."""
    share = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return share / "mortice" / "home"


@dataclass
class Here:
    """One run of the command."""

    json: bool = False
    input: bool = True
    folder: Path = field(default_factory=default_home)
    person: str | None = None
    passphrase_file: Path | None = None

    @cached_property
    def home(self) -> Home:
        """The home of this run."""
        return Home(self.folder)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The home's own settings."""
        found: dict[str, Any] = self.home.read("settings.json", {})
        return found

    # --- who ---------------------------------------------------------------------------------

    @cached_property
    def me(self) -> Wallet:
        """The keys of the person that this command acts for. Raises Problem."""
        wanted, people = self.person or self.settings.get("me"), self.home.people()
        if wanted is None and len(people) == 1:
            wanted = people[0]
        if wanted is None and people:
            raise usage(
                f"Several people's keys lie here: {', '.join(people)}.",
                "Say whose to use: mortice --as PERSON …")
        if wanted is None:
            raise Problem(
                "not_here", f"Nobody's keys lie in {self.folder} yet.",
                "Owners begin with: mortice site create NAME. Guests begin with: mortice key "
                "request --as NAME.")
        return self._named(lambda: Wallet(self.home, str(wanted)), "unknown_person", "person list")

    def door(self, wanted: str) -> KnownDoor:
        """The door called so. Raises Problem."""
        return self._named(lambda: self.home.door(wanted), "unknown_door", "door list")

    def doors(self, wanted: str) -> list[KnownDoor]:
        """The doors in a list with commas, or `all` of them. Raises Problem."""
        if wanted.strip().lower() != "all":
            names = [name for name in map(str.strip, wanted.split(",")) if name]
            return list({d.mapped.id: d for d in map(self.door, names)}.values())
        return self.home.known_doors()

    @staticmethod
    def _named(find: Callable[[], T], code: str, where: str) -> T:
        try:
            return find()
        except NotThere as error:
            message = str(error)
            raise Problem(
                code, f"{message[:1].upper()}{message[1:]}.",
                f"See them all with: mortice {where}") from error

    # --- asking --------------------------------------------------------------------------------

    def ask(self, question: str, *, hidden: bool, instead: str) -> str:
        """Ask the person at the terminal. `instead` says how to answer without one."""
        if not self.input:
            raise usage(f"{question}: needed, and --no-input asks nobody.", instead)
        if sys.stdin.isatty():
            return str(click.prompt(question, hide_input=hidden, err=True))
        line = sys.stdin.readline(PASSPHRASE_BYTES)
        if not line:
            raise usage(f"{question}: needed, and there is nobody to ask.", instead)
        return line.rstrip("\r\n")

    def confirm(self, question: str, *, instead: str) -> bool:
        """A yes or no from the person at the terminal."""
        return self.ask(f"{question} [y/N]", hidden=False, instead=instead).lower() in ("y", "yes")

    # --- the owner -----------------------------------------------------------------------------

    def passphrase(self) -> str:
        """The passphrase of the owner's keys: from a file, or asked for."""
        file = self.passphrase_file or self.settings.get("passphrase_file")
        if file is not None:
            return read_passphrase(Path(str(file)))
        return self.ask("Passphrase", hidden=True, instead=FROM_A_FILE)

    def new_passphrase(self) -> str:
        """A passphrase for new keys: from a file, or typed twice."""
        if self.passphrase_file is not None:
            chosen = again = read_passphrase(self.passphrase_file)
        else:
            question = f"Passphrase for the owner's keys (at least {PASSPHRASE_CHARS} characters)"
            chosen = self.ask(question, hidden=True, instead=FROM_A_FILE)
            again = self.ask("The same again", hidden=True, instead=FROM_A_FILE)
        if chosen != again:
            raise Problem("passphrases_differ", "The two passphrases differ.", "Try again.")
        if len(chosen) < PASSPHRASE_CHARS:
            raise Problem(
                "passphrase_short",
                f"A passphrase of fewer than {PASSPHRASE_CHARS} characters is soon guessed.",
                "Take four or five words that do not belong together.")
        return chosen

    def site_key(self, role: Role) -> SoftwareKey:
        """One of the owner's keys; asks for the passphrase only where there are any."""
        if not self.home.owns_site():
            raise Problem(
                "not_owner", f"The owner's keys do not lie in {self.folder}.",
                "Only the owner can do that; use the owner's home with --home.")
        return self.home.site_key(role, self.passphrase())


FROM_A_FILE = "Give it in a file that only you can read: --passphrase-file FILE"


def read_passphrase(file: Path) -> str:
    """The first line of a passphrase file. Raises Problem."""
    with file.open("rb") as opened:
        body = opened.read(PASSPHRASE_BYTES)
    try:
        lines = body.decode().splitlines()
    except UnicodeDecodeError:
        lines = []
    if not lines or not lines[0]:
        raise Problem(
            "passphrase_file", f"{file} holds no passphrase.", "Write it into the first line.")
    return lines[0]

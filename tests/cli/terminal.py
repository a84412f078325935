"""A terminal: runs the real command in this process and keeps what it printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from mortice.cli.app import root

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class Printed:
    """What one command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command prints
        """The one line of JSON on stdout."""
        lines = self.out.strip().splitlines()
        assert len(lines) == 1, self
        return json.loads(lines[0])

    @property
    def problem(self) -> dict[str, str]:
        """The error of a command that was run with --json."""
        assert list(self.json) == ["error"], self
        found: dict[str, str] = self.json["error"]
        assert list(found) == ["code", "message", "next"]
        return found


class Terminal:
    """One home, and somebody who types."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *words: object, typed: str = "") -> Printed:
        """Run a command as typed, in this home."""
        return run("--home", self.home, *words, typed=typed)

    def json(self, *words: object, typed: str = "") -> Any:  # noqa: ANN401 - as above
        """Run a command that works, with --json, and return what it printed."""
        printed = self.run("--json", *words, typed=typed)
        assert printed.code == 0, printed
        return printed.json


def run(*words: object, typed: str = "", env: dict[str, str] | None = None) -> Printed:
    """Run a command."""
    result = CliRunner(env=env).invoke(root, [str(word) for word in words], input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Printed(result.exit_code, result.stdout, result.stderr)

"""A file that somebody wrote down facts in: found, read, and refused with its line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import click

from mortice.assess.text import MOST_BYTES, YEARS, BadFile
from mortice.cli.problems import Problem, usage

T = TypeVar("T")
ON = click.option("--on", "on", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY",
                  help="Judge as of this day, such as 2027-01-31. Today unless said.")
FORMS = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}


def read_file(file: Path, read: Callable[[str, str], T]) -> T:
    """What `read` makes of the text and its form, `toml` or `yaml`. Raises Problem."""
    form = FORMS.get(file.suffix.lower())
    if form is None:
        raise usage(f"{file.name} is neither TOML nor YAML by its name.",
                    "Name it with .toml or .yaml at the end.")
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_BYTES + 1).decode("utf-8")
        return read(text, form)
    except UnicodeDecodeError as error:
        raise Problem("bad_file", f"{file.name} is not text in UTF-8.",
                      "Save it as UTF-8.") from error
    except BadFile as error:
        raise Problem("bad_file", f"{file.name}, line {error.line}: {error.what}.",
                      f"Expected: {error.expected}.") from error


def day_of(on: datetime | None) -> date:
    """The day to judge as of: today unless said. Raises Problem."""
    if on is not None and on.year not in YEARS:
        raise usage(f"{on.date()} is too far away to judge anything as of it.",
                    f"Say a day from {YEARS[0]} to {YEARS[-1]}.")
    return on.date() if on else date.today()  # noqa: DTZ011 - this person's own calendar

"""`mortice conformity`: how Mortice itself stands beside standards and law, and what it is of."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import click

import mortice
from mortice.assess.conformity import conformity_as_json, conformity_as_text
from mortice.cli.command import PASS_HERE, Group
from mortice.cli.here import Here
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.problems import Problem


@click.group(cls=Group, examples=(
    "mortice conformity en303645", "mortice conformity psti --json",
    "mortice conformity sbom requirements.lock > sbom.cdx.json"))
def conformity() -> None:
    """How Mortice itself stands beside standards and law, with the tests that show it."""


@conformity.command(examples=("mortice conformity en303645", "mortice conformity en303645 --json"))
@PASS_HERE
def en303645(here: Here) -> None:
    """Each provision of ETSI EN 303 645: met, partly, not met, and what shows it."""
    _show(here, "en303645")


@conformity.command(examples=("mortice conformity psti", "mortice conformity psti --json"))
@PASS_HERE
def psti(here: Here) -> None:
    """What a statement of compliance under the UK's PSTI Act would have to hold."""
    _show(here, "psti")


@conformity.command(examples=("mortice conformity gdpr", "mortice conformity gdpr --json"))
@PASS_HERE
def gdpr(here: Here) -> None:
    """What UK data protection law asks of whoever runs a hub, and what the hub does for it."""
    _show(here, "gdpr")


def _show(here: Here, name: str) -> None:
    if here.json:
        show_json(conformity_as_json(name))
    else:
        say(conformity_as_text(name).rstrip())


@conformity.command(examples=("mortice conformity sbom requirements.lock > sbom.cdx.json",))
@click.argument("lock", type=click.Path(path_type=Path, dir_okay=False),
                default=Path("requirements.lock"))
@PASS_HERE
def sbom(here: Here, lock: Path) -> None:
    """Print what Mortice is built on (CycloneDX 1.6), from the lock of its source tree."""
    from mortice.cli.sbom import read_sbom  # noqa: PLC0415 — loads what reads installed packages

    try:
        made = read_sbom(lock, mortice.__version__)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise Problem(
            "no_lock", plain(f"There is no lock with its pyproject.toml at {lock}."),
            "Name the requirements.lock of a source tree of Mortice.") from error
    if here.json:
        show_json(made)
    else:
        say(json.dumps(made, indent=1, ensure_ascii=False))
    unknown = sum("licenses" not in each for each in made["components"])
    if unknown:
        note(f"{unknown} packages without a licence: not installed here, or they state none.")

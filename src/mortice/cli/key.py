"""`mortice key`: ask for keys, give them, pass them on, take them back, and say what they allow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mortice.cli import explaining, giving, receiving, refreshing, taking
from mortice.cli.command import PASS_HERE, Group, passphrase_option
from mortice.cli.giving import How
from mortice.cli.here import Here
from mortice.cli.progress import show_progress
from mortice.cli.terms import Asked, terms_options
from mortice.client.home import ALGORITHMS


@click.group(cls=Group, examples=(
    "mortice key request --as Ana                                 on Ana's device",
    "mortice key give Ana --doors front --always --request ana.txt   on the owner's",
    "mortice key add key.txt                                      on Ana's again",
    "mortice key explain"))
def key() -> None:
    """Ask for keys, give them, pass them on, take them back."""


# --- getting one ---------------------------------------------------------------------------


@key.command(examples=(
    "mortice key request --as Ana", "mortice key request --as Ana --algorithm p256 --qr"))
@click.option("--algorithm", type=click.Choice(list(ALGORITHMS)),
              help="Kind of key pair; ed25519 unless said.")
@click.option("--qr", is_flag=True, help="Draw it for a camera as well.")
@PASS_HERE
def request(here: Here, algorithm: str | None, qr: bool) -> None:  # noqa: FBT001 — click passes flags so
    """Make this device's own key pair, and print what the owner needs to give it a key."""
    receiving.request(here, algorithm, qr=qr)


@key.command(examples=("mortice key add MORTICE-KEY1-…", "mortice key add ana-house.key"))
@click.argument("what", metavar="TEXT|FILE|-")
@PASS_HERE
def add(here: Here, what: str) -> None:
    """Take in a key, a key file, a refresh, or a site's newest documents."""
    receiving.add(here, what)


@key.command(examples=("mortice key claim 'mortice:key#MORTICE-CLAIM1-…' --as Ana",))
@click.argument("link", metavar="LINK|FILE|-")
@PASS_HERE
def claim(here: Here, link: str) -> None:
    """Use a link once: it makes a key for this device, and is worth nothing to others after."""
    receiving.claim(here, link)


# --- giving one ----------------------------------------------------------------------------


def how_options(function: Any) -> Any:  # noqa: ANN401 — click's decorators have no better type
    """Which way the key goes to its holder."""
    for option in (
        click.option("--qr", is_flag=True, help="Draw the text for a camera as well."),
        click.option("--file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                     help="Write a key file: whoever has the file has the key."),
        click.option("--link", is_flag=True,
                     help="Make a link: whoever opens it first has the key."),
        click.option("--request", metavar="TEXT|FILE|-", help="For the device that asked."),
    ):
        function = option(function)
    return function


@key.command(examples=(
    "mortice key give Ana --doors front,back --always --request ana.txt",
    "mortice key give Tom --doors front --days Tue --hours 10:00-12:00 --link",
    "mortice key give Jo --doors annexe --from 'fri 15:00' --until 2026-12-06 --link",
    "mortice key give Agent --doors street --always --may-pass-on unlock --request agent.txt"))
@click.argument("name")
@how_options
@terms_options
@passphrase_option
@PASS_HERE
def give(here: Here, /, name: str, request: str | None, link: bool, file: Path | None,  # noqa: FBT001, PLR0913, PLR0917 — one for each option
         qr: bool, **asked: Any) -> None:  # noqa: FBT001, ANN401 — as above; Asked names the rest
    """Give somebody a key, signed by the owner. Say when it opens: nothing is assumed."""
    giving.give(here, name, Asked(**asked), How(request, link, file, qr))


@key.command("pass-on", examples=(
    "mortice key pass-on Sam --doors street --until 'sun 12:00' --link",
    "mortice key pass-on Eve --doors cupboard --once --until 18:00 --may unlock --request eve.txt"))
@click.argument("name")
@how_options
@terms_options
@click.option("--key", "wanted_key", metavar="KEY", help="From which of your keys.")
@PASS_HERE
def pass_on(here: Here, /, name: str, request: str | None, link: bool, file: Path | None,  # noqa: FBT001, PLR0913, PLR0917 — one for each option
            qr: bool, wanted_key: str | None, **asked: Any) -> None:  # noqa: FBT001, ANN401 — as above
    """Pass on a narrower key from your own. What is left open is as in your own key."""
    giving.pass_key_on(here, name, Asked(**asked), How(request, link, file, qr), wanted_key)


@key.command(examples=(
    "mortice key refresh Ana",
    "mortice key refresh Ana --door front      and the PIN that Ana has put on that door"))
@click.argument("who", metavar="PERSON|KEY")
@click.option("--door", "doors", multiple=True, metavar="DOOR",
              help="Tell this door now, for a PIN below the key; may be given again.")
@passphrase_option
@PASS_HERE
def refresh(here: Here, who: str, doors: tuple[str, ...]) -> None:
    """Vouch that somebody's key is still good, where it asks for that now and then.

    A PIN that they have put on a door below that key is refreshed when they come by with the key,
    or at once with --door.
    """
    refreshing.refresh(here, who, doors)


@key.command("take-back", examples=(
    "mortice key take-back Ana", "mortice key take-back 3f9a12bc --and-reissue",
    "mortice key take-back Ana --device"))
@click.argument("who", metavar="PERSON|KEY")
@click.option("--and-reissue", is_flag=True,
              help="Give those beneath a key of their own in the same act.")
@click.option("--device", is_flag=True,
              help="The device is lost: nothing that was made for it counts any more, ever.")
@click.option("--later", is_flag=True, help="Tell no door now; the next visit carries it.")
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant.")
@passphrase_option
@PASS_HERE
def take_back(here: Here, /, who: str, **how: bool) -> None:
    """Take back what was given to a person, or one key, and everything beneath it."""
    taking.take_back(here, who, taking.Manner(**how))


# --- looking -------------------------------------------------------------------------------


@key.command("list", examples=("mortice key list", "mortice key list --json"))
@PASS_HERE
def list_keys(here: Here) -> None:
    """Your own keys, and those that were given from this home."""
    explaining.list_keys(here)


@key.command(examples=("mortice key show 3f9a12bc --json",))
@click.argument("wanted", metavar="KEY")
@PASS_HERE
def show(here: Here, wanted: str) -> None:
    """Every link of a key, with all that it says."""
    explaining.show(here, wanted)


@key.command(examples=("mortice key explain", "mortice key explain 3f9a12bc",
                       "mortice --as ana key explain"))
@click.argument("wanted", metavar="[KEY|TEXT|FILE]", required=False)
@PASS_HERE
def explain(here: Here, wanted: str | None) -> None:
    """Say what a key allows, who it comes from, and whether it opens now."""
    explaining.explain(here, wanted)


@key.command(examples=("mortice key status",))
@PASS_HERE
def status(here: Here) -> None:
    """What each door has confirmed: on the door, waiting, refused, or not known."""
    show_progress(here)

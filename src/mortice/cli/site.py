"""`mortice site`: the owner's own keys, and the sheet of paper that can replace them."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mortice.cli import renewing, texts
from mortice.cli.command import PASS_HERE, Group, passphrase_option
from mortice.cli.handing import hand_over
from mortice.cli.here import Here
from mortice.cli.output import facts, note, plain, say, show_json
from mortice.cli.problems import Problem, usage
from mortice.cli.sentences import key_letters
from mortice.cli.texts import SITE
from mortice.client.founding import Drawn, draw_site, keep_new_site
from mortice.client.home import slug
from mortice.core.site import Role

LAST_LETTERS = 5  # of the sheet, typed back to show that it was written down


@click.group(cls=Group, examples=(
    "mortice site create '14 Alder Road' --as 'Margaret Hale'", "mortice site show",
    "mortice site recover"))
def site() -> None:
    """Make a site, and renew or recover the owner's keys."""


@site.command(examples=(
    "mortice site create '14 Alder Road' --as 'Margaret Hale'",
    "mortice site create Office --as Owner --passphrase-file pass.txt --sheet-file sheet.txt"))
@click.argument("name")
@click.option("--sheet-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the recovery sheet there, to be printed and then deleted.")
@click.option("--strict", is_flag=True,
              help="Only devices may pass keys on: no browsers, no programs.")
@passphrase_option
@PASS_HERE
def create(here: Here, name: str, sheet_file: Path | None, strict: bool) -> None:  # noqa: FBT001 — click passes flags so
    """Make a site: the owner's keys, and a recovery sheet that is shown this once."""
    if here.home.read("site.json") is not None:
        raise Problem(
            "has_site", f"There is a site in {here.folder} already.",
            "Choose another folder with --home.")
    owner = here.person or here.settings.get("me") or "owner"
    slug(str(owner))
    if sheet_file is not None and sheet_file.exists():
        raise usage(f"{sheet_file} is there already.", "Name a file that is not there yet.")
    passphrase = here.new_passphrase()
    drawn = draw_site(strict=strict)
    hand_out_sheet(here, drawn, sheet_file)
    keep_new_site(here.home, name, passphrase, drawn)
    here.home.make_person(str(owner))
    here.home.write("settings.json", {**here.settings, "me": owner})
    if here.json:
        show_json({"site": name, "id": drawn.site.id.hex(), "home": str(here.folder),
                   "owner": owner, "sheet": None if sheet_file else drawn.sheet})
        return
    say(f"{plain(name)} is made; its keys lie in {here.folder}, sealed by your passphrase.")
    note("Put a door on its map with: mortice door add CODE --at HOST:PORT --label NAME")


def hand_out_sheet(here: Here, drawn: Drawn, sheet_file: Path | None) -> None:
    """Show the recovery sheet once, or write it to a file; nothing is kept before that."""
    if sheet_file is not None:
        descriptor = os.open(sheet_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(drawn.sheet + "\n")
        note(f"The recovery sheet is in {sheet_file}: print it, then delete the file.")
        return
    if here.json:
        return  # it is part of the output
    say("The recovery sheet. It is shown this once. Write all of it on paper:")
    say()
    say(f"    {drawn.sheet}")
    say()
    note("Whoever has the paper can, with a day's patience at each door, become its owner. "
         "Without it, a lost phone or passphrase means starting again at each lock.")
    if here.input:
        typed = here.ask(
            f"Type its last {LAST_LETTERS} letters, once it is written down", hidden=False,
            instead="Use --sheet-file FILE, or --no-input to print it without asking.")
        if typed.strip().upper() != drawn.sheet[-LAST_LETTERS:]:
            raise Problem(
                "sheet_differs", "Those are not its last letters, so nothing was kept.",
                "Begin again, and write the sheet down before you go on.")


@site.command(examples=("mortice site show", "mortice site show --text > for-ben.txt"))
@click.option("--text", "as_text", is_flag=True,
              help="Print the public documents, for mortice key add in another home.")
@PASS_HERE
def show(here: Here, as_text: bool) -> None:  # noqa: FBT001 — as above
    """What this home knows of the site; nothing of it is secret."""
    home, found = here.home, here.home.site()
    if as_text:
        say(texts.write_handover(SITE, hand_over(home, [])))
        return
    doors = home.doors()
    if here.json:
        show_json({
            "site": home.site_name(), "id": found.id.hex(), "version": found.version,
            "strict": found.strict, "demo": found.demo, "owner": home.owns_site(),
            "map_version": doors.version if doors else None,
            "doors": [door.slug for door in home.known_doors()],
            "roles": {role.name.lower(): [key.id.hex() for key in held.keys]
                      for role, held in found.roles.items()}})
        return
    say(f"{plain(home.site_name())}{' (a demo: nobody in it is real)' if found.demo else ''}")
    facts([
        ("id", found.id.hex()), ("owner's keys", f"version {found.version}, " + (
            "in this home, sealed by a passphrase" if home.owns_site() else "not in this home")),
        ("passing on", "devices only" if found.strict else "devices, and browsers with a passkey"),
        ("doors", ", ".join(door.mapped.label for door in home.known_doors()) or "none yet"),
        *((role.name.lower().replace("_", " "),
           f"{held.threshold} of {', '.join(map(key_letters, held.keys))}")
          for role, held in found.roles.items() if role in (Role.ROOT, Role.GRANT))])


@site.command(examples=("mortice site rotate", "mortice site rotate --sheet sheet.txt"))
@click.option("--sheet", metavar="FILE|-", help="File with the recovery sheet; else it is asked.")
@passphrase_option
@PASS_HERE
def rotate(here: Here, sheet: str | None) -> None:
    """New keys for the owner, signed by the present ones and the recovery sheet together."""
    renewing.rotate(here, sheet)


@site.command(examples=(
    "mortice site recover", "mortice site recover --home new --from ben-site.txt --as Margaret",
    "mortice site recover --drop Margaret"))
@click.option("--sheet", metavar="FILE|-", help="File with the recovery sheet; else it is asked.")
@click.option("--from", "source", metavar="TEXT|FILE|-",
              help="In a new home: what anybody's mortice site show --text printed.")
@click.option("--keep", multiple=True, metavar="TEXT|FILE",
              help="In a new home: a key whose holder keeps it; may be given again.")
@click.option("--drop", multiple=True, metavar="PERSON",
              help="Whose keys end with this, such as your own on a lost phone.")
@passphrase_option
@PASS_HERE
def recover(
    here: Here, sheet: str | None, source: str | None, keep: tuple[str, ...],
    drop: tuple[str, ...],
) -> None:
    """New keys for the owner by the recovery sheet alone: for a lost phone or passphrase.

    Each lock then wants its inside button, a day with power, and the button again; meanwhile what
    the sheet leaves out is stopped at once. Carry it to the doors with: mortice site deliver
    """
    renewing.recover(here, sheet, renewing.Recovery(source, keep, drop))


@site.command(examples=("mortice site deliver", "mortice site deliver front"))
@click.argument("names", metavar="[DOOR]...", nargs=-1)
@PASS_HERE
def deliver(here: Here, names: tuple[str, ...]) -> int:
    """Carry the owner's newest keys and the list of doors to the doors, and say how far each is."""
    doors = [here.door(name) for name in names] or here.home.known_doors()
    return renewing.deliver_site(here, doors)

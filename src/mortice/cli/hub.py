"""`mortice hub`: run it, look after it, and put this home's site on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mortice.cli.addresses import host_and_port
from mortice.cli.command import PASS_HERE, Group
from mortice.cli.here import Here
from mortice.cli.output import facts, note, plain, say, show_json
from mortice.cli.problems import DONE, FAILED, Problem

if TYPE_CHECKING:
    from mortice.hub.hub import Hub
    from mortice.hub.settings import Settings

DATA = click.option(
    "--data", required=True, metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the hub: its database, its key, and hub.toml if there is one.")


@click.group(cls=Group, examples=(
    "mortice hub run --data ./hub", "mortice hub backup --data ./hub today.mortice-hub",
    "mortice hub doctor --data ./hub"))
def hub() -> None:
    """The web pages for owners, landlords and small firms, and the courier to the doors."""


@hub.command(examples=(
    "mortice hub run --data ./hub",
    "mortice hub run --data ./hub --origin https://hub.example --lines 0.0.0.0:12210"))
@DATA
@click.option("--origin", metavar="URL",
              help="What stands in the address bar; passkeys hang on it.")
@click.option("--listen", metavar="HOST:PORT",
              help="Where browsers, or a proxy before it, reach it.")
@click.option("--lines", metavar="HOST:PORT", help="Where locks dial in on the local network.")
@click.option("--database", metavar="URL", help="postgresql://… instead of SQLite in the folder.")
@PASS_HERE
def run(here: Here, /, data: Path, **options: str | None) -> None:
    """Run the hub until Ctrl-C. The first start prints the link with which its owner sets it up."""
    from mortice.cli.hub_running import run_hub  # noqa: PLC0415 — only whoever runs it loads it

    with _opened(data, options) as opened:
        run_hub(here, opened)


@hub.command(examples=("mortice hub key --data ./hub", "mortice hub key --data ./hub --json"))
@DATA
@PASS_HERE
def key(here: Here, data: Path) -> None:
    """Print what a door's settings name this hub by: its key, and where it listens for locks."""
    with _opened(data, {}) as opened:
        named = opened.own.link.public.hex()
        where = f"{opened.settings.lines_host}:{opened.settings.lines_port}"
    if here.json:
        show_json({"key": named, "lines": where, "origin": opened.settings.origin})
        return
    facts((("key", named), ("lines", where), ("origin", opened.settings.origin)))
    note(f"At each door's owner: mortice door settings DOOR --hub {where} --hub-key {named}")


@hub.command(examples=("mortice hub link --data ./hub",))
@DATA
@PASS_HERE
def link(here: Here, data: Path) -> int:
    """Print the link with which the first owner sets the hub up. It works once."""
    from mortice.hub.accounts import set_up_link  # noqa: PLC0415 — as above

    with _opened(data, {}) as opened:
        made = set_up_link(opened)
    if here.json:
        show_json({"set_up": made})
    elif made is None:
        note("This hub has its owner already; sign in there.")
    else:
        say(made)
    return FAILED if made is None else DONE


@hub.command(examples=("mortice hub backup --data ./hub 2026-11-25.mortice-hub",))
@DATA
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@PASS_HERE
def backup(here: Here, data: Path, file: Path) -> None:
    """Write everything the hub has to one file, while it runs. Keep it as you keep the hub."""
    from mortice.hub.backup import back_up  # noqa: PLC0415 — as above

    with _opened(data, {}) as opened, _counting() as told:
        rows = back_up(opened.database, data, file, told)
    if here.json:
        show_json({"file": str(file), "rows": rows, "bytes": file.stat().st_size})
        return
    say(plain(f"{file}: {rows:,} rows, {file.stat().st_size:,} bytes."))
    note("Whoever has this file has what a thief of the hub has: it opens no door, but it names "
         "people.")


@hub.command(examples=("mortice hub restore --data ./new-hub 2026-11-25.mortice-hub",))
@DATA
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--database", metavar="URL", help="postgresql://… instead of SQLite in the folder.")
@PASS_HERE
def restore(here: Here, data: Path, file: Path, database: str | None) -> None:
    """Put a backup into an empty hub, also from SQLite into PostgreSQL or back."""
    from mortice.hub.backup import restore as put_back  # noqa: PLC0415 — as above

    if not file.is_file():
        raise Problem("no_file", plain(f"There is no file {file}."), "Name a backup of a hub.")
    with _opened(data, {"database": database}) as opened, _counting() as told:
        rows = put_back(opened.database, data, file, told)
    if here.json:
        show_json({"folder": str(data), "rows": rows})
    else:
        say(plain(f"{rows:,} rows are back in {data}."))
        note(plain(f"Start it with: mortice hub run --data {data}"))


@hub.command(examples=("mortice hub add --data ./hub --owner margaret@example.com",))
@DATA
@click.option("--owner", required=True, metavar="E-MAIL", help="Whose account at the hub owns it.")
@PASS_HERE
def add(here: Here, data: Path, owner: str) -> None:
    """Put this home's site on a hub of this machine: its root and its map, no keys."""
    from mortice.cli.hub_adding import add_site  # noqa: PLC0415 — as above

    with _opened(data, {}) as opened:
        ref = add_site(opened, here.home, owner)
    if here.json:
        show_json({"place": ref, "url": f"{opened.settings.origin}/p/{ref}"})
    else:
        say(f"It is at {opened.settings.origin}/p/{ref}")
        note("Its doors find the hub once their settings name it; see: mortice hub key")


@hub.command(examples=("mortice hub doctor --data ./hub", "mortice hub doctor --data ./hub --json"))
@DATA
@click.option("--backups", type=click.Path(path_type=Path, exists=True, file_okay=False),
              metavar="DIR", help="Where its backups lie.")
@PASS_HERE
def doctor(here: Here, data: Path, backups: Path | None) -> int:
    """Check the hub: its folder, database, disk, clock, doors, logs and backups."""
    from mortice.hub.doctor import examine  # noqa: PLC0415 — as above

    if not data.is_dir():
        raise Problem("no_hub", f"There is no hub in {data}.", "Name its folder with --data.")
    with _opened(data, {}) as opened:
        found = examine(opened, backups)
    good = all(check.ok for check in found)
    if here.json:
        show_json({"hub": str(data), "ok": good, "checks": [
            {"check": check.name, "ok": check.ok, "saw": check.saw} for check in found]})
    else:
        facts((f"{'✓' if check.ok else '✗'} {check.name}", check.saw) for check in found)
    return DONE if good else FAILED


@contextmanager
def _opened(data: Path, options: dict[str, Any]) -> Iterator[Hub]:
    """The hub in `data`, closed at the end. Raises Problem."""
    try:
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 — as above

        from mortice.hub.hub import make_hub  # noqa: PLC0415 — as above
    except ImportError as error:
        raise Problem(
            "no_hub_parts", f"The hub needs {error.name}, which is not installed.",
            "Install it with: pip install 'mortice[hub]'") from error
    try:
        opened = make_hub(_settings(data, options))
    except SQLAlchemyError as error:
        raise Problem(
            "no_database", f"The database does not answer: {str(error).splitlines()[0]}",
            "Check its address, and that it runs.") from error
    try:
        yield opened
    finally:
        opened.database.close()


def _settings(data: Path, options: dict[str, Any]) -> Settings:
    from dataclasses import replace  # noqa: PLC0415 — beside the next

    from mortice.hub.settings import checked, read_settings  # noqa: PLC0415 — as above

    settings = read_settings(data)
    given = {name: options[name] for name in ("origin", "database") if options.get(name)}
    if options.get("listen"):
        given["host"], given["port"] = host_and_port(options["listen"])
    if options.get("lines"):
        given["lines_host"], given["lines_port"] = host_and_port(options["lines"])
    return checked(replace(settings, **given))


@contextmanager
def _counting() -> Iterator[Any]:
    """Tells the terminal how far a long copy has come, and nothing else."""
    watched = sys.stderr.isatty()

    def told(table: str, rows: int) -> None:
        if watched:
            sys.stderr.write(f"\r{table}: {rows:,} rows  ")
            sys.stderr.flush()

    yield told
    if watched:
        sys.stderr.write("\r" + " " * 40 + "\r")

"""`mortice doctor`: is this home in order, and does everything it needs answer?"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator

import click

from mortice.cli.command import PASS_HERE, Command
from mortice.cli.here import Here
from mortice.cli.judging import revoked_set
from mortice.cli.output import facts, plain, say, show_json
from mortice.cli.problems import DONE, FAILED, Problem, in_words
from mortice.cli.testing import Check, test_doors
from mortice.client.wallet import Wallet

LATEST_FIRMWARE = 1_795_478_400  # 24 November 2026: a clock before that is wrong
ROOM_BYTES = 16 * 1024 * 1024  # free on the disk, for a home and a copy of a log


@click.command(cls=Command, examples=("mortice doctor", "mortice doctor --doors"))
@click.option("--doors", "with_doors", is_flag=True, help="Visit every door as well.")
@PASS_HERE
def doctor(here: Here, with_doors: bool) -> int:  # noqa: FBT001 — click passes flags so
    """Check this home: its files, its keys, its clock, its disk."""
    checks = [_run(name, look, here) for name, look in CHECKS]
    good = all(check.ok for check in checks)
    if here.json:
        show_json({"home": str(here.folder), "ok": good, "checks": [
            {"check": c.name, "ok": c.ok, "saw": c.saw} for c in checks]})
        return DONE if good else FAILED
    say(plain(f"Home: {here.folder}"))
    facts((f"{'✓' if check.ok else '✗'} {check.name}", check.saw) for check in checks)
    if with_doors and here.home.known_doors():
        return max(DONE if good else FAILED, test_doors(here, here.home.known_doors()))
    return DONE if good else FAILED


def _run(name: str, look: Callable[[Here], str], here: Here) -> Check:
    """One check: what it saw, or what is wrong in one sentence."""
    try:
        return Check(name, look(here))
    except Exception as error:  # noqa: BLE001 — whatever is wrong is what a doctor is there to say
        problem = in_words(error)
        return Check(name, f"{problem.message} {problem.after}", ok=False)


def _folder(here: Here) -> str:
    if not here.folder.is_dir():
        raise Problem("no_home", "There is no such folder yet.", "Begin with mortice site create, "
                      "or mortice key request.")
    mode = stat.S_IMODE(here.folder.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Problem("open_home", f"Others on this machine may read it ({mode:o}).",
                      f"Close it: chmod 700 {here.folder}")
    return "yours alone"


def _files(here: Here) -> str:
    files = [name for name in _json_files(here) if here.home.read(name) is not None]
    return f"{len(files)} files, all whole"


def _json_files(here: Here) -> Iterator[str]:
    for path in sorted(here.folder.rglob("*.json")):
        if "locks" not in path.parts:
            yield str(path.relative_to(here.folder))


def _people(here: Here) -> str:
    wallets = [Wallet(here.home, person) for person in here.home.people()]
    keys = sum(len(wallet.keys()) for wallet in wallets)
    return f"{len(wallets)} with {keys} keys"


def _site(here: Here) -> str:
    if here.home.read("site.json") is None:
        return "none yet"
    here.home.doors()
    owner = "the owner's keys are here" if here.home.owns_site() else "without the owner's keys"
    return f"{here.home.site_name()}, version {here.home.site().version}, {owner}"


def _news(here: Here) -> str:
    if here.home.read("site.json") is None:
        return "none"
    return f"{len(revoked_set(here.home).entries)} keys taken back, on their way with every visit"


def _secrets(here: Here) -> str:
    keys = [path for path in here.folder.rglob("*") if path.name in ("key", "keys", "device.key")
            or path.suffix == ".key"]
    loose = [path for path in keys if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if loose:
        raise Problem("open_keys", f"Others on this machine may read {loose[0]}.",
                      f"Close it: chmod 600 {loose[0]}")
    return f"{len(keys)} key files, yours alone"


def _clock(_: Here) -> str:
    if time.time() < LATEST_FIRMWARE:
        raise Problem("clock", "This device's clock is behind.", "Set it; doors believe it.")
    return time.strftime("%d %b %Y %H:%M:%S %Z")


def _disk(here: Here) -> str:
    folder = here.folder
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES or not os.access(folder, os.W_OK):
        raise Problem("disk", f"{free // 1024:,} kB are free, or it cannot be written.",
                      "Make room on the disk.")
    return f"{free // (1024 * 1024):,} MB free"


CHECKS: tuple[tuple[str, Callable[[Here], str]], ...] = (
    ("folder", _folder), ("files", _files), ("key files", _secrets), ("people", _people),
    ("site", _site), ("taken back", _news), ("clock", _clock), ("disk", _disk))

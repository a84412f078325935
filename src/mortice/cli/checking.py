"""The installer's list at the command line: a blank one, a filled one signed, a signed one checked.

A report stays in a file with the record that was signed of it and the lock's receipt; whoever has
that file checks it with the lock's public key and nothing else.

Spec: spec/assess.md, section 11, and spec/checked.md.
"""

from __future__ import annotations

import asyncio
import json
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mortice.assess.checklist import FAIL, KEPT, LIST, PASS, Report, as_report, checklist, read_kept
from mortice.assess.text import MOST_BYTES, BadFile, Lines, read_text
from mortice.cli.command import PASS_HERE, Command
from mortice.cli.factfile import read_file
from mortice.cli.here import Here
from mortice.cli.moments import iso
from mortice.cli.output import note, plain, say, show_json
from mortice.cli.problems import REFUSED, UNVERIFIED, Problem, usage
from mortice.cli.verifying import read_key
from mortice.cli.visiting import Wish, at, deliver, not_taken
from mortice.client.home import KnownDoor
from mortice.client.visit import Delivered
from mortice.core import commands
from mortice.core.document import id_of
from mortice.core.errors import Theirs, Untrusted
from mortice.core.freshness import CHECKED, Checked, sign_checked
from mortice.core.grant import Rights
from mortice.core.keys import PublicKey
from mortice.core.log import Receipt, Result, accept_receipt

WIDTH = 100
FILE = click.Path(path_type=Path, dir_okay=False)


# --- a blank list ---------------------------------------------------------------------------------


@click.command("checklist", cls=Command, examples=(
    "mortice assess checklist > front.toml", "mortice assess checklist --json"))
@PASS_HERE
def blank(here: Here) -> None:
    """The installer's list of 32 items, blank, to be filled in (docs/guides/installer.md)."""
    if here.json:
        show_json(checklist())
        return
    say("\n".join(_blank()))


def _blank() -> Iterator[str]:
    listed = checklist()
    yield from _remark("Fill in what you found, then: mortice assess commission FILE --door DOOR")
    yield from _remark(
        "result: pass, fail (a note says what is wrong) or not_applicable; left blank, it is still "
        "to be done. photos: the SHA-256 of each photo, which you keep. A fire door, a let home or "
        "a multipoint lock asks for more: say so in conditions.")
    yield f'list = "{LIST}"'
    yield from ('name = ""  # which door', 'by = ""  # who checked it, and for which firm')
    yield from ('on = ""  # the day, such as 2027-03-01', "conditions = []")
    for word, says in listed["conditions"].items():
        yield f"#  {word}: {says}"
    for name, item in listed["items"].items():
        yield ""
        yield from _remark(f"{name} {item['check']}: {item['pass']}.")
        yield from _remark(_asked(item))
        yield f"[items.{name}]"
        yield 'result = ""'
        if "found" in item:
            yield f'found = ""  # {", ".join(item["found"])}'
        if "values" in item:
            yield f"values = {{}}  # {'; '.join(_limits(*each) for each in item['values'].items())}"
        yield from ["photos = []"] * ("photo" in item["evidence"])
        yield 'note = ""' + "  # which paper, or its words" * ("document" in item["evidence"])


def _remark(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2)]


def _asked(item: dict[str, Any]) -> str:
    must = "Must" if item["must"] == ["always"] else (
        "Advice" if item["must"] == ["never"] else f"Must where {' or '.join(item['must'])}")
    unless = f", unless {' or '.join(item['unless'])}" if "unless" in item else ""
    source = "what we ask for" if item["source"] == "ours" else item["source"]
    ours = f"; {item['ours']}: ours" if "ours" in item else ""
    sure = " (unverified)" if item["confidence"] == "likely" else ""
    return f"{must}{unless}. From: {source}{sure}{ours}."


def _limits(name: str, limits: dict[str, Any]) -> str:
    if "as" in limits:
        return f"{name} (all of the {limits['as']})"
    words = [f"{word} {limits[key]}" for key, word in (("least", "from"), ("most", "to"))
             if key in limits]
    where = f", for {limits['for']}" if "for" in limits else ""
    return f"{name} ({' '.join(words)} {limits['unit']}{where})"


# --- a filled list --------------------------------------------------------------------------------


@click.command(cls=Command, examples=(
    "mortice assess commission front.toml --door front",
    "mortice assess commission front.toml --door front --as installer --out front.json"))
@click.argument("file", type=FILE)
@click.option("--door", "name", required=True, metavar="DOOR", help="The door that it is about.")
@click.option("--out", type=FILE, metavar="FILE", help=(
    "Where report, record and receipt are kept; FILE.checked.json unless said."))
@click.option("--unfinished", is_flag=True, help="Sign it with musts that are still to be done.")
@PASS_HERE
def commission(here: Here, file: Path, name: str, out: Path | None, unfinished: bool) -> None:  # noqa: FBT001 - a flag
    """Judge a filled list, sign it with your key, and take it to the door's log.

    Your key must be one that may set the door up. A report with failed items is signed like any
    other. Report, record and the lock's receipt are kept in one file.
    """
    door, kept = here.door(name), out or file.with_suffix(".checked.json")
    if kept.exists():
        raise usage(f"{kept} is there already, and it may be the only proof of an earlier check.",
                    "Name another file with --out.")
    moment = int(time.time())
    report = read_file(file, lambda text, form: as_report(*_for(here, door, *read_text(
        text, form)), moment))
    missing = report.missing()
    if missing and not unfinished:
        raise Problem("unfinished", f"Still to be done at this door: {', '.join(missing)}.",
                      "Fill them in; or sign what there is with --unfinished.")
    encoded, receipt = asyncio.run(_deliver(here, door, report.record(moment)))
    made = {"format": KEPT, "report": report.raw, "record": encoded.hex(), "receipt": receipt.hex()}
    kept.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
    _tell(here, report, accept_receipt(receipt, door.mapped.lock.signing), str(kept))
    note("Anybody can check it: mortice assess commissioned "
         f"{kept} --lock-key {door.mapped.lock.signing.encoded.hex()}")


def _for(here: Here, door: KnownDoor, raw: dict[str, Any], lines: Lines,
         ) -> tuple[dict[str, Any], Lines]:
    """The list, with the door that it is about. One that names another was signed there."""
    named = {"site": here.home.site().id.hex(), "door": door.mapped.id.hex()}
    for word, wanted in named.items():
        if raw.get(word, wanted) != wanted:
            raise BadFile(lines.at((word,)), f"{word} names another door", "nothing; leave it out")
    return raw | named, lines


async def _deliver(here: Here, door: KnownDoor, record: Checked) -> tuple[bytes, bytes]:
    """The signed record and the lock's receipt for it. Raises Problem."""
    held = here.me.best(door.mapped.id, Rights.CONFIGURE)
    if not held.leaf.use & Rights.CONFIGURE:
        raise Problem("no_right", "None of your keys may set that door up, so none signs for it.",
                      "Ask the owner for one: mortice key give NAME --doors DOOR --may configure "
                      "--until DAY", REFUSED)
    encoded = sign_checked(here.home.site().id, record, here.me.key)
    async with at(here, door, Wish(commands.Command.STATUS, key=held)) as call:
        delivered = await deliver(here, door, call, [[CHECKED, encoded, held.wire]])
    name = id_of(encoded)
    return encoded, _receipt(next((one for one in delivered if one.document == name), None))


def _receipt(said: Delivered | None) -> bytes:
    if said is not None and said.refused is not None:
        raise not_taken(said.refused)
    if said is None or said.receipt is None:
        raise Problem("unknown", "The door did not say what it did with the record.", "Try again.")
    return said.receipt


# --- a signed list --------------------------------------------------------------------------------


@click.command(cls=Command, examples=(
    "mortice assess commissioned front.checked.json --door front",
    "mortice assess commissioned front.checked.json --lock-key front.pub --facts"))
@click.argument("file", type=FILE)
@click.option("--lock-key", metavar="HEX|FILE", help="The lock's public key: mortice door key.")
@click.option("--door", "name", metavar="DOOR", help="Take the key from this home.")
@click.option("--facts", is_flag=True, help="Print its facts, to paste in a file for assess door.")
@PASS_HERE
def commissioned(
    here: Here, file: Path, lock_key: str | None, name: str | None, facts: bool) -> None:  # noqa: FBT001 - a flag
    """Check a signed report with the lock's public key: what was found, and what is due.

    Needs no home and no network: FILE and the lock's public key are enough.
    """
    if lock_key is None and name is None:
        raise usage("A report is checked with the lock's public key.",
                    "Add --lock-key KEY, which mortice door key DOOR prints; or --door DOOR.")
    key = here.door(name).mapped.lock.signing if name else read_key(str(lock_key))
    report, receipt = _checked(file, key)
    if facts and not here.json:
        say("\n".join(_facts(report)))
        return
    _tell(here, report, receipt, str(file))


def _checked(file: Path, lock: PublicKey) -> tuple[Report, Receipt]:
    """A kept file that holds together under the lock's key (B58). Raises Problem."""
    with file.open("rb") as opened:
        body = opened.read(MOST_BYTES)
    try:
        report, record, signed = read_kept(body)
        receipt = accept_receipt(signed, lock)
        if (receipt.leaf, receipt.result) != (id_of(record), Result.DONE):
            raise Untrusted("B58", "checked: the receipt is for something else")
    except Theirs as error:
        raise Problem("not_genuine", f"{file.name}: {error.message} ({error.check}).",
                      "Ask for the file as it was written, and check which lock's key you have.",
                      UNVERIFIED) from error
    except BadFile as error:
        raise Problem("bad_file", f"{file.name}: {error.what}.",
                      f"Expected: {error.expected}.") from error
    return report, receipt


def _facts(report: Report) -> Iterator[str]:
    yield "[facts]"
    for fact, shown in report.facts().items():
        if shown.said is False:
            yield f"{fact} = false"
            continue
        until = f", until = {shown.until}" if shown.until else ""
        yield f'{fact} = {{ shown = "{shown.said}", on = {shown.on}{until} }}'


def _tell(here: Here, report: Report, receipt: Receipt, kept: str) -> None:
    results, due, missing = report.results(), report.due(), report.missing()
    failed = [name for name, result in results.items() if result == FAIL]
    if here.json:
        show_json({
            "name": report.raw["name"], "by": report.raw["by"], "on": report.raw["on"],
            "entry": receipt.index, "handed_in": iso(receipt.at), "file": kept,
            "results": results, "missing": missing,
            "due": {name: day.isoformat() for name, day in due.items()},
            "facts": {fact: {"shown": shown.said, "until": shown.until and shown.until.isoformat()}
                      for fact, shown in report.facts().items()}})
        return
    passed = list(results.values()).count(PASS)
    say(plain(f"{report.raw['name']}: checked on {report.raw['on']} by {report.raw['by']}"))
    say(f"  ✓ entry {receipt.index} of the lock's log names this report, handed in "
        f"{iso(receipt.at)}")
    say(f"  {passed} passed, {len(failed)} failed, {len(missing)} still to be done")
    for name in failed:
        say(plain(f"  ✗ {name} {checklist()['items'][name]['check']}: "
                  f"{report.raw['items'][name]['note']}"))
    if missing:
        say(f"  still to be done: {', '.join(missing)}")
    for day in sorted({*due.values()}):
        say(f"  due again by {day}: {', '.join(name for name in due if due[name] == day)}")

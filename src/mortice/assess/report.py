"""A report on one door: frozen facts and their verdict, signed, and checked where nobody is asked.

The verdict follows from the facts that stand beside it, so whoever has the file judges again. The
signature says which hub wrote that, and not that what its owner said is so.

Spec: spec/assess.md, section 9 (B26 to B29).
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from mortice import __version__
from mortice.assess.assessment import as_json, assess
from mortice.assess.doorset import DoorSet, Shown, read_table
from mortice.assess.model import Model
from mortice.assess.text import BadFile
from mortice.core import cbor
from mortice.core.document import join, parse, signature
from mortice.core.errors import Malformed
from mortice.core.keys import PublicKey, Signer

KIND = "mortice-report/1"
LEVELS = ("inadequate", "basic", "the usual standard of a UK home", "enhanced", "high")
TITLES = {
    "life": "People first", "show": "Show us", "change": "Change it", "wasted": "Leave it",
    "caution": "Know this", "uncovered": "Not tested by the marks it has"}
MOST_BYTES = 262_144
Table = dict[str, Any]


@lru_cache(maxsize=1)
def data_version() -> str:
    """SHA-256 over the names and contents of all data that a verdict rests on."""
    folder, sums = files(__package__) / "data", hashlib.sha256()
    for each in sorted((*folder.iterdir(), *(folder / "standards").iterdir()),
                       key=lambda one: one.name):
        if each.name.endswith(".toml"):
            sums.update(each.name.encode() + b"\0" + each.read_bytes())
    return sums.hexdigest()


def table_of(door: DoorSet, marks: list[Table]) -> Table:
    """A door set as a file has it (section 5); `marks` are its marks as they were written."""
    made: Table = {
        "name": door.name, "smart": door.smart, "context": sorted(door.used),
        "unsure": sorted(door.unsure), "marks": marks,
        "facts": {fact: _shown(each) for fact, each in sorted(door.facts.items())
                  if each.said is not None},
        "changes": {part: day and str(day) for part, day in door.changed.items()}}
    if door.support is not None:
        made["support"] = {"until": str(door.support.until), "shown": door.support.shown} | (
            {"sold": str(door.support.sold)} if door.support.sold else {})
    return made


def _shown(shown: Shown) -> Table:
    return {key: str(value) if isinstance(value, date) else value for key, value in (
        ("shown", shown.said), ("on", shown.on), ("until", shown.until),
        ("note", shown.said and shown.note))  # of what is not so, a hub's note may name somebody
        if value or key == "shown"}


def judged_again(model: Model, report: Table) -> bool | None:
    """Does the verdict follow from the facts? None: it was made by another release than this.

    Raises Malformed where the facts cannot be read.
    """
    if (report["release"], report["data"]) != (__version__, data_version()):
        return None
    try:
        door = read_table(report["facts"], model)
    except BadFile as error:
        raise Malformed("B28", f"report: {error.what}") from error
    day = date.fromisoformat(report["day"])
    return canonical(as_json(model, assess(model, door, day))) == canonical(report["verdict"])


def canonical(report: Table) -> bytes:
    """The bytes that are signed: JSON with sorted names and nothing between them (B27)."""
    return json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sealed(report: Table, signer: Signer) -> bytes:
    """The report's file."""
    signed = signature(KIND, hashlib.sha256(canonical(report)).digest(), signer)
    return json.dumps({"report": report, "key": signer.public.encoded.hex(),
                       "signature": signed.hex()}, indent=1, ensure_ascii=False).encode() + b"\n"


def unsealed(content: bytes) -> tuple[Table, PublicKey]:
    """The report in a file, and the key under which its signature holds. Raises Theirs (B28)."""
    try:
        if len(content) > MOST_BYTES:
            raise ValueError
        told = json.loads(content)
        report, key = told["report"], PublicKey.from_cose(cbor.decode(bytes.fromhex(told["key"])))
        date.fromisoformat(report["day"])
        signed = join(hashlib.sha256(canonical(report)).digest(), key,
                      bytes.fromhex(told["signature"]))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Malformed("B28", "report: this file is no report") from error
    parse(KIND, signed).verify(key)
    return report, key

"""Finding the key or the person that was meant by the first letters of a name or an id."""

from __future__ import annotations

from typing import Any

from mortice.cli.problems import Problem
from mortice.client.home import Home, NotThere, slug, whole
from mortice.client.wallet import HeldKey, Wallet

Record = dict[str, Any]
RECORD: Record = {
    "id": "", "label": "", "kind": "key", "doors": [], "exp": None, "parents": [], "chain": None}
ID_LETTERS = 4  # of a key's id, before a word is taken for one


def records(home: Home) -> list[Record]:
    """What was given from this home, each with every field. Raises Malformed (Z2)."""
    with whole("issued.json"):
        return [_checked({**RECORD, **record}) for record in home.issued()]


def _checked(record: Record) -> Record:
    chain, doors, parents = record["chain"] or "", [*record["doors"]], [*record["parents"]]
    bytes.fromhex("".join((record["id"], chain, *doors, *parents)))
    if not doors:
        raise ValueError("a key is for a door")
    return {
        "id": record["id"], "label": str(record["label"]), "kind": str(record["kind"]),
        "doors": doors, "parents": parents, "chain": chain,
        "exp": None if record["exp"] is None else int(record["exp"])}


def held_key(wallet: Wallet, wanted: str) -> HeldKey:
    """One of a person's own keys by the first letters of its id. Raises Problem."""
    keys = wallet.keys()
    found = [key for key in keys if key.leaf.id.hex().startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    known = ", ".join(key.leaf.id.hex()[:8] for key in keys) or "none"
    raise Problem(
        "unknown_key", f"{'More than one' if found else 'No'} key of yours begins with {wanted!r}; "
        f"there are: {known}.", "See them all with: mortice key list")


def records_of(home: Home, wanted: str) -> list[Record]:
    """What was given from here to a person, or the key that an id begins. Raises Problem."""
    issued = records(home)
    by_name = _by_name(issued, wanted)
    found = by_name or [
        record for record in issued
        if len(wanted) >= ID_LETTERS and record["id"].startswith(wanted.lower())]
    if found:
        return found
    names = ", ".join(sorted({str(record["label"]) for record in issued})) or "nobody yet"
    raise Problem(
        "unknown_person", f"Nothing was given from this home to {wanted!r}; there are: {names}.",
        "See everybody with: mortice person list")


def _by_name(issued: list[Record], wanted: str) -> list[Record]:
    try:
        begins = slug(wanted)
    except NotThere:
        return []
    labels = {slug(str(record["label"])) for record in issued}
    meant = {begins} if begins in labels else {name for name in labels if name.startswith(begins)}
    if len(meant) > 1:
        raise Problem(
            "unknown_person", f"More than one person's name begins with {wanted!r}: "
            f"{', '.join(sorted(meant))}.", "Write more of the name.")
    return [record for record in issued if slug(str(record["label"])) in meant]

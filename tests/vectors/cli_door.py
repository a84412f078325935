"""The third door: the `mortice` command, as somebody types it.

What the command says goes to people, so what is compared is its exit code and the check that it
names: 0 done, 1 cannot be read, 5 not genuine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from making import cast, homes
from tests.cli.terminal import PASSPHRASE, Printed, Terminal
from tests.vectors import library_link, library_site
from tests.vectors.vector import Fields, Vector, raw, wire

from mortice.client.founding import add_door
from mortice.client.home import Home
from mortice.client.wallet import Wallet
from mortice.core.keys import SoftwareKey
from mortice.core.site import LockKeys, Role

EXITS = {"accepted": 0, "malformed": 1, "untrusted": 5, "fault": 5}
HOLDER = "holder"


def holders_home(folder: Path, key: SoftwareKey) -> Terminal:
    """A home with one person's key pair and nothing else."""
    Home(folder).keep_person(HOLDER, key)
    return Terminal(folder)


def same(vector: Vector, printed: Printed) -> None:
    """The command ends as the vector does, and names the check."""
    assert printed.code == EXITS[vector.expected["class"]], printed
    if vector.expected["class"] in ("malformed", "untrusted"):
        assert f"({vector.expected['check']})" in printed.problem["message"]


# --- keys -----------------------------------------------------------------------------------------


def _chain(vector: Vector, folder: Path) -> None:
    """Take the key in, and have it explained."""
    given = vector.input
    home = holders_home(folder, library_link.holder_key(given["holder"]))
    text = homes.text(homes.KEY, [
        [raw(given["site"])], raw(given["doors"]), wire(given["chain"]), [], "14 Alder Road"])
    added = home.run("--json", "key", "add", text)
    same(vector, added)
    if added.code == 0:
        leaf = given["leaf"]
        assert added.json["key"]["id"] == leaf
        assert home.json("key", "explain", leaf[:12])["key"]["id"] == leaf
        shown = home.json("key", "show", leaf[:12])["links"]
        assert [link["id"] for link in shown] == vector.expected["value"]["links"]
    else:
        assert Wallet(Home(folder), HOLDER).keys() == []


def _handover_text(vector: Vector, folder: Path) -> None:
    home = holders_home(folder, library_link.holder_key(library_holder()))
    same(vector, home.run("--json", "key", "add", "-", typed=vector.input["text"]))


def library_holder() -> Fields:
    """The tenant's key pair, as a vector writes it."""
    return {"alg": cast.TENANT.alg, "seed": cast.TENANT.seed.hex()}


def _staple_text(vector: Vector, folder: Path) -> None:
    home = holders_home(folder, library_link.holder_key(library_holder()))
    same(vector, home.run("--json", "key", "add", vector.input["text"]))


def _request_text(vector: Vector, folder: Path) -> None:
    """Give a key to whoever asks."""
    owner = owners_home(folder)
    given = owner.run("--json", "key", "give", "Guest", "--doors", "street", "--always",
                      "--request", vector.input["text"])
    same(vector, given)
    if given.code == 0:
        issued = Home(owner.home).issued()
        assert [record["label"] for record in issued] == ["Guest"]


def owners_home(folder: Path) -> Terminal:
    """An owner, and a door on the map whose lock is the one under test."""
    owner, passphrase = Terminal(folder), folder.with_name("passphrase")
    passphrase.write_text(PASSPHRASE + "\n")
    made = owner.run("site", "create", "14 Alder Road", "--as", "Owner", "--passphrase-file",
                     passphrase, "--sheet-file", folder.with_name("sheet"))
    assert made.code == 0, made
    (folder / "settings.json").write_text(f'{{"me": "Owner", "passphrase_file": "{passphrase}"}}')
    home = Home(folder)
    lock = library_site.key_of(cast.cbor(cast.LOCK_KEY.cose).hex())
    add_door(home, home.site_key(Role.GRANT, PASSPHRASE), "Street door", cast.ZONE,
             LockKeys(cast.LINK_PUBLIC, lock, cast.SEALING_PUBLIC))
    return owner


# --- codes and logs -------------------------------------------------------------------------------


def _code(vector: Vector, folder: Path) -> None:
    """A wrong code is refused before anybody is asked anything."""
    home = holders_home(folder, library_link.holder_key(library_holder()))
    same(vector, home.run("--json", "door", "add", "-", "--at", "127.0.0.1:9", "--label", "Street",
                          typed=vector.input["text"]))


def _export(vector: Vector, folder: Path) -> None:
    """Anybody checks a log, with the file and the lock's public key and nothing else."""
    folder.mkdir()
    file = folder / "street.log"
    file.write_bytes(raw(vector.input["export"]))
    printed = Terminal(folder / "no-home").run(
        "--json", "log", "verify", file, "--lock-key", vector.input["lock"])
    assert printed.code == EXITS[vector.expected["class"]]
    found = printed.json
    if vector.expected["class"] == "accepted":
        value = {name: found[name] for name in ("heads", "receipts", "root")}
        assert value | {"size": found["entries"]} == vector.expected["value"]
    else:
        fault = {name: found["fault"][name] for name in ("check", "entry")}
        assert fault == {name: vector.expected[name] for name in ("check", "entry")}


READERS: dict[str, Callable[[Vector, Path], None]] = {
    "chain": _chain, "handover_text": _handover_text, "staple_text": _staple_text,
    "request_text": _request_text, "code": _code, "export": _export,
}
# The right ones need a door that answers, or a key that the refresh is for (tests/cli).
ONLY_WRONG = {"code", "staple_text"}

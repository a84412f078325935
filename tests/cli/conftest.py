"""What the tests of the command share: an owner, a guest, and a door that is a real lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.doorway import Doorway
from tests.cli.terminal import PASSPHRASE, Terminal

from mortice.client import sealed
from mortice.core import limits


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the point is not the hash, it need not be slow."""
    monkeypatch.setattr(sealed, "KIB", 64)
    monkeypatch.setattr(sealed, "PASSES", 1)
    monkeypatch.setattr(limits, "ARGON2_KIB", 8)
    monkeypatch.setattr(limits, "ARGON2_PASSES", 1)


@pytest.fixture(autouse=True)
def _nobodys_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test touches the home of whoever runs it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.delenv("MORTICE_HOME", raising=False)


@pytest.fixture
def doorways(tmp_path: Path) -> Iterator[Callable[[str], Doorway]]:
    """Makes locks, and stops them again."""
    made: list[Doorway] = []

    def make(name: str) -> Doorway:
        made.append(Doorway(tmp_path / "locks" / name))
        return made[-1]

    yield make
    for doorway in made:
        doorway.end()


@pytest.fixture
def owner(tmp_path: Path) -> Terminal:
    """An owner's home, with the passphrase in a file that the settings name."""
    terminal = Terminal(tmp_path / "owner")
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    sheet = tmp_path / "sheet"
    made = terminal.run(
        "site", "create", "14 Alder Road", "--as", "Margaret Hale", "--passphrase-file", file,
        "--sheet-file", sheet)
    assert made.code == 0, made
    (terminal.home / "settings.json").write_text(
        f'{{"me": "Margaret Hale", "passphrase_file": "{file}"}}')
    return terminal


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """The recovery sheet that the owner's fixture wrote."""
    return tmp_path / "sheet"


def take_over(owner: Terminal, doorway: Doorway, label: str) -> None:
    """Put a new lock on the owner's map."""
    doorway.press_button()
    added = owner.run("door", "add", doorway.code, "--at", doorway.address, "--label", label)
    assert added.code == 0, added


@pytest.fixture
def front(owner: Terminal, doorways: Callable[[str], Doorway]) -> Doorway:
    """The owner's front door."""
    doorway = doorways("front")
    take_over(owner, doorway, "Front door")
    return doorway


@pytest.fixture
def back(owner: Terminal, front: Doorway, doorways: Callable[[str], Doorway]) -> Doorway:
    """The owner's back door."""
    doorway = doorways("back")
    take_over(owner, doorway, "Back door")
    return doorway


@pytest.fixture
def homes(tmp_path: Path) -> Callable[[str], Terminal]:
    """Homes of other people, by name."""
    return lambda name: Terminal(tmp_path / name.lower())


Given = Callable[..., Terminal]


@pytest.fixture
def given(owner: Terminal, homes: Callable[[str], Terminal]) -> Given:
    """Gives somebody a key on a device of their own: request, give, add."""

    def give(
        name: str, *options: str, doors: str = "front", algorithm: str = "ed25519"
    ) -> Terminal:
        device = homes(name)
        asked = device.json("key", "request", "--as", name, "--algorithm", algorithm)
        made = owner.json(
            "key", "give", name, "--doors", doors, "--request", asked["request"], *options)
        assert device.json("key", "add", made["text"])["person"] == name.lower()
        return device

    return give

"""What was backed up comes back whole, and what was damaged does not come back at all."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from hubs import Cast
from sqlalchemy import select

from mortice.core.errors import Malformed
from mortice.hub.backup import back_up, restore
from mortice.hub.doctor import examine
from mortice.hub.hub import Hub, make_hub
from mortice.hub.settings import Settings, read_settings
from mortice.hub.tables import Base


def rows(hub: Hub) -> dict[str, list[tuple[object, ...]]]:
    with hub.database.reading() as db:
        return {table.name: [tuple(row) for row in db.execute(select(table)).all()]
                for table in Base.metadata.sorted_tables}


@pytest.fixture
def file(cast: Cast, tmp_path: Path) -> Path:
    made = tmp_path / "today.mortice-hub"
    back_up(cast.hub.database, cast.hub.settings.folder, made)
    return made


def test_everything_comes_back(cast: Cast, file: Path, tmp_path: Path) -> None:
    other = make_hub(Settings(tmp_path / "other"))
    restore(other.database, tmp_path / "other", file)
    assert rows(other) == rows(cast.hub)
    other.database.close()
    again = make_hub(Settings(tmp_path / "other"))
    assert again.own.link.public == cast.hub.own.link.public
    again.database.close()


def test_only_its_owner_can_read_it(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_goes_into_an_empty_hub_only(cast: Cast, file: Path) -> None:
    before = rows(cast.hub)
    with pytest.raises(Malformed, match="holds something"):
        restore(cast.hub.database, cast.hub.settings.folder, file)
    assert rows(cast.hub) == before


@pytest.mark.parametrize("member", ["accounts.jsonl", "hub.key", "doors.jsonl"])
def test_a_changed_backup_is_not_taken(file: Path, tmp_path: Path, member: str) -> None:
    bent = tmp_path / "bent.mortice-hub"
    with zipfile.ZipFile(file) as good, zipfile.ZipFile(bent, "w") as out:
        for name in good.namelist():
            content = good.read(name)
            out.writestr(name, content[:-2] + b"!" + content[-1:] if name == member else content)
    hub = make_hub(Settings(tmp_path / "other"))
    with pytest.raises(Malformed, match="changed or damaged"):
        restore(hub.database, tmp_path / "other", bent)
    assert not any(rows(hub).values())
    hub.database.close()


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all"])
def test_something_else_is_no_backup(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "x.mortice-hub"
    other.write_bytes(content)
    hub = make_hub(Settings(tmp_path / "other"))
    with pytest.raises(Malformed, match="no whole backup"):
        restore(hub.database, tmp_path / "other", other)
    hub.database.close()


def test_a_full_disk_leaves_the_old_backup(
    cast: Cast, file: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = file.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mortice.hub.backup._dump", full)
    with pytest.raises(OSError, match="No space"):
        back_up(cast.hub.database, cast.hub.settings.folder, file)
    assert file.read_bytes() == kept


def test_the_doctor_finds_what_is_wrong(cast: Cast, tmp_path: Path) -> None:
    checks = {found.name: found for found in examine(cast.hub, tmp_path)}
    assert checks["database"].ok
    assert not checks["doors"].ok
    assert "2 of 2 not heard" in checks["doors"].saw
    assert not checks["backup"].ok
    (cast.hub.settings.folder / "hub.key").chmod(0o644)
    assert "chmod 600" in {f.name: f for f in examine(cast.hub)}["folder"].saw


@pytest.mark.parametrize(("line", "words"), [
    ("origin = 'http://192.168.1.5'", "needs https"),
    ("origin = 'hub.example'", "without a path"),
    ("port = 'x'", "must be a int"),
    ("contact = 'me@hub.example'", "must begin with mailto:"),
    ("contact = 'http://hub.example'", "must begin with mailto:"),
    ('contact = "mailto:me@hub.example\\nPolicy: https://evil.example"', "no spaces"),
    ("prot = 1", "no setting of a hub"),
    ("= 1", "cannot be read"),
])
def test_a_wrong_setting_is_named(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "hub.toml").write_text(line)
    with pytest.raises(Malformed, match=words):
        read_settings(tmp_path)


def test_a_key_that_cannot_be_written_leaves_the_hub_empty(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mortice.hub.backup.write_whole", full)
    hub = make_hub(Settings(tmp_path / "other"))
    with pytest.raises(OSError, match="No space"):
        restore(hub.database, tmp_path / "other", file)
    assert not any(rows(hub).values())
    hub.database.close()

"""A database, new or made by an older hub, has the tables that this hub works with."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgresql import new_database

from mortice.hub.database import Database
from mortice.hub.schema import MIGRATIONS, upgrade
from mortice.hub.tables import Base


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


def test_the_migrations_make_every_table(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'hub.sqlite'}")
    upgrade(database)
    upgrade(database)  # a second start finds nothing to do
    assert differences(database) == []
    database.close()


def test_no_migration_asks_the_tables_of_today() -> None:
    """A migration says what it made then; what the tables become later is for later ones."""
    for script in ScriptDirectory(MIGRATIONS).walk_revisions():
        assert "mortice.hub.tables" not in Path(script.path).read_text("utf-8")


@pytest.mark.needs_postgresql
def test_the_migrations_make_every_table_on_postgresql(postgresql: str) -> None:
    database = Database(new_database(postgresql))
    upgrade(database)
    assert differences(database) == []
    database.close()

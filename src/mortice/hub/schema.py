"""Brings a database to the tables of this version (Alembic)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from mortice.hub.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database, to: str = "head") -> None:
    """Run the migrations that this database has not seen."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)

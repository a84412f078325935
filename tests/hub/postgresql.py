"""Databases for tests: SQLite in a folder, and each a new one on a PostgreSQL server of our own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from bench.postgresql import server

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgresql)]
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server without a database's name. Only for tests marked needs_postgresql."""
    with server() as url:
        yield url


def new_database(url: str) -> str:
    """The URL of a database that nothing is in yet."""
    name = f"hub{next(NUMBERS)}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url}/{name}"


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Once for each kind of database that a hub can stand on; empty means SQLite in its folder."""
    if request.param == "sqlite":
        return ""
    return new_database(request.getfixturevalue("postgresql"))

"""Entries into the database in bulk: rows as tuples, without an object for each.

SQLite takes one prepared statement many times over, PostgreSQL a binary COPY. Either is a multiple
of what inserting rows one by one costs, and the hub takes entries of many locks at once.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session

from mortice.hub.ingest import Row
from mortice.hub.tables import LogEntry

COLUMNS = Row._fields
TYPES = ("int8", "int8", "int8", "int8", "int8", "int8", "bytea", "bytea")

INSERT = f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names from above
COPY = f"COPY entries ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"


def put_entries(db: Session, rows: list[Row]) -> None:
    """Add `rows`. Raises IntegrityError if one is there already."""
    if not rows:
        return
    connection = db.connection()
    match connection.dialect.name:
        case "sqlite":
            connection.exec_driver_sql(INSERT, rows)
        case "postgresql":
            _copy(connection, rows)
        case _:
            connection.execute(
                insert(LogEntry), [dict(zip(COLUMNS, row, strict=True)) for row in rows])


def _copy(connection: Connection, rows: list[Row]) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None, "a connection that is in a transaction is open"
    with driver.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(TYPES)
        for row in rows:
            copy.write_row(row)

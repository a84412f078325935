"""The first tables."""

from __future__ import annotations

from alembic import op

from mortice.hub.tables import Base

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    Base.metadata.create_all(op.get_bind())

"""The first tables of a hub."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:  # noqa: PLR0915 - one statement for each table
    """Make every table."""
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=True),
        sa.Column("totp", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", NUMBER, nullable=False),
        sa.Column("closed_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        sa.UniqueConstraint("ref"),
    )
    op.create_table(
        "answered",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", NUMBER, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "buckets",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "entries",
        sa.Column("log_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("kind", NUMBER, nullable=False),
        sa.Column("sort", NUMBER, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log_id", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "entries_by_leaf",
        "entries",
        ["leaf", "at", "log_id", "number"],
        unique=False,
        sqlite_where=sa.text("leaf IS NOT NULL"),
        postgresql_where=sa.text("leaf IS NOT NULL"),
    )
    op.create_index(
        "entries_by_sort", "entries", ["place_id", "sort", "at", "log_id", "number"], unique=False
    )
    op.create_table(
        "places",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("site_id", sa.LargeBinary(), nullable=True),
        sa.Column("root", sa.LargeBinary(), nullable=True),
        sa.Column("root_version", NUMBER, nullable=False),
        sa.Column("doors_map", sa.LargeBinary(), nullable=True),
        sa.Column("doors_version", NUMBER, nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("strict", sa.Boolean(), nullable=False),
        sa.Column("retention", sa.JSON(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
        sa.UniqueConstraint("site_id"),
    )
    op.create_table(
        "spent",
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("hashed"),
    )
    op.create_table(
        "staples",
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=True),
        sa.Column("at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("leaf"),
    )
    op.create_table(
        "acts",
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("place_id", NUMBER, nullable=True),
        sa.Column("account_id", NUMBER, nullable=True),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("acts_of_place", "acts", ["place_id", "at"], unique=False)
    op.create_table(
        "doors",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("door_id", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("lock_id", sa.LargeBinary(), nullable=False),
        sa.Column("lock_link", sa.LargeBinary(), nullable=False),
        sa.Column("lock_signing", sa.LargeBinary(), nullable=False),
        sa.Column("lock_sealing", sa.LargeBinary(), nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("heard_at", NUMBER, nullable=True),
        sa.Column("status", sa.JSON(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("door_id"),
        sa.UniqueConstraint("lock_id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_doors_place_id"), "doors", ["place_id"], unique=False)
    op.create_table(
        "holds",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ends_at", NUMBER, nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_holds_place_id"), "holds", ["place_id"], unique=False)
    op.create_table(
        "hub_grants",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", NUMBER, nullable=True),
        sa.Column("ended_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("leaf"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_hub_grants_place_id"), "hub_grants", ["place_id"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", NUMBER, nullable=True),
        sa.Column("place_id", NUMBER, nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("ends_at", NUMBER, nullable=False),
        sa.Column("used_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hashed"),
        sa.UniqueConstraint("ref"),
    )
    op.create_table(
        "old_roots",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "passkeys",
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", NUMBER, nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("used_at", NUMBER, nullable=True),
        sa.Column("doubted_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential_id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_table(
        "people",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("erased_at", NUMBER, nullable=True),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_people_place_id"), "people", ["place_id"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", NUMBER, nullable=True),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hashed"),
    )
    op.create_table(
        "sign_ins",
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", NUMBER, nullable=False),
        sa.Column("ends_at", NUMBER, nullable=False),
        sa.Column("proved_at", NUMBER, nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hashed"),
        sa.UniqueConstraint("ref"),
    )
    op.create_table(
        "tokens",
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("ends_at", NUMBER, nullable=False),
        sa.Column("used_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hashed"),
        sa.UniqueConstraint("ref"),
    )
    op.create_table(
        "door_photos",
        sa.Column("door_id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=True),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("sent_sha256", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_door_photos_door_id"), "door_photos", ["door_id"], unique=False)
    op.create_table(
        "door_reports",
        sa.Column("door_id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_door_reports_door_id"), "door_reports", ["door_id"], unique=False)
    op.create_table(
        "door_said",
        sa.Column("door_id", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=True),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_door_said_door_id"), "door_said", ["door_id"], unique=False)
    op.create_table(
        "key_requests",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("person_id", NUMBER, nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("forgotten_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("holder"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_key_requests_place_id"), "key_requests", ["place_id"], unique=False)
    op.create_table(
        "keys",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("person_id", NUMBER, nullable=False),
        sa.Column("parent_id", NUMBER, nullable=True),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("klass", NUMBER, nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("starts_at", NUMBER, nullable=True),
        sa.Column("ends_at", NUMBER, nullable=True),
        sa.Column("by_hub", sa.Boolean(), nullable=False),
        sa.Column("slot", NUMBER, nullable=True),
        sa.Column("made_by_id", NUMBER, nullable=True),
        sa.Column("taken_back_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["made_by_id"], ["accounts.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["keys.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("leaf"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_keys_ends_at"), "keys", ["ends_at"], unique=False)
    op.create_index(op.f("ix_keys_parent_id"), "keys", ["parent_id"], unique=False)
    op.create_index(op.f("ix_keys_person_id"), "keys", ["person_id"], unique=False)
    op.create_index(op.f("ix_keys_place_id"), "keys", ["place_id"], unique=False)
    op.create_table(
        "logs",
        sa.Column("door_id", NUMBER, nullable=True),
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("lock_id", sa.LargeBinary(), nullable=False),
        sa.Column("lock_signing", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("ended_at", NUMBER, nullable=True),
        sa.Column("incarnation", NUMBER, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=True),
        sa.Column("head_size", NUMBER, nullable=False),
        sa.Column("head_at", NUMBER, nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.Column("fault_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_logs_door_id"), "logs", ["door_id"], unique=False)
    op.create_index(op.f("ix_logs_lock_id"), "logs", ["lock_id"], unique=False)
    op.create_index(op.f("ix_logs_place_id"), "logs", ["place_id"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("person_id", NUMBER, nullable=True),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "place_id"),
    )
    op.create_table(
        "postures",
        sa.Column("door_id", NUMBER, nullable=False),
        sa.Column("day", NUMBER, autoincrement=False, nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("door_id", "day"),
    )
    op.create_table(
        "readings",
        sa.Column("door_id", NUMBER, nullable=False),
        sa.Column("day", NUMBER, autoincrement=False, nullable=False),
        sa.Column("millivolts", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("door_id", "day"),
    )
    op.create_table(
        "documents",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("item", sa.LargeBinary(), nullable=False),
        sa.Column("about_key_id", NUMBER, nullable=True),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["about_key_id"],
            ["keys.id"],
        ),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("place_id", "name"),
    )
    op.create_index(op.f("ix_documents_about_key_id"), "documents", ["about_key_id"], unique=False)
    op.create_table(
        "door_checks",
        sa.Column("door_id", NUMBER, nullable=False),
        sa.Column("log_id", NUMBER, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("door_id", "document"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_door_checks_door_id"), "door_checks", ["door_id"], unique=False)
    op.create_table(
        "door_keys",
        sa.Column("key_id", NUMBER, nullable=False),
        sa.Column("door_id", NUMBER, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("reason", NUMBER, nullable=True),
        sa.Column("used_at", NUMBER, nullable=True),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_id", "door_id"),
    )
    op.create_index(op.f("ix_door_keys_door_id"), "door_keys", ["door_id"], unique=False)
    op.create_table(
        "guests",
        sa.Column("place_id", NUMBER, nullable=False),
        sa.Column("person_id", NUMBER, nullable=False),
        sa.Column("claim_id", NUMBER, nullable=True),
        sa.Column("key_id", NUMBER, nullable=True),
        sa.Column("check", sa.String(), nullable=True),
        sa.Column("tries_left", NUMBER, nullable=False),
        sa.Column("claimed_at", NUMBER, nullable=True),
        sa.Column("welcome", sa.String(), nullable=False),
        sa.Column("help", sa.String(), nullable=False),
        sa.Column("pin", sa.LargeBinary(), nullable=True),
        sa.Column("pin_key_id", NUMBER, nullable=True),
        sa.Column("closed_at", NUMBER, nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("made_at", NUMBER, nullable=False),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"],
            ["keys.id"],
        ),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["keys.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pin_key_id"],
            ["keys.id"],
        ),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index(op.f("ix_guests_place_id"), "guests", ["place_id"], unique=False)
    op.create_table(
        "heads",
        sa.Column("log_id", NUMBER, nullable=False),
        sa.Column("size", NUMBER, autoincrement=False, nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("log_id", "size"),
    )
    op.create_table(
        "log_faults",
        sa.Column("log_id", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("check", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("number", NUMBER, nullable=True),
        sa.Column("kept_entry", sa.LargeBinary(), nullable=True),
        sa.Column("kept_head", sa.LargeBinary(), nullable=True),
        sa.Column("shown_entry", sa.LargeBinary(), nullable=True),
        sa.Column("shown_head", sa.LargeBinary(), nullable=True),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_log_faults_log_id"), "log_faults", ["log_id"], unique=False)
    op.create_table(
        "tiles",
        sa.Column("log_id", NUMBER, nullable=False),
        sa.Column("level", NUMBER, autoincrement=False, nullable=False),
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("log_id", "level", "number"),
    )
    op.create_table(
        "deliveries",
        sa.Column("document_id", NUMBER, nullable=False),
        sa.Column("door_id", NUMBER, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", NUMBER, nullable=True),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.Column("sent_at", NUMBER, nullable=True),
        sa.Column("answered_at", NUMBER, nullable=True),
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["door_id"], ["doors.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "door_id"),
    )
    op.create_index("deliveries_due", "deliveries", ["door_id", "state"], unique=False)
    op.create_table(
        "taken_back",
        sa.Column("document_id", NUMBER, nullable=False),
        sa.Column("key_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "key_id"),
    )
    op.create_index(op.f("ix_taken_back_key_id"), "taken_back", ["key_id"], unique=False)

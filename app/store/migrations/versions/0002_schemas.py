"""Schemas of one's own: what is stored, but declared no longer, and what the stored rows were derived by."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE resource ADD COLUMN shelf TEXT",
    """
    CREATE TABLE derivation (
        type TEXT NOT NULL PRIMARY KEY,
        fingerprint TEXT NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

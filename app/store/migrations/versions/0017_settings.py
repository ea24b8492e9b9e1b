"""The settings that the console has set."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE setting (
            name TEXT NOT NULL PRIMARY KEY,
            value TEXT NOT NULL,
            changed TEXT NOT NULL,
            changed_by TEXT NOT NULL
        ) WITHOUT ROWID, STRICT
        """
    )

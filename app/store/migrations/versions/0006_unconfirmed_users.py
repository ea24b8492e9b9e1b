"""Users that may be another person than before, until an owner of the console confirms them."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """
    CREATE TABLE unconfirmed_user (
        user_id TEXT NOT NULL PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
        external_id TEXT NOT NULL,
        since TEXT NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

"""Alerts, the messages about them, and where they are sent."""

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS = (
    """
    CREATE TABLE alert_target (
        channel TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        options TEXT NOT NULL,
        secret TEXT NOT NULL,
        saved TEXT NOT NULL,
        saved_by TEXT NOT NULL,
        attempted TEXT NOT NULL DEFAULT '',
        answer TEXT NOT NULL DEFAULT '',
        delivered TEXT NOT NULL DEFAULT '',
        stopped TEXT
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE alert (
        kind TEXT NOT NULL PRIMARY KEY,
        incident TEXT NOT NULL,
        began TEXT NOT NULL,
        seen TEXT NOT NULL,
        ended TEXT,
        returns INTEGER NOT NULL DEFAULT 0,
        since TEXT NOT NULL DEFAULT '',
        level TEXT NOT NULL DEFAULT '',
        detail TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE alert_delivery (
        id TEXT NOT NULL PRIMARY KEY,
        number INTEGER NOT NULL,
        channel TEXT NOT NULL,
        kind TEXT NOT NULL,
        incident TEXT NOT NULL,
        stage TEXT NOT NULL,
        since TEXT NOT NULL,
        level TEXT NOT NULL,
        detail TEXT NOT NULL,
        created TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due TEXT NOT NULL,
        delivered TEXT,
        dropped TEXT,
        answer TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE INDEX alert_delivery_number ON alert_delivery (number)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

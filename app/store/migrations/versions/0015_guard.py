"""What clients removed, counted since this step: people who were disabled or deleted, and members who left groups."""

from alembic import op

revision = "0015"
down_revision = "0014"

GUARD = (
    "INSERT INTO job (name, done) SELECT 'guard', coalesce(max(id), 0) FROM event",
    "ALTER TABLE installation ADD COLUMN first_change TEXT NOT NULL DEFAULT ''",
    # Near the beginning: only the events of administrators and simulations are passed over.
    """
    UPDATE installation SET first_change = coalesce(
        (SELECT at FROM event WHERE request <> '' AND is_simulated = 0 ORDER BY id LIMIT 1), ''
    )
    """,
    """
    CREATE TABLE guard_alarm (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        raised TEXT NOT NULL,
        last TEXT NOT NULL,
        cycle_started TEXT NOT NULL,
        people_limit INTEGER,
        answered TEXT,
        answer TEXT,
        answered_by TEXT
    ) STRICT
    """,
    "CREATE INDEX guard_alarm_open ON guard_alarm (id) WHERE answered IS NULL",
    """
    CREATE TABLE guard_person (
        alarm_id INTEGER NOT NULL,
        resource_id TEXT NOT NULL,
        event_id INTEGER NOT NULL,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        PRIMARY KEY (alarm_id, resource_id)
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE INDEX guard_person_suspicious ON guard_person (at) WHERE kind = 'delete-active'",
    """
    CREATE TABLE guard_group (
        alarm_id INTEGER NOT NULL,
        group_id TEXT NOT NULL,
        lost INTEGER NOT NULL,
        size INTEGER NOT NULL,
        has_role INTEGER NOT NULL,
        PRIMARY KEY (alarm_id, group_id)
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE guard_departure (
        alarm_id INTEGER NOT NULL,
        group_id TEXT NOT NULL,
        event_id INTEGER NOT NULL,
        at TEXT NOT NULL,
        departed INTEGER NOT NULL,
        PRIMARY KEY (alarm_id, group_id, event_id)
    ) WITHOUT ROWID, STRICT
    """,
)


def upgrade() -> None:
    for statement in GUARD:
        op.get_bind().exec_driver_sql(statement)

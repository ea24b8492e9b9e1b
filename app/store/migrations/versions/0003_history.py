"""Who changed what, and when; counts that are kept; attributes that are required here."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "ALTER TABLE resource ADD COLUMN members INTEGER NOT NULL DEFAULT 0",
    """
    UPDATE resource SET members = (SELECT count(*) FROM membership WHERE membership.group_id = resource.id)
    WHERE id IN (SELECT group_id FROM membership)
    """,
    "ALTER TABLE population ADD COLUMN active INTEGER NOT NULL DEFAULT 0",
    """
    UPDATE population SET active = (
        SELECT count(*) FROM resource
        WHERE resource.type = population.type AND json_extract(resource.document, '$.active') IS NOT 0
    )
    """,
    """
    CREATE TABLE coverage (
        type TEXT NOT NULL,
        attribute TEXT NOT NULL,
        filled INTEGER NOT NULL,
        PRIMARY KEY (type, attribute)
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE strict_attribute (
        type TEXT NOT NULL,
        attribute TEXT NOT NULL,
        since TEXT NOT NULL,
        set_by TEXT NOT NULL,
        PRIMARY KEY (type, attribute)
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE event (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        request TEXT NOT NULL,
        actor TEXT NOT NULL,
        verb TEXT NOT NULL,
        resource_type TEXT NOT NULL,
        resource_id TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        joined INTEGER NOT NULL,
        departed INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX event_resource_id ON event (resource_id, id)",
    "CREATE INDEX event_request ON event (request)",
    "CREATE INDEX event_at ON event (at)",
    """
    CREATE TABLE change (
        event_id INTEGER NOT NULL REFERENCES event (id) ON DELETE CASCADE,
        attribute TEXT NOT NULL,
        old TEXT,
        new TEXT,
        PRIMARY KEY (event_id, attribute)
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE membership_event (
        event_id INTEGER NOT NULL REFERENCES event (id) ON DELETE CASCADE,
        group_id TEXT NOT NULL,
        member_id TEXT NOT NULL,
        has_joined INTEGER NOT NULL,
        PRIMARY KEY (event_id, group_id, member_id)
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE INDEX membership_event_group_id ON membership_event (group_id, event_id)",
    "CREATE INDEX membership_event_member_id ON membership_event (member_id, event_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

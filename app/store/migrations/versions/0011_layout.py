"""Each value once: changes in the event's row, `active` and `filled` in the resource's, no normalized copy of it.

Rows are copied, and counted before the former table goes. The start after this step derives all rows again, which fills
`filled` and proves the others.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

STATEMENTS = (
    """
    CREATE TABLE new_event (
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
        departed INTEGER NOT NULL,
        is_simulated INTEGER NOT NULL DEFAULT 0,
        changes TEXT
    ) STRICT
    """,
    """
    INSERT INTO new_event
    SELECT id, at, request, actor, verb, resource_type, resource_id, name, version, joined, departed, is_simulated, (
        SELECT nullif(json_group_object(attribute, json_array(json(old), json(new))), '{}')
        FROM (SELECT attribute, old, new FROM change WHERE event_id = event.id ORDER BY attribute)
    ) FROM event ORDER BY id
    """,
    """
    CREATE TABLE new_resource (
        position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        document TEXT NOT NULL,
        version INTEGER NOT NULL,
        created TEXT NOT NULL,
        last_modified TEXT NOT NULL,
        shelf TEXT,
        members INTEGER NOT NULL DEFAULT 0,
        active INTEGER NOT NULL,
        filled INTEGER NOT NULL
    ) STRICT
    """,
    """
    INSERT INTO new_resource
    SELECT position, id, type, document, version, created, last_modified, shelf, members,
        CASE WHEN json_valid(document) THEN json_extract(document, '$.active') IS NOT 0 ELSE 1 END, 0
    FROM resource ORDER BY position
    """,
    """
    CREATE TABLE new_lookup (
        type TEXT NOT NULL,
        attribute TEXT NOT NULL,
        value TEXT NOT NULL,
        resource_id TEXT NOT NULL,
        PRIMARY KEY (type, attribute, value, resource_id)
    ) WITHOUT ROWID, STRICT
    """,
    """
    INSERT INTO new_lookup SELECT type, attribute, value, resource_id FROM lookup
    ORDER BY type, attribute, value, resource_id
    """,
    """
    CREATE TABLE new_membership_event (
        group_id TEXT NOT NULL,
        event_id INTEGER NOT NULL,
        member_id TEXT NOT NULL,
        has_joined INTEGER NOT NULL,
        PRIMARY KEY (group_id, event_id, member_id)
    ) WITHOUT ROWID, STRICT
    """,
    """
    INSERT INTO new_membership_event SELECT group_id, event_id, member_id, has_joined FROM membership_event
    ORDER BY group_id, event_id, member_id
    """,
)

# As in 0001 and 0004, for the tables that are new here.
STATISTICS = """
    INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
        ('resource', 'resource_type_position', '1000000 500000 1 1'),
        ('resource', 'sqlite_autoindex_resource_1', '1000000 1'),
        ('resource', 'resource_type_last_modified', '1000000 500000 2'),
        ('resource', 'resource_disabled', '50000 50000 1 1'),
        ('lookup', 'lookup', '4000000 2000000 1000000 1 1')
"""


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    _replace("event")
    _require_equal("SELECT count(*) FROM change", "SELECT count(*) FROM event, json_each(changes)")
    op.execute("DROP TABLE change")
    op.execute("CREATE INDEX event_resource_id ON event (resource_id, id)")
    op.execute("CREATE INDEX event_request ON event (request)")
    op.execute("CREATE INDEX event_deletion ON event (resource_type, name) WHERE verb = 'delete'")
    _replace("resource")
    op.execute("CREATE INDEX resource_type_position ON resource (type, position, filled)")
    op.execute("CREATE INDEX resource_type_last_modified ON resource (type, last_modified)")
    op.execute("CREATE INDEX resource_disabled ON resource (type, position, id) WHERE active = 0")
    op.execute("DROP TABLE coverage")
    _replace("lookup")
    _replace("membership_event")
    op.execute("CREATE INDEX membership_event_member_id ON membership_event (member_id, event_id)")
    op.execute(STATISTICS)
    op.execute("UPDATE derivation SET fingerprint = ''")


def _replace(table: str) -> None:
    """Give the new table the name of the old one, and the highest number that the old one ever gave."""
    _require_equal(f"SELECT count(*) FROM {table}", f"SELECT count(*) FROM new_{table}")
    op.execute(f"DELETE FROM sqlite_sequence WHERE name = 'new_{table}'")
    op.execute(
        f"INSERT INTO sqlite_sequence (name, seq) SELECT 'new_{table}', seq FROM sqlite_sequence WHERE name = '{table}'"
    )
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE new_{table} RENAME TO {table}")


def _require_equal(old: str, new: str) -> None:
    before, after = ([tuple(row) for row in op.get_bind().exec_driver_sql(query)] for query in (old, new))
    if before != after:
        raise ValueError(f"the copy is not complete: {before} before, {after} after: {new}")

"""Changes in the row of their event. The rows of the former table are copied, and counted before it goes."""

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
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    _replace("event", "id")
    _require_equal("SELECT count(*) FROM change", "SELECT count(*) FROM event, json_each(changes)")
    op.execute("DROP TABLE change")
    op.execute("CREATE INDEX event_resource_id ON event (resource_id, id)")
    op.execute("CREATE INDEX event_request ON event (request)")
    op.execute("CREATE INDEX event_at ON event (at)")
    op.execute("CREATE INDEX event_deletion ON event (resource_type, name) WHERE verb = 'delete'")


def _replace(table: str, key: str) -> None:
    """Give the new table the name of the old one, and the highest key that the old one ever had."""
    _require_equal(f"SELECT count(*), max({key}) FROM {table}", f"SELECT count(*), max({key}) FROM new_{table}")
    highest = f"SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{table}'"
    op.execute(f"DELETE FROM sqlite_sequence WHERE name = 'new_{table}'")
    op.execute(f"INSERT INTO sqlite_sequence (name, seq) SELECT 'new_{table}', ({highest})")
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE new_{table} RENAME TO {table}")


def _require_equal(old: str, new: str) -> None:
    before, after = ([tuple(row) for row in op.get_bind().exec_driver_sql(query)] for query in (old, new))
    if before != after:
        raise ValueError(f"the copy is not complete: {before} before, {after} after: {new}")

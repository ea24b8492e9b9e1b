"""A lookup has the position of its resource, a deletion what it deleted, a job how it ended; a row on the installation.

Lookups are copied, and counted before the former table goes. A lookup of a resource that does not exist is left out.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

# In the order of the key already, but for equal values: a sort would take memory for all of them.
LOOKUP = (
    """
    CREATE TABLE new_lookup (
        type TEXT NOT NULL,
        attribute TEXT NOT NULL,
        value TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (type, attribute, value, position)
    ) WITHOUT ROWID, STRICT
    """,
    """
    INSERT INTO new_lookup SELECT lookup.type, attribute, value, resource.position
    FROM lookup CROSS JOIN resource ON resource.id = lookup.resource_id
    """,
)
COPIED = (
    "SELECT count(*) FROM lookup WHERE resource_id IN (SELECT id FROM resource)",
    "SELECT count(*) FROM new_lookup",
)
REPLACE_LOOKUP = (
    "DROP TABLE lookup",
    "ALTER TABLE new_lookup RENAME TO lookup",
    # As in 0011, for the table that is new here.
    "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('lookup', 'lookup', '4000000 2000000 1000000 1 1')",
)
REST = (
    "ALTER TABLE event ADD COLUMN deleted TEXT",
    "ALTER TABLE job ADD COLUMN ran TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE job ADD COLUMN failure TEXT",
    "INSERT INTO job (name, done) VALUES ('checkpoint', 0), ('pruning', 0)",
    """
    CREATE TABLE installation (
        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        instance TEXT NOT NULL,
        feed_epoch TEXT NOT NULL,
        secret TEXT NOT NULL DEFAULT '',
        schemas TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    """
    INSERT INTO installation (id, instance, feed_epoch)
    VALUES (1, lower(hex(randomblob(16))), lower(hex(randomblob(8))))
    """,
)


def upgrade() -> None:
    _run(*LOOKUP)
    before, after = (op.get_bind().exec_driver_sql(query).scalar() for query in COPIED)
    if before != after:
        raise ValueError(f"the copy is not complete: {before} lookups before, {after} after")
    _run(*REPLACE_LOOKUP, *REST)


def _run(*statements: str) -> None:
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)

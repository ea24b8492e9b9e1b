"""Each value once: changes in the event's row, `active` and `filled` in the resource's, no normalized copy of it.

Rows are copied, and counted before the former table goes. Columns that are derived here agree with the counts so far.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

WORK = '[type eq "work"]'
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
ADDRESS = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
MAPPED = {
    "User": (
        *("userName", "active", "displayName", "title", f"emails{WORK}.value", "preferredLanguage"),
        *("name.givenName", "name.familyName", "name.formatted"),
        *(f"addresses{WORK}.{part}" for part in ADDRESS),
        *("externalId", "roles", DEPARTMENT),
    ),
    "Group": ("displayName", "externalId", "members"),
}
"""The mapped paths of this version in the order of the bits of `filled`."""


def is_filled(path: str) -> str:
    """Return the SQL condition for a resource with a value at a path."""
    if path == "members":
        return "members > 0"
    name, _, part = path.partition(WORK + ".")
    if part:
        return f"""EXISTS (SELECT 1 FROM json_each(document, '$.{name}')
            WHERE value ->> 'type' = 'work' AND value -> '{part}' IS NOT NULL)"""
    names = path.rsplit(":", 1) if ":" in path else path.split(".")
    way = ".".join(f'"{one}"' for one in names)
    return f"json_type(document, '$.{way}') IS NOT NULL"


def mask(type_name: str) -> str:
    """Return the SQL expression for `filled`."""
    return " + ".join(f"({is_filled(path)}) * {1 << place}" for place, path in enumerate(MAPPED[type_name]))


TABLES = {
    "lookup": (
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
    ),
    "membership_event": (
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
    ),
    "event": (
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
            changes TEXT,
            position INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        """
        INSERT INTO new_event
        SELECT id, at, request, actor, verb, resource_type, resource_id, name, version, joined, departed,
            is_simulated, (
                SELECT nullif(json_group_object(attribute, json_array(json(old), json(new))), '{}')
                FROM (SELECT attribute, old, new FROM change WHERE event_id = event.id ORDER BY attribute)
            ), 0
        FROM event ORDER BY id
        """,
    ),
    "resource": (
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
        f"""
        INSERT INTO new_resource
        SELECT position, id, type, document, version, created, last_modified, shelf, members,
            CASE WHEN json_valid(document) THEN document ->> 'active' IS NOT 0 ELSE 1 END,
            CASE WHEN NOT json_valid(document) THEN 0
                WHEN type = 'User' THEN {mask("User")} WHEN type = 'Group' THEN {mask("Group")} ELSE 0 END
        FROM resource ORDER BY position
        """,
    ),
}
"""The tables in another form and what fills them. Those that leave most room behind come first: others use it again."""

JOB = """
    CREATE TABLE job (
        name TEXT NOT NULL PRIMARY KEY,
        done INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT
"""
WORDS = "INSERT INTO job SELECT 'words', coalesce(max(id), 0) FROM event"
"""All words are written so far."""

INDEXES = (
    "CREATE INDEX membership_event_member_id ON membership_event (member_id, event_id)",
    "CREATE INDEX event_resource_id ON event (resource_id, id)",
    "CREATE INDEX event_request ON event (request)",
    "CREATE INDEX event_deletion ON event (resource_type, name) WHERE verb = 'delete'",
    "CREATE INDEX resource_type_position ON resource (type, position, filled)",
    "CREATE INDEX resource_type_last_modified ON resource (type, last_modified)",
    "CREATE INDEX resource_disabled ON resource (type, position, id) WHERE active = 0",
)

COUNTED = " UNION ALL ".join(
    f"SELECT '{name}' AS type, '{path}' AS attribute, coalesce(sum(filled >> {place} & 1), 0) AS number "
    f"FROM resource WHERE type = '{name}'"
    for name, paths in MAPPED.items()
    for place, path in enumerate(paths)
)
DERIVE_AGAIN = f"""
    UPDATE derivation SET fingerprint = '' WHERE type IN (
        SELECT type FROM ({COUNTED}) AS counted LEFT JOIN coverage USING (type, attribute)
        WHERE number <> coalesce(coverage.filled, 0)
        UNION SELECT type FROM population
        WHERE active <> (SELECT coalesce(sum(active), 0) FROM resource WHERE resource.type = population.type)
    )
"""
"""Of a type whose columns give other counts, the next start derives all rows."""

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
    for table, statements in TABLES.items():
        _run(*statements)
        _replace(table)
    _require_equal("SELECT count(*) FROM change", "SELECT count(*) FROM event, json_each(changes)")
    _run(JOB, WORDS, *INDEXES, STATISTICS, DERIVE_AGAIN, "DROP TABLE change", "DROP TABLE coverage")


def _replace(table: str) -> None:
    """Give the new table the name of the old one, and the highest number that the old one ever gave."""
    _require_equal(f"SELECT count(*) FROM {table}", f"SELECT count(*) FROM new_{table}")
    highest = f"SELECT 'new_{table}', seq FROM sqlite_sequence WHERE name = '{table}'"
    _run(
        f"DELETE FROM sqlite_sequence WHERE name = 'new_{table}'",
        f"INSERT INTO sqlite_sequence (name, seq) {highest}",
        f"DROP TABLE {table}",
        f"ALTER TABLE new_{table} RENAME TO {table}",
    )


def _run(*statements: str) -> None:
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)


def _require_equal(old: str, new: str) -> None:
    before, after = ([tuple(row) for row in op.get_bind().exec_driver_sql(query)] for query in (old, new))
    if before != after:
        raise ValueError(f"the copy is not complete: {before} before, {after} after: {new}")

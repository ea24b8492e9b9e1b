"""The first tables. Never changed after a release: a later step says what is different."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE resource (
        position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        document TEXT NOT NULL,
        search TEXT NOT NULL,
        version INTEGER NOT NULL,
        created TEXT NOT NULL,
        last_modified TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX resource_type_position ON resource (type, position)",
    """
    CREATE TABLE lookup (
        type TEXT NOT NULL,
        attribute TEXT NOT NULL,
        value TEXT NOT NULL,
        resource_id TEXT NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
        is_unique INTEGER NOT NULL,
        PRIMARY KEY (type, attribute, value, resource_id)
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE UNIQUE INDEX lookup_unique ON lookup (type, attribute, value) WHERE is_unique = 1",
    "CREATE INDEX lookup_resource_id ON lookup (resource_id)",
    """
    CREATE TABLE membership (
        group_id TEXT NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
        member_id TEXT NOT NULL,
        is_absolute INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (group_id, member_id)
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE INDEX membership_member_id ON membership (member_id)",
    """
    CREATE TABLE population (
        type TEXT NOT NULL PRIMARY KEY,
        total INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE operator (
        id TEXT NOT NULL PRIMARY KEY,
        user_name TEXT NOT NULL,
        folded_name TEXT NOT NULL UNIQUE,
        password_hash TEXT NOT NULL,
        created TEXT NOT NULL,
        disabled INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE operator_session (
        token_hash TEXT NOT NULL PRIMARY KEY,
        operator_id TEXT NOT NULL REFERENCES operator (id) ON DELETE CASCADE,
        created TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        address TEXT NOT NULL,
        user_agent TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX operator_session_operator_id ON operator_session (operator_id)",
    """
    CREATE TABLE scim_key (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        prefix TEXT NOT NULL,
        hash TEXT NOT NULL UNIQUE,
        created TEXT NOT NULL,
        created_by TEXT NOT NULL,
        last_used TEXT,
        last_address TEXT,
        stopped TEXT
    ) STRICT
    """,
    """
    CREATE TABLE setup_code (
        hash TEXT NOT NULL PRIMARY KEY,
        created TEXT NOT NULL,
        expires TEXT NOT NULL,
        consumed TEXT
    ) STRICT
    """,
    """
    CREATE TABLE sign_in_failure (
        id INTEGER NOT NULL PRIMARY KEY,
        account TEXT NOT NULL,
        address TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX sign_in_failure_account ON sign_in_failure (account, at)",
    "CREATE INDEX sign_in_failure_address ON sign_in_failure (address, at)",
    # Without numbers SQLite takes a resource type for as selective as an id, and walks all users to find one by name.
    "ANALYZE",
    """
    INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
        ('resource', 'resource_type_position', '1000000 500000 1'),
        ('resource', 'sqlite_autoindex_resource_1', '1000000 1'),
        ('lookup', 'lookup', '4000000 2000000 1000000 1 1'),
        ('lookup', 'lookup_resource_id', '4000000 4'),
        ('membership', 'membership', '4000000 400 1'),
        ('membership', 'membership_member_id', '4000000 4')
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

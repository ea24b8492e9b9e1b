"""Add roles, sessions, second factors, single sign-on, key rotation, OAuth clients, the IP allow list and the audit."""

import hashlib
import json

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    "ALTER TABLE operator ADD COLUMN role TEXT NOT NULL DEFAULT 'owner'",
    """
    CREATE TABLE second_factor (
        operator_id TEXT NOT NULL PRIMARY KEY REFERENCES operator (id) ON DELETE CASCADE,
        secret TEXT NOT NULL,
        created TEXT NOT NULL,
        confirmed TEXT,
        last_step INTEGER NOT NULL DEFAULT 0,
        wrong_codes INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE recovery_code (
        operator_id TEXT NOT NULL REFERENCES operator (id) ON DELETE CASCADE,
        hash TEXT NOT NULL,
        used TEXT,
        PRIMARY KEY (operator_id, hash)
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE session (
        token_hash TEXT NOT NULL PRIMARY KEY,
        operator_id TEXT REFERENCES operator (id) ON DELETE CASCADE,
        user_id TEXT REFERENCES resource (id) ON DELETE CASCADE,
        method TEXT NOT NULL,
        created TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        proved TEXT NOT NULL,
        wrong_proofs INTEGER NOT NULL DEFAULT 0,
        address TEXT NOT NULL,
        user_agent TEXT NOT NULL,
        CHECK ((operator_id IS NULL) <> (user_id IS NULL))
    ) STRICT
    """,
    "CREATE INDEX session_operator_id ON session (operator_id)",
    "CREATE INDEX session_user_id ON session (user_id)",
    """
    INSERT INTO session (token_hash, operator_id, method, created, last_seen, proved, address, user_agent)
    SELECT token_hash, operator_id, 'password', created, last_seen, created, address, user_agent FROM operator_session
    """,
    "DROP TABLE operator_session",
    "ALTER TABLE scim_key ADD COLUMN first_used TEXT",
    "ALTER TABLE scim_key ADD COLUMN successor TEXT",
    "ALTER TABLE scim_key ADD COLUMN relieved TEXT",
    "ALTER TABLE scim_key ADD COLUMN stopped_by TEXT NOT NULL DEFAULT ''",
    "UPDATE scim_key SET first_used = last_used",
    """
    CREATE TABLE oauth_client (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        created TEXT NOT NULL,
        created_by TEXT NOT NULL,
        stopped TEXT
    ) STRICT
    """,
    """
    CREATE TABLE oauth_secret (
        id TEXT NOT NULL PRIMARY KEY,
        client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
        prefix TEXT NOT NULL,
        hash TEXT NOT NULL UNIQUE,
        created TEXT NOT NULL,
        created_by TEXT NOT NULL,
        last_used TEXT,
        last_address TEXT,
        stopped TEXT
    ) STRICT
    """,
    "CREATE INDEX oauth_secret_client_id ON oauth_secret (client_id)",
    """
    CREATE TABLE oauth_trust (
        id TEXT NOT NULL PRIMARY KEY,
        client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        audience TEXT NOT NULL,
        created TEXT NOT NULL,
        created_by TEXT NOT NULL,
        last_used TEXT,
        last_address TEXT,
        stopped TEXT
    ) STRICT
    """,
    "CREATE INDEX oauth_trust_client_id ON oauth_trust (client_id)",
    """
    CREATE TABLE access_token (
        hash TEXT NOT NULL PRIMARY KEY,
        client_id TEXT NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
        credential TEXT NOT NULL,
        created TEXT NOT NULL,
        expires TEXT NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE INDEX access_token_expires ON access_token (expires)",
    """
    CREATE TABLE source_policy (
        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        mode TEXT NOT NULL,
        since TEXT NOT NULL,
        set_by TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE allowed_network (
        network TEXT NOT NULL PRIMARY KEY,
        note TEXT NOT NULL,
        created TEXT NOT NULL,
        created_by TEXT NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE seen_source (
        address TEXT NOT NULL PRIMARY KEY,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE identity_provider (
        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        tenant TEXT NOT NULL,
        issuer TEXT NOT NULL,
        client_id TEXT NOT NULL,
        client_secret TEXT NOT NULL,
        generation TEXT NOT NULL,
        saved TEXT NOT NULL,
        saved_by TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE role_mapping (
        source TEXT NOT NULL,
        value TEXT NOT NULL,
        role TEXT NOT NULL,
        PRIMARY KEY (source, value)
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE granted_role (
        user_id TEXT NOT NULL PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
        role TEXT NOT NULL,
        because TEXT NOT NULL,
        since TEXT NOT NULL
    ) WITHOUT ROWID, STRICT
    """,
    """
    CREATE TABLE spent (
        kind TEXT NOT NULL,
        hash TEXT NOT NULL,
        expires TEXT NOT NULL,
        PRIMARY KEY (kind, hash)
    ) WITHOUT ROWID, STRICT
    """,
    "CREATE INDEX spent_expires ON spent (expires)",
    """
    CREATE TABLE audit (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        actor TEXT NOT NULL,
        address TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        detail TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX audit_at ON audit (at)",
    "CREATE INDEX audit_action_at ON audit (action, at)",
    """
    CREATE TABLE audit_head (
        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        entries INTEGER NOT NULL,
        hash TEXT NOT NULL,
        began TEXT NOT NULL
    ) STRICT
    """,
    "INSERT INTO audit_head VALUES (1, 0, '', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
    *(
        f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        for name, when in (
            ("audit_stays", "UPDATE ON audit"),
            ("audit_is_kept", "DELETE ON audit"),
            ("audit_grows", "INSERT ON audit WHEN NEW.id <= (SELECT max(id) FROM audit)"),
            ("audit_head_grows", "UPDATE ON audit_head WHEN NEW.entries <= OLD.entries OR NEW.began <> OLD.began"),
            ("audit_head_is_kept", "DELETE ON audit_head"),
            ("audit_head_is_one", "INSERT ON audit_head"),
        )
    ),
)


OLDER = """
    SELECT count(*), max(began, coalesce(max(made.created), '')) FROM audit_head, (
        SELECT created FROM operator UNION ALL SELECT created FROM scim_key UNION ALL
        SELECT created FROM session UNION ALL SELECT since FROM strict_attribute
    ) AS made
"""
"""How much is older than the audit, and the moment at which the audit begins: not before any of it by another clock."""


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    # Only here, where the audit is new: a later step cannot know whether an empty audit was emptied.
    connection = op.get_bind()
    older, began = connection.exec_driver_sql(OLDER).one()
    if older:
        values = [1, began, "itself", "", "audit-began", "", "{}"]
        entry_hash = hashlib.sha256(json.dumps(["", *values]).encode()).hexdigest()
        connection.exec_driver_sql("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, entry_hash))
        connection.exec_driver_sql("UPDATE audit_head SET entries = 1, hash = ?", (entry_hash,))

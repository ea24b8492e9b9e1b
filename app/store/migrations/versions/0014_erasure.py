"""The audit's hash covers a commitment to the text of an entry, so that the text can be erased; a list of erasures.

Entries from before keep their form. One entry closes their part, and has the hash of the last one in its text.
"""

import hashlib
import json
import secrets

from alembic import op

revision = "0014"
down_revision = "0013"

STATEMENTS = (
    "ALTER TABLE audit ADD COLUMN commitment TEXT",
    "ALTER TABLE audit ADD COLUMN salt TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE audit ADD COLUMN erased INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE audit_summary (
        last INTEGER NOT NULL PRIMARY KEY,
        at TEXT NOT NULL,
        reason TEXT NOT NULL,
        until TEXT NOT NULL,
        hash TEXT NOT NULL,
        digests BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE erasure (
        number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        id_hash TEXT NOT NULL,
        external_id_hash TEXT NOT NULL DEFAULT '',
        done TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    "DROP TRIGGER audit_stays",
    "DROP TRIGGER audit_is_kept",
    *(
        f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        for name, when in (
            (
                "audit_stays",
                "UPDATE ON audit WHEN (NEW.id = OLD.id AND NEW.at = OLD.at AND NEW.action = OLD.action"
                " AND NEW.hash = OLD.hash AND NEW.commitment = OLD.commitment"
                " AND NEW.salt = '' AND NEW.erased > max(OLD.id, OLD.erased)"
                " AND (NEW.actor = OLD.actor OR NEW.actor GLOB 'person erased person [0-9]*')"
                " AND (NEW.target IN (OLD.target, '') OR NEW.target GLOB 'erased person [0-9]*')"
                " AND NEW.address IN (OLD.address, '') AND json_valid(NEW.detail)) IS NOT TRUE",
            ),
            (
                "audit_is_kept",
                "DELETE ON audit WHEN (OLD.id <= (SELECT max(last) FROM audit_summary)) IS NOT TRUE",
            ),
            (
                "audit_summary_grows",
                "INSERT ON audit_summary WHEN (NEW.last > (SELECT coalesce(max(last), 0) FROM audit_summary)"
                " AND NEW.hash = (SELECT hash FROM audit WHERE id = NEW.last)) IS NOT TRUE",
            ),
            ("audit_summary_stays", "UPDATE ON audit_summary"),
            ("audit_summary_is_kept", "DELETE ON audit_summary"),
        )
    ),
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
    entries, last_hash = connection.exec_driver_sql("SELECT entries, hash FROM audit_head").one()
    if not entries:
        return
    at = connection.exec_driver_sql("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')").scalar()
    salt, action = secrets.token_hex(16), "audit-renewed"
    texts = ["itself", "", "", json.dumps({"entries": str(entries), "hash": last_hash})]
    commitment = hashlib.sha256(json.dumps([salt, *texts]).encode()).hexdigest()
    values = [last_hash, entries + 1, at, action, commitment]
    entry_hash = hashlib.sha256(json.dumps(values).encode()).hexdigest()
    actor, address, target, detail = texts
    connection.exec_driver_sql(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (entries + 1, at, actor, address, action, target, detail, entry_hash, commitment, salt),
    )
    connection.exec_driver_sql("UPDATE audit_head SET entries = ?, hash = ?", (entries + 1, entry_hash))

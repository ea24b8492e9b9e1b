"""What is known of the time before: the audit says itself where it begins.

Until now only a field beside the audit said so, which could be set alone.
"""

import hashlib
import json

from alembic import op

revision = "0010"
down_revision = "0009"

BEGINNING = """
    SELECT began FROM audit_head WHERE entries = 0 AND NOT EXISTS (SELECT 1 FROM audit) AND (
        EXISTS (SELECT 1 FROM operator) OR EXISTS (SELECT 1 FROM scim_key) OR EXISTS (SELECT 1 FROM session)
    )
"""
"""When the audit began, if it is empty although something was made: all of that is older than the audit."""


def upgrade() -> None:
    connection = op.get_bind()
    if began := connection.exec_driver_sql(BEGINNING).scalar():
        values = [1, began, "itself", "", "audit-began", "", "{}"]
        entry_hash = hashlib.sha256(json.dumps(["", *values]).encode()).hexdigest()
        connection.exec_driver_sql("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, entry_hash))
        connection.exec_driver_sql("UPDATE audit_head SET entries = 1, hash = ?", (entry_hash,))

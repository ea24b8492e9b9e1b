"""What is known of the time before: the audit says itself where it begins, and which own schemas were declared.

Until now only a field beside the audit said where it begins, which could be set alone.
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


DECLARED = (
    """
    CREATE TABLE declared_attribute (
        type TEXT NOT NULL,
        urn TEXT NOT NULL,
        attribute TEXT NOT NULL,
        missing_since TEXT,
        resources INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (type, urn, attribute)
    ) WITHOUT ROWID, STRICT
    """,
    """
    INSERT INTO declared_attribute (type, urn, attribute)
    SELECT resource.type, value, '' FROM resource, json_each(document, '$.schemas')
    UNION
    SELECT resource.type, key, '' FROM resource,
        json_each(CASE WHEN json_valid(shelf) THEN shelf ELSE '{}' END) WHERE shelf IS NOT NULL AND key LIKE 'urn:%'
    """,
    """
    DELETE FROM declared_attribute WHERE urn IN (
        'urn:ietf:params:scim:schemas:core:2.0:User',
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
        'urn:ietf:params:scim:schemas:core:2.0:Group'
    )
    """,
)
"""The schemas of which values are stored. The next start adds their attributes, and misses those not declared then."""


def upgrade() -> None:
    for statement in DECLARED:
        op.execute(statement)
    connection = op.get_bind()
    if began := connection.exec_driver_sql(BEGINNING).scalar():
        values = [1, began, "itself", "", "audit-began", "", "{}"]
        entry_hash = hashlib.sha256(json.dumps(["", *values]).encode()).hexdigest()
        connection.exec_driver_sql("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, entry_hash))
        connection.exec_driver_sql("UPDATE audit_head SET entries = 1, hash = ?", (entry_hash,))

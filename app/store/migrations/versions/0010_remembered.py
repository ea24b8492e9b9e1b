"""Which own schemas were declared."""

from alembic import op

revision = "0010"
down_revision = "0009"

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

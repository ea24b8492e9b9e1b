"""Which members of groups have an id that no resource has, so that they are counted without reading the others."""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    "ALTER TABLE membership ADD COLUMN is_unresolved INTEGER NOT NULL DEFAULT 0",
    """
    UPDATE membership SET is_unresolved = 1 WHERE NOT EXISTS (
        SELECT 1 FROM resource WHERE resource.id = membership.member_id AND resource.type IN ('User', 'Group')
    )
    """,
    "CREATE INDEX membership_unresolved ON membership (group_id, member_id) WHERE is_unresolved = 1",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

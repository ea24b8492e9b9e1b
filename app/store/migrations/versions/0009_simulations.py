"""Add what a simulation did: events of resources that it created, and its last use of a key. Earlier ones have none."""

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = (
    "ALTER TABLE event ADD COLUMN is_simulated INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE scim_key ADD COLUMN last_simulated TEXT",
    "ALTER TABLE scim_key ADD COLUMN last_simulated_address TEXT",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)

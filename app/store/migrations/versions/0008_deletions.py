"""An index of all deletions with the names of what was deleted, for the search."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("CREATE INDEX event_deletion ON event (resource_type, name) WHERE verb = 'delete'")
